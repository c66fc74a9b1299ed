//! A file, one of its groups, or all of its groups as one, as a container of arrays.

use super::chunks::Place;
use super::dataset::{Dataset, Numbers};
use super::index::table;
use super::number::Class;
use super::storage::{Storing, invalid};
use super::texts::texts;
use super::tree::{Array, Group, join};
use crate::data::Held;
use crate::error::{Error, Result};
use crate::io::container::{ArrayInfo, Container};
use crate::io::npy::{Labels, integer};
use crate::io::rows::shape_text;
use crate::util::natural::natural_order;

/// The groups of an open file.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) file: &'a Storing,
    pub(super) groups: &'a [Group],
}

/// Some arrays of a file, by the names that they have there.
pub(super) struct Part<'a> {
    file: &'a Storing,
    arrays: Vec<(String, &'a Array)>,
}

impl<'a> View<'a> {
    /// The arrays of a group, by their names in it.
    pub(super) fn of(self, group: &'a Group) -> Part<'a> {
        let arrays = group.arrays.iter().map(|array| (array.name.clone(), array)).collect();
        Part { file: self.file, arrays }
    }

    /// The arrays of all groups, by their paths.
    pub(super) fn whole(self) -> Part<'a> {
        Part { file: self.file, arrays: self.all().collect() }
    }

    fn all(self) -> impl Iterator<Item = (String, &'a Array)> {
        let arrays =
            |group: &'a Group| group.arrays.iter().map(|array| (join(&group.path, &array.name), array));
        self.groups.iter().flat_map(arrays)
    }

    /// All arrays by their paths, for errors.
    pub(super) fn infos(self) -> Vec<ArrayInfo> {
        self.all().map(|(path, array)| array.info(path)).collect()
    }

    /// The array of that path.
    pub(super) fn find(self, path: &str) -> Result<&'a Array> {
        let (group, name) = path.rsplit_once('/').unwrap_or(("", path));
        let at = self.groups.binary_search_by(|other| natural_order(&other.path, group)).ok();
        at.and_then(|at| self.groups[at].find(name)).ok_or_else(|| invalid("there is no such array"))
    }
}

impl Part<'_> {
    fn find(&self, name: &str) -> Result<&Dataset> {
        let found = self.arrays.iter().find(|(other, _)| other == name);
        let (_, array) = found.ok_or_else(|| invalid(format!("there is no array {name}")))?;
        let dataset = array.dataset.as_ref().map_err(|reason| invalid(reason.clone()))?;
        match dataset.shape[..] {
            [_] => Ok(dataset),
            _ => Err(invalid(format!("expected shape (n,), got {}", shape_text(&dataset.shape)))),
        }
    }

    /// The bytes of an array, shape (n,).
    fn bytes(&self, dataset: &Dataset) -> Result<Vec<u8>> {
        let (n, size) = (dataset.shape[0], dataset.number.size);
        let mut bytes = Vec::new();
        match &dataset.numbers {
            Numbers::Nowhere if n > 0 => Err(invalid("it was never written")),
            Numbers::Nowhere => Ok(bytes),
            Numbers::Refused(reason) => Err(invalid(reason.clone())),
            Numbers::Together { at } => Ok(self.file.bytes(*at, n * size)?.to_vec()),
            Numbers::Chunked(layout) => {
                let chunks = table(self.file, dataset, layout, false)?;
                let file = &self.file.section;
                chunks.read(file, 0, n, &mut Held::default(), |piece, place| {
                    match place {
                        Place::File(at) => bytes.extend_from_slice(&self.file.bytes(at, piece.n * size)?),
                        Place::Memory(found) => bytes.extend_from_slice(found),
                    }
                    Ok(())
                })?;
                Ok(bytes)
            }
        }
    }
}

impl Container for Part<'_> {
    fn arrays(&mut self) -> Result<Vec<ArrayInfo>> {
        Ok(self.arrays.iter().map(|(name, array)| array.info(name.clone())).collect())
    }

    fn integers(&mut self, array: &str) -> Result<Vec<i64>> {
        let read = || {
            let dataset = self.find(array)?;
            let Class::Integer { signed } = dataset.number.class else {
                return Err(invalid(format!("{}: expected integers", dataset.number.text)));
            };
            let (size, big_endian) = (dataset.number.size, dataset.number.big_endian);
            let bytes = self.bytes(dataset)?;
            let fits = bytes.chunks_exact(size).map(|item| integer(item, signed, big_endian));
            let fits: Option<Vec<i64>> = fits.collect();
            fits.ok_or_else(|| invalid("a number that does not fit a 64-bit signed integer"))
        };
        read().map_err(in_array(array))
    }

    fn labels(&mut self, array: &str) -> Result<Labels> {
        let read = || {
            let dataset = self.find(array)?;
            match dataset.number.class {
                Class::Integer { .. } => Ok(None),
                _ => texts(self.file, &dataset.number, &self.bytes(dataset)?).map(Some),
            }
        };
        match read().map_err(in_array(array))? {
            Some(names) => Ok(Labels::Names(names)),
            None => self.integers(array).map(Labels::Integers),
        }
    }
}

pub(super) fn in_array(array: &str) -> impl FnOnce(Error) -> Error {
    move |error| error.at(format!("array {array}"))
}
