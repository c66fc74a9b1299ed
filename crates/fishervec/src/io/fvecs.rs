//! The `.fvecs` and `.bvecs` files of the nearest-neighbour literature (TEXMEX): each row is its number of
//! columns as a little-endian `i32`, followed by its numbers, `f32` or `u8`.

use super::atomic::Staged;
use super::rows::{FileRows, Order, Stored};
use super::section::Section;
use crate::error::{Error, Result};
use std::path::Path;

/// The number type of a file, which follows from its extension.
#[derive(Debug, Clone, Copy)]
pub(super) enum Item {
    F32,
    U8,
}

/// Opens the rows of the file at `path`. An empty file has no number of columns and is rejected.
pub(super) fn open(path: &Path, item: Item) -> Result<FileRows> {
    let data = Section::open(path)?;
    let stored = match item {
        Item::F32 => Stored::F32,
        Item::U8 => Stored::U8,
    };
    if data.len() < 4 {
        return Err(invalid(format!("{} bytes: expected at least one row", data.len())));
    }
    let mut count = [0; 4];
    data.read_at(0, &mut count)?;
    let count = i32::from_le_bytes(count);
    let dim = usize::try_from(count).ok().filter(|dim| *dim > 0);
    let dim =
        dim.ok_or_else(|| invalid(format!("the first row has {count} columns: expected at least 1")))?;
    let row_bytes = 4 + dim as u64 * stored.size() as u64;
    let (rows, rest) = (data.len() / row_bytes, data.len() % row_bytes);
    if rest != 0 {
        let reason = format!("{} bytes are not whole rows of {dim} columns ({row_bytes} bytes)", data.len());
        return Err(invalid(reason));
    }
    Ok(FileRows::new(data, (rows as usize, dim), stored, false, Order::Counted))
}

/// A matrix of `f32`, shape (n, p), written row by row as `.fvecs`; rows are not kept in memory.
#[derive(Debug)]
pub struct FvecsWriter {
    file: Staged,
    p: usize,
}

impl FvecsWriter {
    /// Starts a file with the final name `path`, for rows of `p` numbers.
    ///
    /// # Errors
    /// Those of [`Staged::create`].
    pub fn create(path: impl AsRef<Path>, p: usize) -> Result<Self> {
        Ok(FvecsWriter::go_on(Staged::create(path)?, p))
    }

    /// Goes on with a file of whole rows.
    pub(super) fn go_on(file: Staged, p: usize) -> Self {
        FvecsWriter { file, p }
    }

    pub(super) fn file_mut(&mut self) -> &mut Staged {
        &mut self.file
    }

    /// Appends rows, shape (any number, p).
    ///
    /// # Errors
    /// [`Error::Dimension`] if `values` are not whole rows, and [`Error::Io`].
    pub fn append(&mut self, values: &[f32]) -> Result<()> {
        let p = self.p.max(1);
        if !values.len().is_multiple_of(p) {
            return Err(Error::Dimension { what: "rows", expected: p, got: values.len() % p });
        }
        for row in values.chunks_exact(p) {
            self.file.append(&(p as i32).to_le_bytes())?;
            self.file.append_numbers(row)?;
        }
        Ok(())
    }

    /// The complete file, to be committed.
    #[must_use]
    pub fn finish(self) -> Staged {
        self.file
    }
}

fn invalid(reason: String) -> Error {
    Error::format("fvecs", reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{RowBuffer, Source};
    use crate::io::SetFile;
    use crate::io::atomic::commit;
    use std::fs;

    fn read(path: &Path) -> Result<Vec<f32>> {
        let mut file = SetFile::open(path)?;
        let set = file.sets()[0].clone();
        let rows = file.rows(&set.array)?.rows::<f32>(set.rows);
        let mut out = vec![0.0; rows.n_rows() * rows.dim()];
        rows.read_finite(0, &mut out, &mut RowBuffer::default()).map(|()| out)
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.fvecs");
        let mut writer = FvecsWriter::create(&path, 3).unwrap();
        writer.append(&[1.0, -2.0, 0.5, 4.0, 5.0, 6.0]).unwrap();
        assert!(writer.append(&[1.0]).is_err());
        commit([writer.finish()]).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().len(), 2 * (4 + 12));
        assert_eq!(read(&path).unwrap(), [1.0, -2.0, 0.5, 4.0, 5.0, 6.0]);
        let path = folder.path().join("v.BVECS");
        fs::write(&path, [2, 0, 0, 0, 7, 255, 2, 0, 0, 0, 0, 1]).unwrap();
        assert_eq!(read(&path).unwrap(), [7.0, 255.0, 0.0, 1.0]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.bvecs");
        for (bytes, expected) in [
            (&[][..], "0 bytes: expected at least one row"),
            (&[0, 0, 0, 0], "the first row has 0 columns"),
            (&[255, 255, 255, 255], "the first row has -1 columns"),
            (&[2, 0, 0, 0, 7], "5 bytes are not whole rows of 2 columns (6 bytes)"),
            (&[255, 255, 255, 127], "are not whole rows of 2147483647 columns"),
            (&[2, 0, 0, 0, 7, 255, 3, 0, 0, 0, 0, 1], "row 1 has 3 columns: expected 2"),
        ] {
            fs::write(&path, bytes).unwrap();
            let told = read(&path).unwrap_err().to_string();
            assert!(told.contains(expected) && told.contains("v.bvecs"), "{told}");
        }
    }
}
