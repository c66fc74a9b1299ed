//! Sufficient statistics: fits and encodings are functions of them alone.

use super::gaussian::{GaussianMixture, check_threshold};
use super::posterior::{Kernel, Scratch, Sums};
use crate::data::Source;
use crate::error::{Error, Result};
use crate::shards::{Header, Merge, Partial, Pass, Plan, cut};
use crate::simd::Real;
use crate::util::check::is_factor;
use crate::util::threads::{Pool, Threads};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis};
use std::ops::Range;

/// The sufficient statistics of a set of descriptors under a mixture.
///
/// With posteriors q_nk (times the descriptor's weight a_n) and z_nk = (x_n - mu_k)/sigma_k they hold
///
/// * N = sum_n a_n,
/// * S0_k = sum_n q_nk, shape (K,),
/// * Z1_k = sum_n q_nk z_nk, shape (K, D),
/// * Z2_k = sum_n q_nk z_nk^2, shape (K, D),
/// * the log-likelihood sum_n a_n log p(x_n), in nats,
/// * the sum of each row's largest posterior, sum_n a_n max_k q_nk,
/// * an upper bound of the posterior mass that the threshold dropped.
///
/// Statistics of disjoint sets under one mixture can be added ([`merge`](Self::merge)), subtracted
/// ([`subtract`](Self::subtract)) and scaled ([`scale`](Self::scale)). They are bound to their mixture by its
/// [`id`](GaussianMixture::id). They are the statistics of Sanchez et al. 2013, in units of the mixture's
/// means and standard deviations.
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics {
    pub(crate) mixture: u64,
    pub(crate) n: f64,
    pub(crate) log_likelihood: f64,
    pub(crate) largest: f64,
    pub(crate) dropped: f64,
    pub(crate) s0: Vec<f64>,
    pub(crate) z1: Array2<f64>,
    pub(crate) z2: Array2<f64>,
}

impl Statistics {
    /// The statistics of the empty set under `mixture`. Cost O(K D).
    #[must_use]
    pub fn empty(mixture: &GaussianMixture) -> Self {
        let shape = (mixture.n_components(), mixture.dim());
        Statistics {
            mixture: mixture.id(),
            n: 0.0,
            log_likelihood: 0.0,
            largest: 0.0,
            dropped: 0.0,
            s0: vec![0.0; shape.0],
            z1: Array2::zeros(shape),
            z2: Array2::zeros(shape),
        }
    }

    /// Statistics of `n` descriptors that were computed elsewhere: S0, shape (K,), and Z1 and Z2, shape
    /// (K, D), row by row. Nothing is known of their likelihood, which counts as 0, and so does the softness.
    ///
    /// # Errors
    /// [`Error::Dimension`] for sums of another length, [`Error::Parameter`] for one that is not finite.
    #[doc(hidden)]
    pub fn from_sums(mixture: &GaussianMixture, n: f64, s0: &[f64], z1: &[f64], z2: &[f64]) -> Result<Self> {
        let mut statistics = Statistics::empty(mixture);
        let expected = statistics.z1.len();
        for (what, expected, sums) in
            [("S0", statistics.s0.len(), s0), ("Z1", expected, z1), ("Z2", expected, z2), ("N", 1, &[n])]
        {
            let got = sums.len();
            if expected != got {
                return Err(Error::Dimension { what, expected, got });
            }
            if let Some(bad) = sums.iter().find(|x| !x.is_finite()) {
                return Err(Error::parameter("sums", "finite numbers", bad));
            }
        }
        statistics.n = n;
        statistics.s0.copy_from_slice(s0);
        statistics.z1.iter_mut().zip(z1).for_each(|(to, from)| *to = *from);
        statistics.z2.iter_mut().zip(z2).for_each(|(to, from)| *to = *from);
        Ok(statistics)
    }

    /// N: the number of descriptors, or the sum of their weights.
    #[must_use]
    pub fn n(&self) -> f64 {
        self.n
    }

    /// S0, shape (K,): the posterior mass of each component.
    #[must_use]
    pub fn s0(&self) -> ArrayView1<'_, f64> {
        ArrayView1::from(&self.s0)
    }

    /// Z1 = sum q z, shape (K, D), in standard deviations.
    #[must_use]
    pub fn z1(&self) -> ArrayView2<'_, f64> {
        self.z1.view()
    }

    /// Z2 = sum q z^2, shape (K, D).
    #[must_use]
    pub fn z2(&self) -> ArrayView2<'_, f64> {
        self.z2.view()
    }

    /// The raw moment S1 = sum q x = mu S0 + sigma Z1, shape (K, D), in the descriptors' unit.
    ///
    /// # Errors
    /// [`Error::MixtureMismatch`] if `mixture` is not the one they were accumulated under. Cost O(K D).
    pub fn s1(&self, mixture: &GaussianMixture) -> Result<Array2<f64>> {
        self.check(mixture)?;
        let s0 = self.s0().insert_axis(Axis(1));
        Ok(&mixture.means() * &s0 + mixture.covariances().sqrt() * &self.z1)
    }

    /// The raw moment S2 = sum q x^2 = mu^2 S0 + 2 mu sigma Z1 + v Z2, shape (K, D), in the unit squared.
    ///
    /// # Errors
    /// As [`s1`](Self::s1). Cost O(K D).
    pub fn s2(&self, mixture: &GaussianMixture) -> Result<Array2<f64>> {
        self.check(mixture)?;
        let (mu, v) = (mixture.means(), mixture.covariances());
        let s0 = self.s0().insert_axis(Axis(1));
        Ok(&mu * &mu * s0 + 2.0 * &mu * &v.sqrt() * &self.z1 + &v * &self.z2)
    }

    /// The log-likelihood of the set, sum_n a_n log p(x_n), in nats, without dropped components.
    #[must_use]
    pub fn log_likelihood(&self) -> f64 {
        self.log_likelihood
    }

    /// The mean log-likelihood per descriptor, in nats; `None` for an empty set.
    #[must_use]
    pub fn mean_log_likelihood(&self) -> Option<f64> {
        (self.n > 0.0).then(|| self.log_likelihood / self.n)
    }

    /// The mean of the rows' largest posteriors, from 1/K (soft) to 1 (hard); `None` for an empty set. Below
    /// about 0.7 the closed-form information, which assumes hard posteriors, is a rough approximation.
    #[must_use]
    pub fn softness(&self) -> Option<f64> {
        (self.n > 0.0).then(|| self.largest / self.n)
    }

    /// An upper bound of the posterior mass dropped by the threshold, in descriptors: the number of
    /// (descriptor, component) pairs dropped times the threshold. Divided by N it bounds the relative
    /// error of S0, and, in nats, that of the mean log-likelihood.
    #[must_use]
    pub fn dropped_bound(&self) -> f64 {
        self.dropped
    }

    /// The identity of the mixture they were accumulated under.
    #[must_use]
    pub fn mixture_id(&self) -> u64 {
        self.mixture
    }

    /// Adds the statistics of another set.
    ///
    /// # Errors
    /// [`Error::MixtureMismatch`] for statistics under another mixture; nothing is changed. Cost O(K D).
    pub fn merge(&mut self, other: &Statistics) -> Result<()> {
        self.check_like(other)?;
        self.add(other, 1.0);
        Ok(())
    }

    /// Subtracts the statistics of a subset, as if its rows had never been merged; the dropped-mass bound
    /// becomes the sum of both.
    ///
    /// The error is the rounding of what is subtracted: if the subset held sums a million times those that
    /// are left, six digits of these are lost, and one row of 1e20 leaves nothing. So do not slide a window
    /// with it over data that may hold outliers, nor subtract again and again: rounding adds up. Statistics
    /// of parts that are merged have no such error;
    /// [`Pipeline::encode_windows`](crate::Pipeline::encode_windows) does that.
    ///
    /// # Errors
    /// As [`merge`](Self::merge). Cost O(K D).
    pub fn subtract(&mut self, other: &Statistics) -> Result<()> {
        self.check_like(other)?;
        self.add(other, -1.0);
        self.dropped += 2.0 * other.dropped;
        Ok(())
    }

    /// Multiplies all statistics by `factor` (a decay, a set's weight). Cost O(K D).
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `factor` is finite and at least 0.
    pub fn scale(&mut self, factor: f64) -> Result<()> {
        is_factor(factor)?;
        let scalars = [&mut self.n, &mut self.log_likelihood, &mut self.largest, &mut self.dropped];
        scalars.into_iter().chain(&mut self.s0).for_each(|x| *x *= factor);
        self.z1 *= factor;
        self.z2 *= factor;
        Ok(())
    }

    /// Checks that they belong to `mixture`.
    pub(crate) fn check(&self, mixture: &GaussianMixture) -> Result<()> {
        check_identity(mixture.id(), self.mixture)?;
        check_shape(mixture.means().dim(), self.z1.dim())
    }

    /// Checks that `other` belong to the same mixture.
    fn check_like(&self, other: &Statistics) -> Result<()> {
        check_identity(other.mixture, self.mixture)?;
        check_shape(self.z1.dim(), other.z1.dim())
    }

    fn add(&mut self, other: &Statistics, factor: f64) {
        self.n += factor * other.n;
        self.log_likelihood += factor * other.log_likelihood;
        self.largest += factor * other.largest;
        self.dropped += factor * other.dropped;
        for (to, from) in self.s0.iter_mut().zip(&other.s0) {
            *to += factor * from;
        }
        self.z1.scaled_add(factor, &other.z1);
        self.z2.scaled_add(factor, &other.z2);
    }

    fn reset(&mut self) {
        (self.n, self.log_likelihood, self.largest, self.dropped) = (0.0, 0.0, 0.0, 0.0);
        self.s0.fill(0.0);
        for sums in [&mut self.z1, &mut self.z2] {
            sums.as_slice_mut().expect("statistics are always in standard layout").fill(0.0);
        }
    }
}

fn check_identity(expected: u64, got: u64) -> Result<()> {
    if expected == got { Ok(()) } else { Err(Error::MixtureMismatch { expected, got }) }
}

/// Bytes may say that statistics belong to a mixture which they do not fit.
fn check_shape(expected: (usize, usize), got: (usize, usize)) -> Result<()> {
    for (what, expected, got) in
        [("statistics, in components", expected.0, got.0), ("statistics, in columns", expected.1, got.1)]
    {
        if expected != got {
            return Err(Error::Dimension { what, expected, got });
        }
    }
    Ok(())
}

impl Merge for Statistics {
    fn merged(mut self, right: Self) -> Result<Self> {
        self.merge(&right)?;
        Ok(self)
    }
}

/// Memory that accumulation reuses from call to call: blocks for each thread, statistics for the branches of
/// the tree. If calls on the same model share one, later calls allocate nothing.
pub struct Workspace<F> {
    pub(crate) scratch: Pool<Scratch<F>>,
    statistics: Pool<Statistics>,
    /// Buffers of unfinished encodings.
    pub(crate) vectors: Pool<Vec<f64>>,
}

impl<F> Default for Workspace<F> {
    fn default() -> Self {
        Workspace { scratch: Pool::default(), statistics: Pool::default(), vectors: Pool::default() }
    }
}

impl<F> std::fmt::Debug for Workspace<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Workspace")
    }
}

impl<F: Real> Workspace<F> {
    /// Empty statistics under `mixture`, from the pool if it holds some of the right shape.
    pub(crate) fn take(&self, mixture: &GaussianMixture) -> Statistics {
        let shape = (mixture.n_components(), mixture.dim());
        match self.statistics.take() {
            Some(mut statistics) if statistics.z1.dim() == shape => {
                statistics.mixture = mixture.id();
                statistics.reset();
                statistics
            }
            _ => Statistics::empty(mixture),
        }
    }

    /// Returns statistics to the pool for the next call.
    pub(crate) fn give(&self, statistics: Statistics) {
        self.statistics.give(statistics);
    }
}

impl GaussianMixture {
    /// The statistics of the rows of `source`, shape (n, D), under this mixture: the one pass over the
    /// data that fitting and encoding share.
    ///
    /// Posteriors below `threshold` times the largest of their row are dropped and the rest renormalised;
    /// `None` is [`Real::THRESHOLD`] of the source's float type, 0 keeps all, 1 keeps only the largest (hard
    /// assignment).
    ///
    /// # Errors
    /// [`Error::Dimension`] unless the rows have D columns, [`Error::NotFinite`], [`Error::OutOfRange`],
    /// [`Error::Parameter`] for a threshold outside [0, 1], and the errors of the source.
    ///
    /// Cost O(n K D) for the selection, O(D) for each kept posterior; memory O(threads K D log n).
    pub fn accumulate<S: Source>(
        &self,
        source: &S,
        threshold: Option<f64>,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Statistics> {
        let rows = Rows::new(self, source, threshold, workspace)?;
        let all =
            threads.reduce(rows.plan.n_chunks(), &|chunk| rows.chunk(chunk), &|a, b| rows.merge(a, b))?;
        Ok(all.unwrap_or_else(|| workspace.take(self)))
    }

    /// The plan of a pass over `n` rows.
    #[must_use]
    pub fn plan(&self, n: usize) -> Plan {
        Plan::statistics(n, self.n_components(), self.dim())
    }

    /// The part of [`accumulate`](Self::accumulate) that some chunks of the [plan](Self::plan) of `source`
    /// make up. The parts of all chunks, merged in any order, have its bits.
    ///
    /// A holder of a part of all rows reads them through a [`Window`](crate::data::Window).
    ///
    /// # Errors
    /// As [`accumulate`](Self::accumulate); [`Error::Parameter`] for chunks beyond the plan.
    pub fn accumulate_part<S: Source>(
        &self,
        source: &S,
        chunks: Range<usize>,
        threshold: Option<f64>,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Partial<Statistics>> {
        let rows = Rows::new(self, source, threshold, workspace)?;
        let header = Header::new::<S::Real>(Pass::Mixture, rows.plan, self.id(), Some(rows.threshold));
        Partial::of(header, &chunks, threads, &|chunk| rows.chunk(chunk), &|a, b| rows.merge(a, b))
    }
}

/// A pass over all rows of a source under a mixture.
struct Rows<'a, S: Source> {
    mixture: &'a GaussianMixture,
    source: &'a S,
    threshold: f64,
    workspace: &'a Workspace<S::Real>,
    plan: Plan,
}

impl<'a, S: Source> Rows<'a, S> {
    fn new(
        mixture: &'a GaussianMixture,
        source: &'a S,
        threshold: Option<f64>,
        workspace: &'a Workspace<S::Real>,
    ) -> Result<Self> {
        mixture.check_dim(source)?;
        let threshold = check_threshold::<S::Real>(threshold)?;
        Ok(Rows { mixture, source, threshold, workspace, plan: mixture.plan(source.n_rows()) })
    }

    fn chunk(&self, chunk: usize) -> Result<Statistics> {
        let (kernel, rows) = (self.mixture.kernel::<S::Real>(), self.plan.items(chunk..chunk + 1));
        let mut statistics = self.workspace.take(self.mixture);
        let mut scratch = self.workspace.scratch.take().unwrap_or_default();
        let done = chunk_statistics(kernel, self.source, rows, self.threshold, &mut scratch, &mut statistics);
        self.workspace.scratch.give(scratch);
        done.map(|()| statistics)
    }

    fn merge(&self, mut a: Statistics, b: Statistics) -> Statistics {
        a.add(&b, 1.0);
        self.workspace.give(b);
        a
    }
}

fn chunk_statistics<S: Source>(
    kernel: &Kernel<S::Real>,
    source: &S,
    rows: Range<usize>,
    threshold: f64,
    scratch: &mut Scratch<S::Real>,
    statistics: &mut Statistics,
) -> Result<()> {
    let components = statistics.s0.len() as f64;
    let blocks = rows.len().div_ceil(kernel.block_rows());
    for block in 0..blocks {
        let (from, to) = (cut(rows.len(), blocks, block), cut(rows.len(), blocks, block + 1));
        let block = rows.start + from..rows.start + to;
        scratch.posteriors(kernel, source, block.clone(), threshold)?;
        let weights = source.weights().map(|weights| &weights[block]);
        let mut n = 0.0;
        for (i, row) in scratch.rows().enumerate() {
            let weight = weights.map_or(1.0, |weights| weights[i]);
            if weight == 0.0 {
                continue;
            }
            n += weight;
            statistics.log_likelihood += weight * row.log_likelihood;
            statistics.largest += weight * row.largest;
        }
        statistics.n += n;
        statistics.dropped += threshold * (components * n - scratch.weighted_pairs(weights)).max(0.0);
        let (Some(z1), Some(z2)) = (statistics.z1.as_slice_mut(), statistics.z2.as_slice_mut()) else {
            unreachable!("statistics are always in standard layout");
        };
        scratch.accumulate(kernel, weights, &mut Sums { s0: &mut statistics.s0, z1, z2 });
    }
    Ok(())
}
