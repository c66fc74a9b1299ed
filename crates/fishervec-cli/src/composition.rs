//! Where the descriptors of a sample come from.

use crate::progress::counted;
use crate::sampling::{Sample, Sampling};
use indicatif::HumanCount;
use std::collections::BTreeMap;

/// The percentage of a sample above which a set is told to be most of it.
const MOST: f64 = 50.0;
/// The largest number of groups that are named.
const NAMED: usize = 5;

/// Where a sample comes from, as the report of a fit says it; and a warning if most of it is from one set.
pub(crate) fn composition<F>(sampling: &Sampling<'_>, sample: &Sample<F>) -> (String, Option<String>) {
    let (inputs, counts) = (sampling.inputs, sampling.counts());
    let mut drawn: Vec<(usize, usize)> = sample.places.iter().map(|(set, rows)| (rows.len(), *set)).collect();
    drawn.sort_unstable();
    let rows: usize = drawn.iter().map(|(n, _)| n).sum();
    let sets = counted(inputs.sets.len(), "set");
    let (of, from) = (HumanCount(rows as u64), HumanCount(drawn.len() as u64));
    let mut text =
        format!("sample: {of} of {}, from {from} of {sets}", counted(inputs.total_rows(), "descriptor"));
    let empty = counts.iter().filter(|n| **n == 0).count();
    let missed = counts.len() - empty - drawn.len() - sample.skipped;
    let rest = [(empty, "empty"), (missed, "not drawn from"), (sample.skipped, "skipped")];
    let rest = rest.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}"));
    let rest: Vec<String> = rest.collect();
    if !rest.is_empty() {
        text += &format!(" ({})", rest.join(", "));
    }
    let Some((most, set)) = drawn.last().copied() else { return (text, None) };
    let (least, median) = (drawn[0].0, drawn[drawn.len() / 2].0);
    let (share, name) = (100.0 * most as f64 / rows as f64, inputs.place(&inputs.sets[set]));
    text += &match least == most {
        true => format!("; {most} per set"),
        false => format!("; per set: least {least}, median {median}, most {most} ({share:.1} %: {name})"),
    };
    if let Some(groups) = &sampling.groups {
        text += &by_group(&drawn, groups);
    }
    let warning = format!(
        "{share:.1} % of the sample are from one of {sets}, {name}: --balance set draws as many from each"
    );
    let is_most = share > MOST && drawn.len() > 2 && sampling.groups.is_none();
    (text, is_most.then_some(warning))
}

/// How many rows were drawn from each group, of the (rows, set) of each set that was drawn from.
fn by_group(drawn: &[(usize, usize)], groups: &[String]) -> String {
    let mut rows: BTreeMap<&String, usize> = groups.iter().map(|group| (group, 0)).collect();
    drawn.iter().for_each(|(n, set)| *rows.entry(&groups[*set]).or_default() += n);
    // The figures per set say it already.
    if rows.len() == groups.len() {
        return String::new();
    }
    if rows.len() <= NAMED {
        let named = rows.iter().map(|(group, n)| format!("{group} {n}"));
        return format!("; balanced: {}", named.collect::<Vec<_>>().join(", "));
    }
    let (least, most) = (rows.values().min().unwrap_or(&0), rows.values().max().unwrap_or(&0));
    format!("; balanced: {} groups of {least} to {most}", rows.len())
}
