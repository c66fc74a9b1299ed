//! The log-densities of the selected pairs, from z directly.

use super::kernel::Kernel;
use super::pairs::Pairs;
use crate::simd::Real;
use crate::simd::vector::{Op, Simd, Vector};
use std::ops::Range;

/// Computes the log-densities of the listed pairs up to the kernel's offset, and each row's best.
pub(super) struct Score<'a, F> {
    pub(super) kernel: &'a Kernel<F>,
    pub(super) packed: &'a [F],
    pub(super) pairs: &'a mut Pairs<F>,
    /// Per row: its best log-density.
    pub(super) best: &'a mut [F],
}

impl<F: Real> Op for Score<'_, F> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Score { kernel, packed, pairs, best } = self;
        let stride = kernel.stride;
        let whole = stride / F::Longest::<S>::LEN * F::Longest::<S>::LEN;
        best.fill(F::NEG_INFINITY);
        for k in 0..kernel.k {
            let slope = &kernel.slope[k * stride..][..stride];
            let intercept = &kernel.intercept[k * stride..][..stride];
            let log_weight = kernel.log_weight[k];
            // Four pairs at a time share what is read of the component.
            let of = pairs.of(k);
            for (values, rows) in pairs.value[of.clone()].chunks_mut(4).zip(pairs.row[of].chunks(4)) {
                let last = rows.len() - 1;
                let at = |i: usize| &packed[rows[last.min(i)] as usize * stride..][..stride];
                let four = [at(0), at(1), at(2), at(3)];
                let mut sums = squares::<F, F::Longest<S>>(simd, slope, intercept, four, 0..whole);
                if whole < stride {
                    let rest = squares::<F, F::Eight<S>>(simd, slope, intercept, four, whole..stride);
                    sums.iter_mut().zip(rest).for_each(|(sum, rest)| *sum += rest);
                }
                for ((value, square), row) in values.iter_mut().zip(sums).zip(rows) {
                    *value = log_weight - F::from_f64(0.5) * square;
                    let best = &mut best[*row as usize];
                    *best = if *value > *best { *value } else { *best };
                }
            }
        }
    }
}

/// sum z^2 of four rows over some columns, a multiple of the vector's length.
#[inline(always)]
fn squares<F: Real, V: Vector<F>>(
    simd: V::Simd,
    slope: &[F],
    intercept: &[F],
    rows: [&[F]; 4],
    columns: Range<usize>,
) -> [F; 4] {
    let mut squares = [V::splat(simd, F::ZERO); 4];
    let rows = rows.map(|row| &row[columns.clone()]);
    let (slope, intercept) = (&slope[columns.clone()], &intercept[columns]);
    for j in (0..slope.len()).step_by(V::LEN) {
        let (r, t) = (V::from_slice(simd, &slope[j..]), V::from_slice(simd, &intercept[j..]));
        for i in 0..4 {
            let z = V::from_slice(simd, &rows[i][j..]).msub(r, t);
            squares[i] = z.madd(z, squares[i]);
        }
    }
    V::sums(squares)
}
