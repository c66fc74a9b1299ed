//! How a fit runs: on which threads, how it can be interrupted, and what is called after each iteration.

use super::threads::Threads;
use crate::error::Result;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What a running fit reports after each iteration.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// The start it belongs to, from 0.
    pub start: usize,
    /// The iteration that has just ended, from 1.
    pub iteration: usize,
    /// Maximum number of iterations.
    pub max_iter: usize,
    /// Mean log-likelihood of the rows under the mixture this iteration started from, in nats.
    pub lower_bound: f64,
    /// The change of the lower bound; infinite in the first iteration.
    pub change: f64,
}

/// Keeps what a fit has done, so that another run of it can go on from there with the same bits.
///
/// A fit goes through the same stages each time. What a stage has done is kept under the name of the stage,
/// in place of what was kept under it before.
pub trait Keep {
    /// What is kept under that name, by this run or an earlier one.
    fn get(&self, name: &str) -> Option<&[u8]>;
    /// Keeps `bytes` under that name.
    fn put(&mut self, name: &str, bytes: Vec<u8>);
    /// Whether the last time that something was kept for good is so long ago that a stage should be kept
    /// before its end.
    fn is_due(&self) -> bool;
}

/// Threads, interruption, progress and keeping of a fit.
///
/// [`Context::new`] uses all cores, cannot be interrupted and reports nothing; the `fit` methods without a
/// context do the same.
///
/// ```
/// use fishervec::{Context, GaussianMixture, ndarray::Array2};
///
/// let rows = Array2::from_shape_fn((400, 2), |(i, j)| ((i * (3 + j)) % 17) as f32);
/// let mut iterations = 0;
/// let mut count = |_: &_| iterations += 1;
/// let fit = GaussianMixture::builder(4)
///     .fit_with(&rows, &mut Context::new().threads(2).on_progress(&mut count))?;
/// assert_eq!(iterations, fit.report.n_iter());
/// # Ok::<(), fishervec::Error>(())
/// ```
#[derive(Default)]
pub struct Context<'a> {
    threads: Option<usize>,
    pool: Option<Threads>,
    interrupt: Option<Arc<AtomicBool>>,
    progress: Option<&'a mut dyn FnMut(&Progress)>,
    keep: Option<&'a mut dyn Keep>,
    /// The number of stages so far.
    stages: usize,
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context").field("threads", &self.threads).field("pool", &self.pool).finish()
    }
}

impl<'a> Context<'a> {
    /// A context with all cores, no interruption and no progress.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A context that runs on the given threads and keeps their interrupt flag, unless
    /// [`interrupt`](Self::interrupt) sets another.
    #[must_use]
    pub fn on(threads: &Threads) -> Self {
        Context { pool: Some(threads.clone()), ..Self::default() }
    }

    /// Sets the number of threads, which never changes a result.
    #[must_use]
    pub fn threads(self, n: usize) -> Self {
        Context { threads: Some(n), pool: None, ..self }
    }

    /// Sets a flag: soon after it is raised, the fit stops with
    /// [`Error::Interrupted`](crate::Error::Interrupted).
    #[must_use]
    pub fn interrupt(self, flag: Arc<AtomicBool>) -> Self {
        Context { interrupt: Some(flag), ..self }
    }

    /// Sets the callback that is called after each iteration.
    #[must_use]
    pub fn on_progress(self, progress: &'a mut dyn FnMut(&Progress)) -> Self {
        Context { progress: Some(progress), ..self }
    }

    /// Sets what keeps the fit while it runs. It must hold nothing, or what it kept of a fit with the same
    /// settings to the same rows, which this one then goes on from.
    #[must_use]
    pub fn keep(self, keep: &'a mut dyn Keep) -> Self {
        Context { keep: Some(keep), ..self }
    }

    /// The threads to run on; they are started at the first call.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) for 0 threads, or if the system refuses them.
    pub fn pool(&mut self) -> Result<Threads> {
        let pool = match (&self.pool, self.threads) {
            (Some(pool), _) => pool.clone(),
            (None, Some(n)) => Threads::shared(n)?,
            (None, None) => Threads::available()?,
        };
        let pool = self.pool.insert(pool).clone();
        Ok(match &self.interrupt {
            Some(flag) => pool.with_interrupt(flag.clone()),
            None => pool,
        })
    }

    /// What keeps the fit, if anything does.
    pub(crate) fn keeper(&mut self) -> Option<&mut (dyn Keep + 'a)> {
        self.keep.as_deref_mut()
    }

    /// Keeps `bytes` under that name, if anything is kept.
    pub(crate) fn put(&mut self, name: &str, bytes: impl FnOnce() -> Result<Vec<u8>>) -> Result<()> {
        if let Some(keep) = self.keeper() {
            keep.put(name, bytes()?);
        }
        Ok(())
    }

    /// The name of the next stage. A fit asks for them in the same order each time.
    pub(crate) fn stage(&mut self) -> String {
        self.stages += 1;
        self.stages.to_string()
    }

    /// Does `work` in this context, but without its progress.
    pub(crate) fn quietly<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> T {
        let progress = self.progress.take();
        let done = work(self);
        self.progress = progress;
        done
    }

    pub(crate) fn report(&mut self, progress: &Progress) {
        if let Some(call) = &mut self.progress {
            call(progress);
        }
    }
}
