//! Files that PyTorch wrote (scripts/pt_fixtures.py), every cut of them, and pickles that it never writes.

use crate::data::{RowBuffer, Source};
use crate::error::{Error, Result};
use crate::io::npy::Labels;
use crate::io::{ArrayNames, SetFile};
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// The files of a folder of the fixtures.
fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/pt").join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn file(folder: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("testdata/pt/{folder}/{name}.pt"))
}

/// A set, and all its numbers.
type Read = (String, usize, usize, Vec<f64>);

/// All sets of a file, read in blocks of two rows.
fn read(path: &Path, array: Option<&str>) -> Result<Vec<Read>> {
    let mut file = SetFile::open_array(path, array)?;
    let sets = file.sets().to_vec();
    let read = |set: crate::io::SetInFile| {
        let rows = file.rows(&set.array)?.rows::<f64>(set.rows.clone());
        let mut out = vec![f64::NAN; rows.n_rows() * rows.dim()];
        for (block, start) in out.chunks_mut(2 * set.dim).zip((0..).step_by(2)) {
            rows.read_finite(start, block, &mut RowBuffer::default())?;
        }
        Ok((set.name, set.rows.len(), set.dim, out))
    };
    sets.into_iter().map(read).collect()
}

fn told(path: &Path, array: Option<&str>) -> String {
    read(path, array).unwrap_err().to_string()
}

fn counting(name: &str, n: usize, d: usize) -> Read {
    (name.to_owned(), n, d, (0..n * d).map(|i| i as f64).collect())
}

/// An archive of members, as torch.save lays them out.
fn archive(pickle: &[u8], storages: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let storages = storages.iter().map(|(key, bytes)| (format!("data/{key}"), *bytes));
    for (name, bytes) in [("data.pkl".to_owned(), pickle)].into_iter().chain(storages) {
        zip.start_file(format!("x/{name}"), options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// What is said about a pickle beside a storage "0" of 12 floats.
fn open(pickle: &[u8]) -> Result<Vec<Read>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pt");
    let storage: Vec<u8> = (0..12).flat_map(|i| (i as f32).to_le_bytes()).collect();
    fs::write(&path, archive(pickle, &[("0", &storage)])).unwrap();
    read(&path, None)
}

fn refusal(pickle: &[u8]) -> String {
    let error = open(pickle).unwrap_err();
    assert!(matches!(error.cause(), Error::Format { .. } | Error::Arrays { .. }), "{error}");
    error.to_string()
}

/// The storage "0" of 12 floats, memorised as 9, as it is pushed.
const STORAGE: &[u8] = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x0ctQq\x09";

/// The opcodes of an offset, a shape and strides, and what is said about such a tensor.
type Tensor<'a> = (&'a [u8], &'a [u8], &'a [u8], &'a str);

/// A tensor (offset, shape, strides), whose opcodes are given.
fn tensor(offset: &[u8], shape: &[u8], strides: &[u8]) -> Vec<u8> {
    [b"ctorch._utils\n_rebuild_tensor_v2\n(", STORAGE, offset, shape, strides, b"\x89NtR"].concat()
}

#[test]
fn every_tensor_that_torch_saved_by_itself_is_read() {
    let bare = files("good").into_iter().filter(|path| path.to_string_lossy().contains("bare_"));
    for path in bare {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let expected = match stem {
            "bare_empty" => counting(stem, 0, 3),
            "bare_one_column" => counting(stem, 4, 1),
            _ => counting(stem, 4, 3),
        };
        assert_eq!(read(&path, None).unwrap(), [expected], "{stem}");
        let sets = SetFile::open(&path).unwrap().sets().to_vec();
        assert_eq!(sets[0].is_f64, stem == "bare_f64", "{stem}");
        let told = told(&path, Some("features"));
        assert!(told.contains("one tensor without a name; leave out --array"), "{told}");
    }
}

#[test]
fn tensors_in_dictionaries_and_lists_are_found_by_the_rule_of_all_containers() {
    let cases: [(&str, Vec<Read>); 11] = [
        ("dict", vec![counting("features", 4, 3)]),
        ("dict_protocol_4", vec![counting("features", 4, 3)]),
        ("ordered", vec![counting("img1", 0, 3), counting("img2", 2, 3), counting("img10", 4, 3)]),
        ("list", vec![counting("0", 2, 3), counting("1", 4, 3)]),
        ("tuple", vec![counting("0", 2, 3), counting("1", 4, 3)]),
        ("one_storage", vec![counting("features", 4, 3)]),
        ("nested", vec![counting("db/7/descriptors", 4, 3), counting("db/a.jpg/descriptors", 2, 3)]),
        ("batch", vec![("0".to_owned(), 1, 3, vec![0.0, 1.0, 2.0]), batch_of_three("1")]),
        ("batch_of_lists", vec![("0".to_owned(), 1, 3, vec![0.0, 1.0, 2.0]), batch_of_three("1")]),
        ("state_dict", Vec::new()),
        ("bare_f32", vec![counting("bare_f32", 4, 3)]),
    ];
    for (name, expected) in cases {
        let found = read(&file("good", name), None).unwrap();
        match expected.is_empty() {
            true => assert_eq!((found[0].0.as_str(), found[0].1, found[0].2), ("weight", 4, 3)),
            false => assert_eq!(found, expected, "{name}"),
        }
    }
    let labels = |name| SetFile::open(file("good", name)).unwrap().labels().cloned();
    assert_eq!(labels("batch"), Some(Labels::Integers(vec![5, -1])));
    assert_eq!(labels("batch_of_lists"), Some(Labels::Names(["b", "a"].map(str::to_owned).to_vec())));
    assert_eq!(labels("dict"), None);
    assert_eq!(read(&file("good", "nested"), Some("db/a.jpg/descriptors")).unwrap().len(), 1);
    let told = told(&file("good", "dict"), Some("coords"));
    assert!(
        told.contains("the arrays of this file: coords (4, 2) int64, features (4, 3) float32;"),
        "{told}"
    );
}

fn batch_of_three(name: &str) -> Read {
    (name.to_owned(), 3, 3, (3..12).map(f64::from).collect())
}

#[test]
fn what_cannot_be_read_is_named_with_the_cure() {
    let cases = [
        ("bare_vector", "expected shape (n, d) with d at least 1, got (3,) of float32"),
        ("bare_number", "got () of float32"),
        (
            "bare_step",
            "shape (4, 3) of float32 with strides (6, 1) is not contiguous: save tensor.contiguous()",
        ),
        ("bare_columns", "strides (3, 1) is not contiguous"),
        ("bare_broadcast", "strides (0, 1) is not contiguous"),
        ("bare_i64", "int64: expected float16, bfloat16, float32, float64 or uint8"),
        ("bare_u16", "uint16: expected"),
        ("bare_f8", "float8_e4m3fn: expected"),
        ("bare_complex", "complex64: expected"),
        (
            "bare_sparse",
            "asks for torch._utils._rebuild_sparse_tensor, which is never called, since it may run",
        ),
        ("bare_quantized", "torch._utils._rebuild_qtensor, which is never called"),
        ("none", "no array holds descriptors; the arrays of this file: none"),
        ("dict_step", "features (shape (4, 3) of float32 with strides (6, 1) is not contiguous: save"),
        ("model", "asks for torch.nn.modules.linear.Linear, which is never called"),
        (
            "numpy",
            "_reconstruct, which is never called, since it may run code: save tensors, torch.from_numpy",
        ),
        ("legacy", "PyTorch before 1.6: in Python, torch.save(torch.load(path), path)"),
        ("script", "a TorchScript archive, which holds a program: in Python, torch.save(tensor, path)"),
        (
            "os_system",
            "system, which is never called, since it may run code: in Python, torch.save(tensor.cpu(),",
        ),
        ("compressed", "x.pt: not a valid pt: archive/data.pkl is compressed, which torch.save never does"),
    ];
    assert_eq!(cases.len(), files("refused").len());
    for (name, expected) in cases {
        let told = told(&file("refused", name), None);
        assert!(
            told.contains(expected.trim_start_matches("x.pt: ")) && told.contains(".pt: "),
            "{name}: {told}"
        );
    }
}

#[test]
fn files_of_other_formats_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pt");
    for bytes in [&b""[..], b"hello", b"\x80\x04}.", b"\x93NUMPY"] {
        fs::write(&path, bytes).unwrap();
        let told = told(&path, None);
        assert!(
            told.contains("a.pt: not a valid pt: it is not a zip archive: expected what torch.save"),
            "{told}"
        );
    }
    // Archives that have no pickle: those of NumPy, say.
    let bytes = archive(b"N.", &[]);
    let at = bytes.windows(8).position(|w| w == b"data.pkl").unwrap();
    let mut other = bytes.clone();
    for (i, byte) in bytes.iter().enumerate() {
        other[i] = if bytes[i..].starts_with(b"data.pkl") { b'x' } else { *byte };
    }
    assert_ne!(other[at], bytes[at]);
    fs::write(&path, other).unwrap();
    assert!(told(&path, None).contains("there is no data.pkl in it: expected what torch.save writes"));
}

#[test]
fn every_cut_of_a_file_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.pt");
    for file in files("good").into_iter().chain(files("refused")) {
        let length = fs::copy(&file, &path).unwrap();
        let cut = fs::OpenOptions::new().write(true).open(&path).unwrap();
        for end in (0..length).rev() {
            cut.set_len(end).unwrap();
            let told = told(&path, None);
            assert!(told.contains("cut.pt: not a valid pt: "), "{}, {end} bytes: {told}", file.display());
        }
    }
}

#[cfg(unix)]
#[test]
fn no_flipped_byte_of_a_file_makes_the_reader_panic() {
    use std::os::unix::fs::FileExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flipped.pt");
    for name in ["bare_transposed", "dict_protocol_4", "batch_of_lists"] {
        let bytes = fs::read(file("good", name)).unwrap();
        fs::write(&path, &bytes).unwrap();
        let flipped = fs::OpenOptions::new().write(true).open(&path).unwrap();
        for (at, flip) in (0..bytes.len()).flat_map(|at| [(at, 0x01), (at, 0x80), (at, 0xff)]) {
            flipped.write_all_at(&[bytes[at] ^ flip], at as u64).unwrap();
            if let Err(error) = read(&path, None) {
                assert!(error.to_string().contains("flipped.pt: "), "{name}, byte {at}: {error}");
            }
            flipped.write_all_at(&bytes[at..=at], at as u64).unwrap();
        }
    }
}

#[test]
fn a_tensor_must_lie_in_its_storage() {
    let (rows, steps) = (&b"K\x04K\x03\x86"[..], &b"K\x03K\x01\x86"[..]);
    assert_eq!(open(&[&tensor(b"K\0", rows, steps)[..], b"."].concat()).unwrap(), [counting("a", 4, 3)]);
    let cases: [Tensor<'_>; 9] = [
        (
            b"K\x01",
            rows,
            steps,
            "shape (4, 3) of float32 from number 1 on reaches past its storage of 48 bytes",
        ),
        (b"K\0", b"K\x05K\x03\x86", steps, "reaches past its storage"),
        (b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f", rows, steps, "reaches past its storage"),
        (b"K\0", b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7fK\x03\x86", steps, "reaches past its storage"),
        (b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\xff", rows, steps, "damaged"),
        (b"K\0", b"\x8a\x01\xffK\x03\x86", steps, "expected sizes"),
        (b"K\0", rows, b"K\x01\x85", "expected sizes"),
        (b"K\0", rows, b"K\x01K\x05\x86", "strides (1, 5) is not contiguous"),
        (b"K\0", b"K\x04X\x01\0\0\0a\x86", steps, "expected sizes"),
    ];
    for (offset, shape, strides, expected) in cases {
        let told = refusal(&[&tensor(offset, shape, strides)[..], b"."].concat());
        assert!(told.contains(expected), "{told}");
    }
    let many = [&b"(K\0"[..], &b"K\x01".repeat(65), b"t"].concat();
    assert!(refusal(&[&tensor(b"K\0", &many, &many)[..], b"."].concat()).contains("at most 64 dimensions"));
    let mut other = tensor(b"K\0", rows, steps);
    let length = other.windows(5).position(|w| w == b"cpuK\x0c").unwrap() + 4;
    other[length] = 11;
    let told = refusal(&[&other[..], b"."].concat());
    assert!(told.contains("its storage has 48 bytes: expected 11 float32"), "{told}");
    other[length - 10] = b'1';
    let told = refusal(&[&other[..], b"."].concat());
    assert!(told.contains("its storage data/1 is missing"), "{told}");
}

#[test]
fn hostile_pickles_are_errors_and_ask_for_little_memory() {
    let nested = |depth: usize| [b"]q\0".repeat(depth), b"a".repeat(depth - 1), b".".to_vec()].concat();
    let own = b"}q\0X\x01\0\0\0ah\0s.".to_vec();
    let mut bomb = b"]q\0".to_vec();
    for level in 0..20_u8 {
        bomb.extend([b']', b'q', level + 1, b'(']);
        bomb.extend([b'h', level].repeat(10));
        bomb.push(b'e');
    }
    bomb.push(b'.');
    let long = |opcode: u8, size: usize| [&[opcode][..], &[0xff; 8][..size], b"."].concat();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (Vec::new(), "ends too early"),
        (b".".to_vec(), "damaged"),
        (b"\x80\x06N.".to_vec(), "pickle protocol 6: expected at most 5"),
        (nested(1000), "more than 32 deep"),
        (nested(200_000), "more than 32 deep"),
        (b"(".repeat(200_000), "ends too early"),
        (own, "more than 32 deep"),
        (bomb, "hold each other or themselves"),
        (b"\x85.".to_vec(), "damaged"),
        (b"(N(\x86.".to_vec(), "damaged"),
        (b"t.".to_vec(), "damaged"),
        (b"Na.".to_vec(), "damaged"),
        (b"NNa.".to_vec(), "damaged"),
        (b"}NNNs.".to_vec(), "damaged"),
        (b"}(NNNu.".to_vec(), "damaged"),
        (b"](s.".to_vec(), "damaged"),
        (b"R.".to_vec(), "damaged"),
        (b"ccollections\nOrderedDict\nN\x85R.".to_vec(), "damaged"),
        (b"ctorch\nFloatStorage\n)R.".to_vec(), "damaged"),
        (b"N)R.".to_vec(), "damaged"),
        (b"NQ.".to_vec(), "damaged"),
        (b"Nb.".to_vec(), "damaged"),
        (b"h\x01.".to_vec(), "damaged"),
        (b"j\xff\xff\xff\xff.".to_vec(), "damaged"),
        (b"q\0.".to_vec(), "damaged"),
        (b"\x94.".to_vec(), "damaged"),
        (b"\x93.".to_vec(), "damaged"),
        (b"cos\nsystem".to_vec(), "damaged"),
        (b"cos\nsystem\n.".to_vec(), "asks for os.system, which is never called"),
        (b"\x8c\x05posix\x8c\x06system\x93.".to_vec(), "asks for posix.system, which is never called"),
        (b"ctorch.storage\n_load_from_bytes\n.".to_vec(), "asks for torch.storage._load_from_bytes"),
        (b"c__builtin__\neval\n.".to_vec(), "asks for __builtin__.eval"),
        (b"c_codecs\nlookup\n.".to_vec(), "asks for _codecs.lookup"),
        (b"ca\x1b[31m\nb\n.".to_vec(), "asks for a\\u{1b}[31m.b, which"),
        (b"I1\n.".to_vec(), "asks for opcode I at byte 0"),
        (b"\x81.".to_vec(), "asks for opcode \\x81 at byte 0"),
        (b"N0.".to_vec(), "asks for opcode 0 at byte 1"),
        (b"i.".to_vec(), "asks for opcode i"),
        (long(b'X', 4), "ends too early"),
        (long(0x8d, 8), "ends too early"),
        (long(0x8e, 8), "ends too early"),
        (long(0x8b, 4), "ends too early"),
        (long(0x95, 8), "damaged"),
        (b"\x85".repeat(10), "damaged"),
        (b"N".repeat((1 << 20) + 1), "more than 1048576 objects"),
        ([b"}r".to_vec(), [0xff; 4].to_vec(), b".".to_vec()].concat(), "no array holds descriptors"),
        (b"N.".to_vec(), "no array holds descriptors"),
    ];
    for (pickle, expected) in cases {
        let mut told = String::new();
        let used = allocation_counter::measure(|| told = refusal(&pickle));
        let shown = pickle[..pickle.len().min(40)].escape_ascii();
        assert!(told.contains(expected), "{shown}: {told}");
        let most = (1 << 20) + 128 * pickle.len() as u64;
        assert!(used.bytes_max < most, "{shown}: {} bytes at once", used.bytes_max);
    }
}

#[test]
fn a_tensor_that_torch_negates_when_it_is_loaded_is_refused() {
    let start = b"ctorch._utils\n_rebuild_tensor_v2\n(";
    let noting = |noted: &[u8]| {
        [&start[..], STORAGE, b"K\0", b"K\x04K\x03\x86", b"K\x03K\x01\x86", b"\x89N", noted, b"tR."].concat()
    };
    assert_eq!(open(&noting(b"}")).unwrap(), [counting("a", 4, 3)]);
    let told = refusal(&noting(b"}X\x03\0\0\0neg\x88s"));
    assert!(told.contains("numbers are changed when it is loaded: save tensor.resolve_neg()"), "{told}");
}

#[test]
fn names_of_tensors_are_texts_or_numbers_and_differ() {
    let tensor = tensor(b"K\0", b"K\x04K\x03\x86", b"K\x03K\x01\x86");
    let dictionary = |pairs: &[&[u8]]| {
        let pairs: Vec<u8> = pairs.iter().flat_map(|key| [key, &tensor[..]].concat()).collect();
        [&b"}("[..], &pairs, b"u."].concat()
    };
    assert_eq!(
        open(&dictionary(&[b"K\x07", b"X\x01\0\0\0b"])).unwrap(),
        [counting("7", 4, 3), counting("b", 4, 3)]
    );
    let told = refusal(&dictionary(&[b"K\x07", b"X\x01\0\0\x007"]));
    assert!(told.contains("two tensors have the name 7"), "{told}");
    let told = refusal(&dictionary(&[b"N"]));
    assert!(told.contains("the key of a tensor in a dictionary: expected a text or an integer"), "{told}");
    assert!(refusal(&dictionary(&[b"X\x01\0\0\0\xff"])).contains("is not Unicode"));
}

#[test]
fn lengths_that_are_not_integers_are_not_left_out() {
    let tensor = tensor(b"K\0", b"K\x04K\x03\x86", b"K\x03K\x01\x86");
    let with = |key: &str, value: &[u8]| {
        let key = [&b"X"[..], &(key.len() as u32).to_le_bytes(), key.as_bytes()].concat();
        [&b"}(X\x01\0\0\0X"[..], &tensor, &key, value, b"u."].concat()
    };
    for value in [&b"K\x04"[..], b"](G\0\0\0\0\0\0\0\0e", b"](X\x01\0\0\0ae", b"N"] {
        let told = refusal(&with("lengths", value));
        assert!(told.contains("tensor lengths: expected integers"), "{told}");
        assert_eq!(open(&with("other", value)).unwrap(), [counting("X", 4, 3)]);
    }
    assert_eq!(open(&with("lengths", b"](K\x01K\x03e")).unwrap().len(), 2);
    assert_eq!(open(&with("Lengths", b"K\x01K\x03\x86")).unwrap().len(), 2);
    // Nor are labels that are neither integers nor texts.
    let batch = |y: &[u8]| with("lengths", &[b"](K\x01K\x03eX\x01\0\0\0y", y].concat());
    for y in [&b"](G\0\0\0\0\0\0\0\0K\x01e"[..], b"](X\x01\0\0\0aK\x01e", b"](NNe"] {
        let told = refusal(&batch(y));
        assert!(told.contains("y: expected a label for each set, integers or texts, got others"), "{told}");
        assert_eq!(open(&with("y", y)).unwrap(), [counting("X", 4, 3)]);
    }
    // A number y beside X is a label of its own, not one per set.
    assert_eq!(open(&with("y", b"K\x04")).unwrap(), [counting("X", 4, 3)]);
}

#[test]
fn positions_of_an_empty_slide_may_have_no_columns() {
    let tensor = |class: &str, key: u8| {
        let storage = [b"(X\x07\0\0\0storagectorch\n", class.as_bytes(), b"\nX\x01\0\0\0", &[key]].concat();
        let start = b"ctorch._utils\n_rebuild_tensor_v2\n(";
        [&start[..], &storage, b"X\x03\0\0\0cpuK\0tQK\0K\0\x85K\x01\x85\x89NtR"].concat()
    };
    let (features, coords) = (tensor("FloatStorage", b'1'), tensor("LongStorage", b'2'));
    let key = |name: &[u8]| [b"X", &(name.len() as u32).to_le_bytes()[..], name].concat();
    let pickle = [&b"}("[..], &key(b"features"), &features, &key(b"coords"), &coords, b"u."].concat();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.pt");
    fs::write(&path, archive(&pickle, &[("1", b""), ("2", b"")])).unwrap();
    for positions in [None, Some("coords")] {
        let mut opened = SetFile::open_arrays(&path, ArrayNames { descriptors: None, positions }).unwrap();
        let set = opened.sets()[0].clone();
        assert_eq!((set.rows.clone(), set.dim, set.n_positions), (0..0, 0, 0));
        assert_eq!(opened.located_rows(&set).unwrap().dim(), 0);
        assert_eq!(opened.positions(&set).unwrap().unwrap().n_rows(), 0);
    }
}

#[test]
fn positions_beside_descriptors_are_columns_behind_them() {
    let path = file("good", "dict");
    let names = ArrayNames { descriptors: None, positions: Some("coords") };
    let mut opened = SetFile::open_arrays(&path, names).unwrap();
    let set = opened.sets()[0].clone();
    assert_eq!((set.dim, set.n_positions, set.positions.as_deref()), (5, 2, Some("coords")));
    let rows = opened.located_rows(&set).unwrap();
    let rows = rows.rows::<f32>(0..4);
    let expected: Vec<f32> = (0..4_u8)
        .flat_map(|i| {
            let (x, p) = (f32::from(3 * i), f32::from(2 * i) * 256.0);
            [x, x + 1.0, x + 2.0, p, p + 256.0]
        })
        .collect();
    let mut out = [0.0; 20];
    for (start, rows_at_once) in [(0, 4), (1, 2), (3, 1)] {
        let out = &mut out[..rows_at_once * 5];
        rows.read_finite(start, out, &mut RowBuffer::default()).unwrap();
        assert_eq!(out, &expected[start * 5..][..rows_at_once * 5]);
    }
    rows.gather(&[1, 3], &mut out[..10]).unwrap();
    assert_eq!(out[..10], [&expected[5..10], &expected[15..]].concat()[..]);
    assert_eq!(opened.rows("features").unwrap().dim(), 3, "descriptors alone have no positions");

    // Not asked for, they are noted and can be read by themselves.
    let mut opened = SetFile::open(&path).unwrap();
    let set = opened.sets()[0].clone();
    assert_eq!((set.dim, set.n_positions), (3, 0));
    assert_eq!(opened.located_rows(&set).unwrap().dim(), 3);
    let positions = opened.positions(&set).unwrap().unwrap();
    let mut out = vec![0.0; 8];
    positions.rows::<f64>(0..4).read_finite(0, &mut out, &mut RowBuffer::default()).unwrap();
    assert_eq!(out, (0..8).map(|i| f64::from(i * 256)).collect::<Vec<_>>());

    let bare = SetFile::open_arrays(file("good", "bare_f32"), names).unwrap_err().to_string();
    assert!(bare.contains("one tensor without a name; leave out --positions"), "{bare}");
}
