//! `fishervec fit`: a model from a sample of all descriptors.

use crate::args::{EncoderChoice, FitArguments};
use crate::inputs::{Inputs, OpenFile};
use crate::progress::Progress;
use fishervec::{
    EncoderParams, Error, FisherParams, FitReport, GaussianMixtureParams, Normalization, PcaParams, Pipeline,
    PipelineParams, Real, Sample, sample_rows,
};
use std::ops::ControlFlow;

/// Descriptors drawn per component.
const PER_COMPONENT: usize = 1000;
/// Below this many a component the fit is poor; the library refuses below 2.
const FEW_PER_COMPONENT: usize = 50;

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
    let task = progress.start("fitting", arguments.max_iter.get(), "iterations");
    let pipeline = params(arguments).fit(&sample.view(), &threads, &mut |step| {
        task.advance(1);
        task.remark(&format!("mean log-likelihood {:.4} ({:+.1e})", step.lower_bound, step.change));
        ControlFlow::Continue(())
    })?;
    task.finish(progress);
    Ok(pipeline)
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
    let mut open: Option<(usize, OpenFile)> = None;
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
                let file = match open.take() {
                    Some(same) if same.0 == set.file => same.1,
                    _ => OpenFile::new(&inputs.files[set.file])?,
                };
                let (array, range) = open.insert((set.file, file)).1.rows(set.index)?;
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
                seed: arguments.seed,
                ..GaussianMixtureParams::default()
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
    let pca = arguments.pca.map(|n| PcaParams { n_components: n.get(), whiten: false });
    PipelineParams { rows: arguments.rows, pca, encoder }
}

fn report(pipeline: &Pipeline, arguments: &FitArguments, progress: Progress) {
    if let Some(fit) = pipeline.fit_report() {
        warn(fit, arguments, progress);
        let (n, bound) = (fit.n_iter(), fit.lower_bounds.last().copied().unwrap_or(f64::NAN));
        progress.note(&format!("{n} iterations, mean log-likelihood {bound:.4} over {} descriptors", fit.n));
    }
    let (path, dim, length) = (arguments.output.display(), pipeline.dim(), pipeline.len());
    progress.note(&format!("wrote {path}: sets of {dim} columns to vectors of {length} numbers"));
}

fn warn(fit: &FitReport, arguments: &FitArguments, progress: Progress) {
    if !fit.converged {
        let (n, tol) = (fit.n_iter(), arguments.tol);
        progress.warn(&format!("warning: not converged to --tol {tol} after --max-iter {n} iterations"));
    }
    let k = arguments.components.get();
    if fit.n < FEW_PER_COMPONENT.saturating_mul(k) as f64 {
        progress.warn(&format!("warning: {} descriptors for {k} components: few ({FEW_PER_COMPONENT} each is the least to aim for)", fit.n));
    }
    if !fit.repairs.is_empty() {
        progress.note(&format!("{} components lost their descriptors and were restarted", fit.repairs.len()));
    }
    if !fit.dead.is_empty() {
        progress.warn(&format!("warning: {} of {k} components have no descriptors", fit.dead.len()));
    }
}
