//! From sets to the descriptors a model is learned from, of files and of photographs.

use crate::inputs::{Inputs, OpenFile, Set};
use crate::progress::{Progress, Task};
use fishervec::image::{Image, ImageParams, ImageSample};
use fishervec::io::FileRows;
use fishervec::{OwnedDescriptors, Real, Result, Threads, rows_by_set, sample_rows};
use std::ops::Range;

/// What reading takes.
pub(crate) struct Reading<'a> {
    pub(crate) inputs: &'a Inputs,
    /// Whether to go on without a set that cannot be read.
    pub(crate) skip: bool,
    pub(crate) threads: &'a Threads,
    pub(crate) progress: Progress,
}

impl Reading<'_> {
    /// A sample of the rows of all sets, each row equally likely, and how many sets were skipped; nothing but the sample
    /// is kept.
    pub(crate) fn sample<F: Real>(
        &self,
        count: usize,
        seed: u64,
        dim: usize,
    ) -> anyhow::Result<(OwnedDescriptors<F>, usize)> {
        match &self.inputs.images {
            Some(images) => self.sample_images(images, count, seed),
            None => self.sample_files(count, seed, dim),
        }
    }

    fn sample_images<F: Real>(
        &self,
        images: &ImageParams,
        count: usize,
        seed: u64,
    ) -> anyhow::Result<(OwnedDescriptors<F>, usize)> {
        let sets = &self.inputs.sets;
        let task = self.progress.start("reading", sets.len(), "photographs");
        let open = |i: usize| {
            task.advance(1);
            Image::open(&self.inputs.files[sets[i].file], images)
        };
        let ImageSample { descriptors, failed } =
            images.sample(&self.counts(), &open, count, seed, self.skip, self.threads)?;
        for (i, error) in &failed {
            task.warn(&format!("skipped: {}: {}", self.inputs.files[sets[*i].file].display(), error.cause()));
        }
        task.finish(self.progress);
        let rows = descriptors.view();
        let values = rows.rows().iter().map(|x| F::from_f64(f64::from(*x))).collect();
        Ok((OwnedDescriptors::new(values, images.dim(), None)?, failed.len()))
    }

    fn sample_files<F: Real>(
        &self,
        count: usize,
        seed: u64,
        dim: usize,
    ) -> anyhow::Result<(OwnedDescriptors<F>, usize)> {
        let picked = sample_rows(self.inputs.total_rows(), count, seed);
        let mut values = vec![F::ZERO; picked.len() * dim];
        let task = self.progress.start("reading", picked.len(), "descriptors");
        let mut files = LastFile::default();
        // Where the next rows go; those of a set that was skipped are overwritten.
        let (mut end, mut skipped) = (0, 0);
        for (set, rows) in rows_by_set(&picked, self.counts()) {
            let set = &self.inputs.sets[set];
            let out = &mut values[end..][..rows.len() * dim];
            let mut read = || {
                let (array, range) = files.rows(self.inputs, set)?;
                array.rows::<F>(range).gather(&rows, out)
            };
            let failed = self.or_skip(set, &task, read())?;
            skipped += failed;
            end += if failed == 0 { rows.len() * dim } else { 0 };
            task.advance(rows.len());
        }
        task.finish(self.progress);
        values.truncate(end);
        Ok((OwnedDescriptors::new(values, dim, None)?, skipped))
    }

    /// Descriptors in each set.
    fn counts(&self) -> Vec<usize> {
        let n_rows = |set: &Set| set.shape.as_ref().map_or(0, |shape| shape.n_rows);
        self.inputs.sets.iter().map(n_rows).collect()
    }

    /// 1 for a set that is to be skipped, with a line that says why; 0 where all is well.
    ///
    /// # Errors
    /// What happened to the set, with its name, where nothing is to be skipped.
    pub(crate) fn or_skip(&self, set: &Set, task: &Task, done: Result<()>) -> anyhow::Result<usize> {
        match done.map_err(|error| self.inputs.blame(set, error)) {
            Ok(()) => Ok(0),
            Err(reason) if self.skip => {
                task.warn(&format!("skipped: {reason}"));
                Ok(1)
            }
            Err(reason) => Err(reason.into()),
        }
    }
}

impl Inputs {
    /// The descriptors of a photograph; `None` where the inputs are files of descriptors.
    ///
    /// # Errors
    /// Those of [`Image::open`].
    pub(crate) fn features(&self, set: &Set) -> Result<Option<OwnedDescriptors<f32>>> {
        let Some(images) = &self.images else { return Ok(None) };
        images.features(&Image::open(&self.files[set.file], images)?).map(Some)
    }
}

/// The file opened last, kept for the next set in it.
#[derive(Default)]
pub(crate) struct LastFile(Option<(usize, OpenFile)>);

impl LastFile {
    pub(crate) fn rows(&mut self, inputs: &Inputs, set: &Set) -> Result<(FileRows, Range<usize>)> {
        let file = match self.0.take() {
            Some(same) if same.0 == set.file => same.1,
            _ => OpenFile::new(&inputs.files[set.file])?,
        };
        self.0.insert((set.file, file)).1.rows(set.index)
    }
}
