//! Descriptors in HDF5 files. The crate hdf5-reader parses what is written about the arrays; the arrays
//! themselves are found, read by position and decoded here.

mod attribute;
mod chunk_tree;
mod chunks;
mod dataset;
mod file;
mod filters;
mod groups;
mod header;
mod index;
mod links;
mod lzf;
mod number;
mod storage;
mod texts;
mod tree;
mod view;

pub(super) use chunks::{Chunks, Place};
pub(super) use file::Hdf5;
