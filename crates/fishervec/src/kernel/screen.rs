//! The first three steps of a block: pack, score, mark. A panel of sixteen rows at a time, whose scores (64
//! bytes a component in `f32`) stay in the first-level cache, or of many components in the second; nothing but the marks
//! goes further. See the folder's front page.
//!
//! How far a score may be off. A log-density is L = level - |z|^2/2 with z = y r - t, level <= 0. The score is
//! the same as a sum of `depth + 1` products, -sum y^2 r^2/2 + sum y r t + constant, in any order; it and the
//! re-scored value differ by at most g (sum y^2 r^2/2 + sum |y r t| + |constant| + |z|^2/2), where
//! g = (depth + 8) u and u is the unit roundoff (Higham 2002, section 3.1). With y r = z + t and |constant| at most
//! |t|^2/2 + |level| that is at most
//!
//! g (2 |z|^2 + 7 |t|^2/2 + |level|) <= e_k + 4 g |L|, where e_k = g (7 |t|^2/2 + |level|).
//!
//! So e_k, which a wide spread of a component's variances makes large, counts for that component alone; `lower`
//! and `upper` hold the constant less and plus e_k. With M the largest lower score of a row, its best L is at least
//! M - 4 g |M|; a component within `reach` of it has |L| <= |M| + reach and an upper score of at least
//! M - reach - 4 g (2 |M| + reach).
//!
//! Where all components share r, the sum of y^2 r^2/2 = S is left out of every score. Then the difference is at most
//! g (3 S + 4 |t|^2/2 + |level|), and 6 g S takes the place of the row's part.

use super::lanes::Lanes;
use super::level::at_level;
use super::{Kernel, LANES, Level, Real};

/// Rows of a panel: two vectors, or in `f64` two pairs of them.
pub(super) const PANEL: usize = 2 * LANES;
/// Components that a tile of the product takes together where `left` are left: six sums of two vectors fill the
/// registers. The product's matrix is laid out by tiles, and in a tile by columns.
pub(super) fn tile_of(left: usize) -> usize {
    [6, 4, 2].into_iter().find(|tile| *tile <= left).unwrap_or(1)
}

/// The memory to screen one panel after the other.
#[derive(Default)]
pub(super) struct Screen<F> {
    /// `[y | y^2]` of the panel, column by column: `depth` times sixteen rows.
    columns: Vec<[F; PANEL]>,
    /// The scores of the panel, component by component.
    scores: Vec<[F; PANEL]>,
    /// Bit i of `marks[k * stride + panel]` is set where row i of the panel may keep component k.
    marks: Vec<u16>,
    /// Panels a component has marks for: a multiple of four, so that they are read as words of 64 rows.
    stride: usize,
}

impl<F: Real> Screen<F> {
    /// Makes room for `rows` rows under `kernel`.
    pub(super) fn resize(&mut self, kernel: &Kernel<F>, rows: usize) {
        self.columns.resize(kernel.depth, [F::ZERO; PANEL]);
        self.scores.resize(kernel.k, [F::ZERO; PANEL]);
        self.stride = rows.div_ceil(PANEL).next_multiple_of(4);
        self.marks.clear();
        self.marks.resize(kernel.k * self.stride, 0);
    }

    /// Number of marked pairs.
    pub(super) fn len(&self) -> usize {
        self.marks.iter().map(|marks| marks.count_ones() as usize).sum()
    }

    /// The rows marked for component `k`, ascending, by words of 64 bits.
    pub(super) fn words(&self, k: usize) -> impl Iterator<Item = u64> {
        let marks = self.marks[k * self.stride..][..self.stride].as_chunks::<4>().0;
        marks.iter().map(|four| (0..4).map(|i| u64::from(four[i]) << (i * PANEL)).sum())
    }
}

/// Packs the rows `raw` (rows, d) into `packed` (padded, stride), y = (x - c)/s, and marks the pairs whose score
/// may lie within `reach` of their row's best.
pub(super) fn screen<F: Real>(
    level: Level,
    kernel: &Kernel<F>,
    reach: F,
    raw: &[F],
    packed: &mut [F],
    s: &mut Screen<F>,
) {
    at(level, kernel, reach, raw, packed, s);
}

at_level!(fn at = screen_body(kernel: &Kernel<F>, reach: F, raw: &[F], packed: &mut [F], s: &mut Screen<F>));

#[inline(always)]
fn screen_body<F: Real, V: Lanes<F>, const FMA: bool>(
    kernel: &Kernel<F>,
    reach: F,
    raw: &[F],
    packed: &mut [F],
    s: &mut Screen<F>,
) {
    let rows = raw.chunks(PANEL * kernel.d).zip(packed.chunks_mut(PANEL * kernel.stride));
    for (panel, (raw, packed)) in rows.enumerate() {
        let common = pack::<F, V, FMA>(kernel, raw, packed, &mut s.columns);
        let best = score::<F, V, FMA>(kernel, &s.columns, &mut s.scores);
        let mut cutoffs = [F::ZERO - F::NEG_INFINITY; PANEL];
        // A row whose scores overflowed keeps every component, so that the re-scoring decides; the padding keeps none.
        for (n, cutoff) in cutoffs[..raw.len() / kernel.d].iter_mut().enumerate() {
            let distance = match kernel.half_square.is_empty() {
                true => F::from_f64(4.1) * (best[n].abs() + best[n].abs() + reach),
                false => F::from_f64(6.1) * common[n],
            };
            let lowest = best[n] - reach - kernel.growth * distance;
            *cutoff = if lowest.to_f64().is_finite() { lowest } else { F::NEG_INFINITY };
        }
        let [low, high] = halves(&cutoffs).map(V::load);
        for (k, scores) in s.scores.iter().enumerate() {
            let [first, second] = halves(scores).map(V::load);
            // A score that is not a number is marked: re-scoring will tell.
            let rejected = first.below(low) | second.below(high) << LANES;
            let used = kernel.level[k] != F::NEG_INFINITY;
            s.marks[k * s.stride + panel] = if used { !rejected as u16 } else { 0 };
        }
    }
}

/// y = (x - c)/s of the rows of a panel, by rows and by columns, and y^2 by columns; zero in the padding. Returns
/// sum y^2 r^2/2 of each row where the components share r.
#[inline(always)]
fn pack<F: Real, V: Lanes<F>, const FMA: bool>(
    kernel: &Kernel<F>,
    raw: &[F],
    packed: &mut [F],
    columns: &mut [[F; PANEL]],
) -> [F; PANEL] {
    let (d, stride) = (kernel.d, kernel.stride);
    let (linear, square) = columns.split_at_mut(stride);
    for (n, y) in packed.chunks_exact_mut(stride).enumerate() {
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
        for (column, y) in linear.iter_mut().zip(y.iter()) {
            column[n] = *y;
        }
    }
    for (square, linear) in square.iter_mut().zip(linear.iter()) {
        *square = linear.map(|y| y * y);
    }
    let mut common = [V::splat(F::ZERO); 2];
    for (half_square, column) in kernel.half_square.iter().zip(linear.iter()) {
        for (y, common) in halves(column).into_iter().zip(&mut common) {
            let y = V::load(y);
            *common = y.mul(y).madd::<FMA>(V::splat(*half_square), *common);
        }
    }
    join(common)
}

/// The upper scores, shape (K, sixteen rows), and the largest lower score of each row.
#[inline(always)]
fn score<F: Real, V: Lanes<F>, const FMA: bool>(
    kernel: &Kernel<F>,
    columns: &[[F; PANEL]],
    scores: &mut [[F; PANEL]],
) -> [F; PANEL] {
    let mut best = [V::splat(F::NEG_INFINITY); 2];
    let mut k = 0;
    while k < kernel.k {
        let tile = tile_of(kernel.k - k);
        let product = &kernel.product[k * kernel.depth..][..tile * kernel.depth];
        let constant = (&kernel.lower[k..][..tile], &kernel.upper[k..][..tile]);
        let scores = &mut scores[k..][..tile];
        match tile {
            6 => tiles::<F, V, FMA, 6>(product, constant, columns, scores, &mut best),
            4 => tiles::<F, V, FMA, 4>(product, constant, columns, scores, &mut best),
            2 => tiles::<F, V, FMA, 2>(product, constant, columns, scores, &mut best),
            _ => tiles::<F, V, FMA, 1>(product, constant, columns, scores, &mut best),
        }
        k += tile;
    }
    join(best)
}

/// The scores of `R` components: both vectors of the panel at once where the registers hold them, else one after
/// the other.
#[inline(always)]
fn tiles<F: Real, V: Lanes<F>, const FMA: bool, const R: usize>(
    product: &[F],
    constant: (&[F], &[F]),
    columns: &[[F; PANEL]],
    scores: &mut [[F; PANEL]],
    best: &mut [V; 2],
) {
    if F::REGISTERS == 1 {
        tile::<F, V, FMA, R, 2>(product, constant, columns, scores, best, 0);
    } else {
        tile::<F, V, FMA, R, 1>(product, constant, columns, scores, best, 0);
        tile::<F, V, FMA, R, 1>(product, constant, columns, scores, best, 1);
    }
}

/// The scores of `R` components and `W` vectors of rows, from vector `first` on.
#[inline(always)]
fn tile<F: Real, V: Lanes<F>, const FMA: bool, const R: usize, const W: usize>(
    product: &[F],
    constant: (&[F], &[F]),
    columns: &[[F; PANEL]],
    scores: &mut [[F; PANEL]],
    best: &mut [V; 2],
    first: usize,
) {
    let mut sums = [[V::splat(F::ZERO); W]; R];
    for (column, product) in columns.iter().zip(product.as_chunks::<R>().0) {
        let column = halves(column);
        let y: [V; W] = std::array::from_fn(|w| V::load(column[first + w]));
        for r in 0..R {
            let p = V::splat(product[r]);
            for w in 0..W {
                sums[r][w] = p.madd::<FMA>(y[w], sums[r][w]);
            }
        }
    }
    for r in 0..R {
        let to = scores[r].as_chunks_mut::<LANES>().0;
        for w in 0..W {
            best[first + w] = sums[r][w].add(V::splat(constant.0[r])).max(best[first + w]);
            to[first + w] = sums[r][w].add(V::splat(constant.1[r])).store();
        }
    }
}

#[inline(always)]
fn halves<F: Copy>(panel: &[F; PANEL]) -> [&[F; LANES]; 2] {
    let vectors = panel.as_chunks::<LANES>().0;
    [&vectors[0], &vectors[1]]
}

#[inline(always)]
fn join<F: Real, V: Lanes<F>>(vectors: [V; 2]) -> [F; PANEL] {
    let mut panel = [F::ZERO; PANEL];
    for (to, vector) in panel.as_chunks_mut::<LANES>().0.iter_mut().zip(vectors) {
        *to = vector.store();
    }
    panel
}
