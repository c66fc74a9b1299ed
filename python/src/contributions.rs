//! The share of each descriptor in scores of the vector of its set, or of its group of sets.

use crate::batch::{Batch, with_sets};
use crate::error::OrRaise;
use crate::images::{ImageInput, at, views};
use crate::pipeline::Pipeline;
use crate::work::{LocalWorkspace, run_detached, run_interruptible};
use fishervec::data::Real;
use fishervec::encode::Scores;
use fishervec::explain::{Field, Grid, Square, pitch};
use fishervec::image::{Image, ImageParams};
use fishervec::run::{Threads, Workspace};
use fishervec::{Error, Result, Source};
use ndarray::{Array1, Array2, Array3};
use numpy::{IntoPyArray, PyArray2, PyArray3, PyReadonlyArray2};
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
                let nothing = Array2::from_elem((0, self.pipeline.input_dim()), S::Real::ZERO);
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

/// Numbers of shape (n, m) smoothed over the neighbours of their positions, shape (n, 2), which lie on a
/// grid.
#[pyfunction]
pub(crate) fn smoothed<'py>(
    py: Python<'py>,
    numbers: PyReadonlyArray2<'py, f64>,
    positions: PyReadonlyArray2<'py, f64>,
) -> Bound<'py, PyArray2<f64>> {
    let (mut numbers, positions) = (numbers.as_array().to_owned(), positions.as_array());
    let places: Vec<[f64; 2]> = positions.rows().into_iter().map(|at| [at[0], at[1]]).collect();
    py.detach(|| {
        let step = pitch(&places).unwrap_or(1.0);
        let squares: Vec<Square> = places.iter().map(|[x, y]| Square { x: *x, y: *y, side: step }).collect();
        let grid = Grid::new(&squares, step);
        each_column(&mut numbers, |column| grid.smoothed(column, &squares));
    });
    numbers.into_pyarray(py)
}

/// Replaces each column of numbers.
fn each_column(numbers: &mut Array2<f64>, change: impl Fn(&[f64]) -> Vec<f64>) {
    for mut column in numbers.columns_mut() {
        let changed = change(&column.to_vec());
        column.assign(&Array1::from(changed));
    }
}

/// The shares of the descriptors of an image, shape (n, m, parts), spread over their squares, and what each
/// square then holds.
fn over_squares(shares: Array3<f64>, params: &ImageParams, image: &Image) -> Array3<f64> {
    let (width, height) = (image.width(), image.height());
    let square = |[x, y, side]: [f64; 3]| Square { x, y, side };
    let squares: Vec<Square> = params.squares(width, height).into_iter().map(square).collect();
    let (n, m, parts) = shares.dim();
    let mut flat = shares.into_shape_with_order((n, m * parts)).expect("an array in standard layout");
    each_column(&mut flat, |column| {
        Field::of_image(column, &squares, [width as f64, height as f64]).gather(&squares)
    });
    flat.into_shape_with_order((n, m, parts)).expect("an array in standard layout")
}

/// The shares of the descriptors of each image under a pipeline for images, perhaps `smooth`: spread over the
/// squares of the descriptors. An error names an image by its number, counted from `first`.
#[pyfunction]
#[pyo3(signature = (images, pipeline, coef, by, n_jobs, first=0, places=None, smooth=false))]
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
    smooth: bool,
) -> PyResult<Vec<Bound<'py, PyArray3<f64>>>> {
    let asked = Asked::new(pipeline, &coef, by, places.as_ref(), images.len())?;
    let (views, params) = (views(&images)?, pipeline.image_params()?);
    let mut all: Vec<Option<Array3<f64>>> = views.iter().map(|_| None).collect();
    run_interruptible(py, n_jobs, None, |context| {
        let (threads, workspace) = (&context.pool()?, Workspace::default());
        threads.for_each(all.iter_mut().collect(), &|i, out: &mut Option<_>| {
            let image = views[i].open(params).map_err(at(first + i))?;
            let features = params.features(&image).map_err(at(first + i))?;
            let shares = asked.shares(i, &features.view(), threads, &workspace).map_err(at(first + i))?;
            *out = Some(if smooth { over_squares(shares, params, &image) } else { shares });
            Ok(())
        })
    })?;
    Ok(all.into_iter().flatten().map(|shares| shares.into_pyarray(py)).collect())
}
