//! VLAD: an encoder that is a function of the same statistics as the Fisher vector.
//!
//! The residuals of a component sum to sigma Z1, and the number of its descriptors is S0.

use super::codebook::{Assignment, Codebook, CodebookParams, LearnCodebook};
use super::contributions::VectorBlock;
use super::encode::{Encode, FitEncoder, from_settings, to_file_settings};
use super::given::Given;
use super::normalize::{Norm, Normalization, Segment};
use super::output::{check_out, finite};
use super::resolution::{Rounding, of_share};
use crate::data::{RowBuffer, Source};
use crate::error::{Error, Result};
use crate::mixture::{Division, FitReport, GaussianMixture, Linear, Statistics, Workspace};
use crate::util::context::Context;
use crate::util::learn::Learn;
use crate::util::setters::setters;
use crate::util::tensors::{TensorFile, Tensors};
use crate::util::threads::Threads;
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Settings of a VLAD.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VladParams {
    /// The codebook: given, or the settings to fit it with.
    pub codebook: LearnCodebook,
    /// The posterior threshold of a soft assignment; `None` is
    /// [`Real::THRESHOLD`](crate::data::Real::THRESHOLD).
    pub threshold: Option<f64>,
    /// Whether each component is divided by the number of its descriptors (VLFeat's `NormalizeMass`).
    pub mass: bool,
    /// Whether each residual is normalised to norm 1 before it is summed (Delhumeau et al. 2013); only for a
    /// hard assignment.
    pub residual: bool,
    /// The exponent of the signed power of each entry: 0.5 and `intra+l2` are VLFeat's `SquareRoot` and
    /// `NormalizeComponents`, in its order.
    pub power: f64,
    /// The norm to divide by, after the power.
    pub norm: Norm,
}

impl Default for VladParams {
    /// Hard assignment to 64 centres, the signed root, and the norm `intra+l2`.
    fn default() -> Self {
        VladParams {
            codebook: CodebookParams::default().into(),
            threshold: None,
            mass: false,
            residual: false,
            power: 0.5,
            norm: Norm::IntraL2,
        }
    }
}

setters! { VladParams {
    /// Sets the posterior threshold of a soft assignment.
    threshold: Option<f64>,
    /// Sets whether each component is divided by the number of its descriptors.
    mass: bool,
    /// Sets whether each residual is normalised to norm 1.
    residual: bool,
    /// Sets the exponent of the signed power.
    power: f64,
    /// Sets the norm.
    norm: Norm,
} }

/// The vector of locally aggregated descriptors of a codebook: a set of n descriptors in, K D numbers out,
///
/// v_k = sum_n q_nk (x_n - c_k),
///
/// divided by sum_n q_nk if `mass` is set; then power and norm (Jegou, Douze, Schmid and Perez 2010). The
/// vector of an empty set is zero.
#[derive(Debug, Clone, PartialEq)]
pub struct Vlad {
    codebook: Codebook,
    params: VladParams,
}

impl Vlad {
    /// The encoder of a codebook with the default settings; see [`VladParams`].
    #[must_use]
    pub fn new(codebook: Codebook) -> Self {
        Vlad::of(codebook, VladParams::default())
    }

    /// The encoder of a codebook, whose assignment and threshold it uses.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a power out of range, and for `residual` with a soft assignment or with
    /// `mass`.
    pub fn with_params(codebook: Codebook, params: VladParams) -> Result<Self> {
        let vlad = Vlad::of(codebook, params);
        vlad.params.check().map(|()| vlad)
    }

    fn of(codebook: Codebook, params: VladParams) -> Self {
        let threshold = codebook.threshold();
        let given = Learn::Given(codebook.clone());
        Vlad { codebook, params: VladParams { codebook: given, threshold, ..params } }
    }

    /// Settings to fit a codebook and its encoder with.
    #[must_use]
    pub fn builder(codebook: impl Into<LearnCodebook>) -> VladParams {
        VladParams { codebook: codebook.into(), ..VladParams::default() }
    }

    /// The settings of the encoder.
    #[must_use]
    pub fn params(&self) -> &VladParams {
        &self.params
    }

    /// What the sum of the residuals of component `k` is divided by.
    fn divisor(&self, statistics: &Statistics, k: usize) -> f64 {
        let mass = statistics.s0()[k];
        if self.params.mass && mass > 0.0 { mass } else { 1.0 }
    }
}

impl FitEncoder for VladParams {
    type Encoder = Vlad;

    fn give(&mut self, part: Given) -> Result<()> {
        self.codebook.give(part, "vlad", self.threshold)
    }

    fn check(&self) -> Result<()> {
        Normalization { power: self.power, norm: self.norm }.check()?;
        if self.residual && self.codebook.assignment() == Assignment::Soft {
            return Err(Error::parameter("residual", "false with a soft assignment", true));
        }
        if self.residual && self.mass {
            return Err(Error::parameter("residual", "false with mass", true));
        }
        self.codebook.check(self.threshold)
    }

    fn fit_with<S: Source>(&self, rows: &S, context: &mut Context<'_>) -> Result<(Vlad, Option<FitReport>)> {
        let (codebook, report) = self.codebook.learn(self.threshold, rows, context)?;
        Ok((Vlad::with_params(codebook, self.clone())?, report))
    }
}

impl Encode for Vlad {
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
        if !self.params.residual {
            return self.codebook.accumulate(source, threads, workspace);
        }
        self.codebook.accumulate(
            &Reweighted::normalised(source, &self.codebook, threads)?,
            threads,
            workspace,
        )
    }

    fn encode_statistics(&self, statistics: &Statistics, out: &mut [f64]) -> Result<()> {
        let mixture = self.codebook.mixture();
        statistics.check(mixture)?;
        check_out(self.output_dim(), out.len())?;
        self.raw(statistics, out)?;
        let (k, width) = self.codebook.centres().dim();
        let rounding = Rounding::new(mixture, statistics);
        let resolved = |c: usize| match rounding.hides_mean(c, 0..width) {
            true => 0.0,
            false => of_share(statistics.s0[c], statistics.n, self.codebook.drop_threshold()),
        };
        self.normalization().apply(&[Segment { start: 0, components: k, width }], &resolved, out);
        Ok(())
    }

    fn blocks(&self) -> Vec<VectorBlock> {
        vec![VectorBlock::new("residuals", 0..self.output_dim(), 0..self.input_dim())]
    }

    fn raw(&self, statistics: &Statistics, out: &mut [f64]) -> Result<()> {
        let variances = self.codebook.mixture().covariances();
        for (c, out) in out.chunks_exact_mut(self.input_dim()).enumerate() {
            let divisor = self.divisor(statistics, c);
            for (out, (z, v)) in out.iter_mut().zip(statistics.z1.row(c).into_iter().zip(variances.row(c))) {
                *out = z * v.sqrt() / divisor;
            }
        }
        finite(out, out)
    }

    fn carry_back(&self, statistics: &Statistics, c: &[f64], to: &mut Linear) {
        let variances = self.codebook.mixture().covariances();
        for (k, c) in c.chunks_exact(self.input_dim()).enumerate() {
            let divisor = self.divisor(statistics, k);
            for (j, (c, v)) in c.iter().zip(variances.row(k)).enumerate() {
                to.add(k..k + 1, j, [0.0, c * v.sqrt() / divisor, 0.0]);
            }
        }
    }

    fn shares<S: Source>(
        &self,
        source: &S,
        functions: (&[Linear], Division),
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Array2<f64>> {
        let (mixture, threshold) = (self.codebook.mixture(), self.drop_threshold());
        if !self.params.residual {
            return mixture.shares(source, threshold, functions, threads, workspace);
        }
        let source = Reweighted::normalised(source, &self.codebook, threads)?;
        mixture.shares(&source, threshold, functions, threads, workspace)
    }

    fn settings(&self) -> Map<String, Value> {
        let codebook = LearnCodebook::default();
        let mut settings = to_file_settings(&VladParams { codebook, ..self.params.clone() });
        settings.insert("assignment".to_owned(), self.codebook.assignment().name().into());
        settings
    }

    fn write(&self, tensors: &mut Tensors) {
        self.codebook.write(tensors);
    }

    fn read(mut settings: Map<String, Value>, _: usize, file: &mut TensorFile<'_>) -> Result<Self> {
        let assignment = Codebook::take_assignment(&mut settings)?;
        let required = ["mass", "residual", "power", "norm", "threshold?"];
        let params: VladParams = from_settings(settings, &required)?;
        Vlad::with_params(Codebook::read(assignment, params.threshold, file)?, params)
    }
}

/// One over the distance of each row to its nearest centre, times the row's weight; 0 for a row at a centre,
/// whose residual is 0 anyway. Cost O(n K D).
fn inverse_distances<S: Source>(
    mixture: &GaussianMixture,
    source: &S,
    threads: &Threads,
) -> Result<Vec<f64>> {
    let distances = mixture.distances(source, threads)?;
    let invert = |(n, distance): (usize, f64)| match source.weight(n) {
        weight if weight > 0.0 && distance > 0.0 => weight * (1.0 / distance),
        _ => 0.0,
    };
    Ok(distances.into_iter().enumerate().map(invert).collect())
}

/// A source with other weights.
struct Reweighted<'a, S> {
    source: &'a S,
    weights: Vec<f64>,
}

impl<'a, S: Source> Reweighted<'a, S> {
    /// The weights under which each residual has norm 1.
    fn normalised(source: &'a S, codebook: &Codebook, threads: &Threads) -> Result<Self> {
        Ok(Reweighted { source, weights: inverse_distances(codebook.mixture(), source, threads)? })
    }
}

impl<S: Source> Source for Reweighted<'_, S> {
    type Real = S::Real;

    fn n_rows(&self) -> usize {
        self.source.n_rows()
    }

    fn dim(&self) -> usize {
        self.source.dim()
    }

    fn read(&self, start: usize, out: &mut [S::Real], spare: &mut RowBuffer<S::Real>) -> Result<()> {
        self.source.read(start, out, spare)
    }

    fn weights(&self) -> Option<&[f64]> {
        Some(&self.weights)
    }

    fn locate(&self, error: Error) -> Error {
        self.source.locate(error)
    }
}
