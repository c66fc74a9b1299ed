//! A set that is explained: its descriptors, and where they lie.

use crate::arrays::Arrays;
use crate::compatible::{check, images_of};
use crate::inputs::{Inputs, OpenFile, Set};
use crate::listing::Listing;
use crate::page::in_colour;
use crate::progress::Progress;
use anyhow::bail;
use fishervec::data::{OwnedDescriptors, RowBuffer};
use fishervec::explain::{Explanation, Square};
use fishervec::image::{Image, ImageParams};
use fishervec::io::{ArrayNames, FileRows, RowsOf, SetFile};
use fishervec::ndarray::{Array2, ArrayView1};
use fishervec::run::{Threads, Workspace};
use fishervec::{Pipeline, Source};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The set, and what is read of it.
pub(crate) struct Subject {
    pub(crate) path: PathBuf,
    /// Its name, if there are others in the file.
    pub(crate) name: Option<String>,
    pub(crate) n_rows: usize,
    rows: Rows,
    pub(crate) places: Places,
}

enum Rows {
    Image(OwnedDescriptors<f32>),
    File(FileRows, Range<usize>),
}

/// Where its descriptors lie.
pub(crate) enum Places {
    /// In the order of the rows; nothing else is known.
    Rows,
    /// At positions, shape (n, L), with the side of the patches there, if the file says.
    Positions(Array2<f64>, Option<f64>),
    /// In an image, which has the colours of the file.
    Image(Image, Vec<Square>),
}

/// Which set of a file it is, and what is read.
pub(crate) struct Wanted<'a> {
    pub(crate) path: &'a Path,
    /// The name of the set, and the option that gives it.
    pub(crate) name: Option<&'a str>,
    pub(crate) option: &'static str,
    /// The arrays that the model's descriptors are in.
    pub(crate) arrays: Arrays,
    /// The array of their places, if it is asked for.
    pub(crate) positions: Option<&'a str>,
}

impl Subject {
    /// Opens the set.
    ///
    /// # Errors
    /// If the file holds several sets and none is named; those of its reader; a set that does not go with the
    /// model, or has no descriptors.
    pub(crate) fn open(wanted: &Wanted<'_>, pipeline: &Pipeline, progress: Progress) -> anyhow::Result<Self> {
        let listing = Listing::new(&[wanted.path.to_owned()], None)?;
        let images = images_of(pipeline, listing.kind(None)?)?;
        let arrays = if images.is_some() { Arrays::default() } else { wanted.arrays.clone() };
        let inputs = Inputs::scan(listing, images, arrays, progress)?;
        let set = chosen(&inputs, wanted)?;
        check(set, pipeline, &inputs).map_err(anyhow::Error::msg)?;
        let (rows, places) = match &inputs.images {
            Some(params) => of_image(&inputs.files[set.file], params)?,
            None => of_file(&inputs, set, wanted, pipeline)?,
        };
        let subject = Subject {
            path: inputs.files[set.file].clone(),
            name: Some(set.name.clone()).filter(|_| inputs.sets.len() > 1),
            n_rows: rows.len(),
            rows,
            places,
        };
        if subject.n_rows == 0 {
            bail!("{} has no descriptors, so that nothing makes its score", inputs.place(set));
        }
        Ok(subject)
    }

    /// Its vector, shape (P,).
    pub(crate) fn vector(&self, pipeline: &Pipeline, threads: &Threads) -> fishervec::Result<Vec<f64>> {
        match &self.rows {
            Rows::Image(rows) => vector(pipeline, &rows.view(), threads),
            Rows::File(rows, range) if rows.is_f64() => {
                vector(pipeline, &rows.rows::<f64>(range.clone()), threads)
            }
            Rows::File(rows, range) => vector(pipeline, &rows.rows::<f32>(range.clone()), threads),
        }
    }

    /// What of a score with these coefficients comes from where.
    pub(crate) fn explain(
        &self,
        pipeline: &Pipeline,
        coef: ArrayView1<'_, f64>,
        threads: &Threads,
    ) -> fishervec::Result<Explanation> {
        match &self.rows {
            Rows::Image(rows) => Explanation::of(pipeline, &rows.view(), coef, threads),
            Rows::File(rows, range) if rows.is_f64() => {
                Explanation::of(pipeline, &rows.rows::<f64>(range.clone()), coef, threads)
            }
            Rows::File(rows, range) => {
                Explanation::of(pipeline, &rows.rows::<f32>(range.clone()), coef, threads)
            }
        }
    }

    /// The descriptors of an image.
    pub(crate) fn of_image(&self) -> Option<(&OwnedDescriptors<f32>, &Image, &[Square])> {
        match (&self.rows, &self.places) {
            (Rows::Image(rows), Places::Image(image, squares)) => Some((rows, image, squares)),
            _ => None,
        }
    }
}

impl Rows {
    fn len(&self) -> usize {
        match self {
            Rows::Image(rows) => rows.view().n_rows(),
            Rows::File(_, range) => range.len(),
        }
    }
}

fn vector<S: Source>(pipeline: &Pipeline, rows: &S, threads: &Threads) -> fishervec::Result<Vec<f64>> {
    let workspace = Workspace::default();
    let gathered = pipeline.gather(rows, threads, &workspace)?;
    let mut vector = vec![0.0; pipeline.output_dim()];
    pipeline.encode_gathered_into(&gathered, &mut vector, &Workspace::default())?;
    Ok(vector)
}

/// The set that is meant.
fn chosen<'a>(inputs: &'a Inputs, wanted: &Wanted<'_>) -> anyhow::Result<&'a Set> {
    let shown = wanted.path.display();
    if inputs.files.len() > 1 {
        bail!("{shown} holds {} files: give the one with the set", inputs.files.len());
    }
    let names = || {
        let all: Vec<&str> = inputs.sets.iter().take(6).map(|set| set.name.as_str()).collect();
        format!("{}{}", all.join(", "), if inputs.sets.len() > 6 { ", ..." } else { "" })
    };
    let option = wanted.option;
    let Some(name) = wanted.name else {
        return match inputs.sets.as_slice() {
            [one] => Ok(one),
            [] => bail!("{shown} holds no set"),
            several => {
                bail!("{shown} holds {} sets ({}): choose one with --{option} NAME", several.len(), names())
            }
        };
    };
    let named: Vec<&Set> = inputs.sets.iter().filter(|set| set.name == name).collect();
    match named.as_slice() {
        [one] => Ok(one),
        [] => bail!("--{option}: expected the name of a set of {shown} ({}), got {name}", names()),
        several => bail!("--{option}: {} sets of {shown} are called {name}", several.len()),
    }
}

/// The descriptors of an image, their squares, and the image in colour.
fn of_image(path: &Path, params: &ImageParams) -> anyhow::Result<(Rows, Places)> {
    let features = params.features(&Image::open(path, params)?)?;
    let (picture, squares) = in_colour(path, params)?;
    Ok((Rows::Image(features), Places::Image(picture, squares)))
}

/// The descriptors of a set in a file, and the positions that the model uses or that lie beside them.
fn of_file(
    inputs: &Inputs,
    set: &Set,
    wanted: &Wanted<'_>,
    pipeline: &Pipeline,
) -> anyhow::Result<(Rows, Places)> {
    let (array, range) = OpenFile::new(inputs, set.file)?.rows(set)?;
    let places = match pipeline.position_columns() {
        // The last columns of the descriptors themselves.
        columns if columns > 0 && wanted.positions.is_none() => {
            Some((last_columns(inputs, set, &array.rows::<f64>(range.clone()), columns)?, None))
        }
        _ => beside(inputs, set, wanted)?,
    };
    let places = places.map_or(Places::Rows, |(positions, side)| Places::Positions(positions, side));
    Ok((Rows::File(array, range), places))
}

/// The positions beside the descriptors of a set, and the side of its patches.
fn beside(
    inputs: &Inputs,
    set: &Set,
    wanted: &Wanted<'_>,
) -> anyhow::Result<Option<(Array2<f64>, Option<f64>)>> {
    let path = &inputs.files[set.file];
    let names = ArrayNames { descriptors: wanted.arrays.array.as_deref(), positions: wanted.positions };
    let mut file = SetFile::open_arrays(path, names)?;
    let Some(found) = file.sets().get(set.index).cloned() else { return Ok(None) };
    let Some(positions) = file.positions(&found)? else {
        if wanted.positions.is_some() {
            let archives = SetFile::archives().join(", .");
            bail!(
                "--positions: expected a file whose arrays have names (.{archives}), got {}",
                path.display()
            );
        }
        return Ok(None);
    };
    let side = file.patch_side(&found);
    let rows = positions.rows::<f64>(found.rows);
    Ok(Some((last_columns(inputs, set, &rows, rows.dim())?, side)))
}

/// The last columns of an array of a set, read block by block.
fn last_columns(
    inputs: &Inputs,
    set: &Set,
    rows: &RowsOf<f64>,
    columns: usize,
) -> anyhow::Result<Array2<f64>> {
    const BLOCK: usize = 1024;
    let (n, d) = (rows.n_rows(), rows.dim());
    let (mut values, mut block, mut spare) =
        (Vec::with_capacity(n * columns), Vec::new(), RowBuffer::default());
    for start in (0..n).step_by(BLOCK) {
        block.resize(BLOCK.min(n - start) * d, 0.0);
        rows.read_finite(start, &mut block, &mut spare).map_err(|error| inputs.blame(set, error))?;
        block.chunks_exact(d).for_each(|row| values.extend_from_slice(&row[d - columns..]));
    }
    Ok(Array2::from_shape_vec((n, columns), values)?)
}
