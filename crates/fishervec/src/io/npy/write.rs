//! Writing `.npy` files: a matrix row by row, and a column of integers.

use crate::error::{Error, Result};
use crate::io::atomic::Staged;
use std::path::Path;

/// A matrix of `f32`, shape (n, p), written row by row in little-endian C order; rows are not kept in memory.
#[derive(Debug)]
pub struct NpyWriter {
    file: Staged,
    p: usize,
    n_rows: usize,
    written: usize,
}

impl NpyWriter {
    /// Starts a file with the final name `path`, for `n_rows` rows of `p` numbers.
    ///
    /// # Errors
    /// Those of [`Staged::create`].
    pub fn create(path: impl AsRef<Path>, n_rows: usize, p: usize) -> Result<Self> {
        NpyWriter::begin(Staged::create(path)?, n_rows, p)
    }

    pub(in crate::io) fn begin(mut file: Staged, n_rows: usize, p: usize) -> Result<Self> {
        file.append(&header("<f4", &format!("({n_rows}, {p})")))?;
        Ok(NpyWriter { file, p, n_rows, written: 0 })
    }

    /// Goes on with a file that has `written` rows already.
    pub(in crate::io) fn go_on(file: Staged, n_rows: usize, p: usize, written: usize) -> Self {
        NpyWriter { file, p, n_rows, written }
    }

    pub(in crate::io) fn file_mut(&mut self) -> &mut Staged {
        &mut self.file
    }

    /// Appends rows, shape (any number, p).
    ///
    /// # Errors
    /// [`Error::Dimension`] if `values` are not whole rows or exceed `n_rows`, and [`Error::Io`].
    pub fn append(&mut self, values: &[f32]) -> Result<()> {
        let rows = values.len() / self.p.max(1);
        let wrong = |what, expected, got| Err(Error::Dimension { what, expected, got });
        if rows * self.p != values.len() {
            return wrong("rows", self.p, values.len());
        }
        if self.written + rows > self.n_rows {
            return wrong("output (rows)", self.n_rows, self.written + rows);
        }
        self.written += rows;
        self.file.append_numbers(values)
    }

    /// The complete file, to be committed.
    ///
    /// # Errors
    /// [`Error::Dimension`] if fewer than `n_rows` rows were appended.
    pub fn finish(self) -> Result<Staged> {
        if self.written < self.n_rows {
            let (expected, got) = (self.n_rows, self.written);
            return Err(Error::Dimension { what: "output (rows)", expected, got });
        }
        Ok(self.file)
    }
}

/// Writes `values`, shape (n,), as `int64` to a file with the final name `path`, to be committed.
///
/// # Errors
/// Those of [`Staged::create`], and [`Error::Io`].
pub fn write_integers(path: impl AsRef<Path>, values: &[i64]) -> Result<Staged> {
    let mut file = Staged::create(path)?;
    file.append(&header("<i8", &format!("({},)", values.len())))?;
    values.iter().try_for_each(|value| file.append(&value.to_le_bytes()))?;
    Ok(file)
}

/// A header of version 1.0; the data starts at a multiple of 64 bytes.
pub(super) fn header(descr: &str, shape: &str) -> Vec<u8> {
    let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let length = (10 + text.len() + 1).next_multiple_of(64) - 10;
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    // The text holds at most two 20-digit numbers, so its length is far below 65,536.
    bytes.extend((length as u16).to_le_bytes());
    bytes.extend(format!("{text:<width$}\n", width = length - 1).bytes());
    bytes
}
