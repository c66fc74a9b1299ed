//! Which sets make one row: each set one of its own, or the groups of `--group-by` one each.

use crate::classes::named;
use crate::exit::usage_error;
use crate::inputs::Inputs;
use crate::join::{joined, some};
use crate::labels::Label;
use crate::progress::counted;
use crate::table::Table;
use anyhow::bail;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The word that stands for folders in place of a column.
pub(crate) const FOLDER: &str = "folder";

/// Sets that are encoded as one.
#[derive(Debug)]
pub(crate) struct Row {
    /// The name of the group, or of the set.
    pub(crate) name: String,
    /// What it was read from, as NAME.csv says it.
    pub(crate) source: String,
    pub(crate) label: Option<Label>,
    /// The numbers of the sets, ascending.
    pub(crate) sets: Vec<usize>,
}

/// Whether each row has a label of its own.
pub(crate) fn are_classes(rows: &[Row]) -> bool {
    let labels: BTreeSet<&Label> = rows.iter().filter_map(|row| row.label.as_ref()).collect();
    labels.len() == rows.len()
}

/// One row per set.
pub(crate) fn of_sets(inputs: &Inputs) -> Vec<Row> {
    let row = |(i, set): (usize, &crate::inputs::Set)| Row {
        name: set.name.clone(),
        source: inputs.files[set.file].to_string_lossy().into_owned(),
        label: set.label.clone(),
        sets: vec![i],
    };
    inputs.sets.iter().enumerate().map(row).collect()
}

/// One row per group, in the order of their first sets: of the sets whose files are in one folder, or that
/// have the same value in the column `by` of the table.
///
/// # Errors
/// If it is not clear which group a set belongs to; if the sets of a group have two labels.
pub(crate) fn of_groups(inputs: &Inputs, by: &str, table: Option<&Path>) -> anyhow::Result<Vec<Row>> {
    let table = table.map(Table::open).transpose()?;
    let column = table.as_ref().and_then(|table| table.columns.iter().position(|column| column == by));
    let names = match (&table, by, column) {
        (Some(table), FOLDER, Some(_)) => usage_error!(
            "--group-by folder: expected folders or a column of {} that is not called so, got both: rename the column",
            table.path.display()
        ),
        (_, FOLDER, None) => by_folder(inputs)?,
        (Some(table), ..) => by_column(inputs, table, by)?,
        (None, ..) => usage_error!(
            "--group-by {by}: expected folder, or --labels FILE beside it, a table with the column {by}"
        ),
    };
    let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    for (set, name) in names.into_iter().enumerate() {
        let group = *known.entry(name.clone()).or_insert_with(|| {
            groups.push((name, Vec::new()));
            groups.len() - 1
        });
        groups[group].1.push(set);
    }
    groups.into_iter().map(|(name, sets)| row(inputs, name, sets)).collect()
}

/// The row of a group.
fn row(inputs: &Inputs, name: String, sets: Vec<usize>) -> anyhow::Result<Row> {
    let label = |set: &usize| {
        let label = inputs.sets[*set].label.as_ref().filter(|label| !label.is_none());
        label.map(|label| (*set, label))
    };
    let first = sets.iter().find_map(label);
    let other = sets.iter().filter_map(label).find(|(_, label)| first.is_some_and(|(_, one)| one != *label));
    if let (Some((a, one)), Some((b, two))) = (first, other) {
        let place = |set: usize| inputs.place(&inputs.sets[set]);
        bail!(
            "group {name}: {} has the label {one} and {} the label {two}: correct one, or choose other groups",
            place(a),
            place(b)
        );
    }
    let mut files: Vec<usize> = sets.iter().map(|set| inputs.sets[*set].file).collect();
    files.dedup();
    let source = match files[..] {
        [file] => inputs.files[file].to_string_lossy().into_owned(),
        _ => counted(files.len(), "file"),
    };
    Ok(Row { name, source, label: first.map(|(_, label)| label.clone()), sets })
}

/// What each set has in a column of the table.
fn by_column(inputs: &Inputs, table: &Table, by: &str) -> anyhow::Result<Vec<String>> {
    let column = table.column(by)?;
    let sets = named(inputs);
    let values = joined(table, column, &sets)?.values;
    let missing = || sets.iter().zip(&values).filter(|(_, value)| value.is_none());
    if let Some((n, all)) = Some((missing().count(), sets.len())).filter(|(n, _)| *n > 0) {
        bail!(
            "{}: no {by} for {n} of {} ({}): each set needs a group, its own name for instance",
            table.path.display(),
            counted(all, "set"),
            some(missing().map(|(set, _)| set.source.display()))
        );
    }
    Ok(values.into_iter().flatten().map(str::to_owned).collect())
}

/// The folder that the file of each set is in, as seen from the INPUT.
fn by_folder(inputs: &Inputs) -> anyhow::Result<Vec<String>> {
    let mut known: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut names = Vec::new();
    for (path, origin) in inputs.files.iter().zip(&inputs.origins) {
        let (argument, folder) = (&inputs.paths[*origin], path.parent().unwrap_or(path));
        let inside = folder.strip_prefix(argument).ok().filter(|inside| *inside != Path::new(""));
        let real = if folder == Path::new("") { Path::new(".") } else { folder };
        let real = real.canonicalize().map_err(|error| anyhow::anyhow!("{}: {error}", real.display()))?;
        let name = match inside {
            Some(inside) => inside
                .components()
                .map(|part| part.as_os_str().to_string_lossy())
                .collect::<Vec<_>>()
                .join("/"),
            None => real.file_name().unwrap_or(real.as_os_str()).to_string_lossy().into_owned(),
        };
        match known.entry(name.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(real);
            }
            Entry::Occupied(entry) if *entry.get() == real => {}
            Entry::Occupied(entry) => bail!(
                "--group-by folder: the folders {} and {} would both be the group {name}: give a folder that \
                 holds both as INPUT, or choose --group-by COLUMN with --labels FILE",
                entry.get().display(),
                real.display()
            ),
        }
        names.push(name);
    }
    refuse_files_beside_folders(inputs)?;
    Ok(inputs.sets.iter().map(|set| names[set.file].clone()).collect())
}

/// Refuses files that lie beside the folders of an INPUT: they may be of any group.
fn refuse_files_beside_folders(inputs: &Inputs) -> anyhow::Result<()> {
    let with_folders = inputs.with_folders();
    for (input, argument) in inputs.paths.iter().enumerate().filter(|(input, _)| with_folders.contains(input))
    {
        let files = || (0..inputs.files.len()).filter(|file| inputs.origins[*file] == input);
        let outside = files().find(|file| inputs.folders[*file].is_none());
        let inside = files().find(|file| inputs.folders[*file].is_some());
        if let (Some(outside), Some(inside)) = (outside, inside) {
            bail!(
                "--group-by folder: {} is in the folder of a group and {} in none of {}: move it into one",
                inputs.files[inside].display(),
                inputs.files[outside].display(),
                argument.display()
            );
        }
    }
    Ok(())
}
