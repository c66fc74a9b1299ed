//! From INPUT arguments to a list of sets: which files there are, which sets are in them, how to open one.
//!
//! A file is open only while it is being scanned or its sets are being worked on, so that any number of
//! them can be given.

use crate::Usage;
use crate::labels::Label;
use crate::progress::Progress;
use fishervec::io::{FileRows, SetFile};
use fishervec::{Error, Result};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// All sets of the inputs, in order.
#[derive(Debug)]
pub(crate) struct Inputs {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) sets: Vec<Set>,
}

/// A set, known by the header of its file.
#[derive(Debug)]
pub(crate) struct Set {
    /// The file it is in.
    pub(crate) file: usize,
    /// Its position in the file.
    pub(crate) index: usize,
    /// The stem of an `.npy`, the array's name or the number in the batch of an `.npz`; empty for a file
    /// that cannot be opened.
    pub(crate) name: String,
    pub(crate) label: Option<Label>,
    /// Its shape, or why the file cannot be opened.
    pub(crate) shape: std::result::Result<Shape, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) n_rows: usize,
    pub(crate) dim: usize,
    pub(crate) is_f64: bool,
}

impl Inputs {
    /// Finds all files of the INPUT arguments and reads their headers. A file that cannot be opened counts as
    /// one set, which says why.
    ///
    /// # Errors
    /// An INPUT that does not exist, is of another kind, or is a folder without files.
    pub(crate) fn scan(arguments: &[PathBuf], progress: Progress) -> anyhow::Result<Self> {
        let files = find(arguments)?;
        let mut sets = Vec::new();
        let task = progress.start("scanning", files.len(), "files");
        for (file, path) in files.iter().enumerate() {
            match sets_in(path, file) {
                Ok(found) => sets.extend(found),
                Err(error) => {
                    let shape = Err(error.to_string());
                    sets.push(Set { file, index: 0, name: String::new(), label: None, shape });
                }
            }
            task.advance(1);
        }
        task.finish(progress);
        Ok(Inputs { files, sets })
    }

    /// All descriptors in sets that could be opened.
    pub(crate) fn total_rows(&self) -> usize {
        self.sets.iter().flat_map(|set| &set.shape).map(|shape| shape.n_rows).sum()
    }

    /// The error, with file and set in front.
    pub(crate) fn blame(&self, set: &Set, error: Error) -> Error {
        let path = self.files[set.file].display().to_string();
        match error {
            // What the operating system or a reader says begins with the path already.
            Error::Io { .. } => error,
            Error::At { ref place, .. } if *place == path => error,
            other if SetFile::is_archive(&self.files[set.file]) => {
                other.at(format!("{path}: set {}", set.name))
            }
            other => other.at(path),
        }
    }
}

fn sets_in(path: &Path, file: usize) -> Result<Vec<Set>> {
    let opened = SetFile::open(path)?;
    let mut labels = opened.labels().map(Label::list).unwrap_or_default().into_iter();
    let sets = opened.sets().iter().enumerate().map(|(index, set)| {
        let shape = Shape { n_rows: set.rows.len(), dim: set.dim, is_f64: set.is_f64 };
        Set { file, index, name: set.name.clone(), label: labels.next().flatten(), shape: Ok(shape) }
    });
    Ok(sets.collect())
}

/// An open file, and its array opened last, which may be a temporary file.
#[derive(Debug)]
pub(crate) struct OpenFile {
    file: SetFile,
    last: Option<(String, FileRows)>,
}

impl OpenFile {
    pub(crate) fn new(path: &Path) -> Result<Self> {
        SetFile::open(path).map(|file| OpenFile { file, last: None })
    }

    /// The array set `index` is in, and its rows of it.
    pub(crate) fn rows(&mut self, index: usize) -> Result<(FileRows, Range<usize>)> {
        let reason = "it has changed since it was scanned";
        let changed = || Error::Format { format: "file of sets", reason: reason.to_owned() };
        let set = self.file.sets().get(index).cloned().ok_or_else(changed)?;
        match &self.last {
            Some((array, rows)) if *array == set.array => Ok((rows.clone(), set.rows)),
            _ => {
                let rows = self.file.rows(&set.array)?;
                self.last = Some((set.array, rows.clone()));
                Ok((rows, set.rows))
            }
        }
    }
}

/// The files of the INPUT arguments: those given, and those in folders, sorted.
fn find(arguments: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in arguments {
        let io = |source| Error::Io { path: path.clone(), source };
        if fs::metadata(path).map_err(io)?.is_dir() {
            let mut found = Vec::new();
            search(path, &mut found)?;
            anyhow::ensure!(!found.is_empty(), "{}: no file of sets in this folder", path.display());
            found.sort();
            files.extend(found);
        } else if SetFile::is_one(path) {
            files.push(path.clone());
        } else {
            return Err(Usage(format!(
                "{}: expected a folder, or a file of sets (.{})",
                path.display(),
                SetFile::endings().join(", .")
            ))
            .into());
        }
    }
    Ok(files)
}

/// Adds the files of a folder and of the folders in it. Links to files are followed, links to folders are
/// not: they may lead back.
fn search(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let io = |source| Error::Io { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(io)? {
        let entry = entry.map_err(io)?;
        let path = entry.path();
        if entry.file_type().map_err(io)?.is_dir() {
            search(&path, found)?;
        } else if SetFile::is_one(&path) && !path.is_dir() {
            found.push(path);
        }
    }
    Ok(())
}
