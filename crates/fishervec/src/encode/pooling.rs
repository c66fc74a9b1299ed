//! Statistics pooling: the mean and standard deviation of the descriptors, the baseline that any encoder must
//! beat.

use super::encode::{Encode, FitEncoder, from_settings, to_settings};
use super::gathered::{Content, Gathered, foreign};
use super::normalize::{Norm, Normalization, Segment};
use super::output::{Encoded, check_out};
use crate::data::{Moments, Source, is_nothing};
use crate::error::{Error, Result};
use crate::mixture::{FitReport, GaussianMixture, Statistics, Workspace};
use crate::util::context::Context;
use crate::util::tensors::{TensorFile, Tensors};
use crate::util::threads::Threads;
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
        if source.dim() != self.dim {
            return Err(Error::Dimension { what: "descriptors", expected: self.dim, got: source.dim() });
        }
        Ok(Gathered::new(source.n_rows(), Moments::of(source, threads)?))
    }

    fn encode_gathered(&self, gathered: &Gathered, out: &mut [f64]) -> Result<Encoded> {
        check_out(self.output_dim(), out.len())?;
        let d = self.dim;
        let moments = match gathered.content() {
            Content::Moments(moments) if moments.dim() == d => moments,
            _ => return Err(foreign()),
        };
        out[..d].copy_from_slice(&moments.mean);
        out[d..].iter_mut().zip(moments.variance()).for_each(|(out, variance)| *out = variance.sqrt());
        // The mean and the deviation of one column are the entries of one component.
        let segments = [0, d].map(|start| Segment { start, components: d, width: 1 });
        self.normalization.apply(&segments, &|_| 1.0, out);
        Ok(Encoded { n_rows: gathered.n_rows(), mean_log_likelihood: None })
    }

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
