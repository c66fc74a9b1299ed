//! From the options of `fishervec fit` to the library's settings, with warnings about useless options.

use crate::args::{FeaturesChoice, FitArguments, ImageArguments, InitChoice, OnError, Stream};
use crate::exit::usage_error;
use crate::progress::counted;
use crate::sampling::Balanced;
use crate::streaming::streaming;
use anyhow::Context;
use fishervec::encode::{
    Assignment, CodebookParams, Encoder, EncoderParams, FitEncoder, Information, LayoutParams,
};
use fishervec::image::{Augment, DenseSiftParams, ImageParams, LocalFeatures};
use fishervec::mixture::{GaussianMixtureParams, Init, KMeansParams, StepwiseParams};
use fishervec::pipeline::PipelineParams;
use fishervec::preprocess::{PcaParams, RowNorm};
use serde_json::{Map, Value, json};
use std::num::NonZeroUsize;

/// What `fit` is asked for.
pub(crate) struct Settings {
    pub(crate) pipeline: PipelineParams,
    /// How images become descriptors, if the inputs are images.
    pub(crate) images: Option<ImageParams>,
    /// The settings of the passes over all descriptors that follow the fit to a sample, if any do.
    pub(crate) polish: Option<GaussianMixtureParams>,
    /// The settings of `--stream stepwise`, if that is asked for.
    pub(crate) stepwise: Option<StepwiseParams>,
    /// The smallest number of descriptors that can be fitted.
    pub(crate) least_rows: usize,
    pub(crate) warnings: Vec<String>,
}

/// The settings of `fit` for descriptors, or for images described so; `n_positions` is the number of columns
/// of positions that lie in an array of their own.
///
/// # Errors
/// [`Usage`](crate::exit::Usage) for options that contradict each other; the library's errors for image
/// settings out of range.
pub(crate) fn settings(
    arguments: &FitArguments,
    images: Option<ImageParams>,
    n_positions: Option<usize>,
) -> anyhow::Result<Settings> {
    let columns = position_columns(arguments, images.as_ref(), n_positions)?;
    check_encoder(arguments)?;
    let (rows, pca) = preprocessing(arguments, images.as_ref())?;
    let seed = arguments.basic.seed;
    let location = |c: NonZeroUsize| {
        GaussianMixtureParams { n_components: c.get(), seed, ..GaussianMixtureParams::default() }.into()
    };
    let pipeline = PipelineParams {
        position_columns: columns,
        rows,
        pca,
        encoder: encoder(arguments)?,
        layout: LayoutParams {
            spatial: arguments.position.spatial.map(location),
            pyramid: arguments.position.pyramid.clone(),
        },
        ..PipelineParams::default()
    };
    pipeline.check()?;
    let fits_mixture = fit_of(arguments, &pipeline.encoder) == Fits::Mixture;
    let stepwise = streaming(arguments, images.is_some(), fits_mixture)?;
    let least_rows = least_rows(arguments, &pipeline.encoder)?;
    let mut warnings = deprecated(arguments);
    warnings.extend(without_effect(arguments, &pipeline, images.as_ref()));
    let polish = polish(arguments, &pipeline.encoder)?;
    Ok(Settings { polish, stepwise, pipeline, images, least_rows, warnings })
}

/// How the options describe images; `needs_position` says whether a position is appended unless they say it.
///
/// # Errors
/// The library's errors for settings out of range.
pub(crate) fn image_params(options: &ImageArguments, needs_position: bool) -> anyhow::Result<ImageParams> {
    let step = options.step.map(NonZeroUsize::get);
    let features = match options.features {
        None | Some(FeaturesChoice::Dsift) => LocalFeatures::Dsift(DenseSiftParams {
            bins: options.bins.iter().map(|bin| bin.get()).collect(),
            step: step.unwrap_or(4),
            window: options.window,
            contrast_threshold: options.contrast_threshold,
            ..DenseSiftParams::default()
        }),
        Some(FeaturesChoice::Patches) => {
            LocalFeatures::Patches { size: options.patch_size.get(), step: step.unwrap_or(1) }
        }
    };
    let augment = options.augment.unwrap_or(if needs_position { Augment::Xy } else { Augment::None });
    let images = ImageParams { features, color: options.color, max_side: options.max_side, augment };
    images.check()?;
    Ok(images)
}

/// The number of position columns, which `--spatial` and `--pyramid` need.
fn position_columns(
    arguments: &FitArguments,
    images: Option<&ImageParams>,
    n_positions: Option<usize>,
) -> anyhow::Result<usize> {
    let options = &arguments.position;
    let asked = options.position_columns;
    if let Some(n) = n_positions.filter(|n| ![0, *n].contains(&asked)) {
        usage_error!(
            "--position-columns: expected {n}, the number of columns of --positions, or none, got {asked}: give \
             the positions of all columns by --positions, or all as the last columns of the descriptors"
        );
    }
    let (columns, source) = match images {
        Some(_) if asked > 0 => {
            usage_error!("--position-columns: expected descriptor files (for images use --augment xy)")
        }
        Some(images) => (images.side(), "--augment xy"),
        None => (n_positions.unwrap_or(asked), "--positions NAME or --position-columns N"),
    };
    if options.spatial.is_some() && columns == 0 {
        usage_error!("--spatial: expected position columns ({source}), got none");
    }
    if let Some(grids) = options.pyramid.as_ref().filter(|grids| grids.axes() != columns) {
        let expected = counted(grids.axes(), "position column");
        usage_error!("--pyramid: {grids} expects {expected} ({source}), got {columns}");
    }
    Ok(columns)
}

/// Checks options against the encoder and against each other; the library would refuse them in other words.
fn check_encoder(arguments: &FitArguments) -> anyhow::Result<()> {
    let (kind, options) = (&arguments.basic.encoder, &arguments.encoder);
    let encoder = EncoderParams::of_kind(kind)?;
    if arguments.position.spatial.is_some() && !encoder.has_location_model() {
        let able =
            |kind: &&&str| EncoderParams::of_kind(kind).is_ok_and(|encoder| encoder.has_location_model());
        let able: Vec<&str> = Encoder::KINDS.iter().filter(able).copied().collect();
        usage_error!("--spatial: expected --encoder {}, got {kind}", able.join(" or "));
    }
    if arguments.position.pyramid.is_some() && !encoder.has_statistics() {
        usage_error!("--pyramid: expected an encoder other than {kind}");
    }
    let residual = options.residual && encoder.names().iter().any(|name| name == "residual");
    if residual && options.assignment == Assignment::Soft {
        usage_error!("--residual: expected --assignment hard, got soft");
    }
    if residual && options.mass {
        usage_error!("--residual and --mass cannot be given together");
    }
    Ok(())
}

/// Row normalisation and projection; for dense SIFT the published ones, unless told otherwise.
fn preprocessing(
    arguments: &FitArguments,
    images: Option<&ImageParams>,
) -> anyhow::Result<(RowNorm, Option<PcaParams>)> {
    let options = &arguments.basic;
    let sift = images.is_some_and(|images| matches!(images.features, LocalFeatures::Dsift(_)));
    let (rows, columns) =
        if sift { (RowNorm::RootSift, NonZeroUsize::new(64)) } else { (RowNorm::None, None) };
    let columns = options.pca.map_or(columns, |projection| projection.0);
    if options.whiten && columns.is_none() {
        usage_error!("--whiten: expected a projection (--pca D), got none");
    }
    let pca = columns.map(|n| PcaParams { n_components: n.get(), whiten: options.whiten });
    Ok((options.rows.unwrap_or(rows), pca))
}

/// The encoder's settings that were given as options, under the library's names; settings that it does not
/// have are left out.
fn encoder(arguments: &FitArguments) -> anyhow::Result<EncoderParams> {
    let kind = &arguments.basic.encoder;
    let default = EncoderParams::of_kind(kind)?;
    let known = default.names();
    let options = &arguments.encoder;
    let settings = [
        ("mixture", Some(json!(mixture(arguments)))),
        ("codebook", Some(json!(codebook(arguments, assignment(arguments, &default))))),
        ("convention", Some(json!(options.convention.name))),
        ("gradients", options.gradients.as_ref().map(|gradients| json!(gradients))),
        ("information", options.information.map(|information| json!(information))),
        ("mass", Some(json!(options.mass))),
        ("residual", Some(json!(options.residual))),
        ("power", options.power.map(|power| json!(power))),
        ("norm", options.norm.map(|norm| json!(norm))),
        ("threshold", options.threshold.map(|threshold| json!(threshold))),
    ];
    let settings = settings.into_iter().filter(|(name, _)| known.iter().any(|known| known == name));
    let settings: Map<String, Value> =
        settings.filter_map(|(name, value)| value.map(|value| (name.to_owned(), value))).collect();
    EncoderParams::from_settings(kind, settings).context("the options of the encoder")
}

fn mixture(arguments: &FitArguments) -> GaussianMixtureParams {
    let options = &arguments.mixture;
    GaussianMixtureParams {
        n_components: arguments.basic.components.get(),
        tol: options.tol,
        max_iter: options.max_iter.get(),
        variance_floor: options.variance_floor,
        reg_covar: options.reg_covar,
        threshold: arguments.encoder.threshold,
        init: match options.init {
            InitChoice::KMeans => Init::KMeans,
            InitChoice::Random => Init::RandomRows,
        },
        n_init: options.n_init.get(),
        seed: arguments.basic.seed,
    }
}

/// The settings of the passes over all descriptors, if there is something to improve by them.
fn polish(
    arguments: &FitArguments,
    encoder: &EncoderParams,
) -> anyhow::Result<Option<GaussianMixtureParams>> {
    let passes = arguments.basic.polish;
    if passes == 0 || fit_of(arguments, encoder) == Fits::Nothing {
        return Ok(None);
    }
    if arguments.running.on_error == OnError::Skip {
        usage_error!(
            "--polish reads all descriptors again and again, so that none may be missing: leave out --on-error skip"
        );
    }
    Ok(Some(GaussianMixtureParams { max_iter: passes, ..mixture(arguments) }))
}

/// Whether a codebook of the encoder can be assigned to softly: then it has a posterior threshold.
fn has_assignment(encoder: &EncoderParams) -> bool {
    let names = encoder.names();
    ["codebook", "threshold"].iter().all(|name| names.iter().any(|known| known == name))
}

fn assignment(arguments: &FitArguments, encoder: &EncoderParams) -> Assignment {
    if has_assignment(encoder) { arguments.encoder.assignment } else { Assignment::Hard }
}

fn codebook(arguments: &FitArguments, assignment: Assignment) -> CodebookParams {
    match assignment {
        Assignment::Soft => CodebookParams::Soft(mixture(arguments)),
        Assignment::Hard => CodebookParams::Hard(KMeansParams {
            n_clusters: arguments.basic.components.get(),
            max_iter: arguments.mixture.max_iter.get(),
            seed: arguments.basic.seed,
            ..KMeansParams::default()
        }),
    }
}

/// The smallest number of descriptors that can be fitted, which `--sample` must not be below.
fn least_rows(arguments: &FitArguments, encoder: &EncoderParams) -> anyhow::Result<usize> {
    let k = arguments.basic.components.get();
    let encoder = match fit_of(arguments, encoder) {
        Fits::Nothing => 1,
        Fits::Centres => k,
        Fits::Mixture => k.saturating_mul(2),
    };
    let location = arguments.position.spatial.map_or(0, |c| c.get().saturating_mul(2));
    let least = encoder.max(location);
    if let Some(sample) = arguments.basic.sample.filter(|sample| sample.get() < least) {
        let option = if location > encoder { "--spatial" } else { "--components" };
        usage_error!("--sample: expected at least {least} descriptors for this {option}, got {sample}");
    }
    Ok(least)
}

/// What an encoder fits.
#[derive(PartialEq)]
enum Fits {
    Nothing,
    Centres,
    Mixture,
}

fn fit_of(arguments: &FitArguments, encoder: &EncoderParams) -> Fits {
    let names = encoder.names();
    let has = |name: &str| names.iter().any(|known| known == name);
    let soft = assignment(arguments, encoder) == Assignment::Soft;
    match (has("mixture"), has("codebook")) {
        (true, _) => Fits::Mixture,
        (false, true) if soft => Fits::Mixture,
        (false, true) => Fits::Centres,
        (false, false) => Fits::Nothing,
    }
}

fn deprecated(arguments: &FitArguments) -> Vec<String> {
    let n = arguments.position.position_columns;
    let warning = || format!("--carry is deprecated; use --position-columns {n}");
    arguments.position.carry.then(warning).into_iter().collect()
}

/// Options that an encoder has if it has a setting of that name.
const OF_ENCODERS: [&str; 5] = ["information", "mass", "residual", "convention", "gradients"];
/// Options of the fit of a mixture or of a codebook.
const OF_FITS: [&str; 3] = ["components", "max-iter", "polish"];
/// Options of the fit of a mixture.
const OF_MIXTURES: [&str; 6] = ["tol", "variance-floor", "reg-covar", "n-init", "init", "threshold"];
const OF_IMAGES: [&str; 8] =
    ["bins", "step", "window", "contrast-threshold", "patch-size", "color", "max-side", "augment"];
const OF_DENSE_SIFT: [&str; 3] = ["bins", "window", "contrast-threshold"];

/// The warnings about options that were given and have no effect.
fn without_effect(
    arguments: &FitArguments,
    pipeline: &PipelineParams,
    images: Option<&ImageParams>,
) -> Vec<String> {
    let encoder = format!("with --encoder {}", pipeline.encoder.kind());
    let names = pipeline.encoder.names();
    let hard = match has_assignment(&pipeline.encoder) {
        true => format!("{encoder} --assignment hard"),
        false => encoder.clone(),
    };
    let fits = fit_of(arguments, &pipeline.encoder);
    let mut unused: Vec<(&str, &str)> = Vec::new();
    let of_others = OF_ENCODERS.into_iter().filter(|option| !names.iter().any(|name| name == option));
    unused.extend(of_others.map(|option| (option, encoder.as_str())));
    if !has_assignment(&pipeline.encoder) {
        unused.push(("assignment", &encoder));
    }
    if fits == Fits::Nothing {
        unused.extend(OF_FITS.map(|option| (option, encoder.as_str())));
    }
    if fits != Fits::Mixture {
        unused.extend(OF_MIXTURES.map(|option| (option, hard.as_str())));
    }
    if !arguments.encoder.information.is_some_and(Information::is_empirical) {
        unused.push(("information-sets", "without --information empirical or empirical-centred"));
    }
    if arguments.basic.stream == Some(Stream::Stepwise) {
        unused.extend(["max-iter", "tol", "n-init"].map(|option| (option, "with --stream stepwise")));
    }
    if arguments.basic.polish == 0 && arguments.basic.stream.is_none() {
        unused.extend(["checkpoint", "resume"].map(|option| (option, "without --polish or --stream")));
    }
    if arguments.basic.balance != Some(Balanced::Label) {
        unused.extend(["labels", "label-column"].map(|option| (option, "without --balance label")));
    }
    if images.is_some() {
        unused.extend([("array", "with images"), ("positions", "with images")]);
    }
    match images.map(|images| &images.features) {
        None => unused.extend(OF_IMAGES.map(|option| (option, "with descriptor files"))),
        Some(LocalFeatures::Dsift(_)) => unused.push(("patch-size", "with dense SIFT")),
        Some(LocalFeatures::Patches { .. }) => {
            unused.extend(OF_DENSE_SIFT.map(|option| (option, "with --features patches")));
        }
    }
    let bypassed = pipeline.rows != RowNorm::None || pipeline.pca.is_some();
    if !bypassed && !pipeline.layout.uses_positions() {
        unused.push(("position-columns", "without --rows, --pca, --spatial or --pyramid"));
    }
    let given = unused.into_iter().filter(|(option, _)| arguments.given.contains(*option));
    given.map(|(option, when)| format!("--{option} has no effect {when}; leave it out")).collect()
}
