//! Images from Python, and their descriptors.

use crate::error::OrRaise;
use crate::pipeline::Pipeline;
use crate::work::run_interruptible;
use fishervec::data::OwnedDescriptors;
use fishervec::image::{Image, ImageParams};
use fishervec::run::Workspace;
use fishervec::{Error, Result};
use ndarray::Array2;
use numpy::{IntoPyArray, PyArray2, PyReadonlyArray3};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use std::path::{Path, PathBuf};

/// A file, or an array of shape (height, width, channels) in C order.
#[derive(FromPyObject)]
pub(crate) enum ImageInput<'py> {
    Bytes(PyReadonlyArray3<'py, u8>),
    Floats(PyReadonlyArray3<'py, f32>),
    Path(PathBuf),
}

/// A view of an image that is usable with the GIL released.
pub(crate) enum View<'a> {
    Bytes(&'a [u8], [usize; 3]),
    Floats(&'a [f32], [usize; 3]),
    Path(&'a Path),
}

impl View<'_> {
    /// The width and height before the image is reduced.
    fn size(&self) -> Result<(usize, usize)> {
        match self {
            View::Bytes(_, [height, width, _]) | View::Floats(_, [height, width, _]) => Ok((*width, *height)),
            View::Path(path) => Image::size(path),
        }
    }

    fn features(&self, params: &ImageParams) -> Result<OwnedDescriptors<f32>> {
        params.features(&self.open(params)?)
    }

    pub(crate) fn open(&self, params: &ImageParams) -> Result<Image> {
        match self {
            View::Bytes(pixels, [height, width, channels]) => {
                Image::from_u8(pixels, *width, *height, *channels, params)
            }
            View::Floats(pixels, [height, width, channels]) => {
                Image::new(pixels, *width, *height, *channels, params.color)?.fitted(params)
            }
            View::Path(path) => Image::open(path, params),
        }
    }
}

pub(crate) fn views<'a>(images: &'a [ImageInput<'_>]) -> PyResult<Vec<View<'a>>> {
    let shape = |shape: &[usize]| [shape[0], shape[1], shape[2]];
    let order = |_| PyValueError::new_err("images: expected arrays in C order");
    images
        .iter()
        .map(|image| match image {
            ImageInput::Path(path) => Ok(View::Path(path)),
            ImageInput::Bytes(array) => {
                Ok(View::Bytes(array.as_slice().map_err(order)?, shape(array.as_array().shape())))
            }
            ImageInput::Floats(array) => {
                Ok(View::Floats(array.as_slice().map_err(order)?, shape(array.as_array().shape())))
            }
        })
        .collect()
}

fn params(json: &str) -> PyResult<ImageParams> {
    ImageParams::from_json(json).or_raise()
}

pub(crate) fn at(i: usize) -> impl Fn(Error) -> Error {
    move |error| error.at(format!("image {i}"))
}

/// The descriptors of each image, arrays of shape (n_i, d). An error names an image by its number, counted
/// from `first`.
#[pyfunction]
#[pyo3(signature = (images, settings, n_jobs, first=0))]
pub(crate) fn features<'py>(
    py: Python<'py>,
    images: Vec<ImageInput<'py>>,
    settings: &str,
    n_jobs: usize,
    first: usize,
) -> PyResult<Vec<Bound<'py, PyArray2<f32>>>> {
    let (views, params) = (views(&images)?, params(settings)?);
    let mut all: Vec<Option<Array2<f32>>> = views.iter().map(|_| None).collect();
    run_interruptible(py, n_jobs, None, |context| {
        let threads = &context.pool()?;
        threads.for_each(all.iter_mut().collect(), &|i, out: &mut Option<_>| {
            let features = views[i].features(&params).map_err(at(first + i))?;
            *out = Some(features.into_rows());
            Ok(())
        })
    })?;
    Ok(all.into_iter().flatten().map(|rows| rows.into_pyarray(py)).collect())
}

/// The centre (x, y) and size of each descriptor of an image of this size, shape (n, 3).
#[pyfunction]
pub(crate) fn positions<'py>(
    py: Python<'py>,
    settings: &str,
    width: usize,
    height: usize,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let positions = params(settings)?.positions(width, height);
    let n = positions.len();
    let flat = positions.into_iter().flatten().collect();
    let array = Array2::from_shape_vec((n, 3), flat);
    Ok(array.map_err(|error| PyValueError::new_err(error.to_string()))?.into_pyarray(py))
}

/// The centre (x, y) of each descriptor of each image and the side of its square, arrays of shape (n_i, 3),
/// in pixels of the image as it is described: upright and reduced. An error names an image by its number,
/// counted from `first`.
#[pyfunction]
#[pyo3(signature = (images, settings, n_jobs, first=0))]
pub(crate) fn squares<'py>(
    py: Python<'py>,
    images: Vec<ImageInput<'py>>,
    settings: &str,
    n_jobs: usize,
    first: usize,
) -> PyResult<Vec<Bound<'py, PyArray2<f32>>>> {
    let (views, params) = (views(&images)?, params(settings)?);
    let mut all: Vec<Vec<[f32; 3]>> = views.iter().map(|_| Vec::new()).collect();
    run_interruptible(py, n_jobs, None, |context| {
        let threads = &context.pool()?;
        threads.for_each(all.iter_mut().collect(), &|i, out: &mut Vec<_>| {
            // A file says how it is turned; so it is read.
            let image = views[i].open(&params).map_err(at(first + i))?;
            let squares = params.squares(image.width(), image.height());
            // Pixels are counted from the centre of the first one, as in `positions`.
            *out =
                squares.into_iter().map(|[x, y, side]| [x - 0.5, y - 0.5, side].map(|x| x as f32)).collect();
            Ok(())
        })
    })?;
    Ok(all.into_iter().map(|squares| Array2::from(squares).into_pyarray(py)).collect())
}

/// A sample of the descriptors of all images, shape (at most `count`, d).
#[pyfunction]
pub(crate) fn sample_features<'py>(
    py: Python<'py>,
    images: Vec<ImageInput<'py>>,
    settings: &str,
    count: usize,
    seed: u64,
    n_jobs: usize,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let (views, params) = (views(&images)?, params(settings)?);
    let sample = run_interruptible(py, n_jobs, None, |context| {
        let threads = &context.pool()?;
        let sizes = views.iter().enumerate().map(|(i, view)| view.size().map_err(at(i)));
        let counts = sizes.map(|size| size.map(|(width, height)| params.count(width, height)));
        let counts = counts.collect::<Result<Vec<usize>>>()?;
        let open = |i: usize| views[i].open(&params).map_err(at(i));
        params.sample(&counts, &open, count, seed, false, threads).map(|sample| sample.descriptors)
    })?;
    Ok(sample.into_rows().into_pyarray(py))
}

/// The vectors of all images under a pipeline for images, shape (n, P). An error names an image by its
/// number, counted from `first`.
#[pyfunction]
#[pyo3(signature = (images, pipeline, n_jobs, first=0))]
pub(crate) fn encode_images<'py>(
    py: Python<'py>,
    images: Vec<ImageInput<'py>>,
    pipeline: &Pipeline,
    n_jobs: usize,
    first: usize,
) -> PyResult<Bound<'py, PyArray2<f32>>> {
    let (views, params, pipeline) = (views(&images)?, pipeline.image_params()?, pipeline.library());
    let vectors = run_interruptible(py, n_jobs, None, |context| {
        let threads = &context.pool()?;
        let mut out = Array2::zeros((views.len(), pipeline.output_dim()));
        let rows = out
            .as_slice_mut()
            .expect("an array in standard layout")
            .chunks_exact_mut(pipeline.output_dim())
            .collect();
        let workspace = Workspace::default();
        threads.for_each(rows, &|i, row: &mut [f32]| {
            let features = views[i].features(params).map_err(at(first + i))?;
            let encoded = pipeline.encode_into(&features.view(), row, threads, &workspace);
            encoded.map_err(at(first + i)).map(|_| ())
        })?;
        Ok(out)
    })?;
    Ok(vectors.into_pyarray(py))
}
