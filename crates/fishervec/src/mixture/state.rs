//! Fits that are under way, as bytes: what a fit that was stopped goes on from.

use super::centres::KMeansParams;
use super::climb::Climb;
use super::gaussian::GaussianMixture;
use super::lloyd::Lloyd;
use super::params::GaussianMixtureParams;
use super::report::FitReport;
use super::schedule::StepwiseParams;
use super::stepwise::{Running, Stepwise};
use super::tensors::MIXTURE;
use crate::error::{Error, Result};
use crate::util::tensors::{SCHEMA, TensorFile, Tensors};
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// The metadata key of a fit under way.
const FIT_KEY: &str = "fishervec_fit";
/// The tensor of the variances that floors are relative to.
const SCALE: &str = "scale";

/// What is known of a [`Climb`] beside its mixture, its scale and its report.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ClimbState {
    params: GaussianMixtureParams,
    repaired: bool,
    /// The mean log-likelihood before the last one, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<f64>,
}

/// What is known of a [`Lloyd`] beside its centres.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LloydState {
    params: KMeansParams,
    variance: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inertia: Option<f64>,
    n_iter: usize,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    converged: bool,
}

fn finite(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}

impl Climb {
    pub(crate) fn state(&self) -> ClimbState {
        let (params, repaired) = (self.params.clone(), self.repaired);
        ClimbState { params, repaired, previous: finite(self.previous) }
    }

    pub(crate) fn resume(
        state: ClimbState,
        mixture: GaussianMixture,
        scale: &[f64],
        report: Option<&FitReport>,
    ) -> Result<Self> {
        let ClimbState { params, repaired, previous } = state;
        let mut climb = Climb::new(params, mixture, scale)?;
        climb.previous = previous.unwrap_or(f64::NEG_INFINITY);
        climb.repaired = repaired;
        if let Some(report) = report.filter(|_| previous.is_some()) {
            climb.report = report.clone();
        }
        Ok(climb)
    }

    /// The fit as the bytes of a safetensors file.
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format) if it is larger than safetensors can hold.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut tensors = Tensors::default();
        self.mixture.write(MIXTURE, &mut tensors);
        tensors.add(SCALE, &[self.scale().len()], self.scale());
        let of_climb = OfClimb { schema: SCHEMA, state: self.state(), report: self.report.clone() };
        tensors.to_bytes("fit", FIT_KEY, &of_climb)
    }

    /// Reads a fit from such bytes, to go on with.
    ///
    /// # Errors
    /// [`Error::Version`](crate::Error::Version) or [`Error::Format`](crate::Error::Format) for bytes that
    /// are not such a fit.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut file = TensorFile::open("fit", FIT_KEY, bytes)?;
        let OfClimb { state, report, .. } = file.settings()?;
        let mixture = GaussianMixture::read(MIXTURE, &mut file)?;
        let scale = file.vector(SCALE)?;
        file.finish()?;
        Self::resume(state, mixture, &scale.to_vec(), Some(&report))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfClimb {
    schema: u64,
    state: ClimbState,
    report: FitReport,
}

impl Lloyd {
    pub(crate) fn state(&self) -> LloydState {
        LloydState {
            params: self.params.clone(),
            variance: self.variance(),
            inertia: finite(self.inertia),
            n_iter: self.n_iter,
            converged: self.converged,
        }
    }

    pub(crate) fn resume(state: LloydState, centres: &Array2<f64>) -> Result<Self> {
        let LloydState { params, variance, inertia, n_iter, converged } = state;
        let mut lloyd = Lloyd::new(params, centres, variance)?;
        lloyd.inertia = inertia.unwrap_or(f64::INFINITY);
        (lloyd.n_iter, lloyd.converged) = (n_iter, converged);
        Ok(lloyd)
    }

    /// The fit as the bytes of a safetensors file.
    ///
    /// # Errors
    /// [`Error::Format`](crate::Error::Format) if it is larger than safetensors can hold.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut tensors = Tensors::default();
        let centres = self.mixture().means();
        tensors.add("centres", centres.shape(), centres);
        tensors.to_bytes("fit", FIT_KEY, &OfLloyd { schema: SCHEMA, kmeans: self.state() })
    }

    /// Reads a fit from such bytes, to go on with.
    ///
    /// # Errors
    /// [`Error::Version`](crate::Error::Version) or [`Error::Format`](crate::Error::Format) for bytes that
    /// are not such a fit.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut file = TensorFile::open("fit", FIT_KEY, bytes)?;
        let OfLloyd { kmeans, .. } = file.settings()?;
        let centres = file.matrix("centres")?;
        file.finish()?;
        Self::resume(kmeans, &centres)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfLloyd {
    schema: u64,
    kmeans: LloydState,
}

/// The tensors of a stepwise fit's running statistics.
const RUNNING: [&str; 3] = ["running.shares", "running.means", "running.variances"];

impl Stepwise {
    /// The fit as the bytes of a safetensors file.
    ///
    /// # Errors
    /// [`Error::Format`] if it is larger than safetensors can hold.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut tensors = Tensors::default();
        let Running { shares, means, variances } = &self.running;
        let scale = self.limits.global();
        self.mixture.write(MIXTURE, &mut tensors);
        tensors.add(SCALE, &[scale.len()], scale);
        tensors.add(RUNNING[0], shares.shape(), shares);
        tensors.add(RUNNING[1], means.shape(), means);
        tensors.add(RUNNING[2], variances.shape(), variances);
        let of_stepwise = OfStepwise {
            schema: SCHEMA,
            params: self.params.clone(),
            schedule: self.schedule.clone(),
            steps: self.steps,
            report: self.report.clone(),
            means: self.means,
        };
        tensors.to_bytes("fit", FIT_KEY, &of_stepwise)
    }

    /// Reads a fit from such bytes, to go on with.
    ///
    /// # Errors
    /// [`Error::Version`] or [`Error::Format`] for bytes that are not such a fit.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let mut file = TensorFile::open("fit", FIT_KEY, bytes)?;
        let OfStepwise { params, schedule, steps, report, means, .. } = file.settings()?;
        let mixture = GaussianMixture::read(MIXTURE, &mut file)?;
        let scale = file.vector(SCALE)?;
        let shares = file.vector(RUNNING[0])?;
        let running =
            Running { shares, means: file.matrix(RUNNING[1])?, variances: file.matrix(RUNNING[2])? };
        file.finish()?;
        let shape = mixture.means().dim();
        if running.shares.len() != shape.0 || [running.means.dim(), running.variances.dim()] != [shape; 2] {
            return Err(Error::format("fit", "running statistics of another shape than the mixture"));
        }
        let new = Self::new(params, schedule, mixture, &scale.to_vec())?;
        Ok(Stepwise { running, steps, report, means, ..new })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfStepwise {
    schema: u64,
    params: GaussianMixtureParams,
    schedule: StepwiseParams,
    steps: usize,
    report: FitReport,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    means: Option<[f64; 3]>,
}
