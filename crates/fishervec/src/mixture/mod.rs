//! The Gaussian mixture with diagonal covariances: its parameters and what they say about rows.

mod em;
mod init;
mod kmeans;
mod statistics;

pub use em::{Fit, FitReport, GaussianMixtureParams, Init, Progress, Repair};
pub(crate) use kmeans::codebook;
pub use kmeans::{KMeans, KMeansParams};
pub use statistics::{Statistics, Workspace};

use crate::descriptors::Source;
use crate::error::{Error, Result};
use crate::kernel::{Kernel, Kernels, Real, Scratch};
use crate::parallel::{Stock, Threads};
use crate::rng::{Random, at_least};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2, Axis};

/// A mixture of K Gaussians over R^D with diagonal covariances,
/// p(x) = sum_k w_k prod_d N(x_d; mu_kd, v_kd): the vocabulary of a Fisher vector.
///
/// Immutable and cheap to share between threads. Fit one with [`GaussianMixtureParams::fit`].
pub struct GaussianMixture {
    weights: Array1<f64>,
    means: Array2<f64>,
    covariances: Array2<f64>,
    id: u64,
    kernels: Kernels,
}

impl GaussianMixture {
    /// A mixture of given `weights` w of shape (K,), `means` mu of shape (K, D) and `covariances` v (the
    /// variances, not their roots) of shape (K, D). A weight may be 0: its component is never used.
    ///
    /// # Errors
    /// [`Error::Dimension`] for shapes that do not fit; [`Error::Parameter`] for K or D of 0, a number
    /// that is not finite, a negative weight, weights whose sum is not 1 (to 1e-4), or a variance that is
    /// not positive. Cost O(K D).
    pub fn new(weights: Array1<f64>, means: Array2<f64>, covariances: Array2<f64>) -> Result<Self> {
        let (k, d) = means.dim();
        let dimension = |what, expected, got| {
            if expected == got { Ok(()) } else { Err(Error::Dimension { what, expected, got }) }
        };
        if k == 0 || d == 0 {
            return Err(Error::parameter("means", "a shape (K, D) with K, D >= 1", format!("({k}, {d})")));
        }
        dimension("weights", k, weights.len())?;
        dimension("rows of covariances", k, covariances.nrows())?;
        dimension("columns of covariances", d, covariances.ncols())?;
        let each =
            |name: &'static str, expected: &str, values: &[f64], good: &dyn Fn(f64) -> bool| match values
                .iter()
                .position(|x| !good(*x))
            {
                None => Ok(()),
                Some(at) => {
                    let columns = if name == "weights" { 1 } else { d };
                    let place = format!("{} in component {}", values[at], at / columns);
                    Err(Error::parameter(name, expected, place))
                }
            };
        // Standard layout, so that rows are slices and equal parameters have equal identities.
        let weights = weights.as_standard_layout().into_owned();
        let means = means.as_standard_layout().into_owned();
        let covariances = covariances.as_standard_layout().into_owned();
        let usable = |v: f64| v.is_normal() && v > 0.0 && (1.0 / v).is_finite();
        each("weights", "finite numbers of at least 0", slice(&weights), &|w| w.is_finite() && w >= 0.0)?;
        each("means", "finite numbers", slice(&means), &f64::is_finite)?;
        each("covariances", "finite numbers above 0", slice(&covariances), &usable)?;
        if (weights.sum() - 1.0).abs() > 1e-4 {
            return Err(Error::parameter("weights", "a sum of 1", weights.sum()));
        }
        let id = identity(&weights, &means, &covariances);
        Ok(GaussianMixture { weights, means, covariances, id, kernels: Kernels::default() })
    }

    /// K, the number of components.
    #[must_use]
    pub fn n_components(&self) -> usize {
        self.means.nrows()
    }

    /// D, the number of columns of its descriptors.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.means.ncols()
    }

    /// The weights w, shape (K,).
    #[must_use]
    pub fn weights(&self) -> ArrayView1<'_, f64> {
        self.weights.view()
    }

    /// The means mu, shape (K, D), in the descriptors' unit.
    #[must_use]
    pub fn means(&self) -> ArrayView2<'_, f64> {
        self.means.view()
    }

    /// The variances v = sigma^2, shape (K, D), in the unit squared.
    #[must_use]
    pub fn covariances(&self) -> ArrayView2<'_, f64> {
        self.covariances.view()
    }

    /// A hash of the parameters (XXH3 of K, D and the bits of w, mu, v), computed once: what statistics are
    /// bound to. Equal parameters have equal identities on every machine.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The statistics of the rows of `source`, shape (n, D), under this mixture: the one pass over the
    /// data that fitting and encoding share.
    ///
    /// Components whose posterior is below `threshold` times their row's largest are dropped and the rest
    /// renormalised; `None` is [`Real::THRESHOLD`] of the source's float type, 0 keeps all, 1 keeps the
    /// largest alone (hard assignment).
    ///
    /// # Errors
    /// [`Error::Dimension`] unless the rows have D columns, [`Error::NotFinite`], [`Error::OutOfRange`],
    /// [`Error::Parameter`] for a threshold outside [0, 1], and what the source reports.
    ///
    /// Cost O(n K D) for the selection, O(D) for each kept posterior; memory O(threads K D log n).
    pub fn accumulate<S: Source>(
        &self,
        source: &S,
        threshold: Option<f64>,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Statistics> {
        self.check_dim(source)?;
        let threshold = check_threshold::<S::Real>(threshold)?;
        statistics::accumulate(self, source, threshold, threads, workspace)
    }

    /// log p(x_n) of each row of `source`, shape (n,), in nats; no component is dropped.
    ///
    /// # Errors
    /// As [`accumulate`](Self::accumulate). Cost O(n K D).
    pub fn score_samples<S: Source>(&self, source: &S, threads: &Threads) -> Result<Array1<S::Real>> {
        self.map_blocks(source, 0.0, threads, S::Real::ZERO, 1, &|scratch, mut out| {
            for (out, row) in out.iter_mut().zip(scratch.rows()) {
                *out = S::Real::from_f64(row.log_likelihood);
            }
        })
        .map(|out| out.index_axis_move(Axis(1), 0))
    }

    /// The posteriors q_nk of each row of `source`, shape (n, K); rows sum to 1, no component is dropped.
    ///
    /// # Errors
    /// As [`accumulate`](Self::accumulate). Cost O(n K D).
    pub fn predict_proba<S: Source>(&self, source: &S, threads: &Threads) -> Result<Array2<S::Real>> {
        let k = self.n_components();
        self.map_blocks(source, 0.0, threads, S::Real::ZERO, k, &|scratch, mut out| {
            scratch.pairs().for_each(|(k, row, posterior)| out[[row, k]] = posterior);
        })
    }

    /// The component of the largest posterior of each row of `source`, shape (n,); the first of equals.
    ///
    /// # Errors
    /// As [`accumulate`](Self::accumulate). Cost O(n K D).
    pub fn predict<S: Source>(&self, source: &S, threads: &Threads) -> Result<Array1<usize>> {
        self.map_blocks(source, 1.0, threads, 0, 1, &|scratch, mut out| {
            scratch.pairs().for_each(|(k, row, _)| out[[row, 0]] = k);
        })
        .map(|out| out.index_axis_move(Axis(1), 0))
    }

    /// The log-likelihood of each row under its nearest component alone, shape (n,).
    fn hard_scores<S: Source>(&self, source: &S, threads: &Threads) -> Result<Array1<f64>> {
        self.map_blocks(source, 1.0, threads, 0.0, 1, &|scratch, mut out| {
            out.iter_mut().zip(scratch.rows()).for_each(|(out, row)| *out = row.log_likelihood);
        })
        .map(|out| out.index_axis_move(Axis(1), 0))
    }

    /// The distance of each row to the nearest mean, shape (n,), of a mixture of equal weights and one variance.
    pub(crate) fn distances<S: Source>(&self, source: &S, threads: &Threads) -> Result<Array1<f64>> {
        let variance = self.covariances[[0, 0]];
        let normalizer = 0.5 * self.dim() as f64 * libm::log(std::f64::consts::TAU * variance);
        let highest = libm::log(self.weights[0]) - normalizer;
        let scores = self.hard_scores(source, threads)?;
        Ok(scores.mapv(|score| (2.0 * variance * (highest - score).max(0.0)).sqrt()))
    }

    /// Calls `write` for each block of rows with its posteriors and its part of the output, shape
    /// (n, `columns`).
    fn map_blocks<S: Source, T: Copy + Send>(
        &self,
        source: &S,
        threshold: f64,
        threads: &Threads,
        fill: T,
        columns: usize,
        write: &(impl Fn(&Scratch<S::Real>, ArrayViewMut2<'_, T>) + Sync),
    ) -> Result<Array2<T>> {
        self.check_dim(source)?;
        let kernel = self.kernel::<S::Real>();
        let stock = Stock::default();
        let mut out = Array2::from_elem((source.n_rows(), columns), fill);
        let block_rows = kernel.block_rows();
        let parts: Vec<_> = out.axis_chunks_iter_mut(Axis(0), block_rows).collect();
        threads.for_each(parts, &|block, part| {
            let rows = block * block_rows..block * block_rows + part.nrows();
            let mut scratch: Scratch<S::Real> = stock.take().unwrap_or_default();
            scratch.posteriors(kernel, source, rows, threshold)?;
            write(&scratch, part);
            stock.give(scratch);
            Ok(())
        })?;
        Ok(out)
    }

    /// The Bayesian information criterion of `source`, -2 log p(X) + (2 K D + K - 1) log n; lower is better.
    ///
    /// # Errors
    /// As [`accumulate`](Self::accumulate); [`Error::TooFewRows`] for an empty set. Cost O(n K D).
    pub fn bic<S: Source>(&self, source: &S, threads: &Threads) -> Result<f64> {
        let (log_likelihood, n) = self.total(source, threads)?;
        Ok(-2.0 * log_likelihood + self.n_parameters() as f64 * libm::log(n))
    }

    /// Akaike's information criterion of `source`, -2 log p(X) + 2 (2 K D + K - 1); lower is better.
    ///
    /// # Errors
    /// As [`bic`](Self::bic). Cost O(n K D).
    pub fn aic<S: Source>(&self, source: &S, threads: &Threads) -> Result<f64> {
        let (log_likelihood, _) = self.total(source, threads)?;
        Ok(-2.0 * log_likelihood + 2.0 * self.n_parameters() as f64)
    }

    /// Free parameters: 2 K D + K - 1.
    #[must_use]
    pub fn n_parameters(&self) -> usize {
        2 * self.means.len() + self.n_components() - 1
    }

    fn total<S: Source>(&self, source: &S, threads: &Threads) -> Result<(f64, f64)> {
        at_least("for an information criterion", 1, source.n_rows())?;
        let statistics = self.accumulate(source, Some(0.0), threads, &Workspace::default())?;
        Ok((statistics.log_likelihood(), statistics.n()))
    }

    /// Draws `n` rows, shape (n, D), and the component of each, shape (n,). The same seed draws the same
    /// rows on every machine.
    ///
    /// Cost O(n (D + log K)).
    #[must_use]
    pub fn sample(&self, n: usize, seed: u64) -> (Array2<f64>, Array1<usize>) {
        let mut random = Random::new(seed);
        let mut sum = 0.0;
        let cumulative: Vec<f64> = self.weights.iter().map(|w| (sum += w, sum).1).collect();
        let labels: Array1<usize> = (0..n).map(|_| random.index(&cumulative)).collect();
        let mut rows = Array2::zeros((n, self.dim()));
        for (mut row, k) in rows.outer_iter_mut().zip(&labels) {
            let parameters = self.means.row(*k).into_iter().zip(self.covariances.row(*k));
            for (x, (mu, v)) in row.iter_mut().zip(parameters) {
                *x = mu + v.sqrt() * random.normal();
            }
        }
        (rows, labels)
    }

    pub(crate) fn kernel<F: Real>(&self) -> &Kernel<F> {
        F::kernel(&self.kernels)
            .get_or_init(|| Box::new(Kernel::new(self.weights(), self.means(), self.covariances())))
    }

    pub(crate) fn check_dim<S: Source>(&self, source: &S) -> Result<()> {
        let (expected, got) = (self.dim(), source.dim());
        if expected == got { Ok(()) } else { Err(Error::Dimension { what: "descriptors", expected, got }) }
    }
}

impl Clone for GaussianMixture {
    fn clone(&self) -> Self {
        GaussianMixture {
            weights: self.weights.clone(),
            means: self.means.clone(),
            covariances: self.covariances.clone(),
            id: self.id,
            kernels: Kernels::default(),
        }
    }
}

impl PartialEq for GaussianMixture {
    fn eq(&self, other: &Self) -> bool {
        (&self.weights, &self.means, &self.covariances) == (&other.weights, &other.means, &other.covariances)
    }
}

impl std::fmt::Debug for GaussianMixture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (k, d) = self.means.dim();
        write!(f, "GaussianMixture {{ n_components: {k}, dim: {d}, id: {:016x} }}", self.id)
    }
}

/// The threshold asked for, or the default of `F`.
pub(crate) fn check_threshold<F: Real>(threshold: Option<f64>) -> Result<f64> {
    let threshold = threshold.unwrap_or(F::THRESHOLD);
    if (0.0..=1.0).contains(&threshold) {
        return Ok(threshold);
    }
    Err(Error::parameter("threshold", "a number from 0 to 1", threshold))
}

fn identity(weights: &Array1<f64>, means: &Array2<f64>, covariances: &Array2<f64>) -> u64 {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    let (k, d) = means.dim();
    hash.update(&(k as u64).to_le_bytes());
    hash.update(&(d as u64).to_le_bytes());
    for x in weights.iter().chain(means).chain(covariances) {
        hash.update(&x.to_le_bytes());
    }
    hash.digest()
}

fn slice<D: ndarray::Dimension>(array: &ndarray::Array<f64, D>) -> &[f64] {
    array.as_slice().unwrap_or_default()
}
