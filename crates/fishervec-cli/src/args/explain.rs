//! The options of `fishervec explain`.

use super::Running;
use crate::arrays::Arrays;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct ExplainArguments {
    /// The set to explain: a file of descriptors, or an image
    #[arg(value_name = "A")]
    pub(crate) set: PathBuf,
    /// Model file, from `fishervec fit`
    #[arg(short, long, value_name = "MODEL.safetensors")]
    pub(crate) model: PathBuf,
    /// Linear classifier of the vectors whose score is explained: an .npz with coef, intercept and classes
    #[arg(long, value_name = "COEF.npz", conflicts_with = "against", help_heading = "Score")]
    pub(crate) classifier: Option<PathBuf>,
    /// Class whose score is explained [default: the one that A is taken for]
    #[arg(long, value_name = "NAME", help_heading = "Score")]
    pub(crate) class: Option<String>,
    /// Set that A is compared with: the cosine of their vectors is explained, in either
    #[arg(long, value_name = "B", required_unless_present = "classifier", help_heading = "Score")]
    pub(crate) against: Option<PathBuf>,
    /// Page to write, with WHY.csv beside it, and WHY.geojson where places have two dimensions
    #[arg(short, long, value_name = "WHY.html")]
    pub(crate) output: PathBuf,
    /// Name of the set, of a file that holds several
    #[arg(long, value_name = "NAME", help_heading = "Inputs")]
    pub(crate) set_name: Option<String>,
    /// The same of B
    #[arg(long, value_name = "NAME", requires = "against", help_heading = "Inputs")]
    pub(crate) against_name: Option<String>,
    /// Array that holds the descriptors, of files whose arrays have names [default: found by its name]
    #[arg(long, value_name = "NAME", help_heading = "Inputs")]
    pub(crate) array: Option<String>,
    /// Array that holds the place of each descriptor, shape (n, L) [default: found by its name, such as
    /// coords]
    ///
    /// For a model that was fitted with --positions it is what `encode` was given.
    #[arg(long, value_name = "NAME", help_heading = "Inputs")]
    pub(crate) positions: Option<String>,
    /// Side of a patch, in the unit of its coords, which are its upper left corner [default: the distance to
    /// the next patch]
    #[arg(long, value_name = "SIDE", value_parser = super::values::length, help_heading = "Inputs")]
    #[arg(allow_negative_numbers = true)]
    pub(crate) patch_size: Option<f64>,
    /// Picture of the slide that A is cut from: it is shown beside the map, and so are the loudest patches
    #[arg(long, value_name = "PICTURE", help_heading = "Inputs")]
    pub(crate) image: Option<PathBuf>,
    /// Number of units of the coords per pixel of the picture [default: 1]
    #[arg(long, value_name = "N", value_parser = super::values::length, requires = "image")]
    #[arg(help_heading = "Inputs", allow_negative_numbers = true)]
    pub(crate) image_scale: Option<f64>,
    #[command(flatten)]
    pub(crate) running: Running,
}

impl ExplainArguments {
    /// The arrays that are read under a model that has position columns, or has none.
    pub(crate) fn arrays(&self, has_positions: bool) -> Arrays {
        let positions = self.positions.clone().filter(|_| has_positions);
        Arrays { array: self.array.clone(), positions }
    }
}
