//! A file as its headers described it when it was scanned, and the identity of several.

use super::npy::Labels;
use super::section::at_path;
use super::set::SetInFile;
use super::sets::SetFile;
use crate::error::{Error, Result};
use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
use xxhash_rust::xxh3::Xxh3;

/// A file of a [`List`](super::List).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile {
    /// Where it is.
    pub path: PathBuf,
    /// The number of the folder that it was found in, of [`List::folders`](super::List::folders); `None` if
    /// it was asked for by its own name.
    pub folder: Option<usize>,
    /// How it was when it was scanned.
    pub stamp: Stamp,
    /// What it holds.
    pub contents: Contents,
}

/// What a file holds, as its headers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contents {
    /// Sets of descriptors.
    Sets {
        /// The sets, in their order.
        sets: Vec<SetInFile>,
        /// One label per set, if there are any.
        labels: Option<Labels>,
    },
    /// An image.
    Image {
        /// The number of its columns, before any turning.
        width: usize,
        /// The number of its rows.
        height: usize,
    },
}

impl From<&SetFile> for Contents {
    fn from(file: &SetFile) -> Self {
        Contents::Sets { sets: file.sets().to_vec(), labels: file.labels().cloned() }
    }
}

/// The size of a file and the time of its last change: a file that has another is not the one that was
/// scanned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Its size.
    pub bytes: u64,
    /// Nanoseconds from 1970 to its last change.
    pub modified: i64,
}

impl Stamp {
    /// That of the file at `path` as it is now.
    ///
    /// # Errors
    /// [`Error::Io`] with the path.
    pub fn of(path: &Path) -> Result<Self> {
        let about = path.metadata().map_err(at_path(path))?;
        let modified = about.modified().map_err(at_path(path))?;
        let nanoseconds = |time: std::time::Duration| i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        let modified = match modified.duration_since(UNIX_EPOCH) {
            Ok(since) => nanoseconds(since),
            Err(before) => -nanoseconds(before.duration()),
        };
        Ok(Stamp { bytes: about.len(), modified })
    }

    /// Checks that the file at `path` is still the one that was scanned.
    ///
    /// # Errors
    /// [`Error::Changed`] with the path, also if it is gone; [`Error::Io`] if it cannot be asked.
    pub fn check(self, path: &Path) -> Result<()> {
        let now = match Stamp::of(path) {
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => None,
            now => Some(now?),
        };
        let how = match now {
            Some(now) if now == self => return Ok(()),
            Some(now) if now.bytes != self.bytes => {
                format!(" ({} bytes then, {} now)", self.bytes, now.bytes)
            }
            Some(_) => " (written anew)".to_owned(),
            None => " (it is gone)".to_owned(),
        };
        Err(Error::Changed { how }.at(path.display().to_string()))
    }
}

/// The identity of a list of files: a hash of the path of each below the folder that it was found in, and of
/// the names and the shapes of its sets. Neither the time nor the place of that folder counts, since machines
/// may have the files in different places.
#[derive(Default)]
pub struct Identity(Xxh3);

impl Identity {
    /// Adds a file, found in `folder` or, without one, asked for by its own name.
    pub fn add(&mut self, path: &Path, folder: Option<&Path>, contents: &Contents) {
        let name = || Path::new(path.file_name().unwrap_or_default());
        let inside =
            folder.filter(|folder| *folder != path).and_then(|folder| path.strip_prefix(folder).ok());
        let inside = inside.unwrap_or_else(name);
        for part in inside.components() {
            self.bytes(part.as_os_str().as_encoded_bytes());
        }
        match contents {
            Contents::Sets { sets, .. } => {
                self.number(sets.len());
                for set in sets {
                    self.bytes(set.name.as_bytes());
                    self.number(set.rows.len());
                    self.number(set.dim);
                }
            }
            Contents::Image { width, height } => {
                self.number(*width);
                self.number(*height);
            }
        }
    }

    /// The identity of the files so far, in their order.
    #[must_use]
    pub fn finish(&self) -> u64 {
        self.0.digest()
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.update(bytes);
    }

    fn number(&mut self, number: usize) {
        self.0.update(&(number as u64).to_le_bytes());
    }
}
