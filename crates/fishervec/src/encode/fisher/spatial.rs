//! The spatial Fisher vector: where the descriptors of each component are (Krapac, Verbeek and Jurie 2011).
//!
//! With one location model for all components the mixture of descriptors x at locations l,
//!
//! p(x, l) = sum_k w_k N(x; mu_k, v_k) sum_c t_c N(l; m_c, S_c),
//!
//! is a diagonal mixture of K C components over D + L columns, whose posteriors are q_nk r_nc. So its statistics come from
//! the same pass as any other's, and hold those of the descriptors alone as sums over c.

use super::convention::Block;
use super::gradient::Coordinates;
use crate::encode::normalize::Part;
use crate::error::{Error, Result};
use crate::mixture::{GaussianMixture, Statistics};
use ndarray::{Array1, Array2, s};
use std::sync::Arc;

/// Numbers a parameter of the joint mixture may have: a gigabyte.
const MOST: usize = 1 << 27;

/// A location model beside the mixture of descriptors.
#[derive(Debug, Clone, PartialEq)]
pub struct Spatial {
    location: Arc<GaussianMixture>,
    joint: Arc<GaussianMixture>,
    dim: usize,
}

impl Spatial {
    /// `location`, C components over L columns, for each component of `mixture` over D.
    pub(crate) fn new(mixture: &GaussianMixture, location: Arc<GaussianMixture>) -> Result<Self> {
        let (k, c) = (mixture.n_components(), location.n_components());
        let (d, l) = (mixture.dim(), location.dim());
        // Two small mixtures can make a large one: a model file must not.
        let size = k.saturating_mul(c).saturating_mul(d + l);
        if size > MOST {
            let expected = format!("a joint mixture K C (D + L) of at most {MOST} numbers");
            return Err(Error::parameter("spatial", expected, size));
        }
        let both = |of_x: ndarray::ArrayView2<'_, f64>, of_l: ndarray::ArrayView2<'_, f64>| {
            Array2::from_shape_fn((k * c, d + l), |(i, j)| match j.checked_sub(d) {
                None => of_x[[i / c, j]],
                Some(j) => of_l[[i % c, j]],
            })
        };
        let weights = Array1::from_shape_fn(k * c, |i| mixture.weights()[i / c] * location.weights()[i % c]);
        let (means, covariances) =
            (both(mixture.means(), location.means()), both(mixture.covariances(), location.covariances()));
        let joint = Arc::new(GaussianMixture::new(weights, means, covariances)?);
        Ok(Spatial { location, joint, dim: d })
    }

    /// The location model: C components over L columns.
    #[must_use]
    pub fn location(&self) -> &GaussianMixture {
        &self.location
    }

    /// The same, shared.
    #[must_use]
    pub fn shared_location(&self) -> Arc<GaussianMixture> {
        self.location.clone()
    }

    /// The mixture of descriptors at locations, under which statistics are taken: K C components over D + L columns, number
    /// k C + c of weight w_k t_c.
    #[must_use]
    pub fn joint(&self) -> &GaussianMixture {
        &self.joint
    }

    /// The statistics of the descriptors alone, under `mixture`: sums over c. The log-likelihood and the largest posteriors stay
    /// those of descriptors at locations.
    pub(crate) fn marginal(&self, mixture: &GaussianMixture, joint: &Statistics) -> Statistics {
        let c = self.location.n_components();
        let mut out = Statistics::empty(mixture);
        (out.n, out.log_likelihood) = (joint.n, joint.log_likelihood);
        (out.largest, out.dropped) = (joint.largest, joint.dropped);
        for i in 0..joint.s0.len() {
            out.s0[i / c] += joint.s0[i];
            let mut z1 = out.z1.row_mut(i / c);
            z1 += &joint.z1.slice(s![i, ..self.dim]);
            let mut z2 = out.z2.row_mut(i / c);
            z2 += &joint.z2.slice(s![i, ..self.dim]);
        }
        out
    }

    /// The blocks from `start` on: t where C > 1, m, S.
    pub(crate) fn parts(&self, start: usize) -> Vec<Part> {
        let (c, l) = (self.location.n_components(), self.location.dim());
        let components = self.joint.n_components() / c;
        let widths = [(c > 1).then_some(c), Some(c * l), Some(c * l)];
        let parts = widths.into_iter().flatten().scan(start, |start, width| {
            let part = Part { start: *start, components, width };
            *start += part.len();
            Some(part)
        });
        parts.collect()
    }

    /// Writes the gradients of (1/N) log p(X, L) for the location model of each component to `parts` of `out`: with r the
    /// posterior of c,
    ///
    /// * t = softmax: (1/N) sum q r - (S0/N) t, under the closed form over sqrt(w t)
    /// * m and S: as the means and variances of a component of weight w t
    pub(crate) fn write(&self, form: &Coordinates, statistics: &Statistics, parts: &[Part], out: &mut [f64]) {
        let columns = self.dim..self.joint.dim();
        let (shares, places) = parts.split_at(parts.len() - 2);
        if let [part] = shares {
            self.shares(form, statistics, &mut out[part.range()]);
        }
        for (block, part) in [Block::Means, Block::Variances].into_iter().zip(places) {
            form.write(block, &self.joint, statistics, columns.clone(), &mut out[part.range()]);
        }
    }

    fn shares(&self, form: &Coordinates, statistics: &Statistics, out: &mut [f64]) {
        let n = if statistics.n > 0.0 { statistics.n } else { 1.0 };
        let t = self.location.weights();
        for (k, out) in out.chunks_exact_mut(t.len()).enumerate() {
            let range = k * t.len()..(k + 1) * t.len();
            let (s0, weights) = (&statistics.s0[range.clone()], self.joint.weights());
            let mass: f64 = s0.iter().sum();
            for (c, out) in out.iter_mut().enumerate() {
                *out = form.unit(Block::Weights, weights[range.start + c]) * (s0[c] - mass * t[c]) / n;
            }
        }
    }
}
