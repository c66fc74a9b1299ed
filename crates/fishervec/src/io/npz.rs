//! NumPy's `.npz` archives as sets of descriptors.
//!
//! A member stored without compression is read in place, at positions. A compressed one is inflated once
//! into an anonymous temporary file and read there by the same code, so memory does not grow with its size.

use super::archive::{Member, Zip};
use super::container::{ArrayInfo, Container, Contents, contents};
use super::npy::header::Header;
use super::npy::{Labels, NpyArray};
use super::rows::FileRows;
use super::section::{Section, in_file};
use super::set::{ArrayNames, SetInFile};
use crate::error::{Error, Result};
use std::path::Path;

/// An open `.npz`: its list of arrays and the sets in them; the descriptors are still on disk.
///
/// With the arrays `X` (n, d) and `lengths` (n_sets,) or `offsets` (n_sets + 1,) it is one ragged batch; an
/// array `y` (n_sets,) holds its labels. Otherwise its descriptors are the first of features, feats,
/// patch_embeddings, embeddings, descriptors, desc, X, x that has the shape (n, d) or (1, n, d); or else all
/// such arrays of the same d, one set each, in the natural order of their names.
#[derive(Debug)]
pub struct Npz {
    archive: Archive,
    contents: Contents,
}

impl Npz {
    /// Opens the archive at `path`, and reads the headers of its arrays, `lengths`, `offsets` and `y`.
    ///
    /// # Errors
    /// Each names the path: [`Error::Io`]; [`Error::Format`] for a file that is not an `.npz`, or has lengths
    /// or labels that contradict the rest; [`Error::Offsets`]; [`Error::Arrays`] if it is not clear which
    /// array holds descriptors.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Npz::open_arrays(path, ArrayNames::default())
    }

    /// The same; the array of that name, if there is one, is the only set.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn open_array(path: impl AsRef<Path>, array: Option<&str>) -> Result<Self> {
        Npz::open_arrays(path, ArrayNames { descriptors: array, positions: None })
    }

    /// The same, with arrays of these names for descriptors or positions.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn open_arrays(path: impl AsRef<Path>, names: ArrayNames<'_>) -> Result<Self> {
        let path = path.as_ref();
        let read = || {
            let mut archive = Archive::open(path)?;
            let contents = contents(&mut archive, names)?;
            Ok(Npz { archive, contents })
        };
        read().map_err(in_file(path))
    }

    /// The sets, in their order.
    #[must_use]
    pub fn sets(&self) -> &[SetInFile] {
        &self.contents.sets
    }

    /// One label per set, if there are any.
    #[must_use]
    pub fn labels(&self) -> Option<&Labels> {
        self.contents.labels.as_ref()
    }

    pub(super) fn passed_over(&self) -> &[String] {
        &self.contents.passed_over
    }

    /// Opens an array of descriptors; if it is compressed, inflates it into a temporary file first.
    ///
    /// # Errors
    /// Each names the path and the array: [`Error::Io`], and [`Error::Format`] for an array that does not
    /// hold descriptors, or whose compressed data are damaged or differ from their declared size.
    pub fn rows(&mut self, array: &str) -> Result<FileRows> {
        let opened = self.archive.array(array).and_then(|found| found.descriptors().map_err(in_array(array)));
        opened.map_err(in_file(self.archive.0.file.path()))
    }

    /// Opens an array of positions, which may be integers.
    pub(super) fn positions(&mut self, array: &str) -> Result<FileRows> {
        let opened = self.archive.array(array).and_then(|found| found.positions().map_err(in_array(array)));
        opened.map_err(in_file(self.archive.0.file.path()))
    }
}

/// The zip file: finds members by the name of their array.
#[derive(Debug)]
pub(super) struct Archive(Zip);

impl Archive {
    pub(super) fn open(path: &Path) -> Result<Self> {
        Ok(Archive(Zip::open(Section::open(path)?, "npz")?))
    }

    /// The names of its arrays.
    pub(super) fn names(&self) -> Vec<String> {
        self.0.names().filter_map(|name| Some(name.strip_suffix(".npy")?.to_owned())).collect()
    }

    fn member(&mut self, array: &str) -> Result<Member> {
        let member = self.0.member(&format!("{array}.npy"))?;
        member.ok_or_else(|| Error::format("npz", "there is no such array"))
    }

    /// Reads the header of an array, and inflates nothing else.
    fn header(&mut self, array: &str) -> Result<Header> {
        let mut read = || match self.member(array)? {
            Member::Stored(bytes) => Header::read(&mut bytes.reader(), bytes.len(), bytes.path()),
            Member::Deflated { index, size } => {
                let path = self.0.file.path().to_owned();
                Header::read(&mut self.0.inflating(index)?, size, &path)
            }
        };
        read().map_err(in_array(array))
    }

    pub(super) fn array(&mut self, array: &str) -> Result<NpyArray> {
        let mut open = || match self.member(array)? {
            Member::Stored(bytes) => NpyArray::parse(&bytes),
            Member::Deflated { index, size } => NpyArray::parse(&self.0.inflate(index, size)?),
        };
        open().map_err(in_array(array))
    }
}

impl Container for Archive {
    fn arrays(&mut self) -> Result<Vec<ArrayInfo>> {
        let names = self.names();
        let info = |name: String| match self.header(&name) {
            Ok(header) => {
                let (stored, dtype) = (header.stored(), header.dtype.text.clone());
                Ok(ArrayInfo { name, shape: header.shape, dtype, stored, readable: true })
            }
            Err(error) => match error.cause() {
                Error::Io { .. } => Err(error),
                cause => {
                    let dtype = cause.to_string();
                    Ok(ArrayInfo { name, shape: Vec::new(), dtype, stored: None, readable: false })
                }
            },
        };
        names.into_iter().map(info).collect()
    }

    fn integers(&mut self, array: &str) -> Result<Vec<i64>> {
        self.array(array)?.integers().map_err(in_array(array))
    }

    fn labels(&mut self, array: &str) -> Result<Labels> {
        self.array(array)?.labels().map_err(in_array(array))
    }
}

pub(super) fn in_array(array: &str) -> impl FnOnce(Error) -> Error {
    move |error| error.at(format!("array {array}"))
}

#[cfg(test)]
mod tests;
