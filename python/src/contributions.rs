//! The share of each descriptor in scores of the vector of its set, or of its group of sets.

use crate::batch::{Batch, with_sets};
use crate::error::OrRaise;
use crate::images::{ImageInput, at, views};
use crate::pipeline::Pipeline;
use crate::work::{LocalWorkspace, run_detached, run_interruptible};
use fishervec::data::Real;
use fishervec::encode::Scores;
use fishervec::run::{Threads, Workspace};
use fishervec::{Error, Result, Source};
use ndarray::Array3;
use numpy::{IntoPyArray, PyArray3, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// What was gathered of a group that is complete.
#[pyclass(frozen, module = "fishervec._fishervec")]
pub(crate) struct Gathered(pub(crate) fishervec::encode::Gathered);

/// The group of a set, and how much the set counts in it; `None` for a set of no group.
type Place<'py> = Option<(PyRef<'py, Gathered>, f64)>;

/// What shares are asked for: those in the scores of the set's own vector, or of its group's if there are
/// `places`, one per set.
struct Asked<'a> {
    pipeline: &'a fishervec::Pipeline,
    scores: Scores<'a>,
    places: Option<Vec<Option<(&'a fishervec::encode::Gathered, f64)>>>,
}

impl<'a> Asked<'a> {
    fn new(
        pipeline: &'a Pipeline,
        coef: &'a PyReadonlyArray2<'_, f64>,
        by: Option<&str>,
        places: Option<&'a Vec<Place<'_>>>,
        n_sets: usize,
    ) -> PyResult<Self> {
        let by = by.map(str::parse).transpose().or_raise()?;
        if places.is_some_and(|places| places.len() != n_sets) {
            return Err(PyValueError::new_err("places: expected one per set"));
        }
        let in_group = |place: &'a Place<'_>| place.as_ref().map(|(group, factor)| (&group.0, *factor));
        let places = places.map(|places| places.iter().map(in_group).collect());
        Ok(Asked { pipeline: pipeline.library(), scores: Scores { coef: coef.as_array(), by }, places })
    }

    /// Those of set `i`, shape (n_i, m, parts); of a set of no group zeros.
    fn shares<S: Source>(
        &self,
        i: usize,
        set: &S,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Array3<f64>> {
        let of = |place: Option<(&fishervec::encode::Gathered, f64)>| match place {
            Some((group, factor)) => {
                let shares = self.pipeline.contributions_in(group, set, &self.scores, threads, workspace)?;
                Ok(if factor == 1.0 { shares } else { shares * factor })
            }
            None => {
                let nothing = ndarray::Array2::from_elem((0, self.pipeline.input_dim()), S::Real::ZERO);
                let (_, m, parts) =
                    self.pipeline.contributions(&nothing, &self.scores, threads, workspace)?.dim();
                Ok(Array3::zeros((set.n_rows(), m, parts)))
            }
        };
        match &self.places {
            Some(places) => of(places[i]),
            None => self.pipeline.contributions(set, &self.scores, threads, workspace),
        }
    }
}

/// The share of each descriptor of each set in scores with those coefficients, shape (m, P): arrays of shape
/// (n_i, m, parts).
#[pyfunction]
#[pyo3(signature = (batch, pipeline, coef, by, n_jobs, places=None))]
pub(crate) fn contributions<'py>(
    py: Python<'py>,
    batch: Batch<'py>,
    pipeline: &Pipeline,
    coef: PyReadonlyArray2<'py, f64>,
    by: Option<&str>,
    n_jobs: usize,
    places: Option<Vec<Place<'py>>>,
) -> PyResult<Vec<Bound<'py, PyArray3<f64>>>> {
    with_sets!(batch, sets => {
        let asked = Asked::new(pipeline, &coef, by, places.as_ref(), sets.len())?;
        let cost = pipeline.cost(sets.iter().map(Source::n_rows).sum());
        let all = run_detached(py, n_jobs, cost, |threads| {
            LocalWorkspace::with_workspace(|workspace| {
                let mut all: Vec<_> = sets.iter().map(|_| None).collect();
                threads.for_each(all.iter_mut().zip(&sets).collect(), &|i, (out, set)| {
                    let shares = asked.shares(i, set, threads, workspace);
                    *out = Some(shares.map_err(|error: Error| error.at(format!("set {i}")))?);
                    Ok(())
                })?;
                Ok(all)
            })
        })?;
        Ok(all.into_iter().flatten().map(|shares| shares.into_pyarray(py)).collect())
    })
}

/// The same of the descriptors of each image under a pipeline for images. An error names an image by its
/// number, counted from `first`.
#[pyfunction]
#[pyo3(signature = (images, pipeline, coef, by, n_jobs, first=0, places=None))]
#[allow(clippy::too_many_arguments, reason = "what Python passes")]
pub(crate) fn image_contributions<'py>(
    py: Python<'py>,
    images: Vec<ImageInput<'py>>,
    pipeline: &Pipeline,
    coef: PyReadonlyArray2<'py, f64>,
    by: Option<&str>,
    n_jobs: usize,
    first: usize,
    places: Option<Vec<Place<'py>>>,
) -> PyResult<Vec<Bound<'py, PyArray3<f64>>>> {
    let asked = Asked::new(pipeline, &coef, by, places.as_ref(), images.len())?;
    let (views, params) = (views(&images)?, pipeline.image_params()?);
    let mut all: Vec<Option<Array3<f64>>> = views.iter().map(|_| None).collect();
    run_interruptible(py, n_jobs, None, |context| {
        let (threads, workspace) = (&context.pool()?, Workspace::default());
        threads.for_each(all.iter_mut().collect(), &|i, out: &mut Option<_>| {
            let features = views[i].features(params).map_err(at(first + i))?;
            let shares = asked.shares(i, &features.view(), threads, &workspace);
            *out = Some(shares.map_err(at(first + i))?);
            Ok(())
        })
    })?;
    Ok(all.into_iter().flatten().map(|shares| shares.into_pyarray(py)).collect())
}
