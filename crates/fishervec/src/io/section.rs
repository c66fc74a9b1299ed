//! A section of a file, read by offset: there is no cursor, so any number of threads can read at once.

use crate::error::{Error, Result};
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// The bytes `start..start + len` of an open file. It is cheap to clone; the file closes with the last clone.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    file: Arc<File>,
    path: Arc<Path>,
    start: u64,
    len: u64,
}

impl Section {
    /// Opens the whole file at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        File::open(path).and_then(|file| Self::of(file, path)).map_err(at_path(path))
    }

    /// The whole of an open file, which errors call `path`.
    pub(crate) fn of(file: File, path: &Path) -> io::Result<Self> {
        let about = file.metadata()?;
        if about.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(Section { file: Arc::new(file), path: path.into(), start: 0, len: about.len() })
    }

    /// The `len` bytes of this section from `start` on; `None` if it does not hold them.
    pub(crate) fn slice(&self, start: u64, len: u64) -> Option<Self> {
        let end = start.checked_add(len)?;
        (end <= self.len).then(|| Section { start: self.start + start, len, ..self.clone() })
    }

    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Fills `out` with the bytes from `at` on.
    ///
    /// # Errors
    /// [`Error::Io`], also where the file has become shorter since it was opened.
    pub(crate) fn read_at(&self, at: u64, out: &mut [u8]) -> Result<()> {
        let inside = at.checked_add(out.len() as u64).is_some_and(|end| end <= self.len);
        let read = if inside {
            read_exact_at(&self.file, out, self.start + at)
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        };
        read.map_err(at_path(&self.path))
    }

    /// A stream of the section from its first byte.
    pub(crate) fn reader(&self) -> Reader {
        Reader { section: self.clone(), at: 0 }
    }
}

/// Adds the name of the file to an error of the operating system.
pub(crate) fn at_path(path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io { path: path.to_owned(), source }
}

/// Adds the name of the file to an error that does not have it yet.
pub(crate) fn in_file(path: &Path) -> impl FnOnce(Error) -> Error {
    move |error| match error {
        Error::Io { .. } => error,
        other => other.at(path.display().to_string()),
    }
}

/// A section as a stream.
#[derive(Debug)]
pub(crate) struct Reader {
    section: Section,
    at: u64,
}

impl io::Read for Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = (out.len() as u64).min(self.section.len.saturating_sub(self.at)) as usize;
        read_exact_at(&self.section.file, &mut out[..n], self.section.start + self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl io::Seek for Reader {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        let at = match to {
            io::SeekFrom::Start(at) => Some(at),
            io::SeekFrom::End(by) => self.section.len.checked_add_signed(by),
            io::SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, out: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, out, at)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut out: &mut [u8], mut at: u64) -> io::Result<()> {
    while !out.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, out, at)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => (out, at) = (&mut out[n..], at + n as u64),
        }
    }
    Ok(())
}

#[cfg(not(any(unix, windows)))]
fn read_exact_at(_: &File, _: &mut [u8], _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
