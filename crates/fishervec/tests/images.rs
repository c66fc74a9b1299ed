//! Images: dense SIFT against VLFeat, geometry, files good and bad.

use fishervec::image::{Augment, Color, DenseSiftParams, Image, ImageParams, LocalFeatures, fitted_size};
use fishervec::{Error, Source};
use serde_json::Value;

fn golden() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/dsift.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn rows(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(numbers).collect()
}

fn dsift(sift: DenseSiftParams) -> ImageParams {
    ImageParams { features: LocalFeatures::Dsift(sift), max_side: 0, ..ImageParams::default() }
}

/// An image with some structure.
fn image(width: usize, height: usize) -> Image {
    let pixels: Vec<f32> = (0..width * height)
        .map(|i| ((i % width) as f32 * 0.7).sin() * 0.25 + ((i / width) as f32 * 0.4).cos() * 0.25 + 0.5)
        .collect();
    Image::new(&pixels, width, height, 1, Color::Grey).unwrap()
}

#[test]
fn dense_sift_equals_vlfeat() {
    let golden = golden();
    let levels = rows(&golden["image"]);
    let (height, width) = (levels.len(), levels[0].len());
    let pixels: Vec<f32> = levels.iter().flatten().map(|x| (x / 255.0) as f32).collect();
    let image = Image::new(&pixels, width, height, 1, Color::Grey).unwrap();
    for case in golden["cases"].as_array().unwrap() {
        let integer = |name: &str| case[name].as_u64().unwrap() as usize;
        let bounds =
            case.get("bounds").map(|bounds| numbers(bounds).iter().map(|x| *x as usize).collect::<Vec<_>>());
        let params = dsift(DenseSiftParams {
            bins: vec![integer("bin")],
            step: integer("step"),
            window: case["window"].as_str().unwrap().parse().unwrap(),
            window_size: case["window_size"].as_f64().unwrap(),
            magnification: 0.0,
            bounds: bounds.map(|bounds| bounds.try_into().unwrap()),
            contrast_threshold: 0.0,
        });
        let (got, expected) = (params.features(&image).unwrap(), rows(&case["descriptors"]));
        let (got, positions) = (got.view(), params.positions(width, height));
        assert_eq!(got.rows().dim(), (expected.len(), 128));
        for (position, expected) in positions.iter().zip(rows(&case["positions"])) {
            assert_eq!(position[..2].iter().map(|x| f64::from(*x)).collect::<Vec<_>>(), expected);
        }
        let values = got.rows();
        let pairs = values.iter().zip(expected.iter().flatten()).map(|(x, y)| (f64::from(*x) - y).abs());
        let error = pairs.fold(0.0, f64::max);
        assert!(error < 1e-4, "{case}: {error}");
    }
}

#[test]
fn count_positions_and_descriptors_agree() {
    let sift = |bins: &[usize], step, bounds| {
        dsift(DenseSiftParams { bins: bins.to_vec(), step, bounds, ..DenseSiftParams::default() })
    };
    let patches = |size, step| ImageParams {
        features: LocalFeatures::Patches { size, step },
        ..ImageParams::default()
    };
    let all = [
        sift(&[4], 3, None),
        sift(&[2, 5, 3], 7, None),
        sift(&[4, 6], 5, Some([10, 5, 40, 4000])),
        sift(&[1], 1, Some([30, 30, 30, 30])),
        patches(3, 2),
        patches(1, 1),
        ImageParams { augment: Augment::Xy, color: Color::Rgb, ..sift(&[3], 4, None) },
    ];
    for params in all {
        for (width, height) in [(0, 0), (1, 1), (3, 50), (40, 19), (61, 37)] {
            let grey = image(width, height);
            let image = Image::new(grey.values(), width, height, 1, params.color).unwrap();
            let features = params.features(&image).unwrap();
            let (n, positions) = (params.count(width, height), params.positions(width, height));
            assert_eq!((features.view().n_rows(), positions.len()), (n, n), "{params:?} {width} {height}");
            assert_eq!(features.view().dim(), params.dim());
            assert!(features.view().rows().iter().all(|x| x.is_finite()));
            let inside = |[x, y, _]: &[f32; 3]| *x < width as f32 && *y < height as f32;
            assert!(positions.iter().all(inside));
        }
    }
}

#[test]
fn patches_are_the_pixels() {
    let pixels: Vec<f32> = (0..12).map(|i| i as f32 / 12.0).collect();
    let image = Image::new(&pixels, 4, 3, 1, Color::Grey).unwrap();
    let features = LocalFeatures::Patches { size: 2, step: 2 };
    let params = ImageParams { features, augment: Augment::Xy, ..ImageParams::default() };
    let got = params.features(&image).unwrap();
    let expected = [[0.0, 1.0, 4.0, 5.0], [2.0, 3.0, 6.0, 7.0]].map(|row| row.map(|x| x / 12.0));
    assert_eq!(got.view().rows().row(0).to_vec(), [&expected[0][..], &[-0.25, 1.0 / 3.0 - 0.5]].concat());
    assert_eq!(got.view().rows().row(1).to_vec(), [&expected[1][..], &[0.25, 1.0 / 3.0 - 0.5]].concat());
}

#[test]
fn the_sizes_have_their_centres_in_common() {
    let params = dsift(DenseSiftParams::default());
    let positions = params.positions(100, 90);
    let of = |bin: f32| positions.iter().filter(move |p| p[2] == bin).map(|p| (p[0], p[1]));
    let largest: Vec<_> = of(12.0).collect();
    for bin in [4.0, 6.0, 8.0] {
        let of_bin: Vec<_> = of(bin).collect();
        assert!(of_bin.len() >= largest.len());
        assert!(largest.iter().all(|centre| of_bin.contains(centre)), "{bin}");
    }
}

#[test]
fn settings_and_images_are_checked() {
    let sift = DenseSiftParams::default();
    let wrong = [
        DenseSiftParams { bins: vec![], ..sift.clone() },
        DenseSiftParams { bins: vec![4, 0], ..sift.clone() },
        DenseSiftParams { step: 0, ..sift.clone() },
        DenseSiftParams { window_size: f64::NAN, ..sift.clone() },
        DenseSiftParams { magnification: -1.0, ..sift.clone() },
        DenseSiftParams { bounds: Some([9, 0, 3, 9]), ..sift.clone() },
        DenseSiftParams { contrast_threshold: f64::INFINITY, ..sift },
    ];
    for sift in wrong {
        let error = dsift(sift).features(&image(50, 50)).unwrap_err();
        assert!(matches!(error, Error::Parameter { .. }), "{error}");
    }
    let small = ImageParams { max_side: 40, ..ImageParams::default() };
    assert!(matches!(small.features(&image(50, 10)), Err(Error::Dimension { .. })));
    let rgb = ImageParams { color: Color::Rgb, ..ImageParams::default() };
    assert!(matches!(rgb.features(&image(50, 50)), Err(Error::Dimension { .. })));
    assert!(matches!(Image::new(&[0.0; 5], 2, 3, 1, Color::Grey), Err(Error::Dimension { .. })));
    assert!(matches!(Image::new(&[0.0; 12], 2, 3, 2, Color::Grey), Err(Error::Parameter { .. })));
    let nan = [0.0, 0.0, 0.0, f32::NAN];
    assert!(matches!(
        Image::new(&nan, 2, 2, 1, Color::Grey),
        Err(Error::NotFinite { row: 1, column: 1, .. })
    ));
}

#[test]
fn images_become_smaller_but_never_larger_nor_nothing() {
    assert_eq!(fitted_size(1000, 500, 640), (640, 320));
    assert_eq!(fitted_size(500, 1000, 640), (320, 640));
    assert_eq!(fitted_size(100, 50, 640), (100, 50));
    assert_eq!(fitted_size(9000, 1, 640), (640, 1));
    assert_eq!(fitted_size(9000, 9000, 0), (9000, 9000));
}

#[cfg(feature = "image")]
mod files {
    use super::*;
    use ::image::{DynamicImage, ImageFormat, Rgb, RgbImage};
    use std::io::Cursor;

    fn rgb_image() -> RgbImage {
        RgbImage::from_fn(40, 30, |x, y| Rgb([(x * 6) as u8, (y * 8) as u8, (x + y) as u8]))
    }

    fn bytes(format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::ImageRgb8(rgb_image()).write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    const FORMATS: [ImageFormat; 4] =
        [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Tiff];

    #[test]
    fn all_formats_are_read() {
        let params = ImageParams { color: Color::Rgb, ..ImageParams::default() };
        let expected = Image::from_u8(rgb_image().as_raw(), 40, 30, 3, &params).unwrap();
        for format in FORMATS {
            let image = Image::from_bytes(&bytes(format), &params).unwrap();
            let most =
                image.values().iter().zip(expected.values()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            let tolerance = if format == ImageFormat::Jpeg { 0.1 } else { 0.0 };
            assert!(most <= tolerance, "{format:?} {most}");
        }
    }

    /// Every truncation and a change of every byte: an image or an error, never a panic.
    #[test]
    fn damaged_files_never_panic() {
        let params = ImageParams { max_side: 16, ..ImageParams::default() };
        for format in FORMATS {
            let good = bytes(format);
            for length in 0..good.len() {
                let _ = Image::from_bytes(&good[..length], &params);
            }
            for (i, byte) in good.iter().enumerate() {
                let mut bad = good.clone();
                bad[i] = byte ^ 0xff;
                let _ = Image::from_bytes(&bad, &params);
            }
            let half = Image::from_bytes(&good[..good.len() / 2], &params);
            assert!(matches!(half, Err(Error::Format { .. })), "{format:?}");
        }
    }

    #[test]
    fn a_huge_image_is_refused_by_its_header() {
        let mut huge = bytes(ImageFormat::Png);
        huge[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
        // The header's checksum, so that only the size is wrong.
        let checksum = crc32(&huge[12..29]);
        huge[29..33].copy_from_slice(&checksum.to_be_bytes());
        let error = Image::from_bytes(&huge, &ImageParams::default()).unwrap_err();
        assert!(error.to_string().contains("65536 x 65536"), "{error}");
    }

    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0_u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1))
            })
        })
    }

    #[test]
    fn a_file_is_known_by_its_content_and_named_in_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("really.png");
        std::fs::write(&path, bytes(ImageFormat::Jpeg)).unwrap();
        assert_eq!(Image::size(&path).unwrap(), (40, 30));
        assert_eq!(Image::open(&path, &ImageParams::default()).unwrap().width(), 40);
        std::fs::write(&path, b"no image").unwrap();
        let error = Image::open(&path, &ImageParams::default()).unwrap_err().to_string();
        assert!(error.contains("really.png: not a valid image"), "{error}");
        let missing = Image::open(folder.path().join("none.png"), &ImageParams::default()).unwrap_err();
        assert!(matches!(missing, Error::Io { .. }), "{missing}");
    }

    #[test]
    fn an_image_in_memory_is_made_smaller_as_one_of_a_file() {
        let params = ImageParams { max_side: 20, color: Color::Rgb, ..ImageParams::default() };
        let pixels: Vec<f32> = rgb_image().as_raw().iter().map(|x| f32::from(*x) / 255.0).collect();
        let large = Image::new(&pixels, 40, 30, 3, Color::Rgb).unwrap();
        let (ours, theirs) =
            (large.fitted(&params).unwrap(), Image::from_bytes(&bytes(ImageFormat::Png), &params).unwrap());
        assert_eq!((ours.width(), ours.height()), (20, 15));
        let most = ours.values().iter().zip(theirs.values()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(most < 0.01, "{most}");
    }
}
