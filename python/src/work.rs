//! How work runs: with the GIL released, on the threads of this process, with signals and progress handled.

use crate::error::OrRaise;
use fishervec::Result;
use fishervec::data::Real;
use fishervec::run::{Context, Progress, Threads, Workspace};
use pyo3::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// The number of multiply-adds below which work ends before another thread would have woken up: some tens of
/// microseconds.
const TINY: usize = 2_000_000;
/// The number of multiply-adds below which work ends before a signal would be noticed: about a tenth of a
/// second.
const SHORT: usize = 1_000_000_000;

/// Runs `work`, of about `cost` multiply-adds, on `n` threads with the GIL released.
pub(crate) fn run_detached<R: Send>(
    py: Python<'_>,
    n: usize,
    cost: usize,
    work: impl FnOnce(&Threads) -> Result<R> + Send,
) -> PyResult<R> {
    if cost > SHORT {
        return run_interruptible(py, n, None, |context| work(&context.pool()?));
    }
    // The number of threads does not change a result.
    let n = if cost < TINY { 1 } else { n };
    py.detach(|| work(&Threads::shared(n)?)).or_raise()
}

/// An iteration of a fit: its start, its number, the lower bound and its change.
type Event = Progress;

/// Runs `work` on `n` threads while this thread handles signals and passes the progress of a fit to
/// `callback(start, iteration, lower_bound, change)`. Ctrl-C, or an exception in the callback, stops the
/// work.
pub(crate) fn run_interruptible<R: Send>(
    py: Python<'_>,
    n: usize,
    callback: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&mut Context<'_>) -> Result<R> + Send,
) -> PyResult<R> {
    let callback = callback.map(|callback| callback.clone().unbind());
    let flag = Arc::new(AtomicBool::new(false));
    let handle = |event: Option<Event>| {
        Python::attach(|py| {
            if let (Some(event), Some(callback)) = (event, &callback) {
                callback.call1(py, (event.start, event.iteration, event.lower_bound, event.change))?;
            }
            py.check_signals()
        })
    };
    let (done, raised) = py.detach(|| {
        std::thread::scope(|scope| {
            let (sender, events) = channel();
            let interrupt = flag.clone();
            let worker = scope.spawn(|| {
                let sender = sender;
                let mut report = |event: &Event| {
                    // A closed channel does not stop the work; the flag does.
                    let _ = sender.send(*event);
                };
                work(&mut Context::new().threads(n).interrupt(interrupt).on_progress(&mut report))
            });
            let mut raised = Ok(());
            loop {
                let handled = match events.recv_timeout(Duration::from_millis(50)) {
                    Ok(event) => handle(Some(event)),
                    Err(RecvTimeoutError::Timeout) => handle(None),
                    Err(RecvTimeoutError::Disconnected) => break,
                };
                // The first exception is raised; the work stops soon, and its end of the channel closes.
                if raised.is_ok() && handled.is_err() {
                    raised = handled;
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

/// The memory that short work on a Python thread reuses from call to call. It is local to the thread, so that
/// no fork finds it in use; long work runs on a thread that ends with the work (see [`run_interruptible`]).
pub(crate) trait LocalWorkspace: Real {
    /// Calls `work` with this thread's workspace.
    fn with_workspace<R>(work: impl FnOnce(&Workspace<Self>) -> R) -> R;
}

impl LocalWorkspace for f32 {
    fn with_workspace<R>(work: impl FnOnce(&Workspace<f32>) -> R) -> R {
        SINGLE.with(work)
    }
}

impl LocalWorkspace for f64 {
    fn with_workspace<R>(work: impl FnOnce(&Workspace<f64>) -> R) -> R {
        DOUBLE.with(work)
    }
}
