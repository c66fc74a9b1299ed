//! Descriptors in memory: views of arrays, and of ragged batches of sets.

use super::source::{RowBuffer, Source};
use crate::error::{Error, Result};
use crate::simd::Element;
use ndarray::{ArrayView2, s};

/// A set of n descriptors of dimension d in memory, shape (n, d), each with an optional weight.
///
/// It is a view: nothing is copied. Any strides are allowed; row-major is fastest.
#[derive(Debug, Clone, Copy)]
pub struct Descriptors<'a, T> {
    pub(super) rows: ArrayView2<'a, T>,
    pub(super) weights: Option<&'a [f64]>,
}

impl<'a, T: Element> Descriptors<'a, T> {
    /// A view of an array of shape (n, d); n may be 0.
    pub fn new(rows: ArrayView2<'a, T>) -> Self {
        Self { rows, weights: None }
    }

    /// The same set with one weight per descriptor, shape (n,): voice activity, attention, a tissue
    /// mask. A weight multiplies the posterior, so it enters every statistic, and N becomes the sum
    /// of the weights. A weight of 0 excludes its descriptor, which may hold anything, NaN too.
    ///
    /// # Errors
    /// [`Error::Dimension`] if there is not one weight per row, [`Error::Weight`] for a weight that is
    /// negative or not finite. Cost O(n).
    pub fn with_weights(self, weights: &'a [f64]) -> Result<Self> {
        if weights.len() != self.rows.nrows() {
            return Err(Error::Dimension {
                what: "weights",
                expected: self.rows.nrows(),
                got: weights.len(),
            });
        }
        match weights.iter().position(|w| !(w.is_finite() && *w >= 0.0)) {
            Some(row) => Err(Error::Weight { row, value: weights[row] }),
            None => Ok(Self { weights: Some(weights), ..self }),
        }
    }

    /// The array, shape (n, d).
    pub fn rows(&self) -> ArrayView2<'a, T> {
        self.rows
    }
}

impl<'a, T: Element> From<ArrayView2<'a, T>> for Descriptors<'a, T> {
    fn from(rows: ArrayView2<'a, T>) -> Self {
        Self::new(rows)
    }
}

impl<T: Element> Source for Descriptors<'_, T> {
    type Real = T::Real;

    fn n_rows(&self) -> usize {
        self.rows.nrows()
    }

    fn dim(&self) -> usize {
        self.rows.ncols()
    }

    fn read(&self, start: usize, out: &mut [T::Real], _: &mut RowBuffer<T::Real>) -> Result<()> {
        read_rows(&self.rows, start, out);
        Ok(())
    }

    fn weights(&self) -> Option<&[f64]> {
        self.weights
    }
}

/// Writes the rows of an array from `start` on into `out`, row-major.
pub(super) fn read_rows<T: Element>(rows: &ArrayView2<'_, T>, start: usize, out: &mut [T::Real]) {
    let d = rows.ncols();
    if d == 0 {
        return;
    }
    let block = rows.slice(s![start..start + out.len() / d, ..]);
    match block.as_slice() {
        Some(values) => T::convert(values, out),
        None => out.iter_mut().zip(block.iter()).for_each(|(to, from)| *to = from.to_real()),
    }
}

/// A ragged batch of sets: flat values of shape (n, d), and n_sets + 1 offsets; set i is the rows
/// `offsets[i]..offsets[i + 1]`. It is a view: nothing is copied.
#[derive(Debug, Clone, Copy)]
pub struct Sets<'a, T> {
    all: Descriptors<'a, T>,
    offsets: &'a [usize],
}

impl<'a, T: Element> Sets<'a, T> {
    /// A view of flat `values` (n, d), or of [`Descriptors`] with weights, and `offsets`.
    ///
    /// # Errors
    /// [`Error::Offsets`] if the offsets are empty, do not start at 0, decrease, or do not end at n.
    pub fn new(values: impl Into<Descriptors<'a, T>>, offsets: &'a [usize]) -> Result<Self> {
        let all = values.into();
        check_offsets(offsets, all.n_rows())?;
        Ok(Self { all, offsets })
    }

    /// Number of sets.
    pub fn n_sets(&self) -> usize {
        self.offsets.len() - 1
    }

    /// All rows as one set.
    pub fn flat(&self) -> Descriptors<'a, T> {
        self.all
    }

    /// Set `i`.
    ///
    /// # Panics
    /// If `i >= n_sets()`, as indexing a slice does.
    pub fn get(&self, i: usize) -> Descriptors<'a, T> {
        let (from, to) = (self.offsets[i], self.offsets[i + 1]);
        Descriptors {
            rows: self.all.rows.slice_move(s![from..to, ..]),
            weights: self.all.weights.map(|w| &w[from..to]),
        }
    }
}

/// Checks that `offsets` cut `n` rows into sets: they start at 0, never decrease and end at `n`.
///
/// # Errors
/// [`Error::Offsets`] with the first offset that is wrong.
pub fn check_offsets(offsets: &[usize], n: usize) -> Result<()> {
    let wrong = |index: usize, expected: String, got: usize| Err(Error::Offsets { index, expected, got });
    match offsets {
        [] => wrong(0, "0, and one more offset than there are sets".into(), 0),
        [first, ..] if *first != 0 => wrong(0, "0".into(), *first),
        _ => {
            if let Some(i) = offsets.windows(2).position(|w| w[0] > w[1]) {
                return wrong(i + 1, format!("at least {}", offsets[i]), offsets[i + 1]);
            }
            let last = offsets.len() - 1;
            if offsets[last] != n {
                return wrong(last, format!("the number of rows, {n}"), offsets[last]);
            }
            Ok(())
        }
    }
}
