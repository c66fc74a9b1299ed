//! From rows to posteriors and statistics: the only folder with `unsafe`, SIMD and matrix products.
//!
//! A block of rows goes through five steps: *pack* (shift and scale to the mixture's own centre), *score* (one
//! product of 16-bit integers gives every log-density up to rounding), *mark* (components near a row's best), all three
//! a panel of 32 rows at a time (`screen.rs`); then, over the block, which stays in the second-level
//! cache (`block.rs`), *re-score* (the marked pairs again, directly from z = (x - mu)/sigma) and *accumulate* (S0,
//! sum q z, sum q z^2).
//!
//! The product only selects, with a margin that covers its rounding errors; every number that leaves comes from the
//! re-scoring. So neither cancellation in `[x | x^2]` nor the coarseness of 16 bits can hurt, and there is never an
//! N x K matrix.

mod block;
pub(crate) mod dense;
mod distance;
mod gemm;
mod integers;
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
    /// What the screening needs.
    weights: screen::Weights,
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
        // Rounded to F first, so that the transform done in F is exactly the one assumed here.
        let (centre, scale) = centre_and_scale::<F>(weights, means, covariances);
        let inverse: Vec<f64> = scale.iter().map(|s| round::<F>(1.0 / s)).collect();
        let (mut slope, mut intercept) = (vec![0.0; k * stride], vec![0.0; k * stride]);
        let mut levels = Vec::with_capacity(k);
        for c in 0..k {
            let mut level = libm::log(weights[c]);
            for j in 0..d {
                let sigma = covariances[[c, j]].sqrt();
                let r = 1.0 / (inverse[j] * sigma);
                (slope[c * stride + j], intercept[c * stride + j]) = (r, (means[[c, j]] - centre[j]) / sigma);
                level += libm::log(r);
            }
            levels.push(level);
        }
        let top = levels.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        levels.iter_mut().for_each(|level| *level -= top);
        let jacobian: f64 = inverse.iter().map(|s| libm::log(*s)).sum();
        let shared = covariances.outer_iter().all(|v| v == covariances.row(0));
        let padded = |of: &[f64]| {
            let mut row = vec![F::ZERO; stride];
            row.iter_mut().zip(of).for_each(|(to, x)| *to = F::from_f64(*x));
            row
        };
        Kernel {
            k,
            d,
            stride,
            centre: padded(&centre),
            inverse_scale: padded(&inverse),
            weights: screen::Weights::new(&levels, &slope, &intercept, shared),
            slope: slope.into_iter().map(F::from_f64).collect(),
            intercept: intercept.into_iter().map(F::from_f64).collect(),
            level: levels.into_iter().map(F::from_f64).collect(),
            offset: top + jacobian - 0.5 * d as f64 * libm::log(std::f64::consts::TAU),
        }
    }

    /// Rows a block holds: as many as keep it in the second-level cache, and enough that what is done once a
    /// block and component does not count.
    pub(crate) fn block_rows(&self) -> usize {
        (131_072 / self.stride).clamp(64, 1024).next_multiple_of(screen::PANEL)
    }
}

/// The nearest number of type `F`.
fn round<F: Real>(x: f64) -> f64 {
    F::from_f64(x).to_f64()
}

/// Mean and standard deviation of the whole mixture, per dimension, rounded to `F`.
fn centre_and_scale<F: Real>(
    weights: ArrayView1<'_, f64>,
    means: ArrayView2<'_, f64>,
    covariances: ArrayView2<'_, f64>,
) -> (Vec<f64>, Vec<f64>) {
    let centre: Vec<f64> = means.columns().into_iter().map(|mu| round::<F>((&weights * &mu).sum())).collect();
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
