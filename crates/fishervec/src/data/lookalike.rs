//! A test of columns that are said to be positions: are they descriptors like the others?

use crate::simd::Real;
use ndarray::ArrayView2;

/// Columns are compared on about so many rows, and only if there are enough rows and enough other columns.
const ROWS: usize = 4096;
const FEWEST_ROWS: usize = 100;
const FEWEST_COLUMNS: usize = 4;
/// Positions are spread out: the middle 80 % of their values fill at least this share of their range.
const SPREAD: f64 = 0.5;
/// Quantiles lie among those of other columns if they are at most this share of these' distance outside.
const SLACK: f64 = 0.1;
const QUANTILES: [f64; 5] = [0.0, 0.1, 0.5, 0.9, 1.0];

/// Whether the last `n_positions` columns of descriptors, shape (n, d), which are said to be positions, are
/// distributed like all others: the extremes and the 10 %, 50 % and 90 % quantiles of each of them lie among
/// those of the other columns, give or take a tenth, and its middle 80 % fill less than half of its range, as
/// those of positions seldom do. False for fewer than 100 finite rows or fewer than 4 other columns.
///
/// Cost O(m d log m), where m is the number of rows, at most about 4,096, that are looked at.
#[must_use]
pub fn are_like_the_others<F: Real>(rows: ArrayView2<'_, F>, n_positions: usize) -> bool {
    let n_others = rows.ncols().saturating_sub(n_positions);
    let finite = |row: &ndarray::ArrayView1<'_, F>| row.iter().all(|x| x.to_f64().is_finite());
    let step = (rows.nrows() / ROWS).max(1);
    let some: Vec<_> = rows.outer_iter().step_by(step).filter(finite).collect();
    if n_positions == 0 || n_others < FEWEST_COLUMNS || some.len() < FEWEST_ROWS {
        return false;
    }
    let all: Vec<[f64; 5]> = (0..rows.ncols())
        .map(|column| quantiles(some.iter().map(|row| row[column].to_f64()).collect()))
        .collect();
    let (others, positions) = all.split_at(n_others);
    let among = |i: usize, value: f64| {
        let low = others.iter().map(|other| other[i]).fold(f64::INFINITY, f64::min);
        let high = others.iter().map(|other| other[i]).fold(f64::NEG_INFINITY, f64::max);
        let slack = SLACK * (high - low);
        (low - slack..=high + slack).contains(&value)
    };
    positions.iter().all(|column| {
        let dense = column[3] - column[1] < SPREAD * (column[4] - column[0]);
        dense && column.iter().enumerate().all(|(i, value)| among(i, *value))
    })
}

/// The quantiles of finite numbers, by linear interpolation.
fn quantiles(mut values: Vec<f64>) -> [f64; 5] {
    values.sort_by(f64::total_cmp);
    QUANTILES.map(|q| {
        let at = q * (values.len() - 1) as f64;
        let (below, above) = (values[at.floor() as usize], values[at.ceil() as usize]);
        below + (above - below) * at.fract()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    /// Numbers from 0 to 1, the same for the same row and column.
    fn uniform(row: usize, column: usize) -> f64 {
        let mixed = ((row * 131 + column) as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed.wrapping_mul(mixed >> 32 | 1) >> 40) as f64 / (1_u64 << 24) as f64
    }

    /// Skewed numbers, in another scale in each column but those from `first` on.
    fn skewed(row: usize, column: usize, first: usize) -> f64 {
        let scale = if column < first { 0.4 + 0.2 * column as f64 } else { 1.0 };
        scale * uniform(row, column).powi(10)
    }

    #[test]
    fn columns_like_the_others_are_found_and_positions_are_not() {
        let alike = Array2::from_shape_fn((20_000, 10), |(i, j)| skewed(i, j, 8));
        assert!(are_like_the_others(alike.view(), 2));
        let located = |scale: f64| {
            Array2::from_shape_fn(
                (20_000, 10),
                |(i, j)| if j < 8 { skewed(i, j, 8) } else { scale * uniform(i, j) },
            )
        };
        for scale in [0.01, 1.0, 5.0, 640.0] {
            assert!(!are_like_the_others(located(scale).view(), 2), "{scale}");
        }
        // One column of positions is enough.
        assert!(!are_like_the_others(located(1.0).slice(ndarray::s![.., ..9]), 2));
    }

    #[test]
    fn too_little_says_nothing() {
        let alike = Array2::from_shape_fn((4000, 8), |(i, j)| skewed(i, j, 6));
        assert!(are_like_the_others(alike.view(), 2));
        assert!(!are_like_the_others(alike.view(), 0));
        assert!(!are_like_the_others(alike.view(), 5));
        assert!(!are_like_the_others(alike.view(), 9));
        assert!(!are_like_the_others(alike.slice(ndarray::s![..99, ..]), 2));
        let mut nan = alike;
        nan.column_mut(0).fill(f64::NAN);
        assert!(!are_like_the_others(nan.view(), 2));
    }

    #[test]
    fn quantiles_are_interpolated() {
        assert_eq!(quantiles(vec![4.0, 0.0, 1.0, 3.0, 2.0]), [0.0, 0.4, 2.0, 3.6, 4.0]);
        assert_eq!(quantiles(vec![7.0]), [7.0; 5]);
    }
}
