//! What parts of a pass must agree in before they may meet.

use super::plan::Plan;
use crate::error::{Error, Result};
use crate::simd::{Isa, Real};
use crate::util::string_enum::string_enum;
use serde::{Deserialize, Serialize};

string_enum! {
    /// What a pass over the data computes.
    pub enum Pass as "kind" {
        /// The sufficient statistics under a mixture or a codebook, for an iteration of its fit.
        Mixture = "mixture",
        /// The mean and the variance of each column.
        Moments = "moments",
        /// The mean and the covariance of the columns, for a projection.
        Scatter = "scatter",
        /// The mean and the variance of the gradients of sets, for an empirical information.
        Information = "information",
    }
}

/// What parts of a pass must agree in before they may meet: only then are their sums those of one pass on
/// one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// What is computed.
    pub kind: Pass,
    /// How the items are cut into chunks.
    pub plan: Plan,
    /// The identity of the model that it is computed under, in hexadecimal; that of the mixture, or 0, where
    /// there is no model.
    pub model: String,
    /// The identity of the mixture that statistics belong to, in hexadecimal.
    pub mixture: String,
    /// The identity of the list of files, in hexadecimal; `None` for data in memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
    /// The float type of the rows.
    pub real: String,
    /// The fraction of a row's largest posterior below which its posteriors are dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// The instruction set ([`Isa`]).
    pub level: String,
    /// The version of this library.
    pub version: String,
}

impl Header {
    /// The header of a pass under `model` on this machine.
    #[must_use]
    pub fn new<F: Real>(kind: Pass, plan: Plan, model: u64, threshold: Option<f64>) -> Self {
        Header {
            kind,
            plan,
            model: format!("{model:016x}"),
            mixture: format!("{model:016x}"),
            list: None,
            real: F::NAME.to_owned(),
            threshold,
            level: Isa::active().name().to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// Checks that a part with the header `other` belongs to the same pass.
    ///
    /// # Errors
    /// [`Error::Shards`] with the first field that differs, both values and the remedy.
    pub fn check(&self, other: &Self) -> Result<()> {
        let text = |list: &Option<String>| list.clone().unwrap_or_else(|| "none".to_owned());
        let number = |x: Option<f64>| x.map_or_else(|| "none".to_owned(), |x| x.to_string());
        let plan = |plan: &Plan| format!("{} in {} chunks", plan.n_items(), plan.n_chunks());
        let fields = [
            ("kind", self.kind.to_string(), other.kind.to_string(), "accumulate it again"),
            ("model", self.model.clone(), other.model.clone(), "accumulate it again under this model"),
            ("mixture", self.mixture.clone(), other.mixture.clone(), "accumulate it again under this model"),
            ("list", text(&self.list), text(&other.list), "accumulate it again from this list"),
            ("plan", plan(&self.plan), plan(&other.plan), "accumulate it again from the same rows"),
            ("float type", self.real.clone(), other.real.clone(), "accumulate it again from the same files"),
            ("threshold", number(self.threshold), number(other.threshold), "accumulate it again"),
            (
                "instruction set",
                self.level.clone(),
                other.level.clone(),
                "set FISHERVEC_SIMD to one that all machines have",
            ),
            (
                "version of fishervec",
                self.version.clone(),
                other.version.clone(),
                "install one version on all machines",
            ),
        ];
        match fields.into_iter().find(|(_, expected, got, _)| expected != got) {
            None => Ok(()),
            Some((field, expected, got, cure)) => {
                Err(Error::shards(format!("another {field}: expected {expected}, got {got}; {cure}")))
            }
        }
    }
}
