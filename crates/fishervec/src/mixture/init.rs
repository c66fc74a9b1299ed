//! Where a fit starts: from a given mixture, or from k-means on a sample.

use super::em::{GaussianMixtureParams, Limits};
use super::kmeans::{KMeansParams, codebook};
use super::{GaussianMixture, Workspace};
use crate::descriptors::{Sample, Source};
use crate::error::{Error, Result};
use crate::kernel::Real;
use crate::parallel::Threads;
use ndarray::{Array1, Array2};

/// Rows per component the start is computed on, and Lloyd iterations on them.
const SAMPLE_ROWS: usize = 256;
const LLOYD_ITERATIONS: usize = 5;

/// Where a fit starts.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Init {
    /// k-means++ and a few Lloyd iterations on a sample of up to 256 rows a component; each cluster's
    /// share, mean and variance are its component's.
    #[default]
    KMeans,
    /// The same without the Lloyd iterations.
    PlusPlus,
    /// K rows drawn at random are the means; equal weights, and the variances of all rows.
    RandomRows,
    /// The given mixture: a warm start, or a start of one's own.
    Given(GaussianMixture),
    /// The mixture of an earlier fit on the same rows, and that fit's last lower bound: what the first
    /// iteration gains can then settle it.
    Continued(GaussianMixture, f64),
}

impl Init {
    /// The mixture to start from, if it is known before any row is looked at.
    pub(super) fn given(&self) -> Option<&GaussianMixture> {
        match self {
            Init::Given(mixture) | Init::Continued(mixture, _) => Some(mixture),
            _ => None,
        }
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
        let means = Sample::draw(source, k, seed)?.view().rows().mapv(Real::to_f64);
        let covariances = Array2::from_shape_fn(means.dim(), |(_, j)| limits.global()[j]);
        return GaussianMixture::new(Array1::from_elem(k, 1.0 / k as f64), means, covariances);
    }
    let sample = Sample::draw(source, SAMPLE_ROWS.saturating_mul(k), seed)?;
    let max_iter = if params.init == Init::PlusPlus { 0 } else { LLOYD_ITERATIONS };
    let kmeans = KMeansParams { n_clusters: k, max_iter, tol: 0.0, seed };
    let centres = kmeans.fit(&sample.view(), threads)?.centres;
    // One maximization from hard assignments gives the clusters' shares, means and variances.
    let codebook = codebook(&centres, limits.typical_variance())?;
    let statistics = codebook.accumulate(&sample.view(), Some(1.0), threads, &Workspace::default())?;
    limits.maximize(&codebook, &statistics).map(|(mixture, _)| mixture)
}
