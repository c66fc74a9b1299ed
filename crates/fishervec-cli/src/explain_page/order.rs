//! Shares in the order of the rows, or along one dimension: what speaks for and against, over time.

use super::whole::Side;
use crate::page::{count, escape, short};
use crate::subject::Places;
use std::fmt::Write;

/// The height of the chart, of width 1000.
const HEIGHT: f64 = 200.0;
/// The number of stretches that a recording is drawn in.
const STRETCHES: usize = 240;

/// The chart, with its caption.
pub(super) fn of_shares(side: &Side<'_>) -> String {
    let (stretches, ends, of) = stretches(side);
    let [up, down] = [0, 1].map(|i| stretches.iter().map(|sums| sums[i].abs()).fold(0.0, f64::max));
    if up + down == 0.0 {
        return String::new();
    }
    let full = up + down;
    let zero = HEIGHT * up / full;
    let width = 1000.0 / stretches.len() as f64;
    let mut bars = String::new();
    for (i, [plus, minus]) in stretches.iter().enumerate() {
        let (x, w) = (i as f64 * width, width * 0.9);
        for (sum, sign) in [(plus, "plus"), (minus, "minus")].into_iter().filter(|(sum, _)| **sum != 0.0) {
            let height = HEIGHT * sum.abs() / full;
            let y = if *sum > 0.0 { zero - height } else { zero };
            let _ = write!(
                bars,
                "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{w:.2}\" height=\"{height:.2}\" fill=\"var(--{sign})\"/>"
            );
        }
    }
    let loudest = stretches.iter().enumerate().max_by(|a, b| a.1[0].total_cmp(&b.1[0])).map_or(0, |(i, _)| i);
    let n = side.subject.n_rows;
    let (unit, first) = if stretches.len() == n { ("rows", 0) } else { ("stretches", 1) };
    let label = format!(
        "What speaks for the score and against it in {} {unit} {of}; most for it lies in number {}",
        stretches.len(),
        loudest + first
    );
    let [first, last] = ends;
    format!(
        "<figure><svg class=\"over\" viewBox=\"0 0 1000 {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{}\">\
         {bars}<path d=\"M0 {zero:.2}H1000\" stroke=\"var(--faint)\" vector-effect=\"non-scaling-stroke\"/></svg>\
         <div class=\"ends num\"><span>{first}</span><span>{last}</span></div>\
         <figcaption class=\"cap\">{} {of}, from left to right. Up: the sum of the shares above zero in a stretch, down: of \
         those below. The tallest are {} and {}.</figcaption></figure>",
        escape(&label),
        count(side.subject.n_rows) + " descriptors",
        short(up),
        short(-down)
    )
}

/// The sums above and below zero of each stretch, what stands at both ends, and what the order is of.
fn stretches(side: &Side<'_>) -> (Vec<[f64; 2]>, [String; 2], &'static str) {
    let shares = &side.explanation.shares;
    let positions = match &side.subject.places {
        Places::Positions(positions, _) if positions.ncols() == 1 => Some(positions.column(0)),
        _ => None,
    };
    let (low, high) = match &positions {
        Some(at) => at.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(*x), b.max(*x))),
        None => (0.0, shares.len() as f64),
    };
    let n = STRETCHES.min(shares.len()).max(1);
    let range = if high > low { high - low } else { 1.0 };
    let mut sums = vec![[0.0; 2]; n];
    for (row, share) in shares.iter().enumerate() {
        let at = positions.as_ref().map_or(row as f64, |positions| positions[row]);
        let stretch = (((at - low) / range * n as f64) as usize).min(n - 1);
        sums[stretch][usize::from(*share < 0.0)] += share;
    }
    match positions {
        Some(_) => (sums, [short(low), short(high)], "along their position"),
        None => (sums, ["row 0".to_owned(), format!("row {}", shares.len() - 1)], "in the order of the rows"),
    }
}
