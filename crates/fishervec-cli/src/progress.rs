//! What is told while work goes on, on the standard error: a bar with rate and time left on a terminal,
//! plain lines elsewhere, nothing if asked to be quiet. Warnings are always shown.

use fishervec::{RowBuffer, Source};
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::fmt;
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Time between two plain lines.
const PAUSE: Duration = Duration::from_secs(5);

/// Where and whether to tell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    quiet: bool,
}

impl Progress {
    pub(crate) fn new(quiet: bool) -> Self {
        Progress { quiet }
    }

    /// A line about what was done.
    pub(crate) fn note(self, text: &str) {
        if !self.quiet {
            self.warn(text);
        }
    }

    /// A line that is shown even when quiet. That nobody can read it is no error.
    pub(crate) fn warn(self, text: &str) {
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// Starts a piece of work of `total` parts, called as in `reading: 5,000 of 64,000 descriptors`.
    pub(crate) fn start(self, verb: &'static str, total: usize, unit: &'static str) -> Task {
        let terminal = std::io::stderr().is_terminal();
        let target = if terminal && !self.quiet {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(total as u64), target).with_message(verb);
        let style = format!(
            "{{msg}} {{wide_bar}} {{human_pos}}/{{human_len}} {unit} {{rate}}/s, {{eta}} left{{prefix}}"
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

/// Work going on; can be advanced by several threads.
#[derive(Debug)]
pub(crate) struct Task {
    bar: ProgressBar,
    /// When the last plain line was written, if plain lines are wanted.
    lines: Option<Mutex<Instant>>,
    verb: &'static str,
    unit: &'static str,
}

impl Task {
    /// `n` more parts are done.
    pub(crate) fn advance(&self, n: usize) {
        self.bar.inc(n as u64);
        let Some(Ok(mut last)) = self.lines.as_ref().map(Mutex::try_lock) else { return };
        if last.elapsed() >= PAUSE && self.bar.position() < self.bar.length().unwrap_or(0) {
            *last = Instant::now();
            let left = self.bar.eta().as_secs();
            self.line(&format!("{:.0} a second, {left} s left", self.bar.per_sec()));
        }
    }

    /// `source`, whose rows count as done once they have been read.
    pub(crate) fn counting<S>(&self, source: S) -> Counting<'_, S> {
        Counting { source, task: self }
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

    /// The work is done: the bar goes, a line stays, unless there was none.
    pub(crate) fn finish(self, progress: Progress) {
        let (seconds, done) = (self.bar.elapsed().as_secs_f64(), self.bar.position());
        self.bar.finish_and_clear();
        if done > 0 {
            progress.note(&format!("{}: {} {} in {seconds:.1} s", self.verb, HumanCount(done), self.unit));
        }
    }

    fn line(&self, rest: &str) {
        let (done, all) = (HumanCount(self.bar.position()), HumanCount(self.bar.length().unwrap_or(0)));
        let _ = writeln!(std::io::stderr(), "{}: {done} of {all} {}; {rest}", self.verb, self.unit);
    }
}

/// Descriptors that advance a task as they are read, so that one large set has progress too.
#[derive(Debug)]
pub(crate) struct Counting<'a, S> {
    source: S,
    task: &'a Task,
}

impl<S: Source> Source for Counting<'_, S> {
    type Real = S::Real;

    fn n_rows(&self) -> usize {
        self.source.n_rows()
    }

    fn dim(&self) -> usize {
        self.source.dim()
    }

    fn read(
        &self,
        start: usize,
        out: &mut [S::Real],
        spare: &mut RowBuffer<S::Real>,
    ) -> fishervec::Result<()> {
        self.source.read(start, out, spare)?;
        self.task.advance(out.len() / self.dim().max(1));
        Ok(())
    }
}
