//! How a pass is cut into chunks.

use crate::error::{Error, Result};
use crate::util::tree;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// How a pass over n items (rows, or sets) is cut into chunks, the leaves of the tree in which their results
/// are merged: a pure function of the shape of the job.
///
/// Equal plans give equal bits: whoever computes which chunks, and in whatever order, the results of chunks
/// meet in the same tree. A *shard* is a run of chunks.
///
/// ```
/// use fishervec::shards::Plan;
///
/// let plan = Plan::statistics(60_000, 64, 64);
/// let shards: Vec<_> = (0..5).map(|i| plan.shard(i, 5)).collect::<Result<_, _>>()?;
/// assert_eq!(plan.items(shards[0].clone()).start, 0);
/// assert!(shards.windows(2).all(|pair| pair[0].end == pair[1].start));
/// assert_eq!(plan.items(shards[4].clone()).end, 60_000);
/// # Ok::<(), fishervec::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The number of items.
    n: usize,
    chunks: usize,
    /// The size of each chunk but the last; `None` for chunks of nearly equal sizes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<usize>,
}

/// The rows of a chunk of moments, and the sets of a chunk of an empirical information.
const MOMENT_ROWS: usize = 1024;
const INFORMATION_SETS: usize = 16;

impl Plan {
    /// The plan of the statistics of `n` rows of `d` columns under a mixture of `k` components.
    ///
    /// A chunk has between K D / 64 and some 4,096 rows: chunks grow with the statistics, which take time in
    /// proportion to their size to clear and to merge. An even number keeps two threads busy.
    #[must_use]
    pub fn statistics(n: usize, k: usize, d: usize) -> Self {
        let rows = (k.saturating_mul(d) / 64).clamp(1024, 4096);
        let chunks = if n <= rows { n.min(1) } else { n.div_ceil(rows).next_multiple_of(2) };
        Plan { n, chunks, size: None }
    }

    /// The plan of the moments of `n` rows, first or second: chunks of 1,024.
    #[must_use]
    pub fn moments(n: usize) -> Self {
        Plan::of_size(n, MOMENT_ROWS)
    }

    /// The plan of an empirical information over `n_sets` sets: chunks of 16.
    #[must_use]
    pub fn information(n_sets: usize) -> Self {
        Plan::of_size(n_sets, INFORMATION_SETS)
    }

    fn of_size(n: usize, size: usize) -> Self {
        Plan { n, chunks: n.div_ceil(size), size: Some(size) }
    }

    /// The number of items.
    #[must_use]
    pub fn n_items(&self) -> usize {
        self.n
    }

    /// The number of chunks.
    #[must_use]
    pub fn n_chunks(&self) -> usize {
        self.chunks
    }

    /// The items of the given chunks.
    #[must_use]
    pub fn items(&self, chunks: Range<usize>) -> Range<usize> {
        self.first_item(chunks.start)..self.first_item(chunks.end)
    }

    fn first_item(&self, chunk: usize) -> usize {
        match self.size {
            Some(size) => chunk.saturating_mul(size).min(self.n),
            None => cut(self.n, self.chunks, chunk),
        }
    }

    /// The first chunk that begins at `item` or later: a holder of the items from there on owns it.
    #[must_use]
    pub fn first_at(&self, item: usize) -> usize {
        let (mut from, mut to) = (0, self.chunks);
        while from < to {
            let middle = tree::middle(from, to);
            (from, to) = if self.first_item(middle) < item { (middle + 1, to) } else { (from, middle) };
        }
        from
    }

    /// The chunks of shard `index` (from 0) of `of`: at most five nodes of the tree, at most an eighth above
    /// the mean size. It may be empty.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `index` < `of`, and `of` is between 1 and 2^40 (2^28 on a 32-bit machine).
    pub fn shard(&self, index: usize, of: usize) -> Result<Range<usize>> {
        // The nodes of three levels below the shards are counted in a `usize`.
        const LOG_MAX: u32 = if usize::BITS < 64 { 28 } else { 40 };
        if index >= of || of > 1 << LOG_MAX {
            return Err(Error::parameter("shard", format!("less than {of}, at most 2^{LOG_MAX}"), index));
        }
        // Three levels below the level that has as many nodes as there are shards.
        let depth = of.next_power_of_two().ilog2() + 3;
        let start = |shard: usize| match shard == of {
            true => self.chunks,
            false => tree::start_at(self.chunks, depth, cut(1 << depth, of, shard)),
        };
        Ok(start(index)..start(index + 1))
    }

    /// Whether these chunks are a node of the tree.
    pub(crate) fn is_node(&self, chunks: &Range<usize>) -> bool {
        tree::is_node(self.chunks, chunks)
    }

    /// The shards (from 0) of `of` that hold any of the given chunks.
    pub(super) fn shards_of(&self, chunks: &Range<usize>, of: usize) -> Vec<usize> {
        let touches = |shard: &usize| {
            self.shard(*shard, of).is_ok_and(|own| own.start < chunks.end && chunks.start < own.end)
        };
        (0..of).filter(touches).collect()
    }
}

/// The first item of interval `i` of `count` nearly equal intervals of `n` items.
pub(crate) fn cut(n: usize, count: usize, i: usize) -> usize {
    (n as u128 * i as u128 / count.max(1) as u128) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_cover_all_chunks_once_in_few_nodes_of_nearly_one_size() {
        for n in [0, 1, 1000, 5000, 60_000, 1_000_000, 123_456_789] {
            let plan = Plan::statistics(n, 64, 64);
            for of in [1, 2, 3, 5, 7, 16, 61, 64] {
                let shards: Vec<_> = (0..of).map(|i| plan.shard(i, of).unwrap()).collect();
                assert_eq!((shards[0].start, shards[of - 1].end), (0, plan.n_chunks()));
                assert!(shards.windows(2).all(|pair| pair[0].end == pair[1].start));
                for shard in &shards {
                    assert!(tree::nodes_within(plan.n_chunks(), shard).len() <= 5, "{n} {of} {shard:?}");
                    let mean = plan.n_chunks() as f64 / of as f64;
                    assert!(shard.len() as f64 <= 1.125 * mean + 2.0, "{n} {of} {shard:?}");
                }
            }
        }
        assert!(Plan::moments(10).shard(3, 3).is_err() && Plan::moments(10).shard(0, 0).is_err());
    }

    #[test]
    fn chunks_belong_to_the_holder_of_their_first_item() {
        for plan in [Plan::statistics(10_001, 64, 64), Plan::moments(10_001), Plan::information(100)] {
            for item in 0..=plan.n_items() {
                let chunk = plan.first_at(item);
                assert!(chunk == plan.n_chunks() || plan.items(chunk..chunk + 1).start >= item);
                assert!(chunk == 0 || plan.items(chunk - 1..chunk).start < item);
            }
        }
    }
}
