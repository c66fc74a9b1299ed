//! Fitting by expectation maximization.

use super::gaussian::GaussianMixture;
use super::init;
use super::m_step::Limits;
use super::params::{GaussianMixtureParams, Init};
use super::report::{FitReport, Progress, Repair};
use super::statistics::Workspace;
use crate::data::{Moments, Source};
use crate::error::{Error, Result};
use crate::util::check::at_least;
use crate::util::threads::Threads;
use std::ops::ControlFlow;

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
}
