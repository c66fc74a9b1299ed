//! The mean and variance of each column in one numerically safe, mergeable pass.

use super::source::{RowBuffer, Source};
use crate::error::Result;
use crate::shards::{Header, Merge, Partial, Pass, Plan, pass};
use crate::simd::Real;
use crate::util::context::Context;
use crate::util::threads::Threads;
use std::ops::Range;

/// Total weight, mean and summed squared deviation of each column, shape (D,).
///
/// Moments are merged by the pairwise update of Chan, Golub and LeVeque (1983), without raw second moments,
/// so that a large offset costs no digits.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    pub(crate) n: f64,
    pub(crate) mean: Vec<f64>,
    pub(crate) squares: Vec<f64>,
}

impl Moments {
    /// The moments of all rows of `source`, in `f64`.
    ///
    /// # Errors
    /// [`Error::NotFinite`](crate::Error::NotFinite) and the errors of the source. Cost O(n D).
    pub fn of<S: Source>(source: &S, threads: &Threads) -> Result<Self> {
        let all = 0..Plan::moments(source.n_rows()).n_chunks();
        Ok(Self::part(source, all, threads)?.finish()?.unwrap_or_else(|| Self::new(source.dim())))
    }

    /// The same as a stage of a fit.
    pub(crate) fn in_context<S: Source>(source: &S, context: &mut Context<'_>) -> Result<Self> {
        let (threads, stage) = (context.pool()?, context.stage());
        let all = pass(context, &stage, &|chunks| Self::part(source, chunks, &threads))?;
        Ok(all.unwrap_or_else(|| Self::new(source.dim())))
    }

    /// The part of [`of`](Self::of) that some chunks of [`Plan::moments`] make up.
    ///
    /// # Errors
    /// As [`of`](Self::of); [`Error::Parameter`](crate::Error::Parameter) for chunks beyond the plan.
    pub fn part<S: Source>(source: &S, chunks: Range<usize>, threads: &Threads) -> Result<Partial<Self>> {
        part_of(Pass::Moments, source, &chunks, threads, &Self::of_rows, &Self::joined)
    }

    /// The number of rows, or the sum of their weights.
    #[must_use]
    pub fn n(&self) -> f64 {
        self.n
    }

    /// The mean of each column, shape (D,); 0 for an empty set.
    #[must_use]
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The variance of each column, shape (D,), biased (divided by the total weight); 0 for an empty set.
    #[must_use]
    pub fn variance(&self) -> Vec<f64> {
        let n = if self.n > 0.0 { self.n } else { 1.0 };
        self.squares.iter().map(|s| s / n).collect()
    }

    /// The variance of each column, made positive: what the limits of variances are relative to. A column
    /// that does not vary gets the mean variance of all; if none varies, the mean square, or 1.
    #[must_use]
    pub fn positive_variance(&self) -> Vec<f64> {
        let variance = self.variance();
        let d = variance.len() as f64;
        // Rows that are all equal have no variance to be relative to; their mean square replaces it, or 1.
        let size = self.mean.iter().map(|mean| mean * mean).sum::<f64>() / d;
        let candidates = [variance.iter().sum::<f64>() / d, size, 1.0];
        let typical = candidates.into_iter().find(|x| *x > 0.0).unwrap_or(1.0);
        variance.iter().map(|v| if *v > 1e-12 * typical { *v } else { typical }).collect()
    }

    /// The mean of the variances of all columns; 1 if none varies.
    #[must_use]
    pub fn mean_variance(&self) -> f64 {
        let spread = self.variance().iter().sum::<f64>() / self.dim() as f64;
        if spread > 0.0 { spread } else { 1.0 }
    }

    /// The number of columns.
    pub(crate) fn dim(&self) -> usize {
        self.mean.len()
    }

    /// The moments of no rows of `d` columns.
    #[must_use]
    pub fn new(d: usize) -> Self {
        Moments { n: 0.0, mean: vec![0.0; d], squares: vec![0.0; d] }
    }

    fn of_rows<S: Source>(source: &S, rows: Range<usize>) -> Result<Self> {
        let d = source.dim();
        let mut block = vec![S::Real::ZERO; rows.len() * d];
        source.read_finite(rows.start, &mut block, &mut RowBuffer::default())?;
        Ok(Self::of_block(&block, d, source.weights().map(|weights| &weights[rows])))
    }

    /// Adds one row of weight 1 (Welford 1962).
    pub(crate) fn push(&mut self, row: &[f64]) {
        self.n += 1.0;
        for (x, (mean, square)) in row.iter().zip(self.mean.iter_mut().zip(&mut self.squares)) {
            let deviation = x - *mean;
            *mean += deviation / self.n;
            *square += deviation * (x - *mean);
        }
    }

    /// The moments of a block that stays in the cache, in two passes: the mean, then the deviations from it.
    /// A row of weight 0 is passed over: nothing is known of its size.
    pub(super) fn of_block<F: Real>(block: &[F], d: usize, weights: Option<&[f64]>) -> Self {
        let mut moments = Self::new(d);
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

    /// The moments of these rows and those of `right`.
    pub(crate) fn joined(mut self, right: Self) -> Self {
        self.merge(&right);
        self
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
            *self = Self::new(self.dim());
        }
        self.n *= factor;
        self.squares.iter_mut().for_each(|square| *square *= factor);
    }
}

/// The part of a pass over the rows of `source` that some chunks of [`Plan::moments`] make up.
pub(super) fn part_of<S: Source, T: Merge + PartialEq + Send>(
    pass: Pass,
    source: &S,
    chunks: &Range<usize>,
    threads: &Threads,
    of_rows: &(impl Fn(&S, Range<usize>) -> Result<T> + Sync),
    joined: &(impl Fn(T, T) -> T + Sync),
) -> Result<Partial<T>> {
    let plan = Plan::moments(source.n_rows());
    let header = Header::new::<S::Real>(pass, plan, 0, None);
    let leaf = |chunk: usize| of_rows(source, plan.items(chunk..chunk + 1));
    Partial::of(header, chunks, threads, &leaf, joined)
}

impl Merge for Moments {
    fn merged(self, right: Self) -> Result<Self> {
        Ok(self.joined(right))
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
