//! Windows of a set in the order of its rows: statistics up to each boundary, a window by subtracting two of them.

use super::output::write_out;
use crate::data::{RowBuffer, Source};
use crate::error::{Error, Result};
use crate::mixture::Statistics;
use std::collections::BTreeMap;
use std::ops::Range;

/// Windows of `length` rows that begin at 0, `step`, 2 `step`, ... and lie within `n` rows; the whole set where it is
/// shorter than one.
///
/// # Errors
/// [`Error::Parameter`] for a length or a step of 0.
pub fn sliding(n: usize, length: usize, step: usize) -> Result<Vec<Range<usize>>> {
    for (name, value) in [("length", length), ("step", step)] {
        if value == 0 {
            return Err(Error::parameter(name, "at least 1", 0));
        }
    }
    match n.checked_sub(length) {
        Some(last) => Ok((0..=last).step_by(step).map(|start| start..start + length).collect()),
        None => Ok(std::iter::once(0..n).collect()),
    }
}

/// What is made of an encoder's statistics.
pub(crate) struct Work<'a, S: Source> {
    /// The statistics of some rows.
    pub(crate) accumulate: &'a dyn Fn(&Rows<'_, S>) -> Result<Statistics>,
    /// The vector of statistics.
    pub(crate) encode: &'a dyn Fn(&Statistics, &mut [f64]) -> Result<()>,
}

/// The encodings of `windows`, shape (windows, P), row-major in `out`. Each row is accumulated once: the cost does not depend on how
/// long the windows are. As many statistics are alive as windows overlap.
///
/// # Errors
/// [`Error::Parameter`] for a window beyond the rows; those of the work.
pub(crate) fn encode<S: Source>(
    source: &S,
    windows: &[Range<usize>],
    out: &mut [S::Real],
    work: &Work<'_, S>,
) -> Result<()> {
    let n = source.n_rows();
    if let Some(window) = windows.iter().find(|window| window.start > window.end || window.end > n) {
        return Err(Error::parameter("window", format!("rows within 0..{n}"), format!("{window:?}")));
    }
    // Of each boundary: the windows that begin and that end there.
    let mut boundaries: BTreeMap<usize, (usize, Vec<usize>)> = BTreeMap::new();
    for (i, window) in windows.iter().enumerate() {
        boundaries.entry(window.start).or_default().0 += 1;
        boundaries.entry(window.end).or_default().1.push(i);
    }
    // Statistics up to a boundary, and how many windows that begin there are still open.
    let mut open: BTreeMap<usize, (Statistics, usize)> = BTreeMap::new();
    let mut sum = (work.accumulate)(&Rows { source, rows: 0..0 })?;
    let mut done = boundaries.first_key_value().map_or(0, |(first, _)| *first);
    let p = out.len() / windows.len().max(1);
    let mut vector = vec![0.0; p];
    for (at, (begin, end)) in boundaries {
        if at > done {
            sum.merge(&(work.accumulate)(&Rows { source, rows: done..at })?)?;
            done = at;
        }
        if begin > 0 {
            open.insert(at, (sum.clone(), begin));
        }
        for i in end {
            let start = windows[i].start;
            let Some((before, left)) = open.get_mut(&start) else {
                unreachable!("a window begins before it ends")
            };
            let mut window = sum.clone();
            window.subtract(before)?;
            *left -= 1;
            if *left == 0 {
                open.remove(&start);
            }
            (work.encode)(&window, &mut vector)?;
            write_out(&vector, &mut out[i * p..][..p])?;
        }
    }
    Ok(())
}

/// Some rows of a source.
pub(crate) struct Rows<'a, S> {
    source: &'a S,
    rows: Range<usize>,
}

impl<S: Source> Source for Rows<'_, S> {
    type Real = S::Real;

    fn n_rows(&self) -> usize {
        self.rows.len()
    }

    fn dim(&self) -> usize {
        self.source.dim()
    }

    fn read(&self, start: usize, out: &mut [S::Real], spare: &mut RowBuffer<S::Real>) -> Result<()> {
        self.source.read(self.rows.start + start, out, spare)
    }

    fn weights(&self) -> Option<&[f64]> {
        self.source.weights().map(|weights| &weights[self.rows.clone()])
    }
}
