//! Photographs in: from pixels to local features, the descriptors of an image.
//!
//! An [`Image`] comes from a file ([`Image::open`], feature `image`) or from memory; [`ImageParams::features`] makes its
//! descriptors, a set like any other. [`crate::Pipeline`] keeps the settings, so that a model file encodes photographs as it
//! learned them.

#[cfg(feature = "image")]
mod load;
mod sift;

pub use sift::{DenseSiftParams, Window};

use crate::data::{OwnedDescriptors, Source};
use crate::error::{Error, Result};
use crate::util::rng::{rows_by_set, sample_rows};
use crate::util::threads::Threads;
use serde::{Deserialize, Serialize};

crate::util::string_enum::string_enum! {
    /// The channels of an image that features are taken of.
    pub enum Color as "color" {
        /// One: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).
        Grey = "grey",
        /// Three, whose features stand side by side; a grey image's are repeated.
        Rgb = "rgb",
    }
}

impl Color {
    /// Their number.
    #[must_use]
    pub fn channels(self) -> usize {
        match self {
            Color::Grey => 1,
            Color::Rgb => 3,
        }
    }
}

crate::util::string_enum::string_enum! {
    /// What is appended to each descriptor after its preprocessing.
    pub enum Augment as "augment" {
        /// Nothing.
        None = "none",
        /// Where it is: (x/W - 1/2, y/H - 1/2) of its centre (Sanchez, Perronnin and de Campos, PRL 2012).
        Xy = "xy",
    }
}

/// An image: values from 0 (black) to 1, channel by channel, each row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    width: usize,
    height: usize,
    values: Vec<f32>,
}

/// One channel of an image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plane<'a> {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) values: &'a [f32],
}

impl<'a> Plane<'a> {
    pub(crate) fn row(&self, y: usize) -> &'a [f32] {
        &self.values[y * self.width..][..self.width]
    }
}

impl Image {
    /// An image of `pixels`, interleaved as decoders give them: shape (height, width, channels) with 1 or 3 channels,
    /// values from 0 to 1. Colours become grey where `color` asks for it. Cost O(pixels).
    ///
    /// # Errors
    /// [`Error::Dimension`] if the length does not fit, [`Error::Parameter`] for another number of channels,
    /// [`Error::NotFinite`] with row and column.
    pub fn new(pixels: &[f32], width: usize, height: usize, channels: usize, color: Color) -> Result<Self> {
        if channels != 1 && channels != 3 {
            return Err(Error::parameter("channels", "1 or 3", channels));
        }
        let expected = width.checked_mul(height).and_then(|n| n.checked_mul(channels));
        if expected != Some(pixels.len()) {
            let expected = expected.unwrap_or(usize::MAX);
            return Err(Error::Dimension { what: "pixels", expected, got: pixels.len() });
        }
        if let Some(at) = pixels.iter().position(|x| !x.is_finite()) {
            let (row, column) = (at / (width * channels), at / channels % width);
            return Err(Error::NotFinite { row, column, value: f64::from(pixels[at]) });
        }
        let channel = |c: usize| pixels.iter().copied().skip(c).step_by(channels);
        let values = match (channels, color) {
            (1, Color::Grey) => pixels.to_vec(),
            (1, Color::Rgb) => pixels.repeat(3),
            (_, Color::Grey) => {
                pixels.chunks_exact(3).map(|p| 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]).collect()
            }
            (_, Color::Rgb) => (0..3).flat_map(channel).collect(),
        };
        Ok(Image { width, height, values })
    }

    /// Pixels in a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// The channels one after the other, each row by row: shape (channels, height, width).
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    fn planes(&self) -> impl Iterator<Item = Plane<'_>> {
        let (width, height) = (self.width, self.height);
        self.values.chunks_exact((width * height).max(1)).map(move |values| Plane { width, height, values })
    }
}

/// The size an image is worked on at: its own, or smaller, so that its longer side is at most `max_side`.
#[must_use]
pub fn fitted_size(width: usize, height: usize, max_side: usize) -> (usize, usize) {
    let longer = width.max(height);
    if max_side == 0 || longer <= max_side {
        return (width, height);
    }
    let scaled = |side: usize| {
        let exact = side as f64 * max_side as f64 / longer as f64;
        (exact.round() as usize).max(1)
    };
    (scaled(width), scaled(height))
}

/// Local features of an image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum LocalFeatures {
    /// Dense SIFT, 128 numbers a channel.
    Dsift(DenseSiftParams),
    /// The pixels of all squares of `size` pixels, `step` apart, row by row: for small images.
    Patches {
        /// Side of a square.
        size: usize,
        /// From one square to the next.
        step: usize,
    },
}

/// How an image becomes descriptors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageParams {
    /// The local features.
    pub features: LocalFeatures,
    /// Channels they are taken of.
    pub color: Color,
    /// Longer side of an image at most; larger ones are made smaller first. 0 for any.
    pub max_side: usize,
    /// What stands beside each descriptor, in its last columns, and goes round row normalisation and PCA.
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
    /// [`Error::Format`] for a number that JSON has not.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::format("images", error.to_string()))
    }

    /// The settings in such a text.
    ///
    /// # Errors
    /// [`Error::Format`] for another text, [`Error::Parameter`] for a setting out of its range.
    pub fn from_json(json: &str) -> Result<Self> {
        let params: Self =
            serde_json::from_str(json).map_err(|error| Error::format("images", error.to_string()))?;
        params.check().map(|()| params)
    }

    /// Whether the settings make sense.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a setting out of its range.
    pub fn check(&self) -> Result<()> {
        match &self.features {
            LocalFeatures::Dsift(sift) => sift.check(),
            LocalFeatures::Patches { size, step } => {
                const MOST: usize = 1 << 8;
                let in_range = |x: &usize| (1..=MOST).contains(x);
                let wrong = [("patch size", size), ("step", step)].into_iter().find(|(_, x)| !in_range(x));
                match wrong {
                    Some((name, got)) => Err(Error::parameter(name, format!("from 1 to {MOST}"), got)),
                    None => Ok(()),
                }
            }
        }
    }

    /// Columns of the descriptors, those beside them included.
    #[must_use]
    pub fn dim(&self) -> usize {
        let one = match &self.features {
            LocalFeatures::Dsift(_) => DenseSiftParams::DIM,
            LocalFeatures::Patches { size, .. } => size * size,
        };
        one * self.color.channels() + self.side()
    }

    /// Columns that stand beside the descriptors.
    #[must_use]
    pub fn side(&self) -> usize {
        match self.augment {
            Augment::None => 0,
            Augment::Xy => 2,
        }
    }

    /// Number of descriptors of an image of this size, as it is in its file. Cost O(1).
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

    /// Centre (x, y) in pixels and size (the side of a bin or of a square) of each descriptor of an image of this size, in the order of
    /// [`features`](Self::features), shape (n, 3). Cost O(n).
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

    /// The descriptors of an image, shape (n, [`dim`](Self::dim)); none where the image is too small for one. The image
    /// has been brought to its size ([`fitted_size`]) and its channels before.
    ///
    /// # Errors
    /// [`Error::Parameter`] for settings out of their range; [`Error::Dimension`] for an image of other channels or beyond `max_side`.
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

/// Descriptors drawn from many images.
#[derive(Debug)]
pub struct ImageSample {
    /// The descriptors, shape (n, d).
    pub descriptors: OwnedDescriptors<f32>,
    /// The images that could not be read, by number, and why.
    pub failed: Vec<(usize, Error)>,
}

impl ImageParams {
    /// Up to `count` of the descriptors of many images, each equally likely, in their order: of image i, which has
    /// `counts[i]` of them and comes from `open(i)`. Several images at a time, and no more of each than its share is kept. With `skip` an
    /// image that cannot be opened is left out and returned with the reason.
    ///
    /// # Errors
    /// Without `skip` that of the first such image. Cost that of [`features`](Self::features) of the images drawn from.
    pub fn sample(
        &self,
        counts: &[usize],
        open: &(impl Fn(usize) -> Result<Image> + Sync),
        count: usize,
        seed: u64,
        skip: bool,
        threads: &Threads,
    ) -> Result<ImageSample> {
        let (d, total) = (self.dim(), counts.iter().sum());
        let picked = sample_rows(total, count, seed);
        let mut parts: Vec<_> = rows_by_set(&picked, counts.iter().copied())
            .into_iter()
            .map(|(image, rows)| (image, rows, Ok(Vec::new())))
            .collect();
        threads.for_each(parts.iter_mut().collect(), &|_, (image, rows, out)| {
            let features = open(*image).and_then(|pixels| self.features(&pixels));
            let drawn = features.and_then(|features| {
                let (features, expected) = (features.view(), counts[*image]);
                if features.n_rows() != expected {
                    return Err(Error::Dimension { what: "descriptors", expected, got: features.n_rows() });
                }
                Ok(rows.iter().flat_map(|row| features.rows().row(*row).to_vec()).collect())
            });
            match drawn {
                Err(error) if !skip => Err(error),
                drawn => {
                    *out = drawn;
                    Ok(())
                }
            }
        })?;
        let (mut values, mut failed) = (Vec::with_capacity(picked.len() * d), Vec::new());
        for (i, _, out) in parts {
            match out {
                Ok(rows) => values.extend(rows),
                Err(error) => failed.push((i, error)),
            }
        }
        Ok(ImageSample { descriptors: OwnedDescriptors::new(values, d, None)?, failed })
    }
}

/// Where squares of `size` begin along a side, `step` apart.
fn starts(side: usize, size: usize, step: usize) -> std::iter::StepBy<std::ops::Range<usize>> {
    (0..(side + 1).saturating_sub(size)).step_by(step)
}

fn patches(plane: &Plane<'_>, size: usize, step: usize, mut put: impl FnMut(&[f32])) {
    let mut patch = vec![0.0; size * size];
    for y in starts(plane.height, size, step) {
        for x in starts(plane.width, size, step) {
            for (i, to) in patch.chunks_exact_mut(size).enumerate() {
                to.copy_from_slice(&plane.row(y + i)[x..][..size]);
            }
            put(&patch);
        }
    }
}
