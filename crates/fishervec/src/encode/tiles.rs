//! The parts of a set under a pyramid: the statistics of each tile, of which those of the cells are merged.

use super::pyramid::{Pyramid, chunks_of};
use crate::data::{Descriptors, RowBuffer, Source};
use crate::error::{Error, Result};
use crate::mixture::{GaussianMixture, Statistics, Workspace};
use crate::simd::Real;
use crate::util::threads::Threads;
use ndarray::ArrayView2;
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
        let rows = (CHUNK_VALUES / source.dim().max(1)).max(BLOCK_ROWS);
        for chunk in chunks_of(source.n_rows(), rows) {
            let sorted = Sorted::new(pyramid, source, chunk, dim, threads)?;
            for (tile, rows) in sorted.rows.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
                let located =
                    |error: Error| source.locate(error.map_row(|row| sorted.origin[rows.start + row]));
                let part = accumulate(&sorted.set(rows)?).map_err(located)?;
                add(&mut statistics[tile], part, workspace)?;
            }
        }
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

    /// Returns its memory to the workspace.
    pub(crate) fn give_to<F: Real>(self, workspace: &Workspace<F>) {
        self.statistics.into_iter().flatten().for_each(|tile| workspace.give(tile));
    }
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
