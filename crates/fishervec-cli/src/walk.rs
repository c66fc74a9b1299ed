//! The files of a folder and of its subfolders, in natural order.

use fishervec::io::natural_order;
use fishervec::{Error, Result};
use std::cmp::Ordering;
use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that systems write beside what users wrote, with copies or thumbnails in them.
const SYSTEM: [&str; 6] =
    ["__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found"];

/// A file; or a file or folder that is not to be read, and why.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) path: PathBuf,
    pub(crate) skipped: Option<Skipped>,
}

/// Why an entry of a folder is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Skipped {
    /// Its name begins with a dot, or is one of [`SYSTEM`].
    Hidden,
    /// It is a pipe, a socket or a device.
    Special,
    /// It is a link to a folder that it is in.
    Loop,
    /// It leads to a folder that is listed under another name.
    Again,
}

/// The file `path`, or the files of that folder and of its subfolders, in natural order. Links are followed.
/// Each folder is listed once: under its own name if it is inside, or else under that of the first link.
///
/// # Errors
/// What cannot be listed.
pub(crate) fn walk(path: &Path) -> Result<Vec<Entry>> {
    let about = fs::metadata(path).map_err(at(path))?;
    if !about.is_dir() {
        let skipped = (!about.is_file()).then_some(Skipped::Special);
        return Ok(vec![Entry { path: path.to_owned(), skipped }]);
    }
    let mut walk = Walk { listed: BTreeSet::new(), links: VecDeque::new(), found: Vec::new() };
    walk.list(path)?;
    // Folders go before links, so that a folder that is inside keeps its own name.
    while let Some(link) = walk.links.pop_front() {
        let target = link.canonicalize().map_err(at(&link))?;
        let home = link.parent().unwrap_or(path).canonicalize().map_err(at(&link))?;
        if home.starts_with(&target) {
            walk.skip(link, Skipped::Loop);
        } else {
            walk.list(&link)?;
        }
    }
    let mut found = walk.found;
    found.sort_by(|a, b| in_order(&a.path, &b.path));
    Ok(found)
}

struct Walk {
    /// The folders that have been listed, by their own names.
    listed: BTreeSet<PathBuf>,
    /// Links to folders, which are still to be followed.
    links: VecDeque<PathBuf>,
    found: Vec<Entry>,
}

impl Walk {
    /// Adds the files of a folder and of the folders in it; links to folders are for later.
    fn list(&mut self, folder: &Path) -> Result<()> {
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            if !self.listed.insert(folder.canonicalize().map_err(at(&folder))?) {
                self.skip(folder, Skipped::Again);
                continue;
            }
            let entries = fs::read_dir(&folder).map_err(at(&folder))?;
            let paths: std::io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
            let mut paths = paths.map_err(at(&folder))?;
            // The first of several links to a folder gives it its name.
            paths.sort_by(|a, b| in_order(a, b));
            for path in paths {
                self.add(path, &mut folders)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, path: PathBuf, folders: &mut Vec<PathBuf>) -> Result<()> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || SYSTEM.iter().any(|system| name.eq_ignore_ascii_case(system)) {
            self.skip(path, Skipped::Hidden);
            return Ok(());
        }
        let is_link = fs::symlink_metadata(&path).map_err(at(&path))?.is_symlink();
        match fs::metadata(&path) {
            Ok(about) if about.is_dir() && is_link => self.links.push_back(path),
            Ok(about) if about.is_dir() => folders.push(path),
            Ok(about) if !about.is_file() => self.skip(path, Skipped::Special),
            // It may have been a class of images; what is called like a file is told when it is opened.
            Err(error) if path.extension().is_none() => return Err(at(&path)(error)),
            _ => self.found.push(Entry { path, skipped: None }),
        }
        Ok(())
    }

    fn skip(&mut self, path: PathBuf, reason: Skipped) {
        self.found.push(Entry { path, skipped: Some(reason) });
    }
}

/// The natural order of paths, folder by folder.
fn in_order(a: &Path, b: &Path) -> Ordering {
    let mut pairs = a.components().zip(b.components()).map(|(a, b)| {
        let (a, b) = (a.as_os_str(), b.as_os_str());
        natural_order(&a.to_string_lossy(), &b.to_string_lossy()).then_with(|| a.cmp(b))
    });
    pairs.find(|order| order.is_ne()).unwrap_or_else(|| a.cmp(b))
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    |source| Error::Io { path, source }
}
