//! Whether inputs go with a model.

use crate::inputs::{Inputs, Set, Shape};
use crate::listing::Kind;
use crate::progress::counted;
use anyhow::bail;
use fishervec::image::ImageParams;
use fishervec::{Error, Pipeline};

/// How the inputs become descriptors, if they are images.
pub(crate) fn images_of(pipeline: &Pipeline, inputs: Kind) -> anyhow::Result<Option<ImageParams>> {
    match (inputs, pipeline.images()) {
        (Kind::Descriptors, _) => Ok(None),
        (Kind::Images, Some(images)) => Ok(Some(images.clone())),
        (Kind::Images, None) => {
            bail!(
                "the inputs are images, but the model was learned from descriptors: give descriptor \
                 files, or fit a model to images"
            )
        }
    }
}

/// Whether a set can be encoded, as far as the header of its file reveals.
pub(crate) fn check(set: &Set, pipeline: &Pipeline, inputs: &Inputs) -> std::result::Result<(), String> {
    let shape = set.shape.as_ref().map_err(String::clone)?;
    let (expected, got) = (pipeline.input_dim(), shape.dim);
    let cure = match positions_cure(shape, pipeline) {
        Some(cure) => cure,
        None if shape.goes_with(expected) => return Ok(()),
        None => String::new(),
    };
    let error = inputs.blame(set, Error::Dimension { what: "descriptors", expected, got });
    Err(format!("{error}{cure}"))
}

/// What to do if positions were given otherwise than the model expects.
fn positions_cure(shape: &Shape, pipeline: &Pipeline) -> Option<String> {
    let (expected, got) = (pipeline.position_columns(), shape.n_positions);
    match (got, expected) {
        (0, n) if n > 0 && shape.dim + n == pipeline.input_dim() => {
            let columns = counted(n, "column");
            Some(format!(
                ": the last {columns} are positions; give the array that holds them with --positions NAME"
            ))
        }
        (0, _) => None,
        (got, n) if got == n => None,
        (_, 0) => Some("; the model was fitted without positions: leave out --positions".to_owned()),
        (got, n) => Some(format!("; the positions have {got} columns, those of the fit had {n}")),
    }
}
