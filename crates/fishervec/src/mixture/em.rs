//! Fits by expectation maximization.

use super::gaussian::GaussianMixture;
use super::init;
use super::m_step::Limits;
use super::params::{GaussianMixtureParams, Init};
use super::report::{FitReport, Repair};
use super::statistics::Workspace;
use crate::data::{Moments, Source};
use crate::error::{Error, Result};
use crate::util::check::{at_least, has_columns};
use crate::util::context::{Context, Progress};
use crate::util::threads::Threads;

/// The outcome of a fit.
#[derive(Debug, Clone)]
pub struct Fit {
    /// The fitted mixture.
    pub mixture: GaussianMixture,
    /// The report of the fit.
    pub report: FitReport,
}

impl GaussianMixtureParams {
    /// Fits a mixture to the rows of `source`, shape (n, D), on all cores; see [`fit_with`](Self::fit_with).
    ///
    /// # Errors
    /// As [`fit_with`](Self::fit_with).
    pub fn fit<S: Source>(&self, source: &S) -> Result<GaussianMixture> {
        self.fit_with(source, &mut Context::new()).map(|fit| fit.mixture)
    }

    /// Fits a mixture to the rows of `source`, shape (n, D), by expectation maximization (Dempster, Laird
    /// and Rubin 1977): from the statistics under the current mixture, per component,
    ///
    /// w' = S0/N, mu' = mu + sigma Z1/S0, v' = v (Z2/S0 - (Z1/S0)^2) + reg_covar, at least the floor.
    ///
    /// A fit that does not converge is not an error: see [`FitReport::converged`]. The same rows, settings
    /// and instruction set give the same bits for any number of threads.
    ///
    /// # Errors
    /// [`Error::TooFewRows`] for fewer than 2 rows of positive weight per component, [`Error::Parameter`] for
    /// a setting out of range, [`Error::Dimension`] for a given start of another shape,
    /// [`Error::Interrupted`], and the errors of [`GaussianMixture::accumulate`].
    ///
    /// Cost O(n K D) per iteration; memory O(threads K D log n) beside the source.
    pub fn fit_with<S: Source>(&self, source: &S, context: &mut Context<'_>) -> Result<Fit> {
        let limits = self.prepare(source, &context.pool()?)?;
        let starts = if self.init.given().is_some() { 1 } else { self.n_init };
        let mut best = self.fit_once(source, &limits, 0, context);
        for start in 1..starts {
            // A start that leads out of range is abandoned, since others may not; any other error ends the
            // fit.
            match &best {
                Err(error) if !matches!(error.cause(), Error::OutOfRange { .. }) => break,
                _ => {}
            }
            let fit = self.fit_once(source, &limits, start, context);
            best = match (best, fit) {
                (Ok(old), Ok(new)) if new.report.lower_bound() <= old.report.lower_bound() => Ok(old),
                (Ok(old), Err(error)) if matches!(error.cause(), Error::OutOfRange { .. }) => Ok(old),
                (_, fit) => fit,
            };
        }
        best
    }

    /// The mixture that the first start begins from, which is the result of a fit without iterations. Change
    /// it and pass it as [`Init::Given`] to fix a part of a start.
    ///
    /// # Errors
    /// As [`fit_with`](Self::fit_with). Cost: that of a few iterations on a sample of 256 rows per component.
    pub fn start_with<S: Source>(&self, source: &S, context: &mut Context<'_>) -> Result<GaussianMixture> {
        let threads = context.pool()?;
        let limits = self.prepare(source, &threads)?;
        init::start(self, source, &limits, self.seed, &threads)
    }

    /// Checks settings and rows, and computes the variance limits from the moments of the rows.
    fn prepare<S: Source>(&self, source: &S, threads: &Threads) -> Result<Limits> {
        self.check()?;
        let expected = self.n_components.saturating_mul(2);
        at_least("to fit a mixture (2 per component)", expected, source.n_positive())?;
        has_columns(source.dim())?;
        Ok(Limits::new(self, &Moments::of(source, threads)?))
    }

    /// Fits once, from one start.
    fn fit_once<S: Source>(
        &self,
        source: &S,
        limits: &Limits,
        start: usize,
        context: &mut Context<'_>,
    ) -> Result<Fit> {
        let (threads, seed) = (context.pool()?, self.seed.wrapping_add(start as u64));
        let mut mixture = init::start(self, source, limits, seed, &threads)?;
        let mut report = FitReport { seed, ..FitReport::default() };
        let workspace = Workspace::default();
        let mut previous = match self.init {
            Init::Continued(_, lower_bound) => lower_bound,
            _ => f64::NEG_INFINITY,
        };
        let mut repaired = false;
        for iteration in 1..=self.max_iter {
            let statistics = mixture.accumulate(source, self.threshold, &threads, &workspace)?;
            let lower_bound = statistics.log_likelihood() / statistics.n();
            let change = lower_bound - previous;
            let (next, changes) = limits.m_step(&mixture, &statistics)?;
            mixture = next;
            report.n = statistics.n();
            report.softness = statistics.softness().unwrap_or(0.0);
            report.dropped = statistics.dropped_bound() / statistics.n();
            report.lower_bounds.push(lower_bound);
            report.dead = changes.dead;
            context.report(&Progress { start, iteration, max_iter: self.max_iter, lower_bound, change });
            // A repair changes the likelihood: neither its own iteration nor the next says anything about
            // convergence.
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
