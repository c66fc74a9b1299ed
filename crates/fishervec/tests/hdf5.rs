//! HDF5 files of every kind, as h5py wrote and reads them (`scripts/hdf5_fixtures.py`).
#![cfg(feature = "hdf5")]

use fishervec::data::{Real, RowBuffer};
use fishervec::io::npy::Labels;
use fishervec::io::{FileRows, SetFile};
use fishervec::{Result, Source};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// The name of a set, its array, n, d and its values.
type Set = (String, String, usize, usize, Vec<f64>);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/hdf5")
}

fn truth() -> Value {
    serde_json::from_slice(&fs::read(folder().join("truth.json")).unwrap()).unwrap()
}

/// The rows of a set, in blocks of so many.
fn values<F: Real>(rows: &FileRows, range: std::ops::Range<usize>, block: usize) -> Result<Vec<f64>> {
    let set = rows.rows::<F>(range);
    let d = set.dim();
    let mut spare = RowBuffer::default();
    let mut all = Vec::new();
    set.read(set.n_rows(), &mut [], &mut spare)?;
    for start in (0..set.n_rows()).step_by(block) {
        let mut out = vec![F::ZERO; block.min(set.n_rows() - start) * d];
        set.read(start, &mut out, &mut spare)?;
        all.extend(out.iter().map(|x| x.to_f64()));
    }
    Ok(all)
}

/// The sets of a file, read in blocks of so many rows.
fn sets(path: &Path, array: Option<&str>, block: usize) -> Result<Vec<Set>> {
    let mut file = SetFile::open_array(path, array)?;
    let sets = file.sets().to_vec();
    let read = sets.into_iter().map(|set| {
        let rows = file.rows(&set.array)?;
        assert_eq!((rows.dim(), rows.is_f64()), (set.dim, set.is_f64), "{path:?}");
        let values = values::<f64>(&rows, set.rows.clone(), block)?;
        Ok((set.name, set.array, set.rows.len(), set.dim, values))
    });
    read.collect()
}

fn expected(list: &Value) -> Vec<Set> {
    let set = |set: &Value| {
        let text = |key: &str| set[key].as_str().unwrap().to_owned();
        let size = |i: usize| set["shape"][i].as_u64().unwrap() as usize;
        let values = set["values"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
        (text("name"), text("array"), size(0), size(1), values)
    };
    list.as_array().unwrap().iter().map(set).collect()
}

#[test]
fn every_file_is_read_as_h5py_reads_it() {
    let truth = truth();
    let files = truth["sets"].as_object().unwrap();
    assert!(files.len() > 50, "{} files", files.len());
    for (name, list) in files {
        for block in [1, 2, 3, 5, 1000] {
            let got = sets(&folder().join(name), None, block).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(got, expected(list), "{name}, in blocks of {block}");
        }
    }
}

#[test]
fn what_is_refused_is_named_with_its_cure() {
    let truth = truth();
    for (name, part) in truth["errors"].as_object().unwrap() {
        let told = sets(&folder().join(name), None, 2).unwrap_err().to_string();
        let begins = told.starts_with(&folder().join(name).display().to_string());
        assert!(begins && told.contains(part.as_str().unwrap()), "{name}: {told}");
    }
}

fn open(name: &str, array: Option<&str>) -> Result<SetFile> {
    SetFile::open_array(folder().join(name), array)
}

#[test]
fn rows_gathered_from_anywhere_are_those_of_the_blocks() {
    for name in truth()["sets"].as_object().unwrap().keys() {
        let mut file = open(name, None).unwrap();
        for set in file.sets().to_vec() {
            let rows = file.rows(&set.array).unwrap();
            let all = values::<f64>(&rows, set.rows.clone(), 4).unwrap();
            let (d, of_set) = (set.dim, rows.rows::<f64>(set.rows.clone()));
            for step in [1, 2, 3, 40] {
                let picked: Vec<usize> = (0..set.rows.len()).step_by(step).collect();
                let mut out = vec![0.0; picked.len() * d];
                of_set.gather(&picked, &mut out).unwrap();
                let expected: Vec<f64> =
                    picked.iter().flat_map(|row| all[row * d..(row + 1) * d].to_vec()).collect();
                assert_eq!(out, expected, "{name}, every {step}");
            }
        }
    }
}

#[test]
fn several_threads_read_one_compressed_array() {
    for name in ["filter_all.h5", "hloc_gzip.h5", "tree_gzip.h5", "hloc_chunks.h5", "trident_many.h5"] {
        let mut file = open(name, None).unwrap();
        let set = file.sets()[0].clone();
        let rows = file.rows(&set.array).unwrap();
        let expected = values::<f32>(&rows, set.rows.clone(), 1000).unwrap();
        std::thread::scope(|scope| {
            let read = |block| values::<f32>(&rows, 0..rows.n_rows(), block).unwrap();
            let threads: Vec<_> = (1..9).map(|block| scope.spawn(move || read(block))).collect();
            for thread in threads {
                assert_eq!(thread.join().unwrap(), expected, "{name}");
            }
        });
    }
}

#[test]
fn an_array_is_asked_for_by_its_path_or_by_its_name_in_each_group() {
    let names = |file: &str, array: &str| -> std::result::Result<Vec<String>, String> {
        let file = open(file, Some(array)).map_err(|error| error.to_string())?;
        Ok(file.sets().iter().map(|set| format!("{}: {} {}", set.name, set.array, set.dim)).collect())
    };
    let keypoints = ["db/img2.jpg", "db/img10.jpg", "query/a.jpg", "query/empty.jpg"]
        .map(|image| format!("{image}: {image}/keypoints 2"));
    assert_eq!(names("hloc.h5", "keypoints").unwrap(), keypoints);
    for path in ["query/a.jpg/descriptors", "/query/a.jpg/descriptors"] {
        assert_eq!(names("hloc.h5", path).unwrap(), ["query/a.jpg: query/a.jpg/descriptors 4"]);
    }
    assert_eq!(names("stamp.h5", "coords").unwrap(), ["stamp: coords 2"]);
    assert!(names("nested.h5", "img10").unwrap_err().contains("no array img10, other groups have one"));
    assert_eq!(names("nested.h5", "train/img10").unwrap(), ["train: train/img10 2"]);
    let told = names("hloc.h5", "descs").unwrap_err();
    assert!(
        told.contains("there is no array descs; the arrays of this file: db/img2.jpg/descriptors"),
        "{told}"
    );
    let told = names("ambiguous.h5", "features").unwrap_err();
    assert!(told.contains(": the root has no array features, other groups have one"), "{told}");
    let told = names("hloc.h5", "scores").unwrap_err();
    assert!(told.contains("group db/img2.jpg: scores does not hold descriptors"), "{told}");
}

#[test]
fn what_groups_hold_beside_the_descriptors_of_the_root_is_passed_over_and_named() {
    let file = open("links.h5", None).unwrap();
    assert_eq!(file.passed_over(), ["run/feats"]);
    assert!(FileRows::open(folder().join("trident.h5")).is_ok());
    let told = FileRows::open(folder().join("hloc.h5")).unwrap_err().to_string();
    assert!(told.contains("hloc.h5: not a valid file of one set: expected one set, got 4"), "{told}");
}

#[test]
fn positions_beside_a_set_are_noted_whatever_its_name_is() {
    for (name, positions) in [
        ("any_name.h5", ["a/coords", "b/coords"]),
        ("keypoint_rows.h5", ["a.jpg/keypoints", "b.jpg/keypoints"]),
    ] {
        let mut file = open(name, None).unwrap();
        for (set, positions) in file.sets().to_vec().iter().zip(positions) {
            assert_eq!(set.positions.as_deref(), Some(positions), "{name}");
            let rows = file.positions(set).unwrap().unwrap();
            let expected: Vec<f64> = (0..2 * set.rows.len()).map(|i| ((7 * i) % 251) as f64).collect();
            assert_eq!(values::<f64>(&rows, 0..rows.n_rows(), 2).unwrap(), expected, "{name}");
        }
    }
}

#[test]
fn the_labels_of_a_batch_are_strings_of_either_kind_or_booleans() {
    for (name, labels) in [("batch.h5", ["b", "a", "b"]), ("batch_names.h5", ["bä", "a", ""])] {
        let names = labels.map(str::to_owned).to_vec();
        assert_eq!(open(name, None).unwrap().labels(), Some(&Labels::Names(names)), "{name}");
    }
    let booleans = open("batch_booleans.h5", None).unwrap();
    assert_eq!(booleans.labels(), Some(&Labels::Integers(vec![1, 0, 1])));
}

#[test]
fn the_side_of_patches_is_that_which_their_coords_say() {
    for (name, side) in
        [("trident.h5", Some(512.0)), ("trident_latest.hdf5", Some(512.0)), ("stamp.h5", None)]
    {
        let file = SetFile::open(folder().join(name)).unwrap();
        assert_eq!(file.patch_side(&file.sets()[0]), side, "{name}");
    }
}
