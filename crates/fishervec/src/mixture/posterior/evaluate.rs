//! From posteriors to what each row adds to linear functions of the statistics.

use super::kernel::Kernel;
use super::pairs::Pairs;
use crate::mixture::linear::{Division, Functions};
use crate::simd::vector::{Op, Simd, Vector, Vector8};
use crate::simd::{LANES, Real};

/// Adds sum_k q (mass + sum_d (zeroth + first z + second z^2)) of each row of the block to `out`, in `f64`:
/// shape (rows, functions, parts). The residuals z are those that the statistics sum, to the last bit.
pub(super) struct Evaluate<'a, F> {
    pub(super) kernel: &'a Kernel<F>,
    pub(super) packed: &'a [F],
    pub(super) pairs: &'a Pairs<F>,
    pub(super) functions: &'a Functions<'a>,
    pub(super) out: &'a mut [f64],
}

/// Pairs of a component that share what is read of it.
const FOUR: usize = 4;

impl<F: Real> Op for Evaluate<'_, F> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Evaluate { kernel, packed, pairs, functions, out } = self;
        let (d, stride, parts) = (kernel.d, kernel.stride, functions.parts);
        let width = functions.linear.len() * parts;
        let mut z = vec![0.0; if matches!(functions.division, Division::Columns(_)) { stride } else { 0 }];
        for k in 0..kernel.k {
            let of_k = k * stride..(k + 1) * stride;
            let (slope, intercept) = (&kernel.slope[of_k.clone()], &kernel.intercept[of_k.clone()]);
            let of = pairs.of(k);
            for (values, rows) in pairs.value[of.clone()].chunks(FOUR).zip(pairs.row[of].chunks(FOUR)) {
                let last = rows.len() - 1;
                let at = |i: usize| &packed[rows[last.min(i)] as usize * stride..][..stride];
                let four = [at(0), at(1), at(2), at(3)];
                for (f, (linear, mass)) in functions.linear.iter().zip(&functions.mass).enumerate() {
                    let zeroth = &linear.zeroth[of_k.clone()];
                    let (first, second) = (&linear.first[of_k.clone()], &linear.second[of_k.clone()]);
                    if let Division::Columns(_) = functions.division {
                        for ((q, row), y) in values.iter().zip(rows).zip(four) {
                            residuals::<F, S>(simd, slope, intercept, y, &mut z);
                            let (q, out) =
                                (q.to_f64(), &mut out[*row as usize * width + f * parts..][..parts]);
                            let (columns, others) = out.split_at_mut(d);
                            add_columns(q, [&zeroth[..d], &first[..d], &second[..d], &z[..d]], columns);
                            others.iter_mut().for_each(|out| *out += q * mass[k]);
                        }
                        continue;
                    }
                    let part = if let Division::Components(c) = functions.division { k / c } else { 0 };
                    let sums = polynomials::<F, S>(simd, [slope, intercept], [first, second], four);
                    for ((q, row), sum) in values.iter().zip(rows).zip(sums) {
                        out[*row as usize * width + f * parts + part] += q.to_f64() * (mass[k] + sum);
                    }
                }
            }
        }
    }
}

/// z = y slope - intercept in eight columns.
#[inline(always)]
fn residual<F: Real, S: Simd>(simd: S, slope: F::Eight<S>, intercept: F::Eight<S>, y: &[F]) -> S::F64x8 {
    F::Eight::<S>::from_slice(simd, y).msub(slope, intercept).to_f64()
}

/// z of a row.
#[inline(always)]
fn residuals<F: Real, S: Simd>(simd: S, slope: &[F], intercept: &[F], y: &[F], z: &mut [f64]) {
    for j in (0..z.len()).step_by(LANES) {
        let slope = F::Eight::<S>::from_slice(simd, &slope[j..][..LANES]);
        let intercept = F::Eight::<S>::from_slice(simd, &intercept[j..][..LANES]);
        residual::<F, S>(simd, slope, intercept, &y[j..][..LANES]).copy_to_slice(&mut z[j..][..LANES]);
    }
}

/// sum_d (first + second z) z of four rows.
#[inline(always)]
fn polynomials<F: Real, S: Simd>(
    simd: S,
    [slope, intercept]: [&[F]; 2],
    [first, second]: [&[f64]; 2],
    rows: [&[F]; FOUR],
) -> [f64; FOUR] {
    let mut sums = [S::F64x8::splat(simd, 0.0); FOUR];
    for j in (0..first.len()).step_by(LANES) {
        let slope = F::Eight::<S>::from_slice(simd, &slope[j..][..LANES]);
        let intercept = F::Eight::<S>::from_slice(simd, &intercept[j..][..LANES]);
        let first = S::F64x8::from_slice(simd, &first[j..][..LANES]);
        let second = S::F64x8::from_slice(simd, &second[j..][..LANES]);
        for i in 0..FOUR {
            let z = residual::<F, S>(simd, slope, intercept, &rows[i][j..][..LANES]);
            sums[i] = second.madd(z, first).madd(z, sums[i]);
        }
    }
    S::F64x8::sums(sums)
}

/// Adds q (zeroth + first z + second z^2) to each column of `out`.
#[inline(always)]
fn add_columns(q: f64, [zeroth, first, second, z]: [&[f64]; 4], out: &mut [f64]) {
    for j in 0..out.len() {
        out[j] += q * (zeroth[j] + (first[j] + second[j] * z[j]) * z[j]);
    }
}
