//! The Fisher vector: the gradient of a mixture's log-likelihood, in comparable units, normalised.

use super::convention::{Convention, Gradients};
use super::empirical::{Empirical, InformationFit, Scaling};
use super::gradient::Coordinates;
use super::information::Information;
use super::spatial::Spatial;
use crate::data::Source;
use crate::encode::normalize::{Normalization, Part};
use crate::encode::output::check_out;
use crate::error::Result;
use crate::mixture::{GaussianMixture, Statistics, Workspace, check_threshold};
use crate::util::threads::Threads;
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
/// With a location model ([`with_spatial`](Self::with_spatial)) the last L columns of a descriptor say where it is, and the
/// gradients for that model follow: K (2 L C) numbers, and K C where C > 1.
///
/// An empty set is the zero vector under every choice.
#[derive(Debug, Clone, PartialEq)]
pub struct FisherVector {
    mixture: Arc<GaussianMixture>,
    params: FisherParams,
    gradients: Gradients,
    unit: Scaling,
    spatial: Option<Spatial>,
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
        Ok(FisherVector { mixture, params, gradients, unit: Scaling::new(information), spatial: None, parts })
    }

    /// The encoder of descriptors whose last L columns say where they are (x and y, time, frequency), beside a location model of C
    /// components over these: the spatial Fisher vector of Krapac, Verbeek and Jurie 2011. With r the posterior of component c
    /// of the location model, and the closed form, component k has for each c
    ///
    /// * G_t = sum_n q r / (N sqrt(w t)) - S0 t / (N sqrt(w t)), where C > 1
    /// * G_m = sum_n q r u / (N sqrt(w t)), u = (l - m)/sqrt(S)
    /// * G_S = sum_n q r (u^2 - 1) / (N sqrt(2 w t))
    ///
    /// after the other blocks. An information that was learned is learned anew.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a joint mixture of more than 2^27 numbers; those of [`GaussianMixture::new`].
    /// Cost O(K C (D + L)), and that of encoding C times as much.
    pub fn with_spatial(mut self, location: impl Into<Arc<GaussianMixture>>) -> Result<Self> {
        self.parts.truncate(self.gradients.blocks().len());
        let spatial = Spatial::new(&self.mixture, location.into())?;
        self.parts.extend(spatial.parts(self.len()));
        self.unit.empirical = None;
        Ok(FisherVector { spatial: Some(spatial), ..self })
    }

    /// The location model.
    #[must_use]
    pub fn spatial(&self) -> Option<&Spatial> {
        self.spatial.as_ref()
    }

    /// The mixture statistics are taken under: the [`mixture`](Self::mixture), or the joint one of a location model.
    #[must_use]
    pub fn statistics_mixture(&self) -> &GaussianMixture {
        self.spatial.as_ref().map_or(&self.mixture, Spatial::joint)
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
        self.unit.information
    }

    /// The empirical information, where one was asked for and has been fitted.
    #[must_use]
    pub fn empirical(&self) -> Option<&Empirical> {
        self.unit.empirical.as_ref()
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
        statistics.check(self.statistics_mixture().id())?;
        fit.add(statistics.n(), |raw| self.gradient(statistics, raw))
    }

    /// The encoder with the empirical information that was fitted.
    ///
    /// # Errors
    /// [`Error::TooFewRows`] below 1 training set, or 2 for the centred form. Cost O(P).
    pub fn with_information(self, fit: InformationFit) -> Result<Self> {
        let empirical = fit.finish(self.information())?;
        self.with_empirical(empirical)
    }

    /// The encoder with a given empirical information.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless this encoder's information is an empirical one, [`Error::Dimension`]
    /// unless it has P numbers.
    pub fn with_empirical(self, empirical: Empirical) -> Result<Self> {
        let len = self.len();
        Ok(FisherVector { unit: self.unit.with(empirical, len)?, ..self })
    }

    /// D, the columns of the descriptors it takes; those of their place included.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.statistics_mixture().dim()
    }

    /// P, the length of an encoding.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "an encoding is never empty")]
    pub fn len(&self) -> usize {
        self.parts.iter().map(Part::len).sum()
    }

    /// Encodes statistics taken under this encoder's mixture (see [`statistics_mixture`](Self::statistics_mixture)) into
    /// `out`, shape (P,). No pass over the data: many encodings come from the same statistics. An empty set gives zeros.
    ///
    /// # Errors
    /// [`Error::MixtureMismatch`] for statistics of another mixture, [`Error::Dimension`] unless `out` has P
    /// numbers, [`Error::Overflow`] for an entry beyond `f64`. Cost O(P).
    pub fn encode_statistics(&self, statistics: &Statistics, out: &mut [f64]) -> Result<()> {
        statistics.check(self.statistics_mixture().id())?;
        check_out(self.len(), out.len())?;
        self.gradient(statistics, out);
        self.unit.finish(statistics.n(), self.params.normalization, &self.parts, out)
    }

    /// The blocks of the gradient, before empirical information, power and norm.
    fn gradient(&self, statistics: &Statistics, out: &mut [f64]) {
        let Convention { sign, scale, .. } = self.params.convention;
        let form = Coordinates { information: self.unit.information, sign, scale };
        let marginal = self.spatial.as_ref().map(|spatial| spatial.marginal(&self.mixture, statistics));
        let (of_x, of_l) = self.parts.split_at(self.gradients.blocks().len());
        for (block, part) in self.gradients.blocks().iter().zip(of_x) {
            let statistics = marginal.as_ref().unwrap_or(statistics);
            form.write(*block, &self.mixture, statistics, 0..self.mixture.dim(), &mut out[part.range()]);
        }
        if let Some(spatial) = &self.spatial {
            spatial.write(&form, statistics, of_l, out);
        }
    }

    pub(crate) fn accumulate<S: Source>(
        &self,
        source: &S,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Statistics> {
        self.statistics_mixture().accumulate(source, self.params.threshold, threads, workspace)
    }
}
