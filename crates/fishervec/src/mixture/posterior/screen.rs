//! The first three steps of a block: pack, score, mark. A panel of 32 rows at a time, whose scores (128 bytes a
//! component) stay in the nearest caches; nothing but the marks goes further. See the folder's front page.
//!
//! Scores are sums of 16-bit integers, of which an instruction multiplies twice as many as of `f32`, and the same on every
//! machine. A row is
//! u = `[y b | y^2 b']` with typical sizes b of the columns' slopes (see [`Weights`]), and
//!
//! log w_k N(x; mu_k, sigma_k^2) = level_k - |z|^2/2 = sum_j u_j p_kj + constant_k, with p = `[r t / b | -r^2/2 / b']`.
//!
//! Integers are u = q (U + delta) and p_k = m_k (P + eta), |delta|, |eta| at most 1/2, in quanta q of the row and
//! m_k of the component such that |P| <= 2^13 - 1, |U| < 2^15 and sum |u|/q <= [`most`]; so no sum overflows, and
//!
//! |sum u p - q m_k sum U P| <= q m_k (sum |P| + sum |u|/q)/2 <= q error_k.
//!
//! What is large in one component is that component's quantum, what is large in one row that row's.
//!
//! The re-scored values, in turn, are off by rounding. With g = (depth + 8) times the unit roundoff of `f32`, of
//! which any other is a fraction, the exact L = level - |z|^2/2, level <= 0, differs from them, and from the
//! constants rounded to `f32`, by at most g (2 |z|^2 + 7 |t|^2/2 + |level|) <= e_k + 4 g |L|,
//! where e_k = g (7 |t|^2/2 + |level|) (Higham 2002, section 3.1); `lower` and `upper` are the constant less and plus e_k.
//! With M the largest lower score of a row, its best L is at least M - 4 g |M|; a component within `reach`
//! of it has |L| <= |M| + reach and an upper score of at least M - reach - 4 g (2 |M| + reach).
//!
//! Where all components share r, the sum of y^2 r^2/2 = S is left out of every score. Then the difference is at most
//! g (3 S + 4 |t|^2/2 + |level|), and 6 g S takes the place of the row's part.

use super::kernel::Kernel;
pub(super) use crate::simd::int16::PANEL;
use crate::simd::int16::{pair, product, tile_with};
use crate::simd::isa::at_level;
use crate::simd::vector::{Lanes, Singles};
use crate::simd::{Isa, LANES, Real};

/// The components as the product reads them.
pub(super) struct Weights {
    /// Columns of u, all zero where the row is padding: 2 stride, or stride where all components share their
    /// covariances, since then the quadratic part is the same for all and selects nothing.
    depth: usize,
    /// b: of each column, how large the slopes typically are.
    typical: Vec<f32>,
    /// P, laid out as [`product`] reads it.
    product: Vec<u32>,
    quantum: Vec<f32>,
    error: Vec<f32>,
    lower: Vec<f32>,
    upper: Vec<f32>,
    /// g.
    growth: f32,
    /// r^2/2 where all components share their covariances, else empty.
    half_square: Vec<f32>,
}

/// The largest |P|, and the largest |U|.
const WEIGHT: f32 = 8191.0;
const VALUE: f32 = 32_767.0;

/// The largest sum |u|/q: with the rounding of each, sum |U P| stays below 2^31.
fn most(depth: usize) -> f32 {
    (1_usize << 18).saturating_sub(depth).max(1 << 17) as f32
}

impl Weights {
    /// Prepares components of the given levels (K), slopes r and intercepts t (K, stride). Cost O(K D).
    pub(super) fn new(levels: &[f64], slope: &[f64], intercept: &[f64], shared: bool) -> Self {
        let k = levels.len();
        let stride = slope.len() / k;
        let depth = if shared { stride } else { 2 * stride };
        let growth = (depth + 8) as f64 * f64::from(f32::EPSILON / 2.0);
        let slopes = |c: usize| {
            let (r, t) = (&slope[c * stride..][..stride], &intercept[c * stride..][..stride]);
            r.iter().zip(t).map(|(r, t)| r * t).chain(r.iter().map(|r| -0.5 * r * r)).take(depth)
        };
        let used = || (0..k).filter(|c| levels[*c].is_finite());
        let mut typical = vec![0.0; depth];
        for c in used() {
            // A mean of square roots: the few large ones count less.
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
            // A little more than a half, and than the bound, for the roundings in f32.
            let sum: f64 = rounded.iter().map(|p| f64::from(p.unsigned_abs())).sum();
            weights.quantum[c] = quantum as f32;
            weights.error[c] = (quantum * 0.51 * (sum + f64::from(most(depth)))) as f32;
            let half: f64 = intercept[c * stride..][..stride].iter().map(|t| 0.5 * t * t).sum();
            let (constant, error) = (levels[c] - half, 1.01 * growth * (7.0 * half - levels[c]));
            weights.lower[c] = (constant - error) as f32;
            weights.upper[c] = (constant + error) as f32;
        }
        weights
    }
}

/// The memory to screen one panel after the other.
#[derive(Default)]
pub(super) struct Screen {
    /// u of one row, as numbers.
    row: Vec<f32>,
    /// U of the panel: pairs of columns, each 32 rows.
    columns: Vec<[u32; PANEL]>,
    /// Sum U P, component by component.
    sums: Vec<[i32; PANEL]>,
    /// Bit i of `marks[k * stride + panel]` is set where row i of the panel may keep component k.
    marks: Vec<u32>,
    /// Panels a component has marks for: an even number, so that they are read as words of 64 rows.
    stride: usize,
}

impl Screen {
    /// Makes room for `rows` rows under `kernel`.
    pub(super) fn resize<F: Real>(&mut self, kernel: &Kernel<F>, rows: usize) {
        self.row.resize(kernel.weights.depth, 0.0);
        self.columns.resize(kernel.weights.depth / 2, [0; PANEL]);
        self.sums.resize(kernel.k, [0; PANEL]);
        self.stride = rows.div_ceil(PANEL).next_multiple_of(2);
        self.marks.clear();
        self.marks.resize(kernel.k * self.stride, 0);
    }

    /// Number of marked pairs.
    pub(super) fn len(&self) -> usize {
        self.marks.iter().map(|marks| marks.count_ones() as usize).sum()
    }

    /// The rows marked for component `k`, ascending, by words of 64 bits.
    pub(super) fn words(&self, k: usize) -> impl Iterator<Item = u64> {
        let marks = self.marks[k * self.stride..][..self.stride].as_chunks::<2>().0;
        marks.iter().map(|[low, high]| u64::from(*low) | u64::from(*high) << PANEL)
    }
}

/// Packs the rows `raw` (rows, d) into `packed` (padded, stride), y = (x - c)/s, and marks the pairs whose score
/// may lie within `reach` of their row's best.
pub(super) fn screen<F: Real>(
    level: Isa,
    kernel: &Kernel<F>,
    reach: f32,
    raw: &[F],
    packed: &mut [F],
    s: &mut Screen,
) {
    let rows = raw.chunks(PANEL * kernel.d).zip(packed.chunks_mut(PANEL * kernel.stride));
    for (panel, (raw, packed)) in rows.enumerate() {
        let mut of = Rows { count: raw.len() / kernel.d, quantum: [0.0; PANEL], common: [0.0; PANEL] };
        pack(level, kernel, raw, packed, s, &mut of);
        product(level, &kernel.weights.product, &s.columns, &mut s.sums);
        mark(level, kernel, reach, &of, panel, s);
    }
}

/// What a panel knows of its rows.
pub(super) struct Rows {
    /// Rows that are not padding.
    count: usize,
    /// q.
    quantum: [f32; PANEL],
    /// S where the components share r, else 0.
    common: [f32; PANEL],
}

at_level!(fn pack = pack_body(
    kernel: &Kernel<F>, raw: &[F], packed: &mut [F], s: &mut Screen, of: &mut Rows));
at_level!(fn mark = mark_body(kernel: &Kernel<F>, reach: f32, of: &Rows, panel: usize, s: &mut Screen));

/// y = (x - c)/s of the rows of a panel, and U by columns; zero in the padding.
#[inline(always)]
fn pack_body<F: Real, V: Lanes<F>, const FMA: bool>(
    kernel: &Kernel<F>,
    raw: &[F],
    packed: &mut [F],
    s: &mut Screen,
    of: &mut Rows,
) {
    let (d, weights) = (kernel.d, &kernel.weights);
    for (n, y) in packed.chunks_exact_mut(kernel.stride).enumerate() {
        let padding = match raw.get(n * d..(n + 1) * d) {
            Some(x) => {
                let scale = kernel.centre.iter().zip(&kernel.inverse_scale);
                for ((y, x), (centre, inverse_scale)) in y.iter_mut().zip(x).zip(scale) {
                    *y = (*x - *centre) * *inverse_scale;
                }
                d
            }
            None => 0,
        };
        y[padding..].iter_mut().for_each(|y| *y = F::ZERO);
        let (sum, largest, common) = weigh::<F, V, FMA>(weights, y, &mut s.row);
        // Of rows next to the centre nothing is left, and of those that overflow nothing right.
        let quantum = (sum / most(weights.depth)).max(largest / VALUE).max(1e-30);
        (of.quantum[n], of.common[n]) = (quantum, common);
        // The nearest integer is in the low bits of a sum with 1.5 * 2^23.
        let inverse = 1.0 / quantum;
        let integer = |u: f32| (u * inverse + 12_582_912.0).to_bits() as i16;
        let (first, second) = s.row.split_at(weights.depth / 2);
        for ((column, first), second) in s.columns.iter_mut().zip(first).zip(second) {
            column[n] = pair(integer(*first), integer(*second));
        }
    }
}

/// u of a row: sum |u|, the largest |u|, and S.
#[inline(always)]
fn weigh<F: Real, V: Lanes<F>, const FMA: bool>(
    weights: &Weights,
    y: &[F],
    u: &mut [f32],
) -> (f32, f32, f32) {
    let zero = V::Single::splat(0.0);
    let (mut sum, mut largest, mut common) = ([zero; 2], [zero; 2], zero);
    let (linear, square) = u.split_at_mut(y.len());
    let (typical, typical_square) = weights.typical.split_at(y.len());
    let (linear, square) = (linear.as_chunks_mut::<LANES>().0, square.as_chunks_mut::<LANES>().0);
    let (typical, typical_square) = (typical.as_chunks::<LANES>().0, typical_square.as_chunks::<LANES>().0);
    let half_square = weights.half_square.as_chunks::<LANES>().0;
    for (j, y) in y.as_chunks::<LANES>().0.iter().enumerate() {
        let y = V::load(y).single();
        let u = y.mul(V::Single::load(&typical[j]));
        let magnitude = u.max(u.mul(V::Single::splat(-1.0)));
        linear[j] = u.store();
        (sum[0], largest[0]) = (sum[0].add(magnitude), largest[0].max(magnitude));
        if half_square.is_empty() {
            let u = y.mul(y).mul(V::Single::load(&typical_square[j]));
            square[j] = u.store();
            (sum[1], largest[1]) = (sum[1].add(u), largest[1].max(u));
        } else {
            common = y.mul(y).madd::<FMA>(V::Single::load(&half_square[j]), common);
        }
    }
    let largest = largest[0].max(largest[1]).store();
    (sum[0].add(sum[1]).sum(), largest.into_iter().fold(0.0, f32::max), common.sum())
}

/// The marks of a panel from its sums.
#[inline(always)]
fn mark_body<F: Real, V: Lanes<F>, const FMA: bool>(
    kernel: &Kernel<F>,
    reach: f32,
    of: &Rows,
    panel: usize,
    s: &mut Screen,
) {
    let weights = &kernel.weights;
    let mut best = [V::Single::splat(f32::NEG_INFINITY); PANEL / LANES];
    for (k, sums) in s.sums.iter().enumerate() {
        let (m, error) = (weights.quantum[k], -weights.error[k]);
        for (i, best) in best.iter_mut().enumerate() {
            let quantum = eight::<V::Single>(&of.quantum, i);
            *best = score::<V::Single, FMA>(sums, i, m, error, quantum, weights.lower[k]).max(*best);
        }
    }
    let mut largest = [[0.0; LANES]; PANEL / LANES];
    for (largest, best) in largest.iter_mut().zip(best) {
        *largest = best.store();
    }
    // A row whose scores overflowed keeps every component, so that the re-scoring decides; the padding keeps none.
    let mut cutoffs = [f32::INFINITY; PANEL];
    for (n, cutoff) in cutoffs[..of.count].iter_mut().enumerate() {
        let best = largest[n / LANES][n % LANES];
        let distance = match weights.half_square.is_empty() {
            true => 4.1 * (2.0 * best.abs() + reach),
            false => 6.1 * of.common[n],
        };
        let lowest = best - reach - weights.growth * distance;
        let sound = lowest.is_finite() && of.quantum[n].is_finite();
        *cutoff = if sound { lowest } else { f32::NEG_INFINITY };
    }
    for (k, sums) in s.sums.iter().enumerate() {
        let (m, error) = (weights.quantum[k], weights.error[k]);
        let mut rejected = 0;
        for i in 0..PANEL / LANES {
            let quantum = eight::<V::Single>(&of.quantum, i);
            let score = score::<V::Single, FMA>(sums, i, m, error, quantum, weights.upper[k]);
            // A score that is not a number is marked: re-scoring will tell.
            rejected |= score.below(eight(&cutoffs, i)) << (i * LANES);
        }
        let used = kernel.level[k] != F::NEG_INFINITY;
        s.marks[k * s.stride + panel] = if used { !rejected } else { 0 };
    }
}

/// (m sum + error) q + constant, of the rows 8 i to 8 i + 7.
#[inline(always)]
fn score<V: Singles, const FMA: bool>(
    sums: &[i32; PANEL],
    i: usize,
    m: f32,
    error: f32,
    quantum: V,
    constant: f32,
) -> V {
    let sum = V::from_integers(&sums.as_chunks::<LANES>().0[i]);
    let sum = sum.madd::<FMA>(V::splat(m), V::splat(error));
    sum.madd::<FMA>(quantum, V::splat(constant))
}

/// The numbers 8 i to 8 i + 7 of a panel.
#[inline(always)]
fn eight<V: Singles>(panel: &[f32; PANEL], i: usize) -> V {
    V::load(&panel.as_chunks::<LANES>().0[i])
}
