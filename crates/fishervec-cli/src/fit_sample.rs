//! `fishervec fit SAMPLE...`: a fit to what `fishervec sample` drew, as `fit` would have drawn it itself.

use crate::args::FitArguments;
use crate::checks::check_shape;
use crate::destination;
use crate::exit::{DONE, usage_error};
use crate::fitting::{count_iterations, few_sets, warn_of_lookalikes};
use crate::progress::Progress;
use crate::settings::{Settings, settings};
use crate::summary::{closing, report};
use anyhow::{anyhow, bail};
use fishervec::data::{OwnedDescriptors, Real, RowBuffer};
use fishervec::io::{Drawn, SampleFile, whole_sample};
use fishervec::run::{Threads, Workspace};
use fishervec::{Context, Encode, Pipeline, Source};

/// Options that say what is read, which `sample` was told.
const OF_READING: [&str; 13] = [
    "input",
    "array",
    "positions",
    "features",
    "bins",
    "step",
    "window",
    "contrast-threshold",
    "patch-size",
    "color",
    "max-side",
    "augment",
    "information-sets",
];
/// Options that need all descriptors, or draw from them.
const OF_ALL: [&str; 8] =
    ["sample", "balance", "labels", "label-column", "polish", "stream", "on-error", "resume"];

/// Fits to samples, if the inputs are samples: its exit code then.
pub(crate) fn run(arguments: &FitArguments, progress: Progress) -> anyhow::Result<Option<i32>> {
    let paths = &arguments.input.inputs;
    let (samples, others): (Vec<_>, Vec<_>) = paths.iter().partition(|path| SampleFile::is_one(path));
    match (samples.first(), others.first()) {
        (None, _) => return Ok(None),
        (Some(sample), Some(other)) => usage_error!(
            "{} is a sample, {} is none: give all shards of a sample, or the inputs that it was drawn from",
            sample.display(),
            other.display()
        ),
        (Some(_), None) => {}
    }
    check_options(arguments)?;
    if let Some(path) = samples.iter().find(|path| destination::is_same(path, &arguments.basic.output)) {
        bail!("{} is among the inputs and would be replaced: choose another --output", path.display());
    }
    let mut files = Vec::new();
    for path in samples {
        files.push((path.display().to_string(), SampleFile::open(path)?));
    }
    let (sets, rows): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|(_, file)| file.about.kind == Drawn::Sets);
    let (rows, sets) = (whole_sample(rows)?, whole_sample(sets)?);
    let Some(first) = rows.first() else {
        bail!(
            "these samples hold whole sets, which are for an empirical information alone: give a sample of \
             descriptors too (fishervec sample INPUT... -o rows.safetensors)"
        );
    };
    if let Some(other) = sets.first().filter(|other| other.about.list != first.about.list) {
        bail!(
            "the samples of descriptors and of sets were drawn from other inputs ({} and {} columns): draw both \
             from the same",
            first.about.dim,
            other.about.dim
        );
    }
    let about = first.about.clone();
    let settings = settings(arguments, about.images.clone(), about.positions)?;
    settings.warnings.iter().for_each(|warning| progress.warning(warning));
    check_shape(&settings, about.dim, about.drawn)?;
    let job = Job { arguments, settings: &settings, rows: &rows, sets: &sets, progress };
    let pipeline = if about.real == f64::NAME { job.fit::<f64>()? } else { job.fit::<f32>()? };
    let pipeline = match about.images {
        Some(images) => pipeline.with_images(images)?,
        None => pipeline,
    };
    let output = &arguments.basic.output;
    destination::save(output, &destination::spare_folders(), |path| pipeline.save(path))?;
    report(&pipeline, 0, progress);
    progress.note(&closing(&pipeline, arguments, "INPUT", "", "vectors.npy"));
    Ok(Some(DONE))
}

/// Refuses options that are of no use with samples.
fn check_options(arguments: &FitArguments) -> anyhow::Result<()> {
    let given = |names: &[&'static str]| names.iter().find(|name| arguments.given.contains(**name)).copied();
    if let Some(option) = given(&OF_READING) {
        usage_error!("--{option}: the inputs are a sample: give this to `fishervec sample`, or leave it out");
    }
    if let Some(option) = given(&OF_ALL) {
        usage_error!(
            "--{option}: the inputs are a sample, all of which is fitted to: leave this out, or give the inputs \
             that it was drawn from"
        );
    }
    Ok(())
}

struct Job<'a> {
    arguments: &'a FitArguments,
    settings: &'a Settings,
    rows: &'a [SampleFile],
    sets: &'a [SampleFile],
    progress: Progress,
}

impl Job<'_> {
    fn fit<F: Real>(&self) -> anyhow::Result<Pipeline> {
        let Job { arguments, settings, progress, .. } = *self;
        if arguments.encoder.information.is_some_and(|information| information.is_empirical()) {
            if self.sets.is_empty() {
                bail!(
                    "--information empirical is learned from whole sets: give a sample of them too (fishervec \
                     sample INPUT... --sets 2000 -o sets.safetensors)"
                );
            }
        } else if !self.sets.is_empty() {
            progress.warning("the sample of sets has no effect without --information empirical");
        }
        let sample = self.gathered::<F>()?;
        if self.rows[0].about.positions.is_none() {
            warn_of_lookalikes(arguments, sample.view().rows(), progress);
        }
        let threads = arguments.running.common.threads()?;
        let task = count_iterations(arguments, progress);
        let mut remark = |step: &fishervec::run::Progress| task.iteration(step);
        let mut context = Context::on(&threads).on_progress(&mut remark);
        let pipeline = settings.pipeline.fit_with(&sample.view(), &mut context);
        let pipeline = pipeline.map_err(|error| self.blame(error))?;
        task.finish(progress);
        match pipeline.encoder().information().is_empirical() {
            true => self.learn_information::<F>(pipeline, &threads),
            false => Ok(pipeline),
        }
    }

    /// All rows of the sample, in the order of their numbers.
    fn gathered<F: Real>(&self) -> anyhow::Result<OwnedDescriptors<F>> {
        let dim = self.rows[0].about.dim;
        let mut values = vec![F::ZERO; self.rows[0].about.drawn * dim];
        let mut start = 0;
        for file in self.rows {
            let n = file.numbers.len();
            let out = &mut values[start * dim..(start + n) * dim];
            if n > 0 {
                file.rows.rows::<F>(0..n).read_finite(0, out, &mut RowBuffer::default())?;
            }
            start += n;
        }
        Ok(OwnedDescriptors::new(values, dim, None)?)
    }

    /// An error that names a row of the sample, with its number among all descriptors.
    fn blame(&self, error: fishervec::Error) -> anyhow::Error {
        let Some(row) = error.row() else { return error.into() };
        let number = self.rows.iter().flat_map(|file| &file.numbers).nth(row).copied();
        let error = error.map_row(|row| number.unwrap_or(row));
        anyhow!("the inputs of the sample, counting all descriptors: {error}")
    }

    fn learn_information<F: Real>(&self, pipeline: Pipeline, threads: &Threads) -> anyhow::Result<Pipeline> {
        let Some(first) = self.sets.first() else { return Ok(pipeline) };
        let n = first.about.drawn;
        let Some(mut fit) = pipeline.information_fit(n) else { return Ok(pipeline) };
        let task = self.progress.start("estimating the information", n, "set");
        let workspace = Workspace::default();
        for file in self.sets {
            let mut start = 0;
            for (number, length) in file.numbers.iter().zip(&file.lengths) {
                let rows = file.rows.rows::<F>(start..start + length);
                let added = pipeline.add_information(&mut fit, &rows, threads, &workspace);
                added.map_err(|error| error.at(format!("set {number} of the inputs of the sample")))?;
                start += length;
                task.advance(1);
            }
        }
        task.finish(self.progress);
        few_sets(&fit, self.progress);
        Ok(pipeline.with_information(fit)?)
    }
}
