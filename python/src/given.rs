//! The settings of a fit as Python passes them: a JSON text, and the parts that are given.

use crate::error::OrRaise;
use crate::mixture::GaussianMixture;
use crate::pipeline::Pipeline;
use fishervec::encode::{FitEncoder, Given};
use fishervec::mixture::Init;
use fishervec::pipeline::PipelineParams;
use numpy::PyReadonlyArray2;
use pyo3::prelude::*;

/// The given parts of a pipeline, as a dictionary; a part is None if it is to be fitted, or if the pipeline
/// does not have it.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Parts<'py> {
    /// A pipeline whose steps are applied after row normalisation.
    steps: Option<PyRef<'py, Pipeline>>,
    mixture: Option<PyRef<'py, GaussianMixture>>,
    /// The start of the mixture's fit.
    start: Option<PyRef<'py, GaussianMixture>>,
    /// The centres of a codebook, shape (K, D).
    centres: Option<PyReadonlyArray2<'py, f64>>,
    /// A location model.
    spatial: Option<PyRef<'py, GaussianMixture>>,
}

impl Parts<'_> {
    /// The settings in a JSON text, with these parts given instead of fitted.
    pub(crate) fn params(self, settings: &str) -> PyResult<PipelineParams> {
        let mut params = PipelineParams::from_json(settings).or_raise()?;
        let mixture = self.mixture.map(|mixture| Given::Mixture(mixture.0.clone()));
        let centres = self.centres.map(|centres| Given::Centres(centres.as_array().to_owned()));
        let start = self.start.map(|mixture| Given::Start(Init::Given(mixture.0.clone())));
        for part in mixture.into_iter().chain(centres).chain(start) {
            params.encoder.give(part).or_raise()?;
        }
        if let Some(steps) = self.steps {
            params.steps = steps.library().steps().to_vec();
        }
        if let Some(location) = self.spatial {
            params.layout.spatial = Some(location.0.clone().into());
        }
        Ok(params)
    }
}
