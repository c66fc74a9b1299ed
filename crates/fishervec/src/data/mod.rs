//! Where descriptors come from: views of arrays in memory, ragged batches of sets, and anything else that can
//! deliver blocks of rows ([`Source`]).

mod concat;
mod cursors;
mod descriptors;
mod groups;
#[cfg(feature = "hdf5")]
mod held;
mod lookalike;
mod memory;
mod moments;
mod owned;
mod positions;
mod scatter;
mod set_list;
mod source;
mod window;

pub use crate::simd::{Element, Real};
pub use crate::util::rng::{rows_by_set, sample_by_group, sample_rows};
pub use concat::Concat;
pub(crate) use cursors::Cursors;
pub use descriptors::{Descriptors, Sets, check_offsets};
pub use groups::Groups;
#[cfg(feature = "hdf5")]
pub(crate) use held::Held;
pub use lookalike::are_like_the_others;
pub use moments::Moments;
pub use owned::OwnedDescriptors;
pub use positions::PositionCheck;
pub use scatter::Scatter;
pub use set_list::SetList;
pub(crate) use source::is_nothing;
pub use source::{RowBuffer, Source};
pub use window::Window;
