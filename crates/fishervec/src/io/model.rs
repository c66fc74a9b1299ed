//! The model file: safetensors with the settings as one JSON text. `docs/model-format.md` is its
//! specification; the same pipeline writes the same bytes.

use super::atomic::{Staged, commit};
use super::section::at_path;
use crate::codebook::{Assignment, BagOfWords, Codebook, Vlad, VladParams};
use crate::encoder::Encoder;
use crate::error::{Error, Result};
use crate::fisher::{Convention, Empirical, FisherParams, FisherVector, Gradients};
use crate::image::ImageParams;
use crate::mixture::{FitReport, GaussianMixture, Statistics};
use crate::normalize::Normalization;
use crate::pca::Pca;
use crate::pipeline::Pipeline;
use crate::pooling::Pooling;
use crate::steps::{Step, columns};
use ndarray::{Array1, Array2};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

/// Version of the settings' schema.
const SCHEMA: u64 = 1;
/// The metadata key of a model's settings, and that of statistics.
pub(super) const MODEL_KEY: &str = "fishervec";
const STATISTICS_KEY: &str = "fishervec-statistics";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    schema: u64,
    dim: usize,
    steps: Vec<StepSettings>,
    encoder: EncoderSettings,
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
        power: f64,
        norm: String,
        threshold: Option<f64>,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StatisticsSettings {
    schema: u64,
    mixture: String,
    n: f64,
    log_likelihood: f64,
    largest: f64,
    dropped: f64,
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
                tensors.add_mixture(fisher.mixture());
                if let Some(empirical) = fisher.empirical() {
                    let shape = [fisher.len()];
                    tensors.add("information.mean", &shape, &empirical.mean);
                    tensors.add("information.scale", &shape, &empirical.scale);
                }
                let params = fisher.params();
                EncoderSettings::Fisher {
                    convention: params.convention.to_string(),
                    gradients: fisher.gradients().to_string(),
                    information: fisher.information().to_string(),
                    power: params.normalization.power,
                    norm: params.normalization.norm.to_string(),
                    threshold: params.threshold,
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
                let (codebook, Normalization { power, norm }) = (bag.codebook(), bag.normalization());
                tensors.add_codebook(codebook);
                EncoderSettings::Bow {
                    assignment: codebook.assignment(),
                    power,
                    norm: norm.to_string(),
                    threshold: codebook.threshold(),
                }
            }
        };
        let (fit, estimator) = (self.report.clone(), self.estimator.clone());
        let images = self.images().cloned();
        let settings = Settings { schema: SCHEMA, dim: self.dim(), steps, encoder, images, fit, estimator };
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
            EncoderSettings::Fisher { convention, gradients, information, power, norm, threshold } => {
                let mixture = file.mixture()?;
                let params = FisherParams {
                    convention: Convention::by_name(convention)?,
                    gradients: Some(gradients.parse::<Gradients>()?),
                    information: Some(information.parse()?),
                    normalization: Normalization { power: *power, norm: norm.parse()? },
                    threshold: *threshold,
                };
                let mut fisher = FisherVector::new(mixture, params)?;
                if fisher.information().is_empirical() {
                    let mean = file.vector("information.mean")?.to_vec();
                    fisher = fisher
                        .with_empirical(Empirical::new(mean, file.vector("information.scale")?.to_vec())?)?;
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
            EncoderSettings::Bow { assignment, power, norm, threshold } => {
                let normalization = Normalization { power: *power, norm: norm.parse()? };
                let codebook = file.codebook(*assignment, *threshold)?;
                Encoder::BagOfWords(Box::new(BagOfWords::new(codebook, normalization)?))
            }
        };
        file.finish()?;
        let mut pipeline = Pipeline::new(settings.dim, steps, encoder)?.with_report(settings.fit);
        pipeline.estimator = settings.estimator;
        match settings.images {
            Some(images) => pipeline.with_images(images),
            None => Ok(pipeline),
        }
    }
}

impl Statistics {
    /// The statistics as the bytes of a safetensors file: tensors `s0`, `z1`, `z2`, the scalars and the
    /// mixture's identity in the metadata. Any machine's bytes load on any other.
    ///
    /// # Errors
    /// [`Error::Format`] if they are beyond what safetensors can hold.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut tensors = Tensors::default();
        tensors.add("s0", self.s0().shape(), self.s0());
        tensors.add("z1", self.z1.shape(), &self.z1);
        tensors.add("z2", self.z2.shape(), &self.z2);
        let settings = StatisticsSettings {
            schema: SCHEMA,
            mixture: format!("{:016x}", self.mixture),
            n: self.n,
            log_likelihood: self.log_likelihood,
            largest: self.largest,
            dropped: self.dropped,
        };
        tensors.to_bytes("statistics", STATISTICS_KEY, &settings)
    }

    /// The statistics in such bytes.
    ///
    /// # Errors
    /// [`Error::Version`] or [`Error::Format`], as for a model.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut file = File::open("statistics", STATISTICS_KEY, bytes)?;
        let settings: StatisticsSettings = file.settings()?;
        let (s0, z1, z2) = (file.vector("s0")?, file.matrix("z1")?, file.matrix("z2")?);
        file.finish()?;
        let mixture = u64::from_str_radix(&settings.mixture, 16);
        let mixture = mixture.map_err(|_| Error::format("statistics", "the mixture is not a hash"))?;
        if z1.dim() != z2.dim() || z1.nrows() != s0.len() {
            let shapes =
                format!("shapes of s0 {:?}, z1 {:?}, z2 {:?} do not fit", s0.dim(), z1.dim(), z2.dim());
            return Err(Error::format("statistics", shapes));
        }
        let StatisticsSettings { n, log_likelihood, largest, dropped, .. } = settings;
        Ok(Statistics { mixture, n, log_likelihood, largest, dropped, s0: s0.to_vec(), z1, z2 })
    }
}

/// Tensors about to be written, as little-endian `f64`.
#[derive(Default)]
struct Tensors(Vec<(&'static str, Vec<usize>, Vec<u8>)>);

impl Tensors {
    fn add<'a>(&mut self, name: &'static str, shape: &[usize], values: impl IntoIterator<Item = &'a f64>) {
        let bytes = values.into_iter().flat_map(|x| x.to_le_bytes()).collect();
        self.0.push((name, shape.to_vec(), bytes));
    }

    fn add_mixture(&mut self, mixture: &GaussianMixture) {
        self.add("weights", mixture.weights().shape(), mixture.weights());
        self.add("means", mixture.means().shape(), mixture.means());
        self.add("covariances", mixture.covariances().shape(), mixture.covariances());
    }

    fn add_codebook(&mut self, codebook: &Codebook) {
        match codebook.assignment() {
            Assignment::Hard => self.add("centres", codebook.centres().shape(), codebook.centres()),
            Assignment::Soft => self.add_mixture(codebook.mixture()),
        }
    }

    fn to_bytes(&self, format: &'static str, key: &str, settings: &impl Serialize) -> Result<Vec<u8>> {
        let invalid = |e: &dyn std::fmt::Display| Error::format(format, e.to_string());
        // Through a `Value`, whose objects are sorted by key: one text for the same settings.
        let json = serde_json::to_value(settings).map_err(|e| invalid(&e))?.to_string();
        let mut views = Vec::new();
        for (name, shape, bytes) in &self.0 {
            let view = TensorView::new(Dtype::F64, shape.clone(), bytes).map_err(|e| invalid(&e))?;
            views.push((*name, view));
        }
        let metadata = HashMap::from([(key.to_string(), json)]);
        safetensors::serialize(views, Some(metadata)).map_err(|e| invalid(&e))
    }
}

/// A file being read; every tensor in it must be asked for once.
struct File<'a> {
    format: &'static str,
    tensors: SafeTensors<'a>,
    json: String,
    unread: BTreeSet<String>,
}

impl<'a> File<'a> {
    fn open(format: &'static str, key: &str, bytes: &'a [u8]) -> Result<Self> {
        let invalid = |e: safetensors::SafeTensorError| Error::format(format, e.to_string());
        let tensors = SafeTensors::deserialize(bytes).map_err(invalid)?;
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(invalid)?;
        let json = metadata.metadata().as_ref().and_then(|metadata| metadata.get(key)).cloned();
        let json = json.ok_or_else(|| Error::format(format, format!("no metadata key {key:?}")))?;
        let unread = tensors.names().into_iter().map(ToString::to_string).collect();
        Ok(File { format, tensors, json, unread })
    }

    fn settings<T: for<'de> Deserialize<'de>>(&self) -> Result<T> {
        let invalid = |e: serde_json::Error| Error::format(self.format, format!("settings: {e}"));
        let value: serde_json::Value = serde_json::from_str(&self.json).map_err(invalid)?;
        let schema = value.get("schema").and_then(serde_json::Value::as_u64);
        let got = schema.ok_or_else(|| Error::format(self.format, "settings: no schema version"))?;
        if got != SCHEMA {
            return Err(Error::Version { format: self.format, expected: SCHEMA, got });
        }
        serde_json::from_value(value).map_err(invalid)
    }

    fn tensor(&mut self, name: &str, axes: usize) -> Result<(Vec<usize>, Vec<f64>)> {
        let tensor = self.tensors.tensor(name);
        let tensor = tensor.map_err(|_| Error::format(self.format, format!("no tensor {name:?}")))?;
        let (dtype, shape) = (tensor.dtype(), tensor.shape().to_vec());
        if dtype != Dtype::F64 || shape.len() != axes {
            let reason =
                format!("tensor {name:?}: expected F64 of {axes} axes, got {dtype:?} of shape {shape:?}");
            return Err(Error::format(self.format, reason));
        }
        let values: Vec<f64> =
            tensor.data().as_chunks::<8>().0.iter().map(|b| f64::from_le_bytes(*b)).collect();
        if let Some(at) = values.iter().position(|x| !x.is_finite()) {
            let reason = format!("tensor {name:?} holds {} at position {at}", values[at]);
            return Err(Error::format(self.format, reason));
        }
        self.unread.remove(name);
        Ok((shape, values))
    }

    fn vector(&mut self, name: &str) -> Result<Array1<f64>> {
        self.tensor(name, 1).map(|(_, values)| Array1::from(values))
    }

    fn matrix(&mut self, name: &str) -> Result<Array2<f64>> {
        let (shape, values) = self.tensor(name, 2)?;
        let matrix = Array2::from_shape_vec((shape[0], shape[1]), values);
        matrix.map_err(|e| Error::format(self.format, format!("tensor {name:?}: {e}")))
    }

    fn mixture(&mut self) -> Result<GaussianMixture> {
        let (means, covariances) = (self.matrix("means")?, self.matrix("covariances")?);
        GaussianMixture::new(self.vector("weights")?, means, covariances)
    }

    fn codebook(&mut self, assignment: Assignment, threshold: Option<f64>) -> Result<Codebook> {
        match assignment {
            Assignment::Hard => Codebook::hard(self.matrix("centres")?),
            Assignment::Soft => Codebook::soft(self.mixture()?, threshold),
        }
    }

    fn finish(self) -> Result<()> {
        match self.unread.first() {
            Some(name) => Err(Error::format(self.format, format!("unexpected tensor {name:?}"))),
            None => Ok(()),
        }
    }
}
