//! `fishervec encode`: one vector per set, in bounded memory; all files appear together at the end.

use crate::args::{EncodeArguments, OnError};
use crate::compatible::{check, images_of};
use crate::encoding::Encoding;
use crate::exit::{DONE, SKIPPED};
use crate::files::Files;
use crate::groups::Row;
use crate::inputs::Inputs;
use crate::parts::{Parts, Shape};
use crate::progress::{Progress, counted};
use crate::shard::{About, cut, plan};
use crate::vector_files::VectorFiles;
use crate::{classes, destination, groups, labels};
use anyhow::{anyhow, bail};
use fishervec::Pipeline;
use fishervec::io::npy::write_integers;
use fishervec::io::{Staged, commit};
use fishervec::run::Workspace;
use std::path::Path;

pub(crate) fn run(arguments: &EncodeArguments) -> anyhow::Result<i32> {
    let progress = Progress::new(arguments.running.quiet);
    let names = names(arguments)?;
    let pipeline = Pipeline::load(&arguments.model)?;
    let threads = arguments.running.threads()?;
    let mut inputs = inputs(arguments, &pipeline, progress)?;
    inputs.refuse_outputs(&[&names.vectors, &names.labels, &names.about])?;
    let (rows, origin) = rows(&mut inputs, arguments, progress)?;
    let of_rows = rows.iter().map(|row| (row.label.as_ref(), Path::new(&row.source)));
    let labels = labels::of_sets(&of_rows.collect::<Vec<_>>())?;
    let skip = arguments.on_error == OnError::Skip;
    if !skip {
        // What the headers reveal is reported before any work is done.
        inputs.sets.iter().try_for_each(|set| check(set, &pipeline, &inputs)).map_err(anyhow::Error::msg)?;
    }
    match &labels {
        Some(_) => names.refuse_labels()?,
        None if names.labels.exists() => progress.warning(&format!(
            "these sets have no labels; {}, which is there already, is not theirs",
            names.labels.display()
        )),
        None => {}
    }

    let about = About::new(&pipeline, &inputs, &rows, arguments.shard, labels.is_some(), skip)?;
    let own = arguments.shard.map_or(0..rows.len(), |shard| cut(&rows, &inputs, shard));
    let (own_rows, labelled) = (&rows[own.clone()], labels.is_some());
    let shape = Shape { n_rows: own.len(), p: pipeline.output_dim(), labels: labelled, reasons: skip };
    let mut parts = Parts::begin(&names, &shape, &plan(&about, &inputs, &rows), arguments.resume, progress)?;

    let left = &own_rows[parts.done.rows..];
    let task = match inputs.images {
        Some(_) => progress.start("encoding", left.iter().map(|row| row.sets.len()).sum(), "image"),
        None => {
            progress.start("encoding", inputs.n_rows(left.iter().flat_map(|row| &row.sets)), "descriptor")
        }
    };
    let files = Files::new(&inputs, &pipeline, left.iter().flat_map(|row| &row.sets));
    let (single, double) = (Workspace::default(), Workspace::default());
    let encoding =
        Encoding { inputs: &inputs, files, pipeline: &pipeline, threads, single, double, task: &task, skip };
    encoding.run(own_rows, &mut parts).map_err(|error| parts.with_what_is_kept(error))?;
    task.finish(progress);

    let done = parts.done;
    let labels = labels.map(|labels| write_integers(&names.labels, &labels[own.clone()])).transpose()?;
    let shard = arguments.shard.map(|_| (&about, own.start));
    finish(parts, labels, shard, &names)?;
    let origin = origin.map_or_else(String::new, |origin| format!("; {origin}"));
    let by = arguments.group_by.as_deref();
    let of = by.map(|by| format!(" in {} by {by}", counted(own.len(), "group"))).unwrap_or_default();
    let sets = counted(own_rows.iter().map(|row| row.sets.len()).sum(), "set");
    let shard =
        arguments.shard.map_or_else(String::new, |shard| format!(", shard {}/{}", shard.number, shard.of));
    let counts = format!("({sets}{of}: {} empty, {} skipped{origin}{shard})", done.empty, done.skipped);
    let next = if shard.is_empty() { names.next(labelled) } else { String::new() };
    progress.note(&format!("Wrote {} {counts}{next}", names.written(labelled)));
    Ok(if done.skipped > 0 { SKIPPED } else { DONE })
}

/// The files to write, none of which may be one that is read.
fn names(arguments: &EncodeArguments) -> anyhow::Result<VectorFiles> {
    let names = VectorFiles::new(&arguments.output)?;
    let about = arguments.shard.map(|_| &names.about);
    for path in [&names.vectors, &names.manifest, &names.labels].into_iter().chain(about) {
        destination::spare_labels(path, arguments.labels.labels.as_deref())?;
        if destination::is_same(path, &arguments.model) {
            bail!("{} is the model and would be replaced: choose another --output", path.display());
        }
    }
    if let Some(about) = about {
        About::check(about)?;
    }
    Ok(names)
}

fn inputs(arguments: &EncodeArguments, pipeline: &Pipeline, progress: Progress) -> anyhow::Result<Inputs> {
    let listing = arguments.input.listing()?;
    let images = images_of(pipeline, listing.kind(arguments.input.kind)?)?;
    let given = [(&arguments.input.array, "array"), (&arguments.input.positions, "positions")];
    for (_, option) in given.iter().filter(|(name, _)| images.is_some() && name.is_some()) {
        progress.warning(&format!("--{option} has no effect with images; leave it out"));
    }
    let arrays = listing.arrays(arguments.input.arrays(images.is_some()))?;
    Inputs::scan(listing, images, arrays, progress)
}

/// All rows, of which a shard makes some, and where their labels are from.
fn rows(
    inputs: &mut Inputs,
    arguments: &EncodeArguments,
    progress: Progress,
) -> anyhow::Result<(Vec<Row>, Option<String>)> {
    let groups = arguments.group_by.as_deref();
    let mut origin = classes::label(inputs, &arguments.labels, groups.is_some(), progress)?;
    let mut rows = match groups {
        Some(by) => groups::of_groups(inputs, by, arguments.labels.labels.as_deref())?,
        None => groups::of_sets(inputs),
    };
    if groups == Some(groups::FOLDER)
        && arguments.labels.labels.is_none()
        && origin.is_some()
        && groups::are_classes(&rows)
    {
        // The folders say one thing: which sets belong together.
        origin = None;
        rows.iter_mut().for_each(|row| row.label = None);
    }
    Ok((rows, origin))
}

/// Gives all files their names; that of a shard about itself comes last.
fn finish(
    parts: Parts,
    labels: Option<Staged>,
    shard: Option<(&About, usize)>,
    names: &VectorFiles,
) -> anyhow::Result<()> {
    let rows = parts.done.rows;
    let (vectors, manifest, log) = parts.finish()?;
    let mut files = vec![vectors, manifest];
    files.extend(labels);
    if let Some((about, first)) = shard {
        let about = about.write(&names.about, first, rows, &mut files)?;
        files.push(about);
    }
    commit(files).map_err(|error| anyhow!(error))?;
    log.remove();
    Ok(())
}
