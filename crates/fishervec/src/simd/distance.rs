//! Squared Euclidean distances to one point, for seeding k-means.

use super::isa::Isa;
use super::scalar::Real;
use super::vector::{LANES, Op, Simd, Vector, Vector8};

/// Lowers `nearest[n]` to the squared distance of row n of `rows` (n, d) to `point` (d) where that is
/// smaller. Cost O(n d).
pub(crate) fn min_squared_distance<F: Real>(isa: Isa, rows: &[F], point: &[F], nearest: &mut [f64]) {
    isa.run(MinSquaredDistance { rows, point, nearest });
}

struct MinSquaredDistance<'a, F> {
    rows: &'a [F],
    point: &'a [F],
    nearest: &'a mut [f64],
}

impl<F: Real> Op for MinSquaredDistance<'_, F> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (point, point_rest) = self.point.as_chunks::<LANES>();
        let minus = F::Eight::splat(simd, F::ZERO - F::ONE);
        for (row, nearest) in self.rows.chunks_exact(self.point.len()).zip(self.nearest) {
            let (row, rest) = row.as_chunks::<LANES>();
            let mut squares = F::Eight::splat(simd, F::ZERO);
            for (x, p) in row.iter().zip(point) {
                let difference = F::Eight::from_array(simd, p).madd(minus, F::Eight::from_array(simd, x));
                squares = difference.madd(difference, squares);
            }
            let mut squares = squares.to_array();
            for (i, (x, p)) in rest.iter().zip(point_rest).enumerate() {
                let difference = *x - *p;
                squares[i] = difference.madd::<S>(difference, squares[i]);
            }
            let distance: f64 = squares.iter().map(|s| s.to_f64()).sum();
            *nearest = nearest.min(distance);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_isa_lowers_to_the_squared_distance(d in 1..40_usize, n in 0..9_usize, seed in any::<u64>()) {
            let mut random = crate::util::rng::Random::new(seed);
            let mut numbers = |len: usize| (0..len).map(|_| random.normal()).collect::<Vec<f64>>();
            let (rows, point) = (numbers(n * d), numbers(d));
            let before: Vec<f64> = numbers(n).iter().map(|x| 2.0 * d as f64 * x * x).collect();
            let single = |from: &[f64]| from.iter().map(|x| *x as f32).collect::<Vec<f32>>();
            for isa in Isa::available() {
                let (mut in_f64, mut in_f32) = (before.clone(), before.clone());
                min_squared_distance(isa, &rows, &point, &mut in_f64);
                min_squared_distance(isa, &single(&rows), &single(&point), &mut in_f32);
                for (i, row) in rows.chunks(d).enumerate() {
                    let exact: f64 = row.iter().zip(&point).map(|(x, p)| (x - p) * (x - p)).sum();
                    let exact = exact.min(before[i]);
                    prop_assert!((in_f64[i] - exact).abs() <= 1e-13 * (1.0 + exact), "{isa:?}");
                    prop_assert!((in_f32[i] - exact).abs() <= 1e-5 * (1.0 + exact), "{isa:?}");
                }
            }
        }
    }
}
