//! HDF5 files that are cut short, damaged or made to harm: an error, never a panic, a hang or a huge
//! allocation.
#![cfg(feature = "hdf5")]

use allocation_counter::measure;
use fishervec::data::RowBuffer;
use fishervec::io::{FileRows, SetFile};
use fishervec::{Result, Source};
use hdf5_reader::checksum::jenkins_lookup3;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What reading a file may allocate beside so many times the file.
const MOST: u64 = 64 << 20;
/// Blocks that end with their checksum.
const SIGNED: [&[u8; 4]; 14] = [
    b"OHDR", b"OCHK", b"FRHP", b"FHDB", b"FHIB", b"BTHD", b"BTIN", b"BTLF", b"FAHD", b"FADB", b"EAHD",
    b"EAIB", b"EASB", b"EADB",
];

/// The bytes of a file of the fixtures, by its name.
fn fixtures() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/hdf5");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.extension().unwrap() != "json").collect();
    paths.sort();
    let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
    paths.iter().map(|path| (name(path), fs::read(path).unwrap())).collect()
}

/// All numbers of all sets.
fn read(path: &Path) -> Result<Vec<f32>> {
    let mut file = SetFile::open(path)?;
    let mut all = Vec::new();
    for set in file.sets().to_vec() {
        all.extend(read_rows(&file.rows(&set.array)?, set.rows)?);
    }
    Ok(all)
}

fn read_rows(rows: &FileRows, range: std::ops::Range<usize>) -> Result<Vec<f32>> {
    let set = rows.rows::<f32>(range);
    let (d, mut spare, mut all) = (set.dim(), RowBuffer::default(), Vec::new());
    let block = (4096 / d.max(1)).max(1);
    for start in (0..set.n_rows()).step_by(block) {
        let mut out = vec![0.0; block.min(set.n_rows() - start) * d];
        set.read(start, &mut out, &mut spare)?;
        all.extend(out);
    }
    Ok(all)
}

/// Where the superblock says how long the file is, and the superblock's length if it has a checksum.
fn superblock(bytes: &[u8]) -> (usize, Option<usize>) {
    let start = [0, 512, 1024].into_iter().find(|at| bytes[*at..].starts_with(b"\x89HDF")).unwrap();
    match bytes[start + 8] {
        0 => (start + 40, None),
        1 => (start + 44, None),
        _ => (start + 28, Some(start + 44)),
    }
}

/// The bytes as a file of that length would have them: the superblock says so.
fn cut(bytes: &[u8], length: usize) -> Vec<u8> {
    let (at, signed) = superblock(bytes);
    let mut out = bytes[..length].to_vec();
    if let Some(field) = out.get_mut(at..at + 8) {
        field.copy_from_slice(&(length as u64).to_le_bytes());
    }
    if let Some(end) = signed.filter(|end| end + 4 <= length) {
        sign(&mut out, at - 28, end);
    }
    out
}

/// Writes the checksum of `start..end` behind it.
fn sign(bytes: &mut [u8], start: usize, end: usize) {
    let sum = jenkins_lookup3(&bytes[start..end]);
    bytes[end..end + 4].copy_from_slice(&sum.to_le_bytes());
}

/// The blocks of a good file that end with a checksum.
fn signed(bytes: &[u8]) -> Vec<(usize, usize)> {
    let starts = (0..bytes.len() - 4).filter(|at| SIGNED.iter().any(|mark| bytes[*at..].starts_with(*mark)));
    let mut found: Vec<(usize, usize)> = starts
        .filter_map(|start| {
            let ends = start + 8..bytes.len().saturating_sub(3).min(start + 3000);
            let fits =
                |end: &usize| bytes[*end..end + 4] == jenkins_lookup3(&bytes[start..*end]).to_le_bytes();
            ends.into_iter().find(fits).map(|end| (start, end))
        })
        .collect();
    if let (at, Some(end)) = superblock(bytes) {
        found.push((at - 28, end));
    }
    found
}

/// A stream of numbers, the same each time.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }

    /// The bytes with some flipped, set to something large, or overwritten by others.
    fn damage(&mut self, good: &[u8]) -> Vec<u8> {
        let mut bytes = good.to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len() - 64);
            match self.below(5) {
                0 => bytes[at] ^= 1 << self.below(8),
                1 => bytes[at] = self.below(256) as u8,
                2 => {
                    let value = [u64::MAX, u64::MAX >> 1, 1 << self.below(64), good.len() as u64];
                    let (value, width) = (value[self.below(4)], [1, 2, 4, 8][self.below(4)]);
                    bytes[at..at + width].copy_from_slice(&value.to_le_bytes()[..width]);
                }
                3 => bytes[at..at + [1, 2, 4, 8][self.below(4)]].fill(0),
                _ => {
                    let (from, n) = (self.below(bytes.len() - 64), self.below(64));
                    bytes.copy_within(from..from + n, at);
                }
            }
        }
        bytes
    }
}

/// Reads the file, and holds what it may cost: memory by the size of the file, and time.
fn costs(path: &Path, bytes: &[u8], what: &str) -> Result<Vec<f32>> {
    fs::write(path, bytes).unwrap();
    let (mut result, start) = (Ok(Vec::new()), Instant::now());
    let counted = measure(|| result = read(path));
    let most = MOST + 20 * bytes.len() as u64;
    assert!(counted.bytes_max < most, "{what}: {} bytes at once", counted.bytes_max);
    assert!(start.elapsed() < Duration::from_secs(20), "{what}: {:?}", start.elapsed());
    result
}

#[test]
fn every_prefix_of_a_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    let mut n = 0;
    for (name, bytes) in fixtures() {
        fs::write(&path, &bytes).unwrap();
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        for length in (0..bytes.len()).rev() {
            file.set_len(length as u64).unwrap();
            let told = read(&path).map(|_| ()).unwrap_err().to_string();
            assert!(told.contains("x.h5: not a valid hdf5: "), "{name}, {length}: {told}");
            n += 1;
        }
    }
    assert!(n > 200_000, "{n} prefixes");
}

#[test]
fn a_prefix_that_says_that_it_is_whole_is_an_error_or_lacks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    for (name, bytes) in fixtures() {
        let whole = costs(&path, &bytes, &name).ok();
        let step = 1 + bytes.len() / 300;
        for length in (600..bytes.len()).step_by(step) {
            let what = format!("{name}, {length} bytes");
            if let Ok(values) = costs(&path, &cut(&bytes, length), &what) {
                assert_eq!(Some(values), whole, "{what}");
            }
        }
    }
}

/// `FISHERVEC_DAMAGED` is the number of cases per file.
#[test]
fn damaged_files_cost_little_and_never_panic() {
    let cases = std::env::var("FISHERVEC_DAMAGED").map_or(60, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    let mut draw = Draw(0x5EED_1234_ABCD_0001);
    let (mut read, mut refused) = (0, 0);
    for (name, good) in fixtures() {
        let blocks = signed(&good);
        for case in 0..cases {
            let mut bytes = draw.damage(&good);
            if draw.below(4) > 0 {
                // The superblock is the last, so that its mark is still where the block was found.
                blocks.iter().for_each(|(start, end)| sign(&mut bytes, *start, *end));
            }
            match costs(&path, &bytes, &format!("{name}, case {case}")) {
                Ok(_) => read += 1,
                Err(_) => refused += 1,
            }
        }
    }
    println!("{read} read, {refused} refused");
    assert!(refused > 0 && read > 0);
}

/// A file of `n` groups and `n` arrays at its root, whose groups all have the list of names of the root.
fn shared_list(n: usize) -> Vec<u8> {
    let nothing = u64::MAX.to_le_bytes();
    let object = |kind: u16, body: &[u8]| {
        let mut header = vec![1, 0, 1, 0, 1, 0, 0, 0, body.len() as u8 + 8, 0, 0, 0, 0, 0, 0, 0];
        header.extend([kind.to_le_bytes(), (body.len() as u16).to_le_bytes(), [0; 2], [0; 2]].concat());
        [&header, body].concat()
    };
    // The superblock, the tree with one node, the heap, the arrays' header and those of the groups.
    let (tree, node) = (96, 96 + 48);
    let heap = node + 8 + 80 * n;
    let names = heap + 32;
    let array = names + 16 * n;
    let groups = array + 48;
    let address = |at: usize| (at as u64).to_le_bytes();
    let table = object(0x11, &[address(tree), address(heap)].concat());
    let group = |i: usize| groups + table.len() * i;
    let mut file = b"\x89HDF\r\n\x1a\n\0\0\0\0\0\x08\x08\0\x04\0\x10\0\0\0\0\0".to_vec();
    file.extend([[0; 8], nothing, address(group(n)), nothing, [0; 8], address(group(0))].concat());
    file.extend([0; 24]);
    file.extend([b"TREE\0\0\x01\0", &nothing[..], &nothing, &[0; 8], &address(node), &[0; 8]].concat());
    file.extend([b"SNOD\x01\0", &(2 * n as u16).to_le_bytes()[..]].concat());
    for i in 0..2 * n {
        file.extend(
            [address(8 * i), address(if i < n { group(i) } else { array }), [0; 8], [0; 8], [0; 8]].concat(),
        );
    }
    file.extend([b"HEAP\0\0\0\0", &address(16 * n)[..], &nothing, &address(names)].concat());
    (0..2 * n).for_each(|i| file.extend(format!("{i:07}\0").bytes()));
    file.extend(object(1, &[[1, 2, 0, 0, 0, 0, 0, 0], address(3), address(2)].concat()));
    (0..n).for_each(|_| file.extend(&table));
    file
}

#[test]
fn groups_that_share_a_list_of_names_cost_no_more_than_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.h5");
    let told = costs(&path, &shared_list(2000), "a shared list").unwrap_err().to_string();
    assert!(told.contains("x.h5: not a valid hdf5: invalid data: its lists of names are larger"), "{told}");
    // The same of one group is what it says that it is: its array has no type.
    let told = costs(&path, &shared_list(1), "a list").unwrap_err().to_string();
    assert!(told.contains("0000001 (not a valid hdf5: its header does not say what its type is)"), "{told}");
}
