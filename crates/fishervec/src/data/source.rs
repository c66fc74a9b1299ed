//! Rows of descriptors that can be read block by block from any position: the one input of everything.

use crate::error::{Error, Result};
use crate::simd::{Real, all_finite};

/// Scratch memory a [`Source`] may use while it prepares a block; reused between blocks.
#[derive(Debug, Default)]
pub struct RowBuffer<F> {
    pub(crate) a: Vec<F>,
    pub(crate) b: Vec<F>,
    pub(crate) side: Vec<F>,
}

/// Rows of descriptors that can be read, block by block, from any position and by several threads:
/// an array in memory, a file, either of them behind preprocessing.
pub trait Source: Sync {
    /// The float type of the rows it hands over.
    type Real: Real;
    /// Number of rows, n.
    fn n_rows(&self) -> usize;
    /// Number of columns, d.
    fn dim(&self) -> usize;
    /// Writes the rows from `start` on into `out`, row-major; `out.len()` is a multiple of `dim`.
    ///
    /// # Errors
    /// What the medium reports. Callers go through [`Source::read_finite`].
    fn read(&self, start: usize, out: &mut [Self::Real], spare: &mut RowBuffer<Self::Real>) -> Result<()>;
    /// One weight per row, or `None` where each row counts once.
    fn weights(&self) -> Option<&[f64]> {
        None
    }

    /// Number of rows of positive weight. Cost O(n) where there are weights.
    fn n_positive(&self) -> usize {
        match self.weights() {
            Some(weights) => weights.iter().filter(|weight| **weight > 0.0).count(),
            None => self.n_rows(),
        }
    }

    /// Like [`Source::read`], and every number is finite.
    ///
    /// # Errors
    /// [`Error::NotFinite`] with row and column, or what `read` reports. Cost O(rows d).
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
