//! A pass over data in parts: by several processes or machines, in any order, with the bits of one pass.

mod header;
mod merge;
mod partial;
mod pass;
mod plan;
mod stored;

pub use header::{Header, Pass};
pub use merge::Merge;
pub use partial::Partial;
pub(crate) use pass::pass;
pub use plan::Plan;
pub(crate) use plan::cut;
pub use stored::Stored;
