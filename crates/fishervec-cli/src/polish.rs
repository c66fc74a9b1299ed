//! Passes over all descriptors that improve a mixture fitted to a sample of them.

use crate::checkpoint::Checkpoint;
use crate::inputs::Inputs;
use crate::progress::{Progress, counted};
use crate::rows::AllRows;
use fishervec::data::Real;
use fishervec::mixture::GaussianMixtureParams;
use fishervec::pipeline::Polish;
use fishervec::run::{Keep, Threads, Workspace};
use fishervec::{Context, Pipeline, Source};

/// The name under which the rounds are kept.
const ROUNDS: &str = "rounds";

/// The rounds that were kept, if any were.
pub(crate) fn kept(checkpoint: &Checkpoint, params: &GaussianMixtureParams) -> Option<Polish> {
    Polish::from_bytes(checkpoint.get(ROUNDS)?, params).ok()
}

/// Runs the rounds that are left: passes of expectation maximization (of Lloyd's iteration, for a codebook
/// with hard assignment) over all descriptors of the inputs, which have `dim` columns, `max_iter` in all.
pub(crate) fn polish<F: Real>(
    mut rounds: Polish,
    max_iter: usize,
    (inputs, dim): (&Inputs, usize),
    threads: &Threads,
    checkpoint: &mut Checkpoint,
    progress: Progress,
) -> anyhow::Result<Pipeline> {
    let rows = AllRows::<F>::new(inputs, dim, threads.count());
    let left = max_iter.saturating_sub(rounds.n_iter());
    let task = progress.start("polishing", left.saturating_mul(rows.n_rows()), "descriptor");
    let workspace = Workspace::default();
    let mut before = None;
    while !rounds.is_done() {
        checkpoint.put(ROUNDS, rounds.to_bytes()?);
        let counting = task.counting(&rows);
        let mut context = Context::on(threads).keep(checkpoint);
        let _ = rounds.round(&counting, &mut context, &workspace)?;
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
