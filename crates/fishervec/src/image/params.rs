//! Settings of how an image becomes descriptors.

use super::patches::{patches, starts};
use super::pixels::{Color, Image, fitted_size};
use super::sift::DenseSiftParams;
use crate::data::OwnedDescriptors;
use crate::error::{Error, Result};
use crate::util::string_enum::string_enum;
use serde::{Deserialize, Serialize};

string_enum! {
    /// What is appended to each descriptor after its preprocessing.
    pub enum Augment as "augment" {
        /// Nothing.
        None = "none",
        /// The position (x/W - 1/2, y/H - 1/2) of its centre (Sanchez, Perronnin and de Campos, PRL 2012).
        Xy = "xy",
    }
}

/// Local features of an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum LocalFeatures {
    /// Dense SIFT, 128 numbers per channel.
    Dsift(DenseSiftParams),
    /// The pixels of all squares of `size` pixels, `step` apart, row by row: for small images.
    Patches {
        /// The side of a square.
        size: usize,
        /// The distance from one square to the next.
        step: usize,
    },
}

/// Settings of how an image becomes descriptors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageParams {
    /// The local features.
    pub features: LocalFeatures,
    /// The channels that the features are computed from.
    pub color: Color,
    /// The maximum length of an image's longer side; larger images are reduced first. 0 means no limit.
    pub max_side: usize,
    /// What is appended to each descriptor as position columns, which bypass row normalisation and PCA.
    pub augment: Augment,
}

impl Default for ImageParams {
    fn default() -> Self {
        ImageParams {
            features: LocalFeatures::Dsift(DenseSiftParams::default()),
            color: Color::Grey,
            max_side: 640,
            augment: Augment::None,
        }
    }
}

impl ImageParams {
    /// The settings as JSON, as a model file holds them (`docs/model-format.md`).
    ///
    /// # Errors
    /// [`Error::Format`] for a number that JSON cannot hold.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::format("images", error.to_string()))
    }

    /// Reads the settings from such a text.
    ///
    /// # Errors
    /// [`Error::Format`] for any other text, [`Error::Parameter`] for a setting out of range.
    pub fn from_json(json: &str) -> Result<Self> {
        let params: Self =
            serde_json::from_str(json).map_err(|error| Error::format("images", error.to_string()))?;
        params.check().map(|()| params)
    }

    /// Checks that each setting is in its range.
    ///
    /// # Errors
    /// [`Error::Parameter`] with the first that is not.
    pub fn check(&self) -> Result<()> {
        match &self.features {
            LocalFeatures::Dsift(sift) => sift.check(),
            LocalFeatures::Patches { size, step } => {
                const MAX: usize = 1 << 8;
                let in_range = |x: &usize| (1..=MAX).contains(x);
                let wrong = [("patch size", size), ("step", step)].into_iter().find(|(_, x)| !in_range(x));
                match wrong {
                    Some((name, got)) => Err(Error::parameter(name, format!("from 1 to {MAX}"), got)),
                    None => Ok(()),
                }
            }
        }
    }

    /// The number of columns of the descriptors, including position columns.
    #[must_use]
    pub fn dim(&self) -> usize {
        let one = match &self.features {
            LocalFeatures::Dsift(_) => DenseSiftParams::DIM,
            LocalFeatures::Patches { size, .. } => size * size,
        };
        one * self.color.channels() + self.side()
    }

    /// The number of position columns.
    #[must_use]
    pub fn side(&self) -> usize {
        match self.augment {
            Augment::None => 0,
            Augment::Xy => 2,
        }
    }

    /// The number of descriptors of an image of this size, before it is reduced to the maximum side. Cost
    /// O(1).
    #[must_use]
    pub fn count(&self, width: usize, height: usize) -> usize {
        let (width, height) = fitted_size(width, height, self.max_side);
        match &self.features {
            LocalFeatures::Dsift(sift) => sift.count(width, height),
            LocalFeatures::Patches { size, step } => {
                starts(width, *size, *step).len() * starts(height, *size, *step).len()
            }
        }
    }

    /// The centre (x, y) in pixels and the size (the side of a bin or of a square) of each descriptor of an
    /// image of this size, in the order of [`features`](Self::features), shape (n, 3). Cost O(n).
    #[must_use]
    pub fn positions(&self, width: usize, height: usize) -> Vec<[f32; 3]> {
        let mut positions = Vec::with_capacity(self.count(width, height));
        let (width, height) = fitted_size(width, height, self.max_side);
        match &self.features {
            LocalFeatures::Dsift(sift) => {
                sift.frames(width, height, |x, y, bin| positions.push([x, y, bin as f32]));
            }
            LocalFeatures::Patches { size, step } => {
                let centre = (size - 1) as f32 / 2.0;
                for y in starts(height, *size, *step) {
                    positions.extend(
                        starts(width, *size, *step)
                            .map(|x| [x as f32 + centre, y as f32 + centre, *size as f32]),
                    );
                }
            }
        }
        positions
    }

    /// The square of an image of this size that each descriptor describes, in pixels, as its centre (x, y)
    /// and its side, in the order of [`features`](Self::features), shape (n, 3): of dense SIFT, its 4 x 4
    /// bins. Cost O(n).
    #[must_use]
    pub fn squares(&self, width: usize, height: usize) -> Vec<[f64; 3]> {
        let bins = match &self.features {
            LocalFeatures::Dsift(_) => 4.0,
            LocalFeatures::Patches { .. } => 1.0,
        };
        // A pixel's number is that of its centre, which lies half a pixel from its edge.
        let square =
            |[x, y, size]: [f32; 3]| [f64::from(x) + 0.5, f64::from(y) + 0.5, bins * f64::from(size)];
        self.positions(width, height).into_iter().map(square).collect()
    }

    /// The descriptors of an image, shape (n, [`dim`](Self::dim)); n = 0 where the image is too small for
    /// one. The image must already have the fitted size ([`fitted_size`]) and the channels of these settings.
    ///
    /// # Errors
    /// [`Error::Parameter`] for settings out of range; [`Error::Dimension`] for an image of other channels or
    /// larger than `max_side`.
    ///
    /// Cost O(n bin) and O(pixels) for dense SIFT.
    pub fn features(&self, image: &Image) -> Result<OwnedDescriptors<f32>> {
        self.check()?;
        let channels = self.color.channels();
        let n_values = channels * image.width * image.height;
        if image.values.len() != n_values {
            return Err(Error::Dimension {
                what: "values of the image",
                expected: n_values,
                got: image.values.len(),
            });
        }
        if fitted_size(image.width, image.height, self.max_side) != (image.width, image.height) {
            let got = image.width.max(image.height);
            return Err(Error::Dimension {
                what: "the longer side of the image",
                expected: self.max_side,
                got,
            });
        }
        let (n, d) = (self.count(image.width, image.height), self.dim());
        let one = (d - self.side()) / channels;
        let mut values = vec![0.0; n * d];
        for (c, plane) in image.planes().enumerate() {
            let mut rows = values.chunks_exact_mut(d);
            let put = |descriptors: &[f32]| {
                for (descriptor, row) in descriptors.chunks_exact(one).zip(&mut rows) {
                    row[c * one..][..one].copy_from_slice(descriptor);
                }
            };
            match &self.features {
                LocalFeatures::Dsift(sift) => sift.describe(&plane, put),
                LocalFeatures::Patches { size, step } => patches(&plane, *size, *step, put),
            }
        }
        if self.augment == Augment::Xy {
            let size = [image.width as f32, image.height as f32];
            for (row, at) in values.chunks_exact_mut(d).zip(self.positions(image.width, image.height)) {
                for (i, to) in row[d - 2..].iter_mut().enumerate() {
                    *to = (at[i] + 0.5) / size[i] - 0.5;
                }
            }
        }
        OwnedDescriptors::new(values, d, None)
    }
}
