//! Folders of images, from end to end.

#[allow(dead_code, reason = "a toolbox for all test files")]
mod common;

use common::{Folder, stripes};
use fishervec::image::{Image, ImageParams};
use fishervec::{Encode, Pipeline};
use image::{DynamicImage, ImageFormat};
use std::fs;
use std::io::Cursor;

/// Two classes of three images.
fn images() -> Folder {
    let folder = Folder::new();
    for i in 0..3 {
        folder.write(&format!("images/wide/{i}.png"), &stripes(90 + 10 * i, 70, 6.0, 0.1 * i as f32));
        folder.write(&format!("images/narrow/deep/{i}.PNG"), &stripes(80, 60, 2.0, 1.5 - 0.1 * i as f32));
    }
    folder.write("images/notes.txt", b"no image");
    folder
}

const FIT: [&str; 10] =
    ["fit", "images", "-o", "m.safetensors", "--components", "2", "--pca", "8", "--max-iter", "20"];
const ENCODE: [&str; 6] = ["encode", "images", "-m", "m.safetensors", "-o", "v.npy"];

#[test]
fn a_folder_of_images_becomes_one_row_per_image() {
    let folder = images();
    folder.ok(&FIT);
    let told = folder.ok(&ENCODE).stderr;
    assert!(
        told.contains(
            "Wrote v.npy, v.csv and v.labels.npy (6 sets: 0 empty, 0 skipped; labels: the folders narrow, wide). \
             Next: fishervec evaluate v.npy"
        ),
        "{told}"
    );
    assert!(told.contains("encoding: 6 images"), "{told}");
    let pipeline = Pipeline::load(folder.path("m.safetensors")).unwrap();
    let params = pipeline.images().unwrap();
    assert_eq!(params, &ImageParams::default());
    let table = folder.table("v.csv");
    assert_eq!(table[0], ["row", "source", "set", "n", "mean_log_likelihood", "status", "label"]);
    let vectors = folder.matrix("v.npy");
    for (row, vector) in table[1..].iter().zip(vectors.outer_iter()) {
        let image = Image::open(folder.path(&row[1]), params).unwrap();
        let features = params.features(&image).unwrap();
        assert_eq!(row[3], features.view().rows().nrows().to_string());
        assert_eq!(vector, pipeline.encode(&features.view()).unwrap());
    }
    let labels: Vec<_> = table[1..].iter().map(|row| row[6].as_str()).collect();
    assert_eq!(labels, ["narrow", "narrow", "narrow", "wide", "wide", "wide"]);
    assert_eq!(folder.integers("v.labels.npy"), [0, 0, 0, 1, 1, 1]);
    assert!(folder.ok(&["evaluate", "v.npy"]).stdout.contains("accuracy"));
    let shown = folder.ok(&["inspect", "m.safetensors"]).stdout;
    assert!(shown.contains("dense SIFT, bins [4, 6, 8, 12], every 4 pixels"), "{shown}");
}

#[test]
fn the_threads_do_not_matter() {
    let folder = images();
    for threads in ["1", "3"] {
        let model = format!("{threads}.safetensors");
        folder.ok(&["fit", "images", "-o", &model, "--components", "2", "--pca", "8", "--threads", threads]);
        folder.ok(&["encode", "images", "-m", &model, "-o", &format!("{threads}.npy"), "--threads", threads]);
    }
    for name in ["safetensors", "npy", "csv"] {
        let read = |threads: &str| fs::read(folder.path(&format!("{threads}.{name}"))).unwrap();
        assert!(read("1") == read("3"), "{name}");
    }
}

#[test]
fn a_truncated_image_is_an_error_that_names_it_or_is_skipped() {
    let folder = images();
    let whole = fs::read(folder.path("images/wide/0.png")).unwrap();
    folder.write("images/wide/torn.png", &whole[..whole.len() / 2]);
    folder.write("images/wide/empty.png", b"");
    let told = folder.fails(1, &FIT);
    assert!(told.contains("images/wide/empty.png"), "{told}");
    assert!(!folder.path("m.safetensors").exists());
    fs::remove_file(folder.path("images/wide/empty.png")).unwrap();
    let told = folder.fails(1, &FIT);
    assert!(told.contains("images/wide/torn.png: not a valid image"), "{told}");

    folder.write("images/wide/empty.png", b"");
    let skip = |arguments: &[&'static str]| [arguments, &["--on-error", "skip"]].concat();
    let told = folder.fails(3, &skip(&FIT));
    assert!(told.contains("skipped: images/wide/torn.png"), "{told}");
    assert!(told.contains("skipped: images/wide/empty.png"), "{told}");
    let told = folder.fails(1, &ENCODE);
    assert!(told.contains("images/wide/empty.png"), "{told}");
    let told = folder.fails(3, &skip(&ENCODE));
    assert!(told.contains("8 sets: 0 empty, 2 skipped"), "{told}");
    let vectors = folder.matrix("v.npy");
    for (row, vector) in folder.table("v.csv")[1..].iter().zip(vectors.outer_iter()) {
        assert_eq!(row[5] == "skipped", vector.iter().all(|x| *x == 0.0), "{row:?}");
        assert_eq!(row[6], if row[1].contains("wide") { "wide" } else { "narrow" });
    }
}

/// The same image in another format, of which only a share of the bytes is there.
fn share_of(image: &DynamicImage, format: ImageFormat, share: f64) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    let mut bytes = bytes.into_inner();
    bytes.truncate((bytes.len() as f64 * share) as usize);
    bytes
}

#[test]
fn a_truncated_file_of_each_format_is_an_error_that_names_it() {
    let folder = images();
    folder.ok(&FIT);
    let image = image::load_from_memory(&stripes(90, 70, 6.0, 0.1)).unwrap();
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Tiff] {
        for share in [0.98, 0.5, 0.02] {
            folder.write("images/wide/torn.jpg", &share_of(&image, format, share));
            for command in [&FIT[..], &ENCODE] {
                let told = folder.fails(1, command);
                assert!(
                    told.contains("images/wide/torn.jpg: not a valid image"),
                    "{format:?} {share}: {told}"
                );
            }
        }
        folder.write("images/wide/torn.jpg", &share_of(&image, format, 1.0));
        folder.ok(&ENCODE);
    }
}

#[test]
fn floats_outside_0_to_1_are_an_error_that_says_what_to_do() {
    let folder = images();
    let image = image::load_from_memory(&stripes(90, 70, 6.0, 0.1)).unwrap().to_rgb32f();
    let write = |scale: f32| {
        let mut image = image.clone();
        image.pixels_mut().for_each(|pixel| pixel.0 = pixel.0.map(|x| x * scale));
        folder
            .write("images/wide/a.tif", &share_of(&DynamicImage::ImageRgb32F(image), ImageFormat::Tiff, 1.0));
    };
    write(1.0);
    folder.ok(&FIT);
    folder.ok(&ENCODE);
    write(255.0);
    for command in [&FIT[..], &ENCODE] {
        let told = folder.fails(1, command);
        assert!(told.contains("images/wide/a.tif: expected values from 0 to 1, got"), "{told}");
        assert!(told.contains("divide by 255"), "{told}");
    }
}

#[test]
fn settings_are_kept_in_the_model() {
    let folder = images();
    let fit = |more: &[&str]| {
        folder.ok(&[&FIT[..6], more].concat());
        folder.ok(&ENCODE);
        (Pipeline::load(folder.path("m.safetensors")).unwrap(), folder.matrix("v.npy").ncols())
    };
    let (pipeline, p) =
        fit(&["--features", "patches", "--patch-size", "3", "--step", "2", "--augment", "xy"]);
    assert_eq!((pipeline.input_dim(), p), (9 + 2, 2 + 2 * 2 * 11));
    let (pipeline, p) = fit(&["--color", "rgb", "--pca", "none", "--rows", "none", "--bins", "6,9"]);
    assert_eq!((pipeline.input_dim(), p, pipeline.steps().len()), (384, 2 + 2 * 2 * 384, 0));
    let (pipeline, p) = fit(&["--augment", "xy", "--pca", "8", "--max-side", "60", "--encoder", "pooling"]);
    assert_eq!((pipeline.input_dim(), p), (130, 2 * 10));
    assert_eq!(pipeline.images().unwrap().max_side, 60);
    let (_, p) = fit(&["--pca", "4", "--information", "empirical"]);
    assert_eq!(p, 2 + 2 * 2 * 4);
}

#[test]
fn position_columns_bypass_the_preprocessing() {
    let folder = Folder::new();
    for i in 0..3 {
        folder.npy(&format!("data/{i}.npy"), 60, 6, i);
    }
    folder.ok(&[
        "fit",
        "data",
        "-o",
        "m.safetensors",
        "--components",
        "2",
        "--position-columns",
        "2",
        "--pca",
        "3",
        "--rows",
        "l2",
    ]);
    let pipeline = Pipeline::load(folder.path("m.safetensors")).unwrap();
    assert_eq!(pipeline.encoder().input_dim(), 5);
    folder.ok(&["encode", "data", "-m", "m.safetensors", "-o", "v.npy"]);
    let told = folder.fails(2, &["fit", "data", "-o", "n.safetensors", "-k", "2", "--position-columns", "6"]);
    assert!(told.contains("--position-columns: expected fewer than the 6 columns"), "{told}");

    // They can be used as positions, too.
    let fit = ["fit", "data", "-o", "m.safetensors", "--components", "2", "--position-columns", "2"];
    let place = ["--spatial", "2", "--pyramid", "1x1,2x1", "--encoder"];
    for (encoder, p) in [("fisher", 3 * 2 * (1 + 2 * 4 + 2 + 8)), ("bow", 3 * 2 * (1 + 2 + 8))] {
        folder.ok(&[&fit[..], &place, &[encoder, "--assignment", "soft"]].concat());
        folder.ok(&["encode", "data", "-m", "m.safetensors", "-o", "v.npy"]);
        assert_eq!(folder.matrix("v.npy").ncols(), p);
        let shown = folder.ok(&["inspect", "m.safetensors"]).stdout;
        assert!(
            shown.contains("2 Gaussians over 2 columns") && shown.contains("1x1,2x1: 3 cells"),
            "{shown}"
        );
    }
    for (more, told) in [
        (
            &["--pyramid", "2"][..],
            "--pyramid: 2 expects 1 position column (--positions NAME or --position-columns N), got 2",
        ),
        (&["--spatial", "1", "--encoder", "vlad"], "--spatial: expected --encoder fisher or bow"),
        (&["--pyramid", "2x2", "--encoder", "pooling"], "--pyramid: expected an encoder other than pooling"),
    ] {
        let got = folder.fails(2, &[&fit[..], more].concat());
        assert!(got.contains(told), "{got}");
    }
}

#[test]
fn images_know_where_their_descriptors_are() {
    let folder = images();
    for (more, p) in [
        (&["--spatial", "1", "--pca", "4"][..], 2 * (1 + 2 * 4 + 4)),
        (&["--pyramid", "1x1,2x2,1x3", "--pca", "4"], 8 * 2 * (1 + 2 * 4)),
        (&["--pyramid", "2x2", "--encoder", "vlad", "--pca", "4"], 4 * 2 * 4),
        (&["--spatial", "1", "--encoder", "bow", "--information", "empirical"], 2 * 5),
    ] {
        folder.ok(&[&FIT[..6], more].concat());
        folder.ok(&ENCODE);
        assert_eq!(folder.matrix("v.npy").ncols(), p, "{more:?}");
    }
    let told = folder.fails(2, &[&FIT[..6], &["--pyramid", "2x2", "--augment", "none"]].concat());
    assert!(told.contains("--pyramid: 2x2 expects 2 position columns (--augment xy), got 0"), "{told}");
}

#[test]
fn options_that_make_no_sense_are_named() {
    let folder = images();
    for (more, named) in [
        (&["--bins", "0"][..], "--bins"),
        (&["--step", "0"], "--step"),
        (&["--pca", "none", "--whiten"], "--whiten"),
        (&["--position-columns", "1"], "--position-columns"),
        (&["--pca", "0"], "--pca"),
        (&["--pyramid", "2y2"], "1x1,2x2"),
        (&["--spatial", "0"], "--spatial"),
        (&["--features", "patches", "--patch-size", "0"], "--patch-size"),
        (&["--window", "round"], "--window"),
        (&["--bins", "9999"], "--bins: expected one or more from 1 to 4096"),
        (&["--features", "patches", "--patch-size", "300"], "--patch-size: expected from 1 to 256, got 300"),
    ] {
        let told = folder.fails(2, &[&FIT[..6], more].concat());
        assert!(told.contains(named), "{more:?}: {told}");
    }
}
