//! Rows of descriptors that can be read block by block from any position: the input of every fit and
//! encoding.

use crate::error::{Error, Result};
use crate::simd::{Real, all_finite};

/// Scratch memory a [`Source`] may use while it prepares a block; reused between blocks.
#[derive(Debug, Default)]
pub struct RowBuffer<F> {
    pub(crate) a: Vec<F>,
    pub(crate) b: Vec<F>,
    pub(crate) positions: Vec<F>,
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
    /// One weight per row, or `None` where each row counts once.
    fn weights(&self) -> Option<&[f64]> {
        None
    }

    /// The number of rows of positive weight. Cost O(n) where there are weights.
    fn n_positive(&self) -> usize {
        match self.weights() {
            Some(weights) => weights.iter().filter(|weight| **weight > 0.0).count(),
            None => self.n_rows(),
        }
    }

    /// Like [`Source::read`], and checks that every number is finite.
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
        let at = out.iter().position(|x| !x.to_f64().is_finite()).unwrap_or(0);
        let d = self.dim();
        Err(Error::NotFinite { row: start + at / d, column: at % d, value: out[at].to_f64() })
    }
}

/// Whether a set has neither rows nor columns: an empty list, from JSON say, which does not tell how many
/// columns its rows would have had. It is an empty set, whatever columns are expected.
pub(crate) fn is_nothing<S: Source>(source: &S) -> bool {
    (source.n_rows(), source.dim()) == (0, 0)
}
