//! Codebooks, and VLAD: an encoder that is a function of the same statistics as the Fisher vector.
//!
//! A codebook with hard assignment is a mixture of equal weights and one common variance at threshold 1, one with soft
//! assignment any mixture. Then the residuals of a component sum up to sigma Z1, and its descriptors to S0.

use super::codebook::{Assignment, Codebook};
use super::normalize::{Norm, Normalization, Part};
use super::output::{check_out, finite};
use crate::data::{RowBuffer, Source};
use crate::error::{Error, Result};
use crate::mixture::{GaussianMixture, Statistics, Workspace};
use crate::util::threads::Threads;

/// What is made of the residuals of a VLAD.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VladParams {
    /// Divide each component by the number of its descriptors (VLFeat's `NormalizeMass`).
    pub mass: bool,
    /// Give each residual the norm 1 before it is summed (Delhumeau et al. 2013); for a hard assignment.
    pub residual: bool,
    /// Power, then norm: with 0.5 and `intra+l2` VLFeat's `SquareRoot` and `NormalizeComponents`, in its order.
    pub normalization: Normalization,
}

impl Default for VladParams {
    /// The signed root, each component's norm, the norm of all.
    fn default() -> Self {
        let normalization = Normalization { power: 0.5, norm: Norm::IntraL2 };
        VladParams { mass: false, residual: false, normalization }
    }
}

/// The vector of locally aggregated descriptors of a codebook: a set of n descriptors in, K D numbers out,
///
/// v_k = sum_n q_nk (x_n - c_k),
///
/// divided by sum_n q_nk where `mass` is asked for; then power and norm (Jegou, Douze, Schmid and Perez 2010). An empty set is
/// the zero vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Vlad {
    codebook: Codebook,
    params: VladParams,
}

impl Vlad {
    /// The encoder of a codebook.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a power out of range, and for `residual` with a soft assignment or with `mass`.
    pub fn new(codebook: Codebook, params: VladParams) -> Result<Self> {
        params.normalization.check()?;
        if params.residual && codebook.assignment == Assignment::Soft {
            return Err(Error::parameter("residual", "false with a soft assignment", true));
        }
        if params.residual && params.mass {
            return Err(Error::parameter("residual", "false with mass", true));
        }
        Ok(Vlad { codebook, params })
    }

    /// The codebook.
    #[must_use]
    pub fn codebook(&self) -> &Codebook {
        &self.codebook
    }

    /// The choices it was made with.
    #[must_use]
    pub fn params(&self) -> VladParams {
        self.params
    }

    /// D, the columns of the descriptors it takes.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.codebook.mixture.dim()
    }

    /// K D, the length of an encoding.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "an encoding is never empty")]
    pub fn len(&self) -> usize {
        self.codebook.centres().len()
    }

    /// Encodes statistics taken under the codebook's mixture into `out`, shape (K D,).
    ///
    /// # Errors
    /// [`Error::MixtureMismatch`] for statistics of another mixture, [`Error::Dimension`] unless `out` has K D
    /// numbers, [`Error::Overflow`] for an entry beyond `f64`. Cost O(K D).
    pub fn encode_statistics(&self, statistics: &Statistics, out: &mut [f64]) -> Result<()> {
        statistics.check(self.codebook.mixture.id())?;
        check_out(self.len(), out.len())?;
        let (k, width) = self.codebook.centres().dim();
        for (c, out) in out.chunks_exact_mut(width).enumerate() {
            let mass = statistics.s0()[c];
            let divisor = if self.params.mass && mass > 0.0 { mass } else { 1.0 };
            let variances = self.codebook.mixture.covariances();
            for (out, (z, v)) in out.iter_mut().zip(statistics.z1.row(c).into_iter().zip(variances.row(c))) {
                *out = z * v.sqrt() / divisor;
            }
        }
        finite(out, out)?;
        self.params.normalization.apply(&[Part { start: 0, components: k, width }], out);
        Ok(())
    }

    pub(crate) fn accumulate<S: Source>(
        &self,
        source: &S,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Statistics> {
        if !self.params.residual {
            return self.codebook.accumulate(source, threads, workspace);
        }
        let weights = inverse_distances(&self.codebook.mixture, source, threads)?;
        self.codebook.accumulate(&Reweighted { source, weights }, threads, workspace)
    }
}

/// One over the distance of each row to its nearest centre, times the row's weight; 0 for a row on a centre, whose
/// residual is 0 anyway. Cost O(n K D).
fn inverse_distances<S: Source>(
    mixture: &GaussianMixture,
    source: &S,
    threads: &Threads,
) -> Result<Vec<f64>> {
    let distances = mixture.distances(source, threads)?;
    let invert = |distance: f64| if distance > 0.0 { 1.0 / distance } else { 0.0 };
    let weight = |n: usize| source.weights().map_or(1.0, |weights| weights[n]);
    Ok(distances.into_iter().enumerate().map(|(n, distance)| weight(n) * invert(distance)).collect())
}

/// A source with other weights.
struct Reweighted<'a, S> {
    source: &'a S,
    weights: Vec<f64>,
}

impl<S: Source> Source for Reweighted<'_, S> {
    type Real = S::Real;

    fn n_rows(&self) -> usize {
        self.source.n_rows()
    }

    fn dim(&self) -> usize {
        self.source.dim()
    }

    fn read(&self, start: usize, out: &mut [S::Real], spare: &mut RowBuffer<S::Real>) -> Result<()> {
        self.source.read(start, out, spare)
    }

    fn weights(&self) -> Option<&[f64]> {
        Some(&self.weights)
    }
}
