//! The mean and the covariance of the columns in one numerically safe, mergeable pass.

use super::moments::{Moments, part_of};
use super::source::{RowBuffer, Source};
use crate::error::Result;
use crate::shards::{Merge, Partial, Pass, Plan, pass};
use crate::simd::{Real, multiply};
use crate::util::context::Context;
use crate::util::threads::Threads;
use ndarray::{Array2, ArrayView2, s};
use std::ops::Range;

/// Total weight, mean (D,) and summed products of deviations from it (D, D): what principal components are
/// computed from.
///
/// The products of a chunk are about its own mean, and chunks are merged by the update of Chan, Golub and
/// LeVeque (1983) for matrices: + d d^T n_a n_b / (n_a + n_b), d the difference of the means. So the data are
/// read once, and a large offset costs no digits.
#[derive(Debug, Clone, PartialEq)]
pub struct Scatter {
    pub(crate) n: f64,
    pub(crate) mean: Vec<f64>,
    pub(crate) products: Array2<f64>,
}

impl Scatter {
    /// The scatter of all rows of `source`, in `f64`.
    ///
    /// # Errors
    /// [`Error::NotFinite`](crate::Error::NotFinite) and the errors of the source. Cost O(n D^2); memory
    /// O(threads D^2 log n).
    pub fn of<S: Source>(source: &S, threads: &Threads) -> Result<Self> {
        let all = 0..Plan::moments(source.n_rows()).n_chunks();
        Ok(Self::part(source, all, threads)?.finish()?.unwrap_or_else(|| Self::empty(source.dim())))
    }

    /// The same as a stage of a fit.
    pub(crate) fn in_context<S: Source>(source: &S, context: &mut Context<'_>) -> Result<Self> {
        let (threads, stage) = (context.pool()?, context.stage());
        let all = pass(context, &stage, &|chunks| Self::part(source, chunks, &threads))?;
        Ok(all.unwrap_or_else(|| Self::empty(source.dim())))
    }

    /// The part of [`of`](Self::of) that some chunks of [`Plan::moments`] make up.
    ///
    /// # Errors
    /// As [`of`](Self::of); [`Error::Parameter`](crate::Error::Parameter) for chunks beyond the plan.
    pub fn part<S: Source>(source: &S, chunks: Range<usize>, threads: &Threads) -> Result<Partial<Self>> {
        part_of(Pass::Scatter, source, &chunks, threads, &Self::of_rows, &joined)
    }

    /// The number of rows, or the sum of their weights.
    #[must_use]
    pub fn n(&self) -> f64 {
        self.n
    }

    /// The mean of each column, shape (D,).
    #[must_use]
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// The summed products of deviations from the mean, shape (D, D).
    #[must_use]
    pub fn products(&self) -> ArrayView2<'_, f64> {
        self.products.view()
    }

    fn empty(d: usize) -> Self {
        Scatter { n: 0.0, mean: vec![0.0; d], products: Array2::zeros((d, d)) }
    }

    fn of_rows<S: Source>(source: &S, rows: Range<usize>) -> Result<Self> {
        let d = source.dim();
        let mut block = vec![S::Real::ZERO; rows.len() * d];
        source.read_finite(rows.start, &mut block, &mut RowBuffer::default())?;
        let weights = source.weights().map(|weights| &weights[rows.clone()]);
        let Moments { n, mean, .. } = Moments::of_block(&block, d, weights);
        let mut centred = Array2::zeros((rows.len(), d));
        for (i, (row, mut out)) in block.chunks_exact(d.max(1)).zip(centred.outer_iter_mut()).enumerate() {
            let weight = weights.map_or(1.0, |weights| weights[i]).sqrt();
            if weight > 0.0 {
                let values = row.iter().zip(&mean);
                out.iter_mut().zip(values).for_each(|(out, (x, mean))| *out = weight * (x.to_f64() - mean));
            }
        }
        let products = column_products(&centred);
        Ok(Scatter { n, mean, products })
    }
}

/// X^T X of X (n, D), exactly symmetric: each panel of columns with itself and those after it, then a copy of
/// the upper half. Cost O(n D^2).
fn column_products(x: &Array2<f64>) -> Array2<f64> {
    const PANEL_COLUMNS: usize = 128;
    let d = x.ncols();
    let mut products = Array2::zeros((d, d));
    for start in (0..d).step_by(PANEL_COLUMNS) {
        let panel = start..d.min(start + PANEL_COLUMNS);
        let (columns, rest) = (x.slice(s![.., panel.clone()]), x.slice(s![.., start..]));
        multiply(columns.t(), rest, products.slice_mut(s![panel, start..]));
    }
    mirror(&mut products);
    products
}

/// Copies the upper half of a square matrix to the lower, square by square, which stay in the nearest cache.
fn mirror(matrix: &mut Array2<f64>) {
    const SQUARE: usize = 16;
    let d = matrix.nrows();
    for row in (0..d).step_by(SQUARE) {
        for column in (0..=row).step_by(SQUARE) {
            for i in row..d.min(row + SQUARE) {
                for j in column..i.min(column + SQUARE) {
                    matrix[[i, j]] = matrix[[j, i]];
                }
            }
        }
    }
}

fn joined(a: Scatter, b: Scatter) -> Scatter {
    // The mean of no rows says nothing, and a product with it may overflow.
    if b.n == 0.0 {
        return a;
    }
    if a.n == 0.0 {
        return b;
    }
    let mut all = a;
    let n = all.n + b.n;
    let share = b.n / n;
    let weight = all.n * share;
    let delta: Vec<f64> = b.mean.iter().zip(&all.mean).map(|(b, a)| b - a).collect();
    for (i, (mut row, other)) in all.products.outer_iter_mut().zip(b.products.outer_iter()).enumerate() {
        // The product of the deltas comes first, so that the sum stays exactly symmetric.
        for ((product, other), d) in row.iter_mut().zip(other).zip(&delta) {
            *product += other + weight * (delta[i] * d);
        }
    }
    all.mean.iter_mut().zip(&delta).for_each(|(mean, delta)| *mean += delta * share);
    all.n = n;
    all
}

impl Merge for Scatter {
    fn merged(self, right: Self) -> Result<Self> {
        Ok(joined(self, right))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Descriptors;
    use crate::util::rng::Random;

    #[test]
    fn a_large_offset_costs_no_digits() {
        let mut random = Random::new(4);
        // Small integers: their sums, and those of their products, are exact.
        let small = Array2::from_shape_fn((5000, 4), |_| (random.uniform() * 8.0).floor());
        let shifted = small.mapv(|x| x + 1e4);
        let scatter = Scatter::of(&Descriptors::new(shifted.view()), &Threads::one()).unwrap();
        let sums = small.sum_axis(ndarray::Axis(0));
        let exact = small.t().dot(&small);
        for i in 0..4 {
            assert!((scatter.mean[i] - 1e4 - sums[i] / 5000.0).abs() < 1e-10);
            for j in 0..4 {
                let expected = exact[[i, j]] - sums[i] * sums[j] / 5000.0;
                let error = (scatter.products[[i, j]] - expected).abs() / exact[[i, i]];
                assert!(error < 1e-12, "{error:e}");
                assert_eq!(scatter.products[[i, j]], scatter.products[[j, i]]);
            }
        }
    }

    #[test]
    fn the_products_of_many_columns_are_exactly_symmetric() {
        let mut random = Random::new(6);
        for d in [1, 127, 128, 129, 300] {
            let rows = Array2::from_shape_fn((50, d), |_| random.normal());
            let (products, expected) = (column_products(&rows), rows.t().dot(&rows));
            let error = (&products - &expected).mapv(f64::abs).fold(0.0_f64, |a, b| a.max(*b));
            assert!(error < 1e-12, "{d} {error:e}");
            assert_eq!(products, products.t());
        }
    }

    #[test]
    fn parts_in_any_order_have_the_bits_of_the_whole() {
        let mut random = Random::new(5);
        let rows = Array2::from_shape_fn((9_000, 3), |_| random.normal() as f32);
        let source = Descriptors::new(rows.view());
        let (threads, plan) = (Threads::one(), Plan::moments(9_000));
        let whole = (Scatter::of(&source, &threads).unwrap(), Moments::of(&source, &threads).unwrap());
        let mut scatter = Scatter::part(&source, 0..0, &threads).unwrap();
        let mut moments = Moments::part(&source, 0..0, &threads).unwrap();
        for shard in [3, 0, 1, 4, 3, 2] {
            let chunks = plan.shard(shard, 5).unwrap();
            scatter.add(Scatter::part(&source, chunks.clone(), &threads).unwrap()).unwrap();
            moments.add(Moments::part(&source, chunks, &threads).unwrap()).unwrap();
        }
        assert_eq!((scatter.finish().unwrap(), moments.finish().unwrap()), (Some(whole.0), Some(whole.1)));
        assert!(Scatter::part(&source, 0..10, &threads).is_err());
    }
}
