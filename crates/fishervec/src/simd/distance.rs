//! Squared Euclidean distances to one point, for seeding k-means.

use super::isa::at_level;
use super::vector::Lanes;
use super::{Isa, LANES, Real};

/// Lowers `nearest[n]` to the squared distance of row n of `rows` (n, d) to `point` (d) where that is
/// smaller. Cost O(n d).
pub(crate) fn min_squared_distance<F: Real>(level: Isa, rows: &[F], point: &[F], nearest: &mut [f64]) {
    lower(level, rows, point, nearest);
}

at_level!(fn lower = lower_body(rows: &[F], point: &[F], nearest: &mut [f64]));

#[inline(always)]
fn lower_body<F: Real, V: Lanes<F>, const FMA: bool>(rows: &[F], point: &[F], nearest: &mut [f64]) {
    let (point_blocks, point_rest) = point.as_chunks::<LANES>();
    let minus = V::splat(F::ZERO - F::ONE);
    for (row, nearest) in rows.chunks_exact(point.len()).zip(nearest) {
        let (blocks, rest) = row.as_chunks::<LANES>();
        let mut squares = V::splat(F::ZERO);
        for (x, p) in blocks.iter().zip(point_blocks) {
            let difference = V::load(p).madd::<FMA>(minus, V::load(x));
            squares = difference.madd::<FMA>(difference, squares);
        }
        let mut squares = squares.store();
        for (i, (x, p)) in rest.iter().zip(point_rest).enumerate() {
            let difference = *x - *p;
            squares[i] = difference.madd::<FMA>(difference, squares[i]);
        }
        let distance: f64 = squares.iter().map(|s| s.to_f64()).sum();
        *nearest = nearest.min(distance);
    }
}
