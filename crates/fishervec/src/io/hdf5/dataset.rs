//! A dataset: its shape and number type, and where its numbers are.

use super::attribute::number_in;
use super::filters::Filters;
use super::header::{Header, Message};
use super::number::Number;
use super::storage::{Storing, invalid};
use crate::error::Result;
use hdf5_reader::io::Cursor;
use hdf5_reader::messages::layout::{ChunkIndexing, DataLayout};
use hdf5_reader::messages::{
    self, MSG_DATA_LAYOUT, MSG_DATASPACE, MSG_DATATYPE, MSG_EXTERNAL_FILES, MSG_FILTER_PIPELINE,
};

/// The attributes of coords that hold the side of a patch, as TRIDENT and CLAM write them: of the whole
/// slide, or of the level that patches are from.
const SIDES: [&str; 2] = ["patch_size_level0", "patch_size"];

/// The largest chunk that is read: it is decoded whole.
const MAX_CHUNK: u64 = 1 << 30;

/// An array of an HDF5 file.
#[derive(Debug)]
pub(super) struct Dataset {
    pub(super) shape: Vec<usize>,
    /// The largest shape that it may grow to, which numbers the chunks of some indices.
    pub(super) most: Option<Vec<u64>>,
    pub(super) number: Number,
    pub(super) numbers: Numbers,
    /// The side of the patches whose coords it holds, if it says.
    pub(super) side: Option<f64>,
}

/// Where the numbers of an array are.
#[derive(Debug)]
pub(super) enum Numbers {
    /// They were never written, or there are none.
    Nowhere,
    /// One after the other from that address on.
    Together { at: u64 },
    /// In chunks, which an index lists.
    Chunked(Layout),
    /// In a way that is not read: why, and what to do.
    Refused(String),
}

/// How an array is cut into chunks.
#[derive(Debug)]
pub(super) struct Layout {
    /// The address of the index.
    pub(super) index: u64,
    /// The kind of index; `None` is a B-tree of version 1.
    pub(super) kind: Option<ChunkIndexing>,
    /// The shape of a chunk.
    pub(super) chunk: Vec<u32>,
    pub(super) filters: Filters,
}

impl Dataset {
    /// The dataset that a header describes.
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format) for a damaged header, or numbers outside the file.
    pub(super) fn new(header: &Header, file: &Storing) -> Result<Self> {
        let part = |kind, what| {
            let found = header.resolved(kind, file)?;
            found.ok_or_else(|| invalid(format!("its header does not say {what}")))
        };
        let number = part(MSG_DATATYPE, "what its type is")?;
        let number = Number::parse(&number.bytes).ok_or_else(|| invalid("a type that is cut short"))?;
        let (shape, most) = shape(&part(MSG_DATASPACE, "what its shape is")?, file)?;
        let layout = part(MSG_DATA_LAYOUT, "where its numbers are")?;
        let side = SIDES.iter().find_map(|name| number_in(header, name, file));
        let mut dataset = Dataset { shape, most, number, numbers: Numbers::Nowhere, side };
        dataset.numbers = dataset.numbers(header, &layout, file)?;
        Ok(dataset)
    }

    /// The number of bytes of its numbers.
    fn bytes(&self) -> Result<u64> {
        // A dimension of 0 must not hide the overflow of the others.
        let mut sizes = self.shape.iter().map(|n| (*n).max(1) as u64);
        let most = sizes.try_fold(self.number.size as u64, u64::checked_mul);
        let most = most.ok_or_else(|| invalid("it says that it has more bytes than fit in 64 bits"))?;
        Ok(if self.shape.contains(&0) { 0 } else { most })
    }

    fn numbers(&self, header: &Header, layout: &Message, file: &Storing) -> Result<Numbers> {
        let bytes = self.bytes()?;
        if header.get(MSG_EXTERNAL_FILES).is_some() {
            return Ok(refused("its numbers are in other files", "h5repack"));
        }
        if is_virtual(&layout.bytes) {
            return Ok(refused("it is a virtual dataset, whose numbers are in other files", "h5py"));
        }
        let (offset, length) = (file.offset_size, file.length_size);
        let mut cursor = Cursor::new(&layout.bytes);
        let parsed = messages::layout::parse(&mut cursor, offset, length, layout.bytes.len());
        match parsed.map_err(|error| file.error(error))?.layout {
            _ if bytes == 0 => Ok(Numbers::Nowhere),
            DataLayout::Compact { data } => {
                // Other bytes of the message that are the same are as good.
                let held = data.len() as u64;
                let start = layout.bytes.windows(data.len().max(1)).position(|part| part == data);
                let start = start.filter(|_| held >= bytes).ok_or_else(|| short(bytes, held))?;
                Ok(Numbers::Together { at: layout.at + start as u64 })
            }
            DataLayout::Contiguous { address, .. } if file.is_nowhere(address) => Ok(Numbers::Nowhere),
            DataLayout::Contiguous { address, .. } => {
                let held = file.section.len().saturating_sub(address);
                if held < bytes { Err(short(bytes, held)) } else { Ok(Numbers::Together { at: address }) }
            }
            DataLayout::Chunked { address, dims, chunk_indexing, .. } => {
                self.chunked(header, layout, file, (address, dims, chunk_indexing))
            }
        }
    }

    fn chunked(
        &self,
        header: &Header,
        layout: &Message,
        file: &Storing,
        (index, mut chunk, kind): (u64, Vec<u32>, Option<ChunkIndexing>),
    ) -> Result<Numbers> {
        // The size of an item may stand behind the sizes of the chunk.
        if chunk.len() == self.shape.len() + 1 && chunk.pop() != Some(self.number.size as u32) {
            return Err(invalid("its chunks have items of another size than its type"));
        }
        if chunk.len() != self.shape.len() || chunk.contains(&0) {
            return Err(invalid(format!("chunks of shape {chunk:?}")));
        }
        let size = chunk.iter().try_fold(self.number.size as u64, |size, n| size.checked_mul(u64::from(*n)));
        let filters = match header.resolved(MSG_FILTER_PIPELINE, file)? {
            Some(message) => Filters::parse(&message, file, self.number.size)?,
            None => Filters::default(),
        };
        // Bit 0 of the flags of a new layout: chunks that reach past the edge are not compressed.
        let odd_edges = layout.bytes[0] >= 4 && layout.bytes[2] & 1 != 0;
        Ok(match (size, filters.unknown()) {
            (Some(size), _) if size > MAX_CHUNK => {
                let reason = format!("its chunks have {size} bytes, more than {MAX_CHUNK}");
                refused(&reason, "h5repack -l ARRAY:CHUNK=64x64")
            }
            (None, _) => refused("its chunks have more bytes than fit in 64 bits", "h5repack"),
            (_, Some(name)) => refused(&format!("it is compressed by {name}"), "h5repack -f GZIP=4"),
            _ if odd_edges && !filters.is_empty() => {
                refused("only some of its chunks are compressed", "h5repack -f GZIP=4")
            }
            _ if file.is_nowhere(index) => Numbers::Nowhere,
            _ => Numbers::Chunked(Layout { index, kind, chunk, filters }),
        })
    }
}

fn refused(reason: &str, tool: &str) -> Numbers {
    let cure = match tool {
        "h5py" => "copy its values with h5py into a plain dataset".to_owned(),
        tool => format!("rewrite the file with {tool}, or with h5py"),
    };
    Numbers::Refused(format!("{reason}, which is not read: {cure}"))
}

fn short(expected: u64, got: u64) -> crate::Error {
    invalid(format!("expected {expected} bytes of numbers, got {got}: the file is cut short or damaged"))
}

/// Whether a layout message says that the array consists of parts of others, which the crate refuses.
fn is_virtual(layout: &[u8]) -> bool {
    matches!(layout, [version, 3, ..] if *version >= 3)
}

/// The shape that a dataspace message describes, and the largest that it may grow to.
fn shape(message: &Message, file: &Storing) -> Result<(Vec<usize>, Option<Vec<u64>>)> {
    let (offset, length) = (file.offset_size, file.length_size);
    let parsed =
        messages::dataspace::parse(&mut Cursor::new(&message.bytes), offset, length, message.bytes.len());
    let space = parsed.map_err(|error| file.error(error))?;
    let sizes: std::result::Result<Vec<usize>, _> = space.dims.iter().map(|n| usize::try_from(*n)).collect();
    let sizes = sizes.map_err(|_| invalid("a dimension that is larger than the address space"))?;
    Ok((sizes, space.max_dims))
}
