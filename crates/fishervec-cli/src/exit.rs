//! The exit codes, and the error that stands for wrong usage.

/// Everything was done.
pub const DONE: i32 = 0;
/// The command failed; the message says why, and no output file has changed.
pub const FAILED: i32 = 1;
/// The command line is wrong: an unknown option, a value out of range.
pub const USAGE: i32 = 2;
/// Everything was done except for some sets, which were skipped as requested.
pub const SKIPPED: i32 = 3;

/// Done, and another round is wanted.
pub const UNCONVERGED: i32 = 4;

/// A command line that can be parsed but makes no sense; the text says why.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Ends the calling function with a [`Usage`] error.
macro_rules! usage_error {
    ($($text:tt)*) => { return Err($crate::exit::Usage(format!($($text)*)).into()) };
}
pub(crate) use usage_error;
