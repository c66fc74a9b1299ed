//! Parts of a pass over all rows, or all sets, and what they add up to.

use crate::batch::{Batch, with_sets};
use crate::error::OrRaise;
use crate::pipeline::Pipeline;
use crate::statistics::Statistics;
use crate::work::run_interruptible;
use fishervec::data::{Concat, Element, Window};
use fishervec::preprocess::Preprocessed;
use fishervec::shards::{self, Header, Pass, Plan};
use fishervec::{Descriptors, Result};
use numpy::{IntoPyArray, PyArray1, PyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// The bytes of a part, and its kind.
type State<'py> = (Bound<'py, PyBytes>, String);

/// The part of a pass that is done.
#[pyclass(frozen, eq, module = "fishervec._fishervec")]
#[derive(Clone, PartialEq)]
pub(crate) struct Partial(pub(crate) Of);

/// The parts of each kind.
#[derive(Clone, PartialEq)]
pub(crate) enum Of {
    Statistics(shards::Partial<fishervec::Statistics>),
    Moments(shards::Partial<fishervec::data::Moments>),
    Scatter(shards::Partial<fishervec::data::Scatter>),
}

/// The number, mean and variance of rows, or of the gradients of sets.
#[pyclass(frozen, module = "fishervec._fishervec")]
pub(crate) struct Moments(pub(crate) fishervec::data::Moments);

/// The number, mean and summed products of deviations of rows.
#[pyclass(frozen, module = "fishervec._fishervec")]
pub(crate) struct Scatter(pub(crate) fishervec::data::Scatter);

/// What all parts come to.
#[derive(IntoPyObject)]
pub(crate) enum Whole {
    Statistics(Statistics),
    Moments(Moments),
    Scatter(Scatter),
}

/// Evaluates `$body` with `$part` bound to the part of whatever kind.
macro_rules! each {
    ($of:expr, $part:ident => $body:expr) => {
        match $of {
            Of::Statistics($part) => $body,
            Of::Moments($part) => $body,
            Of::Scatter($part) => $body,
        }
    };
}

#[pymethods]
impl Partial {
    /// All the given parts of one pass as one; a chunk may be there twice.
    #[staticmethod]
    fn merged(py: Python<'_>, parts: Vec<PyRef<'_, Self>>) -> PyResult<Self> {
        let (first, rest) =
            parts.split_first().ok_or_else(|| PyValueError::new_err("expected at least one part"))?;
        let mut all = first.0.clone();
        let rest: Vec<&Of> = rest.iter().map(|part| &part.0).collect();
        py.detach(|| rest.into_iter().try_for_each(|part| all.add(part))).or_raise()?;
        Ok(Partial(all))
    }

    /// The same as a part of a pass over the list of files with this identity, in hexadecimal.
    fn of_list(&self, list: &str) -> PyResult<Self> {
        let id = u64::from_str_radix(list, 16);
        let id =
            id.map_err(|_| PyValueError::new_err(format!("expected 16 hexadecimal digits, got {list}")))?;
        Ok(Partial(match self.0.clone() {
            Of::Statistics(part) => Of::Statistics(part.of_list(id)),
            Of::Moments(part) => Of::Moments(part.of_list(id)),
            Of::Scatter(part) => Of::Scatter(part.of_list(id)),
        }))
    }

    /// What the pass computes: mixture, moments, scatter or information.
    #[getter]
    fn kind(&self) -> String {
        self.0.header().kind.to_string()
    }

    /// The identity of the model, in hexadecimal.
    #[getter]
    fn model(&self) -> String {
        self.0.header().model.clone()
    }

    /// The number of items of the pass: rows, or sets of an information.
    #[getter]
    fn n_items(&self) -> usize {
        self.0.header().plan.n_items()
    }

    /// The share of the items that is done, from 0 to 1.
    #[getter]
    fn progress(&self) -> f64 {
        each!(&self.0, part => part.progress())
    }

    /// The chunks that are missing: from and to.
    #[getter]
    fn missing(&self) -> Vec<(usize, usize)> {
        let missing = each!(&self.0, part => part.missing());
        missing.into_iter().map(|chunks| (chunks.start, chunks.end)).collect()
    }

    /// The result of the whole pass; None for a pass over nothing.
    fn finish(&self) -> PyResult<Option<Whole>> {
        Ok(match self.0.clone() {
            Of::Statistics(part) => part.finish().or_raise()?.map(|all| Whole::Statistics(Statistics(all))),
            Of::Moments(part) => part.finish().or_raise()?.map(|all| Whole::Moments(Moments(all))),
            Of::Scatter(part) => part.finish().or_raise()?.map(|all| Whole::Scatter(Scatter(all))),
        })
    }

    /// The bytes that a file of the command has.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &each!(&self.0, part => part.to_bytes()).or_raise()?))
    }

    /// A part of this kind from its bytes.
    #[staticmethod]
    #[pyo3(signature = (data, kind="mixture"))]
    fn from_bytes(data: &[u8], kind: &str) -> PyResult<Self> {
        let of = match kind.parse().or_raise()? {
            Pass::Mixture => Of::Statistics(shards::Partial::from_bytes(data).or_raise()?),
            Pass::Moments | Pass::Information => Of::Moments(shards::Partial::from_bytes(data).or_raise()?),
            Pass::Scatter => Of::Scatter(shards::Partial::from_bytes(data).or_raise()?),
        };
        Ok(Partial(of))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, State<'py>)> {
        let restore = py.get_type::<Self>().getattr("from_bytes")?;
        Ok((restore, (self.to_bytes(py)?, self.kind())))
    }

    fn __sizeof__(&self) -> PyResult<usize> {
        Ok(each!(&self.0, part => part.to_bytes()).or_raise()?.len())
    }

    fn __repr__(&self) -> String {
        format!("Partial(kind={}, n_items={}, progress={})", self.kind(), self.n_items(), self.progress())
    }
}

impl Of {
    fn header(&self) -> &Header {
        each!(self, part => part.header())
    }

    fn add(&mut self, other: &Self) -> Result<()> {
        match (self, other) {
            (Of::Statistics(part), Of::Statistics(other)) => part.add(other.clone()),
            (Of::Moments(part), Of::Moments(other)) => part.add(other.clone()),
            (Of::Scatter(part), Of::Scatter(other)) => part.add(other.clone()),
            (one, other) => one.header().check(other.header()),
        }
    }
}

#[pymethods]
impl Moments {
    /// The part of a pass over `n` rows that these chunks make up; the batch holds rows from `first` on.
    #[staticmethod]
    fn part(
        py: Python<'_>,
        batch: Batch<'_>,
        first: usize,
        n: usize,
        chunks: (usize, usize),
        n_jobs: usize,
    ) -> PyResult<Partial> {
        with_sets!(batch, sets => {
            let all = Held::new(&sets, first, n).or_raise()?;
            run_interruptible(py, n_jobs, None, |context| {
                let rows = all.rows()?;
                fishervec::data::Moments::part(&rows, chunks.0..chunks.1, &context.pool()?)
            })
        })
        .map(|part| Partial(Of::Moments(part)))
    }

    /// The number of rows.
    #[getter]
    fn n(&self) -> f64 {
        self.0.n()
    }

    /// Shape (D,).
    #[getter]
    fn mean<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.0.mean().to_vec().into_pyarray(py)
    }

    /// Divided by n, shape (D,).
    #[getter]
    fn variance<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.0.variance().into_pyarray(py)
    }

    /// What floors of variances are relative to, shape (D,).
    #[getter]
    fn positive_variance<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.0.positive_variance().into_pyarray(py)
    }
}

#[pymethods]
impl Scatter {
    /// The part of a pass over `n` rows, after the steps of a pipeline, that these chunks make up; the batch
    /// holds rows from `first` on.
    #[staticmethod]
    fn part(
        py: Python<'_>,
        pipeline: &Pipeline,
        batch: Batch<'_>,
        first: usize,
        n: usize,
        chunks: (usize, usize),
        n_jobs: usize,
    ) -> PyResult<Partial> {
        let pipeline = pipeline.library();
        with_sets!(batch, sets => {
            let all = Held::new(&sets, first, n).or_raise()?;
            run_interruptible(py, n_jobs, None, |context| {
                let rows = all.rows()?;
                let rows = Preprocessed::new(&rows, pipeline.steps())?;
                fishervec::data::Scatter::part(&rows, chunks.0..chunks.1, &context.pool()?)
            })
        })
        .map(|part| Partial(Of::Scatter(part)))
    }

    /// The number of rows.
    #[getter]
    fn n(&self) -> f64 {
        self.0.n()
    }

    /// Shape (D,).
    #[getter]
    fn mean<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.0.mean().to_vec().into_pyarray(py)
    }

    /// Shape (D, D).
    #[getter]
    fn products<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        self.0.products().to_owned().into_pyarray(py)
    }
}

/// The rows of a batch as rows `first..` of `n`.
pub(crate) struct Held<'a, T> {
    rows: Concat<'a, Descriptors<'a, T>>,
    first: usize,
    n: usize,
}

impl<'a, T: Element> Held<'a, T> {
    pub(crate) fn new(sets: &'a [Descriptors<'a, T>], first: usize, n: usize) -> Result<Self> {
        Ok(Held { rows: Concat::new(sets)?, first, n })
    }

    pub(crate) fn rows(&self) -> Result<Window<'_, Concat<'a, Descriptors<'a, T>>>> {
        Window::new(&self.rows, self.first, self.n)
    }
}

/// How a pass is cut into chunks.
#[pyclass(frozen, eq, module = "fishervec._fishervec")]
#[derive(Clone, PartialEq)]
pub(crate) struct Cuts(pub(crate) Plan);

#[pymethods]
impl Cuts {
    /// Of a pass over the moments, or the scatter, of `n` rows.
    #[staticmethod]
    fn moments(n: usize) -> Self {
        Cuts(Plan::moments(n))
    }

    /// Of a pass over the gradients of `n` sets.
    #[staticmethod]
    fn information(n: usize) -> Self {
        Cuts(Plan::information(n))
    }

    fn __len__(&self) -> usize {
        self.0.n_chunks()
    }

    /// The items of some chunks: from and to.
    fn items(&self, chunks: (usize, usize)) -> PyResult<(usize, usize)> {
        let (from, to) = chunks;
        if from > to || to > self.0.n_chunks() {
            let n = self.0.n_chunks();
            return Err(PyValueError::new_err(format!(
                "chunks: expected a range within 0..{n}, got {from}..{to}"
            )));
        }
        let items = self.0.items(from..to);
        Ok((items.start, items.end))
    }

    /// The chunks of shard `index` (from 0) of `of`: from and to.
    fn shard(&self, index: usize, of: usize) -> PyResult<(usize, usize)> {
        let chunks = self.0.shard(index, of).or_raise()?;
        Ok((chunks.start, chunks.end))
    }

    /// The first chunk that begins at `item` or later.
    fn first_at(&self, item: usize) -> usize {
        self.0.first_at(item)
    }
}
