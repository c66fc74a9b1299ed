//! Parts of an encoder that are given before it is fitted.

use crate::error::Error;
use crate::mixture::{GaussianMixture, Init};
use ndarray::Array2;

/// A part of an encoder that is given before it is fitted.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Given {
    /// The mixture of a Fisher vector, or of a codebook with soft assignment.
    Mixture(GaussianMixture),
    /// The centres of a codebook with hard assignment, shape (K, D).
    Centres(Array2<f64>),
    /// The start of the mixture's fit.
    Start(Init),
}

impl Given {
    /// The error of an encoder of that kind, which has no such part.
    pub(super) fn refused(&self, kind: &'static str) -> Error {
        Error::parameter("encoder", format!("one that takes {}", self.name()), kind)
    }

    /// The name of the part in errors.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Given::Mixture(_) => "a mixture",
            Given::Centres(_) => "centres",
            Given::Start(_) => "an initial mixture",
        }
    }
}
