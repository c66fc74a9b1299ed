//! A part of a pass as the bytes of a safetensors file: what one shard, or a run that was stopped, hands on.

use super::header::{Header, Pass};
use super::merge::Merge;
use super::partial::Partial;
use crate::error::{Error, Result};
use crate::util::tensors::{SCHEMA, TensorFile, Tensors};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The metadata key of a part.
const PART_KEY: &str = "fishervec_part";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PartSettings {
    schema: u64,
    header: Header,
    /// The shards that it comes from, (index from 1, of).
    shards: Vec<(usize, usize)>,
    /// The chunks of each node, from and to.
    nodes: Vec<(usize, usize)>,
    /// A hash of all the rest, in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checksum: Option<String>,
}

/// A result of a pass that a file can hold.
pub trait Stored: Merge + PartialEq {
    /// The passes that have such results.
    #[doc(hidden)]
    const PASSES: &'static [Pass];
    /// Adds the result of a node whose tensors' names begin with `node`.
    #[doc(hidden)]
    fn write(&self, node: &str, tensors: &mut Tensors);
    /// Reads such a result.
    #[doc(hidden)]
    fn read(node: &str, header: &Header, file: &mut TensorFile<'_>) -> Result<Self>;
}

impl<T: Stored> Partial<T> {
    /// The part as the bytes of a safetensors file: the same part, the same bytes, without clock, machine or
    /// path. A checksum covers all of it.
    ///
    /// # Errors
    /// [`Error::Format`] if it is larger than safetensors can hold.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut tensors = Tensors::default();
        for (node, value) in self.nodes() {
            value.write(&name(&node), &mut tensors);
        }
        let mut settings = PartSettings {
            schema: SCHEMA,
            header: self.header().clone(),
            shards: self.shards.iter().map(|(index, of)| (index + 1, *of)).collect(),
            nodes: self.nodes().map(|(node, _)| (node.start, node.end)).collect(),
            checksum: None,
        };
        settings.checksum = Some(checksum(&settings, &tensors)?);
        tensors.to_bytes("part", PART_KEY, &settings)
    }

    /// Reads a part from such bytes.
    ///
    /// # Errors
    /// [`Error::Version`] or [`Error::Format`] for bytes that are not such a part, were changed, or hold the
    /// results of another kind of pass.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut file = TensorFile::open("part", PART_KEY, bytes)?;
        let mut settings: PartSettings = file.settings()?;
        let header = settings.header.clone();
        if !T::PASSES.contains(&header.kind) {
            return Err(Error::format("part", format!("it is of a pass of kind {}", header.kind)));
        }
        let mut part = Partial::empty(header);
        for (from, to) in &settings.nodes {
            let node = *from..*to;
            if !part.header().plan.is_node(&node) {
                return Err(Error::format(
                    "part",
                    format!("chunks {from} to {to} are not a node of its plan"),
                ));
            }
            let value = T::read(&name(&node), part.header(), &mut file)?;
            part.insert(node, value)?;
        }
        file.finish()?;
        part.shards = settings.shards.iter().map(|(index, of)| (index.saturating_sub(1), *of)).collect();
        let mut tensors = Tensors::default();
        part.nodes().for_each(|(node, value)| value.write(&name(&node), &mut tensors));
        let expected = settings.checksum.take();
        let nodes: Vec<(usize, usize)> = part.nodes().map(|(node, _)| (node.start, node.end)).collect();
        if nodes != settings.nodes || expected != Some(checksum(&settings, &tensors)?) {
            return Err(Error::format(
                "part",
                "its checksum is wrong: it was changed or damaged; make it again",
            ));
        }
        Ok(part)
    }
}

/// What the names of a node's tensors begin with.
fn name(node: &Range<usize>) -> String {
    format!("{}-{}", node.start, node.end)
}

fn checksum(settings: &PartSettings, tensors: &Tensors) -> Result<String> {
    let text = serde_json::to_value(settings).map_err(|error| Error::settings(&error))?.to_string();
    Ok(format!("{:016x}", tensors.checksum(&text)))
}
