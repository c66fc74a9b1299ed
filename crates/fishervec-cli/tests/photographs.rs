//! Folders of photographs, from end to end.

#[allow(dead_code, reason = "a toolbox for all test files")]
mod common;

use common::{Folder, stripes};
use fishervec::image::{Image, ImageParams};
use fishervec::{Pipeline, Threads};
use std::fs;

/// Two classes of three photographs.
fn photographs() -> Folder {
    let folder = Folder::new();
    for i in 0..3 {
        folder.write(&format!("photos/wide/{i}.png"), &stripes(90 + 10 * i, 70, 6.0, 0.1 * i as f32));
        folder.write(&format!("photos/narrow/deep/{i}.PNG"), &stripes(80, 60, 2.0, 1.5 - 0.1 * i as f32));
    }
    folder.write("photos/notes.txt", b"no photograph");
    folder
}

const FIT: [&str; 10] =
    ["fit", "photos", "-o", "m.safetensors", "--components", "2", "--pca", "8", "--max-iter", "20"];
const ENCODE: [&str; 6] = ["encode", "photos", "-m", "m.safetensors", "-o", "v.npy"];

#[test]
fn a_folder_of_photographs_becomes_a_row_each() {
    let folder = photographs();
    folder.ok(&FIT);
    let told = folder.ok(&ENCODE).stderr;
    assert!(told.contains("wrote v.npy: 6 sets of which 0 empty, 0 skipped"), "{told}");
    assert!(told.contains("encoding: 6 photographs"), "{told}");
    let pipeline = Pipeline::load(folder.path("m.safetensors")).unwrap();
    let images = pipeline.images().unwrap();
    assert_eq!(images, &ImageParams::default());
    let table = folder.table("v.csv");
    assert_eq!(table[0], ["row", "source", "set", "n", "mean_log_likelihood", "status", "label"]);
    let vectors = folder.matrix("v.npy");
    for (row, vector) in table[1..].iter().zip(vectors.outer_iter()) {
        let image = Image::open(folder.path(&row[1]), images).unwrap();
        let features = images.features(&image).unwrap();
        assert_eq!(row[3], features.view().rows().nrows().to_string());
        assert_eq!(vector, pipeline.encode(&features.view(), &Threads::one()).unwrap());
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
    let folder = photographs();
    for threads in ["1", "3"] {
        let model = format!("{threads}.safetensors");
        folder.ok(&["fit", "photos", "-o", &model, "--components", "2", "--pca", "8", "--threads", threads]);
        folder.ok(&["encode", "photos", "-m", &model, "-o", &format!("{threads}.npy"), "--threads", threads]);
    }
    for name in ["safetensors", "npy", "csv"] {
        let read = |threads: &str| fs::read(folder.path(&format!("{threads}.{name}"))).unwrap();
        assert!(read("1") == read("3"), "{name}");
    }
}

#[test]
fn a_torn_photograph_is_an_error_that_names_it_or_is_skipped() {
    let folder = photographs();
    let whole = fs::read(folder.path("photos/wide/0.png")).unwrap();
    folder.write("photos/wide/torn.png", &whole[..whole.len() / 2]);
    folder.write("photos/wide/empty.png", b"");
    let told = folder.fails(1, &FIT);
    assert!(told.contains("photos/wide/empty.png"), "{told}");
    assert!(!folder.path("m.safetensors").exists());
    fs::remove_file(folder.path("photos/wide/empty.png")).unwrap();
    let told = folder.fails(1, &FIT);
    assert!(told.contains("photos/wide/torn.png: not a valid image"), "{told}");

    folder.write("photos/wide/empty.png", b"");
    let skip = |arguments: &[&'static str]| [arguments, &["--on-error", "skip"]].concat();
    let told = folder.fails(3, &skip(&FIT));
    assert!(told.contains("skipped: photos/wide/torn.png"), "{told}");
    assert!(told.contains("skipped: photos/wide/empty.png"), "{told}");
    let told = folder.fails(1, &ENCODE);
    assert!(told.contains("photos/wide/empty.png"), "{told}");
    let told = folder.fails(3, &skip(&ENCODE));
    assert!(told.contains("8 sets of which 0 empty, 2 skipped"), "{told}");
    let vectors = folder.matrix("v.npy");
    for (row, vector) in folder.table("v.csv")[1..].iter().zip(vectors.outer_iter()) {
        assert_eq!(row[5] == "skipped", vector.iter().all(|x| *x == 0.0), "{row:?}");
        assert_eq!(row[6], if row[1].contains("wide") { "wide" } else { "narrow" });
    }
}

#[test]
fn settings_are_kept_in_the_model() {
    let folder = photographs();
    let fit = |more: &[&str]| {
        folder.ok(&[&FIT[..6], more].concat());
        folder.ok(&ENCODE);
        (Pipeline::load(folder.path("m.safetensors")).unwrap(), folder.matrix("v.npy").ncols())
    };
    let (pipeline, p) =
        fit(&["--features", "patches", "--patch-size", "3", "--step", "2", "--augment", "xy"]);
    assert_eq!((pipeline.dim(), p), (9 + 2, 2 + 2 * 2 * 11));
    let (pipeline, p) = fit(&["--color", "rgb", "--pca", "none", "--rows", "none", "--bins", "6,9"]);
    assert_eq!((pipeline.dim(), p, pipeline.steps().len()), (384, 2 + 2 * 2 * 384, 0));
    let (pipeline, p) = fit(&["--augment", "xy", "--pca", "8", "--max-side", "60", "--encoder", "pooling"]);
    assert_eq!((pipeline.dim(), p), (130, 2 * 10));
    assert_eq!(pipeline.images().unwrap().max_side, 60);
    let (_, p) = fit(&["--pca", "4", "--information", "empirical"]);
    assert_eq!(p, 2 + 2 * 2 * 4);
}

#[test]
fn photographs_and_descriptors_are_told_apart() {
    let folder = photographs();
    folder.npy("photos/x.npy", 40, 3, 1);
    // A folder with both is one of descriptors, unless photographs are asked for.
    folder.ok(&["fit", "photos", "-o", "d.safetensors", "--components", "2"]);
    assert_eq!(Pipeline::load(folder.path("d.safetensors")).unwrap().dim(), 3);
    folder.ok(&["fit", "photos", "-o", "m.safetensors", "--components", "2", "--features", "dsift"]);
    assert_eq!(Pipeline::load(folder.path("m.safetensors")).unwrap().dim(), 128);
    fs::remove_file(folder.path("photos/x.npy")).unwrap();
    let told = folder.fails(1, &["encode", "photos", "-m", "d.safetensors", "-o", "v.npy"]);
    assert!(told.contains("the inputs are photographs"), "{told}");
    // One photograph will do, and has no class.
    folder.ok(&["encode", "photos/wide/1.png", "-m", "m.safetensors", "-o", "v.npy"]);
    assert!(!folder.path("v.labels.npy").exists());
}

#[test]
fn columns_of_descriptor_files_can_go_round_the_preprocessing() {
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
        "--carry",
        "2",
        "--pca",
        "3",
        "--rows",
        "l2",
    ]);
    let pipeline = Pipeline::load(folder.path("m.safetensors")).unwrap();
    assert_eq!(pipeline.encoder().dim(), 5);
    folder.ok(&["encode", "data", "-m", "m.safetensors", "-o", "v.npy"]);
    folder.fails(1, &["fit", "data", "-o", "n.safetensors", "--components", "2", "--carry", "6"]);

    // Or say where the descriptors are.
    let fit = ["fit", "data", "-o", "m.safetensors", "--components", "2", "--carry", "2"];
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
        (&["--pyramid", "2"][..], "pyramid: expected 1 carried columns (carry), got 2"),
        (&["--spatial", "1", "--encoder", "vlad"], "--spatial: expected --encoder fisher or bow"),
        (&["--pyramid", "2x2", "--encoder", "pooling"], "--pyramid: expected an encoder other than pooling"),
    ] {
        let got = folder.fails(2, &[&fit[..], more].concat());
        assert!(got.contains(told), "{got}");
    }
}

#[test]
fn photographs_know_where_their_descriptors_are() {
    let folder = photographs();
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
    assert!(told.contains("pyramid: expected 2 carried columns (carry), got 0"), "{told}");
}

#[test]
fn options_that_make_no_sense_are_named() {
    let folder = photographs();
    for (more, named) in [
        (&["--bins", "0"][..], "bins"),
        (&["--step", "0"], "step"),
        (&["--pca", "none", "--whiten"], "--whiten"),
        (&["--carry", "1"], "--carry"),
        (&["--pca", "0"], "--pca"),
        (&["--pyramid", "2y2"], "1x1,2x2"),
        (&["--spatial", "0"], "--spatial"),
        (&["--features", "patches", "--patch-size", "0"], "patch size"),
        (&["--window", "round"], "--window"),
    ] {
        let told = folder.fails(2, &[&FIT[..6], more].concat());
        assert!(told.contains(named), "{more:?}: {told}");
    }
}
