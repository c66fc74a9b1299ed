//! Pages for people: one file each, without network, in the colours of the reader's theme.

mod chart;
mod document;
mod number;
mod picture;

pub(crate) use chart::{histogram, line};
pub(crate) use document::{Document, escape, name, wide};
pub(crate) use number::{Decimals, count, fixed, percent, short, signed};
pub(crate) use picture::{FULL, Mask, in_colour, of_image, part, reduced};
