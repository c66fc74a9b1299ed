//! The normalisation of an encoding, its last step: power, then norm.

use crate::error::{Error, Result};
use crate::simd::vector::{Op, Simd};
use crate::simd::{Isa, LANES, Real};

crate::util::string_enum::string_enum! {
    /// The norm an encoding is divided by.
    pub enum Norm as "norm" {
        /// No norm.
        None = "none",
        /// The Euclidean norm of the whole vector: g / |g|. A zero vector stays zero, and so does one that is
        /// nothing but rounding, as that of a mixture of one component on the rows it was fitted to.
        L2 = "l2",
        /// The Euclidean norm of each component's entries (over all blocks), then that of the whole vector
        /// (Arandjelovic and Zisserman 2013). A component that is nothing but rounding stays zero, and one
        /// that no descriptor visits, a share S0/N of less than 1e-7 of a soft assignment, unless its
        /// gradient with respect to the weight is there, too; up to a share of 1e-5 it counts in part.
        IntraL2 = "intra+l2",
    }
}

/// Power, then norm: sign(g) |g|^power, then the norm (Perronnin, Sanchez and Mensink 2010).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normalization {
    /// The exponent, above 0; 1 keeps the numbers unchanged, 0.5 is the signed square root.
    pub power: f64,
    /// The norm, applied after the power.
    pub norm: Norm,
}

/// A segment of an encoding: `components` groups of `width` numbers from `start` on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Segment {
    pub(crate) start: usize,
    pub(crate) components: usize,
    pub(crate) width: usize,
}

impl Segment {
    pub(crate) fn len(&self) -> usize {
        self.components * self.width
    }

    pub(crate) fn range(&self) -> std::ops::Range<usize> {
        self.start..self.start + self.len()
    }

    pub(crate) fn component(&self, k: usize) -> std::ops::Range<usize> {
        let start = self.start + k * self.width;
        start..start + self.width
    }
}

impl Normalization {
    /// No normalisation.
    pub const NONE: Normalization = Normalization { power: 1.0, norm: Norm::None };
    /// The signed square root, then L2: the "improved" Fisher vector.
    pub const IMPROVED: Normalization = Normalization { power: 0.5, norm: Norm::L2 };

    pub(crate) fn check(&self) -> Result<()> {
        if self.power.is_finite() && self.power > 0.0 {
            return Ok(());
        }
        Err(Error::parameter("power", "a finite number above 0", self.power))
    }

    /// Normalises `vector` in place; `segments` say which entries belong to one component, and `resolved` how
    /// much each component counts, from 0 for noise to 1. Cost O(P).
    pub(crate) fn apply(&self, segments: &[Segment], resolved: &dyn Fn(usize) -> f64, vector: &mut [f64]) {
        let components = segments.first().map_or(0, |segment| segment.components);
        self.raise(vector);
        if self.norm == Norm::IntraL2 {
            for k in 0..components {
                let entries = segments.iter().map(|segment| &vector[segment.component(k)]);
                let scale = resolved(k) / length(entries);
                segments.iter().for_each(|segment| multiply(&mut vector[segment.component(k)], scale));
            }
        }
        if self.norm == Norm::L2 && (0..components).all(|k| resolved(k) == 0.0) {
            vector.fill(0.0);
        }
        if self.norm != Norm::None {
            let scale = 1.0 / length([&*vector].into_iter());
            multiply(vector, scale);
        }
    }

    /// Applies the power alone.
    fn raise(&self, vector: &mut [f64]) {
        if self.power == 0.5 {
            Isa::active().run(SignedRoot(vector));
        } else if self.power != 1.0 {
            vector.iter_mut().for_each(|x| *x = libm::pow(x.abs(), self.power).copysign(*x));
        }
    }

    /// The Euclidean norm of a raw vector after the power, which is applied in place. Cost O(P).
    pub(crate) fn length(&self, raw: &mut [f64]) -> f64 {
        self.raise(raw);
        if raw.iter().all(|x| *x == 0.0) { 0.0 } else { length([&*raw].into_iter()) }
    }
}

/// The Euclidean norm of numbers in several parts; 1 for zero.
fn length<'a>(parts: impl Iterator<Item = &'a [f64]> + Clone) -> f64 {
    /// The squares of numbers between these, and sums of them, lose nothing at either end of the range.
    const PLAIN: std::ops::Range<f64> = 1e-120..1e120;
    let squares = |scale: f64| parts.clone().map(|part| sum_of_squares(part, scale)).sum::<f64>().sqrt();
    let length = squares(1.0);
    if PLAIN.contains(&length) {
        return length;
    }
    let largest = parts.clone().flatten().fold(0.0_f64, |largest, x| largest.max(x.abs()));
    if largest == 0.0 { 1.0 } else { largest * squares(1.0 / largest) }
}

/// sum (x scale)^2, as partial sums that are the same on every instruction set.
fn sum_of_squares(values: &[f64], scale: f64) -> f64 {
    let mut sum = 0.0;
    Isa::active().run(SumOfSquares { values, scale, sum: &mut sum });
    sum
}

struct SumOfSquares<'a> {
    values: &'a [f64],
    scale: f64,
    sum: &'a mut f64,
}

impl Op for SumOfSquares<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        const LEN: usize = 4 * LANES;
        let (vectors, rest) = self.values.as_chunks::<LEN>();
        let mut sums = [0.0; LEN];
        for vector in vectors {
            for (sum, x) in sums.iter_mut().zip(vector) {
                *sum += (x * self.scale) * (x * self.scale);
            }
        }
        for (sum, x) in sums.iter_mut().zip(rest) {
            *sum += (x * self.scale) * (x * self.scale);
        }
        *self.sum = sums.iter().sum();
    }
}

/// sign(x) sqrt|x| of each number.
struct SignedRoot<'a, F>(&'a mut [F]);

impl<F: Real> Op for SignedRoot<'_, F> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        self.0.iter_mut().for_each(|x| *x = x.signed_root());
    }
}

/// Multiplies each number by `factor`.
fn multiply(values: &mut [f64], factor: f64) {
    Isa::active().run(Multiply(values, factor));
}

struct Multiply<'a>(&'a mut [f64], f64);

impl Op for Multiply<'_> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        self.0.iter_mut().for_each(|x| *x *= self.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENTS: [Segment; 2] =
        [Segment { start: 0, components: 2, width: 1 }, Segment { start: 2, components: 2, width: 2 }];

    fn normalized(power: f64, norm: Norm, vector: [f64; 6]) -> [f64; 6] {
        let mut out = vector;
        Normalization { power, norm }.apply(&SEGMENTS, &|_| 1.0, &mut out);
        out
    }

    #[test]
    fn power_keeps_the_sign() {
        let vector = [4.0, -9.0, 0.0, 0.25, -1.0, 16.0];
        assert_eq!(normalized(0.5, Norm::None, vector), [2.0, -3.0, 0.0, 0.5, -1.0, 4.0]);
        assert_eq!(normalized(1.0, Norm::None, vector), vector);
        let cubed = normalized(3.0, Norm::None, vector);
        assert!((cubed[1] + 729.0).abs() < 1e-9);
        for power in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Normalization { power, norm: Norm::None }.check().is_err());
        }
    }

    #[test]
    fn norms_are_one_and_zero_stays_zero() {
        let vector = [3.0, 1.0, 0.0, 4.0, 2.0, 2.0];
        let l2 = normalized(1.0, Norm::L2, vector);
        assert!((l2.iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-15);
        // Component 0 owns entries 0, 2, 3 and component 1 owns entries 1, 4, 5: each has half of the energy.
        let intra = normalized(1.0, Norm::IntraL2, vector);
        let half: f64 = [0, 2, 3].iter().map(|i| intra[*i] * intra[*i]).sum();
        assert!((half - 0.5).abs() < 1e-15, "{intra:?}");
        assert_eq!(normalized(0.5, Norm::IntraL2, [0.0; 6]), [0.0; 6]);
        let huge = normalized(1.0, Norm::L2, [1e300, 0.0, 0.0, 0.0, 0.0, -1e300]);
        assert!((huge[0] - 0.5_f64.sqrt()).abs() < 1e-15 && huge[5] == -huge[0]);
    }
}
