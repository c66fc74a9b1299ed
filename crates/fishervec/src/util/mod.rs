//! General helpers that know neither descriptors nor mixtures: threads, random draws, enums with users'
//! spellings, settings, tensors, checks.

pub(crate) mod check;
pub(crate) mod context;
pub(crate) mod json;
pub(crate) mod kept;
pub(crate) mod learn;
pub(crate) mod natural;
pub(crate) mod path;
pub(crate) mod rng;
pub(crate) mod setters;
pub(crate) mod string_enum;
pub(crate) mod tensors;
pub(crate) mod threads;
pub(crate) mod tree;
