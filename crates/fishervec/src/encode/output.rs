//! Finished encodings: their summary, and the checks of their vectors.

use crate::error::{Error, Result};
use crate::simd::vector::{Op, Simd};
use crate::simd::{Isa, Real, all_finite};

/// The summary of the encoding of one set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Encoded {
    /// Its number of descriptors; 0 means that the encoding is the zero vector.
    pub n_rows: usize,
    /// Their mean log-likelihood under the mixture in nats; `None` for an empty set, or an encoder without a
    /// mixture.
    pub mean_log_likelihood: Option<f64>,
}

pub(crate) fn check_out(expected: usize, got: usize) -> Result<()> {
    if expected == got { Ok(()) } else { Err(Error::Dimension { what: "the output", expected, got }) }
}

/// Rounds a finished encoding to the descriptors' float type.
pub(crate) fn write_out<F: Real>(vector: &[f64], out: &mut [F]) -> Result<()> {
    Isa::active().run(Round { vector, out });
    finite(out, vector)
}

struct Round<'a, F> {
    vector: &'a [f64],
    out: &'a mut [F],
}

impl<F: Real> Op for Round<'_, F> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        self.out.iter_mut().zip(self.vector).for_each(|(out, x)| *out = F::from_f64(*x));
    }
}

/// Checks that every entry is finite; `exact` holds the entries before rounding, for the error.
pub(crate) fn finite<F: Real>(vector: &[F], exact: &[f64]) -> Result<()> {
    if all_finite(vector) {
        return Ok(());
    }
    let index = vector.iter().position(|x| !x.to_f64().is_finite()).unwrap_or(0);
    Err(Error::Overflow { index, float: F::NAME, value: exact[index] })
}
