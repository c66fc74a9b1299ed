//! The settings of a Fisher vector, and their JSON: what a model file, the command and the binding share.

use super::convention::{Convention, Gradients, Scale, Sign};
use super::information::Information;
use crate::encode::normalize::Norm;
use crate::error::{Error, Result};
use crate::mixture::{GaussianMixture, GaussianMixtureParams};
use crate::util::learn::Learn;
use crate::util::setters::setters;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Settings of a Fisher vector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Settings", into = "Settings")]
pub struct FisherParams {
    /// The mixture: given, or the settings to fit it with.
    pub mixture: LearnMixture,
    /// The convention, which sets sign and scale, and the defaults of `gradients` and `information`.
    pub convention: Convention,
    /// The blocks and their order; `None` is the convention's.
    pub gradients: Option<Gradients>,
    /// The Fisher information; `None` is the convention's.
    pub information: Option<Information>,
    /// The exponent of the signed power of each entry; 1 keeps the entries unchanged.
    pub power: f64,
    /// The norm to divide by, after the power.
    pub norm: Norm,
    /// The posterior threshold; `None` is [`Real::THRESHOLD`](crate::data::Real::THRESHOLD) of the
    /// descriptors' type.
    pub threshold: Option<f64>,
}

/// A mixture that is given, or the settings to fit one with.
pub type LearnMixture = Learn<GaussianMixture, GaussianMixtureParams>;

impl From<GaussianMixture> for LearnMixture {
    fn from(mixture: GaussianMixture) -> Self {
        Learn::Given(mixture)
    }
}

impl From<GaussianMixtureParams> for LearnMixture {
    fn from(params: GaussianMixtureParams) -> Self {
        Learn::Fit(params)
    }
}

impl Default for FisherParams {
    /// A mixture of 64 components, Sanchez's convention, power 0.5 and L2: the improved Fisher vector.
    fn default() -> Self {
        FisherParams {
            mixture: LearnMixture::default(),
            convention: Convention::SANCHEZ,
            gradients: None,
            information: None,
            power: 0.5,
            norm: Norm::L2,
            threshold: None,
        }
    }
}

setters! { FisherParams {
    /// Sets the convention.
    convention: Convention,
    /// Sets the blocks and their order.
    gradients: Option<Gradients>,
    /// Sets the Fisher information.
    information: Option<Information>,
    /// Sets the exponent of the signed power.
    power: f64,
    /// Sets the norm.
    norm: Norm,
    /// Sets the posterior threshold.
    threshold: Option<f64>,
} }

/// [`FisherParams`] with the convention split into its name, and sign and scale if they differ from those of
/// that name.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    mixture: LearnMixture,
    convention: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sign: Option<Sign>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scale: Option<Scale>,
    gradients: Option<Gradients>,
    information: Option<Information>,
    power: f64,
    norm: Norm,
    threshold: Option<f64>,
}

impl Default for Settings {
    fn default() -> Self {
        FisherParams::default().into()
    }
}

impl From<FisherParams> for Settings {
    fn from(params: FisherParams) -> Self {
        let FisherParams { mixture, convention, gradients, information, power, norm, threshold } = params;
        let known = Convention::by_name(&convention.name).ok();
        let custom = known
            .as_ref()
            .is_none_or(|known| (known.sign, known.scale) != (convention.sign, convention.scale));
        // The defaults of a custom convention are choices, since its name does not tell them.
        let differs = |of: &dyn Fn(&Convention) -> bool| known.as_ref().is_none_or(of);
        let own_gradients = differs(&|known| known.gradients != convention.gradients)
            .then(|| Gradients::new(&convention.gradients).ok())
            .flatten();
        let own_information =
            differs(&|known| known.information != convention.information).then_some(convention.information);
        Settings {
            mixture,
            sign: custom.then_some(convention.sign),
            scale: custom.then_some(convention.scale),
            convention: convention.name.into_owned(),
            gradients: gradients.or(own_gradients),
            information: information.or(own_information),
            power,
            norm,
            threshold,
        }
    }
}

impl TryFrom<Settings> for FisherParams {
    type Error = Error;

    fn try_from(settings: Settings) -> Result<Self> {
        let Settings { mixture, gradients, information, power, norm, threshold, .. } = settings;
        let convention = match (settings.sign, settings.scale) {
            (None, None) => Convention::by_name(&settings.convention)?,
            // A custom convention: what it leaves open follows the convention of its name, or else Sanchez's.
            (sign, scale) => {
                let known = Convention::by_name(&settings.convention).unwrap_or(Convention::SANCHEZ);
                Convention {
                    name: settings.convention.into(),
                    gradients: gradients.as_ref().map_or(known.gradients, |gradients: &Gradients| {
                        Cow::Owned(gradients.blocks().to_vec())
                    }),
                    information: information.unwrap_or(known.information),
                    sign: sign.unwrap_or(known.sign),
                    scale: scale.unwrap_or(known.scale),
                }
            }
        };
        Ok(FisherParams { mixture, convention, gradients, information, power, norm, threshold })
    }
}
