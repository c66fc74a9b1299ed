//! Statistics pooling: the mean and standard deviation of the descriptors, the baseline that any encoder must
//! beat.

use super::contributions::{By, Scores, VectorBlock};
use super::encode::{Encode, FitEncoder, from_settings, to_settings};
use super::gathered::{Content, Gathered, foreign};
use super::normalize::{Norm, Normalization, Segment};
use super::output::{Encoded, check_out};
use crate::data::{Moments, RowBuffer, Source, is_nothing};
use crate::error::{Error, Result};
use crate::mixture::{FitReport, GaussianMixture, Linear, Statistics, Workspace};
use crate::simd::Real;
use crate::util::context::Context;
use crate::util::tensors::{TensorFile, Tensors};
use crate::util::threads::Threads;
use ndarray::{Array2, Array3, Axis};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Settings of pooling.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PoolingParams {
    /// The exponent of the signed power of each entry; 1 keeps the entries unchanged.
    pub power: f64,
    /// The norm to divide by, after the power.
    pub norm: Norm,
}

impl Default for PoolingParams {
    /// Neither power nor norm.
    fn default() -> Self {
        PoolingParams { power: 1.0, norm: Norm::None }
    }
}

impl From<Normalization> for PoolingParams {
    fn from(Normalization { power, norm }: Normalization) -> Self {
        PoolingParams { power, norm }
    }
}

/// The pooling encoder: it maps a set of n descriptors of dimension D to `[mean | standard deviation]`,
/// length 2 D, in the descriptors' unit; then power and norm. With weights, both are weighted. The standard
/// deviation is the biased one, sqrt(sum (x - mean)^2 / N). The vector of an empty set is zero. The encoder
/// has no statistics.
#[derive(Debug, Clone, PartialEq)]
pub struct Pooling {
    dim: usize,
    normalization: Normalization,
}

impl Pooling {
    /// The encoder for descriptors of `dim` columns.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a power out of range.
    pub fn new(dim: usize, params: impl Into<PoolingParams>) -> Result<Self> {
        let params = params.into();
        params.check()?;
        Ok(Pooling { dim, normalization: Normalization { power: params.power, norm: params.norm } })
    }

    fn check_dim<S: Source>(&self, source: &S) -> Result<()> {
        if source.dim() == self.dim || is_nothing(source) {
            return Ok(());
        }
        Err(Error::Dimension { what: "descriptors", expected: self.dim, got: source.dim() })
    }

    fn moments<'a>(&self, gathered: &'a Gathered) -> Result<&'a Moments> {
        match gathered.content() {
            Content::Moments(moments) if moments.dim() == self.dim => Ok(moments),
            _ => Err(foreign()),
        }
    }

    /// Writes the vector before power and norm.
    fn raw_of(&self, moments: &Moments, out: &mut [f64]) {
        let (mean, deviation) = out.split_at_mut(self.dim);
        mean.copy_from_slice(&moments.mean);
        deviation.iter_mut().zip(moments.variance()).for_each(|(out, variance)| *out = variance.sqrt());
    }
}

impl FitEncoder for PoolingParams {
    type Encoder = Pooling;

    fn check(&self) -> Result<()> {
        Normalization { power: self.power, norm: self.norm }.check()
    }

    fn has_statistics(&self) -> bool {
        false
    }

    fn fit_with<S: Source>(&self, rows: &S, _: &mut Context<'_>) -> Result<(Pooling, Option<FitReport>)> {
        Ok((Pooling::new(rows.dim(), *self)?, None))
    }
}

impl Encode for Pooling {
    fn input_dim(&self) -> usize {
        self.dim
    }

    fn output_dim(&self) -> usize {
        2 * self.dim
    }

    fn normalization(&self) -> Normalization {
        self.normalization
    }

    fn statistics_mixture(&self) -> Option<&GaussianMixture> {
        None
    }

    fn accumulate<S: Source>(&self, _: &S, _: &Threads, _: &Workspace<S::Real>) -> Result<Statistics> {
        Err(without_statistics())
    }

    fn encode_statistics(&self, _: &Statistics, _: &mut [f64]) -> Result<()> {
        Err(without_statistics())
    }

    fn gather<S: Source>(&self, source: &S, threads: &Threads, _: &Workspace<S::Real>) -> Result<Gathered> {
        if is_nothing(source) {
            return Ok(Gathered::new(0, Moments::new(self.dim)));
        }
        self.check_dim(source)?;
        Ok(Gathered::new(source.n_rows(), Moments::of(source, threads)?))
    }

    fn encode_gathered(&self, gathered: &Gathered, out: &mut [f64]) -> Result<Encoded> {
        check_out(self.output_dim(), out.len())?;
        let d = self.dim;
        self.raw_of(self.moments(gathered)?, out);
        // The mean and the deviation of one column are the entries of one component.
        let segments = [0, d].map(|start| Segment { start, components: d, width: 1 });
        self.normalization.apply(&segments, &|_| 1.0, out);
        Ok(Encoded { n_rows: gathered.n_rows(), mean_log_likelihood: None })
    }

    fn blocks(&self) -> Vec<VectorBlock> {
        let d = self.dim;
        [("means", 0..d), ("deviations", d..2 * d)].map(|(name, of)| VectorBlock::new(name, of, 0..d)).into()
    }

    fn contributions_in<S: Source>(
        &self,
        group: &Gathered,
        source: &S,
        scores: &Scores<'_>,
        threads: &Threads,
        _: &Workspace<S::Real>,
    ) -> Result<Array3<f64>> {
        scores.check(self.output_dim())?;
        if scores.by == Some(By::Component) {
            return Err(Error::parameter("by", "block or dimension for pooling", "component"));
        }
        self.check_dim(source)?;
        let moments = self.moments(group)?;
        let (mut raw, mut vector) = (vec![0.0; self.output_dim()], vec![0.0; self.output_dim()]);
        self.raw_of(moments, &mut raw);
        self.encode_gathered(group, &mut vector)?;
        let functions: Vec<Vec<[f64; 2]>> = scores
            .coefficients(&raw, &vector, &self.blocks())
            .iter()
            .map(|c| carry_back(moments.n, &raw[self.dim..], c))
            .collect();
        let parts = if scores.by == Some(By::Dimension) { self.dim } else { 1 };
        scores.shaped(shares(source, &functions, &moments.mean, parts, threads)?)
    }

    fn raw(&self, _: &Statistics, _: &mut [f64]) -> Result<()> {
        Err(without_statistics())
    }

    fn raw_gathered(&self, gathered: &Gathered, out: &mut [f64]) -> Result<()> {
        self.raw_of(self.moments(gathered)?, out);
        Ok(())
    }

    fn carry_back(&self, _: &Statistics, _: &[f64], _: &mut Linear) {}

    fn settings(&self) -> Map<String, Value> {
        let Normalization { power, norm } = self.normalization;
        to_settings(&PoolingParams { power, norm })
    }

    fn write(&self, _: &mut Tensors) {}

    fn read(settings: Map<String, Value>, columns: usize, _: &mut TensorFile<'_>) -> Result<Self> {
        let params: PoolingParams = from_settings(settings, &["power", "norm"])?;
        Pooling::new(columns, params)
    }
}

fn without_statistics() -> Error {
    Error::parameter("encoder", "one with statistics", "pooling")
}

/// The number of rows that are read at once.
const BLOCK_ROWS: usize = 1024;

/// The coefficients of x and of (x - mean)^2 in each column, whose sum over descriptors is c . raw: the mean
/// is sum x/N, and the deviation s is sum (x - mean)^2/(N s).
fn carry_back(n: f64, deviations: &[f64], c: &[f64]) -> Vec<[f64; 2]> {
    let (of_mean, of_deviation) = c.split_at(deviations.len());
    let of = |x: f64, divisor: f64| if divisor > 0.0 { x / divisor } else { 0.0 };
    let columns = of_mean.iter().zip(of_deviation.iter().zip(deviations));
    columns.map(|(mean, (deviation, s))| [of(*mean, n), of(*deviation, n * s)]).collect()
}

/// The share of each row in each of the functions, in that many parts: shape (n, functions parts).
fn shares<S: Source>(
    source: &S,
    functions: &[Vec<[f64; 2]>],
    means: &[f64],
    parts: usize,
    threads: &Threads,
) -> Result<Array2<f64>> {
    let (d, width) = (means.len(), functions.len() * parts);
    let mut out = Array2::zeros((source.n_rows(), width));
    let blocks: Vec<_> = out.axis_chunks_iter_mut(Axis(0), BLOCK_ROWS).collect();
    threads.for_each(blocks, &|i, mut out| {
        let mut rows = vec![S::Real::ZERO; out.nrows() * d];
        source.read_finite(i * BLOCK_ROWS, &mut rows, &mut RowBuffer::default())?;
        for ((row, x), mut out) in (i * BLOCK_ROWS..).zip(rows.chunks_exact(d)).zip(out.outer_iter_mut()) {
            let weight = source.weight(row);
            if weight == 0.0 {
                continue;
            }
            for (f, function) in functions.iter().enumerate() {
                for (j, (x, ([first, second], mean))) in x.iter().zip(function.iter().zip(means)).enumerate()
                {
                    let (x, deviation) = (x.to_f64(), x.to_f64() - mean);
                    let share = weight * (first * x + second * deviation * deviation);
                    out[f * parts + if parts == d { j } else { 0 }] += share;
                }
            }
        }
        Ok(())
    })?;
    Ok(out)
}
