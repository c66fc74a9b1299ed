//! Shards of encodings: which rows are whose, and what NAME.json says about one.

use crate::args::Shard;
use crate::groups::Row;
use crate::inputs::Inputs;
use anyhow::bail;
use fishervec::io::Staged;
use fishervec::run::Isa;
use fishervec::{Error, Pipeline, Result};
use serde_json::{Map, Value, json};
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use xxhash_rust::xxh3::Xxh3;

/// The key, and the version, of what a shard says about itself.
const KEY: &str = "fishervec_encoding";
const VERSION: u64 = 1;
/// The largest number of bytes of such a file.
const LARGEST: u64 = 1 << 16;

/// The rows of a shard: its border is where the descriptors of the rows before reach its share of all.
pub(crate) fn cut(rows: &[Row], inputs: &Inputs, shard: Shard) -> Range<usize> {
    let mut before = vec![0_u128];
    before.extend(rows.iter().scan(0, |sum, row| {
        *sum += inputs.n_rows(&row.sets) as u128;
        Some(*sum)
    }));
    let (total, of) = (before[rows.len()], shard.of as u128);
    let border = |i: usize| match i == shard.of {
        true => rows.len(),
        false => before[..rows.len()].partition_point(|before| before * of < total * i as u128),
    };
    border(shard.number - 1)..border(shard.number)
}

/// What all shards of an encoding have in common, and which one this is.
pub(crate) struct About(Map<String, Value>);

impl About {
    pub(crate) fn new(
        pipeline: &Pipeline,
        inputs: &Inputs,
        rows: &[Row],
        shard: Option<Shard>,
        labels: bool,
        reasons: bool,
    ) -> Result<Self> {
        let about = json!({
            KEY: VERSION,
            "model": hex(pipeline.id()?),
            "list": hex(inputs.id),
            "rows": hex(identity(rows)),
            "of": rows.len(),
            "p": pipeline.output_dim(),
            "labels": labels,
            "reasons": reasons,
            "level": Isa::active().name(),
            "version": env!("CARGO_PKG_VERSION"),
            "shard": shard.map(|shard| [shard.number, shard.of]),
        });
        Ok(match about {
            Value::Object(about) => About(about),
            _ => About(Map::new()),
        })
    }

    /// What must agree before shards may be joined: the key, what it is, and what to do.
    pub(crate) const COMMON: [(&'static str, &'static str, &'static str); 10] = [
        (KEY, "version of the format", "install one version of fishervec on all machines"),
        ("version", "version of fishervec", "install one version on all machines"),
        ("model", "model", "encode it again under the same model"),
        ("list", "list of files", "encode it again from the same files"),
        ("of", "number of rows", "encode it again with the same --group-by"),
        ("rows", "set of names and labels", "encode it again with the same labels and groups"),
        ("labels", "setting of labels", "encode it again with the same labels"),
        ("reasons", "--on-error", "encode it again with the same --on-error"),
        ("p", "length of vectors", "encode it again under the same model"),
        ("level", "instruction set", "set FISHERVEC_SIMD to one that all machines have"),
    ];

    pub(crate) fn value(&self, key: &str) -> &Value {
        self.0.get(key).unwrap_or(&Value::Null)
    }

    /// A number; 0 where there is none.
    pub(crate) fn number(&self, key: &str) -> usize {
        self.value(key).as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or(0)
    }

    /// Which shard it is, from 1, and of how many.
    pub(crate) fn shard(&self) -> Option<Shard> {
        let parts = self.value("shard").as_array()?;
        let [number, of] = parts.as_slice() else { return None };
        let [number, of] = [number, of].map(|part| usize::try_from(part.as_u64().unwrap_or(0)).unwrap_or(0));
        (1..=of).contains(&number).then_some(Shard { number, of })
    }

    /// The file for --output of a shard of rows `first..first + sets`, whose other files are these.
    pub(crate) fn write(
        &self,
        path: &Path,
        first: usize,
        sets: usize,
        files: &mut [Staged],
    ) -> Result<Staged> {
        let mut about = self.0.clone();
        about.insert("first".to_owned(), json!(first));
        about.insert("sets".to_owned(), json!(sets));
        for (file, key) in files.iter_mut().zip(["data", "table", "numbers"]) {
            file.sync()?;
            let hash =
                hash_of(file.temporary()).map_err(|source| Error::Io { path: path.to_owned(), source })?;
            about.insert(key.to_owned(), json!(hash));
        }
        let mut file = Staged::create(path)?;
        file.append(format!("{:#}\n", Value::Object(about)).as_bytes())?;
        Ok(file)
    }

    /// What the file at `path` says; `None` if it is none of a shard.
    pub(crate) fn read(path: &Path) -> std::io::Result<Option<Self>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(LARGEST).read_to_end(&mut bytes)?;
        let about = serde_json::from_slice::<Map<String, Value>>(&bytes).ok();
        Ok(about.filter(|about| about.contains_key(KEY)).map(About))
    }

    /// Refuses to replace a NAME.json that `encode` did not write.
    pub(crate) fn check(path: &Path) -> anyhow::Result<()> {
        crate::destination::check("--output", path)?;
        if path.is_file() && About::read(path)?.is_none() {
            bail!(
                "{} would be replaced, and encode did not write it: choose another --output",
                path.display()
            );
        }
        Ok(())
    }
}

/// What a run must have in common with one that it goes on from: it would write the same bytes.
pub(crate) fn plan(about: &About, inputs: &Inputs, rows: &[Row]) -> Map<String, Value> {
    let mut hash = Xxh3::new();
    // A name of the same file may be written in another way: NAME.csv has it as it is.
    rows.iter().for_each(|row| add(&mut hash, row.source.as_bytes()));
    let sources = hash.digest();
    let mut hash = Xxh3::new();
    for stamp in &inputs.stamps {
        let (bytes, modified) = stamp.map_or((0, 0), |stamp| (stamp.bytes, stamp.modified));
        hash.update(&bytes.to_le_bytes());
        hash.update(&modified.to_le_bytes());
    }
    let mut plan = about.0.clone();
    plan.insert("files".to_owned(), json!(hex(hash.digest())));
    plan.insert("sources".to_owned(), json!(hex(sources)));
    plan
}

/// The identity of the rows: the names and labels of the sets, and how they are grouped.
fn identity(rows: &[Row]) -> u64 {
    let mut hash = Xxh3::new();
    for row in rows {
        add(&mut hash, row.name.as_bytes());
        add(&mut hash, row.label.as_ref().map(ToString::to_string).unwrap_or_default().as_bytes());
        hash.update(&(row.sets.len() as u64).to_le_bytes());
        row.sets.iter().for_each(|set| hash.update(&(*set as u64).to_le_bytes()));
    }
    hash.digest()
}

fn add(hash: &mut Xxh3, bytes: &[u8]) {
    hash.update(&(bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

fn hex(number: u64) -> String {
    format!("{number:016x}")
}

/// The hash of a file, in hexadecimal.
pub(crate) fn hash_of(path: &Path) -> std::io::Result<String> {
    let (mut file, mut hash, mut bytes) = (File::open(path)?, Xxh3::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut bytes)? {
            0 => return Ok(hex(hash.digest())),
            n => hash.update(&bytes[..n]),
        }
    }
}
