//! Encoders: from a set of descriptors to one vector.

mod bow;
mod codebook;
mod contributions;
#[allow(clippy::module_inception, reason = "it has the folder's name")]
mod encode;
mod encoder;
mod fisher;
mod gathered;
mod given;
mod h2t;
mod layout;
mod normalize;
mod output;
mod pooling;
mod pyramid;
mod relearn;
mod resolution;
mod tiles;
mod vlad;
mod windows;

pub use crate::util::learn::Learn;
pub use bow::{BagOfWords, BagOfWordsParams};
pub use codebook::{Assignment, Codebook, CodebookParams, LearnCodebook};
pub use contributions::{By, Scores, VectorBlock};
pub use encode::{Encode, FitEncoder, Kind};
pub use encoder::{Encoder, EncoderParams};
pub use fisher::{
    Block, Convention, Empirical, FisherParams, FisherVector, Gradients, Information, LearnMixture, Scale,
    Sign, Spatial,
};
pub use gathered::Gathered;
pub(crate) use gathered::{Content, foreign};
pub use given::Given;
pub use h2t::{H2T, H2TParams};
pub use layout::LayoutParams;
pub use normalize::{Norm, Normalization};
pub use output::Encoded;
pub(crate) use output::{check_out, write_out};
pub use pooling::{Pooling, PoolingParams};
pub use pyramid::{Grids, Pyramid};
pub(crate) use tiles::Tiles;
pub use vlad::{Vlad, VladParams};
pub(crate) use windows::encode_windows;
pub use windows::sliding_windows;
