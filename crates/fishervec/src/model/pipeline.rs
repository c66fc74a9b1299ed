//! The model file: safetensors with the settings as one JSON text. `docs/model-format.md` is its
//! specification; the same pipeline writes the same bytes.

use super::SCHEMA;
use super::tensors::{File, LOCATION, MIXTURE, Tensors};
use crate::encode::{
    Assignment, BagOfWords, BagOfWordsParams, Convention, Encoder, FisherParams, FisherVector, Gradients,
    Information, Normalization, Pooling, Pyramid, Vlad, VladParams,
};
use crate::error::Result;
use crate::image::ImageParams;
use crate::io::{MODEL_KEY, Staged, at_path, commit};
use crate::mixture::FitReport;
use crate::pipeline::Pipeline;
use crate::preprocess::{Pca, Step, columns};
use serde::{Deserialize, Serialize};
use std::path::Path;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    schema: u64,
    dim: usize,
    steps: Vec<StepSettings>,
    encoder: EncoderSettings,
    /// The grids of a pyramid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pyramid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    images: Option<ImageParams>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fit: Option<FitReport>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    estimator: Option<serde_json::Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum StepSettings {
    Carry { columns: usize },
    Rows { norm: String },
    Pca { total_variance: f64, whiten: bool },
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum EncoderSettings {
    Fisher {
        convention: String,
        gradients: String,
        information: String,
        power: f64,
        norm: String,
        threshold: Option<f64>,
        /// Whether there is a location model.
        #[serde(default, skip_serializing_if = "is_false")]
        spatial: bool,
    },
    Pooling {
        power: f64,
        norm: String,
    },
    Vlad {
        assignment: Assignment,
        mass: bool,
        residual: bool,
        power: f64,
        norm: String,
        threshold: Option<f64>,
    },
    Bow {
        assignment: Assignment,
        #[serde(default, skip_serializing_if = "Information::is_none")]
        information: Information,
        power: f64,
        norm: String,
        threshold: Option<f64>,
        #[serde(default, skip_serializing_if = "is_false")]
        spatial: bool,
    },
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Pipeline {
    /// Writes the pipeline to a safetensors file at `path`, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let mut file = Staged::create(path.as_ref())?;
        file.append(&self.to_bytes()?)?;
        commit([file])
    }

    /// The pipeline in the file at `path`.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read; [`Error::Version`] for a schema of another version;
    /// [`Error::Format`], or the error of the part concerned, for a file that is truncated, inconsistent or
    /// holds a number that is not finite. Each with the path in front.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(at_path(path))?;
        Self::from_bytes(&bytes).map_err(|error| error.at(path.display().to_string()))
    }

    /// The bytes of the model file.
    ///
    /// # Errors
    /// [`Error::Format`] if the parts are beyond what safetensors can hold.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut tensors = Tensors::default();
        let mut steps = Vec::new();
        for step in self.steps() {
            steps.push(match step {
                Step::Carry(columns) => StepSettings::Carry { columns: *columns },
                Step::Rows(norm) => StepSettings::Rows { norm: norm.to_string() },
                Step::Pca(pca) => {
                    tensors.add("pca.mean", &[pca.mean().len()], pca.mean());
                    tensors.add("pca.components", pca.components().shape(), pca.components());
                    let variance = pca.explained_variance();
                    tensors.add("pca.explained_variance", &[variance.len()], variance);
                    StepSettings::Pca { total_variance: pca.total_variance(), whiten: pca.whiten() }
                }
            });
        }
        let encoder = match self.encoder() {
            Encoder::Fisher(fisher) => {
                tensors.add_mixture(MIXTURE, fisher.mixture());
                tensors.add_beside(fisher.spatial(), fisher.empirical());
                let params = fisher.params();
                EncoderSettings::Fisher {
                    convention: params.convention.to_string(),
                    gradients: fisher.gradients().to_string(),
                    information: fisher.information().to_string(),
                    power: params.normalization.power,
                    norm: params.normalization.norm.to_string(),
                    threshold: params.threshold,
                    spatial: fisher.spatial().is_some(),
                }
            }
            Encoder::Pooling(pooling) => {
                let Normalization { power, norm } = pooling.normalization();
                EncoderSettings::Pooling { power, norm: norm.to_string() }
            }
            Encoder::Vlad(vlad) => {
                let (codebook, VladParams { mass, residual, normalization }) =
                    (vlad.codebook(), vlad.params());
                tensors.add_codebook(codebook);
                EncoderSettings::Vlad {
                    assignment: codebook.assignment(),
                    mass,
                    residual,
                    power: normalization.power,
                    norm: normalization.norm.to_string(),
                    threshold: codebook.threshold(),
                }
            }
            Encoder::BagOfWords(bag) => {
                let (codebook, Normalization { power, norm }) = (bag.codebook(), bag.params().normalization);
                tensors.add_codebook(codebook);
                tensors.add_beside(bag.spatial(), bag.empirical());
                EncoderSettings::Bow {
                    assignment: codebook.assignment(),
                    information: bag.information(),
                    power,
                    norm: norm.to_string(),
                    threshold: codebook.threshold(),
                    spatial: bag.spatial().is_some(),
                }
            }
        };
        let pyramid = self.pyramid().map(|pyramid| {
            let shape = [pyramid.axes()];
            tensors.add("pyramid.low", &shape, pyramid.low());
            tensors.add("pyramid.high", &shape, pyramid.high());
            pyramid.grids().to_string()
        });
        let (fit, estimator) = (self.report.clone(), self.estimator.clone());
        let images = self.images().cloned();
        let dim = self.dim();
        let settings = Settings { schema: SCHEMA, dim, steps, encoder, pyramid, images, fit, estimator };
        tensors.to_bytes("model", MODEL_KEY, &settings)
    }

    /// The pipeline of a model file's bytes.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut file = File::open("model", MODEL_KEY, bytes)?;
        let settings: Settings = file.settings()?;
        let mut steps = Vec::new();
        for step in &settings.steps {
            steps.push(match step {
                StepSettings::Carry { columns } => Step::Carry(*columns),
                StepSettings::Rows { norm } => Step::Rows(norm.parse()?),
                StepSettings::Pca { total_variance, whiten } => {
                    let components = file.matrix("pca.components")?;
                    let (mean, variance) = (file.vector("pca.mean")?, file.vector("pca.explained_variance")?);
                    Step::Pca(Box::new(Pca::new(mean, components, variance, *total_variance, *whiten)?))
                }
            });
        }
        let encoder = match &settings.encoder {
            EncoderSettings::Fisher {
                convention,
                gradients,
                information,
                power,
                norm,
                threshold,
                spatial,
            } => {
                let mixture = file.mixture(MIXTURE)?;
                let params = FisherParams {
                    convention: Convention::by_name(convention)?,
                    gradients: Some(gradients.parse::<Gradients>()?),
                    information: Some(information.parse()?),
                    normalization: Normalization { power: *power, norm: norm.parse()? },
                    threshold: *threshold,
                };
                let mut fisher = FisherVector::new(mixture, params)?;
                if *spatial {
                    fisher = fisher.with_spatial(file.mixture(LOCATION)?)?;
                }
                if fisher.information().is_empirical() {
                    fisher = fisher.with_empirical(file.empirical()?)?;
                }
                Encoder::Fisher(Box::new(fisher))
            }
            EncoderSettings::Pooling { power, norm } => {
                let normalization = Normalization { power: *power, norm: norm.parse()? };
                let columns = columns(&steps, settings.dim)?;
                Encoder::Pooling(Pooling::new(columns, normalization)?)
            }
            EncoderSettings::Vlad { assignment, mass, residual, power, norm, threshold } => {
                let normalization = Normalization { power: *power, norm: norm.parse()? };
                let params = VladParams { mass: *mass, residual: *residual, normalization };
                Encoder::Vlad(Box::new(Vlad::new(file.codebook(*assignment, *threshold)?, params)?))
            }
            EncoderSettings::Bow { assignment, information, power, norm, threshold, spatial } => {
                let params = BagOfWordsParams {
                    information: Some(*information),
                    normalization: Normalization { power: *power, norm: norm.parse()? },
                };
                let mut bag = BagOfWords::new(file.codebook(*assignment, *threshold)?, params)?;
                if *spatial {
                    bag = bag.with_spatial(file.mixture(LOCATION)?)?;
                }
                if bag.information().is_empirical() {
                    bag = bag.with_empirical(file.empirical()?)?;
                }
                Encoder::BagOfWords(Box::new(bag))
            }
        };
        let pyramid = match &settings.pyramid {
            None => None,
            Some(grids) => {
                let (low, high) = (file.vector("pyramid.low")?, file.vector("pyramid.high")?);
                Some(Pyramid::new(grids.parse()?, low.to_vec(), high.to_vec())?)
            }
        };
        file.finish()?;
        let mut pipeline =
            Pipeline::with_cells(settings.dim, steps, pyramid, encoder)?.with_report(settings.fit);
        pipeline.estimator = settings.estimator;
        match settings.images {
            Some(images) => pipeline.with_images(images),
            None => Ok(pipeline),
        }
    }
}
