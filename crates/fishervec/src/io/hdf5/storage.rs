//! The bytes of an HDF5 file, addressed as its superblock says.

use crate::error::{Error, Result};
use crate::io::section::{Section, at_path};
use hdf5_reader::error::Error as Hdf5Error;
use hdf5_reader::io::Cursor;
use hdf5_reader::superblock::Superblock;
use hdf5_reader::{Storage, StorageBuffer};
use std::io;
use std::sync::{Mutex, PoisonError};

/// Headers and nodes are small and lie together: smaller requests than this are answered from the window of
/// the file that was read last.
const WINDOW: u64 = 4 * 1024;

/// An open HDF5 file: its bytes from the superblock on, and the sizes of its addresses and lengths.
#[derive(Debug)]
pub(super) struct Storing {
    pub(super) section: Section,
    pub(super) offset_size: u8,
    pub(super) length_size: u8,
    /// The address of the header of the root group.
    pub(super) root: u64,
    window: Mutex<Window>,
}

#[derive(Debug, Default)]
struct Window {
    start: u64,
    bytes: Vec<u8>,
}

impl Storing {
    /// Reads the superblock.
    ///
    /// # Errors
    /// [`Error::Format`] for a file that is not HDF5, is cut short, or is still open for writing.
    pub(super) fn open(whole: Section) -> Result<Self> {
        let at = |section| Storing {
            section,
            offset_size: 8,
            length_size: 8,
            root: 0,
            window: Mutex::new(Window::default()),
        };
        let file = at(whole.clone());
        let block = Superblock::parse_from_storage(&file).map_err(|error| file.error(error))?;
        let length = whole.len();
        if length < block.eof_address {
            let expected = block.eof_address;
            return Err(invalid(format!("the file is cut short: expected {expected} bytes, got {length}")));
        }
        if block.consistency_flags != 0 {
            let cure = "close the program that writes it; if that was killed, run h5clear -s on the file";
            return Err(invalid(format!("it is still open for writing, or its writer was killed: {cure}")));
        }
        let root = block.root_object_header_address().map_err(|error| file.error(error))?;
        let base = block.base_address;
        let section = whole.slice(base, length.saturating_sub(base));
        let section = section.ok_or_else(|| invalid("the file is cut short"))?;
        Ok(Storing { offset_size: block.offset_size, length_size: block.length_size, root, ..at(section) })
    }

    /// The `len` bytes from `at` on.
    pub(super) fn bytes(&self, at: u64, len: usize) -> Result<StorageBuffer> {
        self.read_range(at, len).map_err(|error| self.error(error))
    }

    /// Whether an address says that there is nothing.
    pub(super) fn is_nowhere(&self, address: u64) -> bool {
        Cursor::is_undefined_offset(address, self.offset_size)
    }

    /// An error of the crate as one of ours: those of the operating system stay such errors.
    pub(super) fn error(&self, error: Hdf5Error) -> Error {
        match error {
            Hdf5Error::Io(source) => at_path(self.section.path())(source),
            Hdf5Error::InvalidMagic => invalid("it does not start with \\x89HDF"),
            other => invalid(other.to_string()),
        }
    }
}

impl Storage for Storing {
    fn len(&self) -> u64 {
        self.section.len()
    }

    fn read_range(&self, at: u64, len: usize) -> hdf5_reader::error::Result<StorageBuffer> {
        let end = at.checked_add(len as u64).filter(|end| *end <= self.section.len());
        let Some(end) = end else {
            let available = self.section.len().saturating_sub(at);
            return Err(Hdf5Error::UnexpectedEof { offset: at, needed: len as u64, available });
        };
        if len as u64 > WINDOW {
            let mut bytes = vec![0; len];
            self.section.read_at(at, &mut bytes).map_err(of_system)?;
            return Ok(StorageBuffer::from_vec(bytes));
        }
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if at < window.start || end > window.start + window.bytes.len() as u64 {
            let mut bytes = std::mem::take(&mut window.bytes);
            bytes.resize(WINDOW.min(self.section.len() - at) as usize, 0);
            self.section.read_at(at, &mut bytes).map_err(of_system)?;
            *window = Window { start: at, bytes };
        }
        let from = (at - window.start) as usize;
        Ok(StorageBuffer::from_vec(window.bytes[from..from + len].to_vec()))
    }
}

fn of_system(error: Error) -> Hdf5Error {
    match error {
        Error::Io { source, .. } => Hdf5Error::Io(source),
        other => Hdf5Error::Io(io::Error::other(other.to_string())),
    }
}

pub(super) fn invalid(reason: impl Into<String>) -> Error {
    Error::format("hdf5", reason)
}
