//! Object headers: the messages that say what a group or a dataset is.
//!
//! They are walked here rather than by the crate, which drops the layout of floats and where a message lies
//! in the file, and refuses an object for any message it does not know, an attribute too.

use super::storage::{Storing, invalid};
use crate::error::Result;
use hdf5_reader::checksum::jenkins_lookup3;
use hdf5_reader::io::Cursor;
use hdf5_reader::messages::{self, shared::SharedMessage};
use std::collections::HashSet;

/// The largest number of bytes of one header; those of real files are some hundred bytes.
const MAX_HEADER: u64 = 16 << 20;
/// The largest number of pieces that a header is in.
const MAX_PIECES: usize = 1024;

/// The kinds of messages that are needed to read an array, to know a group, and to know how large patches
/// are.
const KINDS: [u16; 10] = [
    messages::MSG_DATASPACE,
    messages::MSG_DATATYPE,
    messages::MSG_DATA_LAYOUT,
    messages::MSG_FILTER_PIPELINE,
    messages::MSG_EXTERNAL_FILES,
    messages::MSG_LINK,
    messages::MSG_LINK_INFO,
    messages::MSG_GROUP_INFO,
    messages::MSG_SYMBOL_TABLE,
    messages::MSG_ATTRIBUTE,
];

/// A message: its kind, its bytes and their address.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) kind: u16,
    pub(super) at: u64,
    pub(super) bytes: Vec<u8>,
    shared: bool,
}

/// The messages of an object that say what it holds.
#[derive(Debug)]
pub(super) struct Header(pub(super) Vec<Message>);

impl Header {
    /// Reads the header at `address`.
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format) for a damaged header.
    pub(super) fn read(file: &Storing, address: u64) -> Result<Self> {
        let mut reading = Reading { file, found: Vec::new(), pieces: Vec::new(), left: MAX_HEADER };
        let mut seen = HashSet::from([address]);
        let version = reading.first(address)?;
        while let Some((at, length)) = reading.pieces.pop() {
            if !seen.insert(at) || seen.len() > MAX_PIECES {
                return Err(invalid("a header that never ends"));
            }
            match version {
                Version::Old => {
                    let bytes = reading.bytes(at, length)?;
                    reading.messages(&bytes, at, 8)?;
                }
                Version::New { envelope } => reading.checked(at, 0, length, b"OCHK", envelope)?,
            }
        }
        Ok(Header(reading.found))
    }

    /// The first message of that kind.
    pub(super) fn get(&self, kind: u16) -> Option<&Message> {
        self.0.iter().find(|message| message.kind == kind)
    }

    /// The message of that kind. Objects of one type may share the message that describes it: then it lies in
    /// another object's header.
    pub(super) fn resolved(&self, kind: u16, file: &Storing) -> Result<Option<Message>> {
        let Some(Message { at, bytes, shared, .. }) = self.get(kind) else { return Ok(None) };
        if !shared {
            return Ok(Some(Message { kind, at: *at, bytes: bytes.clone(), shared: false }));
        }
        let (offset, length) = (file.offset_size, file.length_size);
        let parsed = messages::shared::parse(&mut Cursor::new(bytes), kind, offset, length, bytes.len());
        let SharedMessage::SharedInOhdr { address, .. } = parsed.map_err(|error| file.error(error))? else {
            return Err(invalid("it keeps messages in a table of the file: rewrite it with h5repack"));
        };
        let found = Header::read(file, address)?.0.into_iter().find(|other| other.kind == kind);
        match found {
            Some(message) if !message.shared => Ok(Some(message)),
            _ => Err(invalid("a message that it shares with another object is not there")),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Version {
    Old,
    /// With the number of bytes before each message.
    New {
        envelope: usize,
    },
}

struct Reading<'a> {
    file: &'a Storing,
    found: Vec<Message>,
    /// Pieces of the header that are still to be read: their addresses and lengths.
    pieces: Vec<(u64, u64)>,
    /// The number of bytes that may still be read.
    left: u64,
}

impl Reading<'_> {
    fn bytes(&mut self, at: u64, length: u64) -> Result<Vec<u8>> {
        self.left = self.left.checked_sub(length).ok_or_else(|| invalid("a header of too many bytes"))?;
        Ok(self.file.bytes(at, length as usize)?.to_vec())
    }

    /// Reads the piece at the header's address.
    fn first(&mut self, at: u64) -> Result<Version> {
        let start = self.bytes(at, 6)?;
        if &start[..4] != b"OHDR" {
            if start[0] != 1 {
                return Err(invalid(format!("a header of version {}: expected 1", start[0])));
            }
            let start = self.bytes(at, 16)?;
            let length = u32::from_le_bytes([start[8], start[9], start[10], start[11]]);
            let bytes = self.bytes(at + 16, u64::from(length))?;
            self.messages(&bytes, at + 16, 8)?;
            return Ok(Version::Old);
        }
        let (version, flags) = (start[4], start[5]);
        if version != 2 {
            return Err(invalid(format!("a header of version {version}: expected 2")));
        }
        // Times, and when attributes move elsewhere, come before the length.
        let before = 6 + if flags & 0x20 != 0 { 16 } else { 0 } + if flags & 0x10 != 0 { 4 } else { 0 };
        let width = 1_usize << (flags & 3);
        let length = self.bytes(at + before, width as u64)?;
        let length = length.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let start = before + width as u64;
        let total = length.checked_add(start + 4).ok_or_else(|| invalid("a header of too many bytes"))?;
        let envelope = if flags & 4 != 0 { 6 } else { 4 };
        self.checked(at, start, total, b"OHDR", envelope)?;
        Ok(Version::New { envelope })
    }

    /// Reads a piece of `length` bytes that ends with its checksum and whose messages begin at `start`, or
    /// behind its mark.
    fn checked(&mut self, at: u64, start: u64, length: u64, mark: &[u8; 4], envelope: usize) -> Result<()> {
        let bytes = self.bytes(at, length)?;
        let Some((held, sum)) = bytes.split_last_chunk::<4>().filter(|(held, _)| held.starts_with(mark))
        else {
            return Err(invalid("a part of a header is not where it should be"));
        };
        if jenkins_lookup3(held) != u32::from_le_bytes(*sum) {
            return Err(invalid("the checksum of a header is wrong"));
        }
        let start = start.max(4);
        let messages = held.get(start as usize..).ok_or_else(|| invalid("a header is too short"))?;
        self.messages(messages, at + start, envelope)
    }

    /// The messages in `bytes`, each behind an envelope of that size.
    fn messages(&mut self, bytes: &[u8], at: u64, envelope: usize) -> Result<()> {
        let mut rest = bytes;
        while rest.len() >= envelope {
            let start = at + (bytes.len() - rest.len() + envelope) as u64;
            let (about, behind) = rest.split_at(envelope);
            let (kind, length, flags) = match envelope {
                8 => (
                    u16::from_le_bytes([about[0], about[1]]),
                    u16::from_le_bytes([about[2], about[3]]),
                    about[4],
                ),
                _ => (u16::from(about[0]), u16::from_le_bytes([about[1], about[2]]), about[3]),
            };
            let length = usize::from(length);
            if length > behind.len() {
                // Fewer bytes than a message has may be left over in a new header.
                let gap = envelope < 8 && kind == messages::MSG_NIL;
                return if gap { Ok(()) } else { Err(invalid("a message reaches past its header")) };
            }
            let (body, after) = behind.split_at(length);
            if kind == messages::MSG_CONTINUATION {
                let (offset, size) = (self.file.offset_size, self.file.length_size);
                let next = messages::continuation::parse(&mut Cursor::new(body), offset, size, body.len());
                let next = next.map_err(|error| self.file.error(error))?;
                self.pieces.push((next.offset, next.length));
            } else if KINDS.contains(&kind) {
                let (bytes, shared) = (body.to_vec(), flags & 2 != 0);
                self.found.push(Message { kind, at: start, bytes, shared });
            }
            rest = after;
        }
        Ok(())
    }
}
