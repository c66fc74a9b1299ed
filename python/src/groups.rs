//! Groups of sets, which come in one batch or in several.

use crate::batch::{Batch, with_sets};
use crate::contributions::Gathered;
use crate::error::OrRaise;
use crate::pipeline::Pipeline;
use crate::statistics::Statistics;
use crate::work::run_detached;
use fishervec::data::{Groups, Real, SetList};
use fishervec::run::{Threads, Workspace};
use fishervec::{Result, Source};
use ndarray::Array2;
use numpy::IntoPyArray;
use pyo3::prelude::*;
use std::sync::{Mutex, PoisonError};

/// What was gathered of groups, as long as some of their sets are still to come.
#[pyclass(frozen, module = "fishervec._fishervec")]
pub(crate) struct GroupSums(Mutex<fishervec::pipeline::GroupSums>);

/// The groups that are complete with some sets, ascending, and what `finish` makes of each.
fn complete<L: SetList, R: Send>(
    sums: &mut fishervec::pipeline::GroupSums,
    pipeline: &fishervec::Pipeline,
    sets: &L,
    threads: &Threads,
    workspace: &Workspace<L::Real>,
    finish: &(impl Fn(&fishervec::encode::Gathered) -> Result<R> + Sync),
) -> Result<Vec<(usize, R)>> {
    let all = Mutex::new(Vec::new());
    sums.add(pipeline, sets, threads, workspace, &|group, gathered| {
        let one = finish(gathered)?;
        all.lock().unwrap_or_else(PoisonError::into_inner).push((group, one));
        Ok(())
    })?;
    let mut all = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    all.sort_by_key(|(group, _)| *group);
    Ok(all)
}

/// The vectors of groups as the rows of an array.
fn stacked<F: Real>(vectors: Vec<(usize, Vec<F>)>, p: usize) -> (Vec<usize>, Array2<F>) {
    let mut out = Array2::from_elem((vectors.len(), p), F::ZERO);
    let mut groups = Vec::with_capacity(vectors.len());
    for ((group, vector), mut row) in vectors.into_iter().zip(out.outer_iter_mut()) {
        groups.push(group);
        row.iter_mut().zip(vector).for_each(|(to, from)| *to = from);
    }
    (groups, out)
}

#[pymethods]
impl GroupSums {
    /// No sets yet of the groups of a sparse matrix by rows.
    #[new]
    fn new(
        n_sets: usize,
        starts: Vec<usize>,
        members: Vec<usize>,
        weights: Option<Vec<f64>>,
    ) -> PyResult<Self> {
        let groups = Groups::new(n_sets, starts, members, weights).or_raise()?;
        Ok(GroupSums(Mutex::new(fishervec::pipeline::GroupSums::new(&groups))))
    }

    /// Adds the next sets; the groups that are complete with them, and their vectors.
    fn encode<'py>(
        &self,
        py: Python<'py>,
        pipeline: &Pipeline,
        batch: Batch<'py>,
        n_jobs: usize,
    ) -> PyResult<(Vec<usize>, Bound<'py, PyAny>)> {
        with_sets!(batch, sets => {
            let cost = pipeline.cost(sets.iter().map(Source::n_rows).sum());
            let pipeline = pipeline.library();
            let (groups, vectors) = run_detached(py, n_jobs, cost, |threads| {
                let workspace = Workspace::default();
                let p = pipeline.output_dim();
                let vectors = self.with(|sums| complete(sums, pipeline, &sets, threads, &workspace, &|one| {
                    let mut vector = vec![Real::ZERO; p];
                    pipeline.encode_gathered_into(one, &mut vector, &workspace)?;
                    Ok(vector)
                }))?;
                Ok(stacked(vectors, p))
            })?;
            Ok((groups, vectors.into_pyarray(py).into_any()))
        })
    }

    /// Adds the next sets; the groups that are complete with them, and what was gathered of each.
    fn gather(
        &self,
        py: Python<'_>,
        pipeline: &Pipeline,
        batch: Batch<'_>,
        n_jobs: usize,
    ) -> PyResult<(Vec<usize>, Vec<Gathered>)> {
        with_sets!(batch, sets => {
            let cost = pipeline.cost(sets.iter().map(Source::n_rows).sum());
            let pipeline = pipeline.library();
            let all = run_detached(py, n_jobs, cost, |threads| {
                let workspace = Workspace::default();
                self.with(|sums| complete(sums, pipeline, &sets, threads, &workspace, &|one| Ok(one.clone())))
            })?;
            Ok(all.into_iter().map(|(group, one)| (group, Gathered(one))).unzip())
        })
    }

    /// Adds the next sets; the groups that are complete with them, and their statistics.
    fn statistics(
        &self,
        py: Python<'_>,
        pipeline: &Pipeline,
        batch: Batch<'_>,
        n_jobs: usize,
    ) -> PyResult<(Vec<usize>, Vec<Statistics>)> {
        pipeline.check_no_pyramid().or_raise()?;
        with_sets!(batch, sets => {
            let cost = pipeline.cost(sets.iter().map(Source::n_rows).sum());
            let pipeline = pipeline.library();
            let all = run_detached(py, n_jobs, cost, |threads| {
                let workspace = Workspace::default();
                self.with(|sums| {
                    complete(sums, pipeline, &sets, threads, &workspace, &|one| Ok(one.statistics().cloned()))
                })
            })?;
            let all = all.into_iter().filter_map(|(group, one)| Some((group, Statistics(one?))));
            Ok(all.unzip())
        })
    }
}

impl GroupSums {
    fn with<R>(&self, work: impl FnOnce(&mut fishervec::pipeline::GroupSums) -> Result<R>) -> Result<R> {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
