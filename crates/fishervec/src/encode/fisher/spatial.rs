//! The spatial Fisher vector, which models the positions of the descriptors of each component (Krapac,
//! Verbeek and Jurie 2011).
//!
//! With one location model for all components, the mixture of descriptors x at positions l,
//!
//! p(x, l) = sum_k w_k N(x; mu_k, v_k) sum_c t_c N(l; m_c, S_c),
//!
//! is a diagonal mixture of K C components over D + L columns, with posteriors q_nk r_nc. Its statistics
//! therefore come from the same pass as those of any mixture, and those of the descriptors alone are their
//! sums over c.

use super::convention::Block;
use super::gradient::Coordinates;
use crate::encode::contributions::VectorBlock;
use crate::encode::normalize::Segment;
use crate::encode::resolution::Rounding;
use crate::error::{Error, Result};
use crate::mixture::{GaussianMixture, Linear, Statistics};
use ndarray::{Array1, Array2, s};
use serde_json::{Map, Value};

/// The maximum number of values of a parameter of the joint mixture: a gigabyte.
const MAX_SIZE: usize = 1 << 27;

/// A location model combined with the mixture of descriptors.
#[derive(Debug, Clone, PartialEq)]
pub struct Spatial {
    location: GaussianMixture,
    joint: GaussianMixture,
    dim: usize,
}

impl Spatial {
    /// Combines `location`, C components over L columns, with each component of `mixture` over D columns.
    pub(crate) fn new(mixture: &GaussianMixture, location: GaussianMixture) -> Result<Self> {
        let (k, c) = (mixture.n_components(), location.n_components());
        let (d, l) = (mixture.dim(), location.dim());
        // Two small mixtures can make a very large one, which a model file must not be able to request.
        let size = k.saturating_mul(c).saturating_mul(d + l);
        if size > MAX_SIZE {
            let expected = format!("a joint mixture K C (D + L) of at most {MAX_SIZE} numbers");
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
        let joint = GaussianMixture::new(weights, means, covariances)?;
        Ok(Spatial { location, joint, dim: d })
    }

    /// The location model: C components over L columns.
    #[must_use]
    pub fn location(&self) -> &GaussianMixture {
        &self.location
    }

    /// The joint mixture of descriptors and positions, under which statistics are accumulated: K C components
    /// over D + L columns; component k C + c has weight w_k t_c.
    #[must_use]
    pub fn joint(&self) -> &GaussianMixture {
        &self.joint
    }

    /// The statistics of the descriptors alone, under `mixture`: sums over c. The log-likelihood and the
    /// largest posteriors stay those of the joint mixture.
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

    /// Removes the setting `spatial` of a model file, and returns whether the file has a location model.
    ///
    /// # Errors
    /// [`Error::Format`] if it is not a boolean.
    pub(crate) fn take_setting(settings: &mut Map<String, Value>) -> Result<bool> {
        match settings.remove("spatial") {
            None => Ok(false),
            Some(Value::Bool(spatial)) => Ok(spatial),
            Some(other) => {
                Err(Error::format("model", format!("settings: spatial must be true or false, got {other}")))
            }
        }
    }

    /// The segments of the blocks of t (if C > 1), m and S, from `start` on.
    pub(crate) fn segments(&self, start: usize) -> Vec<Segment> {
        let (c, l) = (self.location.n_components(), self.location.dim());
        let components = self.joint.n_components() / c;
        let widths = [(c > 1).then_some(c), Some(c * l), Some(c * l)];
        let segments = widths.into_iter().flatten().scan(start, |start, width| {
            let segment = Segment { start: *start, components, width };
            *start += segment.len();
            Some(segment)
        });
        segments.collect()
    }

    /// Writes the gradients of (1/N) log p(X, L) with respect to the location model of each component to
    /// `segments` of `out`. With r the posterior of c they are,
    ///
    /// * for t, a softmax: (1/N) sum q r - (S0/N) t, divided by sqrt(w t) under the closed form
    /// * for m and S: those of the means and variances of a component of weight w t
    pub(crate) fn write(
        &self,
        coordinates: &Coordinates,
        statistics: &Statistics,
        segments: &[Segment],
        out: &mut [f64],
    ) {
        let columns = self.dim..self.joint.dim();
        let (shares, others) = segments.split_at(segments.len() - 2);
        if let [segment] = shares {
            self.shares(coordinates, statistics, &mut out[segment.range()]);
        }
        for (block, segment) in [Block::Means, Block::Variances].into_iter().zip(others) {
            coordinates.write(block, &self.joint, statistics, columns.clone(), &mut out[segment.range()]);
        }
    }

    /// The blocks that [`write`](Self::write) computes.
    pub(crate) fn blocks(&self, segments: &[Segment]) -> Vec<VectorBlock> {
        let columns = self.dim..self.joint.dim();
        let kinds = [
            ("location weights", 0..0),
            ("location means", columns.clone()),
            ("location variances", columns),
        ];
        let kinds = kinds.into_iter().skip(3 - segments.len());
        kinds.zip(segments).map(|((name, columns), of)| VectorBlock::new(name, of.range(), columns)).collect()
    }

    /// Adds c times what [`write`](Self::write) computes, as a function of the statistics, to `to`.
    pub(crate) fn carry_back(
        &self,
        coordinates: &Coordinates,
        n: f64,
        segments: &[Segment],
        c: &[f64],
        to: &mut Linear,
    ) {
        let columns = self.dim..self.joint.dim();
        let (shares, others) = segments.split_at(segments.len() - 2);
        if let ([segment], true) = (shares, n > 0.0) {
            let t = self.location.weights();
            for (i, c) in c[segment.range()].iter().enumerate() {
                let (k, of) = (i / t.len(), i % t.len());
                let c = c * coordinates.factor(Block::Weights, self.joint.weights()[i]) / n;
                to.add_mass(i..i + 1, c);
                to.add_mass(k * t.len()..(k + 1) * t.len(), -t[of] * c);
            }
        }
        for (block, segment) in [Block::Means, Block::Variances].into_iter().zip(others) {
            coordinates.carry_back(block, (&self.joint, 1), n, columns.clone(), &c[segment.range()], to);
        }
    }

    /// Whether the gradients of component `k` that [`write`](Self::write) computes are rounding noise.
    pub(in crate::encode) fn is_noise(
        &self,
        rounding: &Rounding<'_>,
        statistics: &Statistics,
        k: usize,
    ) -> bool {
        let (t, columns) = (self.location.weights(), self.dim..self.joint.dim());
        let of = k * t.len()..(k + 1) * t.len();
        let mass: f64 = statistics.s0[of.clone()].iter().sum();
        of.zip(t).all(|(c, t)| {
            rounding.hides_difference(statistics.s0[c], mass * t)
                && rounding.hides_mean(c, columns.clone())
                && rounding.hides_variance(c, columns.clone())
        })
    }

    fn shares(&self, coordinates: &Coordinates, statistics: &Statistics, out: &mut [f64]) {
        let n = if statistics.n > 0.0 { statistics.n } else { 1.0 };
        let t = self.location.weights();
        for (k, out) in out.chunks_exact_mut(t.len()).enumerate() {
            let range = k * t.len()..(k + 1) * t.len();
            let (s0, weights) = (&statistics.s0[range.clone()], self.joint.weights());
            let mass: f64 = s0.iter().sum();
            for (c, out) in out.iter_mut().enumerate() {
                *out =
                    coordinates.factor(Block::Weights, weights[range.start + c]) * (s0[c] - mass * t[c]) / n;
            }
        }
    }
}
