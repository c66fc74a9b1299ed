//! The sufficient statistics of a set.

use crate::error::OrRaise;
use crate::mixture::GaussianMixture;
use fishervec::data::Element;
use fishervec::run::Threads;
use fishervec::{Descriptors, Result};
use numpy::{IntoPyArray, PyArray1, PyArray2};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// The sufficient statistics of a set under a mixture: all that an encoding needs of its descriptors.
///
/// N, S0 = sum q, Z1 = sum q z and Z2 = sum q z**2 with the posteriors q and z = (x - mean) / standard
/// deviation, and the log-likelihood. Those of disjoint sets can be added (``a + b``, ``sum(list)``),
/// subtracted (``a - b``) and scaled (``2 * a``), if they were accumulated under the same mixture. A
/// difference has the rounding of what is subtracted, so one outlier in ``b`` can leave nothing of it: for
/// windows, add the statistics of parts, or use `transform_windows`. `FisherVector.transform` accepts them in
/// place of sets. `FisherVector.statistics` and `GaussianMixture.statistics` return them.
///
/// Attributes
/// ----------
/// n : float
///     N: the number of descriptors, or the sum of their weights.
/// s0 : ndarray of shape (K,)
///     S0, the number of descriptors per component.
/// z1 : ndarray of shape (K, D)
///     Z1, in standard deviations.
/// z2 : ndarray of shape (K, D)
///     Z2.
/// log_likelihood : float
///     The log-likelihood of the set, in nats.
/// softness : float or None
///     The mean of the largest posteriors, from 1/K (soft) to 1 (hard); None for an empty set.
/// dropped_bound : float
///     An upper bound of the posterior mass that the threshold dropped, in descriptors.
///
/// See Also
/// --------
/// FisherVector.statistics : Those of each set.
///
/// Notes
/// -----
/// Memory is O(K D) per set, independent of the size of the set. The arrays are float64 copies.
///
/// Examples
/// --------
/// >>> import numpy as np
/// >>> from fishervec import GaussianMixture, Statistics
/// >>> X = np.random.default_rng(0).normal(size=(100, 3))
/// >>> gmm = GaussianMixture(n_components=2, random_state=0, tol=1e-2).fit(X)
/// >>> a, b = gmm.statistics([X[:40], X[40:]])
/// >>> a + b
/// Statistics(n=100, n_components=2, dim=3)
/// >>> np.allclose((a + b).s1(gmm).sum(axis=0), X.sum(axis=0))
/// True
/// >>> Statistics.from_bytes(a.to_bytes()) == a
/// True
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

/// The compiled mixture itself, or that of an estimator of the same name.
fn compiled<'py>(mixture: &Bound<'py, PyAny>) -> PyResult<Bound<'py, GaussianMixture>> {
    if let Ok(mixture) = mixture.cast::<GaussianMixture>() {
        return Ok(mixture.clone());
    }
    let Some(compiled) = mixture.getattr_opt("_compiled")? else {
        let reason = format!("mixture: expected a GaussianMixture, got {}", mixture.get_type().name()?);
        return Err(PyTypeError::new_err(reason));
    };
    Ok(compiled.call0()?.cast_into::<GaussianMixture>()?)
}

#[pymethods]
impl Statistics {
    /// Read statistics from the bytes of `to_bytes`.
    ///
    /// Parameters
    /// ----------
    /// data : bytes
    ///     What `to_bytes` returned.
    ///
    /// Returns
    /// -------
    /// statistics : Statistics
    ///     The statistics, equal to those that were written.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     If the bytes are not those of statistics, or are damaged.
    #[staticmethod]
    fn from_bytes(data: &[u8]) -> PyResult<Self> {
        fishervec::Statistics::from_bytes(data).or_raise().map(Statistics)
    }

    /// The bytes of a safetensors file, the same on every machine.
    ///
    /// Returns
    /// -------
    /// data : bytes
    ///     The bytes, for `from_bytes`; `pickle` uses them too.
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

    /// Z2 = sum q z**2, shape (K, D).
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

    /// The raw moment S1 = sum q x, in the unit of the descriptors.
    ///
    /// Parameters
    /// ----------
    /// mixture : GaussianMixture
    ///     The mixture that the statistics were accumulated under.
    ///
    /// Returns
    /// -------
    /// s1 : ndarray of shape (K, D)
    ///     The moment.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     If the statistics were accumulated under another mixture.
    fn s1<'py>(&self, py: Python<'py>, mixture: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        Ok(self.0.s1(&compiled(mixture)?.get().0).or_raise()?.into_pyarray(py))
    }

    /// The raw moment S2 = sum q x**2, in the unit of the descriptors squared.
    ///
    /// Parameters
    /// ----------
    /// mixture : GaussianMixture
    ///     The mixture that the statistics were accumulated under.
    ///
    /// Returns
    /// -------
    /// s2 : ndarray of shape (K, D)
    ///     The moment.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     If the statistics were accumulated under another mixture.
    fn s2<'py>(&self, py: Python<'py>, mixture: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyArray2<f64>>> {
        Ok(self.0.s2(&compiled(mixture)?.get().0).or_raise()?.into_pyarray(py))
    }

    fn __sizeof__(&self) -> usize {
        8 * (self.0.s0().len() + 2 * self.0.z1().len()) + 512
    }

    fn __add__(&self, other: &Self) -> PyResult<Self> {
        let mut all = self.0.clone();
        all.merge(&other.0).or_raise()?;
        Ok(Statistics(all))
    }

    /// Accepts 0, at which `sum(list)` starts.
    fn __radd__(&self, zero: f64) -> PyResult<Self> {
        if zero == 0.0 {
            return Ok(self.clone());
        }
        Err(PyTypeError::new_err("statistics can only be added to statistics"))
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

    fn __truediv__(&self, divisor: f64) -> PyResult<Self> {
        self.__mul__(1.0 / divisor)
    }

    fn __rmul__(&self, factor: f64) -> PyResult<Self> {
        self.__mul__(factor)
    }

    fn __repr__(&self) -> String {
        let (k, d) = self.0.z1().dim();
        format!("Statistics(n={}, n_components={k}, dim={d})", self.0.n())
    }
}
