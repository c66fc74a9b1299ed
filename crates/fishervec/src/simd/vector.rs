//! Eight numbers at once: an array, or the registers of x86-64.
//!
//! The compiler vectorises loops over memory well, but takes apart sums kept in arrays of eight; so the loops
//! over the selected pairs say what they mean.

use super::{LANES, Real};

/// `LANES` numbers that one instruction, or a few, work on.
pub trait Lanes<F>: Copy {
    /// Eight `f32` of the same level.
    type Single: Singles;
    fn load(from: &[F; LANES]) -> Self;
    fn store(self) -> [F; LANES];
    fn splat(x: F) -> Self;
    fn add(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    /// `self * b + c`; see [`Machine::madd`](super::real::machine::Machine::madd).
    fn madd<const FMA: bool>(self, b: Self, c: Self) -> Self;
    /// `self * b - c`, the same way.
    fn msub<const FMA: bool>(self, b: Self, c: Self) -> Self;
    /// The larger of each lane; that of `other` where `self` is not a number.
    fn max(self, other: Self) -> Self;
    /// Bit i is set where lane i is below that of `other`; not where either is not a number.
    fn below(self, other: Self) -> u32;
    /// The nearest `f32`.
    fn single(self) -> Self::Single;
    /// The sum of the lanes, in a fixed tree.
    fn sum(self) -> F;
    /// Four such sums, the same bits.
    #[inline(always)]
    fn sums(of: [Self; 4]) -> [F; 4] {
        [of[0].sum(), of[1].sum(), of[2].sum(), of[3].sum()]
    }
}

/// What eight `f32` can besides.
pub trait Singles: Lanes<f32> {
    /// The nearest `f32`.
    fn from_integers(from: &[i32; LANES]) -> Self;
}

impl Singles for [f32; LANES] {
    #[inline(always)]
    fn from_integers(from: &[i32; LANES]) -> Self {
        from.map(|x| x as f32)
    }
}

impl<F: Real> Lanes<F> for [F; LANES] {
    type Single = [f32; LANES];
    #[inline(always)]
    fn load(from: &[F; LANES]) -> Self {
        *from
    }
    #[inline(always)]
    fn store(self) -> [F; LANES] {
        self
    }
    #[inline(always)]
    fn splat(x: F) -> Self {
        [x; LANES]
    }
    #[inline(always)]
    fn add(mut self, other: Self) -> Self {
        for i in 0..LANES {
            self[i] += other[i];
        }
        self
    }
    #[inline(always)]
    fn mul(mut self, other: Self) -> Self {
        for i in 0..LANES {
            self[i] *= other[i];
        }
        self
    }
    #[inline(always)]
    fn madd<const FMA: bool>(mut self, b: Self, c: Self) -> Self {
        for i in 0..LANES {
            self[i] = self[i].madd::<FMA>(b[i], c[i]);
        }
        self
    }
    #[inline(always)]
    fn msub<const FMA: bool>(mut self, b: Self, c: Self) -> Self {
        for i in 0..LANES {
            self[i] = self[i].madd::<FMA>(b[i], F::ZERO - c[i]);
        }
        self
    }
    #[inline(always)]
    fn max(mut self, other: Self) -> Self {
        for i in 0..LANES {
            self[i] = if self[i] > other[i] { self[i] } else { other[i] };
        }
        self
    }
    #[inline(always)]
    fn below(self, other: Self) -> u32 {
        let mut mask = 0;
        for i in 0..LANES {
            mask |= u32::from(self[i] < other[i]) << i;
        }
        mask
    }
    #[inline(always)]
    fn single(self) -> [f32; LANES] {
        self.map(|x| x.to_f64() as f32)
    }
    #[inline(always)]
    fn sum(self) -> F {
        let x = self;
        ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]))
    }
}

/// As many numbers as the longest register holds: what the loops over the selected pairs work with.
pub trait Long<F>: Copy {
    /// Their number, a multiple of `LANES`.
    const LEN: usize;
    /// `LANES` of them, for the end of a row.
    type Tail: Long<F>;
    fn load(from: &[F]) -> Self;
    fn store(self, to: &mut [F]);
    fn splat(x: F) -> Self;
    fn add(self, other: Self) -> Self;
    fn mul(self, other: Self) -> Self;
    fn madd<const FMA: bool>(self, b: Self, c: Self) -> Self;
    fn msub<const FMA: bool>(self, b: Self, c: Self) -> Self;
    /// The sums of the lanes of four, each in the same fixed tree.
    fn sums(of: [Self; 4]) -> [F; 4];
}

/// `Lanes` where they are the longest there is.
#[derive(Clone, Copy)]
pub struct Eight<V>(V);

impl<F: Real, V: Lanes<F>> Long<F> for Eight<V> {
    const LEN: usize = LANES;
    type Tail = Self;
    #[inline(always)]
    fn load(from: &[F]) -> Self {
        Eight(V::load(from.first_chunk().expect("eight numbers")))
    }
    #[inline(always)]
    fn store(self, to: &mut [F]) {
        to[..LANES].copy_from_slice(&self.0.store());
    }
    #[inline(always)]
    fn splat(x: F) -> Self {
        Eight(V::splat(x))
    }
    #[inline(always)]
    fn add(self, other: Self) -> Self {
        Eight(self.0.add(other.0))
    }
    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        Eight(self.0.mul(other.0))
    }
    #[inline(always)]
    fn madd<const FMA: bool>(self, b: Self, c: Self) -> Self {
        Eight(self.0.madd::<FMA>(b.0, c.0))
    }
    #[inline(always)]
    fn msub<const FMA: bool>(self, b: Self, c: Self) -> Self {
        Eight(self.0.msub::<FMA>(b.0, c.0))
    }
    #[inline(always)]
    fn sums([a, b, c, d]: [Self; 4]) -> [F; 4] {
        V::sums([a.0, b.0, c.0, d.0])
    }
}

/// The registers of x86-64 with AVX2 and FMA. Only functions that `at_level!` compiles for these features, and
/// calls where the processor was seen to have them, name `Single` and `Double`.
#[cfg(target_arch = "x86_64")]
pub(super) mod x86 {
    use super::{Eight, LANES, Lanes, Long, Singles};
    use std::arch::x86_64::*;

    /// Eight `f32`.
    #[derive(Clone, Copy)]
    pub struct Single(__m256);

    /// Eight `f64`: lanes 0 to 3 and 4 to 7.
    #[derive(Clone, Copy)]
    pub struct Double(__m256d, __m256d);

    impl Singles for Single {
        #[inline(always)]
        fn from_integers(from: &[i32; LANES]) -> Self {
            // SAFETY: AVX2 is there (see the module), and the reference is to eight numbers.
            Single(unsafe { _mm256_cvtepi32_ps(_mm256_loadu_si256(from.as_ptr().cast())) })
        }
    }

    impl Lanes<f32> for Single {
        type Single = Self;
        #[inline(always)]
        fn load(from: &[f32; LANES]) -> Self {
            // SAFETY: AVX is there (see the module), and the reference is to eight numbers.
            Single(unsafe { _mm256_loadu_ps(from.as_ptr()) })
        }
        #[inline(always)]
        fn store(self) -> [f32; LANES] {
            let mut to = [0.0; LANES];
            // SAFETY: AVX is there (see the module), and `to` has room for eight numbers.
            unsafe { _mm256_storeu_ps(to.as_mut_ptr(), self.0) };
            to
        }
        #[inline(always)]
        fn splat(x: f32) -> Self {
            // SAFETY: AVX is there; see the module.
            Single(unsafe { _mm256_set1_ps(x) })
        }
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            // SAFETY: AVX is there; see the module.
            Single(unsafe { _mm256_add_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            // SAFETY: AVX is there; see the module.
            Single(unsafe { _mm256_mul_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn madd<const FMA: bool>(self, b: Self, c: Self) -> Self {
            // SAFETY: FMA is there; see the module.
            Single(unsafe { _mm256_fmadd_ps(self.0, b.0, c.0) })
        }
        #[inline(always)]
        fn msub<const FMA: bool>(self, b: Self, c: Self) -> Self {
            // SAFETY: FMA is there; see the module.
            Single(unsafe { _mm256_fmsub_ps(self.0, b.0, c.0) })
        }
        #[inline(always)]
        fn max(self, other: Self) -> Self {
            // SAFETY: AVX is there; see the module. (Where one is not a number the second is taken.)
            Single(unsafe { _mm256_max_ps(self.0, other.0) })
        }
        #[inline(always)]
        fn below(self, other: Self) -> u32 {
            // SAFETY: AVX is there; see the module.
            unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_LT_OQ>(self.0, other.0)) as u32 }
        }
        #[inline(always)]
        fn single(self) -> Self {
            self
        }
        #[inline(always)]
        fn sum(self) -> f32 {
            // SAFETY: AVX is there; see the module.
            unsafe {
                let four = _mm_add_ps(_mm256_castps256_ps128(self.0), _mm256_extractf128_ps::<1>(self.0));
                let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
                _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
            }
        }
        #[inline(always)]
        fn sums([a, b, c, d]: [Self; 4]) -> [f32; 4] {
            let mut sums = [0.0; 4];
            // SAFETY: AVX is there (see the module), and `sums` has room for four numbers.
            unsafe {
                let half = |x: __m256| _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps::<1>(x));
                let (a, b, c, d) = (half(a.0), half(b.0), half(c.0), half(d.0));
                let ab = _mm_add_ps(_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
                let cd = _mm_add_ps(_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
                let all = _mm_add_ps(_mm_movelh_ps(ab, cd), _mm_movehl_ps(cd, ab));
                _mm_storeu_ps(sums.as_mut_ptr(), all);
            }
            sums
        }
    }

    impl Lanes<f64> for Double {
        type Single = Single;
        #[inline(always)]
        fn load(from: &[f64; LANES]) -> Self {
            // SAFETY: AVX is there (see the module), and the reference is to eight numbers.
            unsafe { Double(_mm256_loadu_pd(from.as_ptr()), _mm256_loadu_pd(from[4..].as_ptr())) }
        }
        #[inline(always)]
        fn store(self) -> [f64; LANES] {
            let mut to = [0.0; LANES];
            // SAFETY: AVX is there (see the module), and `to` has room for eight numbers.
            unsafe {
                _mm256_storeu_pd(to.as_mut_ptr(), self.0);
                _mm256_storeu_pd(to[4..].as_mut_ptr(), self.1);
            }
            to
        }
        #[inline(always)]
        fn splat(x: f64) -> Self {
            // SAFETY: AVX is there; see the module.
            let x = unsafe { _mm256_set1_pd(x) };
            Double(x, x)
        }
        #[inline(always)]
        fn add(self, other: Self) -> Self {
            // SAFETY: AVX is there; see the module.
            unsafe { Double(_mm256_add_pd(self.0, other.0), _mm256_add_pd(self.1, other.1)) }
        }
        #[inline(always)]
        fn mul(self, other: Self) -> Self {
            // SAFETY: AVX is there; see the module.
            unsafe { Double(_mm256_mul_pd(self.0, other.0), _mm256_mul_pd(self.1, other.1)) }
        }
        #[inline(always)]
        fn madd<const FMA: bool>(self, b: Self, c: Self) -> Self {
            // SAFETY: FMA is there; see the module.
            unsafe { Double(_mm256_fmadd_pd(self.0, b.0, c.0), _mm256_fmadd_pd(self.1, b.1, c.1)) }
        }
        #[inline(always)]
        fn msub<const FMA: bool>(self, b: Self, c: Self) -> Self {
            // SAFETY: FMA is there; see the module.
            unsafe { Double(_mm256_fmsub_pd(self.0, b.0, c.0), _mm256_fmsub_pd(self.1, b.1, c.1)) }
        }
        #[inline(always)]
        fn max(self, other: Self) -> Self {
            // SAFETY: AVX is there; see the module. (Where one is not a number the second is taken.)
            unsafe { Double(_mm256_max_pd(self.0, other.0), _mm256_max_pd(self.1, other.1)) }
        }
        #[inline(always)]
        fn below(self, other: Self) -> u32 {
            // SAFETY: AVX is there; see the module.
            unsafe {
                let low = _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_LT_OQ>(self.0, other.0));
                let high = _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_LT_OQ>(self.1, other.1));
                (low | high << 4) as u32
            }
        }
        #[inline(always)]
        fn single(self) -> Single {
            // SAFETY: AVX is there; see the module.
            unsafe { Single(_mm256_set_m128(_mm256_cvtpd_ps(self.1), _mm256_cvtpd_ps(self.0))) }
        }
        #[inline(always)]
        fn sum(self) -> f64 {
            // SAFETY: AVX is there; see the module.
            unsafe {
                let four = _mm256_add_pd(self.0, self.1);
                let two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd::<1>(four));
                _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)))
            }
        }
    }

    /// Sixteen `f32`; only what `at_level!` compiles for AVX-512 names it.
    #[derive(Clone, Copy)]
    pub struct LongSingle(__m512);

    /// Eight `f64`; only what `at_level!` compiles for AVX-512 names it.
    #[derive(Clone, Copy)]
    pub struct LongDouble(__m512d);

    macro_rules! long {
        ($long:ident of $t:ident, $len:literal, tail $eight:ident: $load:ident, $store:ident, $set:ident, $add:ident,
         $mul:ident, $madd:ident, $msub:ident) => {
            impl Long<$t> for $long {
                const LEN: usize = $len;
                type Tail = Eight<$eight>;
                #[inline(always)]
                fn load(from: &[$t]) -> Self {
                    assert!(from.len() >= $len);
                    // SAFETY: AVX-512 is there (see the type), and `from` holds a register.
                    $long(unsafe { $load(from.as_ptr()) })
                }
                #[inline(always)]
                fn store(self, to: &mut [$t]) {
                    assert!(to.len() >= $len);
                    // SAFETY: AVX-512 is there (see the type), and `to` has room for a register.
                    unsafe { $store(to.as_mut_ptr(), self.0) }
                }
                #[inline(always)]
                fn splat(x: $t) -> Self {
                    // SAFETY: AVX-512 is there; see the type.
                    $long(unsafe { $set(x) })
                }
                #[inline(always)]
                fn add(self, other: Self) -> Self {
                    // SAFETY: AVX-512 is there; see the type.
                    $long(unsafe { $add(self.0, other.0) })
                }
                #[inline(always)]
                fn mul(self, other: Self) -> Self {
                    // SAFETY: AVX-512 is there; see the type.
                    $long(unsafe { $mul(self.0, other.0) })
                }
                #[inline(always)]
                fn madd<const FMA: bool>(self, b: Self, c: Self) -> Self {
                    // SAFETY: AVX-512 is there; see the type.
                    $long(unsafe { $madd(self.0, b.0, c.0) })
                }
                #[inline(always)]
                fn msub<const FMA: bool>(self, b: Self, c: Self) -> Self {
                    // SAFETY: AVX-512 is there; see the type.
                    $long(unsafe { $msub(self.0, b.0, c.0) })
                }
                #[inline(always)]
                fn sums([a, b, c, d]: [Self; 4]) -> [$t; 4] {
                    <$eight as Lanes<$t>>::sums([a.eight(), b.eight(), c.eight(), d.eight()])
                }
            }
        };
    }
    long!(LongSingle of f32, 16, tail Single: _mm512_loadu_ps, _mm512_storeu_ps, _mm512_set1_ps, _mm512_add_ps,
        _mm512_mul_ps, _mm512_fmadd_ps, _mm512_fmsub_ps);
    long!(LongDouble of f64, 8, tail Double: _mm512_loadu_pd, _mm512_storeu_pd, _mm512_set1_pd, _mm512_add_pd,
        _mm512_mul_pd, _mm512_fmadd_pd, _mm512_fmsub_pd);

    impl LongSingle {
        /// The upper half added to the lower.
        #[inline(always)]
        fn eight(self) -> Single {
            // SAFETY: AVX-512 is there; see the type.
            unsafe {
                Single(_mm256_add_ps(_mm512_castps512_ps256(self.0), _mm512_extractf32x8_ps::<1>(self.0)))
            }
        }
    }

    impl LongDouble {
        /// The same numbers.
        #[inline(always)]
        fn eight(self) -> Double {
            // SAFETY: AVX-512 is there; see the type.
            unsafe { Double(_mm512_castpd512_pd256(self.0), _mm512_extractf64x4_pd::<1>(self.0)) }
        }
    }
}
