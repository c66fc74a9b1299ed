//! `fishervec maximize`: the model of the next round, from the parts of this one.

use crate::accumulate::{has_converged, load};
use crate::args::MaximizeArguments;
use crate::destination;
use crate::exit::{DONE, UNCONVERGED};
use crate::progress::{Progress, counted};
use anyhow::{anyhow, bail};
use fishervec::io::{Staged, commit};
use fishervec::mixture::GaussianMixtureParams;
use fishervec::pipeline::Polish;
use fishervec::shards::Partial;
use fishervec::{Pipeline, Statistics};
use std::path::Path;

pub(crate) fn run(arguments: &MaximizeArguments) -> anyhow::Result<i32> {
    let progress = Progress::new(arguments.quiet);
    destination::check("--output", &arguments.output)?;
    let mut rounds = load(&arguments.model, &params(arguments))?;
    if rounds.n_iter() > 0 {
        kept(arguments).for_each(|option| {
            progress
                .warning(&format!("--{option} has no effect after the first round, whose settings are kept"));
        });
    }
    let all = merged(arguments, &rounds)?;
    let n = all.header().plan.n_items();
    if all.progress() == 0.0 && has_converged(&rounds, n) {
        write(&arguments.output, &std::fs::read(&arguments.model)?)?;
        progress.note(&format!("Wrote {}: converged already", arguments.output.display()));
        return Ok(DONE);
    }
    let Some(statistics) = all.finish()? else { bail!("the inputs hold no descriptors") };
    let _ = rounds.step(&statistics)?;
    write(&arguments.output, &rounds.to_bytes()?)?;
    progress.note(&closing(arguments, &rounds, n));
    Ok(if rounds.is_done() || !arguments.exit_code { DONE } else { UNCONVERGED })
}

fn params(arguments: &MaximizeArguments) -> GaussianMixtureParams {
    let default = GaussianMixtureParams::default();
    GaussianMixtureParams {
        max_iter: arguments.max_iter.map_or(default.max_iter, usize::from),
        tol: arguments.tol.unwrap_or(default.tol),
        variance_floor: arguments.variance_floor.unwrap_or(default.variance_floor),
        reg_covar: arguments.reg_covar.unwrap_or(default.reg_covar),
        ..default
    }
}

/// The options that only a first round heeds, of those that were given.
fn kept(arguments: &MaximizeArguments) -> impl Iterator<Item = &'static str> {
    let given = [
        ("max-iter", arguments.max_iter.is_some()),
        ("tol", arguments.tol.is_some()),
        ("variance-floor", arguments.variance_floor.is_some()),
        ("reg-covar", arguments.reg_covar.is_some()),
    ];
    given.into_iter().filter(|(_, given)| *given).map(|(option, _)| option)
}

/// All parts, which must be of this model and of one list of descriptors.
fn merged(arguments: &MaximizeArguments, rounds: &Polish) -> anyhow::Result<Partial<Statistics>> {
    let model = format!("{:016x}", rounds.pipeline().id()?);
    let mut all: Option<Partial<Statistics>> = None;
    for path in &arguments.parts {
        let part = read(path)?;
        if part.header().model != model {
            let (path, shown) = (path.display(), arguments.model.display());
            bail!("{path} was accumulated under another model than {shown}: accumulate this shard again");
        }
        match &mut all {
            Some(all) => all.add(part).map_err(|error| error.at(path.display().to_string()))?,
            None => all = Some(part),
        }
    }
    all.ok_or_else(|| anyhow!("expected at least one part"))
}

fn read(path: &Path) -> anyhow::Result<Partial<Statistics>> {
    let place = || path.display().to_string();
    let bytes = std::fs::read(path).map_err(|error| anyhow!("{}: {error}", place()))?;
    Ok(Partial::from_bytes(&bytes).map_err(|error| error.at(place()))?)
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    // What is written must be a model.
    Pipeline::from_bytes(bytes)?;
    let mut file = Staged::create(path)?;
    file.append(bytes)?;
    Ok(commit([file])?)
}

fn closing(arguments: &MaximizeArguments, rounds: &Polish, n: usize) -> String {
    let bound = rounds.report().map(|report| format!(", mean log-likelihood {:.4}", report.lower_bound()));
    let end = match (rounds.is_converged(), rounds.is_done()) {
        (true, _) => "converged",
        (false, true) => "the last of its rounds",
        (false, false) => "another round may gain more",
    };
    let (output, n) = (arguments.output.display(), counted(n, "descriptor"));
    format!("Wrote {output}: round {} over {n}{}; {end}", rounds.n_iter(), bound.unwrap_or_default())
}
