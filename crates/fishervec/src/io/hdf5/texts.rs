//! Strings, as labels are.

use super::number::{Class, Number};
use super::storage::{Storing, invalid};
use crate::error::Result;
use hdf5_reader::global_heap::GlobalHeapCollection;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The strings whose items in an array are `bytes`: each of a fixed length, or its length and its place in
/// one of the heaps of the file.
///
/// # Errors
/// [`Error::Format`](crate::Error::Format) for items that are not strings, and for damaged heaps.
pub(super) fn texts(file: &Storing, number: &Number, bytes: &[u8]) -> Result<Vec<String>> {
    let items = bytes.chunks_exact(number.size.max(1));
    match number.class {
        Class::Text => items.map(text).collect(),
        Class::AnyText => {
            let mut heaps = HashMap::new();
            items.map(|item| in_heap(file, item, &mut heaps)).collect()
        }
        _ => Err(invalid(format!("{}: expected integers or strings", number.text))),
    }
}

fn text(bytes: &[u8]) -> Result<String> {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    String::from_utf8(bytes[..end].to_vec()).map_err(|_| invalid("a string that is not UTF-8"))
}

fn in_heap(file: &Storing, item: &[u8], heaps: &mut HashMap<u64, GlobalHeapCollection>) -> Result<String> {
    let whole = |bytes: &[u8]| bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    let missing = || invalid("a string is not where it should be");
    let (length, place) = item.split_at_checked(4).ok_or_else(missing)?;
    let (address, index) = place.split_at_checked(usize::from(file.offset_size)).ok_or_else(missing)?;
    let (length, address, index) = (whole(length) as usize, whole(address), whole(index));
    if length == 0 {
        return Ok(String::new());
    }
    let heap = match heaps.entry(address) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(place) => {
            let (offset, size) = (file.offset_size, file.length_size);
            let read = GlobalHeapCollection::parse_at_storage(file, address, offset, size);
            place.insert(read.map_err(|error| file.error(error))?)
        }
    };
    let object = heap.objects.iter().find(|object| u64::from(object.index) == index);
    text(object.and_then(|object| object.data.get(..length)).ok_or_else(missing)?)
}
