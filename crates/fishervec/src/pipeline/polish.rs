//! Passes over all rows that improve the mixture or the codebook of a fitted pipeline.

use super::chain::Pipeline;
use crate::data::Source;
use crate::encode::{Codebook, Encode, Kind};
use crate::error::{Error, Result};
use crate::mixture::{
    Climb, FitReport, GaussianMixture, GaussianMixtureParams, KMeansParams, Lloyd, Statistics, Workspace,
};
use crate::preprocess::Preprocessed;
use crate::shards::{Partial, Plan, pass};
use crate::util::check::at_least;
use crate::util::context::Context;
use crate::util::threads::Threads;
use ndarray::Axis;
use std::ops::{ControlFlow, Range};

/// The name under which a round that is under way is kept.
const PASS: &str = "round";

/// A pipeline whose mixture (or codebook) is being improved by passes over all rows: by expectation
/// maximization, or for a codebook with hard assignment by Lloyd's iterations.
///
/// Each round takes the statistics of all rows ([`accumulate_part`](Self::accumulate_part), merged) and moves
/// on ([`step`](Self::step)). The rounds can be made by several machines; the result has the same bits. The
/// steps before the encoder, a location model and a pyramid stay as they are; an empirical information is
/// learned afterwards.
///
/// ```
/// use fishervec::ndarray::{Array2, s};
/// use fishervec::run::{Threads, Workspace};
/// use fishervec::{GaussianMixture, Pipeline};
///
/// let rows = Array2::from_shape_fn((3000, 2), |(i, j)| ((i * (j + 3)) % 17) as f64);
/// let (threads, workspace) = (Threads::one(), Workspace::default());
/// let params = GaussianMixture::builder(3).max_iter(2);
/// let sampled = Pipeline::builder().fisher(params.clone()).fit(&rows.slice(s![..500, ..]))?;
/// let mut polish = sampled.polish(params)?;
/// while !polish.is_done() {
///     let chunks = 0..polish.plan(rows.nrows()).n_chunks();
///     let part = polish.accumulate_part(&rows, chunks, &threads, &workspace)?;
///     let _ = polish.step(&part.finish()?.expect("there are rows"))?;
/// }
/// let pipeline = polish.finish();
/// assert_eq!(pipeline.fit_report().map(|report| report.n_iter()), Some(2));
/// # Ok::<(), fishervec::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Polish {
    pub(crate) pipeline: Pipeline,
    pub(crate) ascent: Ascent,
}

/// What the rounds improve.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ascent {
    Mixture(Box<Climb>),
    KMeans(Lloyd),
}

impl Pipeline {
    /// Starts passes over all rows that improve the mixture, with the tolerances, floors and number of
    /// iterations of `params`; its start, seed and number of components are of no account. The floors are
    /// relative to the variance that the mixture itself has, which is that of the rows it was fitted to. For
    /// a codebook with hard assignment only the number of iterations counts.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a setting out of range, and for an encoder without a mixture.
    pub fn polish(&self, params: GaussianMixtureParams) -> Result<Polish> {
        self.polish_to(params, None)
    }

    /// The same, with floors relative to `scale`, shape (D,): the variance of the rows in each column, above
    /// 0 ([`Moments::positive_variance`](crate::data::Moments::positive_variance)). So the passes are those
    /// of a fit to all rows.
    ///
    /// # Errors
    /// As [`polish`](Self::polish), and as [`Climb::new`] for the scale.
    pub fn polish_scaled(&self, params: GaussianMixtureParams, scale: &[f64]) -> Result<Polish> {
        self.polish_to(params, Some(scale))
    }

    fn polish_to(&self, params: GaussianMixtureParams, scale: Option<&[f64]>) -> Result<Polish> {
        let Some(mixture) = self.encoder().mixture().cloned() else {
            return Err(Error::parameter(
                "encoder",
                "one with a mixture or a codebook",
                self.encoder().kind(),
            ));
        };
        let seed = self.report.as_ref().map_or(params.seed, |report| report.seed);
        let ascent = if self.encoder().codebook().is_some_and(Codebook::is_hard) {
            let (n_clusters, max_iter) = (mixture.n_components(), params.max_iter);
            let params = KMeansParams { n_clusters, max_iter, seed, ..KMeansParams::default() };
            let variance = mixture.covariances()[[0, 0]];
            Ascent::KMeans(Lloyd::new(params, &mixture.means().to_owned(), variance)?)
        } else {
            let n_components = mixture.n_components();
            let scale = scale.map_or_else(|| variance(&mixture), <[f64]>::to_vec);
            let params = GaussianMixtureParams { n_components, seed, n_init: 1, ..params };
            Ascent::Mixture(Box::new(Climb::new(params, mixture, &scale)?))
        };
        Ok(Polish { pipeline: self.clone(), ascent })
    }
}

/// The variance of each column under a mixture: that of the rows it was fitted to, but for floors.
fn variance(mixture: &GaussianMixture) -> Vec<f64> {
    let weights = mixture.weights();
    let mean = weights.dot(&mixture.means());
    let deviations = &mixture.means() - &mean.insert_axis(Axis(0));
    weights.dot(&(&mixture.covariances() + &deviations * &deviations)).to_vec()
}

impl Polish {
    /// The pipeline of this round, with the report of the fit that its mixture comes from.
    #[must_use]
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// The mixture that the next statistics are taken under.
    #[must_use]
    pub fn mixture(&self) -> &GaussianMixture {
        match &self.ascent {
            Ascent::Mixture(climb) => climb.mixture(),
            Ascent::KMeans(lloyd) => lloyd.mixture(),
        }
    }

    /// The number of rounds so far.
    #[must_use]
    pub fn n_iter(&self) -> usize {
        match &self.ascent {
            Ascent::Mixture(climb) => climb.report().n_iter(),
            Ascent::KMeans(lloyd) => lloyd.n_iter,
        }
    }

    /// The report of the rounds of a mixture; `None` for k-means.
    #[must_use]
    pub fn report(&self) -> Option<&FitReport> {
        match &self.ascent {
            Ascent::Mixture(climb) => Some(climb.report()),
            Ascent::KMeans(_) => None,
        }
    }

    /// Whether it has converged.
    #[must_use]
    pub fn is_converged(&self) -> bool {
        match &self.ascent {
            Ascent::Mixture(climb) => climb.report().converged,
            Ascent::KMeans(lloyd) => lloyd.converged,
        }
    }

    /// Whether it has converged, or made as many rounds as it may.
    #[must_use]
    pub fn is_done(&self) -> bool {
        match &self.ascent {
            Ascent::Mixture(climb) => climb.is_done(),
            Ascent::KMeans(lloyd) => lloyd.is_done(),
        }
    }

    /// The plan of a round over `n` rows.
    #[must_use]
    pub fn plan(&self, n: usize) -> Plan {
        self.mixture().plan(n)
    }

    /// The part of a round that some chunks of the [plan](Self::plan) of `source`, shape (n, D), make up. A
    /// holder of a part of all rows reads them through a [`Window`](crate::data::Window).
    ///
    /// # Errors
    /// [`Error::Dimension`], those of [`GaussianMixture::accumulate_part`].
    pub fn accumulate_part<S: Source>(
        &self,
        source: &S,
        chunks: Range<usize>,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Partial<Statistics>> {
        let rows = self.pipeline.preprocessed(source)?;
        let apart = self.pipeline.pyramid().is_some() || self.pipeline.encoder().spatial().is_some();
        let rows: Preprocessed<'_, S> = if apart { rows.without_positions() } else { rows };
        let part = match &self.ascent {
            Ascent::Mixture(climb) => {
                climb.mixture().accumulate_part(&rows, chunks, climb.threshold(), threads, workspace)?
            }
            Ascent::KMeans(lloyd) => {
                lloyd.mixture().accumulate_part(&rows, chunks, Some(1.0), threads, workspace)?
            }
        };
        Ok(part.of_model(self.pipeline.id()?))
    }

    /// One round over all rows of `source`, shape (n, D), in a context that may keep what is done of it;
    /// `Break` once it [is done](Self::is_done). With the rounds themselves kept by
    /// [`to_bytes`](Self::to_bytes), another run goes on where this one was stopped.
    ///
    /// # Errors
    /// Those of [`accumulate_part`](Self::accumulate_part) and [`step`](Self::step);
    /// [`Error::TooFewRows`] without rows.
    pub fn round<S: Source>(
        &mut self,
        source: &S,
        context: &mut Context<'_>,
        workspace: &Workspace<S::Real>,
    ) -> Result<ControlFlow<()>> {
        at_least("for a round of a fit", 1, source.n_rows())?;
        let threads = context.pool()?;
        let part = |chunks| self.accumulate_part(source, chunks, &threads, workspace);
        match pass(context, PASS, &part)? {
            Some(statistics) => self.step(&statistics),
            None => Ok(ControlFlow::Break(())),
        }
    }

    /// One round, from the statistics of all rows; `Break` once it [is done](Self::is_done).
    ///
    /// # Errors
    /// Those of [`Climb::step`] and [`Lloyd::step`]; nothing is changed.
    pub fn step(&mut self, statistics: &Statistics) -> Result<ControlFlow<()>> {
        let flow = match &mut self.ascent {
            Ascent::Mixture(climb) => climb.step(statistics)?,
            Ascent::KMeans(lloyd) => lloyd.step(statistics)?,
        };
        let encoder = self.pipeline.encoder().with_mixture(self.mixture().clone())?;
        let report = self.report().or(self.pipeline.fit_report()).cloned();
        self.pipeline = self.pipeline.clone().with_encoder(encoder).with_report(report);
        Ok(flow)
    }

    /// The pipeline as it is now, with the report of the rounds.
    #[must_use]
    pub fn finish(self) -> Pipeline {
        self.pipeline
    }
}
