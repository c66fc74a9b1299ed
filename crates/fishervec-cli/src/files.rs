//! The files of the inputs while their sets are being encoded.

use crate::inputs::{Inputs, OpenFile, Set};
use fishervec::io::FileRows;
use fishervec::{Pipeline, Result};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The largest number of files that stay open for later sets: the sets of a group may be far apart. Some
/// systems allow 256 open files, and a compressed archive needs two.
const KEPT: usize = 64;

/// Files, each of which is open from the time its first set is needed until its last one has been read.
pub(crate) struct Files {
    slots: Vec<Mutex<Slot>>,
    /// The number of files that are open for later sets.
    kept: AtomicUsize,
}

struct Slot {
    open: Option<OpenFile>,
    /// The number of its sets that are still to be read.
    left: usize,
}

impl Files {
    /// Those of the inputs, for some sets, which will be read if their columns are those of the pipeline.
    pub(crate) fn new<'a>(
        inputs: &Inputs,
        pipeline: &Pipeline,
        sets: impl Iterator<Item = &'a usize>,
    ) -> Self {
        let mut slots: Vec<_> = inputs.files.iter().map(|_| Slot { open: None, left: 0 }).collect();
        let fits = |set: &&Set| set.shape.as_ref().is_ok_and(|shape| shape.goes_with(pipeline.input_dim()));
        sets.map(|set| &inputs.sets[*set]).filter(fits).for_each(|set| slots[set.file].left += 1);
        Files { slots: slots.into_iter().map(Mutex::new).collect(), kept: AtomicUsize::new(0) }
    }

    /// The array that contains a set, and the rows of the set.
    pub(crate) fn rows(&self, inputs: &Inputs, set: &Set) -> Result<(FileRows, Range<usize>)> {
        // A slot is valid whatever happened to the thread that used it before.
        let mut slot = self.slots[set.file].lock().unwrap_or_else(PoisonError::into_inner);
        slot.left -= 1;
        let mut file = match slot.open.take() {
            Some(file) => {
                self.kept.fetch_sub(1, Ordering::Relaxed);
                file
            }
            None => OpenFile::new(inputs, set.file)?,
        };
        let rows = file.rows(set);
        if slot.left > 0 && self.kept.fetch_add(1, Ordering::Relaxed) < KEPT {
            slot.open = Some(file);
        } else if slot.left > 0 {
            self.kept.fetch_sub(1, Ordering::Relaxed);
        }
        rows
    }
}
