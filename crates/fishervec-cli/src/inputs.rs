//! From INPUT arguments to a list of sets: which files there are, which sets they contain, how to open one.
//!
//! A file is open only while it is being scanned or its sets are being worked on, so that any number of files
//! can be given.

use crate::exit::Usage;
use crate::labels::Label;
use crate::progress::{Progress, counted};
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
    /// How images become descriptors; `None` if the inputs are descriptors.
    pub(crate) images: Option<ImageParams>,
}

/// The INPUT arguments, each with all the files it stands for.
#[derive(Debug)]
pub(crate) struct Listing(Vec<(PathBuf, Vec<Found>)>);

/// A file and its kind; `None` for a file that is not an input.
type Found = (PathBuf, Option<Kind>);

impl Listing {
    /// Lists every folder once.
    ///
    /// # Errors
    /// An INPUT that does not exist or cannot be listed.
    pub(crate) fn new(arguments: &[PathBuf]) -> Result<Self> {
        let list = |path: &PathBuf| {
            let mut found = Vec::new();
            search(path, &mut found)?;
            found.sort();
            Ok((path.clone(), found.into_iter().map(|file| (file.clone(), Kind::of(&file))).collect()))
        };
        arguments.iter().map(list).collect::<Result<_>>().map(Listing)
    }

    /// What it holds: images if there are some and no descriptors, otherwise descriptors.
    pub(crate) fn kind(&self) -> Kind {
        if self.count(Kind::Descriptors) == 0 && self.count(Kind::Images) > 0 {
            Kind::Images
        } else {
            Kind::Descriptors
        }
    }

    /// A warning about images that are ignored because there are descriptors too.
    pub(crate) fn ignored(&self) -> Option<String> {
        let (n, descriptors) = (self.count(Kind::Images), self.count(Kind::Descriptors));
        let images = counted(n, "image file");
        (n > 0 && descriptors > 0).then(|| {
            format!(
                "{images} ignored, because the inputs contain descriptor files too; to use the \
                 images, give them alone"
            )
        })
    }

    fn count(&self, kind: Kind) -> usize {
        self.0.iter().flat_map(|(_, found)| found).filter(|(_, of)| *of == Some(kind)).count()
    }

    /// The files of a kind. The label of an image is the subfolder it is in, below the folder that was given.
    ///
    /// # Errors
    /// An INPUT of another kind, or a folder without such files.
    fn files(self, kind: Kind) -> anyhow::Result<Vec<(PathBuf, Option<Label>)>> {
        let mut files = Vec::new();
        for (path, mut found) in self.0 {
            found.retain(|(_, of)| *of == Some(kind));
            if found.is_empty() {
                return Err(kind.missing(&path));
            }
            let label = |file: &Path| match kind {
                Kind::Descriptors => None,
                Kind::Images => subfolder(&path, file).map(Label::Name),
            };
            files.extend(found.into_iter().map(|(file, _)| (file.clone(), label(&file))));
        }
        Ok(files)
    }
}

/// What the files of the inputs are taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Descriptors,
    Images,
}

impl Kind {
    /// The kind of a file, by its name; `None` for any other file, and for a model.
    fn of(path: &Path) -> Option<Self> {
        if SetFile::is_one(path) {
            return Some(Kind::Descriptors);
        }
        Image::is_one(path).then_some(Kind::Images)
    }

    /// What such a file is called, with the endings it has.
    fn names(self) -> String {
        let (name, endings) = match self {
            Kind::Descriptors => ("descriptor file", SetFile::endings().join(", .")),
            Kind::Images => ("image file", Image::endings().join(", .")),
        };
        format!("{name} (.{endings})")
    }

    /// The error about an INPUT that has no file of this kind.
    fn missing(self, path: &Path) -> anyhow::Error {
        let (shown, names) = (path.display(), self.names());
        if path.is_dir() {
            return anyhow::anyhow!("{shown}: no {names} in this folder");
        }
        // A file with this ending that is not descriptors is a model.
        let is_model = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("safetensors"));
        let found = if is_model && self == Kind::Descriptors { " is a model" } else { "" };
        Usage(format!("{shown}{found}: expected a folder, or a {names}")).into()
    }
}

/// A set, known by the header of its file.
#[derive(Debug)]
pub(crate) struct Set {
    /// The file it is in.
    pub(crate) file: usize,
    /// Its position in the file.
    pub(crate) index: usize,
    /// The stem of an `.npy` or of an image, the array's name or the number in the batch of an `.npz`; empty
    /// for a file that cannot be opened.
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
    /// Reads the headers of all files of the INPUT arguments. A file that cannot be opened counts as one set,
    /// which says why. The files are images if `images` says how to describe them, otherwise descriptors.
    ///
    /// # Errors
    /// An INPUT of another kind, or a folder without files.
    pub(crate) fn scan(
        listing: Listing,
        images: Option<ImageParams>,
        progress: Progress,
    ) -> anyhow::Result<Self> {
        let kind = if images.is_some() { Kind::Images } else { Kind::Descriptors };
        let (files, classes): (Vec<_>, Vec<_>) = listing.files(kind)?.into_iter().unzip();
        let mut sets = Vec::new();
        let task = progress.start("scanning", files.len(), "file");
        for (file, (path, class)) in files.iter().zip(classes).enumerate() {
            let found = match &images {
                Some(images) => image(path, file, class.clone(), images).map(|set| vec![set]),
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

    /// The number of descriptors in all sets that could be opened.
    pub(crate) fn total_rows(&self) -> usize {
        self.sets.iter().flat_map(|set| &set.shape).map(|shape| shape.n_rows).sum()
    }

    /// Checks that no output would replace an input, or be taken for one the next time.
    ///
    /// # Errors
    /// If an output is among the inputs.
    pub(crate) fn refuse_outputs(&self, outputs: &[&PathBuf]) -> anyhow::Result<()> {
        let outputs: Vec<_> = outputs.iter().filter_map(|path| path.canonicalize().ok()).collect();
        let is_output = |path: &&PathBuf| path.canonicalize().is_ok_and(|path| outputs.contains(&path));
        if let Some(path) = self.files.iter().filter(|_| !outputs.is_empty()).find(is_output) {
            anyhow::bail!(
                "{} is among the inputs and would be replaced: choose another --output",
                path.display()
            );
        }
        Ok(())
    }

    /// The error, with file and set in front.
    pub(crate) fn blame(&self, set: &Set, error: Error) -> Error {
        let path = self.files[set.file].display().to_string();
        match error {
            // The errors of the operating system and of readers begin with the path already.
            Error::Io { .. } => error,
            Error::At { ref place, .. } if *place == path => error,
            other if SetFile::is_archive(&self.files[set.file]) => {
                other.at(format!("{path}: set {}", set.name))
            }
            other => other.at(path),
        }
    }
}

/// An image, by its header.
fn image(path: &Path, file: usize, label: Option<Label>, images: &ImageParams) -> Result<Set> {
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

/// An open file, and the array that was opened last, which may be a temporary file.
#[derive(Debug)]
pub(crate) struct OpenFile {
    file: SetFile,
    last: Option<(String, FileRows)>,
}

impl OpenFile {
    pub(crate) fn new(path: &Path) -> Result<Self> {
        SetFile::open(path).map(|file| OpenFile { file, last: None })
    }

    /// The array that contains set `index`, and the rows of the set.
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
fn subfolder(folder: &Path, file: &Path) -> Option<String> {
    let mut parts = file.strip_prefix(folder).ok()?.components();
    let first = parts.next()?.as_os_str().to_string_lossy().into_owned();
    parts.next().map(|_| first)
}

/// Adds a file, or the files of a folder and of its subfolders. Links to files are followed. Links to folders
/// inside a folder are not, because they may lead back.
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
