//! Pieces of photographs, for `make demo` to find their photographs by: four of each, half or a third of its sides,
//! made a fifth smaller, as jpeg.
//!
//!     cargo run --release -p fishervec --features image --example crops -- PHOTOGRAPHS OUT

use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::PathBuf;

/// Left, top and side of each piece, as shares of the photograph's sides.
const PIECES: [(f64, f64, f64); 4] =
    [(0.05, 0.1, 0.5), (0.45, 0.4, 0.5), (0.3, 0.15, 0.34), (0.1, 0.6, 0.34)];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [from, to] = &folders[..] else { return Err("usage: crops PHOTOGRAPHS OUT".into()) };
    fs::create_dir_all(to)?;
    let mut paths: Vec<PathBuf> =
        fs::read_dir(from)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    paths.sort();
    for path in paths {
        let photograph = image::open(&path)?.to_rgb8();
        let (width, height) = photograph.dimensions();
        let share = |of: u32, share: f64| (f64::from(of) * share) as u32;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        for (i, (left, top, side)) in PIECES.into_iter().enumerate() {
            let (w, h) = (share(width, side), share(height, side));
            let piece = image::imageops::crop_imm(&photograph, share(width, left), share(height, top), w, h);
            let (w, h) = (share(w, 0.8), share(h, 0.8));
            let piece = image::imageops::resize(&piece.to_image(), w, h, FilterType::CatmullRom);
            let file = BufWriter::new(File::create(to.join(format!("{name}-{}.jpg", i + 1)))?);
            JpegEncoder::new_with_quality(file, 70).encode_image(&piece)?;
        }
    }
    Ok(())
}
