//! From sets to the sample of descriptors that a model is learned from, for files and for images.

use crate::exit::usage_error;
use crate::inputs::{Inputs, OpenFile, Set};
use crate::progress::{Progress, Task};
use clap::ValueEnum;
use fishervec::Source;
use fishervec::data::{OwnedDescriptors, PositionCheck, Real, rows_by_set, sample_by_group, sample_rows};
use fishervec::image::{Image, ImageParams, ImageSample};
use fishervec::io::FileRows;
use fishervec::ndarray::s;
use fishervec::run::Threads;
use fishervec::{Error, Result};
use std::ops::Range;

/// Number of descriptors drawn per component.
pub(crate) const PER_COMPONENT: usize = 1000;
/// The group of sets without a label.
const UNLABELLED: &str = "no label";

/// What sampling needs.
pub(crate) struct Sampling<'a> {
    pub(crate) inputs: &'a Inputs,
    /// Whether to continue without a set that cannot be read.
    pub(crate) skip: bool,
    pub(crate) threads: &'a Threads,
    pub(crate) progress: Progress,
    /// The group of each set, where as many rows are drawn from each group.
    pub(crate) groups: Option<Vec<String>>,
}

/// Descriptors drawn from the sets.
pub(crate) struct Sample<F> {
    pub(crate) descriptors: OwnedDescriptors<F>,
    /// The number of sets that were skipped.
    pub(crate) skipped: usize,
    /// The numbers of the sets drawn from, with the rows drawn from each, in order.
    pub(crate) places: Vec<(usize, Vec<usize>)>,
}

/// What to draw as many descriptors from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Balanced {
    /// Each set
    Set,
    /// Each folder that holds files
    Folder,
    /// Each label; sets without one count as one more
    Label,
}

impl Balanced {
    /// The group of each set.
    ///
    /// # Errors
    /// If no set has a label, and the groups are those.
    pub(crate) fn groups(self, inputs: &Inputs) -> anyhow::Result<Vec<String>> {
        let folder = |set: &Set| inputs.files[set.file].parent().map(|folder| folder.display().to_string());
        let label = |set: &Set| set.label.as_ref().filter(|label| !label.is_none()).map(ToString::to_string);
        if self == Balanced::Label && inputs.sets.iter().all(|set| label(set).is_none()) {
            usage_error!("--balance label: no set has a label; give labels with --labels FILE");
        }
        let group = |(i, set): (usize, &Set)| match self {
            Balanced::Set => i.to_string(),
            Balanced::Folder => folder(set).unwrap_or_default(),
            Balanced::Label => label(set).unwrap_or_else(|| UNLABELLED.to_owned()),
        };
        Ok(inputs.sets.iter().enumerate().map(group).collect())
    }
}

impl<F: Real> Sample<F> {
    /// An error that names a row of the sample, with the set it comes from and its row there.
    pub(crate) fn blame(&self, inputs: &Inputs, error: Error) -> Error {
        let mut from = None;
        let error = error.map_row(|row| {
            let mut first = 0;
            for (set, rows) in &self.places {
                if let Some(original) = rows.get(row - first) {
                    from = Some(*set);
                    return *original;
                }
                first += rows.len();
            }
            row
        });
        match from {
            Some(set) => inputs.blame(&inputs.sets[set], error),
            None => error,
        }
    }
}

impl Sampling<'_> {
    /// A sample of the rows of all sets, each row equally likely, or each of a group. Only the sample is kept
    /// in memory.
    pub(crate) fn sample<F: Real>(&self, count: usize, seed: u64, dim: usize) -> anyhow::Result<Sample<F>> {
        self.gather(&self.picked(count, seed), dim)
    }

    /// These rows, counted through all sets.
    pub(crate) fn gather<F: Real>(&self, picked: &[usize], dim: usize) -> anyhow::Result<Sample<F>> {
        match &self.inputs.images {
            Some(images) => self.gather_images(images, picked),
            None => self.gather_files(picked, dim),
        }
    }

    fn gather_images<F: Real>(&self, images: &ImageParams, picked: &[usize]) -> anyhow::Result<Sample<F>> {
        let sets = &self.inputs.sets;
        let task = self.progress.start("reading", sets.len(), "image");
        let open = |i: usize| {
            task.advance(1);
            self.inputs.check(sets[i].file)?;
            Image::open(&self.inputs.files[sets[i].file], images)
        };
        let ImageSample { descriptors, failed } =
            images.gather(&self.counts(), &open, picked, self.skip, self.threads)?;
        for (i, error) in &failed {
            task.warn(&format!("skipped: {}: {}", self.inputs.files[sets[*i].file].display(), error.cause()));
        }
        task.finish(self.progress);
        let rows = descriptors.view();
        let values = rows.rows().iter().map(|x| F::from_f64(f64::from(*x))).collect();
        let descriptors = OwnedDescriptors::new(values, images.dim(), None)?;
        let mut places = rows_by_set(picked, self.counts());
        places.retain(|(set, _)| failed.iter().all(|(other, _)| other != set));
        Ok(Sample { descriptors, skipped: failed.len(), places })
    }

    fn gather_files<F: Real>(&self, picked: &[usize], dim: usize) -> anyhow::Result<Sample<F>> {
        let mut values = vec![F::ZERO; picked.len() * dim];
        let task = self.progress.start("reading", picked.len(), "descriptor");
        let mut files = LastFile::default();
        // The next rows go to `end`, so they overwrite those of a set that was skipped.
        let (mut end, mut skipped, mut places) = (0, 0, Vec::new());
        for (number, rows) in rows_by_set(picked, self.counts()) {
            let set = &self.inputs.sets[number];
            let out = &mut values[end..][..rows.len() * dim];
            let mut read = || {
                let (array, range) = files.rows(self.inputs, set)?;
                array.rows::<F>(range).gather(&rows, out)
            };
            let failed = self.or_skip(set, &task, read())?;
            skipped += failed;
            task.advance(rows.len());
            if failed == 0 {
                end += rows.len() * dim;
                places.push((number, rows));
            }
        }
        task.finish(self.progress);
        values.truncate(end);
        Ok(Sample { descriptors: OwnedDescriptors::new(values, dim, None)?, skipped, places })
    }

    /// The rows to draw, counted through all sets.
    fn picked(&self, count: usize, seed: u64) -> Vec<usize> {
        match &self.groups {
            None => sample_rows(self.inputs.total_rows(), count, seed),
            Some(groups) => sample_by_group(&self.counts(), groups, count, seed),
        }
    }

    /// Checks the positions that the sample was drawn with: single precision must tell them apart, and the
    /// descriptors must not end with them.
    ///
    /// # Errors
    /// What is wrong with them, and what to do.
    pub(crate) fn check_positions<F: Real>(&self, sample: &Sample<F>) -> anyhow::Result<()> {
        let mut files = LastFile::default();
        let mut all = PositionCheck::default();
        let rows = sample.descriptors.view();
        let mut first = 0;
        for (number, picked) in &sample.places {
            let set = &self.inputs.sets[*number];
            let read = files.positions(self.inputs, set).and_then(|positions| {
                let Some((array, range)) = positions else { return Ok(()) };
                let positions = array.rows::<f64>(range);
                let mut out = vec![0.0; picked.len() * positions.dim()];
                positions.gather(picked, &mut out)?;
                let own = rows.rows().slice_move(s![first..first + picked.len(), ..]);
                all.add(own, &out, positions.dim());
                Ok(())
            });
            read.map_err(|error| self.inputs.blame(set, error))?;
            first += picked.len();
        }
        Ok(all.finish::<F>()?)
    }

    /// The number of descriptors in each set.
    pub(crate) fn counts(&self) -> Vec<usize> {
        let n_rows = |set: &Set| set.shape.as_ref().map_or(0, |shape| shape.n_rows);
        self.inputs.sets.iter().map(n_rows).collect()
    }

    /// The number of skipped sets: 1 if the set failed, with a line that says why; 0 if it did not.
    ///
    /// # Errors
    /// What happened to the set, with its name, if nothing is to be skipped.
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
    /// The descriptors of an image; `None` if the inputs are descriptor files.
    ///
    /// # Errors
    /// Those of [`Image::open`].
    pub(crate) fn features(&self, set: &Set) -> Result<Option<OwnedDescriptors<f32>>> {
        let Some(images) = &self.images else { return Ok(None) };
        self.check(set.file)?;
        images.features(&Image::open(&self.files[set.file], images)?).map(Some)
    }
}

/// The file that was opened last, kept for the next set in it.
#[derive(Default)]
pub(crate) struct LastFile(Option<(usize, OpenFile)>);

impl LastFile {
    pub(crate) fn rows(&mut self, inputs: &Inputs, set: &Set) -> Result<(FileRows, Range<usize>)> {
        self.open(inputs, set)?.rows(set)
    }

    /// The positions of a set, if they are in an array of their own.
    fn positions(&mut self, inputs: &Inputs, set: &Set) -> Result<Option<(FileRows, Range<usize>)>> {
        self.open(inputs, set)?.positions(set)
    }

    fn open(&mut self, inputs: &Inputs, set: &Set) -> Result<&mut OpenFile> {
        let file = match self.0.take() {
            Some(same) if same.0 == set.file => same.1,
            _ => OpenFile::new(inputs, set.file)?,
        };
        Ok(&mut self.0.insert((set.file, file)).1)
    }
}
