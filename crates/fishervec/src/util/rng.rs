//! Random draws that stay the same from release to release: the generator is a named algorithm, and the
//! distributions are implemented here and pinned by tests.

use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Xoshiro256++ with the few distributions this crate draws from.
#[derive(Debug)]
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

/// Draws `count` rows of sets of `counts` rows each, as many from each group of sets, without replacement and
/// in ascending order; `groups` holds the group of each set. A smaller group gives all its rows, and the
/// others share what is left; where that leaves a remainder, which of them give one row more is drawn, too.
/// Within a group each subset is equally likely. Cost O(sets + groups log count + count log count).
///
/// # Panics
/// If there is not one group per set.
#[must_use]
pub fn sample_by_group<G: Ord>(counts: &[usize], groups: &[G], count: usize, seed: u64) -> Vec<usize> {
    assert_eq!(counts.len(), groups.len(), "a group for each set");
    let mut rows: BTreeMap<&G, Vec<Range<usize>>> = BTreeMap::new();
    let mut first = 0;
    for (group, n) in groups.iter().zip(counts) {
        rows.entry(group).or_default().push(first..first + n);
        first += n;
    }
    let mut random = Random::new(seed);
    let seeds: Vec<u64> = rows.keys().map(|_| random.0.next_u64()).collect();
    let sizes: Vec<usize> = rows.values().map(|sets| sets.iter().map(Range::len).sum()).collect();
    let shares = shares(&sizes, count, random.0.next_u64());
    let mut picked = Vec::new();
    for (i, sets) in rows.into_values().enumerate() {
        let drawn = sample_rows(sizes[i], shares[i], seeds[i]);
        for (set, inside) in rows_by_set(&drawn, sets.iter().map(Range::len)) {
            picked.extend(inside.into_iter().map(|row| sets[set].start + row));
        }
    }
    picked.sort_unstable();
    picked
}

/// How many of `count` rows each group of `sizes` rows gives: as many as it has, at most a number that is the
/// same for all, and one more in groups that are drawn.
fn shares(sizes: &[usize], count: usize, seed: u64) -> Vec<usize> {
    let sum = |most: usize| sizes.iter().map(|size| most.min(*size)).sum::<usize>();
    let (mut most, mut above) = (0, sizes.iter().max().map_or(1, |size| size + 1));
    while above - most > 1 {
        let middle = most + (above - most) / 2;
        if sum(middle) <= count {
            most = middle;
        } else {
            above = middle;
        }
    }
    let mut shares: Vec<usize> = sizes.iter().map(|size| most.min(*size)).collect();
    let larger: Vec<usize> = (0..sizes.len()).filter(|group| sizes[*group] > most).collect();
    for i in sample_rows(larger.len(), count - sum(most), seed) {
        shares[larger[i]] += 1;
    }
    shares
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

    /// The chi-square statistic of how often the rows of each set were drawn, against equal chances of all
    /// rows.
    fn chi_square(counts: &[usize], draws: usize, draw: impl Fn(u64) -> Vec<usize>) -> f64 {
        let mut hits = vec![0_usize; counts.len()];
        let mut total = 0;
        for seed in 0..draws as u64 {
            let picked = draw(seed);
            total += picked.len();
            rows_by_set(&picked, counts.iter().copied())
                .iter()
                .for_each(|(set, rows)| hits[*set] += rows.len());
        }
        let rows: usize = counts.iter().sum();
        let expected = |n: usize| total as f64 * n as f64 / rows as f64;
        let filled = hits.iter().zip(counts).filter(|(_, n)| **n > 0);
        filled.map(|(hits, n)| (*hits as f64 - expected(*n)).powi(2) / expected(*n)).sum()
    }

    #[test]
    fn each_row_is_equally_likely_whatever_the_sizes_of_the_sets() {
        let counts = [1, 1000, 0, 3, 40, 40, 400, 16];
        let of_all = chi_square(&counts, 3000, |seed| sample_rows(1500, 60, seed));
        // 6 degrees of freedom: 22.5 is exceeded once in a thousand.
        assert!(of_all < 22.5, "{of_all}");
        // What the test would say of a sample that takes the first rows, or as many from each set.
        let of_first = chi_square(&counts, 3000, |_| (0..60).collect());
        let of_each =
            chi_square(&counts, 3000, |seed| sample_by_group(&counts, &[0, 1, 2, 3, 4, 5, 6, 7], 60, seed));
        assert!(of_first > 1000.0 && of_each > 1000.0, "{of_first} {of_each}");
    }

    #[test]
    fn groups_give_as_many_rows_each_and_small_ones_all_they_have() {
        let counts = [10, 200, 0, 30, 500, 4];
        let groups = ["a", "b", "b", "a", "c", "d"];
        let drawn = |count: usize, seed: u64| {
            let picked = sample_by_group(&counts, &groups, count, seed);
            assert!(picked.windows(2).all(|pair| pair[0] < pair[1]), "{picked:?}");
            let mut of_group = BTreeMap::from([("a", 0), ("b", 0), ("c", 0), ("d", 0)]);
            for (set, rows) in rows_by_set(&picked, counts) {
                *of_group.get_mut(groups[set]).unwrap() += rows.len();
            }
            of_group.into_values().collect::<Vec<_>>()
        };
        assert_eq!(drawn(100, 1), [32, 32, 32, 4]);
        let few = drawn(14, 1);
        assert!(few.iter().sum::<usize>() == 14 && few.iter().all(|n| (3..=4).contains(n)), "{few:?}");
        assert_eq!(drawn(400, 1), [40, 178, 178, 4]);
        assert_eq!(drawn(1000, 1), [40, 200, 500, 4]);
        assert_eq!(drawn(0, 1), [0; 4]);
        // Within a group each row is equally likely: sets 0 and 3 share 1 to 3.
        let rows = [10, 30];
        let of_a = |seed: u64| {
            let picked = sample_by_group(&counts, &groups, 40, seed);
            let inside = picked.into_iter().filter(|row| !(10..210).contains(row) && *row < 240);
            inside.map(|row| if row < 10 { row } else { row - 200 }).collect()
        };
        let within = chi_square(&rows, 3000, of_a);
        assert!(within < 10.8, "{within}");
        assert_ne!(sample_by_group(&counts, &groups, 40, 1), sample_by_group(&counts, &groups, 40, 2));
        assert!(sample_by_group::<u8>(&[], &[], 5, 0).is_empty());
    }

    #[test]
    fn a_remainder_falls_on_any_group_whatever_its_size_and_place() {
        let counts = [3, 40, 7, 40, 100, 40];
        let groups: Vec<usize> = (0..6).collect();
        for (count, each) in [(4, 0), (15, 2), (1, 0)] {
            let mut more = [0_usize; 6];
            for seed in 0..3000 {
                for (set, rows) in rows_by_set(&sample_by_group(&counts, &groups, count, seed), counts) {
                    assert!((each..=each + 1).contains(&rows.len()), "{count}: {rows:?}");
                    more[set] += rows.len() - each;
                }
            }
            let expected = 3000.0 * (count - 6 * each) as f64 / 6.0;
            // 5 degrees of freedom: 20.5 is exceeded once in a thousand.
            let apart: f64 = more.iter().map(|hits| (*hits as f64 - expected).powi(2) / expected).sum();
            assert!(apart < 20.5, "{count}: {more:?}");
        }
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
