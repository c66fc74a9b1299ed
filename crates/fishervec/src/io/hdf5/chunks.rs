//! An array in chunks: a table of their addresses, and rows read through it.

use super::filters::Filters;
use super::storage::invalid;
use crate::data::Held;
use crate::error::{Error, Result};
use crate::io::section::Section;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

/// The address of a chunk that was never written.
pub(super) const NOWHERE: u64 = u64::MAX;
/// Of a chunk that is not compressed, this many rows or more are cut out of the whole chunk, read at once.
const MANY: usize = 8;
/// The largest number of bytes of decoded chunks that a reader keeps, unless one chunk alone is larger.
const MAX_HELD: usize = 64 << 20;

/// The number of tables made so far: each has its own number.
static TABLES: AtomicU64 = AtomicU64::new(0);

/// Where the chunks of an array of n rows and d columns are.
#[derive(Debug)]
pub(in crate::io) struct Chunks {
    /// Tells decoded chunks of this array from those of others.
    id: u64,
    shape: Shape,
    /// The addresses, for the chunks of the first rows before those of the next.
    at: Box<[u64]>,
    /// How the chunks are compressed, if they are.
    packed: Option<Packed>,
}

/// Rows and columns of an array, of a chunk, and the number of chunks in a row of chunks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) chunk_rows: usize,
    pub(super) chunk_columns: usize,
    /// The number of bytes of an item.
    pub(super) item: usize,
    /// The number of bytes of a chunk: more than its rows and columns have, if it reaches into a third
    /// dimension.
    pub(super) chunk_bytes: usize,
    /// Whether a chunk holds column after column.
    pub(super) transposed: bool,
}

/// The size of each compressed chunk, and which filters it did not go through.
#[derive(Debug)]
pub(super) struct Packed {
    pub(super) sizes: Box<[u32]>,
    pub(super) skipped: Box<[u32]>,
    pub(super) filters: Filters,
}

/// Numbers that follow each other: `n` of them, the first for place `first` of the output, each next one
/// `step` places on.
#[derive(Debug, Clone, Copy)]
pub(in crate::io) struct Piece {
    pub(in crate::io) first: usize,
    pub(in crate::io) step: usize,
    pub(in crate::io) n: usize,
}

/// Where such numbers are.
#[derive(Debug)]
pub(in crate::io) enum Place<'a> {
    /// In the file, from that address on.
    File(u64),
    /// In memory.
    Memory(&'a [u8]),
}

impl Shape {
    /// The number of chunks side by side.
    pub(super) fn side_by_side(&self) -> usize {
        self.columns.div_ceil(self.chunk_columns)
    }

    /// Whether a chunk holds whole rows and nothing else, one after the other.
    fn has_whole_rows(&self) -> bool {
        !self.transposed && self.chunk_columns == self.columns
    }

    /// The pieces of the rows `rows` of chunk `column` of a row of chunks, with the place of each in the
    /// chunk, in bytes. The output begins with row `start`.
    fn pieces(
        &self,
        start: usize,
        rows: Range<usize>,
        column: usize,
    ) -> impl Iterator<Item = (u64, Piece)> + use<> {
        let Shape { columns, chunk_rows, chunk_columns, item, transposed, .. } = *self;
        let (inside, left) = (rows.start % chunk_rows, column * chunk_columns);
        let width = chunk_columns.min(columns - left);
        let first = (rows.start - start) * columns + left;
        let whole = self.has_whole_rows();
        let lines = if whole {
            1
        } else if transposed {
            width
        } else {
            rows.len()
        };
        (0..lines).map(move |line| {
            let (from, first, step, n) = if whole {
                (inside * chunk_columns, first, 1, rows.len() * columns)
            } else if transposed {
                (line * chunk_rows + inside, first + line, columns, rows.len())
            } else {
                ((inside + line) * chunk_columns, first + line * columns, 1, width)
            };
            ((from * item) as u64, Piece { first, step, n })
        })
    }
}

impl Chunks {
    pub(super) fn new(shape: Shape, at: Box<[u64]>, packed: Option<Packed>) -> Self {
        Chunks { id: TABLES.fetch_add(1, Ordering::Relaxed), shape, at, packed }
    }

    /// Passes the numbers of the rows from `start` on to `take`, piece by piece. Chunks that are not read in
    /// place are decoded into `held`, from where the next call may take them.
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format) for chunks that are damaged or were never written; those of
    /// the system and of `take`.
    pub(in crate::io) fn read(
        &self,
        file: &Section,
        start: usize,
        n_rows: usize,
        held: &mut Held,
        take: impl FnMut(Piece, Place<'_>) -> Result<()>,
    ) -> Result<()> {
        let (shape, end) = (self.shape, start + n_rows);
        let mut runs = Runs { pending: None, item: shape.item, take };
        let mut row = start;
        while row < end {
            let band = row / shape.chunk_rows;
            let rows = row..end.min((band + 1) * shape.chunk_rows);
            row = rows.end;
            for column in 0..shape.side_by_side() {
                let index = band * shape.side_by_side() + column;
                let mut pieces = shape.pieces(start, rows.clone(), column);
                match self.at[index] {
                    NOWHERE => return Err(unwritten(&rows)),
                    at if self.is_read_in_place(rows.len()) => {
                        pieces.try_for_each(|(from, piece)| runs.in_file(at + from, piece))?;
                    }
                    _ => {
                        let bytes = self.decoded(file, index, held)?;
                        pieces.try_for_each(|(from, piece)| runs.in_memory(bytes, from, piece))?;
                    }
                }
            }
        }
        runs.end()
    }

    /// Whether `n_rows` rows of a chunk are read where they lie, rather than from the decoded chunk.
    fn is_read_in_place(&self, n_rows: usize) -> bool {
        let side_by_side = self.shape.chunk_bytes.saturating_mul(self.shape.side_by_side());
        let cut = self.shape.has_whole_rows() || n_rows < MANY || side_by_side > MAX_HELD;
        self.packed.is_none() && cut
    }

    /// The bytes of a chunk, from `held` if they are there.
    fn decoded<'a>(&self, file: &Section, index: usize, held: &'a mut Held) -> Result<&'a [u8]> {
        let size = self.shape.chunk_bytes;
        // All chunks of a row of chunks, so that the next rows find them.
        let slots = self.shape.side_by_side().min(MAX_HELD / size).max(1);
        held.chunk((self.id, index), index % slots, |packed, out| match &self.packed {
            Some(chunks) => {
                packed.resize(chunks.sizes[index] as usize, 0);
                file.read_at(self.at[index], packed)?;
                chunks.filters.decode(packed, chunks.skipped[index], size, out)
            }
            None => {
                out.resize(size, 0);
                file.read_at(self.at[index], out)
            }
        })
    }
}

fn unwritten(rows: &Range<usize>) -> Error {
    invalid(format!("rows {} to {} were never written: was its writer killed?", rows.start, rows.end - 1))
}

/// Passes pieces on; those that lie together in the file and in the output are one.
struct Runs<F> {
    pending: Option<(u64, Piece)>,
    item: usize,
    take: F,
}

impl<F: FnMut(Piece, Place<'_>) -> Result<()>> Runs<F> {
    fn in_file(&mut self, at: u64, piece: Piece) -> Result<()> {
        if let Some((begin, run)) = &mut self.pending {
            let end = *begin + (run.n * self.item) as u64;
            if (run.step, piece.step) == (1, 1) && piece.first == run.first + run.n && at == end {
                run.n += piece.n;
                return Ok(());
            }
        }
        self.end()?;
        self.pending = Some((at, piece));
        Ok(())
    }

    fn in_memory(&mut self, chunk: &[u8], from: u64, piece: Piece) -> Result<()> {
        (self.take)(piece, Place::Memory(&chunk[from as usize..][..piece.n * self.item]))
    }

    fn end(&mut self) -> Result<()> {
        self.pending.take().map_or(Ok(()), |(at, piece)| (self.take)(piece, Place::File(at)))
    }
}
