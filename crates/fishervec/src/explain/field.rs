//! Shares of descriptors, spread over the places that they describe.

use super::squares::Square;
use ndarray::{Array2, s};

/// The longer side of an image, in cells.
const CELLS: f64 = 320.0;

/// Numbers of descriptors on a raster: each is spread evenly over the cells whose centres lie in the
/// descriptor's square, so that all cells sum to all numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The upper left corner of the raster.
    pub origin: [f64; 2],
    /// The side of a cell.
    pub cell: f64,
    /// What lies in each cell, shape (height, width).
    pub values: Array2<f64>,
    /// The number of squares that hold the centre of each cell, shape (height, width).
    pub cover: Array2<u32>,
}

/// A rectangle of a [`Field`], in the unit of its squares.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Its left edge.
    pub x: f64,
    /// Its upper edge.
    pub y: f64,
    /// Its width.
    pub width: f64,
    /// Its height.
    pub height: f64,
    /// What it holds.
    pub holds: f64,
}

impl Field {
    /// Spreads `numbers` over their `squares`, on a raster from `origin` over `size` (width and height) with
    /// cells of side `cell`, a larger one if there would be more than 2^22 of them. A square
    /// between the centres of cells, or outside of the raster, lies in the cell nearest to its centre.
    ///
    /// Cost O(n + cells).
    ///
    /// # Panics
    /// If there is not one number per square, as zipping slices of different lengths would hide.
    #[must_use]
    pub fn spread(numbers: &[f64], squares: &[Square], origin: [f64; 2], size: [f64; 2], cell: f64) -> Self {
        assert_eq!(numbers.len(), squares.len(), "one number per square");
        let (cell, [width, height]) = raster(size, cell);
        let mut field = Field {
            origin,
            cell,
            values: Array2::zeros((height, width)),
            cover: Array2::zeros((height, width)),
        };
        // The cells of a square begin at two corners and end at two, so that sums along both axes fill it.
        let mut values = Array2::<f64>::zeros((height + 1, width + 1));
        let mut cover = Array2::<i64>::zeros((height + 1, width + 1));
        for (number, square) in numbers.iter().zip(squares) {
            let [xs, ys] = field.cells(square);
            let each = number / (xs.len() * ys.len()) as f64;
            let corners = [
                (ys.start, xs.start, 1),
                (ys.start, xs.end, -1),
                (ys.end, xs.start, -1),
                (ys.end, xs.end, 1),
            ];
            for (y, x, sign) in corners {
                values[[y, x]] += f64::from(sign as i8) * each;
                cover[[y, x]] += sign;
            }
        }
        let values = summed(values);
        let cover = summed(cover);
        for y in 0..height {
            for x in 0..width {
                field.cover[[y, x]] = u32::try_from(cover[[y, x]]).unwrap_or(0);
                // Where no square lies the sums leave nothing but their rounding.
                field.values[[y, x]] = if field.cover[[y, x]] > 0 { values[[y, x]] } else { 0.0 };
            }
        }
        field
    }

    /// Spreads `numbers` over their `squares` in an image of that width and height, in cells of whole pixels,
    /// at most 320 along the longer side.
    ///
    /// Cost and panics as [`spread`](Self::spread).
    #[must_use]
    pub fn of_image(numbers: &[f64], squares: &[Square], size: [f64; 2]) -> Self {
        let cell = (size[0].max(size[1]) / CELLS).ceil().max(1.0);
        Self::spread(numbers, squares, [0.0, 0.0], size, cell)
    }

    /// What each square holds of the field, if a cell is divided evenly among the squares that cover it: the
    /// numbers smoothed over the places that they describe. They sum to all numbers.
    ///
    /// Cost O(n + cells).
    #[must_use]
    pub fn gather(&self, squares: &[Square]) -> Vec<f64> {
        let each = ndarray::Zip::from(&self.values)
            .and(&self.cover)
            .map_collect(|value, cover| if *cover > 0 { value / f64::from(*cover) } else { 0.0 });
        let sums = Sums::of(&each);
        squares
            .iter()
            .map(|square| {
                let [xs, ys] = self.cells(square);
                sums.of_cells(xs.start, ys.start, xs.end, ys.end)
            })
            .collect()
    }

    /// The window of `part` of both sides in which |field| sums to most, with its share of the whole sum; the
    /// uppermost of equals, and of these the leftmost. `None` if the field is zero.
    ///
    /// Cost O(cells).
    #[must_use]
    pub fn window(&self, part: f64) -> Option<Window> {
        let sums = Sums::of(&self.values.mapv(f64::abs));
        let (height, width) = self.values.dim();
        let all = sums.of_cells(0, 0, width, height);
        let side = |n: usize| ((n as f64 * part).round() as usize).clamp(1, n.max(1));
        let [w, h] = [side(width), side(height)];
        if all <= 0.0 {
            return None;
        }
        let (x, y, most) = most(&sums, [width, height], [w, h], &|_, _| true)?;
        Some(self.rectangle([x, y], [w, h], (most / all).min(1.0)))
    }

    /// Up to `n` squares of that `side` which hold most of the field, one after the other and apart from each
    /// other; those that hold more than nothing.
    ///
    /// Cost O(n cells).
    #[must_use]
    pub fn peaks(&self, n: usize, side: f64) -> Vec<Window> {
        let sums = Sums::of(&self.values);
        let (height, width) = self.values.dim();
        let cells = ((side / self.cell).round() as usize).max(1);
        let [w, h] = [cells.min(width), cells.min(height)];
        let mut found: Vec<[usize; 2]> = Vec::new();
        let mut peaks = Vec::new();
        while peaks.len() < n {
            let is_free =
                |x: usize, y: usize| found.iter().all(|at| x.abs_diff(at[0]) >= w || y.abs_diff(at[1]) >= h);
            let Some((x, y, holds)) = most(&sums, [width, height], [w, h], &is_free).filter(|at| at.2 > 0.0)
            else {
                break;
            };
            found.push([x, y]);
            peaks.push(self.rectangle([x, y], [w, h], holds));
        }
        peaks
    }

    /// The size that `share` of the cells with anything do not exceed: what a map shows in its full colour.
    #[must_use]
    pub fn quantile(&self, share: f64) -> f64 {
        let cells = self.values.iter().zip(&self.cover);
        let mut sizes: Vec<f64> =
            cells.filter(|(_, cover)| **cover > 0).map(|(value, _)| value.abs()).collect();
        sizes.sort_by(f64::total_cmp);
        let last = sizes.len().saturating_sub(1);
        sizes.get((share * last as f64).ceil() as usize).copied().unwrap_or(0.0)
    }

    fn rectangle(&self, [x, y]: [usize; 2], [width, height]: [usize; 2], holds: f64) -> Window {
        let at = |i: usize, n: usize| self.origin[i] + n as f64 * self.cell;
        let [width, height] = [width, height].map(|n| n as f64 * self.cell);
        Window { x: at(0, x), y: at(1, y), width, height, holds }
    }

    /// The columns and the rows of the cells of a square.
    fn cells(&self, square: &Square) -> [std::ops::Range<usize>; 2] {
        let (height, width) = self.values.dim();
        let along = |centre: f64, origin: f64, n: usize| {
            let at = (centre - origin) / self.cell;
            let half = square.side / self.cell / 2.0;
            let bound = |x: f64| (x - 0.5).ceil().clamp(0.0, n as f64) as usize;
            let (start, end) = (bound(at - half), bound(at + half));
            if start < end {
                return start..end;
            }
            let nearest = (at.floor().max(0.0) as usize).min(n.saturating_sub(1));
            nearest..nearest + 1
        };
        [along(square.x, self.origin[0], width), along(square.y, self.origin[1], height)]
    }
}

/// The side of cells, and how many of them lie along each side, for at most 2^22.
fn raster(size: [f64; 2], cell: f64) -> (f64, [usize; 2]) {
    const MOST: f64 = (1_u64 << 22) as f64;
    let number = |length: f64, cell: f64| (length / cell).ceil().max(1.0);
    let mut cell = cell;
    while number(size[0], cell) * number(size[1], cell) > MOST && cell.is_finite() {
        cell *= 2.0;
    }
    (cell, size.map(|length| number(length, cell).min(MOST) as usize))
}

/// Sums along both axes, from the first entry on.
fn summed<T: Copy + std::ops::AddAssign>(mut of: Array2<T>) -> Array2<T> {
    let (height, width) = of.dim();
    for y in 0..height {
        for x in 1..width {
            let before = of[[y, x - 1]];
            of[[y, x]] += before;
        }
    }
    for y in 1..height {
        for x in 0..width {
            let before = of[[y - 1, x]];
            of[[y, x]] += before;
        }
    }
    of
}

/// Sums over rectangles of cells.
struct Sums(Array2<f64>);

impl Sums {
    fn of(values: &Array2<f64>) -> Self {
        let (height, width) = values.dim();
        let mut sums = Array2::zeros((height + 1, width + 1));
        sums.slice_mut(s![1.., 1..]).assign(values);
        Sums(summed(sums))
    }

    fn of_cells(&self, x0: usize, y0: usize, x1: usize, y1: usize) -> f64 {
        self.0[[y1, x1]] - self.0[[y0, x1]] - self.0[[y1, x0]] + self.0[[y0, x0]]
    }
}

/// The upper left cell of the window that holds most, among those that are `free`, and how much it holds.
fn most(
    sums: &Sums,
    [width, height]: [usize; 2],
    [w, h]: [usize; 2],
    free: &dyn Fn(usize, usize) -> bool,
) -> Option<(usize, usize, f64)> {
    let mut best: Option<(usize, usize, f64)> = None;
    for y in 0..(height + 1).saturating_sub(h) {
        for x in (0..(width + 1).saturating_sub(w)).filter(|x| free(*x, y)) {
            let holds = sums.of_cells(x, y, x + w, y + h);
            if best.is_none_or(|(_, _, most)| holds > most) {
                best = Some((x, y, holds));
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::rng::Random;

    fn squares(n: usize, seed: u64) -> (Vec<f64>, Vec<Square>) {
        let mut random = Random::new(seed);
        let mut uniform = || random.uniform();
        let square = |u: [f64; 3]| Square { x: 60.0 * u[0] - 5.0, y: 40.0 * u[1] - 5.0, side: 12.0 * u[2] };
        (0..n)
            .map(|_| {
                let number = uniform() - 0.5;
                (number, square([uniform(), uniform(), uniform()]))
            })
            .unzip()
    }

    /// Each number over the cells of its square, one by one.
    fn naive(numbers: &[f64], squares: &[Square], field: &Field) -> Array2<f64> {
        let mut values = Array2::zeros(field.values.dim());
        for (number, square) in numbers.iter().zip(squares) {
            let (height, width) = field.values.dim();
            let centre = |i: usize, k: usize| field.origin[k] + (i as f64 + 0.5) * field.cell;
            let holds = |c: f64, at: f64| c >= at - square.side / 2.0 && c < at + square.side / 2.0;
            let mut xs: Vec<usize> = (0..width).filter(|i| holds(centre(*i, 0), square.x)).collect();
            let mut ys: Vec<usize> = (0..height).filter(|i| holds(centre(*i, 1), square.y)).collect();
            let nearest = |n: usize, k: usize, at: f64| {
                let distance = |i: &usize| (centre(*i, k) - at).abs();
                (0..n).min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap()
            };
            if xs.is_empty() {
                xs.push(nearest(width, 0, square.x));
            }
            if ys.is_empty() {
                ys.push(nearest(height, 1, square.y));
            }
            for y in &ys {
                xs.iter().for_each(|x| values[[*y, *x]] += number / (xs.len() * ys.len()) as f64);
            }
        }
        values
    }

    #[test]
    fn a_field_holds_what_was_spread_and_gives_it_back() {
        let (numbers, squares) = squares(300, 1);
        let field = Field::spread(&numbers, &squares, [0.0, 0.0], [50.0, 30.0], 1.5);
        let naive = naive(&numbers, &squares, &field);
        assert!(field.values.iter().zip(&naive).all(|(a, b)| (a - b).abs() < 1e-12));
        let all: f64 = numbers.iter().sum();
        assert!((field.values.sum() - all).abs() < 1e-11);
        let smoothed = field.gather(&squares);
        assert!((smoothed.iter().sum::<f64>() - all).abs() < 1e-11);
        // Neighbours share, so that the numbers lie closer to each other.
        let square = |x: &[f64]| x.iter().map(|x| x * x).sum::<f64>();
        assert!(square(&smoothed) < 0.5 * square(&numbers));
    }

    #[test]
    fn the_window_is_the_best_of_all() {
        let (numbers, squares) = squares(200, 2);
        let field = Field::spread(&numbers, &squares, [0.0, 0.0], [50.0, 30.0], 1.0);
        let window = field.window(0.4).unwrap();
        let sizes = field.values.mapv(f64::abs);
        let held = |x: usize, y: usize| sizes.slice(s![y..y + 12, x..x + 20]).sum();
        let best = (0..=18).flat_map(|y| (0..=30).map(move |x| (x, y))).map(|(x, y)| held(x, y));
        assert!((best.fold(0.0, f64::max) / sizes.sum() - window.holds).abs() < 1e-12);
        assert_eq!([window.width, window.height], [20.0, 12.0]);
        let at = held(window.x as usize, window.y as usize) / sizes.sum();
        assert!((at - window.holds).abs() < 1e-12);
    }

    #[test]
    fn peaks_are_apart_and_fall() {
        let (numbers, squares) = squares(200, 3);
        let field = Field::spread(&numbers, &squares, [0.0, 0.0], [50.0, 30.0], 1.0);
        let peaks = field.peaks(4, 6.0);
        assert_eq!(peaks.len(), 4);
        assert!(peaks.windows(2).all(|w| w[0].holds >= w[1].holds));
        for (i, a) in peaks.iter().enumerate() {
            assert!(peaks[..i].iter().all(|b| (a.x - b.x).abs() >= 6.0 || (a.y - b.y).abs() >= 6.0));
        }
    }

    #[test]
    fn nothing_is_a_field_without_a_window() {
        let field = Field::spread(&[], &[], [0.0, 0.0], [0.0, 0.0], 1.0);
        assert_eq!((field.values.dim(), field.window(0.4), field.quantile(0.995)), ((1, 1), None, 0.0));
        assert!(field.peaks(3, 1.0).is_empty());
        let far = Square { x: 1e12, y: -1e12, side: 0.0 };
        let field = Field::spread(&[2.0], &[far], [0.0, 0.0], [1e12, 1e12], 1e-3);
        assert!(field.values.len() <= 1 << 22 && field.values.sum() == 2.0);
    }
}
