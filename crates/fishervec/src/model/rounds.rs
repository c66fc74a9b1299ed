//! Rounds over all rows that are under way, as a model file holds them.

use crate::encode::{Encode, Encoder};
use crate::error::{Error, Result};
use crate::mixture::{Climb, FitReport, GaussianMixtureParams, KMeansParams, Lloyd};
use crate::pipeline::Ascent;
use crate::util::tensors::{TensorFile, Tensors};
use serde::{Deserialize, Serialize};

/// What is known of the rounds beside the mixture and its report.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Rounds {
    Mixture {
        params: GaussianMixtureParams,
        repaired: bool,
        /// The mean log-likelihood before the last one, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<f64>,
    },
    #[serde(rename = "kmeans")]
    KMeans {
        params: KMeansParams,
        variance: f64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        inertia: Option<f64>,
        n_iter: usize,
    },
}

/// The tensor of the variances that floors are relative to.
const SCALE: &str = "rounds.scale";

impl Rounds {
    pub(super) fn of(ascent: &Ascent, tensors: &mut Tensors) -> Self {
        let finite = |x: f64| x.is_finite().then_some(x);
        match ascent {
            Ascent::Mixture(climb) => {
                tensors.add(SCALE, &[climb.scale().len()], climb.scale());
                let (params, repaired) = (climb.params.clone(), climb.repaired);
                Rounds::Mixture { params, repaired, previous: finite(climb.previous) }
            }
            Ascent::KMeans(lloyd) => Rounds::KMeans {
                params: lloyd.params.clone(),
                variance: lloyd.variance(),
                inertia: finite(lloyd.inertia),
                n_iter: lloyd.n_iter,
            },
        }
    }

    pub(super) fn resume(
        self,
        encoder: &Encoder,
        report: Option<&FitReport>,
        file: &mut TensorFile<'_>,
    ) -> Result<Ascent> {
        let none = || Error::format("model", "settings: rounds of an encoder without a mixture");
        let mixture = encoder.mixture().cloned().ok_or_else(none)?;
        match self {
            Rounds::Mixture { params, repaired, previous } => {
                let scale = file.vector(SCALE)?;
                let mut climb = Climb::new(params, mixture, &scale.to_vec())?;
                climb.previous = previous.unwrap_or(f64::NEG_INFINITY);
                climb.repaired = repaired;
                if let Some(report) = report.filter(|_| previous.is_some()) {
                    climb.report = report.clone();
                }
                Ok(Ascent::Mixture(Box::new(climb)))
            }
            Rounds::KMeans { params, variance, inertia, n_iter } => {
                let mut lloyd = Lloyd::new(params, &mixture.means().to_owned(), variance)?;
                lloyd.inertia = inertia.unwrap_or(f64::INFINITY);
                lloyd.n_iter = n_iter;
                Ok(Ascent::KMeans(lloyd))
            }
        }
    }
}
