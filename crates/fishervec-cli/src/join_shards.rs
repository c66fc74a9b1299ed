//! `fishervec join`: one file of the shards of an encoding.

use crate::args::JoinArguments;
use crate::destination::is_same;
use crate::exit::DONE;
use crate::outputs;
use crate::progress::{Progress, counted};
use crate::shard::{About, hash_of};
use crate::vector_files::VectorFiles;
use anyhow::{anyhow, bail};
use fishervec::Source;
use fishervec::data::RowBuffer;
use fishervec::io::npy::{NpyArray, write_integers};
use fishervec::io::{FileRows, Staged, VectorWriter, commit};
use std::collections::BTreeMap;
use std::path::Path;

/// The largest number of entries of vectors in memory: 4 MB.
const NUMBERS: usize = 1 << 20;
/// The largest number of missing shards that an error names.
const NAMED: usize = 8;

pub(crate) fn run(arguments: &JoinArguments) -> anyhow::Result<i32> {
    let progress = Progress::new(arguments.quiet);
    let names = VectorFiles::new(&arguments.output)?;
    let shards = complete(&arguments.shards)?;
    refuse_shards(&names, &shards)?;
    let labelled = shards[0].about.value("labels") == true;
    if labelled {
        names.refuse_labels()?;
    }
    let (rows, p) = (shards[0].about.number("of"), shards[0].about.number("p"));
    let mut vectors = VectorWriter::create(&names.vectors, rows, p)?;
    let mut table = Staged::create(&names.manifest)?;
    let (mut labels, mut first) = (Vec::new(), 0);
    for shard in &shards {
        shard.check()?;
        shard.append_vectors(&mut vectors, p)?;
        first = shard.append_table(&mut table, first)?;
        if labelled {
            labels.extend(NpyArray::open(&shard.files.labels)?.integers()?);
        }
    }
    let labels = labelled.then(|| write_integers(&names.labels, &labels)).transpose()?;
    commit([vectors.finish()?, table].into_iter().chain(labels))?;
    if arguments.remove {
        shards.iter().for_each(Shard::remove);
    }
    let of = format!("({}, {})", counted(shards.len(), "shard"), counted(rows, "row"));
    progress.note(&format!("Wrote {} {of}{}", names.written(labelled), names.next(labelled)));
    Ok(DONE)
}

/// A shard: its files, and what it says about itself.
struct Shard {
    files: VectorFiles,
    about: About,
    /// Its number, from 1, and how many there are.
    number: usize,
    of: usize,
}

/// All shards of one encoding, in order.
///
/// # Errors
/// If some are missing, or do not belong together.
fn complete(paths: &[std::path::PathBuf]) -> anyhow::Result<Vec<Shard>> {
    let mut all: BTreeMap<usize, Shard> = BTreeMap::new();
    for path in paths.iter().filter(|path| !outputs::is_labels(path)) {
        let shard = Shard::open(path)?;
        if let Some(first) = all.values().next() {
            first.compare(&shard)?;
        }
        if let Some(other) = all.get(&shard.number) {
            other.compare_data(&shard)?;
        }
        all.insert(shard.number, shard);
    }
    let Some(of) = all.values().next().map(|shard| shard.of) else {
        bail!("expected the vectors of shards, got only labels");
    };
    let missing: Vec<usize> = (1..=of).filter(|number| !all.contains_key(number)).collect();
    if !missing.is_empty() {
        let shown: Vec<String> = missing.iter().take(NAMED).map(|number| format!("{number}/{of}")).collect();
        let more = missing.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let plural = if missing.len() > 1 { "s" } else { "" };
        bail!("shard{plural} {}{more} missing: encode them and join again", shown.join(", "));
    }
    Ok(all.into_values().collect())
}

/// Refuses an output that is one of the shards.
fn refuse_shards(names: &VectorFiles, shards: &[Shard]) -> anyhow::Result<()> {
    let of_shards = |path: &&Path| {
        let files = shards.iter().map(|shard| &shard.files);
        files
            .flat_map(|files| [&files.vectors, &files.manifest, &files.labels])
            .any(|file| is_same(file, path))
    };
    let outputs = [&names.vectors, &names.manifest, &names.labels].map(|path| path.as_path());
    match outputs.into_iter().find(of_shards) {
        Some(path) => {
            bail!("{} is a file of a shard and would be replaced: choose another --output", path.display())
        }
        None => Ok(()),
    }
}

impl Shard {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let (files, shown) = (VectorFiles::beside(path), path.display());
        let beside = files.about.display();
        let about = match About::read(&files.about) {
            Ok(Some(about)) => about,
            Ok(None) => {
                bail!("{beside}: expected what `encode --shard` writes about {shown}, got something else")
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && path.exists() => {
                bail!(
                    "{shown}: {beside}, which says what shard it is, is missing: encode it with --shard I/N"
                )
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => bail!("{shown}: {error}"),
            Err(error) => bail!("{beside}: {error}"),
        };
        let shard = about.shard().ok_or_else(|| anyhow!("{beside}: expected the shard I/N, got none"))?;
        Ok(Shard { files, about, number: shard.number, of: shard.of })
    }

    fn shown(&self) -> String {
        self.files.vectors.display().to_string()
    }

    /// Checks that another shard is of the same encoding.
    fn compare(&self, other: &Shard) -> anyhow::Result<()> {
        for (key, what, cure) in About::COMMON {
            let (expected, got) = (self.about.value(key), other.about.value(key));
            if expected != got {
                let plain = |value: &serde_json::Value| value.to_string().replace('"', "");
                bail!(
                    "{}: another {what} than {}: expected {}, got {}; {cure}",
                    other.shown(),
                    self.shown(),
                    plain(expected),
                    plain(got)
                );
            }
        }
        if self.of != other.of {
            bail!(
                "{} is shard {}/{} and {} is shard {}/{}: expected one number of shards",
                self.shown(),
                self.number,
                self.of,
                other.shown(),
                other.number,
                other.of
            );
        }
        Ok(())
    }

    /// Checks that a shard that is there twice is the same both times.
    fn compare_data(&self, other: &Shard) -> anyhow::Result<()> {
        match ["data", "table", "numbers"].iter().all(|key| self.about.value(key) == other.about.value(key)) {
            true => Ok(()),
            false => bail!(
                "{} and {} are both shard {}/{}, with other contents: give one",
                self.shown(),
                other.shown(),
                self.number,
                self.of
            ),
        }
    }

    /// Checks that the files are those that it says.
    fn check(&self) -> anyhow::Result<()> {
        let files = [&self.files.vectors, &self.files.manifest, &self.files.labels];
        let labelled = self.about.value("labels") == true;
        for (path, key) in files.into_iter().zip(["data", "table", "numbers"]).take(2 + usize::from(labelled))
        {
            let hash = hash_of(path).map_err(|error| anyhow!("{}: {error}", path.display()))?;
            if self.about.value(key) != &hash {
                let (shown, about) = (path.display(), self.files.about.display());
                bail!(
                    "{shown} is not the file that {about} is about: encode shard {}/{} again",
                    self.number,
                    self.of
                );
            }
        }
        Ok(())
    }

    fn append_vectors(&self, out: &mut VectorWriter, p: usize) -> anyhow::Result<()> {
        let n = self.about.number("sets");
        // An .fvecs file without rows does not tell their length.
        if n == 0 {
            return Ok(());
        }
        let rows = FileRows::open(&self.files.vectors)?;
        if (rows.n_rows(), rows.dim()) != (n, p) {
            let got = format!("{} of {}", rows.n_rows(), rows.dim());
            bail!("{}: expected {n} rows of {p} numbers, got {got}", self.shown());
        }
        let (rows, at_once) = (rows.rows::<f32>(0..n), (NUMBERS / p).max(1));
        let (mut values, mut spare) = (vec![0.0; at_once.min(n) * p], RowBuffer::default());
        for start in (0..n).step_by(at_once) {
            let values = &mut values[..at_once.min(n - start) * p];
            rows.read(start, values, &mut spare)?;
            out.append(values)?;
        }
        Ok(())
    }

    /// Appends the lines of the table, whose rows are numbered from `first` on; the number after the last.
    fn append_table(&self, out: &mut Staged, first: usize) -> anyhow::Result<usize> {
        let path = &self.files.manifest;
        let bytes = std::fs::read(path).map_err(|error| anyhow!("{}: {error}", path.display()))?;
        let mut row = first;
        for (i, record) in records(&bytes).enumerate() {
            if i == 0 {
                if first == 0 && self.number == 1 {
                    out.append(record)?;
                }
                continue;
            }
            let comma = record.iter().position(|byte| *byte == b',').unwrap_or(0);
            out.append(row.to_string().as_bytes())?;
            out.append(&record[comma..])?;
            row += 1;
        }
        let (expected, got) = (self.about.number("sets"), row - first);
        if expected != got {
            bail!("{}: expected {expected} lines after the first, got {got}", path.display());
        }
        Ok(row)
    }

    /// Removes the files. It does not matter if one of them is gone already.
    fn remove(&self) {
        let VectorFiles { vectors, manifest, labels, about } = &self.files;
        for path in [about, vectors, manifest] {
            let _ = std::fs::remove_file(path);
        }
        if self.about.value("labels") == true {
            let _ = std::fs::remove_file(labels);
        }
    }
}

/// The records of a table, each with its line end. A field in quotes may hold line ends.
fn records(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let mut quoted = false;
        let end = bytes.iter().position(|byte| {
            quoted ^= *byte == b'"';
            *byte == b'\n' && !quoted
        });
        let (record, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
        bytes = rest;
        (!record.is_empty()).then_some(record)
    })
}
