//! From rows to posteriors and statistics: the one pass over the data.
//!
//! A block of rows goes through five steps: *pack* (shift and scale to the mixture's own centre), *score* (one
//! product of 16-bit integers gives every log-density up to rounding), *mark* (components near a row's best), all three
//! a panel of 32 rows at a time (`screen.rs`); then, over the block, which stays in the second-level
//! cache (`block.rs`), *re-score* (the marked pairs again, directly from z = (x - mu)/sigma) and *accumulate* (S0,
//! sum q z, sum q z^2).
//!
//! The product only selects, with a margin that covers its rounding errors; every number that leaves comes from the
//! re-scoring. So neither cancellation in `[x | x^2]` nor the coarseness of 16 bits can hurt, and there is never an
//! N x K matrix.

mod block;
mod kernel;
#[cfg(test)]
mod reference;
mod screen;

pub(crate) use block::{Scratch, Sums};
pub(crate) use kernel::{Kernel, Kernels};
