//! Pictures of a few sets that are images: the surest errors with a map of what spoke for them, and the piece
//! of an image nearest to each of the most common components.

use crate::inputs::Inputs;
use crate::page::{Mask, in_colour, of_image, part, reduced};
use crate::report_page::{ErrorPicture, Pictures};
use fishervec::encode::Scores;
use fishervec::explain::{Field, Square, Window};
use fishervec::image::{Image, ImageParams};
use fishervec::ndarray::{ArrayView1, Axis};
use fishervec::report::{ComponentFacts, Findings};
use fishervec::run::{Threads, Workspace};
use fishervec::{Pipeline, Result};
use std::collections::BTreeMap;

/// The number of components with a picture.
const EXAMPLES: usize = 24;
/// The longer side of the picture of an error, and of an example, in pixels.
const SIDE: usize = 160;
const EXAMPLE_SIDE: usize = 48;
/// The number of cells of a map along its longer side.
const CELLS: f64 = 32.0;

/// The pictures; none of descriptors.
pub(crate) fn pictures(
    pipeline: &Pipeline,
    inputs: &Inputs,
    findings: &Findings,
    threads: &Threads,
) -> Result<Pictures> {
    let Some(params) = &inputs.images else { return Ok(Pictures::default()) };
    let report = &findings.report;
    let surest = report.classification.iter().flat_map(|found| &found.surest);
    let targets = surest.zip(findings.targets.outer_iter());
    let errors = targets.map(|(error, target)| {
        let image = Picture::open(inputs, params, error.set)?;
        image.of_error(pipeline, params, target, threads)
    });
    let errors = errors.collect::<Result<_>>()?;
    let mut common: Vec<&ComponentFacts> = report.components.iter().collect();
    let size = |facts: &ComponentFacts| facts.weight.unwrap_or(facts.share);
    common.sort_by(|a, b| size(b).total_cmp(&size(a)));
    let mut examples = BTreeMap::new();
    for facts in common.into_iter().take(EXAMPLES) {
        let Some(example) = facts.nearest.first() else { continue };
        let image = Picture::open(inputs, params, example.set)?;
        if let Some(square) = image.squares.get(example.row) {
            examples.insert(facts.component, image.piece(square)?);
        }
    }
    Ok(Pictures { errors, examples })
}

/// An image in colour, with the squares that its descriptors describe.
struct Picture {
    path: std::path::PathBuf,
    image: Image,
    squares: Vec<Square>,
}

impl Picture {
    fn open(inputs: &Inputs, params: &ImageParams, set: usize) -> Result<Self> {
        let file = inputs.sets[set].file;
        inputs.check(file)?;
        let path = inputs.files[file].clone();
        let (image, squares) = in_colour(&path, params)?;
        Ok(Picture { path, image, squares })
    }

    /// The image, and the shares of its descriptors in the score with these coefficients, on a map.
    fn of_error(
        &self,
        pipeline: &Pipeline,
        params: &ImageParams,
        target: ArrayView1<'_, f64>,
        threads: &Threads,
    ) -> Result<ErrorPicture> {
        let features = params.features(&Image::open(&self.path, params)?)?;
        let scores = Scores::new(target.insert_axis(Axis(0)));
        let shares = pipeline.contributions(&features.view(), &scores, threads, &Workspace::default())?;
        let shares: Vec<f64> = shares.into_iter().collect();
        let size = [self.image.width() as f64, self.image.height() as f64];
        let field =
            Field::spread(&shares, &self.squares, [0.0; 2], size, (size[0].max(size[1]) / CELLS).max(1.0));
        Ok(ErrorPicture {
            image: of_image(&reduced(self.image.clone(), SIDE)?),
            shape: size[0] / size[1],
            masks: Mask::of_field(&field).map(|mask| mask.uri()),
        })
    }

    /// The piece of the image that a descriptor describes.
    fn piece(&self, square: &Square) -> Result<String> {
        let [x, y] = [square.x, square.y].map(|centre| centre - square.side / 2.0);
        let window = Window { x, y, width: square.side, height: square.side, holds: 0.0 };
        Ok(of_image(&reduced(part(&self.image, &window), EXAMPLE_SIDE)?))
    }
}
