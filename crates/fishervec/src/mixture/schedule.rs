//! Settings of stepwise expectation maximization.

use crate::error::{Error, Result};
use crate::util::setters::setters;
use serde::{Deserialize, Serialize};

/// Settings of stepwise expectation maximization ([`Stepwise`](super::Stepwise)).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StepwiseParams {
    /// The number of rows of a step; `None` is 16 K, at least 4,096.
    pub step_rows: Option<usize>,
    /// The step sizes are (t + delay)^-exponent for t = 1, 2, ...; above 0.5 and at most 1. The larger it is,
    /// the longer the start is remembered.
    pub exponent: f64,
    /// The number of steps by which the step sizes are ahead, at least 0.
    pub delay: f64,
    /// The number of places that the rows of a step are taken from.
    pub cursors: usize,
    /// The number of passes over all rows.
    pub passes: usize,
}

impl Default for StepwiseParams {
    fn default() -> Self {
        StepwiseParams { step_rows: None, exponent: 0.7, delay: 2.0, cursors: 256, passes: 1 }
    }
}

setters! { StepwiseParams {
    /// Sets the number of rows of a step.
    step_rows: Option<usize>,
    /// Sets the exponent of the step sizes.
    exponent: f64,
    /// Sets the number of steps by which the step sizes are ahead.
    delay: f64,
    /// Sets the number of places that the rows of a step are taken from.
    cursors: usize,
    /// Sets the number of passes over all rows.
    passes: usize,
} }

impl StepwiseParams {
    /// Checks that each setting is in its range.
    ///
    /// # Errors
    /// [`Error::Parameter`] with the first that is not.
    pub fn check(&self) -> Result<()> {
        if !(self.exponent > 0.5 && self.exponent <= 1.0) {
            return Err(Error::parameter("exponent", "a number above 0.5, at most 1", self.exponent));
        }
        if !(self.delay.is_finite() && self.delay >= 0.0) {
            return Err(Error::parameter("delay", "a finite number of at least 0", self.delay));
        }
        let counts =
            [("step_rows", self.step_rows.unwrap_or(1)), ("cursors", self.cursors), ("passes", self.passes)];
        match counts.into_iter().find(|(_, n)| *n == 0) {
            Some((name, n)) => Err(Error::parameter(name, "at least 1", n)),
            None => Ok(()),
        }
    }

    /// The number of steps of a pass over `n` rows, with `k` components. Fewer than some 250 in all passes
    /// are too few.
    #[must_use]
    pub fn n_steps(&self, n: usize, k: usize) -> usize {
        let rows = self.step_rows.unwrap_or_else(|| k.saturating_mul(16).max(4096));
        n.div_ceil(rows.max(1)).max(1)
    }

    /// The weight of the `t`-th step, from 1.
    pub(super) fn gain(&self, t: usize) -> f64 {
        libm::pow(t as f64 + self.delay, -self.exponent)
    }
}
