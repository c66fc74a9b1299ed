//! `fishervec fit`: a model from a sample of all descriptors.

use crate::args::{EncoderChoice, FitArguments, InitChoice};
use crate::inputs::{Inputs, OpenFile, Set};
use crate::inspect;
use crate::progress::Progress;
use fishervec::io::FileRows;
use fishervec::{
    EncoderParams, Error, FisherParams, FitReport, GaussianMixtureParams, InformationFit, Init,
    Normalization, PcaParams, Pipeline, PipelineParams, Real, Result, Sample, Workspace, sample_rows,
};
use std::ops::{ControlFlow, Range};

/// Descriptors drawn per component.
const PER_COMPONENT: usize = 1000;
/// Below this many sets an empirical information is a poor estimate.
const FEW_SETS: usize = 100;

pub(crate) fn run(arguments: &FitArguments) -> anyhow::Result<i32> {
    let progress = Progress::new(arguments.running.quiet);
    let inputs = Inputs::scan(&arguments.inputs, progress)?;
    let (dim, is_f64) = common_shape(&inputs)?;
    // Computed in double precision as soon as one file is: that loses nothing of the others.
    let pipeline = if is_f64 {
        fit::<f64>(arguments, &inputs, dim, progress)?
    } else {
        fit::<f32>(arguments, &inputs, dim, progress)?
    };
    pipeline.save(&arguments.output)?;
    report(&pipeline, arguments, progress);
    Ok(crate::DONE)
}

/// The number of columns, which all sets must have, and whether any is in double precision.
fn common_shape(inputs: &Inputs) -> anyhow::Result<(usize, bool)> {
    let (mut dim, mut is_f64) = (None, false);
    for set in &inputs.sets {
        let shape = set.shape.as_ref().map_err(|reason| anyhow::anyhow!("{reason}"))?;
        let expected = *dim.get_or_insert(shape.dim);
        if shape.dim != expected {
            let error = Error::Dimension { what: "descriptors", expected, got: shape.dim };
            return Err(inputs.blame(set, error).into());
        }
        is_f64 |= shape.is_f64;
    }
    dim.map(|dim| (dim, is_f64)).ok_or_else(|| anyhow::anyhow!("the inputs hold no sets"))
}

fn fit<F: Real>(
    arguments: &FitArguments,
    inputs: &Inputs,
    dim: usize,
    progress: Progress,
) -> anyhow::Result<Pipeline> {
    let threads = arguments.running.threads()?;
    let sample = read_sample::<F>(arguments, inputs, dim, progress)?;
    let most = arguments.max_iter.get().saturating_mul(arguments.n_init.get());
    let task = progress.start("fitting", most, "iterations");
    let pipeline = params(arguments).fit(&sample.view(), &threads, &mut |step| {
        task.advance(1);
        let change = if step.change.is_finite() { format!(" ({:+.1e})", step.change) } else { String::new() };
        task.remark(&format!("log-likelihood {:.4}{change}", step.lower_bound));
        ControlFlow::Continue(())
    })?;
    task.finish(progress);
    match pipeline.information_fit() {
        Some(fit) => learn_information::<F>(arguments, inputs, pipeline, fit, progress),
        None => Ok(pipeline),
    }
}

/// The second pass: the scale of each coordinate over a sample of whole sets.
fn learn_information<F: Real>(
    arguments: &FitArguments,
    inputs: &Inputs,
    pipeline: Pipeline,
    mut fit: InformationFit,
    progress: Progress,
) -> anyhow::Result<Pipeline> {
    let (threads, workspace) = (arguments.running.threads()?, Workspace::default());
    let picked = sample_rows(inputs.sets.len(), arguments.information_sets.get(), arguments.seed);
    let task = progress.start("learning the information", picked.len(), "sets");
    let mut files = LastFile::default();
    for set in picked.iter().map(|i| &inputs.sets[*i]) {
        let mut add = || {
            let (array, range) = files.rows(inputs, set)?;
            pipeline.add_information(&mut fit, &array.rows::<F>(range), &threads, &workspace)
        };
        add().map_err(|error| inputs.blame(set, error))?;
        task.advance(1);
    }
    task.finish(progress);
    if fit.n_sets() < FEW_SETS {
        let n = fit.n_sets();
        progress.warn(&format!(
            "warning: an empirical information from {n} sets: few ({FEW_SETS} or more are wanted)"
        ));
    }
    Ok(pipeline.with_information(fit)?)
}

/// The file opened last, kept for the next set in it.
#[derive(Default)]
struct LastFile(Option<(usize, OpenFile)>);

impl LastFile {
    fn rows(&mut self, inputs: &Inputs, set: &Set) -> Result<(FileRows, Range<usize>)> {
        let file = match self.0.take() {
            Some(same) if same.0 == set.file => same.1,
            _ => OpenFile::new(&inputs.files[set.file])?,
        };
        self.0.insert((set.file, file)).1.rows(set.index)
    }
}

/// A sample of the rows of all sets, each row equally likely; nothing but the sample is kept.
fn read_sample<F: Real>(
    arguments: &FitArguments,
    inputs: &Inputs,
    dim: usize,
    progress: Progress,
) -> anyhow::Result<Sample<F>> {
    let default = PER_COMPONENT.saturating_mul(arguments.components.get());
    let count = arguments.sample.map_or(default, usize::from);
    let picked = sample_rows(inputs.total_rows(), count, arguments.seed);
    let task = progress.start("reading", picked.len(), "descriptors");
    let mut values = vec![F::ZERO; picked.len() * dim];
    let mut rest = (&picked[..], &mut values[..]);
    let mut files = LastFile::default();
    let mut first = 0;
    for set in &inputs.sets {
        let end = first + set.shape.as_ref().map_or(0, |shape| shape.n_rows);
        let n = rest.0.partition_point(|row| *row < end);
        let (rows, later) = rest.0.split_at(n);
        let (out, room) = std::mem::take(&mut rest.1).split_at_mut(n * dim);
        rest = (later, room);
        if n > 0 {
            let rows: Vec<usize> = rows.iter().map(|row| row - first).collect();
            let mut read = || {
                let (array, range) = files.rows(inputs, set)?;
                array.rows::<F>(range).gather(&rows, out)
            };
            read().map_err(|error| inputs.blame(set, error))?;
            task.advance(n);
        }
        first = end;
    }
    task.finish(progress);
    Ok(Sample::new(values, dim, None)?)
}

fn params(arguments: &FitArguments) -> PipelineParams {
    let default = match arguments.encoder {
        EncoderChoice::Fisher => Normalization::IMPROVED,
        EncoderChoice::Pooling => Normalization::NONE,
    };
    let normalization = Normalization {
        power: arguments.power.unwrap_or(default.power),
        norm: arguments.norm.unwrap_or(default.norm),
    };
    let encoder = match arguments.encoder {
        EncoderChoice::Pooling => EncoderParams::Pooling(normalization),
        EncoderChoice::Fisher => EncoderParams::Fisher(
            GaussianMixtureParams {
                n_components: arguments.components.get(),
                tol: arguments.tol,
                max_iter: arguments.max_iter.get(),
                variance_floor: arguments.variance_floor,
                reg_covar: arguments.reg_covar,
                threshold: arguments.threshold,
                init: match arguments.init {
                    InitChoice::KMeans => Init::KMeans,
                    InitChoice::Random => Init::RandomRows,
                },
                n_init: arguments.n_init.get(),
                seed: arguments.seed,
            },
            FisherParams {
                convention: arguments.convention.clone(),
                gradients: arguments.gradients.clone(),
                information: arguments.information,
                normalization,
                threshold: arguments.threshold,
            },
        ),
    };
    let pca = arguments.pca.map(|n| PcaParams { n_components: n.get(), whiten: arguments.whiten });
    PipelineParams { rows: arguments.rows, pca, encoder }
}

fn report(pipeline: &Pipeline, arguments: &FitArguments, progress: Progress) {
    if let Some(fit) = pipeline.fit_report() {
        warn(fit, arguments, progress);
        let (n, bound) = (fit.n_iter(), fit.lower_bound());
        progress.note(&format!("{n} iterations, mean log-likelihood {bound:.4} over {} descriptors", fit.n));
    }
    let (path, dim, length) = (arguments.output.display(), pipeline.dim(), pipeline.len());
    progress.note(&format!("wrote {path}: sets of {dim} columns to vectors of {length} numbers"));
}

fn warn(fit: &FitReport, arguments: &FitArguments, progress: Progress) {
    for warning in inspect::warnings(arguments.components.get(), fit) {
        progress.warn(&format!("warning: {warning}"));
    }
    if !fit.repairs.is_empty() {
        progress.note(&format!("{} components lost their descriptors and were restarted", fit.repairs.len()));
    }
}
