//! `fishervec encode`: one vector per set, in bounded memory; all files appear together at the end.

use crate::args::{EncodeArguments, OnError};
use crate::exit::{DONE, SKIPPED, usage_error};
use crate::inputs::{Arrays, Inputs, OpenFile, Set, Shape};
use crate::listing::{Kind, Listing};
use crate::manifest::{Manifest, Outcome};
use crate::progress::{Progress, Task, counted};
use crate::{classes, destination, labels, outputs, shell};
use anyhow::bail;
use fishervec::encode::Encoded;
use fishervec::image::ImageParams;
use fishervec::io::npy::write_integers;
use fishervec::io::{FileRows, VectorWriter, commit};
use fishervec::run::{Threads, Workspace};
use fishervec::{Error, Pipeline, Result};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The largest number of sets that are encoded between two writes.
const BATCH: usize = 256;
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
    let arrays = Arrays::of(&arguments.input, images.is_some());
    let mut inputs = Inputs::scan(listing, images, arrays, progress)?;
    inputs.refuse_outputs(&[&names.vectors, &names.labels])?;
    let origin = classes::label(&mut inputs, &arguments.labels, progress)?;
    let sets = inputs.sets.iter().map(|set| (set.label.as_ref(), inputs.files[set.file].as_path()));
    let labels = labels::of_sets(&sets.collect::<Vec<_>>())?;
    let skip = arguments.on_error == OnError::Skip;
    if !skip {
        // What the headers reveal is reported before any work is done.
        inputs.sets.iter().try_for_each(|set| check(set, &pipeline, &inputs)).map_err(anyhow::Error::msg)?;
    }

    if labels.is_some() && names.labels.is_file() && outputs::has_labels(&names.manifest) != Some(true) {
        refuse_to_replace(&names.labels)?;
    }
    let vectors = VectorWriter::create(&names.vectors, inputs.sets.len(), pipeline.output_dim())?;
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
    let files = Slot::all(&inputs, &pipeline);
    let encoding =
        Encoding { inputs: &inputs, files, pipeline: &pipeline, threads, single, double, task: &task };
    encoding.run(skip, &mut output)?;
    task.finish(progress);

    let Output { vectors, manifest, empty, skipped } = output;
    commit([vectors.finish()?, manifest.finish()].into_iter().chain(numbers))?;
    let origin = origin.map_or_else(String::new, |origin| format!("; {origin}"));
    let counts = format!("({}: {empty} empty, {skipped} skipped{origin})", counted(inputs.sets.len(), "set"));
    progress.note(&format!("Wrote {} {counts}{}", names.written(labelled), names.next(labelled)));
    Ok(if skipped > 0 { SKIPPED } else { DONE })
}

/// How the inputs become descriptors, if they are images.
fn images_of(pipeline: &Pipeline, inputs: Kind) -> anyhow::Result<Option<ImageParams>> {
    match (inputs, pipeline.images()) {
        (Kind::Descriptors, _) => Ok(None),
        (Kind::Images, Some(images)) => Ok(Some(images.clone())),
        (Kind::Images, None) => {
            bail!(
                "the inputs are images, but the model was learned from descriptors: give descriptor \
                 files, or fit a model to images"
            )
        }
    }
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
        if names.manifest.is_file() && !outputs::is_manifest(&names.manifest) {
            refuse_to_replace(&names.manifest)?;
        }
        for path in [&names.vectors, &names.manifest, &names.labels] {
            destination::check("--output", path)?;
            if path
                .canonicalize()
                .is_ok_and(|path| arguments.model.canonicalize().is_ok_and(|model| model == path))
            {
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
    bail!("{} would be replaced, and encode did not write it: choose another --output", path.display())
}

/// How the encoding of a set went, or why it failed.
type Done = std::result::Result<Encoded, String>;

/// Whether a set can be encoded, as far as the header of its file reveals.
fn check(set: &Set, pipeline: &Pipeline, inputs: &Inputs) -> std::result::Result<(), String> {
    let shape = set.shape.as_ref().map_err(String::clone)?;
    let (expected, got) = (pipeline.input_dim(), shape.dim);
    let cure = match positions_cure(shape, pipeline) {
        Some(cure) => cure,
        None if shape.goes_with(expected) => return Ok(()),
        None => String::new(),
    };
    let error = inputs.blame(set, Error::Dimension { what: "descriptors", expected, got });
    Err(format!("{error}{cure}"))
}

/// What to do if positions were given otherwise than the model expects.
fn positions_cure(shape: &Shape, pipeline: &Pipeline) -> Option<String> {
    let (expected, got) = (pipeline.position_columns(), shape.n_positions);
    match (got, expected) {
        (0, n) if n > 0 && shape.dim + n == pipeline.input_dim() => {
            let columns = counted(n, "column");
            Some(format!(
                ": the last {columns} are positions; give the array that holds them with --positions NAME"
            ))
        }
        (0, _) => None,
        (got, n) if got == n => None,
        (_, 0) => Some("; the model was fitted without positions: leave out --positions".to_owned()),
        (got, n) => Some(format!("; the positions have {got} columns, those of the fit had {n}")),
    }
}

/// What encoding needs in addition to a set.
struct Encoding<'a> {
    inputs: &'a Inputs,
    files: Vec<Mutex<Slot>>,
    pipeline: &'a Pipeline,
    threads: Threads,
    single: Workspace<f32>,
    double: Workspace<f64>,
    task: &'a Task,
}

/// A file, which is open from the time its first set is needed until its last one has been read.
struct Slot {
    open: Option<OpenFile>,
    /// The number of its sets that are still to be read.
    left: usize,
}

impl Slot {
    /// One slot per file of the inputs, for the sets that will be read.
    fn all(inputs: &Inputs, pipeline: &Pipeline) -> Vec<Mutex<Slot>> {
        let mut slots: Vec<_> = inputs.files.iter().map(|_| Slot { open: None, left: 0 }).collect();
        let wanted = inputs.sets.iter().filter(|set| check(set, pipeline, inputs).is_ok());
        wanted.for_each(|set| slots[set.file].left += 1);
        slots.into_iter().map(Mutex::new).collect()
    }

    fn rows(&mut self, inputs: &Inputs, set: &Set) -> Result<(FileRows, Range<usize>)> {
        self.left -= 1;
        let mut file = match self.open.take() {
            Some(file) => file,
            None => OpenFile::new(inputs, set.file)?,
        };
        let rows = file.rows(set.index);
        self.open = Some(file).filter(|_| self.left > 0);
        rows
    }
}

impl Encoding<'_> {
    /// Encodes all sets, one batch after the other, into `output`.
    fn run(&self, skip: bool, output: &mut Output) -> anyhow::Result<()> {
        let p = self.pipeline.output_dim();
        let batch = (NUMBERS / p).clamp(1, BATCH);
        let mut vectors = vec![0.0; batch.min(self.inputs.sets.len()) * p];
        for sets in self.inputs.sets.chunks(batch) {
            let vectors = &mut vectors[..sets.len() * p];
            let mut results: Vec<Option<Done>> = sets.iter().map(|_| None).collect();
            let work = sets.iter().zip(vectors.chunks_exact_mut(p)).zip(&mut results).collect();
            self.threads.for_each(work, &|_, ((set, vector), result)| {
                let done = self.encode(set, vector);
                if done.is_err() {
                    vector.fill(0.0);
                }
                *result = Some(done);
                Ok(())
            })?;
            for (set, result) in sets.iter().zip(results.into_iter().flatten()) {
                let path = &self.inputs.files[set.file];
                match result {
                    Ok(encoded) => output.encoded(path, set, &encoded)?,
                    Err(reason) if skip => {
                        self.task.warn(&format!("skipped: {reason}"));
                        output.skipped(path, set, &reason)?;
                    }
                    Err(reason) => bail!(reason),
                }
            }
            output.vectors.append(vectors)?;
        }
        Ok(())
    }

    fn encode(&self, set: &Set, out: &mut [f32]) -> Done {
        check(set, self.pipeline, self.inputs)?;
        let blame = |error| self.inputs.blame(set, error).to_string();
        if let Some(features) = self.inputs.features(set).map_err(blame)? {
            let done = self.pipeline.encode_into(&features.view(), out, &self.threads, &self.single);
            self.task.advance(1);
            return done.map_err(blame);
        }
        let rows = {
            // A slot is valid whatever happened to the thread that used it before.
            let mut slot = self.files[set.file].lock().unwrap_or_else(PoisonError::into_inner);
            slot.rows(self.inputs, set)
        };
        let done = rows.and_then(|(array, range)| self.encode_rows(&array, range, out));
        done.map_err(blame)
    }

    /// Doubles are computed in double precision and rounded at the end; everything else is `f32` throughout.
    fn encode_rows(&self, array: &FileRows, range: Range<usize>, out: &mut [f32]) -> Result<Encoded> {
        if !array.is_f64() {
            let rows = self.task.counting(array.rows::<f32>(range));
            return self.pipeline.encode_into(&rows, out, &self.threads, &self.single);
        }
        let rows = self.task.counting(array.rows::<f64>(range));
        let mut wide = vec![0.0; out.len()];
        let encoded = self.pipeline.encode_into(&rows, &mut wide, &self.threads, &self.double)?;
        for (i, (to, from)) in out.iter_mut().zip(wide).enumerate() {
            *to = from as f32;
            if !to.is_finite() {
                let reason = format!("entry {i} of the vector, {from:e}, is too large for float32");
                return Err(Error::Format { format: "npy", reason });
            }
        }
        Ok(encoded)
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
    fn encoded(&mut self, path: &Path, set: &Set, encoded: &Encoded) -> Result<()> {
        let empty = encoded.n_rows == 0;
        self.empty += usize::from(empty);
        self.manifest.row(
            path,
            set,
            &Outcome {
                n: Some(encoded.n_rows),
                mean_log_likelihood: encoded.mean_log_likelihood,
                status: if empty { "empty" } else { "ok" },
                reason: "",
            },
        )
    }

    fn skipped(&mut self, path: &Path, set: &Set, reason: &str) -> Result<()> {
        self.skipped += 1;
        let n = set.shape.as_ref().ok().map(|shape| shape.n_rows);
        self.manifest.row(path, set, &Outcome { n, mean_log_likelihood: None, status: "skipped", reason })
    }
}
