//! Files of sets from Python: what a file holds, and blocks of its rows.

use crate::error::OrRaise;
use crate::pipeline::Pipeline;
use fishervec::data::{RowBuffer, sample_rows as draw};
use fishervec::io::npy::Labels;
use fishervec::io::{ArrayNames, FileRows, SetFile as Opened, SetInFile};
use fishervec::pipeline::InformationFit;
use fishervec::{Result, Source};
use numpy::IntoPyArray;
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// An open file of sets, of any format that the library reads.
#[pyclass(frozen, module = "fishervec._fishervec")]
pub(crate) struct SetFile {
    sets: Vec<SetInFile>,
    /// The file, and the array that was opened last, which may be a temporary file.
    open: Mutex<(Opened, Option<(String, FileRows)>)>,
}

/// A set of a file: name, array, number of rows, number of columns, whether it is in double precision.
type About = (String, String, usize, usize, bool);

#[pymethods]
impl SetFile {
    /// Opens the file and reads its headers, with arrays of these names for descriptors and positions, if
    /// there are any.
    #[new]
    #[pyo3(signature = (path, array=None, positions=None))]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        array: Option<String>,
        positions: Option<String>,
    ) -> PyResult<Self> {
        let names = ArrayNames { descriptors: array.as_deref(), positions: positions.as_deref() };
        let file = py.detach(|| Opened::open_arrays(&path, names)).or_raise()?;
        Ok(SetFile { sets: file.sets().to_vec(), open: Mutex::new((file, None)) })
    }

    /// The endings of the names of such files.
    #[staticmethod]
    fn endings() -> Vec<String> {
        Opened::endings().iter().map(|ending| format!(".{ending}")).collect()
    }

    /// Its sets, in their order.
    #[getter]
    fn sets(&self) -> Vec<About> {
        let about = |set: &SetInFile| {
            (set.name.clone(), set.array.clone(), set.rows.len(), set.dim - set.n_positions, set.is_f64)
        };
        self.sets.iter().map(about).collect()
    }

    /// One label per set, if the file has them.
    #[getter]
    fn labels(&self) -> Option<Vec<Label>> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.0.labels().map(labels_of)
    }

    /// The arrays that could hold descriptors too.
    #[getter]
    fn passed_over(&self) -> Vec<String> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.0.passed_over().to_vec()
    }

    /// The rows from `start` to `stop` of a set, shape (stop - start, d), float64 if the file is, or else
    /// float32.
    fn read<'py>(
        &self,
        py: Python<'py>,
        set: usize,
        start: usize,
        stop: usize,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (rows, about) = self.rows(py, set)?;
        if start > stop || stop > about.rows.len() {
            let n = about.rows.len();
            return Err(PyIndexError::new_err(format!("rows {start}..{stop} of a set of {n} rows")));
        }
        let range = about.rows.start + start..about.rows.start + stop;
        if rows.is_f64() {
            array::<f64>(py, &rows, range, None)
        } else {
            array::<f32>(py, &rows, range, None)
        }
    }

    /// The positions of the rows of a set, shape (n, L); None if the file has none.
    fn positions<'py>(&self, py: Python<'py>, set: usize) -> PyResult<Option<Bound<'py, PyAny>>> {
        let about = self.sets.get(set).ok_or_else(|| PyIndexError::new_err(format!("no set {set}")))?;
        let opened =
            py.detach(|| self.open.lock().unwrap_or_else(PoisonError::into_inner).0.positions(about));
        let positions = opened.or_raise()?;
        positions.map(|rows| array::<f64>(py, &rows, about.rows.clone(), None)).transpose()
    }

    /// The rows of a set with these ascending numbers, shape (numbers, d).
    fn gather<'py>(&self, py: Python<'py>, set: usize, numbers: Vec<usize>) -> PyResult<Bound<'py, PyAny>> {
        let (rows, about) = self.rows(py, set)?;
        let n = about.rows.len();
        if numbers.last().is_some_and(|last| *last >= n) || !numbers.is_sorted() {
            return Err(PyIndexError::new_err(format!("expected ascending row numbers below {n}")));
        }
        let (range, numbers) = (about.rows.clone(), Some(&numbers[..]));
        if rows.is_f64() {
            array::<f64>(py, &rows, range, numbers)
        } else {
            array::<f32>(py, &rows, range, numbers)
        }
    }
}

impl SetFile {
    /// The array that holds a set.
    fn rows(&self, py: Python<'_>, set: usize) -> PyResult<(FileRows, &SetInFile)> {
        let about = self.sets.get(set).ok_or_else(|| PyIndexError::new_err(format!("no set {set}")))?;
        let rows = py.detach(|| -> Result<FileRows> {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            let (file, last) = &mut *open;
            if let Some((_, rows)) = last.as_ref().filter(|(array, _)| *array == about.array) {
                return Ok(rows.clone());
            }
            let rows = file.rows(&about.array)?;
            *last = Some((about.array.clone(), rows.clone()));
            Ok(rows)
        });
        Ok((rows.or_raise()?, about))
    }
}

/// The rows of a range, or those of the range with these numbers, as an array.
fn array<'py, F: fishervec::data::Real + numpy::Element>(
    py: Python<'py>,
    rows: &FileRows,
    range: std::ops::Range<usize>,
    numbers: Option<&[usize]>,
) -> PyResult<Bound<'py, PyAny>> {
    let values = py.detach(|| -> Result<ndarray::Array2<F>> {
        let rows = rows.rows::<F>(range);
        let n = numbers.map_or(rows.n_rows(), <[usize]>::len);
        let mut values = ndarray::Array2::from_elem((n, rows.dim()), F::from_f64(0.0));
        let out = values.as_slice_mut().expect("an array in standard layout");
        match numbers {
            Some(numbers) => rows.gather(numbers, out)?,
            None => rows.read(0, out, &mut RowBuffer::default())?,
        }
        Ok(values)
    });
    Ok(values.or_raise()?.into_pyarray(py).into_any())
}

/// The files that paths of files and folders stand for, in their order: the number of the path, the file,
/// and the reason if it is not read as descriptors.
#[pyfunction]
pub(crate) fn list_files(
    py: Python<'_>,
    paths: Vec<PathBuf>,
) -> PyResult<Vec<(usize, PathBuf, Option<&'static str>)>> {
    py.detach(|| fishervec_cli::list_files(&paths)).or_raise()
}

/// A label: a whole number or a name.
#[derive(FromPyObject, IntoPyObject)]
pub(crate) enum Label {
    Number(i64),
    Name(String),
}

/// One label per set of a file.
pub(crate) fn labels_of(labels: &Labels) -> Vec<Label> {
    match labels {
        Labels::Names(names) => names.iter().cloned().map(Label::Name).collect(),
        Labels::Integers(numbers) => numbers.iter().copied().map(Label::Number).collect(),
    }
}

/// The labels of sets by a .csv or .tsv table, in that column or the only one that can hold labels, and
/// warnings about sets and rows without the other. Of each set there is the path of its file, its name, and
/// whether it is alone in its file.
#[pyfunction]
pub(crate) fn labels_of_table(
    path: PathBuf,
    column: Option<&str>,
    sets: Vec<(PathBuf, String, bool)>,
) -> PyResult<(Vec<Option<Label>>, Vec<String>)> {
    let (labels, warnings) = fishervec_cli::labels_of_table(&path, column, &sets)
        .map_err(|error| PyValueError::new_err(error.to_string()))?;
    let label = |label| match label {
        fishervec_cli::Label::Number(number) => Label::Number(number),
        fishervec_cli::Label::Name(name) => Label::Name(name),
    };
    Ok((labels.into_iter().map(|one| one.map(label)).collect(), warnings))
}

/// The numbers of up to `count` of `n` rows, drawn without replacement, in ascending order.
#[pyfunction]
pub(crate) fn sample_rows(n: usize, count: usize, seed: u64) -> Vec<usize> {
    draw(n, count, seed)
}

/// An empirical information that is being learned, some sets at a time.
#[pyclass(frozen, module = "fishervec._fishervec")]
pub(crate) struct Information(pub(crate) Mutex<InformationFit>);

#[pymethods]
impl Information {
    /// Starts a fit to so many sets, for the vectors of a pipeline.
    #[new]
    fn new(pipeline: &Pipeline, n_sets: usize) -> PyResult<Self> {
        let fit = pipeline.library().information_fit(n_sets);
        let expected = || PyValueError::new_err("expected a pipeline with an empirical information");
        fit.map(|fit| Information(Mutex::new(fit))).ok_or_else(expected)
    }

    /// The number of sets so far that had descriptors.
    #[getter]
    fn n_sets(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).n_sets()
    }
}
