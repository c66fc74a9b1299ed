//! The spatial pyramid: a set cut into the cells of grids over where its descriptors are, an encoding a cell.
//!
//! The cells of all grids are unions of the cells that all their cuts together make, the leaves. Each descriptor belongs to one
//! leaf and is accumulated once; the statistics of a cell are merged from those of its leaves.

use super::encoder::Encoder;
use super::output::{Encoded, check_out, write_out};
use crate::data::{Descriptors, RowBuffer, Source};
use crate::error::{Error, Result};
use crate::mixture::{Statistics, Workspace};
use crate::simd::Real;
use crate::util::check::at_least;
use crate::util::threads::Threads;
use ndarray::ArrayView2;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// Grids that cut a set into more are a mistake.
const MOST_LEAVES: usize = 1 << 16;

/// Grids over the columns that say where a descriptor is, each the number of its cells along each of them.
///
/// As text `1x1,2x2,1x3`: the whole, quarters, three stripes one above the other; `1,2,4` over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grids(Vec<Vec<usize>>);

impl Grids {
    /// The given grids, in the given order.
    ///
    /// # Errors
    /// [`Error::Parameter`] if there is none, for grids over different numbers of columns or none, for a 0, or where
    /// the cells along each column, of all grids together, multiply to more than 65,536.
    pub fn new(grids: Vec<Vec<usize>>) -> Result<Self> {
        let grids = Grids(grids);
        let axes = grids.axes();
        let alike = grids.0.iter().all(|grid| grid.len() == axes && !grid.contains(&0));
        // The leaves along a column are at most as many as the cells of all grids along it.
        let along = |axis| grids.0.iter().fold(0_usize, |sum, grid| sum.saturating_add(grid[axis]));
        let leaves = || (0..axes).map(along).fold(1, usize::saturating_mul);
        if axes == 0 || !alike || leaves() > MOST_LEAVES {
            return Err(unusable(&grids.to_string()));
        }
        Ok(grids)
    }

    /// Columns they are over.
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
        Grids::new(text.split(',').map(grid).collect()).map_err(|_| unusable(text))
    }
}

fn unusable(grids: &str) -> Error {
    let expected = "grids such as 1x1,2x2, of one number a carried column and few cells";
    Error::parameter("pyramid", expected, format!("{grids:?}"))
}

/// Grids over the range of each of the last L columns of descriptors.
///
/// Cell i of g along a column reaches from low + i/g (high - low) to low + (i + 1)/g (high - low), its first number included;
/// what lies outside of the range belongs to the cell nearest to it. The cells are in the order of the grids, within a grid that
/// of the first column fastest.
#[derive(Debug, Clone, PartialEq)]
pub struct Pyramid {
    grids: Grids,
    low: Vec<f64>,
    high: Vec<f64>,
    /// Where the grids cut each column, as shares of its range, rising.
    cuts: Vec<Vec<f64>>,
}

impl Pyramid {
    /// `grids` over the ranges from `low` to `high`, a number a column.
    ///
    /// # Errors
    /// [`Error::Dimension`] unless there are as many as the grids have axes, [`Error::Parameter`] for ranges that are not finite
    /// or end before they begin.
    pub fn new(grids: Grids, low: Vec<f64>, high: Vec<f64>) -> Result<Self> {
        let expected = grids.axes();
        if let Some(got) = [low.len(), high.len()].into_iter().find(|got| *got != expected) {
            return Err(Error::Dimension { what: "the range of a pyramid", expected, got });
        }
        let range = |(low, high): (&f64, &f64)| low.is_finite() && high.is_finite() && low <= high;
        if !low.iter().zip(&high).all(range) {
            let got = format!("{low:?} to {high:?}");
            return Err(Error::parameter("the range of a pyramid", "finite numbers that rise", got));
        }
        let cuts = (0..expected).map(|axis| {
            let of = |grid: &Vec<usize>| {
                let g = grid[axis];
                (1..g).map(move |i| share(i, g))
            };
            let mut cuts: Vec<f64> = grids.0.iter().flat_map(of).collect();
            cuts.sort_by(f64::total_cmp);
            cuts.dedup();
            cuts
        });
        let cuts = cuts.collect();
        Ok(Pyramid { grids, low, high, cuts })
    }

    /// `grids` over the ranges of all rows of `source`, shape (n, L), of positive weight.
    ///
    /// # Errors
    /// [`Error::TooFewRows`] without such a row, [`Error::Dimension`] unless the grids are over L columns, and those of
    /// [`Source::read_finite`]. Cost O(n L).
    pub fn fit<S: Source>(grids: Grids, source: &S) -> Result<Self> {
        let l = source.dim();
        let (mut low, mut high) = (vec![f64::INFINITY; l], vec![f64::NEG_INFINITY; l]);
        let mut spare = RowBuffer::default();
        let (mut block, mut seen) = (Vec::new(), 0);
        for rows in pieces(source.n_rows(), BLOCK_ROWS) {
            block.resize(rows.len() * l, S::Real::ZERO);
            source.read_finite(rows.start, &mut block, &mut spare)?;
            for (row, place) in rows.zip(block.chunks_exact(l.max(1))) {
                if source.weights().is_some_and(|weights| weights[row] == 0.0) {
                    continue;
                }
                seen += 1;
                for (axis, x) in place.iter().map(|x| x.to_f64()).enumerate() {
                    (low[axis], high[axis]) = (low[axis].min(x), high[axis].max(x));
                }
            }
        }
        at_least("of a pyramid", 1, seen)?;
        Pyramid::new(grids, low, high)
    }

    /// The grids.
    #[must_use]
    pub fn grids(&self) -> &Grids {
        &self.grids
    }

    /// Where the range of each column begins.
    #[must_use]
    pub fn low(&self) -> &[f64] {
        &self.low
    }

    /// Where it ends.
    #[must_use]
    pub fn high(&self) -> &[f64] {
        &self.high
    }

    /// L, the columns that say where a descriptor is.
    #[must_use]
    pub fn axes(&self) -> usize {
        self.grids.axes()
    }

    /// The number of cells.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.grids.cells()
    }

    fn leaves(&self) -> usize {
        self.cuts.iter().map(|cuts| cuts.len() + 1).product()
    }

    /// The leaf a descriptor at `place` belongs to.
    fn leaf<F: Real>(&self, place: &[F]) -> usize {
        place.iter().enumerate().rev().fold(0, |leaf, (axis, x)| {
            let (low, high) = (self.low[axis], self.high[axis]);
            let at = if high > low { (x.to_f64() - low) / (high - low) } else { 0.0 };
            leaf * (self.cuts[axis].len() + 1) + self.cuts[axis].partition_point(|cut| *cut <= at)
        })
    }

    /// The leaves of cell number `cell` of a grid.
    fn leaves_of(&self, grid: &[usize], cell: usize) -> Vec<usize> {
        let mut leaves = vec![0];
        let (mut rest, mut stride) = (cell, 1);
        for (g, cuts) in grid.iter().zip(&self.cuts) {
            let i = rest % g;
            let from = cuts.partition_point(|cut| *cut <= share(i, *g));
            let to = cuts.partition_point(|cut| *cut < share(i + 1, *g));
            leaves = (from..=to).flat_map(|j| leaves.iter().map(move |leaf| leaf + j * stride)).collect();
            (rest, stride) = (rest / g, stride * (cuts.len() + 1));
        }
        leaves
    }

    /// Hands over the statistics of each cell, in order, of rows whose last L columns say where they are, and returns those of all
    /// rows; the encoder takes its own columns, the first ones. Each row is read and accumulated once.
    pub(crate) fn for_each_cell<S: Source>(
        &self,
        encoder: &Encoder,
        source: &S,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
        with: &mut dyn FnMut(&Statistics) -> Result<()>,
    ) -> Result<Statistics> {
        let of_set = |rows: &Descriptors<'_, S::Real>| encoder.accumulate(rows, threads, workspace);
        let mut leaves: Vec<Option<Statistics>> = vec![None; self.leaves()];
        let rows = (PIECE_VALUES / source.dim().max(1)).max(BLOCK_ROWS);
        for piece in pieces(source.n_rows(), rows) {
            let part = self.part(source, piece, encoder.dim(), threads)?;
            for (leaf, rows) in part.rows.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
                let statistics = of_set(&part.set(rows)?)?;
                match &mut leaves[leaf] {
                    Some(sum) => {
                        sum.merge(&statistics)?;
                        workspace.give(statistics);
                    }
                    empty => *empty = Some(statistics),
                }
            }
        }
        let nothing = ArrayView2::from_shape((0, encoder.dim()), &[]).map_err(shape)?;
        let merged = |of: &mut dyn Iterator<Item = &Option<Statistics>>| {
            let mut sum = of_set(&Descriptors::new(nothing))?;
            of.flatten().try_for_each(|leaf| sum.merge(leaf))?;
            Ok(sum)
        };
        for grid in &self.grids.0 {
            for cell in 0..grid.iter().product() {
                let statistics = merged(&mut self.leaves_of(grid, cell).iter().map(|leaf| &leaves[*leaf]))?;
                with(&statistics)?;
                workspace.give(statistics);
            }
        }
        merged(&mut leaves.iter())
    }

    /// The vectors of all cells one after the other, shape (cells P,).
    pub(crate) fn encode_into<S: Source>(
        &self,
        encoder: &Encoder,
        source: &S,
        out: &mut [S::Real],
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Encoded> {
        check_out(self.cells() * encoder.len(), out.len())?;
        let mut vector = vec![0.0; encoder.len()];
        let mut cells = out.chunks_exact_mut(encoder.len());
        let all = self.for_each_cell(encoder, source, threads, workspace, &mut |statistics| {
            encoder.encode_statistics(statistics, &mut vector)?;
            cells.next().map_or(Ok(()), |out| write_out(&vector, out))
        })?;
        Ok(encoder.encoded(source.n_rows(), &all))
    }

    /// Rows of a source, those of each leaf together, in their order.
    fn part<S: Source>(
        &self,
        source: &S,
        rows: Range<usize>,
        dim: usize,
        threads: &Threads,
    ) -> Result<Part<S::Real>> {
        let d = source.dim();
        let mut all = vec![S::Real::ZERO; rows.len() * d];
        let blocks: Vec<_> = all.chunks_mut(BLOCK_ROWS * d).collect();
        threads.for_each(blocks, &|i, block| {
            source.read_finite(rows.start + i * BLOCK_ROWS, block, &mut RowBuffer::default())
        })?;
        let mut order: Vec<(usize, usize)> =
            all.chunks_exact(d).map(|row| self.leaf(&row[d - self.axes()..])).zip(0..).collect();
        order.sort_unstable();
        let mut part =
            Part { dim, values: Vec::with_capacity(rows.len() * dim), weights: None, rows: vec![] };
        part.rows.resize(self.leaves(), 0..0);
        for (at, (leaf, row)) in order.iter().enumerate() {
            part.values.extend_from_slice(&all[row * d..][..dim]);
            let range = &mut part.rows[*leaf];
            *range = if range.end == 0 { at..at + 1 } else { range.start..at + 1 };
        }
        let weights = source.weights().map(|weights| &weights[rows]);
        part.weights = weights.map(|weights| order.iter().map(|(_, row)| weights[*row]).collect());
        Ok(part)
    }
}

/// Rows read at once by a thread.
const BLOCK_ROWS: usize = 1024;
/// Numbers that are sorted by their leaf together.
const PIECE_VALUES: usize = 1 << 22;

/// Rows sorted by their leaf.
struct Part<F> {
    dim: usize,
    values: Vec<F>,
    weights: Option<Vec<f64>>,
    /// Which rows belong to each leaf.
    rows: Vec<Range<usize>>,
}

impl<F: Real> Part<F> {
    fn set(&self, rows: &Range<usize>) -> Result<Descriptors<'_, F>> {
        let values = &self.values[rows.start * self.dim..rows.end * self.dim];
        let set = Descriptors::new(ArrayView2::from_shape((rows.len(), self.dim), values).map_err(shape)?);
        match &self.weights {
            Some(weights) => set.with_weights(&weights[rows.clone()]),
            None => Ok(set),
        }
    }
}

fn shape(error: ndarray::ShapeError) -> Error {
    Error::parameter("rows", "as many numbers as rows times columns", error)
}

fn share(i: usize, g: usize) -> f64 {
    i as f64 / g as f64
}

/// `n` rows, at most `rows` at a time.
fn pieces(n: usize, rows: usize) -> impl Iterator<Item = Range<usize>> {
    (0..n).step_by(rows).map(move |start| start..n.min(start + rows))
}
