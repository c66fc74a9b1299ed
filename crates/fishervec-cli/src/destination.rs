//! Where output files go: checked before any work begins, and never lost when it ends.

use anyhow::{anyhow, bail};
use fishervec::io::Staged;
use std::path::{Path, PathBuf};

/// Checks that a file can be written at `path`, the value of an option, and leaves no trace there.
///
/// # Errors
/// If `path` is a folder, its folder does not exist, or the folder cannot be written to.
pub(crate) fn check(option: &str, path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    let ends_as_folder = path.as_os_str().as_encoded_bytes().last().is_some_and(|c| *c == b'/');
    if path.is_dir() || ends_as_folder {
        bail!("{option} {shown}: expected the name of a file, got that of a folder");
    }
    if let Some(folder) = path.parent().filter(|folder| *folder != Path::new("")) {
        match folder.metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                bail!("{option} {shown}: the folder {} does not exist; create it first", folder.display());
            }
            Ok(about) if !about.is_dir() => bail!("{option} {shown}: {} is not a folder", folder.display()),
            _ => {}
        }
    }
    Staged::create(path).map(drop).map_err(|error| anyhow!("{option} {error}"))
}

/// Whether two paths lead to one file that exists.
pub(crate) fn is_same(a: &Path, b: &Path) -> bool {
    a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b))
}

/// Checks that an output does not replace the table of --labels, which is read.
///
/// # Errors
/// If it would.
pub(crate) fn spare_labels(output: &Path, labels: Option<&Path>) -> anyhow::Result<()> {
    match labels.filter(|labels| is_same(labels, output)) {
        Some(labels) => bail!(
            "{} is the table of --labels and would be replaced: choose another --output",
            labels.display()
        ),
        None => Ok(()),
    }
}

/// Saves a result at `path`. If that fails, the result is saved in another folder instead, and the error says
/// where.
///
/// # Errors
/// If it could not be saved at `path`.
pub(crate) fn save(
    path: &Path,
    others: &[PathBuf],
    save: impl Fn(&Path) -> fishervec::Result<()>,
) -> anyhow::Result<()> {
    let Err(error) = save(path) else { return Ok(()) };
    for folder in others {
        let spare = unused_name(folder, path);
        if save(&spare).is_ok() {
            let spare = spare.display();
            bail!(
                "{error}\nThe model is not lost: it was saved as {spare} instead. Move it where you want it."
            );
        }
    }
    let folders: Vec<_> = others.iter().map(|folder| folder.display().to_string()).collect();
    bail!("{error}\nThe model could not be saved anywhere else either (tried {})", folders.join(", "))
}

/// The folders where a model is saved if its own place fails: the current one, then the temporary one.
pub(crate) fn spare_folders() -> Vec<PathBuf> {
    std::env::current_dir().into_iter().chain([std::env::temp_dir()]).collect()
}

/// A name in `folder` like that of `path`, which no file has.
fn unused_name(folder: &Path, path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let names = (1..).map(|i: u32| folder.join(format!("{stem}-saved-{i}.safetensors")));
    names.into_iter().find(|name| !name.exists()).unwrap_or_else(|| folder.join("model-saved.safetensors"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn write(path: &Path) -> fishervec::Result<()> {
        let mut file = Staged::create(path)?;
        file.append(b"model")?;
        fishervec::io::commit([file])
    }

    #[test]
    fn what_cannot_be_saved_at_its_place_is_saved_at_another() {
        let folder = tempfile::tempdir().unwrap();
        let (gone, spare) = (folder.path().join("gone"), folder.path().to_owned());
        fs::write(spare.join("m-saved-1.safetensors"), b"older").unwrap();
        let error = save(&gone.join("m.safetensors"), &[gone.clone(), spare.clone()], write).unwrap_err();
        let saved = spare.join("m-saved-2.safetensors");
        assert!(error.to_string().contains(&format!("saved as {}", saved.display())), "{error}");
        assert_eq!(fs::read(saved).unwrap(), b"model");
        assert_eq!(fs::read(spare.join("m-saved-1.safetensors")).unwrap(), b"older");

        let error = save(&gone.join("m.safetensors"), &[gone], write).unwrap_err();
        assert!(error.to_string().contains("could not be saved anywhere else"), "{error}");
    }

    #[test]
    fn a_check_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        check("--output", &folder.path().join("m.safetensors")).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
    }
}
