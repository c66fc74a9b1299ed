//! Pictures of a few sets that are images: the surest errors with a map of what spoke for them, and the piece
//! of an image nearest to each of the most common components.

use crate::inputs::Inputs;
use crate::page::{Mask, photograph};
use crate::report_page::{ErrorPicture, Pictures};
use fishervec::encode::Scores;
use fishervec::explain::{Field, Square};
use fishervec::image::{Color, Image, ImageParams};
use fishervec::ndarray::{ArrayView1, Axis};
use fishervec::report::{ComponentFacts, Findings};
use fishervec::run::{Threads, Workspace};
use fishervec::{Pipeline, Result};
use std::collections::BTreeMap;
use std::ops::Range;

/// The number of components with a picture.
const EXAMPLES: usize = 24;
/// The longer side of the picture of an error, and of an example, in pixels.
const SIDE: usize = 160;
const EXAMPLE_SIDE: usize = 48;
/// The number of cells of a map along its longer side.
const CELLS: f64 = 32.0;
/// The share of the cells that stays below the full colour.
const FULL: f64 = 0.995;

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
            examples.insert(facts.component, image.piece(square));
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
        let image = Image::open(&path, &ImageParams { color: Color::Rgb, ..params.clone() })?;
        let squares = params.squares(image.width(), image.height());
        let squares = squares.into_iter().map(|[x, y, side]| Square { x, y, side }).collect();
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
        let most = field.quantile(FULL).max(f64::MIN_POSITIVE);
        let (height, width) = field.values.dim();
        let mask = |sign: f64| {
            let alpha =
                field.values.iter().map(|x| (sign * x / most * 255.0).clamp(0.0, 255.0).round() as u8);
            Mask { width, height, alpha: alpha.collect() }.uri()
        };
        let all = (0..self.image.width(), 0..self.image.height());
        Ok(ErrorPicture {
            image: self.reduced(all.0, all.1, SIDE),
            shape: size[0] / size[1],
            masks: [mask(1.0), mask(-1.0)],
        })
    }

    /// The piece of the image that a descriptor describes.
    fn piece(&self, square: &Square) -> String {
        let range = |centre: f64, n: usize| {
            let from = ((centre - square.side / 2.0).max(0.0) as usize).min(n - 1);
            from..((centre + square.side / 2.0).ceil() as usize).clamp(from + 1, n)
        };
        let (xs, ys) = (range(square.x, self.image.width()), range(square.y, self.image.height()));
        self.reduced(xs, ys, EXAMPLE_SIDE)
    }

    /// A piece of the image, no side longer than `side`: each pixel is the mean of those it stands for.
    fn reduced(&self, xs: Range<usize>, ys: Range<usize>, side: usize) -> String {
        let factor = (xs.len().max(ys.len()) as f64 / side as f64).max(1.0);
        let [width, height] = [&xs, &ys].map(|range| ((range.len() as f64 / factor).round() as usize).max(1));
        let n = self.image.width() * self.image.height();
        let cut = |range: &Range<usize>, parts: usize, i: usize| {
            let from = range.start + i * range.len() / parts;
            from..(range.start + (i + 1) * range.len() / parts).max(from + 1)
        };
        let mut pixels = Vec::with_capacity(3 * width * height);
        for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
            let (columns, rows) = (cut(&xs, width, x), cut(&ys, height, y));
            for c in 0..3 {
                let plane = &self.image.values()[c * n..(c + 1) * n];
                let of_row = |row: usize| plane[row * self.image.width()..][columns.clone()].iter();
                let sum: f32 = rows.clone().flat_map(of_row).sum();
                let mean = sum / (columns.len() * rows.len()) as f32;
                pixels.push((mean * 255.0).round().clamp(0.0, 255.0) as u8);
            }
        }
        photograph(width, height, 3, &pixels)
    }
}
