//! The mean and variance of each column in one numerically safe, mergeable pass.

use super::source::{RowBuffer, Source};
use crate::error::Result;
use crate::simd::Real;
use crate::util::threads::Threads;

const CHUNK_ROWS: usize = 1024;

/// Total weight, mean and summed squared deviation of each column, shape (D,).
///
/// Moments are merged by the pairwise update of Chan, Golub and LeVeque (1983), without raw second moments,
/// so that a large offset costs no digits.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moments {
    pub(crate) n: f64,
    pub(crate) mean: Vec<f64>,
    squares: Vec<f64>,
}

impl Moments {
    /// The moments of all rows of `source`, in `f64`. Cost O(n D).
    pub(crate) fn of<S: Source>(source: &S, threads: &Threads) -> Result<Self> {
        let (n, d) = (source.n_rows(), source.dim());
        let leaf = |chunk: usize| {
            let start = chunk * CHUNK_ROWS;
            let rows = CHUNK_ROWS.min(n - start);
            let mut block = vec![S::Real::ZERO; rows * d];
            source.read_finite(start, &mut block, &mut RowBuffer::default())?;
            let weights = source.weights().map(|weights| &weights[start..start + rows]);
            Ok(Self::of_block(&block, d, weights))
        };
        let merge = |mut all: Self, next: Self| {
            all.merge(&next);
            all
        };
        let all = threads.reduce(n.div_ceil(CHUNK_ROWS), &leaf, &merge)?;
        Ok(all.unwrap_or_else(|| Self::empty(d)))
    }

    /// The variance of each column, biased (divided by the total weight); 0 for an empty set.
    pub(crate) fn variance(&self) -> Vec<f64> {
        let n = if self.n > 0.0 { self.n } else { 1.0 };
        self.squares.iter().map(|s| s / n).collect()
    }

    /// The number of columns.
    pub(crate) fn dim(&self) -> usize {
        self.mean.len()
    }

    /// The moments of no rows of `d` columns.
    pub(crate) fn empty(d: usize) -> Self {
        Moments { n: 0.0, mean: vec![0.0; d], squares: vec![0.0; d] }
    }

    /// The moments of a block that stays in the cache, in two passes: the mean, then the deviations from it.
    /// A row of weight 0 is passed over: nothing is known of its size.
    fn of_block<F: Real>(block: &[F], d: usize, weights: Option<&[f64]>) -> Self {
        let mut moments = Self::empty(d);
        let weight = |i: usize| weights.map_or(1.0, |weights| weights[i]);
        let all = block.chunks_exact(d.max(1)).enumerate();
        let rows = || all.clone().map(|(i, row)| (weight(i), row)).filter(|(weight, _)| *weight > 0.0);
        let Some((_, first)) = rows().next() else { return moments };
        let first: Vec<f64> = first.iter().map(|x| x.to_f64()).collect();
        for (weight, row) in rows() {
            moments.n += weight;
            for ((mean, x), first) in moments.mean.iter_mut().zip(row).zip(&first) {
                *mean += weight * (x.to_f64() - first);
            }
        }
        for (mean, first) in moments.mean.iter_mut().zip(&first) {
            *mean = first + *mean / moments.n;
        }
        for (weight, row) in rows() {
            for ((square, x), mean) in moments.squares.iter_mut().zip(row).zip(&moments.mean) {
                let deviation = x.to_f64() - mean;
                *square += weight * deviation * deviation;
            }
        }
        moments
    }

    /// Adds the moments of further rows of the same columns.
    pub(crate) fn merge(&mut self, other: &Self) {
        // The mean of no rows says nothing, and a product with it may overflow.
        if other.n == 0.0 {
            return;
        }
        if self.n == 0.0 {
            self.clone_from(other);
            return;
        }
        let n = self.n + other.n;
        let share = other.n / n;
        for i in 0..self.mean.len() {
            let delta = other.mean[i] - self.mean[i];
            self.mean[i] += delta * share;
            self.squares[i] += other.squares[i] + delta * delta * self.n * share;
        }
        self.n = n;
    }

    /// Multiplies the weight of each row by `factor`.
    pub(crate) fn scale(&mut self, factor: f64) {
        if factor == 0.0 {
            *self = Self::empty(self.dim());
        }
        self.n *= factor;
        self.squares.iter_mut().for_each(|square| *square *= factor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Descriptors;
    use ndarray::Array2;

    #[test]
    fn a_large_offset_costs_no_digits() {
        let x = Array2::from_shape_fn((3000, 2), |(i, j)| 1e9 * (j as f64) + ((i * 7919) % 101) as f64);
        let moments = Moments::of(&Descriptors::new(x.view()), &Threads::one()).unwrap();
        let variance = moments.variance();
        assert!((variance[0] - variance[1]).abs() < 1e-9 * variance[0], "{variance:?}");
        assert!((moments.mean[1] - moments.mean[0] - 1e9).abs() < 1e-5);
    }

    #[test]
    fn constant_columns_have_variance_zero_and_empty_sets_are_zero() {
        let x = Array2::from_elem((2500, 1), 0.1_f32);
        let moments = Moments::of(&Descriptors::new(x.view()), &Threads::one()).unwrap();
        assert_eq!((moments.variance(), moments.mean), (vec![0.0], vec![f64::from(0.1_f32)]));
        let x = Array2::<f32>::zeros((0, 3));
        let moments = Moments::of(&Descriptors::new(x.view()), &Threads::one()).unwrap();
        assert_eq!((moments.n, moments.variance()), (0.0, vec![0.0; 3]));
    }
}
