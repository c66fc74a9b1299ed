//! Labels of sets: integers as they are, names numbered in sorted order.

use fishervec::io::npy;
use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

/// The number that stands for no label.
const NONE: i64 = -1;

/// The label of one set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Label {
    Number(i64),
    Name(String),
}

impl Label {
    /// The labels of a file, one per set; an empty name means no label.
    pub(crate) fn list(labels: &npy::Labels) -> Vec<Option<Label>> {
        match labels {
            npy::Labels::Integers(labels) => labels.iter().map(|i| Some(Label::Number(*i))).collect(),
            npy::Labels::Names(labels) => {
                let name = |name: &String| (!name.is_empty()).then(|| Label::Name(name.clone()));
                labels.iter().map(name).collect()
            }
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Label::Name(name) => Some(name),
            Label::Number(_) => None,
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Label::Number(number) => number.fmt(f),
            Label::Name(name) => f.write_str(name),
        }
    }
}

/// One number per label, -1 for none, and the names that the numbers stand for, if they do.
pub(crate) fn numbered(labels: &[Option<Label>]) -> (Vec<i64>, Vec<String>) {
    let names: BTreeSet<&str> = labels.iter().flatten().filter_map(Label::name).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let number = |label: &Label| match label {
        Label::Number(number) => *number,
        Label::Name(name) => names.partition_point(|known| *known < &name[..]) as i64,
    };
    let numbers = labels.iter().map(|label| label.as_ref().map_or(NONE, number)).collect();
    (numbers, names.into_iter().map(str::to_owned).collect())
}

/// The numbers of the labels of sets, each with the file it comes from; `None` if no set has a label.
///
/// # Errors
/// If some files have integers and others names: no numbering would be true to both.
pub(crate) fn of_sets(sets: &[(Option<&Label>, &Path)]) -> anyhow::Result<Option<Vec<i64>>> {
    let find = |named: bool| {
        let is = |label: &Label| label.name().is_some() == named;
        sets.iter().find(|(label, _)| label.is_some_and(is)).map(|(_, path)| path.display())
    };
    if let (Some(numbers), Some(names)) = (find(false), find(true)) {
        anyhow::bail!("labels are integers in {numbers} and names in {names}: use one kind in all files");
    }
    let labels: Vec<Option<Label>> = sets.iter().map(|(label, _)| label.cloned()).collect();
    Ok(labels.iter().any(Option::is_some).then(|| numbered(&labels).0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbered_in_sorted_order() {
        let labels = Label::list(&npy::Labels::Names(["b", "", "a", "b"].map(String::from).to_vec()));
        assert_eq!(numbered(&labels), (vec![1, -1, 0, 1], vec!["a".to_owned(), "b".to_owned()]));
        let labels = Label::list(&npy::Labels::Integers(vec![7, -3]));
        assert_eq!(numbered(&labels), (vec![7, -3], vec![]));
    }
}
