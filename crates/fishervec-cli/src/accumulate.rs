//! `fishervec accumulate`: what a round of a fit needs of some of all descriptors.

use crate::args::AccumulateArguments;
use crate::compatible::{check, images_of};
use crate::destination;
use crate::exit::{DONE, usage_error};
use crate::inputs::Inputs;
use crate::progress::{Progress, Task};
use crate::rows::AllRows;
use fishervec::data::Real;
use fishervec::io::{Staged, Stamp, commit};
use fishervec::mixture::GaussianMixtureParams;
use fishervec::pipeline::Polish;
use fishervec::run::{Threads, Workspace};
use fishervec::shards::Partial;
use fishervec::{Encode, Statistics};
use std::ops::Range;
use std::path::Path;

pub(crate) fn run(arguments: &AccumulateArguments) -> anyhow::Result<i32> {
    let progress = Progress::new(arguments.running.quiet);
    let output = &arguments.output;
    check_output(output)?;
    let rounds = load(&arguments.model, &GaussianMixtureParams::default())?;
    let pipeline = rounds.pipeline();
    let threads = arguments.running.threads()?;
    let listing = arguments.input.listing()?;
    let images = images_of(pipeline, listing.kind(arguments.input.kind)?)?;
    let arrays = listing.arrays(arguments.input.arrays(images.is_some()))?;
    let inputs = Inputs::scan(listing, images, arrays, progress)?;
    inputs.refuse_outputs(&[output, &arguments.model])?;
    inputs.sets.iter().try_for_each(|set| check(set, pipeline, &inputs)).map_err(anyhow::Error::msg)?;
    let shard = arguments.shard;
    let plan = rounds.plan(inputs.total_rows());
    // Under a model that has converged on all these descriptors nothing more is to be known.
    let chunks = match has_converged(&rounds, inputs.total_rows()) {
        true => 0..0,
        false => plan.shard(shard.number - 1, shard.of)?,
    };
    let is_f64 = inputs.sets.iter().flat_map(|set| &set.shape).any(|shape| shape.is_f64);
    let task = progress.start("reading", plan.items(chunks.clone()).len(), "descriptor");
    let read = |chunks: Range<usize>| match is_f64 {
        true => part::<f64>(&rounds, &inputs, chunks, &threads, &task),
        false => part::<f32>(&rounds, &inputs, chunks, &threads, &task),
    };
    let expected = read(0..0)?.of_list(inputs.id);
    if !arguments.force && is_there(output, &inputs, &expected, &chunks) {
        progress.note(&format!("{} is there already; --force reads all again", output.display()));
        return Ok(DONE);
    }
    let part = read(chunks)?;
    task.finish(progress);
    let part = part.of_shard(shard.number - 1, shard.of).of_list(inputs.id);
    let mut file = Staged::create(output)?;
    file.append(&part.to_bytes()?)?;
    commit([file])?;
    progress.note(&format!("Wrote {} (shard {}/{})", output.display(), shard.number, shard.of));
    Ok(DONE)
}

fn check_output(output: &Path) -> anyhow::Result<()> {
    if output.extension().is_none_or(|ending| ending != "stats") {
        usage_error!("--output: expected a name ending in .stats, got {}", output.display());
    }
    destination::check("--output", output)
}

/// Whether the file at `path` is the part that would be written: of these chunks, with the header of
/// `expected`, and newer than all files of the inputs.
fn is_there(path: &Path, inputs: &Inputs, expected: &Partial<Statistics>, chunks: &Range<usize>) -> bool {
    let stamp = Stamp::of(path);
    let is_newer = |stamp: Stamp| inputs.stamps.iter().flatten().all(|file| file.modified < stamp.modified);
    let there = std::fs::read(path).ok().and_then(|bytes| Partial::from_bytes(&bytes).ok());
    let is_same = |part: Partial<Statistics>| {
        let others = [0..chunks.start, chunks.end..part.header().plan.n_chunks()];
        let others = others.into_iter().filter(|chunks| !chunks.is_empty()).collect::<Vec<_>>();
        part.header() == expected.header() && part.missing() == others && !chunks.is_empty()
    };
    stamp.is_ok_and(is_newer) && there.is_some_and(is_same)
}

/// The rounds that the model at `path` is part of, or that begin with it.
pub(crate) fn load(path: &Path, params: &GaussianMixtureParams) -> anyhow::Result<Polish> {
    let place = || path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| anyhow::anyhow!("{}: {error}", place()))?;
    let rounds = Polish::from_bytes(&bytes, params).map_err(|error| error.at(place()))?;
    // It belongs to the mixture that the round replaces, and is learned from whole sets.
    if rounds.pipeline().encoder().information().is_empirical() {
        anyhow::bail!(
            "{}: its empirical information would be lost with its mixture: use `fit --polish`, which learns it \
             afterwards, or a model with another --information",
            place()
        );
    }
    Ok(rounds)
}

/// Whether the fit of a model has converged on `n` descriptors: those of all inputs, not a sample.
pub(crate) fn has_converged(rounds: &Polish, n: usize) -> bool {
    rounds.pipeline().fit_report().is_some_and(|report| report.converged && report.n == n as f64)
}

fn part<F: Real>(
    rounds: &Polish,
    inputs: &Inputs,
    chunks: Range<usize>,
    threads: &Threads,
    task: &Task,
) -> anyhow::Result<Partial<Statistics>> {
    let rows = AllRows::<F>::new(inputs, rounds.pipeline().input_dim(), threads.count());
    Ok(rounds.accumulate_part(&task.counting(&rows), chunks, threads, &Workspace::default())?)
}
