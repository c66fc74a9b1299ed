//! The model file: safetensors with the settings as one JSON text. `docs/model-format.md` is its
//! specification; the same pipeline writes the same bytes.

use super::rounds::Rounds;
use crate::encode::{Encode, Encoder, Pyramid};
use crate::error::{Error, Result};
use crate::image::ImageParams;
use crate::io::{MODEL_KEY, Staged, at_path, commit};
use crate::mixture::{FitReport, GaussianMixtureParams};
use crate::pipeline::{Ascent, Pipeline, Polish};
use crate::preprocess::{Pca, Step, columns};
use crate::util::tensors::{SCHEMA, TensorFile, Tensors};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::Path;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    schema: u64,
    dim: usize,
    steps: Vec<StepSettings>,
    encoder: Map<String, Value>,
    /// The grids of a pyramid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pyramid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    images: Option<ImageParams>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fit: Option<FitReport>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    estimator: Option<Value>,
    /// Rounds over all rows that are under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rounds: Option<Rounds>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
enum StepSettings {
    /// Position columns, under the name that the schema uses for them.
    Carry {
        columns: usize,
    },
    Rows {
        norm: String,
    },
    Pca {
        total_variance: f64,
        whiten: bool,
    },
}

impl Pipeline {
    /// Writes the pipeline to a safetensors file at `path`, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if it cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let mut file = Staged::create(path.as_ref())?;
        file.append(&self.to_bytes()?)?;
        commit([file])
    }

    /// Loads the pipeline in the file at `path`.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if it cannot be read; [`Error::Version`](crate::Error::Version) for a
    /// schema of another version; [`Error::Format`](crate::Error::Format), or the error of the part
    /// concerned, for a file that is truncated, inconsistent or holds a number that is not finite. Each error
    /// names the path.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(at_path(path))?;
        Self::from_bytes(&bytes).map_err(|error| error.at(path.display().to_string()))
    }

    /// The settings of all parts as a model file holds them (`docs/model-format.md`): a JSON object.
    ///
    /// # Panics
    /// Never: the settings of a pipeline can always be written as JSON.
    #[must_use]
    pub fn settings(&self) -> Value {
        serde_json::to_value(self.to_settings()).expect("settings can be written as JSON")
    }

    fn to_settings(&self) -> Settings {
        let step = |step: &Step| match step {
            Step::PositionColumns(columns) => StepSettings::Carry { columns: *columns },
            Step::Rows(norm) => StepSettings::Rows { norm: norm.to_string() },
            Step::Pca(pca) => {
                StepSettings::Pca { total_variance: pca.total_variance(), whiten: pca.whiten() }
            }
        };
        Settings {
            schema: SCHEMA,
            dim: self.input_dim(),
            steps: self.steps().iter().map(step).collect(),
            encoder: self.encoder().settings(),
            pyramid: self.pyramid().map(|pyramid| pyramid.grids().to_string()),
            images: self.images().cloned(),
            fit: self.report.clone(),
            estimator: self.estimator.clone(),
            rounds: None,
        }
    }

    /// The identity of what encodes: a hash of the steps, the encoder and the layout, without reports. Equal
    /// pipelines have equal identities on every machine.
    ///
    /// # Errors
    /// As [`to_bytes`](Self::to_bytes).
    pub fn id(&self) -> Result<u64> {
        let settings = Settings { fit: None, estimator: None, ..self.to_settings() };
        let text = serde_json::to_value(settings).map_err(|error| Error::settings(&error))?.to_string();
        Ok(self.to_tensors().checksum(&text))
    }

    fn to_tensors(&self) -> Tensors {
        let mut tensors = Tensors::default();
        for step in self.steps() {
            if let Step::Pca(pca) = step {
                pca.write(&mut tensors);
            }
        }
        self.encoder().write(&mut tensors);
        if let Some(pyramid) = self.pyramid() {
            tensors.add("pyramid.low", &[pyramid.axes()], pyramid.low());
            tensors.add("pyramid.high", &[pyramid.axes()], pyramid.high());
        }
        tensors
    }

    /// The bytes of the model file.
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format) if the pipeline is larger than safetensors can hold.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.to_tensors().to_bytes("model", MODEL_KEY, &self.to_settings())
    }

    /// Reads a pipeline from the bytes of a model file.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        Self::read(bytes).map(|(pipeline, _)| pipeline)
    }

    /// The pipeline, and the rounds over all rows that are under way.
    fn read(bytes: &[u8]) -> Result<(Self, Option<Ascent>)> {
        let mut file = TensorFile::open("model", MODEL_KEY, bytes)?;
        let settings: Settings = file.settings()?;
        let mut steps = Vec::new();
        for step in &settings.steps {
            steps.push(match step {
                StepSettings::Carry { columns } => Step::PositionColumns(*columns),
                StepSettings::Rows { norm } => Step::Rows(norm.parse()?),
                StepSettings::Pca { total_variance, whiten } => {
                    Step::Pca(Box::new(Pca::read(*total_variance, *whiten, &mut file)?))
                }
            });
        }
        let encoder = Encoder::read(settings.encoder, columns(&steps, settings.dim)?, &mut file)?;
        let pyramid = match &settings.pyramid {
            None => None,
            Some(grids) => {
                let (low, high) = (file.vector("pyramid.low")?, file.vector("pyramid.high")?);
                Some(Pyramid::new(grids.parse()?, low.to_vec(), high.to_vec())?)
            }
        };
        let rounds = settings.rounds.map(|rounds| rounds.resume(&encoder, settings.fit.as_ref(), &mut file));
        let rounds = rounds.transpose()?;
        file.finish()?;
        let mut pipeline =
            Pipeline::with_cells(settings.dim, steps, pyramid, encoder)?.with_report(settings.fit);
        pipeline.estimator = settings.estimator;
        if let Some(images) = settings.images {
            pipeline = pipeline.with_images(images)?;
        }
        Ok((pipeline, rounds))
    }
}

impl Polish {
    /// The bytes of a model file that also says how far the rounds are: what the next round, or the next
    /// machine, goes on from. It encodes like any other model. Once they are done, it is the model file of
    /// [`finish`](Self::finish).
    ///
    /// # Errors
    /// As [`Pipeline::to_bytes`].
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let pipeline = self.pipeline();
        if self.is_done() {
            return pipeline.to_bytes();
        }
        let mut tensors = pipeline.to_tensors();
        let rounds = Rounds::of(&self.ascent, &mut tensors);
        let settings = Settings { rounds: Some(rounds), ..pipeline.to_settings() };
        tensors.to_bytes("model", MODEL_KEY, &settings)
    }

    /// The rounds that such bytes are of; those that begin with the model, with the settings `params`, for a
    /// model without rounds ([`Pipeline::polish`]).
    ///
    /// # Errors
    /// As [`Pipeline::from_bytes`] and [`Pipeline::polish`].
    pub fn from_bytes(bytes: &[u8], params: &GaussianMixtureParams) -> Result<Self> {
        match Pipeline::read(bytes)? {
            (pipeline, Some(ascent)) => Ok(Polish { pipeline, ascent }),
            (pipeline, None) => pipeline.polish(params.clone()),
        }
    }
}
