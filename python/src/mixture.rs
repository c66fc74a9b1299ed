//! The mixture and its fit.

use crate::batch::{Batch, with_sets};
use crate::error::OrRaise;
use crate::statistics::Statistics;
use crate::work::{Kept, released, watched};
use fishervec::{
    Concat, Convention, Descriptors, Element, Encoder, FisherParams, FisherVector, FitReport,
    GaussianMixtureParams, Init, Pipeline, Source, Workspace,
};
use ndarray::{Array1, Array2};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::sync::Arc;

/// A mixture, shared with the encoders made of it.
#[pyclass(frozen, module = "fishervec._fishervec")]
pub(crate) struct GaussianMixture(pub(crate) Arc<fishervec::GaussianMixture>);

/// Settings of a fit, as a dictionary.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Params<'py> {
    n_components: usize,
    tol: f64,
    max_iter: usize,
    variance_floor: f64,
    reg_covar: f64,
    threshold: Option<f64>,
    /// The name of a start, a mixture, or a mixture with the lower bound of the fit it comes from.
    init: Bound<'py, PyAny>,
    n_init: usize,
    seed: u64,
}

impl Params<'_> {
    pub(crate) fn library(&self) -> PyResult<GaussianMixtureParams> {
        let init = if let Ok(mixture) = self.init.cast::<GaussianMixture>() {
            Init::Given((*mixture.get().0).clone())
        } else if let Ok((mixture, lower_bound)) = self.init.extract::<(PyRef<'_, GaussianMixture>, f64)>() {
            Init::Continued((*mixture.0).clone(), lower_bound)
        } else {
            match self.init.extract()? {
                "kmeans" => Init::KMeans,
                "k-means++" => Init::PlusPlus,
                "random_from_data" => Init::RandomRows,
                other => {
                    let names = "one of 'kmeans', 'k-means++', 'random_from_data'";
                    let reason = format!("init_params: expected {names}, got {other:?}");
                    return Err(PyValueError::new_err(reason));
                }
            }
        };
        Ok(GaussianMixtureParams {
            n_components: self.n_components,
            tol: self.tol,
            max_iter: self.max_iter,
            variance_floor: self.variance_floor,
            reg_covar: self.reg_covar,
            threshold: self.threshold,
            init,
            n_init: self.n_init,
            seed: self.seed,
        })
    }
}

/// A report as the JSON text it has in a model file.
pub(crate) fn report_to_json(report: &FitReport) -> PyResult<String> {
    serde_json::to_string(report).map_err(|e| PyValueError::new_err(e.to_string()))
}

pub(crate) fn report_from_json(json: &str) -> PyResult<FitReport> {
    serde_json::from_str(json).map_err(|e| PyValueError::new_err(e.to_string()))
}

/// All sets as one source, of the columns of the first.
pub(crate) fn joined<'a, T: Element>(
    sets: &'a [Descriptors<'a, T>],
) -> PyResult<Concat<'a, Descriptors<'a, T>>> {
    Concat::new(sets, sets.first().map_or(0, Source::dim)).or_raise()
}

/// The one set of a batch that is an array of rows, so that errors name its rows alone.
fn only<'a, T: Element>(sets: &'a [Descriptors<'a, T>]) -> PyResult<&'a Descriptors<'a, T>> {
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
        Ok(GaussianMixture(Arc::new(mixture)))
    }

    /// Fits a mixture to the rows of all sets; the report is JSON.
    #[staticmethod]
    #[pyo3(signature = (batch, params, n_jobs, callback=None))]
    fn fit(
        py: Python<'_>,
        batch: Batch<'_>,
        params: Params<'_>,
        n_jobs: usize,
        callback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<(Self, String)> {
        let params = params.library()?;
        let fit = with_sets!(batch, sets => {
            let rows = only(&sets)?;
            watched(py, n_jobs, callback, |threads, news| params.fit(rows, threads, news))?
        });
        Ok((GaussianMixture(Arc::new(fit.mixture)), report_to_json(&fit.report)?))
    }

    /// The mixture a fit would start from.
    #[staticmethod]
    fn start(py: Python<'_>, batch: Batch<'_>, params: Params<'_>, n_jobs: usize) -> PyResult<Self> {
        // A start makes no iterations, so it does not matter how many there could be.
        let params = GaussianMixtureParams { max_iter: 1, ..params.library()? };
        let mixture = with_sets!(batch, sets => {
            let rows = only(&sets)?;
            watched(py, n_jobs, None, |threads, _| params.start(rows, threads))?
        });
        Ok(GaussianMixture(Arc::new(mixture)))
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
            let rows = only(&sets)?;
            let cost = self.cost(rows.n_rows());
            let out = released(py, n_jobs, cost, |threads| self.0.score_samples(rows, threads))?;
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
            let rows = only(&sets)?;
            let cost = self.cost(rows.n_rows());
            let out = released(py, n_jobs, cost, |threads| self.0.predict_proba(rows, threads))?;
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
            let rows = only(&sets)?;
            let cost = self.cost(rows.n_rows());
            let out = released(py, n_jobs, cost, |threads| self.0.predict(rows, threads))?;
            Ok(out.mapv(|k| k as i64).into_pyarray(py))
        })
    }

    fn bic(&self, py: Python<'_>, batch: Batch<'_>, n_jobs: usize) -> PyResult<f64> {
        with_sets!(batch, sets => {
            let rows = only(&sets)?;
            released(py, n_jobs, self.cost(rows.n_rows()), |threads| self.0.bic(rows, threads))
        })
    }

    fn aic(&self, py: Python<'_>, batch: Batch<'_>, n_jobs: usize) -> PyResult<f64> {
        with_sets!(batch, sets => {
            let rows = only(&sets)?;
            released(py, n_jobs, self.cost(rows.n_rows()), |threads| self.0.aic(rows, threads))
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
            released(py, n_jobs, cost, |threads| {
                let workspace = Workspace::default();
                crate::statistics::of_sets(&sets, threads, &|set| {
                    self.0.accumulate(set, threshold, threads, &workspace)
                })
            })
        })
    }

    /// The Fisher vector of one set, with all of a convention's choices.
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
            normalization: crate::plan::normalization(power, norm)?,
            ..FisherParams::default()
        };
        let encoder = FisherVector::new(self.0.clone(), params).or_raise()?;
        let pipeline =
            Pipeline::new(self.0.dim(), Vec::new(), Encoder::Fisher(Box::new(encoder))).or_raise()?;
        with_sets!(batch, sets => {
            let set = only(&sets)?;
            let cost = self.cost(set.n_rows());
            let vector = released(py, n_jobs, cost, |threads| {
                let mut out = Array1::default(pipeline.len());
                let to = out.as_slice_mut().unwrap_or_default();
                Kept::with_workspace(|workspace| pipeline.encode_into(set, to, threads, workspace))?;
                Ok(out)
            })?;
            Ok(vector.into_pyarray(py).into_any())
        })
    }
}

impl GaussianMixture {
    /// Multiply-adds of a pass over `n` rows.
    fn cost(&self, n: usize) -> usize {
        n.saturating_mul(4 * self.0.means().len())
    }
}
