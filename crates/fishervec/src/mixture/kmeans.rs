//! k-means: seeds by k-means++, then Lloyd's iterations.
//!
//! An assignment to the nearest centre is the hard posterior of a mixture with equal weights and one common
//! variance, so Lloyd's iteration is the mixture's own pass over the data with threshold 1.

use super::gaussian::GaussianMixture;
use super::statistics::{Statistics, Workspace};
use crate::data::{Moments, OwnedDescriptors, Source};
use crate::error::{Error, Result};
use crate::simd::{Isa, Real, min_squared_distance};
use crate::util::check::{at_least, has_columns};
use crate::util::context::Context;
use crate::util::rng::Random;
use crate::util::setters::setters;
use crate::util::threads::Threads;
use ndarray::{Array1, Array2, Axis};
use serde::{Deserialize, Serialize};

/// Settings of a k-means fit; the names are scikit-learn's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KMeansParams {
    /// The number of clusters K.
    pub n_clusters: usize,
    /// The maximum number of Lloyd iterations; 0 keeps the seeds unchanged.
    pub max_iter: usize,
    /// The fit stops once an iteration lowers the inertia by less than this fraction.
    pub tol: f64,
    /// The seed of the k-means++ draws.
    pub seed: u64,
}

impl Default for KMeansParams {
    fn default() -> Self {
        KMeansParams { n_clusters: 8, max_iter: 100, tol: 1e-4, seed: 0 }
    }
}

/// A fitted codebook: K centres.
#[derive(Debug, Clone)]
pub struct KMeans {
    /// The centres, shape (K, D).
    pub centres: Array2<f64>,
    /// The sum of squared distances of the rows to their centres, before the last update of the centres.
    pub inertia: f64,
    /// The number of Lloyd iterations run.
    pub n_iter: usize,
    /// Whether the inertia converged within `tol` before `max_iter`.
    pub converged: bool,
}

/// The number of rows per cluster that the seeds are drawn from.
const SEED_ROWS: usize = 256;

setters! { KMeansParams {
    /// Sets the maximum number of Lloyd iterations.
    max_iter: usize,
    /// Sets the fraction of the inertia below which an iteration ends the fit.
    tol: f64,
    /// Sets the seed of the k-means++ draws.
    seed: u64,
} }

impl KMeans {
    /// Settings to fit `n_clusters` centres with; all others are the defaults.
    #[must_use]
    pub fn builder(n_clusters: usize) -> KMeansParams {
        KMeansParams { n_clusters, ..KMeansParams::default() }
    }
}

impl KMeansParams {
    /// Fits the centres to the rows of `source`, shape (n, D), on all cores; see
    /// [`fit_with`](Self::fit_with).
    ///
    /// # Errors
    /// As [`fit_with`](Self::fit_with).
    pub fn fit<S: Source>(&self, source: &S) -> Result<KMeans> {
        self.fit_with(source, &mut Context::new())
    }

    /// Fits the centres: seeds by k-means++ (Arthur and Vassilvitskii 2007) on a sample of at most 256 rows
    /// per cluster, then Lloyd's iterations over all rows. A cluster that loses its last row moves to the row
    /// farthest from its centre.
    ///
    /// # Errors
    /// [`Error::TooFewRows`] for fewer rows of positive weight than clusters, [`Error::Parameter`] for 0
    /// clusters, and the errors of [`GaussianMixture::accumulate`].
    ///
    /// Cost O(n K D) per iteration; memory: the sample and O(threads K D log n).
    pub fn fit_with<S: Source>(&self, source: &S, context: &mut Context<'_>) -> Result<KMeans> {
        let threads = &context.pool()?;
        self.check()?;
        at_least("for k-means", self.n_clusters, source.n_positive())?;
        has_columns(source.dim())?;
        let sample = OwnedDescriptors::draw(source, SEED_ROWS.saturating_mul(self.n_clusters), self.seed)?;
        let seeds = plus_plus(&sample, self.n_clusters, self.seed, threads)?;
        self.lloyd(source, seeds, threads)
    }

    /// Checks that each setting is in its range.
    ///
    /// # Errors
    /// [`Error::Parameter`] with the first that is not.
    pub fn check(&self) -> Result<()> {
        match self.n_clusters {
            0 => Err(Error::parameter("n_clusters", "at least 1", 0)),
            _ => Ok(()),
        }
    }

    /// Runs Lloyd's iterations from the given centres.
    fn lloyd<S: Source>(&self, source: &S, seeds: Array2<f64>, threads: &Threads) -> Result<KMeans> {
        let workspace = Workspace::default();
        let moments = Moments::of(source, threads)?;
        let spread = moments.variance().iter().sum::<f64>() / source.dim() as f64;
        let variance = if spread > 0.0 { spread } else { 1.0 };
        let mut fit = KMeans { centres: seeds, inertia: f64::INFINITY, n_iter: 0, converged: false };
        while fit.n_iter < self.max_iter && !fit.converged {
            let codebook = codebook(&fit.centres, variance)?;
            let statistics = codebook.accumulate(source, Some(1.0), threads, &workspace)?;
            let inertia = variance * statistics.z2.sum();
            fit.converged = fit.inertia - inertia <= self.tol * inertia;
            fit.centres = means(&codebook, &statistics);
            if inertia > 0.0 {
                let empty: Vec<usize> = (0..self.n_clusters).filter(|k| statistics.s0[*k] == 0.0).collect();
                fit.converged &= empty.is_empty();
                relocate(&mut fit.centres, &empty, &codebook, source, threads)?;
            }
            fit.inertia = inertia;
            fit.n_iter += 1;
            workspace.give(statistics);
        }
        Ok(fit)
    }
}

/// The mixture whose hard posteriors are assignments to the nearest centre: equal weights, one common
/// variance.
pub(crate) fn codebook(centres: &Array2<f64>, variance: f64) -> Result<GaussianMixture> {
    let (k, d) = centres.dim();
    let weights = Array1::from_elem(k, 1.0 / k as f64);
    GaussianMixture::new(weights, centres.clone(), Array2::from_elem((k, d), variance))
}

/// The mean of the rows of each component, mu + sigma Z1/S0; mu where it has no rows.
pub(super) fn means(mixture: &GaussianMixture, statistics: &Statistics) -> Array2<f64> {
    let mass = statistics.s0().mapv(|s0| if s0 > 0.0 { s0 } else { 1.0 });
    &mixture.means() + mixture.covariances().sqrt() * &statistics.z1 / mass.insert_axis(Axis(1))
}

/// Moves the centres of empty clusters to the rows that are farthest from their nearest centre.
fn relocate<S: Source>(
    centres: &mut Array2<f64>,
    empty: &[usize],
    codebook: &GaussianMixture,
    source: &S,
    threads: &Threads,
) -> Result<()> {
    if empty.is_empty() {
        return Ok(());
    }
    // The hard log-likelihood falls with the distance to the nearest centre.
    let score = codebook.hard_scores(source, threads)?;
    let mut rows: Vec<usize> = (0..source.n_rows()).collect();
    if let Some(weights) = source.weights() {
        rows.retain(|row| weights[*row] > 0.0);
    }
    rows.sort_by(|a, b| score[*a].total_cmp(&score[*b]).then(a.cmp(b)));
    rows.truncate(empty.len());
    let farthest = OwnedDescriptors::gather(source, &rows)?;
    for (k, row) in empty.iter().zip(farthest.view().rows().outer_iter()) {
        centres.row_mut(*k).assign(&row.mapv(Real::to_f64));
    }
    Ok(())
}

/// Draws centres by k-means++, shape (k, D): the first is a random row, each further one a row drawn in
/// proportion to its squared distance to the nearest centre so far (times its weight). Cost O(n k D).
fn plus_plus<F: Real>(
    sample: &OwnedDescriptors<F>,
    k: usize,
    seed: u64,
    threads: &Threads,
) -> Result<Array2<f64>> {
    const CHUNK_ROWS: usize = 4096;
    let mut random = Random::new(seed);
    let sample = sample.view();
    let (rows, weights) = (sample.rows(), sample.weights());
    let (n, d) = rows.dim();
    let values = rows.as_slice().expect("a sample is in standard layout");
    let mut centres = Array2::zeros((k, d));
    let mut nearest = vec![f64::INFINITY; n];
    let mut cumulative = vec![0.0; n];
    for c in 0..k {
        let mut total = 0.0;
        for row in 0..n {
            let distance = if c == 0 { 1.0 } else { nearest[row] };
            total += distance * weights.map_or(1.0, |weights| weights[row]);
            cumulative[row] = total;
        }
        // If only copies of the centres are left, any row is as good.
        let chosen = if total > 0.0 { random.index(&cumulative) } else { random.below(n as u64) as usize };
        let point = &values[chosen * d..][..d];
        centres.row_mut(c).assign(&rows.row(chosen).mapv(Real::to_f64));
        let chunks: Vec<_> = nearest.chunks_mut(CHUNK_ROWS).zip(values.chunks(CHUNK_ROWS * d)).collect();
        threads.for_each(chunks, &|_, (nearest, rows)| {
            min_squared_distance(Isa::active(), rows, point, nearest);
            Ok(())
        })?;
    }
    Ok(centres)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Descriptors;
    use ndarray::array;

    #[test]
    fn an_empty_cluster_moves_to_the_farthest_row() {
        let rows =
            Array2::from_shape_fn((60, 2), |(i, _)| if i % 3 == 0 { 50.0 } else { 0.0 } + (i % 5) as f64);
        let source = Descriptors::new(rows.view());
        let params = KMeansParams { n_clusters: 2, ..KMeansParams::default() };
        let far = array![[1.0, 1.0], [1e6, 1e6]];
        let fit = params.lloyd(&source, far, &Threads::one()).unwrap();
        assert!(fit.converged);
        let good = array![[2.0, 2.0], [52.0, 52.0]];
        let expected = params.lloyd(&source, good, &Threads::one()).unwrap();
        assert!((fit.inertia - expected.inertia).abs() < 1e-9, "{} {}", fit.inertia, expected.inertia);
        assert!(fit.centres.iter().all(|c| *c < 60.0), "{}", fit.centres);
    }
}
