//! Sets to vectors, batch by batch, in bounded memory.

use crate::compatible::check;
use crate::files::Files;
use crate::groups::Row;
use crate::inputs::Inputs;
use crate::manifest::Outcome;
use crate::parts::Parts;
use crate::progress::{Task, counted};
use anyhow::bail;
use fishervec::encode::{Encoded, Gathered};
use fishervec::io::FileRows;
use fishervec::run::{Threads, Workspace};
use fishervec::{Error, Pipeline, Result};
use std::ops::Range;
use std::time::{Duration, Instant};

/// The largest number of sets that are encoded between two writes.
const BATCH: usize = 256;
/// Of sets that are slow, fewer are, but not so few that threads wait for each other.
const LEAST: usize = 32;
const SLOW: Duration = Duration::from_secs(5);
/// The number of sets of a group that are worked on at once.
const TOGETHER: usize = 16;
/// The largest number of entries of vectors kept in memory until they are written: 64 MB.
const NUMBERS: usize = 1 << 24;

/// What encoding needs in addition to a set.
pub(crate) struct Encoding<'a> {
    pub(crate) inputs: &'a Inputs,
    pub(crate) files: Files,
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) threads: Threads,
    pub(crate) single: Workspace<f32>,
    pub(crate) double: Workspace<f64>,
    pub(crate) task: &'a Task,
    /// Whether a set that cannot be encoded is left out.
    pub(crate) skip: bool,
}

/// How the encoding of a row went: the sets that failed, each with the reason, and the summary of the others.
#[derive(Default)]
struct Done {
    encoded: Option<Encoded>,
    failed: Vec<(usize, String)>,
}

impl Encoding<'_> {
    /// Encodes all rows, one batch after the other, into `parts`, beginning with those that it lacks.
    pub(crate) fn run(&self, rows: &[Row], parts: &mut Parts) -> anyhow::Result<()> {
        let p = self.pipeline.output_dim();
        let mut batch = (NUMBERS / p).clamp(1, BATCH);
        let mut left = &rows[parts.done.rows..];
        let mut vectors = vec![0.0; batch.min(left.len()) * p];
        while !left.is_empty() {
            let start = Instant::now();
            let (rows, later) = left.split_at(batch.min(left.len()));
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
                self.write(row, &done, parts)?;
            }
            parts.vectors.append(vectors)?;
            parts.done.rows += rows.len();
            parts.mark_if_due()?;
            // What is done between two marks is lost with the process.
            if start.elapsed() > SLOW {
                batch = (batch / 2).max(LEAST.min(batch));
            }
            left = later;
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

    /// Writes how the encoding of a row went.
    fn write(&self, row: &Row, done: &Done, parts: &mut Parts) -> Result<()> {
        parts.done.skipped += done.failed.len();
        let reason = reason(row, &done.failed);
        let outcome = match done.encoded {
            Some(encoded) => {
                let empty = encoded.n_rows == 0;
                parts.done.empty += usize::from(empty);
                Outcome {
                    n: Some(encoded.n_rows),
                    mean_log_likelihood: encoded.mean_log_likelihood,
                    status: if empty { "empty" } else { "ok" },
                    reason: &reason,
                }
            }
            None => {
                let n_rows =
                    |set: &usize| self.inputs.sets[*set].shape.as_ref().ok().map(|shape| shape.n_rows);
                let n = row.sets.iter().map(n_rows).sum();
                Outcome { n, mean_log_likelihood: None, status: "skipped", reason: &reason }
            }
        };
        parts.manifest.row(row, &outcome)
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
