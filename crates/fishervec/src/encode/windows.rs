//! Windows of a set in the order of its rows. Nothing is subtracted, so that what stands outside of a window,
//! however large it is, never enters its sums.
//!
//! The boundaries of all windows cut the set into pieces, each of which is accumulated once. Windows of 2^i
//! to 2^(i + 1) - 1 rows share a lane, which keeps a pivot: a row that all windows which began before it and
//! are open contain. Of such a window it has the statistics up to the pivot, and once for all those since.
//! When a window ends that began after the pivot, the pivot moves there, and the pieces behind it are summed
//! from back to front, which gives the statistics from every open start at one merge each (the two-stack
//! queue, and the running maximum of van Herk 1992 and Gil and Werman 1993).
//!
//! A boundary costs a piece, and two merges in each lane with an open window; a window costs about three. A
//! window longer than the shortest of its lane, but less than twice as long, outlives at most two pivots.
//! Memory holds a sum for each start with an open window.

use super::encode::Encode;
use super::output::write_out;
use crate::data::{RowBuffer, Source};
use crate::error::{Error, Result};
use crate::mixture::{Statistics, Workspace};
use crate::util::threads::Threads;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
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

/// Writes the encodings of `windows`, shape (windows, P), to `out`, row-major. Each row of any window is read
/// and accumulated once, so the cost does not depend on the length of the windows; rows of no window are not
/// read.
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
    let p = out.len() / windows.len().max(1);
    let mut vector = vec![0.0; p];
    let mut write = |i: usize, window: Statistics| {
        encoder.encode_statistics(&window, &mut vector)?;
        write_out(&vector, &mut out[i * p..][..p])
    };
    let mut boundaries: BTreeMap<usize, Boundary> = BTreeMap::new();
    for (i, window) in windows.iter().enumerate() {
        if window.is_empty() {
            write(i, accumulate(window.clone())?)?;
            continue;
        }
        *boundaries.entry(window.start).or_default().begin.entry(lane_of(window)).or_default() += 1;
        boundaries.entry(window.end).or_default().end.push(i);
    }
    let mut lanes: BTreeMap<u32, Lane> = BTreeMap::new();
    let (mut open, mut done) = (0, 0);
    for (at, Boundary { begin, end }) in boundaries {
        if open > 0 {
            let piece = accumulate(done..at)?;
            lanes.values_mut().try_for_each(|lane| lane.add(&piece))?;
            workspace.give(piece);
        }
        done = at;
        open -= end.len();
        for i in end {
            let Some(lane) = lanes.get_mut(&lane_of(&windows[i])) else {
                unreachable!("every window begins before it ends")
            };
            write(i, lane.end(windows[i].start)?)?;
        }
        for (lane, count) in begin {
            lanes.entry(lane).or_default().begin(at, count);
            open += count;
        }
    }
    Ok(())
}

/// What happens at a row: how many windows of each lane begin, and which windows end.
#[derive(Default)]
struct Boundary {
    begin: BTreeMap<u32, usize>,
    end: Vec<usize>,
}

/// The lane of a window that is not empty.
fn lane_of(window: &Range<usize>) -> u32 {
    window.len().ilog2()
}

/// The open windows of similar lengths; see the top of this file.
#[derive(Default)]
struct Lane {
    /// From each open start before the pivot to the pivot.
    before: BTreeMap<usize, Sum>,
    /// From the pivot on.
    since: Option<Statistics>,
    /// From each start since the pivot to the next one.
    parts: Vec<(usize, Sum)>,
}

/// The statistics from a start on, of no rows yet if there are none, and the number of windows from there
/// that have not ended.
struct Sum {
    statistics: Option<Statistics>,
    left: usize,
}

impl Lane {
    /// `count` windows begin at a row.
    fn begin(&mut self, start: usize, count: usize) {
        self.parts.push((start, Sum { statistics: None, left: count }));
    }

    /// The next rows.
    fn add(&mut self, piece: &Statistics) -> Result<()> {
        if !self.before.is_empty() {
            add(&mut self.since, piece)?;
        }
        self.parts.last_mut().map_or(Ok(()), |(_, part)| add(&mut part.statistics, piece))
    }

    /// The statistics of a window from `start` that ends here.
    fn end(&mut self, start: usize) -> Result<Statistics> {
        if !self.before.contains_key(&start) {
            self.move_pivot()?;
        }
        let Entry::Occupied(mut sum) = self.before.entry(start) else {
            unreachable!("a window begins once and ends once")
        };
        sum.get_mut().left -= 1;
        let window = if sum.get().left == 0 { sum.remove().statistics } else { sum.get().statistics.clone() };
        let Some(mut window) = window else { unreachable!("a window that ends has rows before the pivot") };
        self.since.as_ref().map_or(Ok(()), |since| window.merge(since))?;
        Ok(window)
    }

    /// Makes this row the pivot: extends the sums up to the old one, and sums the parts from back to front.
    fn move_pivot(&mut self) -> Result<()> {
        if let Some(since) = self.since.take() {
            self.before.values_mut().try_for_each(|sum| add(&mut sum.statistics, &since))?;
        }
        let mut next = None;
        for (start, mut part) in self.parts.drain(..).rev() {
            let later = next.and_then(|next| self.before.get(&next)?.statistics.as_ref());
            later.map_or(Ok(()), |later| add(&mut part.statistics, later))?;
            self.before.insert(start, part);
            next = Some(start);
        }
        Ok(())
    }
}

fn add(to: &mut Option<Statistics>, piece: &Statistics) -> Result<()> {
    match to {
        Some(sum) => sum.merge(piece),
        None => {
            *to = Some(piece.clone());
            Ok(())
        }
    }
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

    fn locate(&self, error: Error) -> Error {
        self.source.locate(error.map_row(|row| self.rows.start + row))
    }
}
