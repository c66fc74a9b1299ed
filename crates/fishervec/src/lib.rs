//! Fisher vectors: sets of local descriptors in, one vector each out.
//!
//! Learn what typical descriptors look like: a [`GaussianMixture`]. For a new set write down how each
//! component would have to gain weight, move and stretch to explain this set better: that gradient, in
//! comparable units, is the Fisher vector of the set.
//!
//! * [`PipelineParams::fit`] learns a whole [`Pipeline`] (row normalisation, PCA, mixture) from descriptors;
//!   [`Pipeline::encode`] and [`Pipeline::encode_sets`] apply it; [`Pipeline::save`] and [`Pipeline::load`]
//!   keep it.
//! * One level down are [`GaussianMixtureParams::fit`], [`GaussianMixture::accumulate`], the mergeable
//!   [`Statistics`], and [`FisherVector::encode_statistics`].
//! * [`Vlad`] and [`BagOfWords`] are the Fisher vector's relatives, [`Pooling`] is the baseline; [`Pipeline::encode_windows`] encodes
//!   windows of a set; [`LayoutParams`] is for where descriptors are: a spatial Fisher vector, a spatial pyramid; [`image`] makes descriptors of photographs.
//! * Descriptors come from anything that is a [`Source`]: [`Descriptors`] in memory (f32, f64, u8, f16, any
//!   strides, with or without weights), ragged [`Sets`], files ([`io`]).
//!
//! Every function has a documented result or a typed [`Error`] for any input, and the same bits for any
//! number of [`Threads`]. The equations are those of Sanchez, Perronnin, Mensink and Verbeek, IJCV 2013.
//!
//! ```
//! use fishervec::{
//!     Descriptors, EncoderParams, FisherParams, GaussianMixtureParams, PipelineParams, LayoutParams, RowNorm, Threads,
//! };
//! use ndarray::Array2;
//! use std::ops::ControlFlow;
//!
//! // Three sets of descriptors of 2 columns; all of them together are what the mixture is learned from.
//! let sets: Vec<Array2<f32>> =
//!     (0..3).map(|s| Array2::from_shape_fn((50 + s, 2), |(i, j)| ((i * 7 + j * 3 + s) % 11) as f32)).collect();
//! let all = ndarray::concatenate(ndarray::Axis(0), &[sets[0].view(), sets[1].view(), sets[2].view()])?;
//!
//! let mixture = GaussianMixtureParams { n_components: 4, ..Default::default() };
//! let encoder = EncoderParams::Fisher(mixture, FisherParams::default());
//! let params = PipelineParams { carry: 0, rows: RowNorm::None, pca: None, encoder, place: LayoutParams::default() };
//! let threads = Threads::available()?;
//! let pipeline = params.fit(&Descriptors::new(all.view()), &threads, &mut |_| ControlFlow::Continue(()))?;
//!
//! let sets: Vec<_> = sets.iter().map(|set| Descriptors::new(set.view())).collect();
//! let vectors = pipeline.encode_sets(&sets, &threads)?;
//! assert_eq!(vectors.dim(), (3, 4 + 2 * 4 * 2)); // K + 2 K D
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![deny(unsafe_code)]

mod data;
mod encode;
mod error;
mod evaluate;
pub mod image;
pub mod io;
mod mixture;
mod model;
mod pipeline;
mod preprocess;
#[allow(unsafe_code)]
mod simd;
mod util;

pub mod retrieval {
    pub use crate::evaluate::{Evaluation, evaluate};
}
pub use data::{Concat, Descriptors, Element, OwnedDescriptors, RowBuffer, Sets, Source, check_offsets};
pub use encode::*;
pub use error::{Error, Result};
pub use mixture::{
    Fit, FitReport, GaussianMixture, GaussianMixtureParams, Init, KMeans, KMeansParams, Progress, Repair,
    Statistics, Workspace,
};
pub use pipeline::{Pipeline, PipelineParams};
pub use preprocess::{Pca, PcaParams, Preprocessed, RowNorm, Step};
pub use simd::{Isa, Real};
pub use util::rng::{rows_by_set, sample_rows};
pub use util::threads::Threads;

/// The README's examples, run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
