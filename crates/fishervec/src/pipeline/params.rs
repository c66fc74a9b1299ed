//! Fitting a whole pipeline: its settings, which the model file, the command and the binding share.

use super::chain::Pipeline;
use crate::data::{Concat, OwnedDescriptors, SetList, Source};
use crate::encode::{
    Encode, Encoder, EncoderParams, FisherParams, FitEncoder, Grids, LayoutParams, LearnMixture,
};
use crate::error::{Error, Result};
use crate::mixture::FitReport;
use crate::preprocess::{PcaParams, Preprocessed, RowNorm, Step};
use crate::util::context::Context;
use crate::util::json::from_text;
use crate::util::setters::setters;
use serde::{Deserialize, Serialize};

/// Settings of a whole pipeline. The command and the binding pass them on as JSON.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PipelineParams {
    /// The number of trailing columns that hold a descriptor's position; they bypass row normalisation and
    /// projection.
    pub position_columns: usize,
    /// The row normalisation, applied first.
    pub rows: RowNorm,
    /// Steps that are fitted already, applied next.
    #[serde(skip)]
    pub steps: Vec<Step>,
    /// A projection to be fitted, applied last; `None` for none.
    pub pca: Option<PcaParams>,
    /// The encoder.
    pub encoder: EncoderParams,
    /// What the position columns are used for.
    pub layout: LayoutParams,
    /// The number of descriptors that [`fit_sets`](Self::fit_sets) learns from, drawn uniformly from all;
    /// `None` for all.
    pub sample: Option<usize>,
    /// The seed of that sample.
    pub seed: u64,
}

setters! { PipelineParams {
    /// Sets the number of trailing columns that hold a descriptor's position.
    position_columns: usize,
    /// Sets the encoder's settings.
    encoder: EncoderParams,
    /// Sets the number of descriptors that [`fit_sets`](Self::fit_sets) learns from.
    sample: Option<usize>,
    /// Sets the seed of that sample.
    seed: u64,
} }

impl Pipeline {
    /// Settings to fit a pipeline with; the defaults are no preprocessing and a Fisher vector of 64
    /// components.
    #[must_use]
    pub fn builder() -> PipelineParams {
        PipelineParams::default()
    }
}

impl PipelineParams {
    /// Sets the row normalisation.
    #[must_use]
    pub fn row_norm(self, rows: RowNorm) -> Self {
        PipelineParams { rows, ..self }
    }

    /// Adds a projection of the descriptors to `n_components` columns.
    #[must_use]
    pub fn pca(self, n_components: usize) -> Self {
        PipelineParams { pca: Some(PcaParams { n_components, whiten: false }), ..self }
    }

    /// Sets the encoder to the Fisher vector of a mixture: given, or fitted with the given settings.
    #[must_use]
    pub fn fisher(self, mixture: impl Into<LearnMixture>) -> Self {
        let fisher = FisherParams { mixture: mixture.into(), ..FisherParams::default() };
        PipelineParams { encoder: fisher.into(), ..self }
    }

    /// Adds a location model over the position columns: the spatial Fisher vector.
    #[must_use]
    pub fn spatial(mut self, location: impl Into<LearnMixture>) -> Self {
        self.layout.spatial = Some(location.into());
        self
    }

    /// Adds a spatial pyramid: each cell of `grids` over the position columns is encoded.
    #[must_use]
    pub fn pyramid(mut self, grids: Grids) -> Self {
        self.layout.pyramid = Some(grids);
        self
    }

    /// The settings in a JSON text; those that are left out are the defaults.
    ///
    /// # Errors
    /// [`Error::Settings`] for a text that is not JSON, an unknown name or a value of another type.
    pub fn from_json(json: &str) -> Result<Self> {
        from_text(json)
    }

    /// The settings as a JSON text.
    ///
    /// # Errors
    /// [`Error::Settings`] for parts that are given, which are numbers and not settings.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::settings(&error))
    }

    /// Checks what can be checked without descriptors.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a setting out of range, or an encoder and a layout that cannot be combined.
    pub fn check(&self) -> Result<()> {
        self.encoder.check()?;
        self.layout.check(&self.encoder, self.position_columns)
    }

    /// Fits the pipeline to the rows of `source`, shape (n, D), on all cores; see
    /// [`fit_with`](Self::fit_with).
    ///
    /// # Errors
    /// As [`fit_with`](Self::fit_with).
    pub fn fit<S: Source>(&self, source: &S) -> Result<Pipeline> {
        self.fit_with(source, &mut Context::new())
    }

    /// Fits each step, then the encoder, then the layout of the position columns, to the rows of `source`,
    /// shape (n, D). An empirical information is learned afterwards, from whole sets: see
    /// [`Pipeline::information_fit`].
    ///
    /// # Errors
    /// Those of [`check`](Self::check), [`PcaParams::fit_with`], the encoder's fit, the location model's fit
    /// and [`Pyramid::fit`](crate::encode::Pyramid::fit). Cost: that of the fits.
    pub fn fit_with<S: Source>(&self, source: &S, context: &mut Context<'_>) -> Result<Pipeline> {
        self.check()?;
        let steps = self.steps_for(source, context)?;
        let (encoder, report) = self.encoder.fit_with(&self.described(source, &steps)?, context)?;
        self.completed(source, steps, encoder, report, context)
    }

    /// All steps: those that are given, and the projection that is fitted to `source`.
    pub(super) fn steps_for<S: Source>(&self, source: &S, context: &mut Context<'_>) -> Result<Vec<Step>> {
        let mut steps = self.given_steps();
        if let Some(pca) = self.pca {
            let rows = Preprocessed::new(source, &steps)?.without_positions();
            steps.push(Step::Pca(Box::new(pca.fit_with(&rows, context)?)));
        }
        Ok(steps)
    }

    /// The rows that the encoder is fitted to.
    pub(super) fn described<'a, S: Source>(
        &self,
        source: &'a S,
        steps: &'a [Step],
    ) -> Result<Preprocessed<'a, S>> {
        let rows = Preprocessed::new(source, steps)?;
        Ok(if self.layout.uses_positions() { rows.without_positions() } else { rows })
    }

    /// The pipeline with that encoder, and the layout fitted to `source`.
    pub(super) fn completed<S: Source>(
        &self,
        source: &S,
        steps: Vec<Step>,
        mut encoder: Encoder,
        report: Option<FitReport>,
        context: &mut Context<'_>,
    ) -> Result<Pipeline> {
        if let Some(location) = self.layout.location(Preprocessed::new(source, &steps)?, context)? {
            encoder = encoder.with_spatial(location)?;
        }
        let pyramid = self.layout.pyramid(Preprocessed::new(source, &steps)?)?;
        Ok(Pipeline::with_cells(source.dim(), steps, pyramid, encoder)?.with_report(report))
    }

    /// Fits the pipeline to a sample of the descriptors of many sets.
    ///
    /// # Errors
    /// [`Error::Dimension`] for sets of different numbers of columns; those of [`fit_with`](Self::fit_with).
    pub fn fit_sets<L: SetList + ?Sized>(&self, sets: &L, context: &mut Context<'_>) -> Result<Pipeline> {
        let sets: Vec<L::Set<'_>> = (0..sets.n_sets()).map(|i| sets.set(i)).collect();
        let all = Concat::new(&sets)?;
        match self.sample {
            Some(count) if count < all.n_rows() => {
                let sample = OwnedDescriptors::draw(&all, count, self.seed)?;
                self.fit_with(&sample.view(), context).map_err(|error| sample.locate(&all, error))
            }
            _ => self.fit_with(&all, context),
        }
    }

    /// The steps that need no data.
    fn given_steps(&self) -> Vec<Step> {
        let positions = (self.position_columns > 0).then_some(Step::PositionColumns(self.position_columns));
        let rows = (self.rows != RowNorm::None).then_some(Step::Rows(self.rows));
        // Given steps may include position columns of the pipeline they were fitted in.
        let given = self.steps.iter().filter(|step| !matches!(step, Step::PositionColumns(_)));
        positions.into_iter().chain(rows).chain(given.cloned()).collect()
    }
}
