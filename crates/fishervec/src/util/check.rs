//! Checks of inputs, with errors that say what was expected.

use crate::error::{Error, Result};

/// Checks that there are enough rows.
pub(crate) fn at_least(purpose: &'static str, expected: usize, got: usize) -> Result<()> {
    if got < expected { Err(Error::TooFewRows { purpose, expected, got }) } else { Ok(()) }
}

/// Checks that rows have at least one column.
pub(crate) fn has_columns(dim: usize) -> Result<()> {
    match dim {
        0 => Err(Error::parameter("descriptors", "at least 1 column", 0)),
        _ => Ok(()),
    }
}

/// Checks a factor that weights are multiplied by.
pub(crate) fn is_factor(factor: f64) -> Result<()> {
    match factor.is_finite() && factor >= 0.0 {
        true => Ok(()),
        false => Err(Error::parameter("factor", "a finite number of at least 0", factor)),
    }
}
