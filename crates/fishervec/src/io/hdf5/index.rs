//! The index of a chunked array, of any of the six kinds, as one table of addresses.

use super::chunks::{Chunks, NOWHERE, Packed, Shape};
use super::dataset::{Dataset, Layout};
use super::storage::{Storing, invalid};
use crate::error::Result;
use hdf5_reader::btree_v1::{BTreeV1Key, collect_btree_v1_leaves_storage};
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
    let entries = entries(file, dataset, layout)?;
    let side_by_side = shape.side_by_side();
    let places = shape.rows.div_ceil(shape.chunk_rows).checked_mul(side_by_side);
    let most = MIN_TABLE.saturating_add(entries.len().saturating_mul(PER_CHUNK));
    let places = places.filter(|places| *places <= most).ok_or_else(|| {
        invalid(format!("only {} of its chunks were written: was its writer killed?", entries.len()))
    })?;
    let mut at = vec![NOWHERE; places].into_boxed_slice();
    let filtered = if layout.filters.is_empty() { 0 } else { places };
    let mut sizes = vec![0; filtered].into_boxed_slice();
    let mut skipped = sizes.clone();
    for entry in entries.iter().filter(|entry| !file.is_nowhere(entry.address)) {
        let Some((band, column)) = place(&entry.offsets, &layout.chunk, transposed)? else { continue };
        // A file may keep chunks outside of an array that was made smaller.
        if column >= side_by_side || band >= places / side_by_side {
            continue;
        }
        let index = band * side_by_side + column;
        let size = if filtered > 0 { entry.size } else { shape.chunk_bytes as u64 };
        let inside = entry.address.checked_add(size).is_some_and(|end| end <= file.section.len());
        if !inside || at[index] != NOWHERE {
            let reason = if inside { "is in its index twice" } else { "reaches past the end of the file" };
            return Err(invalid(format!("chunk {index} {reason}")));
        }
        at[index] = entry.address;
        if filtered > 0 {
            sizes[index] = u32::try_from(size).map_err(|_| invalid("a chunk of more than 4 GiB"))?;
            skipped[index] = entry.filter_mask;
        }
    }
    let packed = (filtered > 0).then_some(Packed { sizes, skipped, filters: layout.filters.clone() });
    Ok(Chunks::new(shape, at, packed))
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

/// The row of chunks and the place in it of the chunk that begins at `offsets`; `None` for one outside of the
/// first plane.
fn place(offsets: &[u64], chunk: &[u32], transposed: bool) -> Result<Option<(usize, usize)>> {
    let numbers: Option<Vec<usize>> = offsets
        .iter()
        .zip(chunk)
        .map(|(at, size)| (at % u64::from(*size) == 0).then_some((at / u64::from(*size)) as usize))
        .collect();
    match numbers.as_deref() {
        Some([n]) if chunk.len() == 1 => Ok(Some((*n, 0))),
        Some([before @ .., a, b]) if numbers.as_ref().map(Vec::len) == Some(chunk.len()) => {
            let inside = before.iter().all(|n| *n == 0);
            Ok(inside.then_some(if transposed { (*b, *a) } else { (*a, *b) }))
        }
        _ => Err(invalid(format!("a chunk that begins at {offsets:?}, with chunks of {chunk:?}"))),
    }
}

/// The chunks that an index lists.
fn entries(file: &Storing, dataset: &Dataset, layout: &Layout) -> Result<Vec<ChunkEntry>> {
    let (offset, length) = (file.offset_size, file.length_size);
    let shape: Vec<u64> = dataset.shape.iter().map(|n| *n as u64).collect();
    let (index, chunk, rank) = (layout.index, &layout.chunk[..], shape.len() as u32);
    let most = dataset.most.as_ref().filter(|most| most.len() == shape.len());
    // These two number the chunks of the largest shape that the array may grow to.
    let largest = most.filter(|most| !most.contains(&UNLIMITED)).unwrap_or(&shape);
    let found = match &layout.kind {
        None => {
            let leaves =
                collect_btree_v1_leaves_storage(file, index, offset, length, Some(rank), chunk, None);
            leaves.map(|leaves| leaves.into_iter().filter_map(of_key).collect())
        }
        Some(ChunkIndexing::SingleChunk { filtered_size, filters }) => {
            Ok(vec![single_chunk_entry(index, *filtered_size, *filters, shape.len())])
        }
        Some(ChunkIndexing::Implicit) => {
            let (item, end) = (dataset.number.size, file.section.len());
            collect_implicit_chunk_entries(index, largest, chunk, item, None, end)
        }
        Some(ChunkIndexing::FixedArray { .. }) => {
            collect_fixed_array_chunk_entries_storage(file, index, offset, length, largest, chunk, None)
        }
        Some(ChunkIndexing::ExtensibleArray { .. }) => collect_extensible_array_chunk_entries_storage(
            file,
            index,
            offset,
            length,
            &shape,
            most.map(Vec::as_slice),
            chunk,
            None,
        ),
        Some(ChunkIndexing::BTreeV2) => {
            collect_v2_chunk_entries_storage(file, index, offset, length, rank, chunk, None)
        }
    };
    found.map_err(|error| file.error(error))
}

/// The chunk of a key of a B-tree of version 1, which counts the bytes of an item as one more dimension.
fn of_key((key, address): (BTreeV1Key, u64)) -> Option<ChunkEntry> {
    match key {
        BTreeV1Key::RawData { chunk_size, filter_mask, mut offsets } => {
            offsets.pop();
            Some(ChunkEntry { address, size: u64::from(chunk_size), filter_mask, offsets })
        }
        BTreeV1Key::Group { .. } => None,
    }
}
