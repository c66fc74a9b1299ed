//! From rows to posteriors and statistics: the only folder with `unsafe`, SIMD and matrix products.
//!
//! A block of rows goes through five steps: *pack* (shift and scale to the mixture's own centre), *score* (one
//! product gives every log-density up to rounding), *mark* (components near a row's best), all three a panel of
//! sixteen rows at a time (`screen.rs`); then, over the block, which stays in the second-level
//! cache (`block.rs`), *re-score* (the marked pairs again, directly from z = (x - mu)/sigma) and *accumulate* (S0,
//! sum q z, sum q z^2).
//!
//! The product only selects, with a margin that covers its rounding errors; every number that leaves comes from the
//! re-scoring. So cancellation in `[x | x^2]` cannot hurt, and there is never an N x K matrix.

mod block;
mod distance;
mod gemm;
mod lanes;
mod level;
mod projection;
mod real;
#[cfg(test)]
mod reference;
mod screen;

pub(crate) use block::{Scratch, Sums};
pub(crate) use distance::lower_to_distance;
pub(crate) use gemm::multiply;
pub use level::Level;
pub(crate) use projection::Projections;
pub use real::Real;
pub(crate) use real::machine::Kernels;

use ndarray::{ArrayView1, ArrayView2};

/// Lanes a vector loop works on at once; rows in the kernel are padded to a multiple of it.
const LANES: usize = 8;

/// A mixture as the block steps read it, in `F`.
///
/// With the mixture's own mean c and standard deviation s, y = (x - c)/s; then z_k = y r_k - t_k for the
/// slope r = s/sigma and the intercept t = (mu - c)/sigma, and
/// log w_k N(x; mu_k, sigma_k^2) = level_k - |z_k|^2 / 2 + offset.
pub struct Kernel<F> {
    /// Components, columns, and columns padded to a multiple of the lanes.
    k: usize,
    d: usize,
    stride: usize,
    centre: Vec<F>,
    inverse_scale: Vec<F>,
    slope: Vec<F>,
    intercept: Vec<F>,
    /// log w_k + sum_d log r_kd, shifted so that the largest is 0; minus infinity where w_k = 0.
    level: Vec<F>,
    offset: f64,
    /// The matrix whose product with `[y | y^2]` (or `[y]`) gives the scores, laid out as `screen` reads it.
    product: Vec<F>,
    /// Its columns: 2 stride, or stride where all components share their covariances, since
    /// then the quadratic part is the same for all and selects nothing.
    depth: usize,
    /// What the product lacks, less and plus the component's part of the rounding error: see [`screen`].
    lower: Vec<F>,
    upper: Vec<F>,
    /// The row's part, relative to its distance from the mixture.
    growth: F,
    /// r^2/2 where all components share their covariances, else empty.
    half_square: Vec<F>,
}

impl<F: Real> Kernel<F> {
    /// Prepares a valid mixture. Cost O(K D).
    pub(crate) fn new(
        weights: ArrayView1<'_, f64>,
        means: ArrayView2<'_, f64>,
        covariances: ArrayView2<'_, f64>,
    ) -> Self {
        let (k, d) = means.dim();
        let stride = d.next_multiple_of(LANES);
        let shared = covariances.outer_iter().all(|v| v == covariances.row(0));
        let depth = if shared { stride } else { 2 * stride };
        let growth = (depth + 8) as f64 * F::UNIT_ROUNDOFF;
        let mut kernel = Kernel {
            k,
            d,
            stride,
            centre: vec![F::ZERO; stride],
            inverse_scale: vec![F::ZERO; stride],
            slope: vec![F::ZERO; k * stride],
            intercept: vec![F::ZERO; k * stride],
            level: Vec::with_capacity(k),
            offset: 0.0,
            product: vec![F::ZERO; k * depth],
            depth,
            lower: Vec::with_capacity(k),
            upper: Vec::with_capacity(k),
            growth: F::from_f64(growth),
            half_square: vec![F::ZERO; if shared { stride } else { 0 }],
        };
        // Rounded to F first, so that the transform done in F is exactly the one assumed here.
        let (centre, scale) = centre_and_scale::<F>(weights, means, covariances);
        for j in 0..d {
            kernel.centre[j] = F::from_f64(centre[j]);
            kernel.inverse_scale[j] = F::from_f64(1.0 / scale[j]);
        }
        let inverse: Vec<f64> = kernel.inverse_scale[..d].iter().map(|s| s.to_f64()).collect();
        let mut levels = Vec::with_capacity(k);
        let mut halves = Vec::with_capacity(k);
        let (mut tile, mut of_tile) = (0, screen::tile_of(k));
        for c in 0..k {
            if c == tile + of_tile {
                (tile, of_tile) = (c, screen::tile_of(k - c));
            }
            let product = |column: usize| tile * depth + column * of_tile + c - tile;
            let (mut level, mut half) = (libm::log(weights[c]), 0.0);
            for j in 0..d {
                let sigma = covariances[[c, j]].sqrt();
                let r = 1.0 / (inverse[j] * sigma);
                let t = (means[[c, j]] - centre[j]) / sigma;
                kernel.slope[c * stride + j] = F::from_f64(r);
                kernel.intercept[c * stride + j] = F::from_f64(t);
                kernel.product[product(j)] = F::from_f64(t * r);
                if shared {
                    kernel.half_square[j] = F::from_f64(0.5 * r * r);
                } else {
                    kernel.product[product(stride + j)] = F::from_f64(-0.5 * r * r);
                }
                level += libm::log(r);
                half += 0.5 * t * t;
            }
            levels.push(level);
            halves.push(half);
        }
        let top = levels.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let jacobian: f64 = inverse.iter().map(|s| libm::log(*s)).sum();
        kernel.offset = top + jacobian - 0.5 * d as f64 * libm::log(std::f64::consts::TAU);
        for (level, half) in levels.iter().zip(&halves) {
            let (level, constant) = (level - top, level - top - half);
            // Slightly more than the bound, for the rounding of the bound itself.
            let error = if level.is_finite() { 1.01 * growth * (7.0 * half - level) } else { 0.0 };
            kernel.level.push(F::from_f64(level));
            kernel.lower.push(F::from_f64(constant - error));
            kernel.upper.push(F::from_f64(constant + error));
        }
        kernel
    }

    /// Rows a block holds: as many as keep it in the second-level cache, and enough that what is done once a
    /// block and component does not count.
    pub(crate) fn block_rows(&self) -> usize {
        (131_072 / self.stride).clamp(64, 1024).next_multiple_of(screen::PANEL)
    }
}

/// Mean and standard deviation of the whole mixture, per dimension, rounded to `F`.
fn centre_and_scale<F: Real>(
    weights: ArrayView1<'_, f64>,
    means: ArrayView2<'_, f64>,
    covariances: ArrayView2<'_, f64>,
) -> (Vec<f64>, Vec<f64>) {
    let round = |x: f64| F::from_f64(x).to_f64();
    let centre: Vec<f64> = means.columns().into_iter().map(|mu| round((&weights * &mu).sum())).collect();
    let scale = (0..means.ncols())
        .map(|j| {
            let spread = &means.column(j) - centre[j];
            let variance = (&weights * &(&covariances.column(j) + &(&spread * &spread))).sum();
            variance.sqrt()
        })
        .collect();
    (centre, scale)
}

/// Whether every number is finite. Cost O(n).
pub(crate) fn all_finite<F: Real>(values: &[F]) -> bool {
    let (blocks, rest) = values.as_chunks::<LANES>();
    let mut poison = [F::ZERO; LANES];
    for block in blocks {
        for (p, x) in poison.iter_mut().zip(block) {
            *p += *x * F::ZERO;
        }
    }
    poison.iter().all(|p| *p == F::ZERO) && rest.iter().all(|x| *x * F::ZERO == F::ZERO)
}
