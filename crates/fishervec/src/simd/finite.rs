//! Whether numbers are finite.

use super::{LANES, Real};

/// Whether every number is finite. Cost O(n).
pub(crate) fn all_finite<F: Real>(values: &[F]) -> bool {
    let (blocks, rest) = values.as_chunks::<LANES>();
    let mut poison = [F::ZERO; LANES];
    for block in blocks {
        for (p, x) in poison.iter_mut().zip(block) {
            *p += *x * F::ZERO;
        }
    }
    poison.iter().all(|p| *p == F::ZERO) && rest.iter().all(|x| *x * F::ZERO == F::ZERO)
}
