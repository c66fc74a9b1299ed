//! Owned descriptors: a sample of rows to fit a model on.

use super::descriptors::Descriptors;
use super::source::{RowBuffer, Source};
use crate::error::{Error, Result};
use crate::simd::Real;
use crate::util::rng::sample_rows;
use ndarray::Array2;

/// Rows copied from a source: a sample to fit a model on, with the weights of those rows.
#[derive(Debug, Clone)]
pub struct OwnedDescriptors<F> {
    rows: Array2<F>,
    weights: Option<Vec<f64>>,
    /// The row of the source that each row was copied from; empty if they were not.
    origin: Vec<usize>,
}

impl<F: Real> OwnedDescriptors<F> {
    /// Draws up to `count` rows of positive weight without replacement and keeps their order. Cost
    /// O(count (d + log count)), and O(n) where there are weights.
    ///
    /// # Errors
    /// Those of [`Source::read_finite`].
    pub fn draw<S: Source<Real = F>>(source: &S, count: usize, seed: u64) -> Result<Self> {
        let Some(weights) = source.weights() else {
            return Self::gather(source, &sample_rows(source.n_rows(), count, seed));
        };
        let positive: Vec<usize> = (0..weights.len()).filter(|row| weights[*row] > 0.0).collect();
        let rows = sample_rows(positive.len(), count, seed);
        Self::gather(source, &rows.iter().map(|i| positive[*i]).collect::<Vec<_>>())
    }

    /// Copies the given rows of `source`, in that order. Cost O(rows d).
    ///
    /// # Errors
    /// Those of [`Source::read_finite`].
    ///
    /// # Panics
    /// If a row is not in the source, as indexing a slice does.
    pub fn gather<S: Source<Real = F>>(source: &S, rows: &[usize]) -> Result<Self> {
        let d = source.dim();
        let mut values = vec![F::ZERO; rows.len() * d];
        let mut spare = RowBuffer::default();
        for (row, out) in rows.iter().zip(values.chunks_exact_mut(d.max(1))) {
            source.read_finite(*row, out, &mut spare)?;
        }
        let weights = source.weights().map(|weights| rows.iter().map(|row| weights[*row]).collect());
        Ok(OwnedDescriptors { origin: rows.to_vec(), ..Self::new(values, d, weights)? })
    }

    /// Rows of a source that were read already, with the number that each has there.
    pub(super) fn with_origin(
        values: Vec<F>,
        d: usize,
        weights: Option<Vec<f64>>,
        origin: Vec<usize>,
    ) -> Result<Self> {
        Ok(OwnedDescriptors { origin, ..Self::new(values, d, weights)? })
    }

    /// An error that names a row of this sample of `source`, with the row where the user finds it.
    pub(crate) fn locate<S: Source>(&self, source: &S, error: Error) -> Error {
        source.locate(error.map_row(|row| self.origin.get(row).copied().unwrap_or(row)))
    }

    /// A sample of row-major `values`, `d` numbers per row, with an optional weight per row.
    ///
    /// # Errors
    /// [`Error::Dimension`] if the lengths do not fit.
    pub fn new(values: Vec<F>, d: usize, weights: Option<Vec<f64>>) -> Result<Self> {
        let (n, got) = (values.len() / d.max(1), values.len());
        let rows = Array2::from_shape_vec((n, d), values);
        let rows = rows.map_err(|_| Error::Dimension { what: "values", expected: n * d, got })?;
        if let Some(weights) = &weights {
            Descriptors { rows: rows.view(), weights: None }.with_weights(weights)?;
        }
        Ok(OwnedDescriptors { rows, weights, origin: vec![] })
    }

    /// The rows, shape (n, d).
    #[must_use]
    pub fn into_rows(self) -> Array2<F> {
        self.rows
    }

    /// The sample as a set.
    #[must_use]
    pub fn view(&self) -> Descriptors<'_, F> {
        Descriptors { rows: self.rows.view(), weights: self.weights.as_deref() }
    }
}
