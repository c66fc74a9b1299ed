//! Small charts as SVG: a line, a histogram. The numbers they show are in their alternative text.

use super::document::escape;
use std::fmt::Write;

/// The height of a chart of width 100, in the same unit.
const HEIGHT: f64 = 36.0;

/// A line through values at equal distances, from the lowest to the highest; `label` says what is seen.
pub(crate) fn line(values: &[f64], label: &str) -> String {
    let finite = || values.iter().copied().filter(|x| x.is_finite());
    let (low, high) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
    let range = if high > low { high - low } else { 1.0 };
    let step = 100.0 / (values.len().max(2) - 1) as f64;
    let mut points = String::new();
    for (i, x) in values.iter().enumerate().filter(|(_, x)| x.is_finite()) {
        let y = HEIGHT - 2.0 - (x - low) / range * (HEIGHT - 4.0);
        let _ = write!(points, "{:.2},{y:.2} ", i as f64 * step);
    }
    let path = format!(
        "<polyline points=\"{}\" fill=\"none\" stroke=\"var(--accent)\" stroke-width=\"2\" \
         vector-effect=\"non-scaling-stroke\" stroke-linejoin=\"round\"/>",
        points.trim_end()
    );
    frame(&path, label)
}

/// A bar per count, from 0; `label` says what is seen.
pub(crate) fn histogram(counts: &[u64], label: &str) -> String {
    let most = counts.iter().copied().max().unwrap_or(0).max(1) as f64;
    let width = 100.0 / counts.len().max(1) as f64;
    let mut bars = String::new();
    for (i, n) in counts.iter().enumerate().filter(|(_, n)| **n > 0) {
        // A single one is seen beside many.
        let height = (*n as f64 / most * HEIGHT).max(0.6);
        let (x, y, w) = (i as f64 * width, HEIGHT - height, width * 0.86);
        let _ = write!(bars, "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{w:.2}\" height=\"{height:.2}\"/>");
    }
    frame(&format!("<g fill=\"var(--other-2)\">{bars}</g>"), label)
}

fn frame(drawing: &str, label: &str) -> String {
    format!(
        "<svg class=\"chart\" viewBox=\"0 0 100 {HEIGHT}\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"{}\">{drawing}</svg>",
        escape(label)
    )
}
