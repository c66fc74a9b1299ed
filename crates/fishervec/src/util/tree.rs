//! The binary tree in which the results of chunks are merged: a pure function of their number.
//!
//! Node (lo, hi) of more than one leaf has the children (lo, mid) and (mid, hi), mid = lo + (hi - lo)/2, and
//! the root is (0, n).

use std::ops::Range;

/// The leaf that separates the children of a node of more than one leaf.
pub(crate) fn middle(from: usize, to: usize) -> usize {
    from + (to - from) / 2
}

/// The largest nodes of the tree of `n` leaves that lie within `range`, from left to right.
pub(crate) fn nodes_within(n: usize, range: &Range<usize>) -> Vec<Range<usize>> {
    let (mut nodes, mut open) = (Vec::new(), Vec::from_iter(std::iter::once(0..n)));
    while let Some(node) = open.pop() {
        if node.is_empty() || node.end <= range.start || range.end <= node.start {
            continue;
        }
        if range.start <= node.start && node.end <= range.end {
            nodes.push(node);
        } else {
            let middle = middle(node.start, node.end);
            open.extend([middle..node.end, node.start..middle]);
        }
    }
    nodes
}

/// The node that has `child` as one of its children, and the other child; `None` for the root, and for a
/// range that is not a node.
pub(crate) fn parent(n: usize, child: &Range<usize>) -> Option<(Range<usize>, Range<usize>)> {
    let mut node = 0..n;
    while node.len() > 1 {
        let middle = middle(node.start, node.end);
        let (left, right) = (node.start..middle, middle..node.end);
        if *child == left {
            return Some((node, right));
        }
        if *child == right {
            return Some((node, left));
        }
        node = if child.end <= middle { left } else { right };
    }
    None
}

/// Whether `range` is a node of the tree of `n` leaves.
pub(crate) fn is_node(n: usize, range: &Range<usize>) -> bool {
    n > 0 && (*range == (0..n) || parent(n, range).is_some())
}

/// Where node `index` of the 2^depth at that depth begins; a leaf above it counts as its last descendant.
pub(crate) fn start_at(n: usize, depth: u32, index: usize) -> usize {
    let (mut from, mut to) = (0, n);
    for bit in (0..depth).rev() {
        let middle = middle(from, to);
        (from, to) = if index >> bit & 1 == 1 { (middle, to) } else { (from, middle) };
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_nodes_cover_a_range_once() {
        for n in 1..40 {
            for from in 0..=n {
                for to in from..=n {
                    let nodes = nodes_within(n, &(from..to));
                    let leaves: Vec<usize> = nodes.iter().cloned().flatten().collect();
                    assert_eq!(leaves, (from..to).collect::<Vec<_>>());
                    assert!(nodes.iter().all(|node| is_node(n, node)));
                    for node in nodes {
                        let within =
                            |(parent, _): (Range<usize>, _)| from <= parent.start && parent.end <= to;
                        assert!(!parent(n, &node).is_some_and(within), "{node:?} is not the largest");
                    }
                }
            }
        }
        assert!(!is_node(5, &(1..4)) && !is_node(0, &(0..0)) && !is_node(4, &(0..3)));
    }

    #[test]
    fn nodes_of_one_depth_follow_each_other() {
        for n in [1, 2, 3, 7, 16, 61, 1000] {
            for depth in 0..9 {
                let starts: Vec<usize> = (0..1 << depth).map(|i| start_at(n, depth, i)).collect();
                assert!(starts.is_sorted() && starts[0] == 0, "{n} {depth} {starts:?}");
                let ends = starts.iter().skip(1).copied().chain([n]);
                let nodes = starts.iter().zip(ends).filter(|(from, to)| *from < to);
                assert!(nodes.map(|(from, to)| *from..to).all(|node| is_node(n, &node)), "{n} {depth}");
            }
        }
    }
}
