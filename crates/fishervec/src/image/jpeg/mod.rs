//! Whether a JPEG file is whole: its entropy-coded data are walked through, code by code.
//!
//! The decoder (zune-jpeg, as the image crate calls it) fills up with grey what a file lacks, says nothing,
//! and its strict mode, which the image crate does not offer, still passes a file whose end marker comes too
//! early. ITU-T T.81 says how many blocks each scan has, so a walk that only counts them finds a file that
//! ends early, or whose damage makes its codes invalid, too many or too few.

mod bits;
mod check;
mod frame;
mod scan;

pub(super) use check::{END_MARKER, end_of_data};
