//! Checks of what is given, with the errors that say what must be.

use crate::error::{Error, Result};

/// Checks that there are enough rows.
pub(crate) fn at_least(purpose: &'static str, expected: usize, got: usize) -> Result<()> {
    if got < expected { Err(Error::TooFewRows { purpose, expected, got }) } else { Ok(()) }
}
