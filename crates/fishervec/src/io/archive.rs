//! Zip archives: members are found by their names, and those stored without compression are read in place.

use super::section::{Reader, Section, at_path};
use crate::error::{Error, Result};
use std::io::BufReader;
use zip::read::ZipFile;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

/// The maximum number of bytes that deflate can produce from one byte.
const MAX_INFLATION: u64 = 1032;

/// An open zip archive, the container of another format.
#[derive(Debug)]
pub(super) struct Zip {
    /// The whole file.
    pub(super) file: Section,
    archive: ZipArchive<BufReader<Reader>>,
    /// The name of the format, for errors.
    format: &'static str,
}

/// The bytes of a member: stored in place, or compressed.
pub(super) enum Member {
    Stored(Section),
    Deflated { index: usize, size: u64 },
}

impl Zip {
    /// Opens a file of the format and reads its list of members.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Format`] for a file that is not a zip archive, or that has two members of
    /// one name.
    pub(super) fn open(file: Section, format: &'static str) -> Result<Self> {
        let archive = ZipArchive::new(BufReader::new(file.reader()));
        let archive = archive.map_err(|error| of_zip(format, &file, error))?;
        if archive.has_duplicate_names() {
            return Err(Error::format(format, "two members have the same name"));
        }
        Ok(Zip { file, archive, format })
    }

    /// The names of its members, in the order of their list.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.archive.file_names().filter_map(|name| Some(name.ok()?.into_owned()))
    }

    /// Finds a member; `None` if there is none of that name.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Format`] for a member that cannot be read.
    pub(super) fn member(&mut self, name: &str) -> Result<Option<Member>> {
        let Some(index) = self.archive.index_for_name(name) else { return Ok(None) };
        let (format, file) = (self.format, &self.file);
        let invalid = |reason: String| Err(Error::format(format, reason));
        let entry = self.archive.by_index_raw(index).map_err(|error| of_zip(format, file, error))?;
        let (size, packed) = (entry.size(), entry.compressed_size());
        match (entry.encrypted(), entry.compression(), entry.data_start()) {
            (true, ..) => invalid("it is encrypted".to_owned()),
            (_, CompressionMethod::Stored, Some(start)) if packed == size => match file.slice(start, size) {
                Some(bytes) => Ok(Some(Member::Stored(bytes))),
                None => invalid("it reaches past the end of the file".to_owned()),
            },
            (_, CompressionMethod::Deflated, _) if size <= packed.saturating_mul(MAX_INFLATION) => {
                Ok(Some(Member::Deflated { index, size }))
            }
            (_, CompressionMethod::Deflated, _) => {
                invalid(format!("it declares that {packed} bytes inflate to {size}, which is impossible"))
            }
            (_, method, _) => invalid(format!("compression {method:?}: expected none or deflate")),
        }
    }

    /// A compressed member as a stream, which stops at its declared size and verifies the checksum.
    pub(super) fn inflating(&mut self, index: usize) -> Result<ZipFile<'_, BufReader<Reader>>> {
        self.archive.by_index(index).map_err(|error| of_zip(self.format, &self.file, error))
    }

    /// Inflates a member into an anonymous temporary file: exactly `size` bytes, or an error.
    pub(super) fn inflate(&mut self, index: usize, size: u64) -> Result<Section> {
        let (format, file) = (self.format, self.file.clone());
        let mut entry = self.inflating(index)?;
        let mut out = tempfile::tempfile().map_err(at_path(&std::env::temp_dir()))?;
        match std::io::copy(&mut entry, &mut out).map_err(|error| of_zip(format, &file, error.into()))? {
            n if n == size => Section::of(out, file.path()).map_err(at_path(file.path())),
            n => Err(Error::format(format, format!("it inflates to {n} bytes: expected {size}"))),
        }
    }
}

/// Turns an error of the zip library into one of the format; only those of the operating system stay `Io`.
fn of_zip(format: &'static str, file: &Section, error: ZipError) -> Error {
    use std::io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    match error {
        ZipError::Io(e) if matches!(e.kind(), InvalidData | InvalidInput | UnexpectedEof) => {
            Error::format(format, format!("damaged or cut short: {e}"))
        }
        ZipError::Io(e) => at_path(file.path())(e),
        other => Error::format(format, other.to_string()),
    }
}
