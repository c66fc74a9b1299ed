//! Random draws that stay the same from release to release: the generator is a named algorithm, and the
//! distributions are implemented here and pinned by tests.

use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::collections::BTreeSet;

/// Xoshiro256++ with the few distributions this crate draws from.
pub(crate) struct Random(Xoshiro256PlusPlus);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// A uniform number in [0, 1), a multiple of 2^-53.
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (-53.0_f64).exp2()
    }

    /// A uniform integer in 0..n, without bias (Lemire 2019).
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        loop {
            let wide = u128::from(self.0.next_u64()) * u128::from(n);
            if wide as u64 >= n.wrapping_neg() % n {
                return (wide >> 64) as u64;
            }
        }
    }

    /// A standard normal number (Box and Muller 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * libm::log(1.0 - self.uniform())).sqrt();
        radius * libm::cos(std::f64::consts::TAU * self.uniform())
    }

    /// An index drawn with probability proportional to `cumulative[i] - cumulative[i - 1]`; the last
    /// entry, the total, must be positive.
    pub(crate) fn index(&mut self, cumulative: &[f64]) -> usize {
        let total = cumulative[cumulative.len() - 1];
        let target = self.uniform() * total;
        // The first entry above the target has positive weight; rounding can leave the target at the total.
        cumulative.partition_point(|c| *c <= target).min(cumulative.partition_point(|c| *c < total))
    }
}

/// Draws `count` of the numbers 0..total without replacement, each subset equally likely, in ascending order;
/// all of them if `count >= total`. Floyd's algorithm (Bentley and Floyd 1987), O(count log count).
#[must_use]
pub fn sample_rows(total: usize, count: usize, seed: u64) -> Vec<usize> {
    if count >= total {
        return (0..total).collect();
    }
    let mut random = Random::new(seed);
    let mut chosen = BTreeSet::new();
    for last in total - count..total {
        let candidate = random.below(last as u64 + 1) as usize;
        if !chosen.insert(candidate) {
            chosen.insert(last);
        }
    }
    chosen.into_iter().collect()
}

/// Assigns the sorted row numbers `picked`, which count through all sets in order, to sets of `counts` rows
/// each: one (set, rows in it) per set that holds any of them. Cost O(sets log picked).
#[must_use]
pub fn rows_by_set(picked: &[usize], counts: impl IntoIterator<Item = usize>) -> Vec<(usize, Vec<usize>)> {
    let mut drawn = Vec::new();
    let (mut rest, mut first) = (picked, 0);
    for (set, count) in counts.into_iter().enumerate() {
        let (rows, later) = rest.split_at(rest.partition_point(|row| *row < first + count));
        if !rows.is_empty() {
            drawn.push((set, rows.iter().map(|row| row - first).collect()));
        }
        (rest, first) = (later, first + count);
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_frozen() {
        let mut random = Random::new(0);
        let uniform: Vec<f64> = (0..3).map(|_| random.uniform()).collect();
        assert_eq!(uniform, [0.3245752680314067, 0.38223929651167343, 0.3596172076473553]);
        assert_eq!(sample_rows(1000, 5, 7), [55, 171, 426, 716, 963]);
    }

    #[test]
    fn normal_has_the_right_moments() {
        let mut random = Random::new(3);
        let draws: Vec<f64> = (0..100_000).map(|_| random.normal()).collect();
        let moment = |p: i32| draws.iter().map(|x| x.powi(p)).sum::<f64>() / draws.len() as f64;
        assert!(moment(1).abs() < 0.01, "{}", moment(1));
        assert!((moment(2) - 1.0).abs() < 0.02, "{}", moment(2));
        assert!((moment(4) - 3.0).abs() < 0.15, "{}", moment(4));
    }

    #[test]
    fn samples_are_sorted_distinct_and_uniform() {
        let mut hits = [0_u32; 10];
        for seed in 0..4000 {
            let rows = sample_rows(10, 3, seed);
            assert!(rows.len() == 3 && rows.windows(2).all(|w| w[0] < w[1]));
            rows.iter().for_each(|row| hits[*row] += 1);
        }
        assert!(hits.iter().all(|h| h.abs_diff(1200) < 150), "{hits:?}");
        assert_eq!(sample_rows(3, 9, 0), [0, 1, 2]);
        assert_eq!(sample_rows(0, 9, 0), [0_usize; 0]);
    }

    #[test]
    fn an_index_of_weight_zero_is_never_drawn() {
        let mut random = Random::new(1);
        let cumulative = [0.0, 0.0, 2.0, 2.0, 3.0, 3.0];
        for _ in 0..1000 {
            assert!(matches!(random.index(&cumulative), 2 | 4));
        }
    }

    #[test]
    fn rows_fall_into_their_sets() {
        let drawn = super::rows_by_set(&[0, 1, 4, 5, 9], [2, 0, 4, 3, 1]);
        assert_eq!(drawn, [(0, vec![0, 1]), (2, vec![2, 3]), (4, vec![0])]);
        assert!(super::rows_by_set(&[], [3, 4]).is_empty());
    }
}
