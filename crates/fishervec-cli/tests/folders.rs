//! What is in a folder, and what is left out of it.

#[allow(dead_code, reason = "a toolbox for all test files")]
mod common;

use common::{Folder, stripes};
use fishervec::Pipeline;
use std::fs;

const FIT: [&str; 8] = ["fit", ".", "-o", "m.safetensors", "-k", "2", "--pca", "8"];
const ENCODE: [&str; 6] = ["encode", ".", "-m", "m.safetensors", "-o", "vectors.npy"];

/// Three images, which are far more than the inputs of these tests.
fn images() -> Folder {
    let folder = Folder::new();
    for i in 0..3 {
        folder.write(&format!("{i}.png"), &stripes(60 + 10 * i, 50, 6.0, 0.1 * i as f32));
    }
    folder
}

/// The column `set`, with `source` before it, of each row.
fn sources(folder: &Folder, name: &str) -> Vec<String> {
    folder.table(name)[1..].iter().map(|row| row[1].clone()).collect()
}

#[test]
fn what_the_command_wrote_is_not_an_input_the_next_time() {
    let folder = images();
    for (i, class) in ["a", "b", "b"].iter().enumerate() {
        fs::create_dir_all(folder.path(class)).unwrap();
        fs::rename(folder.path(&format!("{i}.png")), folder.path(&format!("{class}/{i}.png"))).unwrap();
    }
    folder.ok(&FIT);
    let model = fs::read(folder.path("m.safetensors")).unwrap();
    folder.ok(&ENCODE);
    let vectors = fs::read(folder.path("vectors.npy")).unwrap();
    folder.ok(&["encode", ".", "-m", "m.safetensors", "-o", "a/again.fvecs"]);
    assert!(folder.path("vectors.labels.npy").exists() && folder.path("a/again.labels.npy").exists());

    let told = folder.ok(&FIT).stderr;
    let left_out = "Left out: 2 .csv (another format), 1 .fvecs (written by encode), 3 .npy (written by \
                    encode), 1 .safetensors (a model)\n";
    assert!(told.contains(left_out), "{told}");
    assert_eq!(fs::read(folder.path("m.safetensors")).unwrap(), model);
    folder.ok(&ENCODE);
    assert_eq!(fs::read(folder.path("vectors.npy")).unwrap(), vectors);
    let told = folder.ok(&[&FIT[..], &["-q"]].concat()).stderr;
    assert!(!told.contains("Left out"), "{told}");
}

#[test]
fn the_vectors_of_descriptors_are_no_descriptors() {
    let folder = Folder::new();
    for i in 0..3 {
        folder.npy(&format!("{i}.npy"), 60, 3, i);
    }
    let fit = ["fit", ".", "-o", "m.safetensors", "-k", "2"];
    folder.ok(&fit);
    let model = fs::read(folder.path("m.safetensors")).unwrap();
    folder.ok(&ENCODE);
    folder.ok(&fit);
    assert_eq!(fs::read(folder.path("m.safetensors")).unwrap(), model);
    folder.ok(&["encode", ".", "-m", "m.safetensors", "-o", "again.npy"]);
    assert_eq!(sources(&folder, "again.csv"), ["./0.npy", "./1.npy", "./2.npy"]);
    // A table of one's own makes no output of the file beside it, and is not replaced.
    folder.npy("mine.npy", 60, 3, 5);
    folder.write("mine.csv", b"row,source,set,n,mean_log_likelihood,statuses\n");
    folder.ok(&["encode", ".", "-m", "m.safetensors", "-o", "again.npy"]);
    assert_eq!(sources(&folder, "again.csv"), ["./0.npy", "./1.npy", "./2.npy", "./mine.npy"]);
    let told = folder.fails(1, &["encode", "0.npy", "-m", "m.safetensors", "-o", "mine.npy"]);
    assert!(told.contains("mine.csv would be replaced, and encode did not write it"), "{told}");
    // A file that is given by itself is taken, whoever wrote it.
    folder.ok(&["fit", "vectors.npy", "-o", "other.safetensors", "--encoder", "pooling"]);
    assert_eq!(Pipeline::load(folder.path("other.safetensors")).unwrap().input_dim(), 2 + 2 * 2 * 3);
}

#[test]
fn labels_of_ones_own_are_not_replaced() {
    let folder = images();
    fs::create_dir(folder.path("class")).unwrap();
    fs::rename(folder.path("0.png"), folder.path("class/0.png")).unwrap();
    folder.ok(&FIT);
    let mine = common::integers(&[1, 2, 3]);
    folder.write("out/v.labels.npy", &mine);
    folder.ok(&["encode", "1.png", "2.png", "2.png", "-m", "m.safetensors", "-o", "out/v.npy"]);
    // They are younger than the vectors, which have no labels of their own.
    folder.write("out/v.labels.npy", &mine);
    folder.ok(&["evaluate", "out/v.npy"]);
    let told =
        folder.fails(1, &["encode", ".", "-m", "m.safetensors", "-o", "out/v.npy", "--input", "images"]);
    assert!(told.contains("out/v.labels.npy would be replaced"), "{told}");
    assert_eq!(fs::read(folder.path("out/v.labels.npy")).unwrap(), mine);
}

#[test]
fn labels_of_an_earlier_run_are_not_those_of_this_one() {
    let folder = images();
    for class in ["a", "b"] {
        fs::create_dir(folder.path(class)).unwrap();
        fs::copy(folder.path("0.png"), folder.path(&format!("{class}/0.png"))).unwrap();
    }
    folder.ok(&["fit", "a", "b", "-o", "m.safetensors", "-k", "2", "--pca", "8"]);
    folder.ok(&["encode", ".", "-m", "m.safetensors", "-o", "v.npy"]);
    folder.ok(&["evaluate", "v.npy"]);
    folder.ok(&[
        "encode",
        "0.png",
        "1.png",
        "2.png",
        "a/0.png",
        "b/0.png",
        "-m",
        "m.safetensors",
        "-o",
        "v.npy",
    ]);
    let told = folder.fails(1, &["evaluate", "v.npy"]);
    assert!(
        told.contains("v.labels.npy is older than v.csv, by which these vectors have no labels"),
        "{told}"
    );
    folder.ok(&["evaluate", "v.npy", "--labels", "v.labels.npy"]);
}

#[test]
fn an_output_is_known_whatever_its_sets_are_called() {
    let folder = images();
    for (i, class) in ["データベース", "ö"].iter().enumerate() {
        folder.write(&format!("写真/{class}/{i}ä.png"), &stripes(60, 50, 5.0 + i as f32, 0.2));
    }
    let encode = ["encode", "写真", "-m", "m.safetensors", "-o", "写真/v.npy"];
    folder.ok(&["fit", "写真", "-o", "m.safetensors", "-k", "2", "--pca", "8"]);
    folder.ok(&encode);
    let told = folder.ok(&encode).stderr;
    assert!(told.contains("2 .npy (written by encode)"), "{told}");
    // As a spreadsheet saves it.
    let csv = fs::read_to_string(folder.path("写真/v.csv")).unwrap().replace('\n', "\r\n");
    folder.write("写真/v.csv", format!("\u{feff}{csv}").as_bytes());
    folder.ok(&encode);
}

#[test]
fn the_csv_of_one_output_says_nothing_about_another_file() {
    let folder = Folder::new();
    for i in 0..3 {
        folder.npy(&format!("{i}.npy"), 60, 3, i);
    }
    folder.ok(&["fit", ".", "-o", "m.safetensors", "-k", "2"]);
    let told = folder.fails(1, &["encode", "0.npy", "-m", "m.safetensors", "-o", "0.fvecs"]);
    assert!(told.contains("0.csv would seem to be about 0.npy, which is there already"), "{told}");
    folder.ok(&["encode", ".", "-m", "m.safetensors", "-o", "v.npy"]);
    folder.ok(&["encode", ".", "-m", "m.safetensors", "-o", "v.fvecs"]);
}

#[test]
fn an_input_without_files_says_what_there_is() {
    let folder = Folder::new();
    folder.write("data/._1.npy", b"");
    folder.write("data/x.mat", b"");
    let told = folder.fails(1, &["fit", "data", "-o", "m.safetensors", "-q"]);
    assert!(
        told.contains("data: no descriptor file (.npy") && told.contains("and no image file (.jpg"),
        "{told}"
    );
    assert!(told.contains("in this folder (left out: 1 .mat (another format), 1 .npy (hidden))"), "{told}");
    let told = folder.fails(2, &["fit", "data/x.mat", "-o", "m.safetensors"]);
    assert!(told.contains("x.mat: expected a folder, or a descriptor file (.npy"), "{told}");
    assert!(told.contains("or an image file (.jpg") && !told.contains("Left out"), "{told}");
}

#[test]
fn an_input_that_is_given_twice_is_told() {
    let folder = images();
    let told = folder.ok(&["fit", ".", "0.png", "-o", "m.safetensors", "-k", "2", "--pca", "8"]).stderr;
    assert!(told.contains("warning: 1 file given more than once, which counts each time"), "{told}");
}

#[test]
fn a_folder_of_both_kinds_is_an_error_that_counts_and_names_both() {
    let folder = images();
    folder.npy("mean_image.npy", 40, 3, 1);
    let expected = "the inputs hold both 3 images (0.png, 1.png, 2.png) and 1 descriptor file \
                    (mean_image.npy): choose --input images or --input descriptors";
    assert_eq!(folder.fails(1, &FIT), format!("error: {expected}\n"));
    folder.ok(&["fit", "0.png", "-o", "m.safetensors", "-k", "2", "--pca", "8"]);
    assert_eq!(folder.fails(1, &ENCODE), format!("error: {expected}\n"));
    assert_eq!(
        folder.fails(1, &["fit", "0.png", "mean_image.npy", "-o", "m"]).matches("hold both").count(),
        1
    );

    let images = folder.ok(&[&FIT[..], &["--input", "images"]].concat()).stderr;
    assert!(images.contains("Left out: 1 .npy (descriptors), 1 .safetensors (a model)\n"), "{images}");
    assert!(images.contains("Next: fishervec encode . --input images -m m.safetensors"), "{images}");
    assert_eq!(Pipeline::load(folder.path("m.safetensors")).unwrap().input_dim(), 128);
    folder.ok(&[&ENCODE[..], &["--input", "images"]].concat());
    assert_eq!(sources(&folder, "vectors.csv"), ["./0.png", "./1.png", "./2.png"]);
    let told = folder.ok(&["fit", ".", "-o", "d.safetensors", "-k", "2", "--input", "descriptors"]).stderr;
    assert!(told.contains("3 .png (an image)"), "{told}");
    assert_eq!(Pipeline::load(folder.path("d.safetensors")).unwrap().input_dim(), 3);
    // Whoever says how images are described means images.
    let told = folder.ok(&[&FIT[..], &["--features", "dsift"]].concat()).stderr;
    assert!(told.contains("Next: fishervec encode . --input images"), "{told}");
    let both = ["--features", "dsift", "--input", "descriptors"];
    let told = folder.fails(2, &[&FIT[..], &both].concat());
    assert!(told.contains("--features describes images: leave it out, or choose --input images"), "{told}");
    let told = folder.fails(1, &["encode", ".", "-m", "d.safetensors", "-o", "v.npy", "--input", "images"]);
    assert!(told.contains("the inputs are images, but the model was learned from descriptors"), "{told}");
    let told = folder.fails(2, &["fit", "mean_image.npy", "-o", "m.safetensors", "--input", "images"]);
    assert!(told.contains("mean_image.npy: expected a folder, or an image file"), "{told}");
}

#[test]
fn labels_beside_images_are_the_other_kind_not_a_broken_file() {
    let folder = images();
    folder.write("labels.npy", &common::integers(&[1, 2, 3]));
    let told = folder.fails(1, &FIT);
    assert!(told.contains("3 images (0.png, 1.png, 2.png) and 1 descriptor file (labels.npy)"), "{told}");
    folder.ok(&[&FIT[..], &["--input", "images"]].concat());
}

#[test]
fn hidden_and_foreign_files_are_left_out_with_everything_below_them() {
    let folder = images();
    folder.ok(&FIT);
    let model = fs::read(folder.path("m.safetensors")).unwrap();
    let image = fs::read(folder.path("0.png")).unwrap();
    folder.write("._0.png", b"\x00\x05\x16\x07 AppleDouble");
    folder.write(".DS_Store", b"");
    for hidden in ["__MACOSX/a", ".ipynb_checkpoints", ".thumbnails/normal", "@eaDir/0.png", ".git"] {
        folder.write(&format!("{hidden}/0.png"), &image);
        folder.write(&format!("{hidden}/x.npy"), b"no descriptors");
    }
    let told = folder.ok(&FIT).stderr;
    let left_out = "Left out: 1 file without ending (hidden), 1 .png (hidden), 1 .safetensors (a model), 5 folders (hidden)";
    assert!(told.contains(left_out), "{told}");
    assert_eq!(fs::read(folder.path("m.safetensors")).unwrap(), model);
    folder.ok(&ENCODE);
    assert_eq!(sources(&folder, "vectors.csv"), ["./0.png", "./1.png", "./2.png"]);
    assert!(!folder.path("vectors.labels.npy").exists());
    // What is given by its own name is meant.
    folder.ok(&["fit", ".git/0.png", "-o", "m.safetensors", "-k", "2", "--pca", "8"]);
    folder.ok(&["fit", ".thumbnails", "-o", "m.safetensors", "-k", "2", "--pca", "8", "--input", "images"]);
}

#[cfg(unix)]
#[test]
fn linked_class_folders_are_followed_once_each_and_loops_end() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new();
    for (i, class) in ["cats", "dogs"].iter().enumerate() {
        folder.write(&format!("store/{class}/{i}.png"), &stripes(60, 50, 6.0 - i as f32, 0.3));
    }
    folder.write("photos/birds/2.png", &stripes(70, 50, 4.0, 0.3));
    let link = |target: &str, name: &str| symlink(folder.path(target), folder.path(name)).unwrap();
    link("store/cats", "photos/cats");
    link("store/dogs", "photos/dogs");
    // The same class again, the folder itself, one around it, one inside, and a file.
    link("store/cats", "photos/felines");
    link("photos", "photos/birds/all");
    link("store/cats/../../", "photos/up");
    link("photos/birds", "photos/aves");
    link("store/cats/0.png", "photos/best.png");
    link("photos", "store/dogs/back");
    folder.ok(&["fit", "photos", "-o", "m.safetensors", "-k", "2", "--pca", "8"]);
    let told = folder.ok(&["encode", "photos", "-m", "m.safetensors", "-o", "v.npy"]).stderr;
    let expected = ["photos/best.png", "photos/birds/2.png", "photos/cats/0.png", "photos/dogs/1.png"];
    assert_eq!(sources(&folder, "v.csv"), expected);
    assert!(told.contains("Left out: "), "{told}");
    assert!(told.contains("3 folders (a link to a folder that is listed already)"), "{told}");
    assert!(told.contains("2 folders (a link to a folder around it)"), "{told}");
    let labels: Vec<_> = folder.table("v.csv")[1..].iter().map(|row| row[6].clone()).collect();
    assert_eq!(labels, ["", "birds", "cats", "dogs"]);

    symlink("nowhere", folder.path("photos/broken.png")).unwrap();
    let encode = ["encode", "photos", "-m", "m.safetensors", "-o", "v.npy"];
    assert!(folder.fails(1, &encode).contains("photos/broken.png"));
    // It may have been a class.
    fs::rename(folder.path("photos/broken.png"), folder.path("photos/wolves")).unwrap();
    assert!(folder.fails(1, &encode).contains("photos/wolves"));
}

#[cfg(unix)]
#[test]
fn a_pipe_is_left_out_of_a_folder_and_refused_alone() {
    let folder = images();
    let made = folder.command("mkfifo").arg("x.npy").status();
    assert!(made.unwrap().success());
    let told = folder.ok(&FIT).stderr;
    assert!(told.contains("1 .npy (not a regular file)"), "{told}");
    let told = folder.fails(2, &["fit", "x.npy", "-o", "m.safetensors"]);
    assert!(told.contains("x.npy"), "{told}");
}

#[test]
fn files_and_arrays_are_in_the_natural_order_of_their_names() {
    let folder = Folder::new();
    for i in [1, 2, 10, 11, 100] {
        folder.npy(&format!("data/s{}/img{i}.npy", i % 2), 60, 3, i);
    }
    folder.npz(
        "arrays.npz",
        &[0, 1, 10, 2].map(|i| ("arr_", i)).map(|(name, i)| {
            let name: &'static str = Box::leak(format!("{name}{i}").into_boxed_str());
            (name, common::floats(30, 3, i))
        }),
    );
    folder.ok(&["fit", "data", "-o", "m.safetensors", "-k", "2"]);
    folder.ok(&["encode", "data", "arrays.npz", "-m", "m.safetensors", "-o", "v.npy"]);
    let table = folder.table("v.csv");
    let sets: Vec<_> = table[1..].iter().map(|row| row[2].as_str()).collect();
    assert_eq!(sets, ["img2", "img10", "img100", "img1", "img11", "arr_0", "arr_1", "arr_2", "arr_10"]);
    // The row of a set is that of the set alone.
    let all = folder.matrix("v.npy");
    folder.ok(&["encode", "data/s0/img10.npy", "-m", "m.safetensors", "-o", "w.npy"]);
    assert_eq!(folder.matrix("w.npy").row(0), all.row(1));
}

#[test]
fn descriptors_are_found_in_a_container_by_name() {
    let folder = Folder::new();
    let cube = |n: usize, seed| common::reshaped(&common::floats(n, 3, seed), "(", "(1, ");
    for i in 0..3 {
        let coords = ("coords", common::floats(40, 2, i));
        folder.npz(&format!("slides/{i}.npz"), &[coords, ("features", cube(40, i))]);
    }
    folder.npy("plain/0.npy", 40, 3, 0);
    folder.ok(&["fit", "slides", "-o", "m.safetensors", "-k", "2"]);
    assert_eq!(Pipeline::load(folder.path("m.safetensors")).unwrap().input_dim(), 3);
    folder.ok(&["encode", "slides/0.npz", "plain", "-m", "m.safetensors", "-o", "v.npy"]);
    let vectors = folder.matrix("v.npy");
    assert_eq!(vectors.row(0), vectors.row(1));
    assert_eq!(folder.table("v.csv")[1][2], "features");

    let told = folder.ok(&["fit", "slides", "-o", "c.safetensors", "-k", "2", "--array", "coords"]).stderr;
    assert!(told.contains("Next: fishervec encode slides --array coords -m c.safetensors"), "{told}");
    assert_eq!(Pipeline::load(folder.path("c.safetensors")).unwrap().input_dim(), 2);
    folder.ok(&["encode", "slides", "--array", "coords", "-m", "c.safetensors", "-o", "c.npy"]);
    assert_eq!(folder.matrix("c.npy").dim(), (3, 2 + 2 * 2 * 2));
    let told =
        folder.fails(1, &["encode", "slides", "--array", "feats", "-m", "c.safetensors", "-o", "c.npy"]);
    let expected = "slides/0.npz: there is no array feats; the arrays of this file: coords (40, 2) <f4, \
                    features (1, 40, 3) <f4; choose the descriptors with --array NAME";
    assert!(told.contains(expected), "{told}");
    let told = folder.fails(2, &["fit", "plain", "-o", "c.safetensors", "-k", "2", "--array", "coords"]);
    assert!(
        told.contains(
            "--array: expected files whose arrays have names (.npz, .safetensors, .pt, .pth, .h5, .hdf5)"
        ),
        "{told}"
    );

    folder.npz("two.npz", &[("a", common::floats(40, 2, 1)), ("b", common::floats(40, 3, 1))]);
    let told = folder.fails(1, &["fit", "two.npz", "-o", "c.safetensors", "-k", "2"]);
    assert!(told.contains("two.npz: a and b could both be the descriptors; they differ in width"), "{told}");
    folder.npz("same.npz", &[("x", common::floats(40, 3, 1)), ("z", common::floats(40, 3, 2))]);
    let told = folder.ok(&["fit", "same.npz", "-o", "c.safetensors", "-k", "2"]).stderr;
    let expected = "warning: same.npz: x was read because of its name, z not; choose with --array NAME";
    assert!(told.contains(expected), "{told}");
}

#[test]
fn tensors_that_torch_saved_are_descriptors() {
    let folder = Folder::new();
    let saved = |name: &str| {
        let good = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fishervec/testdata/pt");
        std::fs::read(good.join(name)).unwrap()
    };
    folder.write("slides/a.pt", &saved("good/bare_f32.pt"));
    folder.write("slides/b.PTH", &saved("good/dict.pt"));
    folder.write("slides/c.pt", &saved("good/ordered.pt"));
    folder.npy("clip.npy", 40, 3, 0);
    folder.ok(&["fit", "clip.npy", "-o", "m.safetensors", "-k", "2"]);
    folder.ok(&["encode", "slides", "-m", "m.safetensors", "-o", "v.npy"]);
    let vectors = folder.matrix("v.npy");
    assert_eq!(vectors.row(0), vectors.row(1));
    let sets: Vec<String> = folder.table("v.csv")[1..].iter().map(|row| row[2].clone()).collect();
    assert_eq!(sets, ["a", "features", "img1", "img2", "img10"]);

    let told =
        folder.fails(1, &["encode", "slides", "-m", "m.safetensors", "-o", "v.npy", "--array", "features"]);
    assert!(
        told.contains("slides/a.pt: not a valid pt: there is no array features: the file holds one"),
        "{told}"
    );
    folder.write("slides/d.pt", &saved("refused/os_system.pt"));
    let told = folder.fails(1, &["encode", "slides", "-m", "m.safetensors", "-o", "v.npy"]);
    assert!(told.contains("slides/d.pt: ") && told.contains("system, which is never called"), "{told}");
    folder.fails(3, &["encode", "slides", "-m", "m.safetensors", "-o", "v.npy", "--on-error", "skip"]);
}
