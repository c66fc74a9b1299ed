//! One error type: each variant is one way an input can be wrong, and says what was expected, what was found
//! and where.

use std::path::PathBuf;

/// Everything that can go wrong in this crate.
///
/// Each variant names one cause. Where a set or a file is involved the error is wrapped in
/// [`Error::At`], so that the message reads `set 12: row 3, column 7 is NaN`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Descriptors, or an output, of the wrong number of columns.
    #[error("wrong dimension of {what}: expected {expected}, got {got}")]
    Dimension {
        /// What has the wrong dimension.
        what: &'static str,
        /// The dimension that is needed.
        expected: usize,
        /// The dimension that was found.
        got: usize,
    },
    /// A descriptor holds NaN or an infinity.
    #[error("row {row}, column {column} is {value}: descriptors must be finite")]
    NotFinite {
        /// Row within its set.
        row: usize,
        /// Column.
        column: usize,
        /// The value found (NaN, inf or -inf).
        value: f64,
    },
    /// Pixels outside the range of their type.
    #[error("expected values from 0 to {max}, got {least} to {most}: {cure}")]
    PixelRange {
        /// The value of white.
        max: f32,
        /// The smallest value found.
        least: f32,
        /// The largest value found.
        most: f32,
        /// What to do.
        cure: &'static str,
    },
    /// A descriptor's weight is negative, NaN or infinite.
    #[error("the weight of row {row} is {value}: weights must be finite and at least 0")]
    Weight {
        /// Row within its set.
        row: usize,
        /// The weight found.
        value: f64,
    },
    /// A descriptor is so far from the mixture that no likelihood can be represented.
    #[error(
        "row {row} is too far from every component: its likelihood underflows even as a logarithm \
         (expected values within about 1e15 standard deviations of the mixture in float32)"
    )]
    OutOfRange {
        /// Row within its set.
        row: usize,
    },
    /// An entry of an encoding is too large for its float type.
    #[error("entry {index} of the encoding is too large for {float}: expected a finite number, got {value}")]
    Overflow {
        /// Position in the encoding.
        index: usize,
        /// The float type.
        float: &'static str,
        /// The entry.
        value: f64,
    },
    /// The offsets of a ragged batch do not start at 0, decrease, or do not end at the last row.
    #[error("offsets[{index}] is {got}: expected {expected}")]
    Offsets {
        /// Position in the offsets.
        index: usize,
        /// What it must be.
        expected: String,
        /// What it is.
        got: usize,
    },
    /// Not enough rows to fit a model.
    #[error("too few rows {purpose}: expected at least {expected}, got {got}")]
    TooFewRows {
        /// What they are for.
        purpose: &'static str,
        /// The minimum number.
        expected: usize,
        /// What was given (rows of positive weight).
        got: usize,
    },
    /// A setting out of its range.
    #[error("{name}: expected {expected}, got {got}")]
    Parameter {
        /// The setting's name.
        name: &'static str,
        /// Its allowed values.
        expected: String,
        /// The value given.
        got: String,
    },
    /// Settings in JSON that are not valid: an unknown name, or a value of another type or outside its
    /// choices.
    #[error("settings: {reason}")]
    Settings {
        /// What is wrong with them.
        reason: String,
    },
    /// Statistics taken under one mixture were used with another.
    #[error("statistics belong to mixture {got:016x}, expected mixture {expected:016x}")]
    MixtureMismatch {
        /// Identity of the mixture they were used with.
        expected: u64,
        /// Identity of the mixture they were accumulated under.
        got: u64,
    },
    /// Parts of a pass over the data that do not belong together, or do not cover it.
    #[error("{reason}")]
    Shards {
        /// What is wrong: expected, got, what to do.
        reason: String,
    },
    /// The flag of [`Context::interrupt`](crate::Context::interrupt) was raised.
    #[error("interrupted")]
    Interrupted,
    /// A file does not follow its format.
    #[error("not a valid {format}: {reason}")]
    Format {
        /// The format: `npy`, `npz`, `model` or `statistics`.
        format: &'static str,
        /// What is wrong with it: expected and got.
        reason: String,
    },
    /// The arrays of a file do not say which of them holds the descriptors.
    #[error("{reason}; the arrays of this file: {arrays}; {cure}")]
    Arrays {
        /// Why it is not clear.
        reason: String,
        /// All arrays, each with its shape and its number type.
        arrays: String,
        /// What to do about it.
        cure: &'static str,
    },
    /// A file has a schema version that this build does not know.
    #[error("{format} schema version {got} is not known: this build reads version {expected}")]
    Version {
        /// The format.
        format: &'static str,
        /// The version that this build reads.
        expected: u64,
        /// The version found.
        got: u64,
    },
    /// A file is not the one that was scanned.
    #[error("it has changed since it was scanned{how}: scan again")]
    Changed {
        /// What is different, in brackets.
        how: String,
    },
    /// The operating system reported an error on a file.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: std::io::Error,
    },
    /// An error with the place it happened at: a set, a file.
    #[error("{place}: {source}")]
    At {
        /// The place, as a user names it.
        place: String,
        /// What happened there.
        #[source]
        source: Box<Error>,
    },
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The same error, with the place it happened at in front.
    #[must_use]
    pub fn at(self, place: impl Into<String>) -> Self {
        Error::At { place: place.into(), source: Box::new(self) }
    }

    /// The same error, with the row it names counted as `map` says: a part of a set counts its rows from 0,
    /// but a user knows the rows of the set. An error that names no row, and one with a place, stays as it
    /// is.
    #[must_use]
    pub fn map_row(self, map: impl FnOnce(usize) -> usize) -> Self {
        match self {
            Error::NotFinite { row, column, value } => Error::NotFinite { row: map(row), column, value },
            Error::OutOfRange { row } => Error::OutOfRange { row: map(row) },
            other => other,
        }
    }

    /// The row that it names; `None` for an error that names no row, and for one with a place.
    #[must_use]
    pub fn row(&self) -> Option<usize> {
        match self {
            Error::NotFinite { row, .. } | Error::OutOfRange { row } => Some(*row),
            _ => None,
        }
    }

    /// The error itself, without the places around it.
    #[must_use]
    pub fn cause(&self) -> &Error {
        match self {
            Error::At { source, .. } => source.cause(),
            other => other,
        }
    }

    pub(crate) fn parameter(
        name: &'static str,
        expected: impl Into<String>,
        got: impl std::fmt::Display,
    ) -> Self {
        Error::Parameter { name, expected: expected.into(), got: got.to_string() }
    }

    /// What is wrong with settings in JSON. The position in the text is removed, since no user wrote that
    /// text.
    pub(crate) fn settings(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
        Error::Settings { reason: reason.to_owned() }
    }

    pub(crate) fn shards(reason: impl Into<String>) -> Self {
        Error::Shards { reason: reason.into() }
    }

    pub(crate) fn format(format: &'static str, reason: impl Into<String>) -> Self {
        Error::Format { format, reason: reason.into() }
    }
}
