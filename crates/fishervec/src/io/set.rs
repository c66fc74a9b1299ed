//! Descriptions of the sets in a file.

use std::ops::Range;

/// The arrays of a file that are asked for by their names; the others are found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ArrayNames<'a> {
    /// The array that holds the descriptors: the only set.
    pub descriptors: Option<&'a str>,
    /// The array that holds the positions of the descriptors, shape (n, L), integers or floats. Its columns
    /// are appended to those of the descriptors. In a dictionary of dictionaries it may be one of each.
    pub positions: Option<&'a str>,
}

/// A set in a file, as the file's headers describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetInFile {
    /// Its name: the file's stem, its array's name, or its number in a batch.
    pub name: String,
    /// The name of the array that holds it, for [`SetFile::rows`](super::SetFile::rows).
    pub array: String,
    /// Its rows of that array.
    pub rows: Range<usize>,
    /// The number of its columns: those of the array, d, and the position columns behind them.
    pub dim: usize,
    /// The number of its position columns: 0 unless positions were asked for ([`ArrayNames`]).
    pub n_positions: usize,
    /// The name of the array that holds the positions of its descriptors: the one that was asked for, or else
    /// one that lies beside the array.
    pub positions: Option<String>,
    /// Whether the array is in double precision.
    pub is_f64: bool,
}
