//! The bag of words, of the same statistics as the Fisher vector: alone, or beside a location model.

use super::codebook::Codebook;
use super::fisher::{
    Block, Coordinates, Empirical, Information, InformationFit, Scale, Scaling, Sign, Spatial,
};
use super::normalize::{Normalization, Part};
use super::output::check_out;
use crate::data::Source;
use crate::error::Result;
use crate::mixture::{GaussianMixture, Statistics, Workspace};
use crate::util::threads::Threads;
use std::sync::Arc;

/// What is made of the shares of a bag of words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BagOfWordsParams {
    /// The Fisher information; `None` is none, or the closed form where there is a location model.
    pub information: Option<Information>,
    /// Power and norm, applied last.
    pub normalization: Normalization,
}

impl Default for BagOfWordsParams {
    /// The signed root and L2: the Hellinger kernel's map.
    fn default() -> Self {
        BagOfWordsParams { information: None, normalization: Normalization::IMPROVED }
    }
}

/// The bag of words of a codebook: a set of n descriptors in, K numbers out, S0_k/N, the share of the descriptors that
/// belong to component k (over sqrt(w_k) under the closed form); then power and norm (Csurka et al. 2004). An empty set is the
/// zero vector.
///
/// With a location model ([`with_spatial`](Self::with_spatial)) the last L columns of a descriptor say where it is, and the
/// gradients for that model follow.
#[derive(Debug, Clone, PartialEq)]
pub struct BagOfWords {
    codebook: Codebook,
    params: BagOfWordsParams,
    unit: Scaling,
    spatial: Option<Spatial>,
    parts: Vec<Part>,
}

impl BagOfWords {
    /// The encoder of a codebook.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) for a power out of range.
    pub fn new(codebook: Codebook, params: BagOfWordsParams) -> Result<Self> {
        params.normalization.check()?;
        let unit = Scaling::new(params.information.unwrap_or(Information::None));
        let parts = vec![Part { start: 0, components: codebook.mixture.n_components(), width: 1 }];
        Ok(BagOfWords { codebook, params, unit, spatial: None, parts })
    }

    /// The encoder of descriptors whose last L columns say where they are, beside a location model of C components over these, as
    /// [`FisherVector::with_spatial`](crate::FisherVector::with_spatial). Where the assignment is hard, a descriptor belongs to
    /// its likeliest component of the location model alone, too.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) for a joint mixture of more than 2^27 numbers; those of
    /// [`GaussianMixture::new`]. Cost O(K C (D + L)), and that of encoding C times as much.
    pub fn with_spatial(self, location: impl Into<Arc<GaussianMixture>>) -> Result<Self> {
        let spatial = Spatial::new(&self.codebook.mixture, location.into())?;
        let shares = self.parts[0];
        let parts = std::iter::once(shares).chain(spatial.parts(shares.len())).collect();
        let unit = Scaling::new(self.params.information.unwrap_or(Information::ClosedForm));
        Ok(BagOfWords { spatial: Some(spatial), parts, unit, ..self })
    }

    /// The location model.
    #[must_use]
    pub fn spatial(&self) -> Option<&Spatial> {
        self.spatial.as_ref()
    }

    /// The codebook.
    #[must_use]
    pub fn codebook(&self) -> &Codebook {
        &self.codebook
    }

    /// The choices it was made with.
    #[must_use]
    pub fn params(&self) -> BagOfWordsParams {
        self.params
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

    /// The encoder with a given empirical information.
    ///
    /// # Errors
    /// As [`FisherVector::with_empirical`](crate::FisherVector::with_empirical).
    pub fn with_empirical(self, empirical: Empirical) -> Result<Self> {
        let len = self.len();
        Ok(BagOfWords { unit: self.unit.with(empirical, len)?, ..self })
    }

    /// The mixture statistics are taken under: the codebook's, or the joint one of a location model.
    #[must_use]
    pub fn statistics_mixture(&self) -> &GaussianMixture {
        self.spatial.as_ref().map_or(&self.codebook.mixture, Spatial::joint)
    }

    /// D, the columns of the descriptors it takes; those of their place included.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.statistics_mixture().dim()
    }

    /// P, the length of an encoding: K, and K (2 L C) more with a location model, and K C where C > 1.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "an encoding is never empty")]
    pub fn len(&self) -> usize {
        self.parts.iter().map(Part::len).sum()
    }

    /// Encodes statistics taken under this encoder's mixture (see [`statistics_mixture`](Self::statistics_mixture)) into `out`,
    /// shape (P,).
    ///
    /// # Errors
    /// As [`Vlad::encode_statistics`](crate::Vlad::encode_statistics). Cost O(P).
    pub fn encode_statistics(&self, statistics: &Statistics, out: &mut [f64]) -> Result<()> {
        statistics.check(self.statistics_mixture().id())?;
        check_out(self.len(), out.len())?;
        self.gradient(statistics, out);
        self.unit.finish(statistics.n(), self.params.normalization, &self.parts, out)
    }

    pub(crate) fn add_information(&self, fit: &mut InformationFit, statistics: &Statistics) -> Result<()> {
        statistics.check(self.statistics_mixture().id())?;
        fit.add(statistics.n(), |raw| self.gradient(statistics, raw))
    }

    /// The shares and the gradients for the location model, before empirical information, power and norm.
    fn gradient(&self, statistics: &Statistics, out: &mut [f64]) {
        let form = Coordinates {
            information: self.unit.information,
            sign: Sign::StandardDeviation,
            scale: Scale::Gradient,
        };
        let n = if statistics.n() > 0.0 { statistics.n() } else { 1.0 };
        let c = self.spatial.as_ref().map_or(1, |spatial| spatial.location().n_components());
        for (k, mass) in statistics.s0.chunks_exact(c).enumerate() {
            let unit = form.unit(Block::Weights, self.codebook.mixture.weights()[k]);
            out[k] = unit * mass.iter().sum::<f64>() / n;
        }
        if let Some(spatial) = &self.spatial {
            spatial.write(&form, statistics, &self.parts[1..], out);
        }
    }

    pub(crate) fn accumulate<S: Source>(
        &self,
        source: &S,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Statistics> {
        self.statistics_mixture().accumulate(source, self.codebook.kept(), threads, workspace)
    }
}
