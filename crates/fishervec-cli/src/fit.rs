//! `fishervec fit`: a model from a sample of all descriptors.

use crate::Usage;
use crate::args::{EncoderChoice, FitArguments, InitChoice, OnError};
use crate::inputs::{Inputs, Kind, Listing};
use crate::inspect;
use crate::progress::Progress;
use crate::reading::{LastFile, Reading};
use fishervec::image::{ImageParams, LocalFeatures};
use fishervec::{
    Assignment, BagOfWordsParams, CodebookParams, EncoderParams, Error, FisherParams, FitReport,
    GaussianMixtureParams, InformationFit, Init, KMeansParams, LayoutParams, Location, Normalization,
    PcaParams, Pipeline, PipelineParams, Real, RowNorm, VladParams, Workspace, sample_rows,
};
use std::num::NonZeroUsize;
use std::ops::ControlFlow;

/// Descriptors drawn per component.
const PER_COMPONENT: usize = 1000;
/// Below this many sets an empirical information is a poor estimate.
const FEW_SETS: usize = 100;

pub(crate) fn run(arguments: &FitArguments) -> anyhow::Result<i32> {
    let progress = Progress::new(arguments.running.quiet);
    let asked = arguments.images.features.is_some();
    let listing = Listing::new(&arguments.inputs)?;
    let photographs = asked || listing.kind() == Kind::Photographs;
    let images = photographs
        .then(|| arguments.images.params(arguments.spatial.is_some() || arguments.pyramid.is_some()));
    if let Some(images) = &images {
        images.check()?;
    }
    let mut inputs = Inputs::scan(listing, images, progress)?;
    let mut skipped = 0;
    if arguments.on_error == OnError::Skip {
        skipped += skip_unreadable(&mut inputs, progress);
    }
    let (dim, is_f64) = common_shape(&inputs)?;
    // Computed in double precision as soon as one file is: that loses nothing of the others.
    let (pipeline, more) = if is_f64 {
        fit::<f64>(arguments, &inputs, dim, progress)?
    } else {
        fit::<f32>(arguments, &inputs, dim, progress)?
    };
    skipped += more;
    let pipeline = match inputs.images {
        Some(images) => pipeline.with_images(images)?,
        None => pipeline,
    };
    pipeline.save(&arguments.output)?;
    report(&pipeline, arguments, progress);
    if skipped > 0 {
        progress.note(&format!("{skipped} sets were skipped"));
    }
    Ok(if skipped > 0 { crate::SKIPPED } else { crate::DONE })
}

/// Takes out the sets whose file cannot be opened, and says why; their number.
fn skip_unreadable(inputs: &mut Inputs, progress: Progress) -> usize {
    let before = inputs.sets.len();
    inputs.sets.retain(|set| {
        set.shape.as_ref().inspect_err(|reason| progress.warn(&format!("skipped: {reason}"))).is_ok()
    });
    before - inputs.sets.len()
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
) -> anyhow::Result<(Pipeline, usize)> {
    let threads = arguments.running.threads()?;
    let default = PER_COMPONENT.saturating_mul(arguments.components.get());
    let count = arguments.sample.map_or(default, usize::from);
    let reading = Reading { inputs, skip: arguments.on_error == OnError::Skip, threads: &threads, progress };
    let (sample, mut skipped) = reading.sample::<F>(count, arguments.seed, dim)?;
    let most = arguments.max_iter.get().saturating_mul(arguments.n_init.get());
    let task = progress.start("fitting", most, "iterations");
    let pipeline = params(arguments, inputs.images.as_ref())?.fit(&sample.view(), &threads, &mut |step| {
        task.advance(1);
        let change = if step.change.is_finite() { format!(" ({:+.1e})", step.change) } else { String::new() };
        task.remark(&format!("log-likelihood {:.4}{change}", step.lower_bound));
        ControlFlow::Continue(())
    })?;
    task.finish(progress);
    let pipeline = match pipeline.information_fit() {
        Some(fit) => learn_information::<F>(arguments, &reading, pipeline, fit, &mut skipped)?,
        None => pipeline,
    };
    Ok((pipeline, skipped))
}

/// The second pass: the scale of each coordinate over a sample of whole sets.
fn learn_information<F: Real>(
    arguments: &FitArguments,
    reading: &Reading<'_>,
    pipeline: Pipeline,
    mut fit: InformationFit,
    skipped: &mut usize,
) -> anyhow::Result<Pipeline> {
    let (inputs, progress) = (reading.inputs, reading.progress);
    let picked = sample_rows(inputs.sets.len(), arguments.information_sets.get(), arguments.seed);
    let task = progress.start("learning the information", picked.len(), "sets");
    let (workspace, single) = (Workspace::default(), Workspace::default());
    let mut files = LastFile::default();
    for set in picked.iter().map(|i| &inputs.sets[*i]) {
        let mut add = || match inputs.features(set)? {
            Some(rows) => pipeline.add_information(&mut fit, &rows.view(), reading.threads, &single),
            None => {
                let (array, range) = files.rows(inputs, set)?;
                pipeline.add_information(&mut fit, &array.rows::<F>(range), reading.threads, &workspace)
            }
        };
        *skipped += reading.or_skip(set, &task, add())?;
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

fn params(arguments: &FitArguments, images: Option<&ImageParams>) -> anyhow::Result<PipelineParams> {
    let default = match arguments.encoder {
        EncoderChoice::Fisher | EncoderChoice::Bow => Normalization::IMPROVED,
        EncoderChoice::Vlad => VladParams::default().normalization,
        EncoderChoice::Pooling => Normalization::NONE,
    };
    let normalization = Normalization {
        power: arguments.power.unwrap_or(default.power),
        norm: arguments.norm.unwrap_or(default.norm),
    };
    let mixture = GaussianMixtureParams {
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
    };
    let codebook = |mixture| match arguments.assignment {
        Assignment::Soft => CodebookParams::Soft(mixture),
        Assignment::Hard => CodebookParams::Hard(KMeansParams {
            n_clusters: arguments.components.get(),
            max_iter: arguments.max_iter.get(),
            seed: arguments.seed,
            ..KMeansParams::default()
        }),
    };
    let encoder = match arguments.encoder {
        EncoderChoice::Pooling => EncoderParams::Pooling(normalization),
        EncoderChoice::Vlad => {
            let (mass, residual) = (arguments.mass, arguments.residual);
            EncoderParams::Vlad(codebook(mixture), VladParams { mass, residual, normalization })
        }
        EncoderChoice::Bow => {
            let information = arguments.information;
            EncoderParams::BagOfWords(codebook(mixture), BagOfWordsParams { information, normalization })
        }
        EncoderChoice::Fisher => EncoderParams::Fisher(
            mixture,
            FisherParams {
                convention: arguments.convention.clone(),
                gradients: arguments.gradients.clone(),
                information: arguments.information,
                normalization,
                threshold: arguments.threshold,
            },
        ),
    };
    // The published pipeline, unless told otherwise.
    let sift = images.is_some_and(|images| matches!(images.features, LocalFeatures::Dsift(_)));
    let (rows, columns) =
        if sift { (RowNorm::RootSift, NonZeroUsize::new(64)) } else { (RowNorm::None, None) };
    let columns = arguments.pca.map_or(columns, |projection| projection.0);
    if arguments.whiten && columns.is_none() {
        return Err(Usage("--whiten: expected a projection (--pca)".to_owned()).into());
    }
    if arguments.carry > 0 && images.is_some() {
        return Err(
            Usage("--carry: expected files of descriptors (photographs have --augment)".to_owned()).into()
        );
    }
    let kind = arguments.encoder;
    if arguments.spatial.is_some() && !matches!(kind, EncoderChoice::Fisher | EncoderChoice::Bow) {
        return Err(Usage("--spatial: expected --encoder fisher or bow".to_owned()).into());
    }
    if arguments.pyramid.is_some() && kind == EncoderChoice::Pooling {
        return Err(Usage("--pyramid: expected an encoder other than pooling".to_owned()).into());
    }
    Ok(PipelineParams {
        carry: images.map_or(arguments.carry, ImageParams::side),
        rows: arguments.rows.unwrap_or(rows),
        pca: columns.map(|n| PcaParams { n_components: n.get(), whiten: arguments.whiten }),
        encoder,
        place: LayoutParams {
            spatial: arguments.spatial.map(|c| {
                let (n_components, seed) = (c.get(), arguments.seed);
                Location::Fitted(GaussianMixtureParams { n_components, seed, ..Default::default() })
            }),
            pyramid: arguments.pyramid.clone(),
        },
    })
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
