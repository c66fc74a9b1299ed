//! NumPy's `.npy` files: sets of descriptors read block by block, small arrays read whole, and the files that
//! the command writes.
//!
//! There is no memory map: a file that is cut short while it is being read causes an error, not a signal.
//! Every size is checked against the file before anything is allocated.

mod array;
pub(crate) mod header;
#[cfg(test)]
mod tests;
mod write;

pub(in crate::io) use array::integer;
pub use array::{Labels, NpyArray};
pub use write::{NpyWriter, write_integers};
