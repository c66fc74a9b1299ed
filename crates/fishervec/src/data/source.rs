//! Rows of descriptors that can be read block by block from any position: the input of every fit and
//! encoding.

#[cfg(feature = "hdf5")]
use super::held::Held;
use crate::error::{Error, Result};
use crate::simd::{Real, all_finite};
use crate::util::threads::Threads;

/// Scratch memory a [`Source`] may use while it prepares a block; reused between blocks.
#[derive(Debug, Default)]
pub struct RowBuffer<F> {
    pub(crate) a: Vec<F>,
    pub(crate) b: Vec<F>,
    pub(crate) positions: Vec<F>,
    #[cfg(feature = "hdf5")]
    pub(crate) held: Held,
}

/// Rows of descriptors that can be read, block by block, from any position and by several threads: an array
/// in memory, a file, or either of them after preprocessing.
pub trait Source: Sync {
    /// The float type of the rows it reads.
    type Real: Real;
    /// The number of rows, n.
    fn n_rows(&self) -> usize;
    /// The number of columns, d.
    fn dim(&self) -> usize;
    /// Writes the rows from `start` on into `out`, row-major; `out.len()` is a multiple of `dim`.
    ///
    /// # Errors
    /// The errors of the medium. Callers use [`Source::read_finite`].
    fn read(&self, start: usize, out: &mut [Self::Real], spare: &mut RowBuffer<Self::Real>) -> Result<()>;
    /// One weight per row, or `None` where each row counts once. A row of weight 0 is never looked at: it may
    /// hold anything, NaN too.
    fn weights(&self) -> Option<&[f64]> {
        None
    }

    /// The weight of row `row`.
    fn weight(&self, row: usize) -> f64 {
        self.weights().map_or(1.0, |weights| weights[row])
    }

    /// Whether the rows are read from files, or the like, each time: a reader may count on a memory that does
    /// not grow with them.
    fn is_stored(&self) -> bool {
        false
    }

    /// Tells a source that computes its rows that they will be read several times: it may compute them now,
    /// and keep them. The rows are the same either way.
    ///
    /// # Errors
    /// Those of [`read_finite`](Self::read_finite).
    fn keep(&self, threads: &Threads) -> Result<()> {
        let _ = threads;
        Ok(())
    }

    /// The number of rows of positive weight. Cost O(n) where there are weights.
    fn n_positive(&self) -> usize {
        match self.weights() {
            Some(weights) => weights.iter().filter(|weight| **weight > 0.0).count(),
            None => self.n_rows(),
        }
    }

    /// The same error, with its row where the user finds it. An error of this crate names a row as this
    /// source counts it; a source that is a part of another, or reads several, says which row of which that
    /// is.
    fn locate(&self, error: Error) -> Error {
        error
    }

    /// Like [`Source::read`], and checks that every number is finite. A row of weight 0 that is not is read
    /// as zeros.
    ///
    /// # Errors
    /// [`Error::NotFinite`] with row and column, or the errors of `read`. Cost O(rows d).
    fn read_finite(
        &self,
        start: usize,
        out: &mut [Self::Real],
        spare: &mut RowBuffer<Self::Real>,
    ) -> Result<()> {
        self.read(start, out, spare)?;
        if all_finite(out) {
            return Ok(());
        }
        for (row, values) in (start..).zip(out.chunks_exact_mut(self.dim().max(1))) {
            let Some(column) = values.iter().position(|x| !x.to_f64().is_finite()) else { continue };
            if self.weight(row) > 0.0 {
                let value = values[column].to_f64();
                return Err(self.locate(Error::NotFinite { row, column, value }));
            }
            values.fill(Self::Real::ZERO);
        }
        Ok(())
    }
}

/// Whether a set has neither rows nor columns: an empty list, from JSON say, which does not tell how many
/// columns its rows would have had. It is an empty set, whatever columns are expected.
pub(crate) fn is_nothing<S: Source>(source: &S) -> bool {
    (source.n_rows(), source.dim()) == (0, 0)
}
