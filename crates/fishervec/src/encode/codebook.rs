//! Codebooks: centres, and how descriptors are assigned to them.
//!
//! A codebook with hard assignment is a mixture with equal weights and one common variance at threshold 1;
//! one with soft assignment is any mixture.

use super::given::Given;
use crate::data::Source;
use crate::error::{Error, Result};
use crate::mixture::{
    FitReport, GaussianMixture, GaussianMixtureParams, KMeansParams, MIXTURE, Statistics, Workspace,
    check_threshold, codebook,
};
use crate::util::context::Context;
use crate::util::learn::Learn;
use crate::util::tensors::{TensorFile, Tensors};
use crate::util::threads::Threads;
use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

crate::util::string_enum::string_enum! {
    /// How a descriptor is assigned to the components of a codebook.
    pub enum Assignment as "assignment" {
        /// With weight 1 to the nearest centre and 0 to the others.
        Hard = "hard",
        /// With its posteriors under a mixture.
        Soft = "soft",
    }
}

/// K centres in D columns, and how descriptors are assigned to them.
#[derive(Debug, Clone, PartialEq)]
pub struct Codebook {
    mixture: GaussianMixture,
    assignment: Assignment,
    threshold: Option<f64>,
}

impl Codebook {
    /// The codebook of `centres`, shape (K, D); a descriptor is assigned to the nearest one.
    ///
    /// # Errors
    /// [`Error::Parameter`] if there are no centres, or some are not finite. Cost O(K D).
    pub fn hard(centres: Array2<f64>) -> Result<Self> {
        let spread = centres.var_axis(ndarray::Axis(0), 0.0).sum() / centres.ncols().max(1) as f64;
        // Any variance gives the same assignment; this one keeps the numbers near 1.
        let variance = if spread.is_normal() { spread } else { 1.0 };
        let mixture = codebook(&centres, variance)?;
        Ok(Codebook { mixture, assignment: Assignment::Hard, threshold: None })
    }

    /// The codebook of a mixture's means, to which descriptors are assigned by their posteriors; `threshold`
    /// as in [`GaussianMixture::accumulate`].
    ///
    /// # Errors
    /// [`Error::Parameter`] for a threshold outside [0, 1].
    pub fn soft(mixture: GaussianMixture, threshold: Option<f64>) -> Result<Self> {
        check_threshold::<f64>(threshold)?;
        Ok(Codebook { mixture, assignment: Assignment::Soft, threshold })
    }

    /// The codebook of another mixture, or of its means, with the same assignment and threshold.
    pub(super) fn with_mixture(&self, mixture: GaussianMixture) -> Result<Self> {
        match self.assignment {
            Assignment::Hard => Codebook::hard(mixture.means().to_owned()),
            Assignment::Soft => Codebook::soft(mixture, self.threshold),
        }
    }

    /// The centres, shape (K, D).
    #[must_use]
    pub fn centres(&self) -> ArrayView2<'_, f64> {
        self.mixture.means()
    }

    /// The mixture; with equal weights and one common variance if the assignment is hard.
    #[must_use]
    pub fn mixture(&self) -> &GaussianMixture {
        &self.mixture
    }

    /// How descriptors are assigned.
    #[must_use]
    pub fn assignment(&self) -> Assignment {
        self.assignment
    }

    /// Whether a descriptor is assigned to its nearest centre alone.
    #[must_use]
    pub fn is_hard(&self) -> bool {
        self.assignment == Assignment::Hard
    }

    /// The posterior threshold of a soft assignment, as given.
    #[must_use]
    pub fn threshold(&self) -> Option<f64> {
        self.threshold
    }

    /// The fraction of a row's largest posterior below which its posteriors are dropped.
    pub(crate) fn drop_threshold(&self) -> Option<f64> {
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
        self.mixture.accumulate(source, self.drop_threshold(), threads, workspace)
    }
}

/// Settings to fit a codebook with: those of k-means for a hard assignment, or of a mixture for a soft one.
///
/// In JSON it is an object `{"kmeans": {..}}` or `{"mixture": {..}}`.
#[allow(clippy::large_enum_variant, reason = "there is one per pipeline")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum CodebookParams {
    /// k-means, and the nearest centre.
    #[serde(rename = "kmeans")]
    Hard(KMeansParams),
    /// A mixture, and its posteriors.
    #[serde(rename = "mixture")]
    Soft(GaussianMixtureParams),
}

impl Default for CodebookParams {
    /// 64 centres of k-means.
    fn default() -> Self {
        CodebookParams::Hard(KMeansParams { n_clusters: 64, ..KMeansParams::default() })
    }
}

/// A codebook that is given, or the settings to fit one with. Either says how descriptors are assigned.
pub type LearnCodebook = Learn<Codebook, CodebookParams>;

impl From<Codebook> for LearnCodebook {
    fn from(codebook: Codebook) -> Self {
        Learn::Given(codebook)
    }
}

impl From<CodebookParams> for LearnCodebook {
    fn from(params: CodebookParams) -> Self {
        Learn::Fit(params)
    }
}

impl From<KMeansParams> for LearnCodebook {
    fn from(kmeans: KMeansParams) -> Self {
        Learn::Fit(CodebookParams::Hard(kmeans))
    }
}

impl From<GaussianMixtureParams> for LearnCodebook {
    fn from(mixture: GaussianMixtureParams) -> Self {
        Learn::Fit(CodebookParams::Soft(mixture))
    }
}

impl LearnCodebook {
    /// How descriptors are assigned to the centres.
    #[must_use]
    pub fn assignment(&self) -> Assignment {
        match self {
            Learn::Given(codebook) => codebook.assignment,
            Learn::Fit(CodebookParams::Hard(_)) => Assignment::Hard,
            Learn::Fit(CodebookParams::Soft(_)) => Assignment::Soft,
        }
    }

    /// Uses a given part of an encoder of that kind; a given mixture drops posteriors below `threshold`.
    ///
    /// # Errors
    /// Those of [`Codebook::hard`] and [`Codebook::soft`]; [`Error::Parameter`] for the start of a mixture
    /// where none is fitted.
    pub(super) fn give(&mut self, part: Given, kind: &'static str, threshold: Option<f64>) -> Result<()> {
        match (part, &mut *self) {
            (Given::Mixture(mixture), _) => *self = Learn::Given(Codebook::soft(mixture, threshold)?),
            (Given::Centres(centres), _) => *self = Learn::Given(Codebook::hard(centres)?),
            (Given::Start(init), Learn::Fit(CodebookParams::Soft(params))) => params.init = init,
            (part @ Given::Start(_), _) => return Err(part.refused(kind)),
        }
        Ok(())
    }

    /// Checks what can be checked without descriptors.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a setting out of range, or a threshold other than that of a given codebook.
    pub(super) fn check(&self, threshold: Option<f64>) -> Result<()> {
        check_threshold::<f64>(threshold)?;
        match self {
            Learn::Given(codebook) => match threshold {
                Some(got) if !codebook.is_hard() && threshold != codebook.threshold => {
                    Err(Error::parameter("threshold", "that of the given codebook", got))
                }
                _ => Ok(()),
            },
            Learn::Fit(CodebookParams::Hard(params)) => params.check(),
            Learn::Fit(CodebookParams::Soft(params)) => params.check(),
        }
    }

    /// The codebook: the given one, or one fitted to `rows`; fitting a mixture returns a report. Encodings
    /// drop posteriors below `threshold`; `None` is the threshold of the mixture's fit.
    ///
    /// # Errors
    /// Those of the fits.
    pub(super) fn learn<S: Source>(
        &self,
        threshold: Option<f64>,
        rows: &S,
        context: &mut Context<'_>,
    ) -> Result<(Codebook, Option<FitReport>)> {
        match self {
            Learn::Given(codebook) => Ok((codebook.clone(), None)),
            Learn::Fit(CodebookParams::Hard(params)) => {
                Ok((Codebook::hard(params.fit_with(rows, context)?.centres)?, None))
            }
            Learn::Fit(CodebookParams::Soft(params)) => {
                let fit = params.fit_with(rows, context)?;
                Ok((Codebook::soft(fit.mixture, threshold.or(params.threshold))?, Some(fit.report)))
            }
        }
    }
}

impl Codebook {
    /// Takes the assignment out of the settings of a model file.
    ///
    /// # Errors
    /// [`Error::Format`] where it is missing, [`Error::Parameter`] for another name.
    pub(super) fn take_assignment(settings: &mut Map<String, Value>) -> Result<Assignment> {
        let taken = settings.remove("assignment");
        let name = taken.as_ref().and_then(Value::as_str);
        name.ok_or_else(|| Error::format("model", "settings: missing field `assignment`"))?.parse()
    }

    pub(super) fn write(&self, tensors: &mut Tensors) {
        match self.assignment {
            Assignment::Hard => tensors.add("centres", self.centres().shape(), self.centres()),
            Assignment::Soft => self.mixture.write(MIXTURE, tensors),
        }
    }

    pub(super) fn read(
        assignment: Assignment,
        threshold: Option<f64>,
        file: &mut TensorFile<'_>,
    ) -> Result<Self> {
        match assignment {
            Assignment::Hard => Codebook::hard(file.matrix("centres")?),
            Assignment::Soft => Codebook::soft(GaussianMixture::read(MIXTURE, file)?, threshold),
        }
    }
}
