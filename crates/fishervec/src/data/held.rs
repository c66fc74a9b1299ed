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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    #[test]
    fn a_chunk_is_decoded_once_while_it_is_held() {
        let (mut held, mut decoded) = (Held::default(), 0);
        let mut get = |chunk: Chunk, slot: usize| {
            let bytes = held.chunk(chunk, slot, |_, out| {
                decoded += 1;
                *out = vec![chunk.1 as u8];
                Ok(())
            });
            (bytes.unwrap()[0], decoded)
        };
        assert_eq!(get((0, 4), 0), (4, 1));
        assert_eq!(get((0, 5), 1), (5, 2));
        assert_eq!([get((0, 4), 0), get((0, 5), 1)], [(4, 2), (5, 2)]);
        assert_eq!([get((0, 6), 0), get((0, 5), 1), get((0, 4), 0)], [(6, 3), (5, 3), (4, 4)]);
        // Another array has chunks of the same numbers.
        assert_eq!([get((1, 4), 0), get((1, 5), 1)], [(4, 5), (5, 6)]);
    }

    #[test]
    fn a_chunk_that_could_not_be_decoded_is_not_held() {
        let mut held = Held::default();
        let fine = |_: &mut Vec<u8>, out: &mut Vec<u8>| {
            out.push(1);
            Ok(())
        };
        held.chunk((0, 1), 0, fine).unwrap();
        let damaged = held.chunk((0, 2), 0, |_, out| {
            out.push(2);
            Err(Error::Interrupted)
        });
        damaged.unwrap_err();
        let again = held.chunk((0, 1), 0, |_, out| {
            *out = vec![7];
            Ok(())
        });
        assert_eq!(again.unwrap(), [7]);
    }
}
