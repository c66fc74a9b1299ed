//! Descriptors in a `.safetensors` file: each two-dimensional tensor is one set, read by file offset.

use super::rows::{FileRows, Order, Stored};
use super::section::{Section, in_file};
use super::set::SetInFile;
use crate::error::{Error, Result};
use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use std::path::Path;

/// The metadata key of a model's settings: a file with this key does not hold descriptors.
pub(crate) const MODEL_KEY: &str = "fishervec";
/// The maximum length of a header, as in the format's own library.
const MAX_HEADER: u64 = 100_000_000;

/// An open `.safetensors` file: its header, and the sets in it, sorted by name.
#[derive(Debug)]
pub(super) struct TensorFile {
    data: Section,
    header: Metadata,
    sets: Vec<SetInFile>,
}

impl TensorFile {
    /// Opens the file at `path` and reads its header.
    ///
    /// # Errors
    /// Each names the path: [`Error::Io`]; [`Error::Format`] if the header is damaged, the file is not as
    /// long as the header says, or it holds no two-dimensional tensor.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = Section::open(path)?;
        Self::parse(&file).map_err(in_file(path))
    }

    /// Whether the file at `path` is a fishervec model, which does not hold descriptors.
    pub(super) fn is_model(path: &Path) -> bool {
        let header = Section::open(path).and_then(|file| header(&file));
        let header = header.ok().and_then(|(header, _)| header.metadata().clone());
        header.is_some_and(|metadata| metadata.contains_key(MODEL_KEY))
    }

    fn parse(file: &Section) -> Result<Self> {
        let (header, start) = header(file)?;
        let data_len = file.len() - start;
        let data = file.slice(start, data_len).ok_or_else(|| invalid("cut short".into()))?;
        if header.data_len() as u64 != data_len {
            let claimed = header.data_len();
            return Err(invalid(format!("expected {claimed} bytes of tensors, got {data_len}")));
        }
        let mut sets: Vec<SetInFile> = header.tensors().into_iter().filter_map(set).collect();
        sets.sort_by(|a, b| a.name.cmp(&b.name));
        if sets.is_empty() {
            return Err(invalid("it holds no tensor of shape (n, d)".into()));
        }
        Ok(TensorFile { data, header, sets })
    }

    pub(super) fn sets(&self) -> &[SetInFile] {
        &self.sets
    }

    pub(super) fn rows(&self, name: &str) -> Result<FileRows> {
        self.find(name).map_err(|error| in_file(self.data.path())(error.at(format!("tensor {name}"))))
    }

    fn find(&self, name: &str) -> Result<FileRows> {
        let info = self.header.info(name).ok_or_else(|| invalid("there is no such tensor".into()))?;
        let stored = match info.dtype {
            Dtype::F16 => Stored::F16,
            Dtype::BF16 => Stored::Bf16,
            Dtype::F32 => Stored::F32,
            Dtype::F64 => Stored::F64,
            Dtype::U8 => Stored::U8,
            other => return Err(invalid(format!("{other:?}: expected F16, BF16, F32, F64 or U8"))),
        };
        let (start, end) = info.data_offsets;
        match (info.shape[..].as_ref(), self.data.slice(start as u64, end.saturating_sub(start) as u64)) {
            ([n, d], Some(data)) if *d > 0 => Ok(FileRows::new(data, (*n, *d), stored, false, Order::C)),
            (shape, _) => Err(invalid(format!("expected shape (n, d) with d at least 1, got {shape:?}"))),
        }
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

fn set((name, info): (String, &TensorInfo)) -> Option<SetInFile> {
    let [n, dim] = info.shape[..] else { return None };
    Some(SetInFile { array: name.clone(), name, rows: 0..n, dim, is_f64: info.dtype == Dtype::F64 })
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
        let half: Vec<u8> = [0.5_f32, -8.0].iter().flat_map(|x| bf16::from_f32(*x).to_le_bytes()).collect();
        let view = |dtype, shape: &[usize], data| TensorView::new(dtype, shape.to_vec(), data).unwrap();
        let tensors = [
            ("b", view(Dtype::F32, &[2, 3], &single)),
            ("a", view(Dtype::BF16, &[2, 1], &half)),
            ("ids", view(Dtype::I64, &[1], &[0; 8])),
            ("c", view(Dtype::I64, &[1, 1], &[0; 8])),
        ];
        safetensors::serialize(tensors, None).unwrap()
    }

    #[test]
    fn two_dimensional_tensors_are_sets() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        fs::write(&path, file()).unwrap();
        let tensors = TensorFile::open(&path).unwrap();
        let names: Vec<_> = tensors.sets().iter().map(|set| (&set.name[..], set.rows.end, set.dim)).collect();
        assert_eq!(names, [("a", 2, 1), ("b", 2, 3), ("c", 1, 1)]);
        let read = |name: &str| {
            let rows = tensors.rows(name)?;
            let rows = rows.rows::<f32>(0..rows.n_rows());
            let mut out = vec![0.0; rows.n_rows() * rows.dim()];
            rows.read_finite(0, &mut out, &mut RowBuffer::default()).map(|()| out)
        };
        assert_eq!(read("a").unwrap(), [0.5, -8.0]);
        assert_eq!(read("b").unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        let told = read("c").unwrap_err().to_string();
        assert!(told.contains("x.safetensors: tensor c: ") && told.contains("I64: expected F16"), "{told}");
    }

    #[test]
    fn damaged_files_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        let good = file();
        for cut in 0..good.len() {
            fs::write(&path, &good[..cut]).unwrap();
            let told = TensorFile::open(&path).unwrap_err().to_string();
            assert!(told.contains("x.safetensors: not a valid safetensors"), "{told}");
        }
        let mut huge = good.clone();
        huge[..8].copy_from_slice(&u64::MAX.to_le_bytes());
        fs::write(&path, huge).unwrap();
        assert!(
            TensorFile::open(&path)
                .unwrap_err()
                .to_string()
                .contains("a header of 18446744073709551615 bytes")
        );
    }
}
