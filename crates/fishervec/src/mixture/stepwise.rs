//! Stepwise expectation maximization: a fit to rows that come a few thousand at a time.

use super::climb::Fit;
use super::gaussian::GaussianMixture;
use super::init;
use super::m_step::{DEAD_SHARE, Limits};
use super::params::{GaussianMixtureParams, Init};
use super::report::{FitReport, Repair};
use super::schedule::StepwiseParams;
use super::statistics::{Statistics, Workspace};
use crate::data::{Cursors, Moments, OwnedDescriptors, Source};
use crate::error::{Error, Result};
use crate::util::check::{at_least, has_columns};
use crate::util::context::{Context, Progress};
use ndarray::{Array1, Array2};

/// A fit under way by stepwise expectation maximization (Cappe and Moulines 2009): it takes the statistics of
/// some rows under [`mixture`](Self::mixture) at a time, and each time moves on.
///
/// The t-th step moves the running statistics S to (1 - g) S + g s, with s those of the step's rows, per row,
/// and g = (t + delay)^-exponent; the next mixture maximizes the expected log-likelihood under them. They are
/// kept as the share, mean and variance of each component, so that a large offset costs no digits.
///
/// One pass over rows in random order is worth ten or more iterations of expectation maximization. Rows that
/// follow each other in a file are alike, and a step of them is worse than useless: [`run`](Self::run) takes
/// the rows of a step from many places.
///
/// ```
/// use fishervec::mixture::{GaussianMixture, Stepwise, StepwiseParams};
/// use fishervec::ndarray::{Array2, s};
/// use fishervec::run::{Threads, Workspace};
/// use fishervec::Context;
///
/// let rows = Array2::from_shape_fn((6000, 2), |(i, j)| ((i * (j + 3)) % 17) as f64);
/// let (threads, workspace) = (Threads::one(), Workspace::default());
/// let (first, params) = (rows.slice(s![..500, ..]), GaussianMixture::builder(3));
/// let mut fit = Stepwise::start(&params, StepwiseParams::default(), &first, &mut Context::new())?;
/// for part in rows.axis_chunks_iter(fishervec::ndarray::Axis(0), 500) {
///     fit.step(&fit.mixture().accumulate(&part, fit.threshold(), &threads, &workspace)?)?;
/// }
/// assert_eq!(fit.report().steps, 12);
/// # Ok::<(), fishervec::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Stepwise {
    /// The settings of the mixture; a given start is left out.
    pub(super) params: GaussianMixtureParams,
    pub(super) schedule: StepwiseParams,
    pub(super) mixture: GaussianMixture,
    pub(super) limits: Limits,
    pub(super) running: Running,
    /// The number of steps, those without rows too.
    pub(super) steps: usize,
    pub(super) report: FitReport,
    /// The mean log-likelihood, the softness and the dropped mass, averaged as the statistics are.
    pub(super) means: Option<[f64; 3]>,
}

/// The share, mean and variance of each component.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Running {
    pub(super) shares: Array1<f64>,
    pub(super) means: Array2<f64>,
    pub(super) variances: Array2<f64>,
}

impl Stepwise {
    /// A fit that begins with the mixture `start`. The floors of the variances are relative to `scale`, shape
    /// (D,): the variance of the rows in each column, above 0.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a setting out of range or a scale that is not positive, [`Error::Dimension`]
    /// for a start of another shape than the settings and the scale.
    pub fn new(
        params: GaussianMixtureParams,
        schedule: StepwiseParams,
        start: GaussianMixture,
        scale: &[f64],
    ) -> Result<Self> {
        params.check()?;
        schedule.check()?;
        let components = ("components of the given start", params.n_components, start.n_components());
        for (what, expected, got) in [components, ("the scale", start.dim(), scale.len())] {
            if expected != got {
                return Err(Error::Dimension { what, expected, got });
            }
        }
        let limits = Limits::new(&params, scale.to_vec())?;
        let running = Running {
            shares: start.weights().to_owned(),
            means: start.means().to_owned(),
            variances: start.covariances().to_owned(),
        };
        let report = FitReport { seed: params.seed, ..FitReport::default() };
        let named = params.init.given().is_none();
        let params = if named { params } else { GaussianMixtureParams { init: Init::default(), ..params } };
        Ok(Stepwise { params, schedule, mixture: start, limits, running, steps: 0, report, means: None })
    }

    /// A fit that begins as the settings say, with the given mixture or with k-means on `sample`; the floors
    /// are relative to the variance of `sample`.
    ///
    /// # Errors
    /// As [`new`](Self::new) and [`GaussianMixtureParams::start_with`].
    pub fn start<S: Source>(
        params: &GaussianMixtureParams,
        schedule: StepwiseParams,
        sample: &S,
        context: &mut Context<'_>,
    ) -> Result<Self> {
        params.check()?;
        schedule.check()?;
        at_least("to fit a mixture (2 per component)", 2 * params.n_components, sample.n_positive())?;
        has_columns(sample.dim())?;
        let threads = context.pool()?;
        let limits = Limits::new(params, Moments::of(sample, &threads)?.positive_variance())?;
        let start = init::start(params, sample, &limits, params.seed, &threads)?;
        Self::new(params.clone(), schedule, start, limits.global())
    }

    /// The mixture that the next statistics are taken under, and the result so far.
    #[must_use]
    pub fn mixture(&self) -> &GaussianMixture {
        &self.mixture
    }

    /// The threshold that statistics are taken with.
    #[must_use]
    pub fn threshold(&self) -> Option<f64> {
        self.params.threshold
    }

    /// One step, from the statistics of some rows under [`mixture`](Self::mixture).
    ///
    /// # Errors
    /// [`Error::MixtureMismatch`] for statistics under another mixture, [`Error::TooFewRows`] for those of no
    /// rows, [`Error::Parameter`] for a mixture out of range; nothing is changed. Cost O(K D).
    pub fn step(&mut self, statistics: &Statistics) -> Result<()> {
        statistics.check(&self.mixture)?;
        at_least("for a step of a fit", 1, usize::from(statistics.n() > 0.0))?;
        let gain = self.schedule.gain(self.steps + 1);
        let mut running = self.running.clone();
        running.add(&self.mixture, statistics, gain);
        let (mixture, repairs, dead) = self.maximize(&mut running)?;
        let n = statistics.n();
        let of_step = [
            statistics.log_likelihood() / n,
            statistics.softness().unwrap_or(0.0),
            statistics.dropped_bound() / n,
        ];
        let before = self.means.unwrap_or(of_step);
        self.means = Some(std::array::from_fn(|i| (1.0 - gain) * before[i] + gain * of_step[i]));
        (self.mixture, self.running) = (mixture, running);
        self.report.n += n;
        self.steps += 1;
        self.report.dead = dead;
        let iteration = self.report.lower_bounds.len() + 1;
        self.report.repairs.extend(repairs.into_iter().map(|repair| Repair { iteration, ..repair }));
        Ok(())
    }

    /// The mixture that maximizes the expected log-likelihood under the running statistics, which take over
    /// the repairs of components.
    fn maximize(&self, running: &mut Running) -> Result<(GaussianMixture, Vec<Repair>, Vec<usize>)> {
        let (mut shares, mut variances) = (running.shares.clone(), running.variances.clone());
        let dead: Vec<usize> = (0..shares.len()).filter(|c| shares[*c] < DEAD_SHARE).collect();
        dead.iter().for_each(|c| shares[*c] = 0.0);
        variances.outer_iter_mut().for_each(|mut row| self.limits.apply(row.iter_mut()));
        let (mixture, changes) = self.limits.repaired(shares, running.means.clone(), variances, dead)?;
        for c in changes.repairs.iter().flat_map(|repair| [repair.component, repair.donor]) {
            running.shares[c] = mixture.weights()[c];
            running.means.row_mut(c).assign(&mixture.means().row(c));
            running.variances.row_mut(c).assign(&mixture.covariances().row(c));
        }
        Ok((mixture, changes.repairs, changes.dead))
    }

    /// Makes the steps that are left of the settings' passes over all rows of `source`, shape (n, D). Each
    /// step takes its rows from [`cursors`](StepwiseParams::cursors) places. The same rows and settings give
    /// the same bits for any number of threads, and after a fit that was stopped and read back
    /// ([`from_bytes`](Self::from_bytes)).
    ///
    /// # Errors
    /// Those of [`GaussianMixture::accumulate`], [`Error::Interrupted`]. Cost O(n K D) per pass; memory: 16
    /// MiB of rows, or those of one step.
    pub fn run<S: Source>(&mut self, source: &S, context: &mut Context<'_>) -> Result<()> {
        let stage = context.stage();
        self.run_stage(source, context, &stage)
    }

    fn run_stage<S: Source>(&mut self, source: &S, context: &mut Context<'_>, stage: &str) -> Result<()> {
        self.mixture.check_dim(source)?;
        let (threads, workspace) = (context.pool()?, Workspace::default());
        let steps = self.schedule.n_steps(source.n_rows(), self.params.n_components);
        let passes = self.schedule.passes;
        let mut cursors = Cursors::new(source, self.schedule.cursors, steps);
        let mut before = f64::NEG_INFINITY;
        while self.steps < passes * steps {
            let rows = cursors.step(self.steps % steps, &threads)?;
            let statistics = self.mixture.accumulate(&rows.view(), self.threshold(), &threads, &workspace);
            let statistics = statistics.map_err(|error| rows.locate(source, error))?;
            if statistics.n() > 0.0 {
                self.step(&statistics)?;
            } else {
                self.steps += 1;
            }
            workspace.give(statistics);
            if self.steps.is_multiple_of(steps) {
                self.end_pass();
                let (iteration, lower_bound) = (self.report.n_iter(), self.report.lower_bound());
                let change = lower_bound - before;
                context.report(&Progress { start: 0, iteration, max_iter: passes, lower_bound, change });
                before = lower_bound;
            }
            // The bytes of a step would take as long as the step.
            if self.steps == passes * steps || context.keeper().is_some_and(|keep| keep.is_due()) {
                context.put(stage, || self.to_bytes())?;
            }
        }
        Ok(())
    }

    /// Ends a pass: the next rows have been seen before.
    fn end_pass(&mut self) {
        self.report.lower_bounds.extend(self.means.map(|[bound, ..]| bound));
    }

    /// The report so far: of each pass that has ended, and of the steps after it, the mean log-likelihood of
    /// the rows, each under the mixture of its step, where late ones count more, as in the statistics.
    #[must_use]
    pub fn report(&self) -> FitReport {
        let mut report = self.report.clone();
        report.steps = self.steps;
        if let Some([bound, softness, dropped]) = self.means {
            (report.softness, report.dropped) = (softness, dropped);
            if report.lower_bounds.last() != Some(&bound) {
                report.lower_bounds.push(bound);
            }
        }
        report
    }

    /// The mixture and the report.
    #[must_use]
    pub fn into_fit(self) -> Fit {
        let report = self.report();
        Fit { mixture: self.mixture, report }
    }
}

impl Running {
    /// Moves to (1 - gain) times these and gain times those of the rows that `statistics` are of.
    fn add(&mut self, mixture: &GaussianMixture, statistics: &Statistics, gain: f64) {
        let (mu, v) = (mixture.means(), mixture.covariances());
        for c in 0..self.shares.len() {
            let (s0, old) = (statistics.s0[c], (1.0 - gain) * self.shares[c]);
            let new = gain * s0 / statistics.n();
            self.shares[c] = old + new;
            if new <= 0.0 || self.shares[c] <= 0.0 {
                continue;
            }
            let share = new / self.shares[c];
            for j in 0..mu.ncols() {
                let (first, second) = (statistics.z1[[c, j]] / s0, statistics.z2[[c, j]] / s0);
                let delta = mu[[c, j]] + v[[c, j]].sqrt() * first - self.means[[c, j]];
                let variance = (v[[c, j]] * (second - first * first)).max(0.0);
                self.means[[c, j]] += share * delta;
                let within = (1.0 - share) * self.variances[[c, j]] + share * variance;
                self.variances[[c, j]] = within + share * (1.0 - share) * delta * delta;
            }
        }
    }
}

impl GaussianMixtureParams {
    /// Fits a mixture to the rows of `source`, shape (n, D), by [`Stepwise`] expectation maximization: from
    /// k-means on a sample of 256 rows per component, whose variance the floors are relative to, in a few
    /// passes. `tol`, `max_iter` and `n_init` are of no account.
    ///
    /// # Errors
    /// As [`Stepwise::start`] and [`Stepwise::run`].
    pub fn fit_stepwise<S: Source>(
        &self,
        source: &S,
        schedule: &StepwiseParams,
        context: &mut Context<'_>,
    ) -> Result<Fit> {
        self.stepwise(source, schedule, context, |context| {
            let rows = 256_usize.saturating_mul(self.n_components);
            let sample = OwnedDescriptors::draw(source, rows, self.seed)?;
            let start = Stepwise::start(self, schedule.clone(), &sample.view(), context);
            start.map_err(|error| sample.locate(source, error))
        })
    }

    /// The same from another start, which is not asked for where a context has kept what came after it.
    pub(crate) fn stepwise<S: Source>(
        &self,
        source: &S,
        schedule: &StepwiseParams,
        context: &mut Context<'_>,
        start: impl FnOnce(&mut Context<'_>) -> Result<Stepwise>,
    ) -> Result<Fit> {
        self.check()?;
        schedule.check()?;
        let stage = context.stage();
        let kept = context.keeper().and_then(|keep| Stepwise::from_bytes(keep.get(&stage)?).ok());
        let mut fit = kept.map_or_else(|| start(context), Ok)?;
        fit.run_stage(source, context, &stage)?;
        let mut fit = fit.into_fit();
        // What was seen in several passes is one set of rows.
        fit.report.n /= schedule.passes as f64;
        Ok(fit)
    }
}
