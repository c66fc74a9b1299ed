//! Files that appear under their name only when they are complete: each is written to the same folder under a
//! temporary name, flushed to the disk, and renamed.

use super::section::at_path;
use crate::error::Result;
use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use xxhash_rust::xxh3::Xxh3;

/// The number of floats that are turned into bytes at once.
const NUMBERS: usize = 1 << 12;

/// A file being written under a temporary name, `.NAME.XXXXXX.tmp`, in the folder of its final one.
///
/// If it is dropped without [`commit`], it is removed, and any file under the final name stays unchanged.
#[derive(Debug)]
pub struct Staged {
    out: BufWriter<NamedTempFile>,
    path: PathBuf,
    /// What was appended since the last mark, if there are marks.
    since: Option<Box<Since>>,
}

/// Where bytes begin and end, and their hash so far.
struct Since {
    start: u64,
    end: u64,
    hash: Xxh3,
}

impl fmt::Debug for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.start, self.end)
    }
}

impl Since {
    fn at(start: u64) -> Option<Box<Self>> {
        Some(Box::new(Since { start, end: start, hash: Xxh3::new() }))
    }
}

/// Bytes of a file that are on the disk, and their hash (XXH3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The first byte.
    pub start: u64,
    /// The byte after the last.
    pub end: u64,
    /// The hash of the bytes.
    pub hash: u64,
}

impl Staged {
    /// Starts a file with the final name `path`.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if the folder does not exist or cannot be written to, or if `path` is
    /// a folder or a device.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = temporary(path, ".tmp", |builder, folder| builder.tempfile_in(folder));
        let file = file.map_err(at_path(path))?;
        Ok(Staged { out: BufWriter::new(file), path: path.to_owned(), since: None })
    }

    /// Starts a file with the final name `path` as a part, `.NAME.XXXXXX.part`, that a later process can go
    /// on from if this one is killed ([`Part`]): it has [marks](Self::mark), and it is locked while it is
    /// written.
    ///
    /// # Errors
    /// Those of [`create`](Self::create).
    pub fn create_part(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = temporary(path, ".part", |builder, folder| builder.tempfile_in(folder));
        let file = file.map_err(at_path(path))?;
        // Where there are no locks nobody is kept from going on from it, which changes nothing of it.
        let _ = file.as_file().try_lock();
        Ok(Staged { out: BufWriter::new(file), path: path.to_owned(), since: Since::at(0) })
    }

    /// Flushes a part to the disk, and tells what was appended since the last mark.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) with the final name, also for a file without marks.
    pub fn mark(&mut self) -> Result<Mark> {
        self.sync()?;
        let Some(since) = &mut self.since else {
            return Err(at_path(&self.path)(io::Error::other("this file has no marks")));
        };
        let mark = Mark { start: since.start, end: since.end, hash: since.hash.digest() };
        self.since = Since::at(mark.end);
        Ok(mark)
    }

    /// From now on the file stays under its temporary name if it is dropped without [`commit`].
    pub fn keep(&mut self) {
        self.out.get_mut().disable_cleanup(true);
    }

    /// The temporary name of the file.
    #[must_use]
    pub fn temporary(&self) -> &Path {
        self.out.get_ref().path()
    }

    /// The final name of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) with the final name.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(at_path(&self.path))?;
        if let Some(since) = &mut self.since {
            since.end += bytes.len() as u64;
            since.hash.update(bytes);
        }
        Ok(())
    }

    /// Appends numbers, each as little-endian bytes.
    pub(super) fn append_numbers(&mut self, values: &[f32]) -> Result<()> {
        let mut bytes = [0; 4 * NUMBERS];
        for values in values.chunks(NUMBERS) {
            let bytes = &mut bytes[..4 * values.len()];
            for (to, value) in bytes.as_chunks_mut().0.iter_mut().zip(values) {
                *to = value.to_le_bytes();
            }
            self.append(bytes)?;
        }
        Ok(())
    }

    /// Flushes everything written so far to the disk.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) with the final name.
    pub fn sync(&mut self) -> Result<()> {
        let flushed = self.out.flush().and_then(|()| self.out.get_ref().as_file().sync_all());
        flushed.map_err(at_path(&self.path))
    }
}

/// Gives files their final names, replacing existing files: all are complete before the first is renamed.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) with the file that failed. Before the first rename nothing has changed; if
/// a rename fails (because a folder's permissions changed meanwhile), the files renamed before it stay
/// renamed.
pub fn commit(files: impl IntoIterator<Item = Staged>) -> Result<()> {
    let mut files: Vec<Staged> = files.into_iter().collect();
    for file in &mut files {
        file.sync()?;
    }
    for Staged { out, path, .. } in files {
        let (file, _) = out.into_parts();
        file.persist(&path).map_err(|e| at_path(&path)(e.error))?;
    }
    Ok(())
}

/// Makes a file with a temporary name that ends with `suffix`, in the folder of `path`.
pub(super) fn temporary<F>(
    path: &Path,
    suffix: &str,
    make: impl FnOnce(&mut tempfile::Builder<'_, '_>, &Path) -> io::Result<NamedTempFile<F>>,
) -> io::Result<NamedTempFile<F>> {
    let name = path.file_name().ok_or_else(|| io::Error::other("the path does not name a file"))?;
    if path.metadata().is_ok_and(|about| !about.is_file()) {
        let reason = "this path exists and is not a regular file";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, reason));
    }
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let prefix = format!(".{}.", name.to_string_lossy());
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(suffix);
    // The permissions are those of any new file, under the umask, and not for the owner alone.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    // The folder is checked first, since the builder's error would name the temporary file.
    folder.metadata()?;
    make(&mut builder, folder)
}

/// A part that another process has left, locked so that no third one goes on from it.
#[derive(Debug)]
pub struct Part {
    file: File,
    path: PathBuf,
}

impl Part {
    /// Opens the part at `path`; `None` if there is none, or if the process that writes it is still alive.
    #[must_use]
    pub fn open(path: &Path) -> Option<Self> {
        let file = OpenOptions::new().read(true).write(true).open(path).ok()?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => None,
            // Some file systems have no locks.
            Ok(()) | Err(TryLockError::Error(_)) => Some(Part { file, path: path.to_owned() }),
        }
    }

    /// How many of the marks, which follow each other from the first byte on, the part still holds.
    #[must_use]
    pub fn holds(&self, marks: &[Mark]) -> usize {
        let mut end = 0;
        let holds = |mark: &&Mark| {
            let follows = mark.start == end && mark.end >= end;
            end = mark.end;
            follows && self.hash(mark).is_ok_and(|hash| hash == mark.hash)
        };
        marks.iter().take_while(holds).count()
    }

    fn hash(&self, mark: &Mark) -> io::Result<u64> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(mark.start))?;
        let (mut reader, mut hash) = (file.take(mark.end - mark.start), Xxh3::new());
        let mut bytes = vec![0; 1 << 16];
        let mut left = mark.end - mark.start;
        while left > 0 {
            match reader.read(&mut bytes)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => {
                    hash.update(&bytes[..n]);
                    left -= n as u64;
                }
            }
        }
        Ok(hash.digest())
    }

    /// Cuts the part off at byte `end`, to go on from there with the final name `path`. It gets another
    /// temporary name, so that whoever wrote it before cannot finish it.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) with the final name.
    pub fn go_on(self, path: &Path, end: u64) -> Result<Staged> {
        let go_on = || {
            let file = temporary(path, ".part", |builder, folder| {
                builder.make_in(folder, |name| {
                    std::fs::rename(&self.path, name)?;
                    self.file.try_clone()
                })
            })?;
            file.as_file().set_len(end)?;
            file.as_file().seek(SeekFrom::Start(end))?;
            Ok(file)
        };
        let file = go_on().map_err(at_path(path))?;
        Ok(Staged { out: BufWriter::new(file), path: path.to_owned(), since: Since::at(end) })
    }

    /// Removes the part.
    pub fn remove(self) {
        let _ = std::fs::remove_file(self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_part_goes_on_from_the_last_mark_that_holds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.bin");
        let mut file = Staged::create_part(&path).unwrap();
        let marks = ["first ", "second "].map(|text| {
            file.append(text.as_bytes()).unwrap();
            file.mark().unwrap()
        });
        file.append(b"lost").unwrap();
        assert!(Part::open(file.temporary()).is_none(), "whoever writes it is alive");
        file.keep();
        let left = file.temporary().to_owned();
        drop(file);
        let part = Part::open(&left).unwrap();
        assert_eq!((part.holds(&marks), part.holds(&marks[1..])), (2, 0));
        // A byte that differs, and a file that is too short.
        fs::write(&left, "first sEcond lost").unwrap();
        assert_eq!(part.holds(&marks), 1);
        fs::write(&left, "first second").unwrap();
        assert_eq!(part.holds(&marks), 1);
        fs::write(&left, "").unwrap();
        assert_eq!(part.holds(&marks), 0);
        fs::write(&left, "first second and a tail").unwrap();
        let mut file = part.go_on(&path, marks[1].end).unwrap();
        assert!(!left.exists(), "its first owner cannot finish it");
        file.append(b"third").unwrap();
        let third = file.mark().unwrap();
        assert_eq!((third.start, third.end), (13, 18));
        commit([file]).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"first second third");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn nothing_has_its_name_before_the_commit_and_nothing_is_left_without_one() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a.npy"), folder.path().join("b.csv"));
        fs::write(&a, "old").unwrap();
        let stage = |path: &Path| {
            let mut file = Staged::create(path).unwrap();
            file.append(b"new").unwrap();
            file
        };
        drop([stage(&a), stage(&b)]);
        assert_eq!(fs::read(&a).unwrap(), b"old");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "temporary files are gone");

        let files = [stage(&a), stage(&b)];
        assert!(files.iter().all(|file| !file.path().ends_with("tmp")) && !b.exists());
        commit(files).unwrap();
        assert_eq!((fs::read(&a).unwrap(), fs::read(&b).unwrap()), (b"new".to_vec(), b"new".to_vec()));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
    }

    #[test]
    fn a_folder_or_a_device_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().to_owned(), folder.path().join("none/a.npy"), PathBuf::from("/dev/null")] {
            let message = Staged::create(&path).unwrap_err().to_string();
            assert!(message.contains(&path.display().to_string()), "{message}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_as_the_umask_says() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let plain = folder.path().join("plain");
        fs::write(&plain, "").unwrap();
        let staged = folder.path().join("staged");
        commit([Staged::create(&staged).unwrap()]).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&staged), mode(&plain));
    }
}
