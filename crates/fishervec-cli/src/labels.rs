//! Labels of sets: integers as they are, names numbered in sorted order.

use crate::join::joined;
use crate::names::Named;
use crate::table::Table;
use anyhow::bail;
use fishervec::io::npy;
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

/// The number that stands for no label.
const NONE: i64 = -1;
/// The names of the column that holds labels.
const LABELS: [&str; 5] = ["label", "labels", "class", "target", "y"];

/// The label of one set.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Label {
    /// A whole number.
    Number(i64),
    /// A name.
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

    /// Whether it is a number that means no label.
    pub(crate) fn is_none(&self) -> bool {
        matches!(self, Label::Number(number) if *number < 0)
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

/// The labels of sets by the .csv or .tsv table at `path`, and what one should know about them: the values of
/// `column`, or of the only one that can hold labels. Of each set there is the path of its file, its name,
/// and whether it is alone in its file (docs/files.md).
///
/// # Errors
/// A file that is not such a table; two columns that can hold labels, or none; a table that names no set, one
/// set twice with different labels, or several sets by one name.
pub fn labels_of_table(
    path: &Path,
    column: Option<&str>,
    sets: &[(PathBuf, String, bool)],
) -> anyhow::Result<(Vec<Option<Label>>, Vec<String>)> {
    let named = sets.iter().map(|(source, name, alone)| Named { source, name, alone: *alone });
    of_table(&Table::open(path)?, column, &named.collect::<Vec<_>>())
}

/// The labels of sets by a table, and what one should know about them: those in the column `asked` for, or
/// else in the only one that can hold labels. They are numbers if all of the column are whole numbers.
///
/// # Errors
/// If two columns can hold labels, or none; those of [`joined`].
pub(crate) fn of_table(
    table: &Table,
    asked: Option<&str>,
    sets: &[Named<'_>],
) -> anyhow::Result<(Vec<Option<Label>>, Vec<String>)> {
    let column = label_column(table, asked)?;
    let mut all = table.rows.iter().map(|row| row[column].as_str()).filter(|text| !text.is_empty());
    let numbers = all.all(|text| whole(text).is_some());
    let label = |text: &str| match whole(text).filter(|_| numbers) {
        Some(number) => Label::Number(number),
        None => Label::Name(text.to_owned()),
    };
    let joined = joined(table, column, sets)?;
    Ok((joined.values.into_iter().map(|text| text.map(label)).collect(), joined.warnings))
}

/// Whether a column is called like labels, so that nobody has to ask for it.
pub(crate) fn has_labels(table: &Table) -> bool {
    let is_label = |name: &str| LABELS.iter().any(|label| name.eq_ignore_ascii_case(label));
    (0..table.columns.len()).any(|column| column != table.key_column() && is_label(&table.columns[column]))
}

/// A whole number as it is usually written: 07 is the name of something.
fn whole(text: &str) -> Option<i64> {
    text.parse().ok().filter(|number: &i64| number.to_string() == text)
}

fn label_column(table: &Table, asked: Option<&str>) -> anyhow::Result<usize> {
    let (shown, key) = (table.path.display(), table.key_column());
    if let Some(name) = asked {
        return match table.column(name)? {
            column if column == key => {
                bail!("{shown}: --label-column {name}: this column has the names of the sets")
            }
            column => Ok(column),
        };
    }
    let is_label = |name: &str| LABELS.iter().any(|label| name.eq_ignore_ascii_case(label));
    let others =
        || (0..table.columns.len()).filter(|column| *column != key && !table.columns[*column].is_empty());
    let mut columns: Vec<usize> = others().filter(|column| is_label(&table.columns[*column])).collect();
    if columns.is_empty() {
        columns = others().collect();
    }
    match columns[..] {
        [column] => Ok(column),
        [] => bail!(
            "{shown}: expected a column of labels beside the names of the sets, got {} alone",
            table.columns[key]
        ),
        _ => {
            let names: Vec<&str> = columns.iter().map(|column| table.columns[*column].as_str()).collect();
            let (last, names) = names.split_last().unwrap_or((&"", &[]));
            bail!(
                "{shown}: the columns {} and {last} could be the labels: choose one with --label-column NAME",
                names.join(", ")
            )
        }
    }
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
