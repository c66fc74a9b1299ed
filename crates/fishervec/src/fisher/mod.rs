//! The Fisher vector: the gradient of a mixture's log-likelihood, in comparable units, normalised.

mod convention;
mod empirical;
mod information;

pub use convention::{Block, Convention, Gradients, Scale, Sign};
pub use empirical::{Empirical, InformationFit};
pub use information::Information;

use crate::descriptors::Source;
use crate::error::{Error, Result};
use crate::kernel::{Real, all_finite};
use crate::mixture::{GaussianMixture, Statistics, Workspace, check_threshold};
use crate::normalize::{Normalization, Part};
use crate::parallel::Threads;
use information::Form;
use std::sync::Arc;

/// How a mixture's gradient becomes a vector.
#[derive(Debug, Clone, PartialEq)]
pub struct FisherParams {
    /// Sets the defaults of the next two, and sign and unit.
    pub convention: Convention,
    /// Blocks and their order; `None` is the convention's.
    pub gradients: Option<Gradients>,
    /// Fisher information; `None` is the convention's.
    pub information: Option<Information>,
    /// Power and norm, applied last.
    pub normalization: Normalization,
    /// Posterior threshold; `None` is [`Real::THRESHOLD`] of the descriptors' type.
    pub threshold: Option<f64>,
}

impl Default for FisherParams {
    /// Sanchez's convention, power 0.5 and L2: the improved Fisher vector.
    fn default() -> Self {
        FisherParams {
            convention: Convention::SANCHEZ,
            gradients: None,
            information: None,
            normalization: Normalization::IMPROVED,
            threshold: None,
        }
    }
}

/// The Fisher-vector encoder of a mixture: a set of n descriptors in, a vector of length P out, where
/// P = K + 2 K D with all three blocks.
///
/// With the posteriors q and z = (x - mu)/sigma, and Sanchez's convention (Sanchez et al. 2013,
/// Eqs. 16 to 18, divided by N):
///
/// * G_alpha_k = (S0_k/N - w_k) / sqrt(w_k)
/// * G_mu_k = sum_n q_nk z_nk / (N sqrt(w_k))
/// * G_sigma_k = sum_n q_nk (z_nk^2 - 1) / (N sqrt(2 w_k))
///
/// An empty set is the zero vector under every choice.
#[derive(Debug, Clone, PartialEq)]
pub struct FisherVector {
    mixture: Arc<GaussianMixture>,
    params: FisherParams,
    gradients: Gradients,
    information: Information,
    empirical: Option<Empirical>,
    parts: Vec<Part>,
}

impl FisherVector {
    /// The encoder of `mixture`, its own or shared, with the given choices.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a power or threshold out of range. Cost O(P).
    pub fn new(mixture: impl Into<Arc<GaussianMixture>>, params: FisherParams) -> Result<Self> {
        let mixture = mixture.into();
        params.normalization.check()?;
        check_threshold::<f64>(params.threshold)?;
        let gradients = params.gradients.clone();
        let gradients = gradients.map_or_else(|| Gradients::new(params.convention.gradients), Ok)?;
        let information = params.information.unwrap_or(params.convention.information);
        let (k, d) = (mixture.n_components(), mixture.dim());
        let mut parts = Vec::new();
        let mut start = 0;
        for block in gradients.blocks() {
            parts.push(Part { start, components: k, width: block.len(k, d) / k });
            start += block.len(k, d);
        }
        Ok(FisherVector { mixture, params, gradients, information, empirical: None, parts })
    }

    /// The mixture.
    #[must_use]
    pub fn mixture(&self) -> &GaussianMixture {
        &self.mixture
    }

    /// The mixture, shared with this encoder: another encoder made of it prepares nothing again.
    #[must_use]
    pub fn shared_mixture(&self) -> Arc<GaussianMixture> {
        self.mixture.clone()
    }

    /// The choices it was made with.
    #[must_use]
    pub fn params(&self) -> &FisherParams {
        &self.params
    }

    /// The blocks it writes, in order.
    #[must_use]
    pub fn gradients(&self) -> &Gradients {
        &self.gradients
    }

    /// The Fisher information it applies.
    #[must_use]
    pub fn information(&self) -> Information {
        self.information
    }

    /// The empirical information, where one was asked for and has been fitted.
    #[must_use]
    pub fn empirical(&self) -> Option<&Empirical> {
        self.empirical.as_ref()
    }

    /// Starts fitting the empirical information: give it the statistics of training sets by
    /// [`add_information`](Self::add_information), then finish by
    /// [`with_information`](Self::with_information).
    #[must_use]
    pub fn information_fit(&self) -> InformationFit {
        InformationFit::new(self.len())
    }

    /// Adds one training set, by its statistics, to a fit of the empirical information. An empty set does not
    /// count.
    ///
    /// # Errors
    /// As [`encode_statistics`](Self::encode_statistics). Cost O(P).
    pub fn add_information(&self, fit: &mut InformationFit, statistics: &Statistics) -> Result<()> {
        statistics.check(self.mixture.id())?;
        if statistics.n() > 0.0 {
            let mut raw = vec![0.0; self.len()];
            self.gradient(statistics, &mut raw);
            finite(&raw, &raw)?;
            fit.add(&raw);
        }
        Ok(())
    }

    /// The encoder with the empirical information that was fitted.
    ///
    /// # Errors
    /// [`Error::TooFewRows`] below 1 training set, or 2 for the centred form. Cost O(P).
    pub fn with_information(self, fit: InformationFit) -> Result<Self> {
        let empirical = fit.finish(self.information)?;
        self.with_empirical(empirical)
    }

    /// The encoder with a given empirical information.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless this encoder's information is an empirical one, [`Error::Dimension`]
    /// unless it has P numbers.
    pub fn with_empirical(self, empirical: Empirical) -> Result<Self> {
        if !self.information.is_empirical() {
            return Err(Error::parameter("information", "empirical or empirical-centred", self.information));
        }
        check_out(self.len(), empirical.scale.len())?;
        Ok(FisherVector { empirical: Some(empirical), ..self })
    }

    /// D, the columns of the descriptors it takes.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.mixture.dim()
    }

    /// P, the length of an encoding.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "an encoding is never empty")]
    pub fn len(&self) -> usize {
        self.parts.iter().map(Part::len).sum()
    }

    /// Encodes statistics taken under this encoder's mixture into `out`, shape (P,). No pass over the data:
    /// many encodings come from the same statistics. An empty set gives zeros.
    ///
    /// # Errors
    /// [`Error::MixtureMismatch`] for statistics of another mixture, [`Error::Dimension`] unless `out` has P
    /// numbers, [`Error::Overflow`] for an entry beyond `f64`. Cost O(P).
    pub fn encode_statistics(&self, statistics: &Statistics, out: &mut [f64]) -> Result<()> {
        statistics.check(self.mixture.id())?;
        check_out(self.len(), out.len())?;
        if self.information.is_empirical() && self.empirical.is_none() {
            let expected = "a fit on training sets before encoding";
            return Err(Error::parameter("information", expected, self.information));
        }
        self.gradient(statistics, out);
        if let (Some(empirical), true) = (&self.empirical, statistics.n() > 0.0) {
            empirical.apply(out);
        }
        finite(out, out)?;
        self.params.normalization.apply(&self.parts, out);
        finite(out, out)
    }

    /// The blocks of the gradient, before empirical information, power and norm.
    fn gradient(&self, statistics: &Statistics, out: &mut [f64]) {
        let Convention { sign, scale, .. } = self.params.convention;
        let form = Form { information: self.information, sign, scale };
        for (block, part) in self.gradients.blocks().iter().zip(&self.parts) {
            form.write(*block, &self.mixture, statistics, &mut out[part.range()]);
        }
    }

    pub(crate) fn accumulate<S: Source>(
        &self,
        source: &S,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Statistics> {
        self.mixture.accumulate(source, self.params.threshold, threads, workspace)
    }
}

pub(crate) fn check_out(expected: usize, got: usize) -> Result<()> {
    if expected == got { Ok(()) } else { Err(Error::Dimension { what: "the output", expected, got }) }
}

/// Rounds a finished encoding to the descriptors' float type.
pub(crate) fn write_out<F: Real>(vector: &[f64], out: &mut [F]) -> Result<()> {
    out.iter_mut().zip(vector).for_each(|(out, x)| *out = F::from_f64(*x));
    finite(out, vector)
}

/// Checks that every entry is finite; `exact` is what they were rounded from, for the error.
pub(crate) fn finite<F: Real>(vector: &[F], exact: &[f64]) -> Result<()> {
    if all_finite(vector) {
        return Ok(());
    }
    let index = vector.iter().position(|x| !x.to_f64().is_finite()).unwrap_or(0);
    Err(Error::Overflow { index, float: F::NAME, value: exact[index] })
}
