//! A list of files with their sets, so that their headers are read once: JSON, one line per file.

use super::atomic::{Staged, commit};
use super::line::{Head, Line};
use super::listed::{Contents, Identity, ListedFile};
use super::section::{at_path, in_file};
use crate::error::{Error, Result};
use crate::util::path::ending;
use serde::Deserialize;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Component, Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// The version of the format.
const VERSION: u64 = 1;
/// What the first line of a list begins with.
const START: &[u8] = b"{\"fishervec_list\":";

/// Files, in order, with all that their headers say: what `fishervec scan` writes.
///
/// On disk it is `NAME.jsonl`. The first line is an object with `fishervec_list` (1, the version), the
/// numbers of `files`, `sets` and `rows`, the columns `dim`, the float type `real`, the `folders` that were
/// scanned, the arrays that were asked for (`array`, `positions`), the [identity](Self::id) `id` and a
/// `checksum` of all the rest. Each other line is a file: its `path`, the number of its `folder`, its size in
/// `bytes`, the time it was `modified` (nanoseconds since 1970), its `sets` and `labels`, or the `size` of an
/// image. Paths are relative to the folder of the list, unless they were given as absolute ones of other
/// folders.
///
/// ```
/// use fishervec::io::{Contents, List, ListedFile, SetFile, Stamp, commit, npy::NpyWriter};
///
/// # let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("a.npy");
/// let mut file = NpyWriter::create(&path, 2, 3)?;
/// file.append(&[0.0; 6])?;
/// commit([file.finish()?])?;
///
/// let contents = Contents::from(&SetFile::open(&path)?);
/// let stamp = Stamp::of(&path)?;
/// let list = List { files: vec![ListedFile { path, folder: None, stamp, contents }], ..List::default() };
/// list.save(folder.path().join("list.jsonl"), None)?;
/// assert_eq!(List::load(folder.path().join("list.jsonl"), None)?, list);
/// assert_eq!(list.n_rows(), Some(2));
/// # Ok::<(), fishervec::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List {
    /// The folders that were scanned, of which files know theirs.
    pub folders: Vec<PathBuf>,
    /// The array that holds the descriptors, if it was asked for.
    pub array: Option<String>,
    /// The array that holds the positions, if it was asked for.
    pub positions: Option<String>,
    /// The files, in order.
    pub files: Vec<ListedFile>,
}

impl List {
    /// Whether the file at `path` is called `.jsonl` and begins as a list does.
    #[must_use]
    pub fn is_one(path: &Path) -> bool {
        let mut start = Vec::new();
        ending(path).as_deref() == Some("jsonl")
            && File::open(path)
                .and_then(|file| file.take(START.len() as u64).read_to_end(&mut start))
                .is_ok_and(|_| start == START)
    }

    /// The number of sets.
    #[must_use]
    pub fn n_sets(&self) -> usize {
        let count = |file: &ListedFile| match &file.contents {
            Contents::Sets { sets, .. } => sets.len(),
            Contents::Image { .. } => 1,
        };
        self.files.iter().map(count).sum()
    }

    /// The number of descriptors; `None` for images, which models turn into as many as they want.
    #[must_use]
    pub fn n_rows(&self) -> Option<usize> {
        let images = self.files.iter().any(|file| matches!(file.contents, Contents::Image { .. }));
        // A list may have been made up.
        let rows = self.sets().fold(0, |sum: usize, set| sum.saturating_add(set.rows.len()));
        (!images).then_some(rows)
    }

    /// The number of columns, if all sets that tell it agree.
    #[must_use]
    pub fn dim(&self) -> Option<usize> {
        let mut dims = self.sets().map(|set| set.dim).filter(|dim| *dim > 0);
        let first = dims.next()?;
        dims.all(|dim| dim == first).then_some(first)
    }

    /// The identity: a hash of the path of each file below the folder that it was found in, and of the names
    /// and the shapes of its sets; not of times, nor of where that folder is.
    #[must_use]
    pub fn id(&self) -> u64 {
        let mut identity = Identity::default();
        for file in &self.files {
            let folder = file.folder.and_then(|folder| self.folders.get(folder));
            identity.add(&file.path, folder.map(PathBuf::as_path), &file.contents);
        }
        identity.finish()
    }

    fn sets(&self) -> impl Iterator<Item = &super::set::SetInFile> {
        let sets = self.files.iter().map(|file| match &file.contents {
            Contents::Sets { sets, .. } => sets.as_slice(),
            Contents::Image { .. } => &[],
        });
        sets.flatten()
    }

    /// Writes the list to `path`, whole or not at all. Paths are written relative to `root`, or else to the
    /// folder of the list.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Format`] with the name of a file that is not Unicode, so that no line can hold
    /// it, or that is not in `root`.
    pub fn save(&self, path: impl AsRef<Path>, root: Option<&Path>) -> Result<()> {
        let path = path.as_ref();
        let place = Place::new(root.unwrap_or_else(|| folder_of(path)), root.is_some())?;
        let mut staged = Staged::create(path)?;
        let mut head = self.head(&place, root)?;
        let mut hash = hash_of(path, &head)?;
        // Twice, since the first line has the hash of the others: they are not held.
        self.lines(&place, &mut |line| {
            hash.update(line);
            Ok(())
        })?;
        head.checksum = format!("{:016x}", hash.digest());
        staged.append(&json(path, &head)?)?;
        self.lines(&place, &mut |line| staged.append(line))?;
        commit([staged])
    }

    fn lines(&self, place: &Place, write: &mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> {
        for file in &self.files {
            write(&json(&file.path, &Line::new(place.relative(&file.path)?, file))?)?;
        }
        Ok(())
    }

    /// The first line, without its checksum.
    fn head(&self, place: &Place, root: Option<&Path>) -> Result<Head> {
        let root = root.map(|root| std::path::absolute(root).map_err(at_path(root))).transpose()?;
        let is_f64 = self.sets().any(|set| set.is_f64);
        let rows = self.n_rows();
        Ok(Head {
            fishervec_list: VERSION,
            files: self.files.len(),
            sets: self.n_sets(),
            rows,
            dim: self.dim(),
            real: rows.map(|_| if is_f64 { "f64" } else { "f32" }.to_owned()),
            root: root.map(|root| text(&root)).transpose()?,
            folders: self.folders.iter().map(|folder| place.relative(folder)).collect::<Result<_>>()?,
            array: self.array.clone(),
            positions: self.positions.clone(),
            id: format!("{:016x}", self.id()),
            checksum: String::new(),
        })
    }

    /// Reads the list at `path`. Its paths are relative to `root`, or else to the root that it was written
    /// with, or to the folder of the list: of a link, that of what it leads to. No file of the list is
    /// opened.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Version`]; [`Error::Format`] with the line that is wrong: a list that is cut
    /// short, was edited, or is none.
    pub fn load(path: impl AsRef<Path>, root: Option<&Path>) -> Result<Self> {
        let path = path.as_ref();
        let mut lines = Lines { file: BufReader::new(File::open(path).map_err(at_path(path))?), number: 0 };
        let list = Self::read(&mut lines, path, root);
        list.map_err(|error| match error {
            Error::Format { format, reason } => {
                Error::Format { format, reason: format!("line {}: {reason}", lines.number.max(1)) }
            }
            other => other,
        })
        .map_err(in_file(path))
    }

    fn read(lines: &mut Lines, path: &Path, root: Option<&Path>) -> Result<Self> {
        let mut text = Vec::new();
        lines.next(path, &mut text)?;
        let mut head = head(&text)?;
        let checksum = std::mem::take(&mut head.checksum);
        let written = head.root.as_ref().map(PathBuf::from);
        // A workflow may hand a list on as a link to it.
        let real =
            if path.is_symlink() { path.canonicalize().map_err(at_path(path))? } else { path.to_owned() };
        let root = root.or(written.as_deref()).unwrap_or_else(|| folder_of(&real));
        let folders: Vec<PathBuf> = head.folders.iter().map(|folder| resolved(root, folder)).collect();
        let (mut hash, mut files) = (hash_of(path, &head)?, Vec::new());
        while lines.next(path, &mut text)? {
            let line: Line = parsed(&text)?;
            let file = line.file(folders.len(), |path| resolved(root, path)).map_err(invalid)?;
            files.push(file);
            hash.update(&text);
            hash.update(b"\n");
        }
        let (expected, got) = (head.files, files.len());
        if got != expected {
            let reason = format!("expected the lines of {expected} files, got {got}: the list is torn");
            return Err(invalid(format!("{reason}; scan again")));
        }
        let list = List { folders, array: head.array, positions: head.positions, files };
        let same = format!("{:016x}", hash.digest()) == checksum
            && format!("{:016x}", list.id()) == head.id
            && (list.n_sets(), list.n_rows()) == (head.sets, head.rows);
        if !same {
            lines.number = 1;
            return Err(invalid("it does not go with the lines after it: the list was edited; scan again"));
        }
        if list.files.is_empty() {
            return Err(invalid("expected files, got none"));
        }
        Ok(list)
    }
}

fn head(text: &[u8]) -> Result<Head> {
    #[derive(Deserialize)]
    struct Version {
        fishervec_list: u64,
    }
    let version = parsed::<Version>(text)?.fishervec_list;
    if version != VERSION {
        return Err(Error::Version { format: "list", expected: VERSION, got: version });
    }
    parsed(text)
}

/// The lines of a file; empty ones do not count.
struct Lines {
    file: BufReader<File>,
    /// The number of the line that was read last, from 1.
    number: usize,
}

impl Lines {
    /// Reads the next line, without its end; whether there is one.
    fn next(&mut self, path: &Path, text: &mut Vec<u8>) -> Result<bool> {
        loop {
            text.clear();
            if self.file.read_until(b'\n', text).map_err(at_path(path))? == 0 {
                return Ok(false);
            }
            self.number += 1;
            text.truncate(text.trim_ascii_end().len());
            if !text.is_empty() {
                return Ok(true);
            }
        }
    }
}

fn invalid(reason: impl Into<String>) -> Error {
    Error::format("list", reason)
}

fn parsed<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T> {
    serde_json::from_slice(text).map_err(|error| {
        let told = error.to_string();
        let (reason, column) = told.rsplit_once(" at line 1").unwrap_or((&told, ""));
        invalid(format!("{reason}{}", column.replace(" column", ", column")))
    })
}

/// The hash of a list, of which the first line has been added, without its checksum.
fn hash_of(path: &Path, head: &Head) -> Result<Xxh3> {
    let mut hash = Xxh3::new();
    hash.update(&json(path, head)?);
    Ok(hash)
}

fn json(path: &Path, value: &impl serde::Serialize) -> Result<Vec<u8>> {
    let line = serde_json::to_vec(value).map_err(|error| Error::settings(&error));
    let mut line = line.map_err(in_file(path))?;
    line.push(b'\n');
    Ok(line)
}

/// The folder of a list.
fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// A path as a line has it.
fn text(path: &Path) -> Result<String> {
    let reason = "its name is not Unicode, so no list can hold it: rename it";
    let text = path.to_str().ok_or_else(|| invalid(reason).at(path.display().to_string()))?;
    Ok(if cfg!(windows) { text.replace('\\', "/") } else { text.to_owned() })
}

/// What the paths of a list are relative to.
struct Place {
    folder: PathBuf,
    /// The same, from the root of the file system on.
    whole: PathBuf,
    /// Whether all paths must be within.
    strict: bool,
}

impl Place {
    fn new(folder: &Path, strict: bool) -> Result<Self> {
        let here = if folder == Path::new("") { Path::new(".") } else { folder };
        let whole = tidy(&std::path::absolute(here).map_err(at_path(here))?);
        Ok(Place { folder: folder.to_owned(), whole, strict })
    }

    /// A path as it is written.
    fn relative(&self, path: &Path) -> Result<String> {
        let whole = tidy(&std::path::absolute(path).map_err(at_path(path))?);
        let inside = whole.strip_prefix(&self.whole).ok();
        if self.strict && inside.is_none() {
            let reason = format!("expected a file below {}, the root of the list", self.folder.display());
            return Err(invalid(reason).at(path.display().to_string()));
        }
        if self.folder == Path::new("") && path.is_relative() {
            return text(path);
        }
        match inside {
            Some(inside) if inside == Path::new("") => Ok(".".to_owned()),
            Some(inside) => text(inside),
            None if path.is_absolute() => text(path),
            None => text(&upwards(&self.whole, &whole)),
        }
    }
}

/// The way from one folder to a path, both from the root of the file system on.
fn upwards(from: &Path, to: &Path) -> PathBuf {
    let shared = from.components().zip(to.components()).take_while(|(a, b)| a == b).count();
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(to.components().skip(shared)).collect()
}

/// A path of a list, as it is from here.
fn resolved(root: &Path, path: &str) -> PathBuf {
    match root == Path::new("") || Path::new(path).is_absolute() {
        true => PathBuf::from(path),
        false => tidy(&root.join(path)),
    }
}

/// A path without `.` and without the names that `..` takes back.
fn tidy(path: &Path) -> PathBuf {
    let mut parts: Vec<Component<'_>> = Vec::new();
    for part in path.components() {
        match (part, parts.last()) {
            (Component::CurDir, _) => {}
            (Component::ParentDir, Some(Component::Normal(_))) => drop(parts.pop()),
            (Component::ParentDir, Some(Component::RootDir)) => {}
            _ => parts.push(part),
        }
    }
    parts.into_iter().collect()
}

#[cfg(test)]
mod tests;
