//! AVX2 and FMA: registers of 256 bits.

use super::register::register;
use crate::simd::vector::{F32Vector, LANES, Op, PairSums, Simd, Vector, Vector8, keep_positive};
use std::arch::is_x86_feature_detected as has;
use std::arch::x86_64::*;

/// The token of AVX2 and FMA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simd) struct Avx2(());

impl Avx2 {
    /// The token, if the processor has both.
    pub(in crate::simd) fn detect() -> Option<Self> {
        (has!("avx2") && has!("fma")).then_some(Avx2(()))
    }

    /// Runs `op`, compiled for AVX2 and FMA.
    #[inline(always)]
    pub(in crate::simd) fn run<O: Op>(self, op: O) {
        #[target_feature(enable = "avx2,fma")]
        fn compiled<O: Op>(simd: Avx2, op: O) {
            op.run(simd);
        }
        // SAFETY: token.
        unsafe { compiled(self, op) }
    }
}

impl Simd for Avx2 {
    const FMA: bool = true;
    const REGISTERS: usize = 16;
    type F32x8 = F32x8<Self>;
    type F64x8 = F64x8<Self>;
    type F32s = F32x8<Self>;
    type F64s = F64x8<Self>;
    type I32s = I32x8;
}

/// A token that proves at least AVX2 and FMA.
///
/// # Safety
/// A value of the type must exist only where the processor has AVX2 and FMA.
pub(super) unsafe trait HasAvx2: Simd<F32x8 = F32x8<Self>, F64x8 = F64x8<Self>> {}

// SAFETY: token.
unsafe impl HasAvx2 for Avx2 {}

register! {
    /// Eight `f32` in a register.
    F32x8<S: HasAvx2>(__m256, S) = [f32; 8]:
    _mm256_set1_ps, _mm256_loadu_ps, _mm256_storeu_ps,
    _mm256_add_ps, _mm256_mul_ps, _mm256_max_ps, _mm256_fmadd_ps, _mm256_fmsub_ps;
    #[inline(always)]
    fn lt(self, other: Self) -> u32 {
        // SAFETY: register.
        unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LT_OQ>(self.0, other.0)) as u32 }
    }
    #[inline(always)]
    fn keep_positive(self, of: &[u32], to: &mut [f32], kept: &mut [u32]) -> usize {
        keep_positive(&self.to_array(), of, to, kept)
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        // SAFETY: register.
        unsafe {
            let four = add_halves(self.0);
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }
    #[inline(always)]
    fn sums([a, b, c, d]: [Self; 4]) -> [f32; 4] {
        let mut sums = [0.0; 4];
        // SAFETY: register; length, by the array's type.
        unsafe {
            let (a, b, c, d) = (add_halves(a.0), add_halves(b.0), add_halves(c.0), add_halves(d.0));
            let ab = _mm_add_ps(_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
            let cd = _mm_add_ps(_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
            let all = _mm_add_ps(_mm_movelh_ps(ab, cd), _mm_movehl_ps(cd, ab));
            _mm_storeu_ps(sums.as_mut_ptr(), all);
        }
        sums
    }
}

/// The upper half added to the lower.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn add_halves(x: __m256) -> __m128 {
    _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x))
}

impl<S: HasAvx2> Vector8<f32> for F32x8<S> {
    #[inline(always)]
    fn from_array(simd: S, from: &[f32; LANES]) -> Self {
        Self::from_slice(simd, from)
    }
    #[inline(always)]
    fn to_array(self) -> [f32; LANES] {
        let mut to = [0.0; LANES];
        self.copy_to_slice(&mut to);
        to
    }
    #[inline(always)]
    fn to_f32(self) -> Self {
        self
    }
    #[inline(always)]
    fn to_f64(self) -> F64x8<S> {
        // SAFETY: register.
        let [low, high] = unsafe {
            let (low, high) = (_mm256_castps256_ps128(self.0), _mm256_extractf128_ps::<1>(self.0));
            [_mm256_cvtps_pd(low), _mm256_cvtps_pd(high)]
        };
        F64x8(F64x4(low, self.1), F64x4(high, self.1))
    }
}

impl<S: HasAvx2> F32Vector for F32x8<S> {
    #[inline(always)]
    fn from_i32(simd: S, from: &[i32]) -> Self {
        assert!(from.len() >= Self::LEN);
        // SAFETY: token; length, by the assertion.
        F32x8(unsafe { _mm256_cvtepi32_ps(_mm256_loadu_si256(from.as_ptr().cast())) }, simd)
    }
}

register! {
    /// Four `f64` in a register.
    F64x4<S: HasAvx2>(__m256d, S) = [f64; 4]:
    _mm256_set1_pd, _mm256_loadu_pd, _mm256_storeu_pd,
    _mm256_add_pd, _mm256_mul_pd, _mm256_max_pd, _mm256_fmadd_pd, _mm256_fmsub_pd;
    #[inline(always)]
    fn lt(self, other: Self) -> u32 {
        // SAFETY: register.
        unsafe { _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_LT_OQ>(self.0, other.0)) as u32 }
    }
    #[inline(always)]
    fn keep_positive(self, of: &[u32], to: &mut [f64], kept: &mut [u32]) -> usize {
        let mut numbers = [0.0; 4];
        self.copy_to_slice(&mut numbers);
        keep_positive(&numbers, of, to, kept)
    }
    #[inline(always)]
    fn sum(self) -> f64 {
        // SAFETY: register.
        unsafe {
            let two = _mm_add_pd(_mm256_castpd256_pd128(self.0), _mm256_extractf128_pd::<1>(self.0));
            _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)))
        }
    }
}

/// Eight `f64` in two registers: lanes 0 to 3 and 4 to 7.
#[derive(Clone, Copy)]
pub(in crate::simd) struct F64x8<S>(F64x4<S>, F64x4<S>);

impl<S: HasAvx2> Vector<f64> for F64x8<S> {
    type Simd = S;
    const LEN: usize = 8;
    #[inline(always)]
    fn splat(simd: S, x: f64) -> Self {
        F64x8(F64x4::splat(simd, x), F64x4::splat(simd, x))
    }
    #[inline(always)]
    fn from_slice(simd: S, from: &[f64]) -> Self {
        assert!(from.len() >= Self::LEN);
        F64x8(F64x4::from_slice(simd, from), F64x4::from_slice(simd, &from[4..]))
    }
    #[inline(always)]
    fn copy_to_slice(self, to: &mut [f64]) {
        assert!(to.len() >= Self::LEN);
        self.0.copy_to_slice(to);
        self.1.copy_to_slice(&mut to[4..]);
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        F64x8(self.0.add(other.0), self.1.add(other.1))
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        F64x8(self.0.mul(other.0), self.1.mul(other.1))
    }
    #[inline(always)]
    fn madd(self, b: Self, c: Self) -> Self {
        F64x8(self.0.madd(b.0, c.0), self.1.madd(b.1, c.1))
    }
    #[inline(always)]
    fn msub(self, b: Self, c: Self) -> Self {
        F64x8(self.0.msub(b.0, c.0), self.1.msub(b.1, c.1))
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        F64x8(self.0.max(other.0), self.1.max(other.1))
    }
    #[inline(always)]
    fn lt(self, other: Self) -> u32 {
        self.0.lt(other.0) | self.1.lt(other.1) << 4
    }
    #[inline(always)]
    fn keep_positive(self, of: &[u32], to: &mut [f64], kept: &mut [u32]) -> usize {
        keep_positive(&self.to_array(), of, to, kept)
    }
    #[inline(always)]
    fn sum(self) -> f64 {
        self.0.add(self.1).sum()
    }
}

impl<S: HasAvx2> Vector8<f64> for F64x8<S> {
    #[inline(always)]
    fn from_array(simd: S, from: &[f64; LANES]) -> Self {
        Self::from_slice(simd, from)
    }
    #[inline(always)]
    fn to_array(self) -> [f64; LANES] {
        let mut to = [0.0; LANES];
        self.copy_to_slice(&mut to);
        to
    }
    #[inline(always)]
    fn to_f32(self) -> F32x8<S> {
        // SAFETY: register.
        let eight = unsafe { _mm256_set_m128(_mm256_cvtpd_ps(self.1.0), _mm256_cvtpd_ps(self.0.0)) };
        F32x8(eight, self.0.1)
    }
    #[inline(always)]
    fn to_f64(self) -> Self {
        self
    }
}

/// Eight `i32` in a register.
#[derive(Clone, Copy)]
pub(in crate::simd) struct I32x8(__m256i, Avx2);

impl PairSums for I32x8 {
    type Simd = Avx2;
    const LEN: usize = 8;
    #[inline(always)]
    fn splat(simd: Avx2, pair: u32) -> Self {
        // SAFETY: token.
        I32x8(unsafe { _mm256_set1_epi32(pair as i32) }, simd)
    }
    #[inline(always)]
    fn from_slice(simd: Avx2, from: &[u32]) -> Self {
        assert!(from.len() >= Self::LEN);
        // SAFETY: token; length, by the assertion.
        I32x8(unsafe { _mm256_loadu_si256(from.as_ptr().cast()) }, simd)
    }
    #[inline(always)]
    fn add_products(self, a: Self, b: Self) -> Self {
        // SAFETY: register.
        I32x8(unsafe { _mm256_add_epi32(self.0, _mm256_madd_epi16(a.0, b.0)) }, self.1)
    }
    #[inline(always)]
    fn copy_to_slice(self, to: &mut [i32]) {
        assert!(to.len() >= Self::LEN);
        // SAFETY: register; length, by the assertion.
        unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), self.0) }
    }
}
