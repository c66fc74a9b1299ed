//! A temporary folder to run the binary in, and files to put there.

use fishervec::Source;
use fishervec::data::RowBuffer;
use fishervec::io::FileRows;
use fishervec::io::npy::NpyArray;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use ndarray::Array2;
use std::fs;
use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_fishervec");

/// The output of the binary.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Folder(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn npy(&self, name: &str, n: usize, d: usize, seed: usize) {
        self.write(name, &floats(n, d, seed));
    }

    /// An archive, every other member of which is deflated.
    pub(crate) fn npz(&self, name: &str, members: &[(&str, Vec<u8>)]) {
        self.write(name, b"");
        let mut zip = zip::ZipWriter::new(fs::File::create(self.path(name)).unwrap());
        for (i, (member, bytes)) in members.iter().enumerate() {
            let methods = [zip::CompressionMethod::Deflated, zip::CompressionMethod::Stored];
            let options = SimpleFileOptions::default().compression_method(methods[i % 2]);
            zip.start_file(format!("{member}.npy"), options).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap();
    }

    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.0.path());
        command
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, Told) {
        let done = self.command(BINARY).args(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (done.status.code(), Told { stdout: text(done.stdout), stderr: text(done.stderr) })
    }

    /// Runs the binary, which must succeed.
    pub(crate) fn ok(&self, arguments: &[&str]) -> Told {
        let (code, told) = self.run(arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {told:?}");
        told
    }

    /// Runs the binary, which must exit with `code`; returns its standard error.
    pub(crate) fn fails(&self, code: i32, arguments: &[&str]) -> String {
        let (got, told) = self.run(arguments);
        assert_eq!(got, Some(code), "{arguments:?}: {told:?}");
        assert_eq!(told.stdout, "");
        told.stderr
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.ok(arguments).stdout).unwrap()
    }

    /// The names in a folder, sorted.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub(crate) fn matrix(&self, name: &str) -> Array2<f32> {
        let rows = FileRows::open(self.path(name)).unwrap();
        let mut out = Array2::zeros((rows.n_rows(), rows.dim()));
        let all = rows.rows::<f32>(0..rows.n_rows());
        all.read_finite(0, out.as_slice_mut().unwrap(), &mut RowBuffer::default()).unwrap();
        out
    }

    pub(crate) fn integers(&self, name: &str) -> Vec<i64> {
        let array = NpyArray::open(self.path(name)).unwrap();
        assert_eq!(array.dtype(), "<i8");
        array.integers().unwrap()
    }

    /// The fields of a csv, line by line.
    pub(crate) fn table(&self, name: &str) -> Vec<Vec<String>> {
        let text = fs::read_to_string(self.path(name)).unwrap();
        text.lines().map(fields).collect()
    }
}

fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut quoted) = (vec![String::new()], false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.next_if_eq(&'"').is_some() => fields.last_mut().unwrap().push('"'),
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => fields.last_mut().unwrap().push(c),
        }
    }
    fields
}

fn npy(descr: &str, shape: &str, data: impl IntoIterator<Item = u8>) -> Vec<u8> {
    let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.bytes().chain(data));
    bytes
}

/// A number near one of a few centres, the same for the same seed.
fn number(i: usize, seed: usize) -> f64 {
    let mixed = (i * 7919 + seed * 104_729 + 12_345).wrapping_mul(2_654_435_761) >> 8;
    (mixed % 1000) as f64 / 500.0 - 1.0 + 3.0 * (((i / 3) * 5 + seed) % 4) as f64
}

pub(crate) fn floats(n: usize, d: usize, seed: usize) -> Vec<u8> {
    let data = (0..n * d).flat_map(|i| (number(i, seed) as f32).to_le_bytes());
    npy("<f4", &format!("({n}, {d})"), data)
}

pub(crate) fn doubles(n: usize, d: usize, seed: usize) -> Vec<u8> {
    npy("<f8", &format!("({n}, {d})"), (0..n * d).flat_map(|i| number(i, seed).to_le_bytes()))
}

/// The bytes of an `.npy` file with another shape of as many numbers.
pub(crate) fn reshaped(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let length = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let text = std::str::from_utf8(&bytes[10..10 + length]).unwrap().replace(from, to);
    let head = [&bytes[..8], &(text.len() as u16).to_le_bytes(), text.as_bytes()].concat();
    [&head, &bytes[10 + length..]].concat()
}

pub(crate) fn matrix(n: usize, d: usize, values: &[f32]) -> Vec<u8> {
    npy("<f4", &format!("({n}, {d})"), values.iter().flat_map(|x| x.to_le_bytes()))
}

pub(crate) fn integers(values: &[i64]) -> Vec<u8> {
    npy("<i8", &format!("({},)", values.len()), values.iter().flat_map(|i| i.to_le_bytes()))
}

/// An array of strings of up to four characters.
pub(crate) fn names(values: &[&str]) -> Vec<u8> {
    let padded = values.iter().flat_map(|name| name.chars().map(u32::from).chain([0; 4]).take(4));
    npy("<U4", &format!("({},)", values.len()), padded.flat_map(u32::to_le_bytes))
}

/// An image of stripes of a width and a direction, as png.
pub(crate) fn stripes(width: u32, height: u32, period: f32, angle: f32) -> Vec<u8> {
    let (sin, cos) = angle.sin_cos();
    let image = RgbImage::from_fn(width, height, |x, y| {
        let phase = (x as f32 * cos + y as f32 * sin) / period + (x as f32 * 0.11).sin() * 0.3;
        let value = (phase.sin() * 100.0 + 128.0) as u8;
        Rgb([value, value / 2, 255 - value])
    });
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(image).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}
