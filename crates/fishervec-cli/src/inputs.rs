//! From files to a list of sets: which sets they contain, and how to open one.
//!
//! A file is open only while it is being scanned or its sets are being worked on, so that any number of files
//! can be given.

use crate::arrays::Arrays;
use crate::exit::usage_error;
use crate::headers::{PassedOver, contents};
use crate::labels::Label;
use crate::listing::{Kind, Listing};
use crate::progress::{Progress, counted};
use fishervec::image::ImageParams;
use fishervec::io::{Contents, FileRows, Identity, SetFile, SetInFile, Stamp};
use fishervec::{Error, Result};
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// All sets of the inputs, in order.
#[derive(Debug)]
pub(crate) struct Inputs {
    pub(crate) files: Vec<PathBuf>,
    /// How each file was when it was scanned; `None` for one that could not be opened.
    pub(crate) stamps: Vec<Option<Stamp>>,
    /// The subfolder of its input that each file is in, if any.
    pub(crate) folders: Vec<Option<String>>,
    /// The number of the input that each file belongs to.
    pub(crate) origins: Vec<usize>,
    /// The inputs: the INPUT arguments or, of a list, those that it was made of.
    pub(crate) paths: Vec<PathBuf>,
    /// The lists among the INPUT arguments.
    lists: Vec<PathBuf>,
    /// The identity of the files and their sets.
    pub(crate) id: u64,
    pub(crate) sets: Vec<Set>,
    /// How images become descriptors; `None` if the inputs are descriptors.
    pub(crate) images: Option<ImageParams>,
    /// The arrays of the files that are asked for.
    pub(crate) arrays: Arrays,
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
    fn of(set: &SetInFile) -> Self {
        let (n_rows, dim, n_positions) = (set.rows.len(), set.dim, set.n_positions);
        Shape { n_rows, dim, is_f64: set.is_f64, n_positions }
    }

    /// Whether it goes with sets of `dim` columns. An empty set may not tell its number of columns.
    pub(crate) fn goes_with(&self, dim: usize) -> bool {
        self.dim == dim || (self.n_rows, self.dim) == (0, 0)
    }
}

impl Inputs {
    /// Reads the headers of all files of the INPUT arguments, except where a list says what is in them. A
    /// file that cannot be opened counts as one set, which says why. The files are images if `images` says
    /// how to describe them, otherwise descriptors, in these arrays if their arrays have names.
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
        tell_about(&listing, kind, progress);
        let lists = listing.lists().map(Path::to_owned).collect();
        let (paths, found) = listing.files(kind)?;
        refuse_arrays(&arrays, &found.iter().map(|file| file.path.as_path()).collect::<Vec<_>>())?;
        let n = found.len();
        let mut inputs = Inputs {
            files: Vec::with_capacity(n),
            stamps: Vec::with_capacity(n),
            folders: Vec::with_capacity(n),
            origins: Vec::with_capacity(n),
            paths,
            lists,
            id: 0,
            sets: Vec::new(),
            images,
            arrays,
        };
        let (mut identity, mut passed_over) = (Identity::default(), PassedOver::default());
        let task =
            progress.start("scanning", found.iter().filter(|file| file.scanned.is_none()).count(), "file");
        for file in found {
            let scanned = match file.scanned {
                Some(scanned) => Ok(scanned),
                None => {
                    task.advance(1);
                    contents(&file.path, kind, inputs.arrays.given(), &mut passed_over)
                }
            };
            inputs.files.push(file.path);
            inputs.folders.push(file.folder);
            inputs.origins.push(file.input);
            inputs.add(scanned, &mut identity);
        }
        task.finish(progress);
        if let Some(warning) = passed_over.warning() {
            progress.warning(&warning);
        }
        inputs.id = identity.finish();
        Ok(inputs)
    }

    /// Adds the sets of the file that was added last.
    fn add(&mut self, scanned: Result<(Stamp, Contents)>, identity: &mut Identity) {
        let file = self.files.len() - 1;
        let path = &self.files[file];
        let folder = &self.paths[self.origins[file]];
        match scanned {
            Ok((stamp, contents)) => {
                identity.add(path, Some(folder), &contents);
                self.stamps.push(Some(stamp));
                self.sets.extend(sets(path, file, contents, self.images.as_ref()));
            }
            Err(error) => {
                identity.add(path, Some(folder), &Contents::Sets { sets: vec![], labels: None });
                self.stamps.push(None);
                let (name, shape) = (String::new(), Err(error.to_string()));
                self.sets.push(Set { file, index: 0, name, label: None, shape });
            }
        }
    }

    /// The number of descriptors in all sets that could be opened.
    pub(crate) fn total_rows(&self) -> usize {
        self.sets.iter().flat_map(|set| &set.shape).map(|shape| shape.n_rows).sum()
    }

    /// The number of descriptors in some sets, as far as they could be opened.
    pub(crate) fn n_rows<'a>(&self, sets: impl IntoIterator<Item = &'a usize>) -> usize {
        sets.into_iter().flat_map(|set| &self.sets[*set].shape).map(|shape| shape.n_rows).sum()
    }

    /// The inputs that have files in subfolders.
    pub(crate) fn with_folders(&self) -> BTreeSet<usize> {
        let files = self.origins.iter().zip(&self.folders);
        files.filter(|(_, folder)| folder.is_some()).map(|(input, _)| *input).collect()
    }

    /// Checks that no output would replace an input, or be taken for one the next time.
    ///
    /// # Errors
    /// If an output is among the inputs.
    pub(crate) fn refuse_outputs(&self, outputs: &[&PathBuf]) -> anyhow::Result<()> {
        let outputs: Vec<_> = outputs.iter().filter_map(|path| path.canonicalize().ok()).collect();
        let is_output = |path: &&PathBuf| path.canonicalize().is_ok_and(|path| outputs.contains(&path));
        let files = self.lists.iter().chain(&self.files);
        if let Some(path) = files.filter(|_| !outputs.is_empty()).find(is_output) {
            anyhow::bail!(
                "{} is among the inputs and would be replaced: choose another --output",
                path.display()
            );
        }
        Ok(())
    }

    /// Checks that a file is still as it was scanned.
    ///
    /// # Errors
    /// If it has changed.
    pub(crate) fn check(&self, file: usize) -> Result<()> {
        self.stamps[file].map_or(Ok(()), |stamp| stamp.check(&self.files[file]))
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

/// Says what is left out of the folders, and what is there twice.
pub(crate) fn tell_about(listing: &Listing, kind: Kind, progress: Progress) {
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
}

/// Refuses the name of an array where no file has names.
pub(crate) fn refuse_arrays(arrays: &Arrays, files: &[&Path]) -> anyhow::Result<()> {
    let asked = Arrays::OPTIONS.into_iter().find(|(_, of)| of(arrays).is_some());
    if let (Some((option, _)), false) = (asked, files.iter().any(|path| SetFile::is_archive(path))) {
        let names = SetFile::archives().join(", .");
        usage_error!("--{option}: expected files whose arrays have names (.{names}), got others");
    }
    Ok(())
}

/// The sets of a file; an image is one.
fn sets(path: &Path, file: usize, contents: Contents, images: Option<&ImageParams>) -> Vec<Set> {
    let (sets, labels) = match (contents, images) {
        (Contents::Sets { sets, labels }, _) => (sets, labels),
        (Contents::Image { .. }, None) => return vec![],
        (Contents::Image { width, height }, Some(images)) => {
            let (n_rows, dim) = (images.count(width, height), images.dim());
            let shape = Shape { n_rows, dim, is_f64: false, n_positions: 0 };
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            return vec![Set { file, index: 0, name, label: None, shape: Ok(shape) }];
        }
    };
    let mut labels = labels.as_ref().map(Label::list).unwrap_or_default().into_iter();
    let sets = sets.into_iter().enumerate().map(|(index, set)| {
        let shape = Shape::of(&set);
        Set { file, index, name: set.name, label: labels.next().flatten(), shape: Ok(shape) }
    });
    sets.collect()
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
        inputs.check(file)?;
        let file = SetFile::open_arrays(&inputs.files[file], inputs.arrays.given())?;
        Ok(OpenFile { file, last: None })
    }

    /// The positions of a set, and its rows of them, if they were asked for.
    pub(crate) fn positions(&mut self, set: &Set) -> Result<Option<(FileRows, Range<usize>)>> {
        let set = self.set(set)?;
        let rows = if set.n_positions > 0 { self.file.positions(&set)? } else { None };
        Ok(rows.map(|rows| (rows, set.rows)))
    }

    /// The set as the file has it now, which must be as it was.
    fn set(&self, set: &Set) -> Result<SetInFile> {
        let found = self.file.sets().get(set.index).filter(|found| {
            found.name == set.name && set.shape.as_ref().is_ok_and(|shape| *shape == Shape::of(found))
        });
        found.cloned().ok_or_else(|| Error::Changed { how: " (other sets)".to_owned() })
    }

    /// The array that contains a set, and the rows of the set.
    pub(crate) fn rows(&mut self, set: &Set) -> Result<(FileRows, Range<usize>)> {
        let set = self.set(set)?;
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
