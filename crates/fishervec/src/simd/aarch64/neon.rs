//! NEON, which every 64-bit ARM processor has. Its vectors of floats are arrays, which the compiler turns
//! into registers; the products of 16-bit integers, for which it finds more instructions than are needed,
//! are spelt out.

use crate::simd::portable::Array;
use crate::simd::vector::{PairSums, Simd};
use std::arch::aarch64::*;

/// The token of NEON, whose multiply-add is fused. It needs no detection: the target guarantees NEON, as the
/// compiler checks here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simd) struct Neon(());

const _: () = assert!(cfg!(target_feature = "neon"), "the target must guarantee NEON");

impl Neon {
    /// The token.
    pub(in crate::simd) fn new() -> Self {
        Neon(())
    }
}

impl Simd for Neon {
    const FMA: bool = true;
    const REGISTERS: usize = 32;
    type F32x8 = Array<f32, Self>;
    type F64x8 = Array<f64, Self>;
    type F32s = Array<f32, Self>;
    type F64s = Array<f64, Self>;
    type I32s = I32x4;
}

/// Four `i32` in a register, or four pairs of `i16`: the first numbers of all pairs in one register, the
/// second in another, since NEON multiplies lane by lane. What a value is not used as, the compiler drops.
#[derive(Clone, Copy)]
pub(in crate::simd) struct I32x4 {
    sums: int32x4_t,
    first: int16x4_t,
    second: int16x4_t,
}

impl PairSums for I32x4 {
    type Simd = Neon;
    const LEN: usize = 4;
    #[inline(always)]
    fn splat(_: Neon, pair: u32) -> Self {
        // SAFETY: token.
        unsafe {
            let sums = vdupq_n_s32(pair as i32);
            let halves = vreinterpretq_s16_s32(sums);
            I32x4 { sums, first: vdup_laneq_s16::<0>(halves), second: vdup_laneq_s16::<1>(halves) }
        }
    }
    #[inline(always)]
    fn from_slice(_: Neon, from: &[u32]) -> Self {
        assert!(from.len() >= Self::LEN);
        // SAFETY: token; length, by the assertion.
        unsafe {
            let int16x4x2_t(first, second) = vld2_s16(from.as_ptr().cast());
            I32x4 { sums: vld1q_s32(from.as_ptr().cast()), first, second }
        }
    }
    #[inline(always)]
    fn add_products(self, a: Self, b: Self) -> Self {
        // SAFETY: token, of which `self`, `a` and `b` were made.
        let sums = unsafe { vmlal_s16(vmlal_s16(self.sums, a.first, b.first), a.second, b.second) };
        I32x4 { sums, ..self }
    }
    #[inline(always)]
    fn copy_to_slice(self, to: &mut [i32]) {
        assert!(to.len() >= Self::LEN);
        // SAFETY: token; length, by the assertion.
        unsafe { vst1q_s32(to.as_mut_ptr(), self.sums) }
    }
}
