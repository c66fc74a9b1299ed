//! NumPy's `.npz` archives as sets of descriptors.
//!
//! A member stored without compression is read in place, at positions. A compressed one is inflated once
//! into an anonymous temporary file and read there by the same code, so memory does not grow with its size.

use super::container::{ArrayInfo, Container, Contents, contents};
use super::npy::header::Header;
use super::npy::{Labels, NpyArray};
use super::rows::FileRows;
use super::section::{Reader, Section, at_path, in_file};
use super::set::SetInFile;
use crate::error::{Error, Result};
use std::io::BufReader;
use std::path::Path;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

/// The maximum number of bytes that deflate can produce from one byte.
const MAX_INFLATION: u64 = 1032;

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
        Npz::open_array(path, None)
    }

    /// The same; the array of that name, if there is one, is the only set.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub fn open_array(path: impl AsRef<Path>, array: Option<&str>) -> Result<Self> {
        let path = path.as_ref();
        let read = || {
            let mut archive = Archive::open(path)?;
            let contents = contents(&mut archive, array)?;
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
        let opened =
            self.archive.array(array).and_then(|found| found.rows_or_nothing().map_err(in_array(array)));
        opened.map_err(in_file(self.archive.section.path()))
    }
}

/// The zip file: finds members by the name of their array.
#[derive(Debug)]
struct Archive {
    section: Section,
    zip: ZipArchive<BufReader<Reader>>,
}

/// The bytes of a member: stored in place, or compressed.
enum Member {
    Stored(Section),
    Deflated { index: usize, size: u64 },
}

impl Archive {
    fn open(path: &Path) -> Result<Self> {
        let section = Section::open(path)?;
        let zip = ZipArchive::new(BufReader::new(section.reader())).map_err(zip_error(path))?;
        if zip.has_duplicate_names() {
            return Err(invalid("two members have the same name"));
        }
        Ok(Archive { section, zip })
    }

    /// The names of its arrays.
    fn names(&self) -> Vec<String> {
        let names = self.zip.file_names().filter_map(std::result::Result::ok);
        names.filter_map(|name| Some(name.strip_suffix(".npy")?.to_owned())).collect()
    }

    fn member(&mut self, array: &str) -> Result<Member> {
        let index = self.zip.index_for_name(&format!("{array}.npy"));
        let index = index.ok_or_else(|| invalid("there is no such array"))?;
        let entry = self.zip.by_index_raw(index).map_err(zip_error(self.section.path()))?;
        let (size, packed) = (entry.size(), entry.compressed_size());
        match (entry.encrypted(), entry.compression(), entry.data_start()) {
            (true, ..) => Err(invalid("it is encrypted")),
            (_, CompressionMethod::Stored, Some(start)) if packed == size => {
                let inside = self.section.slice(start, size);
                inside.map(Member::Stored).ok_or_else(|| invalid("it reaches past the end of the file"))
            }
            (_, CompressionMethod::Deflated, _) if size <= packed.saturating_mul(MAX_INFLATION) => {
                Ok(Member::Deflated { index, size })
            }
            (_, CompressionMethod::Deflated, _) => Err(invalid(format!(
                "it declares that {packed} bytes inflate to {size}, which is impossible"
            ))),
            (_, method, _) => Err(invalid(format!("compression {method:?}: expected none or deflate"))),
        }
    }

    /// Reads the header of an array, and inflates nothing else.
    fn header(&mut self, array: &str) -> Result<Header> {
        let mut read = || {
            let member = self.member(array)?;
            let path = self.section.path();
            match member {
                Member::Stored(bytes) => Header::read(&mut bytes.reader(), bytes.len(), path),
                Member::Deflated { index, size } => {
                    let mut entry = self.zip.by_index(index).map_err(zip_error(path))?;
                    Header::read(&mut entry, size, path)
                }
            }
        };
        read().map_err(in_array(array))
    }

    fn array(&mut self, array: &str) -> Result<NpyArray> {
        let mut open = || match self.member(array)? {
            Member::Stored(bytes) => NpyArray::parse(&bytes),
            Member::Deflated { index, size } => NpyArray::parse(&self.inflate(index, size)?),
        };
        open().map_err(in_array(array))
    }

    /// Inflates a member into an anonymous temporary file: exactly `size` bytes, or an error.
    fn inflate(&mut self, index: usize, size: u64) -> Result<Section> {
        let path = self.section.path();
        // The zip library stops at the declared size and verifies the checksum.
        let mut entry = self.zip.by_index(index).map_err(zip_error(path))?;
        let mut file = tempfile::tempfile().map_err(at_path(&std::env::temp_dir()))?;
        match std::io::copy(&mut entry, &mut file).map_err(|error| zip_error(path)(error.into()))? {
            n if n == size => Section::of(file, path).map_err(at_path(path)),
            n => Err(invalid(format!("it inflates to {n} bytes: expected {size}"))),
        }
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

fn invalid(reason: impl Into<String>) -> Error {
    Error::format("npz", reason)
}

fn in_array(array: &str) -> impl FnOnce(Error) -> Error {
    move |error| error.at(format!("array {array}"))
}

/// Turns an error of the zip library into one of the format; only those of the operating system stay `Io`.
fn zip_error(path: &Path) -> impl FnOnce(ZipError) -> Error {
    use std::io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    move |error| match error {
        ZipError::Io(e) if matches!(e.kind(), InvalidData | InvalidInput | UnexpectedEof) => {
            invalid(format!("damaged or cut short: {e}"))
        }
        ZipError::Io(e) => at_path(path)(e),
        other => invalid(other.to_string()),
    }
}

#[cfg(test)]
mod tests;
