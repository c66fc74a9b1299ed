//! Pictures in a page: as PNG in the address, so that the page asks for no other file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fishervec::Result;
use fishervec::explain::{Field, Square, Window};
use fishervec::image::{Color, Image, ImageParams};
use std::path::Path;

/// The share of the cells of a field that stays below the full colour.
pub(crate) const FULL: f64 = 0.995;

/// A picture of one colour, which CSS gives it: 0 is clear, 255 is full. It fits both themes.
pub(crate) struct Mask {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Row by row.
    pub(crate) alpha: Vec<u8>,
}

impl Mask {
    /// What lies above zero in a field, and below; full is the 99.5th percentile of its sizes.
    pub(crate) fn of_field(field: &Field) -> [Self; 2] {
        let most = field.quantile(FULL).max(f64::MIN_POSITIVE);
        let (height, width) = field.values.dim();
        [1.0, -1.0].map(|sign| {
            let alpha = |x: &f64| (sign * x / most * 255.0).clamp(0.0, 255.0).round() as u8;
            Mask { width, height, alpha: field.values.iter().map(alpha).collect() }
        })
    }

    /// Its address.
    pub(crate) fn uri(&self) -> String {
        let pixels: Vec<u8> = self.alpha.iter().flat_map(|alpha| [0, *alpha]).collect();
        png(self.width, self.height, png::ColorType::GrayscaleAlpha, &pixels)
    }
}

/// An image in colour, of the size in which it is described, and what each of its descriptors describes.
pub(crate) fn in_colour(path: &Path, params: &ImageParams) -> Result<(Image, Vec<Square>)> {
    let image = Image::open(path, &ImageParams { color: Color::Rgb, ..params.clone() })?;
    let square = |[x, y, side]: [f64; 3]| Square { x, y, side };
    let squares = params.squares(image.width(), image.height()).into_iter().map(square).collect();
    Ok((image, squares))
}

/// The address of an image in colour.
pub(crate) fn of_image(image: &Image) -> String {
    let n = image.width() * image.height();
    let byte = |x: f32| (x * 255.0).round().clamp(0.0, 255.0) as u8;
    let values = image.values();
    let pixels: Vec<u8> = (0..n).flat_map(|i| [0, 1, 2].map(|c| byte(values[c * n + i]))).collect();
    png(image.width(), image.height(), png::ColorType::Rgb, &pixels)
}

/// The part of an image that lies in a window, one pixel at least.
pub(crate) fn part(image: &Image, window: &Window) -> Image {
    let range = |start: f64, length: f64, n: usize| {
        let first = (start.max(0.0) as usize).min(n - 1);
        first..((start + length).ceil().max(0.0) as usize).clamp(first + 1, n)
    };
    image.part(range(window.x, window.width, image.width()), range(window.y, window.height, image.height()))
}

/// The image, no side longer than `side`.
pub(crate) fn reduced(image: Image, side: usize) -> Result<Image> {
    image.fitted(&ImageParams { max_side: side, ..ImageParams::default() })
}

fn png(width: usize, height: usize, color: png::ColorType, pixels: &[u8]) -> String {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::High);
    // Writing to memory fails for sizes that do not match alone, which an empty picture shows.
    let written = encoder.write_header().and_then(|mut writer| writer.write_image_data(pixels));
    if written.is_err() {
        return "data:,".to_owned();
    }
    format!("data:image/png;base64,{}", STANDARD.encode(bytes))
}
