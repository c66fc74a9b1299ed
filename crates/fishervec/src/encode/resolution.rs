//! What the statistics of a set resolve of a component: a norm of 1 must not be made of rounding noise.
//!
//! The vector of a set must be the same in both float types, so the resolution is that of `f32` for both.
//!
//! *Rounding.* With the machine epsilon e of `f32`, z = (x - mu)/sigma is off by a few e (|z| + |t|), where t
//! is the distance of mu from the centre of the mixture in standard deviations; the relative error of a
//! posterior is about e |z|^2 ~ e D, and the sums add a few e. Means and variances come from sums in `f64` of
//! many rows, in any order: these are off by g = 2^-42 |mu|/sigma. By the inequality of Cauchy and Schwarz,
//! with size = Z2 + S0 (1 + t^2), rounding alone changes a sum by at most
//!
//! * Z1: c sqrt(S0 size) + g S0
//! * Z2 - S0: c size + 2 g sqrt(S0 size)
//! * S0 - N w: c (S0 + N w), with c = (64 + D) e.
//!
//! A component with no entry beyond these bounds is noise: residuals that cancel, as those of a K-means or a
//! mixture of one component do on the rows it was fitted to. An entry above a hundredth of its scale never
//! is.
//!
//! *Posteriors.* Below a threshold T a posterior is dropped, so that a component may lack the mass T N; for
//! `f32` T is 1e-7. A share S0/N of less than T says nothing; from 100 T on, at most a hundredth of it is
//! missing. A component counts fully from there on, not at all below T, and in between with the square of its
//! way from T to 100 T, so that no vector jumps. This holds for what is proportional to the share alone: the
//! gradient with respect to a weight, S0/N - w, is as exact at a share of 0 as at any other. Beside it, the
//! other gradients are multiplied by that square, before a power or an information raises them. Shares are
//! exact under a hard assignment, and under a threshold of the user's of at least T.

use crate::mixture::{GaussianMixture, Statistics};
use crate::simd::Real;
use ndarray::Array1;
use std::cell::OnceCell;
use std::ops::Range;

/// The largest threshold whose dropped posteriors a share may lack.
const UNRESOLVED: f64 = f32::THRESHOLD;
/// The share from which on a component counts fully, in such thresholds.
const FULL: f64 = 100.0;
/// 2^-42: the rounding of means and variances that sums of many rows in `f64` are.
const OF_PARAMETERS: f64 = 1024.0 * f64::EPSILON;
/// An entry above this fraction of its own scale is never noise; so most components are settled at a glance.
const PLAIN: f64 = 1e-2;

/// How much a component of that mass of `n` descriptors counts, from 0 to 1, under that posterior threshold.
pub(super) fn of_share(mass: f64, n: f64, threshold: Option<f64>) -> f64 {
    if threshold.is_some_and(|threshold| threshold >= UNRESOLVED) {
        return 1.0;
    }
    let share = if n > 0.0 { mass / n } else { 0.0 };
    ((share / UNRESOLVED - 1.0) / (FULL - 1.0)).clamp(0.0, 1.0).powi(2)
}

/// The statistics of a set, seen against their rounding.
pub(super) struct Rounding<'a> {
    mixture: &'a GaussianMixture,
    statistics: &'a Statistics,
    /// c.
    tolerance: f64,
    /// The mean of the mixture; few sets need it.
    centre: OnceCell<Array1<f64>>,
}

/// How far an entry is from zero, and the two parts of its bound: a scale to be multiplied by c, and an
/// offset.
struct Entry {
    value: f64,
    scale: f64,
    offset: f64,
}

impl<'a> Rounding<'a> {
    /// `statistics` under `mixture`.
    pub(super) fn new(mixture: &'a GaussianMixture, statistics: &'a Statistics) -> Self {
        let tolerance = (64 + mixture.dim()) as f64 * f64::from(f32::EPSILON);
        Rounding { mixture, statistics, tolerance, centre: OnceCell::new() }
    }

    /// Whether no entry of Z1 of component `k` in those columns is beyond rounding.
    pub(super) fn hides_mean(&self, k: usize, columns: Range<usize>) -> bool {
        let s0 = self.mass(k);
        self.hides(k, columns, &|j, size, g| Entry {
            value: self.statistics.z1[[k, j]],
            scale: (s0 * size).sqrt(),
            offset: g * s0,
        })
    }

    /// Whether no entry of Z2 - S0 of component `k` in those columns is beyond rounding.
    pub(super) fn hides_variance(&self, k: usize, columns: Range<usize>) -> bool {
        let s0 = self.mass(k);
        self.hides(k, columns, &|j, size, g| Entry {
            value: self.statistics.z2[[k, j]] - self.statistics.s0[k],
            scale: size,
            offset: 2.0 * g * (s0 * size).sqrt(),
        })
    }

    /// Whether no entry of mu S0 + sigma Z1 of component `k` is beyond rounding.
    pub(super) fn hides_sum(&self, k: usize) -> bool {
        let (mu, v) = (self.mixture.means(), self.mixture.covariances());
        let s0 = self.mass(k);
        self.hides(k, 0..self.mixture.dim(), &|j, size, g| {
            let (mean, sigma) = (mu[[k, j]] * s0, v[[k, j]].sqrt());
            Entry {
                value: mean + sigma * self.statistics.z1[[k, j]],
                scale: mean.abs() + sigma * (s0 * size).sqrt(),
                offset: sigma * g * s0,
            }
        })
    }

    /// Whether the difference of two masses is within rounding.
    pub(super) fn hides_difference(&self, a: f64, b: f64) -> bool {
        (a - b).abs() <= self.tolerance * (a.abs() + b.abs())
    }

    /// Whether each of the columns is within its bound; `entry` computes it from the column, size and g.
    fn hides(&self, k: usize, columns: Range<usize>, entry: &dyn Fn(usize, f64, f64) -> Entry) -> bool {
        let s0 = self.mass(k);
        let size = |j: usize, t: f64| self.statistics.z2[[k, j]].max(0.0) + s0 * (1.0 + t * t);
        let plain = |j: usize| {
            let Entry { value, scale, .. } = entry(j, size(j, 0.0), 0.0);
            value.abs() <= PLAIN * scale
        };
        let within = |j: usize| {
            let (t, g) = self.distance(k, j);
            let Entry { value, scale, offset } = entry(j, size(j, t), g);
            value.abs() <= self.tolerance * scale + offset
        };
        // A component without mass needs no bound: its entries are zero.
        columns.clone().all(plain) && (s0 == 0.0 || columns.clone().all(within))
    }

    fn mass(&self, k: usize) -> f64 {
        self.statistics.s0[k].max(0.0)
    }

    /// t and g.
    fn distance(&self, k: usize, j: usize) -> (f64, f64) {
        let (mu, sigma) = (self.mixture.means()[[k, j]], self.mixture.covariances()[[k, j]].sqrt());
        let centre = self.centre.get_or_init(|| self.mixture.weights().dot(&self.mixture.means()));
        ((mu - centre[j]) / sigma, OF_PARAMETERS * mu.abs() / sigma)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_counts_from_the_threshold_on_and_fully_from_a_hundred_of_them() {
        for (share, expected) in [(0.0, 0.0), (1e-7, 0.0), (1e-5, 1.0), (0.3, 1.0), (5.05e-6, 0.25)] {
            assert!((of_share(2.0 * share, 2.0, None) - expected).abs() < 1e-12, "{share}");
            assert_eq!(of_share(share, 1.0, Some(0.0)), of_share(share, 1.0, None));
            assert_eq!(of_share(share, 1.0, Some(1e-3)), 1.0);
        }
        assert_eq!((of_share(-1e-20, 1.0, None), of_share(0.0, 0.0, None)), (0.0, 0.0));
    }
}
