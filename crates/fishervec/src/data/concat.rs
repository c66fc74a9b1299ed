//! Several sources read as one.

use super::source::{RowBuffer, Source, is_nothing};
use crate::error::{Error, Result};

/// Several sources read as one, in order: for example all descriptors of many sets, to fit a model on. It is
/// a view: only the weights, where there are any, are copied.
#[derive(Debug)]
pub struct Concat<'a, S> {
    sources: &'a [S],
    /// The first row of each source; the last entry is the total number of rows.
    offsets: Vec<usize>,
    dim: usize,
    weights: Option<Vec<f64>>,
}

impl<'a, S: Source> Concat<'a, S> {
    /// The concatenation of `sources`, which must have as many columns as the first that has any; sources
    /// without rows and columns are skipped. Cost O(sources), and O(n) where there are weights.
    ///
    /// # Errors
    /// [`Error::Dimension`] that names the first source with another number of columns: `set 3: ...`.
    pub fn new(sources: &'a [S]) -> Result<Self> {
        let dim = sources.iter().map(Source::dim).find(|dim| *dim > 0).unwrap_or(0);
        Self::of_dim(sources, dim)
    }

    /// The concatenation of `sources` of `dim` columns each; the list may be empty.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn of_dim(sources: &'a [S], dim: usize) -> Result<Self> {
        let mut offsets = vec![0];
        for (i, source) in sources.iter().enumerate() {
            if source.dim() != dim && !is_nothing(source) {
                let error = Error::Dimension { what: "descriptors", expected: dim, got: source.dim() };
                return Err(error.at(format!("set {i}")));
            }
            offsets.push(offsets[i] + source.n_rows());
        }
        let weighted = sources.iter().any(|source| source.weights().is_some());
        let weights = weighted.then(|| {
            let of =
                |source: &S| source.weights().map_or_else(|| vec![1.0; source.n_rows()], <[f64]>::to_vec);
            sources.iter().flat_map(of).collect()
        });
        Ok(Concat { sources, offsets, dim, weights })
    }

    /// The last source that starts at or before the row; empty ones before it start there too.
    fn source_of(&self, row: usize) -> usize {
        self.offsets.partition_point(|offset| *offset <= row).saturating_sub(1)
    }
}

impl<S: Source> Source for Concat<'_, S> {
    type Real = S::Real;

    fn n_rows(&self) -> usize {
        self.offsets[self.sources.len()]
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn read(&self, start: usize, out: &mut [S::Real], spare: &mut RowBuffer<S::Real>) -> Result<()> {
        let end = start + out.len() / self.dim.max(1);
        let mut from = start;
        let mut i = self.source_of(start);
        while from < end {
            let to = end.min(self.offsets[i + 1]);
            let rows = &mut out[(from - start) * self.dim..(to - start) * self.dim];
            let within = from - self.offsets[i];
            // The check is made here, so that an error names the set and the row in it.
            let read = self.sources[i].read_finite(within, rows, spare);
            read.map_err(|error| error.at(format!("set {i}")))?;
            (from, i) = (to, i + 1);
        }
        Ok(())
    }

    fn is_stored(&self) -> bool {
        self.sources.iter().any(Source::is_stored)
    }

    fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }

    fn locate(&self, error: Error) -> Error {
        let Some(row) = error.row() else { return error };
        let i = self.source_of(row);
        self.sources[i].locate(error.map_row(|row| row - self.offsets[i])).at(format!("set {i}"))
    }
}
