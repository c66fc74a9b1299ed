//! Lists of files with their sets, whose headers were read once.

use crate::error::OrRaise;
use crate::files::{Label, labels_of};
use fishervec::io::npy::Labels;
use fishervec::io::{ArrayNames, Contents, List, ListedFile, SetFile, SetInFile, Stamp};
use fishervec::run::Threads;
use fishervec::{Error, Result};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::path::PathBuf;

/// A set of a file: name, array, first row and number of rows in it, number of columns, how many of these are
/// positions, the array of its positions, and whether it is in double precision.
type Set = (String, String, usize, usize, usize, usize, Option<String>, bool);
/// A file: path, the number of its folder, its size, the time of its last change, its sets and their labels.
type Entry = (PathBuf, Option<usize>, u64, i64, Vec<Set>, Option<Vec<Label>>);
/// The folders, the array of descriptors, that of positions, and the files.
type Listed = (Vec<PathBuf>, Option<String>, Option<String>, Vec<Entry>);
/// A file, and the arrays in it that could hold descriptors, too.
type PassedOver = (PathBuf, Vec<String>);

/// What the headers of files say, each with the number of its folder, and the arrays that were passed over.
#[pyfunction]
#[pyo3(signature = (files, array=None, positions=None))]
pub(crate) fn scan_files(
    py: Python<'_>,
    files: Vec<(PathBuf, Option<usize>)>,
    array: Option<&str>,
    positions: Option<&str>,
) -> PyResult<(Vec<Entry>, Vec<PassedOver>)> {
    let names = ArrayNames { descriptors: array, positions };
    let scanned = py.detach(|| -> Result<_> {
        let mut scanned: Vec<Option<(ListedFile, Vec<String>)>> = files.iter().map(|_| None).collect();
        // Opening waits for the disk, so several threads do it.
        Threads::shared(4)?.for_each(files.iter().zip(&mut scanned).collect(), &|_,
                                                                                  (
            (path, folder),
            out,
        )| {
            // Before, so that a change while they are read is one afterwards.
            let stamp = Stamp::of(path)?;
            let file = SetFile::open_arrays(path, names)?;
            let (contents, others) = (Contents::from(&file), file.passed_over().to_vec());
            *out = Some((ListedFile { path: path.clone(), folder: *folder, stamp, contents }, others));
            Ok(())
        })?;
        Ok(scanned)
    });
    let (mut entries, mut passed_over) = (Vec::new(), Vec::new());
    for (file, others) in scanned.or_raise()?.into_iter().flatten() {
        if !others.is_empty() {
            passed_over.push((file.path.clone(), others));
        }
        entries.push(entry(file)?);
    }
    Ok((entries, passed_over))
}

/// Whether the file at `path` is a list.
#[pyfunction]
pub(crate) fn is_list(path: PathBuf) -> bool {
    List::is_one(&path)
}

/// The list at `path`, whose paths are relative to `root`, or to what it was written with.
#[pyfunction]
#[pyo3(signature = (path, root=None))]
pub(crate) fn load_list(py: Python<'_>, path: PathBuf, root: Option<PathBuf>) -> PyResult<Listed> {
    let list = py.detach(|| List::load(&path, root.as_deref())).or_raise()?;
    let files = list.files.into_iter().map(entry).collect::<PyResult<_>>()?;
    Ok((list.folders, list.array, list.positions, files))
}

/// Writes a list to `path`, whole or not at all.
#[pyfunction]
pub(crate) fn save_list(
    py: Python<'_>,
    path: PathBuf,
    root: Option<PathBuf>,
    listed: Listed,
) -> PyResult<()> {
    let list = list(listed)?;
    py.detach(|| list.save(&path, root.as_deref())).or_raise()
}

/// The identity of a list, in hexadecimal.
#[pyfunction]
pub(crate) fn id_of_list(listed: Listed) -> PyResult<String> {
    Ok(format!("{:016x}", list(listed)?.id()))
}

fn entry(file: ListedFile) -> PyResult<Entry> {
    let Contents::Sets { sets, labels } = file.contents else {
        let path = file.path.display();
        let cure = "pass the paths of images to an ImageEncoder";
        return Err(PyValueError::new_err(format!("{path}: expected descriptors, got an image: {cure}")));
    };
    let set = |set: SetInFile| {
        let rows = (set.rows.start, set.rows.len());
        (set.name, set.array, rows.0, rows.1, set.dim, set.n_positions, set.positions, set.is_f64)
    };
    let sets = sets.into_iter().map(set).collect();
    Ok((file.path, file.folder, file.stamp.bytes, file.stamp.modified, sets, labels.as_ref().map(labels_of)))
}

fn list((folders, array, positions, entries): Listed) -> PyResult<List> {
    let files = entries.into_iter().map(|(path, folder, bytes, modified, sets, labels)| {
        let set = |(name, array, start, n, dim, n_positions, positions, is_f64): Set| {
            let rows = start..start.saturating_add(n);
            SetInFile { name, array, rows, dim, n_positions, positions, is_f64 }
        };
        let contents = Contents::Sets {
            sets: sets.into_iter().map(set).collect(),
            labels: labels.map(labels_from).transpose()?,
        };
        Ok(ListedFile { path, folder, stamp: Stamp { bytes, modified }, contents })
    });
    Ok(List { folders, array, positions, files: files.collect::<Result<_>>().or_raise()? })
}

fn labels_from(labels: Vec<Label>) -> Result<Labels> {
    let numbers: Vec<i64> = labels
        .iter()
        .filter_map(|label| match label {
            Label::Number(number) => Some(*number),
            Label::Name(_) => None,
        })
        .collect();
    if numbers.len() == labels.len() {
        return Ok(Labels::Integers(numbers));
    }
    let names = labels.into_iter().map(|label| match label {
        Label::Name(name) => Ok(name),
        Label::Number(number) => Err(Error::Parameter {
            name: "labels",
            expected: "numbers or names".to_owned(),
            got: number.to_string(),
        }),
    });
    Ok(Labels::Names(names.collect::<Result<_>>()?))
}
