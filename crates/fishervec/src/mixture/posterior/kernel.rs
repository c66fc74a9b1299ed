//! A mixture as the block steps read it.

use super::weights::Weights;
use crate::simd::int16::PANEL;
use crate::simd::{LANES, Real, pick};
use ndarray::{ArrayView1, ArrayView2};
use once_cell::race::OnceBox;

/// A mixture as the block steps read it, in `F`.
///
/// With the mixture's own mean c and standard deviation s, y = (x - c)/s; then z_k = y r_k - t_k for the
/// slope r = s/sigma and the intercept t = (mu - c)/sigma, and
/// log w_k N(x; mu_k, sigma_k^2) = log_weight_k - |z_k|^2 / 2 + offset.
pub(crate) struct Kernel<F> {
    /// Components, columns, and columns padded to a multiple of eight.
    pub(super) k: usize,
    pub(super) d: usize,
    pub(super) stride: usize,
    pub(super) centre: Vec<F>,
    pub(super) inverse_scale: Vec<F>,
    pub(super) slope: Vec<F>,
    pub(super) intercept: Vec<F>,
    /// log w_k + sum_d log r_kd, shifted so that the largest is 0; minus infinity where w_k = 0.
    pub(super) log_weight: Vec<F>,
    pub(super) offset: f64,
    /// The components as the screening reads them.
    pub(super) weights: Weights,
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
        let mut log_weights = Vec::with_capacity(k);
        for c in 0..k {
            let mut log_weight = libm::log(weights[c]);
            for j in 0..d {
                let sigma = covariances[[c, j]].sqrt();
                let r = 1.0 / (inverse[j] * sigma);
                (slope[c * stride + j], intercept[c * stride + j]) = (r, (means[[c, j]] - centre[j]) / sigma);
                log_weight += libm::log(r);
            }
            log_weights.push(log_weight);
        }
        let top = log_weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        log_weights.iter_mut().for_each(|log_weight| *log_weight -= top);
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
            weights: Weights::new(&log_weights, &slope, &intercept, shared),
            slope: slope.into_iter().map(F::from_f64).collect(),
            intercept: intercept.into_iter().map(F::from_f64).collect(),
            log_weight: log_weights.into_iter().map(F::from_f64).collect(),
            offset: top + jacobian - 0.5 * d as f64 * libm::log(std::f64::consts::TAU),
        }
    }

    /// Rows per block: few enough that the block stays in the second-level cache, and enough that the work
    /// per block and component is negligible.
    pub(crate) fn block_rows(&self) -> usize {
        let most = 4096 / size_of::<F>();
        (128 * most / self.stride).clamp(64, most).next_multiple_of(PANEL)
    }
}

/// The kernels of one mixture, one per float type, each built when it is first used. It has no lock, so a
/// fork at any moment leaves the child a usable value.
#[derive(Default)]
pub(crate) struct Kernels {
    single: OnceBox<Kernel<f32>>,
    double: OnceBox<Kernel<f64>>,
}

impl Kernels {
    /// The kernel of `F`, built by `build` if there is none yet.
    pub(crate) fn get<F: Real>(&self, build: impl FnOnce() -> Kernel<F>) -> &Kernel<F> {
        pick::<OnceBox<Kernel<F>>>(&self.single, &self.double).get_or_init(|| Box::new(build()))
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
