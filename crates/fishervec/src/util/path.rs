//! File names.

use std::path::Path;

/// The ending of a file's name, in lower case and without its dot.
pub(crate) fn ending(path: &Path) -> Option<String> {
    path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase())
}
