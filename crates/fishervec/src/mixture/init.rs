//! Where a fit starts: from a given mixture, or from k-means on a sample.

use super::em::{GaussianMixtureParams, Limits};
use super::kmeans::{KMeansParams, codebook};
use super::{GaussianMixture, Workspace};
use crate::descriptors::{Sample, Source};
use crate::error::{Error, Result};
use crate::parallel::Threads;
use crate::rng::sample_rows;

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
    /// The given mixture: a warm start, or a start of one's own.
    Given(GaussianMixture),
}

pub(super) fn start<S: Source>(
    params: &GaussianMixtureParams,
    source: &S,
    limits: &Limits,
    threads: &Threads,
) -> Result<GaussianMixture> {
    if let Init::Given(mixture) = &params.init {
        mixture.check_dim(source)?;
        let (expected, got) = (params.n_components, mixture.n_components());
        if expected != got {
            return Err(Error::Dimension { what: "components of the given start", expected, got });
        }
        return Ok(mixture.clone());
    }
    let k = params.n_components;
    let rows = sample_rows(source.n_rows(), SAMPLE_ROWS.saturating_mul(k), params.seed);
    let sample = Sample::gather(source, &rows)?;
    let kmeans = KMeansParams { n_clusters: k, max_iter: LLOYD_ITERATIONS, tol: 0.0, seed: params.seed };
    let centres = kmeans.fit(&sample.view(), threads)?.centres;
    // One maximization from hard assignments gives the clusters' shares, means and variances.
    let codebook = codebook(&centres, limits.typical_variance())?;
    let statistics = codebook.accumulate(&sample.view(), Some(1.0), threads, &Workspace::default())?;
    limits.maximize(&codebook, &statistics).map(|(mixture, _)| mixture)
}
