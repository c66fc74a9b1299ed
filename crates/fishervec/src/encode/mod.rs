//! Encoders: from a set of descriptors to one vector.

mod bow;
mod codebook;
mod encoder;
mod fisher;
mod layout;
mod normalize;
mod output;
mod pooling;
mod pyramid;
mod vlad;
mod windows;

pub use bow::{BagOfWords, BagOfWordsParams};
pub use codebook::{Assignment, Codebook};
pub use encoder::{CodebookParams, Encoder, EncoderParams};
pub use fisher::*;
pub use layout::{LayoutParams, Location};
pub use normalize::{Norm, Normalization};
pub use output::Encoded;
pub use pooling::Pooling;
pub use pyramid::{Grids, Pyramid};
pub use vlad::{Vlad, VladParams};
pub use windows::sliding as sliding_windows;
pub(crate) use windows::{Work, encode as encode_windows};
