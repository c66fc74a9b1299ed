//! What a set is like under a pipeline, beside its vector.

use super::chain::Pipeline;
use crate::encode::{Content, Encode, Gathered, foreign};
use crate::error::Result;
use crate::mixture::{GaussianMixture, Statistics, Workspace};
use crate::simd::Real;
use std::borrow::Cow;

/// What a set is like.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Overview {
    /// The Euclidean norm of its vector before the norm of the encoder and after its power.
    pub(crate) length: f64,
    /// The share of each component, S0/N, shape (K,); none for pooling, and for a set without weight.
    pub(crate) shares: Vec<f64>,
    /// The mean of its rows' largest posteriors, likewise.
    pub(crate) softness: Option<f64>,
}

impl Pipeline {
    /// What the set is like that this was gathered of. Cost O(P), or O(K D) per part of a pyramid.
    pub(crate) fn overview<F: Real>(
        &self,
        gathered: &Gathered,
        workspace: &Workspace<F>,
    ) -> Result<Overview> {
        let (encoder, normalization) = (self.encoder(), self.encoder().normalization());
        let mut raw = vec![0.0; encoder.output_dim()];
        let mut lengths = Vec::new();
        let statistics = match (self.cells(), gathered.content()) {
            (Some((_, mixture)), Content::Tiles(tiles)) => {
                let all = tiles.for_each_cell(mixture, workspace, &mut |statistics| {
                    encoder.raw(statistics, &mut raw)?;
                    lengths.push(normalization.length(&mut raw));
                    Ok(())
                })?;
                Some(Cow::Owned(all))
            }
            (None, content) => {
                encoder.raw_gathered(gathered, &mut raw)?;
                lengths.push(normalization.length(&mut raw));
                content.statistics().map(Cow::Borrowed)
            }
            _ => return Err(foreign()),
        };
        let length = lengths.into_iter().fold(0.0, f64::hypot);
        let shares = statistics.as_ref().map_or_else(Vec::new, |statistics| self.shares_of(statistics));
        Ok(Overview { length, shares, softness: statistics.and_then(|statistics| statistics.softness()) })
    }

    /// S0/N of each component of the descriptors, without positions.
    fn shares_of(&self, statistics: &Statistics) -> Vec<f64> {
        let k = self.encoder().mixture().map_or(0, GaussianMixture::n_components);
        let (s0, n) = (statistics.s0(), statistics.n());
        if k == 0 || n <= 0.0 {
            return Vec::new();
        }
        let each = s0.len() / k;
        (0..k).map(|k| s0.slice(ndarray::s![k * each..(k + 1) * each]).sum() / n).collect()
    }
}
