//! Sets of descriptors from Python: views, of any number type.

use crate::error::OrRaise;
use fishervec::data::Element;
use fishervec::ndarray::{ArrayView1, s};
use fishervec::{Descriptors, Error, Sets};
use numpy::{PyArrayDescrMethods, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyList;
use std::ops::Range;

/// The `Batch` of values, offsets and weights into which `_sets.py` converts any input of a user: either a
/// list of arrays of shape (n_i, d), or one array (n, d), with offsets if it holds more than one set; and one
/// weight per descriptor, for all sets in one array. All arrays have the same number type.
#[derive(FromPyObject)]
pub(crate) struct Batch<'py> {
    values: Bound<'py, PyAny>,
    offsets: Option<PyReadonlyArray1<'py, i64>>,
    /// Where all arrays of a list are views of one: this, and the first row and the end of each.
    spans: Option<(Bound<'py, PyAny>, PyReadonlyArray2<'py, i64>)>,
    weights: Option<PyReadonlyArray1<'py, f64>>,
}

/// The number types of descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Number {
    F32,
    F64,
    F16,
    U8,
}

/// The arrays of a batch, borrowed while Rust reads them.
pub(crate) struct Arrays<'py, T: numpy::Element> {
    list: Vec<PyReadonlyArray2<'py, T>>,
    offsets: Option<Vec<usize>>,
    /// The rows of each set in the only array of the list.
    spans: Option<Vec<Range<usize>>>,
    weights: Option<PyReadonlyArray1<'py, f64>>,
    /// Whether these are rows and no sets: one array without offsets, as a mixture is fitted to.
    rows: bool,
}

impl<'py> Batch<'py> {
    /// Its number type; f64 for an empty list of sets.
    pub(crate) fn number(&self) -> PyResult<Number> {
        let first = match self.values.cast::<PyList>() {
            Ok(list) if list.is_empty() => return Ok(Number::F64),
            Ok(list) => list.get_item(0)?,
            Err(_) => self.values.clone(),
        };
        let dtype = first.cast::<PyUntypedArray>()?.dtype();
        match (dtype.kind(), dtype.itemsize()) {
            (b'f', 4) => Ok(Number::F32),
            (b'f', 8) => Ok(Number::F64),
            (b'f', 2) => Ok(Number::F16),
            (b'u', 1) => Ok(Number::U8),
            _ => Err(PyTypeError::new_err(format!(
                "descriptors: expected float32, float64, float16 or uint8, got {dtype}"
            ))),
        }
    }

    pub(crate) fn arrays<T: numpy::Element>(&self) -> PyResult<Arrays<'py, T>> {
        let rows = self.offsets.is_none() && self.values.cast::<PyList>().is_err();
        let list = match (self.values.cast::<PyList>(), &self.spans) {
            (Ok(_), Some((whole, _))) => vec![whole.extract()?],
            (Ok(list), None) => list.iter().map(|array| array.extract()).collect::<PyResult<_>>()?,
            (Err(_), _) => vec![self.values.extract()?],
        };
        let offsets = self.offsets.as_ref().map(|offsets| {
            let offset = |(i, offset): (usize, &i64)| {
                let negative = format!("offsets[{i}] is {offset}: expected at least 0");
                usize::try_from(*offset).map_err(|_| PyValueError::new_err(negative))
            };
            offsets.as_array().iter().enumerate().map(offset).collect::<PyResult<_>>()
        });
        let span = |ends: ArrayView1<'_, i64>| -> PyResult<Range<usize>> {
            let row = |i: usize| usize::try_from(ends[i]).map_err(PyErr::from);
            Ok(row(0)?..row(1)?)
        };
        let spans =
            self.spans.as_ref().map(|(_, spans)| spans.as_array().rows().into_iter().map(span).collect());
        let spans: Option<Vec<_>> = spans.transpose()?;
        let weights = self.weights.clone();
        Ok(Arrays { list, offsets: offsets.transpose()?, spans, weights, rows })
    }
}

impl<T: Element + numpy::Element> Arrays<'_, T> {
    /// The sets: views of the arrays, each with its weights.
    pub(crate) fn sets(&self) -> PyResult<Vec<Descriptors<'_, T>>> {
        let weights = self.weights.as_ref().map(|weights| weights.as_slice()).transpose()?;
        let mut sets = Vec::with_capacity(self.list.len());
        if let (Some(offsets), [array]) = (&self.offsets, &self.list[..]) {
            let all = Sets::new(array.as_array(), offsets).or_raise()?;
            sets.extend((0..all.n_sets()).map(|i| all.get(i)));
        } else if let (Some(spans), [array]) = (&self.spans, &self.list[..]) {
            let all = array.as_array();
            sets.extend(spans.iter().map(|span| Descriptors::new(all.slice_move(s![span.clone(), ..]))));
        } else {
            sets.extend(self.list.iter().map(|array| Descriptors::new(array.as_array())));
        }
        let Some(mut rest) = weights else { return Ok(sets) };
        for (i, set) in sets.iter_mut().enumerate() {
            let Some((weights, others)) = rest.split_at_checked(set.rows().nrows()) else { break };
            rest = others;
            let place = |error: Error| if self.rows { error } else { error.at(format!("set {i}")) };
            *set = set.with_weights(weights).map_err(place).or_raise()?;
        }
        Ok(sets)
    }
}

/// Evaluates `$body` with `$sets` bound to the sets of `$batch`, a `Vec<Descriptors<T>>` of their number type
/// T.
macro_rules! with_sets {
    ($batch:expr, $sets:ident => $body:expr) => {
        with_sets!(@each $batch, $sets, $body, F32 f32, F64 f64, F16 half::f16, U8 u8)
    };
    (@each $batch:expr, $sets:ident, $body:expr, $($number:ident $type:ty),+) => {
        match $batch.number()? {
            $($crate::batch::Number::$number => {
                let arrays = $batch.arrays::<$type>()?;
                let $sets = arrays.sets()?;
                $body
            })+
        }
    };
}
pub(crate) use with_sets;
