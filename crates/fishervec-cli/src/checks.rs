//! What a fit and a sample check before any descriptor is read.

use crate::args::{ImageArguments, InputArguments};
use crate::destination;
use crate::exit::usage_error;
use crate::inputs::Inputs;
use crate::listing::Kind;
use crate::settings::Settings;
use anyhow::{anyhow, bail};
use fishervec::Error;
use fishervec::image::Image;
use fishervec::io::SetFile;
use std::path::Path;

/// The kind of inputs that the options ask for; --features is for images alone.
pub(crate) fn asked_kind(input: &InputArguments, images: &ImageArguments) -> anyhow::Result<Option<Kind>> {
    match (input.kind, images.features.is_some()) {
        (Some(Kind::Descriptors), true) => {
            usage_error!("--features describes images: leave it out, or choose --input images")
        }
        (None, true) => Ok(Some(Kind::Images)),
        (asked, _) => Ok(asked),
    }
}

/// Refuses the name of a descriptor or image file, which the model would be taken for the next time.
pub(crate) fn check_output(output: &Path) -> anyhow::Result<()> {
    let ending = output.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let others = SetFile::endings().iter().chain(Image::endings()).filter(|other| **other != "safetensors");
    if others.into_iter().any(|other| *other == ending) {
        usage_error!("--output: expected a name ending in .safetensors, got {}", output.display());
    }
    destination::check("--output", output)
}

/// The number of columns of the positions, which all sets must share that can be opened and tell it.
///
/// # Errors
/// If they differ, with the first that does.
pub(crate) fn n_positions(inputs: &Inputs) -> anyhow::Result<Option<usize>> {
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
pub(crate) fn common_shape(inputs: &Inputs) -> anyhow::Result<(usize, bool)> {
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
pub(crate) fn check_shape(settings: &Settings, dim: usize, n_rows: usize) -> anyhow::Result<()> {
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
