//! Descriptors in a `.safetensors` file: its tensors, read by file offset.

use super::container::{ArrayInfo, Container, Contents, contents};
use super::npy::{Labels, integer};
use super::rows::{FileRows, Order, Stored, rows_and_columns, shape_text};
use super::section::{Section, in_file};
use super::set::ArrayNames;
use crate::error::{Error, Result};
use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use std::path::Path;

/// The metadata key of a model's settings: a file with this key does not hold descriptors.
pub(crate) const MODEL_KEY: &str = "fishervec";
/// The metadata key of a sample: a file with this key holds what a fit needs of other files.
pub(super) const SAMPLE_KEY: &str = "fishervec_sample";
/// The maximum length of a header, as in the format's own library.
const MAX_HEADER: u64 = 100_000_000;

/// An open `.safetensors` file: its header, and the sets in it.
#[derive(Debug)]
pub(super) struct TensorFile {
    tensors: NamedTensors,
    contents: Contents,
}

impl TensorFile {
    /// Opens the file at `path` and reads its header; the names are those of tensors.
    ///
    /// # Errors
    /// Each names the path: [`Error::Io`]; [`Error::Format`] if the header is damaged, or the file is not as
    /// long as the header says; [`Error::Arrays`] if it is not clear which tensor holds descriptors; those of
    /// a batch.
    pub(super) fn open(path: &Path, names: ArrayNames<'_>) -> Result<Self> {
        let file = Section::open(path)?;
        let read = || {
            let mut tensors = NamedTensors::parse(&file)?;
            let contents = contents(&mut tensors, names)?;
            Ok(TensorFile { tensors, contents })
        };
        read().map_err(in_file(path))
    }

    /// Whether the file at `path` is a fishervec model or a sample, neither of which can be encoded.
    pub(super) fn is_ours(path: &Path) -> bool {
        let header = Section::open(path).and_then(|file| header(&file));
        let header = header.ok().and_then(|(header, _)| header.metadata().clone());
        header.is_some_and(|metadata| metadata.contains_key(MODEL_KEY) || metadata.contains_key(SAMPLE_KEY))
    }

    pub(super) fn contents(&self) -> &Contents {
        &self.contents
    }

    pub(super) fn rows(&self, name: &str) -> Result<FileRows> {
        let place = |error: Error| in_file(self.tensors.data.path())(error.at(format!("tensor {name}")));
        self.tensors.rows(name, stored).map_err(place)
    }

    /// A tensor of positions, which may be integers.
    pub(super) fn positions(&self, name: &str) -> Result<FileRows> {
        let place = |error: Error| in_file(self.tensors.data.path())(error.at(format!("tensor {name}")));
        self.tensors.rows(name, number).map_err(place)
    }
}

/// The tensors of a file, found by name.
#[derive(Debug)]
pub(super) struct NamedTensors {
    data: Section,
    header: Metadata,
}

impl NamedTensors {
    pub(super) fn parse(file: &Section) -> Result<Self> {
        let (header, start) = header(file)?;
        let data_len = file.len() - start;
        let data = file.slice(start, data_len).ok_or_else(|| invalid("cut short".into()))?;
        if header.data_len() as u64 != data_len {
            let claimed = header.data_len();
            return Err(invalid(format!("expected {claimed} bytes of tensors, got {data_len}")));
        }
        Ok(NamedTensors { data, header })
    }

    /// The text under a key of the metadata.
    pub(super) fn metadata(&self, key: &str) -> Option<String> {
        self.header.metadata().as_ref()?.get(key).cloned()
    }

    /// A tensor of numbers of at least 0.
    pub(super) fn counts(&mut self, name: &str) -> Result<Vec<usize>> {
        let count = |n: i64| usize::try_from(n).map_err(|_| invalid(format!("tensor {name}: {n}")));
        self.integers(name)?.into_iter().map(count).collect()
    }

    /// A tensor of descriptors.
    pub(super) fn descriptors(&self, name: &str) -> Result<FileRows> {
        self.rows(name, stored)
    }

    fn find(&self, name: &str) -> Result<(&TensorInfo, Section)> {
        let info = self.header.info(name).ok_or_else(|| invalid("there is no such tensor".into()))?;
        let (start, end) = info.data_offsets;
        let data = self.data.slice(start as u64, end.saturating_sub(start) as u64);
        Ok((info, data.ok_or_else(|| invalid("it reaches past the end of the file".into()))?))
    }

    fn rows(&self, name: &str, stored: impl Fn(Dtype) -> Option<Stored>) -> Result<FileRows> {
        let (info, data) = self.find(name)?;
        let stored = stored(info.dtype)
            .ok_or_else(|| invalid(format!("{:?}: expected F16, BF16, F32, F64 or U8", info.dtype)))?;
        if info.shape == [0] {
            return Ok(FileRows::nothing(data, stored));
        }
        let shape = rows_and_columns(&info.shape).ok_or_else(|| {
            let got = shape_text(&info.shape);
            invalid(format!("expected shape (n, d) with d at least 1, got {got}"))
        })?;
        Ok(FileRows::new(data, shape, stored, false, Order::C))
    }
}

impl Container for NamedTensors {
    fn arrays(&mut self) -> Result<Vec<ArrayInfo>> {
        let array = |(name, info): (String, &TensorInfo)| ArrayInfo {
            name,
            shape: info.shape.clone(),
            dtype: format!("{:?}", info.dtype),
            stored: stored(info.dtype),
            readable: true,
        };
        Ok(self.header.tensors().into_iter().map(array).collect())
    }

    fn integers(&mut self, array: &str) -> Result<Vec<i64>> {
        let (info, data) = self.find(array)?;
        let Some((size, signed)) = integers(info.dtype) else {
            return Err(invalid(format!("tensor {array}: {:?}: expected integers", info.dtype)));
        };
        if info.shape.len() != 1 {
            let got = shape_text(&info.shape);
            return Err(invalid(format!("tensor {array}: expected shape (n,), got {got}")));
        }
        let mut bytes = vec![0; data.len() as usize];
        data.read_at(0, &mut bytes)?;
        let fits = |item: &[u8]| integer(item, signed, false);
        let all: Option<Vec<i64>> = bytes.chunks_exact(usize::from(size)).map(fits).collect();
        all.ok_or_else(|| invalid(format!("tensor {array}: a number does not fit a 64-bit signed integer")))
    }

    fn labels(&mut self, array: &str) -> Result<Labels> {
        self.integers(array).map(Labels::Integers)
    }
}

/// How numbers of that type are stored; `None` for a type that descriptors do not have.
fn stored(dtype: Dtype) -> Option<Stored> {
    match dtype {
        Dtype::F16 => Some(Stored::F16),
        Dtype::BF16 => Some(Stored::Bf16),
        Dtype::F32 => Some(Stored::F32),
        Dtype::F64 => Some(Stored::F64),
        Dtype::U8 => Some(Stored::U8),
        _ => None,
    }
}

/// The same; positions may be integers.
fn number(dtype: Dtype) -> Option<Stored> {
    let integer = |(size, signed)| Stored::Integer { size, signed };
    stored(dtype).or_else(|| integers(dtype).filter(|_| dtype != Dtype::BOOL).map(integer))
}

/// The number of bytes of an integer or a boolean of that type, and whether it is signed.
fn integers(dtype: Dtype) -> Option<(u8, bool)> {
    match dtype {
        Dtype::I8 => Some((1, true)),
        Dtype::I16 => Some((2, true)),
        Dtype::I32 => Some((4, true)),
        Dtype::I64 => Some((8, true)),
        Dtype::BOOL | Dtype::U8 => Some((1, false)),
        Dtype::U16 => Some((2, false)),
        Dtype::U32 => Some((4, false)),
        Dtype::U64 => Some((8, false)),
        _ => None,
    }
}

/// The file's header, and the offset of its data.
fn header(file: &Section) -> Result<(Metadata, u64)> {
    let mut length = [0; 8];
    if file.len() < 8 {
        return Err(invalid(format!("{} bytes: expected a header", file.len())));
    }
    file.read_at(0, &mut length)?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER.min(file.len() - 8) {
        return Err(invalid(format!("a header of {length} bytes in a file of {}", file.len())));
    }
    let mut bytes = vec![0; length as usize];
    file.read_at(8, &mut bytes)?;
    // Deserializing checks sizes, shapes and that the tensors follow each other without a gap.
    let header: Metadata = serde_json::from_slice(&bytes).map_err(|e| invalid(e.to_string()))?;
    Ok((header, 8 + length))
}

fn invalid(reason: String) -> Error {
    Error::format("safetensors", reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{RowBuffer, Source};
    use half::bf16;
    use safetensors::tensor::TensorView;
    use std::fs;

    fn file() -> Vec<u8> {
        let single: Vec<u8> =
            [1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        let half: Vec<u8> =
            [0.5_f32, -8.0, 2.0].iter().flat_map(|x| bf16::from_f32(*x).to_le_bytes()).collect();
        let lengths: Vec<u8> = [2_u32, 0].iter().flat_map(|n| n.to_le_bytes()).collect();
        let view = |dtype, shape: &[usize], data| TensorView::new(dtype, shape.to_vec(), data).unwrap();
        let tensors = [
            ("b10", view(Dtype::F32, &[2, 3], &single)),
            ("b9", view(Dtype::BF16, &[1, 1, 3], &half)),
            ("ids", view(Dtype::I64, &[1], &[0; 8])),
            ("coords", view(Dtype::I64, &[1, 1], &[0; 8])),
            ("sizes", view(Dtype::U32, &[2], &lengths)),
        ];
        safetensors::serialize(tensors, None).unwrap()
    }

    #[test]
    fn matrices_are_sets_in_the_natural_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        fs::write(&path, file()).unwrap();
        let tensors = TensorFile::open(&path, ArrayNames::default()).unwrap();
        let sets = &tensors.contents().sets;
        let names: Vec<_> = sets.iter().map(|set| (&set.name[..], set.rows.end, set.dim)).collect();
        assert_eq!(names, [("b9", 1, 3), ("b10", 2, 3)]);
        let read = |name: &str| {
            let rows = tensors.rows(name)?;
            let rows = rows.rows::<f32>(0..rows.n_rows());
            let mut out = vec![0.0; rows.n_rows() * rows.dim()];
            rows.read_finite(0, &mut out, &mut RowBuffer::default()).map(|()| out)
        };
        assert_eq!(read("b9").unwrap(), [0.5, -8.0, 2.0]);
        assert_eq!(read("b10").unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let told = read("coords").unwrap_err().to_string();
        assert!(
            told.contains("x.safetensors: tensor coords: ") && told.contains("I64: expected F16"),
            "{told}"
        );
    }

    #[test]
    fn lengths_of_any_integer_type_cut_x_into_a_batch() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        let x: Vec<u8> = [1.0_f32, 2.0, 3.0].iter().flat_map(|x| x.to_le_bytes()).collect();
        let sets = |lengths: &[u16]| {
            let lengths: Vec<u8> = lengths.iter().flat_map(|n| n.to_le_bytes()).collect();
            let x = TensorView::new(Dtype::F32, vec![3, 1], &x).unwrap();
            let lengths = TensorView::new(Dtype::U16, vec![lengths.len() / 2], &lengths).unwrap();
            let bytes = safetensors::serialize([("X", x), ("lengths", lengths)], None).unwrap();
            fs::write(&path, bytes).unwrap();
            TensorFile::open(&path, ArrayNames::default())
                .map(|file| file.contents().sets.iter().map(|set| set.rows.clone()).collect::<Vec<_>>())
        };
        assert_eq!(sets(&[2, 0, 1]).unwrap(), [0..2, 2..2, 2..3]);
        let told = sets(&[300, 1]).unwrap_err().to_string();
        assert!(told.contains("x.safetensors: not a valid batch: the lengths sum to more"), "{told}");
    }

    #[test]
    fn damaged_files_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        let good = file();
        for cut in 0..good.len() {
            fs::write(&path, &good[..cut]).unwrap();
            let told = TensorFile::open(&path, ArrayNames::default()).unwrap_err().to_string();
            assert!(told.contains("x.safetensors: not a valid safetensors"), "{told}");
        }
        let mut huge = good.clone();
        huge[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        fs::write(&path, huge).unwrap();
        assert!(
            TensorFile::open(&path, ArrayNames::default())
                .unwrap_err()
                .to_string()
                .contains("a header of 18446744073709551615 bytes")
        );
    }
}
