//! The spatial pyramid: a set is cut into the cells of grids over the positions of its descriptors, with one
//! encoding per cell.
//!
//! The cuts of all grids together make the tiles, and every cell is a union of tiles. Each descriptor belongs
//! to one tile and is accumulated once; the statistics of a cell are merged from those of its tiles
//! (`tiles.rs`).

use crate::data::{RowBuffer, Source};
use crate::error::{Error, Result};
use crate::simd::Real;
use crate::util::check::at_least;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// The number of rows that are read at once.
const BLOCK_ROWS: usize = 1024;
/// The maximum number of tiles; grids that cut a set into more are assumed to be a mistake.
const MAX_TILES: usize = 1 << 16;

/// Grids over the position columns; each grid is given by its number of cells along each column.
///
/// They are written `1x1,2x2,1x3`: the whole, quarters, and three horizontal stripes; or `1,2,4`, over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grids(Vec<Vec<usize>>);

impl Grids {
    /// The given grids, in the given order.
    ///
    /// # Errors
    /// [`Error::Parameter`] if there is no grid, for grids over no column or over different numbers of
    /// columns, for a 0, or if the product over the columns of the number of cells of all grids along that
    /// column exceeds 65,536.
    pub fn new(grids: Vec<Vec<usize>>) -> Result<Self> {
        let grids = Grids(grids);
        let axes = grids.axes();
        let alike = grids.0.iter().all(|grid| grid.len() == axes && !grid.contains(&0));
        // The tiles along a column are at most as many as the cells of all grids along it.
        let along = |axis| grids.0.iter().fold(0_usize, |sum, grid| sum.saturating_add(grid[axis]));
        let tiles = || (0..axes).map(along).fold(1, usize::saturating_mul);
        if axes == 0 || !alike || tiles() > MAX_TILES {
            return Err(invalid(&grids.to_string()));
        }
        Ok(grids)
    }

    /// L, the number of position columns that they cover.
    #[must_use]
    pub fn axes(&self) -> usize {
        self.0.first().map_or(0, Vec::len)
    }

    /// The number of cells of all grids.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.0.iter().map(|grid| grid.iter().product::<usize>()).sum()
    }
}

impl Serialize for Grids {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Grids {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Grids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let grid = |grid: &Vec<usize>| grid.iter().map(ToString::to_string).collect::<Vec<_>>().join("x");
        f.write_str(&self.0.iter().map(grid).collect::<Vec<_>>().join(","))
    }
}

impl FromStr for Grids {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let grid = |grid: &str| grid.split('x').map(|side| side.trim().parse().unwrap_or(0)).collect();
        Grids::new(text.split(',').map(grid).collect()).map_err(|_| invalid(text))
    }
}

fn invalid(grids: &str) -> Error {
    let expected = "grids such as 1x1,2x2, with one number per position column and not too many cells";
    Error::parameter("pyramid", expected, format!("{grids:?}"))
}

/// Grids over the range of each of the last L columns of descriptors.
///
/// With r = high - low, cell i of g along a column extends from low + r i/g (included) to low + r (i + 1)/g
/// (excluded); positions outside of the range belong to the nearest cell. The cells are in the order of the
/// grids; within a grid, the first column varies fastest.
#[derive(Debug, Clone, PartialEq)]
pub struct Pyramid {
    grids: Grids,
    low: Vec<f64>,
    high: Vec<f64>,
    /// The cuts of all grids along each column, as fractions of its range, ascending.
    cuts: Vec<Vec<f64>>,
}

impl Pyramid {
    /// `grids` over the ranges from `low` to `high`, one number per column.
    ///
    /// # Errors
    /// [`Error::Dimension`] unless both have one number per axis of the grids, [`Error::Parameter`] for
    /// ranges that are not finite or end before they begin.
    pub fn new(grids: Grids, low: Vec<f64>, high: Vec<f64>) -> Result<Self> {
        let expected = grids.axes();
        if let Some(got) = [low.len(), high.len()].into_iter().find(|got| *got != expected) {
            return Err(Error::Dimension { what: "the range of a pyramid", expected, got });
        }
        let range = |(low, high): (&f64, &f64)| low.is_finite() && high.is_finite() && low <= high;
        if !low.iter().zip(&high).all(range) {
            let got = format!("{low:?} to {high:?}");
            let expected = "finite numbers, the low ones at most the high ones";
            return Err(Error::parameter("the range of a pyramid", expected, got));
        }
        let cuts = (0..expected).map(|axis| {
            let of = |grid: &Vec<usize>| {
                let g = grid[axis];
                (1..g).map(move |i| fraction(i, g))
            };
            let mut cuts: Vec<f64> = grids.0.iter().flat_map(of).collect();
            cuts.sort_by(f64::total_cmp);
            cuts.dedup();
            cuts
        });
        let cuts = cuts.collect();
        Ok(Pyramid { grids, low, high, cuts })
    }

    /// `grids` over the ranges of all rows of positive weight of `source`, shape (n, L).
    ///
    /// # Errors
    /// [`Error::TooFewRows`] if there is no such row, [`Error::Dimension`] unless the grids cover L columns,
    /// and those of [`Source::read_finite`]. Cost O(n L).
    pub fn fit<S: Source>(grids: Grids, source: &S) -> Result<Self> {
        let l = source.dim();
        let (mut low, mut high) = (vec![f64::INFINITY; l], vec![f64::NEG_INFINITY; l]);
        let mut spare = RowBuffer::default();
        let (mut block, mut seen) = (Vec::new(), 0);
        for rows in chunks_of(source.n_rows(), BLOCK_ROWS) {
            block.resize(rows.len() * l, S::Real::ZERO);
            source.read_finite(rows.start, &mut block, &mut spare)?;
            for (row, position) in rows.zip(block.chunks_exact(l.max(1))) {
                if source.weights().is_some_and(|weights| weights[row] == 0.0) {
                    continue;
                }
                seen += 1;
                for (axis, x) in position.iter().map(|x| x.to_f64()).enumerate() {
                    (low[axis], high[axis]) = (low[axis].min(x), high[axis].max(x));
                }
            }
        }
        at_least("to fit a pyramid", 1, seen)?;
        Pyramid::new(grids, low, high)
    }

    /// The grids.
    #[must_use]
    pub fn grids(&self) -> &Grids {
        &self.grids
    }

    /// The start of the range of each column, shape (L,).
    #[must_use]
    pub fn low(&self) -> &[f64] {
        &self.low
    }

    /// The end of the range of each column, shape (L,).
    #[must_use]
    pub fn high(&self) -> &[f64] {
        &self.high
    }

    /// L, the number of position columns.
    #[must_use]
    pub fn axes(&self) -> usize {
        self.grids.axes()
    }

    /// The number of cells.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.grids.cells()
    }

    /// The number of parts that the cuts of all grids make together, at least that of the cells of any grid.
    pub(crate) fn tiles(&self) -> usize {
        self.cuts.iter().map(|cuts| cuts.len() + 1).product()
    }

    /// The tile that a descriptor at `position` belongs to.
    pub(super) fn tile<F: Real>(&self, position: &[F]) -> usize {
        position.iter().enumerate().rev().fold(0, |tile, (axis, x)| {
            let (low, high) = (self.low[axis], self.high[axis]);
            let at = if high > low { (x.to_f64() - low) / (high - low) } else { 0.0 };
            tile * (self.cuts[axis].len() + 1) + self.cuts[axis].partition_point(|cut| *cut <= at)
        })
    }

    /// The tiles of each cell, in the order of the cells.
    pub(super) fn cells_of_tiles(&self) -> impl Iterator<Item = Vec<usize>> {
        let cells = |grid: &Vec<usize>| 0..grid.iter().product();
        self.grids.0.iter().flat_map(move |grid| cells(grid).map(|cell| self.tiles_of(grid, cell)))
    }

    /// The tiles of cell number `cell` of a grid.
    fn tiles_of(&self, grid: &[usize], cell: usize) -> Vec<usize> {
        let mut tiles = vec![0];
        let (mut rest, mut stride) = (cell, 1);
        for (g, cuts) in grid.iter().zip(&self.cuts) {
            let i = rest % g;
            let from = cuts.partition_point(|cut| *cut <= fraction(i, *g));
            let to = cuts.partition_point(|cut| *cut < fraction(i + 1, *g));
            tiles = (from..=to).flat_map(|j| tiles.iter().map(move |tile| tile + j * stride)).collect();
            (rest, stride) = (rest / g, stride * (cuts.len() + 1));
        }
        tiles
    }
}

fn fraction(i: usize, g: usize) -> f64 {
    i as f64 / g as f64
}

/// Chunks of `n` rows, at most `rows` each.
pub(super) fn chunks_of(n: usize, rows: usize) -> impl Iterator<Item = Range<usize>> {
    (0..n).step_by(rows).map(move |start| start..n.min(start + rows))
}
