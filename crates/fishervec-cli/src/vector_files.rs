//! The files that belong together: NAME.npy, NAME.csv, NAME.labels.npy and, of a shard, NAME.json.

use crate::exit::usage_error;
use crate::{destination, outputs, shell};
use anyhow::bail;
use fishervec::io::VectorWriter;
use std::path::{Path, PathBuf};

/// The files to write.
pub(crate) struct VectorFiles {
    pub(crate) vectors: PathBuf,
    pub(crate) manifest: PathBuf,
    pub(crate) labels: PathBuf,
    /// What a shard says about itself.
    pub(crate) about: PathBuf,
}

impl VectorFiles {
    /// The files that belong to `vectors`.
    pub(crate) fn beside(vectors: &Path) -> Self {
        VectorFiles {
            vectors: vectors.to_owned(),
            manifest: vectors.with_extension("csv"),
            labels: vectors.with_extension("labels.npy"),
            about: vectors.with_extension("json"),
        }
    }

    /// The names of the files for --output, which have been checked to be writable.
    pub(crate) fn new(output: &Path) -> anyhow::Result<Self> {
        if !VectorWriter::is_named(output) {
            let cure = match output.extension().and_then(|ending| ending.to_str()) {
                Some("parquet" | "h5" | "hdf5") => {
                    "; fishervec.write_vectors(path, vectors, sets) in Python writes .parquet and .h5"
                }
                _ => "",
            };
            usage_error!(
                "--output: expected a name ending in .npy or .fvecs, got {}{cure}",
                output.display()
            );
        }
        let files = VectorFiles::beside(output);
        let other = output.with_extension(if output.extension().is_some_and(|e| e == "npy") {
            "fvecs"
        } else {
            "npy"
        });
        if other.exists() && !files.manifest.exists() {
            bail!(
                "{} would seem to be about {}, which is there already: choose another --output",
                files.manifest.display(),
                other.display()
            );
        }
        // Its name follows from that of the vectors, so nobody said that it may be replaced.
        if files.manifest.is_file() && !outputs::is_unchanged(&files.manifest) {
            refuse_to_replace(&files.manifest)?;
        }
        for path in [&files.vectors, &files.manifest, &files.labels] {
            destination::check("--output", path)?;
        }
        Ok(files)
    }

    /// Checks that no labels are lost that `encode` did not write.
    pub(crate) fn refuse_labels(&self) -> anyhow::Result<()> {
        match self.labels.is_file() && outputs::has_labels(&self.manifest) != Some(true) {
            true => refuse_to_replace(&self.labels),
            false => Ok(()),
        }
    }

    /// The names that were written, as a sentence lists them.
    pub(crate) fn written(&self, labelled: bool) -> String {
        let (vectors, manifest) = (self.vectors.display(), self.manifest.display());
        match labelled {
            true => format!("{vectors}, {manifest} and {}", self.labels.display()),
            false => format!("{vectors} and {manifest}"),
        }
    }

    /// The command that comes next, if there are labels to evaluate with.
    pub(crate) fn next(&self, labelled: bool) -> String {
        let vectors = shell::word(&self.vectors).unwrap_or_else(|| "VECTORS".to_owned());
        if labelled { format!(". Next: fishervec evaluate {vectors}") } else { String::new() }
    }
}

/// Refuses to replace a file that nobody named.
pub(crate) fn refuse_to_replace(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    match outputs::is_manifest(path) {
        true => bail!(
            "{shown} would be replaced, with columns that encode did not write: choose another --output"
        ),
        false => bail!("{shown} would be replaced, and encode did not write it: choose another --output"),
    }
}
