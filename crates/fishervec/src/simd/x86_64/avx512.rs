//! AVX-512: registers of 512 bits, and products of 16-bit integers in one instruction.

use super::avx2::{Avx2, F32x8, F64x4, F64x8 as F64Pair, HasAvx2};
use super::register::register;
use crate::simd::vector::{F32Vector, Op, PairSums, Simd, Vector};
use std::arch::is_x86_feature_detected as has;
use std::arch::x86_64::*;

/// The token of AVX-512 (F, VL, DQ, BW, VNNI), and of AVX2 and FMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simd) struct Avx512(());

impl Avx512 {
    /// The token, if the processor has all of them.
    pub(in crate::simd) fn detect() -> Option<Self> {
        Avx2::detect()?;
        let registers = has!("avx512f") && has!("avx512vl") && has!("avx512dq") && has!("avx512bw");
        (registers && has!("avx512vnni")).then_some(Avx512(()))
    }

    /// Runs `op`, compiled for AVX-512.
    #[inline(always)]
    pub(in crate::simd) fn run<O: Op>(self, op: O) {
        #[target_feature(enable = "avx2,fma,avx512f,avx512vl,avx512dq,avx512bw,avx512vnni")]
        fn compiled<O: Op>(simd: Avx512, op: O) {
            op.run(simd);
        }
        // SAFETY: token.
        unsafe { compiled(self, op) }
    }
}

impl Simd for Avx512 {
    const FMA: bool = true;
    const REGISTERS: usize = 32;
    type F32x8 = F32x8<Self>;
    type F64x8 = F64Pair<Self>;
    type F32s = F32x16;
    type F64s = F64x8;
    type I32s = I32x16;
}

// SAFETY: token; `detect` asks for that of AVX2 first.
unsafe impl HasAvx2 for Avx512 {}

register! {
    /// Sixteen `f32` in a register.
    F32x16(__m512, Avx512) = [f32; 16]:
    _mm512_set1_ps, _mm512_loadu_ps, _mm512_storeu_ps,
    _mm512_add_ps, _mm512_mul_ps, _mm512_max_ps, _mm512_fmadd_ps, _mm512_fmsub_ps;
    #[inline(always)]
    fn lt(self, other: Self) -> u32 {
        // SAFETY: register.
        u32::from(unsafe { _mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, other.0) })
    }
    #[inline(always)]
    fn keep_positive(self, of: &[u32], to: &mut [f32], kept: &mut [u32]) -> usize {
        assert!(of.len() >= 16 && to.len() >= 16 && kept.len() >= 16);
        // SAFETY: register; length, by the assertion.
        unsafe {
            let positive = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(self.0, _mm512_setzero_ps());
            // Compressing in a register and storing all of it is several times faster than a masked store.
            _mm512_storeu_ps(to.as_mut_ptr(), _mm512_maskz_compress_ps(positive, self.0));
            let of = _mm512_maskz_compress_epi32(positive, _mm512_loadu_si512(of.as_ptr().cast()));
            _mm512_storeu_si512(kept.as_mut_ptr().cast(), of);
            positive.count_ones() as usize
        }
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        self.add_halves().sum()
    }
    #[inline(always)]
    fn sums(of: [Self; 4]) -> [f32; 4] {
        F32x8::sums(of.map(Self::add_halves))
    }
}

impl F32x16 {
    /// The upper half added to the lower.
    #[inline(always)]
    fn add_halves(self) -> F32x8<Avx512> {
        // SAFETY: register.
        let eight =
            unsafe { _mm256_add_ps(_mm512_castps512_ps256(self.0), _mm512_extractf32x8_ps::<1>(self.0)) };
        F32x8(eight, self.1)
    }
}

impl F32Vector for F32x16 {
    #[inline(always)]
    fn from_i32(simd: Avx512, from: &[i32]) -> Self {
        assert!(from.len() >= Self::LEN);
        // SAFETY: token; length, by the assertion.
        F32x16(unsafe { _mm512_cvtepi32_ps(_mm512_loadu_si512(from.as_ptr().cast())) }, simd)
    }
}

register! {
    /// Eight `f64` in a register.
    F64x8(__m512d, Avx512) = [f64; 8]:
    _mm512_set1_pd, _mm512_loadu_pd, _mm512_storeu_pd,
    _mm512_add_pd, _mm512_mul_pd, _mm512_max_pd, _mm512_fmadd_pd, _mm512_fmsub_pd;
    #[inline(always)]
    fn lt(self, other: Self) -> u32 {
        // SAFETY: register.
        u32::from(unsafe { _mm512_cmp_pd_mask::<_CMP_LT_OQ>(self.0, other.0) })
    }
    #[inline(always)]
    fn keep_positive(self, of: &[u32], to: &mut [f64], kept: &mut [u32]) -> usize {
        assert!(of.len() >= 8 && to.len() >= 8 && kept.len() >= 8);
        // SAFETY: register; length, by the assertion.
        unsafe {
            let positive = _mm512_cmp_pd_mask::<_CMP_GT_OQ>(self.0, _mm512_setzero_pd());
            // Compressing in a register and storing all of it is several times faster than a masked store.
            _mm512_storeu_pd(to.as_mut_ptr(), _mm512_maskz_compress_pd(positive, self.0));
            let of = _mm256_maskz_compress_epi32(positive, _mm256_loadu_si256(of.as_ptr().cast()));
            _mm256_storeu_si256(kept.as_mut_ptr().cast(), of);
            positive.count_ones() as usize
        }
    }
    #[inline(always)]
    fn sum(self) -> f64 {
        // SAFETY: register.
        let four =
            unsafe { _mm256_add_pd(_mm512_castpd512_pd256(self.0), _mm512_extractf64x4_pd::<1>(self.0)) };
        F64x4(four, self.1).sum()
    }
}

/// Sixteen `i32` in a register.
#[derive(Clone, Copy)]
pub(in crate::simd) struct I32x16(__m512i, Avx512);

impl PairSums for I32x16 {
    type Simd = Avx512;
    const LEN: usize = 16;
    #[inline(always)]
    fn splat(simd: Avx512, pair: u32) -> Self {
        // SAFETY: token.
        I32x16(unsafe { _mm512_set1_epi32(pair as i32) }, simd)
    }
    #[inline(always)]
    fn from_slice(simd: Avx512, from: &[u32]) -> Self {
        assert!(from.len() >= Self::LEN);
        // SAFETY: token; length, by the assertion.
        I32x16(unsafe { _mm512_loadu_si512(from.as_ptr().cast()) }, simd)
    }
    #[inline(always)]
    fn add_products(self, a: Self, b: Self) -> Self {
        // SAFETY: register.
        I32x16(unsafe { _mm512_dpwssd_epi32(self.0, a.0, b.0) }, self.1)
    }
    #[inline(always)]
    fn copy_to_slice(self, to: &mut [i32]) {
        assert!(to.len() >= Self::LEN);
        // SAFETY: register; length, by the assertion.
        unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), self.0) }
    }
}
