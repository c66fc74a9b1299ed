//! Named arrays of `f64` in a safetensors file, with settings as one JSON text: models and statistics.

use crate::error::{Error, Result};
use ndarray::{Array1, Array2};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

/// Version of the settings' schema.
pub(crate) const SCHEMA: u64 = 1;

/// Tensors to be written, as little-endian `f64`.
#[derive(Debug, Default)]
pub struct Tensors(Vec<(Cow<'static, str>, Vec<usize>, Vec<u8>)>);

impl Tensors {
    pub(crate) fn add<'a>(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        shape: &[usize],
        values: impl IntoIterator<Item = &'a f64>,
    ) {
        let bytes = values.into_iter().flat_map(|x| x.to_le_bytes()).collect();
        self.0.push((name.into(), shape.to_vec(), bytes));
    }

    /// A hash of all numbers and of `text` (XXH3).
    pub(crate) fn checksum(&self, text: &str) -> u64 {
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        hash.update(text.as_bytes());
        for (name, shape, bytes) in &self.0 {
            hash.update(format!("{name} {shape:?}").as_bytes());
            hash.update(bytes);
        }
        hash.digest()
    }

    pub(crate) fn to_bytes(
        &self,
        format: &'static str,
        key: &str,
        settings: &impl Serialize,
    ) -> Result<Vec<u8>> {
        let invalid = |e: &dyn std::fmt::Display| Error::format(format, e.to_string());
        // A `Value` sorts its objects by key, so that equal settings give equal text.
        let json = serde_json::to_value(settings).map_err(|e| invalid(&e))?.to_string();
        let mut views = Vec::new();
        for (name, shape, bytes) in &self.0 {
            let view = TensorView::new(Dtype::F64, shape.clone(), bytes).map_err(|e| invalid(&e))?;
            views.push((name.as_ref(), view));
        }
        let metadata = HashMap::from([(key.to_string(), json)]);
        safetensors::serialize(views, Some(metadata)).map_err(|e| invalid(&e))
    }
}

/// A file being read; every tensor in it must be requested once.
#[derive(Debug)]
pub struct TensorFile<'a> {
    format: &'static str,
    tensors: SafeTensors<'a>,
    json: String,
    unread: BTreeSet<String>,
}

impl<'a> TensorFile<'a> {
    pub(crate) fn open(format: &'static str, key: &str, bytes: &'a [u8]) -> Result<Self> {
        let invalid = |e: safetensors::SafeTensorError| Error::format(format, e.to_string());
        let tensors = SafeTensors::deserialize(bytes).map_err(invalid)?;
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(invalid)?;
        let json = metadata.metadata().as_ref().and_then(|metadata| metadata.get(key)).cloned();
        let json = json.ok_or_else(|| Error::format(format, format!("no metadata key {key:?}")))?;
        let unread = tensors.names().into_iter().map(ToString::to_string).collect();
        Ok(TensorFile { format, tensors, json, unread })
    }

    pub(crate) fn settings<T: for<'de> Deserialize<'de>>(&self) -> Result<T> {
        let invalid = |e: serde_json::Error| Error::format(self.format, format!("settings: {e}"));
        let value: serde_json::Value = serde_json::from_str(&self.json).map_err(invalid)?;
        let schema = value.get("schema").and_then(serde_json::Value::as_u64);
        let got = schema.ok_or_else(|| Error::format(self.format, "settings: no schema version"))?;
        if got != SCHEMA {
            return Err(Error::Version { format: self.format, expected: SCHEMA, got });
        }
        serde_json::from_value(value).map_err(invalid)
    }

    pub(crate) fn tensor(&mut self, name: &str, axes: usize) -> Result<(Vec<usize>, Vec<f64>)> {
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

    pub(crate) fn vector(&mut self, name: &str) -> Result<Array1<f64>> {
        self.tensor(name, 1).map(|(_, values)| Array1::from(values))
    }

    pub(crate) fn matrix(&mut self, name: &str) -> Result<Array2<f64>> {
        let (shape, values) = self.tensor(name, 2)?;
        let matrix = Array2::from_shape_vec((shape[0], shape[1]), values);
        matrix.map_err(|e| Error::format(self.format, format!("tensor {name:?}: {e}")))
    }

    pub(crate) fn finish(self) -> Result<()> {
        match self.unread.first() {
            Some(name) => Err(Error::format(self.format, format!("unexpected tensor {name:?}"))),
            None => Ok(()),
        }
    }
}
