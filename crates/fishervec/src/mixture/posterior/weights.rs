//! The components as 16-bit integers, and how far a score of such integers may be off.
//!
//! Scores are sums of 16-bit integers: an instruction multiplies twice as many of them as of `f32`, and they
//! are the same on every machine. A row is u = `[y b | y^2 b']` with typical sizes b of the columns' slopes
//! (see [`Weights`]), and
//!
//! log w_k N(x; mu_k, sigma_k^2) = log_weight_k - |z|^2/2 = sum_j u_j p_kj + constant_k,
//! with p = `[r t / b | -r^2/2 / b']`.
//!
//! Integers are u = q (U + delta) and p_k = m_k (P + eta), |delta|, |eta| at most 1/2, in quanta q of the row
//! and m_k of the component such that |P| <= 2^13 - 1, |U| < 2^15 and sum |u|/q <= [`most`]; so no sum
//! overflows, and
//!
//! |sum u p - q m_k sum U P| <= q m_k (sum |P| + sum |u|/q)/2 <= q error_k.
//!
//! A large number in one component enlarges that component's quantum alone; a large number in one row, that
//! row's.
//!
//! The rescored values, in turn, are subject to rounding. Let g be (depth + 8) times the unit roundoff of
//! `f32`, of which the roundoff of any other type is a fraction, and L = log_weight - |z|^2/2 the exact
//! value, where log_weight <= 0. L differs from the rescored value, and from the constants rounded to `f32`,
//! by at most
//!
//! g (2 |z|^2 + 7 |t|^2/2 + |log_weight|) <= e_k + 4 g |L|, e_k = g (7 |t|^2/2 + |log_weight|)
//!
//! (Higham 2002, section 3.1); `lower` and `upper` are the constant minus and plus e_k. Let M be the largest
//! lower score of a row; then its best L is at least M - 4 g |M|. Let -T be the logarithm of the threshold;
//! then a component whose L is at least the best minus T has |L| <= |M| + T and an upper score of at least
//! M - T - 4 g (2 |M| + T).
//!
//! Where all components share r, the sum of y^2 r^2/2 = S is left out of every score. Then the difference is
//! at most g (3 S + 4 |t|^2/2 + |log_weight|), and 6 g S takes the place of the row's part.

use crate::simd::int16::{pair, tile_with};

/// The components as the product reads them.
pub(super) struct Weights {
    /// Columns of u, all zero where the row is padding: 2 stride, or stride where all components share their
    /// covariances, since then the quadratic part is the same for all and selects nothing.
    pub(super) depth: usize,
    /// b: the typical size of each column's slopes.
    pub(super) typical: Vec<f32>,
    /// P, laid out by tiles as [`product`](crate::simd::int16::product) reads it.
    pub(super) product: Vec<u32>,
    pub(super) quantum: Vec<f32>,
    pub(super) error: Vec<f32>,
    pub(super) lower: Vec<f32>,
    pub(super) upper: Vec<f32>,
    /// g.
    pub(super) growth: f32,
    /// r^2/2 where all components share their covariances, else empty.
    pub(super) half_square: Vec<f32>,
}

/// The largest |P|, and the largest |U|.
const WEIGHT: f32 = 8191.0;
pub(super) const VALUE: f32 = 32_767.0;

/// The largest sum |u|/q: with the rounding of each, sum |U P| stays below 2^31.
pub(super) fn most(depth: usize) -> f32 {
    (1_usize << 18).saturating_sub(depth).max(1 << 17) as f32
}

impl Weights {
    /// Prepares components of these log-weights (K), slopes r and intercepts t (K, stride). Cost O(K D).
    pub(super) fn new(log_weights: &[f64], slope: &[f64], intercept: &[f64], shared: bool) -> Self {
        let k = log_weights.len();
        let stride = slope.len() / k;
        let depth = if shared { stride } else { 2 * stride };
        let growth = (depth + 8) as f64 * f64::from(f32::EPSILON / 2.0);
        let slopes = |c: usize| {
            let (r, t) = (&slope[c * stride..][..stride], &intercept[c * stride..][..stride]);
            r.iter().zip(t).map(|(r, t)| r * t).chain(r.iter().map(|r| -0.5 * r * r)).take(depth)
        };
        let used = || (0..k).filter(|c| log_weights[*c].is_finite());
        let mut typical = vec![0.0; depth];
        for c in used() {
            // The mean of square roots gives less weight to the few large slopes.
            typical.iter_mut().zip(slopes(c)).for_each(|(b, p)| *b += p.abs().sqrt());
        }
        let typical: Vec<f32> = typical.iter().map(|b| (b / k as f64).powi(2) as f32).collect();
        let mut weights = Weights {
            depth,
            product: vec![0; k * depth / 2],
            quantum: vec![0.0; k],
            error: vec![0.0; k],
            lower: vec![f32::NEG_INFINITY; k],
            upper: vec![f32::NEG_INFINITY; k],
            growth: growth as f32,
            half_square: if shared {
                slope[..stride].iter().map(|r| (0.5 * r * r) as f32).collect()
            } else {
                vec![]
            },
            typical,
        };
        for c in used() {
            let relative = |(p, b): (f64, &f32)| if *b > 0.0 { p / f64::from(*b) } else { 0.0 };
            let p: Vec<f64> = slopes(c).zip(&weights.typical).map(relative).collect();
            let largest = p.iter().fold(0.0_f64, |largest, p| largest.max(p.abs()));
            let quantum = if largest > 0.0 { largest / f64::from(WEIGHT) } else { 1.0 };
            let rounded: Vec<i16> = p.iter().map(|p| (p / quantum).round() as i16).collect();
            let (first, second) = rounded.split_at(depth / 2);
            let (tile, of_tile) = tile_with(c, k);
            for (column, (first, second)) in first.iter().zip(second).enumerate() {
                weights.product[tile * depth / 2 + column * of_tile + c - tile] = pair(*first, *second);
            }
            // 0.51 and 1.01 instead of 1/2 and 1 cover the roundings of the bounds themselves in f32.
            let sum: f64 = rounded.iter().map(|p| f64::from(p.unsigned_abs())).sum();
            weights.quantum[c] = quantum as f32;
            weights.error[c] = (quantum * 0.51 * (sum + f64::from(most(depth)))) as f32;
            let half: f64 = intercept[c * stride..][..stride].iter().map(|t| 0.5 * t * t).sum();
            let (constant, error) = (log_weights[c] - half, 1.01 * growth * (7.0 * half - log_weights[c]));
            weights.lower[c] = (constant - error) as f32;
            weights.upper[c] = (constant + error) as f32;
        }
        weights
    }
}
