//! Files: one module per format. [`SetFile`] opens any file of sets, [`List`] is what many of them hold.

mod archive;
mod atomic;
mod container;
mod fvecs;
#[cfg(feature = "hdf5")]
mod hdf5;
mod line;
mod linear_model;
mod list;
mod listed;
pub mod npy;
pub mod npz;
mod pt;
mod rows;
mod safetensors;
mod sample;
mod section;
mod set;
mod sets;

pub use atomic::{Mark, Part, Staged, commit};
pub use fvecs::FvecsWriter;
pub use linear_model::LinearModel;
pub use list::List;
pub use listed::{Contents, Identity, ListedFile, Stamp};
pub use rows::{FileRows, RowsOf};
pub(crate) use safetensors::MODEL_KEY;
pub use sample::{Drawn, SampleAbout, SampleFile, SampleWriter, whole_sample};
pub(crate) use section::at_path;
pub use set::{ArrayNames, SetInFile};
pub use sets::{SetFile, VectorWriter};

pub use crate::util::natural::natural_order;
