//! Archives stored and deflated; batches that do not add up; damaged and hostile archives.

use super::*;
use crate::data::{RowBuffer, Source};
use crate::io::SetFile;
use std::fs;
use std::io::{Cursor, Write};
use std::path::PathBuf;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// An array of `values` as the bytes of a `.npy` file.
fn npy(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    [b"\x93NUMPY\x01\x00", &(text.len() as u16).to_le_bytes()[..], text.as_bytes(), data].concat()
}

fn floats(n: usize, d: usize) -> Vec<u8> {
    let data: Vec<u8> = (0..n * d).flat_map(|i| (i as f32).to_le_bytes()).collect();
    npy("<f4", &format!("({n}, {d})"), &data)
}

fn integers(values: &[i64]) -> Vec<u8> {
    let data: Vec<u8> = values.iter().flat_map(|i| i.to_le_bytes()).collect();
    npy("<i8", &format!("({},)", values.len()), &data)
}

fn archive(method: CompressionMethod, members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in members {
        zip.start_file(format!("{name}.npy"), options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn file(folder: &TempDir, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join("a.npz");
    fs::write(&path, bytes).unwrap();
    path
}

fn open(bytes: &[u8]) -> Result<Npz> {
    Npz::open(file(&tempfile::tempdir().unwrap(), bytes))
}

fn values(npz: &mut Npz, set: usize) -> Vec<f32> {
    let set = npz.sets()[set].clone();
    let rows = npz.rows(&set.array).unwrap().rows::<f32>(set.rows);
    let mut out = vec![0.0; rows.n_rows() * rows.dim()];
    rows.read(0, &mut out, &mut RowBuffer::default()).unwrap();
    out
}

const BOTH: [CompressionMethod; 2] = [CompressionMethod::Stored, CompressionMethod::Deflated];

#[test]
fn a_ragged_batch_by_lengths_or_by_offsets() {
    let lengths = ("lengths", integers(&[2, 0, 3]));
    let offsets = ("offsets", integers(&[0, 2, 2, 5]));
    let names = npy("<U1", "(3,)", &[b'b', 0, 0, 0, b'a', 0, 0, 0, b'b', 0, 0, 0]);
    // An object array that is not used does no harm.
    let ignored = ("ignored", npy("|O", "(3, 3)", b"a pickle"));
    for method in BOTH {
        for bounds in [vec![&lengths], vec![&offsets], vec![&lengths, &offsets]] {
            let mut members = vec![("X", floats(5, 2)), ("y", names.clone()), ignored.clone()];
            members.extend(bounds.into_iter().cloned());
            let mut npz = open(&archive(method, &members)).unwrap();
            let sets: Vec<_> =
                npz.sets().iter().map(|set| (&set.name[..], set.rows.clone(), set.dim)).collect();
            assert_eq!(sets, [("0", 0..2, 2), ("1", 2..2, 2), ("2", 2..5, 2)]);
            assert_eq!(npz.labels(), Some(&Labels::Names(["b", "a", "b"].map(String::from).to_vec())));
            assert_eq!(values(&mut npz, 0), [0.0, 1.0, 2.0, 3.0]);
            assert_eq!(values(&mut npz, 1), [0.0; 0]);
            assert_eq!(values(&mut npz, 2), [4.0, 5.0, 6.0, 7.0, 8.0, 9.0]);
        }
    }
}

#[test]
fn otherwise_each_matrix_of_one_width_is_a_set_in_natural_order() {
    for method in BOTH {
        let members = [
            ("arr_10", floats(2, 3)),
            ("y", integers(&[1, 2])),
            ("a/c", floats(1, 3)),
            ("arr_9", npy("<f8", "(1, 1, 3)", &[1.5_f64.to_le_bytes(); 3].concat())),
        ];
        let mut npz = open(&archive(method, &members)).unwrap();
        let sets: Vec<_> = npz.sets().iter().map(|set| (&set.name[..], set.rows.len(), set.is_f64)).collect();
        assert_eq!(sets, [("a/c", 1, false), ("arr_9", 1, true), ("arr_10", 2, false)]);
        assert_eq!(values(&mut npz, 1), [1.5; 3]);
        assert_eq!(values(&mut npz, 2), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(npz.labels(), None);
    }
}

/// The message of the error, which names the file.
fn refusal<T: std::fmt::Debug>(result: Result<T>) -> String {
    let message = result.unwrap_err().to_string();
    assert!(message.contains("a.npz: "), "{message}");
    message
}

#[test]
fn batches_that_do_not_add_up_are_refused() {
    let message = |members: &[(&str, Vec<u8>)]| {
        let x = [("X", floats(5, 2))];
        refusal(open(&archive(CompressionMethod::Deflated, &[&x, members].concat())))
    };
    type Members<'a> = &'a [(&'a str, Vec<u8>)];
    let cases: [(Members<'_>, &str); 9] = [
        (&[("lengths", integers(&[2, 2]))], "the lengths sum to 4: expected 5"),
        (&[("lengths", integers(&[3, 3]))], "more than the 5 rows"),
        (&[("lengths", integers(&[6, -1]))], "expected at least 0, got -1"),
        (&[("lengths", integers(&[i64::MAX, i64::MAX, 7]))], "more than the 5 rows"),
        (&[("offsets", integers(&[0, 3, 2, 5]))], "offsets[2] is 2: expected at least 3"),
        (&[("offsets", integers(&[0, 4]))], "offsets[1] is 4: expected the number of rows, 5"),
        (&[("lengths", integers(&[5])), ("offsets", integers(&[0, 2, 5]))], "contradict"),
        (&[("lengths", integers(&[2, 3])), ("y", integers(&[1]))], "expected 2 labels, one per set, got 1"),
        (&[("lengths", npy("<f8", "(1,)", &[0; 8]))], "array lengths: not a valid npy: dtype '<f8'"),
    ];
    for (members, expected) in cases {
        assert!(message(members).contains(expected), "{} / {expected}", message(members));
    }
    let y = npy("|O", "(2,)", b"a pickle");
    let got = message(&[("lengths", integers(&[2, 3])), ("y", y)]);
    assert!(got.contains("array y") && got.contains("pickle"), "{got}");
    let flat = [("X", integers(&[1, 2])), ("lengths", integers(&[2]))];
    assert!(refusal(open(&archive(CompressionMethod::Stored, &flat))).contains("expected shape (n, d)"));
    let none = [("y", integers(&[1, 2]))];
    let told = refusal(open(&archive(CompressionMethod::Stored, &none)));
    assert!(told.contains("no array holds descriptors; the arrays of this file: y (2,) <i8;"), "{told}");
}

#[test]
fn an_array_that_cannot_be_read_is_no_reason_to_refuse_another() {
    let odd = || ("meta", b"\x93NUMPY\x01\x00\x08\x00{'descr'".to_vec());
    for method in BOTH {
        let named = archive(method, &[odd(), ("feats", npy("<f4", "(1, 2, 2)", &[0; 16]))]);
        assert_eq!(open(&named).unwrap().sets()[0].array, "feats");
        let unnamed = archive(method, &[odd(), ("foo", floats(2, 2))]);
        let told = refusal(open(&unnamed));
        assert!(told.contains("meta cannot be read") && told.contains("foo (2, 2) <f4"), "{told}");
        let folder = tempfile::tempdir().unwrap();
        let npz = Npz::open_array(file(&folder, &unnamed), Some("foo")).unwrap();
        assert_eq!((npz.sets().len(), npz.sets()[0].rows.clone()), (1, 0..2));
    }
}

#[test]
fn archives_cut_short_or_damaged_are_refused() {
    let noise: Vec<u8> =
        (0..4096_u32).flat_map(|i| (i.wrapping_mul(2_654_435_761) >> 9).to_le_bytes()).collect();
    for method in BOTH {
        let bytes = archive(method, &[("a", npy("<f4", "(4096, 1)", &noise))]);
        for length in [0, 10, bytes.len() / 2, bytes.len() - 1] {
            refusal(open(&bytes[..length]));
        }
    }
    let mut bytes = archive(CompressionMethod::Deflated, &[("a", npy("<f4", "(4096, 1)", &noise))]);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    let folder = tempfile::tempdir().unwrap();
    let mut npz = Npz::open(file(&folder, &bytes)).unwrap();
    let message = refusal(npz.rows("a"));
    assert!(message.contains("array a: not a valid npz: damaged"), "{message}");
    assert!(refusal(npz.rows("b")).contains("array b: not a valid npz: there is no such array"));
}

/// `bytes` with the uncompressed size of its only member set to `size`, in both of its places.
fn claiming(mut bytes: Vec<u8>, size: u32) -> Vec<u8> {
    for (signature, offset) in [(b"PK\x03\x04", 22), (b"PK\x01\x02", 24)] {
        let at = bytes.windows(4).position(|w| w == signature).unwrap() + offset;
        bytes[at..at + 4].copy_from_slice(&size.to_le_bytes());
    }
    bytes
}

#[test]
fn a_bomb_is_not_inflated() {
    let deflated = |shape: &str, bytes: usize| {
        archive(CompressionMethod::Deflated, &[("a", npy("|u1", shape, &vec![0; bytes]))])
    };
    let honest = deflated("(10000, 10)", 100_000);
    let size = |shape: &str, bytes: usize| (npy("|u1", shape, &[]).len() + bytes) as u32;
    open(&honest).unwrap();
    // The data are longer than declared, or shorter, or the declared size is impossible.
    let long = claiming(deflated("(1000, 10)", 1_000_000), size("(1000, 10)", 10_000));
    let short = claiming(deflated("(10000, 10)", 99_995), size("(10000, 10)", 100_000));
    for (bytes, expected) in [
        (long, "larger than its declared"),
        (short, "inflates to"),
        (claiming(honest, u32::MAX - 1), "which is impossible"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let message = refusal(Npz::open(file(&folder, &bytes)).and_then(|mut npz| npz.rows("a")));
        assert!(message.contains(expected), "{message} / {expected}");
    }
}

#[test]
fn other_compressions_and_double_names_are_refused() {
    let mut bytes = archive(CompressionMethod::Stored, &[("a", floats(2, 2))]);
    for (signature, offset) in [(b"PK\x03\x04", 8), (b"PK\x01\x02", 10)] {
        let at = bytes.windows(4).position(|w| w == signature).unwrap() + offset;
        bytes[at] = 12;
    }
    let message = refusal(open(&bytes));
    assert!(message.contains("expected none or deflate"), "{message}");

    let bytes = archive(CompressionMethod::Stored, &[("a", floats(2, 2)), ("b", floats(2, 2))]);
    let text = bytes.iter().map(|b| char::from(*b)).collect::<String>().replace("b.npy", "a.npy");
    let bytes: Vec<u8> = text.chars().map(|c| c as u8).collect();
    let message = refusal(open(&bytes));
    assert!(message.contains("two members have the same name"), "{message}");
}

#[test]
fn positions_of_any_number_type_are_read_behind_the_descriptors() {
    let bytes = |size: usize, big: bool| -> Vec<u8> {
        let number = |i: u8| {
            let mut bytes = vec![0; size];
            bytes[if big { size - 1 } else { 0 }] = i;
            bytes
        };
        (1..=5).flat_map(number).collect()
    };
    let folder = tempfile::tempdir().unwrap();
    let names = ArrayNames { descriptors: None, positions: Some("t") };
    let read = |descr: &str, data: &[u8], method| {
        let members =
            [("X", floats(5, 2)), ("t", npy(descr, "(5, 1)", data)), ("lengths", integers(&[2, 3]))];
        let mut opened = SetFile::open_arrays(file(&folder, &archive(method, &members)), names)?;
        let set = opened.sets()[1].clone();
        let rows = opened.located_rows(&set)?.rows::<f64>(set.rows);
        let mut out = vec![0.0; 9];
        rows.read_finite(0, &mut out, &mut RowBuffer::default()).map(|()| out)
    };
    let expected = |p: [f64; 3]| vec![4.0, 5.0, p[0], 6.0, 7.0, p[1], 8.0, 9.0, p[2]];
    for method in BOTH {
        for (descr, size) in
            [("<i8", 8), ("<i4", 4), ("|i1", 1), ("<u2", 2), ("<u4", 4), ("<u8", 8), ("|u1", 1)]
        {
            assert_eq!(
                read(descr, &bytes(size, false), method).unwrap(),
                expected([3.0, 4.0, 5.0]),
                "{descr}"
            );
        }
        assert_eq!(read(">i4", &bytes(4, true), method).unwrap(), expected([3.0, 4.0, 5.0]));
        assert_eq!(read("<i2", &[0xff; 10], method).unwrap(), expected([-1.0; 3]));
        let floats = |x: f32| [1.0, 2.0, 3.0, x, 5.0].map(f32::to_le_bytes).concat();
        assert_eq!(read("<f4", &floats(4.5), method).unwrap(), expected([3.0, 4.5, 5.0]));
        let told = read("<f4", &floats(f32::NAN), method).unwrap_err().to_string();
        assert!(told.contains("positions: row 1, column 0 is NaN"), "{told}");
        let told = read("<c8", &[0; 40], method).unwrap_err().to_string();
        assert!(told.contains("array t: ") && told.contains("'<c8': expected integers or floats"), "{told}");
    }
    let path = folder.path().join("a.npy");
    fs::write(&path, floats(5, 2)).unwrap();
    let told = SetFile::open_arrays(&path, names).unwrap_err().to_string();
    assert!(
        told.contains("a.npy: ") && told.contains("no array t: arrays of such a file have no names"),
        "{told}"
    );
}

#[test]
fn positions_of_an_empty_slide_may_have_no_columns() {
    let folder = tempfile::tempdir().unwrap();
    for method in BOTH {
        for (features, coords) in [("(0,)", "(0,)"), ("(0,)", "(0, 2)"), ("(0, 4)", "(0,)")] {
            let members = [("features", npy("<f4", features, b"")), ("coords", npy("<i8", coords, b""))];
            for positions in [None, Some("coords")] {
                let names = ArrayNames { descriptors: None, positions };
                let mut opened =
                    SetFile::open_arrays(file(&folder, &archive(method, &members)), names).unwrap();
                let set = opened.sets()[0].clone();
                assert_eq!((set.rows.clone(), set.n_positions), (0..0, 0), "{features} {coords}");
                assert_eq!(opened.located_rows(&set).unwrap().dim(), set.dim);
                assert_eq!(opened.positions(&set).unwrap().unwrap().n_rows(), 0);
            }
        }
    }
}
