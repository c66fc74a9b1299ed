//! Groups of sets: several sets, or parts of one, that count as one set.

use super::descriptors::check_offsets;
use crate::error::{Error, Result};
use std::collections::BTreeMap;

/// Which sets make which group, and how much each counts: a sparse matrix of shape (n_groups, n_sets).
///
/// Groups may share sets, as the segments of an image share superpixels. A group without sets is an empty
/// set, and a set of no group is not read.
#[derive(Debug, Clone, PartialEq)]
pub struct Groups {
    n_sets: usize,
    /// Group g holds members `starts[g]..starts[g + 1]`.
    starts: Vec<usize>,
    /// The sets of each group, ascending.
    members: Vec<usize>,
    /// How much each of them counts; `None` where each counts once.
    weights: Option<Vec<f64>>,
}

impl Groups {
    /// The groups of a sparse matrix by rows: group g holds the sets `members[starts[g]..starts[g + 1]]`, and
    /// each descriptor of such a set counts as often there as its entry of `weights` says.
    ///
    /// # Errors
    /// [`Error::Offsets`] for starts that do not cut the members; [`Error::Parameter`] for a set beyond
    /// `n_sets` or out of order, for a number of weights that is not that of the members, and for a weight
    /// that is not finite and above 0.
    pub fn new(
        n_sets: usize,
        starts: Vec<usize>,
        members: Vec<usize>,
        weights: Option<Vec<f64>>,
    ) -> Result<Self> {
        check_offsets(&starts, members.len())?;
        let wrong = |expected: String, got: String| Err(Error::parameter("groups", expected, got));
        for (group, bounds) in starts.windows(2).enumerate() {
            let sets = &members[bounds[0]..bounds[1]];
            if let Some(set) = sets.last().filter(|set| **set >= n_sets) {
                return wrong(format!("sets below {n_sets}"), format!("set {set} in group {group}"));
            }
            if let Some(pair) = sets.windows(2).find(|pair| pair[0] >= pair[1]) {
                let got = format!("set {} after set {} in group {group}", pair[1], pair[0]);
                return wrong("each set once per group, in ascending order".to_owned(), got);
            }
        }
        if let Some(weights) = &weights {
            if weights.len() != members.len() {
                return wrong(
                    format!("{} weights, one per member", members.len()),
                    weights.len().to_string(),
                );
            }
            if let Some(weight) = weights.iter().find(|weight| !(weight.is_finite() && **weight > 0.0)) {
                return wrong("weights that are finite and above 0".to_owned(), weight.to_string());
            }
        }
        Ok(Groups { n_sets, starts, members, weights })
    }

    /// One group per distinct label, of the sets with that label, and these labels, both in sorted order.
    #[must_use]
    pub fn of_labels<T: Ord>(labels: &[T]) -> (Self, Vec<&T>) {
        let mut sets: BTreeMap<&T, Vec<usize>> = BTreeMap::new();
        labels.iter().zip(0..).for_each(|(label, set)| sets.entry(label).or_default().push(set));
        let mut starts = vec![0];
        starts.extend(sets.values().scan(0, |end, sets| {
            *end += sets.len();
            Some(*end)
        }));
        let names = sets.keys().copied().collect();
        let members = sets.into_values().flatten().collect();
        (Groups { n_sets: labels.len(), starts, members, weights: None }, names)
    }

    /// The number of groups.
    #[must_use]
    pub fn n_groups(&self) -> usize {
        self.starts.len() - 1
    }

    /// The number of sets, in groups or not.
    #[must_use]
    pub fn n_sets(&self) -> usize {
        self.n_sets
    }

    /// The sets of a group, ascending, and how much each counts.
    ///
    /// # Panics
    /// If `group >= n_groups()`, as indexing a slice does.
    pub fn members(&self, group: usize) -> impl Iterator<Item = (usize, f64)> {
        let range = self.starts[group]..self.starts[group + 1];
        range.map(|i| (self.members[i], self.weights.as_ref().map_or(1.0, |weights| weights[i])))
    }

    /// For each set, the smallest set that it is linked to by groups that share sets.
    pub(crate) fn components(&self) -> Vec<usize> {
        fn root(parents: &mut [usize], mut set: usize) -> usize {
            while parents[set] != set {
                parents[set] = parents[parents[set]];
                set = parents[set];
            }
            set
        }
        let mut parents: Vec<usize> = (0..self.n_sets).collect();
        for group in 0..self.n_groups() {
            let sets = &self.members[self.starts[group]..self.starts[group + 1]];
            for pair in sets.windows(2) {
                let (a, b) = (root(&mut parents, pair[0]), root(&mut parents, pair[1]));
                parents[a.max(b)] = a.min(b);
            }
        }
        (0..self.n_sets).map(|set| root(&mut parents, set)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_make_groups_in_sorted_order() {
        let (groups, labels) = Groups::of_labels(&["b", "a", "b", "c"]);
        assert_eq!(labels, [&"a", &"b", &"c"]);
        let members = |group| groups.members(group).collect::<Vec<_>>();
        assert_eq!((groups.n_groups(), groups.n_sets()), (3, 4));
        assert_eq!(
            (members(0), members(1), members(2)),
            (vec![(1, 1.0)], vec![(0, 1.0), (2, 1.0)], vec![(3, 1.0)])
        );
        assert_eq!(Groups::of_labels::<u8>(&[]).0.n_groups(), 0);
    }

    #[test]
    fn a_matrix_that_is_wrong_says_where() {
        let error = |starts: &[usize], members: &[usize], weights: Option<Vec<f64>>| {
            Groups::new(3, starts.to_vec(), members.to_vec(), weights).unwrap_err().to_string()
        };
        assert!(error(&[], &[], None).contains("offsets[0]"));
        assert!(error(&[0, 2], &[0], None).contains("offsets[1] is 2"));
        assert!(error(&[0, 1, 2], &[0, 3], None).contains("expected sets below 3, got set 3 in group 1"));
        assert!(error(&[0, 2], &[1, 1], None).contains("got set 1 after set 1 in group 0"));
        assert!(error(&[0, 2], &[0, 1], Some(vec![1.0])).contains("expected 2 weights"));
        for weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(error(&[0, 1], &[0], Some(vec![weight])).contains("finite and above 0"), "{weight}");
        }
    }

    #[test]
    fn sets_are_linked_by_shared_groups() {
        let groups = Groups::new(7, vec![0, 2, 2, 4, 6], vec![1, 4, 0, 6, 4, 5], None).unwrap();
        assert_eq!(groups.components(), [0, 1, 2, 3, 1, 1, 0]);
    }
}
