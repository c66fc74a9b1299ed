//! What can be wrong with positions that are given apart from the descriptors.

use crate::error::{Error, Result};
use crate::simd::Real;
use ndarray::ArrayView2;

/// The largest error of positions in single precision, as a fraction of their range.
const LOST: f64 = 0.01;

/// What is seen of positions beside descriptors: whether `f32` tells them apart, and whether the descriptors
/// end with them already.
#[derive(Debug, Default)]
pub struct PositionCheck {
    /// The least and the largest value of each column, and the largest error in `f32`.
    columns: Vec<(f64, f64, f64)>,
    /// Whether the descriptors seen so far end with their positions; `None` before any.
    doubled: Option<bool>,
}

impl PositionCheck {
    /// Looks at rows of descriptors with their positions as the last columns, and at these positions in
    /// double precision, row-major, `dim` of a row.
    pub fn add<F: Real>(&mut self, rows: ArrayView2<'_, F>, positions: &[f64], dim: usize) {
        self.columns.resize(dim, (f64::INFINITY, f64::NEG_INFINITY, 0.0));
        for position in positions.chunks_exact(dim) {
            for (column, x) in self.columns.iter_mut().zip(position) {
                let lost = (x - f64::from(*x as f32)).abs();
                *column = (column.0.min(*x), column.1.max(*x), column.2.max(lost));
            }
        }
        let d = rows.ncols().saturating_sub(dim);
        let ends_with = |row: ndarray::ArrayView1<'_, F>| (0..dim).all(|i| row[d - dim + i] == row[d + i]);
        let doubled = d > dim && rows.rows().into_iter().all(ends_with);
        if rows.nrows() > 0 {
            self.doubled = Some(doubled && self.doubled != Some(false));
        }
    }

    /// Checks what was seen.
    ///
    /// # Errors
    /// [`Error::Parameter`] for positions that single precision, if the descriptors are in it, does not tell
    /// apart, and for descriptors that hold them already.
    pub fn finish<F: Real>(&self) -> Result<()> {
        if self.doubled == Some(true) {
            let expected =
                "those that the descriptors do not end with: give either the array or --position-columns";
            return Err(Error::parameter("positions", expected, "the last columns of the descriptors"));
        }
        let is_lost = |(least, most, lost): &(f64, f64, f64)| most > least && *lost > LOST * (most - least);
        match self.columns.iter().position(is_lost).filter(|_| size_of::<F>() == size_of::<f32>()) {
            None => Ok(()),
            Some(i) => {
                let (least, most, _) = self.columns[i];
                let expected =
                    "numbers that float32, the type of these descriptors, tells apart: subtract the smallest";
                Err(Error::parameter("positions", expected, format!("column {i} from {least} to {most}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn told(rows: &[[f32; 3]], positions: &[f64]) -> Option<String> {
        let mut check = PositionCheck::default();
        let rows = Array2::from_shape_fn((rows.len(), 3), |(i, j)| rows[i][j]);
        check.add(rows.view(), positions, 1);
        check.finish::<f32>().err().map(|error| error.to_string())
    }

    #[test]
    fn times_of_a_clock_that_began_long_ago_are_refused_in_single_precision() {
        let clock = [1.75e9, 1.75e9 + 1.0, 1.75e9 + 2.0];
        let rows = [[0.5, 1.0, 1.75e9], [0.5, 2.0, 1.75e9], [0.5, 3.0, 1.75e9]];
        let message = told(&rows, &clock).unwrap();
        assert!(message.contains("column 0 from 1750000000 to 1750000002"), "{message}");
        assert_eq!(told(&rows, &[0.0, 1.0, 2.0]), None);
        assert_eq!(told(&rows, &[3e9; 3]), None, "one value alone is not told apart from another");
        let mut check = PositionCheck::default();
        check.add(Array2::<f64>::zeros((3, 3)).view(), &clock, 1);
        let message = check.finish::<f64>().map_err(|error| error.to_string());
        assert!(!message.is_err_and(|message| message.contains("float32")));
    }

    #[test]
    fn descriptors_that_end_with_their_positions_are_told() {
        let message = told(&[[0.5, 1.0, 1.0], [0.5, 2.0, 2.0]], &[1.0, 2.0]).unwrap();
        assert!(message.contains("got the last columns of the descriptors"), "{message}");
        assert_eq!(told(&[[0.5, 1.0, 1.0], [0.5, 2.0, 3.0]], &[1.0, 3.0]), None);
        assert_eq!(told(&[], &[]), None);
    }
}
