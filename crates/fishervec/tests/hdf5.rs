//! HDF5 files of every kind, as h5py wrote and reads them (`scripts/hdf5_fixtures.py`).
#![cfg(feature = "hdf5")]

use fishervec::data::{Real, RowBuffer};
use fishervec::io::{FileRows, SetFile};
use fishervec::{Result, Source};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

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
    for start in (0..set.n_rows()).step_by(block) {
        let mut out = vec![F::ZERO; block.min(set.n_rows() - start) * d];
        set.read(start, &mut out, &mut spare)?;
        all.extend(out.iter().map(|x| x.to_f64()));
    }
    Ok(all)
}

/// The sets of a file as (name, array, n, d, values), read in blocks of so many rows.
fn sets(
    path: &Path,
    array: Option<&str>,
    block: usize,
) -> Result<Vec<(String, String, usize, usize, Vec<f64>)>> {
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

fn expected(list: &Value) -> Vec<(String, String, usize, usize, Vec<f64>)> {
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
