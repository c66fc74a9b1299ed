//! Expectation maximization as an object: statistics of all rows in, the next mixture out.

use super::gaussian::GaussianMixture;
use super::init;
use super::m_step::Limits;
use super::params::{GaussianMixtureParams, Init};
use super::report::{FitReport, Repair};
use super::statistics::Statistics;
use crate::data::Source;
use crate::error::{Error, Result};
use crate::util::check::at_least;
use crate::util::context::Context;
use std::ops::ControlFlow;

/// The outcome of a fit.
#[derive(Debug, Clone)]
pub struct Fit {
    /// The fitted mixture.
    pub mixture: GaussianMixture,
    /// The report of the fit.
    pub report: FitReport,
}

/// A fit under way by expectation maximization (Dempster, Laird and Rubin 1977): it takes the statistics of
/// all rows under [`mixture`](Self::mixture) and moves on to the mixture that maximizes the expected
/// log-likelihood, until it says that it is done.
///
/// Per component, w' = S0/N, mu' = mu + sigma Z1/S0, v' = v (Z2/S0 - (Z1/S0)^2) + reg_covar, at least the
/// floor. [`GaussianMixtureParams::fit_with`] is this and a loop; so statistics may as well come from several
/// machines ([`Partial`](crate::shards::Partial)), with the same bits.
///
/// ```
/// use fishervec::data::Moments;
/// use fishervec::mixture::{Climb, GaussianMixture};
/// use fishervec::ndarray::Array2;
/// use fishervec::run::{Threads, Workspace};
///
/// let rows = Array2::from_shape_fn((3000, 2), |(i, j)| ((i * (j + 3)) % 17) as f64);
/// let (threads, workspace) = (Threads::one(), Workspace::default());
/// let params = GaussianMixture::builder(3);
/// let start = params.start_with(&rows, &mut fishervec::Context::new())?;
/// let mut climb = Climb::new(params.clone(), start, &Moments::of(&rows, &threads)?.positive_variance())?;
/// while !climb.is_done() {
///     climb.step(&climb.mixture().accumulate(&rows, climb.threshold(), &threads, &workspace)?)?;
/// }
/// assert_eq!(climb.into_fit().mixture, params.fit(&rows)?);
/// # Ok::<(), fishervec::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Climb {
    /// The settings; a given start is left out.
    pub(crate) params: GaussianMixtureParams,
    pub(crate) mixture: GaussianMixture,
    limits: Limits,
    /// The mean log-likelihood before the last one.
    pub(crate) previous: f64,
    /// Whether the last iteration repaired a component.
    pub(crate) repaired: bool,
    pub(crate) report: FitReport,
}

impl Climb {
    /// A fit that begins with the mixture `start`. The floors of the variances are relative to `scale`, shape
    /// (D,): the variance of the rows in each column, above 0
    /// ([`Moments::positive_variance`](crate::data::Moments::positive_variance)).
    ///
    /// # Errors
    /// [`Error::Parameter`] for a setting out of range or a scale that is not positive, [`Error::Dimension`]
    /// for a start of another shape than the settings and the scale.
    pub fn new(params: GaussianMixtureParams, start: GaussianMixture, scale: &[f64]) -> Result<Self> {
        params.check()?;
        let (expected, got) = (params.n_components, start.n_components());
        if expected != got {
            return Err(Error::Dimension { what: "components of the given start", expected, got });
        }
        let (expected, got) = (start.dim(), scale.len());
        if expected != got {
            return Err(Error::Dimension { what: "the scale", expected, got });
        }
        let previous = match params.init {
            Init::Continued(_, lower_bound) => lower_bound,
            _ => f64::NEG_INFINITY,
        };
        let limits = Limits::new(&params, scale.to_vec())?;
        let report = FitReport { seed: params.seed, ..FitReport::default() };
        let named = params.init.given().is_none();
        let params = if named { params } else { GaussianMixtureParams { init: Init::default(), ..params } };
        Ok(Climb { params, mixture: start, limits, previous, repaired: false, report })
    }

    /// A fit that begins as the settings say: with the given mixture, or with k-means on `sample`, which
    /// holds the rows of [`GaussianMixtureParams::start_rows`] of all rows, or all of them.
    ///
    /// # Errors
    /// As [`new`](Self::new) and [`GaussianMixtureParams::start_with`].
    pub fn start<S: Source>(
        params: &GaussianMixtureParams,
        sample: &S,
        scale: &[f64],
        context: &mut Context<'_>,
    ) -> Result<Self> {
        params.check()?;
        let limits = Limits::new(params, scale.to_vec())?;
        let start = init::start(params, sample, &limits, params.seed, &context.pool()?)?;
        Climb::new(params.clone(), start, scale)
    }

    /// The mixture that the next statistics are taken under.
    #[must_use]
    pub fn mixture(&self) -> &GaussianMixture {
        &self.mixture
    }

    /// The threshold that they are taken with.
    #[must_use]
    pub fn threshold(&self) -> Option<f64> {
        self.params.threshold
    }

    /// The variance of the rows in each column that the floors are relative to, shape (D,).
    #[must_use]
    pub fn scale(&self) -> &[f64] {
        self.limits.global()
    }

    /// Whether it has converged, or made as many iterations as it may.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.report.converged || self.report.n_iter() >= self.params.max_iter
    }

    /// One iteration, from the statistics of all rows under [`mixture`](Self::mixture); `Break` once it
    /// [is done](Self::is_done).
    ///
    /// # Errors
    /// [`Error::MixtureMismatch`] for statistics under another mixture (of an earlier round),
    /// [`Error::TooFewRows`] for those of no rows, [`Error::Parameter`] for a mixture out of range; nothing
    /// is changed. Cost O(K D).
    pub fn step(&mut self, statistics: &Statistics) -> Result<ControlFlow<()>> {
        statistics.check(&self.mixture)?;
        at_least("for an iteration of a fit", 1, usize::from(statistics.n() > 0.0))?;
        let (next, changes) = self.limits.m_step(&self.mixture, statistics)?;
        let lower_bound = statistics.log_likelihood() / statistics.n();
        let change = lower_bound - self.previous;
        self.mixture = next;
        self.previous = lower_bound;
        // A repair changes the likelihood: neither its own iteration nor the next says anything about
        // convergence.
        let settled = changes.repairs.is_empty() && !self.repaired;
        self.repaired = !changes.repairs.is_empty();
        let report = &mut self.report;
        report.n = statistics.n();
        report.softness = statistics.softness().unwrap_or(0.0);
        report.dropped = statistics.dropped_bound() / statistics.n();
        report.lower_bounds.push(lower_bound);
        report.dead = changes.dead;
        let iteration = report.n_iter();
        report.repairs.extend(changes.repairs.iter().map(|repair| Repair { iteration, ..*repair }));
        report.converged = settled && change.abs() < self.params.tol;
        Ok(if self.is_done() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// The report so far.
    #[must_use]
    pub fn report(&self) -> &FitReport {
        &self.report
    }

    /// The mixture and the report.
    #[must_use]
    pub fn into_fit(self) -> Fit {
        Fit { mixture: self.mixture, report: self.report }
    }
}
