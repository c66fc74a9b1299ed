//! Which places of two pictures speak for their similarity.

use super::field::{Field, Window};
use super::squares::Square;
use crate::data::{Descriptors, OwnedDescriptors};
use crate::encode::{By, Scores};
use crate::error::Result;
use crate::mixture::Workspace;
use crate::pipeline::Pipeline;
use crate::util::threads::Threads;
use ndarray::{Array2, ArrayView1, Axis};

/// The side of a place, as a part of the shorter side of its picture.
const PLACE: f64 = 0.2;

/// The descriptors of a picture, and the coefficients of the score that is explained.
#[derive(Debug, Clone, Copy)]
pub struct Picture<'a> {
    /// The descriptors, shape (n, D).
    pub descriptors: Descriptors<'a, f32>,
    /// The square of each, shape (n,).
    pub squares: &'a [Square],
    /// The width and the height of the picture.
    pub size: [f64; 2],
    /// t: the coefficients of the score t . f of its encoding f, shape (P,).
    pub coef: ArrayView1<'a, f64>,
}

/// A place in one picture that gives much of the score, and the place in the other where its component gives
/// most.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// The component that gives most in the place in the first picture.
    pub component: usize,
    /// The place in the first picture; it holds what this component gives there.
    pub first: Window,
    /// The place in the second picture, which holds what this component gives there.
    pub second: Window,
}

impl Picture<'_> {
    /// Shares spread over the squares of their descriptors ([`Field::spread`]), in cells of side `cell`.
    #[must_use]
    pub fn field(&self, shares: &[f64], cell: f64) -> Field {
        Field::spread(shares, self.squares, [0.0, 0.0], self.size, cell)
    }

    fn place(&self) -> f64 {
        PLACE * self.size[0].min(self.size[1])
    }

    /// The rows whose centres lie in a window.
    fn rows_in(&self, window: &Window) -> Vec<usize> {
        let inside = |at: &Square| {
            let (x, y) = (at.x - window.x, at.y - window.y);
            (0.0..window.width).contains(&x) && (0.0..window.height).contains(&y)
        };
        (0..self.squares.len()).filter(|row| inside(&self.squares[*row])).collect()
    }
}

/// Up to `n` places of the first picture that give much of its score, given its shares as a field, each with
/// the component that gives most there and the place of the second where that component gives most; those
/// whose weaker place gives most come first. A component has one match at most.
///
/// # Errors
/// As [`Pipeline::contributions`]. Cost: that of the contributions to n scores of the second picture; memory
/// O(n N) for its N descriptors.
pub fn matches(
    pipeline: &Pipeline,
    first: &Picture<'_>,
    field: &Field,
    second: &Picture<'_>,
    n: usize,
    threads: &Threads,
) -> Result<Vec<Match>> {
    let workspace = Workspace::default();
    let found = strongest(pipeline, first, field, n, threads)?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    // The score of a component alone is that of its entries of the vector.
    let component_of = pipeline.component_of_entries();
    let coef = Array2::from_shape_fn((found.len(), second.coef.len()), |(i, j)| {
        if component_of[j] == found[i].0 { second.coef[j] } else { 0.0 }
    });
    let scores = Scores::new(coef.view());
    let shares = pipeline.contributions(&second.descriptors, &scores, threads, &workspace)?;
    let partner = |(i, (component, first)): (usize, &(usize, Window))| -> Option<Match> {
        let of_component: Vec<f64> = shares.index_axis(Axis(1), i).iter().copied().collect();
        let peaks = second.field(&of_component, field.cell).peaks(1, second.place());
        peaks.first().map(|second| Match { component: *component, first: *first, second: *second })
    };
    let mut matches: Vec<Match> = found.iter().enumerate().filter_map(partner).collect();
    // A match is as strong as the weaker of its places.
    let strength = |one: &Match| one.first.holds.min(one.second.holds);
    matches.sort_by(|a, b| strength(b).total_cmp(&strength(a)));
    // Of places that lie on each other the stronger says enough.
    let mut apart: Vec<Match> = Vec::new();
    for one in matches {
        let (x, y, side) = (one.second.x, one.second.y, 0.5 * one.second.width);
        if apart.iter().all(|other| (other.second.x - x).abs() >= side || (other.second.y - y).abs() >= side)
        {
            apart.push(one);
        }
    }
    apart.truncate(n);
    Ok(apart)
}

/// Up to 2 n places of a picture that give most of its score, each with the component that gives most there
/// and what it gives; of the places of a component, the one that gives most.
fn strongest(
    pipeline: &Pipeline,
    picture: &Picture<'_>,
    field: &Field,
    n: usize,
    threads: &Threads,
) -> Result<Vec<(usize, Window)>> {
    let workspace = Workspace::default();
    let gathered = pipeline.gather(&picture.descriptors, threads, &workspace)?;
    let scores = Scores::new(picture.coef.insert_axis(Axis(0))).by(By::Component);
    let mut found: Vec<(usize, Window)> = Vec::new();
    for peak in field.peaks(2 * n, picture.place()) {
        let rows = OwnedDescriptors::gather(&picture.descriptors, &picture.rows_in(&peak))?;
        let shares = pipeline.contributions_in(&gathered, &rows.view(), &scores, threads, &workspace)?;
        let by_component = shares.sum_axis(Axis(0)).remove_axis(Axis(0));
        let most = by_component.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        let Some((component, share)) = most.filter(|(_, share)| **share > 0.0) else { continue };
        match found.iter_mut().find(|(other, _)| *other == component) {
            Some((_, window)) if window.holds >= *share => {}
            Some((_, window)) => *window = Window { holds: *share, ..peak },
            None => found.push((component, Window { holds: *share, ..peak })),
        }
    }
    Ok(found)
}
