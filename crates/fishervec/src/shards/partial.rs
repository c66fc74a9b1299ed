//! The part of a pass that is done.

use super::header::Header;
use super::merge::Merge;
use crate::error::{Error, Result};
use crate::util::threads::Threads;
use crate::util::tree;
use std::collections::BTreeMap;
use std::ops::Range;

/// The part of a pass that is done: the results of nodes of the plan's tree.
///
/// Only siblings are merged, left with right, as soon as both are there. So the result does not depend on who
/// did what, on the order of [`add`](Self::add), or on what was done twice: any parts that cover all chunks
/// give the bits of one pass in memory. It holds O(log chunks) results while shards come in order.
#[derive(Debug, Clone, PartialEq)]
pub struct Partial<T> {
    header: Header,
    /// The shards that it comes from, (index, of), where they are known; for messages alone.
    pub(crate) shards: Vec<(usize, usize)>,
    /// From the first chunk of a node to its last and its result.
    nodes: BTreeMap<usize, (usize, T)>,
}

impl<T: Merge + PartialEq> Partial<T> {
    /// Nothing of the pass with this header.
    #[must_use]
    pub fn empty(header: Header) -> Self {
        Partial { header, shards: vec![], nodes: BTreeMap::new() }
    }

    /// The part that `chunks` of the header's plan make up: `leaf` computes one chunk, and `merge` joins what
    /// neighbours have computed.
    pub(crate) fn of(
        header: Header,
        chunks: &Range<usize>,
        threads: &Threads,
        leaf: &(impl Fn(usize) -> Result<T> + Sync),
        merge: &(impl Fn(T, T) -> T + Sync),
    ) -> Result<Self>
    where
        T: Send,
    {
        let n = header.plan.n_chunks();
        if chunks.end > n || chunks.start > chunks.end {
            return Err(Error::parameter("chunks", format!("a range within 0..{n}"), format!("{chunks:?}")));
        }
        let mut part = Partial::empty(header);
        for (node, value) in threads.reduce_part(n, chunks, leaf, merge)? {
            part.insert(node, value)?;
        }
        Ok(part)
    }

    /// The same, known to come from shard `index` (from 0) of `of`, so that messages can name it.
    #[must_use]
    pub fn of_shard(self, index: usize, of: usize) -> Self {
        Partial { shards: vec![(index, of)], ..self }
    }

    /// The same as a part of a pass under the model with this identity.
    #[must_use]
    pub fn of_model(mut self, model: u64) -> Self {
        self.header.model = format!("{model:016x}");
        self
    }

    /// The same as a part of a pass over the list of files with this identity.
    #[must_use]
    pub fn of_list(mut self, list: u64) -> Self {
        self.header.list = Some(format!("{list:016x}"));
        self
    }

    /// What all parts of the pass agree in.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Adds another part of the same pass. Chunks that are there already are the same again, from a task that
    /// ran twice.
    ///
    /// # Errors
    /// [`Error::Shards`] for a part of another pass (naming what differs), and for other values of the same
    /// chunks; nothing is changed. Cost: one comparison or merge per node.
    pub fn add(&mut self, other: Self) -> Result<()> {
        self.header.check(&other.header)?;
        for (from, (to, value)) in &other.nodes {
            if self.nodes.get(from).is_some_and(|(end, known)| end == to && known != value) {
                let items = self.header.plan.items(*from..*to);
                return Err(Error::shards(format!(
                    "items {} to {} are there already, with other values: the data changed in between; \
                     accumulate all shards again",
                    items.start, items.end
                )));
            }
        }
        let known = self.shards.len();
        self.shards.extend(other.shards);
        self.shards[known..].sort_unstable();
        other.nodes.into_iter().try_for_each(|(from, (to, value))| self.insert(from..to, value))
    }

    /// Adds the result of a node, unless its chunks are there already, and merges what is complete by it.
    pub(crate) fn insert(&mut self, node: Range<usize>, value: T) -> Result<()> {
        if self.covers(&node) {
            return Ok(());
        }
        // What lies within it was computed of the same rows, cut into other shards.
        self.nodes.retain(|from, _| !node.contains(from));
        let (mut node, mut value) = (node, value);
        while let Some((parent, sibling)) = tree::parent(self.header.plan.n_chunks(), &node) {
            if self.nodes.get(&sibling.start).is_none_or(|(end, _)| *end != sibling.end) {
                break;
            }
            let Some((_, other)) = self.nodes.remove(&sibling.start) else { break };
            value = if node.start < sibling.start { value.merged(other)? } else { other.merged(value)? };
            node = parent;
        }
        self.nodes.insert(node.start, (node.end, value));
        Ok(())
    }

    fn covers(&self, node: &Range<usize>) -> bool {
        let before = self.nodes.range(..=node.start).next_back();
        before.is_some_and(|(_, (end, _))| node.end <= *end)
    }

    /// The nodes that are done, from left to right, with their results.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (Range<usize>, &T)> {
        self.nodes.iter().map(|(from, (to, value))| (*from..*to, value))
    }

    /// The chunks that are missing, in order.
    #[must_use]
    pub fn missing(&self) -> Vec<Range<usize>> {
        let ends = self
            .nodes()
            .map(|(node, _)| node)
            .chain(std::iter::once(self.header.plan.n_chunks()..usize::MAX));
        let (mut done, mut gaps) = (0, Vec::new());
        for node in ends {
            if done < node.start {
                gaps.push(done..node.start);
            }
            done = node.end;
        }
        gaps
    }

    /// The share of the items that is done, from 0 to 1.
    #[must_use]
    pub fn progress(&self) -> f64 {
        let plan = self.header.plan;
        let done: usize = self.nodes().map(|(node, _)| plan.items(node).len()).sum();
        if plan.n_items() == 0 { 1.0 } else { done as f64 / plan.n_items() as f64 }
    }

    /// The result of the whole pass; `None` for a pass over nothing.
    ///
    /// # Errors
    /// [`Error::Shards`] while chunks are missing, with the shards they belong to, or the items.
    pub fn finish(self) -> Result<Option<T>> {
        let missing = self.missing();
        if missing.is_empty() {
            return Ok(self.nodes.into_values().next().map(|(_, value)| value));
        }
        Err(Error::shards(self.name_missing(&missing)))
    }

    fn name_missing(&self, missing: &[Range<usize>]) -> String {
        let plan = self.header.plan;
        let of = self.shards.first().map(|(_, of)| *of);
        let of = of.filter(|of| *of <= 1 << 20 && self.shards.iter().all(|(_, other)| other == of));
        let (what, names) = match of {
            Some(of) => {
                let mut shards: Vec<usize> =
                    missing.iter().flat_map(|chunks| plan.shards_of(chunks, of)).collect();
                shards.dedup();
                ("shard", shards.iter().map(|shard| format!("{}/{of}", shard + 1)).collect())
            }
            None => {
                let name = |chunks: &Range<usize>| {
                    let items = plan.items(chunks.clone());
                    format!("{} to {}", items.start, items.end)
                };
                ("items", missing.iter().map(name).collect::<Vec<String>>())
            }
        };
        let plural = if what == "shard" && names.len() > 1 { "s" } else { "" };
        let (shown, rest) = names.split_at(names.len().min(8));
        let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
        format!("{what}{plural} {}{more} missing: accumulate them and merge again", shown.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shards::{Pass, Plan};
    use crate::util::rng::Random;

    /// The shape of the tree, as text.
    impl Merge for String {
        fn merged(self, right: Self) -> Result<Self> {
            Ok(format!("({self} {right})"))
        }
    }

    fn nothing(n: usize) -> Partial<String> {
        // Sixteen items are one chunk.
        Partial::empty(Header::new::<f32>(Pass::Information, Plan::information(16 * n), 7, None))
    }

    fn part(n: usize, chunks: Range<usize>) -> Partial<String> {
        let (leaf, merge) = (|i: usize| Ok(i.to_string()), |a, b| format!("({a} {b})"));
        Partial::of(nothing(n).header, &chunks, &Threads::one(), &leaf, &merge).unwrap()
    }

    fn whole(n: usize) -> Option<String> {
        let leaf = |i: usize| Ok(i.to_string());
        Threads::one().reduce(n, &leaf, &|a, b| format!("({a} {b})")).unwrap()
    }

    #[test]
    fn any_order_of_any_nodes_gives_the_tree_of_one_pass() {
        let mut random = Random::new(1);
        for n in [1, 2, 3, 5, 16, 17, 100] {
            for _ in 0..100 {
                let cuts = 1 + random.below(7) as usize;
                let mut ends: Vec<usize> = (0..cuts).map(|_| random.below(n as u64 + 1) as usize).collect();
                ends.extend([0, n]);
                ends.sort_unstable();
                let mut ranges: Vec<_> = ends.windows(2).map(|pair| pair[0]..pair[1]).collect();
                // Some come twice, and some cut in another way.
                ranges.extend([ranges[0].clone(), 0..random.below(n as u64 + 1) as usize]);
                let mut order: Vec<_> = ranges.into_iter().map(|range| (random.uniform(), range)).collect();
                order.sort_by(|a, b| a.0.total_cmp(&b.0));
                let mut all = nothing(n);
                for (_, range) in order {
                    all.add(part(n, range)).unwrap();
                }
                assert_eq!(all.progress(), 1.0);
                assert_eq!(all.finish().unwrap(), whole(n));
            }
        }
        assert_eq!(nothing(0).finish().unwrap(), None);
    }

    #[test]
    fn what_is_missing_is_named() {
        let plan = Plan::information(16 * 100);
        let mut all = nothing(100);
        for shard in [0, 1, 3, 4] {
            let chunks = plan.shard(shard, 5).unwrap();
            all.add(part(100, chunks).of_shard(shard, 5)).unwrap();
        }
        assert_eq!(all.missing(), [plan.shard(2, 5).unwrap()]);
        let error = all.clone().finish().unwrap_err().to_string();
        assert!(error.contains("shard 3/5 missing"), "{error}");
        all.add(part(100, 0..1)).unwrap();
        all.add(part(100, plan.shard(2, 5).unwrap())).unwrap();
        assert_eq!(all.finish().unwrap(), whole(100));
        let error = part(100, 3..5).finish().unwrap_err().to_string();
        assert!(error.contains("items 0 to 48, 80 to 1600 missing"), "{error}");
    }

    #[test]
    fn parts_of_another_pass_or_with_other_values_are_refused() {
        let other = |change: &dyn Fn(&mut Header)| {
            let mut header = nothing(4).header;
            change(&mut header);
            let mut all = part(4, 0..2);
            let error = all.add(Partial::empty(header)).unwrap_err().to_string();
            assert_eq!(all, part(4, 0..2));
            error
        };
        type Change<'a> = &'a dyn Fn(&mut Header);
        let fields: [(&str, Change<'_>); 9] = [
            ("mixture: expected 0000000000000007, got 8", &|h| h.mixture = "8".into()),
            ("kind: expected information, got scatter", &|h| h.kind = Pass::Scatter),
            ("plan: expected 64 in 4 chunks, got 80 in 5 chunks", &|h| h.plan = Plan::information(80)),
            ("model: expected 0000000000000007, got 8", &|h| h.model = "8".into()),
            ("list: expected none, got 9", &|h| h.list = Some("9".into())),
            ("float type: expected f32, got f64", &|h| h.real = "f64".into()),
            ("threshold: expected none, got 0.5", &|h| h.threshold = Some(0.5)),
            ("instruction set: expected", &|h| h.level = "abacus".into()),
            ("version of fishervec: expected", &|h| h.version = "0.0.0".into()),
        ];
        for (expected, change) in fields {
            let error = other(change);
            assert!(error.contains(expected), "{error}");
        }
        let mut all = part(4, 0..1);
        let mut wrong = nothing(4);
        wrong.insert(0..1, "x".to_owned()).unwrap();
        let error = all.add(wrong).unwrap_err().to_string();
        assert!(error.contains("items 0 to 16 are there already, with other values"), "{error}");
        assert_eq!(all, part(4, 0..1));
    }
}
