//! Which arrays of files hold what.

use fishervec::io::ArrayNames;

/// The names of the arrays that hold the descriptors of each file, `None` to find them, and their positions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Arrays {
    pub(crate) array: Option<String>,
    pub(crate) positions: Option<String>,
}

/// The name that an option asks for.
type Name = fn(&Arrays) -> Option<&str>;

impl Arrays {
    /// The options that ask for them.
    pub(crate) const OPTIONS: [(&'static str, Name); 2] =
        [("array", |arrays| arrays.array.as_deref()), ("positions", |arrays| arrays.positions.as_deref())];

    pub(crate) fn given(&self) -> ArrayNames<'_> {
        ArrayNames { descriptors: self.array.as_deref(), positions: self.positions.as_deref() }
    }
}
