//! Fisher vectors: sets of local descriptors, one vector each.

#![deny(unsafe_code)]

mod descriptors;
mod error;
mod fisher;
pub mod io;
#[allow(unsafe_code)]
mod kernel;
mod mixture;
mod moments;
mod named;
mod normalize;
mod parallel;
mod pca;
mod pipeline;
mod pooling;
mod rng;

pub use descriptors::{Descriptors, Element, RowBuffer, Sample, Sets, Source, check_offsets};
pub use error::{Error, Result};
pub use fisher::{Block, Convention, FisherParams, FisherVector, Gradients, Information, Scale, Sign};
pub use kernel::{Level, Real};
pub use mixture::{
    Fit, FitReport, GaussianMixture, GaussianMixtureParams, Init, KMeans, KMeansParams, Progress, Repair, Statistics,
    Workspace,
};
pub use normalize::{Norm, Normalization, RowNorm};
pub use parallel::Threads;
pub use pca::{Pca, PcaParams};
pub use pipeline::{Encoded, Encoder, EncoderParams, Pipeline, PipelineParams, Preprocessed, Step};
pub use pooling::Pooling;
pub use rng::sample_rows;
