//! From statistics to the blocks of the gradient.

use super::convention::{Block, Scale, Sign};
use super::information::Information;
use crate::mixture::{GaussianMixture, Linear, Statistics};
use crate::simd::Isa;
use crate::simd::vector::{Op, Simd};
use std::ops::Range;

/// The coordinates of a gradient; see the fields of the same names in [`Convention`](super::Convention).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Coordinates {
    pub(crate) information: Information,
    pub(crate) sign: Sign,
    pub(crate) scale: Scale,
}

impl Coordinates {
    /// The factor of a block of a component of weight `w`; 0 for a component that is never used.
    pub(crate) fn factor(&self, block: Block, w: f64) -> f64 {
        match (self.information, block) {
            _ if w == 0.0 => 0.0,
            (Information::ClosedForm, Block::Variances) => 1.0 / (2.0 * w).sqrt(),
            (Information::ClosedForm, _) => 1.0 / w.sqrt(),
            _ => 1.0,
        }
    }

    /// Writes one block of the gradient of (1/N) log p(X), for some columns of the mixture, to `out`,
    /// row-major.
    ///
    /// With a = S0/N - w, b = Z1/N and c = (Z2 - S0)/N, that is A, B/sigma and C/v, the closed form is
    /// G_alpha = a/sqrt(w), G_mu = b/sqrt(w), G_sigma = c/sqrt(2 w). An empty set, and a component of
    /// weight 0, have gradient 0.
    pub(crate) fn write(
        &self,
        block: Block,
        mixture: &GaussianMixture,
        statistics: &Statistics,
        columns: Range<usize>,
        out: &mut [f64],
    ) {
        let coordinates = self;
        Isa::active().run(Write { coordinates, block, mixture, statistics, columns, out });
    }

    /// Multiplies each entry by the factor of its variance; that of the most common gradients, 1, is left
    /// out.
    #[inline(always)]
    fn multiply(&self, v: &[f64], factor: impl Fn(&Self, f64) -> f64, out: &mut [f64]) {
        let plain = self.information == Information::ClosedForm && self.sign == Sign::StandardDeviation;
        if !plain {
            out.iter_mut().zip(v).for_each(|(out, v)| *out *= factor(self, *v));
        }
    }

    /// Adds c . block, as a function of the statistics of `n` descriptors, to `to`: component k of `mixture`
    /// stands for `each` components there.
    pub(crate) fn carry_back(
        &self,
        block: Block,
        (mixture, each): (&GaussianMixture, usize),
        n: f64,
        columns: Range<usize>,
        c: &[f64],
        to: &mut Linear,
    ) {
        let per_component = if block == Block::Weights { 1 } else { columns.len() };
        for (k, c) in c.chunks_exact(per_component).enumerate() {
            let w = mixture.weights()[k];
            if n <= 0.0 || w == 0.0 {
                continue;
            }
            let (of_k, scale) = (k * each..(k + 1) * each, self.factor(block, w) / n);
            let entries = columns.clone().zip(c).map(|(j, c)| (j, mixture.covariances()[[k, j]], scale * c));
            match block {
                Block::Weights => {
                    to.add_mass(of_k.clone(), scale * c[0]);
                    to.add_constant(of_k.start, None, -w * scale * c[0]);
                }
                Block::Means => {
                    entries
                        .for_each(|(j, v, c)| to.add(of_k.clone(), j, [0.0, c * self.mean_factor(v), 0.0]));
                }
                Block::Variances => entries.for_each(|(j, v, c)| {
                    let c = c * self.variance_factor(v);
                    to.add(of_k.clone(), j, [-c, 0.0, c]);
                }),
            }
        }
    }

    /// The factor of Z1/N: sigma for B, 1/sigma for the gradient B/v, 1 under the closed form.
    #[inline(always)]
    fn mean_factor(&self, v: f64) -> f64 {
        match (self.information, self.scale) {
            (Information::ClosedForm, _) => 1.0,
            (_, Scale::Gradient) => 1.0 / v.sqrt(),
            (_, Scale::Moment) => v.sqrt(),
        }
    }

    /// The factor of (Z2 - S0)/N = C/v.
    #[inline(always)]
    fn variance_factor(&self, v: f64) -> f64 {
        match (self.information, self.scale, self.sign) {
            (Information::ClosedForm, _, Sign::StandardDeviation) => 1.0,
            (Information::ClosedForm, _, Sign::Precision) => -1.0,
            (_, Scale::Gradient, Sign::StandardDeviation) => 1.0 / v.sqrt(),
            (_, Scale::Gradient, Sign::Precision) => -0.5 * v,
            (_, Scale::Moment, Sign::StandardDeviation) => v,
            (_, Scale::Moment, Sign::Precision) => -v,
        }
    }
}

/// One block of the gradient; see [`Coordinates::write`].
struct Write<'a> {
    coordinates: &'a Coordinates,
    block: Block,
    mixture: &'a GaussianMixture,
    statistics: &'a Statistics,
    columns: Range<usize>,
    out: &'a mut [f64],
}

impl Op for Write<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Write { coordinates, block, mixture, statistics, columns, out } = self;
        let n = statistics.n();
        let width = if block == Block::Weights { 1 } else { columns.len() };
        let (d, v) = (mixture.dim(), mixture.covariances());
        let (Some(z1), Some(z2), Some(v)) =
            (statistics.z1.as_slice(), statistics.z2.as_slice(), v.as_slice())
        else {
            unreachable!("statistics and mixtures are always in standard layout");
        };
        for (k, out) in out.chunks_exact_mut(width).enumerate() {
            let w = mixture.weights()[k];
            if n <= 0.0 || w == 0.0 {
                out.fill(0.0);
                continue;
            }
            let (factor, s0) = (coordinates.factor(block, w), statistics.s0[k]);
            let (scale, of) = (factor / n, k * d + columns.start..k * d + columns.end);
            match block {
                Block::Weights => out.fill(factor * (s0 / n - w)),
                Block::Means => {
                    out.iter_mut().zip(&z1[of.clone()]).for_each(|(out, z1)| *out = scale * z1);
                    coordinates.multiply(&v[of], Coordinates::mean_factor, out);
                }
                Block::Variances => {
                    out.iter_mut().zip(&z2[of.clone()]).for_each(|(out, z2)| *out = scale * (z2 - s0));
                    coordinates.multiply(&v[of], Coordinates::variance_factor, out);
                }
            }
        }
    }
}
