//! From rows to posteriors and statistics: the one pass over the data.
//!
//! A block of rows goes through five steps:
//!
//! 1. *pack* (`screen.rs`): shift and scale the rows to the mixture's own centre;
//! 2. *product* (`simd/int16.rs`): products of 16-bit integers give every log-density up to rounding;
//! 3. *select* (`screen.rs`): the components near a row's best;
//! 4. *score* (`score.rs`, `softmax.rs`): the selected pairs again, directly from z = (x - mu)/sigma, and
//!    their posteriors;
//! 5. *accumulate* (`accumulate.rs`): S0, sum q z, sum q z^2.
//!
//! The first three go panel by panel, 32 rows at a time; the last two go over the whole block, which stays in
//! the second-level cache.
//!
//! Where a block keeps most of its pairs, steps 2 to 4 are `dense.rs`: all pairs from z, 32 rows at a time.
//!
//! The product only selects, with a margin that covers its rounding errors; every number that leaves comes
//! from the fourth step. So neither cancellation in `[x | x^2]` nor the coarseness of 16 bits can hurt, and
//! no n x K matrix is ever allocated.

mod accumulate;
mod block;
mod dense;
mod evaluate;
mod kernel;
mod pairs;
#[cfg(test)]
mod reference;
mod score;
mod screen;
mod softmax;
mod weights;

pub(crate) use accumulate::Sums;
pub(crate) use block::Scratch;
pub(crate) use kernel::{Kernel, Kernels};
