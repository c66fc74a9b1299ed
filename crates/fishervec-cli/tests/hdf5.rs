//! HDF5 files as inputs of the command.

#[allow(dead_code, reason = "a toolbox for all test files")]
mod common;

use common::Folder;
use std::fs;
use std::path::Path;

/// Copies fixtures of the library into the folder.
fn folder(names: &[&str]) -> Folder {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fishervec/testdata/hdf5");
    let folder = Folder::new();
    for name in names {
        folder.write(&format!("slides/{name}"), &fs::read(from.join(name)).unwrap());
    }
    folder
}

fn sets(folder: &Folder, table: &str) -> Vec<(String, String)> {
    folder.table(table)[1..].iter().map(|row| (row[2].clone(), row[5].clone())).collect()
}

#[test]
fn slides_of_trident_are_fitted_and_encoded_the_empty_ones_too() {
    let folder = folder(&["nothing.h5", "trident.h5", "trident_empty.h5", "clam.h5", "trident_latest.hdf5"]);
    folder.ok(&["fit", "slides", "-o", "m.safetensors", "-k", "2"]);
    folder.ok(&["encode", "slides", "-m", "m.safetensors", "-o", "v.npy"]);
    let pair = |name: &str, status: &str| (name.to_owned(), status.to_owned());
    let expected = [
        pair("clam", "ok"),
        pair("nothing", "empty"),
        pair("trident", "ok"),
        pair("trident_empty", "empty"),
        pair("trident_latest", "ok"),
    ];
    assert_eq!(sets(&folder, "v.csv"), expected);
    let vectors = folder.matrix("v.npy");
    assert_eq!(vectors.row(2), vectors.row(4), "the same rows in another layout");
    assert!(vectors.row(1).iter().chain(vectors.row(3)).all(|x| *x == 0.0));
    assert!(vectors.row(0).iter().any(|x| *x != 0.0));
}

#[test]
fn empty_slides_alone_do_not_tell_what_to_learn() {
    let folder = folder(&["nothing.h5"]);
    let told = folder.fails(1, &["fit", "slides", "-o", "m.safetensors"]);
    assert!(told.contains("only empty sets that do not tell their number of columns"), "{told}");
}

#[test]
fn an_array_is_chosen_in_each_group() {
    let folder = folder(&["hloc.h5"]);
    folder.ok(&["fit", "slides", "-o", "m.safetensors", "--encoder", "pooling", "--array", "keypoints"]);
    folder.ok(&["encode", "slides", "-m", "m.safetensors", "-o", "v.npy", "--array", "keypoints"]);
    assert_eq!(folder.matrix("v.npy").dim(), (4, 4));
    let names = sets(&folder, "v.csv").into_iter().map(|(name, _)| name);
    assert_eq!(names.collect::<Vec<_>>(), ["db/img2.jpg", "db/img10.jpg", "query/a.jpg", "query/empty.jpg"]);
}

#[test]
fn files_that_are_refused_are_skipped_if_asked() {
    let names = ["trident.h5", "zstd.h5", "open.h5", "unwritten.h5"];
    let folder = folder(&names);
    folder.ok(&["fit", "slides/trident.h5", "-o", "m.safetensors", "--encoder", "pooling"]);
    let told = folder.fails(1, &["encode", "slides", "-m", "m.safetensors", "-o", "v.npy"]);
    assert!(told.contains("open.h5: not a valid hdf5: it is still open for writing"), "{told}");
    folder.fails(3, &["encode", "slides", "-m", "m.safetensors", "-o", "v.npy", "--on-error", "skip"]);
    let status: Vec<String> = sets(&folder, "v.csv").into_iter().map(|(_, status)| status).collect();
    assert_eq!(status, ["skipped", "ok", "skipped", "skipped"]);
}
