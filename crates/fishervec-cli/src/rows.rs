//! All descriptors of the inputs as one source, read from their files wherever they are asked for.

use crate::inputs::{Inputs, OpenFile};
use fishervec::data::{OwnedDescriptors, Real, RowBuffer};
use fishervec::{Error, Result, Source};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// The rows of all sets, one after the other. Nothing of them is kept but the files, or the descriptors of
/// the images, that were opened last.
pub(crate) struct AllRows<'a, F> {
    inputs: &'a Inputs,
    dim: usize,
    /// The first row of each set, and then the number of all rows.
    offsets: Vec<usize>,
    open: Mutex<VecDeque<(usize, Arc<Open<F>>)>>,
    /// The number of files to keep open.
    kept: usize,
}

/// A file of the inputs.
enum Open<F> {
    Descriptors(Mutex<Box<OpenFile>>),
    Image(OwnedDescriptors<F>),
}

impl<'a, F: Real> AllRows<'a, F> {
    /// The rows of the inputs, which have `dim` columns, for so many threads.
    pub(crate) fn new(inputs: &'a Inputs, dim: usize, n_threads: usize) -> Self {
        let mut offsets = vec![0];
        for set in &inputs.sets {
            let rows = set.shape.as_ref().map_or(0, |shape| shape.n_rows);
            offsets.push(offsets[offsets.len() - 1] + rows);
        }
        AllRows { inputs, dim, offsets, open: Mutex::default(), kept: 2 * n_threads + 2 }
    }

    /// The same for a reader that goes on at so many places in turn: as many files stay open, if the system
    /// lets this process have twice as many.
    pub(crate) fn open_at_once(self, places: usize) -> Self {
        AllRows { kept: self.kept.max(places.min(limit_of_files() / 2)), ..self }
    }

    /// The set of a row, and its number there.
    fn place(&self, row: usize) -> (usize, usize) {
        let set = self.offsets.partition_point(|first| *first <= row) - 1;
        (set, row - self.offsets[set])
    }

    /// The file of a set: one of those that were read last, or opened.
    fn file(&self, set: usize) -> Result<Arc<Open<F>>> {
        let file = self.inputs.sets[set].file;
        // The list is valid whatever happened to the thread that used it before.
        let list = || self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, open)) = list().iter().find(|(other, _)| *other == file) {
            return Ok(open.clone());
        }
        // Without the lock: other threads read on. Two may open one file.
        let open = Arc::new(match self.inputs.features(&self.inputs.sets[set])? {
            Some(features) => {
                let values = features.view().rows().iter().map(|x| F::from_f64(f64::from(*x))).collect();
                Open::Image(OwnedDescriptors::new(values, self.dim, None)?)
            }
            None => Open::Descriptors(Mutex::new(Box::new(OpenFile::new(self.inputs, file)?))),
        });
        let mut list = list();
        list.push_back((file, open.clone()));
        while list.len() > self.kept {
            list.pop_front();
        }
        Ok(open)
    }

    /// Calls `work` with the rows of a set.
    fn with_set<T>(&self, set: usize, work: impl FnOnce(&dyn Rows<F>) -> Result<T>) -> Result<T> {
        match &*self.file(set)? {
            Open::Image(features) => work(&features.view()),
            Open::Descriptors(file) => {
                let (array, range) = {
                    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                    file.rows(&self.inputs.sets[set])?
                };
                work(&array.rows::<F>(range))
            }
        }
    }
}

/// The number of files that this process may have open; where it is not known, a number that any may.
fn limit_of_files() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    limit.and_then(|limit| limit.split_whitespace().next()?.parse().ok()).unwrap_or(64)
}

/// What is needed of the rows of a set.
trait Rows<F> {
    fn copy(&self, start: usize, out: &mut [F], spare: &mut RowBuffer<F>) -> Result<()>;
    fn find(&self, error: Error) -> Error;
    fn count(&self) -> (usize, usize);
}

impl<F: Real, S: Source<Real = F>> Rows<F> for S {
    fn copy(&self, start: usize, out: &mut [F], spare: &mut RowBuffer<F>) -> Result<()> {
        self.read(start, out, spare)
    }

    fn find(&self, error: Error) -> Error {
        self.locate(error)
    }

    fn count(&self) -> (usize, usize) {
        (self.n_rows(), self.dim())
    }
}

impl<F: Real> Source for AllRows<'_, F> {
    type Real = F;

    fn n_rows(&self) -> usize {
        self.offsets[self.offsets.len() - 1]
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn is_stored(&self) -> bool {
        true
    }

    fn read(&self, start: usize, mut out: &mut [F], spare: &mut RowBuffer<F>) -> Result<()> {
        let mut row = start;
        while !out.is_empty() {
            let (set, first) = self.place(row);
            let expected = self.offsets[set + 1] - self.offsets[set];
            let n = (expected - first).min(out.len() / self.dim);
            let (now, later) = out.split_at_mut(n * self.dim);
            let done = self.with_set(set, |rows| {
                if rows.count() != (expected, self.dim) {
                    return Err(Error::Changed { how: String::new() });
                }
                rows.copy(first, now, spare)
            });
            done.map_err(|error| self.inputs.blame(&self.inputs.sets[set], error))?;
            (row, out) = (row + n, later);
        }
        Ok(())
    }

    /// The set that a row is in, and its number there.
    fn locate(&self, error: Error) -> Error {
        let mut found = None;
        let error = error.map_row(|row| {
            let (set, inside) = self.place(row);
            found = Some(set);
            inside
        });
        let Some(set) = found else { return error };
        let mut error = Some(error);
        let located = self.with_set(set, |rows| Ok(error.take().map(|error| rows.find(error))));
        let error = located.ok().flatten().or(error);
        let lost = || Error::Format { format: "file of sets", reason: "it cannot be read again".to_owned() };
        self.inputs.blame(&self.inputs.sets[set], error.unwrap_or_else(lost))
    }
}
