//! The B-tree of version 1 that lists the chunks of an array. TRIDENT's and CLAM's have one entry for each
//! row or few rows; the crate's own walk allocates several times for each.

use super::storage::{Storing, invalid};
use crate::error::Result;
use std::collections::HashSet;

/// A chunk that was written: its address, its size in the file, the filters it did not go through and where
/// it begins in the array.
#[derive(Debug)]
pub(super) struct Written<'a> {
    pub(super) at: u64,
    pub(super) size: u64,
    pub(super) skipped: u32,
    pub(super) offsets: &'a [u64],
}

/// Passes the chunks that the tree at `root` lists to `take`, for an array of `rank` dimensions.
///
/// # Errors
/// [`Error::Format`](crate::Error::Format) for a damaged tree; those of `take`.
pub(super) fn walk(
    file: &Storing,
    root: u64,
    rank: usize,
    take: &mut dyn FnMut(Written<'_>) -> Result<()>,
) -> Result<()> {
    let mut seen = HashSet::from([root]);
    let mut open = vec![(root, None)];
    while let Some((at, level)) = open.pop() {
        let node = Node::read(file, at, rank)?;
        if level.is_some_and(|level| level != node.level) {
            return Err(invalid("the levels of a tree do not follow each other"));
        }
        let mut offsets = vec![0; rank];
        for entry in node.bytes.chunks_exact(node.entry) {
            let (key, child) = entry.split_at(node.key);
            let child = address(child);
            match node.level.checked_sub(1) {
                Some(below) if seen.insert(child) => open.push((child, Some(below))),
                Some(_) => return Err(invalid("a tree leads back to where it was")),
                None => {
                    let (sizes, from) = key.split_at(8);
                    for (offset, from) in offsets.iter_mut().zip(from.chunks_exact(8)) {
                        *offset = address(from);
                    }
                    let (size, skipped) = (address(&sizes[..4]), address(&sizes[4..]) as u32);
                    take(Written { at: child, size, skipped, offsets: &offsets })?;
                }
            }
        }
    }
    Ok(())
}

/// A number of up to 8 bytes, the lowest first.
fn address(bytes: &[u8]) -> u64 {
    let mut whole = [0; 8];
    whole[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(whole)
}

/// A node: pairs of a key, which says where a chunk begins, and the address of a chunk or a node below.
struct Node {
    level: u8,
    /// The number of bytes of a key, and of a key with its address.
    key: usize,
    entry: usize,
    bytes: Vec<u8>,
}

impl Node {
    fn read(file: &Storing, at: u64, rank: usize) -> Result<Self> {
        let width = usize::from(file.offset_size);
        // A mark, the kind, the level, the number of entries, and the neighbours.
        let before = 8 + 2 * width;
        let head = file.bytes(at, before)?;
        if !head.starts_with(b"TREE\x01") {
            return Err(invalid("a node of a tree of chunks is not where it should be"));
        }
        let (level, n) = (head[5], usize::from(u16::from_le_bytes([head[6], head[7]])));
        // The size, the filters that were skipped, and the offsets, the last of which is in an item.
        let key = 8 + 8 * (rank + 1);
        let entry = key + width;
        let bytes = file.bytes(at, before + n * entry)?[before..].to_vec();
        Ok(Node { level, key, entry, bytes })
    }
}
