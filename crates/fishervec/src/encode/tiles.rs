//! The parts of a set under a pyramid: the statistics of each tile, of which those of the cells are merged.

use super::pyramid::{Pyramid, chunks_of};
use crate::data::{Descriptors, RowBuffer, Source};
use crate::error::{Error, Result};
use crate::mixture::{GaussianMixture, Linear, Statistics, Workspace};
use crate::simd::Real;
use crate::util::threads::Threads;
use ndarray::{Array2, ArrayView2};
use std::ops::Range;

/// The number of rows that a thread reads at once.
const BLOCK_ROWS: usize = 1024;
/// The number of values that are sorted together.
const CHUNK_VALUES: usize = 1 << 22;

/// The statistics of the descriptors in each tile of a pyramid, under one mixture; `None` for a tile without
/// any.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tiles {
    pyramid: Pyramid,
    mixture: u64,
    statistics: Vec<Option<Statistics>>,
}

impl Tiles {
    /// Those of the rows of `source`, under `mixture`. The last L columns of a row are its position, the
    /// first `dim` are what `accumulate` takes. Each row is read and accumulated once.
    pub(crate) fn of<S: Source>(
        pyramid: &Pyramid,
        mixture: &GaussianMixture,
        dim: usize,
        source: &S,
        accumulate: &dyn Fn(&Descriptors<'_, S::Real>) -> Result<Statistics>,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Self> {
        let mut statistics: Vec<Option<Statistics>> = vec![None; pyramid.tiles()];
        for_each_tile(pyramid, dim, source, threads, &mut |tile, set, _| {
            add(&mut statistics[tile], accumulate(set)?, workspace)
        })?;
        Ok(Tiles { pyramid: pyramid.clone(), mixture: mixture.id(), statistics })
    }

    pub(crate) fn pyramid(&self) -> &Pyramid {
        &self.pyramid
    }

    /// Adds those of another set, under the same pyramid and mixture.
    pub(crate) fn merge(&mut self, other: &Tiles) -> Result<()> {
        if self.mixture != other.mixture {
            return Err(Error::MixtureMismatch { expected: self.mixture, got: other.mixture });
        }
        if self.pyramid != other.pyramid {
            let (expected, got) = (self.pyramid.grids(), other.pyramid.grids());
            let ranges = "over the same ranges";
            return Err(Error::parameter("pyramid", format!("{expected} {ranges}"), format!("{got}")));
        }
        for (all, other) in self.statistics.iter_mut().zip(&other.statistics) {
            match (all, other) {
                (_, None) => {}
                (Some(all), Some(other)) => all.merge(other)?,
                (all, Some(other)) => *all = Some(other.clone()),
            }
        }
        Ok(())
    }

    /// Multiplies all weights by `factor`.
    pub(crate) fn scale(&mut self, factor: f64) -> Result<()> {
        self.statistics.iter_mut().flatten().try_for_each(|tile| tile.scale(factor))
    }

    /// Passes the statistics of each cell to `visit`, in order, and returns those of all rows.
    pub(crate) fn for_each_cell<F: Real>(
        &self,
        mixture: &GaussianMixture,
        workspace: &Workspace<F>,
        visit: &mut dyn FnMut(&Statistics) -> Result<()>,
    ) -> Result<Statistics> {
        let merged = |of: &mut dyn Iterator<Item = &Option<Statistics>>| {
            let mut sum = workspace.take(mixture);
            of.flatten().try_for_each(|tile| sum.merge(tile))?;
            Ok(sum)
        };
        for tiles in self.pyramid.cells_of_tiles() {
            let statistics = merged(&mut tiles.iter().map(|tile| &self.statistics[*tile]))?;
            visit(&statistics)?;
            workspace.give(statistics);
        }
        merged(&mut self.statistics.iter())
    }

    /// Linear functions of the statistics of the cells that hold a tile, for each tile: the sums over these
    /// cells of what `of_cell` gives for the cell of that number.
    ///
    /// # Errors
    /// Those of `of_cell`.
    pub(crate) fn linear<F: Real>(
        &self,
        mixture: &GaussianMixture,
        workspace: &Workspace<F>,
        of_cell: &dyn Fn(usize, &Statistics) -> Result<Vec<Linear>>,
    ) -> Result<Vec<Option<Vec<Linear>>>> {
        let mut of_tiles: Vec<Option<Vec<Linear>>> = vec![None; self.statistics.len()];
        let mut cells = self.pyramid.cells_of_tiles().enumerate();
        let all = self.for_each_cell(mixture, workspace, &mut |statistics| {
            let Some((cell, tiles)) = cells.next() else { return Ok(()) };
            let of_cell = of_cell(cell, statistics)?;
            for tile in tiles.into_iter().filter(|tile| self.statistics[*tile].is_some()) {
                match &mut of_tiles[tile] {
                    Some(sums) => sums.iter_mut().zip(&of_cell).for_each(|(sum, linear)| sum.merge(linear)),
                    none => *none = Some(of_cell.clone()),
                }
            }
            Ok(())
        })?;
        workspace.give(all);
        Ok(of_tiles)
    }

    /// The shares of the rows of `source`, as [`of`](Self::of) reads them: `shares` computes those of rows of
    /// a tile, shape (rows, `width`).
    ///
    /// # Errors
    /// Those of the source and of `shares`.
    pub(crate) fn shares<S: Source>(
        &self,
        (dim, width): (usize, usize),
        source: &S,
        shares: &impl Fn(usize, &Descriptors<'_, S::Real>) -> Result<Array2<f64>>,
        threads: &Threads,
    ) -> Result<Array2<f64>> {
        let mut out = Array2::zeros((source.n_rows(), width));
        for_each_tile(&self.pyramid, dim, source, threads, &mut |tile, set, origin| {
            let shares = shares(tile, set)?;
            origin
                .iter()
                .zip(shares.outer_iter())
                .for_each(|(row, shares)| out.row_mut(*row).assign(&shares));
            Ok(())
        })?;
        Ok(out)
    }

    /// Returns its memory to the workspace.
    pub(crate) fn give_to<F: Real>(self, workspace: &Workspace<F>) {
        self.statistics.into_iter().flatten().for_each(|tile| workspace.give(tile));
    }
}

/// Calls `visit` with the rows of `source` in each tile, some rows at a time: their first `dim` columns, and
/// the row of the source that each is.
fn for_each_tile<S: Source>(
    pyramid: &Pyramid,
    dim: usize,
    source: &S,
    threads: &Threads,
    visit: &mut impl FnMut(usize, &Descriptors<'_, S::Real>, &[usize]) -> Result<()>,
) -> Result<()> {
    let rows = (CHUNK_VALUES / source.dim().max(1)).max(BLOCK_ROWS);
    for chunk in chunks_of(source.n_rows(), rows) {
        let sorted = Sorted::new(pyramid, source, chunk, dim, threads)?;
        for (tile, rows) in sorted.rows.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            let origin = &sorted.origin[rows.clone()];
            let visited = visit(tile, &sorted.set(rows)?, origin);
            visited.map_err(|error| source.locate(error.map_row(|row| origin[row])))?;
        }
    }
    Ok(())
}

/// Adds the statistics of further rows to those of a tile.
fn add<F: Real>(tile: &mut Option<Statistics>, part: Statistics, workspace: &Workspace<F>) -> Result<()> {
    match tile {
        Some(sum) => {
            sum.merge(&part)?;
            workspace.give(part);
        }
        empty => *empty = Some(part),
    }
    Ok(())
}

/// Rows sorted by their tile.
struct Sorted<F> {
    dim: usize,
    values: Vec<F>,
    weights: Option<Vec<f64>>,
    /// The row of the source that each row is.
    origin: Vec<usize>,
    /// The rows of each tile.
    rows: Vec<Range<usize>>,
}

impl<F: Real> Sorted<F> {
    /// The given rows of a source, sorted by tile; the rows of one tile keep their order.
    fn new<S: Source<Real = F>>(
        pyramid: &Pyramid,
        source: &S,
        rows: Range<usize>,
        dim: usize,
        threads: &Threads,
    ) -> Result<Self> {
        let d = source.dim();
        let mut all = vec![F::ZERO; rows.len() * d];
        let blocks: Vec<_> = all.chunks_mut(BLOCK_ROWS * d).collect();
        threads.for_each(blocks, &|i, block| {
            source.read_finite(rows.start + i * BLOCK_ROWS, block, &mut RowBuffer::default())
        })?;
        let positions = all.chunks_exact(d).map(|row| &row[d - pyramid.axes()..]);
        let mut order: Vec<(usize, usize)> = positions.map(|at| pyramid.tile(at)).zip(0..).collect();
        order.sort_unstable();
        let mut sorted = Sorted {
            dim,
            values: Vec::with_capacity(rows.len() * dim),
            weights: None,
            rows: vec![0..0; pyramid.tiles()],
            origin: order.iter().map(|(_, row)| rows.start + row).collect(),
        };
        for (at, (tile, row)) in order.iter().enumerate() {
            sorted.values.extend_from_slice(&all[row * d..][..dim]);
            let range = &mut sorted.rows[*tile];
            *range = if range.end == 0 { at..at + 1 } else { range.start..at + 1 };
        }
        let weights = source.weights().map(|weights| &weights[rows]);
        sorted.weights = weights.map(|weights| order.iter().map(|(_, row)| weights[*row]).collect());
        Ok(sorted)
    }

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
