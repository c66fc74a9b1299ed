//! Files: a file a format.

mod atomic;
mod model;
pub mod npy;
pub mod npz;

pub use atomic::{Staged, commit};
