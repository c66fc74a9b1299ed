//! Statistics pooling: mean and standard deviation of the descriptors, the baseline any encoder must beat.

use super::normalize::{Normalization, Part};
use super::output::{Encoded, check_out, write_out};
use crate::data::{Moments, Source};
use crate::error::Result;
use crate::util::threads::Threads;

/// The pooling encoder: a set of n descriptors of dimension D to `[mean | standard deviation]`, length
/// 2 D, in the descriptors' unit; then power and norm. With weights, both are weighted. The standard
/// deviation is the biased one, sqrt(sum (x - mean)^2 / N). An empty set gives zeros.
#[derive(Debug, Clone, PartialEq)]
pub struct Pooling {
    dim: usize,
    normalization: Normalization,
}

impl Pooling {
    /// The encoder of descriptors of `dim` columns.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) for a power out of range.
    pub fn new(dim: usize, normalization: Normalization) -> Result<Self> {
        normalization.check()?;
        Ok(Pooling { dim, normalization })
    }

    /// D, the columns of the descriptors it takes.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// 2 D, the length of an encoding.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "an encoding is never empty")]
    pub fn len(&self) -> usize {
        2 * self.dim
    }

    /// Power and norm.
    #[must_use]
    pub fn normalization(&self) -> Normalization {
        self.normalization
    }

    pub(crate) fn encode_into<S: Source>(
        &self,
        source: &S,
        out: &mut [S::Real],
        threads: &Threads,
    ) -> Result<Encoded> {
        check_out(self.len(), out.len())?;
        let moments = Moments::of(source, threads)?;
        let deviation = moments.variance().into_iter().map(f64::sqrt);
        let mut vector: Vec<f64> = moments.mean.iter().copied().chain(deviation).collect();
        // The mean and deviation of one column are the entries of one component.
        let d = self.dim;
        let parts = [0, d].map(|start| Part { start, components: d, width: 1 });
        self.normalization.apply(&parts, &mut vector);
        write_out(&vector, out)?;
        Ok(Encoded { n_rows: source.n_rows(), mean_log_likelihood: None })
    }
}
