//! H2T: the mean of the descriptors at each prototype, computed from the same statistics as VLAD.

use super::codebook::{Assignment, Codebook, CodebookParams, LearnCodebook};
use super::contributions::VectorBlock;
use super::encode::{Encode, FitEncoder, from_settings, to_file_settings};
use super::given::Given;
use super::normalize::{Norm, Normalization, Segment};
use super::output::{check_out, finite};
use super::resolution::Rounding;
use crate::data::Source;
use crate::error::{Error, Result};
use crate::mixture::{FitReport, GaussianMixture, Linear, Statistics, Workspace};
use crate::util::context::Context;
use crate::util::learn::Learn;
use crate::util::setters::setters;
use crate::util::tensors::{TensorFile, Tensors};
use crate::util::threads::Threads;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Settings of H2T.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct H2TParams {
    /// The prototypes, a codebook with hard assignment: given, or the settings to fit it with.
    pub codebook: LearnCodebook,
    /// The exponent of the signed power of each entry; 1 keeps the entries unchanged.
    pub power: f64,
    /// The norm to divide by, after the power.
    pub norm: Norm,
}

impl Default for H2TParams {
    /// 64 prototypes, neither power nor norm.
    fn default() -> Self {
        H2TParams { codebook: CodebookParams::default().into(), power: 1.0, norm: Norm::None }
    }
}

setters! { H2TParams {
    /// Sets the exponent of the signed power.
    power: f64,
    /// Sets the norm.
    norm: Norm,
} }

/// The handcrafted histological transformer of a codebook: a set of n descriptors in, K D numbers out,
///
/// v_k = sum_n q_nk x_n / sum_n q_nk, q_nk = 1 for the nearest prototype of x_n, else 0,
///
/// and zero where no descriptor is nearest, a share of the mass below 1e-12 (Vu, Rajpoot, Raza and Rajpoot
/// 2023); then power and norm. The vector of an empty set is zero. With rows of norm 1 and prototypes of norm
/// 1 it is the H2T that Song et al. 2024 (PANTHER) compare with. Its counts of descriptors per prototype are
/// a bag of words with hard assignment, power 1 and norm `l2`.
#[derive(Debug, Clone, PartialEq)]
pub struct H2T {
    codebook: Codebook,
    params: H2TParams,
}

impl H2T {
    /// The encoder of a codebook.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a power out of range, and for a codebook with soft assignment.
    pub fn with_params(codebook: Codebook, params: H2TParams) -> Result<Self> {
        let params = H2TParams { codebook: Learn::Given(codebook.clone()), ..params };
        params.check()?;
        Ok(H2T { codebook, params })
    }

    /// The choices it was made with.
    #[must_use]
    pub fn params(&self) -> &H2TParams {
        &self.params
    }

    /// Settings to fit prototypes and their encoder with.
    #[must_use]
    pub fn builder(codebook: impl Into<LearnCodebook>) -> H2TParams {
        H2TParams { codebook: codebook.into(), ..H2TParams::default() }
    }
}

impl FitEncoder for H2TParams {
    type Encoder = H2T;

    fn give(&mut self, part: Given) -> Result<()> {
        match part {
            Given::Centres(_) => self.codebook.give(part, "h2t", None),
            part => Err(part.refused("h2t")),
        }
    }

    fn check(&self) -> Result<()> {
        Normalization { power: self.power, norm: self.norm }.check()?;
        if self.codebook.assignment() == Assignment::Soft {
            return Err(Error::parameter("codebook", "one with hard assignment for H2T", "a soft one"));
        }
        self.codebook.check(None)
    }

    fn fit_with<S: Source>(&self, rows: &S, context: &mut Context<'_>) -> Result<(H2T, Option<FitReport>)> {
        let (codebook, report) = self.codebook.learn(None, rows, context)?;
        Ok((H2T::with_params(codebook, self.clone())?, report))
    }
}

impl Encode for H2T {
    fn input_dim(&self) -> usize {
        self.codebook.mixture().dim()
    }

    fn output_dim(&self) -> usize {
        self.codebook.centres().len()
    }

    fn normalization(&self) -> Normalization {
        Normalization { power: self.params.power, norm: self.params.norm }
    }

    fn statistics_mixture(&self) -> Option<&GaussianMixture> {
        Some(self.codebook.mixture())
    }

    fn codebook(&self) -> Option<&Codebook> {
        Some(&self.codebook)
    }

    fn accumulate<S: Source>(
        &self,
        source: &S,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Statistics> {
        self.codebook.accumulate(source, threads, workspace)
    }

    fn encode_statistics(&self, statistics: &Statistics, out: &mut [f64]) -> Result<()> {
        let mixture = self.codebook.mixture();
        statistics.check(mixture)?;
        check_out(self.output_dim(), out.len())?;
        let (k, width) = mixture.means().dim();
        self.raw(statistics, out)?;
        let rounding = Rounding::new(mixture, statistics);
        let resolved = |c: usize| if rounding.hides_sum(c) { 0.0 } else { 1.0 };
        self.normalization().apply(&[Segment { start: 0, components: k, width }], &resolved, out);
        Ok(())
    }

    fn blocks(&self) -> Vec<VectorBlock> {
        vec![VectorBlock::new("means", 0..self.output_dim(), 0..self.input_dim())]
    }

    fn raw(&self, statistics: &Statistics, out: &mut [f64]) -> Result<()> {
        let mixture = self.codebook.mixture();
        let (means, variances) = (mixture.means(), mixture.covariances());
        for (c, out) in out.chunks_exact_mut(mixture.dim()).enumerate() {
            let Some(mass) = mass_of(statistics, c) else {
                out.fill(0.0);
                continue;
            };
            // The mean is mu + sigma Z1/S0: the mean of the residuals, which loses no digits, plus the
            // prototype.
            let parameters = means.row(c).into_iter().zip(variances.row(c));
            for (out, (z, (mu, v))) in out.iter_mut().zip(statistics.z1.row(c).into_iter().zip(parameters)) {
                *out = mu + z * v.sqrt() / mass;
            }
        }
        finite(out, out)
    }

    fn carry_back(&self, statistics: &Statistics, c: &[f64], to: &mut Linear) {
        let mixture = self.codebook.mixture();
        let (means, variances) = (mixture.means(), mixture.covariances());
        for (k, c) in c.chunks_exact(mixture.dim()).enumerate() {
            let Some(mass) = mass_of(statistics, k) else { continue };
            for (j, c) in c.iter().enumerate() {
                let of_residual = c * variances[[k, j]].sqrt() / mass;
                to.add(k..k + 1, j, [c * means[[k, j]] / mass, of_residual, 0.0]);
            }
        }
    }

    fn settings(&self) -> Map<String, Value> {
        let codebook = LearnCodebook::default();
        to_file_settings(&H2TParams { codebook, ..self.params.clone() })
    }

    fn write(&self, tensors: &mut Tensors) {
        self.codebook.write(tensors);
    }

    fn read(settings: Map<String, Value>, _: usize, file: &mut TensorFile<'_>) -> Result<Self> {
        let params: H2TParams = from_settings(settings, &["power", "norm"])?;
        H2T::with_params(Codebook::read(Assignment::Hard, None, file)?, params)
    }
}

/// The mass of component `k`; `None` where no descriptor is. Statistics that were subtracted keep a rounding
/// residue of what is gone.
fn mass_of(statistics: &Statistics, k: usize) -> Option<f64> {
    let mass = statistics.s0()[k];
    (mass > 1e-12 * statistics.n()).then_some(mass)
}
