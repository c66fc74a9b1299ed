//! The command line: its verbs, options, defaults and help.

use clap::{Args, Parser, Subcommand, ValueEnum};
use fishervec::image::{Augment, Color, DenseSiftParams, ImageParams, LocalFeatures, Window};
use fishervec::{Assignment, Convention, Gradients, Grids, Information, Norm, RowNorm};
use std::num::NonZeroUsize;
use std::path::PathBuf;

// Help is wrapped to the terminal, except for lines like these, which stay below 80 columns.
const NOTES: &str = "\
An INPUT is
  an .npy file    one set, shape (n, d)
  an .npz file    with the arrays X and lengths or offsets: one batch of sets,
                  with y, if there, for labels; otherwise each 2-D array is a
                  set, in the order of their names
  a .safetensors  each 2-D tensor a set, in the order of their names
  an .fvecs or .bvecs file
                  one set
  a folder        all such files in it and in its folders, in sorted order
of float32, float64, float16 (bfloat16 in .safetensors) or uint8; or
  a photograph    .jpg, .png, .webp or .tif
  a folder of photographs
                  its folders, if it has some, are their classes

Exit codes:
  0  done
  1  failed: the message says why, and no output file has changed
  2  wrong usage: an unknown option, a value out of range
  3  done, but some sets were skipped (--on-error skip)

Examples:
  fishervec fit clips/ -o model.safetensors --components 64
  fishervec encode clips/ -m model.safetensors -o vectors.npy
  fishervec fit photos/ -o model.safetensors
  fishervec encode photos/ -m model.safetensors -o vectors.npy
  fishervec inspect model.safetensors
  fishervec evaluate vectors.npy --labels labels.npy";

const FIT_EXAMPLES: &str = "\
Examples:
  fishervec fit clips/ -o model.safetensors
  fishervec fit sift/ -o model.safetensors --rows rootsift --pca 64
  fishervec fit batch.npz -o gist.safetensors --convention gist --norm none
  fishervec fit clips/ -o baseline.safetensors --encoder pooling
  fishervec fit photos/ -o model.safetensors --augment xy
  fishervec fit photos/ -o model.safetensors --pyramid 1x1,2x2,1x3
  fishervec fit clips/ -o model.safetensors --carry 1 --spatial 1";

const ENCODE_NOTES: &str = "\
Writes, all together at the end or not at all:
  NAME.npy         float32, a row a set, in the order of the inputs;
                   an empty set is a row of zeros
  NAME.csv         row, source, set, n (descriptors), mean_log_likelihood,
                   status (ok, empty, skipped); label, where there are labels;
                   reason, with --on-error skip
  NAME.labels.npy  int64, where there are labels: the integers themselves, or
                   for names their number in sorted order; -1 for none

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 done but some sets were skipped

Examples:
  fishervec encode clips/ -m model.safetensors -o vectors.npy
  fishervec encode a.npz more/ -m model.safetensors -o v.npy --on-error skip";

const EVALUATE_EXAMPLES: &str = "\
Examples:
  fishervec evaluate vectors.npy
  fishervec evaluate vectors.npy --labels labels.npy --k 5 --json";

/// Fisher vectors: turns sets of any number of local descriptors into one vector each.
#[derive(Debug, Parser)]
#[command(name = "fishervec", version, after_help = NOTES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Learn a model from a sample of the descriptors of all inputs
    #[command(after_help = FIT_EXAMPLES)]
    Fit(Box<FitArguments>),
    /// Turn each set into one vector
    #[command(after_help = ENCODE_NOTES)]
    Encode(EncodeArguments),
    /// Show what is in a model
    Inspect(InspectArguments),
    /// Leave-one-out nearest neighbours by cosine: accuracy, mean average precision, confusion
    #[command(after_help = EVALUATE_EXAMPLES)]
    Evaluate(EvaluateArguments),
}

#[derive(Debug, Args)]
pub(crate) struct FitArguments {
    /// Files and folders of descriptors, or of photographs
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
    /// The model file to write
    #[arg(short, long, value_name = "MODEL.safetensors")]
    pub(crate) output: PathBuf,
    /// What is made of a set
    #[arg(long, value_enum, default_value = "fisher")]
    pub(crate) encoder: EncoderChoice,
    /// Components of the mixture, or centres of the codebook
    #[arg(long, value_name = "K", default_value = "64")]
    pub(crate) components: NonZeroUsize,
    /// How descriptors count for a codebook (vlad, bow): for the nearest centre of k-means, or for all of a mixture
    #[arg(long, value_name = "hard|soft", default_value = "hard")]
    pub(crate) assignment: Assignment,
    /// Divide each residual sum of a VLAD by the number of its descriptors
    #[arg(long)]
    pub(crate) mass: bool,
    /// Give each residual of a VLAD the norm 1 first
    #[arg(long)]
    pub(crate) residual: bool,
    /// Project the descriptors to D columns first [default: 64 for dense SIFT of photographs, else none]
    #[arg(long, value_name = "D|none")]
    pub(crate) pca: Option<Projection>,
    /// Divide each projection by its standard deviation
    #[arg(long)]
    pub(crate) whiten: bool,
    /// Normalise each descriptor before all else [default: rootsift for dense SIFT of photographs, else none]
    #[arg(long, value_name = "none|l2|rootsift")]
    pub(crate) rows: Option<RowNorm>,
    /// How many of the last columns of descriptor files go round --rows and --pca: where a descriptor is, say
    #[arg(long, value_name = "N", default_value = "0")]
    pub(crate) carry: usize,
    /// Say where the descriptors of each component are, by a model of C Gaussians of the carried columns: the spatial Fisher
    /// vector (fisher, bow)
    #[arg(long, value_name = "C")]
    pub(crate) spatial: Option<NonZeroUsize>,
    /// Grids over the carried columns, a vector a cell: 1x1,2x2 is the whole and its quarters
    #[arg(long, value_name = "GRIDS")]
    pub(crate) pyramid: Option<Grids>,
    #[arg(long, value_name = "NAME", default_value = "sanchez", help = conventions())]
    pub(crate) convention: Convention,
    /// The Fisher information that makes gradients comparable [default: the convention's; for bow none, or closed-form with
    /// --spatial]
    #[arg(long, value_name = "none|closed-form|empirical|empirical-centred")]
    pub(crate) information: Option<Information>,
    /// Sets an empirical information is learned from, drawn evenly from all, in a second pass
    #[arg(long, value_name = "N", default_value = "2000")]
    pub(crate) information_sets: NonZeroUsize,
    /// Blocks in their order: weights, means, variances [default: the convention's]
    #[arg(long, value_name = "w,m,v")]
    pub(crate) gradients: Option<Gradients>,
    /// Exponent of the signed power of each entry [default: 0.5, for pooling 1]
    #[arg(long, value_parser = above_zero)]
    pub(crate) power: Option<f64>,
    /// Norm each vector is divided by, after the power [default: l2, for vlad intra+l2, for pooling none]
    #[arg(long, value_name = "none|l2|intra+l2")]
    pub(crate) norm: Option<Norm>,
    /// Drop posteriors below X times the largest of their descriptor; 0 keeps all [default: 1e-7 in float32,
    /// 1e-14 in float64; 1 keeps the largest alone]
    #[arg(long, value_name = "X", value_parser = zero_to_one)]
    pub(crate) threshold: Option<f64>,
    /// Descriptors to learn from, drawn evenly from all [default: 1000 x components]
    #[arg(long, value_name = "N")]
    pub(crate) sample: Option<NonZeroUsize>,
    /// Most iterations of expectation maximization
    #[arg(long, value_name = "N", default_value = "100")]
    pub(crate) max_iter: NonZeroUsize,
    /// Stop once an iteration gains less mean log-likelihood than this, in nats
    #[arg(long, default_value = "1e-3", value_parser = at_least_zero)]
    pub(crate) tol: f64,
    /// Smallest variance, relative to that of all descriptors in the same dimension
    #[arg(long, default_value = "1e-3", value_parser = at_least_zero)]
    pub(crate) variance_floor: f64,
    /// Added to every variance, in the descriptors' unit squared
    #[arg(long, default_value = "0", value_parser = at_least_zero)]
    pub(crate) reg_covar: f64,
    /// Starts to try; the fit of the largest likelihood is kept
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) n_init: NonZeroUsize,
    /// Where a start comes from
    #[arg(long, value_enum, default_value = "k-means")]
    pub(crate) init: InitChoice,
    /// Seed of the samples and of the first start
    #[arg(long, default_value = "0")]
    pub(crate) seed: u64,
    /// What to do about a set that cannot be read: stop, or learn from the others
    #[arg(long, value_enum, default_value = "fail")]
    pub(crate) on_error: OnError,
    #[command(flatten)]
    pub(crate) images: ImageArguments,
    #[command(flatten)]
    pub(crate) running: Running,
}

/// Options for photographs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Photographs")]
pub(crate) struct ImageArguments {
    /// Local features of photographs: dense SIFT, or patches of pixels [default: dsift, where the inputs are
    /// photographs]
    #[arg(long, value_enum)]
    pub(crate) features: Option<FeaturesChoice>,
    /// Sides of a bin of dense SIFT in pixels, one a size of descriptor
    #[arg(long, value_name = "N,...", value_delimiter = ',', default_value = "4,6,8,12")]
    bins: Vec<usize>,
    /// Pixels from one descriptor to the next [default: 4 for dense SIFT, 1 for patches]
    #[arg(long, value_name = "N")]
    step: Option<usize>,
    /// How gradients of dense SIFT are weighted
    #[arg(long, value_name = "flat|gaussian", default_value = "flat")]
    window: Window,
    /// Dense SIFT of patches with less contrast than this becomes zero (VLFeat's application: 0.005)
    #[arg(long, value_name = "X", default_value = "0", value_parser = at_least_zero)]
    contrast_threshold: f64,
    /// Side of a patch in pixels
    #[arg(long, value_name = "N", default_value = "4")]
    patch_size: usize,
    /// Channels features are taken of
    #[arg(long, value_name = "grey|rgb", default_value = "grey")]
    color: Color,
    /// Longer side of a photograph at most; larger ones are made smaller first; 0 for any
    #[arg(long, value_name = "N", default_value = "640")]
    max_side: usize,
    /// Append to each descriptor where it is, after --rows and --pca [default: xy for --spatial and --pyramid, else none]
    #[arg(long, value_name = "none|xy")]
    augment: Option<Augment>,
}

impl ImageArguments {
    /// The settings; `placed` says whether it is asked where the descriptors are.
    pub(crate) fn params(&self, placed: bool) -> ImageParams {
        let features = match self.features {
            None | Some(FeaturesChoice::Dsift) => LocalFeatures::Dsift(DenseSiftParams {
                bins: self.bins.clone(),
                step: self.step.unwrap_or(4),
                window: self.window,
                contrast_threshold: self.contrast_threshold,
                ..DenseSiftParams::default()
            }),
            Some(FeaturesChoice::Patches) => {
                LocalFeatures::Patches { size: self.patch_size, step: self.step.unwrap_or(1) }
            }
        };
        let augment = self.augment.unwrap_or(if placed { Augment::Xy } else { Augment::None });
        ImageParams { features, color: self.color, max_side: self.max_side, augment }
    }
}

#[derive(Debug, Args)]
pub(crate) struct EncodeArguments {
    /// Files and folders of descriptors, or of photographs
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
    /// The model, from `fishervec fit`
    #[arg(short, long, value_name = "MODEL.safetensors")]
    pub(crate) model: PathBuf,
    /// The vectors' file to write; NAME.csv and NAME.labels.npy stand beside it
    #[arg(short, long, value_name = "NAME.npy")]
    pub(crate) output: PathBuf,
    /// What to do about a set that cannot be encoded: stop with nothing written, or write a row of zeros
    #[arg(long, value_enum, default_value = "fail")]
    pub(crate) on_error: OnError,
    #[command(flatten)]
    pub(crate) running: Running,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// The model, from `fishervec fit`
    #[arg(value_name = "MODEL.safetensors")]
    pub(crate) model: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EvaluateArguments {
    /// The vectors, from `fishervec encode`
    #[arg(value_name = "NAME.npy")]
    pub(crate) vectors: PathBuf,
    /// One label a vector: integers, of which negative ones are left out, or strings [default:
    /// NAME.labels.npy]
    #[arg(long, value_name = "LABELS.npy")]
    pub(crate) labels: Option<PathBuf>,
    /// Neighbours that vote
    #[arg(long, default_value = "1")]
    pub(crate) k: NonZeroUsize,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Options of the verbs that take a while.
#[derive(Debug, Args)]
pub(crate) struct Running {
    /// Threads to use; the result does not depend on it [default: all cores]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// No progress and no summary; warnings and errors are still shown
    #[arg(long)]
    pub(crate) quiet: bool,
}

impl Running {
    pub(crate) fn threads(&self) -> fishervec::Result<fishervec::Threads> {
        match self.threads {
            Some(n) => fishervec::Threads::new(n.get()),
            None => fishervec::Threads::available(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EncoderChoice {
    /// The Fisher vector of a Gaussian mixture
    Fisher,
    /// Mean and standard deviation: the baseline; options of the mixture do not apply
    Pooling,
    /// Sums of the residuals of a codebook
    Vlad,
    /// Shares of the components of a codebook: the bag of words
    Bow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FeaturesChoice {
    /// Dense SIFT
    Dsift,
    /// Squares of pixels, for small images
    Patches,
}

/// To how many columns descriptors are projected, if they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Projection(pub(crate) Option<NonZeroUsize>);

impl std::str::FromStr for Projection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Projection(None)),
            number => match number.parse() {
                Ok(columns) => Ok(Projection(Some(columns))),
                Err(_) => Err("expected a number of at least 1, or none".to_owned()),
            },
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InitChoice {
    /// k-means++ and a few Lloyd iterations
    #[value(name = "k-means")]
    KMeans,
    /// Random descriptors as means, the variances of all
    Random,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnError {
    /// Stop; no output file changes
    Fail,
    /// Say why, go on without it (encode: with a row of zeros), and exit with code 3
    Skip,
}

fn conventions() -> String {
    let names = Convention::ALL.map(|convention| convention.name).join(", ");
    let sets = "sets signs, units, and the defaults of --information and --gradients";
    format!("Whose Fisher vector: {names}; {sets}")
}

fn at_least_zero(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(x) if f64::is_finite(x) && x >= 0.0 => Ok(x),
        _ => Err("expected a number of at least 0".to_owned()),
    }
}

fn zero_to_one(text: &str) -> Result<f64, String> {
    at_least_zero(text).ok().filter(|x| *x <= 1.0).ok_or_else(|| "expected a number from 0 to 1".to_owned())
}

fn above_zero(text: &str) -> Result<f64, String> {
    at_least_zero(text).ok().filter(|x| *x > 0.0).ok_or_else(|| "expected a number above 0".to_owned())
}
