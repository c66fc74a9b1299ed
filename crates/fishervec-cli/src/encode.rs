//! `fishervec encode`: one vector per set, in bounded memory; all files appear together at the end.

use crate::args::{EncodeArguments, OnError};
use crate::inputs::{Inputs, Kind, Listing, OpenFile, Set};
use crate::labels;
use crate::progress::{Progress, Task};
use crate::table::{Outcome, Table};
use fishervec::image::ImageParams;
use fishervec::io::npy::write_integers;
use fishervec::io::{FileRows, VectorWriter, commit};
use fishervec::{Encoded, Error, Pipeline, Result, Threads, Workspace};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Most sets worked on between two writes.
const BATCH: usize = 256;
/// Numbers of the vectors kept until they are written: 64 MB.
const NUMBERS: usize = 1 << 24;

pub(crate) fn run(arguments: &EncodeArguments) -> anyhow::Result<i32> {
    let progress = Progress::new(arguments.running.quiet);
    let names = Names::new(&arguments.output)?;
    let pipeline = Pipeline::load(&arguments.model)?;
    let threads = arguments.running.threads()?;
    let listing = Listing::new(&arguments.inputs)?;
    let images = images_of(&pipeline, &listing)?;
    let inputs = Inputs::scan(listing, images, progress)?;
    names.are_no_inputs(&inputs)?;
    let labels = labels::of_sets(&inputs)?;
    let skip = arguments.on_error == OnError::Skip;
    if !skip {
        // What the headers tell is told before any work is done.
        inputs.sets.iter().try_for_each(|set| check(set, &pipeline, &inputs)).map_err(anyhow::Error::msg)?;
    }

    let vectors = VectorWriter::create(&names.vectors, inputs.sets.len(), pipeline.len())?;
    let table = Table::create(&names.table, labels.is_some(), skip)?;
    let numbers = labels.map(|labels| write_integers(&names.labels, &labels)).transpose()?;
    if numbers.is_none() && names.labels.exists() {
        progress
            .warn(&format!("warning: {} is from before: these sets have no labels", names.labels.display()));
    }

    let task = match inputs.images {
        Some(_) => progress.start("encoding", inputs.sets.len(), "photographs"),
        None => progress.start("encoding", inputs.total_rows(), "descriptors"),
    };
    let mut output = Output { vectors, table, empty: 0, skipped: 0 };
    let (single, double) = (Workspace::default(), Workspace::default());
    let files = Slot::all(&inputs, &pipeline);
    let encoding =
        Encoding { inputs: &inputs, files, pipeline: &pipeline, threads, single, double, task: &task };
    encoding.run(skip, &mut output)?;
    task.finish(progress);

    let Output { vectors, table, empty, skipped } = output;
    commit([vectors.finish()?, table.finish()].into_iter().chain(numbers))?;
    let (n, path) = (inputs.sets.len(), names.vectors.display());
    progress.note(&format!("wrote {path}: {n} sets of which {empty} empty, {skipped} skipped"));
    Ok(if skipped > 0 { crate::SKIPPED } else { crate::DONE })
}

/// How the inputs become descriptors, where they are photographs.
fn images_of(pipeline: &Pipeline, inputs: &Listing) -> anyhow::Result<Option<ImageParams>> {
    match (inputs.kind(), pipeline.images()) {
        (Kind::Descriptors, _) => Ok(None),
        (Kind::Photographs, Some(images)) => Ok(Some(images.clone())),
        (Kind::Photographs, None) => {
            anyhow::bail!(
                "the inputs are photographs: expected descriptors, which the model was learned from"
            )
        }
    }
}

/// The files written.
struct Names {
    vectors: PathBuf,
    table: PathBuf,
    labels: PathBuf,
}

impl Names {
    fn new(output: &Path) -> anyhow::Result<Self> {
        if !VectorWriter::is_named(output) {
            let text = format!("--output {}: expected a name in .npy or .fvecs", output.display());
            return Err(crate::Usage(text).into());
        }
        Ok(Names {
            vectors: output.to_owned(),
            table: output.with_extension("csv"),
            labels: output.with_extension("labels.npy"),
        })
    }

    /// The vectors must not replace descriptors, nor be taken for some the next time.
    fn are_no_inputs(&self, inputs: &Inputs) -> anyhow::Result<()> {
        for output in [&self.vectors, &self.labels].into_iter().filter_map(|path| path.canonicalize().ok()) {
            if let Some(path) =
                inputs.files.iter().find(|path| path.canonicalize().is_ok_and(|it| it == output))
            {
                anyhow::bail!(
                    "{} is among the inputs and would be replaced: choose another output",
                    path.display()
                );
            }
        }
        Ok(())
    }
}

/// How a set came out, or why it did not.
type Done = std::result::Result<Encoded, String>;

/// Whether a set can be encoded, as far as its file's header tells.
fn check(set: &Set, pipeline: &Pipeline, inputs: &Inputs) -> std::result::Result<(), String> {
    let (expected, got) = (pipeline.dim(), set.shape.as_ref().map_err(String::clone)?.dim);
    if got == expected {
        return Ok(());
    }
    Err(inputs.blame(set, Error::Dimension { what: "descriptors", expected, got }).to_string())
}

/// What encoding a set needs beside the set.
struct Encoding<'a> {
    inputs: &'a Inputs,
    files: Vec<Mutex<Slot>>,
    pipeline: &'a Pipeline,
    threads: Threads,
    single: Workspace<f32>,
    double: Workspace<f64>,
    task: &'a Task,
}

/// A file, open from when its first set is needed to when its last one has been.
struct Slot {
    open: Option<OpenFile>,
    /// Sets in it that are still to come.
    left: usize,
}

impl Slot {
    /// One per file of the inputs, for the sets that will be asked for.
    fn all(inputs: &Inputs, pipeline: &Pipeline) -> Vec<Mutex<Slot>> {
        let mut slots: Vec<_> = inputs.files.iter().map(|_| Slot { open: None, left: 0 }).collect();
        let wanted = inputs.sets.iter().filter(|set| check(set, pipeline, inputs).is_ok());
        wanted.for_each(|set| slots[set.file].left += 1);
        slots.into_iter().map(Mutex::new).collect()
    }

    fn rows(&mut self, path: &Path, set: &Set) -> Result<(FileRows, Range<usize>)> {
        self.left -= 1;
        let mut file = match self.open.take() {
            Some(file) => file,
            None => OpenFile::new(path)?,
        };
        let rows = file.rows(set.index);
        self.open = Some(file).filter(|_| self.left > 0);
        rows
    }
}

impl Encoding<'_> {
    /// Encodes all sets, a batch at a time, into `output`.
    fn run(&self, skip: bool, output: &mut Output) -> anyhow::Result<()> {
        let p = self.pipeline.len();
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
                    Err(reason) => anyhow::bail!(reason),
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
            // A slot is whole whatever happened to the thread that used it before.
            let mut slot = self.files[set.file].lock().unwrap_or_else(PoisonError::into_inner);
            slot.rows(&self.inputs.files[set.file], set)
        };
        let done = rows.and_then(|(array, range)| self.encode_rows(&array, range, out));
        done.map_err(blame)
    }

    /// Doubles are computed as such and rounded at the end; all else is `f32` throughout.
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
                let reason = format!("entry {i} of the vector, {from:e}, is beyond float32");
                return Err(Error::Format { format: "npy", reason });
            }
        }
        Ok(encoded)
    }
}

/// What is written and counted as sets come out.
struct Output {
    vectors: VectorWriter,
    table: Table,
    empty: usize,
    skipped: usize,
}

impl Output {
    fn encoded(&mut self, path: &Path, set: &Set, encoded: &Encoded) -> Result<()> {
        let empty = encoded.n_rows == 0;
        self.empty += usize::from(empty);
        self.table.row(
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
        self.table.row(path, set, &Outcome { n, mean_log_likelihood: None, status: "skipped", reason })
    }
}
