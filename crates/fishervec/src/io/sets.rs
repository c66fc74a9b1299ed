//! Files of sets in any format: one interface to open them, list their sets and read them.

use super::atomic::Staged;
use super::fvecs::{self, FvecsWriter};
#[cfg(feature = "hdf5")]
use super::hdf5::Hdf5;
use super::npy::{Labels, NpyArray, NpyWriter};
use super::npz::Npz;
use super::pt::TorchFile;
use super::rows::FileRows;
use super::safetensors::TensorFile;
use super::section::in_file;
use super::set::{ArrayNames, SetInFile};
use crate::error::{Error, Result};
use crate::util::path::ending;
use std::path::Path;

/// An open file of sets: its headers have been read, the descriptors are still on disk.
///
/// The extension determines the format: `.npy`, `.fvecs` and `.bvecs` hold one set. The arrays of `.npz`,
/// `.safetensors`, `.pt`, `.pth` and, with the feature `hdf5`, of `.h5` and `.hdf5` have names, which say
/// what they are: a ragged batch, one set, or one set per array ([`Npz`]). A `.pt` of one tensor without a
/// name is one set. In an HDF5 file this holds for each group; a set that is alone in its group is called by
/// the group's path, or by the file's stem.
#[derive(Debug)]
pub struct SetFile(Kind);

#[derive(Debug)]
enum Kind {
    One(FileRows, SetInFile),
    Npz(Box<Npz>),
    Tensors(TensorFile),
    Torch(Box<TorchFile>),
    #[cfg(feature = "hdf5")]
    Hdf5(Hdf5),
}

/// The extensions of files of sets.
#[cfg(feature = "hdf5")]
const ENDINGS: &[&str] = &["npy", "npz", "fvecs", "bvecs", "safetensors", "pt", "pth", "h5", "hdf5"];
#[cfg(not(feature = "hdf5"))]
const ENDINGS: &[&str] = &["npy", "npz", "fvecs", "bvecs", "safetensors", "pt", "pth"];

/// The extensions of those whose arrays have names.
#[cfg(feature = "hdf5")]
const ARCHIVES: &[&str] = &["npz", "safetensors", "pt", "pth", "h5", "hdf5"];
#[cfg(not(feature = "hdf5"))]
const ARCHIVES: &[&str] = &["npz", "safetensors", "pt", "pth"];

impl SetFile {
    /// Whether the file at `path` has the extension of a file of sets and is neither a fishervec model nor a
    /// sample.
    #[must_use]
    pub fn is_one(path: &Path) -> bool {
        let named = ending(path).is_some_and(|ending| ENDINGS.contains(&ending.as_str()));
        named && !TensorFile::is_ours(path)
    }

    /// The extensions of files of sets.
    #[must_use]
    pub fn endings() -> &'static [&'static str] {
        ENDINGS
    }

    /// The extensions of files whose arrays have names, so that they may hold several sets.
    #[must_use]
    pub fn archives() -> &'static [&'static str] {
        ARCHIVES
    }

    /// Opens the file at `path` and reads its headers.
    ///
    /// # Errors
    /// Each names the path: [`Error::Io`]; [`Error::Format`] for a file that is not what its extension says,
    /// or that has another extension; [`Error::Arrays`] if the names of its arrays do not say which of them
    /// holds descriptors.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        SetFile::open_arrays(path, ArrayNames::default())
    }

    /// The same; if the arrays of the file have names, the one called `array` is the only set. In a file of
    /// groups it may be a path, or the name of a set in each group.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn open_array(path: impl AsRef<Path>, array: Option<&str>) -> Result<Self> {
        SetFile::open_arrays(path, ArrayNames { descriptors: array, positions: None })
    }

    /// The same, with arrays of these names for descriptors or positions, if the arrays of the file have
    /// names.
    ///
    /// # Errors
    /// Those of [`open`](Self::open); [`Error::Arrays`] for positions that are not there, or do not have a
    /// row for each descriptor; [`Error::Format`] for positions of a file whose arrays have no names.
    pub fn open_arrays(path: impl AsRef<Path>, names: ArrayNames<'_>) -> Result<Self> {
        let path = path.as_ref();
        let rows = match ending(path).as_deref() {
            Some("npz") => {
                return Npz::open_arrays(path, names).map(|npz| SetFile(Kind::Npz(Box::new(npz))));
            }
            Some("safetensors") => {
                return TensorFile::open(path, names).map(|file| SetFile(Kind::Tensors(file)));
            }
            Some("pt" | "pth") => {
                return TorchFile::open(path, names).map(|file| SetFile(Kind::Torch(Box::new(file))));
            }
            #[cfg(feature = "hdf5")]
            Some("h5" | "hdf5") => return Hdf5::open(path, names).map(|file| SetFile(Kind::Hdf5(file))),
            Some("npy") => NpyArray::open(path)?.rows(),
            Some("fvecs") => fvecs::open(path, fvecs::Item::F32),
            Some("bvecs") => fvecs::open(path, fvecs::Item::U8),
            _ => {
                let reason = format!("its name must end in one of .{}", ENDINGS.join(", ."));
                Err(Error::format("file of sets", reason))
            }
        };
        let rows = rows.and_then(|rows| match names.positions {
            None => Ok(rows),
            Some(name) => {
                let reason = format!("there is no array {name}: arrays of such a file have no names");
                Err(Error::format("file with positions", reason))
            }
        });
        let rows = rows.map_err(in_file(path))?;
        let set = SetInFile {
            name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            array: String::new(),
            rows: 0..rows.n_rows(),
            dim: rows.dim(),
            n_positions: 0,
            positions: None,
            is_f64: rows.is_f64(),
        };
        Ok(SetFile(Kind::One(rows, set)))
    }

    /// The sets, in their order.
    #[must_use]
    pub fn sets(&self) -> &[SetInFile] {
        match &self.0 {
            Kind::One(_, set) => std::slice::from_ref(set),
            Kind::Npz(npz) => npz.sets(),
            Kind::Tensors(file) => &file.contents().sets,
            Kind::Torch(file) => &file.contents().sets,
            #[cfg(feature = "hdf5")]
            Kind::Hdf5(file) => &file.contents().sets,
        }
    }

    /// One label per set, if there are any.
    #[must_use]
    pub fn labels(&self) -> Option<&Labels> {
        match &self.0 {
            Kind::Npz(npz) => npz.labels(),
            Kind::Tensors(file) => file.contents().labels.as_ref(),
            Kind::Torch(file) => file.contents().labels.as_ref(),
            #[cfg(feature = "hdf5")]
            Kind::Hdf5(file) => file.contents().labels.as_ref(),
            Kind::One(..) => None,
        }
    }

    /// The arrays that could hold descriptors too, beside those that were found by their names.
    #[must_use]
    pub fn passed_over(&self) -> &[String] {
        match &self.0 {
            Kind::Npz(npz) => npz.passed_over(),
            Kind::Tensors(file) => &file.contents().passed_over,
            Kind::Torch(file) => &file.contents().passed_over,
            #[cfg(feature = "hdf5")]
            Kind::Hdf5(file) => &file.contents().passed_over,
            Kind::One(..) => &[],
        }
    }

    /// Whether the arrays of the file at `path` have names, so that it may hold several sets.
    #[must_use]
    pub fn is_archive(path: &Path) -> bool {
        ending(path).is_some_and(|ending| ARCHIVES.contains(&ending.as_str()))
    }

    /// Opens the array of a set.
    ///
    /// # Errors
    /// Each names the path and the array: [`Error::Io`]; [`Error::Format`] for an array that does not hold
    /// descriptors.
    pub fn rows(&mut self, array: &str) -> Result<FileRows> {
        match &mut self.0 {
            Kind::One(rows, _) => Ok(rows.clone()),
            Kind::Npz(npz) => npz.rows(array),
            Kind::Tensors(file) => file.rows(array),
            Kind::Torch(file) => file.rows(array),
            #[cfg(feature = "hdf5")]
            Kind::Hdf5(file) => file.rows(array),
        }
    }

    /// Opens the array of a set; the columns of its positions are behind the others if they were asked for
    /// ([`ArrayNames`]).
    ///
    /// # Errors
    /// Those of [`rows`](Self::rows) and [`positions`](Self::positions).
    pub fn located_rows(&mut self, set: &SetInFile) -> Result<FileRows> {
        let rows = self.rows(&set.array)?;
        if set.dim == 0 {
            // The array, or that of its positions, does not tell its number of columns.
            return Ok(rows.without_columns());
        }
        let asked = if set.n_positions > 0 { self.positions(set)? } else { None };
        Ok(match asked {
            Some(positions) => rows.with_positions(positions)?,
            None => rows,
        })
    }

    /// The side of the patches of a set, in the unit of their positions, if the file says:
    /// `patch_size_level0` or `patch_size` of coords in HDF5, as TRIDENT and CLAM write them.
    #[must_use]
    pub fn patch_side(&self, set: &SetInFile) -> Option<f64> {
        match (&self.0, &set.positions) {
            #[cfg(feature = "hdf5")]
            (Kind::Hdf5(file), Some(positions)) => file.patch_side(positions),
            _ => None,
        }
    }

    /// Opens the array that holds the positions of a set, if there is one: the position of row i of the set's
    /// array is its row i.
    ///
    /// # Errors
    /// Each names the path and the array: [`Error::Io`]; [`Error::Format`] for an array that does not hold
    /// numbers.
    pub fn positions(&mut self, set: &SetInFile) -> Result<Option<FileRows>> {
        let Some(array) = &set.positions else { return Ok(None) };
        match &mut self.0 {
            Kind::One(..) => return Ok(None),
            Kind::Npz(npz) => npz.positions(array),
            Kind::Tensors(file) => file.positions(array),
            Kind::Torch(file) => file.positions(array),
            #[cfg(feature = "hdf5")]
            Kind::Hdf5(file) => file.positions(array),
        }
        .map(Some)
    }
}

impl FileRows {
    /// Opens the array of a file that holds one set: `.npy`, `.fvecs`, `.bvecs`, or an archive with one
    /// array.
    ///
    /// # Errors
    /// Those of [`SetFile::open`]; [`Error::Format`] for a file of several sets.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let mut file = SetFile::open(path.as_ref())?;
        match file.sets() {
            [set] if set.rows.start == 0 && file.passed_over().is_empty() => {
                let array = set.array.clone();
                file.rows(&array)
            }
            sets => {
                let got = sets.len() + file.passed_over().len();
                let reason = format!("expected one set, got {got}");
                Err(in_file(path.as_ref())(Error::format("file of one set", reason)))
            }
        }
    }
}

/// A file of encodings being written, shape (n_sets, p) of `f32`; the extension determines the format.
#[derive(Debug)]
pub enum VectorWriter {
    /// `.npy`.
    Npy(NpyWriter),
    /// `.fvecs`.
    Fvecs(FvecsWriter),
}

impl VectorWriter {
    /// Whether the extension of `path` is `.npy` or `.fvecs`.
    #[must_use]
    pub fn is_named(path: &Path) -> bool {
        matches!(ending(path).as_deref(), Some("npy" | "fvecs"))
    }

    /// Starts a file with the final name `path`, for `n_rows` rows of `p` numbers.
    ///
    /// # Errors
    /// Those of [`Staged::create`]; [`Error::Format`] for another extension.
    pub fn create(path: impl AsRef<Path>, n_rows: usize, p: usize) -> Result<Self> {
        let path = path.as_ref();
        if !VectorWriter::is_named(path) {
            let error = Error::format("file of vectors", "its name must end in .npy or .fvecs");
            return Err(in_file(path)(error));
        }
        VectorWriter::begin(Staged::create(path)?, n_rows, p)
    }

    /// Starts an empty file, whose final name says the format, for `n_rows` rows of `p` numbers.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn begin(file: Staged, n_rows: usize, p: usize) -> Result<Self> {
        match ending(file.path()).as_deref() {
            Some("fvecs") => Ok(VectorWriter::Fvecs(FvecsWriter::go_on(file, p))),
            _ => NpyWriter::begin(file, n_rows, p).map(VectorWriter::Npy),
        }
    }

    /// Goes on with such a file, which has `written` of its rows.
    #[must_use]
    pub fn go_on(file: Staged, n_rows: usize, p: usize, written: usize) -> Self {
        match ending(file.path()).as_deref() {
            Some("fvecs") => VectorWriter::Fvecs(FvecsWriter::go_on(file, p)),
            _ => VectorWriter::Npy(NpyWriter::go_on(file, n_rows, p, written)),
        }
    }

    /// The file that is being written.
    pub fn file_mut(&mut self) -> &mut Staged {
        match self {
            VectorWriter::Npy(file) => file.file_mut(),
            VectorWriter::Fvecs(file) => file.file_mut(),
        }
    }

    /// Appends rows, shape (any number, p).
    ///
    /// # Errors
    /// [`Error::Dimension`] and [`Error::Io`].
    pub fn append(&mut self, values: &[f32]) -> Result<()> {
        match self {
            VectorWriter::Npy(file) => file.append(values),
            VectorWriter::Fvecs(file) => file.append(values),
        }
    }

    /// The complete file, to be committed.
    ///
    /// # Errors
    /// [`Error::Dimension`] if fewer rows were appended to an `.npy` than it was created for.
    pub fn finish(self) -> Result<Staged> {
        match self {
            VectorWriter::Npy(file) => file.finish(),
            VectorWriter::Fvecs(file) => Ok(file.finish()),
        }
    }
}
