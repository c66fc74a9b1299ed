//! The whole chain from descriptors to vectors: fitted, applied, saved.

use crate::batch::{Batch, with_sets};
use crate::error::OrRaise;
use crate::files::Information;
use crate::given::Parts;
use crate::mixture::{GaussianMixture, report_from_json, report_to_json};
use crate::parts::{Moments, Of, Partial, Scatter};
use crate::statistics::Statistics;
use crate::work::{LocalWorkspace, run_detached, run_interruptible};
use fishervec::data::Concat;
use fishervec::encode::{Codebook, Kind, PoolingParams, sliding_windows};
use fishervec::image::ImageParams;
use fishervec::mixture::FitReport;
use fishervec::preprocess::{PcaParams, Preprocessed, Step};
use fishervec::run::{Context, Threads, Workspace};
use fishervec::shards::Plan;
use fishervec::{Encode, Error, Pooling, Result, Source};
use numpy::{IntoPyArray, PyArray1, PyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::path::PathBuf;
use std::sync::PoisonError;

/// Preprocessing steps and an encoder.
#[pyclass(frozen, module = "fishervec._fishervec")]
pub(crate) struct Pipeline(pub(crate) fishervec::Pipeline);

#[pymethods]
impl Pipeline {
    /// Fits a pipeline with the given settings to a sample of the rows of all sets.
    #[staticmethod]
    #[pyo3(signature = (batch, settings, given, n_jobs, callback=None))]
    fn fit(
        py: Python<'_>,
        batch: Batch<'_>,
        settings: &str,
        given: Parts<'_>,
        n_jobs: usize,
        callback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let params = given.params(settings)?;
        with_sets!(batch, sets => {
            run_interruptible(py, n_jobs, callback, |context| params.fit_sets(&sets, context))
        })
        .map(Pipeline)
    }

    /// The pipeline of settings that need no data, since all parts are given, for descriptors of `dim`
    /// columns.
    #[staticmethod]
    fn assemble(settings: &str, given: Parts<'_>, dim: usize) -> PyResult<Self> {
        let nothing = ndarray::Array2::<f64>::zeros((0, dim));
        let params = given.params(settings)?;
        params.fit_with(&nothing, &mut Context::on(&Threads::one())).or_raise().map(Pipeline)
    }

    /// The same pipeline with the empirical information of a sample of sets, and the number of them that had
    /// descriptors.
    fn with_information(
        &self,
        py: Python<'_>,
        batch: Batch<'_>,
        sets: usize,
        seed: u64,
        n_jobs: usize,
    ) -> PyResult<(Self, usize)> {
        let count = sets;
        let learned = with_sets!(batch, sets => {
            run_interruptible(py, n_jobs, None, |context| {
                self.0.clone().learn_information(&sets, count, seed, context)
            })
        });
        learned.map(|(pipeline, n_sets)| (Pipeline(pipeline), n_sets))
    }

    /// Adds sets to an empirical information that is being learned.
    fn add_information(
        &self,
        py: Python<'_>,
        information: &Information,
        batch: Batch<'_>,
        n_jobs: usize,
    ) -> PyResult<()> {
        with_sets!(batch, sets => {
            run_interruptible(py, n_jobs, None, |context| {
                let (threads, workspace) = (context.pool()?, Workspace::default());
                let mut fit = information.0.lock().unwrap_or_else(PoisonError::into_inner);
                for (i, set) in sets.iter().enumerate() {
                    let added = self.0.add_information(&mut fit, set, &threads, &workspace);
                    added.map_err(|error| error.at(format!("set {i}")))?;
                }
                Ok(())
            })
        })
    }

    /// The same pipeline with an empirical information that has been learned.
    fn with_information_learned(&self, information: &Information) -> PyResult<Self> {
        let fit = information.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.0.clone().with_information(fit).or_raise().map(Pipeline)
    }

    /// The same from statistics, all of which are used.
    fn with_information_of(
        &self,
        py: Python<'_>,
        statistics: Vec<PyRef<'_, Statistics>>,
    ) -> PyResult<(Self, usize)> {
        let encoder = self.0.encoder();
        let statistics: Vec<_> = statistics.iter().map(|one| &one.0).collect();
        let cost = statistics.len() * encoder.output_dim();
        run_detached(py, 1, cost, |_| {
            let Some(mut fit) = self.0.information_fit(statistics.len()) else {
                return Err(Error::Settings { reason: "the information is not empirical".to_owned() });
            };
            for one in statistics {
                self.0.add_statistics(&mut fit, one)?;
            }
            let n_sets = fit.n_sets();
            Ok((Pipeline(self.0.clone().with_information(fit)?), n_sets))
        })
    }

    /// The vectors of all sets, shape (n_sets, P).
    fn encode_sets<'py>(
        &self,
        py: Python<'py>,
        batch: Batch<'py>,
        n_jobs: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        with_sets!(batch, sets => {
            let cost = self.cost(sets.iter().map(Source::n_rows).sum());
            let vectors = run_detached(py, n_jobs, cost, |threads| {
                LocalWorkspace::with_workspace(|workspace| self.0.encode_all_with(&sets, threads, workspace))
            })?;
            Ok(vectors.into_pyarray(py).into_any())
        })
    }

    /// The vectors of the windows of each set: arrays of shape (n_windows, P).
    fn encode_windows<'py>(
        &self,
        py: Python<'py>,
        batch: Batch<'py>,
        length: usize,
        step: usize,
        n_jobs: usize,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        with_sets!(batch, sets => {
            let cost = self.cost(sets.iter().map(Source::n_rows).sum());
            let all = run_detached(py, n_jobs, cost, |threads| {
                LocalWorkspace::with_workspace(|workspace| {
                    let mut all: Vec<_> = sets.iter().map(|_| None).collect();
                    threads.for_each(all.iter_mut().zip(&sets).collect(), &|i, (out, set)| {
                        let windows = sliding_windows(set.n_rows(), length, step)?;
                        let vectors = self.0.encode_windows(set, &windows, threads, workspace);
                        *out = Some(vectors.map_err(|error| error.at(format!("set {i}")))?);
                        Ok(())
                    })?;
                    Ok(all)
                })
            })?;
            Ok(all.into_iter().flatten().map(|vectors| vectors.into_pyarray(py).into_any()).collect())
        })
    }

    /// The statistics of each set, after the steps.
    fn statistics(&self, py: Python<'_>, batch: Batch<'_>, n_jobs: usize) -> PyResult<Vec<Statistics>> {
        self.check_no_pyramid().or_raise()?;
        let encoder = self.0.encoder();
        with_sets!(batch, sets => {
            let cost = self.cost(sets.iter().map(Source::n_rows).sum());
            run_detached(py, n_jobs, cost, |threads| {
                let workspace = Workspace::default();
                crate::statistics::of_sets(&sets, threads, &|set| {
                    let rows = Preprocessed::new(set, self.0.steps())?;
                    encoder.accumulate(&rows, threads, &workspace)
                })
            })
        })
    }

    /// The vectors of statistics, shape (n_sets, P).
    fn encode_statistics<'py>(
        &self,
        py: Python<'py>,
        statistics: Vec<PyRef<'py, Statistics>>,
        n_jobs: usize,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        self.check_no_pyramid().or_raise()?;
        let encoder = self.0.encoder();
        let statistics: Vec<&fishervec::Statistics> = statistics.iter().map(|one| &one.0).collect();
        let (n, p) = (statistics.len(), encoder.output_dim());
        let vectors = run_detached(py, n_jobs, n.saturating_mul(p), |threads| {
            let mut out = ndarray::Array2::zeros((n, p));
            let rows = out.as_slice_mut().expect("an array in standard layout").chunks_exact_mut(p).collect();
            threads.for_each(rows, &|i, row| {
                encoder.encode_statistics(statistics[i], row).map_err(|error| error.at(format!("set {i}")))
            })?;
            Ok(out)
        })?;
        Ok(vectors.into_pyarray(py))
    }

    /// All rows of all sets after the steps, as one array of shape (n, D).
    fn preprocess<'py>(
        &self,
        py: Python<'py>,
        batch: Batch<'py>,
        n_jobs: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        let dim = self.0.input_dim();
        with_sets!(batch, sets => {
            let all = Concat::of_dim(&sets, dim).or_raise()?;
            let cost = all.n_rows().saturating_mul(dim * self.0.encoder().input_dim());
            let rows = run_detached(py, n_jobs, cost, |threads| {
                Preprocessed::new(&all, self.0.steps())?.to_array(threads)
            })?;
            Ok(rows.into_pyarray(py).into_any())
        })
    }

    /// The number of columns of its input descriptors.
    #[getter]
    fn dim(&self) -> usize {
        self.0.input_dim()
    }

    /// The number of input columns of the encoder.
    #[getter]
    fn encoder_dim(&self) -> usize {
        self.0.encoder().input_dim()
    }

    /// How images become descriptors, as JSON.
    #[getter]
    fn images(&self) -> PyResult<Option<String>> {
        self.0.images().map(|images| images.to_json().or_raise()).transpose()
    }

    /// The same pipeline for images.
    fn with_images(&self, json: &str) -> PyResult<Self> {
        let images = ImageParams::from_json(json).or_raise()?;
        self.0.clone().with_images(images).or_raise().map(Pipeline)
    }

    fn __len__(&self) -> usize {
        self.0.output_dim()
    }

    /// The mixture, of a Fisher vector or of a codebook with soft assignment.
    #[getter]
    fn mixture(&self) -> Option<GaussianMixture> {
        let encoder = self.0.encoder();
        let hard = encoder.codebook().is_some_and(Codebook::is_hard);
        encoder.mixture().filter(|_| !hard).cloned().map(GaussianMixture)
    }

    /// The location model.
    #[getter]
    fn location(&self) -> Option<GaussianMixture> {
        self.0.encoder().spatial().map(|spatial| GaussianMixture(spatial.location().clone()))
    }

    /// The number of cells of the pyramid.
    #[getter]
    fn cells(&self) -> usize {
        self.0.pyramid().map_or(1, |pyramid| pyramid.cells())
    }

    /// The centres of a codebook.
    #[getter]
    fn centres<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyArray2<f64>>> {
        self.0.encoder().codebook().map(|codebook| codebook.centres().to_owned().into_pyarray(py))
    }

    /// The report of the mixture's fit, as JSON.
    #[getter]
    fn report(&self) -> PyResult<Option<String>> {
        self.0.fit_report().map(report_to_json).transpose()
    }

    /// The same pipeline with the report of another fit.
    fn with_report(&self, report: Option<&str>) -> PyResult<Self> {
        let report: Option<FitReport> = report.map(report_from_json).transpose()?;
        Ok(Pipeline(self.0.clone().with_report(report)))
    }

    /// The settings of all parts as JSON, as a model file holds them.
    #[getter]
    fn settings(&self) -> String {
        self.0.settings().to_string()
    }

    /// The kind of the encoder.
    #[getter]
    fn kind(&self) -> &'static str {
        self.0.encoder().kind()
    }

    /// The number of trailing columns that bypass the steps.
    #[getter]
    fn position_columns(&self) -> usize {
        self.0.position_columns()
    }

    /// The mean, components, explained variance and total variance of the projection, and whether it whitens.
    #[getter]
    #[allow(clippy::type_complexity, reason = "a tuple of arrays")]
    fn pca<'py>(
        &self,
        py: Python<'py>,
    ) -> Option<(Bound<'py, PyArray1<f64>>, Bound<'py, PyArray2<f64>>, Bound<'py, PyArray1<f64>>, f64, bool)>
    {
        let pca = self.0.steps().iter().rev().find_map(|step| match step {
            Step::Pca(pca) => Some(pca),
            Step::PositionColumns(_) | Step::Rows(_) => None,
        })?;
        Some((
            pca.mean().clone().into_pyarray(py),
            pca.components().clone().into_pyarray(py),
            pca.explained_variance().clone().into_pyarray(py),
            pca.total_variance(),
            pca.whiten(),
        ))
    }

    /// The record of the estimator that wrote it, as JSON.
    #[getter]
    fn estimator(&self) -> Option<String> {
        self.0.estimator()
    }

    fn with_estimator(&self, json: &str) -> PyResult<Self> {
        self.0.clone().with_estimator(json).or_raise().map(Pipeline)
    }

    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        py.detach(|| self.0.save(path)).or_raise()
    }

    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        py.detach(|| fishervec::Pipeline::load(path)).or_raise().map(Pipeline)
    }

    #[staticmethod]
    fn from_bytes(data: &[u8]) -> PyResult<Self> {
        fishervec::Pipeline::from_bytes(data).or_raise().map(Pipeline)
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.0.to_bytes().or_raise()?))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        let restore = py.get_type::<Self>().getattr("from_bytes")?;
        Ok((restore, (self.to_bytes(py)?,)))
    }

    fn __sizeof__(&self) -> PyResult<usize> {
        Ok(self.0.to_bytes().or_raise()?.len())
    }

    /// The identity of what encodes, in hexadecimal: that of steps, encoder and layout.
    #[getter]
    fn id(&self) -> PyResult<String> {
        Ok(format!("{:016x}", self.0.id().or_raise()?))
    }

    /// The pipeline of these steps and then a projection to principal components, from the scatter of rows
    /// after these steps; it ends in pooling.
    fn with_projection(&self, scatter: &Scatter, n_components: usize, whiten: bool) -> PyResult<Self> {
        let project = || {
            let pca = PcaParams { n_components, whiten }.of_scatter(&scatter.0)?;
            let steps = self.0.steps().iter().cloned().chain([Step::Pca(Box::new(pca))]).collect();
            let encoder = Pooling::new(self.0.position_columns() + n_components, PoolingParams::default())?;
            fishervec::Pipeline::new(self.0.input_dim(), steps, encoder.into())
        };
        project().or_raise().map(Pipeline)
    }

    /// The part of a pass over the gradients of `n` sets that these chunks make up; the batch holds sets from
    /// `first` on.
    fn information_part(
        &self,
        py: Python<'_>,
        batch: Batch<'_>,
        first: usize,
        n: usize,
        chunks: (usize, usize),
        n_jobs: usize,
    ) -> PyResult<Partial> {
        with_sets!(batch, sets => {
            let held = Plan::information(n).items(chunks.0..chunks.1);
            if held.start < first || held.end > first + sets.len() {
                let got = format!("{first} to {}", first + sets.len());
                let expected = format!("expected sets {} to {}, got {got}", held.start, held.end);
                return Err(PyValueError::new_err(expected));
            }
            let numbers: Vec<usize> = (0..n).map(|set| set.wrapping_sub(first)).collect();
            run_interruptible(py, n_jobs, None, |context| {
                self.0.information_part(&sets, &numbers, chunks.0..chunks.1, &context.pool()?)
            })
        })
        .map(|part| Partial(Of::Moments(part)))
    }

    /// The same pipeline with the empirical information of gradients with these moments.
    fn with_gradients(&self, moments: &Moments) -> PyResult<Self> {
        self.0.clone().with_information_of(&moments.0).or_raise().map(Pipeline)
    }
}

impl Pipeline {
    pub(crate) fn library(&self) -> &fishervec::Pipeline {
        &self.0
    }

    /// How images become descriptors.
    pub(crate) fn image_params(&self) -> PyResult<&ImageParams> {
        self.0.images().ok_or_else(|| PyValueError::new_err("expected a pipeline for images"))
    }

    /// Checks that sets are encoded whole, since statistics do not record the positions that a pyramid needs.
    pub(crate) fn check_no_pyramid(&self) -> Result<()> {
        match self.0.pyramid() {
            None => Ok(()),
            Some(pyramid) => Err(Error::Parameter {
                name: "pyramid",
                expected: "none for statistics, which do not record the positions of descriptors".into(),
                got: pyramid.grids().to_string(),
            }),
        }
    }

    /// The number of multiply-adds of encoding `n` rows.
    pub(crate) fn cost(&self, n: usize) -> usize {
        let project = |step: &Step| match step {
            Step::Pca(pca) => pca.components().len(),
            Step::PositionColumns(_) | Step::Rows(_) => 0,
        };
        let encoder = self.0.encoder();
        // All components of the mixture that statistics are accumulated under count; with a location model,
        // those of the joint mixture.
        let encode =
            4 * encoder.statistics_mixture().map_or(encoder.input_dim(), |mixture| mixture.means().len());
        n.saturating_mul(self.0.steps().iter().map(project).sum::<usize>() + encode)
    }
}
