//! The two float types of the kernel, and the exponential they need.

use half::f16;
use half::slice::HalfFloatSliceExt;
use std::any::Any;
use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Sub};

/// `f32` or `f64`: the float types descriptors are computed in. Sealed.
pub trait Real:
    machine::Machine
    + Element<Real = Self>
    + Copy
    + Default
    + Debug
    + PartialOrd
    + Send
    + Sync
    + 'static
    + ndarray::LinalgScalar
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + AddAssign
    + MulAssign
{
    /// Zero.
    const ZERO: Self;
    /// One.
    const ONE: Self;
    /// `"f32"` or `"f64"`.
    const NAME: &'static str;
    /// The default posterior threshold: components whose posterior is below this fraction of their
    /// row's largest are dropped. It keeps the relative L2 error of a Fisher vector, before power and norm,
    /// below 1e-5 in `f32` and 1e-12 in `f64`. A power of 0.5 makes more of small entries, and of their
    /// errors: up to 6e-4 and 3e-7 of the norm were measured (`docs/decisions.md`); 0 keeps all.
    const THRESHOLD: f64;

    /// The nearest number of this type.
    fn from_f64(x: f64) -> Self;
    /// This number in double precision; exact.
    fn to_f64(self) -> f64;
}

/// What the kernels need of a float type; not nameable from outside, which seals [`Real`].
pub(crate) mod machine {
    use crate::simd::vector::{Lanes, Long};

    pub trait Machine: Sized {
        /// Eight of them in the widest registers AVX2 has.
        type Wide: Lanes<Self>;
        /// As many as a register of AVX-512 holds.
        type Long: Long<Self>;
        const NEG_INFINITY: Self;
        /// `self * b + c`: rounded once where the instruction set has it (`FMA`), else twice.
        fn madd<const FMA: bool>(self, b: Self, c: Self) -> Self;
        /// e^self for self <= 0, to about one unit in the last place; 0 once the result is subnormal.
        fn exp_negative<const FMA: bool>(self) -> Self;
    }
}

/// Of two values, one per float type, the one of type `T`: the member for the `F` of generic code.
pub(crate) fn pick<'a, T: 'static>(single: &'a dyn Any, double: &'a dyn Any) -> &'a T {
    single.downcast_ref().or_else(|| double.downcast_ref()).expect("one value per float type")
}

/// A number type descriptors can be stored in: `f32`, `f64`, `u8` (SIFT) or `f16` (deep embeddings).
///
/// Results have the type [`Element::Real`]: the type itself for the two floats, `f32` for the others,
/// which are converted a block at a time.
pub trait Element: Copy + Send + Sync + 'static {
    /// The float type computations and results have.
    type Real: Real;
    /// This number as a float; exact.
    fn to_real(self) -> Self::Real;
    /// Writes `values` as floats into `out`, of the same length.
    fn convert(values: &[Self], out: &mut [Self::Real]) {
        for (to, from) in out.iter_mut().zip(values) {
            *to = from.to_real();
        }
    }
}

macro_rules! element {
    ($t:ty, $real:ty, $x:ident => $convert:expr) => {
        impl Element for $t {
            type Real = $real;
            #[inline(always)]
            fn to_real(self) -> $real {
                let $x = self;
                $convert
            }
        }
    };
}
element!(f32, f32, x => x);
element!(f64, f64, x => x);
element!(u8, f32, x => f32::from(x));

impl Element for f16 {
    type Real = f32;
    #[inline(always)]
    fn to_real(self) -> f32 {
        self.to_f32()
    }
    fn convert(values: &[f16], out: &mut [f32]) {
        values.convert_to_f32_slice(out);
    }
}

macro_rules! real {
    ($t:ident, $bits:ident, $wide:ident, $long:ident, threshold: $threshold:expr, lowest: $lowest:expr,
     mantissa: $mantissa:expr, bias: $bias:expr, ln2: ($hi:expr, $lo:expr), inverse_factorials: $coefficients:expr) => {
        impl Real for $t {
            const ZERO: Self = 0.0;
            const ONE: Self = 1.0;
            const NAME: &'static str = stringify!($t);
            const THRESHOLD: f64 = $threshold;

            #[inline(always)]
            fn from_f64(x: f64) -> Self {
                x as $t
            }
            #[inline(always)]
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
        }

        impl machine::Machine for $t {
            #[cfg(target_arch = "x86_64")]
            type Wide = super::vector::x86::$wide;
            #[cfg(target_arch = "x86_64")]
            type Long = super::vector::x86::$long;
            #[cfg(not(target_arch = "x86_64"))]
            type Wide = [$t; super::LANES];
            #[cfg(not(target_arch = "x86_64"))]
            type Long = super::vector::Eight<[$t; super::LANES]>;
            const NEG_INFINITY: Self = $t::NEG_INFINITY;

            #[inline(always)]
            fn madd<const FMA: bool>(self, b: Self, c: Self) -> Self {
                if FMA { self.mul_add(b, c) } else { self * b + c }
            }
            // x = n ln 2 + r with |r| <= (ln 2)/2, so e^x = 2^n e^r. Adding 1.5 * 2^mantissa rounds to
            // the integer n and leaves it in the low bits, from where it becomes the exponent of 2^n.
            // e^r is its Taylor polynomial, whose remainder is below the unit roundoff. (Two-part ln 2:
            // Cody and Waite 1980.)
            #[inline(always)]
            fn exp_negative<const FMA: bool>(self) -> Self {
                const MAGIC: $t = 1.5 * (1u64 << $mantissa) as $t;
                let x = if self > $lowest { self } else { $lowest };
                let t = x.madd::<FMA>(std::$t::consts::LOG2_E, MAGIC);
                let n = t - MAGIC;
                let r = n.madd::<FMA>(-$lo, n.madd::<FMA>(-$hi, x));
                let mut p: $t = 0.0;
                for c in $coefficients {
                    p = p.madd::<FMA>(r, c);
                }
                let power = $t::from_bits(t.to_bits().wrapping_add($bias) << $mantissa);
                if self > $lowest { p * power } else { 0.0 }
            }
        }
    };
}

real!(f32, u32, Single, LongSingle, threshold: 1e-7, lowest: -87.3, mantissa: 23, bias: 127,
ln2: (0.693_359_4, -2.121_944_4e-4),
inverse_factorials: [
    1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0
]);
real!(f64, u64, Double, LongDouble, threshold: 1e-14, lowest: -708.3, mantissa: 52, bias: 1023,
ln2: (6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10),
inverse_factorials: [
    1.0 / 6_227_020_800.0, 1.0 / 479_001_600.0, 1.0 / 39_916_800.0, 1.0 / 3_628_800.0,
    1.0 / 362_880.0, 1.0 / 40_320.0, 1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0,
    1.0 / 6.0, 0.5, 1.0, 1.0
]);

#[cfg(test)]
mod tests {
    use super::machine::Machine;

    #[test]
    fn exponential_is_accurate_to_two_units_in_the_last_place() {
        let (mut worst32, mut worst64) = (0.0_f64, 0.0_f64);
        for i in 0..200_000 {
            let x = -f64::from(i) * 4.3e-4;
            let single = f64::from(x as f32);
            for got in [(x as f32).exp_negative::<true>(), (x as f32).exp_negative::<false>()] {
                worst32 = worst32.max((f64::from(got) / single.exp() - 1.0).abs());
            }
            for got in [x.exp_negative::<true>(), x.exp_negative::<false>()] {
                worst64 = worst64.max((got / libm::exp(x) - 1.0).abs());
            }
        }
        assert!(worst32 < 2.0 * f64::from(f32::EPSILON), "{worst32:e}");
        assert!(worst64 < 2.0 * f64::EPSILON, "{worst64:e}");
    }

    #[test]
    fn exponential_of_the_far_end_is_zero() {
        for x in [-1e3, -1e30, f64::NEG_INFINITY] {
            assert_eq!(x.exp_negative::<true>(), 0.0);
            assert_eq!((x as f32).exp_negative::<false>(), 0.0);
        }
        assert_eq!(0.0_f64.exp_negative::<true>(), 1.0);
        assert_eq!(0.0_f32.exp_negative::<false>(), 1.0);
    }
}
