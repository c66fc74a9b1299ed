//! The start of a fit: a given mixture, or k-means on a sample.

use super::centres::{KMeansParams, codebook};
use super::gaussian::GaussianMixture;
use super::m_step::Limits;
use super::params::{GaussianMixtureParams, Init};
use super::statistics::Workspace;
use crate::data::{OwnedDescriptors, Source};
use crate::error::{Error, Result};
use crate::simd::Real;
use crate::util::context::Context;
use crate::util::threads::Threads;
use ndarray::{Array1, Array2};

/// The number of rows per component that the start is computed on, and of Lloyd iterations on them.
const SAMPLE_ROWS: usize = 256;
const LLOYD_ITERATIONS: usize = 5;

/// The number of rows that a start is computed on.
pub(super) fn rows(params: &GaussianMixtureParams) -> usize {
    match params.init {
        Init::Given(_) | Init::Continued(..) => 0,
        Init::RandomRows => params.n_components,
        Init::KMeans | Init::PlusPlus => SAMPLE_ROWS.saturating_mul(params.n_components),
    }
}

pub(super) fn start<S: Source>(
    params: &GaussianMixtureParams,
    source: &S,
    limits: &Limits,
    seed: u64,
    threads: &Threads,
) -> Result<GaussianMixture> {
    if let Some(mixture) = params.init.given() {
        mixture.check_dim(source)?;
        let (expected, got) = (params.n_components, mixture.n_components());
        if expected != got {
            return Err(Error::Dimension { what: "components of the given start", expected, got });
        }
        return Ok(mixture.clone());
    }
    let k = params.n_components;
    if params.init == Init::RandomRows {
        let means = OwnedDescriptors::draw(source, rows(params), seed)?.view().rows().mapv(Real::to_f64);
        let covariances = Array2::from_shape_fn(means.dim(), |(_, j)| limits.global()[j]);
        return GaussianMixture::new(Array1::from_elem(k, 1.0 / k as f64), means, covariances);
    }
    let sample = OwnedDescriptors::draw(source, rows(params), seed)?;
    let located = |error| sample.locate(source, error);
    let max_iter = if params.init == Init::PlusPlus { 0 } else { LLOYD_ITERATIONS };
    let kmeans = KMeansParams { n_clusters: k, max_iter, tol: 0.0, seed };
    let centres = kmeans.fit_with(&sample.view(), &mut Context::on(threads)).map_err(located)?.centres;
    // One M-step from hard assignments gives the clusters' shares, means and variances.
    let codebook = codebook(&centres, limits.typical_variance())?;
    let statistics = codebook.accumulate(&sample.view(), Some(1.0), threads, &Workspace::default());
    let statistics = statistics.map_err(located)?;
    limits.m_step(&codebook, &statistics).map(|(mixture, _)| mixture)
}
