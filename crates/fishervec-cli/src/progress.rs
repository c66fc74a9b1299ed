//! Progress, on the standard error: a bar with rate and time left on a terminal, plain lines elsewhere,
//! nothing with `--quiet`. Warnings are always shown.

use fishervec::data::RowBuffer;
use fishervec::{Error, Source};
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::fmt;
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Time between two plain lines.
const PAUSE: Duration = Duration::from_secs(5);

/// Whether progress is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    quiet: bool,
}

impl Progress {
    pub(crate) fn new(quiet: bool) -> Self {
        Progress { quiet }
    }

    /// A line about what was done, hidden when quiet.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            self.warn(text);
        }
    }

    /// A warning, which is shown even when quiet.
    pub(crate) fn warning(self, text: &str) {
        self.warn(&format!("warning: {text}"));
    }

    /// A line that is shown even when quiet. It is not an error if nobody can read it.
    pub(crate) fn warn(self, text: &str) {
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// Starts a task of `total` units, one `unit` each, shown as in `reading: 5,000 of 64,000 descriptors`.
    pub(crate) fn start(self, verb: &'static str, total: usize, unit: &'static str) -> Task {
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal && !self.quiet {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(total as u64), target).with_message(verb);
        let style = format!(
            "{{msg}} {{wide_bar}} {{human_pos}}/{{human_len}} {unit}s {{rate}}/s, {{eta}} left{{prefix}}"
        );
        if let Ok(style) = ProgressStyle::with_template(&style) {
            let rate = |state: &ProgressState, out: &mut dyn fmt::Write| {
                let _ = write!(out, "{}", HumanCount(state.per_sec() as u64));
            };
            bar.set_style(style.with_key("rate", rate));
        }
        let lines = (!terminal && !self.quiet).then(|| Mutex::new(Instant::now()));
        Task { bar, lines, verb, unit }
    }
}

/// A running task, which several threads can advance.
#[derive(Debug)]
pub(crate) struct Task {
    bar: ProgressBar,
    /// When the last plain line was written, if plain lines are wanted.
    lines: Option<Mutex<Instant>>,
    verb: &'static str,
    unit: &'static str,
}

impl Task {
    /// `n` more units are done.
    pub(crate) fn advance(&self, n: usize) {
        self.bar.inc(n as u64);
        let Some(Ok(mut last)) = self.lines.as_ref().map(Mutex::try_lock) else { return };
        if last.elapsed() >= PAUSE && self.bar.position() < self.bar.length().unwrap_or(0) {
            *last = Instant::now();
            let left = self.bar.eta().as_secs();
            self.line(&format!("{:.0} per second, {left} s left", self.bar.per_sec()));
        }
    }

    /// `source`, whose rows advance the task as they are read.
    pub(crate) fn counting<S: Source>(&self, source: S) -> Counting<'_, S> {
        let left = AtomicUsize::new(source.n_rows());
        Counting { source, task: self, left }
    }

    /// The same for rows that are read in several passes, all of which count.
    pub(crate) fn counting_all<S: Source>(&self, source: S) -> Counting<'_, S> {
        Counting { source, task: self, left: AtomicUsize::new(usize::MAX) }
    }

    /// Shows a remark beside the bar, or a plain line.
    pub(crate) fn remark(&self, text: &str) {
        self.bar.set_prefix(format!("; {text}"));
        if self.lines.is_some() {
            self.line(text);
        }
    }

    /// A line that is shown even when quiet.
    pub(crate) fn warn(&self, text: &str) {
        self.bar.suspend(|| Progress::new(false).warn(text));
    }

    /// Ends the task: the bar disappears and a line remains, unless nothing was done.
    pub(crate) fn finish(self, progress: Progress) {
        let (seconds, done) = (self.bar.elapsed().as_secs_f64(), self.bar.position());
        self.bar.finish_and_clear();
        if done > 0 {
            progress.note(&format!("{}: {} in {seconds:.1} s", self.verb, counted(done as usize, self.unit)));
        }
    }

    fn line(&self, rest: &str) {
        let done = HumanCount(self.bar.position());
        let all = counted(self.bar.length().unwrap_or(0) as usize, self.unit);
        let _ = writeln!(std::io::stderr(), "{}: {done} of {all}; {rest}", self.verb);
    }
}

/// A number and its unit, as in `1 set` and `5,000 sets`.
pub(crate) fn counted(n: usize, unit: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {unit}{plural}", HumanCount(n as u64))
}

/// Descriptors that advance a task as they are read, so that a single large set shows progress too.
#[derive(Debug)]
pub(crate) struct Counting<'a, S> {
    source: S,
    task: &'a Task,
    /// Rows that have not been counted yet: an encoder may read a set twice.
    left: AtomicUsize,
}

impl<S: Source> Source for Counting<'_, S> {
    type Real = S::Real;

    fn n_rows(&self) -> usize {
        self.source.n_rows()
    }

    fn dim(&self) -> usize {
        self.source.dim()
    }

    fn is_stored(&self) -> bool {
        self.source.is_stored()
    }

    fn read(
        &self,
        start: usize,
        out: &mut [S::Real],
        spare: &mut RowBuffer<S::Real>,
    ) -> fishervec::Result<()> {
        self.source.read(start, out, spare)?;
        let read = out.len() / self.dim().max(1);
        let take = |left: usize| Some(left - left.min(read));
        let before = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).unwrap_or(0);
        self.task.advance(before.min(read));
        Ok(())
    }

    fn weights(&self) -> Option<&[f64]> {
        self.source.weights()
    }

    fn locate(&self, error: Error) -> Error {
        self.source.locate(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fishervec::ndarray::Array2;

    #[test]
    fn a_set_that_is_read_twice_counts_once() {
        let task = Progress::new(true).start("encoding", 5, "descriptor");
        let set = task.counting(Array2::<f32>::zeros((5, 2)));
        for _ in 0..2 {
            for start in [0, 2] {
                set.read(start, &mut [0.0; 4], &mut RowBuffer::default()).unwrap();
            }
            set.read(4, &mut [0.0; 2], &mut RowBuffer::default()).unwrap();
            assert_eq!(task.bar.position(), 5);
        }
    }
}
