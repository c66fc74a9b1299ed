//! `fishervec report`: a page about a model and sets under it, and the same numbers as JSON.

use crate::args::{OnError, ReportArguments};
use crate::classes::{label, named};
use crate::compatible::{check, images_of};
use crate::exit::{DONE, SKIPPED, usage_error};
use crate::files::Files;
use crate::inputs::Inputs;
use crate::progress::{Progress, counted};
use crate::report_page::{Subject, numbers, page};
use crate::surveying::Surveying;
use crate::{destination, illustrated, labels, shell, stdout};
use anyhow::bail;
use fishervec::Pipeline;
use fishervec::io::{Staged, commit};
use fishervec::report::Findings;
use fishervec::run::{Threads, Workspace};
use std::path::Path;

pub(crate) fn run(arguments: &ReportArguments) -> anyhow::Result<i32> {
    let progress = Progress::new(arguments.running.quiet);
    check_output(arguments)?;
    let pipeline = Pipeline::load(&arguments.model)?;
    let inputs = inputs(arguments, &pipeline, progress)?;
    let threads = arguments.running.threads()?;
    let findings = findings(arguments, &pipeline, &inputs, (&threads, progress))?;
    let sets = named(&inputs);
    let subject = Subject {
        pipeline: &pipeline,
        findings: &findings,
        title: arguments.model.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        name: &|set| sets[set].shown(),
        command: command(arguments),
        pictures: illustrated::pictures(&pipeline, &inputs, &findings, &threads)?,
    };
    let numbers = numbers(&subject);
    if let Some(output) = &arguments.output {
        let mut file = Staged::create(output)?;
        file.append(page(&subject, &numbers).as_bytes())?;
        commit([file])?;
        progress.note(&format!("Wrote {} ({})", output.display(), counted(findings.report.sets, "set")));
    }
    if arguments.json {
        stdout::print(&format!("{numbers:#}"))?;
    }
    Ok(if findings.report.skipped > 0 { SKIPPED } else { DONE })
}

/// Checks where the page goes before any work is done.
fn check_output(arguments: &ReportArguments) -> anyhow::Result<()> {
    let Some(output) = &arguments.output else {
        if !arguments.json {
            usage_error!(
                "report: expected -o REPORT.html for a page, or --json for its numbers, got neither"
            );
        }
        return Ok(());
    };
    destination::check("--output", output)?;
    destination::spare_labels(output, arguments.labels.labels.as_deref())?;
    let is_page = output
        .extension()
        .is_some_and(|ending| ["html", "htm"].iter().any(|known| ending.eq_ignore_ascii_case(known)));
    if !is_page {
        usage_error!("--output: expected a name ending in .html, got {}", output.display());
    }
    if destination::is_same(output, &arguments.model) {
        bail!("{} is the model and would be replaced: choose another --output", output.display());
    }
    Ok(())
}

fn inputs(arguments: &ReportArguments, pipeline: &Pipeline, progress: Progress) -> anyhow::Result<Inputs> {
    let listing = arguments.input.listing()?;
    let images = images_of(pipeline, listing.kind(arguments.input.kind)?)?;
    let arrays = listing.arrays(arguments.input.arrays(images.is_some()))?;
    let mut inputs = Inputs::scan(listing, images, arrays, progress)?;
    inputs.refuse_outputs(&arguments.output.iter().collect::<Vec<_>>())?;
    if let Some(origin) = label(&mut inputs, &arguments.labels, false, progress)? {
        progress.note(&format!("The {origin}"));
    }
    let of_sets = inputs.sets.iter().map(|set| (set.label.as_ref(), Path::new(&inputs.files[set.file])));
    labels::of_sets(&of_sets.collect::<Vec<_>>())?;
    Ok(inputs)
}

fn findings(
    arguments: &ReportArguments,
    pipeline: &Pipeline,
    inputs: &Inputs,
    (threads, progress): (&Threads, Progress),
) -> anyhow::Result<Findings> {
    let skip = arguments.on_error == OnError::Skip;
    if !skip {
        inputs.sets.iter().try_for_each(|set| check(set, pipeline, inputs)).map_err(anyhow::Error::msg)?;
    }
    let all: Vec<usize> = (0..inputs.sets.len()).collect();
    let task = match inputs.images {
        Some(_) => progress.start("looking", all.len(), "image"),
        None => progress.start("looking", inputs.n_rows(&all), "descriptor"),
    };
    let files = Files::new(inputs, pipeline, all.iter());
    let (single, double) = (Workspace::default(), Workspace::default());
    let surveying = Surveying { inputs, files, pipeline, threads, single, double, task: &task, skip };
    let findings = surveying.run()?;
    task.finish(progress);
    Ok(findings)
}

/// The command that makes the page again.
fn command(arguments: &ReportArguments) -> String {
    let path = |path: &Path| shell::word(path).unwrap_or_else(|| "PATH".to_owned());
    let input = &arguments.input;
    let options = [
        ("array", input.array.as_deref().map(Path::new)),
        ("positions", input.positions.as_deref().map(Path::new)),
        ("root", input.root.as_deref()),
        ("labels", arguments.labels.labels.as_deref()),
        ("label-column", arguments.labels.label_column.as_deref().map(Path::new)),
    ];
    let mut line = format!("fishervec report {}", path(&arguments.model));
    line += &format!(" --sets {}", shell::words_or_input(&input.inputs));
    for (name, value) in options {
        line += &value.map(|value| format!(" --{name} {}", path(value))).unwrap_or_default();
    }
    line + &arguments.output.as_deref().map(|output| format!(" -o {}", path(output))).unwrap_or_default()
}
