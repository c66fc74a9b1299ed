//! An array of a container, and what its name and its shape say.

use crate::io::rows::{Stored, rows_and_columns, shape_text};
use crate::io::set::SetInFile;

/// The names that descriptors have in the files of common tools; an earlier name goes first.
pub(super) const NAMES: [&str; 8] =
    ["features", "feats", "patch_embeddings", "embeddings", "descriptors", "desc", "X", "x"];
/// The names of what lies beside descriptors: such an array is taken only if it is asked for.
const NEVER: [&str; 6] = ["coords", "coordinates", "positions", "keypoints", "scores", "labels"];
/// The largest number of arrays that an error lists.
const LISTED: usize = 20;

/// An array of a container, as its header describes it.
#[derive(Debug, Clone)]
pub(in crate::io) struct ArrayInfo {
    pub(in crate::io) name: String,
    pub(in crate::io) shape: Vec<usize>,
    /// Its number type in the format's own words, or why its header cannot be read.
    pub(in crate::io) dtype: String,
    /// How its numbers are stored, if they can be descriptors.
    pub(in crate::io) stored: Option<Stored>,
    /// Whether its header could be read.
    pub(in crate::io) readable: bool,
}

impl ArrayInfo {
    /// The array as one set, if it holds descriptors.
    pub(in crate::io) fn set(&self) -> Option<SetInFile> {
        rows_and_columns(&self.shape).and_then(|shape| self.set_of(shape))
    }

    /// An empty set of an array of shape (0,), which does not tell its number of columns: it is one only if
    /// its name says that it holds descriptors.
    pub(super) fn nothing(&self) -> Option<SetInFile> {
        if self.shape == [0] { self.set_of((0, 0)) } else { None }
    }

    fn set_of(&self, (n, dim): (usize, usize)) -> Option<SetInFile> {
        let is_f64 = self.stored? == Stored::F64;
        Some(SetInFile {
            name: self.name.clone(),
            array: self.name.clone(),
            rows: 0..n,
            dim,
            n_positions: 0,
            positions: None,
            is_f64,
        })
    }

    /// The same, unless its name says that it holds something else.
    pub(in crate::io) fn unnamed_set(&self) -> Option<SetInFile> {
        self.set().filter(|_| !self.is_aside())
    }

    /// Whether its name says that it holds descriptors.
    pub(in crate::io) fn is_named(&self) -> bool {
        NAMES.iter().any(|name| self.is_called(name))
    }

    /// Whether it has that name, or one that ends with it after a slash.
    pub(in crate::io) fn is_at_end_of(&self, name: &str) -> bool {
        self.name.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('/'))
    }

    pub(in crate::io) fn is_called(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Why it is not a set.
    pub(super) fn is_not(&self) -> String {
        let reason = not_descriptors(&self.name);
        match (&self.shape[..], self.stored) {
            ([_], Some(stored)) if stored != Stored::U8 => {
                format!("{reason}: {} is one vector, such as slide-level features", shape_text(&self.shape))
            }
            _ => reason,
        }
    }

    /// Whether its name, or what follows the last slash in it, says that it lies beside descriptors.
    pub(in crate::io) fn is_aside(&self) -> bool {
        let last = &self.name[folder(&self.name).len()..];
        NEVER.iter().any(|name| last.eq_ignore_ascii_case(name))
    }

    /// Whether somebody may have saved it as a set of `dim` columns, though it cannot be read as one: a table
    /// of another type, an empty set without columns, or a single descriptor.
    pub(super) fn may_be_meant_as_set(&self, dim: usize) -> bool {
        let empty = self.shape.contains(&0);
        let single = self.shape == [dim] && self.stored.is_some_and(|stored| stored != Stored::U8);
        self.set().is_none() && !self.is_aside() && (self.shape.len() > 1 || empty || single)
    }
}

pub(super) fn not_descriptors(array: &str) -> String {
    format!("{array} does not hold descriptors, shape (n, d) or (1, n, d) of floats or bytes")
}

/// The arrays, each with its shape and its number type.
pub(super) fn listed(arrays: &[ArrayInfo]) -> String {
    let shown = arrays.iter().take(LISTED).map(|array| match array.readable {
        true => format!("{} {} {}", array.name, shape_text(&array.shape), array.dtype),
        false => format!("{} ({})", array.name, array.dtype),
    });
    let mut text: Vec<String> = shown.collect();
    if arrays.len() > LISTED {
        text.push(format!("and {} more", arrays.len() - LISTED));
    }
    if text.is_empty() { "none".to_owned() } else { text.join(", ") }
}

/// What is before the last part of a name, with its slash.
pub(super) fn folder(name: &str) -> &str {
    name.rfind('/').map_or("", |at| &name[..=at])
}
