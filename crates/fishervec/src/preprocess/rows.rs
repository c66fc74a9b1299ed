//! Row normalisation: each descriptor is normalised on its own.

use crate::simd::Real;

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
        if self == RowNorm::None {
            return;
        }
        for row in rows.chunks_exact_mut(d.max(1)) {
            // The sums are in f64, where the squares of a finite f32 never overflow; an f64 row is scaled
            // first.
            let largest = row.iter().fold(0.0_f64, |largest, x| largest.max(x.to_f64().abs()));
            if largest == 0.0 {
                continue;
            }
            let relative = |x: &F| x.to_f64() / largest;
            if self == RowNorm::L2 {
                let norm = row.iter().map(|x| relative(x) * relative(x)).sum::<f64>().sqrt();
                row.iter_mut().for_each(|x| *x = F::from_f64(relative(x) / norm));
            } else {
                let sum = row.iter().map(|x| relative(x).abs()).sum::<f64>();
                row.iter_mut().for_each(|x| {
                    let share = relative(x) / sum;
                    *x = F::from_f64(share.abs().sqrt().copysign(share));
                });
            }
        }
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
}
