//! `fishervec fit`: a model from a sample of all descriptors.

use crate::args::{FitArguments, OnError, Stream};
use crate::composition::composition;
use crate::exit::{DONE, SKIPPED, usage_error};
use crate::inputs::Inputs;
use crate::listing::Kind;
use crate::polish::polish;
use crate::progress::{Progress, counted};
use crate::rows::AllRows;
use crate::sampling::{Balanced, LastFile, Sampling};
use crate::settings::{Settings, settings};
use crate::{classes, destination, diagnostics, shell};
use anyhow::{anyhow, bail};
use clap::ValueEnum;
use fishervec::data::{Real, are_like_the_others, sample_rows};
use fishervec::image::Image;
use fishervec::io::SetFile;
use fishervec::ndarray::ArrayView2;
use fishervec::run::Workspace;
use fishervec::{Context, Encode, Error, Pipeline};
use std::path::{Path, PathBuf};

/// Number of descriptors drawn per component.
const PER_COMPONENT: usize = 1000;
/// Below this many sets an empirical information is a poor estimate.
const FEW_SETS: usize = 100;

pub(crate) fn run(arguments: &FitArguments) -> anyhow::Result<i32> {
    let progress = Progress::new(arguments.running.common.quiet);
    let output = &arguments.basic.output;
    check_output(output)?;
    destination::spare_labels(output, arguments.labels.labels.as_deref())?;
    let listing = arguments.input.listing()?;
    let kind = listing.kind(asked_kind(arguments)?)?;
    let images = kind == Kind::Images;
    // Where the inputs can be meant two ways, `encode` must be told too.
    let told = listing.is_mixed().then_some(kind);
    let arrays = listing.arrays(arguments.input.arrays(images))?;
    let (settings, mut inputs) = match arrays.positions {
        // The files say how many columns they have.
        Some(_) => {
            let inputs = Inputs::scan(listing, None, arrays, progress)?;
            (settings(arguments, images, n_positions(&inputs)?)?, inputs)
        }
        None => {
            let settings = settings(arguments, images, None)?;
            let inputs = Inputs::scan(listing, settings.images.clone(), arrays, progress)?;
            (settings, inputs)
        }
    };
    settings.warnings.iter().for_each(|warning| progress.warning(warning));
    inputs.refuse_outputs(&[output])?;
    let mut skipped = 0;
    if arguments.running.on_error == OnError::Skip {
        skipped += skip_unreadable(&mut inputs, progress);
    }
    if arguments.basic.balance == Some(Balanced::Label) {
        classes::label(&mut inputs, &arguments.labels, false, progress)?;
    }
    let (dim, is_f64) = common_shape(&inputs)?;
    check_shape(&settings, dim, inputs.total_rows())?;
    let job = Fitting { arguments, settings: &settings, inputs: &inputs, dim, progress };
    // Everything is computed in double precision if any file is: that loses nothing of the others.
    let (pipeline, more) = if is_f64 { job.run::<f64>()? } else { job.run::<f32>()? };
    skipped += more;
    // The next command must not ask for an output that is among its inputs.
    let usual = PathBuf::from("vectors.npy");
    let vectors = if inputs.refuse_outputs(&[&usual]).is_ok() { "vectors.npy" } else { "encoded.npy" };
    let pipeline = match inputs.images {
        Some(images) => pipeline.with_images(images)?,
        None => pipeline,
    };
    destination::save(output, &destination::spare_folders(), |path| pipeline.save(path))?;
    report(&pipeline, skipped, progress);
    progress.note(&closing(&pipeline, arguments, told, vectors));
    Ok(if skipped > 0 { SKIPPED } else { DONE })
}

/// The kind of inputs that the options ask for; --features is for images alone.
fn asked_kind(arguments: &FitArguments) -> anyhow::Result<Option<Kind>> {
    match (arguments.input.kind, arguments.images.features.is_some()) {
        (Some(Kind::Descriptors), true) => {
            usage_error!("--features describes images: leave it out, or choose --input images")
        }
        (None, true) => Ok(Some(Kind::Images)),
        (asked, _) => Ok(asked),
    }
}

/// Refuses the name of a descriptor or image file, which the model would be taken for the next time.
fn check_output(output: &Path) -> anyhow::Result<()> {
    let ending = output.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let others = SetFile::endings().iter().chain(Image::endings()).filter(|other| **other != "safetensors");
    if others.into_iter().any(|other| *other == ending) {
        usage_error!("--output: expected a name ending in .safetensors, got {}", output.display());
    }
    destination::check("--output", output)
}

/// Removes the sets whose file cannot be opened, and says why; returns their number.
fn skip_unreadable(inputs: &mut Inputs, progress: Progress) -> usize {
    let before = inputs.sets.len();
    inputs.sets.retain(|set| {
        set.shape.as_ref().inspect_err(|reason| progress.warn(&format!("skipped: {reason}"))).is_ok()
    });
    before - inputs.sets.len()
}

/// The number of columns of the positions, which all sets must share that can be opened and tell it.
///
/// # Errors
/// If they differ, with the first that does.
fn n_positions(inputs: &Inputs) -> anyhow::Result<Option<usize>> {
    let mut columns = None;
    let opened = inputs.sets.iter().filter_map(|set| Some((set, set.shape.as_ref().ok()?)));
    for (set, shape) in opened.filter(|(_, shape)| shape.dim > 0) {
        let (expected, got) = (*columns.get_or_insert(shape.n_positions), shape.n_positions);
        if got != expected {
            return Err(inputs.blame(set, Error::Dimension { what: "positions", expected, got }).into());
        }
    }
    Ok(columns)
}

/// The number of columns, which all sets must share that tell it, and whether any of them is in double
/// precision.
fn common_shape(inputs: &Inputs) -> anyhow::Result<(usize, bool)> {
    let (mut dim, mut is_f64) = (None, false);
    for set in &inputs.sets {
        let shape = set.shape.as_ref().map_err(|reason| anyhow!("{reason}"))?;
        if shape.dim == 0 {
            continue;
        }
        let expected = *dim.get_or_insert(shape.dim);
        if shape.dim != expected {
            let error = Error::Dimension { what: "descriptors", expected, got: shape.dim };
            return Err(inputs.blame(set, error).into());
        }
        is_f64 |= shape.is_f64;
    }
    let missing = if inputs.sets.is_empty() {
        "no sets"
    } else {
        "only empty sets that do not tell their number of columns"
    };
    dim.map(|dim| (dim, is_f64)).ok_or_else(|| anyhow!("the inputs contain {missing}"))
}

/// Checks the settings against what the headers of the files say, before any descriptor is read.
fn check_shape(settings: &Settings, dim: usize, n_rows: usize) -> anyhow::Result<()> {
    let positions = settings.pipeline.position_columns;
    if positions >= dim {
        usage_error!(
            "--position-columns: expected fewer than the {dim} columns of the descriptors, got {positions}"
        );
    }
    let projected = dim - positions;
    if let Some(pca) = settings.pipeline.pca.filter(|pca| pca.n_components > projected) {
        let got = pca.n_components;
        usage_error!("--pca: expected at most {projected}, the number of columns to project, got {got}");
    }
    let least = settings.least_rows;
    if n_rows < least {
        bail!(
            "too few descriptors: expected at least {least}, got {n_rows}: use fewer components or more data"
        );
    }
    Ok(())
}

/// What a fit needs.
struct Fitting<'a> {
    arguments: &'a FitArguments,
    settings: &'a Settings,
    inputs: &'a Inputs,
    dim: usize,
    progress: Progress,
}

impl Fitting<'_> {
    /// The pipeline, and how many sets were skipped.
    fn run<F: Real>(&self) -> anyhow::Result<(Pipeline, usize)> {
        let Fitting { arguments, inputs, progress, .. } = *self;
        let options = &arguments.basic;
        let threads = arguments.running.common.threads()?;
        let default = PER_COMPONENT.saturating_mul(options.components.get());
        // A fit to all descriptors only looks at a sample.
        let default = if options.stream.is_some() { PER_COMPONENT } else { default };
        let count = options.sample.map_or(default, usize::from);
        let skip = arguments.running.on_error == OnError::Skip;
        let groups = options.balance.map(|by| by.groups(inputs)).transpose()?;
        let sampling = Sampling { inputs, skip, threads: &threads, progress, groups };
        let sample = sampling.sample::<F>(count, options.seed, self.dim)?;
        if options.stream.is_none() {
            let (composition, warning) = composition(&sampling, &sample);
            progress.note(&composition);
            warning.iter().for_each(|warning| progress.warning(warning));
        }
        let mut skipped = sample.skipped;
        match inputs.arrays.positions {
            Some(_) => sampling.check_positions(&sample)?,
            None => self.warn_of_lookalikes(sample.descriptors.view().rows()),
        }
        let mixture = &arguments.mixture;
        let task = progress.start(
            "fitting",
            mixture.max_iter.get().saturating_mul(mixture.n_init.get()),
            "iteration",
        );
        let mut report = |step: &fishervec::run::Progress| {
            task.advance(1);
            let change =
                if step.change.is_finite() { format!(" ({:+.1e})", step.change) } else { String::new() };
            task.remark(&format!("log-likelihood {:.4}{change}", step.lower_bound));
        };
        let mut context = Context::on(&threads).on_progress(&mut report);
        let params = &self.settings.pipeline;
        let pipeline = match options.stream {
            Some(Stream::Exact) => {
                let rows = AllRows::<F>::new(inputs, self.dim, threads.count());
                params.fit_with(&rows, &mut context)?
            }
            None => {
                let pipeline = params.fit_with(&sample.descriptors.view(), &mut context);
                pipeline.map_err(|error| sample.blame(inputs, error))?
            }
        };
        task.finish(progress);
        let pipeline = match self.settings.polish.clone() {
            Some(params) => polish::<F>(&pipeline, params, inputs, self.dim, &threads, progress)?,
            None => pipeline,
        };
        let pipeline = match pipeline.encoder().information().is_empirical() {
            true => self.learn_information::<F>(&sampling, pipeline, &mut skipped)?,
            false => pipeline,
        };
        Ok((pipeline, skipped))
    }

    /// Warns if columns that the options call positions are distributed like the descriptors.
    fn warn_of_lookalikes<F: Real>(&self, rows: ArrayView2<'_, F>) {
        let n = self.arguments.position.position_columns;
        if are_like_the_others(rows, n) {
            self.progress.warning(&format!(
                "the last {n} columns, which --position-columns {n} calls positions, are distributed like the \
                 other columns: append positions to the descriptors if they hold none"
            ));
        }
    }

    /// The second pass: the scale of each coordinate over a sample of whole sets.
    fn learn_information<F: Real>(
        &self,
        sampling: &Sampling<'_>,
        pipeline: Pipeline,
        skipped: &mut usize,
    ) -> anyhow::Result<Pipeline> {
        let Fitting { arguments, inputs, progress, .. } = *self;
        let count = arguments.encoder.information_sets.get();
        let picked = sample_rows(inputs.sets.len(), count, arguments.basic.seed);
        let Some(mut fit) = pipeline.information_fit(picked.len()) else { return Ok(pipeline) };
        let task = progress.start("estimating the information", picked.len(), "set");
        let (workspace, single) = (Workspace::default(), Workspace::default());
        let mut files = LastFile::default();
        for set in picked.iter().map(|i| &inputs.sets[*i]) {
            let mut add = || match inputs.features(set)? {
                Some(rows) => pipeline.add_information(&mut fit, &rows.view(), sampling.threads, &single),
                None => {
                    let (array, range) = files.rows(inputs, set)?;
                    pipeline.add_information(&mut fit, &array.rows::<F>(range), sampling.threads, &workspace)
                }
            };
            let missed = sampling.or_skip(set, &task, add())?;
            if missed > 0 {
                fit.skip()?;
            }
            *skipped += missed;
            task.advance(1);
        }
        task.finish(progress);
        if fit.n_sets() < FEW_SETS {
            let sets = counted(fit.n_sets(), "set");
            progress.warning(&format!(
                "the empirical information comes from only {sets}; at least {FEW_SETS} recommended: give \
                 more sets, or raise --information-sets"
            ));
        }
        Ok(pipeline.with_information(fit)?)
    }
}

fn report(pipeline: &Pipeline, skipped: usize, progress: Progress) {
    diagnostics::warnings(pipeline).iter().for_each(|warning| progress.warning(warning));
    if let Some(fit) = pipeline.fit_report() {
        if !fit.repairs.is_empty() {
            let repaired = counted(fit.repairs.len(), "component");
            progress.note(&format!("{repaired} lost all descriptors and restarted"));
        }
        let (iterations, bound) = (counted(fit.n_iter(), "iteration"), fit.lower_bound());
        progress.note(&format!("{iterations}, mean log-likelihood {bound:.4} over {} descriptors", fit.n));
    }
    if skipped > 0 {
        progress.note(&format!("{} skipped", counted(skipped, "set")));
    }
}

/// The line that says what was written, and the command that comes next.
fn closing(pipeline: &Pipeline, arguments: &FitArguments, kind: Option<Kind>, vectors: &str) -> String {
    let (output, p) = (&arguments.basic.output, pipeline.output_dim());
    let about = match pipeline.images() {
        Some(_) => format!("input: images; output: {p} numbers per image"),
        None => format!("input: {} columns; output: {p} numbers per set", pipeline.input_dim()),
    };
    let inputs = shell::words_or_input(&arguments.input.inputs);
    let model = shell::word(output).unwrap_or_else(|| "MODEL".to_owned());
    let options = reading_options(arguments, kind, pipeline.images().is_some());
    let next = format!("fishervec encode {inputs}{options} -m {model} -o {vectors}");
    format!("Wrote {} ({about}). Next: {next}", output.display())
}

/// The options that say what is read of the inputs, and about them, which `encode` must be given too.
fn reading_options(arguments: &FitArguments, kind: Option<Kind>, images: bool) -> String {
    let kind = kind.and_then(|kind| Some(format!(" --input {}", kind.to_possible_value()?.get_name())));
    let arrays = arguments.input.arrays(images);
    let option = |name: &str, value: Option<&Path>| {
        let word = |value| shell::word(value).unwrap_or_else(|| name.to_uppercase());
        value.map(|value| format!(" --{name} {}", word(value)))
    };
    let array = option("array", arrays.array.as_deref().map(Path::new));
    let positions = option("positions", arrays.positions.as_deref().map(Path::new));
    let root = option("root", arguments.input.root.as_deref());
    let labels = option("labels", arguments.labels.labels.as_deref());
    let column = option("label-column", arguments.labels.label_column.as_deref().map(Path::new));
    [kind, array, positions, root, labels, column].into_iter().flatten().collect()
}
