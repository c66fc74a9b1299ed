//! A pass over data in parts: by several processes or machines, in any order, with the bits of one pass.

mod header;
mod merge;
mod partial;
mod plan;

pub use header::{Header, Pass};
pub use merge::Merge;
pub use partial::Partial;
pub use plan::Plan;
pub(crate) use plan::cut;
