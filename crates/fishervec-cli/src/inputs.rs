//! From INPUT arguments to a list of sets: which files there are, which sets are in them, how to open one.
//!
//! A file is open only while it is being scanned or its sets are being worked on, so that any number of
//! them can be given.

use crate::Usage;
use crate::labels::Label;
use crate::progress::Progress;
use fishervec::image::{Image, ImageParams};
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
    /// How they become descriptors, where they are photographs.
    pub(crate) images: Option<ImageParams>,
}

/// The INPUT arguments, each with all files it stands for.
#[derive(Debug)]
pub(crate) struct Listing(Vec<(PathBuf, Vec<PathBuf>)>);

impl Listing {
    /// Lists all folders, once.
    ///
    /// # Errors
    /// An INPUT that does not exist or cannot be listed.
    pub(crate) fn new(arguments: &[PathBuf]) -> Result<Self> {
        let list = |path: &PathBuf| {
            let mut found = Vec::new();
            search(path, &mut found)?;
            found.sort();
            Ok((path.clone(), found))
        };
        arguments.iter().map(list).collect::<Result<_>>().map(Listing)
    }

    /// What it holds: photographs where there are some, and no descriptors.
    pub(crate) fn kind(&self) -> Kind {
        let has = |kind: Kind| self.0.iter().flat_map(|(_, found)| found).any(|path| kind.has(path));
        if !has(Kind::Descriptors) && has(Kind::Photographs) { Kind::Photographs } else { Kind::Descriptors }
    }

    /// The files of a kind. Photographs with their class, the folder they are in below the one given.
    ///
    /// # Errors
    /// An INPUT of another kind, or a folder without such files.
    fn files(self, kind: Kind) -> anyhow::Result<Vec<(PathBuf, Option<Label>)>> {
        let mut files = Vec::new();
        for (path, mut found) in self.0 {
            found.retain(|path| kind.has(path));
            if path.is_dir() {
                anyhow::ensure!(!found.is_empty(), "{}: no {} in this folder", path.display(), kind.name());
            } else if found.is_empty() {
                let text = format!(
                    "{}: expected a folder, or a {} (.{})",
                    path.display(),
                    kind.name(),
                    kind.endings()
                );
                return Err(Usage(text).into());
            }
            let class = |file: &Path| match kind {
                Kind::Descriptors => None,
                Kind::Photographs => class_below(&path, file).map(Label::Name),
            };
            files.extend(found.into_iter().map(|file| (file.clone(), class(&file))));
        }
        Ok(files)
    }
}

/// What the files of the inputs are taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Descriptors,
    Photographs,
}

impl Kind {
    fn has(self, path: &Path) -> bool {
        match self {
            Kind::Descriptors => SetFile::is_one(path),
            Kind::Photographs => Image::is_one(path),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Descriptors => "file of sets",
            Kind::Photographs => "photograph",
        }
    }

    fn endings(self) -> String {
        match self {
            Kind::Descriptors => SetFile::endings().join(", ."),
            Kind::Photographs => Image::endings().join(", ."),
        }
    }
}

/// A set, known by the header of its file.
#[derive(Debug)]
pub(crate) struct Set {
    /// The file it is in.
    pub(crate) file: usize,
    /// Its position in the file.
    pub(crate) index: usize,
    /// The stem of an `.npy` or of a photograph, the array's name or the number in the batch of an `.npz`; empty for a file
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
    /// Reads the headers of all files of the INPUT arguments. A file that cannot be opened counts as
    /// one set, which says why. Photographs where `images` says what to make of them, else descriptors.
    ///
    /// # Errors
    /// An INPUT of another kind, or a folder without files.
    pub(crate) fn scan(
        listing: Listing,
        images: Option<ImageParams>,
        progress: Progress,
    ) -> anyhow::Result<Self> {
        let kind = if images.is_some() { Kind::Photographs } else { Kind::Descriptors };
        let (files, classes): (Vec<_>, Vec<_>) = listing.files(kind)?.into_iter().unzip();
        let mut sets = Vec::new();
        let task = progress.start("scanning", files.len(), "files");
        for (file, (path, class)) in files.iter().zip(classes).enumerate() {
            let found = match &images {
                Some(images) => photograph(path, file, class.clone(), images).map(|set| vec![set]),
                None => sets_in(path, file),
            };
            sets.extend(found.unwrap_or_else(|error| {
                let (name, shape) = (String::new(), Err(error.to_string()));
                vec![Set { file, index: 0, name, label: class, shape }]
            }));
            task.advance(1);
        }
        task.finish(progress);
        Ok(Inputs { files, sets, images })
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

/// A photograph, by its header.
fn photograph(path: &Path, file: usize, label: Option<Label>, images: &ImageParams) -> Result<Set> {
    let (width, height) = Image::size(path)?;
    let shape = Shape { n_rows: images.count(width, height), dim: images.dim(), is_f64: false };
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Set { file, index: 0, name, label, shape: Ok(shape) })
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

/// The first folder on the way from `folder` to `file`.
fn class_below(folder: &Path, file: &Path) -> Option<String> {
    let mut parts = file.strip_prefix(folder).ok()?.components();
    let first = parts.next()?.as_os_str().to_string_lossy().into_owned();
    parts.next().map(|_| first)
}

/// Adds a file, or the files of a folder and of the folders in it. Links to files are followed, links to folders
/// in it are not: they may lead back.
fn search(path: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    if !fs::metadata(path).map_err(io)?.is_dir() {
        found.push(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(io)? {
        let entry = entry.map_err(io)?;
        let path = entry.path();
        if entry.file_type().map_err(io)?.is_dir() {
            search(&path, found)?;
        } else if !path.is_dir() {
            found.push(path);
        }
    }
    Ok(())
}
