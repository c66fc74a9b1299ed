//! Arrays of a `.npy` file; small ones (labels, lengths, offsets) are read whole.

use super::header::{Header, invalid};
use crate::error::Result;
use crate::io::rows::{FileRows, Order, Stored, rows_and_columns};
use crate::io::section::{Section, in_file};
use std::path::Path;

/// One label per set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Labels {
    /// Labels from an array of integers or booleans; a negative number means that there is no label.
    Integers(Vec<i64>),
    /// Labels from an array of strings.
    Names(Vec<String>),
}

impl Labels {
    /// The number of labels.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Labels::Integers(labels) => labels.len(),
            Labels::Names(labels) => labels.len(),
        }
    }

    /// Whether there are no labels.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// An array in a `.npy` file, or in a member of an `.npz`: its shape and type, and its data still on disk.
#[derive(Debug, Clone)]
pub struct NpyArray {
    pub(super) header: Header,
    pub(super) data: Section,
}

impl NpyArray {
    /// Opens the file at `path` and reads its header.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), or [`Error::Format`](crate::Error::Format) for a file that is not an
    /// `.npy` or is shorter than its header says; each names the path.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        Self::parse(&Section::open(path)?).map_err(in_file(path))
    }

    /// The array in a section that holds a whole `.npy` file.
    pub(crate) fn parse(section: &Section) -> Result<Self> {
        let header = Header::read(&mut section.reader(), section.len(), section.path())?;
        let data = section.slice(header.start, header.bytes);
        let data = data.ok_or_else(|| invalid("the file is shorter than its header says"))?;
        Ok(NpyArray { header, data })
    }

    /// Its shape.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.header.shape
    }

    /// Its type as NumPy spells it: `<f4`.
    #[must_use]
    pub fn dtype(&self) -> &str {
        &self.header.dtype.text
    }

    /// The array as rows of descriptors, shape (n, d) or (1, n, d).
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format) if it does not have two dimensions and at least one column, or
    /// has a type other than `f2`, `f4`, `f8`, `u1`.
    pub fn rows(self) -> Result<FileRows> {
        let stored = self.header.stored().ok_or_else(|| self.header.refuse("f2, f4, f8 or u1"))?;
        self.rows_of(stored)
    }

    /// The array as rows of positions, shape (n, L) or (1, n, L), which may be integers.
    pub(in crate::io) fn positions(self) -> Result<FileRows> {
        let stored = self.header.number().ok_or_else(|| self.header.refuse("integers or floats"))?;
        self.rows_or_nothing(stored)
    }

    /// The array as rows of numbers, which may be integers; one of shape (n,) is a row, and so is a number.
    pub(in crate::io) fn numbers(mut self) -> Result<FileRows> {
        let stored = self.header.number().ok_or_else(|| self.header.refuse("integers or floats"))?;
        if self.header.shape.len() < 2 {
            self.header.shape = vec![1, self.header.shape.first().copied().unwrap_or(1)];
        }
        self.rows_of(stored)
    }

    /// The array as rows of descriptors; one of shape (0,) is an empty set that does not tell its number of
    /// columns.
    pub(in crate::io) fn descriptors(self) -> Result<FileRows> {
        match self.header.stored() {
            Some(stored) => self.rows_or_nothing(stored),
            None => self.rows(),
        }
    }

    fn rows_or_nothing(self, stored: Stored) -> Result<FileRows> {
        match self.shape() {
            [0] => Ok(FileRows::nothing(self.data, stored)),
            _ => self.rows_of(stored),
        }
    }

    fn rows_of(self, stored: Stored) -> Result<FileRows> {
        let NpyArray { header, data } = self;
        let Some(shape) = rows_and_columns(&header.shape) else {
            let got = header.shape_text();
            return Err(invalid(format!("expected shape (n, d) with d at least 1, got {got}")));
        };
        let order = if header.fortran { Order::Fortran } else { Order::C };
        Ok(FileRows::new(data, shape, stored, header.dtype.big_endian, order))
    }

    /// The array, shape (n,), of integers of any width or of booleans, read whole.
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format) for another shape, another type, or a number above
    /// `i64::MAX`; [`Error::Io`](crate::Error::Io).
    pub fn integers(&self) -> Result<Vec<i64>> {
        let (size, big_endian) = (self.header.dtype.size, self.header.dtype.big_endian);
        let signed = match (self.header.dtype.kind, size) {
            ('i', 1 | 2 | 4 | 8) => true,
            ('u', 1 | 2 | 4 | 8) | ('b', 1) => false,
            _ => return Err(self.header.refuse("integers")),
        };
        let integer = |item: &[u8]| integer(item, signed, big_endian);
        self.items(integer, |item| format!("{item:?} does not fit a 64-bit signed integer"))
    }

    /// The array, shape (n,), of integers, booleans or strings (`U` or UTF-8 in `S`), read whole.
    ///
    /// # Errors
    /// As [`integers`](Self::integers), and for a string that is not Unicode.
    pub fn labels(&self) -> Result<Labels> {
        let big_endian = self.header.dtype.big_endian;
        let code_point = |b: [u8; 4]| {
            char::from_u32(if big_endian { u32::from_be_bytes(b) } else { u32::from_le_bytes(b) })
        };
        let name = |item: &[u8]| match self.header.dtype.kind {
            'U' => item.as_chunks().0.iter().map(|b| code_point(*b)).collect::<Option<String>>(),
            _ => String::from_utf8(item.to_vec()).ok(),
        };
        match self.header.dtype.kind {
            'U' | 'S' => {
                let name = |item: &[u8]| Some(name(item)?.trim_end_matches('\0').to_owned());
                Ok(Labels::Names(self.items(name, |_| "a string that is not Unicode".to_owned())?))
            }
            'b' | 'i' | 'u' => self.integers().map(Labels::Integers),
            _ => Err(self.header.refuse("integers or strings")),
        }
    }

    /// Reads a whole one-dimensional array and converts each item; `wrong` describes an item that `convert`
    /// rejects.
    fn items<T>(
        &self,
        convert: impl Fn(&[u8]) -> Option<T>,
        wrong: impl Fn(&[u8]) -> String,
    ) -> Result<Vec<T>> {
        if self.header.shape.len() != 1 {
            return Err(invalid(format!("expected shape (n,), got {}", self.header.shape_text())));
        }
        // The header was checked against the file, so the file holds this many bytes.
        let length = usize::try_from(self.header.bytes);
        let mut bytes = vec![0; length.map_err(|_| invalid("the array is larger than the address space"))?];
        self.data.read_at(0, &mut bytes)?;
        let items = bytes.chunks_exact(self.header.dtype.size).enumerate();
        items
            .map(|(i, item)| convert(item).ok_or_else(|| invalid(format!("item {i}: {}", wrong(item)))))
            .collect()
    }
}

/// An integer of up to 8 bytes; `None` if it does not fit.
pub(in crate::io) fn integer(item: &[u8], signed: bool, big_endian: bool) -> Option<i64> {
    let push = |bits: u64, byte: &u8| bits << 8 | u64::from(*byte);
    let bits = if big_endian { item.iter().fold(0, push) } else { item.iter().rev().fold(0, push) };
    let spare = 64 - 8 * item.len() as u32;
    if signed { Some((bits << spare).cast_signed() >> spare) } else { i64::try_from(bits).ok() }
}
