//! What a pipeline is made of, as Python says it.

use crate::error::OrRaise;
use crate::mixture::{GaussianMixture, Params};
use crate::pipeline::Pipeline;
use fishervec::{
    BagOfWords, BagOfWordsParams, Codebook, CodebookParams, Convention, Encoder, EncoderParams, FisherParams,
    FisherVector, GaussianMixtureParams, Information, KMeansParams, LayoutParams, Location, Norm,
    Normalization, RowNorm, Step, Vlad, VladParams,
};
use numpy::PyReadonlyArray2;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::Arc;

/// What a pipeline is made of, as a dictionary: steps that are there already or are to be fitted, and the
/// encoder.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Plan<'py> {
    /// How many of the last columns go round all steps.
    carry: usize,
    /// Row normalisation, first.
    rows: String,
    /// A pipeline whose steps come next.
    steps: Option<PyRef<'py, Pipeline>>,
    /// Components of a projection to be fitted, last.
    pub(crate) pca: Option<usize>,
    pub(crate) whiten: bool,
    /// fisher, pooling, vlad or bow.
    encoder: String,
    /// A mixture, or the settings of one to be fitted; None where the encoder has none.
    mixture: Option<Bound<'py, PyAny>>,
    /// Centres, or the settings of a k-means; None where the encoder has none.
    centres: Option<Bound<'py, PyAny>>,
    mass: bool,
    residual: bool,
    convention: String,
    gradients: Option<String>,
    information: Option<String>,
    power: f64,
    norm: String,
    threshold: Option<f64>,
    /// A location model, or the components of one to be fitted.
    spatial: Option<Bound<'py, PyAny>>,
    /// The grids of a pyramid.
    pyramid: Option<String>,
    /// Descriptors to learn from, drawn evenly from all.
    pub(crate) sample: usize,
    pub(crate) seed: u64,
}

/// The encoder of a plan, with a mixture that is there already or the settings of one that is not.
pub(crate) enum EncoderPlan {
    Given(Encoder),
    Fitted(Box<EncoderParams>),
}

/// A mixture that is there already, or the settings of one that is not.
#[allow(clippy::large_enum_variant, reason = "there is one per fit")]
enum MixturePlan {
    Given(Arc<fishervec::GaussianMixture>),
    Fitted(GaussianMixtureParams),
}

/// The same of a codebook.
#[allow(clippy::large_enum_variant, reason = "there is one per fit")]
enum CodebookPlan {
    Given(Codebook),
    Fitted(CodebookParams),
}

/// The settings of a k-means, as a dictionary.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct KMeansPlan {
    n_clusters: usize,
    max_iter: usize,
    tol: f64,
}

pub(crate) fn normalization(power: f64, norm: &str) -> PyResult<Normalization> {
    Ok(Normalization { power, norm: norm.parse::<Norm>().or_raise()? })
}

impl Plan<'_> {
    pub(crate) fn encoder(&self) -> PyResult<EncoderPlan> {
        let normalization = normalization(self.power, &self.norm)?;
        match self.encoder.as_str() {
            "pooling" => Ok(EncoderPlan::Fitted(Box::new(EncoderParams::Pooling(normalization)))),
            "vlad" => {
                let params = VladParams { mass: self.mass, residual: self.residual, normalization };
                Ok(match self.codebook()? {
                    CodebookPlan::Given(codebook) => {
                        EncoderPlan::Given(Encoder::Vlad(Box::new(Vlad::new(codebook, params).or_raise()?)))
                    }
                    CodebookPlan::Fitted(codebook) => {
                        EncoderPlan::Fitted(Box::new(EncoderParams::Vlad(codebook, params)))
                    }
                })
            }
            "bow" => {
                let params = BagOfWordsParams { information: self.information()?, normalization };
                Ok(match self.codebook()? {
                    CodebookPlan::Given(codebook) => {
                        let bag = BagOfWords::new(codebook, params).or_raise()?;
                        EncoderPlan::Given(Encoder::BagOfWords(Box::new(bag)))
                    }
                    CodebookPlan::Fitted(codebook) => {
                        EncoderPlan::Fitted(Box::new(EncoderParams::BagOfWords(codebook, params)))
                    }
                })
            }
            _ => self.fisher(normalization),
        }
    }

    fn fisher(&self, normalization: Normalization) -> PyResult<EncoderPlan> {
        let fisher = FisherParams {
            convention: Convention::by_name(&self.convention).or_raise()?,
            gradients: self.gradients.as_deref().map(str::parse).transpose().or_raise()?,
            information: self.information()?,
            normalization,
            threshold: self.threshold,
        };
        match self.mixture()? {
            MixturePlan::Given(mixture) => {
                let encoder = FisherVector::new(mixture, fisher).or_raise()?;
                Ok(EncoderPlan::Given(Encoder::Fisher(Box::new(encoder))))
            }
            MixturePlan::Fitted(params) => {
                Ok(EncoderPlan::Fitted(Box::new(EncoderParams::Fisher(params, fisher))))
            }
        }
    }

    fn information(&self) -> PyResult<Option<Information>> {
        self.information.as_deref().map(str::parse).transpose().or_raise()
    }

    /// What is made of the carried columns.
    pub(crate) fn place(&self) -> PyResult<LayoutParams> {
        let location = |spatial: &Bound<'_, PyAny>| {
            if let Ok(mixture) = spatial.cast::<GaussianMixture>() {
                return Ok(Location::Given(mixture.get().0.clone()));
            }
            let n_components = spatial.extract()?;
            let params = GaussianMixtureParams { n_components, seed: self.seed, ..Default::default() };
            PyResult::Ok(Location::Fitted(params))
        };
        Ok(LayoutParams {
            spatial: self.spatial.as_ref().map(location).transpose()?,
            pyramid: self.pyramid.as_deref().map(str::parse).transpose().or_raise()?,
        })
    }

    fn mixture(&self) -> PyResult<MixturePlan> {
        let missing = || PyValueError::new_err("mixture: expected one, or the settings of one, got None");
        let mixture = self.mixture.as_ref().ok_or_else(missing)?;
        if let Ok(mixture) = mixture.cast::<GaussianMixture>() {
            return Ok(MixturePlan::Given(mixture.get().0.clone()));
        }
        let params: Params<'_> = mixture.extract()?;
        params.library().map(MixturePlan::Fitted)
    }

    fn codebook(&self) -> PyResult<CodebookPlan> {
        let Some(centres) = &self.centres else {
            return Ok(match self.mixture()? {
                MixturePlan::Given(mixture) => {
                    CodebookPlan::Given(Codebook::soft(mixture, self.threshold).or_raise()?)
                }
                MixturePlan::Fitted(params) => CodebookPlan::Fitted(CodebookParams::Soft(params)),
            });
        };
        if let Ok(centres) = centres.extract::<PyReadonlyArray2<'_, f64>>() {
            return Ok(CodebookPlan::Given(Codebook::hard(centres.as_array().to_owned()).or_raise()?));
        }
        let KMeansPlan { n_clusters, max_iter, tol } = centres.extract()?;
        Ok(CodebookPlan::Fitted(CodebookParams::Hard(KMeansParams {
            n_clusters,
            max_iter,
            tol,
            seed: self.seed,
        })))
    }

    /// The steps that need no data.
    pub(crate) fn given_steps(&self) -> PyResult<Vec<Step>> {
        let rows: RowNorm = self.rows.parse().or_raise()?;
        let first = (rows != RowNorm::None).then_some(Step::Rows(rows));
        // What a given projection was fitted beside is not its own.
        let given = self.steps.iter().flat_map(|pipeline| pipeline.library().steps().iter().cloned());
        let given = given.filter(|step| !matches!(step, Step::Carry(_)));
        let carry = (self.carry > 0).then_some(Step::Carry(self.carry));
        Ok(carry.into_iter().chain(first).chain(given).collect())
    }
}
