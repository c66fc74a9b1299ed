//! Settings of a mixture fit.

use super::gaussian::{GaussianMixture, check_threshold};
use crate::error::{Error, Result};
use crate::simd::Real;

/// Settings of a mixture fit; the names are scikit-learn's.
#[derive(Debug, Clone, PartialEq)]
pub struct GaussianMixtureParams {
    /// Number of components K.
    pub n_components: usize,
    /// Converged once an iteration changes the mean log-likelihood by less than this, in nats.
    pub tol: f64,
    /// Most iterations.
    pub max_iter: usize,
    /// Smallest variance, relative to the variance of all rows in the same dimension (a dimension that
    /// does not vary counts with the mean variance of the others). Does not depend on units.
    pub variance_floor: f64,
    /// Added to every variance, in the descriptors' unit squared.
    pub reg_covar: f64,
    /// Posterior threshold of the expectation step; `None` is [`Real::THRESHOLD`].
    pub threshold: Option<f64>,
    /// Where to start.
    pub init: Init,
    /// Starts to try, with the seeds `seed`, `seed + 1`, ...; the fit of the largest likelihood is kept. A
    /// given start is tried once.
    pub n_init: usize,
    /// Seed of the start.
    pub seed: u64,
}

impl Default for GaussianMixtureParams {
    fn default() -> Self {
        GaussianMixtureParams {
            n_components: 64,
            tol: 1e-3,
            max_iter: 100,
            variance_floor: 1e-3,
            reg_covar: 0.0,
            threshold: None,
            init: Init::KMeans,
            n_init: 1,
            seed: 0,
        }
    }
}

impl GaussianMixtureParams {
    pub(super) fn check<F: Real>(&self) -> Result<()> {
        let at_least_zero = |name: &'static str, x: f64| {
            if x.is_finite() && x >= 0.0 {
                return Ok(());
            }
            Err(Error::parameter(name, "a finite number of at least 0", x))
        };
        let at_least_one = |name: &'static str, n: usize| {
            if n >= 1 { Ok(()) } else { Err(Error::parameter(name, "at least 1", n)) }
        };
        at_least_one("n_components", self.n_components)?;
        at_least_one("max_iter", self.max_iter)?;
        at_least_one("n_init", self.n_init)?;
        at_least_zero("tol", self.tol)?;
        at_least_zero("variance_floor", self.variance_floor)?;
        at_least_zero("reg_covar", self.reg_covar)?;
        check_threshold::<F>(self.threshold).map(|_| ())
    }
}

/// Where a fit starts.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Init {
    /// k-means++ and a few Lloyd iterations on a sample of up to 256 rows a component; each cluster's
    /// share, mean and variance are its component's.
    #[default]
    KMeans,
    /// The same without the Lloyd iterations.
    PlusPlus,
    /// K rows drawn at random are the means; equal weights, and the variances of all rows.
    RandomRows,
    /// The given mixture: a warm start, or a start of one's own.
    Given(GaussianMixture),
    /// The mixture of an earlier fit on the same rows, and that fit's last lower bound: what the first
    /// iteration gains can then settle it.
    Continued(GaussianMixture, f64),
}

impl Init {
    /// The mixture to start from, if it is known before any row is looked at.
    pub(super) fn given(&self) -> Option<&GaussianMixture> {
        match self {
            Init::Given(mixture) | Init::Continued(mixture, _) => Some(mixture),
            _ => None,
        }
    }
}
