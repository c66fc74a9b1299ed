//! The report of a fit.

use serde::{Deserialize, Serialize};

/// The repair of a component that had lost its mass: it received half of another component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repair {
    /// The iteration in which it happened, from 1.
    pub iteration: usize,
    /// The component without mass.
    pub component: usize,
    /// The component that was split.
    pub donor: usize,
}

/// The report of a fit, which the model file holds too.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FitReport {
    /// Whether the last change was below `tol`; if not, the mixture is still the best found.
    pub converged: bool,
    /// The mean log-likelihood in nats at the start of each iteration, shape (n_iter,). It never falls by
    /// more than the threshold allows (at most K times the threshold), except where a component was repaired
    /// or a variance was held at its floor.
    pub lower_bounds: Vec<f64>,
    /// The components that were repaired.
    pub repairs: Vec<Repair>,
    /// The components that could not be repaired: their weight is 0 and they are never used.
    pub dead: Vec<usize>,
    /// The number of rows, or the sum of their weights.
    pub n: f64,
    /// The mean of the rows' largest posteriors at the last iteration:
    /// [`Statistics::softness`](super::Statistics::softness).
    pub softness: f64,
    /// An upper bound of the share of posterior mass that the threshold dropped, at the last iteration.
    pub dropped: f64,
    /// The seed of the start that was kept.
    pub seed: u64,
    /// The number of steps of a stepwise fit, whose iterations are passes and which has no convergence; 0 for
    /// any other.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub steps: usize,
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

impl FitReport {
    /// The number of iterations run.
    #[must_use]
    pub fn n_iter(&self) -> usize {
        self.lower_bounds.len()
    }

    /// The last of the lower bounds, in nats.
    #[must_use]
    pub fn lower_bound(&self) -> f64 {
        self.lower_bounds.last().copied().unwrap_or(f64::NEG_INFINITY)
    }
}
