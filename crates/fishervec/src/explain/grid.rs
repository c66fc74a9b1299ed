//! A raster for descriptors that lie on a grid, such as the patches of a slide.

use super::field::Field;
use super::squares::Square;

/// A neighbour lies in the square of so many cells around a descriptor.
const NEIGHBOURS: f64 = 3.0;
/// The longest side of a raster, in cells.
const LONGEST: f64 = 1024.0;

/// A raster with one cell per step of a grid, in which each descriptor lies in the middle of its cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// Its upper left corner.
    pub origin: [f64; 2],
    /// Its width and height.
    pub size: [f64; 2],
    /// The side of a cell: the step, or more where there would be more than 1,024 cells along a side.
    pub cell: f64,
}

impl Grid {
    /// The raster of squares whose centres are `step` apart, such as their [`pitch`](super::pitch).
    #[must_use]
    pub fn new(squares: &[Square], step: f64) -> Self {
        let bounds = |of: fn(&Square) -> f64| {
            let all = squares.iter().map(of);
            all.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)))
        };
        let (x, y) = (bounds(|square| square.x), bounds(|square| square.y));
        let size = [x.1 - x.0 + step, y.1 - y.0 + step];
        Grid {
            origin: [x.0 - step / 2.0, y.0 - step / 2.0],
            size,
            cell: step.max(size[0].max(size[1]) / LONGEST),
        }
    }

    /// Numbers of squares, each smoothed over its neighbours, those in the 3 x 3 cells around it: shape (n,).
    /// They sum to all numbers.
    ///
    /// Cost O(n + cells).
    #[must_use]
    pub fn smoothed(&self, numbers: &[f64], squares: &[Square]) -> Vec<f64> {
        let around = of_side(squares, NEIGHBOURS * self.cell);
        Field::spread(numbers, &around, self.origin, self.size, self.cell).gather(&around)
    }

    /// Numbers of squares, each in its cell.
    ///
    /// Cost O(n + cells).
    #[must_use]
    pub fn field(&self, numbers: &[f64], squares: &[Square]) -> Field {
        Field::spread(numbers, &of_side(squares, self.cell), self.origin, self.size, self.cell)
    }
}

fn of_side(squares: &[Square], side: f64) -> Vec<Square> {
    squares.iter().map(|square| Square { side, ..*square }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grid of 20 columns with a hole, its step 512.
    fn patches() -> Vec<Square> {
        let at =
            |i: usize| Square { x: 9e4 + 512.0 * (i % 20) as f64, y: 512.0 * (i / 20) as f64, side: 500.0 };
        (0..200).filter(|i| *i != 47).map(at).collect()
    }

    #[test]
    fn a_number_is_shared_by_the_neighbours_of_its_patch_and_sums_stay() {
        let squares = patches();
        let grid = Grid::new(&squares, 512.0);
        assert_eq!((grid.size, grid.cell), ([20.0 * 512.0, 10.0 * 512.0], 512.0));
        let numbers: Vec<f64> = (0..squares.len()).map(|i| (i as f64 * 0.7).sin()).collect();
        let smoothed = grid.smoothed(&numbers, &squares);
        assert!((smoothed.iter().sum::<f64>() - numbers.iter().sum::<f64>()).abs() < 1e-12);
        // Of one number: a ninth of it lies in each cell, of which each patch around takes the same part.
        let mut one = vec![0.0; squares.len()];
        let middle = squares.iter().position(|at| (at.x, at.y) == (9e4 + 512.0 * 13.0, 512.0 * 5.0)).unwrap();
        one[middle] = 1.0;
        let smoothed = grid.smoothed(&one, &squares);
        let of = |dx: f64, dy: f64| {
            let (x, y) = (squares[middle].x + 512.0 * dx, squares[middle].y + 512.0 * dy);
            smoothed[squares.iter().position(|at| (at.x, at.y) == (x, y)).unwrap()]
        };
        let expected = |cells: f64| cells / 81.0;
        for (dx, dy, cells) in
            [(0.0, 0.0, 9.0), (1.0, 0.0, 6.0), (1.0, -1.0, 4.0), (2.0, 0.0, 3.0), (3.0, 0.0, 0.0)]
        {
            assert!((of(dx, dy) - expected(cells)).abs() < 1e-12, "{dx} {dy} {}", of(dx, dy));
        }
    }

    #[test]
    fn a_field_of_a_grid_has_each_number_in_its_cell() {
        let squares = patches();
        let grid = Grid::new(&squares, 512.0);
        let numbers: Vec<f64> = (0..squares.len()).map(|i| 1.0 + i as f64).collect();
        let field = grid.field(&numbers, &squares);
        assert_eq!(field.values.dim(), (10, 20));
        assert_eq!((field.values[[0, 0]], field.values[[2, 7]], field.values[[9, 19]]), (1.0, 0.0, 199.0));
    }

    #[test]
    fn a_wide_plane_has_larger_cells_and_no_squares_are_no_error() {
        let squares = [0.0, 1e9].map(|x| Square { x, y: 0.0, side: 1.0 });
        let grid = Grid::new(&squares, 1.0);
        assert!(grid.cell > 9e5 && grid.cell < 1.1e6);
        assert!((grid.smoothed(&[2.0, 3.0], &squares).iter().sum::<f64>() - 5.0).abs() < 1e-12);
        assert!(Grid::new(&[], 1.0).smoothed(&[], &[]).is_empty());
    }
}
