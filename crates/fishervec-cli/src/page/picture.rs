//! Pictures in a page: as PNG in the address, so that the page asks for no other file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

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
