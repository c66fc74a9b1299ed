//! The centres of k-means: their settings, the mixture that assigns rows to them, and their means.

use super::gaussian::GaussianMixture;
use super::statistics::Statistics;
use crate::error::{Error, Result};
use crate::util::setters::setters;
use ndarray::{Array1, Array2, Axis};
use serde::{Deserialize, Serialize};

/// Settings of a k-means fit; the names are scikit-learn's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KMeansParams {
    /// The number of clusters K.
    pub n_clusters: usize,
    /// The maximum number of Lloyd iterations; 0 keeps the seeds unchanged.
    pub max_iter: usize,
    /// The fit stops once an iteration lowers the inertia by less than this fraction.
    pub tol: f64,
    /// The seed of the k-means++ draws.
    pub seed: u64,
}

impl Default for KMeansParams {
    fn default() -> Self {
        KMeansParams { n_clusters: 8, max_iter: 100, tol: 1e-4, seed: 0 }
    }
}

/// A fitted codebook: K centres.
#[derive(Debug, Clone)]
pub struct KMeans {
    /// The centres, shape (K, D).
    pub centres: Array2<f64>,
    /// The sum of squared distances of the rows to their centres, before the last update of the centres.
    pub inertia: f64,
    /// The number of Lloyd iterations run.
    pub n_iter: usize,
    /// Whether the inertia converged within `tol` before `max_iter`.
    pub converged: bool,
}

setters! { KMeansParams {
    /// Sets the maximum number of Lloyd iterations.
    max_iter: usize,
    /// Sets the fraction of the inertia below which an iteration ends the fit.
    tol: f64,
    /// Sets the seed of the k-means++ draws.
    seed: u64,
} }

impl KMeans {
    /// Settings to fit `n_clusters` centres with; all others are the defaults.
    #[must_use]
    pub fn builder(n_clusters: usize) -> KMeansParams {
        KMeansParams { n_clusters, ..KMeansParams::default() }
    }
}

impl KMeansParams {
    /// Checks that each setting is in its range.
    ///
    /// # Errors
    /// [`Error::Parameter`] with the first that is not.
    pub fn check(&self) -> Result<()> {
        match self.n_clusters {
            0 => Err(Error::parameter("n_clusters", "at least 1", 0)),
            _ => Ok(()),
        }
    }
}

/// The mixture whose hard posteriors are assignments to the nearest centre: equal weights, one common
/// variance.
pub(crate) fn codebook(centres: &Array2<f64>, variance: f64) -> Result<GaussianMixture> {
    let (k, d) = centres.dim();
    let weights = Array1::from_elem(k, 1.0 / k as f64);
    GaussianMixture::new(weights, centres.clone(), Array2::from_elem((k, d), variance))
}

/// The mean of the rows of each component, mu + sigma Z1/S0; mu where it has no rows.
pub(super) fn means(mixture: &GaussianMixture, statistics: &Statistics) -> Array2<f64> {
    let mass = statistics.s0().mapv(|s0| if s0 > 0.0 { s0 } else { 1.0 });
    &mixture.means() + mixture.covariances().sqrt() * &statistics.z1 / mass.insert_axis(Axis(1))
}
