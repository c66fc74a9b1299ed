//! What was kept of a fit, as the bytes of one safetensors file.

use super::tensors::SCHEMA;
use crate::error::{Error, Result};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use xxhash_rust::xxh3::Xxh3;

/// The metadata key of what was kept.
const KEPT_KEY: &str = "fishervec_state";

/// What was kept of a fit under the names of its stages, and what it belongs to.
///
/// ```
/// use fishervec::run::Kept;
///
/// let mut kept = Kept::default();
/// kept.about.insert("seed".to_owned(), 3.into());
/// kept.stages.insert("1".to_owned(), vec![1, 2, 3]);
/// assert_eq!(Kept::from_bytes(&kept.to_bytes()?)?, kept);
/// # Ok::<(), fishervec::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kept {
    /// What it belongs to: settings, data, version.
    pub about: Map<String, Value>,
    /// What was kept, by stage.
    pub stages: BTreeMap<String, Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeptSettings {
    schema: u64,
    about: Map<String, Value>,
    /// A hash of all the rest, in hexadecimal.
    checksum: String,
}

impl Kept {
    /// The bytes of a safetensors file, with a checksum of all of it.
    ///
    /// # Errors
    /// [`Error::Format`] if it is larger than safetensors can hold.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let invalid = |e: &dyn std::fmt::Display| Error::format("state", e.to_string());
        let settings = KeptSettings { schema: SCHEMA, about: self.about.clone(), checksum: self.checksum() };
        let json = serde_json::to_value(settings).map_err(|e| invalid(&e))?.to_string();
        let mut views = Vec::new();
        for (name, bytes) in &self.stages {
            let view = TensorView::new(Dtype::U8, vec![bytes.len()], bytes).map_err(|e| invalid(&e))?;
            views.push((name.as_str(), view));
        }
        let metadata = HashMap::from([(KEPT_KEY.to_owned(), json)]);
        safetensors::serialize(views, Some(metadata)).map_err(|e| invalid(&e))
    }

    /// Reads such bytes.
    ///
    /// # Errors
    /// [`Error::Format`] for bytes that are not such a file, or were changed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let invalid = |reason: String| Error::format("state", reason);
        let tensors = SafeTensors::deserialize(bytes).map_err(|e| invalid(e.to_string()))?;
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|e| invalid(e.to_string()))?;
        let json = metadata.metadata().as_ref().and_then(|metadata| metadata.get(KEPT_KEY));
        let json = json.ok_or_else(|| invalid(format!("no metadata key {KEPT_KEY:?}")))?;
        let settings: KeptSettings = serde_json::from_str(json).map_err(|e| invalid(e.to_string()))?;
        let stages = tensors.iter().map(|(name, tensor)| (name.to_owned(), tensor.data().to_vec()));
        let kept = Kept { about: settings.about, stages: stages.collect() };
        if settings.schema != SCHEMA || kept.checksum() != settings.checksum {
            return Err(invalid("its checksum is wrong: it was changed or damaged".to_owned()));
        }
        Ok(kept)
    }

    fn checksum(&self) -> String {
        let mut hash = Xxh3::new();
        let about = Value::Object(self.about.clone()).to_string();
        let mut add = |bytes: &[u8]| {
            hash.update(&(bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        add(about.as_bytes());
        for (name, bytes) in &self.stages {
            add(name.as_bytes());
            add(bytes);
        }
        format!("{:016x}", hash.digest())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_short_or_changed_is_refused() {
        let mut kept = Kept::default();
        kept.about.insert("a".to_owned(), "b".into());
        kept.stages.insert("1".to_owned(), (0..200).collect());
        kept.stages.insert("1.fit".to_owned(), vec![]);
        let bytes = kept.to_bytes().unwrap();
        assert_eq!(Kept::from_bytes(&bytes).unwrap(), kept);
        for n in 0..bytes.len() {
            assert!(Kept::from_bytes(&bytes[..n]).is_err(), "{n}");
            let mut changed = bytes.clone();
            changed[n] ^= 4;
            // A change that leaves the same content, such as one of the padding, is none.
            assert!(Kept::from_bytes(&changed).map_or(true, |same| same == kept), "{n}");
        }
    }
}
