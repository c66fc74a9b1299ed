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

/// Threads, interruption and progress of a fit.
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

    pub(crate) fn report(&mut self, progress: &Progress) {
        if let Some(call) = &mut self.progress {
            call(progress);
        }
    }
}
