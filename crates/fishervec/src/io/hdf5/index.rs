//! The index of a chunked array, of any of the six kinds, as one table of addresses.

use super::chunk_tree::{self, Written};
use super::chunks::{Chunks, NOWHERE, Packed, Shape};
use super::dataset::{Dataset, Layout};
use super::storage::{Storing, invalid};
use crate::error::Result;
use hdf5_reader::chunk_index::{
    ChunkEntry, collect_implicit_chunk_entries, collect_v2_chunk_entries_storage, single_chunk_entry,
};
use hdf5_reader::extensible_array::collect_extensible_array_chunk_entries_storage;
use hdf5_reader::fixed_array::collect_fixed_array_chunk_entries_storage;
use hdf5_reader::messages::dataspace::UNLIMITED;
use hdf5_reader::messages::layout::ChunkIndexing;

/// A table has at most this many places, and so many more for each chunk that was written.
const MIN_TABLE: usize = 1 << 20;
const PER_CHUNK: usize = 64;

/// The table of the chunks of an array. Its last two dimensions are rows and columns, or columns and rows
/// if it is `transposed`; an array of one dimension is a column.
///
/// # Errors
/// [`Error::Format`](crate::Error::Format) for an index that is damaged or leads out of the file.
pub(super) fn table(file: &Storing, dataset: &Dataset, layout: &Layout, transposed: bool) -> Result<Chunks> {
    let shape = shape(dataset, layout, transposed);
    let mut found = Found { places: Vec::new(), shape, chunk: &layout.chunk };
    match &layout.kind {
        None => {
            chunk_tree::walk(file, layout.index, layout.chunk.len(), &mut |chunk| found.add(file, chunk))?
        }
        Some(kind) => {
            for chunk in entries(file, dataset, layout, kind)? {
                let ChunkEntry { address, size, filter_mask, offsets } = &chunk;
                found.add(file, Written { at: *address, size: *size, skipped: *filter_mask, offsets })?;
            }
        }
    }
    found.table(file, layout)
}

/// The chunks of an array that were found in its index.
struct Found<'a> {
    /// Each with the number of its place in the table.
    places: Vec<(usize, u64, u64, u32)>,
    shape: Shape,
    /// The shape of a chunk, in as many dimensions as the array has.
    chunk: &'a [u32],
}

impl Found<'_> {
    fn add(&mut self, file: &Storing, chunk: Written<'_>) -> Result<()> {
        let inside = match self.place(chunk.offsets)? {
            Some(place) if !file.is_nowhere(chunk.at) => place,
            _ => return Ok(()),
        };
        self.places.push((inside, chunk.at, chunk.size, chunk.skipped));
        Ok(())
    }

    /// The place in the table of the chunk that begins at `offsets`; `None` for one outside of the array, as
    /// a file may keep it when the array is made smaller.
    fn place(&self, offsets: &[u64]) -> Result<Option<usize>> {
        let Shape { rows, columns, chunk_rows, chunk_columns, transposed, .. } = self.shape;
        let fits = |(at, size): (&u64, &u32)| at % u64::from(*size) == 0;
        if offsets.len() != self.chunk.len() || !offsets.iter().zip(self.chunk).all(fits) {
            let size = self.chunk;
            return Err(invalid(format!("a chunk that begins at {offsets:?}, with chunks of {size:?}")));
        }
        let (before, row, column) = match *offsets {
            [row] => (&[][..], row, 0),
            [ref before @ .., column, row] if transposed => (before, row, column),
            [ref before @ .., row, column] => (before, row, column),
            [] => return Ok(None),
        };
        if before.iter().any(|at| *at > 0) || row >= rows as u64 || column >= columns as u64 {
            return Ok(None);
        }
        let side_by_side = self.shape.side_by_side();
        // It is at most the number of rows times that of columns, which fits.
        Ok(Some(row as usize / chunk_rows * side_by_side + column as usize / chunk_columns))
    }

    fn table(self, file: &Storing, layout: &Layout) -> Result<Chunks> {
        let Found { places: found, shape, .. } = self;
        let places = shape.rows.div_ceil(shape.chunk_rows) * shape.side_by_side();
        // Without the chunks of at least one row, nothing can be read.
        if found.len() < shape.side_by_side().min(places)
            || places > MIN_TABLE.saturating_add(found.len().saturating_mul(PER_CHUNK))
        {
            let (n, all) = (found.len(), places);
            return Err(invalid(format!("{n} of its {all} chunks were written: was its writer killed?")));
        }
        let mut at = vec![NOWHERE; places].into_boxed_slice();
        let filtered = if layout.filters.is_empty() { 0 } else { places };
        let mut sizes = vec![0; filtered].into_boxed_slice();
        let mut skipped = sizes.clone();
        for (place, address, size, mask) in found {
            let size = if filtered > 0 { size } else { shape.chunk_bytes as u64 };
            let inside = address.checked_add(size).is_some_and(|end| end <= file.section.len());
            if !inside || at[place] != NOWHERE {
                let reason =
                    if inside { "is in its index twice" } else { "reaches past the end of the file" };
                return Err(invalid(format!("chunk {place} {reason}")));
            }
            at[place] = address;
            if filtered > 0 {
                if layout.filters.most(size) < shape.chunk_bytes as u64 {
                    let expected = shape.chunk_bytes;
                    return Err(invalid(format!("a chunk of {size} bytes cannot decode to {expected}")));
                }
                sizes[place] = u32::try_from(size).map_err(|_| invalid("a chunk of more than 4 GiB"))?;
                skipped[place] = mask;
            }
        }
        let packed = (filtered > 0).then(|| Packed { sizes, skipped, filters: layout.filters.clone() });
        Ok(Chunks::new(shape, at, packed))
    }
}

fn shape(dataset: &Dataset, layout: &Layout, transposed: bool) -> Shape {
    // What lies before the last two dimensions is 1.
    let last_two = |sizes: Vec<usize>| match sizes[..] {
        [n] => (n, 1),
        [.., a, b] if transposed => (b, a),
        [.., a, b] => (a, b),
        [] => (1, 1),
    };
    let chunk: Vec<usize> = layout.chunk.iter().map(|n| *n as usize).collect();
    let item = dataset.number.size;
    let chunk_bytes = chunk.iter().product::<usize>() * item;
    let (rows, columns) = last_two(dataset.shape.clone());
    let (chunk_rows, chunk_columns) = last_two(chunk);
    Shape { rows, columns, chunk_rows, chunk_columns, item, chunk_bytes, transposed }
}

/// The chunks that an index of one of the newer kinds lists.
fn entries(
    file: &Storing,
    dataset: &Dataset,
    layout: &Layout,
    kind: &ChunkIndexing,
) -> Result<Vec<ChunkEntry>> {
    let (offset, length) = (file.offset_size, file.length_size);
    let shape: Vec<u64> = dataset.shape.iter().map(|n| *n as u64).collect();
    let (index, chunk, rank) = (layout.index, &layout.chunk[..], shape.len() as u32);
    let most = dataset.most.as_ref().filter(|most| most.len() == shape.len());
    // These two number the chunks of the largest shape that the array may grow to.
    let largest = most.filter(|most| !most.contains(&UNLIMITED)).unwrap_or(&shape);
    let found = match kind {
        ChunkIndexing::SingleChunk { filtered_size, filters } => {
            Ok(vec![single_chunk_entry(index, *filtered_size, *filters, shape.len())])
        }
        ChunkIndexing::Implicit => {
            let (item, end) = (dataset.number.size, file.section.len());
            collect_implicit_chunk_entries(index, largest, chunk, item, None, end)
        }
        ChunkIndexing::FixedArray { .. } => {
            collect_fixed_array_chunk_entries_storage(file, index, offset, length, largest, chunk, None)
        }
        ChunkIndexing::ExtensibleArray { .. } => collect_extensible_array_chunk_entries_storage(
            file,
            index,
            offset,
            length,
            &shape,
            most.map(Vec::as_slice),
            chunk,
            None,
        ),
        ChunkIndexing::BTreeV2 => {
            collect_v2_chunk_entries_storage(file, index, offset, length, rank, chunk, None)
        }
    };
    found.map_err(|error| file.error(error))
}
