//! A set in a file, as the file's headers describe it.

use std::ops::Range;

/// A set in a file, known by the file's headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetInFile {
    /// Its name: the file's stem, its array's name, or its number in a batch.
    pub name: String,
    /// The array it is in: to be opened with [`SetFile::rows`].
    pub array: String,
    /// Its rows of that array.
    pub rows: Range<usize>,
    /// Columns of the array, d.
    pub dim: usize,
    /// Whether the array is in double precision.
    pub is_f64: bool,
}
