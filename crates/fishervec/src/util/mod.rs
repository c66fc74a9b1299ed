//! What is about neither descriptors nor mixtures: threads, random draws, enums with users' spellings, checks.

pub(crate) mod check;
pub(crate) mod path;
pub(crate) mod rng;
pub(crate) mod string_enum;
pub(crate) mod threads;
