//! All rows of a source in steps, each of which takes rows from many places at once.

use super::owned::OwnedDescriptors;
use super::source::{RowBuffer, Source};
use crate::error::Result;
use crate::shards::cut;
use crate::simd::Real;
use crate::util::threads::Threads;
use std::ops::Range;

/// The number of bytes that are read ahead, so that each place is not read in small pieces.
const AHEAD: usize = 16 << 20;

/// All rows of a source in steps of nearly one size. Each of `cursors` cursors goes through an equal share of
/// all rows, and a step takes the next rows of each: neighbours, which are alike, do not make a step. A pure
/// function of the numbers of rows, steps and cursors.
pub(crate) struct Cursors<'a, S: Source> {
    source: &'a S,
    cursors: usize,
    steps: usize,
    /// The steps that have been read, and the rows of each cursor in them.
    held: Range<usize>,
    rows: Vec<Vec<S::Real>>,
}

impl<'a, S: Source> Cursors<'a, S> {
    pub(crate) fn new(source: &'a S, cursors: usize, steps: usize) -> Self {
        let cursors = cursors.min(source.n_rows()).max(1);
        Cursors { source, cursors, steps, held: 0..0, rows: vec![] }
    }

    /// The rows that a cursor gives to some steps.
    fn rows_of(&self, cursor: usize, steps: &Range<usize>) -> Range<usize> {
        let n = self.source.n_rows();
        let (start, end) = (cut(n, self.cursors, cursor), cut(n, self.cursors, cursor + 1));
        // The cursors do not all move in the same steps, where they give less than a row to each.
        let phase = cut(self.steps, self.cursors, cursor);
        let moved = |step: usize| {
            let moved = ((end - start) as u128 * step as u128 + phase as u128) / self.steps as u128;
            start + moved as usize
        };
        moved(steps.start)..moved(steps.end)
    }

    /// The rows of a step.
    ///
    /// # Errors
    /// Those of [`Source::read_finite`].
    pub(crate) fn step(&mut self, step: usize, threads: &Threads) -> Result<OwnedDescriptors<S::Real>> {
        if !self.held.contains(&step) {
            self.read(step, threads)?;
        }
        let (mut values, mut origin) = (Vec::new(), Vec::new());
        let d = self.source.dim();
        for cursor in 0..self.cursors {
            let rows = self.rows_of(cursor, &(step..step + 1));
            let first = self.rows_of(cursor, &self.held).start;
            values.extend_from_slice(&self.rows[cursor][(rows.start - first) * d..(rows.end - first) * d]);
            origin.extend(rows);
        }
        let weights = self.source.weights();
        let weights = weights.map(|weights| origin.iter().map(|row| weights[*row]).collect());
        OwnedDescriptors::with_origin(values, d, weights, origin)
    }

    /// Reads this step, and those after it as far as memory is meant for them.
    fn read(&mut self, step: usize, threads: &Threads) -> Result<()> {
        let (d, n) = (self.source.dim(), self.source.n_rows());
        let bytes = n.div_ceil(self.steps) * d * size_of::<S::Real>();
        let ahead = (AHEAD / bytes.max(1)).max(1);
        self.held = step..self.steps.min(step + ahead);
        let held = self.held.clone();
        let mut buffers = std::mem::take(&mut self.rows);
        buffers.resize(self.cursors, vec![]);
        let read = threads.for_each(buffers.iter_mut().collect(), &|cursor, buffer: &mut Vec<S::Real>| {
            let rows = self.rows_of(cursor, &held);
            buffer.clear();
            buffer.resize(rows.len() * d, S::Real::ZERO);
            if rows.is_empty() {
                return Ok(());
            }
            self.source.read_finite(rows.start, buffer, &mut RowBuffer::default())
        });
        self.rows = buffers;
        read.inspect_err(|_| self.held = 0..0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn each_row_comes_once_in_steps_of_one_size_from_all_places() {
        for (n, cursors, steps) in
            [(1000, 10, 7), (1000, 256, 200), (5, 256, 2), (1, 1, 1), (3000, 1, 3), (99, 4, 99)]
        {
            let rows = Array2::from_shape_fn((n, 2), |(i, j)| (2 * i + j) as f32);
            let mut all = Cursors::new(&rows, cursors, steps);
            let mut seen = vec![0; n];
            for step in 0..steps {
                let part = all.step(step, &Threads::one()).unwrap().into_rows();
                let mean = n as f64 / steps as f64;
                let most = mean + cursors.min(n) as f64 / 4.0 + 1.0;
                assert!(
                    (part.nrows() as f64) <= most.max(2.0 * mean + 1.0),
                    "{n} {cursors} {steps}: {}",
                    part.nrows()
                );
                for row in part.outer_iter() {
                    assert_eq!(row[1], row[0] + 1.0);
                    seen[row[0] as usize / 2] += 1;
                }
            }
            assert!(seen.iter().all(|count| *count == 1), "{n} {cursors} {steps}");
        }
    }

    #[test]
    fn it_does_not_matter_where_reading_begins() {
        let rows = Array2::from_shape_fn((5000, 3), |(i, j)| (i * (j + 5) % 97) as f64);
        let threads = Threads::new(2).unwrap();
        let mut all = Cursors::new(&rows, 32, 50);
        for step in [0, 17, 18, 49, 3] {
            let fresh = Cursors::new(&rows, 32, 50).step(step, &Threads::one()).unwrap();
            assert_eq!(all.step(step, &threads).unwrap().into_rows(), fresh.into_rows());
        }
    }
}
