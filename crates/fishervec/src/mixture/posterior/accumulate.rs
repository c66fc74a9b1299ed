//! From posteriors to statistics.

use super::kernel::Kernel;
use super::pairs::{Pairs, TOGETHER};
use crate::simd::vector::{Op, Simd, Vector};
use crate::simd::{LANES, Real};

/// Where a block's statistics are added: S0 (K), sum q z and sum q z^2 (K, D), row-major.
pub(crate) struct Sums<'a> {
    pub(crate) s0: &'a mut [f64],
    pub(crate) z1: &'a mut [f64],
    pub(crate) z2: &'a mut [f64],
}

/// Adds sum q, sum q z and sum q z^2 of the block: in `F` over a component's pairs, then in `f64`.
pub(super) struct Accumulate<'a, 'b, F> {
    pub(super) kernel: &'a Kernel<F>,
    pub(super) packed: &'a [F],
    pub(super) pairs: &'a Pairs<F>,
    pub(super) sums: &'a mut Sums<'b>,
}

impl<F: Real> Op for Accumulate<'_, '_, F> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Accumulate { kernel, packed, pairs, sums } = self;
        let (d, stride, len) = (kernel.d, kernel.stride, F::Longest::<S>::LEN);
        for k in 0..kernel.k {
            let z1 = &mut sums.z1[k * d..][..d];
            let z2 = &mut sums.z2[k * d..][..d];
            let slope = &kernel.slope[k * stride..][..stride];
            let intercept = &kernel.intercept[k * stride..][..stride];
            let of = pairs.of(k);
            for first in of.clone().step_by(TOGETHER) {
                let some = first..of.end.min(first + TOGETHER);
                let (q, rows) = (&pairs.value[some.clone()], &pairs.row[some]);
                sums.s0[k] += sum(q);
                let terms = Terms { slope, intercept, packed, q, rows };
                let mut j = 0;
                while j + 4 * len <= stride {
                    columns::<F, F::Longest<S>, 4>(simd, terms, j, z1, z2);
                    j += 4 * len;
                }
                match (stride - j) / len {
                    3 => columns::<F, F::Longest<S>, 3>(simd, terms, j, z1, z2),
                    2 => columns::<F, F::Longest<S>, 2>(simd, terms, j, z1, z2),
                    1 => columns::<F, F::Longest<S>, 1>(simd, terms, j, z1, z2),
                    _ => {}
                }
                if stride % len > 0 {
                    columns::<F, F::Eight<S>, 1>(simd, terms, stride - stride % len, z1, z2);
                }
            }
        }
    }
}

/// The sum in `f64`, as eight partial sums.
#[inline(always)]
fn sum<F: Real>(values: &[F]) -> f64 {
    let (vectors, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for vector in vectors {
        sums.iter_mut().zip(vector).for_each(|(sum, x)| *sum += x.to_f64());
    }
    sums.iter_mut().zip(rest).for_each(|(sum, x)| *sum += x.to_f64());
    sums.iter().sum()
}

/// Some pairs of a component: its slope and intercept, their posteriors and rows.
#[derive(Clone, Copy)]
struct Terms<'a, F> {
    slope: &'a [F],
    intercept: &'a [F],
    packed: &'a [F],
    q: &'a [F],
    rows: &'a [u32],
}

/// Adds the `W` vectors of columns of z1 and z2 from `j` on.
#[inline(always)]
fn columns<F: Real, V: Vector<F>, const W: usize>(
    simd: V::Simd,
    terms: Terms<'_, F>,
    j: usize,
    z1: &mut [f64],
    z2: &mut [f64],
) {
    let Terms { slope, intercept, packed, q, rows } = terms;
    let stride = slope.len();
    let load = |of: &[F]| std::array::from_fn(|i| V::from_slice(simd, &of[j..][..W * V::LEN][i * V::LEN..]));
    let (slope, intercept): ([V; W], [V; W]) = (load(slope), load(intercept));
    let (mut first, mut second) = ([V::splat(simd, F::ZERO); W], [V::splat(simd, F::ZERO); W]);
    for (q, row) in q.iter().zip(rows) {
        let y = &packed[*row as usize * stride + j..][..W * V::LEN];
        let q = V::splat(simd, *q);
        for i in 0..W {
            let z = V::from_slice(simd, &y[i * V::LEN..]).msub(slope[i], intercept[i]);
            let qz = q.mul(z);
            first[i] = first[i].add(qz);
            second[i] = qz.madd(z, second[i]);
        }
    }
    for i in 0..W {
        add(&mut z1[j + i * V::LEN..], first[i]);
        add(&mut z2[j + i * V::LEN..], second[i]);
    }
}

/// Adds the first numbers of `from` to `to`, as many as there are.
#[inline(always)]
fn add<F: Real, V: Vector<F>>(to: &mut [f64], from: V) {
    const MOST: usize = 2 * LANES;
    let mut numbers = [F::ZERO; MOST];
    from.copy_to_slice(&mut numbers);
    if to.len() >= V::LEN {
        to[..V::LEN].iter_mut().zip(numbers).for_each(|(to, from)| *to += from.to_f64());
    } else {
        to.iter_mut().zip(numbers).for_each(|(to, from)| *to += from.to_f64());
    }
}
