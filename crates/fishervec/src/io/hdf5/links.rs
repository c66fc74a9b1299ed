//! The links of a group: the names in it, and what they lead to.

use super::header::Header;
use super::storage::Storing;
use crate::error::Result;
use hdf5_reader::Storage;
use hdf5_reader::btree_v1::collect_btree_v1_leaves_storage;
use hdf5_reader::btree_v2::{BTreeV2Header, BTreeV2Record, collect_btree_v2_records_storage};
use hdf5_reader::fractal_heap::{FractalHeap, FractalHeapDirectBlockCache};
use hdf5_reader::io::Cursor;
use hdf5_reader::local_heap::LocalHeap;
use hdf5_reader::messages::link::{LinkMessage, LinkTarget};
use hdf5_reader::messages::link_info::LinkInfoMessage;
use hdf5_reader::messages::symbol_table_msg::SymbolTableMessage;
use hdf5_reader::messages::{self, MSG_LINK, MSG_LINK_INFO, MSG_SYMBOL_TABLE};
use hdf5_reader::symbol_table::SymbolTableNode;

/// What a name leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// An object, by the address of its header.
    Object(u64),
    /// Another name in this file.
    Soft(String),
    /// A name in another file.
    External(String),
}

/// The links of a group.
struct Found<'a> {
    links: Vec<(String, Target)>,
    /// The number of bytes that the links of the file may still take.
    left: &'a mut u64,
}

impl Found<'_> {
    fn add(&mut self, name: String, target: Target) -> hdf5_reader::error::Result<()> {
        let to = match &target {
            Target::Object(_) => size_of::<u32>(),
            Target::Soft(text) | Target::External(text) => text.len(),
        };
        *self.left = self.left.checked_sub((name.len() + to) as u64).ok_or_else(|| {
            hdf5_reader::error::Error::InvalidData("its lists of names are larger than the file".to_owned())
        })?;
        self.links.push((name, target));
        Ok(())
    }

    fn add_message(&mut self, link: LinkMessage) -> hdf5_reader::error::Result<()> {
        let target = match link.target {
            LinkTarget::Hard { address } => Target::Object(address),
            LinkTarget::Soft { path } => Target::Soft(path),
            LinkTarget::External { filename, .. } => Target::External(filename),
        };
        self.add(link.name, target)
    }
}

/// The links of the group with that header, which may take `left` bytes, and leave the rest to other groups.
///
/// # Errors
/// [`Error::Format`](crate::Error::Format) for damaged lists, and for more links than fit in the file.
pub(super) fn links(header: &Header, file: &Storing, left: &mut u64) -> Result<Vec<(String, Target)>> {
    let (offset, length) = (file.offset_size, file.length_size);
    let mut found = Found { links: Vec::new(), left };
    for message in &header.0 {
        let (mut cursor, size) = (Cursor::new(&message.bytes), message.bytes.len());
        let listed = match message.kind {
            MSG_SYMBOL_TABLE => {
                let table = messages::symbol_table_msg::parse(&mut cursor, offset, length, size);
                old(file, &table.map_err(|error| file.error(error))?, &mut found)
            }
            MSG_LINK => {
                let link = messages::link::parse(&mut cursor, offset, length, size);
                link.and_then(|link| found.add_message(link))
            }
            MSG_LINK_INFO => {
                let info = messages::link_info::parse(&mut cursor, offset, length, size);
                many(file, &info.map_err(|error| file.error(error))?, &mut found)
            }
            _ => continue,
        };
        listed.map_err(|error| file.error(error))?;
    }
    Ok(found.links)
}

/// The links of a group of the old kind: a B-tree of nodes, and a heap of names.
fn old(file: &Storing, table: &SymbolTableMessage, found: &mut Found<'_>) -> hdf5_reader::error::Result<()> {
    let (offset, length) = (file.offset_size, file.length_size);
    let heap = LocalHeap::parse_at_storage(file, table.heap_address, offset, length)?;
    let names = file.read_range(heap.data_segment_address, heap.data_segment_size as usize)?;
    let text = |at: u64| {
        let from = usize::try_from(at).ok().and_then(|at| names.get(at..));
        let end = from.and_then(|from| from.iter().position(|byte| *byte == 0));
        let bytes = from.zip(end).map(|(from, end)| &from[..end]);
        bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()).ok_or_else(cut)
    };
    let nodes = collect_btree_v1_leaves_storage(file, table.btree_address, offset, length, None, &[], None)?;
    for (_, at) in nodes {
        let head = file.read_range(at, 8)?;
        let entries = u16::from_le_bytes([head[6], head[7]]);
        let entry = 2 * usize::from(offset) + 24;
        let node = file.read_range(at, 8 + usize::from(entries) * entry)?;
        for entry in SymbolTableNode::parse(&mut Cursor::new(&node), offset, length)?.entries {
            let [a, b, c, d, ..] = entry.scratch;
            // Type 2 is a link by name, which stands in the heap.
            let target = match entry.cache_type {
                2 => Target::Soft(text(u64::from(u32::from_le_bytes([a, b, c, d])))?),
                _ => Target::Object(entry.object_header_address),
            };
            found.add(text(entry.link_name_offset)?, target)?;
        }
    }
    Ok(())
}

/// The links of a group of the new kind that has many: a B-tree of places in a heap.
fn many(file: &Storing, info: &LinkInfoMessage, found: &mut Found<'_>) -> hdf5_reader::error::Result<()> {
    let (offset, length) = (file.offset_size, file.length_size);
    if file.is_nowhere(info.fractal_heap_address) {
        return Ok(());
    }
    let heap = FractalHeap::parse_at_storage(file, info.fractal_heap_address, offset, length)?;
    let tree = BTreeV2Header::parse_at_storage(file, info.btree_name_index_address, offset, length)?;
    let records = collect_btree_v2_records_storage(file, &tree, offset, length, None, &[], None)?;
    let mut blocks = FractalHeapDirectBlockCache::default();
    for record in &records {
        let (BTreeV2Record::LinkNameHash { heap_id, .. } | BTreeV2Record::CreationOrder { heap_id, .. }) =
            record
        else {
            return Err(cut());
        };
        let bytes = heap.get_object_storage_cached(heap_id, file, offset, length, &mut blocks)?;
        let link = messages::link::parse(&mut Cursor::new(&bytes), offset, length, bytes.len())?;
        found.add_message(link)?;
    }
    Ok(())
}

fn cut() -> hdf5_reader::error::Error {
    hdf5_reader::error::Error::InvalidData("a list of names is damaged".to_owned())
}
