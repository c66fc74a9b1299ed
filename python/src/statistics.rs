//! The sufficient statistics of a set.

use crate::error::OrRaise;
use crate::mixture::GaussianMixture;
use fishervec::{Descriptors, Element, Result, Threads};
use numpy::{IntoPyArray, PyArray1, PyArray2};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// The sufficient statistics of a set under a mixture: N, S0 = sum q, Z1 = sum q z, Z2 = sum q z^2 and the
/// log-likelihood, with z = (x - mean) / standard deviation.
///
/// Those of disjoint sets add (``a + b``, ``sum(list)``), take apart (``a - b``) and scale (``2 * a``), as long
/// as they were taken under the same mixture. `FisherVector.transform` takes them in place of sets.
#[pyclass(frozen, eq, module = "fishervec")]
#[derive(Clone, PartialEq)]
pub(crate) struct Statistics(pub(crate) fishervec::Statistics);

/// The statistics of each of `sets`, in parallel; an error names its set.
pub(crate) fn of_sets<T: Element>(
    sets: &[Descriptors<'_, T>],
    threads: &Threads,
    of_set: &(impl Fn(&Descriptors<'_, T>) -> Result<fishervec::Statistics> + Sync),
) -> Result<Vec<Statistics>> {
    let mut out: Vec<Option<Statistics>> = vec![None; sets.len()];
    threads.for_each(out.iter_mut().collect(), &|i, out| {
        let statistics = of_set(&sets[i]).map_err(|error| error.at(format!("set {i}")))?;
        *out = Some(Statistics(statistics));
        Ok(())
    })?;
    Ok(out.into_iter().flatten().collect())
}

#[pymethods]
impl Statistics {
    /// The statistics in the bytes of `to_bytes`.
    #[staticmethod]
    fn from_bytes(data: &[u8]) -> PyResult<Self> {
        fishervec::Statistics::from_bytes(data).or_raise().map(Statistics)
    }

    /// The bytes of a safetensors file, the same on every machine.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.0.to_bytes().or_raise()?))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        let restore = py.get_type::<Self>().getattr("from_bytes")?;
        Ok((restore, (self.to_bytes(py)?,)))
    }

    /// N: the number of descriptors, or the sum of their weights.
    #[getter]
    fn n(&self) -> f64 {
        self.0.n()
    }

    /// S0 = sum q, shape (K,).
    #[getter]
    fn s0<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        self.0.s0().to_owned().into_pyarray(py)
    }

    /// Z1 = sum q z, shape (K, D), in standard deviations.
    #[getter]
    fn z1<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        self.0.z1().to_owned().into_pyarray(py)
    }

    /// Z2 = sum q z^2, shape (K, D).
    #[getter]
    fn z2<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        self.0.z2().to_owned().into_pyarray(py)
    }

    /// The log-likelihood of the set, in nats.
    #[getter]
    fn log_likelihood(&self) -> f64 {
        self.0.log_likelihood()
    }

    /// The mean of the largest posteriors, from 1/K (soft) to 1 (hard); None for an empty set.
    #[getter]
    fn softness(&self) -> Option<f64> {
        self.0.softness()
    }

    /// An upper bound of the posterior mass that the threshold dropped, in descriptors.
    #[getter]
    fn dropped_bound(&self) -> f64 {
        self.0.dropped_bound()
    }

    /// The raw moment S1 = sum q x, shape (K, D).
    fn s1<'py>(&self, py: Python<'py>, mixture: &GaussianMixture) -> PyResult<Bound<'py, PyArray2<f64>>> {
        Ok(self.0.s1(&mixture.0).or_raise()?.into_pyarray(py))
    }

    /// The raw moment S2 = sum q x^2, shape (K, D).
    fn s2<'py>(&self, py: Python<'py>, mixture: &GaussianMixture) -> PyResult<Bound<'py, PyArray2<f64>>> {
        Ok(self.0.s2(&mixture.0).or_raise()?.into_pyarray(py))
    }

    fn __add__(&self, other: &Self) -> PyResult<Self> {
        let mut all = self.0.clone();
        all.merge(&other.0).or_raise()?;
        Ok(Statistics(all))
    }

    /// So that `sum(list)`, which starts at 0, works.
    fn __radd__(&self, zero: f64) -> PyResult<Self> {
        if zero == 0.0 {
            return Ok(self.clone());
        }
        Err(pyo3::exceptions::PyTypeError::new_err("statistics can only be added to statistics"))
    }

    fn __sub__(&self, other: &Self) -> PyResult<Self> {
        let mut rest = self.0.clone();
        rest.subtract(&other.0).or_raise()?;
        Ok(Statistics(rest))
    }

    fn __mul__(&self, factor: f64) -> PyResult<Self> {
        let mut scaled = self.0.clone();
        scaled.scale(factor).or_raise()?;
        Ok(Statistics(scaled))
    }

    fn __rmul__(&self, factor: f64) -> PyResult<Self> {
        self.__mul__(factor)
    }

    fn __repr__(&self) -> String {
        let (k, d) = self.0.z1().dim();
        format!("Statistics(n={}, n_components={k}, dim={d})", self.0.n())
    }
}
