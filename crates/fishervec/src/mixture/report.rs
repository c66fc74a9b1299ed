//! How a fit goes, and how it went.

use serde::{Deserialize, Serialize};

/// What a running fit reports after each iteration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// The start it belongs to, from 0.
    pub start: usize,
    /// The iteration just done, from 1.
    pub iteration: usize,
    /// Most iterations there can be.
    pub max_iter: usize,
    /// Mean log-likelihood of the rows under the mixture this iteration started from, in nats.
    pub lower_bound: f64,
    /// Its change; infinite in the first iteration.
    pub change: f64,
}

/// A component that had lost its mass and was given half of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repair {
    /// The iteration it happened in, from 1.
    pub iteration: usize,
    /// The component without mass.
    pub component: usize,
    /// The component that was split.
    pub donor: usize,
}

/// How a fit went; kept in the model file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitReport {
    /// Whether the last change was below `tol`; where not, the mixture is still the best so far.
    pub converged: bool,
    /// Mean log-likelihood in nats at the start of each iteration, shape (n_iter,). It never falls by more
    /// than the threshold allows (at most K times the threshold), except where a component was repaired or
    /// a variance held at its floor.
    pub lower_bounds: Vec<f64>,
    /// Components that were repaired.
    pub repairs: Vec<Repair>,
    /// Components that could not be: their weight is 0 and they are never used.
    pub dead: Vec<usize>,
    /// Number of rows, or the sum of their weights.
    pub n: f64,
    /// The mean of the rows' largest posteriors: [`Statistics::softness`] at the last iteration.
    pub softness: f64,
    /// An upper bound of the share of posterior mass that the threshold dropped, at the last iteration.
    pub dropped: f64,
    /// Seed of the start that was kept.
    pub seed: u64,
}

impl FitReport {
    /// Iterations done.
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
