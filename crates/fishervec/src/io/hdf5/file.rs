//! An HDF5 file of sets.

use super::dataset::Numbers;
use super::groups::sets;
use super::index::table;
use super::number::Number;
use super::storage::{Storing, invalid};
use super::tree::{Group, groups};
use super::view::{View, in_array};
use crate::error::Result;
use crate::io::container::Contents;
use crate::io::rows::{FileRows, Order, Stored, rows_and_columns, shape_text};
use crate::io::section::{Section, in_file};
use crate::io::set::ArrayNames;
use std::path::Path;
use std::sync::Arc;

/// An open HDF5 file: its headers, and the sets in it.
#[derive(Debug)]
pub(in crate::io) struct Hdf5 {
    file: Storing,
    groups: Vec<Group>,
    contents: Contents,
}

impl Hdf5 {
    /// Opens the file at `path` and reads its headers; an array of descriptors that is asked for is the only
    /// set, or the set of each group.
    ///
    /// # Errors
    /// Each names the path: [`Error::Io`](crate::Error::Io); [`Error::Format`](crate::Error::Format) if it is
    /// damaged, cut short or open for writing, or the sets are stored in a way that is not read;
    /// [`Error::Arrays`](crate::Error::Arrays) if it is not clear which arrays hold descriptors; those of a
    /// batch.
    pub(in crate::io) fn open(path: &Path, names: ArrayNames<'_>) -> Result<Self> {
        let section = Section::open(path)?;
        let read = || {
            let file = Storing::open(section)?;
            let groups = groups(&file)?;
            let stem = path.file_stem().unwrap_or_default().to_string_lossy();
            let view = View { file: &file, groups: &groups };
            let contents = sets(&view, &stem, names)?;
            for set in &contents.sets {
                if let Some(reason) = view.find(&set.array)?.refusal() {
                    return Err(in_array(&set.array)(invalid(reason)));
                }
            }
            Ok(Hdf5 { file, groups, contents })
        };
        read().map_err(in_file(path))
    }

    pub(in crate::io) fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Opens an array, by its path: reads the index of its chunks, if it has chunks.
    ///
    /// # Errors
    /// Each names the path and the array: [`Error::Io`](crate::Error::Io), and
    /// [`Error::Format`](crate::Error::Format) for one that does not hold descriptors or is damaged.
    pub(in crate::io) fn rows(&self, array: &str) -> Result<FileRows> {
        self.opened(array, |number| number.stored, "float16, bfloat16, float32, float64 or uint8")
    }

    /// Opens an array of positions, which may be integers.
    pub(in crate::io) fn positions(&self, array: &str) -> Result<FileRows> {
        self.opened(array, Number::position, "integers or floats")
    }

    /// The side of the patches whose coords an array holds, if the file says.
    pub(in crate::io) fn patch_side(&self, array: &str) -> Option<f64> {
        let view = View { file: &self.file, groups: &self.groups };
        view.find(array).ok()?.dataset.as_ref().ok()?.side
    }

    /// Opens an array whose numbers are `stored` in that way, which must be as `expected`.
    fn opened(
        &self,
        array: &str,
        stored: impl Fn(&Number) -> Option<Stored>,
        expected: &str,
    ) -> Result<FileRows> {
        let opened = self.array(array, stored, expected).map_err(in_array(array));
        opened.map_err(in_file(self.file.section.path()))
    }

    fn array(
        &self,
        path: &str,
        stored: impl Fn(&Number) -> Option<Stored>,
        expected: &str,
    ) -> Result<FileRows> {
        let array = View { file: &self.file, groups: &self.groups }.find(path)?;
        let dataset = array.dataset.as_ref().map_err(|reason| invalid(reason.clone()))?;
        let section = self.file.section.clone();
        let number = &dataset.number;
        let stored =
            stored(number).ok_or_else(|| invalid(format!("{}: expected {expected}", number.text)))?;
        if dataset.shape == [0] {
            return Ok(FileRows::nothing(section, stored));
        }
        let shape = match dataset.shape[..] {
            [d, n] if array.transposed && d > 0 => Some((n, d)),
            _ => rows_and_columns(&dataset.shape),
        };
        let shape = shape.ok_or_else(|| {
            let got = shape_text(&dataset.shape);
            invalid(format!("expected shape (n, d) with d at least 1, got {got}"))
        })?;
        let together = if array.transposed { Order::Fortran } else { Order::C };
        let (data, order) = match &dataset.numbers {
            Numbers::Nowhere if shape.0 > 0 => return Err(invalid("it was never written")),
            Numbers::Nowhere => (section, together),
            Numbers::Refused(reason) => return Err(invalid(reason.clone())),
            Numbers::Together { at } => {
                let bytes = (shape.0 * shape.1 * stored.size()) as u64;
                (section.slice(*at, bytes).ok_or_else(|| invalid("the file is cut short"))?, together)
            }
            Numbers::Chunked(layout) => {
                let chunks = table(&self.file, dataset, layout, array.transposed)?;
                (section, Order::Chunked(Arc::new(chunks)))
            }
        };
        Ok(FileRows::new(data, shape, stored, number.big_endian, order))
    }
}
