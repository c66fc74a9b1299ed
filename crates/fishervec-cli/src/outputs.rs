//! How the files that `encode` writes are known again, so that no fit learns from them.

use fishervec::io::VectorWriter;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The names of the columns of the csv.
pub(crate) const HEAD: [&str; 8] =
    ["row", "source", "set", "n", "mean_log_likelihood", "status", "label", "reason"];
/// The number of columns that every such csv has.
pub(crate) const ALWAYS: usize = 6;

/// Whether the file at `path` is a csv of `encode`, by its first line.
pub(crate) fn is_manifest(path: &Path) -> bool {
    let head = HEAD[..ALWAYS].join(",");
    let mut start = vec![0; head.len() + 1];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start.starts_with(head.as_bytes()) && matches!(start[head.len()], b',' | b'\r' | b'\n')
}

/// Whether `encode` wrote the file at `path`: vectors or labels with such a csv beside them.
pub(crate) fn is_output(path: &Path) -> bool {
    // NAME.labels.npy is beside NAME.csv, and may be vectors beside NAME.labels.csv.
    let vectors = path.with_extension("");
    let labels = vectors.extension().is_some_and(|ending| ending == "labels");
    VectorWriter::is_named(path) && is_manifest(&path.with_extension("csv"))
        || labels
            && path.extension().is_some_and(|ending| ending == "npy")
            && is_manifest(&vectors.with_extension("csv"))
}
