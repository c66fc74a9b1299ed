//! TIFF files: what the image crate does not look at, or reads wrongly or not at all.

use super::pixels::check_values;
use crate::error::{Error, Result};
use image::metadata::Orientation;
use image::{DynamicImage, Rgb32FImage, Rgba32FImage};
use std::io::{Read, Seek};
use tiff::decoder::{Decoder, DecodingResult, DecodingSampleType as Type, Limits};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

/// The most pages that are looked at: a file may have previews and masks beside its image.
const MAX_PAGES: usize = 64;

/// A TIFF file of one whole image.
pub(super) struct TiffFile<R: Read + Seek> {
    decoder: Decoder<R>,
    /// Width and height.
    pub(super) size: (u32, u32),
}

/// An image of numbers that have more than 16 bits, or are floats.
pub(super) struct Numbers {
    pub(super) image: DynamicImage,
    /// Whether its channels are copies of one.
    pub(super) grey: bool,
}

fn invalid(error: impl std::fmt::Display) -> Error {
    Error::format("image", error.to_string())
}

fn unreadable(error: TiffError) -> Error {
    match error {
        TiffError::UnsupportedError(error) => invalid(format!("{error}: save it as png")),
        error => invalid(error),
    }
}

impl<R: Read + Seek> TiffFile<R> {
    /// Reads the tags, which must be those of one image, all of whose parts are there.
    pub(super) fn open(reader: R) -> Result<Self> {
        let mut decoder = Decoder::new(reader).map_err(unreadable)?;
        let size = decoder.dimensions().map_err(unreadable)?;
        let mut file = TiffFile { decoder, size };
        let pages = file.pages()?;
        if pages > 1 {
            return Err(invalid(format!(
                "expected one image, got {pages} pages: give each a file of its own"
            )));
        }
        for tag in [Tag::StripOffsets, Tag::StripByteCounts, Tag::TileOffsets, Tag::TileByteCounts] {
            let parts = file.decoder.find_tag_unsigned_vec::<u64>(tag).map_err(invalid)?.unwrap_or_default();
            if let Some(missing) = parts.iter().position(|x| *x == 0) {
                return Err(invalid(format!("part {missing} of {} of the image is missing", parts.len())));
            }
        }
        Ok(file)
    }

    /// The number of pages that are neither a preview nor a mask.
    fn pages(&mut self) -> Result<usize> {
        let (mut count, mut next) = (0, self.decoder.ifd_pointer());
        for _ in 0..MAX_PAGES {
            let Some(pointer) = next else { break };
            let page = self.decoder.read_directory(pointer).map_err(invalid)?;
            let kind = self.decoder.read_directory_tags(&page).find_tag_unsigned::<u32>(Tag::NewSubfileType);
            count += usize::from(kind.map_err(invalid)?.unwrap_or(0) & 0b101 == 0);
            next = page.next();
        }
        Ok(count)
    }

    /// Whether the colours are multiplied by the alpha channel already.
    pub(super) fn is_premultiplied(&mut self) -> Result<bool> {
        let extra = self.decoder.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples).map_err(invalid)?;
        Ok(extra.is_some_and(|kinds| kinds.first() == Some(&1)))
    }

    /// How the image is to be turned; an invalid tag is ignored.
    pub(super) fn orientation(&mut self) -> Orientation {
        let tag = self.decoder.find_tag_unsigned::<u8>(Tag::Orientation).ok().flatten();
        tag.and_then(Orientation::from_exif).unwrap_or(Orientation::NoTransforms)
    }

    /// Decodes floats, which are from 0 to 1, and integers of other types than `u8` and `u16`, which are from
    /// 0 to 65,535; `None` for all that the image crate reads, or refuses.
    pub(super) fn numbers(mut self, max_bytes: u64) -> Result<Option<Numbers>> {
        let channels = match self.decoder.colortype().map_err(unreadable)? {
            ColorType::Gray(_) => 1,
            ColorType::GrayA(_) => 2,
            ColorType::RGB(_) => 3,
            ColorType::RGBA(_) => 4,
            _ => return Ok(None),
        };
        let layout = self.decoder.image_buffer_layout().map_err(invalid)?;
        if let None | Some(Type::U8 | Type::U16 | Type::I8) = layout.sample_type {
            return Ok(None);
        }
        let mut limits = Limits::default();
        limits.decoding_buffer_size = usize::try_from(max_bytes).unwrap_or(usize::MAX);
        limits.intermediate_buffer_size = limits.decoding_buffer_size;
        let mut numbers = DecodingResult::F32(Vec::new());
        self.decoder = self.decoder.with_limits(limits);
        self.decoder.read_image_to_buffer(&mut numbers).map_err(invalid)?;
        let values = floats(numbers)?;
        let (width, height) = (self.size.0 as usize, self.size.1 as usize);
        if values.len() != width * height * channels {
            let expected = width * height * channels;
            return Err(Error::Dimension { what: "pixels", expected, got: values.len() });
        }
        let planes = layout.planes > 1;
        let at = |i: usize, c: usize| values[if planes { c * width * height + i } else { i * channels + c }];
        numbers_of(self.size, channels, at).map(Some)
    }
}

/// The image whose pixel `i` has the value `at(i, c)` in each of 1 to 4 channels.
fn numbers_of(size: (u32, u32), channels: usize, at: impl Fn(usize, usize) -> f32) -> Result<Numbers> {
    let (grey, alpha) = (channels < 3, [2, 4].contains(&channels));
    let pixel = |i: usize| {
        let colours = [0, 1, 2].map(|c| at(i, if grey { 0 } else { c }));
        colours.into_iter().chain(alpha.then(|| at(i, channels - 1)))
    };
    let pixels: Vec<f32> = (0..size.0 as usize * size.1 as usize).flat_map(pixel).collect();
    check_values(&pixels, size.0 as usize, if alpha { 4 } else { 3 })?;
    let image = match alpha {
        false => Rgb32FImage::from_raw(size.0, size.1, pixels).map(DynamicImage::ImageRgb32F),
        true => Rgba32FImage::from_raw(size.0, size.1, pixels).map(DynamicImage::ImageRgba32F),
    };
    let image = image.ok_or_else(|| invalid("the number of pixels does not match the size"))?;
    Ok(Numbers { image, grey })
}

/// Floats as they are, and integers divided by 65,535.
fn floats(numbers: DecodingResult) -> Result<Vec<f32>> {
    match numbers {
        DecodingResult::F16(values) => Ok(values.into_iter().map(f32::from).collect()),
        DecodingResult::F32(values) => Ok(values),
        DecodingResult::F64(values) => Ok(values.into_iter().map(|x| x as f32).collect()),
        DecodingResult::U8(values) => integers(values),
        DecodingResult::U16(values) => integers(values),
        DecodingResult::U32(values) => integers(values),
        DecodingResult::U64(values) => integers(values.into_iter().map(|x| x.min(1 << 62) as i64).collect()),
        DecodingResult::I8(values) => integers(values),
        DecodingResult::I16(values) => integers(values),
        DecodingResult::I32(values) => integers(values),
        DecodingResult::I64(values) => integers(values),
    }
}

fn integers(values: Vec<impl Into<i64> + Copy>) -> Result<Vec<f32>> {
    let most = i64::from(u16::MAX);
    let wide = || values.iter().map(|x| (*x).into());
    let (least, largest) = (wide().min().unwrap_or(0), wide().max().unwrap_or(0));
    if least < 0 || largest > most {
        return Err(Error::PixelRange {
            max: most as f32,
            least: least as f32,
            most: largest as f32,
            cure: "scale them to this range",
        });
    }
    Ok(wide().map(|x| x as f32 / most as f32).collect())
}
