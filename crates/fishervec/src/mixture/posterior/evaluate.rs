//! From posteriors to what each row adds to linear functions of the statistics.

use super::kernel::Kernel;
use super::pairs::Pairs;
use crate::mixture::linear::{Division, Functions};
use crate::simd::vector::{Op, Simd, Vector};
use crate::simd::{LANES, Real};

/// Adds sum_k q (mass + sum_d (zeroth + first z + second z^2)) of each row of the block to `out`, in `f64`:
/// shape (rows, functions, parts). The residuals z are those that [`Accumulate`](super::accumulate::Accumulate)
/// sums, to the last bit.
pub(super) struct Evaluate<'a, F> {
    pub(super) kernel: &'a Kernel<F>,
    pub(super) packed: &'a [F],
    pub(super) pairs: &'a Pairs<F>,
    pub(super) functions: &'a Functions<'a>,
    pub(super) out: &'a mut [f64],
}

impl<F: Real> Op for Evaluate<'_, F> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Evaluate { kernel, packed, pairs, functions, out } = self;
        let (stride, parts) = (kernel.stride, functions.parts);
        let width = functions.linear.len() * parts;
        let (mut z, mut wide) = (vec![F::ZERO; stride], vec![0.0; stride]);
        for k in 0..kernel.k {
            let of_k = k * stride..(k + 1) * stride;
            let (slope, intercept) = (&kernel.slope[of_k.clone()], &kernel.intercept[of_k.clone()]);
            for i in pairs.of(k) {
                let (q, row) = (pairs.value[i].to_f64(), pairs.row[i] as usize);
                residuals::<F, S>(simd, slope, intercept, &packed[row * stride..][..stride], &mut z);
                wide.iter_mut().zip(&z).for_each(|(wide, z)| *wide = z.to_f64());
                let out = &mut out[row * width..][..width];
                for ((linear, mass), out) in
                    functions.linear.iter().zip(&functions.mass).zip(out.chunks_exact_mut(parts))
                {
                    let (first, second) = (&linear.first[of_k.clone()], &linear.second[of_k.clone()]);
                    let part = match functions.division {
                        Division::Whole => 0,
                        Division::Components(c) => k / c,
                        Division::Columns(_) => {
                            let zeroth = &linear.zeroth[of_k.clone()];
                            let (columns, others) = out.split_at_mut(kernel.d);
                            for (j, out) in columns.iter_mut().enumerate() {
                                *out += q * (zeroth[j] + (first[j] + second[j] * wide[j]) * wide[j]);
                            }
                            others.iter_mut().for_each(|out| *out += q * mass[k]);
                            continue;
                        }
                    };
                    out[part] += q * (mass[k] + polynomial::<S>(simd, first, second, &wide));
                }
            }
        }
    }
}

/// z of one row.
#[inline(always)]
fn residuals<F: Real, S: Simd>(simd: S, slope: &[F], intercept: &[F], y: &[F], z: &mut [F]) {
    let whole = z.len() / F::Longest::<S>::LEN * F::Longest::<S>::LEN;
    for j in (0..whole).step_by(F::Longest::<S>::LEN) {
        residual::<F, F::Longest<S>>(simd, &slope[j..], &intercept[j..], &y[j..], &mut z[j..]);
    }
    if whole < z.len() {
        residual::<F, F::Eight<S>>(simd, &slope[whole..], &intercept[whole..], &y[whole..], &mut z[whole..]);
    }
}

#[inline(always)]
fn residual<F: Real, V: Vector<F>>(simd: V::Simd, slope: &[F], intercept: &[F], y: &[F], z: &mut [F]) {
    let (slope, intercept) = (V::from_slice(simd, slope), V::from_slice(simd, intercept));
    V::from_slice(simd, y).msub(slope, intercept).copy_to_slice(z);
}

/// sum (first + second z) z.
#[inline(always)]
fn polynomial<S: Simd>(simd: S, first: &[f64], second: &[f64], z: &[f64]) -> f64 {
    let load = |of: &[f64], j: usize| S::F64x8::from_slice(simd, &of[j..][..LANES]);
    let mut sum = S::F64x8::splat(simd, 0.0);
    for j in (0..z.len()).step_by(LANES) {
        let z = load(z, j);
        sum = load(second, j).madd(z, load(first, j)).madd(z, sum);
    }
    sum.sum()
}
