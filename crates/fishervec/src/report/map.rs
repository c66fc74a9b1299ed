//! Positions in a plane, counted in cells.

use super::numbers::{Cell, Map};
use super::plane::Plane;
use std::collections::BTreeMap;

/// The number of columns and of rows.
const SHAPE: (usize, usize) = (46, 24);
/// The share of the sets beyond either edge, which are in the outer cells.
const OUTSIDE: f64 = 0.005;

/// Counts sets in cells. Each has a label or none, of which `listed` says the place among the listed ones.
pub(super) fn map(plane: &Plane, labels: &[Option<usize>], listed: &dyn Fn(usize) -> Option<usize>) -> Map {
    let [x, y] =
        [0, 1].map(|axis| Axis::of(plane.positions.column(axis).iter().copied(), [SHAPE.0, SHAPE.1][axis]));
    let mut cells: BTreeMap<(usize, usize), (usize, BTreeMap<usize, usize>)> = BTreeMap::new();
    for (at, label) in plane.positions.outer_iter().zip(labels) {
        // Up is more.
        let cell = cells.entry((SHAPE.1 - 1 - y.cell(at[1]), x.cell(at[0]))).or_default();
        cell.0 += 1;
        label.iter().for_each(|label| *cell.1.entry(*label).or_default() += 1);
    }
    let cell = |((y, x), (sets, counts)): ((usize, usize), (usize, BTreeMap<usize, usize>))| {
        let first = counts.into_iter().rev().max_by_key(|(_, n)| *n);
        Cell {
            x,
            y,
            sets,
            label: first.and_then(|(label, _)| listed(label)),
            with_label: first.map_or(0, |(_, n)| n),
        }
    };
    let cells = cells.into_iter().map(cell).collect();
    Map { plane: plane.kind, variance: plane.variance, shape: SHAPE, cells }
}

/// An axis that is cut into cells.
struct Axis {
    low: f64,
    width: f64,
    cells: usize,
}

impl Axis {
    fn of(values: impl Iterator<Item = f64>, cells: usize) -> Self {
        let mut sorted: Vec<f64> = values.collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1);
        let out = (OUTSIDE * last as f64) as usize;
        let at = |i: usize| sorted.get(i).copied().unwrap_or(0.0);
        let (low, high) = (at(out), at(last - out));
        Axis { low, width: (high - low) / cells as f64, cells }
    }

    fn cell(&self, value: f64) -> usize {
        if self.width <= 0.0 {
            return self.cells / 2;
        }
        ((value - self.low) / self.width).clamp(0.0, (self.cells - 1) as f64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn each_set_is_in_one_cell_and_the_commonest_label_names_it() {
        let positions =
            Array2::from_shape_fn(
                (300, 2),
                |(i, axis)| if axis == 0 { (i / 3) as f64 } else { -((i % 2) as f64) },
            );
        let plane = Plane { kind: "labels", positions, variance: 0.5 };
        let labels: Vec<_> = (0..300).map(|i| Some(if i % 3 == 0 { 7 } else { 9 })).collect();
        let map = map(&plane, &labels, &|label| (label == 9).then_some(0));
        assert_eq!(map.cells.iter().map(|cell| cell.sets).sum::<usize>(), 300);
        assert!(map.cells.iter().all(|cell| cell.x < 46 && (cell.y == 0 || cell.y == 23)), "{:?}", map.cells);
        assert!(map.cells.iter().all(|cell| cell.with_label * 2 >= cell.sets));
        assert!(map.cells.windows(2).all(|pair| (pair[0].y, pair[0].x) < (pair[1].y, pair[1].x)));
        assert!(map.cells.iter().any(|cell| cell.label == Some(0)));
    }
}
