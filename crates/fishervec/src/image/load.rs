//! Images from files: jpeg, png, webp and tiff.

use super::params::ImageParams;
use super::pixels::{Color, Image, fitted_size};
use crate::error::{Error, Result};
use crate::util::path::ending;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits, imageops::FilterType};
use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::Path;

/// The file extensions of images.
const ENDINGS: [&str; 6] = ["jpg", "jpeg", "png", "webp", "tif", "tiff"];
/// The maximum number of pixels of an image, and of bytes that a decoder may allocate.
const MAX_PIXELS: u64 = 1 << 28;
const MAX_BYTES: u64 = 1 << 32;

/// A decoder that has read the header.
type Decoder<'a> = Box<dyn ImageDecoder + 'a>;

impl Image {
    /// Whether `path` has the file extension of an image.
    #[must_use]
    pub fn is_one(path: &Path) -> bool {
        ending(path).is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
    }

    /// The file extensions of images.
    #[must_use]
    pub fn endings() -> &'static [&'static str] {
        &ENDINGS
    }

    /// The width and height of the image in a file, from its header, before its orientation is applied.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn size(path: impl AsRef<Path>) -> Result<(usize, usize)> {
        let path = path.as_ref();
        let size = decoder(read(path)?).map(|decoder| decoder.dimensions());
        let (width, height) = size.map_err(|error| error.at(path.display().to_string()))?;
        Ok((width as usize, height as usize))
    }

    /// Opens the image in a file: upright, reduced to the maximum side of `params` (Lanczos), in their
    /// channels. Transparency is composited onto white.
    ///
    /// # Errors
    /// Each names the path: [`Error::Io`]; [`Error::Format`] for a file that is not an image, is corrupt, or
    /// has more than 2^28 pixels, which is checked before it is decoded.
    pub fn open(path: impl AsRef<Path>, params: &ImageParams) -> Result<Self> {
        let path = path.as_ref();
        decode(decoder(read(path)?), params).map_err(|error| error.at(path.display().to_string()))
    }

    /// Decodes the image in the bytes of such a file.
    ///
    /// # Errors
    /// As [`open`](Self::open), without a path.
    pub fn from_bytes(bytes: &[u8], params: &ImageParams) -> Result<Self> {
        decode(decoder(ImageReader::new(Cursor::new(bytes))), params)
    }

    /// The image of 8-bit `pixels`, interleaved: shape (height, width, channels) with 1, 3 or 4 channels; the
    /// fourth is alpha. The result is the same as for a file with these pixels.
    ///
    /// # Errors
    /// [`Error::Dimension`] if the length does not match the shape, [`Error::Parameter`] for another number
    /// of channels.
    pub fn from_u8(
        pixels: &[u8],
        width: usize,
        height: usize,
        channels: usize,
        params: &ImageParams,
    ) -> Result<Self> {
        let expected = width.saturating_mul(height).saturating_mul(channels);
        let wrong = || Error::Dimension { what: "pixels", expected, got: pixels.len() };
        let side = |n: usize| u32::try_from(n).map_err(|_| wrong());
        let (w, h, pixels) = (side(width)?, side(height)?, pixels.to_vec());
        let image = match channels {
            _ if pixels.len() != expected => None,
            1 => image::GrayImage::from_raw(w, h, pixels).map(DynamicImage::ImageLuma8),
            3 => image::RgbImage::from_raw(w, h, pixels).map(DynamicImage::ImageRgb8),
            4 => image::RgbaImage::from_raw(w, h, pixels).map(DynamicImage::ImageRgba8),
            _ => return Err(Error::parameter("channels", "1, 3 or 4", channels)),
        };
        from_decoded(image.ok_or_else(wrong)?, params.max_side, params.color)
    }

    /// The image reduced to the maximum side of `params`; unchanged where it is small enough.
    ///
    /// # Errors
    /// Never, except by a bug: the number of pixels always matches the size.
    pub fn fitted(self, params: &ImageParams) -> Result<Self> {
        let (width, height) = (self.width, self.height);
        if fitted_size(width, height, params.max_side) == (width, height) {
            return Ok(self);
        }
        let channels: Result<Vec<Image>> = self
            .planes()
            .map(|plane| {
                let pixels = plane.values.iter().flat_map(|x| [*x; 3]).collect();
                let image = image::Rgb32FImage::from_raw(width as u32, height as u32, pixels);
                let image = image
                    .ok_or_else(|| Error::format("image", "the number of pixels does not match the size"))?;
                from_decoded(DynamicImage::ImageRgb32F(image), params.max_side, Color::Grey)
            })
            .collect();
        let channels = channels?;
        let (width, height) = channels.first().map_or((0, 0), |one| (one.width, one.height));
        Ok(Image { width, height, values: channels.into_iter().flat_map(|one| one.values).collect() })
    }
}

fn read(path: &Path) -> Result<ImageReader<BufReader<File>>> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    ImageReader::open(path).map_err(io)
}

fn invalid(error: impl std::fmt::Display) -> Error {
    Error::format("image", error.to_string())
}

fn decoder<'a, R: std::io::BufRead + std::io::Seek + 'a>(mut reader: ImageReader<R>) -> Result<Decoder<'a>> {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    // The format is guessed from the content, since a name may be wrong.
    let decoder = reader.with_guessed_format().map_err(invalid)?.into_decoder().map_err(invalid)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(invalid(format!("expected at most {MAX_PIXELS} pixels, got {width} x {height}")));
    }
    Ok(Box::new(decoder))
}

fn decode(decoder: Result<Decoder<'_>>, params: &ImageParams) -> Result<Image> {
    let mut decoder = decoder?;
    // An invalid orientation tag is ignored.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(invalid)?;
    image.apply_orientation(orientation);
    from_decoded(image, params.max_side, params.color)
}

fn from_decoded(image: DynamicImage, max_side: usize, color: Color) -> Result<Image> {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let (new_width, new_height) = fitted_size(width, height, max_side);
    let image = match (new_width, new_height) == (width, height) {
        true => image,
        false => image.resize_exact(new_width as u32, new_height as u32, FilterType::Lanczos3),
    };
    let (width, height) = (new_width, new_height);
    if !image.color().has_color() && !image.color().has_alpha() {
        return Image::new(&image.to_luma32f(), width, height, 1, color);
    }
    if !image.color().has_alpha() {
        return Image::new(&image.to_rgb32f(), width, height, 3, color);
    }
    let pixels = image.to_rgba32f();
    let on_white = |p: &image::Rgba<f32>| [0, 1, 2].map(|c| p.0[c] * p.0[3] + (1.0 - p.0[3]));
    let pixels: Vec<f32> = pixels.pixels().flat_map(on_white).collect();
    Image::new(&pixels, width, height, 3, color)
}
