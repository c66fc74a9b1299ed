//! The page of `fishervec explain`.

mod components;
mod loudest;
mod maps;
mod order;
mod score;
mod whole;

pub(crate) use whole::{About, page};
