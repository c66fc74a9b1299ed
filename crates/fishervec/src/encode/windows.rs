//! Windows of a set in the order of its rows: statistics are accumulated up to each boundary, and those of a
//! window are the difference of two of them.

use super::encode::Encode;
use super::output::write_out;
use crate::data::{RowBuffer, Source};
use crate::error::{Error, Result};
use crate::mixture::{Statistics, Workspace};
use crate::util::threads::Threads;
use std::collections::BTreeMap;
use std::ops::Range;

/// Windows of `length` rows that begin at 0, `step`, 2 `step`, ... and lie within `n` rows; the whole set if
/// it is shorter than one window.
///
/// # Errors
/// [`Error::Parameter`] for a length or a step of 0.
pub fn sliding_windows(n: usize, length: usize, step: usize) -> Result<Vec<Range<usize>>> {
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

/// Writes the encodings of `windows`, shape (windows, P), to `out`, row-major. Each row is accumulated once,
/// so the cost does not depend on the length of the windows. Memory holds as many statistics as windows
/// overlap.
///
/// # Errors
/// [`Error::Parameter`] for a window beyond the rows; those of the encoder.
pub(crate) fn encode_windows<E: Encode, S: Source>(
    encoder: &E,
    source: &S,
    windows: &[Range<usize>],
    out: &mut [S::Real],
    threads: &Threads,
    workspace: &Workspace<S::Real>,
) -> Result<()> {
    let accumulate = |rows: Range<usize>| encoder.accumulate(&Rows { source, rows }, threads, workspace);
    let n = source.n_rows();
    if let Some(window) = windows.iter().find(|window| window.start > window.end || window.end > n) {
        return Err(Error::parameter("window", format!("rows within 0..{n}"), format!("{window:?}")));
    }
    // Each boundary has the number of windows that begin there and the windows that end there.
    let mut boundaries: BTreeMap<usize, (usize, Vec<usize>)> = BTreeMap::new();
    for (i, window) in windows.iter().enumerate() {
        boundaries.entry(window.start).or_default().0 += 1;
        boundaries.entry(window.end).or_default().1.push(i);
    }
    // Each open boundary has the statistics up to it and the number of windows from it that have not ended.
    let mut open: BTreeMap<usize, (Statistics, usize)> = BTreeMap::new();
    let mut sum = accumulate(0..0)?;
    let mut done = boundaries.first_key_value().map_or(0, |(first, _)| *first);
    let p = out.len() / windows.len().max(1);
    let mut vector = vec![0.0; p];
    for (at, (begin, end)) in boundaries {
        if at > done {
            sum.merge(&accumulate(done..at)?)?;
            done = at;
        }
        if begin > 0 {
            open.insert(at, (sum.clone(), begin));
        }
        for i in end {
            let start = windows[i].start;
            let Some((before, left)) = open.get_mut(&start) else {
                unreachable!("every window begins before it ends")
            };
            let mut window = sum.clone();
            window.subtract(before)?;
            *left -= 1;
            if *left == 0 {
                open.remove(&start);
            }
            encoder.encode_statistics(&window, &mut vector)?;
            write_out(&vector, &mut out[i * p..][..p])?;
        }
    }
    Ok(())
}

/// A range of the rows of a source.
struct Rows<'a, S> {
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
