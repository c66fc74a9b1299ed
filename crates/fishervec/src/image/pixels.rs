//! Images in memory.

use crate::error::{Error, Result};
use crate::util::string_enum::string_enum;
use std::ops::Range;

string_enum! {
    /// The channels of an image that features are computed from.
    pub enum Color as "color" {
        /// One: 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).
        Grey = "grey",
        /// Three, whose features are concatenated; a grey image's channel is repeated.
        Rgb = "rgb",
    }
}

impl Color {
    /// The number of channels.
    #[must_use]
    pub fn channels(self) -> usize {
        match self {
            Color::Grey => 1,
            Color::Rgb => 3,
        }
    }
}

/// An image: values from 0 (black) to 1, channel by channel, each row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) values: Vec<f32>,
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
    /// An image of `pixels`, interleaved as decoders return them: shape (height, width, channels) with 1, 3
    /// or 4 channels, values from 0 to 1. The fourth channel is alpha: the image is composited onto white.
    /// Colours are converted to grey if `color` is grey. Cost O(pixels).
    ///
    /// # Errors
    /// [`Error::Dimension`] if the length does not match the shape, [`Error::Parameter`] for another number
    /// of channels, [`Error::NotFinite`] with row and column, [`Error::PixelRange`] for values below 0 or
    /// above 1.
    pub fn new(pixels: &[f32], width: usize, height: usize, channels: usize, color: Color) -> Result<Self> {
        if ![1, 3, 4].contains(&channels) {
            return Err(Error::parameter("channels", "1, 3 or 4", channels));
        }
        let expected = width.checked_mul(height).and_then(|n| n.checked_mul(channels));
        if expected != Some(pixels.len()) {
            let expected = expected.unwrap_or(usize::MAX);
            return Err(Error::Dimension { what: "pixels", expected, got: pixels.len() });
        }
        check_values(pixels, width, channels)?;
        Ok(match channels {
            4 => Self::of(&on_white(pixels), width, height, 3, color),
            _ => Self::of(pixels, width, height, channels, color),
        })
    }

    /// An image of pixels whose number is right: 1 or 3 channels. Those of a scaled image may be a little
    /// below 0 or above 1.
    pub(super) fn of(pixels: &[f32], width: usize, height: usize, channels: usize, color: Color) -> Self {
        let channel = |c: usize| pixels.iter().copied().skip(c).step_by(channels);
        let values = match (channels, color) {
            (1, Color::Grey) => pixels.to_vec(),
            (1, Color::Rgb) => pixels.repeat(3),
            (_, Color::Grey) => {
                pixels.chunks_exact(3).map(|p| 0.299 * p[0] + 0.587 * p[1] + 0.114 * p[2]).collect()
            }
            (_, Color::Rgb) => (0..3).flat_map(channel).collect(),
        };
        Image { width, height, values }
    }

    /// The number of pixels in a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// The number of rows.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// The channels one after the other, each row by row: shape (channels, height, width).
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The part in some columns and rows, as an image of its own.
    ///
    /// # Panics
    /// If they lie outside of the image, as slicing does. Cost O(pixels of the part).
    #[must_use]
    pub fn part(&self, columns: Range<usize>, rows: Range<usize>) -> Self {
        let of = |plane: Plane<'_>| -> Vec<f32> {
            rows.clone().flat_map(|y| plane.row(y)[columns.clone()].to_vec()).collect()
        };
        Image { width: columns.len(), height: rows.len(), values: self.planes().flat_map(of).collect() }
    }

    pub(super) fn planes(&self) -> impl Iterator<Item = Plane<'_>> {
        let (width, height) = (self.width, self.height);
        self.values.chunks_exact((width * height).max(1)).map(move |values| Plane { width, height, values })
    }
}

/// Checks that the values of an interleaved image are finite, and from 0 to 1 but for rounding.
pub(super) fn check_values(pixels: &[f32], width: usize, channels: usize) -> Result<()> {
    const ROUNDING: f32 = 1e-6;
    if let Some(at) = pixels.iter().position(|x| !x.is_finite()) {
        let (row, column) = (at / (width * channels), at / channels % width);
        return Err(Error::NotFinite { row, column, value: f64::from(pixels[at]) });
    }
    let least = pixels.iter().copied().fold(0.0, f32::min);
    let most = pixels.iter().copied().fold(0.0, f32::max);
    if least >= -ROUNDING && most <= 1.0 + ROUNDING {
        return Ok(());
    }
    // Up to 16, values may be those of another scale, or of a filter that goes a little beyond.
    let cure = match most {
        _ if least < 0.0 || most <= 16.0 => "scale them to this range",
        ..=255.0 => "divide by 255",
        ..=65535.0 => "divide by 65535",
        _ => "scale them to this range",
    };
    Err(Error::PixelRange { max: 1.0, least, most, cure })
}

/// Interleaved pixels of three colours and alpha, composited onto white.
pub(super) fn on_white(pixels: &[f32]) -> Vec<f32> {
    let composite = |p: &[f32]| [0, 1, 2].map(|c| p[c] * p[3] + (1.0 - p[3]));
    pixels.chunks_exact(4).flat_map(composite).collect()
}

/// The size at which an image is processed: its own, or reduced so that its longer side is at most
/// `max_side`; 0 means no limit.
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
