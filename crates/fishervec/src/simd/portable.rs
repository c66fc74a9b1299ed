//! The level for any processor: vectors are arrays.

use super::scalar::Real;
use super::scalar::sealed::Float;
use super::vector::{F32Vector, LANES, PairSums, Simd, Vector, Vector8, keep_positive};

/// What any processor has; a product and a sum are rounded apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Portable;

impl Simd for Portable {
    const FMA: bool = false;
    const REGISTERS: usize = 16;
    type F32x8 = Array<f32, Self>;
    type F64x8 = Array<f64, Self>;
    type F32s = Array<f32, Self>;
    type F64s = Array<f64, Self>;
    type I32s = Array<i32, Self>;
}

/// Eight numbers of an instruction set without vectors of its own here.
#[derive(Clone, Copy)]
pub(super) struct Array<F, S>([F; LANES], S);

impl<F: Copy, S: Copy> Array<F, S> {
    /// `f` of each lane of `self`, `b` and `c`.
    #[inline(always)]
    fn map(mut self, b: Self, c: Self, f: impl Fn(F, F, F) -> F) -> Self {
        for i in 0..LANES {
            self.0[i] = f(self.0[i], b.0[i], c.0[i]);
        }
        self
    }
}

impl<F: Real, S: Simd> Vector<F> for Array<F, S> {
    type Simd = S;
    const LEN: usize = LANES;
    #[inline(always)]
    fn splat(simd: S, x: F) -> Self {
        Array([x; LANES], simd)
    }
    #[inline(always)]
    fn from_slice(simd: S, from: &[F]) -> Self {
        Array(*from.first_chunk().expect("eight numbers"), simd)
    }
    #[inline(always)]
    fn copy_to_slice(self, to: &mut [F]) {
        to[..LANES].copy_from_slice(&self.0);
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.map(other, self, |a, b, _| a + b)
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        self.map(other, self, |a, b, _| a * b)
    }
    #[inline(always)]
    fn madd(self, b: Self, c: Self) -> Self {
        self.map(b, c, Float::madd::<S>)
    }
    #[inline(always)]
    fn msub(self, b: Self, c: Self) -> Self {
        self.map(b, c, |a, b, c| a.madd::<S>(b, F::ZERO - c))
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        self.map(other, self, |a, b, _| if a > b { a } else { b })
    }
    #[inline(always)]
    fn lt(self, other: Self) -> u32 {
        let mut mask = 0;
        for i in 0..LANES {
            mask |= u32::from(self.0[i] < other.0[i]) << i;
        }
        mask
    }
    #[inline(always)]
    fn keep_positive(self, of: &[u32], to: &mut [F], kept: &mut [u32]) -> usize {
        keep_positive(&self.0, of, to, kept)
    }
    #[inline(always)]
    fn sum(self) -> F {
        let x = self.0;
        ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]))
    }
}

impl<F: Real, S: Simd> Vector8<F> for Array<F, S> {
    #[inline(always)]
    fn from_array(simd: S, from: &[F; LANES]) -> Self {
        Array(*from, simd)
    }
    #[inline(always)]
    fn to_array(self) -> [F; LANES] {
        self.0
    }
    #[inline(always)]
    fn to_f32(self) -> S::F32x8 {
        S::F32x8::from_array(self.1, &self.0.map(|x| x.to_f64() as f32))
    }
    #[inline(always)]
    fn to_f64(self) -> S::F64x8 {
        S::F64x8::from_array(self.1, &self.0.map(|x| x.to_f64()))
    }
}

impl<S: Simd> F32Vector for Array<f32, S> {
    #[inline(always)]
    fn from_i32(simd: S, from: &[i32]) -> Self {
        Array(std::array::from_fn(|i| from[i] as f32), simd)
    }
}

impl<S: Simd> PairSums for Array<i32, S> {
    type Simd = S;
    const LEN: usize = LANES;
    #[inline(always)]
    fn splat(simd: S, pair: u32) -> Self {
        Array([pair as i32; LANES], simd)
    }
    #[inline(always)]
    fn from_slice(simd: S, from: &[u32]) -> Self {
        Array(std::array::from_fn(|i| from[i] as i32), simd)
    }
    #[inline(always)]
    fn add_products(self, a: Self, b: Self) -> Self {
        self.map(a, b, |sum, a, b| {
            let low = i32::from(a as i16) * i32::from(b as i16);
            // Sums of rows that overflowed may leave the range.
            sum.wrapping_add(low).wrapping_add((a >> 16) * (b >> 16))
        })
    }
    #[inline(always)]
    fn copy_to_slice(self, to: &mut [i32]) {
        to[..LANES].copy_from_slice(&self.0);
    }
}
