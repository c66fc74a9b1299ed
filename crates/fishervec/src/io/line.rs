//! The lines of a list of files, as JSON.

use super::listed::{Contents, ListedFile, Stamp};
use super::npy::Labels;
use super::set::SetInFile;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    /// The version of the format.
    pub(super) fishervec_list: u64,
    pub(super) files: usize,
    pub(super) sets: usize,
    /// The number of all descriptors, their columns, if all sets that tell them agree, and their float type;
    /// none of this is known of images.
    pub(super) rows: Option<usize>,
    pub(super) dim: Option<usize>,
    pub(super) real: Option<String>,
    /// What the paths are relative to, if not to the folder of the list.
    pub(super) root: Option<String>,
    /// The folders that were scanned.
    pub(super) folders: Vec<String>,
    /// The arrays that were asked for.
    pub(super) array: Option<String>,
    pub(super) positions: Option<String>,
    /// The identity of the files, in hexadecimal.
    pub(super) id: String,
    /// A hash of all the rest, in hexadecimal.
    pub(super) checksum: String,
}

/// A line of a file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    folder: Option<usize>,
    bytes: u64,
    modified: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sets: Option<Vec<SetLine>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    labels: Option<LabelsLine>,
    /// The width and the height of an image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<(usize, usize)>,
}

/// A set; what is usual is left out.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SetLine {
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    array: String,
    #[serde(default, skip_serializing_if = "is_default")]
    first: usize,
    rows: usize,
    dim: usize,
    #[serde(default, skip_serializing_if = "is_default")]
    f64: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    positions: Option<String>,
    #[serde(default, skip_serializing_if = "is_default")]
    n_positions: usize,
}

/// Labels: all integers, or all names.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum LabelsLine {
    Integers(Vec<i64>),
    Names(Vec<String>),
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Line {
    /// The line of a file whose path is written so.
    pub(super) fn new(path: String, file: &ListedFile) -> Self {
        let Stamp { bytes, modified } = file.stamp;
        let line = Line { path, folder: file.folder, bytes, modified, sets: None, labels: None, size: None };
        match &file.contents {
            Contents::Image { width, height } => Line { size: Some((*width, *height)), ..line },
            Contents::Sets { sets, labels } => Line {
                sets: Some(sets.iter().map(SetLine::new).collect()),
                labels: labels.as_ref().map(LabelsLine::new),
                ..line
            },
        }
    }

    /// The file of a line, whose path becomes what `place` makes of it; the error says what is wrong.
    pub(super) fn file(
        self,
        n_folders: usize,
        place: impl FnOnce(&str) -> PathBuf,
    ) -> Result<ListedFile, String> {
        if self.path.is_empty() {
            return Err("expected the path of a file, got nothing".to_owned());
        }
        if let Some(folder) = self.folder.filter(|folder| *folder >= n_folders) {
            return Err(format!("expected one of {n_folders} folders, counted from 0, got {folder}"));
        }
        let contents = match (self.sets, self.size, self.labels) {
            (None, Some((width, height)), None) => Contents::Image { width, height },
            (Some(sets), None, labels) => {
                let sets: Vec<SetInFile> = sets.into_iter().map(SetLine::set).collect::<Result<_, _>>()?;
                let labels = labels.map(LabelsLine::labels);
                if let Some(labels) = labels.as_ref().filter(|labels| labels.len() != sets.len()) {
                    return Err(format!("expected {} labels, got {}", sets.len(), labels.len()));
                }
                Contents::Sets { sets, labels }
            }
            _ => return Err("expected either sets or the size of an image".to_owned()),
        };
        let stamp = Stamp { bytes: self.bytes, modified: self.modified };
        Ok(ListedFile { path: place(&self.path), folder: self.folder, stamp, contents })
    }
}

impl SetLine {
    fn new(set: &SetInFile) -> Self {
        SetLine {
            name: set.name.clone(),
            array: set.array.clone(),
            first: set.rows.start,
            rows: set.rows.len(),
            dim: set.dim,
            f64: set.is_f64,
            positions: set.positions.clone(),
            n_positions: set.n_positions,
        }
    }

    fn set(self) -> Result<SetInFile, String> {
        let end = self.first.checked_add(self.rows).ok_or("expected rows of an array, got too many")?;
        if self.n_positions > self.dim {
            return Err(format!("expected at most {} position columns, got {}", self.dim, self.n_positions));
        }
        Ok(SetInFile {
            name: self.name,
            array: self.array,
            rows: self.first..end,
            dim: self.dim,
            n_positions: self.n_positions,
            positions: self.positions,
            is_f64: self.f64,
        })
    }
}

impl LabelsLine {
    fn new(labels: &Labels) -> Self {
        match labels {
            Labels::Integers(labels) => LabelsLine::Integers(labels.clone()),
            Labels::Names(labels) => LabelsLine::Names(labels.clone()),
        }
    }

    fn labels(self) -> Labels {
        match self {
            LabelsLine::Integers(labels) => Labels::Integers(labels),
            LabelsLine::Names(labels) => Labels::Names(labels),
        }
    }
}
