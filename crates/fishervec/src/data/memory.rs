//! Arrays, lists of lists and references as sources.

use super::descriptors::{Descriptors, read_rows};
use super::source::{RowBuffer, Source};
use crate::error::{Error, Result};
use crate::simd::Element;
use crate::util::threads::Threads;
use ndarray::{ArrayBase, Data, Ix2};

/// An array of shape (n, d), owned or a view, of any strides.
impl<S: Data<Elem = T> + Sync, T: Element> Source for ArrayBase<S, Ix2> {
    type Real = T::Real;

    fn n_rows(&self) -> usize {
        self.nrows()
    }

    fn dim(&self) -> usize {
        self.ncols()
    }

    fn read(&self, start: usize, out: &mut [T::Real], _: &mut RowBuffer<T::Real>) -> Result<()> {
        read_rows(&self.view(), start, out);
        Ok(())
    }
}

/// One vector per descriptor, as in JSON. An empty list has no columns.
impl<T: Element> Source for Vec<Vec<T>> {
    type Real = T::Real;

    fn n_rows(&self) -> usize {
        self.len()
    }

    fn dim(&self) -> usize {
        self.first().map_or(0, Vec::len)
    }

    fn read(&self, start: usize, out: &mut [T::Real], _: &mut RowBuffer<T::Real>) -> Result<()> {
        let d = self.dim();
        for (i, (row, out)) in self[start..].iter().zip(out.chunks_exact_mut(d.max(1))).enumerate() {
            if row.len() != d {
                let error = Error::Dimension { what: "the descriptor", expected: d, got: row.len() };
                return Err(error.at(format!("row {}", start + i)));
            }
            T::convert(row, out);
        }
        Ok(())
    }
}

impl<S: Source> Source for &S {
    type Real = S::Real;

    fn n_rows(&self) -> usize {
        S::n_rows(self)
    }

    fn dim(&self) -> usize {
        S::dim(self)
    }

    fn read(&self, start: usize, out: &mut [S::Real], spare: &mut RowBuffer<S::Real>) -> Result<()> {
        S::read(self, start, out, spare)
    }

    fn weights(&self) -> Option<&[f64]> {
        S::weights(self)
    }

    fn is_stored(&self) -> bool {
        S::is_stored(self)
    }

    fn keep(&self, threads: &Threads) -> Result<()> {
        S::keep(self, threads)
    }

    fn locate(&self, error: Error) -> Error {
        S::locate(self, error)
    }
}

impl<'a, T: Element> Descriptors<'a, T> {
    /// Row-major `values` of descriptors of `dim` columns each.
    ///
    /// # Errors
    /// [`Error::Dimension`] unless the length is a multiple of `dim`.
    pub fn from_slice(values: &'a [T], dim: usize) -> Result<Self> {
        let n = values.len() / dim.max(1);
        let wrong = || Error::Dimension { what: "values", expected: n * dim, got: values.len() };
        if values.len() != n * dim {
            return Err(wrong());
        }
        let rows = ndarray::ArrayView2::from_shape((n, dim), values);
        rows.map(Descriptors::new).map_err(|_| wrong())
    }
}
