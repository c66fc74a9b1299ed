//! Fits by expectation maximization.

use super::climb::{Climb, Fit};
use super::gaussian::GaussianMixture;
use super::init;
use super::m_step::Limits;
use super::params::GaussianMixtureParams;
use super::statistics::Workspace;
use crate::data::{Moments, Source, sample_rows};
use crate::error::{Error, Result};
use crate::shards::pass;
use crate::util::check::{at_least, has_columns};
use crate::util::context::{Context, Progress};

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
    /// A fit that does not converge is not an error: see
    /// [`FitReport::converged`](super::FitReport::converged). The same rows, settings and instruction set
    /// give the same bits for any number of threads.
    ///
    /// # Errors
    /// [`Error::TooFewRows`] for fewer than 2 rows of positive weight per component, [`Error::Parameter`] for
    /// a setting out of range, [`Error::Dimension`] for a given start of another shape,
    /// [`Error::Interrupted`], and the errors of [`GaussianMixture::accumulate`].
    ///
    /// Cost O(n K D) per iteration; memory O(threads K D log n) beside the source.
    pub fn fit_with<S: Source>(&self, source: &S, context: &mut Context<'_>) -> Result<Fit> {
        let limits = self.prepare(source, context)?;
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
    /// it and pass it as [`Init::Given`](super::Init::Given) to fix a part of a start.
    ///
    /// # Errors
    /// As [`fit_with`](Self::fit_with). Cost: that of a few iterations on a sample of 256 rows per component.
    pub fn start_with<S: Source>(&self, source: &S, context: &mut Context<'_>) -> Result<GaussianMixture> {
        let limits = self.prepare(source, context)?;
        let threads = context.pool()?;
        init::start(self, source, &limits, self.seed, &threads)
    }

    /// The rows, of `n`, that a start is computed on: those that [`start_with`](Self::start_with) draws of
    /// rows without weights. A given start needs none.
    ///
    /// Cost O(256 K log K).
    #[must_use]
    pub fn start_rows(&self, n: usize) -> Vec<usize> {
        sample_rows(n, init::rows(self), self.seed)
    }

    /// Checks settings and rows, and computes the variance limits from the moments of the rows.
    fn prepare<S: Source>(&self, source: &S, context: &mut Context<'_>) -> Result<Limits> {
        self.check()?;
        let expected = self.n_components.saturating_mul(2);
        at_least("to fit a mixture (2 per component)", expected, source.n_positive())?;
        has_columns(source.dim())?;
        source.keep(&context.pool()?)?;
        Limits::new(self, Moments::in_context(source, context)?.positive_variance())
    }

    /// Fits once, from one start.
    fn fit_once<S: Source>(
        &self,
        source: &S,
        limits: &Limits,
        start: usize,
        context: &mut Context<'_>,
    ) -> Result<Fit> {
        let (threads, stage) = (context.pool()?, context.stage());
        let (workspace, name) = (Workspace::default(), format!("{stage}.fit"));
        let kept = context.keeper().and_then(|keep| Climb::from_bytes(keep.get(&name)?).ok());
        let mut climb = match kept {
            Some(climb) => climb,
            None => {
                let seed = self.seed.wrapping_add(start as u64);
                let mixture = init::start(self, source, limits, seed, &threads)?;
                let climb =
                    Climb::new(GaussianMixtureParams { seed, ..self.clone() }, mixture, limits.global())?;
                context.put(&name, || climb.to_bytes())?;
                climb
            }
        };
        while !climb.is_done() {
            let before = climb.previous;
            let part = |chunks| {
                climb.mixture().accumulate_part(source, chunks, self.threshold, &threads, &workspace)
            };
            let statistics = pass(context, &stage, &part)?.unwrap_or_else(|| workspace.take(climb.mixture()));
            let _ = climb.step(&statistics)?;
            context.put(&name, || climb.to_bytes())?;
            let (iteration, lower_bound) = (climb.report().n_iter(), climb.report().lower_bound());
            let change = lower_bound - before;
            context.report(&Progress { start, iteration, max_iter: self.max_iter, lower_bound, change });
            workspace.give(statistics);
        }
        Ok(climb.into_fit())
    }
}
