//! The first three steps of a block: pack, product, select. They go panel by panel: the scores of 32 rows
//! (128 bytes per component) stay in the nearest caches, and only one bit per pair leaves. `weights.rs`
//! derives the margins.

use super::kernel::Kernel;
use super::weights::{VALUE, Weights, most};
use crate::simd::int16::{PANEL, pair, product};
use crate::simd::vector::{F32Vector, Op, Simd, Vector, Vector8};
use crate::simd::{Isa, LANES, Real};

/// The memory to screen one panel after the other.
#[derive(Default)]
pub(super) struct Screen {
    /// u of one row, before rounding.
    row: Vec<f32>,
    /// U of the panel: pairs of columns, 32 rows each.
    columns: Vec<[u32; PANEL]>,
    /// Sum U P, component by component.
    sums: Vec<[i32; PANEL]>,
    /// Bit i of `selected[k * stride + panel]` is set where row i of the panel may keep component k.
    selected: Vec<u32>,
    /// Panels per component: an even number, so that the bits are read as words of 64 rows.
    stride: usize,
}

impl Screen {
    /// Makes room for `rows` rows under `kernel`.
    pub(super) fn resize<F: Real>(&mut self, kernel: &Kernel<F>, rows: usize) {
        self.row.resize(kernel.weights.depth, 0.0);
        self.columns.resize(kernel.weights.depth / 2, [0; PANEL]);
        self.sums.resize(kernel.k, [0; PANEL]);
        self.stride = rows.div_ceil(PANEL).next_multiple_of(2);
        self.selected.clear();
        self.selected.resize(kernel.k * self.stride, 0);
    }

    /// The number of selected pairs.
    pub(super) fn len(&self) -> usize {
        self.selected.iter().map(|bits| bits.count_ones() as usize).sum()
    }

    /// The rows selected for component `k`, ascending, in words of 64 bits.
    pub(super) fn words(&self, k: usize) -> impl Iterator<Item = u64> {
        let selected = self.selected[k * self.stride..][..self.stride].as_chunks::<2>().0;
        selected.iter().map(|[low, high]| u64::from(*low) | u64::from(*high) << PANEL)
    }
}

/// Packs the rows `raw` (rows, d) into `packed` (padded, stride), y = (x - c)/s, and selects the pairs whose
/// score may be at least their row's best plus `log_threshold`. Returns whether these are more than the
/// share `most` of all pairs: of the first panel, and then the others are left alone, or of the block.
pub(super) fn screen<F: Real>(
    isa: Isa,
    kernel: &Kernel<F>,
    log_threshold: f32,
    raw: &[F],
    packed: &mut [F],
    screen: &mut Screen,
    most: f32,
) -> bool {
    let exceeds = |screen: &Screen, rows: usize| screen.len() as f32 > most * (rows * kernel.k) as f32;
    let panels = raw.chunks(PANEL * kernel.d).zip(packed.chunks_mut(PANEL * kernel.stride));
    for (panel, (raw, packed)) in panels.enumerate() {
        let count = raw.len() / kernel.d;
        let mut rows = Rows { count, quantum: [0.0; PANEL], common: [0.0; PANEL] };
        isa.run(Pack { kernel, raw, packed, screen, rows: &mut rows });
        product(isa, &kernel.weights.product, &screen.columns, &mut screen.sums);
        isa.run(Select { kernel, log_threshold, rows: &rows, panel, screen });
        if panel == 0 && exceeds(screen, count) {
            return true;
        }
    }
    exceeds(screen, raw.len() / kernel.d)
}

/// What is known of the rows of a panel.
struct Rows {
    /// Rows that are not padding.
    count: usize,
    /// q.
    quantum: [f32; PANEL],
    /// S where the components share r, else 0.
    common: [f32; PANEL],
}

/// Computes y = (x - c)/s of the rows of a panel, and U by columns; zero in the padding.
struct Pack<'a, F> {
    kernel: &'a Kernel<F>,
    raw: &'a [F],
    packed: &'a mut [F],
    screen: &'a mut Screen,
    rows: &'a mut Rows,
}

impl<F: Real> Op for Pack<'_, F> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Pack { kernel, raw, packed, screen, rows } = self;
        let (d, weights) = (kernel.d, &kernel.weights);
        for (n, y) in packed.chunks_exact_mut(kernel.stride).enumerate() {
            pack_row(kernel, raw.get(n * d..(n + 1) * d), y);
            let (sum, largest, common) = weigh(simd, weights, y, &mut screen.row);
            // Rows at the centre quantise to zero; the integers of rows that overflow are meaningless. Both
            // are rescored.
            let quantum = (sum / most(weights.depth)).max(largest / VALUE).max(1e-30);
            (rows.quantum[n], rows.common[n]) = (quantum, common);
            // The nearest integer is in the low bits of a sum with 1.5 * 2^23.
            let inverse = 1.0 / quantum;
            let integer = |u: f32| (u * inverse + 12_582_912.0).to_bits() as i16;
            let (first, second) = screen.row.split_at(weights.depth / 2);
            for ((column, first), second) in screen.columns.iter_mut().zip(first).zip(second) {
                column[n] = pair(integer(*first), integer(*second));
            }
        }
    }
}

/// Computes y = (x - c)/s of a row; zero in the padding, and where there is no row.
#[inline(always)]
pub(super) fn pack_row<F: Real>(kernel: &Kernel<F>, x: Option<&[F]>, y: &mut [F]) {
    let x = x.unwrap_or_default();
    let scale = kernel.centre.iter().zip(&kernel.inverse_scale);
    for ((y, x), (centre, inverse_scale)) in y.iter_mut().zip(x).zip(scale) {
        *y = (*x - *centre) * *inverse_scale;
    }
    y[x.len()..].iter_mut().for_each(|y| *y = F::ZERO);
}

/// Computes u of a row y; returns sum |u|, the largest |u|, and S.
#[inline(always)]
fn weigh<F: Real, S: Simd>(simd: S, weights: &Weights, y: &[F], u: &mut [f32]) -> (f32, f32, f32) {
    let zero = S::F32x8::splat(simd, 0.0);
    let minus = S::F32x8::splat(simd, -1.0);
    let (mut sum, mut largest, mut common) = ([zero; 2], [zero; 2], zero);
    let (linear, square) = u.split_at_mut(y.len());
    let (typical, typical_square) = weights.typical.split_at(y.len());
    let (linear, square) = (linear.as_chunks_mut::<LANES>().0, square.as_chunks_mut::<LANES>().0);
    let (typical, typical_square) = (typical.as_chunks::<LANES>().0, typical_square.as_chunks::<LANES>().0);
    let half_square = weights.half_square.as_chunks::<LANES>().0;
    for (j, y) in y.as_chunks::<LANES>().0.iter().enumerate() {
        let y = F::Eight::from_array(simd, y).to_f32();
        let u = y.mul(S::F32x8::from_array(simd, &typical[j]));
        let magnitude = u.max(u.mul(minus));
        linear[j] = u.to_array();
        (sum[0], largest[0]) = (sum[0].add(magnitude), largest[0].max(magnitude));
        if half_square.is_empty() {
            let u = y.mul(y).mul(S::F32x8::from_array(simd, &typical_square[j]));
            square[j] = u.to_array();
            (sum[1], largest[1]) = (sum[1].add(u), largest[1].max(u));
        } else {
            common = y.mul(y).madd(S::F32x8::from_array(simd, &half_square[j]), common);
        }
    }
    let largest = largest[0].max(largest[1]).to_array();
    (sum[0].add(sum[1]).sum(), largest.into_iter().fold(0.0, f32::max), common.sum())
}

/// Selects the pairs of a panel by its sums.
struct Select<'a, F> {
    kernel: &'a Kernel<F>,
    log_threshold: f32,
    rows: &'a Rows,
    panel: usize,
    screen: &'a mut Screen,
}

impl<F: Real> Op for Select<'_, F> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Select { kernel, log_threshold, rows, panel, screen } = self;
        let (weights, k) = (&kernel.weights, kernel.k);
        let (m, error) = (&weights.quantum[..k], &weights.error[..k]);
        let (lower, upper) = (&weights.lower[..k], &weights.upper[..k]);
        let (sums, log_weight) = (&screen.sums[..k], &kernel.log_weight[..k]);
        let mut best = [f32::NEG_INFINITY; PANEL];
        let (quantum, vectors) = (&rows.quantum, (0..PANEL).step_by(S::F32s::LEN));
        for first in vectors.clone() {
            let quantum = S::F32s::from_slice(simd, &quantum[first..]);
            let mut largest = S::F32s::splat(simd, f32::NEG_INFINITY);
            for k in 0..k {
                largest = score(simd, &sums[k][first..], m[k], -error[k], quantum, lower[k]).max(largest);
            }
            largest.copy_to_slice(&mut best[first..]);
        }
        let cutoffs = cutoffs(weights, log_threshold, rows, &best);
        for k in 0..k {
            let mut rejected = 0;
            for first in vectors.clone() {
                let quantum = S::F32s::from_slice(simd, &quantum[first..]);
                let score = score(simd, &sums[k][first..], m[k], error[k], quantum, upper[k]);
                // A score that is NaN is selected: it is rescored.
                rejected |= score.lt(S::F32s::from_slice(simd, &cutoffs[first..])) << first;
            }
            let used = log_weight[k] != F::NEG_INFINITY;
            screen.selected[k * screen.stride + panel] = if used { !rejected } else { 0 };
        }
    }
}

/// The upper score below which a component of each row is not selected, from the row's largest lower score. A
/// row whose scores overflowed selects every component, so that the rescoring decides; the padding selects
/// none.
#[inline(always)]
fn cutoffs(weights: &Weights, log_threshold: f32, rows: &Rows, best: &[f32]) -> [f32; PANEL] {
    let mut cutoffs = [f32::INFINITY; PANEL];
    for (n, cutoff) in cutoffs[..rows.count].iter_mut().enumerate() {
        let best = best[n];
        let distance = match weights.half_square.is_empty() {
            true => 4.1 * (2.0 * best.abs() - log_threshold),
            false => 6.1 * rows.common[n],
        };
        let lowest = best + log_threshold - weights.growth * distance;
        let sound = lowest.is_finite() && rows.quantum[n].is_finite();
        *cutoff = if sound { lowest } else { f32::NEG_INFINITY };
    }
    cutoffs
}

/// (m sum + error) q + constant, of a vector of rows.
#[inline(always)]
fn score<S: Simd>(simd: S, sums: &[i32], m: f32, error: f32, quantum: S::F32s, constant: f32) -> S::F32s {
    let sum = S::F32s::from_i32(simd, sums);
    let sum = sum.madd(S::F32s::splat(simd, m), S::F32s::splat(simd, error));
    sum.madd(quantum, S::F32s::splat(simd, constant))
}
