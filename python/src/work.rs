//! Where work runs: the pool of this process, the interpreter released, signals and progress looked after.

use crate::error::OrRaise;
use fishervec::{Progress, Real, Result, Threads, Workspace};
use pyo3::prelude::*;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The pool used last and the process it belongs to.
static POOL: Mutex<Option<(u32, Threads)>> = Mutex::new(None);

/// `n` threads: the calling one alone, or a pool that is kept from call to call.
///
/// A forked child has the parent's memory but not its threads, so a pool belongs to a process. The child
/// leaks the parent's (there is nothing in it to be joined) and makes its own. It may also find the lock as
/// another thread of the parent held it at the moment of the fork: then, as whenever the lock is taken, the
/// pool is made for one call.
fn threads(n: usize) -> Result<Threads> {
    if n == 1 {
        return Ok(Threads::one());
    }
    let Ok(mut pool) = POOL.try_lock() else { return Threads::new(n) };
    let process = std::process::id();
    match &*pool {
        Some((owner, threads)) if *owner == process && threads.count() == n => return Ok(threads.clone()),
        _ => {}
    }
    let new = Threads::new(n)?;
    if let Some((owner, old)) = pool.replace((process, new.clone()))
        && owner != process
    {
        std::mem::forget(old);
    }
    Ok(new)
}

/// Multiply-adds below which work is done before another thread would have woken up: some tens of microseconds.
const TINY: usize = 2_000_000;
/// Multiply-adds below which work is done before a signal would be noticed: about a tenth of a second.
const SHORT: usize = 1_000_000_000;

/// Runs `work`, of about `cost` multiply-adds, on `n` threads with the interpreter released.
pub(crate) fn released<R: Send>(
    py: Python<'_>,
    n: usize,
    cost: usize,
    work: impl FnOnce(&Threads) -> Result<R> + Send,
) -> PyResult<R> {
    if cost > SHORT {
        return watched(py, n, None, |threads, _| work(threads));
    }
    // The number of threads changes no result.
    let n = if cost < TINY { 1 } else { n };
    py.detach(|| work(&threads(n)?)).or_raise()
}

/// What a fit of the library tells its progress to.
pub(crate) type News<'a> = &'a mut dyn FnMut(&Progress) -> ControlFlow<()>;

/// Runs `work` on `n` threads while this one looks for signals and hands the progress that `work` tells to
/// `callback(start, iteration, lower_bound, change)`. Ctrl-C, or an exception of the callback, stops it.
pub(crate) fn watched<R: Send>(
    py: Python<'_>,
    n: usize,
    callback: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Threads, News<'_>) -> Result<R> + Send,
) -> PyResult<R> {
    let callback = callback.map(|callback| callback.clone().unbind());
    let flag = Arc::new(AtomicBool::new(false));
    let threads = py.detach(|| threads(n)).or_raise()?.with_interrupt(flag.clone());
    let look = |news: Option<Progress>| {
        Python::attach(|py| {
            if let (Some(news), Some(callback)) = (news, &callback) {
                callback.call1(py, (news.start, news.iteration, news.lower_bound, news.change))?;
            }
            py.check_signals()
        })
    };
    let (done, raised) = py.detach(|| {
        std::thread::scope(|scope| {
            let (sender, news) = channel();
            let worker = scope.spawn(|| {
                let sender = sender;
                work(&threads, &mut |progress| {
                    // That nobody listens any more is no reason to stop: the flag is.
                    let _ = sender.send(*progress);
                    ControlFlow::Continue(())
                })
            });
            let mut raised = Ok(());
            loop {
                let seen = match news.recv_timeout(Duration::from_millis(50)) {
                    Ok(progress) => look(Some(progress)),
                    Err(RecvTimeoutError::Timeout) => look(None),
                    Err(RecvTimeoutError::Disconnected) => break,
                };
                // The first exception counts; the work stops soon, and then its end of the channel closes.
                if raised.is_ok() && seen.is_err() {
                    raised = seen;
                    flag.store(true, Ordering::Relaxed);
                }
            }
            let done = worker.join();
            (done.unwrap_or_else(|panic| std::panic::resume_unwind(panic)), raised)
        })
    });
    raised?;
    done.or_raise()
}

thread_local! {
    static SINGLE: Workspace<f32> = Workspace::default();
    static DOUBLE: Workspace<f64> = Workspace::default();
}

/// The memory that short work on a Python thread keeps from call to call. It is the thread's own, so that no fork
/// finds it in use; long work runs on a thread that ends with it (see [`watched`]).
pub(crate) trait Kept: Real {
    /// Calls `work` with it.
    fn with_workspace<R>(work: impl FnOnce(&Workspace<Self>) -> R) -> R;
}

impl Kept for f32 {
    fn with_workspace<R>(work: impl FnOnce(&Workspace<f32>) -> R) -> R {
        SINGLE.with(work)
    }
}

impl Kept for f64 {
    fn with_workspace<R>(work: impl FnOnce(&Workspace<f64>) -> R) -> R {
        DOUBLE.with(work)
    }
}
