//! Rounds over all rows that are under way, as a model file holds them.

use crate::encode::{Encode, Encoder};
use crate::error::{Error, Result};
use crate::mixture::{Climb, ClimbState, FitReport, Lloyd, LloydState};
use crate::pipeline::Ascent;
use crate::util::tensors::{TensorFile, Tensors};
use serde::{Deserialize, Serialize};

/// What is known of the rounds beside the mixture and its report.
#[derive(Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Rounds {
    Mixture(ClimbState),
    #[serde(rename = "kmeans")]
    KMeans(LloydState),
}

/// The tensor of the variances that floors are relative to.
const SCALE: &str = "rounds.scale";

impl Rounds {
    pub(super) fn of(ascent: &Ascent, tensors: &mut Tensors) -> Self {
        match ascent {
            Ascent::Mixture(climb) => {
                tensors.add(SCALE, &[climb.scale().len()], climb.scale());
                Rounds::Mixture(climb.state())
            }
            Ascent::KMeans(lloyd) => Rounds::KMeans(lloyd.state()),
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
            Rounds::Mixture(state) => {
                let scale = file.vector(SCALE)?;
                let climb = Climb::resume(state, mixture, &scale.to_vec(), report)?;
                Ok(Ascent::Mixture(Box::new(climb)))
            }
            Rounds::KMeans(state) => Ok(Ascent::KMeans(Lloyd::resume(state, &mixture.means().to_owned())?)),
        }
    }
}
