//! Descriptions of the sets in a file.

use std::ops::Range;

/// A set in a file, as the file's headers describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetInFile {
    /// Its name: the file's stem, its array's name, or its number in a batch.
    pub name: String,
    /// The name of the array that holds it, for [`SetFile::rows`](super::SetFile::rows).
    pub array: String,
    /// Its rows of that array.
    pub rows: Range<usize>,
    /// The number of columns of the array, d.
    pub dim: usize,
    /// Whether the array is in double precision.
    pub is_f64: bool,
}
