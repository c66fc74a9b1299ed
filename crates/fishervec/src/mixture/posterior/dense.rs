//! The posteriors of a block whose rows keep most of them: every pair, panel by panel, rows side by side in
//! the vectors. A pair costs less than half of one that is listed, and no panel but the first is screened.
//!
//! The log-densities come from z = (x - mu)/sigma as those of the listed pairs do, so they are as exact.

use super::kernel::Kernel;
use super::pairs::{Pairs, grow};
use super::screen::pack_row;
use crate::simd::int16::PANEL;
use crate::simd::vector::{Op, PairSums, Simd, Vector};
use crate::simd::{Isa, LANES, Real};

/// Components that share what is read of the rows.
const TILE: usize = 4;
/// Columns that are summed before they are added to the others, which bounds the rounding error of a sum.
const RUN: usize = 16;

/// The share of pairs above which listing the selected ones is more work than computing all, in a block of
/// so many panels of rows of `d` columns: what a pair costs in cycles of 512-bit vectors, as estimated, and
/// checked on jobs of 20 to 64 columns. The first panel is always screened; the dense way spares the others
/// that.
pub(super) fn share<F>(d: usize, panels: usize) -> f32 {
    let (d, words) = (d as f32, (size_of::<F>() / size_of::<f32>()) as f32);
    let arithmetic = words * d / 8.0;
    let (all, listed) = (arithmetic + 1.5 * words, arithmetic + 11.0 + 1.5 * words);
    let screened = d / 16.0 + 1.2;
    (all - screened * (1.0 - 1.0 / panels.max(1) as f32)) / listed
}

/// The memory of the dense steps.
#[derive(Default)]
pub(super) struct Dense<F> {
    /// y of the panel by columns, 32 rows each.
    columns: Vec<[F; PANEL]>,
    /// The numbers of the rows.
    rows: Vec<u32>,
    /// Per panel and component: log-densities, then posteriors, of 32 rows.
    values: Vec<[F; PANEL]>,
}

/// What is written for each row of a block.
pub(super) struct PerRow<'a, F> {
    /// Its best log-density.
    pub(super) best: &'a mut [F],
    /// Its largest posterior.
    pub(super) largest: &'a mut [F],
    /// Per row that is not padding: log p(x).
    pub(super) log_likelihood: &'a mut [f64],
}

impl<F: Real> Dense<F> {
    /// Packs the rows `raw` (rows, d) into `packed` (padded, stride), and lists their posteriors of at least
    /// e^`log_threshold`, which is below 1, times the largest of their row.
    pub(super) fn posteriors(
        &mut self,
        isa: Isa,
        kernel: &Kernel<F>,
        log_threshold: F,
        (raw, packed): (&[F], &mut [F]),
        pairs: &mut Pairs<F>,
        per_row: PerRow<'_, F>,
    ) {
        let panels = per_row.best.len() / PANEL;
        self.columns.resize(kernel.d, [F::ZERO; PANEL]);
        grow(&mut self.values, panels * kernel.k);
        self.rows.extend(self.rows.len() as u32..(panels * PANEL) as u32);
        let each = raw.chunks(PANEL * kernel.d).zip(packed.chunks_mut(PANEL * kernel.stride));
        let PerRow { best, largest, log_likelihood } = per_row;
        let of_rows = best.as_chunks_mut().0.iter_mut().zip(largest.as_chunks_mut().0);
        let each = each.zip(of_rows).zip(log_likelihood.chunks_mut(PANEL));
        let (columns, offset) = (&mut self.columns[..], kernel.offset);
        for ((((raw, packed), (best, largest)), log_likelihood), values) in
            each.zip(self.values.chunks_exact_mut(kernel.k))
        {
            isa.run(Pack { kernel, raw, packed, columns });
            let rows = log_likelihood.len();
            isa.run(Densities { kernel, columns, rows, values, best });
            isa.run(Softmax { log_threshold, offset, values, best, largest, log_likelihood });
        }
        let (k, values, rows) = (kernel.k, &self.values[..panels * kernel.k], &self.rows[..]);
        isa.run(List { k, values, largest, rows, pairs });
    }
}

/// Computes y = (x - c)/s of the rows of a panel, by rows and by columns; zero in the padding.
struct Pack<'a, F> {
    kernel: &'a Kernel<F>,
    raw: &'a [F],
    packed: &'a mut [F],
    columns: &'a mut [[F; PANEL]],
}

impl<F: Real> Op for Pack<'_, F> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Pack { kernel, raw, packed, columns } = self;
        for (n, y) in packed.chunks_exact_mut(kernel.stride).enumerate() {
            pack_row(kernel, raw.get(n * kernel.d..(n + 1) * kernel.d), y);
            columns.iter_mut().zip(&*y).for_each(|(column, y)| column[n] = *y);
        }
    }
}

/// Computes the log-densities of a panel up to the kernel's offset, and each row's best.
struct Densities<'a, F> {
    kernel: &'a Kernel<F>,
    columns: &'a [[F; PANEL]],
    /// Rows that are not padding.
    rows: usize,
    values: &'a mut [[F; PANEL]],
    best: &'a mut [F; PANEL],
}

impl<F: Real> Op for Densities<'_, F> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Densities { kernel, columns, rows, values, best } = self;
        best.fill(F::NEG_INFINITY);
        // What is left of the padding is not looked at.
        let rows = rows.next_multiple_of(2 * LANES);
        let mut k = 0;
        while k < kernel.k {
            let tile = if k + TILE <= kernel.k { TILE } else { 1 };
            let mut squares = [[F::ZERO; PANEL]; TILE];
            // Twice the rows where the sums leave half of the registers to the rest.
            let of_vector = F::Longest::<S>::LEN * size_of::<F>() / (S::I32s::LEN * size_of::<i32>());
            let wide = 2 * TILE * of_vector <= S::REGISTERS / 2;
            match (tile, wide) {
                (TILE, true) => squares_of::<F, S, TILE, 2>(simd, kernel, k, columns, rows, &mut squares),
                (TILE, false) => squares_of::<F, S, TILE, 1>(simd, kernel, k, columns, rows, &mut squares),
                _ => squares_of::<F, S, 1, 1>(simd, kernel, k, columns, rows, &mut squares),
            }
            for (k, squares) in (k..k + tile).zip(&squares) {
                let log_weight = kernel.log_weight[k];
                let values = &mut values[k];
                for ((value, square), best) in values[..rows].iter_mut().zip(squares).zip(&mut *best) {
                    *value = log_weight - F::from_f64(0.5) * *square;
                    *best = if *value > *best { *value } else { *best };
                }
            }
            k += tile;
        }
    }
}

/// sum z^2 of `R` components from `k` on and all rows of a panel.
#[inline(always)]
fn squares_of<F: Real, S: Simd, const R: usize, const W: usize>(
    simd: S,
    kernel: &Kernel<F>,
    k: usize,
    columns: &[[F; PANEL]],
    rows: usize,
    squares: &mut [[F; PANEL]; TILE],
) {
    let len = F::Longest::<S>::LEN;
    let d = columns.len();
    let slope: [&[F]; R] = std::array::from_fn(|r| &kernel.slope[(k + r) * kernel.stride..][..d]);
    let intercept: [&[F]; R] = std::array::from_fn(|r| &kernel.intercept[(k + r) * kernel.stride..][..d]);
    for first in (0..rows).step_by(W * len) {
        let zero = F::Longest::<S>::splat(simd, F::ZERO);
        let mut total = [[zero; W]; R];
        for from in (0..columns.len()).step_by(RUN) {
            let mut sums = [[zero; W]; R];
            for j in from..columns.len().min(from + RUN) {
                let y: [F::Longest<S>; W] =
                    std::array::from_fn(|w| Vector::from_slice(simd, &columns[j][first + w * len..]));
                for r in 0..R {
                    let (slope, intercept) = (
                        F::Longest::<S>::splat(simd, slope[r][j]),
                        F::Longest::<S>::splat(simd, intercept[r][j]),
                    );
                    for w in 0..W {
                        let z = y[w].msub(slope, intercept);
                        sums[r][w] = z.madd(z, sums[r][w]);
                    }
                }
            }
            for (total, sums) in total.as_flattened_mut().iter_mut().zip(sums.as_flattened()) {
                *total = total.add(*sums);
            }
        }
        for (total, squares) in total.iter().zip(&mut *squares) {
            for (w, total) in total.iter().enumerate() {
                total.copy_to_slice(&mut squares[first + w * len..]);
            }
        }
    }
}

/// Replaces the log-densities of a panel by e^(log-density - best), or by 0 below `log_threshold`, and
/// computes what they are to be divided by.
struct Softmax<'a, F> {
    log_threshold: F,
    /// What the log-densities leave out.
    offset: f64,
    values: &'a mut [[F; PANEL]],
    best: &'a [F; PANEL],
    largest: &'a mut [F; PANEL],
    log_likelihood: &'a mut [f64],
}

impl<F: Real> Op for Softmax<'_, F> {
    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let Softmax { log_threshold, offset, values, best, largest, log_likelihood } = self;
        let rows = log_likelihood.len().next_multiple_of(2 * LANES);
        let mut total = [F::ZERO; PANEL];
        for values in values.iter_mut() {
            for ((value, best), total) in values[..rows].iter_mut().zip(best).zip(&mut total) {
                let x = *value - *best;
                *value = if x >= log_threshold { x.exp_negative::<S>() } else { F::ZERO };
                *total += *value;
            }
        }
        largest.fill(F::ZERO);
        for (n, log_likelihood) in log_likelihood.iter_mut().enumerate() {
            *log_likelihood = best[n].to_f64() + libm::log(total[n].to_f64()) + offset;
            largest[n] = F::ONE / total[n];
        }
    }
}

/// Lists the positive posteriors of a block, by component and then by row.
struct List<'a, F> {
    k: usize,
    /// Posteriors in units of the largest of their row, shape (panels, k, 32 rows).
    values: &'a [[F; PANEL]],
    /// Per row: its largest posterior, 0 in the padding.
    largest: &'a [F],
    /// The numbers of the rows.
    rows: &'a [u32],
    pairs: &'a mut Pairs<F>,
}

impl<F: Real> Op for List<'_, F> {
    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let List { k, values, largest, rows, pairs } = self;
        let Pairs { start, row, value } = pairs;
        // A vector is written whole, beyond what is left of it.
        grow(row, (values.len() + 1) * PANEL);
        grow(value, (values.len() + 1) * PANEL);
        start.resize(k + 1, 0);
        let vectors = F::Longest::<S>::LEN;
        let mut len = 0;
        for (component, start) in start[..k].iter_mut().enumerate() {
            *start = len;
            let of_component = values.iter().skip(component).step_by(k);
            let panels = largest.as_chunks::<PANEL>().0.iter().zip(rows.as_chunks::<PANEL>().0);
            for (values, (largest, rows)) in of_component.zip(panels) {
                for first in (0..PANEL).step_by(vectors) {
                    let x = F::Longest::<S>::from_slice(simd, &values[first..]);
                    let posterior = x.mul(Vector::from_slice(simd, &largest[first..]));
                    len += posterior.keep_positive(&rows[first..], &mut value[len..], &mut row[len..]);
                }
            }
        }
        start[k] = len;
    }
}
