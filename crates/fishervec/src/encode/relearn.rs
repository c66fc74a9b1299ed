//! An encoder whose mixture or centres are replaced by better ones.

use super::bow::BagOfWords;
use super::codebook::{CodebookParams, LearnCodebook};
use super::encode::{Encode, Kind};
use super::encoder::{Encoder, EncoderParams};
use super::fisher::{FisherParams, FisherVector, Spatial};
use super::h2t::H2T;
use super::vlad::Vlad;
use crate::error::{Error, Result};
use crate::mixture::{GaussianMixture, GaussianMixtureParams};
use crate::util::learn::Learn;

impl EncoderParams {
    /// The settings of the mixture that is fitted; `None` where none is.
    pub(crate) fn mixture(&self) -> Option<&GaussianMixtureParams> {
        fn of_codebook(codebook: &LearnCodebook) -> Option<&GaussianMixtureParams> {
            match codebook {
                Learn::Fit(CodebookParams::Soft(mixture)) => Some(mixture),
                _ => None,
            }
        }
        match self {
            EncoderParams::Fisher(FisherParams { mixture: Learn::Fit(mixture), .. }) => Some(mixture),
            EncoderParams::Fisher(_) | EncoderParams::Pooling(_) => None,
            EncoderParams::Vlad(params) => of_codebook(&params.codebook),
            EncoderParams::BagOfWords(params) => of_codebook(&params.codebook),
            EncoderParams::H2T(params) => of_codebook(&params.codebook),
        }
    }
}

impl Encoder {
    /// The same encoder with `mixture` in place of its own; of a codebook with hard assignment, with its
    /// means as the centres. A location model is kept. An empirical information is discarded and must be
    /// learned again.
    ///
    /// # Errors
    /// [`Error::Parameter`] for an encoder without a mixture, [`Error::Dimension`] for a mixture of another
    /// shape. Cost O(P).
    pub fn with_mixture(&self, mixture: GaussianMixture) -> Result<Self> {
        let Some(own) = self.mixture() else {
            return Err(Error::parameter("encoder", "one with a mixture or a codebook", self.kind()));
        };
        let components = ("components of the mixture", own.n_components(), mixture.n_components());
        for (what, expected, got) in [components, ("columns of the mixture", own.dim(), mixture.dim())] {
            if expected != got {
                return Err(Error::Dimension { what, expected, got });
            }
        }
        let encoder: Encoder = match (self, self.codebook().map(|own| own.with_mixture(mixture.clone()))) {
            (Encoder::Fisher(fisher), _) => {
                FisherVector::with_params(mixture, fisher.params().clone())?.into()
            }
            (Encoder::Vlad(vlad), Some(codebook)) => {
                Vlad::with_params(codebook?, vlad.params().clone())?.into()
            }
            (Encoder::BagOfWords(bag), Some(codebook)) => {
                BagOfWords::with_params(codebook?, bag.params().clone())?.into()
            }
            (Encoder::H2T(h2t), Some(codebook)) => H2T::with_params(codebook?, h2t.params().clone())?.into(),
            _ => unreachable!("an encoder with a mixture has a codebook, or is a Fisher vector"),
        };
        match self.spatial().map(Spatial::location) {
            Some(location) => encoder.with_spatial(location.clone()),
            None => Ok(encoder),
        }
    }
}
