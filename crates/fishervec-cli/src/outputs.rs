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
    head(path).is_some()
}

/// Whether it is a csv of `encode` whose sets have no labels.
pub(crate) fn is_unlabelled(path: &Path) -> bool {
    head(path).is_some_and(|head| !head.split(',').any(|name| name == HEAD[ALWAYS]))
}

/// The first line of a csv of `encode`; `None` for another file.
fn head(path: &Path) -> Option<String> {
    let most = HEAD.join(",").len() as u64 + 1;
    let mut start = String::new();
    File::open(path).ok()?.take(most).read_to_string(&mut start).ok()?;
    let (head, _) = start.split_once(['\r', '\n'])?;
    let names: Vec<&str> = head.split(',').collect();
    names.starts_with(&HEAD[..ALWAYS]).then(|| head.to_owned())
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
