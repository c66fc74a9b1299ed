//! A sample of vectors that come one after another.

use crate::util::rng::Random;

/// The most memory that the vectors of a sample take: 256 MB.
const BYTES: usize = 1 << 28;

/// A sample of what passes by, each subset of its size equally likely (Vitter 1985, algorithm R).
#[derive(Debug)]
pub(super) struct Reservoir {
    size: usize,
    random: Random,
    /// The number of those that passed.
    pub(super) passed: usize,
    /// The number of each set that is kept, and its vector.
    kept: Vec<(usize, Vec<f32>)>,
}

impl Reservoir {
    /// An empty sample of at most `size` vectors of `p` numbers.
    pub(super) fn new(size: usize, p: usize, seed: u64) -> Self {
        let size = size.min(BYTES / (4 * p.max(1))).max(1);
        Reservoir { size, random: Random::new(seed), passed: 0, kept: Vec::new() }
    }

    /// A set passes by, and may take the place of another.
    pub(super) fn pass(&mut self, set: usize, vector: Vec<f32>) {
        self.passed += 1;
        if self.kept.len() < self.size {
            self.kept.push((set, vector));
            return;
        }
        let place = self.random.below(self.passed as u64) as usize;
        if let Some(kept) = self.kept.get_mut(place) {
            *kept = (set, vector);
        }
    }

    /// The sets of the sample, ascending, and their vectors one after another.
    pub(super) fn finish(self) -> (Vec<usize>, Vec<f32>) {
        let mut kept = self.kept;
        kept.sort_unstable_by_key(|(set, _)| *set);
        let sets = kept.iter().map(|(set, _)| *set).collect();
        let mut vectors = Vec::with_capacity(kept.iter().map(|(_, vector)| vector.len()).sum());
        kept.into_iter().for_each(|(_, vector)| vectors.extend(vector));
        (sets, vectors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_set_is_equally_likely_and_comes_with_its_vector() {
        let mut hits = [0_usize; 40];
        for seed in 0..4000 {
            let mut reservoir = Reservoir::new(10, 2, seed);
            (0..40).for_each(|i| reservoir.pass(i, vec![i as f32, -1.0]));
            assert_eq!(reservoir.passed, 40);
            let (sets, vectors) = reservoir.finish();
            assert!(sets.len() == 10 && sets.windows(2).all(|pair| pair[0] < pair[1]), "{sets:?}");
            assert!(sets.iter().zip(vectors.chunks_exact(2)).all(|(set, v)| v == [*set as f32, -1.0]));
            sets.iter().for_each(|set| hits[*set] += 1);
        }
        // 39 degrees of freedom: 72.1 is exceeded once in a thousand, by draws that are independent.
        let apart: f64 = hits.iter().map(|hits| (*hits as f64 - 1000.0).powi(2) / 1000.0).sum();
        assert!(apart < 72.1, "{hits:?}");
    }

    #[test]
    fn long_vectors_make_the_sample_smaller() {
        assert_eq!(Reservoir::new(2000, 1 << 10, 0).size, 2000);
        assert_eq!(Reservoir::new(2000, 1 << 20, 0).size, 64);
        assert_eq!(Reservoir::new(2000, 1 << 27, 0).size, 1);
    }
}
