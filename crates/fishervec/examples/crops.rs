//! Crops images, so that `make demo` can retrieve each image by its crops: four per image, with half or a
//! third of its sides, reduced by a fifth, as jpeg.
//!
//!     cargo run --release -p fishervec --features image --example crops -- IMAGES OUT

use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::PathBuf;

/// The left, top and side of each crop, as fractions of the image's sides.
const CROPS: [(f64, f64, f64); 4] = [(0.05, 0.1, 0.5), (0.45, 0.4, 0.5), (0.3, 0.15, 0.34), (0.1, 0.6, 0.34)];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [from, to] = &folders[..] else { return Err("usage: crops IMAGES OUT".into()) };
    fs::create_dir_all(to)?;
    let mut paths: Vec<PathBuf> =
        fs::read_dir(from)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    paths.sort();
    for path in paths {
        let source = image::open(&path)?.to_rgb8();
        let (width, height) = source.dimensions();
        let fraction = |of: u32, fraction: f64| (f64::from(of) * fraction) as u32;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for (i, (left, top, side)) in CROPS.into_iter().enumerate() {
            let (w, h) = (fraction(width, side), fraction(height, side));
            let crop = image::imageops::crop_imm(&source, fraction(width, left), fraction(height, top), w, h);
            let (w, h) = (fraction(w, 0.8), fraction(h, 0.8));
            let crop = image::imageops::resize(&crop.to_image(), w, h, FilterType::CatmullRom);
            let file = BufWriter::new(File::create(to.join(format!("{name}-{}.jpg", i + 1)))?);
            JpegEncoder::new_with_quality(file, 70).encode_image(&crop)?;
        }
    }
    Ok(())
}
