//! Squared Euclidean distances to one point, for seeding k-means.

use super::level::at_level;
use super::{LANES, Level, Real};

/// Lowers `nearest[n]` to the squared distance of row n of `rows` (n, d) to `point` (d) where that is
/// smaller. Cost O(n d).
pub(crate) fn lower_to_distance<F: Real>(level: Level, rows: &[F], point: &[F], nearest: &mut [f64]) {
    lower(level, rows, point, nearest);
}

at_level!(fn lower = lower_body(rows: &[F], point: &[F], nearest: &mut [f64]));

#[inline(always)]
fn lower_body<F: Real, const FMA: bool>(rows: &[F], point: &[F], nearest: &mut [f64]) {
    let (point_blocks, point_rest) = point.as_chunks::<LANES>();
    for (row, nearest) in rows.chunks_exact(point.len()).zip(nearest) {
        let (blocks, rest) = row.as_chunks::<LANES>();
        let mut squares = [F::ZERO; LANES];
        for (x, p) in blocks.iter().zip(point_blocks) {
            for i in 0..LANES {
                let difference = x[i] - p[i];
                squares[i] = difference.madd::<FMA>(difference, squares[i]);
            }
        }
        for (i, (x, p)) in rest.iter().zip(point_rest).enumerate() {
            let difference = *x - *p;
            squares[i] = difference.madd::<FMA>(difference, squares[i]);
        }
        let distance: f64 = squares.iter().map(|s| s.to_f64()).sum();
        *nearest = nearest.min(distance);
    }
}
