//! Images from files: jpeg, png, webp and tiff.

use super::jpeg::{END_MARKER, end_of_data};
use super::params::ImageParams;
use super::pixels::{Color, Image, fitted_size, on_white};
use super::tif::TiffFile;
use crate::error::{Error, Result};
use crate::util::path::ending;
use image::codecs::{png::PngDecoder, webp::WebPDecoder};
use image::metadata::Orientation;
use image::{
    DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits, Rgb32FImage,
    imageops::FilterType,
};
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read, Seek};
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
        let size = size(file(path)?).map_err(|error| error.at(path.display().to_string()))?;
        Ok((size.0 as usize, size.1 as usize))
    }

    /// Opens the image in a file: upright, reduced to the maximum side of `params` (Lanczos), in their
    /// channels. Transparency is composited onto white. In a TIFF file, 16 bits and more of integers are from
    /// 0 to 65,535, and floats from 0 to 1.
    ///
    /// # Errors
    /// Each names the path: [`Error::Io`]; [`Error::Format`] for a file that is not an image, is corrupt or
    /// not whole, holds several (pages, an animation), or has more than 2^28 pixels, which is checked before
    /// it is decoded; [`Error::PixelRange`] and [`Error::NotFinite`] for the numbers of a TIFF file.
    pub fn open(path: impl AsRef<Path>, params: &ImageParams) -> Result<Self> {
        let path = path.as_ref();
        decode(file(path)?, params).map_err(|error| error.at(path.display().to_string()))
    }

    /// Decodes the image in the bytes of such a file.
    ///
    /// # Errors
    /// As [`open`](Self::open), without a path.
    pub fn from_bytes(bytes: &[u8], params: &ImageParams) -> Result<Self> {
        decode(Cursor::new(bytes), params)
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
        Ok(from_decoded(image.ok_or_else(wrong)?, params.max_side, params.color))
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
                Ok(from_decoded(DynamicImage::ImageRgb32F(image), params.max_side, Color::Grey))
            })
            .collect();
        let channels = channels?;
        let (width, height) = channels.first().map_or((0, 0), |one| (one.width, one.height));
        Ok(Image { width, height, values: channels.into_iter().flat_map(|one| one.values).collect() })
    }
}

fn file(path: &Path) -> Result<BufReader<File>> {
    let io = |source| Error::Io { path: path.to_owned(), source };
    File::open(path).map(BufReader::new).map_err(io)
}

fn invalid(error: impl std::fmt::Display) -> Error {
    Error::format("image", error.to_string().trim_end())
}

fn unreadable(error: ImageError) -> Error {
    match error {
        ImageError::Unsupported(error) => invalid(format!("{error}: save it as png")),
        error => invalid(error),
    }
}

/// The format, by the content, since a name may be wrong.
fn format(reader: &mut (impl BufRead + Seek)) -> Result<ImageFormat> {
    let mut start = Vec::new();
    reader.take(16).read_to_end(&mut start).map_err(invalid)?;
    reader.rewind().map_err(invalid)?;
    // A BigTIFF.
    if start.starts_with(b"II\x2b\0") || start.starts_with(b"MM\0\x2b") {
        return Ok(ImageFormat::Tiff);
    }
    image::guess_format(&start).map_err(invalid)
}

/// The decoder of one image, which has read the header.
fn decoder<'a, R: BufRead + Seek + 'a>(mut reader: R, format: ImageFormat) -> Result<Decoder<'a>> {
    let animated = match format {
        ImageFormat::Png => PngDecoder::new(&mut reader).and_then(|png| png.is_apng()),
        ImageFormat::WebP => WebPDecoder::new(&mut reader).map(|webp| webp.has_animation()),
        _ => Ok(false),
    };
    if animated.map_err(unreadable)? {
        return Err(invalid("expected one image, got an animation: save one of its frames"));
    }
    reader.rewind().map_err(invalid)?;
    let mut reader = ImageReader::with_format(reader, format);
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(unreadable)?;
    let (width, height) = decoder.dimensions();
    check_size(width, height)?;
    Ok(Box::new(decoder))
}

fn check_size(width: u32, height: u32) -> Result<()> {
    match u64::from(width) * u64::from(height) > MAX_PIXELS {
        true => Err(invalid(format!("expected at most {MAX_PIXELS} pixels, got {width} x {height}"))),
        false => Ok(()),
    }
}

fn decode<R: BufRead + Seek>(mut reader: R, params: &ImageParams) -> Result<Image> {
    match format(&mut reader)? {
        ImageFormat::Jpeg => {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes).map_err(invalid)?;
            // The size is checked first.
            drop(decoder(Cursor::new(&bytes), ImageFormat::Jpeg)?);
            bytes.truncate(end_of_data(&bytes).map_err(invalid)?);
            bytes.extend(END_MARKER);
            decoded(decoder(Cursor::new(&bytes), ImageFormat::Jpeg)?, params)
        }
        ImageFormat::Tiff => decode_tiff(reader, params),
        format => decoded(decoder(reader, format)?, params),
    }
}

fn size<R: BufRead + Seek>(mut reader: R) -> Result<(u32, u32)> {
    match format(&mut reader)? {
        ImageFormat::Tiff => Ok(TiffFile::open(reader)?.size),
        format => Ok(decoder(reader, format)?.dimensions()),
    }
}

fn decoded(mut decoder: Decoder<'_>, params: &ImageParams) -> Result<Image> {
    // An invalid orientation tag is ignored.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).map_err(unreadable)?;
    image.apply_orientation(orientation);
    Ok(from_decoded(image, params.max_side, params.color))
}

fn decode_tiff<R: BufRead + Seek>(mut reader: R, params: &ImageParams) -> Result<Image> {
    let mut file = TiffFile::open(&mut reader)?;
    check_size(file.size.0, file.size.1)?;
    let (premultiplied, orientation) = (file.is_premultiplied()?, file.orientation());
    let (mut image, grey) = match file.numbers(MAX_BYTES)? {
        Some(numbers) => (numbers.image, numbers.grey),
        None => (DynamicImage::from_decoder(decoder(reader, ImageFormat::Tiff)?).map_err(unreadable)?, false),
    };
    image.apply_orientation(orientation);
    if premultiplied && image.color().has_alpha() {
        image = premultiplied_on_white(&image);
    }
    if !grey || params.color == Color::Rgb {
        return Ok(from_decoded(image, params.max_side, params.color));
    }
    // The three channels are the same.
    let mut image = from_decoded(image, params.max_side, Color::Rgb);
    image.values.truncate(image.width * image.height);
    Ok(image)
}

/// An image whose colours are multiplied by alpha already, composited onto white.
fn premultiplied_on_white(image: &DynamicImage) -> DynamicImage {
    let pixels = image.to_rgba32f();
    let composite = |x, y| {
        image::Rgb([0, 1, 2].map(|c| {
            let p = pixels.get_pixel(x, y).0;
            (p[c] + (1.0 - p[3])).min(1.0)
        }))
    };
    DynamicImage::ImageRgb32F(Rgb32FImage::from_fn(image.width(), image.height(), composite))
}

/// The image of decoded pixels, scaled down. Values of a float image may then be a little outside 0 to 1.
fn from_decoded(image: DynamicImage, max_side: usize, color: Color) -> Image {
    let (width, height) = (image.width() as usize, image.height() as usize);
    let (new_width, new_height) = fitted_size(width, height, max_side);
    let image = match (new_width, new_height) == (width, height) {
        true => image,
        false => image.resize_exact(new_width as u32, new_height as u32, FilterType::Lanczos3),
    };
    let (width, height) = (new_width, new_height);
    if image.color().has_alpha() {
        return Image::of(&on_white(&image.to_rgba32f()), width, height, 3, color);
    }
    if image.color().has_color() {
        return Image::of(&image.to_rgb32f(), width, height, 3, color);
    }
    Image::of(&image.to_luma32f(), width, height, 1, color)
}
