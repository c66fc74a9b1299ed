//! `fishervec encode`: one vector per set, in bounded memory; all files appear together at the end.

use crate::args::{EncodeArguments, OnError};
use crate::compatible::{check, images_of};
use crate::exit::{DONE, SKIPPED, usage_error};
use crate::files::Files;
use crate::groups::Row;
use crate::inputs::Inputs;
use crate::listing::Listing;
use crate::manifest::{Manifest, Outcome};
use crate::progress::{Progress, Task, counted};
use crate::{classes, destination, groups, labels, outputs, shell};
use anyhow::bail;
use fishervec::encode::{Encoded, Gathered};
use fishervec::io::npy::write_integers;
use fishervec::io::{FileRows, VectorWriter, commit};
use fishervec::run::{Threads, Workspace};
use fishervec::{Error, Pipeline, Result};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The largest number of sets that are encoded between two writes.
const BATCH: usize = 256;
/// The number of sets of a group that are worked on at once.
const TOGETHER: usize = 16;
/// The largest number of entries of vectors kept in memory until they are written: 64 MB.
const NUMBERS: usize = 1 << 24;

pub(crate) fn run(arguments: &EncodeArguments) -> anyhow::Result<i32> {
    let progress = Progress::new(arguments.running.quiet);
    let names = Names::new(arguments)?;
    let pipeline = Pipeline::load(&arguments.model)?;
    let threads = arguments.running.threads()?;
    let listing = Listing::new(&arguments.input.inputs)?;
    let images = images_of(&pipeline, listing.kind(arguments.input.kind)?)?;
    let given = [(&arguments.input.array, "array"), (&arguments.input.positions, "positions")];
    for (_, option) in given.iter().filter(|(name, _)| images.is_some() && name.is_some()) {
        progress.warning(&format!("--{option} has no effect with images; leave it out"));
    }
    let arrays = arguments.input.arrays(images.is_some());
    let mut inputs = Inputs::scan(listing, images, arrays, progress)?;
    inputs.refuse_outputs(&[&names.vectors, &names.labels])?;
    let groups = arguments.group_by.as_deref();
    let mut origin = classes::label(&mut inputs, &arguments.labels, groups.is_some(), progress)?;
    let mut rows = match groups {
        Some(by) => {
            let table = arguments.labels.labels.as_deref();
            groups::of_groups(&inputs, &arguments.input.inputs, by, table)?
        }
        None => groups::of_sets(&inputs),
    };
    if groups == Some(groups::FOLDER)
        && arguments.labels.labels.is_none()
        && origin.is_some()
        && groups::are_classes(&rows)
    {
        // The folders say one thing: which sets belong together.
        origin = None;
        rows.iter_mut().for_each(|row| row.label = None);
    }
    let of_rows = rows.iter().map(|row| (row.label.as_ref(), Path::new(&row.source)));
    let labels = labels::of_sets(&of_rows.collect::<Vec<_>>())?;
    let skip = arguments.on_error == OnError::Skip;
    if !skip {
        // What the headers reveal is reported before any work is done.
        inputs.sets.iter().try_for_each(|set| check(set, &pipeline, &inputs)).map_err(anyhow::Error::msg)?;
    }

    if labels.is_some() && names.labels.is_file() && outputs::has_labels(&names.manifest) != Some(true) {
        refuse_to_replace(&names.labels)?;
    }
    let vectors = VectorWriter::create(&names.vectors, rows.len(), pipeline.output_dim())?;
    let manifest = Manifest::create(&names.manifest, labels.is_some(), skip)?;
    let numbers = labels.map(|labels| write_integers(&names.labels, &labels)).transpose()?;
    let labelled = numbers.is_some();
    if !labelled && names.labels.exists() {
        let path = names.labels.display();
        progress
            .warning(&format!("these sets have no labels; {path}, which is there already, is not theirs"));
    }

    let task = match inputs.images {
        Some(_) => progress.start("encoding", inputs.sets.len(), "image"),
        None => progress.start("encoding", inputs.total_rows(), "descriptor"),
    };
    let mut output = Output { vectors, manifest, empty: 0, skipped: 0 };
    let (single, double) = (Workspace::default(), Workspace::default());
    let files = Files::new(&inputs, &pipeline);
    let encoding =
        Encoding { inputs: &inputs, files, pipeline: &pipeline, threads, single, double, task: &task, skip };
    encoding.run(&rows, &mut output)?;
    task.finish(progress);

    let Output { vectors, manifest, empty, skipped } = output;
    commit([vectors.finish()?, manifest.finish()].into_iter().chain(numbers))?;
    let origin = origin.map_or_else(String::new, |origin| format!("; {origin}"));
    let of = groups.map(|by| format!(" in {} by {by}", counted(rows.len(), "group"))).unwrap_or_default();
    let sets = counted(inputs.sets.len(), "set");
    let counts = format!("({sets}{of}: {empty} empty, {skipped} skipped{origin})");
    progress.note(&format!("Wrote {} {counts}{}", names.written(labelled), names.next(labelled)));
    Ok(if skipped > 0 { SKIPPED } else { DONE })
}

/// The files to write.
struct Names {
    vectors: PathBuf,
    manifest: PathBuf,
    labels: PathBuf,
}

impl Names {
    /// The names of the files, which have been checked to be writable.
    fn new(arguments: &EncodeArguments) -> anyhow::Result<Self> {
        let output = &arguments.output;
        if !VectorWriter::is_named(output) {
            let cure = match output.extension().and_then(|ending| ending.to_str()) {
                Some("parquet" | "h5" | "hdf5") => {
                    "; fishervec.write_vectors(path, vectors, sets) in Python writes .parquet and .h5"
                }
                _ => "",
            };
            usage_error!(
                "--output: expected a name ending in .npy or .fvecs, got {}{cure}",
                output.display()
            );
        }
        let names = Names {
            vectors: output.clone(),
            manifest: output.with_extension("csv"),
            labels: output.with_extension("labels.npy"),
        };
        let other = output.with_extension(if output.extension().is_some_and(|e| e == "npy") {
            "fvecs"
        } else {
            "npy"
        });
        if other.exists() && !names.manifest.exists() {
            bail!(
                "{} would seem to be about {}, which is there already: choose another --output",
                names.manifest.display(),
                other.display()
            );
        }
        // Its name follows from that of the vectors, so nobody said that it may be replaced.
        if names.manifest.is_file() && !outputs::is_unchanged(&names.manifest) {
            refuse_to_replace(&names.manifest)?;
        }
        for path in [&names.vectors, &names.manifest, &names.labels] {
            destination::check("--output", path)?;
            destination::spare_labels(path, arguments.labels.labels.as_deref())?;
            if destination::is_same(path, &arguments.model) {
                bail!("{} is the model and would be replaced: choose another --output", path.display());
            }
        }
        Ok(names)
    }

    /// The names that were written, as a sentence lists them.
    fn written(&self, labelled: bool) -> String {
        let (vectors, manifest) = (self.vectors.display(), self.manifest.display());
        match labelled {
            true => format!("{vectors}, {manifest} and {}", self.labels.display()),
            false => format!("{vectors} and {manifest}"),
        }
    }

    /// The command that comes next, if there are labels to evaluate with.
    fn next(&self, labelled: bool) -> String {
        let vectors = shell::word(&self.vectors).unwrap_or_else(|| "VECTORS".to_owned());
        if labelled { format!(". Next: fishervec evaluate {vectors}") } else { String::new() }
    }
}

fn refuse_to_replace(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    match outputs::is_manifest(path) {
        true => bail!(
            "{shown} would be replaced, with columns that encode did not write: choose another --output"
        ),
        false => bail!("{shown} would be replaced, and encode did not write it: choose another --output"),
    }
}

/// What encoding needs in addition to a set.
struct Encoding<'a> {
    inputs: &'a Inputs,
    files: Files,
    pipeline: &'a Pipeline,
    threads: Threads,
    single: Workspace<f32>,
    double: Workspace<f64>,
    task: &'a Task,
    /// Whether a set that cannot be encoded is left out.
    skip: bool,
}

/// How the encoding of a row went: the sets that failed, each with the reason, and the summary of the others.
#[derive(Default)]
struct Done {
    encoded: Option<Encoded>,
    failed: Vec<(usize, String)>,
}

impl Encoding<'_> {
    /// Encodes all rows, one batch after the other, into `output`.
    fn run(&self, rows: &[Row], output: &mut Output) -> anyhow::Result<()> {
        let p = self.pipeline.output_dim();
        let batch = (NUMBERS / p).clamp(1, BATCH);
        let mut vectors = vec![0.0; batch.min(rows.len()) * p];
        for rows in rows.chunks(batch) {
            let vectors = &mut vectors[..rows.len() * p];
            let mut results: Vec<Done> = rows.iter().map(|_| Done::default()).collect();
            let work = rows.iter().zip(vectors.chunks_exact_mut(p)).zip(&mut results).collect();
            self.threads.for_each(work, &|_, ((row, vector), done)| {
                self.encode(row, vector, done);
                if done.encoded.is_none() {
                    vector.fill(0.0);
                }
                Ok(())
            })?;
            for (row, done) in rows.iter().zip(results) {
                for (_, reason) in &done.failed {
                    if !self.skip {
                        bail!(reason.clone());
                    }
                    self.task.warn(&format!("skipped: {reason}"));
                }
                output.row(row, &done, self.inputs)?;
            }
            output.vectors.append(vectors)?;
        }
        Ok(())
    }

    /// Encodes the sets of a row as one, adding them up in their order.
    fn encode(&self, row: &Row, out: &mut [f32], done: &mut Done) {
        let mut sum: Option<(usize, Gathered)> = None;
        for sets in row.sets.chunks(TOGETHER) {
            for (set, gathered) in sets.iter().zip(self.gather_all(sets)) {
                let added = match (gathered, &mut sum) {
                    (Err(reason), _) => Err(reason),
                    (Ok(gathered), Some((_, sum))) => {
                        let added = sum.merge(&gathered).map_err(|error| self.blame(*set, error));
                        self.give(*set, gathered);
                        added
                    }
                    (Ok(gathered), empty) => {
                        *empty = Some((*set, gathered));
                        Ok(())
                    }
                };
                if let Err(reason) = added {
                    done.failed.push((*set, reason));
                }
            }
            if !self.skip && !done.failed.is_empty() {
                return;
            }
        }
        let Some((first, sum)) = sum else { return };
        match self.pipeline.encode_gathered_into(&sum, out, &self.single) {
            Ok(encoded) => done.encoded = Some(encoded),
            Err(error) if row.sets.len() == 1 => done.failed.push((first, self.blame(first, error))),
            Err(error) => {
                let reason = error.at(format!("group {}", row.name)).to_string();
                done.failed = row.sets.iter().map(|set| (*set, reason.clone())).collect();
            }
        }
        self.give(first, sum);
    }

    /// What is gathered of each of a few sets, or why it cannot be.
    fn gather_all(&self, sets: &[usize]) -> Vec<std::result::Result<Gathered, String>> {
        let mut all: Vec<_> = sets.iter().map(|_| Err(String::new())).collect();
        let done = self.threads.for_each(sets.iter().zip(&mut all).collect(), &|_, (set, gathered)| {
            *gathered = self.gather(*set);
            Ok(())
        });
        match done {
            Ok(()) => all,
            Err(error) => sets.iter().map(|_| Err(error.to_string())).collect(),
        }
    }

    fn gather(&self, set: usize) -> std::result::Result<Gathered, String> {
        let at = &self.inputs.sets[set];
        check(at, self.pipeline, self.inputs)?;
        let blame = |error| self.blame(set, error);
        if let Some(features) = self.inputs.features(at).map_err(blame)? {
            let done = self.pipeline.gather(&features.view(), &self.threads, &self.single);
            self.task.advance(1);
            return done.map_err(blame);
        }
        let rows = self.files.rows(self.inputs, at);
        rows.and_then(|(array, range)| self.gather_rows(&array, range)).map_err(blame)
    }

    /// Doubles are computed in double precision, everything else in `f32`.
    fn gather_rows(&self, array: &FileRows, range: Range<usize>) -> Result<Gathered> {
        if array.is_f64() {
            let rows = self.task.counting(array.rows::<f64>(range));
            return self.pipeline.gather(&rows, &self.threads, &self.double);
        }
        let rows = self.task.counting(array.rows::<f32>(range));
        self.pipeline.gather(&rows, &self.threads, &self.single)
    }

    /// Returns the memory of what was gathered of a set to where it came from.
    fn give(&self, set: usize, gathered: Gathered) {
        match &self.inputs.sets[set].shape {
            Ok(shape) if shape.is_f64 => gathered.give_to(&self.double),
            _ => gathered.give_to(&self.single),
        }
    }

    fn blame(&self, set: usize, error: Error) -> String {
        self.inputs.blame(&self.inputs.sets[set], error).to_string()
    }
}

/// What is written and counted while sets are encoded.
struct Output {
    vectors: VectorWriter,
    manifest: Manifest,
    empty: usize,
    skipped: usize,
}

impl Output {
    fn row(&mut self, row: &Row, done: &Done, inputs: &Inputs) -> Result<()> {
        self.skipped += done.failed.len();
        let reason = reason(row, &done.failed);
        let outcome = match done.encoded {
            Some(encoded) => {
                let empty = encoded.n_rows == 0;
                self.empty += usize::from(empty);
                Outcome {
                    n: Some(encoded.n_rows),
                    mean_log_likelihood: encoded.mean_log_likelihood,
                    status: if empty { "empty" } else { "ok" },
                    reason: &reason,
                }
            }
            None => {
                let n_rows = |set: &usize| inputs.sets[*set].shape.as_ref().ok().map(|shape| shape.n_rows);
                let n = row.sets.iter().map(n_rows).sum();
                Outcome { n, mean_log_likelihood: None, status: "skipped", reason: &reason }
            }
        };
        self.manifest.row(row, &outcome)
    }
}

/// Why a row lacks sets, or all that it has.
fn reason(row: &Row, failed: &[(usize, String)]) -> String {
    match failed {
        [] => String::new(),
        [(_, reason), ..] if row.sets.len() == 1 => reason.clone(),
        [(_, reason), ..] => {
            format!("{} of {} skipped: {reason}", failed.len(), counted(row.sets.len(), "set"))
        }
    }
}
