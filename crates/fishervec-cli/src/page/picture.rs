//! Pictures in a page: as PNG in the address, so that the page asks for no other file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fishervec::explain::Window;
use fishervec::image::Image;

/// A picture of one colour, which CSS gives it: 0 is clear, 255 is full. It fits both themes.
pub(crate) struct Mask {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Row by row.
    pub(crate) alpha: Vec<u8>,
}

impl Mask {
    /// Its address.
    pub(crate) fn uri(&self) -> String {
        let pixels: Vec<u8> = self.alpha.iter().flat_map(|alpha| [0, *alpha]).collect();
        png(self.width, self.height, png::ColorType::GrayscaleAlpha, &pixels)
    }
}

/// The address of an image in colour.
pub(crate) fn of_image(image: &Image) -> String {
    let n = image.width() * image.height();
    let byte = |x: f32| (x * 255.0).round().clamp(0.0, 255.0) as u8;
    let values = image.values();
    let pixels: Vec<u8> = (0..n).flat_map(|i| [0, 1, 2].map(|c| byte(values[c * n + i]))).collect();
    photograph(image.width(), image.height(), 3, &pixels)
}

/// The part of an image that lies in a window, one pixel at least.
pub(crate) fn part(image: &Image, window: &Window) -> Image {
    let range = |start: f64, length: f64, n: usize| {
        let first = (start.max(0.0) as usize).min(n - 1);
        first..((start + length).ceil().max(0.0) as usize).clamp(first + 1, n)
    };
    image.part(range(window.x, window.width, image.width()), range(window.y, window.height, image.height()))
}

/// The address of a picture of `channels` (1 or 3) interleaved bytes per pixel.
pub(crate) fn photograph(width: usize, height: usize, channels: usize, pixels: &[u8]) -> String {
    let color = if channels == 1 { png::ColorType::Grayscale } else { png::ColorType::Rgb };
    png(width, height, color, pixels)
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
