//! Crops images, so that `make demo` can retrieve each image by its crops: four per image, with half or a
//! third of its sides, reduced by a fifth, as jpeg. Of images and crops it makes thumbnails, too.
//!
//!     cargo run --release -p fishervec --features image --example crops -- IMAGES OUT THUMBNAILS

use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

/// The left, top and side of each crop, as fractions of the image's sides.
const CROPS: [(f64, f64, f64); 4] = [(0.05, 0.1, 0.5), (0.45, 0.4, 0.5), (0.3, 0.15, 0.34), (0.1, 0.6, 0.34)];
/// The height of a thumbnail, in pixels.
const THUMBNAIL: u32 = 104;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folders: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [from, to, small] = &folders[..] else { return Err("usage: crops IMAGES OUT THUMBNAILS".into()) };
    fs::create_dir_all(to)?;
    fs::create_dir_all(small)?;
    let mut paths: Vec<PathBuf> =
        fs::read_dir(from)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    paths.sort();
    for path in paths {
        let source = image::open(&path)?.to_rgb8();
        let (width, height) = source.dimensions();
        let fraction = |of: u32, fraction: f64| (f64::from(of) * fraction) as u32;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        write(&thumbnail(&source), &small.join(format!("{name}.jpg")))?;
        for (i, (left, top, side)) in CROPS.into_iter().enumerate() {
            let (w, h) = (fraction(width, side), fraction(height, side));
            let crop = image::imageops::crop_imm(&source, fraction(width, left), fraction(height, top), w, h);
            let (w, h) = (fraction(w, 0.8), fraction(h, 0.8));
            let crop = image::imageops::resize(&crop.to_image(), w, h, FilterType::CatmullRom);
            let file = format!("{name}-{}.jpg", i + 1);
            write(&crop, &to.join(&file))?;
            write(&thumbnail(&crop), &small.join(&file))?;
        }
    }
    Ok(())
}

fn thumbnail(image: &RgbImage) -> RgbImage {
    let width = u64::from(image.width()) * u64::from(THUMBNAIL) / u64::from(image.height());
    image::imageops::thumbnail(image, (width as u32).max(1), THUMBNAIL)
}

fn write(image: &RgbImage, path: &Path) -> image::ImageResult<()> {
    let file = BufWriter::new(File::create(path)?);
    JpegEncoder::new_with_quality(file, 70).encode_image(image)
}
