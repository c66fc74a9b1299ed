//! Rounds over all rows that improve a mixture or a codebook, and steps over rows that come once.

use crate::batch::{Batch, with_sets};
use crate::error::OrRaise;
use crate::mixture::{GaussianMixture, Start, params, report_to_json};
use crate::parts::{Cuts, Held, Of, Partial};
use crate::pipeline::Pipeline;
use crate::statistics::Statistics;
use crate::work::run_interruptible;
use fishervec::Encode;
use fishervec::Source;
use fishervec::mixture::Init;
use fishervec::mixture::StepwiseParams;
use fishervec::pipeline::Polish;
use fishervec::run::Workspace;
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A pipeline whose mixture or codebook is improved by rounds over all rows.
#[pyclass(frozen, module = "fishervec._fishervec")]
pub(crate) struct Rounds(Mutex<Polish>);

#[pymethods]
impl Rounds {
    /// Starts rounds with the settings of a mixture's fit, as JSON. Floors are relative to `scale`, the
    /// variance of all rows, or else to the variance that the mixture has. `lower_bound` is that of the fit
    /// that the rounds go on with.
    #[new]
    #[pyo3(signature = (pipeline, settings, scale=None, lower_bound=None))]
    fn new(
        pipeline: &Pipeline,
        settings: &str,
        scale: Option<PyReadonlyArray1<'_, f64>>,
        lower_bound: Option<f64>,
    ) -> PyResult<Self> {
        let (pipeline, params) = (pipeline.library(), params(settings, None)?);
        let params = match (lower_bound, pipeline.encoder().mixture()) {
            (Some(lower_bound), Some(mixture)) => params.init(Init::Continued(mixture.clone(), lower_bound)),
            _ => params,
        };
        let polish = match scale {
            Some(scale) => pipeline.polish_scaled(params, scale.as_slice()?),
            None => pipeline.polish(params),
        };
        Ok(Rounds(Mutex::new(polish.or_raise()?)))
    }

    /// Goes on with the rounds of a model file, or starts them with these settings.
    #[staticmethod]
    fn from_bytes(data: &[u8], settings: &str) -> PyResult<Self> {
        let polish = Polish::from_bytes(data, &params(settings, None)?).or_raise()?;
        Ok(Rounds(Mutex::new(polish)))
    }

    /// A model file that also says how far the rounds are; that of the pipeline once they are done.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.polish().to_bytes().or_raise()?))
    }

    fn __sizeof__(&self) -> PyResult<usize> {
        Ok(self.polish().to_bytes().or_raise()?.len())
    }

    /// The pipeline of this round.
    #[getter]
    fn pipeline(&self) -> Pipeline {
        Pipeline(self.polish().pipeline().clone())
    }

    /// The mixture that statistics are taken under.
    #[getter]
    fn mixture(&self) -> GaussianMixture {
        GaussianMixture(self.polish().mixture().clone())
    }

    /// The number of rounds so far.
    #[getter]
    fn n_iter(&self) -> usize {
        self.polish().n_iter()
    }

    /// Whether they have converged, or are as many as they may be.
    #[getter]
    fn is_done(&self) -> bool {
        self.polish().is_done()
    }

    #[getter]
    fn is_converged(&self) -> bool {
        self.polish().is_converged()
    }

    /// The report of the rounds of a mixture, as JSON.
    #[getter]
    fn report(&self) -> PyResult<Option<String>> {
        self.polish().report().map(report_to_json).transpose()
    }

    /// How a round over `n` rows is cut into chunks.
    fn plan(&self, n: usize) -> Cuts {
        Cuts(self.polish().plan(n))
    }

    /// The part of a round over `n` rows that these chunks make up; the batch holds rows from `first` on.
    fn accumulate(
        &self,
        py: Python<'_>,
        batch: Batch<'_>,
        first: usize,
        n: usize,
        chunks: (usize, usize),
        n_jobs: usize,
    ) -> PyResult<Partial> {
        let polish = self.polish().clone();
        with_sets!(batch, sets => {
            let all = Held::new(&sets, first, n).or_raise()?;
            run_interruptible(py, n_jobs, None, |context| {
                polish.accumulate_part(&all.rows()?, chunks.0..chunks.1, &context.pool()?, &Workspace::default())
            })
        })
        .map(|part| Partial(Of::Statistics(part)))
    }

    /// One round, from the statistics of all rows; whether the rounds are done.
    fn step(&self, py: Python<'_>, statistics: &Statistics) -> PyResult<bool> {
        py.detach(|| self.polish().step(&statistics.0)).or_raise().map(|flow| flow.is_break())
    }
}

impl Rounds {
    fn polish(&self) -> MutexGuard<'_, Polish> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A fit of a mixture to rows that come a few thousand at a time.
#[pyclass(frozen, module = "fishervec._fishervec")]
pub(crate) struct Stepwise(Mutex<fishervec::mixture::Stepwise>);

#[pymethods]
impl Stepwise {
    /// Starts a fit with the settings of a mixture's, as JSON, from the given mixture or from k-means on the
    /// first rows, whose variance floors are relative to.
    #[staticmethod]
    fn start(
        py: Python<'_>,
        batch: Batch<'_>,
        settings: &str,
        start: Option<Start<'_>>,
        n_jobs: usize,
    ) -> PyResult<Self> {
        let params = params(settings, start)?;
        with_sets!(batch, sets => {
            let rows = Held::new(&sets, 0, sets.iter().map(Source::n_rows).sum()).or_raise()?;
            run_interruptible(py, n_jobs, None, |context| {
                fishervec::mixture::Stepwise::start(&params, StepwiseParams::default(), &rows.rows()?, context)
            })
        })
        .map(|fit| Stepwise(Mutex::new(fit)))
    }

    /// One step, by all rows of the batch.
    fn step(&self, py: Python<'_>, batch: Batch<'_>, n_jobs: usize) -> PyResult<()> {
        with_sets!(batch, sets => {
            let rows = Held::new(&sets, 0, sets.iter().map(Source::n_rows).sum()).or_raise()?;
            run_interruptible(py, n_jobs, None, |context| {
                let mut fit = self.fit();
                let (threads, workspace) = (context.pool()?, Workspace::default());
                let statistics = fit.mixture().accumulate(&rows.rows()?, fit.threshold(), &threads, &workspace)?;
                fit.step(&statistics)
            })
        })
    }

    /// The mixture so far.
    #[getter]
    fn mixture(&self) -> GaussianMixture {
        GaussianMixture(self.fit().mixture().clone())
    }

    /// The report so far, as JSON.
    #[getter]
    fn report(&self) -> PyResult<String> {
        report_to_json(&self.fit().report())
    }

    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.fit().to_bytes().or_raise()?))
    }

    #[staticmethod]
    fn from_bytes(data: &[u8]) -> PyResult<Self> {
        Ok(Stepwise(Mutex::new(fishervec::mixture::Stepwise::from_bytes(data).or_raise()?)))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        Ok((py.get_type::<Self>().getattr("from_bytes")?, (self.to_bytes(py)?,)))
    }

    fn __sizeof__(&self) -> PyResult<usize> {
        Ok(self.fit().to_bytes().or_raise()?.len())
    }
}

impl Stepwise {
    fn fit(&self) -> MutexGuard<'_, fishervec::mixture::Stepwise> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
