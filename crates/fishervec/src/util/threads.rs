//! Threads as an explicit argument, and the fixed tree that makes results independent of their number.

use super::tree::{middle, nodes_within};
use crate::error::{Error, Result};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

/// The threads a function may use. Cheap to clone; one thread means the calling thread and no pool.
///
/// The number never changes a result: rows are cut into chunks by their index, one thread processes each
/// chunk from first to last row, and the results of chunks are merged in a tree fixed by the number of
/// chunks.
#[derive(Clone, Default)]
pub struct Threads {
    #[cfg(feature = "parallel")]
    pool: Option<Arc<rayon::ThreadPool>>,
    interrupt: Option<Arc<AtomicBool>>,
}

impl std::fmt::Debug for Threads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Threads").field(&self.count()).finish()
    }
}

impl Threads {
    /// The calling thread alone.
    #[must_use]
    pub fn one() -> Self {
        Self::default()
    }

    /// A new pool of `n` threads; `n = 1` is the calling thread. Without the `parallel` feature it is always
    /// the calling thread.
    ///
    /// # Errors
    /// [`Error::Parameter`] for 0, or if the system cannot start the threads.
    pub fn new(n: usize) -> Result<Self> {
        if n == 0 {
            return Err(Error::parameter("threads", "at least 1", n));
        }
        #[cfg(feature = "parallel")]
        if n > 1 {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build();
            let pool = pool.map_err(|e| {
                Error::parameter("threads", "a number of threads that the system can start", e)
            })?;
            return Ok(Threads { pool: Some(Arc::new(pool)), interrupt: None });
        }
        Ok(Self::one())
    }

    /// As many threads as this process may use (counted at the first call), from a pool that all callers
    /// share. Inside a parallel loop of the caller's own, use [`Threads::one`].
    ///
    /// # Errors
    /// As [`Threads::new`].
    pub fn available() -> Result<Self> {
        static CORES: OnceLock<usize> = OnceLock::new();
        Self::shared(*CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from)))
    }

    /// `n` threads from a pool that is kept for later calls with the same number; `n = 1` is the calling
    /// thread. Calls with two numbers in turn start a pool each time: keep a [`Threads::new`] of each.
    ///
    /// A pool belongs to a process. A forked child has its parent's memory but not its threads, so it leaks
    /// the parent's pool (which has no threads to join) and starts its own. The lock may also be held in the
    /// child forever, by a thread of the parent at the moment of the fork: then, as whenever the lock is
    /// taken, the pool serves one call only.
    ///
    /// # Errors
    /// As [`Threads::new`].
    pub fn shared(n: usize) -> Result<Self> {
        static SHARED: Mutex<Option<(u32, Threads)>> = Mutex::new(None);
        if n == 1 {
            return Ok(Self::one());
        }
        let Ok(mut shared) = SHARED.try_lock() else { return Self::new(n) };
        let process = std::process::id();
        match &*shared {
            Some((owner, threads)) if *owner == process && threads.count() == n => return Ok(threads.clone()),
            _ => {}
        }
        let new = Self::new(n)?;
        if let Some((owner, old)) = shared.replace((process, new.clone()))
            && owner != process
        {
            std::mem::forget(old);
        }
        Ok(new)
    }

    /// The same threads, which stop with [`Error::Interrupted`] soon after `flag` is raised; partial results
    /// are discarded then.
    #[must_use]
    pub fn with_interrupt(mut self, flag: Arc<AtomicBool>) -> Self {
        self.interrupt = Some(flag);
        self
    }

    /// The number of threads.
    #[must_use]
    pub fn count(&self) -> usize {
        #[cfg(feature = "parallel")]
        if let Some(pool) = &self.pool {
            return pool.current_num_threads();
        }
        1
    }

    fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        #[cfg(feature = "parallel")]
        if let Some(pool) = &self.pool {
            return pool.install(work);
        }
        work()
    }

    fn join<A: Send, B: Send>(&self, a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
        #[cfg(feature = "parallel")]
        if self.pool.is_some() {
            return rayon::join(a, b);
        }
        (a(), b())
    }

    /// Computes `leaf(i)` for each `i < n` and merges the results in a binary tree fixed by `n`; a leaf's
    /// result is merged as soon as its neighbour's is available, so that few exist at once. `None` for n = 0.
    ///
    /// # Errors
    /// The error of the first leaf that failed.
    pub(crate) fn reduce<R: Send>(
        &self,
        n: usize,
        leaf: &(impl Fn(usize) -> Result<R> + Sync),
        merge: &(impl Fn(R, R) -> R + Sync),
    ) -> Result<Option<R>> {
        match n {
            0 => return Ok(None),
            // With one leaf, no other thread has to wake up.
            1 => return self.tree(0, 1, leaf, merge).map(Some),
            _ => {}
        }
        self.install(|| self.tree(0, n, leaf, merge)).map(Some)
    }

    /// The part of [`reduce`](Self::reduce) over `n` leaves that falls into `range`: the leaves and the value
    /// of each largest node of the tree that lies within it, from left to right.
    ///
    /// # Errors
    /// The error of the first leaf that failed.
    pub(crate) fn reduce_part<R: Send>(
        &self,
        n: usize,
        range: &Range<usize>,
        leaf: &(impl Fn(usize) -> Result<R> + Sync),
        merge: &(impl Fn(R, R) -> R + Sync),
    ) -> Result<Vec<(Range<usize>, R)>> {
        let of_node = |node: Range<usize>| {
            let value = self.tree(node.start, node.end, leaf, merge)?;
            Ok((node, value))
        };
        let nodes = nodes_within(n, range);
        self.install(|| nodes.into_iter().map(of_node).collect())
    }

    fn tree<R: Send>(
        &self,
        from: usize,
        to: usize,
        leaf: &(impl Fn(usize) -> Result<R> + Sync),
        merge: &(impl Fn(R, R) -> R + Sync),
    ) -> Result<R> {
        if to - from == 1 {
            let interrupted = self.interrupt.as_ref().is_some_and(|flag| flag.load(Ordering::Relaxed));
            return if interrupted { Err(Error::Interrupted) } else { leaf(from) };
        }
        let middle = middle(from, to);
        let (left, right) =
            self.join(|| self.tree(from, middle, leaf, merge), || self.tree(middle, to, leaf, merge));
        Ok(merge(left?, right?))
    }

    /// Calls `work(i, item i)` for each of `items` (disjoint chunks of an output, for example), in any order.
    ///
    /// # Errors
    /// The error of the first item that failed.
    pub fn for_each<T: Send>(
        &self,
        items: Vec<T>,
        work: &(impl Fn(usize, T) -> Result<()> + Sync),
    ) -> Result<()> {
        let items: Vec<Mutex<Option<T>>> = items.into_iter().map(|item| Mutex::new(Some(item))).collect();
        let leaf = |i: usize| match lock(&items[i]).take() {
            Some(item) => work(i, item),
            None => Ok(()),
        };
        self.reduce(items.len(), &leaf, &|(), ()| ()).map(|_| ())
    }
}

/// A pool of reusable values: a caller takes one, or makes one if the pool is empty, and gives it back after
/// use. Each thread has a shelf of its own, so that threads with small sets do not wait for each other; it
/// looks on the others' shelves where its own is empty, since a value may be given back by another thread.
#[derive(Debug)]
pub(crate) struct Pool<T>([Shelf<T>; SHELVES]);

/// Shelves of a pool; of more threads, some share one.
const SHELVES: usize = 16;

/// Apart from the others by more than what processors fetch at once.
#[derive(Debug)]
#[repr(align(128))]
struct Shelf<T>(Mutex<Vec<T>>);

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Pool(std::array::from_fn(|_| Shelf(Mutex::new(Vec::new()))))
    }
}

impl<T> Pool<T> {
    pub(crate) fn take(&self) -> Option<T> {
        let own = own_shelf();
        (own..own + SHELVES).find_map(|i| lock(&self.0[i % SHELVES].0).pop())
    }

    pub(crate) fn give(&self, value: T) {
        lock(&self.0[own_shelf()].0).push(value);
    }
}

/// The shelf of the calling thread.
fn own_shelf() -> usize {
    #[cfg(feature = "parallel")]
    return rayon::current_thread_index().unwrap_or(0) % SHELVES;
    #[cfg(not(feature = "parallel"))]
    0
}

/// Locks a mutex. A panic elsewhere leaves these values intact, so a poisoned lock is used like any other.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_does_not_depend_on_the_threads() {
        let text = |threads: usize, n: usize| {
            let threads = Threads::new(threads).unwrap();
            threads.reduce(n, &|i| Ok(i.to_string()), &|a, b| format!("({a} {b})")).unwrap()
        };
        assert_eq!(text(1, 0), None);
        assert_eq!(text(1, 5).as_deref(), Some("((0 1) (2 (3 4)))"));
        for n in [1, 2, 3, 17, 100] {
            for threads in [2, 3, 8] {
                assert_eq!(text(threads, n), text(1, n));
            }
        }
    }

    #[test]
    fn a_raised_flag_stops_the_work() {
        for threads in [1, 2] {
            let flag = Arc::new(AtomicBool::new(false));
            let threads = Threads::new(threads).unwrap().with_interrupt(flag.clone());
            let leaf = |i: usize| {
                flag.store(i == 3, Ordering::Relaxed);
                if i == 99 { Err(Error::OutOfRange { row: i }) } else { Ok(()) }
            };
            let one = Threads::one().with_interrupt(flag.clone());
            let error = one.reduce(100, &leaf, &|(), ()| ()).unwrap_err();
            assert!(matches!(error, Error::Interrupted), "{error}");
            flag.store(true, Ordering::Relaxed);
            let error = threads.for_each(vec![(); 5], &|_, ()| Ok(())).unwrap_err();
            assert!(matches!(error, Error::Interrupted), "{error}");
        }
    }

    #[test]
    fn the_first_error_wins() {
        let leaf = |i: usize| if i % 3 == 2 { Err(Error::OutOfRange { row: i }) } else { Ok(()) };
        for threads in [1, 2, 8] {
            let error = Threads::new(threads).unwrap().reduce(20, &leaf, &|(), ()| ()).unwrap_err();
            assert!(matches!(error, Error::OutOfRange { row: 2 }), "{error}");
        }
        assert!(Threads::new(0).is_err());
    }
}
