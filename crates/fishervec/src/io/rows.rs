//! Rows of descriptors in a file, as a [`Source`]: the same for every format.

#[cfg(feature = "hdf5")]
use super::hdf5::{Chunks, Place};
use super::section::{Section, in_file};
use crate::data::{RowBuffer, Source};
use crate::error::{Error, Result};
use crate::simd::Real;
use half::{bf16, f16};
use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

/// The number of bytes read at once; the buffer is on the stack, so that reading a block allocates nothing.
const BUFFER_BYTES: usize = 32 * 1024;

/// Rows at most this many bytes apart are read together, since a separate request costs about as much.
const MAX_GAP: usize = 16 * 1024;

/// The number of numbers of positions that are read at once.
const POSITIONS: usize = 1024;
/// The largest number of their columns.
pub(super) const MAX_POSITION_COLUMNS: usize = 64;

/// The number type that descriptors are stored in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    F16,
    Bf16,
    F32,
    F64,
    U8,
    /// Integers of 1, 2, 4 or 8 bytes, which positions may be.
    Integer {
        size: u8,
        signed: bool,
    },
}

impl Stored {
    /// The number of bytes of a number.
    pub(super) fn size(self) -> usize {
        match self {
            Stored::U8 => 1,
            Stored::F16 | Stored::Bf16 => 2,
            Stored::F32 => 4,
            Stored::F64 => 8,
            Stored::Integer { size, .. } => usize::from(size),
        }
    }
}

/// The order of the numbers of an array.
#[derive(Debug, Clone)]
pub(super) enum Order {
    /// Row after row.
    C,
    /// Column after column.
    Fortran,
    /// Row after row, each preceded by its number of columns as an `i32`.
    Counted,
    /// In chunks.
    #[cfg(feature = "hdf5")]
    Chunked(Arc<Chunks>),
}

/// (n, d) of an array of that shape, if it holds descriptors: an array (1, n, d) is one of (n, d).
pub(super) fn rows_and_columns(shape: &[usize]) -> Option<(usize, usize)> {
    match *shape {
        [n, d] | [1, n, d] if d > 0 => Some((n, d)),
        _ => None,
    }
}

/// A shape as Python spells it.
pub(super) fn shape_text(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    format!("({}{})", sizes.join(", "), if shape.len() == 1 { "," } else { "" })
}

/// An array of descriptors in a file, shape (n, d), of any of the supported formats: 16, 32 or 64-bit floats
/// or bytes, in either byte order, in C or Fortran order or in chunks. Only its header has been read; it is
/// cheap to clone.
///
/// Any number of threads can read at once. In Fortran order a block of rows takes d reads instead of one.
/// A compressed chunk is decoded once for each reader that goes through the rows in ascending order.
#[derive(Debug, Clone)]
pub struct FileRows {
    data: Section,
    n_rows: usize,
    dim: usize,
    stored: Stored,
    big_endian: bool,
    order: Order,
    /// The positions of the rows, which are read as columns behind the others.
    positions: Option<Arc<FileRows>>,
}

impl FileRows {
    /// The array of `n_rows` rows of `dim` numbers, at least 1, that `data` holds.
    pub(super) fn new(
        data: Section,
        (n_rows, dim): (usize, usize),
        stored: Stored,
        big_endian: bool,
        order: Order,
    ) -> Self {
        FileRows { data, n_rows, dim, stored, big_endian, order, positions: None }
    }

    /// The same rows with the columns of `positions` behind theirs.
    ///
    /// # Errors
    /// [`Error::Format`], with the path, unless there is a position for each row.
    pub(super) fn with_positions(self, positions: FileRows) -> Result<Self> {
        let (expected, got) = (self.n_rows, positions.n_rows);
        if expected != got || positions.dim > MAX_POSITION_COLUMNS {
            let reason = format!("expected {expected} positions, got {got}");
            return Err(in_file(self.data.path())(Error::format("file with positions", reason)));
        }
        Ok(FileRows { positions: Some(Arc::new(positions)), ..self })
    }

    /// An empty array whose number of columns is not known.
    pub(super) fn nothing(data: Section, stored: Stored) -> Self {
        FileRows::new(data, (0, 0), stored, false, Order::C)
    }

    /// The same array without rows, whose number of columns is not known.
    pub(super) fn without_columns(self) -> Self {
        FileRows::nothing(self.data, self.stored)
    }

    /// The number of rows, n.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The number of columns, d.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim + self.positions.as_ref().map_or(0, |positions| positions.dim)
    }

    /// Whether the numbers are stored in double precision; all other types of descriptors convert to `f32`
    /// exactly. Positions are not asked.
    #[must_use]
    pub fn is_f64(&self) -> bool {
        self.stored == Stored::F64
    }

    /// The rows of `range` as a set whose numbers are `F`; only `f8` read as `f32` is rounded.
    ///
    /// # Panics
    /// If the range is not within 0..n, as slicing does.
    #[must_use]
    pub fn rows<F: Real>(&self, range: Range<usize>) -> RowsOf<F> {
        assert!(range.start <= range.end && range.end <= self.n_rows, "rows {range:?} of {}", self.n_rows);
        RowsOf { array: self.clone(), start: range.start, n_rows: range.len(), real: PhantomData }
    }

    /// Reads the rows from `start` on into `out`, row-major, each with its position behind it.
    fn read<F: Real>(&self, start: usize, out: &mut [F], spare: &mut RowBuffer<F>) -> Result<()> {
        if out.is_empty() {
            return Ok(());
        }
        let Some(positions) = &self.positions else { return self.read_own(start, out, spare) };
        let (d, more, width) = (self.dim, positions.dim, self.dim());
        let rows = out.len() / width;
        self.read_own(start, &mut out[..rows * d], spare)?;
        // From the last row on, so that none is overwritten before it has moved.
        for row in (0..rows).rev() {
            out.copy_within(row * d..(row + 1) * d, row * width);
        }
        let mut own = RowBuffer::default();
        let (mut buffer, at_once) = ([F::ZERO; POSITIONS], POSITIONS / more);
        for (start, out) in (start..).step_by(at_once).zip(out.chunks_mut(at_once * width)) {
            let some = &mut buffer[..out.len() / width * more];
            positions.read_own(start, some, &mut own)?;
            for (from, to) in some.chunks_exact(more).zip(out.chunks_exact_mut(width)) {
                to[d..].copy_from_slice(from);
            }
        }
        Ok(())
    }

    /// Reads the rows from `start` on into `out`, row-major, without positions.
    #[cfg_attr(not(feature = "hdf5"), expect(unused_variables, reason = "only chunks need spare memory"))]
    fn read_own<F: Real>(&self, start: usize, out: &mut [F], spare: &mut RowBuffer<F>) -> Result<()> {
        let mut buffer = [0; BUFFER_BYTES];
        match &self.order {
            Order::C => {
                let first = start as u64 * self.dim as u64 * self.stored.size() as u64;
                self.read_numbers(first, out.len(), out.iter_mut(), &mut buffer)
            }
            Order::Fortran => {
                let rows = out.len() / self.dim;
                for column in 0..self.dim {
                    let numbers = out[column..].iter_mut().step_by(self.dim);
                    let first =
                        (column as u64 * self.n_rows as u64 + start as u64) * self.stored.size() as u64;
                    self.read_numbers(first, rows, numbers, &mut buffer)?;
                }
                Ok(())
            }
            Order::Counted => {
                let row_bytes = 4 + (self.dim * self.stored.size()) as u64;
                for (row, out) in (start as u64..).zip(out.chunks_exact_mut(self.dim)) {
                    let mut count = [0; 4];
                    self.data.read_at(row * row_bytes, &mut count)?;
                    let got = i32::from_le_bytes(count);
                    if usize::try_from(got) != Ok(self.dim) {
                        let reason = format!("row {row} has {got} columns: expected {}", self.dim);
                        return Err(in_file(self.data.path())(Error::format("fvecs", reason)));
                    }
                    self.read_numbers(row * row_bytes + 4, self.dim, out.iter_mut(), &mut buffer)?;
                }
                Ok(())
            }
            #[cfg(feature = "hdf5")]
            Order::Chunked(chunks) => {
                let rows = out.len() / self.dim;
                let read = chunks.read(&self.data, start, rows, &mut spare.held, |piece, place| {
                    let numbers = out[piece.first..].iter_mut();
                    // Neighbours are by far the most frequent, and the fastest.
                    match piece.step {
                        1 => self.take(place, piece.n, numbers, &mut buffer),
                        step => self.take(place, piece.n, numbers.step_by(step), &mut buffer),
                    }
                });
                read.map_err(in_file(self.data.path()))
            }
        }
    }

    /// Takes `n` numbers from the file or from memory into `out`.
    #[cfg(feature = "hdf5")]
    fn take<'a, F: Real>(
        &self,
        place: Place<'_>,
        n: usize,
        out: impl Iterator<Item = &'a mut F>,
        buffer: &mut [u8; BUFFER_BYTES],
    ) -> Result<()> {
        match place {
            Place::File(at) => self.read_numbers(at, n, out, buffer),
            Place::Memory(bytes) => {
                self.decode(bytes, out);
                Ok(())
            }
        }
    }

    /// Reads `n` numbers from byte `at` on into `out`.
    fn read_numbers<'a, F: Real>(
        &self,
        mut at: u64,
        n: usize,
        mut out: impl Iterator<Item = &'a mut F>,
        buffer: &mut [u8; BUFFER_BYTES],
    ) -> Result<()> {
        let end = at + (n * self.stored.size()) as u64;
        while at < end {
            let bytes = &mut buffer[..(end - at).min(BUFFER_BYTES as u64) as usize];
            self.data.read_at(at, bytes)?;
            self.decode(bytes, out.by_ref());
            at += bytes.len() as u64;
        }
        Ok(())
    }

    fn decode<'a, F: Real>(&self, bytes: &[u8], out: impl Iterator<Item = &'a mut F>) {
        match (self.stored, self.big_endian) {
            (Stored::F16, false) => fill(bytes, out, |b| f16::from_le_bytes(b).to_f64()),
            (Stored::F16, true) => fill(bytes, out, |b| f16::from_be_bytes(b).to_f64()),
            (Stored::Bf16, false) => fill(bytes, out, |b| bf16::from_le_bytes(b).to_f64()),
            (Stored::Bf16, true) => fill(bytes, out, |b| bf16::from_be_bytes(b).to_f64()),
            (Stored::F32, false) => fill(bytes, out, |b| f64::from(f32::from_le_bytes(b))),
            (Stored::F32, true) => fill(bytes, out, |b| f64::from(f32::from_be_bytes(b))),
            (Stored::F64, false) => fill(bytes, out, f64::from_le_bytes),
            (Stored::F64, true) => fill(bytes, out, f64::from_be_bytes),
            (Stored::U8, _) => fill(bytes, out, |[b]| f64::from(b)),
            (Stored::Integer { size, signed }, big_endian) => {
                for (item, to) in bytes.chunks_exact(usize::from(size)).zip(out) {
                    *to = F::from_f64(wide_integer(item, signed, big_endian));
                }
            }
        }
    }
}

/// An integer of up to 8 bytes as a float: exact up to 2^53.
fn wide_integer(item: &[u8], signed: bool, big_endian: bool) -> f64 {
    let push = |bits: u64, byte: &u8| bits << 8 | u64::from(*byte);
    let bits = if big_endian { item.iter().fold(0, push) } else { item.iter().rev().fold(0, push) };
    let spare = 64 - 8 * item.len() as u32;
    if signed { ((bits << spare).cast_signed() >> spare) as f64 } else { bits as f64 }
}

/// Converts the items of `bytes`, N bytes each, into `out`; it never advances `out` beyond them.
fn fill<'a, F: Real, const N: usize>(
    bytes: &[u8],
    out: impl Iterator<Item = &'a mut F>,
    number: impl Fn([u8; N]) -> f64,
) {
    for (from, to) in bytes.as_chunks().0.iter().zip(out) {
        *to = F::from_f64(number(*from));
    }
}

/// A set in a file: some rows of a [`FileRows`], read block by block as `F`. It is cheap to make and to
/// clone.
#[derive(Debug, Clone)]
pub struct RowsOf<F> {
    array: FileRows,
    start: usize,
    n_rows: usize,
    real: PhantomData<F>,
}

impl<F: Real> RowsOf<F> {
    /// Reads the rows of the given ascending numbers, in order, into `out`, shape (rows.len(), d). Rows near
    /// each other are read together.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::NotFinite`] with the row's number in this set, and [`Error::Dimension`] for
    /// an output of another length. Cost O(rows d).
    ///
    /// # Panics
    /// If a row is not in the set, as indexing a slice does.
    pub fn gather(&self, rows: &[usize], out: &mut [F]) -> Result<()> {
        let d = self.dim();
        if out.len() != rows.len() * d {
            return Err(Error::Dimension { what: "output", expected: rows.len() * d, got: out.len() });
        }
        let near = (MAX_GAP / (d * self.array.stored.size()).max(1)).max(1);
        let (mut block, mut spare) = (Vec::new(), RowBuffer::default());
        let mut out = out.chunks_exact_mut(d.max(1));
        let mut rest = rows;
        while let [first, ..] = rest {
            let apart = |w: &[usize]| w[1] - w[0] > near || w[1] - first > 16 * near;
            let (group, later) = rest.split_at(rest.windows(2).position(apart).map_or(rest.len(), |i| i + 1));
            let last = group[group.len() - 1];
            assert!(last < self.n_rows, "row {last} of {}", self.n_rows);
            block.resize((last - first + 1) * d, F::ZERO);
            self.read(*first, &mut block, &mut spare)?;
            for (row, out) in group.iter().zip(out.by_ref()) {
                let from = &block[(row - first) * d..][..d];
                if let Some(column) = from.iter().position(|x| !x.to_f64().is_finite()) {
                    let value = from[column].to_f64();
                    return Err(self.locate(Error::NotFinite { row: *row, column, value }));
                }
                out.copy_from_slice(from);
            }
            rest = later;
        }
        Ok(())
    }
}

impl<F: Real> Source for RowsOf<F> {
    type Real = F;

    fn n_rows(&self) -> usize {
        self.n_rows
    }

    fn dim(&self) -> usize {
        self.array.dim()
    }

    fn read(&self, start: usize, out: &mut [F], spare: &mut RowBuffer<F>) -> Result<()> {
        self.array.read(self.start + start, out, spare)
    }

    fn is_stored(&self) -> bool {
        true
    }

    /// A number of a position is one of the position columns, not of the descriptors.
    fn locate(&self, error: Error) -> Error {
        match error {
            Error::NotFinite { row, column, value } if column >= self.array.dim => {
                Error::NotFinite { row, column: column - self.array.dim, value }.at("positions")
            }
            other => other,
        }
    }
}
