//! What the fuzz targets do with the bytes they get: no bytes may make a reader panic, hang, or ask for memory
//! out of proportion, and what is read must be the same however it is read.

use fishervec::data::RowBuffer;
use fishervec::image::{Image, ImageParams};
use fishervec::io::{ArrayNames, FileRows, LinearModel, SetFile, SetInFile};
use fishervec::{Pipeline, Source, Statistics};
use std::io::{Cursor, Write};
use std::path::PathBuf;
use zip::write::SimpleFileOptions;

/// The number of sets of a file whose rows are read.
const SETS: usize = 32;
/// The largest number of numbers that are read of a set, and of those in a block.
const NUMBERS: usize = 1 << 14;
const BLOCK: usize = 1 << 10;
/// The largest number of pixels of an image that is decoded.
const PIXELS: usize = 1 << 18;

/// A file of this process with the ending, in the folder for temporary files.
fn file(bytes: &[u8], ending: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("fishervec-fuzz-{}.{ending}", std::process::id()));
    std::fs::write(&path, bytes).expect("the folder for temporary files can be written to");
    path
}

/// Opens the bytes as a file of sets with the ending, and reads the rows of its sets.
pub fn sets(bytes: &[u8], ending: &str) {
    let path = file(bytes, ending);
    let _ = SetFile::is_one(&path);
    // Arrays that are asked for are other ways through the same reader.
    let asked = [(None, None), (Some("a"), None), (Some("coords"), None), (None, Some("coords"))];
    for (descriptors, positions) in asked {
        let names = ArrayNames { descriptors, positions };
        let Ok(mut opened) = SetFile::open_arrays(&path, names) else { continue };
        let sets = opened.sets().to_vec();
        assert!(opened.labels().is_none_or(|labels| labels.len() == sets.len()), "a label per set");
        for set in sets.iter().take(SETS) {
            if let Ok(rows) = opened.located_rows(set) {
                check(&rows, set);
            }
            let _ = opened.positions(set);
        }
    }
}

/// Opens the bytes as a linear model, whose parts must fit each other.
pub fn linear_model(bytes: &[u8]) {
    let Ok(model) = LinearModel::open(file(bytes, "npz")) else { return };
    let (m, n) = (model.coef.nrows(), model.classes.len());
    assert_eq!(model.intercept.len(), m);
    assert!(n == 0 || (m, n) == (1, 2) || (m == n && n > 1), "{m} scores of {n} classes");
    assert!(model.coef.iter().chain(&model.intercept).all(|x| x.is_finite()));
}

/// Reads some rows of a set in blocks, and again one by one.
fn check(rows: &FileRows, set: &SetInFile) {
    assert!(set.rows.start <= set.rows.end && set.rows.end <= rows.n_rows(), "{set:?}");
    assert_eq!((set.dim, set.is_f64), (rows.dim(), rows.is_f64()), "{set:?}");
    let d = set.dim;
    if d == 0 {
        // An empty set that does not tell its number of columns.
        assert!(set.rows.is_empty(), "{set:?}");
        return;
    }
    let n = set.rows.len().min(NUMBERS / d);
    let (rows, mut spare) = (rows.rows::<f64>(set.rows.clone()), RowBuffer::default());
    rows.read(n, &mut [], &mut spare).expect("no rows");
    let mut all = vec![0.0; n * d];
    let block = (BLOCK / d).max(1);
    for (start, out) in (0..n).step_by(block).zip(all.chunks_mut(block * d)) {
        if rows.read_finite(start, out, &mut spare).is_err() {
            return;
        }
    }
    let some: Vec<usize> = (0..n).step_by(3).collect();
    let mut gathered = vec![0.0; some.len() * d];
    rows.gather(&some, &mut gathered).expect("rows that were read in blocks");
    for (row, numbers) in some.iter().zip(gathered.chunks(d)) {
        assert_eq!(numbers, &all[row * d..][..d], "row {row} of {set:?}");
    }
}

/// Opens the bytes as the pickle of a `.pt` file with a storage "0" of 96 bytes: most changes of a whole file
/// only break the archive around it.
pub fn pickle(bytes: &[u8]) {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in [("archive/data.pkl", bytes), ("archive/data/0", &[1; 96])] {
        archive.start_file(name, options).expect("a member");
        archive.write_all(bytes).expect("a member");
    }
    sets(&archive.finish().expect("an archive").into_inner(), "pt");
}

/// Loads the bytes as a model; what loads must survive being saved, and encode.
pub fn model(bytes: &[u8]) {
    let Ok(pipeline) = Pipeline::from_bytes(bytes) else { return };
    let again = pipeline.to_bytes().expect("what was loaded can be saved");
    let again = Pipeline::from_bytes(&again).expect("what was saved can be loaded");
    assert_eq!(again.settings(), pipeline.settings());
    let (d, p) = (pipeline.input_dim(), pipeline.output_dim());
    if d > BLOCK || p > NUMBERS {
        return;
    }
    let rows: Vec<Vec<f32>> =
        (0..5).map(|i| (0..d).map(|j| ((i * 7 + j * 3) % 11) as f32).collect()).collect();
    if let Ok(vector) = pipeline.encode(&rows) {
        assert!(vector.len() == p && vector.iter().all(|x| x.is_finite()), "{vector:?}");
    }
}

/// Loads the bytes as statistics; what loads must survive being saved.
pub fn statistics(bytes: &[u8]) {
    let Ok(statistics) = Statistics::from_bytes(bytes) else { return };
    let saved = statistics.to_bytes().expect("what was loaded can be saved");
    let again = Statistics::from_bytes(&saved).expect("what was saved can be loaded");
    assert_eq!(again.to_bytes().expect("what was loaded can be saved"), saved);
}

/// Opens the bytes as an image with the ending.
pub fn image(bytes: &[u8], ending: &str) {
    let path = file(bytes, ending);
    let Ok((width, height)) = Image::size(&path) else { return };
    if width.saturating_mul(height) <= PIXELS {
        let _ = Image::open(&path, &ImageParams::default());
    }
}
