//! PyTorch's `.pt` files: tensors in a zip archive, and a pickle that says which there are.
//!
//! A pickle is a program. Nothing of it is executed here: it may only build dictionaries, lists, tuples,
//! numbers and texts, and describe tensors; whatever else it asks for is an error that names it. The numbers
//! of a tensor are read in place, at positions.

mod dtype;
mod file;
mod objects;
mod pickle;
mod tensor;
#[cfg(test)]
mod tests;
mod walk;

pub(in crate::io) use file::TorchFile;
