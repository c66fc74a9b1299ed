//! Images: from pixels to local features, the descriptors of an image.
//!
//! An [`Image`] comes from a file (`Image::open`, feature `image`) or from memory; [`ImageParams::features`]
//! computes its descriptors, a set like any other. [`crate::Pipeline`] keeps the settings, so that a model
//! file encodes images as it learned them.

#[cfg(feature = "image")]
mod jpeg;
#[cfg(feature = "image")]
mod load;
mod params;
mod patches;
mod pixels;
mod sample;
mod sift;
#[cfg(feature = "image")]
mod tif;

pub use params::{Augment, ImageParams, LocalFeatures};
pub use pixels::{Color, Image, fitted_size};
pub use sample::ImageSample;
pub use sift::{DenseSiftParams, Window};
