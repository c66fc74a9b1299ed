//! Whether numbers are finite.

use super::isa::Isa;
use super::scalar::Real;
use super::vector::{LANES, Op, Simd};

/// Whether every number is finite. Cost O(n).
pub(crate) fn all_finite<F: Real>(values: &[F]) -> bool {
    let mut finite = false;
    Isa::active().run(AllFinite { values, finite: &mut finite });
    finite
}

struct AllFinite<'a, F> {
    values: &'a [F],
    finite: &'a mut bool,
}

impl<F: Real> Op for AllFinite<'_, F> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        // x * 0 is 0 if x is finite, else NaN, which no later sum removes.
        const LEN: usize = 4 * LANES;
        let (vectors, rest) = self.values.as_chunks::<LEN>();
        let mut poison = [F::ZERO; LEN];
        for vector in vectors {
            for (p, x) in poison.iter_mut().zip(vector) {
                *p += *x * F::ZERO;
            }
        }
        let sound = |x: &F| *x * F::ZERO == F::ZERO;
        *self.finite = poison.iter().all(sound) && rest.iter().all(sound);
    }
}

#[cfg(test)]
mod tests {
    use super::all_finite;

    #[test]
    fn one_number_that_is_not_finite_is_found_at_any_place() {
        for len in 0..70 {
            let finite: Vec<f64> = (0..len).map(|i| if i % 2 == 0 { f64::MAX } else { -5e-324 }).collect();
            assert!(all_finite(&finite), "{len}");
            for at in 0..len {
                for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                    let mut values = finite.clone();
                    values[at] = bad;
                    assert!(!all_finite(&values), "{bad} at {at} of {len}");
                }
            }
        }
    }
}
