//! The two float types of the kernel: their vectors and their exponential.

use super::vector::Simd;
use half::f16;
use half::slice::HalfFloatSliceExt;
use std::any::Any;
use std::fmt::Debug;
use std::ops::{Add, AddAssign, Div, Mul, MulAssign, Sub};

/// `f32` or `f64`: the float types descriptors are computed in. Sealed.
pub trait Real:
    sealed::Float
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
    /// The default posterior threshold: components whose posterior is below this fraction of their row's
    /// largest are dropped; a threshold of 0 keeps all. The default keeps the relative L2 error of a Fisher
    /// vector, before power and norm, below 1e-5 in `f32` and 1e-12 in `f64`. A power of 0.5 amplifies small
    /// entries and their errors: up to 6e-4 and 3e-7 of the norm were measured (`docs/decisions.md`).
    const THRESHOLD: f64;

    /// The nearest number of this type.
    fn from_f64(x: f64) -> Self;
    /// This number in double precision; exact.
    fn to_f64(self) -> f64;
}

/// What the kernel needs of a float type. It cannot be named from outside, which seals [`Real`].
pub(crate) mod sealed {
    use crate::simd::vector::{Simd, Vector, Vector8};

    pub trait Float: Sized {
        /// Eight of them.
        type Eight<S: Simd>: Vector8<Self, Simd = S>;
        /// The longest vector of them.
        type Longest<S: Simd>: Vector<Self, Simd = S>;
        const NEG_INFINITY: Self;
        /// `self * b + c`, rounded as [`Simd::FMA`] says.
        fn madd<S: Simd>(self, b: Self, c: Self) -> Self;
        /// sign(self) sqrt|self|.
        fn signed_root(self) -> Self;
        /// e^self for self <= 0, to about one unit in the last place; 0 where the result would be subnormal.
        fn exp_negative<S: Simd>(self) -> Self;
    }
}

/// The one of type `T` of two values, one per float type: generic code over `F` picks the member for `F`.
pub(crate) fn pick<'a, T: 'static>(single: &'a dyn Any, double: &'a dyn Any) -> &'a T {
    single.downcast_ref().or_else(|| double.downcast_ref()).expect("one value per float type")
}

/// A number type descriptors can be stored in: `f32`, `f64`, `u8` (SIFT) or `f16` (deep embeddings).
///
/// Results have the type [`Element::Real`]: the type itself for the two floats, `f32` for the others,
/// which are converted block by block.
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
    ($t:ident, $bits:ident, $eight:ident, $longest:ident, threshold: $threshold:expr, lowest: $lowest:expr,
     mantissa: $mantissa:expr, bias: $bias:expr, ln2: ($hi:expr, $lo:expr),
     inverse_factorials: $coefficients:expr) => {
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

        impl sealed::Float for $t {
            type Eight<S: Simd> = S::$eight;
            type Longest<S: Simd> = S::$longest;
            const NEG_INFINITY: Self = $t::NEG_INFINITY;

            #[inline(always)]
            fn madd<S: Simd>(self, b: Self, c: Self) -> Self {
                if S::FMA { self.mul_add(b, c) } else { self * b + c }
            }
            #[inline(always)]
            fn signed_root(self) -> Self {
                self.abs().sqrt().copysign(self)
            }
            // x = n ln 2 + r with |r| <= (ln 2)/2, so e^x = 2^n e^r. Adding 1.5 * 2^mantissa rounds to
            // the integer n and leaves it in the low bits, which are shifted into the exponent of 2^n.
            // e^r is computed by its Taylor polynomial, whose remainder is below the unit roundoff. (Two-part
            // ln 2: Cody and Waite 1980.)
            #[inline(always)]
            fn exp_negative<S: Simd>(self) -> Self {
                const MAGIC: $t = 1.5 * (1u64 << $mantissa) as $t;
                let x = if self > $lowest { self } else { $lowest };
                let t = x.madd::<S>(std::$t::consts::LOG2_E, MAGIC);
                let n = t - MAGIC;
                let r = n.madd::<S>(-$lo, n.madd::<S>(-$hi, x));
                let mut p: $t = 0.0;
                for c in $coefficients {
                    p = p.madd::<S>(r, c);
                }
                let power = $t::from_bits(t.to_bits().wrapping_add($bias) << $mantissa);
                if self > $lowest { p * power } else { 0.0 }
            }
        }
    };
}

real!(f32, u32, F32x8, F32s, threshold: 1e-7, lowest: -87.3, mantissa: 23, bias: 127,
ln2: (0.693_359_4, -2.121_944_4e-4),
inverse_factorials: [
    1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0
]);
real!(f64, u64, F64x8, F64s, threshold: 1e-14, lowest: -708.3, mantissa: 52, bias: 1023,
ln2: (6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10),
inverse_factorials: [
    1.0 / 6_227_020_800.0, 1.0 / 479_001_600.0, 1.0 / 39_916_800.0, 1.0 / 3_628_800.0,
    1.0 / 362_880.0, 1.0 / 40_320.0, 1.0 / 5040.0, 1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0,
    1.0 / 6.0, 0.5, 1.0, 1.0
]);
