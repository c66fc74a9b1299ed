//! What two neighbouring results become.

use crate::error::Result;

/// A summary of items that can be merged with that of the items after them.
pub trait Merge: Sized {
    /// The summary of both, where those of `right` follow.
    ///
    /// # Errors
    /// Those of summaries that do not belong together.
    fn merged(self, right: Self) -> Result<Self>;
}
