//! What compressed the chunks of an array, and how that is undone.

use super::header::Message;
use super::lzf;
use super::storage::{Storing, invalid};
use crate::error::Result;
use hdf5_reader::filters::{deflate, fletcher32, shuffle};
use hdf5_reader::io::Cursor;
use hdf5_reader::messages;

const DEFLATE: u16 = 1;
const SHUFFLE: u16 = 2;
const FLETCHER32: u16 = 3;
const LZF: u16 = 32000;

/// The maximum number of bytes that deflate and LZF can produce from one byte.
const MAX_INFLATION: u64 = 1032;
const MAX_LZF: u64 = 88;

/// The filters that are not read, by their registered numbers.
const UNKNOWN: [(u16, &str); 13] = [
    (4, "szip"),
    (5, "nbit"),
    (6, "scaleoffset"),
    (307, "bzip2"),
    (32001, "blosc"),
    (32004, "lz4"),
    (32008, "bitshuffle"),
    (32013, "zfp"),
    (32015, "zstd"),
    (32017, "sz"),
    (32018, "fcidecomp"),
    (32024, "sz3"),
    (32026, "blosc2"),
];

/// The filters that a chunk went through when it was written, in their order.
#[derive(Debug, Clone, Default)]
pub(super) struct Filters(Vec<Filter>);

#[derive(Debug, Clone)]
struct Filter {
    id: u16,
    name: Option<String>,
    /// The number of bytes that a shuffle takes apart.
    item: usize,
}

impl Filters {
    /// The filters that a message lists, for items of `item` bytes.
    pub(super) fn parse(message: &Message, file: &Storing, item: usize) -> Result<Self> {
        let (offset, length) = (file.offset_size, file.length_size);
        let bytes = &message.bytes;
        let parsed = messages::filter_pipeline::parse(&mut Cursor::new(bytes), offset, length, bytes.len());
        let filters = parsed.map_err(|error| file.error(error))?.filters.into_iter().map(|filter| Filter {
            id: filter.id,
            name: filter.name,
            item: filter.client_data.first().map_or(item, |size| *size as usize),
        });
        Ok(Filters(filters.collect()))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The name and the number of the first filter that cannot be undone.
    pub(super) fn unknown(&self) -> Option<String> {
        let known = |id| [DEFLATE, SHUFFLE, FLETCHER32, LZF].contains(&id);
        let filter = self.0.iter().find(|filter| !known(filter.id))?;
        let registered = UNKNOWN.iter().find(|(id, _)| *id == filter.id).map(|(_, name)| *name);
        let own = filter.name.as_deref().filter(|name| !name.is_empty());
        let name = registered.or(own).unwrap_or("an unknown filter");
        Some(format!("{name} (filter {})", filter.id))
    }

    /// The largest number of bytes that so many bytes can become.
    pub(super) fn most(&self, packed: u64) -> u64 {
        let times = |filter: &Filter| match filter.id {
            DEFLATE => MAX_INFLATION,
            LZF => MAX_LZF,
            _ => 1,
        };
        self.0.iter().map(times).fold(packed, u64::saturating_mul)
    }

    /// Undoes the filters, but for those whose bit is set in `skipped`: the `size` bytes of a chunk.
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format) for damaged data, and for another number of bytes.
    pub(super) fn decode(&self, packed: &[u8], skipped: u32, size: usize, out: &mut Vec<u8>) -> Result<()> {
        out.clear();
        out.extend_from_slice(packed);
        // Each checksum adds 4 bytes; the last byte more shows that there are too many.
        let most = size + 4 * self.0.len() + 1;
        for (i, filter) in self.0.iter().enumerate().rev() {
            if skipped.checked_shr(i as u32).unwrap_or(0) & 1 == 0 {
                *out = filter.undo(out, most)?;
            }
        }
        match out.len() {
            got if got == size => Ok(()),
            got => Err(invalid(format!("a chunk decodes to {got} bytes: expected {size}"))),
        }
    }
}

impl Filter {
    fn undo(&self, bytes: &[u8], most: usize) -> Result<Vec<u8>> {
        let damaged = |reason: String| invalid(format!("a chunk is damaged: {reason}"));
        match self.id {
            DEFLATE => {
                deflate::decompress_with_limit(bytes, most).map_err(|error| damaged(error.to_string()))
            }
            SHUFFLE => Ok(shuffle::unshuffle(bytes, self.item)),
            FLETCHER32 => fletcher32::verify_and_strip(bytes).map_err(|error| damaged(error.to_string())),
            LZF => lzf::decompress(bytes, most).ok_or_else(|| damaged("lzf".to_owned())),
            // Refused when the dataset was opened.
            other => Err(damaged(format!("filter {other}"))),
        }
    }
}
