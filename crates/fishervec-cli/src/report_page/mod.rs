//! The page about a model and sets under it, and its numbers.

mod components;
mod errors;
mod fit;
mod sets;
mod subject;
mod vector;
mod verdicts;
mod whole;

pub use subject::{ErrorPicture, Pictures, Subject};
pub(crate) use whole::{numbers, page};
