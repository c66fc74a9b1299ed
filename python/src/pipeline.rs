//! The whole chain from descriptors to vectors: fitted, applied, saved.

use crate::batch::{Batch, with_sets};
use crate::error::OrRaise;
use crate::mixture::{GaussianMixture, joined, report_from_json, report_to_json};
use crate::plan::{EncoderPlan, Plan};
use crate::statistics::Statistics;
use crate::work::{Kept, News, released, watched};
use fishervec::{
    Concat, Descriptors, Encoder, EncoderParams, Error, FitReport, InformationFit, LayoutParams,
    OwnedDescriptors, PcaParams, Pooling, Preprocessed, Result, Source, Step, Threads, Workspace,
    sample_rows, sliding_windows,
};
use numpy::{IntoPyArray, PyArray1, PyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use std::path::PathBuf;

/// Preprocessing steps and an encoder.
#[pyclass(frozen, module = "fishervec._fishervec")]
pub(crate) struct Pipeline(fishervec::Pipeline);

/// Fits what is not there yet to the rows of `source`.
fn fit<S: Source>(
    source: &S,
    mut steps: Vec<Step>,
    pca: Option<PcaParams>,
    encoder: EncoderPlan,
    place: &LayoutParams,
    threads: &Threads,
    news: News<'_>,
) -> Result<fishervec::Pipeline> {
    if let Some(pca) = pca {
        let pca = pca.fit(&Preprocessed::new(source, &steps)?.without_carried(), threads)?;
        steps.push(Step::Pca(Box::new(pca)));
    }
    let (encoder, report) = match encoder {
        EncoderPlan::Given(encoder) => (encoder, None),
        EncoderPlan::Fitted(params) => {
            params.fit(&place.rows(Preprocessed::new(source, &steps)?)?, threads, news)?
        }
    };
    Ok(place.finish(source, steps, encoder, threads)?.with_report(report))
}

#[pymethods]
impl Pipeline {
    /// Fits a plan to a sample of the rows of all sets.
    #[staticmethod]
    #[pyo3(signature = (batch, plan, n_jobs, callback=None))]
    fn fit(
        py: Python<'_>,
        batch: Batch<'_>,
        plan: Plan<'_>,
        n_jobs: usize,
        callback: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let (steps, encoder, place) = (plan.given_steps()?, plan.encoder()?, plan.place()?);
        let pca = plan.pca.map(|n_components| PcaParams { n_components, whiten: plan.whiten });
        let (count, seed) = (plan.sample, plan.seed);
        with_sets!(batch, sets => {
            let all = joined(&sets)?;
            watched(py, n_jobs, callback, |threads, news| {
                if all.n_rows() <= count {
                    return fit(&all, steps, pca, encoder, &place, threads, news);
                }
                let sample = OwnedDescriptors::draw(&all, count, seed)?;
                fit(&sample.view(), steps, pca, encoder, &place, threads, news)
            })
        })
        .map(Pipeline)
    }

    /// A plan that needs no data: its steps, its mixture and its location model are there already.
    #[staticmethod]
    fn assemble(plan: Plan<'_>, dim: usize) -> PyResult<Self> {
        let (steps, place) = (plan.given_steps()?, plan.place()?);
        let encoder = match plan.encoder()? {
            EncoderPlan::Given(encoder) => encoder,
            EncoderPlan::Fitted(params) => match *params {
                EncoderParams::Pooling(normalization) => {
                    Encoder::Pooling(Pooling::new(dim, normalization).or_raise()?)
                }
                _ => {
                    let reason = "mixture: expected a fitted one where there is no data";
                    return Err(PyValueError::new_err(reason));
                }
            },
        };
        let nothing = ndarray::Array2::<f64>::zeros((0, dim));
        let nothing = Descriptors::new(nothing.view());
        place.finish(&nothing, steps, encoder, &Threads::one()).or_raise().map(Pipeline)
    }

    /// The same pipeline with the empirical information of a sample of sets, and how many those were.
    fn with_information(
        &self,
        py: Python<'_>,
        batch: Batch<'_>,
        sets: usize,
        seed: u64,
        n_jobs: usize,
    ) -> PyResult<(Self, usize)> {
        let count = sets;
        with_sets!(batch, sets => {
            self.learn(py, n_jobs, |fit, threads| {
                let workspace = Workspace::default();
                for i in sample_rows(sets.len(), count, seed) {
                    let added = self.0.add_information(fit, &sets[i], threads, &workspace);
                    added.map_err(|error| error.at(format!("set {i}")))?;
                }
                Ok(())
            })
        })
    }

    /// The same from statistics, all of them.
    fn with_information_of(
        &self,
        py: Python<'_>,
        statistics: Vec<PyRef<'_, Statistics>>,
        n_jobs: usize,
    ) -> PyResult<(Self, usize)> {
        let statistics: Vec<&fishervec::Statistics> = statistics.iter().map(|one| &one.0).collect();
        self.learn(py, n_jobs, |fit, _| {
            statistics.iter().try_for_each(|one| self.0.encoder().add_information(fit, one))
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
            let vectors = released(py, n_jobs, cost, |threads| {
                Kept::with_workspace(|workspace| self.0.encode_sets_with(&sets, threads, workspace))
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
            let all = released(py, n_jobs, cost, |threads| {
                Kept::with_workspace(|workspace| {
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
        self.whole().or_raise()?;
        let encoder = self.0.encoder();
        with_sets!(batch, sets => {
            let cost = self.cost(sets.iter().map(Source::n_rows).sum());
            released(py, n_jobs, cost, |threads| {
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
        self.whole().or_raise()?;
        let encoder = self.0.encoder();
        let statistics: Vec<&fishervec::Statistics> = statistics.iter().map(|one| &one.0).collect();
        let (n, p) = (statistics.len(), encoder.len());
        let vectors = released(py, n_jobs, n.saturating_mul(p), |threads| {
            let mut out = ndarray::Array2::zeros((n, p));
            let rows = out.as_slice_mut().unwrap_or_default().chunks_exact_mut(p).collect();
            threads.for_each(rows, &|i, row| {
                encoder.encode_statistics(statistics[i], row).map_err(|error| error.at(format!("set {i}")))
            })?;
            Ok(out)
        })?;
        Ok(vectors.into_pyarray(py))
    }

    /// All rows of all sets after the steps, one array (n, D).
    fn preprocess<'py>(
        &self,
        py: Python<'py>,
        batch: Batch<'py>,
        n_jobs: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        let dim = self.0.dim();
        with_sets!(batch, sets => {
            let all = Concat::new(&sets, dim).or_raise()?;
            let cost = all.n_rows().saturating_mul(dim * self.0.encoder().dim());
            let rows = released(py, n_jobs, cost, |threads| {
                Preprocessed::new(&all, self.0.steps())?.to_array(threads)
            })?;
            Ok(rows.into_pyarray(py).into_any())
        })
    }

    /// Columns of the descriptors it takes.
    #[getter]
    fn dim(&self) -> usize {
        self.0.dim()
    }

    /// Columns the encoder itself sees.
    #[getter]
    fn encoder_dim(&self) -> usize {
        self.0.encoder().dim()
    }

    /// How images become descriptors, as JSON.
    #[getter]
    fn images(&self) -> PyResult<Option<String>> {
        self.0.images().map(|images| images.to_json().or_raise()).transpose()
    }

    /// The same pipeline for images.
    fn with_images(&self, json: &str) -> PyResult<Self> {
        let images = fishervec::image::ImageParams::from_json(json).or_raise()?;
        self.0.clone().with_images(images).or_raise().map(Pipeline)
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }

    /// The mixture, of a Fisher vector.
    #[getter]
    fn mixture(&self) -> Option<GaussianMixture> {
        match self.0.encoder() {
            Encoder::Fisher(fisher) => Some(GaussianMixture(fisher.shared_mixture())),
            _ => None,
        }
    }

    /// The location model.
    #[getter]
    fn location(&self) -> Option<GaussianMixture> {
        self.0.encoder().spatial().map(|spatial| GaussianMixture(spatial.shared_location()))
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

    /// The same pipeline with that of another fit.
    fn with_report(&self, report: Option<&str>) -> PyResult<Self> {
        let report: Option<FitReport> = report.map(report_from_json).transpose()?;
        Ok(Pipeline(self.0.clone().with_report(report)))
    }

    /// The settings of all parts; those of the encoder under the names its constructor has.
    #[getter]
    fn settings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let settings = PyDict::new(py);
        let norms = self.0.steps().iter().filter_map(|step| match step {
            Step::Rows(norm) => Some(norm.name()),
            Step::Carry(_) | Step::Pca(_) => None,
        });
        settings.set_item("rows", norms.collect::<Vec<_>>())?;
        settings.set_item("carry", self.0.carry())?;
        let encoder = self.0.encoder();
        let kind = match encoder {
            Encoder::Fisher(fisher) => {
                let params = fisher.params();
                settings.set_item("n_components", fisher.mixture().n_components())?;
                settings.set_item("convention", params.convention.name)?;
                settings.set_item("gradients", fisher.gradients().to_string())?;
                settings.set_item("threshold", params.threshold)?;
                "fisher"
            }
            Encoder::Pooling(_) => "pooling",
            Encoder::Vlad(vlad) => {
                settings.set_item("mass", vlad.params().mass)?;
                settings.set_item("residual", vlad.params().residual)?;
                "vlad"
            }
            Encoder::BagOfWords(_) => "bow",
        };
        settings.set_item("encoder", kind)?;
        settings.set_item("information", encoder.information().name())?;
        settings.set_item("spatial", encoder.spatial().map(|spatial| spatial.location().n_components()))?;
        settings.set_item("pyramid", self.0.pyramid().map(|pyramid| pyramid.grids().to_string()))?;
        if let Some(codebook) = encoder.codebook() {
            settings.set_item("n_clusters", codebook.centres().nrows())?;
            settings.set_item("assignment", codebook.assignment().name())?;
            settings.set_item("threshold", codebook.threshold())?;
        }
        let normalization = encoder.normalization();
        settings.set_item("power", normalization.power)?;
        settings.set_item("norm", normalization.norm.name())?;
        Ok(settings)
    }

    /// Mean, components, explained variance, total variance of the projection, and whether it whitens.
    #[getter]
    #[allow(clippy::type_complexity, reason = "a tuple of arrays")]
    fn pca<'py>(
        &self,
        py: Python<'py>,
    ) -> Option<(Bound<'py, PyArray1<f64>>, Bound<'py, PyArray2<f64>>, Bound<'py, PyArray1<f64>>, f64, bool)>
    {
        let pca = self.0.steps().iter().rev().find_map(|step| match step {
            Step::Pca(pca) => Some(pca),
            Step::Carry(_) | Step::Rows(_) => None,
        })?;
        Some((
            pca.mean().clone().into_pyarray(py),
            pca.components().clone().into_pyarray(py),
            pca.explained_variance().clone().into_pyarray(py),
            pca.total_variance(),
            pca.whiten(),
        ))
    }

    /// The note of whoever wrote it, as JSON.
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
}

impl Pipeline {
    pub(crate) fn library(&self) -> &fishervec::Pipeline {
        &self.0
    }

    /// Sets are encoded whole: what statistics, which do not know where a descriptor was, can do.
    fn whole(&self) -> Result<()> {
        match self.0.pyramid() {
            None => Ok(()),
            Some(pyramid) => Err(Error::Parameter {
                name: "pyramid",
                expected: "none for statistics (a cell's are those of its descriptors)".into(),
                got: pyramid.grids().to_string(),
            }),
        }
    }

    fn learn(
        &self,
        py: Python<'_>,
        n_jobs: usize,
        add: impl FnOnce(&mut InformationFit, &Threads) -> Result<()> + Send,
    ) -> PyResult<(Self, usize)> {
        watched(py, n_jobs, None, |threads, _| {
            let mut fit = InformationFit::new(self.0.encoder().len());
            add(&mut fit, threads)?;
            let n_sets = fit.n_sets();
            Ok((Pipeline(self.0.clone().with_information(fit)?), n_sets))
        })
    }

    /// Multiply-adds of encoding `n` rows.
    fn cost(&self, n: usize) -> usize {
        let project = |step: &Step| match step {
            Step::Pca(pca) => pca.components().len(),
            Step::Carry(_) | Step::Rows(_) => 0,
        };
        let encode = match self.0.encoder() {
            Encoder::Fisher(fisher) => 4 * fisher.statistics_mixture().means().len(),
            other => 4 * other.codebook().map_or(other.dim(), |codebook| codebook.centres().len()),
        };
        n.saturating_mul(self.0.steps().iter().map(project).sum::<usize>() + encode)
    }
}
