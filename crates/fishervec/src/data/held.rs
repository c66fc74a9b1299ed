//! Chunks of a file that were decoded last, so that the next rows of them need not be decoded again.

use crate::error::Result;

/// The number of an array, and of a chunk in it.
type Chunk = (u64, usize);

/// Decoded chunks of one array, which belong to one reader.
#[derive(Debug, Default)]
pub(crate) struct Held {
    slots: Vec<(Option<Chunk>, Vec<u8>)>,
    packed: Vec<u8>,
}

impl Held {
    /// The bytes of a chunk, kept in that slot: those that are there, or else what `decode` makes of the
    /// chunk, into its second argument; its first is scratch memory.
    ///
    /// # Errors
    /// Those of `decode`.
    pub(crate) fn chunk(
        &mut self,
        chunk: Chunk,
        slot: usize,
        decode: impl FnOnce(&mut Vec<u8>, &mut Vec<u8>) -> Result<()>,
    ) -> Result<&[u8]> {
        let other = |(held, _): &(Option<Chunk>, _)| held.is_some_and(|(array, _)| array != chunk.0);
        if self.slots.iter().any(other) {
            // What was held of another array is of no more use.
            self.slots.clear();
        }
        if self.slots.len() <= slot {
            self.slots.resize_with(slot + 1, Default::default);
        }
        let (held, bytes) = &mut self.slots[slot];
        if *held != Some(chunk) {
            *held = None;
            decode(&mut self.packed, bytes)?;
            *held = Some(chunk);
        }
        Ok(bytes)
    }
}
