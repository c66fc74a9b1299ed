//! Files: a file a format. [`SetFile`] opens any file of sets.

mod atomic;
mod fvecs;
mod model;
pub mod npy;
pub mod npz;
mod parts;
mod rows;
mod section;
mod sets;
mod tensors;

pub use atomic::{Staged, commit};
pub use fvecs::FvecsWriter;
pub use rows::{FileRows, RowsOf};
#[cfg(feature = "image")]
pub(crate) use sets::ending;
pub use sets::{SetFile, SetInFile, VectorWriter};
