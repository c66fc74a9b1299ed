//! The mixture and its fit.

use crate::batch::{Batch, with_sets};
use crate::error::OrRaise;
use crate::statistics::Statistics;
use crate::work::{LocalWorkspace, run_detached, run_interruptible};
use fishervec::data::Element;
use fishervec::encode::{Convention, FisherParams};
use fishervec::mixture::{Climb, FitReport, GaussianMixtureParams, Init};
use fishervec::run::Workspace;
use fishervec::{Descriptors, Encode, FisherVector, Source};
use ndarray::{Array1, Array2};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyType;

/// A mixture, shared by the encoders that use it.
#[pyclass(frozen, module = "fishervec._fishervec")]
pub(crate) struct GaussianMixture(pub(crate) fishervec::GaussianMixture);

/// Weights, means and covariances.
type Parameters<'py> = (Bound<'py, PyArray1<f64>>, Bound<'py, PyArray2<f64>>, Bound<'py, PyArray2<f64>>);

/// A given start of a fit: a mixture, or a mixture with the lower bound of the fit that it comes from.
#[derive(FromPyObject)]
pub(crate) enum Start<'py> {
    Given(PyRef<'py, GaussianMixture>),
    Continued((PyRef<'py, GaussianMixture>, f64)),
}

/// The settings of a fit in a JSON text, with its start if one is given.
pub(crate) fn params(settings: &str, start: Option<Start<'_>>) -> PyResult<GaussianMixtureParams> {
    let params = GaussianMixtureParams::from_json(settings).or_raise()?;
    Ok(match start {
        None => params,
        Some(Start::Given(mixture)) => params.init(Init::Given(mixture.0.clone())),
        Some(Start::Continued((mixture, lower_bound))) => {
            params.init(Init::Continued(mixture.0.clone(), lower_bound))
        }
    })
}

/// A report as JSON, as a model file holds it.
pub(crate) fn report_to_json(report: &FitReport) -> PyResult<String> {
    serde_json::to_string(report).map_err(|e| PyValueError::new_err(e.to_string()))
}

pub(crate) fn report_from_json(json: &str) -> PyResult<FitReport> {
    serde_json::from_str(json).map_err(|e| PyValueError::new_err(e.to_string()))
}

/// The only set of a batch that is one array of rows, so that errors name rows without a set.
fn single_set<'a, T: Element>(sets: &'a [Descriptors<'a, T>]) -> PyResult<&'a Descriptors<'a, T>> {
    sets.first().ok_or_else(|| PyValueError::new_err("expected an array of shape (n, d)"))
}

#[pymethods]
impl GaussianMixture {
    #[new]
    fn new(
        weights: PyReadonlyArray1<'_, f64>,
        means: PyReadonlyArray2<'_, f64>,
        covariances: PyReadonlyArray2<'_, f64>,
    ) -> PyResult<Self> {
        let parameters =
            (weights.as_array().to_owned(), means.as_array().to_owned(), covariances.as_array().to_owned());
        let mixture = fishervec::GaussianMixture::new(parameters.0, parameters.1, parameters.2).or_raise()?;
        Ok(GaussianMixture(mixture))
    }

    /// Fits a mixture to the rows of all sets; the report is JSON.
    #[staticmethod]
    #[pyo3(signature = (batch, settings, start, n_jobs, callback=None))]
    fn fit(
        py: Python<'_>,
        batch: Batch<'_>,
        settings: &str,
        start: Option<Start<'_>>,
        n_jobs: usize,
        callback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(Self, String)> {
        let params = params(settings, start)?;
        let fit = with_sets!(batch, sets => {
            let rows = single_set(&sets)?;
            run_interruptible(py, n_jobs, callback, |context| params.fit_with(rows, context))?
        });
        Ok((GaussianMixture(fit.mixture), report_to_json(&fit.report)?))
    }

    /// The mixture that a fit would start from; floors are relative to `scale`, the variance of all rows, or
    /// to that of these.
    #[staticmethod]
    #[pyo3(signature = (batch, settings, start, n_jobs, scale=None))]
    fn start(
        py: Python<'_>,
        batch: Batch<'_>,
        settings: &str,
        start: Option<Start<'_>>,
        n_jobs: usize,
        scale: Option<Vec<f64>>,
    ) -> PyResult<Self> {
        // A start runs no iterations, so the maximum number does not matter.
        let params = params(settings, start)?.max_iter(1);
        let mixture = with_sets!(batch, sets => {
            let rows = single_set(&sets)?;
            run_interruptible(py, n_jobs, None, |context| match &scale {
                Some(scale) => Ok(Climb::start(&params, rows, scale, context)?.mixture().clone()),
                None => params.start_with(rows, context),
            })?
        });
        Ok(GaussianMixture(mixture))
    }

    /// The numbers of the rows, of `n`, that a start looks at.
    #[staticmethod]
    fn start_rows(settings: &str, n: usize) -> PyResult<Vec<usize>> {
        Ok(params(settings, None)?.start_rows(n))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> (Bound<'py, PyType>, Parameters<'py>) {
        (py.get_type::<Self>(), (self.weights(py), self.means(py), self.covariances(py)))
    }

    fn __sizeof__(&self) -> usize {
        8 * (self.0.weights().len() + 3 * self.0.means().len())
    }

    #[getter]
    fn weights<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.0.weights().to_owned().into_pyarray(py)
    }

    #[getter]
    fn means<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        self.0.means().to_owned().into_pyarray(py)
    }

    #[getter]
    fn covariances<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        self.0.covariances().to_owned().into_pyarray(py)
    }

    fn score_samples<'py>(
        &self,
        py: Python<'py>,
        batch: Batch<'py>,
        n_jobs: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        with_sets!(batch, sets => {
            let rows = single_set(&sets)?;
            let cost = self.cost(rows.n_rows());
            let out = run_detached(py, n_jobs, cost, |threads| self.0.score_samples(rows, threads))?;
            Ok(out.into_pyarray(py).into_any())
        })
    }

    fn predict_proba<'py>(
        &self,
        py: Python<'py>,
        batch: Batch<'py>,
        n_jobs: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        with_sets!(batch, sets => {
            let rows = single_set(&sets)?;
            let cost = self.cost(rows.n_rows());
            let out = run_detached(py, n_jobs, cost, |threads| self.0.predict_proba(rows, threads))?;
            Ok(out.into_pyarray(py).into_any())
        })
    }

    fn predict<'py>(
        &self,
        py: Python<'py>,
        batch: Batch<'py>,
        n_jobs: usize,
    ) -> PyResult<Bound<'py, PyArray1<i64>>> {
        with_sets!(batch, sets => {
            let rows = single_set(&sets)?;
            let cost = self.cost(rows.n_rows());
            let out = run_detached(py, n_jobs, cost, |threads| self.0.predict(rows, threads))?;
            Ok(out.mapv(|k| k as i64).into_pyarray(py))
        })
    }

    fn bic(&self, py: Python<'_>, batch: Batch<'_>, n_jobs: usize) -> PyResult<f64> {
        with_sets!(batch, sets => {
            let rows = single_set(&sets)?;
            run_detached(py, n_jobs, self.cost(rows.n_rows()), |threads| self.0.bic(rows, threads))
        })
    }

    fn aic(&self, py: Python<'_>, batch: Batch<'_>, n_jobs: usize) -> PyResult<f64> {
        with_sets!(batch, sets => {
            let rows = single_set(&sets)?;
            run_detached(py, n_jobs, self.cost(rows.n_rows()), |threads| self.0.aic(rows, threads))
        })
    }

    fn sample<'py>(
        &self,
        py: Python<'py>,
        n: usize,
        seed: u64,
    ) -> (Bound<'py, PyArray2<f64>>, Bound<'py, PyArray1<i64>>) {
        let (rows, labels): (Array2<f64>, Array1<usize>) = py.detach(|| self.0.sample(n, seed));
        (rows.into_pyarray(py), labels.mapv(|k| k as i64).into_pyarray(py))
    }

    /// The statistics of each set.
    #[pyo3(signature = (batch, threshold, n_jobs))]
    fn statistics(
        &self,
        py: Python<'_>,
        batch: Batch<'_>,
        threshold: Option<f64>,
        n_jobs: usize,
    ) -> PyResult<Vec<Statistics>> {
        with_sets!(batch, sets => {
            let cost = self.cost(sets.iter().map(Source::n_rows).sum());
            run_detached(py, n_jobs, cost, |threads| {
                let workspace = Workspace::default();
                crate::statistics::of_sets(&sets, threads, &|set| {
                    self.0.accumulate(set, threshold, threads, &workspace)
                })
            })
        })
    }

    /// The Fisher vector of one set, with all choices of a convention.
    #[pyo3(signature = (batch, convention, power, norm, n_jobs))]
    fn fisher_vector<'py>(
        &self,
        py: Python<'py>,
        batch: Batch<'py>,
        convention: &str,
        power: f64,
        norm: &str,
        n_jobs: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        let params = FisherParams {
            convention: Convention::by_name(convention).or_raise()?,
            power,
            norm: norm.parse().or_raise()?,
            ..FisherParams::default()
        };
        let encoder = FisherVector::with_params(self.0.clone(), params).or_raise()?;
        with_sets!(batch, sets => {
            let set = single_set(&sets)?;
            let cost = self.cost(set.n_rows());
            let vector = run_detached(py, n_jobs, cost, |threads| {
                let mut out = Array1::default(encoder.output_dim());
                let to = out.as_slice_mut().expect("a contiguous array");
                LocalWorkspace::with_workspace(|workspace| encoder.encode_into(set, to, threads, workspace))?;
                Ok(out)
            })?;
            Ok(vector.into_pyarray(py).into_any())
        })
    }
}

impl GaussianMixture {
    /// The number of multiply-adds of a pass over `n` rows.
    fn cost(&self, n: usize) -> usize {
        n.saturating_mul(4 * self.0.means().len())
    }
}
