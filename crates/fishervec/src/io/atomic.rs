//! Files that appear under their name only when they are complete: each is written to the same folder under a
//! temporary name, flushed to the disk, and renamed.

use super::section::at_path;
use crate::error::Result;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file being written under a temporary name, `.NAME.XXXXXX.tmp`, in the folder of its final one.
///
/// If it is dropped without [`commit`], it is removed, and any file under the final name stays unchanged.
#[derive(Debug)]
pub struct Staged {
    out: BufWriter<NamedTempFile>,
    path: PathBuf,
}

impl Staged {
    /// Starts a file with the final name `path`.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) if the folder does not exist or cannot be written to, or if `path` is
    /// a folder or a device.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::create_temporary(path).map_err(at_path(path))
    }

    fn create_temporary(path: &Path) -> io::Result<Self> {
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
        builder.prefix(&prefix).suffix(".tmp");
        // The permissions are those of any new file, under the umask, and not for the owner alone.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        // The folder is checked first, since the builder's error would name the temporary file.
        folder.metadata()?;
        let file = builder.tempfile_in(folder)?;
        Ok(Staged { out: BufWriter::new(file), path: path.to_owned() })
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
        self.out.write_all(bytes).map_err(at_path(&self.path))
    }

    /// Flushes everything written so far to the disk.
    fn sync(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.out.get_ref().as_file().sync_all()
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
        file.sync().map_err(at_path(&file.path))?;
    }
    for Staged { out, path } in files {
        let (file, _) = out.into_parts();
        file.persist(&path).map_err(|e| at_path(&path)(e.error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

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
