//! Dense SIFT: a descriptor of 4 x 4 bins of 8 orientations around every point of a grid, at several sizes.
//!
//! The descriptor is that of Lowe (IJCV 2004) at one orientation, with the geometry, the windows and the
//! order of numbers of VLFeat's `vl_dsift`, and the sizes and the smoothing of its `vl_phow`: number 8 (4 i +
//! j) + t is orientation t in the bin of row i and column j. A bin is a sum of gradients weighted by a
//! triangle of half-width `bin` around its centre, times the window. These weights are the product of a
//! vertical and a horizontal kernel of 2 bin - 1 numbers, so a descriptor is two short convolutions.

use super::pixels::Plane;
use crate::error::{Error, Result};
use crate::simd::sift::{BINS, DESCRIPTOR, Orientations, blend, describe, gradients};
use serde::{Deserialize, Serialize};

crate::util::string_enum::string_enum! {
    /// How gradients are weighted by their distance from a descriptor's centre.
    pub enum Window as "window" {
        /// One weight per bin: the mean of the Gaussian over the bin (VLFeat's `fast`).
        Flat = "flat",
        /// A Gaussian of standard deviation `window_size` bins.
        Gaussian = "gaussian",
    }
}

/// Settings of dense SIFT; lengths are in pixels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DenseSiftParams {
    /// The side of a bin, one per size of descriptor; a descriptor spans 3 bins between the centres of its
    /// outer ones.
    pub bins: Vec<usize>,
    /// The distance from one point of the grid to the next. The grids of all sizes share their centres.
    pub step: usize,
    /// The window that weights gradients.
    pub window: Window,
    /// The standard deviation of the Gaussian window, in bins.
    pub window_size: f64,
    /// For each size the image is smoothed by a Gaussian of standard deviation bin / `magnification`; 0 turns
    /// smoothing off.
    pub magnification: f64,
    /// The first column, first row, last column and last row that bins may be centred on; `None` for the
    /// whole image.
    pub bounds: Option<[usize; 4]>,
    /// Descriptors whose norm is below this, those of a patch without contrast, become zero. (It is the norm
    /// before normalisation, divided by the descriptor's area, for an image with values from 0 to 1.)
    pub contrast_threshold: f64,
}

impl Default for DenseSiftParams {
    fn default() -> Self {
        DenseSiftParams {
            bins: vec![4, 6, 8, 12],
            step: 4,
            window: Window::Flat,
            window_size: 2.0,
            magnification: 6.0,
            bounds: None,
            contrast_threshold: 0.0,
        }
    }
}

/// The grid of one size, of the centres of each descriptor's first bin.
struct Grid {
    bin: usize,
    step: usize,
    /// The first column and row.
    first: [usize; 2],
    /// The number of columns and rows.
    count: [usize; 2],
}

impl Grid {
    fn len(&self) -> usize {
        self.count[0] * self.count[1]
    }
}

impl DenseSiftParams {
    /// The length of a descriptor.
    pub const DIM: usize = DESCRIPTOR;

    /// # Errors
    /// [`Error::Parameter`] for a setting out of its range.
    pub(crate) fn check(&self) -> Result<()> {
        const MAX_BIN: usize = 1 << 12;
        if self.bins.is_empty() || !self.bins.iter().all(|bin| (1..=MAX_BIN).contains(bin)) {
            return Err(Error::parameter(
                "bins",
                format!("one or more from 1 to {MAX_BIN}"),
                format!("{:?}", self.bins),
            ));
        }
        if self.step == 0 {
            return Err(Error::parameter("step", "at least 1", 0));
        }
        let at_least_zero =
            [("magnification", self.magnification), ("contrast_threshold", self.contrast_threshold)];
        for (name, value) in at_least_zero {
            if !(value.is_finite() && value >= 0.0) {
                return Err(Error::parameter(name, "a number of at least 0", value));
            }
        }
        if !(self.window_size.is_finite() && self.window_size > 0.0) {
            return Err(Error::parameter("window_size", "a number above 0", self.window_size));
        }
        match self.bounds {
            Some([left, top, right, bottom]) if left > right || top > bottom => {
                Err(Error::parameter("bounds", "left, top, right, bottom", format!("{:?}", self.bounds)))
            }
            _ => Ok(()),
        }
    }

    /// The grids in an image of this size, one per size of bin.
    fn grids(&self, width: usize, height: usize) -> impl Iterator<Item = Grid> {
        let largest = self.bins.iter().copied().max().unwrap_or(0);
        let [left, top, right, bottom] = self.bounds.unwrap_or([0, 0, usize::MAX, usize::MAX]);
        self.bins.iter().map(move |&bin| {
            // The inset is half of the difference in span to the largest descriptor, so that the centres of
            // all sizes coincide.
            let inset = 3 * (largest - bin) / 2;
            let along = |first: usize, last: usize, size: usize| {
                let (first, last) = (first.saturating_add(inset), last.min(size.saturating_sub(1)));
                let room = last.checked_sub(first).and_then(|room| room.checked_sub((BINS - 1) * bin));
                (first, room.filter(|_| size > 0).map_or(0, |room| room / self.step + 1))
            };
            let ((x, columns), (y, rows)) = (along(left, right, width), along(top, bottom, height));
            Grid { bin, step: self.step, first: [x, y], count: [columns, rows] }
        })
    }

    /// The number of descriptors of an image of this size. Cost O(bins).
    #[must_use]
    pub fn count(&self, width: usize, height: usize) -> usize {
        self.grids(width, height).map(|grid| grid.len()).sum()
    }

    /// Calls `frame` with the centre (x, y) and the bin of each descriptor, in their order: size by size, row
    /// by row.
    pub(crate) fn frames(&self, width: usize, height: usize, mut frame: impl FnMut(f32, f32, usize)) {
        for grid in self.grids(width, height) {
            let centre = (BINS - 1) as f32 * grid.bin as f32 / 2.0;
            for row in 0..grid.count[1] {
                for column in 0..grid.count[0] {
                    let at = |i: usize, n: usize| (grid.first[i] + n * grid.step) as f32 + centre;
                    frame(at(0, column), at(1, row), grid.bin);
                }
            }
        }
    }

    /// Computes the descriptors of a plane, shape (n, 128), and passes them in order to `put`, one row of the
    /// grid per call.
    pub(crate) fn describe(&self, plane: &Plane<'_>, mut put: impl FnMut(&[f32])) {
        let mut smooth = Smooth::default();
        for grid in self.grids(plane.width, plane.height).filter(|grid| grid.len() > 0) {
            let image = match self.magnification {
                0.0 => plane.values,
                magnification => smooth.apply(plane, grid.bin as f64 / magnification),
            };
            let image = Plane { values: image, ..*plane };
            self.describe_grid(&image, &grid, &mut put);
        }
    }

    fn describe_grid(&self, image: &Plane<'_>, grid: &Grid, put: &mut impl FnMut(&[f32])) {
        let kernels = self.kernels(grid.bin);
        let margin = grid.bin - 1;
        let (width, height) = (image.width, image.height);
        // A ring buffer holds the gradients of the rows that one row of descriptors needs: row y is at y
        // modulo its length.
        let ring = ((BINS + 1) * grid.bin - 1).min(height);
        let mut rows = vec![vec![[0.0; 8]; width]; ring];
        let mut next = (grid.first[1].saturating_sub(margin)).min(height - 1);
        let mut spare = Vec::new();
        let mut bands: [Vec<Orientations>; BINS] =
            std::array::from_fn(|_| vec![[0.0; 8]; width + 2 * margin]);
        let mut out = vec![0.0; grid.count[0] * DESCRIPTOR];
        let mut norms = vec![0.0; grid.count[0]];
        // The contrast is VLFeat's measure: the norm, for kernels of height 1, divided by the number of
        // pixels between the centres of the outer bins.
        let area = ((BINS - 1) * grid.bin + 1).pow(2) as f32;
        for row in 0..grid.count[1] {
            let top = grid.first[1] + row * grid.step;
            let last = (top + (BINS - 1) * grid.bin + margin).min(height - 1);
            next = next.max(top.saturating_sub(margin));
            while next <= last {
                let (above, below) = (next.saturating_sub(1), (next + 1).min(height - 1));
                let dy = (below - above).max(1) as f32;
                gradients(
                    image.row(above),
                    image.row(next),
                    image.row(below),
                    dy,
                    &mut spare,
                    &mut rows[next % ring],
                );
                next += 1;
            }
            for (i, (band, kernel)) in bands.iter_mut().zip(&kernels).enumerate() {
                let centre = top + i * grid.bin;
                // Borders replicate the edge pixels.
                let of = |t: usize| &rows[(centre + t).saturating_sub(margin).min(height - 1) % ring];
                let taps: Vec<&[f32]> = (0..kernel.len()).map(|t| of(t).as_flattened()).collect();
                let inner = &mut band[margin..margin + width];
                blend(&taps, kernel, inner.as_flattened_mut());
                let (first, end) = (inner[0], inner[width - 1]);
                band[..margin].fill(first);
                band[margin + width..].fill(end);
            }
            let bands = bands.each_ref().map(|band| &band[grid.first[0]..]);
            describe(bands, &kernels, grid.step, &mut out, &mut norms);
            for (descriptor, norm) in out.chunks_exact_mut(DESCRIPTOR).zip(&norms) {
                if norm / area < self.contrast_threshold as f32 {
                    descriptor.fill(0.0);
                }
            }
            put(&out);
        }
    }

    /// The kernel of each bin along one axis: the triangle times the window.
    fn kernels(&self, bin: usize) -> [Vec<f32>; BINS] {
        let reach = bin as i64 - 1;
        let sigma = bin as f64 * self.window_size;
        std::array::from_fn(|i| {
            let centre = bin as f64 * (i as f64 - 1.5);
            let window = |x: i64| libm::exp(-0.5 * ((x as f64 + centre) / sigma).powi(2));
            let mean = (-reach..=reach).map(window).sum::<f64>() / (2 * reach + 1) as f64;
            let weight = |x: i64| match self.window {
                Window::Flat => mean,
                Window::Gaussian => window(x),
            };
            (-reach..=reach).map(|x| ((1.0 - x.abs() as f64 / bin as f64) * weight(x)) as f32).collect()
        })
    }
}

/// Smoothing by a Gaussian cut off at four standard deviations; borders replicate the edge pixels.
#[derive(Default)]
struct Smooth {
    rows: Vec<f32>,
    padded: Vec<f32>,
    out: Vec<f32>,
}

impl Smooth {
    /// The smoothed plane. Cost O(pixels sigma).
    fn apply(&mut self, plane: &Plane<'_>, sigma: f64) -> &[f32] {
        let reach = (4.0 * sigma).ceil() as usize;
        let kernel: Vec<f64> =
            (0..=2 * reach).map(|i| libm::exp(-0.5 * ((i as f64 - reach as f64) / sigma).powi(2))).collect();
        let sum: f64 = kernel.iter().sum();
        let kernel: Vec<f32> = kernel.iter().map(|k| (k / sum) as f32).collect();
        let (width, height) = (plane.width, plane.height);
        self.rows.resize(width, 0.0);
        self.padded.resize(width + 2 * reach, 0.0);
        self.out.resize(width * height, 0.0);
        for y in 0..height {
            let rows: Vec<&[f32]> =
                (0..kernel.len()).map(|t| plane.row((y + t).saturating_sub(reach).min(height - 1))).collect();
            blend(&rows, &kernel, &mut self.rows);
            self.padded[reach..reach + width].copy_from_slice(&self.rows);
            self.padded[..reach].fill(self.rows[0]);
            self.padded[reach + width..].fill(self.rows[width - 1]);
            let shifted: Vec<&[f32]> = (0..kernel.len()).map(|t| &self.padded[t..t + width]).collect();
            blend(&shifted, &kernel, &mut self.out[y * width..][..width]);
        }
        &self.out
    }
}
