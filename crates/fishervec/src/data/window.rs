//! A part of all rows, which does not have the others.

use super::source::{RowBuffer, Source};
use crate::error::{Error, Result};

/// Rows `first..first + source.n_rows()` of `n` rows: what one holder has of all, under the numbers that they
/// have among all. Reading others is an error.
#[derive(Debug)]
pub struct Window<'a, S> {
    source: &'a S,
    first: usize,
    n: usize,
}

impl<'a, S: Source> Window<'a, S> {
    /// The rows of `source` as rows `first..` of `n`.
    ///
    /// # Errors
    /// [`Error::Shards`] if there are more of them than that, or if a part of all rows has weights, which all
    /// would have to have.
    pub fn new(source: &'a S, first: usize, n: usize) -> Result<Self> {
        if first.checked_add(source.n_rows()).is_none_or(|end| end > n) {
            let held = source.n_rows();
            return Err(Error::shards(format!(
                "expected at most {n} rows, got {held} rows from row {first} on"
            )));
        }
        if source.weights().is_some() && source.n_rows() < n {
            return Err(Error::shards("a part of all rows cannot have weights"));
        }
        Ok(Window { source, first, n })
    }
}

impl<S: Source> Source for Window<'_, S> {
    type Real = S::Real;

    fn n_rows(&self) -> usize {
        self.n
    }

    fn dim(&self) -> usize {
        self.source.dim()
    }

    fn is_stored(&self) -> bool {
        self.source.is_stored()
    }

    fn read(&self, start: usize, out: &mut [S::Real], spare: &mut RowBuffer<S::Real>) -> Result<()> {
        let rows = out.len() / self.dim().max(1);
        let held = self.first..self.first + self.source.n_rows();
        if start < held.start || start + rows > held.end {
            return Err(Error::shards(format!(
                "rows {start} to {} were asked for, rows {} to {} are here",
                start + rows,
                held.start,
                held.end
            )));
        }
        self.source.read(start - self.first, out, spare)
    }

    fn weights(&self) -> Option<&[f64]> {
        // Only all rows together can have any.
        self.source.weights()
    }

    fn locate(&self, error: Error) -> Error {
        let first = self.first;
        self.source.locate(error.map_row(|row| row.saturating_sub(first)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Descriptors;
    use ndarray::Array2;

    #[test]
    fn rows_have_their_numbers_among_all() {
        let mut rows = Array2::from_shape_fn((4, 2), |(i, j)| (10 * i + j) as f64);
        let source = Descriptors::new(rows.view());
        let window = Window::new(&source, 5, 20).unwrap();
        let (mut out, mut spare) = (vec![0.0; 4], RowBuffer::default());
        window.read(6, &mut out, &mut spare).unwrap();
        assert_eq!((out.clone(), window.n_rows()), (vec![10.0, 11.0, 20.0, 21.0], 20));
        for start in [4, 8] {
            let error = window.read(start, &mut out, &mut spare).unwrap_err().to_string();
            assert!(error.contains("rows 5 to 9 are here"), "{error}");
        }
        assert!(Window::new(&source, 17, 20).is_err() && Window::new(&source, usize::MAX, 20).is_err());
        rows[[3, 1]] = f64::NAN;
        let source = Descriptors::new(rows.view());
        let error = Window::new(&source, 5, 20).unwrap().read_finite(7, &mut out, &mut spare).unwrap_err();
        assert!(matches!(error, Error::NotFinite { row: 3, column: 1, .. }), "{error}");
    }
}
