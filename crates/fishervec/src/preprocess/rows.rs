//! Row normalisation: each descriptor is normalised on its own.

use crate::simd::vector::{Op, Simd};
use crate::simd::{Isa, LANES, Real};

crate::util::string_enum::string_enum! {
    /// How each descriptor is normalised on its own.
    pub enum RowNorm as "rows" {
        /// No normalisation.
        None = "none",
        /// x / |x|; a zero row stays zero.
        L2 = "l2",
        /// sign(x) sqrt(|x| / sum |x|): RootSIFT (Arandjelovic and Zisserman 2012); a zero row stays zero.
        RootSift = "rootsift",
    }
}

impl Default for RowNorm {
    /// No normalisation.
    fn default() -> Self {
        RowNorm::None
    }
}

impl RowNorm {
    /// Normalises each row of `rows` (n, d) in place. Cost O(n d).
    pub(crate) fn apply<F: Real>(self, rows: &mut [F], d: usize) {
        if self != RowNorm::None {
            Isa::active().run(Normalize { rows, d, root: self == RowNorm::RootSift });
        }
    }
}

struct Normalize<'a, F> {
    rows: &'a mut [F],
    d: usize,
    root: bool,
}

impl<F: Real> Op for Normalize<'_, F> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        /// Sums whose terms lose nothing at either end of the range of `f32`.
        const PLAIN: std::ops::Range<f64> = 1e-30..1e30;
        for row in self.rows.chunks_exact_mut(self.d.max(1)) {
            let sum = if self.root { sum(row, |x| x.abs()) } else { sum(row, |x| x * x) };
            match (self.root, PLAIN.contains(&sum)) {
                (true, true) => {
                    let sum = F::from_f64(sum);
                    row.iter_mut().for_each(|x| *x = (*x / sum).signed_root());
                }
                (false, true) => {
                    let norm = F::from_f64(sum.sqrt());
                    row.iter_mut().for_each(|x| *x = *x / norm);
                }
                (root, false) => normalize_any(row, root),
            }
        }
    }
}

/// The sum of `term` of each number in `f64`, as partial sums that are the same on every instruction set.
#[inline(always)]
fn sum<F: Real>(row: &[F], term: impl Fn(f64) -> f64) -> f64 {
    let (vectors, rest) = row.as_chunks::<{ 2 * LANES }>();
    let mut sums = [0.0; 2 * LANES];
    for vector in vectors.iter().map(|vector| &vector[..]).chain([rest]) {
        sums.iter_mut().zip(vector).for_each(|(sum, x)| *sum += term(x.to_f64()));
    }
    sums.iter().sum()
}

/// The same of a row of huge or tiny numbers, which is divided by the largest first; a zero row stays zero.
fn normalize_any<F: Real>(row: &mut [F], root: bool) {
    let largest = row.iter().fold(0.0_f64, |largest, x| largest.max(x.to_f64().abs()));
    if largest == 0.0 {
        return;
    }
    let relative = |x: &F| x.to_f64() / largest;
    let sum: f64 = row.iter().map(relative).map(|share| if root { share.abs() } else { share * share }).sum();
    for x in row {
        let share = relative(x);
        let root_of_share = (share / sum).abs().sqrt().copysign(share);
        *x = F::from_f64(if root { root_of_share } else { share / sum.sqrt() });
    }
}

#[cfg(test)]
mod tests {
    use super::RowNorm;

    #[test]
    fn rows_are_normalised_by_themselves() {
        let mut rows = [3.0_f32, 4.0, 0.0, 0.0, -1.0, 0.0];
        RowNorm::L2.apply(&mut rows, 2);
        assert_eq!(rows, [0.6, 0.8, 0.0, 0.0, -1.0, 0.0]);
        let mut rows = [1.0_f64, -3.0, 0.0, 0.0];
        RowNorm::RootSift.apply(&mut rows, 2);
        assert_eq!(rows, [0.5, -(0.75_f64.sqrt()), 0.0, 0.0]);
    }

    #[test]
    fn rows_of_any_size_and_length_have_their_norm() {
        for d in [1, 7, 16, 33, 128] {
            for unit in [1e-44_f64, 1e-38, 1e-20, 1.0, 1e20, 1e38] {
                let row: Vec<f32> =
                    (0..d).map(|j| (unit * f64::from((j * 7 % 11) as f32 - 4.5) / 6.0) as f32).collect();
                let exact: Vec<f64> = row.iter().map(|x| f64::from(*x)).collect();
                let (sum, squares): (f64, f64) =
                    (exact.iter().map(|x| x.abs()).sum(), exact.iter().map(|x| (x / unit).powi(2)).sum());
                let (mut root, mut l2) = (row.clone(), row.clone());
                RowNorm::RootSift.apply(&mut root, d);
                RowNorm::L2.apply(&mut l2, d);
                for ((root, l2), x) in root.iter().zip(&l2).zip(&exact) {
                    let expected = (x.abs() / sum).sqrt().copysign(*x);
                    assert!(
                        (f64::from(*root) - expected).abs() <= 2e-7 * expected.abs(),
                        "{d} {unit} {root} {expected}"
                    );
                    let expected = x / unit / squares.sqrt();
                    assert!(
                        (f64::from(*l2) - expected).abs() <= 2e-7 * expected.abs(),
                        "{d} {unit} {l2} {expected}"
                    );
                }
            }
        }
    }
}
