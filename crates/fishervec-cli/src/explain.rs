//! `fishervec explain`: which descriptors made a score, as a page, a table, and patches on a map.

use crate::args::ExplainArguments;
use crate::destination;
use crate::exit::{DONE, usage_error};
use crate::explain_page::{About, page};
use crate::explained::Explained;
use crate::progress::Progress;
use crate::score::Score;
use crate::slide_picture::SlidePicture;
use crate::subject::{Places, Subject, Wanted};
use anyhow::{anyhow, bail};
use fishervec::explain::{Match, Picture, matches};
use fishervec::io::{LinearModel, Staged, commit};
use fishervec::ndarray::ArrayView1;
use fishervec::run::Threads;
use fishervec::{Encode, Pipeline};
use std::path::{Path, PathBuf};

/// The number of places that are matched between two images.
const MATCHES: usize = 5;

pub(crate) fn run(arguments: &ExplainArguments) -> anyhow::Result<i32> {
    let progress = Progress::new(arguments.running.quiet);
    let names = names(arguments)?;
    let pipeline = Pipeline::load(&arguments.model)?;
    let threads = arguments.running.threads()?;
    let model = arguments.classifier.as_deref().map(LinearModel::open).transpose()?;
    let subject = subject(arguments, &pipeline, progress)?;
    let other = other(arguments, &pipeline, progress)?;
    refuse_arrays(arguments, &subject, other.as_ref())?;

    let vector = subject.vector(&pipeline, &threads)?;
    let other_vector = other.as_ref().map(|other| other.vector(&pipeline, &threads)).transpose()?;
    let score = match (&model, &arguments.classifier, &other_vector) {
        (Some(model), Some(path), _) => Score::of_class(model, path, arguments.class.as_deref(), &vector)?,
        (_, _, Some(other)) => Score::cosine(&vector, other),
        _ => usage_error!("expected --classifier COEF.npz or --against B"),
    };
    let explained = |subject, score: &Score| -> anyhow::Result<Explained<'_>> {
        let coef = ArrayView1::from(&score.coef);
        let explanation = Subject::explain(subject, &pipeline, coef, &threads)?;
        Ok(Explained::new(subject, explanation, arguments.patch_size))
    };
    let mut sides = vec![explained(&subject, &score)?];
    let mut coefs = vec![score.coef.clone()];
    if let (Some(other), Some(other_vector)) = (&other, &other_vector) {
        let back = Score::cosine(other_vector, &vector);
        sides.push(explained(other, &back)?);
        coefs.push(back.coef);
    }
    for side in &sides {
        tell_side(side, progress);
    }
    let picture = match &arguments.image {
        Some(path) => Some(SlidePicture::open(path, arguments.image_scale.unwrap_or(1.0), &sides[0])?),
        None => None,
    };
    let matched = matched(&pipeline, &sides, &coefs, &threads)?;

    let mut files = Vec::new();
    for (side, [table, patches]) in sides.iter().zip(&names.beside) {
        files.push((table, side.write_table(table)?));
        if let (Some(plane), Places::Positions(..)) = (&side.plane, &side.subject.places) {
            files.push((patches, side.write_patches(plane, patches)?));
        }
    }
    let written: Vec<PathBuf> = files.iter().map(|(path, _)| (*path).clone()).collect();
    let about = About {
        pipeline: &pipeline,
        model: &arguments.model,
        score: &score,
        matched: &matched,
        picture: picture.as_ref(),
        beside: &written,
    };
    let mut html = Staged::create(&arguments.output)?;
    html.append(page(&about, &sides)?.as_bytes())?;
    let staged = std::iter::once(html).chain(files.into_iter().map(|(_, file)| file));
    commit(staged).map_err(|error| anyhow!(error))?;
    let beside: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
    progress.note(&format!("Wrote {}, {}", arguments.output.display(), beside.join(", ")));
    Ok(DONE)
}

/// The names of what is written: the page, and the table and the patches of each set.
struct Names {
    beside: [[PathBuf; 2]; 2],
}

/// Checks that all files can be written and replace nothing that is read.
fn names(arguments: &ExplainArguments) -> anyhow::Result<Names> {
    if arguments.class.is_some() && arguments.classifier.is_none() {
        usage_error!("--class: expected --classifier COEF.npz, which has classes");
    }
    let output = &arguments.output;
    if !output.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("html")) {
        usage_error!("--output: expected a name ending in .html, got {}", output.display());
    }
    let beside = |of: &str| ["csv", "geojson"].map(|ending| output.with_extension(format!("{of}{ending}")));
    let names = Names { beside: [beside(""), beside("against.")] };
    let sides = if arguments.against.is_some() { 2 } else { 1 };
    let read = [
        Some(&arguments.set),
        Some(&arguments.model),
        arguments.classifier.as_ref(),
        arguments.against.as_ref(),
        arguments.image.as_ref(),
    ];
    for path in std::iter::once(output).chain(names.beside[..sides].iter().flatten()) {
        destination::check("--output", path)?;
        if read.iter().flatten().any(|other| destination::is_same(path, other)) {
            bail!("{} is read and would be replaced: choose another --output", path.display());
        }
    }
    Ok(names)
}

fn subject(arguments: &ExplainArguments, pipeline: &Pipeline, progress: Progress) -> anyhow::Result<Subject> {
    let name = arguments.set_name.as_deref();
    Subject::open(&wanted(arguments, &arguments.set, name, "set-name", pipeline), pipeline, progress)
}

fn other(
    arguments: &ExplainArguments,
    pipeline: &Pipeline,
    progress: Progress,
) -> anyhow::Result<Option<Subject>> {
    let Some(path) = &arguments.against else { return Ok(None) };
    let name = arguments.against_name.as_deref();
    let wanted = wanted(arguments, path, name, "against-name", pipeline);
    Subject::open(&wanted, pipeline, progress).map(Some)
}

fn wanted<'a>(
    arguments: &'a ExplainArguments,
    path: &'a Path,
    name: Option<&'a str>,
    option: &'static str,
    pipeline: &Pipeline,
) -> Wanted<'a> {
    let arrays = arguments.arrays(pipeline.position_columns() > 0);
    Wanted { path, name, option, arrays, positions: arguments.positions.as_deref() }
}

/// Refuses options about arrays where there are none.
fn refuse_arrays(
    arguments: &ExplainArguments,
    subject: &Subject,
    other: Option<&Subject>,
) -> anyhow::Result<()> {
    let patches = [Some(subject), other]
        .into_iter()
        .flatten()
        .any(|subject| matches!(&subject.places, Places::Positions(positions, _) if positions.ncols() == 2));
    if arguments.patch_size.is_some() && !patches {
        usage_error!("--patch-size: expected patches with coords in two dimensions, got none");
    }
    Ok(())
}

/// Says what the side of patches was taken for, where neither the file nor the user said it.
fn tell_side(side: &Explained<'_>, progress: Progress) {
    if let Some((plane, square)) = side.plane.as_ref().and_then(|plane| Some((plane, plane.squares.first()?)))
        && plane.is_side_guessed
    {
        progress.note(&format!(
            "{}: patches of side {}, the distance to the next patch; --patch-size SIDE gives another",
            side.subject.path.display(),
            square.side
        ));
    }
}

/// The places of two images that match.
fn matched(
    pipeline: &Pipeline,
    sides: &[Explained<'_>],
    coefs: &[Vec<f64>],
    threads: &Threads,
) -> anyhow::Result<Vec<Match>> {
    let [a, b] = sides else { return Ok(Vec::new()) };
    let (Some((rows_a, image_a, squares_a)), Some((rows_b, image_b, squares_b))) =
        (a.subject.of_image(), b.subject.of_image())
    else {
        return Ok(Vec::new());
    };
    let (Some(plane), Some(_)) = (&a.plane, pipeline.encoder().mixture()) else { return Ok(Vec::new()) };
    let size = |image: &fishervec::image::Image| [image.width() as f64, image.height() as f64];
    let (view_a, view_b) = (rows_a.view(), rows_b.view());
    let first = Picture {
        descriptors: view_a,
        squares: squares_a,
        size: size(image_a),
        coef: ArrayView1::from(&coefs[0]),
    };
    let second = Picture {
        descriptors: view_b,
        squares: squares_b,
        size: size(image_b),
        coef: ArrayView1::from(&coefs[1]),
    };
    Ok(matches(pipeline, &first, &plane.field, &second, MATCHES, threads)?)
}
