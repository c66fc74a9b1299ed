//! Preprocessing of descriptors before they are encoded.

mod pca;
mod projection;
mod rows;
mod steps;

pub use pca::{Pca, PcaParams};
pub use rows::RowNorm;
pub use steps::{Preprocessed, Step};
pub(crate) use steps::{columns, position_columns};
