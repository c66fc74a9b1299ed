//! Fisher vectors: sets of local descriptors in, one vector per set out.
//!
//! Learn what typical descriptors look like: a [`GaussianMixture`]. For a new set write down how each
//! component would have to gain weight, move and stretch to explain this set better: that gradient, in
//! comparable units, is the Fisher vector of the set.
//!
//! # First vector
//!
//! ```
//! use fishervec::{Encode, FisherVector, GaussianMixture};
//!
//! fn main() -> fishervec::Result<()> {
//!     // 1,000 descriptors of 3 columns to learn from, and a set of 40 of them to encode.
//!     let descriptors: Vec<Vec<f32>> =
//!         (0..1000).map(|i| (0..3).map(|j| ((i * (j + 7)) % 101) as f32).collect()).collect();
//!     let gmm = GaussianMixture::builder(8).seed(1).fit(&descriptors)?;
//!     let vector = FisherVector::new(gmm).encode(&descriptors[..40].to_vec())?;
//!     assert_eq!(vector.len(), 8 + 2 * 8 * 3); // K + 2 K D
//!     Ok(())
//! }
//! ```
//!
//! Descriptors are anything that is a [`Source`]: `&Array2` and other two-dimensional arrays of [`ndarray`],
//! of any strides; `&Vec<Vec<f32>>`; a flat slice by [`Descriptors::from_slice`]; with a weight per
//! descriptor by [`Descriptors::with_weights`]; files ([`io`]). Their numbers are `f32`, `f64`, `u8` or
//! `f16`.
//!
//! # Sets from files, with a pipeline
//!
//! A [`Pipeline`] is preprocessing, encoder and normalisation as one thing that is fitted, saved and loaded.
//!
//! ```
//! use fishervec::io::npy::{NpyArray, NpyWriter};
//! use fishervec::io::{FileRows, commit};
//! use fishervec::{GaussianMixture, Pipeline, Source, preprocess::RowNorm};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let paths: Vec<_> = (0..3).map(|i| folder.path().join(format!("{i}.npy"))).collect();
//! # for (i, path) in paths.iter().enumerate() {
//! #     let mut file = NpyWriter::create(path, 90 + i, 8)?;
//! #     file.append(&(0..(90 + i) * 8).map(|k| ((k * k + i) % 31) as f32).collect::<Vec<_>>())?;
//! #     commit([file.finish()?])?;
//! # }
//! // Each file is one set, read block by block where it is needed.
//! let sets = paths
//!     .iter()
//!     .map(|path| FileRows::open(path).map(|file| file.rows::<f32>(0..file.n_rows())))
//!     .collect::<fishervec::Result<Vec<_>>>()?;
//! let pipeline = Pipeline::builder()
//!     .row_norm(RowNorm::RootSift)
//!     .pca(4)
//!     .fisher(GaussianMixture::builder(5))
//!     .fit_sets(&sets, &mut fishervec::Context::new())?;
//! pipeline.save(folder.path().join("model.safetensors"))?;
//! let vectors = Pipeline::load(folder.path().join("model.safetensors"))?.encode_all(&sets)?;
//! assert_eq!(vectors.dim(), (3, 5 + 2 * 5 * 4));
//! # Ok::<(), fishervec::Error>(())
//! ```
//!
//! # Serve encodings from several threads
//!
//! A pipeline is immutable and `Sync`: threads share one. Each keeps a [`Workspace`](run::Workspace), so that
//! a later encoding allocates nothing, and runs on itself alone ([`Threads::one`](run::Threads::one)).
//!
//! ```
//! use fishervec::ndarray::Array2;
//! use fishervec::run::{Threads, Workspace};
//! use fishervec::{GaussianMixture, Pipeline};
//!
//! let rows = Array2::from_shape_fn((500, 2), |(i, j)| ((i * (j + 3)) % 17) as f32);
//! let pipeline = Pipeline::builder().fisher(GaussianMixture::builder(4)).fit(&rows)?;
//! std::thread::scope(|scope| {
//!     for _ in 0..3 {
//!         scope.spawn(|| {
//!             let (workspace, mut out) = (Workspace::default(), vec![0.0; pipeline.output_dim()]);
//!             for _request in 0..10 {
//!                 pipeline.encode_into(&rows, &mut out, &Threads::one(), &workspace).unwrap();
//!             }
//!             assert_eq!(out, pipeline.encode(&rows).unwrap().to_vec());
//!         });
//!     }
//! });
//! # Ok::<(), fishervec::Error>(())
//! ```
//!
//! # Statistics, merged and subtracted
//!
//! The vector of a set is a function of its [`Statistics`], which add: a bigger set, a time window, a set
//! whose parts lie on several machines ([`Statistics::to_bytes`]).
//!
//! ```
//! use fishervec::ndarray::{Array2, s};
//! use fishervec::run::{Threads, Workspace};
//! use fishervec::{Encode, FisherVector, GaussianMixture};
//!
//! let rows = Array2::from_shape_fn((300, 2), |(i, j)| ((i * (j + 5)) % 13) as f64);
//! let encoder = FisherVector::new(GaussianMixture::builder(3).fit(&rows)?);
//! let (threads, workspace) = (Threads::one(), Workspace::default());
//! let mut sum = encoder.accumulate(&rows.slice(s![..200, ..]), &threads, &workspace)?;
//! sum.merge(&encoder.accumulate(&rows.slice(s![200.., ..]), &threads, &workspace)?)?;
//! let mut vector = vec![0.0; encoder.output_dim()];
//! encoder.encode_statistics(&sum, &mut vector)?;
//! let whole = encoder.encode(&rows)?;
//! assert!(vector.iter().zip(&whole).all(|(a, b)| (a - b).abs() < 1e-6));
//! // A window slides by merging the rows that enter it and subtracting those that leave it.
//! sum.subtract(&encoder.accumulate(&rows.slice(s![..100, ..]), &threads, &workspace)?)?;
//! assert_eq!(sum.n(), 200.0);
//! # Ok::<(), fishervec::Error>(())
//! ```
//!
//! # Crate features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `parallel` | yes | threads (rayon); without it all work runs on the calling thread, with the same bits |
//! | `hdf5` | no | `SetFile::open`: descriptors in HDF5 files (.h5, .hdf5) |
//! | `image` | no | `Image::open`: images from jpeg, png, webp and tiff files |
//!
//! # Where things are
//!
//! [`data`] descriptors, [`mixture`] the mixture and its fit, [`encode`] the encoders (Fisher vector, VLAD,
//! bag of words, H2T, pooling), spatial layouts and windows, [`preprocess`] row normalisation and PCA,
//! [`pipeline`] all of it as one, [`image`] descriptors of images, [`io`] files, [`evaluate`] how well
//! vectors find their like, [`explain`] which descriptors made a score, [`report`] what one should know of a
//! model and its sets, [`run`] threads and progress.
//!
//! Every function has a documented result or a typed [`Error`] for any input, and the same bits for any
//! number of threads. The equations are those of Sanchez, Perronnin, Mensink and Verbeek, IJCV 2013.

#![deny(unsafe_code)]

pub mod data;
pub mod encode;
mod error;
pub mod evaluate;
pub mod explain;
pub mod image;
pub mod io;
pub mod mixture;
mod model;
pub mod pipeline;
pub mod preprocess;
pub mod report;
pub mod shards;
#[allow(unsafe_code)]
mod simd;
mod util;

/// How work runs: threads, interruption, progress, memory that is kept, instruction sets.
pub mod run {
    pub use crate::mixture::Workspace;
    pub use crate::simd::Isa;
    pub use crate::util::context::{Context, Keep, Progress};
    pub use crate::util::kept::Kept;
    pub use crate::util::threads::Threads;
}

pub use data::{Descriptors, Sets, Source};
pub use encode::{BagOfWords, Encode, FisherVector, Pooling, Vlad};
pub use error::{Error, Result};
pub use mixture::{GaussianMixture, Statistics};
pub use ndarray;
pub use pipeline::Pipeline;
pub use run::Context;

/// The examples of README and documentation, run as tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
// The package of the crate is without the pages around it: `make test-rust` sets the flag.
#[cfg(all(doctest, in_repository))]
#[doc = include_str!("../../../docs/start.md")]
struct Start;
