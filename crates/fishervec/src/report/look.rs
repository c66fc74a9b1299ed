//! What a survey keeps of one set until it is added up.

use crate::data::{Descriptors, RowBuffer, Source, is_nothing};
use crate::encode::{Encode, Encoded, VectorBlock};
use crate::error::Result;
use crate::mixture::{GaussianMixture, Workspace};
use crate::pipeline::{Overview, Pipeline};
use crate::preprocess::Preprocessed;
use crate::simd::Real;
use crate::util::threads::Threads;
use ndarray::ArrayView2;
use std::ops::Range;

/// The number of descriptors that are compared with means at once.
const ROWS: usize = 1024;

/// What one set is like: its vector, its shares of components, the descriptors nearest to each mean.
#[derive(Debug, Clone)]
pub struct Look {
    pub(super) encoded: Encoded,
    pub(super) overview: Overview,
    pub(super) vector: Vec<f32>,
    /// The squared norm of each block of the vector.
    pub(super) parts: Vec<f64>,
    /// Of each component that has descriptors, the nearest one.
    pub(super) nearest: Vec<Near>,
}

/// The descriptor of a set that is nearest to a component.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Near {
    pub(super) component: usize,
    pub(super) row: usize,
    pub(super) distance: f64,
}

impl Look {
    /// Looks at a set of shape (n, D).
    pub(super) fn at<S: Source>(
        pipeline: &Pipeline,
        blocks: &[VectorBlock],
        source: &S,
        threads: &Threads,
        workspace: (&Workspace<S::Real>, &Workspace<f32>),
    ) -> Result<Self> {
        let gathered = pipeline.gather(source, threads, workspace.0)?;
        let mut vector = vec![0.0; pipeline.output_dim()];
        let encoded = pipeline.encode_gathered_into(&gathered, &mut vector, workspace.1)?;
        let overview = pipeline.overview(&gathered, workspace.1)?;
        gathered.give_to(workspace.0);
        let length = pipeline.encoder().output_dim();
        let parts = blocks.iter().map(|block| {
            let entries = of_cells(&block.entries, vector.len(), length);
            entries.into_iter().flat_map(|entries| &vector[entries]).map(|x| f64::from(*x).powi(2)).sum()
        });
        let parts = parts.collect();
        let nearest = nearest(pipeline, source, threads)?;
        Ok(Look { encoded, overview, vector, parts, nearest })
    }
}

/// The entries of a block in each cell of a vector of `p` numbers, `of_cell` for each cell.
pub(super) fn of_cells(entries: &Range<usize>, p: usize, of_cell: usize) -> Vec<Range<usize>> {
    (0..p).step_by(of_cell.max(1)).map(|cell| cell + entries.start..cell + entries.end).collect()
}

/// Of each component, the nearest of the descriptors whose likeliest it is; weights of 0 do not count.
fn nearest<S: Source>(pipeline: &Pipeline, source: &S, threads: &Threads) -> Result<Vec<Near>> {
    let Some(mixture) = pipeline.encoder().mixture().filter(|_| !is_nothing(source)) else {
        return Ok(vec![]);
    };
    let mut rows = Preprocessed::new(source, pipeline.steps())?;
    if rows.dim() != mixture.dim() {
        rows = rows.without_positions();
    }
    let blocks = rows.n_rows().div_ceil(ROWS);
    let found = threads.reduce(blocks, &|block| of_block(mixture, &rows, block), &|a, b| nearer(a, b))?;
    let found = found.unwrap_or_default().into_iter().enumerate();
    Ok(found
        .filter_map(|(component, near)| near.map(|(distance, row)| Near { component, row, distance }))
        .collect())
}

/// The distance and the row of the nearest descriptor to each component.
type Nearest = Vec<Option<(f64, usize)>>;

fn nearer(mut a: Nearest, b: Nearest) -> Nearest {
    for (a, b) in a.iter_mut().zip(b) {
        // On a tie, the earlier row.
        if let Some(b) = b
            && a.is_none_or(|a| b.0 < a.0)
        {
            *a = Some(b);
        }
    }
    a
}

fn of_block<S: Source>(mixture: &GaussianMixture, rows: &S, block: usize) -> Result<Nearest> {
    let (start, d) = (block * ROWS, rows.dim());
    let n = ROWS.min(rows.n_rows() - start);
    let mut values = vec![S::Real::ZERO; n * d];
    rows.read_finite(start, &mut values, &mut RowBuffer::default())?;
    let view = ArrayView2::from_shape((n, d), &values[..]).map_err(|error| {
        crate::error::Error::parameter("rows", "as many numbers as rows times columns", error)
    })?;
    let components = mixture.predict(&Descriptors::new(view), &Threads::one())?;
    let (means, variances) = (mixture.means(), mixture.covariances());
    let mut nearest: Nearest = vec![None; mixture.n_components()];
    for (i, (x, k)) in view.outer_iter().zip(components).enumerate() {
        if rows.weight(start + i) == 0.0 {
            continue;
        }
        let squares = x.iter().zip(means.row(k)).zip(variances.row(k));
        let sum: f64 = squares.map(|((x, mean), variance)| (x.to_f64() - mean).powi(2) / variance).sum();
        let distance = (sum / d as f64).sqrt();
        if nearest[k].is_none_or(|(least, _)| distance < least) {
            nearest[k] = Some((distance, start + i));
        }
    }
    Ok(nearest)
}
