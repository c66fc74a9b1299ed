//! Settings of a mixture fit.

use super::gaussian::{GaussianMixture, check_threshold};
use crate::error::{Error, Result};
use crate::util::json::from_text;
use crate::util::setters::setters;
use crate::util::string_enum::string_enum;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Settings of a mixture fit; the names are scikit-learn's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GaussianMixtureParams {
    /// The number of components K.
    pub n_components: usize,
    /// The fit has converged once an iteration changes the mean log-likelihood by less than this, in nats.
    pub tol: f64,
    /// The maximum number of EM iterations.
    pub max_iter: usize,
    /// The smallest variance, relative to the variance of all rows in the same dimension (for a dimension
    /// that does not vary, to the mean variance of the dimensions). It does not depend on units.
    pub variance_floor: f64,
    /// A number added to every variance, in the descriptors' unit squared.
    pub reg_covar: f64,
    /// The posterior threshold of the expectation step; `None` is
    /// [`Real::THRESHOLD`](crate::data::Real::THRESHOLD).
    pub threshold: Option<f64>,
    /// The start of the fit; `init_params` in JSON, as in scikit-learn.
    #[serde(rename = "init_params")]
    pub init: Init,
    /// The number of initialisations, with the seeds `seed`, `seed + 1`, ...; the fit with the largest
    /// likelihood is kept. A given start is used once.
    pub n_init: usize,
    /// The seed of the start.
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

setters! { GaussianMixtureParams {
    /// Sets the change of the mean log-likelihood, in nats, below which the fit has converged.
    tol: f64,
    /// Sets the maximum number of EM iterations.
    max_iter: usize,
    /// Sets the smallest variance, relative to that of all rows in the same dimension.
    variance_floor: f64,
    /// Sets what is added to every variance, in the descriptors' unit squared.
    reg_covar: f64,
    /// Sets the posterior threshold of the expectation step.
    threshold: Option<f64>,
    /// Sets the start of the fit.
    init: Init,
    /// Sets the number of initialisations.
    n_init: usize,
    /// Sets the seed of the start.
    seed: u64,
} }

impl GaussianMixture {
    /// Settings to fit a mixture of `n_components` components with; all others are the defaults.
    #[must_use]
    pub fn builder(n_components: usize) -> GaussianMixtureParams {
        GaussianMixtureParams { n_components, ..GaussianMixtureParams::default() }
    }
}

impl GaussianMixtureParams {
    /// The settings in a JSON text; those that are left out are the defaults.
    ///
    /// # Errors
    /// [`Error::Settings`] for a text that is not JSON, an unknown name or a value of another type.
    pub fn from_json(json: &str) -> Result<Self> {
        from_text(json)
    }

    /// Checks that each setting is in its range.
    ///
    /// # Errors
    /// [`Error::Parameter`] with the first that is not.
    pub fn check(&self) -> Result<()> {
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
        check_threshold::<f64>(self.threshold).map(|_| ())
    }
}

/// The start of a fit.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub enum Init {
    /// k-means++ and a few Lloyd iterations on a sample of up to 256 rows per component; each component gets
    /// the share, mean and variance of its cluster.
    #[default]
    KMeans,
    /// The same without the Lloyd iterations.
    PlusPlus,
    /// K rows drawn at random as the means, with equal weights and the variances of all rows.
    RandomRows,
    /// The given mixture: a warm start, or any other start.
    Given(GaussianMixture),
    /// The mixture of an earlier fit on the same rows, and that fit's last lower bound, so that the fit can
    /// already converge in its first iteration.
    Continued(GaussianMixture, f64),
}

impl Init {
    /// The mixture to start from, if it is given.
    pub(super) fn given(&self) -> Option<&GaussianMixture> {
        match self {
            Init::Given(mixture) | Init::Continued(mixture, _) => Some(mixture),
            _ => None,
        }
    }
}

string_enum! {
    /// The starts that have a name, under scikit-learn's names.
    pub(super) enum NamedInit as "init_params" {
        /// [`Init::KMeans`].
        KMeans = "kmeans",
        /// [`Init::PlusPlus`].
        PlusPlus = "k-means++",
        /// [`Init::RandomRows`].
        RandomRows = "random_from_data",
    }
}

/// Serializes the name of a start. A given mixture has no name, which is an error.
impl Serialize for Init {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        let name = match self {
            Init::KMeans => NamedInit::KMeans,
            Init::PlusPlus => NamedInit::PlusPlus,
            Init::RandomRows => NamedInit::RandomRows,
            Init::Given(_) | Init::Continued(..) => {
                return Err(serde::ser::Error::custom("a given mixture cannot be written as JSON"));
            }
        };
        name.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Init {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        Ok(match NamedInit::deserialize(from)? {
            NamedInit::KMeans => Init::KMeans,
            NamedInit::PlusPlus => Init::PlusPlus,
            NamedInit::RandomRows => Init::RandomRows,
        })
    }
}
