//! How numbers spread: quartiles and a histogram.

use serde::Serialize;

/// The number of bars.
const BARS: usize = 32;

/// How numbers spread, one per set.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Spread {
    /// How many there are.
    pub n: usize,
    /// The smallest.
    pub min: f64,
    /// A quarter of them is below this.
    pub lower: f64,
    /// The middle one.
    pub median: f64,
    /// A quarter of them is above this.
    pub upper: f64,
    /// The largest.
    pub max: f64,
    /// Their mean.
    pub mean: f64,
    /// Where the histogram begins and ends.
    pub range: (f64, f64),
    /// The number of those in each of its bars of equal width; those beyond its ends are in the outer bars.
    pub counts: Vec<u64>,
}

impl Spread {
    /// The spread of `values`, shape (n,), with a histogram over `range`, or else from the smallest to the
    /// largest of them, without what is beyond ten times the distance of the quartiles. `None` without any.
    /// Quantiles are values: the one at rank q (n - 1), rounded. Cost O(n log n).
    pub(super) fn of(values: &[f64], range: Option<(f64, f64)>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let n = sorted.len();
        let at = |q: f64| sorted[(q * (n - 1) as f64).round() as usize];
        let (lower, upper) = (at(0.25), at(0.75));
        let reach = 10.0 * (upper - lower);
        let bounded = if reach > 0.0 { (min.max(lower - reach), max.min(upper + reach)) } else { (min, max) };
        let range = range.unwrap_or(bounded);
        let width = (range.1 - range.0) / BARS as f64;
        let mut counts = vec![0; BARS];
        for x in &sorted {
            let bar = if width > 0.0 { ((x - range.0) / width).clamp(0.0, (BARS - 1) as f64) } else { 0.0 };
            counts[bar as usize] += 1;
        }
        let sum: f64 = sorted.iter().sum();
        // The sum of values over n does not overflow where theirs does, but it is rounded n times.
        let mean = if sum.is_finite() { sum / n as f64 } else { sorted.iter().map(|x| x / n as f64).sum() };
        Some(Spread { n, min, lower, median: at(0.5), upper, max, mean, range, counts })
    }

    /// The fences beyond which a value is far out; `None` if half of all values are one.
    pub(super) fn fences(&self) -> Option<(f64, f64)> {
        let reach = 3.0 * (self.upper - self.lower);
        (reach > 0.0 && reach.is_finite()).then_some((self.lower - reach, self.upper + reach))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_and_bars_are_those_of_the_sorted_values() {
        let values: Vec<f64> = (0..101).rev().map(f64::from).collect();
        let spread = Spread::of(&values, Some((0.0, 64.0))).unwrap();
        assert_eq!(
            (spread.min, spread.lower, spread.median, spread.upper, spread.max),
            (0.0, 25.0, 50.0, 75.0, 100.0)
        );
        assert!((spread.mean - 50.0).abs() < 1e-12);
        assert_eq!(spread.counts[..31], [2; 31]);
        assert_eq!(spread.counts[31], 101 - 62);
        assert_eq!(spread.fences(), Some((-125.0, 225.0)));
    }

    #[test]
    fn one_value_none_and_those_far_apart_have_a_spread() {
        assert_eq!(Spread::of(&[], None), None);
        assert_eq!(Spread::of(&[f64::NAN], None), None);
        let one = Spread::of(&[3.0; 5], None).unwrap();
        assert_eq!((one.counts[0], one.median, one.fences()), (5, 3.0, None));
        let mut far: Vec<f64> = (0..100).map(f64::from).collect();
        far.push(1e12);
        let spread = Spread::of(&far, None).unwrap();
        assert_eq!((spread.max, spread.range), (1e12, (0.0, 575.0)));
        assert!(Spread::of(&[-1.7e308, 1.7e308], None).unwrap().mean.is_finite());
    }
}
