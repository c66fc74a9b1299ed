//! What is done to descriptors before they are encoded, a block at a time.

use super::pca::Pca;
use super::rows::RowNorm;
use crate::data::{RowBuffer, Source};
use crate::error::{Error, Result};
use crate::simd::Real;
use crate::util::threads::Threads;
use ndarray::{Array2, Axis};
use std::ops::Range;

/// A preprocessing step, applied to each block of descriptors as it is read.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// The last columns, this many, go round the steps that follow and stand at the end again: where a descriptor is,
    /// say. Only as the first step.
    Carry(usize),
    /// Each row normalised by itself.
    Rows(RowNorm),
    /// A projection to fewer columns.
    Pca(Box<Pca>),
}

/// Columns after `steps`, given `dim` before them.
///
/// # Errors
/// [`Error::Dimension`] if a step takes another number of columns, [`Error::Parameter`] for a carry that is not first.
pub(crate) fn columns(steps: &[Step], dim: usize) -> Result<usize> {
    let mut d = dim;
    for (i, step) in steps.iter().enumerate() {
        match step {
            Step::Carry(n) if i > 0 => {
                return Err(Error::parameter(
                    "steps",
                    "carried columns as the first",
                    format!("{n} as step {i}"),
                ));
            }
            Step::Carry(n) => {
                let less = d.checked_sub(*n).filter(|d| *d > 0);
                d = less.ok_or(Error::Dimension {
                    what: "columns before those carried",
                    expected: n + 1,
                    got: d,
                })?;
            }
            Step::Rows(_) => {}
            Step::Pca(pca) if pca.mean().len() == d => d = pca.components().nrows(),
            Step::Pca(pca) => {
                let expected = pca.mean().len();
                return Err(Error::Dimension { what: "rows of the projection", expected, got: d });
            }
        }
    }
    Ok(d + carried(steps))
}

/// How many of the last columns go round `steps`.
pub(crate) fn carried(steps: &[Step]) -> usize {
    match steps.first() {
        Some(Step::Carry(n)) => *n,
        _ => 0,
    }
}

/// A source whose blocks have gone through preprocessing steps: nothing but a block is ever converted.
#[derive(Debug)]
pub struct Preprocessed<'a, S> {
    source: &'a S,
    steps: &'a [Step],
    /// Which columns after the steps are handed over.
    columns: Range<usize>,
}

impl<'a, S: Source> Preprocessed<'a, S> {
    /// `source` behind `steps`.
    ///
    /// # Errors
    /// [`Error::Dimension`] where the columns do not fit.
    pub fn new(source: &'a S, steps: &'a [Step]) -> Result<Self> {
        let columns = 0..columns(steps, source.dim())?;
        Ok(Preprocessed { source, steps, columns })
    }

    /// The same without the columns that are carried: what a projection is fitted to.
    #[must_use]
    pub fn without_carried(self) -> Self {
        Preprocessed { columns: 0..self.columns.end - carried(self.steps), ..self }
    }

    /// How many columns are carried.
    #[must_use]
    pub fn n_carried(&self) -> usize {
        carried(self.steps)
    }

    /// The columns that are carried alone: where the descriptors are.
    #[must_use]
    pub fn carried(self) -> Self {
        Preprocessed { columns: self.columns.end - carried(self.steps)..self.columns.end, ..self }
    }
}

impl<S: Source> Preprocessed<'_, S> {
    /// All rows after the steps, shape (n, D), in parallel over blocks of rows.
    ///
    /// # Errors
    /// Those of [`Source::read_finite`].
    pub fn to_array(&self, threads: &Threads) -> Result<Array2<S::Real>> {
        const BLOCK_ROWS: usize = 1024;
        let mut out = Array2::from_elem((self.n_rows(), self.dim()), S::Real::ZERO);
        let blocks: Vec<_> = out.axis_chunks_iter_mut(Axis(0), BLOCK_ROWS).collect();
        threads.for_each(blocks, &|i, mut block| {
            let rows = block.as_slice_mut().unwrap_or_default();
            self.read_finite(i * BLOCK_ROWS, rows, &mut RowBuffer::default())
        })?;
        Ok(out)
    }
}

/// Numbers of the source that go through the steps together: they stay in the second-level cache.
const PIECE_VALUES: usize = 1 << 18;

impl<S: Source> Preprocessed<'_, S> {
    fn piece(&self, start: usize, out: &mut [S::Real], spare: &mut RowBuffer<S::Real>) -> Result<()> {
        let mut d = self.source.dim();
        let rows = out.len() / self.dim().max(1);
        let mut block = std::mem::take(&mut spare.a);
        block.resize(rows * d, S::Real::ZERO);
        // Checked before the steps, so that an error names the row and column the user knows.
        let read = self.source.read_finite(start, &mut block, spare);
        for step in self.steps {
            match step {
                Step::Carry(n) => {
                    d -= n;
                    spare.side.clear();
                    for row in 0..rows {
                        let at = row * (d + n);
                        spare.side.extend_from_slice(&block[at + d..at + d + n]);
                        block.copy_within(at..at + d, row * d);
                    }
                    block.truncate(rows * d);
                }
                Step::Rows(norm) => norm.apply(&mut block, d),
                Step::Pca(pca) => {
                    d = pca.components().nrows();
                    spare.b.resize(rows * d, S::Real::ZERO);
                    pca.apply(&mut block, &mut spare.b);
                    std::mem::swap(&mut block, &mut spare.b);
                }
            }
        }
        let Range { start, end } = self.columns.clone();
        if (start, end) == (0, d) {
            out.copy_from_slice(&block);
        } else {
            let n = carried(self.steps);
            let (from, to) = (start.min(d)..end.min(d), start.max(d) - d..end.max(d) - d);
            for (row, out) in out.chunks_exact_mut(end - start).enumerate() {
                let (front, back) = out.split_at_mut(from.len());
                front.copy_from_slice(&block[row * d..][from.clone()]);
                back.copy_from_slice(&spare.side[row * n..][to.clone()]);
            }
        }
        spare.a = block;
        read
    }
}

impl<S: Source> Source for Preprocessed<'_, S> {
    type Real = S::Real;

    fn n_rows(&self) -> usize {
        self.source.n_rows()
    }

    fn dim(&self) -> usize {
        self.columns.len()
    }

    fn read(&self, start: usize, out: &mut [S::Real], spare: &mut RowBuffer<S::Real>) -> Result<()> {
        if self.steps.is_empty() {
            return self.source.read(start, out, spare);
        }
        let rows = PIECE_VALUES.div_ceil(self.source.dim().max(1));
        for (i, out) in out.chunks_mut((rows * self.dim()).max(1)).enumerate() {
            self.piece(start + i * rows, out, spare)?;
        }
        Ok(())
    }

    fn weights(&self) -> Option<&[f64]> {
        self.source.weights()
    }
}
