//! Passes over all descriptors that improve a mixture fitted to a sample of them.

use crate::inputs::Inputs;
use crate::progress::{Progress, counted};
use crate::rows::AllRows;
use fishervec::data::Real;
use fishervec::mixture::GaussianMixtureParams;
use fishervec::run::{Threads, Workspace};
use fishervec::{Pipeline, Source};

/// Runs up to `params.max_iter` passes of expectation maximization (of Lloyd's iteration, for a codebook with
/// hard assignment) over all descriptors of the inputs, which have `dim` columns.
pub(crate) fn polish<F: Real>(
    pipeline: &Pipeline,
    params: GaussianMixtureParams,
    inputs: &Inputs,
    dim: usize,
    threads: &Threads,
    progress: Progress,
) -> anyhow::Result<Pipeline> {
    let rows = AllRows::<F>::new(inputs, dim, threads.count());
    let mut rounds = pipeline.polish(params.clone())?;
    let plan = rounds.plan(rows.n_rows());
    let task = progress.start("polishing", params.max_iter.saturating_mul(rows.n_rows()), "descriptor");
    let workspace = Workspace::default();
    let mut before = None;
    while !rounds.is_done() {
        let counting = task.counting(&rows);
        let part = rounds.accumulate_part(&counting, 0..plan.n_chunks(), threads, &workspace)?;
        let Some(statistics) = part.finish()? else { break };
        let _ = rounds.step(&statistics)?;
        if let Some(bound) = rounds.report().map(|report| report.lower_bound()) {
            let change = before.map(|before| format!(" ({:+.1e})", bound - before)).unwrap_or_default();
            task.remark(&format!("log-likelihood {bound:.4}{change}"));
            before = Some(bound);
        }
    }
    task.finish(progress);
    let passes =
        if rounds.n_iter() == 1 { "1 pass".to_owned() } else { format!("{} passes", rounds.n_iter()) };
    let end = if rounds.is_converged() { ", converged" } else { "" };
    progress.note(&format!("{passes} over all {}{end}", counted(rows.n_rows(), "descriptor")));
    Ok(rounds.finish())
}
