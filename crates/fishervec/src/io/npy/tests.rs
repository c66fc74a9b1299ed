//! Tests of every type, memory order and byte order, and of files that are cut short, inconsistent, or not
//! `.npy`.

use super::*;
use crate::data::{RowBuffer, Source};
use crate::error::Error;
use crate::io::atomic::commit;
use crate::io::{FileRows, RowsOf};
use half::f16;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

const N: usize = 700;
const D: usize = 13;

/// A number that every type can hold exactly.
fn number(row: usize, column: usize) -> u8 {
    ((row * 31 + column * 7) % 251) as u8
}

fn with_header(dictionary: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((dictionary.len() as u16).to_le_bytes());
    bytes.extend(dictionary.bytes());
    bytes.extend(data);
    bytes
}

fn file(folder: &TempDir, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join("a.npy");
    fs::write(&path, bytes).unwrap();
    path
}

fn open(bytes: &[u8]) -> crate::Result<NpyArray> {
    let folder = tempfile::tempdir().unwrap();
    NpyArray::open(file(&folder, bytes))
}

fn read<F: crate::data::Real>(set: &RowsOf<F>, start: usize, rows: usize) -> crate::Result<Vec<F>> {
    let mut out = vec![F::ZERO; rows * set.dim()];
    set.read(start, &mut out, &mut RowBuffer::default()).map(|()| out)
}

#[test]
fn every_type_byte_order_and_memory_order_reads_the_same() {
    let folder = tempfile::tempdir().unwrap();
    type Bytes = fn(u8) -> Vec<u8>;
    let types: [(&str, Bytes); 8] = [
        ("<f2", |x| f16::from(x).to_le_bytes().to_vec()),
        (">f2", |x| f16::from(x).to_be_bytes().to_vec()),
        ("<f4", |x| f32::from(x).to_le_bytes().to_vec()),
        (">f4", |x| f32::from(x).to_be_bytes().to_vec()),
        ("<f8", |x| f64::from(x).to_le_bytes().to_vec()),
        (">f8", |x| f64::from(x).to_be_bytes().to_vec()),
        ("|u1", |x| vec![x]),
        ("<u1", |x| vec![x]),
    ];
    for (descr, bytes) in types {
        for fortran in [false, true] {
            let indices: Vec<(usize, usize)> = if fortran {
                (0..D).flat_map(|j| (0..N).map(move |i| (i, j))).collect()
            } else {
                (0..N).flat_map(|i| (0..D).map(move |j| (i, j))).collect()
            };
            let data: Vec<u8> = indices.iter().flat_map(|(i, j)| bytes(number(*i, *j))).collect();
            let order = if fortran { "True" } else { "False" };
            let dictionary =
                format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': ({N}, {D}), }}\n");
            let rows = FileRows::open(file(&folder, &with_header(&dictionary, &data))).unwrap();
            assert_eq!((rows.n_rows(), rows.dim(), rows.is_f64()), (N, D, descr.ends_with("f8")));

            let expected = |from: usize, to: usize| -> Vec<f64> {
                (from..to).flat_map(|i| (0..D).map(move |j| f64::from(number(i, j)))).collect()
            };
            assert_eq!(read(&rows.rows::<f64>(0..N), 0, N).unwrap(), expected(0, N), "{descr} {fortran}");
            let part = rows.rows::<f32>(100..650);
            assert_eq!(part.n_rows(), 550);
            let got: Vec<f64> = read(&part, 33, 7).unwrap().iter().map(|x| f64::from(*x)).collect();
            assert_eq!(got, expected(133, 140), "{descr} {fortran}");
            assert_eq!(read(&rows.rows::<f64>(7..7), 0, 0).unwrap(), [0.0; 0], "{descr} {fortran}");
        }
    }
}

#[test]
fn gathering_equals_reading_row_by_row() {
    let folder = tempfile::tempdir().unwrap();
    let (n, d) = (20_000, 8);
    let values: Vec<f32> = (0..n * d).map(|i| i as f32).collect();
    let data: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let path = file(&folder, &[write::header("<f4", "(20000, 8)"), data].concat());
    let set = FileRows::open(path).unwrap().rows::<f32>(10..n);
    let picks: [Vec<usize>; 5] = [
        vec![],
        vec![0],
        vec![n - 11],
        (0..n - 10).collect(),
        (0..n - 10).filter(|i| i % 7 == 0 || i % 1999 < 3).collect(),
    ];
    for pick in picks {
        let mut out = vec![0.0; pick.len() * d];
        set.gather(&pick, &mut out).unwrap();
        let expected: Vec<f32> = pick.iter().flat_map(|i| values[(i + 10) * d..][..d].to_vec()).collect();
        assert_eq!(out, expected);
        let expected = |e| matches!(e, Error::Dimension { .. });
        assert!(set.gather(&pick, &mut [0.0; 3]).is_err_and(expected));
    }
}

#[test]
fn gathering_refuses_what_is_not_finite() {
    let folder = tempfile::tempdir().unwrap();
    let data: Vec<u8> = [1.0, 2.0, 3.0, f32::NAN].iter().flat_map(|x| x.to_le_bytes()).collect();
    let path = file(&folder, &[write::header("<f4", "(2, 2)"), data].concat());
    let set = FileRows::open(path).unwrap().rows::<f32>(0..2);
    set.gather(&[0], &mut [0.0; 2]).unwrap();
    let error = set.gather(&[0, 1], &mut [0.0; 4]).unwrap_err();
    assert!(matches!(error, Error::NotFinite { row: 1, column: 1, .. }), "{error}");
}

#[test]
fn what_is_written_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let (matrix, column) = (folder.path().join("m.npy"), folder.path().join("c.npy"));
    let mut writer = NpyWriter::create(&matrix, 3, 2).unwrap();
    writer.append(&[1.0, -2.5]).unwrap();
    writer.append(&[0.0, f32::MAX, 3.0, 4.0]).unwrap();
    assert!(writer.append(&[0.0]).is_err() && writer.append(&[0.0; 2]).is_err());
    commit([writer.finish().unwrap(), write_integers(&column, &[3, -1, i64::MAX]).unwrap()]).unwrap();

    let rows = FileRows::open(&matrix).unwrap().rows::<f32>(0..3);
    assert_eq!(read(&rows, 0, 3).unwrap(), [1.0, -2.5, 0.0, f32::MAX, 3.0, 4.0]);
    assert_eq!(NpyArray::open(&column).unwrap().integers().unwrap(), [3, -1, i64::MAX]);
    for path in [matrix, column] {
        assert_eq!(fs::read(path).unwrap().iter().position(|b| *b == b'\n').unwrap() % 64, 63);
    }
    let short = NpyWriter::create(folder.path().join("s.npy"), 2, 1).unwrap();
    assert!(short.finish().is_err());
}

#[test]
fn small_arrays_of_integers_and_strings() {
    let array = |descr: &str, n: usize, data: &[u8]| {
        open(&[write::header(descr, &format!("({n},)")), data.to_vec()].concat()).unwrap()
    };
    assert_eq!(array("|i1", 2, &[1, 0xff]).integers().unwrap(), [1, -1]);
    assert_eq!(array("<u2", 1, &[0xfe, 0xff]).integers().unwrap(), [0xfffe]);
    assert_eq!(array(">i4", 1, &[0xff, 0xff, 0xff, 0xfe]).integers().unwrap(), [-2]);
    assert_eq!(array("<i8", 1, &i64::MIN.to_le_bytes()).integers().unwrap(), [i64::MIN]);
    assert_eq!(array("|b1", 2, &[0, 1]).labels().unwrap(), Labels::Integers(vec![0, 1]));
    let message = array("<u8", 1, &[0xff; 8]).integers().unwrap_err().to_string();
    assert!(message.contains("item 0"), "{message}");

    let names = |names: &[&str]| Labels::Names(names.iter().map(|name| (*name).to_string()).collect());
    assert_eq!(array("|S3", 3, b"cat\0\0\0a\0\0").labels().unwrap(), names(&["cat", "", "a"]));
    let wide: Vec<u8> = "né\0🐈".chars().flat_map(|c| (c as u32).to_le_bytes()).collect();
    assert_eq!(array("<U2", 2, &wide).labels().unwrap(), names(&["né", "\0🐈"]));
    let wide: Vec<u8> = "né".chars().flat_map(|c| (c as u32).to_be_bytes()).collect();
    assert_eq!(array(">U1", 2, &wide).labels().unwrap(), names(&["n", "é"]));
    assert!(array("<U1", 1, &0xd800_u32.to_le_bytes()).labels().is_err());
    assert!(array("|S1", 1, &[0xff]).labels().is_err());
    assert!(array("<f4", 1, &[0; 4]).labels().is_err());
    assert!(array("<U1", 1, &[0; 4]).integers().is_err());
}

/// The message of the error, which must be a format error.
fn refusal<T: std::fmt::Debug>(result: crate::Result<T>) -> String {
    let error = result.unwrap_err();
    assert!(matches!(error.cause(), Error::Format { format: "npy", .. }), "{error}");
    error.to_string()
}

#[test]
fn files_that_are_no_npy_or_lie_are_refused() {
    let header = |dictionary: &str| refusal(open(&with_header(dictionary, &[0; 64])));
    let of_shape = |shape: &str| format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}");
    let of_type = |descr: &str| format!("{{'descr': {descr}, 'fortran_order': False, 'shape': (2, 2)}}");

    assert!(
        refusal(open(b"")).contains("a.npy: not a valid npy: the file of 0 bytes ends inside its header")
    );
    assert!(refusal(open(b"PK\x03\x04 this is a zip file")).contains("does not start with"));
    assert!(refusal(open(b"\x93NUMPY\x09\x00\x00\x00\x00\x00")).contains("version 9"));
    assert!(refusal(open(b"\x93NUMPY\x02\x00\xff\xff\xff\xff")).contains("4294967295 bytes"));
    assert!(refusal(open(b"\x93NUMPY\x01\x00\xff\x00{'descr'")).contains("ends inside its header"));

    // The shapes require more bytes than the file has, or than fit in 64 bits, also beside a dimension of 0.
    assert!(header(&of_shape("(4, 5)")).contains("is 80 bytes, got 64: the file is cut short"));
    for shape in ["(4611686018427387904, 4)", "(1099511627776, 1099511627776)", "(0, 4294967296, 4294967296)"]
    {
        assert!(header(&of_shape(shape)).contains("more bytes than fit in 64 bits"), "{shape}");
    }
    for shape in ["(18446744073709551616,)", "(-1, 2)", "(1.5, 2)", "(1 2)", "(1,", "3", "[3]", "((2, 2))"] {
        header(&of_shape(shape));
    }
    assert!(header(&of_type("'<U0'")).contains("items of 0 bytes"));
    assert!(header(&of_type("'<U4611686018427387904'")).contains("not known"));
    assert!(header(&of_type("[('x', '<f4')]")).contains("structured"));
    for descr in ["'f'", "'<'", "''", "'<é4'", "3", "'<f4"] {
        header(&of_type(descr));
    }
    for dictionary in
        ["", "{", "{}", "[]", "{'descr': '<f4'}", "{'shape': (2,), 'other': 3}", "{'shape' (2,)}"]
    {
        header(dictionary);
    }
    // Other parsers need minutes for this header.
    assert!(header(&format!("{{'descr': {}", "[".repeat(60_000))).contains("structured"));
}

#[test]
fn objects_are_refused_when_used_and_other_types_by_name() {
    let objects = open(&[write::header("|O", "(2, 2)"), vec![0; 8]].concat()).unwrap();
    assert!(refusal(objects.labels()).contains("pickle of Python objects"));
    assert!(refusal(objects.rows()).contains("pickle of Python objects"));
    for (descr, size) in [("<i8", 8), ("<c8", 8), ("<f16", 16), ("<M8[ns]", 8), ("|b1", 1), ("<u2", 2)] {
        let array = open(&[write::header(descr, "(1, 1)"), vec![0; size]].concat()).unwrap();
        let message = refusal(array.rows());
        assert!(message.contains(descr) && message.contains("f2, f4, f8 or u1"), "{message}");
    }
    for (shape, size) in [("(4,)", 16), ("(2, 2, 1)", 16), ("()", 4), ("(0, 0)", 0), ("(4, 0)", 0)] {
        let array = open(&[write::header("<f4", shape), vec![0; size]].concat()).unwrap();
        let message = refusal(array.rows());
        assert!(message.contains(&format!("got {shape}")), "{message}");
    }
    let empty = open(&write::header("<f4", "(0, 5)")).unwrap().rows().unwrap();
    assert_eq!((empty.n_rows(), empty.dim()), (0, 5));
}

#[test]
fn other_spellings_of_a_header_are_read() {
    for dictionary in [
        "{\"shape\":(2,2),\"fortran_order\":False,\"descr\":\"<f4\"}",
        "  { 'fortran_order' : False , 'descr' : '<f4' , 'shape' : ( 2 , 2 , ) , }  \n",
    ] {
        let array = open(&with_header(dictionary, &[0; 16])).unwrap();
        assert_eq!((array.shape(), array.dtype()), (&[2, 2][..], "<f4"));
    }
    let dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (), }";
    let mut bytes = b"\x93NUMPY\x03\x00".to_vec();
    bytes.extend((dictionary.len() as u32).to_le_bytes());
    bytes.extend(dictionary.bytes().chain([0; 4]));
    assert!(open(&bytes).unwrap().shape().is_empty());
}

#[test]
fn a_file_cut_short_while_it_is_read_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(&folder, &[write::header("<f4", "(100, 3)"), vec![0; 1200]].concat());
    let set = FileRows::open(&path).unwrap().rows::<f32>(0..100);
    read(&set, 0, 100).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(700).unwrap();
    let error = read(&set, 0, 100).unwrap_err();
    assert!(matches!(&error, Error::Io { path: at, .. } if *at == path), "{error}");
    read(&set, 0, 10).unwrap();
}

#[test]
fn a_second_array_in_the_file_is_not_lost_silently() {
    let one = with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }\n", &[0; 16]);
    open(&one).unwrap();
    for two in [[&one[..], &one].concat(), [&one[..], &[0]].concat()] {
        let told = open(&two).unwrap_err().to_string();
        assert!(told.contains("a.npy: not a valid npy: shape (2, 2) of '<f4' is 16 bytes, got"), "{told}");
        assert!(told.contains("is a second array behind it?"), "{told}");
    }
}
