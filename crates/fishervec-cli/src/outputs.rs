//! How the files that `encode` writes are known again, so that no fit learns from them.

use fishervec::io::VectorWriter;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The names of the columns of the csv.
pub(crate) const HEAD: [&str; 8] =
    ["row", "source", "set", "n", "mean_log_likelihood", "status", "label", "reason"];
/// What spreadsheets put before the first line, and between fields.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
const SEPARATORS: [char; 3] = [',', ';', '\t'];
/// The largest number of bytes in which the first line of a csv must end.
const FIRST_LINE: u64 = 1 << 13;
/// The number of columns that every such csv has.
pub(crate) const ALWAYS: usize = 6;

/// Whether the file at `path` is a csv of `encode`, by its first line. Users may have added columns.
pub(crate) fn is_manifest(path: &Path) -> bool {
    head(path).is_some()
}

/// Whether the file at `path` is a csv of `encode` without columns that users have added.
pub(crate) fn is_unchanged(path: &Path) -> bool {
    head(path).is_some_and(|names| names.iter().all(|name| HEAD.contains(&name.as_str())))
}

/// Whether the sets of a csv of `encode` have labels; `None` for another file.
pub(crate) fn has_labels(path: &Path) -> Option<bool> {
    head(path).map(|names| names.iter().any(|name| name == HEAD[ALWAYS]))
}

/// The columns of a csv of `encode`, also of one that a spreadsheet has saved; `None` for another file.
fn head(path: &Path) -> Option<Vec<String>> {
    let mut start = Vec::new();
    File::open(path).ok()?.take(FIRST_LINE).read_to_end(&mut start).ok()?;
    let start = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&start);
    let end = start.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
    let head = std::str::from_utf8(&start[..end]).ok()?;
    let names: Vec<&str> = head.split(SEPARATORS).collect();
    names.starts_with(&HEAD[..ALWAYS]).then(|| names.into_iter().map(str::to_owned).collect())
}

/// Whether `encode` wrote the file at `path`: vectors or labels with such a csv beside them.
pub(crate) fn is_output(path: &Path) -> bool {
    let is_vectors = VectorWriter::is_named(path) && is_manifest(&path.with_extension("csv"));
    is_vectors || is_labels(path)
}

/// Whether it is NAME.labels.npy beside NAME.csv.
pub(crate) fn is_labels(path: &Path) -> bool {
    let vectors = path.with_extension("");
    let named = vectors.extension().is_some_and(|ending| ending == "labels");
    named
        && path.extension().is_some_and(|ending| ending == "npy")
        && is_manifest(&vectors.with_extension("csv"))
}
