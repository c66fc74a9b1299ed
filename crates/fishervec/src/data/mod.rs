//! Where descriptors come from: views of arrays in memory, ragged batches of sets, and anything else that can
//! hand over blocks of rows ([`Source`]).

mod concat;
mod descriptors;
mod moments;
mod owned;
mod source;

pub use crate::simd::Element;
pub use concat::Concat;
pub use descriptors::{Descriptors, Sets, check_offsets};
pub(crate) use moments::Moments;
pub use owned::OwnedDescriptors;
pub use source::{RowBuffer, Source};
