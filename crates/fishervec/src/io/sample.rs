//! Samples of descriptors, or of whole sets, of many files: what a fit needs of them, drawn in shards.

use super::atomic::{Staged, commit};
use super::rows::FileRows;
use super::safetensors::{NamedTensors, SAMPLE_KEY};
use super::section::{Section, in_file};
use crate::error::{Error, Result};
use crate::image::ImageParams;
use crate::simd::Real;
use crate::util::string_enum::string_enum;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::Path;
use xxhash_rust::xxh3::Xxh3;

const SCHEMA: u64 = 1;
const MOST_SHARDS: usize = 1 << 20;

string_enum! {
    /// What is drawn.
    pub enum Drawn as "sample" {
        /// Descriptors, by their number among those of all sets.
        Rows = "rows",
        /// Whole sets.
        Sets = "sets",
    }
}

/// What a sample was drawn of, and how: what all its shards agree in, but for the shard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleAbout {
    /// What is drawn.
    pub kind: Drawn,
    /// The shard that this is, and of how many, from 1.
    pub shard: (usize, usize),
    /// The number of descriptors or sets in all shards.
    pub drawn: usize,
    /// The number of descriptors or sets that they were drawn from.
    pub total: usize,
    /// The seed of the draw.
    pub seed: u64,
    /// The number of columns.
    pub dim: usize,
    /// The float type of all inputs together.
    pub real: String,
    /// The identity of the list of files, in hexadecimal.
    pub list: String,
    /// The number of columns at the end that are positions from an array of their own, if any are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positions: Option<usize>,
    /// How images became descriptors, if the inputs were images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<ImageParams>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Metadata {
    schema: u64,
    about: SampleAbout,
}

/// A file of a shard of a sample that is being written, block by block.
pub struct SampleWriter {
    file: Staged,
    hash: Xxh3,
    /// The number of values that are still to come.
    left: usize,
}

impl std::fmt::Debug for SampleWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SampleWriter {{ path: {:?}, left: {} }}", self.file.path(), self.left)
    }
}

impl SampleWriter {
    /// Starts a file with the descriptors or sets of these `numbers`. Whole sets have `lengths`.
    ///
    /// # Errors
    /// [`Error::Io`] as [`Staged::create`]; [`Error::Dimension`] for other lengths than there are numbers.
    pub fn create(
        path: &Path,
        about: &SampleAbout,
        numbers: &[usize],
        lengths: Option<&[usize]>,
    ) -> Result<Self> {
        let n = lengths.map_or(numbers.len(), |lengths| lengths.iter().sum());
        let metadata = json!(Metadata { schema: SCHEMA, about: about.clone() }).to_string();
        let (dtype, size) = if about.real == f64::NAME { ("F64", 8) } else { ("F32", 4) };
        let mut header = json!({ "__metadata__": { SAMPLE_KEY: metadata } });
        let mut end = 0;
        let mut tensor = |name: &str, dtype: &str, shape: &[usize], size: usize| {
            let start = end;
            end += shape.iter().product::<usize>() * size;
            header[name] = json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, end] });
        };
        tensor("numbers", "U64", &[numbers.len()], 8);
        if let Some(lengths) = lengths {
            let (expected, got) = (numbers.len(), lengths.len());
            if expected != got {
                return Err(Error::Dimension { what: "lengths", expected, got });
            }
            tensor("lengths", "U64", &[lengths.len()], 8);
        }
        tensor("X", dtype, &[n, about.dim], size);
        tensor("checksum", "U8", &[8], 1);
        let header = header.to_string();
        let padded = format!("{header:<0$}", header.len().next_multiple_of(8));
        let file = Staged::create(path)?;
        let mut writer = SampleWriter { file, hash: Xxh3::new(), left: n * about.dim };
        writer.add(&(padded.len() as u64).to_le_bytes())?;
        writer.add(padded.as_bytes())?;
        for number in numbers.iter().chain(lengths.unwrap_or_default()) {
            writer.add(&(*number as u64).to_le_bytes())?;
        }
        Ok(writer)
    }

    fn add(&mut self, bytes: &[u8]) -> Result<()> {
        self.hash.update(bytes);
        self.file.append(bytes)
    }

    /// Appends rows.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Dimension`] for more than were announced.
    pub fn append<F: Real>(&mut self, values: &[F]) -> Result<()> {
        let too_many = || Error::Dimension { what: "values", expected: 0, got: values.len() };
        self.left = self.left.checked_sub(values.len()).ok_or_else(too_many)?;
        let bytes: Vec<u8> = match F::NAME == f64::NAME {
            true => values.iter().flat_map(|x| x.to_f64().to_le_bytes()).collect(),
            // Exact: the numbers are of single precision.
            false => values.iter().flat_map(|x| (x.to_f64() as f32).to_le_bytes()).collect(),
        };
        self.add(&bytes)
    }

    /// Ends the file and gives it its name.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Dimension`] if rows are missing.
    pub fn finish(mut self) -> Result<()> {
        if self.left > 0 {
            return Err(Error::Dimension { what: "values", expected: self.left, got: 0 });
        }
        let checksum = self.hash.digest().to_le_bytes();
        self.file.append(&checksum)?;
        commit([self.file])
    }
}

/// A shard of a sample, in its file.
#[derive(Debug)]
pub struct SampleFile {
    /// What it was drawn of, and how.
    pub about: SampleAbout,
    /// The numbers of its descriptors or sets, in order.
    pub numbers: Vec<usize>,
    /// The lengths of its sets; empty for descriptors.
    pub lengths: Vec<usize>,
    /// Its descriptors.
    pub rows: FileRows,
}

impl SampleFile {
    /// Whether the file at `path` is a sample.
    #[must_use]
    pub fn is_one(path: &Path) -> bool {
        let named = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("safetensors"));
        named
            && Section::open(path)
                .and_then(|file| NamedTensors::parse(&file))
                .is_ok_and(|file| file.metadata(SAMPLE_KEY).is_some())
    }

    /// Opens a shard, and reads all of it once to see that it is whole.
    ///
    /// # Errors
    /// Each names the path: [`Error::Io`]; [`Error::Format`] for a file that is not a sample, or was changed;
    /// [`Error::Version`] for that of another schema.
    pub fn open(path: &Path) -> Result<Self> {
        Section::open(path).and_then(|file| Self::read(&file)).map_err(in_file(path))
    }

    fn read(file: &Section) -> Result<Self> {
        let invalid = |reason: &str| Error::format("sample", reason);
        let mut tensors = NamedTensors::parse(file)?;
        let text = tensors.metadata(SAMPLE_KEY).ok_or_else(|| invalid("it is none"))?;
        if !is_whole(file)? {
            return Err(invalid("its checksum is wrong: it was changed or damaged; draw it again"));
        }
        let value: serde_json::Value = serde_json::from_str(&text).map_err(|e| invalid(&e.to_string()))?;
        match value["schema"].as_u64() {
            Some(SCHEMA) => {}
            got => {
                let got = got.unwrap_or(0);
                return Err(Error::Version { format: "sample", expected: SCHEMA, got });
            }
        }
        let Metadata { about, .. } = serde_json::from_value(value).map_err(|e| invalid(&e.to_string()))?;
        let numbers = tensors.counts("numbers")?;
        let lengths = if about.kind == Drawn::Sets { tensors.counts("lengths")? } else { vec![] };
        let rows = tensors.descriptors("X")?;
        let of_sets = lengths.iter().fold(0_usize, |sum, n| sum.saturating_add(*n));
        let n = if about.kind == Drawn::Sets { of_sets } else { numbers.len() };
        let shapes_fit = about.kind == Drawn::Rows || lengths.len() == numbers.len();
        if !shapes_fit || rows.n_rows() != n || rows.dim() != about.dim {
            return Err(invalid("its tensors do not have the shapes that they should"));
        }
        let (i, of) = about.shard;
        let ascending = numbers.windows(2).all(|pair| pair[0] < pair[1]);
        let last = numbers.last().is_none_or(|last| *last < about.total);
        if !(1..=of).contains(&i) || of > MOST_SHARDS || !ascending || !last {
            return Err(invalid("its numbers or its shard are out of range"));
        }
        Ok(SampleFile { about, numbers, lengths, rows })
    }
}

/// Whether the last eight bytes are the hash of those before them.
fn is_whole(file: &Section) -> Result<bool> {
    const BLOCK: usize = 1 << 20;
    let Some(end) = file.len().checked_sub(8) else { return Ok(false) };
    let (mut hash, mut block, mut start) = (Xxh3::new(), vec![0; BLOCK], 0);
    while start < end {
        let n = BLOCK.min((end - start) as usize);
        file.read_at(start, &mut block[..n])?;
        hash.update(&block[..n]);
        start += n as u64;
    }
    let mut checksum = [0; 8];
    file.read_at(end, &mut checksum)?;
    Ok(u64::from_le_bytes(checksum) == hash.digest())
}

/// All shards of one sample, in order, from those of `files`, each with its name. One may be there twice.
///
/// # Errors
/// [`Error::Shards`] for shards of different samples, naming what differs and where, and for missing ones.
pub fn whole_sample(files: Vec<(String, SampleFile)>) -> Result<Vec<SampleFile>> {
    let Some((first, _)) = files.first() else { return Ok(vec![]) };
    let (first, own) = (first.clone(), files[0].1.about.clone());
    let (n, mut shards) = (own.shard.1, std::collections::BTreeMap::new());
    for (name, file) in files {
        if let Some(field) = difference(&own, &file.about) {
            return Err(Error::shards(format!(
                "{name} is of a sample with another {field} than {first}: give the shards of one sample"
            )));
        }
        shards.entry(file.about.shard.0).or_insert(file);
    }
    let missing: Vec<String> =
        (1..=n).filter(|i| !shards.contains_key(i)).map(|i| format!("{i}/{n}")).collect();
    if !missing.is_empty() {
        let (shown, rest) = missing.split_at(missing.len().min(8));
        let plural = if missing.len() > 1 { "s" } else { "" };
        let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        let shown = shown.join(", ");
        return Err(Error::shards(format!(
            "shard{plural} {shown}{more} of the sample of {} missing: draw and give all of them",
            own.kind
        )));
    }
    let found: usize = shards.values().map(|file| file.numbers.len()).sum();
    if found != own.drawn {
        let (kind, drawn) = (own.kind, own.drawn);
        return Err(Error::shards(format!("expected {drawn} {kind} in all shards, got {found}")));
    }
    Ok(shards.into_values().collect())
}

/// The first thing that two shards should agree in and do not.
fn difference(a: &SampleAbout, b: &SampleAbout) -> Option<&'static str> {
    let same = [
        ("kind", a.kind == b.kind),
        ("number of shards", a.shard.1 == b.shard.1),
        ("list of files", a.list == b.list && a.total == b.total),
        ("size", a.drawn == b.drawn),
        ("seed", a.seed == b.seed),
        ("number of columns", a.dim == b.dim && a.positions == b.positions),
        ("float type", a.real == b.real),
        ("description of images", a.images == b.images),
    ];
    same.into_iter().find(|(_, same)| !same).map(|(field, _)| field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{RowBuffer, Source};
    use std::fs;

    fn about(kind: Drawn, shard: (usize, usize)) -> SampleAbout {
        SampleAbout {
            kind,
            shard,
            drawn: 4,
            total: 9,
            seed: 1,
            dim: 2,
            real: "f64".to_owned(),
            list: "1f".to_owned(),
            positions: None,
            images: None,
        }
    }

    #[test]
    fn what_is_written_is_read_and_every_damage_is_an_error_with_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.safetensors");
        for (kind, numbers, lengths, n) in
            [(Drawn::Rows, vec![0, 8], None, 2), (Drawn::Sets, vec![3, 4], Some(vec![0, 3]), 3)]
        {
            let mut file =
                SampleWriter::create(&path, &about(kind, (1, 2)), &numbers, lengths.as_deref()).unwrap();
            for row in 0..n {
                file.append(&[f64::from(row), 0.1]).unwrap();
            }
            assert!(matches!(file.append(&[1.0]), Err(Error::Dimension { .. })));
            file.finish().unwrap();
            let found = SampleFile::open(&path).unwrap();
            assert_eq!((found.about, found.numbers), (about(kind, (1, 2)), numbers));
            assert_eq!(found.lengths, lengths.unwrap_or_default());
            let mut values = vec![0.0; 2 * n as usize];
            let rows = found.rows.rows::<f64>(0..n as usize);
            rows.read_finite(0, &mut values, &mut RowBuffer::default()).unwrap();
            assert_eq!(values[..2], [0.0, 0.1]);
            let good = fs::read(&path).unwrap();
            for at in 0..good.len() {
                let mut changed = good.clone();
                changed[at] ^= 2;
                for bytes in [&good[..at], &changed] {
                    fs::write(&path, bytes).unwrap();
                    let told = SampleFile::open(&path).unwrap_err().to_string();
                    assert!(told.contains("s.safetensors: not a valid"), "{told}");
                }
            }
        }
        // A sample that lacks rows is never given its name.
        let other = folder.path().join("t.safetensors");
        let file = SampleWriter::create(&other, &about(Drawn::Rows, (1, 1)), &[1, 2], None).unwrap();
        assert!(file.finish().is_err() && !other.exists());
    }
}
