//! Log-densities to posteriors.

use super::pairs::{Pairs, TOGETHER};
use crate::simd::vector::{Op, Simd};
use crate::simd::{LANES, Real};

/// Turns log-densities into posteriors: those below the row's best plus `log_threshold` become 0 and leave
/// the list, the rest sums to 1.
pub(super) struct Softmax<'a, F> {
    pub(super) log_threshold: F,
    /// What the log-densities leave out.
    pub(super) offset: f64,
    pub(super) pairs: &'a mut Pairs<F>,
    /// Per row: its best log-density.
    pub(super) best: &'a [F],
    /// Per row: its largest posterior.
    pub(super) largest: &'a mut [F],
    /// Per row that is not padding: log p(x).
    pub(super) log_likelihood: &'a mut [f64],
}

impl<F: Real> Op for Softmax<'_, F> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Softmax { log_threshold, offset, pairs, best, largest, log_likelihood } = self;
        let len = pairs.len();
        let Pairs { start, row, value } = pairs;
        let (row, value) = (&mut row[..len], &mut value[..len.next_multiple_of(LANES)]);
        // The sum of e^(log-density - best), until it is inverted.
        let total = largest;
        total.fill(F::ZERO);
        exponentials::<F, S>(row, value, log_threshold, best, total);
        for (n, log_likelihood) in log_likelihood.iter_mut().enumerate() {
            *log_likelihood = best[n].to_f64() + libm::log(total[n].to_f64()) + offset;
            total[n] = F::ONE / total[n];
        }
        compact(start, row, value, total);
    }
}

/// Multiplies each value by its row's factor. Only what is left stays in the list: a pair without a posterior
/// may have an infinite z.
#[inline(always)]
fn compact<F: Real>(start: &mut [usize], row: &mut [u32], value: &mut [F], factor: &[F]) {
    let (mut from, mut len) = (0, 0);
    for end in &mut start[1..] {
        for i in from..*end {
            let posterior = value[i] * factor[row[i] as usize];
            (row[len], value[len]) = (row[i], posterior);
            len += usize::from(posterior > F::ZERO);
        }
        (from, *end) = (*end, len);
    }
}

/// Replaces each log-density by e^(log-density - best), or by 0 below the threshold, and sums these by row.
#[inline(always)]
fn exponentials<F: Real, S: Simd>(
    row: &[u32],
    value: &mut [F],
    log_threshold: F,
    best: &[F],
    total: &mut [F],
) {
    let hard = log_threshold == F::ZERO;
    for (values, rows) in value.chunks_mut(TOGETHER).zip(row.chunks(TOGETHER)) {
        for (value, row) in values.iter_mut().zip(rows) {
            *value = *value - best[*row as usize];
        }
        for eight in values.as_chunks_mut::<LANES>().0 {
            for value in eight {
                *value = if *value >= log_threshold { value.exp_negative::<S>() } else { F::ZERO };
            }
        }
        for (value, row) in values.iter_mut().zip(rows) {
            let total = &mut total[*row as usize];
            // Hard assignment keeps the first of equals.
            *value = if hard && *total > F::ZERO { F::ZERO } else { *value };
            *total += *value;
        }
    }
}
