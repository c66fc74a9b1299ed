//! From files to a list of sets: which sets they contain, and how to open one.
//!
//! A file is open only while it is being scanned or its sets are being worked on, so that any number of files
//! can be given.

use crate::exit::usage_error;
use crate::labels::Label;
use crate::listing::{Kind, Listing};
use crate::progress::{Progress, counted};
use fishervec::image::{Image, ImageParams};
use fishervec::io::{ArrayNames, FileRows, SetFile, SetInFile};
use fishervec::{Error, Result};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// All sets of the inputs, in order.
#[derive(Debug)]
pub(crate) struct Inputs {
    pub(crate) files: Vec<PathBuf>,
    /// The subfolder of its INPUT that each file is in, if any.
    pub(crate) folders: Vec<Option<String>>,
    /// The number of the INPUT that each file belongs to.
    pub(crate) origins: Vec<usize>,
    pub(crate) sets: Vec<Set>,
    /// How images become descriptors; `None` if the inputs are descriptors.
    pub(crate) images: Option<ImageParams>,
    /// The arrays of the files that are asked for.
    pub(crate) arrays: Arrays,
}

/// The names of the arrays that hold the descriptors of each file, `None` to find them, and their positions.
#[derive(Debug, Default)]
pub(crate) struct Arrays {
    pub(crate) array: Option<String>,
    pub(crate) positions: Option<String>,
}

impl Arrays {
    fn given(&self) -> ArrayNames<'_> {
        ArrayNames { descriptors: self.array.as_deref(), positions: self.positions.as_deref() }
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
    /// Its label: that in its file, until others are looked for.
    pub(crate) label: Option<Label>,
    /// Its shape, or why the file cannot be opened.
    pub(crate) shape: std::result::Result<Shape, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) n_rows: usize,
    pub(crate) dim: usize,
    pub(crate) is_f64: bool,
    /// The number of columns at the end that are positions from an array of their own.
    pub(crate) n_positions: usize,
}

impl Shape {
    /// Whether it goes with sets of `dim` columns. An empty set may not tell its number of columns.
    pub(crate) fn goes_with(&self, dim: usize) -> bool {
        self.dim == dim || (self.n_rows, self.dim) == (0, 0)
    }
}

impl Inputs {
    /// Reads the headers of all files of the INPUT arguments. A file that cannot be opened counts as one set,
    /// which says why. The files are images if `images` says how to describe them, otherwise descriptors, in
    /// these arrays if their arrays have names.
    ///
    /// # Errors
    /// An INPUT of another kind, or a folder without files; the name of an array, if no file has names.
    pub(crate) fn scan(
        listing: Listing,
        images: Option<ImageParams>,
        arrays: Arrays,
        progress: Progress,
    ) -> anyhow::Result<Self> {
        let kind = if images.is_some() { Kind::Images } else { Kind::Descriptors };
        if let Some(left_out) = listing.left_out(kind) {
            progress.note(&left_out);
        }
        match listing.repeated() {
            0 => {}
            n => {
                let files = counted(n, "file");
                progress.warning(&format!("{files} given more than once, which counts each time"));
            }
        }
        let found = listing.files(kind)?;
        let folders = found.iter().map(|file| file.folder.clone()).collect();
        let origins = found.iter().map(|file| file.input).collect();
        let files: Vec<PathBuf> = found.into_iter().map(|file| file.path).collect();
        let asked = [(&arrays.array, "array"), (&arrays.positions, "positions")];
        let asked = asked.into_iter().find(|(name, _)| name.is_some());
        if let (Some((_, option)), false) = (asked, files.iter().any(|path| SetFile::is_archive(path))) {
            let names = SetFile::archives().join(", .");
            usage_error!("--{option}: expected files whose arrays have names (.{names}), got others");
        }
        let mut sets = Vec::new();
        let mut passed_over = PassedOver::default();
        let task = progress.start("scanning", files.len(), "file");
        for (file, path) in files.iter().enumerate() {
            let found = match &images {
                Some(images) => image(path, file, images).map(|set| vec![set]),
                None => sets_in(path, file, arrays.given(), &mut passed_over),
            };
            sets.extend(found.unwrap_or_else(|error| {
                let (name, shape) = (String::new(), Err(error.to_string()));
                vec![Set { file, index: 0, name, label: None, shape }]
            }));
            task.advance(1);
        }
        task.finish(progress);
        if let Some(warning) = passed_over.warning() {
            progress.warning(&warning);
        }
        Ok(Inputs { files, folders, origins, sets, images, arrays })
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

    /// The file of a set, and the set if there may be others in the file.
    pub(crate) fn place(&self, set: &Set) -> String {
        let path = self.files[set.file].display();
        match SetFile::is_archive(&self.files[set.file]) {
            true => format!("{path}: set {}", set.name),
            false => path.to_string(),
        }
    }

    /// The error, with file and set in front.
    pub(crate) fn blame(&self, set: &Set, error: Error) -> Error {
        let path = self.files[set.file].display().to_string();
        match error {
            // The errors of the operating system and of readers begin with the path already.
            Error::Io { .. } => error,
            Error::At { ref place, .. } if *place == path => error,
            other => other.at(self.place(set)),
        }
    }
}

/// An image, by its header.
fn image(path: &Path, file: usize, images: &ImageParams) -> Result<Set> {
    let (width, height) = Image::size(path)?;
    let shape =
        Shape { n_rows: images.count(width, height), dim: images.dim(), is_f64: false, n_positions: 0 };
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Set { file, index: 0, name, label: None, shape: Ok(shape) })
}

fn sets_in(
    path: &Path,
    file: usize,
    names: ArrayNames<'_>,
    passed_over: &mut PassedOver,
) -> Result<Vec<Set>> {
    let opened = SetFile::open_arrays(path, names)?;
    passed_over.add(path, &opened);
    let mut labels = opened.labels().map(Label::list).unwrap_or_default().into_iter();
    let sets = opened.sets().iter().enumerate().map(|(index, set)| {
        let (n_rows, dim, n_positions) = (set.rows.len(), set.dim, set.n_positions);
        let shape = Shape { n_rows, dim, is_f64: set.is_f64, n_positions };
        Set { file, index, name: set.name.clone(), label: labels.next().flatten(), shape: Ok(shape) }
    });
    Ok(sets.collect())
}

/// Arrays that could be sets beside the one that was taken for its name.
#[derive(Debug, Default)]
struct PassedOver {
    /// The number of files with such arrays, and a sentence about those of the first file.
    files: usize,
    first: String,
}

impl PassedOver {
    fn add(&mut self, path: &Path, file: &SetFile) {
        if let ([_, ..], [taken, ..]) = (file.passed_over(), file.sets()) {
            if self.files == 0 {
                let (path, others) = (path.display(), file.passed_over().join(", "));
                self.first = format!("{path}: {} was read because of its name, {others} not", taken.array);
            }
            self.files += 1;
        }
    }

    fn warning(&self) -> Option<String> {
        let more = match self.files {
            0 => return None,
            1 => String::new(),
            n => format!(", and so in {}", counted(n - 1, "other file")),
        };
        Some(format!("{}{more}; choose with --array NAME", self.first))
    }
}

/// An open file, and the array that was opened last, which may be a temporary file.
#[derive(Debug)]
pub(crate) struct OpenFile {
    file: SetFile,
    last: Option<(String, FileRows)>,
}

impl OpenFile {
    /// Opens a file of the inputs.
    pub(crate) fn new(inputs: &Inputs, file: usize) -> Result<Self> {
        let file = SetFile::open_arrays(&inputs.files[file], inputs.arrays.given())?;
        Ok(OpenFile { file, last: None })
    }

    /// The positions of set `index`, and its rows of them, if they were asked for.
    pub(crate) fn positions(&mut self, index: usize) -> Result<Option<(FileRows, Range<usize>)>> {
        let set = self.set(index)?;
        let rows = if set.n_positions > 0 { self.file.positions(&set)? } else { None };
        Ok(rows.map(|rows| (rows, set.rows)))
    }

    fn set(&self, index: usize) -> Result<SetInFile> {
        let reason = "it has changed since it was scanned";
        let changed = || Error::Format { format: "file of sets", reason: reason.to_owned() };
        self.file.sets().get(index).cloned().ok_or_else(changed)
    }

    /// The array that contains set `index`, and the rows of the set.
    pub(crate) fn rows(&mut self, index: usize) -> Result<(FileRows, Range<usize>)> {
        let set = self.set(index)?;
        match &self.last {
            Some((array, rows)) if *array == set.array => Ok((rows.clone(), set.rows)),
            _ => {
                let rows = self.file.located_rows(&set)?;
                self.last = Some((set.array, rows.clone()));
                Ok((rows, set.rows))
            }
        }
    }
}
