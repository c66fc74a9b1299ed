//! The options of `fishervec fit`, in groups. Options that few people need are left out of `-h`.

use super::values::{
    Projection, above_zero, at_least_zero, choice, count, default_of, encoders, gradients, grids,
    half_to_one, seed, whole, zero_to_one,
};
use super::{InputArguments, LabelArguments, OnError, Running};
use crate::sampling::Balanced;
use clap::{Args, ValueEnum};
use fishervec::encode::{Assignment, Convention, Gradients, Grids, Information, Norm};
use fishervec::image::{Augment, Color, Window};
use fishervec::preprocess::RowNorm;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct FitArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,
    #[command(flatten)]
    pub(crate) labels: LabelArguments,
    #[command(flatten)]
    pub(crate) basic: BasicArguments,
    #[command(flatten)]
    pub(crate) encoder: EncoderArguments,
    #[command(flatten)]
    pub(crate) mixture: MixtureArguments,
    #[command(flatten)]
    pub(crate) position: PositionArguments,
    #[command(flatten)]
    pub(crate) images: ImageArguments,
    #[command(flatten)]
    pub(crate) running: FitRunning,
    /// The long names of the options that were given, not defaulted.
    #[arg(skip)]
    pub(crate) given: BTreeSet<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Basic")]
pub(crate) struct BasicArguments {
    /// Model file to write
    #[arg(short, long, value_name = "MODEL.safetensors")]
    pub(crate) output: PathBuf,
    /// How a set is encoded
    #[arg(long, value_name = "ENCODER", default_value = "fisher", value_parser = encoders())]
    pub(crate) encoder: String,
    /// Number of mixture components or codebook centres
    #[arg(short = 'k', long, value_name = "K", default_value = "64", value_parser = count)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) components: NonZeroUsize,
    /// Project descriptors to D principal components [default: 64 for dense SIFT, otherwise none]
    #[arg(long, value_name = "D|none", allow_negative_numbers = true)]
    pub(crate) pca: Option<Projection>,
    /// Divide each principal component by its standard deviation
    #[arg(long, hide_short_help = true)]
    pub(crate) whiten: bool,
    /// Normalise each descriptor first [default: rootsift for dense SIFT, otherwise none]
    #[arg(long, value_parser = choice::<RowNorm>(RowNorm::ALL.iter().map(|norm| norm.name())))]
    pub(crate) rows: Option<RowNorm>,
    /// Number of descriptors to learn from [default: 1000 x components]
    ///
    /// They are drawn evenly from all descriptors of all sets.
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    pub(crate) sample: Option<NonZeroUsize>,
    /// Passes over all descriptors after the fit to the sample; --tol may end them earlier [default: 0]
    ///
    /// One pass brings back most of what a small sample loses. Images are described again in each.
    #[arg(long, value_name = "N", value_parser = whole, default_value = "0", hide_default_value = true)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) polish: usize,
    /// Fit to all descriptors instead of to a sample, reading them again in each iteration
    ///
    /// With exact, the model is that of a fit to all descriptors in memory, but never more than a few blocks
    /// are held. With stepwise, one pass is worth ten or more iterations; a projection and what else is
    /// fitted come from a sample.
    #[arg(long, value_enum, value_name = "HOW", hide_short_help = true)]
    pub(crate) stream: Option<Stream>,
    /// Draw as many descriptors from each set, folder or label [default: each descriptor is equally likely]
    ///
    /// A stratified sample: a small group gives all it has, and the others share what is left.
    #[arg(long, value_enum, value_name = "GROUP", hide_short_help = true)]
    pub(crate) balance: Option<Balanced>,
    /// Seed of the samples and of the first initialisation
    #[arg(long, value_name = "N", default_value = "0", value_parser = seed, allow_negative_numbers = true)]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Encoder")]
pub(crate) struct EncoderArguments {
    /// Whose definition of the Fisher vector
    ///
    /// Sets the signs, the scaling, and the defaults of --information and --gradients.
    #[arg(long, value_name = "NAME", default_value = "sanchez")]
    #[arg(value_parser = choice::<Convention>(Convention::NAMES))]
    pub(crate) convention: Convention,
    /// Fisher information that scales the gradients [default: the convention's]
    ///
    /// For bow the default is none, or closed-form with --spatial.
    #[arg(long, value_name = "NAME")]
    #[arg(value_parser = choice::<Information>(Information::ALL.iter().map(|name| name.name())))]
    pub(crate) information: Option<Information>,
    /// Number of sets that an empirical information is estimated from
    ///
    /// They are drawn evenly from all sets, in a second pass over the inputs.
    #[arg(long, value_name = "N", default_value = "2000", value_parser = count, hide_short_help = true)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) information_sets: NonZeroUsize,
    /// Blocks of the vector, in order: weights, means, variances [default: the convention's]
    #[arg(long, value_name = "w,m,v", value_parser = gradients, hide_short_help = true)]
    pub(crate) gradients: Option<Gradients>,
    /// How descriptors are assigned to the codebook (vlad, bow)
    ///
    /// To the nearest k-means centre (hard), or to all components of a mixture by their posteriors (soft).
    #[arg(long, default_value = "hard", hide_short_help = true)]
    #[arg(value_parser = choice::<Assignment>(Assignment::ALL.iter().map(|name| name.name())))]
    pub(crate) assignment: Assignment,
    /// Divide each residual sum (vlad) by its number of descriptors
    #[arg(long, hide_short_help = true)]
    pub(crate) mass: bool,
    /// Scale each residual (vlad) to norm 1 before it is summed
    #[arg(long, hide_short_help = true)]
    pub(crate) residual: bool,
    #[arg(help = format!("Exponent of the signed power of each entry {}", default_of("power")))]
    #[arg(long, value_name = "X", value_parser = above_zero, hide_short_help = true)]
    #[arg(allow_hyphen_values = true)]
    pub(crate) power: Option<f64>,
    #[arg(help = format!("Norm that each vector is divided by, after the power {}", default_of("norm")))]
    #[arg(long, value_parser = choice::<Norm>(Norm::ALL.iter().map(|norm| norm.name())))]
    pub(crate) norm: Option<Norm>,
    /// Drop posteriors below X times the largest of their descriptor; 0 keeps all, 1 keeps only the largest
    /// [default: 1e-7 in float32, 1e-14 in float64]
    #[arg(long, value_name = "X", value_parser = zero_to_one, hide_short_help = true)]
    #[arg(allow_hyphen_values = true)]
    pub(crate) threshold: Option<f64>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Mixture")]
pub(crate) struct MixtureArguments {
    /// Maximum number of iterations
    #[arg(long, value_name = "N", default_value = "100", value_parser = count, allow_negative_numbers = true)]
    pub(crate) max_iter: NonZeroUsize,
    /// Stop when an iteration gains less mean log-likelihood than this, in nats
    #[arg(long, value_name = "X", default_value = "1e-3", value_parser = at_least_zero)]
    #[arg(allow_hyphen_values = true, hide_short_help = true)]
    pub(crate) tol: f64,
    /// Smallest variance, relative to that of all descriptors in the same dimension
    #[arg(long, value_name = "X", default_value = "1e-3", value_parser = at_least_zero)]
    #[arg(allow_hyphen_values = true, hide_short_help = true)]
    pub(crate) variance_floor: f64,
    /// Number added to every variance, in squared units of the descriptors
    #[arg(long, value_name = "X", default_value = "0", value_parser = at_least_zero)]
    #[arg(allow_hyphen_values = true, hide_short_help = true)]
    pub(crate) reg_covar: f64,
    /// Number of initialisations; the fit with the largest likelihood is kept
    #[arg(long, value_name = "N", default_value = "1", value_parser = count)]
    #[arg(allow_negative_numbers = true, hide_short_help = true)]
    pub(crate) n_init: NonZeroUsize,
    /// How the mixture is initialised
    #[arg(long, value_enum, default_value = "k-means", hide_short_help = true)]
    pub(crate) init: InitChoice,
    #[command(flatten)]
    pub(crate) stepwise: StepwiseArguments,
}

/// The options of `--stream stepwise`.
#[derive(Debug, Args)]
pub(crate) struct StepwiseArguments {
    /// Number of passes over all descriptors, with --stream stepwise [default: 1]
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true, hide_short_help = true)]
    pub(crate) passes: Option<NonZeroUsize>,
    /// Number of descriptors of a step, with --stream stepwise [default: 16 x components, at least 4096]
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true, hide_short_help = true)]
    pub(crate) step_rows: Option<NonZeroUsize>,
    /// The t-th step counts (t + delay)^-X, with --stream stepwise [default: 0.7]
    #[arg(long, value_name = "X", value_parser = half_to_one, allow_hyphen_values = true, hide_short_help = true)]
    pub(crate) exponent: Option<f64>,
    /// Number of steps that the steps are ahead, with --stream stepwise [default: 2]
    #[arg(long, value_name = "X", value_parser = at_least_zero, allow_hyphen_values = true, hide_short_help = true)]
    pub(crate) delay: Option<f64>,
    /// Number of places that the descriptors of a step come from, with --stream stepwise [default: 256]
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true, hide_short_help = true)]
    pub(crate) cursors: Option<NonZeroUsize>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Position")]
pub(crate) struct PositionArguments {
    /// Number of trailing columns (for example x and y) that bypass --rows and --pca
    ///
    /// For descriptor files; images have --augment.
    #[arg(long, alias = "carry", value_name = "N", value_parser = whole, default_value = "0")]
    #[arg(allow_negative_numbers = true)]
    pub(crate) position_columns: usize,
    /// Whether --position-columns was given under its old name.
    #[arg(skip)]
    pub(crate) carry: bool,
    /// Append a spatial Fisher vector (fisher, bow): C Gaussians over the position columns
    #[arg(long, value_name = "C", value_parser = count, allow_negative_numbers = true)]
    pub(crate) spatial: Option<NonZeroUsize>,
    /// Encode each cell of these grids over the position columns; 1x1,2x2 is the whole and its quarters
    #[arg(long, value_name = "GRIDS", value_parser = grids, allow_negative_numbers = true)]
    pub(crate) pyramid: Option<Grids>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Images")]
pub(crate) struct ImageArguments {
    /// Local features of images [default: dsift, if the inputs are images]
    #[arg(long, value_enum)]
    pub(crate) features: Option<FeaturesChoice>,
    /// Bin sides of dense SIFT in pixels, one per descriptor size
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "4,6,8,12")]
    #[arg(value_parser = count, allow_negative_numbers = true, hide_short_help = true)]
    pub(crate) bins: Vec<NonZeroUsize>,
    /// Distance between neighbouring descriptors in pixels [default: 4 for dense SIFT, 1 for patches]
    #[arg(long, value_name = "N", value_parser = count)]
    #[arg(allow_negative_numbers = true, hide_short_help = true)]
    pub(crate) step: Option<NonZeroUsize>,
    /// Weighting of the gradients of dense SIFT
    #[arg(long, default_value = "flat", hide_short_help = true)]
    #[arg(value_parser = choice::<Window>(Window::ALL.iter().map(|window| window.name())))]
    pub(crate) window: Window,
    /// Set dense SIFT descriptors of lower contrast to zero (VLFeat's application uses 0.005)
    #[arg(long, value_name = "X", default_value = "0", value_parser = at_least_zero)]
    #[arg(allow_hyphen_values = true, hide_short_help = true)]
    pub(crate) contrast_threshold: f64,
    /// Side of a patch in pixels
    #[arg(long, value_name = "N", default_value = "4", value_parser = count)]
    #[arg(allow_negative_numbers = true, hide_short_help = true)]
    pub(crate) patch_size: NonZeroUsize,
    /// Channels the features are computed on
    #[arg(long, default_value = "grey", hide_short_help = true)]
    #[arg(value_parser = choice::<Color>(Color::ALL.iter().map(|color| color.name())))]
    pub(crate) color: Color,
    /// Shrink images whose longer side exceeds N pixels; 0 never shrinks
    #[arg(long, value_name = "N", default_value = "640", value_parser = whole, allow_negative_numbers = true)]
    pub(crate) max_side: usize,
    /// Append its position to each descriptor [default: xy with --spatial or --pyramid, otherwise none]
    ///
    /// The position columns bypass --rows and --pca.
    #[arg(long, value_parser = choice::<Augment>(Augment::ALL.iter().map(|augment| augment.name())))]
    pub(crate) augment: Option<Augment>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Running")]
pub(crate) struct FitRunning {
    /// What to do about a set that cannot be read
    #[arg(long, value_enum, value_name = "ACTION", default_value = "fail")]
    pub(crate) on_error: OnError,
    /// Seconds after which what --polish or --stream have done is saved again, in the hidden file
    /// .MODEL.state
    ///
    /// A fit that was stopped goes on from there with --resume. Once it is done, the file is removed.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = above_zero)]
    #[arg(allow_hyphen_values = true, hide_short_help = true)]
    pub(crate) checkpoint: f64,
    /// Go on from .MODEL.state, if it is there and of the same fit: the model has the same bytes
    #[arg(long, hide_short_help = true)]
    pub(crate) resume: bool,
    #[command(flatten)]
    pub(crate) common: Running,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stream {
    /// Expectation maximization over all descriptors
    Exact,
    /// Stepwise: the mixture moves after every few thousand descriptors, in --passes over all
    Stepwise,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FeaturesChoice {
    /// Dense SIFT
    Dsift,
    /// Squares of pixels, for small images
    Patches,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InitChoice {
    /// k-means++ and a few Lloyd iterations
    #[value(name = "k-means")]
    KMeans,
    /// Random descriptors as means, the overall variances
    Random,
}
