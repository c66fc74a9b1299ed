//! Fitting by expectation maximization.

use super::{GaussianMixture, Statistics, Workspace, check_threshold, init, kmeans};
use crate::descriptors::Source;
use crate::error::{Error, Result};
use crate::kernel::Real;
use crate::moments::Moments;
use crate::parallel::Threads;
use crate::rng::at_least;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

pub use init::Init;

/// Settings of a mixture fit; the names are scikit-learn's.
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianMixtureParams {
    /// Number of components K.
    pub n_components: usize,
    /// Converged once an iteration changes the mean log-likelihood by less than this, in nats.
    pub tol: f64,
    /// Most iterations.
    pub max_iter: usize,
    /// Smallest variance, relative to the variance of all rows in the same dimension (a dimension that
    /// does not vary counts with the mean variance of the others). Does not depend on units.
    pub variance_floor: f64,
    /// Added to every variance, in the descriptors' unit squared.
    pub reg_covar: f64,
    /// Posterior threshold of the expectation step; `None` is [`Real::THRESHOLD`].
    pub threshold: Option<f64>,
    /// Where to start.
    pub init: Init,
    /// Starts to try, with the seeds `seed`, `seed + 1`, ...; the fit of the largest likelihood is kept. A
    /// given start is tried once.
    pub n_init: usize,
    /// Seed of the start.
    pub seed: u64,
}

impl Default for GaussianMixtureParams {
    fn default() -> Self {
        GaussianMixtureParams {
            n_components: 64,
            tol: 1e-3,
            max_iter: 100,
            variance_floor: 1e-3,
            reg_covar: 0.0,
            threshold: None,
            init: Init::KMeans,
            n_init: 1,
            seed: 0,
        }
    }
}

/// What a running fit reports after each iteration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// The start it belongs to, from 0.
    pub start: usize,
    /// The iteration just done, from 1.
    pub iteration: usize,
    /// Most iterations there can be.
    pub max_iter: usize,
    /// Mean log-likelihood of the rows under the mixture this iteration started from, in nats.
    pub lower_bound: f64,
    /// Its change; infinite in the first iteration.
    pub change: f64,
}

/// A component that had lost its mass and was given half of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repair {
    /// The iteration it happened in, from 1.
    pub iteration: usize,
    /// The component without mass.
    pub component: usize,
    /// The component that was split.
    pub donor: usize,
}

/// How a fit went; kept in the model file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitReport {
    /// Whether the last change was below `tol`; where not, the mixture is still the best so far.
    pub converged: bool,
    /// Mean log-likelihood in nats at the start of each iteration, shape (n_iter,). It never falls by more
    /// than the threshold allows (at most K times the threshold), except where a component was repaired or
    /// a variance held at its floor.
    pub lower_bounds: Vec<f64>,
    /// Components that were repaired.
    pub repairs: Vec<Repair>,
    /// Components that could not be: their weight is 0 and they are never used.
    pub dead: Vec<usize>,
    /// Number of rows, or the sum of their weights.
    pub n: f64,
    /// The mean of the rows' largest posteriors: [`Statistics::softness`] at the last iteration.
    pub softness: f64,
    /// An upper bound of the share of posterior mass that the threshold dropped, at the last iteration.
    pub dropped: f64,
    /// Seed of the start that was kept.
    pub seed: u64,
}

impl FitReport {
    /// Iterations done.
    #[must_use]
    pub fn n_iter(&self) -> usize {
        self.lower_bounds.len()
    }

    /// The last of the lower bounds, in nats.
    #[must_use]
    pub fn lower_bound(&self) -> f64 {
        self.lower_bounds.last().copied().unwrap_or(f64::NEG_INFINITY)
    }
}

/// The outcome of a fit.
#[derive(Debug, Clone)]
pub struct Fit {
    /// The fitted mixture.
    pub mixture: GaussianMixture,
    /// How it went.
    pub report: FitReport,
}

impl GaussianMixtureParams {
    /// Fits a mixture to the rows of `source`, shape (n, D), by expectation maximization (Dempster, Laird
    /// and Rubin 1977): from the statistics under the current mixture, per component,
    ///
    /// w' = S0/N, mu' = mu + sigma Z1/S0, v' = v (Z2/S0 - (Z1/S0)^2) + reg_covar, at least the floor.
    ///
    /// `progress` hears of each iteration and can stop the fit. Not converging is no error: see
    /// [`FitReport::converged`]. Same rows, settings and instruction set, same bits, for any number of threads.
    ///
    /// # Errors
    /// [`Error::TooFewRows`] below 2 rows of positive weight a component, [`Error::Parameter`] for a setting
    /// out of range, [`Error::Dimension`] for a start of another shape, [`Error::Cancelled`], and the errors
    /// of [`GaussianMixture::accumulate`].
    ///
    /// Cost O(n K D) an iteration; memory O(threads K D log n) beside the source.
    pub fn fit<S: Source>(
        &self,
        source: &S,
        threads: &Threads,
        progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Fit> {
        let limits = self.prepare(source, threads)?;
        let starts = if self.init.given().is_some() { 1 } else { self.n_init };
        let mut best: Result<Fit> = Err(Error::Cancelled { iterations: 0 });
        for start in 0..starts {
            let seed = self.seed.wrapping_add(start as u64);
            let fit = self.climb(source, &limits, (start, seed), threads, progress);
            match (&fit, &best) {
                // A start that leads out of range is given up; others may not.
                (Err(error), _) if !matches!(error.cause(), Error::OutOfRange { .. }) => return fit,
                (Err(_), Ok(_)) => {}
                (Ok(new), Ok(old)) if new.report.lower_bound() <= old.report.lower_bound() => {}
                _ => best = fit,
            }
        }
        best
    }

    /// The mixture the first start begins from: what a fit of no iterations would be. Change it and give it
    /// back as [`Init::Given`] to fix a part of a start.
    ///
    /// # Errors
    /// As [`fit`](Self::fit). Cost: that of a few iterations on a sample of 256 rows a component.
    pub fn start<S: Source>(&self, source: &S, threads: &Threads) -> Result<GaussianMixture> {
        let limits = self.prepare(source, threads)?;
        init::start(self, source, &limits, self.seed, threads)
    }

    /// Checks settings and rows, and takes the rows' moments.
    fn prepare<S: Source>(&self, source: &S, threads: &Threads) -> Result<Limits> {
        self.check::<S::Real>()?;
        let expected = self.n_components.saturating_mul(2);
        at_least("to fit a mixture (2 a component)", expected, source.n_positive())?;
        Ok(Limits::new(self, &Moments::of(source, threads)?))
    }

    /// One fit, from one start.
    fn climb<S: Source>(
        &self,
        source: &S,
        limits: &Limits,
        (start, seed): (usize, u64),
        threads: &Threads,
        progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Fit> {
        let mut mixture = init::start(self, source, limits, seed, threads)?;
        let mut report = FitReport { seed, ..FitReport::default() };
        let workspace = Workspace::default();
        let mut previous = match self.init {
            Init::Continued(_, lower_bound) => lower_bound,
            _ => f64::NEG_INFINITY,
        };
        let mut repaired = false;
        for iteration in 1..=self.max_iter {
            let statistics = mixture.accumulate(source, self.threshold, threads, &workspace)?;
            let lower_bound = statistics.log_likelihood() / statistics.n();
            let change = lower_bound - previous;
            let (next, changes) = limits.maximize(&mixture, &statistics)?;
            mixture = next;
            report.n = statistics.n();
            report.softness = statistics.softness().unwrap_or(0.0);
            report.dropped = statistics.dropped_bound() / statistics.n();
            report.lower_bounds.push(lower_bound);
            report.dead = changes.dead;
            let news = Progress { start, iteration, max_iter: self.max_iter, lower_bound, change };
            if progress(&news).is_break() {
                return Err(Error::Cancelled { iterations: iteration });
            }
            // A repair starts a new climb: neither its own step nor the next tells of convergence.
            let settled = changes.repairs.is_empty() && !repaired;
            repaired = !changes.repairs.is_empty();
            report.repairs.extend(changes.repairs.iter().map(|repair| Repair { iteration, ..*repair }));
            if settled && change.abs() < self.tol {
                report.converged = true;
                break;
            }
            previous = lower_bound;
            workspace.give(statistics);
        }
        Ok(Fit { mixture, report })
    }

    fn check<F: Real>(&self) -> Result<()> {
        let at_least_zero = |name: &'static str, x: f64| {
            if x.is_finite() && x >= 0.0 {
                return Ok(());
            }
            Err(Error::parameter(name, "a finite number of at least 0", x))
        };
        let at_least_one = |name: &'static str, n: usize| {
            if n >= 1 { Ok(()) } else { Err(Error::parameter(name, "at least 1", n)) }
        };
        at_least_one("n_components", self.n_components)?;
        at_least_one("max_iter", self.max_iter)?;
        at_least_one("n_init", self.n_init)?;
        at_least_zero("tol", self.tol)?;
        at_least_zero("variance_floor", self.variance_floor)?;
        at_least_zero("reg_covar", self.reg_covar)?;
        check_threshold::<F>(self.threshold).map(|_| ())
    }
}

/// What a maximization did beside the formulas.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) repairs: Vec<Repair>,
    pub(super) dead: Vec<usize>,
}

/// The bounds of the variances, and the maximization step that keeps them.
pub(super) struct Limits {
    /// Variance of all rows, per dimension; the mean variance where a dimension does not vary.
    global: Vec<f64>,
    floor: Vec<f64>,
    reg_covar: f64,
}

/// A component with less than this share of the mass has none.
const DEAD_SHARE: f64 = 1e-8;

impl Limits {
    pub(super) fn new(params: &GaussianMixtureParams, moments: &Moments) -> Self {
        let variance = moments.variance();
        let d = variance.len() as f64;
        // Rows that are all alike have no variance to be relative to; their size stands in, or 1.
        let size = moments.mean.iter().map(|mean| mean * mean).sum::<f64>() / d;
        let candidates = [variance.iter().sum::<f64>() / d, size, 1.0];
        let typical = candidates.into_iter().find(|x| *x > 0.0).unwrap_or(1.0);
        let global: Vec<f64> =
            variance.iter().map(|v| if *v > 1e-12 * typical { *v } else { typical }).collect();
        // The absolute part only keeps a variance positive where both settings are 0.
        let floor = global.iter().map(|v| v * params.variance_floor.max(1e-12)).collect();
        Limits { global, floor, reg_covar: params.reg_covar }
    }

    /// Variance of all rows, shape (D,), made positive.
    pub(super) fn global(&self) -> &[f64] {
        &self.global
    }

    pub(super) fn typical_variance(&self) -> f64 {
        self.global.iter().sum::<f64>() / self.global.len() as f64
    }

    /// The mixture that maximizes the expected log-likelihood given `statistics`, with floors and repairs.
    pub(super) fn maximize(
        &self,
        mixture: &GaussianMixture,
        statistics: &Statistics,
    ) -> Result<(GaussianMixture, Changes)> {
        let (k, d) = mixture.means.dim();
        let mut weights = statistics.s0().to_owned() / statistics.n();
        let mut means = kmeans::means(mixture, statistics);
        let mut covariances = mixture.covariances.clone();
        let mut dead = Vec::new();
        for c in 0..k {
            if weights[c] < DEAD_SHARE {
                dead.push(c);
                weights[c] = 0.0;
                means.row_mut(c).assign(&mixture.means.row(c));
                continue;
            }
            let mass = statistics.s0[c];
            for j in 0..d {
                let (first, second) = (statistics.z1[[c, j]] / mass, statistics.z2[[c, j]] / mass);
                let v = covariances[[c, j]] * (second - first * first) + self.reg_covar;
                covariances[[c, j]] = v.max(self.floor[j]);
            }
        }
        let mut changes = Changes::default();
        for c in dead {
            match self.donor(&weights, &covariances) {
                Some((donor, j)) => {
                    // Two halves, half a standard deviation to either side in one dimension, with the same
                    // mean and variance together as before.
                    let half = weights[donor] / 2.0;
                    (weights[c], weights[donor]) = (half, half);
                    let v = covariances[[donor, j]];
                    covariances[[donor, j]] = (0.75 * v).max(self.floor[j]);
                    let (twin, centre) = (covariances.row(donor).to_owned(), means.row(donor).to_owned());
                    covariances.row_mut(c).assign(&twin);
                    means.row_mut(c).assign(&centre);
                    means[[donor, j]] -= 0.5 * v.sqrt();
                    means[[c, j]] += 0.5 * v.sqrt();
                    changes.repairs.push(Repair { iteration: 0, component: c, donor });
                }
                None => changes.dead.push(c),
            }
        }
        weights /= weights.sum();
        Ok((GaussianMixture::new(weights, means, covariances)?, changes))
    }

    /// The component that explains the most scatter and the dimension it is widest in, both relative to the
    /// variance of all rows; `None` if no component is wider than its floor.
    fn donor(
        &self,
        weights: &ndarray::Array1<f64>,
        covariances: &ndarray::Array2<f64>,
    ) -> Option<(usize, usize)> {
        let mut best: Option<(f64, usize, usize)> = None;
        for (c, (w, v)) in weights.iter().zip(covariances.outer_iter()).enumerate() {
            let relative: Vec<f64> = v.iter().zip(&self.global).map(|(v, global)| v / global).collect();
            let scatter = w * relative.iter().sum::<f64>();
            let widest = (0..relative.len()).max_by(|a, b| relative[*a].total_cmp(&relative[*b]))?;
            let splits = v[widest] > 2.0 * self.floor[widest] && *w > 0.0;
            if splits && best.is_none_or(|(most, _, _)| scatter > most) {
                best = Some((scatter, c, widest));
            }
        }
        best.map(|(_, c, j)| (c, j))
    }
}
