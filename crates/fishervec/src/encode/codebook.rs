//! Codebooks: centres, and how descriptors are assigned to them.
//!
//! A codebook with hard assignment is a mixture of equal weights and one common variance at threshold 1, one with
//! soft assignment any mixture.

use crate::data::Source;
use crate::error::Result;
use crate::mixture::{GaussianMixture, Statistics, Workspace, check_threshold, codebook};
use crate::util::threads::Threads;
use ndarray::{Array2, ArrayView2};
use std::sync::Arc;

crate::util::string_enum::string_enum! {
    /// How a descriptor counts for the components of a codebook.
    pub enum Assignment as "assignment" {
        /// 1 for the nearest centre, 0 for the others.
        Hard = "hard",
        /// Its posterior under a mixture.
        Soft = "soft",
    }
}

/// K centres in D columns, and how descriptors are assigned to them.
#[derive(Debug, Clone, PartialEq)]
pub struct Codebook {
    pub(crate) mixture: Arc<GaussianMixture>,
    pub(crate) assignment: Assignment,
    threshold: Option<f64>,
}

impl Codebook {
    /// The codebook of `centres`, shape (K, D), to the nearest of which a descriptor is assigned.
    ///
    /// # Errors
    /// [`Error::Parameter`] for no centres, or centres that are not finite. Cost O(K D).
    pub fn hard(centres: Array2<f64>) -> Result<Self> {
        let spread = centres.var_axis(ndarray::Axis(0), 0.0).sum() / centres.ncols().max(1) as f64;
        // Any variance gives the same assignment; this one keeps numbers near 1.
        let variance = if spread.is_normal() { spread } else { 1.0 };
        let mixture = Arc::new(codebook(&centres, variance)?);
        Ok(Codebook { mixture, assignment: Assignment::Hard, threshold: None })
    }

    /// The codebook of a mixture's means, to which descriptors belong by their posteriors; `threshold` as in
    /// [`GaussianMixture::accumulate`].
    ///
    /// # Errors
    /// [`Error::Parameter`] for a threshold outside [0, 1].
    pub fn soft(mixture: impl Into<Arc<GaussianMixture>>, threshold: Option<f64>) -> Result<Self> {
        check_threshold::<f64>(threshold)?;
        Ok(Codebook { mixture: mixture.into(), assignment: Assignment::Soft, threshold })
    }

    /// The centres, shape (K, D).
    #[must_use]
    pub fn centres(&self) -> ArrayView2<'_, f64> {
        self.mixture.means()
    }

    /// The mixture: of equal weights and one variance where the assignment is hard.
    #[must_use]
    pub fn mixture(&self) -> &GaussianMixture {
        &self.mixture
    }

    /// How descriptors are assigned.
    #[must_use]
    pub fn assignment(&self) -> Assignment {
        self.assignment
    }

    /// The posterior threshold of a soft assignment, as it was given.
    #[must_use]
    pub fn threshold(&self) -> Option<f64> {
        self.threshold
    }

    /// Below which part of its row's largest a posterior is dropped.
    pub(crate) fn kept(&self) -> Option<f64> {
        match self.assignment {
            Assignment::Hard => Some(1.0),
            Assignment::Soft => self.threshold,
        }
    }

    pub(crate) fn accumulate<S: Source>(
        &self,
        source: &S,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Statistics> {
        self.mixture.accumulate(source, self.kept(), threads, workspace)
    }
}
