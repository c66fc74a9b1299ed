//! Preprocessing steps, applied to descriptors one block at a time before they are encoded.

use super::pca::Pca;
use super::rows::RowNorm;
use crate::data::{RowBuffer, Source};
use crate::error::{Error, Result};
use crate::simd::Real;
use crate::util::threads::Threads;
use ndarray::{Array2, Axis};
use std::ops::Range;
use std::sync::OnceLock;

/// A preprocessing step, applied to each block of descriptors as it is read.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// The number of trailing columns that hold a descriptor's position (x and y, for example): they bypass
    /// the steps that follow and stay the last columns. Allowed only as the first step.
    PositionColumns(usize),
    /// The normalisation of each row on its own.
    Rows(RowNorm),
    /// A projection to fewer columns.
    Pca(Box<Pca>),
}

/// The number of columns after `steps`, given `dim` before them.
///
/// # Errors
/// [`Error::Dimension`] if a step expects another number of columns, [`Error::Parameter`] for position
/// columns that are not the first step.
pub(crate) fn columns(steps: &[Step], dim: usize) -> Result<usize> {
    /// Descriptors of more columns are a mistake; so no product of columns overflows.
    const MAX_COLUMNS: usize = 1 << 27;
    if dim > MAX_COLUMNS {
        return Err(Error::parameter("columns", format!("at most {MAX_COLUMNS}"), dim));
    }
    if steps.iter().filter(|step| matches!(step, Step::Pca(_))).count() > 1 {
        return Err(Error::parameter("steps", "at most one projection", "two"));
    }
    let mut d = dim;
    for (i, step) in steps.iter().enumerate() {
        match step {
            Step::PositionColumns(n) if i > 0 => {
                let got = format!("{n} position columns as step {i}");
                return Err(Error::parameter("steps", "position columns only as the first step", got));
            }
            Step::PositionColumns(n) => {
                let rest = d.checked_sub(*n).filter(|d| *d > 0);
                d = rest.ok_or_else(|| Error::Dimension {
                    what: "columns before the position columns",
                    expected: n.saturating_add(1),
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
    Ok(d + position_columns(steps))
}

/// The number of trailing columns that bypass `steps`.
pub(crate) fn position_columns(steps: &[Step]) -> usize {
    match steps.first() {
        Some(Step::PositionColumns(n)) => *n,
        _ => 0,
    }
}

/// A source whose rows pass through preprocessing steps, one block at a time.
pub struct Preprocessed<'a, S: Source> {
    source: &'a S,
    steps: &'a [Step],
    /// The columns after the steps that are delivered.
    columns: Range<usize>,
    /// All rows, once they are [kept](Source::keep).
    kept: OnceLock<Array2<S::Real>>,
}

/// The most bytes of rows that are kept; more are computed in each pass.
const MAX_KEPT: usize = 256 << 20;

impl<'a, S: Source> Preprocessed<'a, S> {
    /// `source` with `steps` applied.
    ///
    /// # Errors
    /// [`Error::Dimension`] where a step expects another number of columns.
    pub fn new(source: &'a S, steps: &'a [Step]) -> Result<Self> {
        let columns = 0..columns(steps, source.dim())?;
        Ok(Preprocessed { source, steps, columns, kept: OnceLock::new() })
    }

    /// The same source without the position columns: a projection is fitted to these rows.
    #[must_use]
    pub fn without_positions(self) -> Self {
        self.delivering(|all, n| 0..all - n)
    }

    /// The number of position columns.
    #[must_use]
    pub fn n_position_columns(&self) -> usize {
        position_columns(self.steps)
    }

    /// The position columns alone.
    #[must_use]
    pub fn positions(self) -> Self {
        self.delivering(|all, n| all - n..all)
    }

    /// The same source with other columns: of all, the last n of which are positions.
    fn delivering(self, columns: impl Fn(usize, usize) -> Range<usize>) -> Self {
        let columns = columns(self.columns.end, position_columns(self.steps));
        Preprocessed { columns, kept: OnceLock::new(), ..self }
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
            let rows = block.as_slice_mut().expect("rows of an array in standard layout");
            self.read_finite(i * BLOCK_ROWS, rows, &mut RowBuffer::default())
        })?;
        Ok(out)
    }
}

/// The number of values that pass through the steps together: they stay in the second-level cache.
const BLOCK_VALUES: usize = 1 << 18;

impl<S: Source> Preprocessed<'_, S> {
    fn read_block(&self, start: usize, out: &mut [S::Real], spare: &mut RowBuffer<S::Real>) -> Result<()> {
        let mut d = self.source.dim();
        let rows = out.len() / self.dim().max(1);
        let mut block = std::mem::take(&mut spare.a);
        block.resize(rows * d, S::Real::ZERO);
        // The check comes before the steps, so that an error names the row and column that the user knows.
        let read = self.source.read_finite(start, &mut block, spare);
        for step in self.steps {
            match step {
                Step::PositionColumns(n) => {
                    d -= n;
                    spare.positions.clear();
                    for row in 0..rows {
                        let at = row * (d + n);
                        spare.positions.extend_from_slice(&block[at + d..at + d + n]);
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
            let n = position_columns(self.steps);
            let (from, to) = (start.min(d)..end.min(d), start.max(d) - d..end.max(d) - d);
            for (row, out) in out.chunks_exact_mut(end - start).enumerate() {
                let (front, back) = out.split_at_mut(from.len());
                front.copy_from_slice(&block[row * d..][from.clone()]);
                back.copy_from_slice(&spare.positions[row * n..][to.clone()]);
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
        if let Some(rows) = self.kept.get().and_then(|rows| rows.as_slice()) {
            out.copy_from_slice(&rows[start * self.dim()..][..out.len()]);
            return Ok(());
        }
        if self.steps.is_empty() {
            return self.source.read(start, out, spare);
        }
        let rows = BLOCK_VALUES.div_ceil(self.source.dim().max(1));
        for (i, out) in out.chunks_mut((rows * self.dim()).max(1)).enumerate() {
            self.read_block(start + i * rows, out, spare)?;
        }
        Ok(())
    }

    fn is_stored(&self) -> bool {
        self.source.is_stored()
    }

    /// Keeps the rows if there are steps that compute them from rows in memory, and all have at most 256 MiB.
    fn keep(&self, threads: &Threads) -> Result<()> {
        let values = self.n_rows().saturating_mul(self.dim());
        let fits = values.saturating_mul(size_of::<S::Real>()) <= MAX_KEPT;
        let is_worthwhile = !self.steps.is_empty() && !self.is_stored();
        if fits && is_worthwhile && self.kept.get().is_none() {
            let rows = self.to_array(threads)?;
            // Another thread may have been faster, with the same rows.
            let _ = self.kept.set(rows);
        }
        Ok(())
    }

    fn weights(&self) -> Option<&[f64]> {
        self.source.weights()
    }

    fn locate(&self, error: Error) -> Error {
        self.source.locate(error)
    }
}
