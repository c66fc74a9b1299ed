//! A part of a pass as the bytes of a safetensors file: what one shard hands on.

use crate::data::{Moments, Scatter};
use crate::error::{Error, Result};
use crate::mixture::Statistics;
use crate::shards::{Header, Merge, Partial, Pass};
use crate::util::tensors::{SCHEMA, TensorFile, Tensors};
use ndarray::{Array1, Array2};
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

impl Stored for Statistics {
    const PASSES: &'static [Pass] = &[Pass::Mixture];

    fn write(&self, node: &str, tensors: &mut Tensors) {
        let sums = [self.n, self.log_likelihood, self.largest, self.dropped];
        tensors.add(format!("{node}.sums"), &[4], &sums);
        tensors.add(format!("{node}.s0"), &[self.s0.len()], &self.s0);
        tensors.add(format!("{node}.z1"), self.z1.shape(), &self.z1);
        tensors.add(format!("{node}.z2"), self.z2.shape(), &self.z2);
    }

    fn read(node: &str, header: &Header, file: &mut TensorFile<'_>) -> Result<Self> {
        let sums = file.vector(&format!("{node}.sums"))?;
        let s0 = file.vector(&format!("{node}.s0"))?;
        let (z1, z2) = (file.matrix(&format!("{node}.z1"))?, file.matrix(&format!("{node}.z2"))?);
        let mixture = u64::from_str_radix(&header.mixture, 16);
        let (Ok(mixture), &[n, log_likelihood, largest, dropped]) = (mixture, sums.as_slice().unwrap_or(&[]))
        else {
            return Err(Error::format("part", "sums that are not four, or a mixture without identity"));
        };
        if z1.dim() != z2.dim() || z1.nrows() != s0.len() {
            return Err(Error::format("part", "shapes of s0, z1 and z2 do not match"));
        }
        Ok(Statistics { mixture, n, log_likelihood, largest, dropped, s0: s0.to_vec(), z1, z2 })
    }
}

impl Stored for Moments {
    const PASSES: &'static [Pass] = &[Pass::Moments, Pass::Information];

    fn write(&self, node: &str, tensors: &mut Tensors) {
        tensors.add(format!("{node}.n"), &[1], &[self.n]);
        tensors.add(format!("{node}.mean"), &[self.mean.len()], &self.mean);
        tensors.add(format!("{node}.squares"), &[self.squares.len()], &self.squares);
    }

    fn read(node: &str, _: &Header, file: &mut TensorFile<'_>) -> Result<Self> {
        let n = one(&file.vector(&format!("{node}.n"))?)?;
        let mean = file.vector(&format!("{node}.mean"))?;
        let squares = file.vector(&format!("{node}.squares"))?;
        if mean.len() != squares.len() {
            return Err(Error::format("part", "as many means as squares are expected"));
        }
        Ok(Moments { n, mean: mean.to_vec(), squares: squares.to_vec() })
    }
}

impl Stored for Scatter {
    const PASSES: &'static [Pass] = &[Pass::Scatter];

    fn write(&self, node: &str, tensors: &mut Tensors) {
        let d = self.mean.len();
        // The products are symmetric: the upper half says it all.
        let upper: Vec<f64> =
            (0..d).flat_map(|i| (i..d).map(move |j| (i, j))).map(|at| self.products[at]).collect();
        tensors.add(format!("{node}.n"), &[1], &[self.n]);
        tensors.add(format!("{node}.mean"), &[d], &self.mean);
        tensors.add(format!("{node}.products"), &[upper.len()], &upper);
    }

    fn read(node: &str, _: &Header, file: &mut TensorFile<'_>) -> Result<Self> {
        let n = one(&file.vector(&format!("{node}.n"))?)?;
        let mean = file.vector(&format!("{node}.mean"))?.to_vec();
        let upper = file.vector(&format!("{node}.products"))?;
        let d = mean.len();
        if upper.len() != d * (d + 1) / 2 {
            return Err(Error::format("part", "as many products as pairs of columns are expected"));
        }
        let mut products = Array2::zeros((d, d));
        for (at, (i, j)) in (0..d).flat_map(|i| (i..d).map(move |j| (i, j))).enumerate() {
            products[[i, j]] = upper[at];
            products[[j, i]] = upper[at];
        }
        Ok(Scatter { n, mean, products })
    }
}

fn one(values: &Array1<f64>) -> Result<f64> {
    match values.as_slice() {
        Some([value]) if *value >= 0.0 => Ok(*value),
        _ => Err(Error::format("part", "one number of at least 0 is expected as n")),
    }
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
