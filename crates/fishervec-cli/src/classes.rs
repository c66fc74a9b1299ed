//! Which labels the sets of the inputs have: those of a table, of their files, or the folders they are in.

use crate::args::LabelArguments;
use crate::exit::usage_error;
use crate::inputs::Inputs;
use crate::join::some;
use crate::labels::{Label, has_labels, of_table};
use crate::names::Named;
use crate::progress::Progress;
use crate::table::Table;
use anyhow::bail;
use std::collections::BTreeSet;

/// Gives each set its label, and says where labels come from, unless from the files themselves.
///
/// * A table gives all labels, if there is one; beside `groups` it may be there for these alone, unless a
///   column is called like labels.
/// * An image that is in a subfolder of an input has its name as label.
/// * So have descriptor files, if all files of the input are in subfolders, of which there are several.
///   Labels in the files go before this.
///
/// # Errors
/// Those of [`of_table`]; a file whose own label is that of another folder.
pub(crate) fn label(
    inputs: &mut Inputs,
    options: &LabelArguments,
    groups: bool,
    progress: Progress,
) -> anyhow::Result<Option<String>> {
    let own = inputs.sets.iter().any(|set| set.label.is_some());
    let table = options.labels.as_deref().map(Table::open).transpose()?;
    let is_asked = options.label_column.is_some();
    if let Some(table) = table.filter(|table| !groups || is_asked || has_labels(table)) {
        let path = &table.path;
        let (labels, warnings) = of_table(&table, options.label_column.as_deref(), &named(inputs))?;
        warnings.iter().for_each(|warning| progress.warning(warning));
        if own {
            progress.note(&format!("The labels in the files are not used, but those of {}", path.display()));
        }
        let any = labels.iter().any(Option::is_some);
        inputs.sets.iter_mut().zip(labels).for_each(|(set, label)| set.label = label);
        return Ok(any.then(|| format!("labels: {}", path.display())));
    }
    if options.labels.is_some() {
        // The table says which sets belong together, whatever folders they are in.
        return Ok(None);
    }
    if is_asked {
        usage_error!("--label-column: expected --labels FILE, a table that has this column, beside it");
    }
    let folders =
        if inputs.images.is_some() { inputs.folders.clone() } else { class_folders(inputs, progress) };
    if own {
        refuse_contradictions(inputs)?;
        return Ok(None);
    }
    for set in &mut inputs.sets {
        set.label = folders[set.file].clone().map(Label::Name);
    }
    let names: BTreeSet<&String> = folders.iter().flatten().collect();
    Ok((!names.is_empty()).then(|| format!("labels: the folders {}", some(names.into_iter()))))
}

/// The sets of the inputs, as a table can name them.
pub(crate) fn named(inputs: &Inputs) -> Vec<Named<'_>> {
    let mut sets_in = vec![0_usize; inputs.files.len()];
    inputs.sets.iter().for_each(|set| sets_in[set.file] += 1);
    let sets = inputs.sets.iter();
    sets.map(|set| Named { source: &inputs.files[set.file], name: &set.name, alone: sets_in[set.file] == 1 })
        .collect()
}

/// The class of each descriptor file: the subfolder that it is in, where these are classes.
fn class_folders(inputs: &Inputs, progress: Progress) -> Vec<Option<String>> {
    let mut classes = inputs.folders.clone();
    for input in &inputs.with_folders() {
        let of_input = || (0..classes.len()).filter(|file| inputs.origins[*file] == *input);
        let names: BTreeSet<&String> = of_input().filter_map(|file| inputs.folders[file].as_ref()).collect();
        let outside = of_input().find(|file| inputs.folders[*file].is_none());
        let reason = match (names.len(), outside) {
            (0, _) => continue,
            (_, Some(file)) => format!("{} is in none of them", inputs.files[file].display()),
            (1, None) => "there is no other".to_owned(),
            _ => continue,
        };
        let folders = if names.len() == 1 { "the subfolder" } else { "the subfolders" };
        let verb = if names.len() == 1 { "is no class" } else { "are no classes" };
        progress.note(&format!(
            "No labels: {folders} {} {verb}, since {reason}; --labels FILE gives labels",
            some(names.iter())
        ));
        of_input().collect::<Vec<_>>().into_iter().for_each(|file| classes[file] = None);
    }
    classes
}

/// Refuses a label in a file that is another folder's name than that of the file's own.
fn refuse_contradictions(inputs: &Inputs) -> anyhow::Result<()> {
    let own: BTreeSet<String> =
        inputs.sets.iter().filter_map(|set| Some(set.label.as_ref()?.to_string())).collect();
    for set in &inputs.sets {
        let (Some(label), Some(folder)) = (&set.label, &inputs.folders[set.file]) else { continue };
        // Folders whose names do not label anything, such as batches, say nothing about labels.
        if own.contains(folder) && label.to_string() != *folder {
            bail!(
                "{}: set {}: its file says that the label is {label}, its folder that it is {folder}: correct one, \
                 or give the labels with --labels FILE",
                inputs.files[set.file].display(),
                set.name
            );
        }
    }
    Ok(())
}
