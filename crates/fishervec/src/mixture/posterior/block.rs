//! The steps of a block of rows after its screening; see the folder's front page.

use super::kernel::Kernel;
use super::screen::{PANEL, Screen, screen};
use crate::data::{RowBuffer, Source};
use crate::error::{Error, Result};
use crate::simd::isa::at_level;
use crate::simd::vector::{Eight, Lanes, Long};
use crate::simd::{Isa, LANES, Real};
use std::ops::Range;

/// The memory one thread needs to push blocks through a kernel; reused from block to block.
pub(crate) struct Scratch<F> {
    level: Isa,
    raw: Vec<F>,
    spare: RowBuffer<F>,
    /// Rows in the block, and the same padded to whole panels.
    rows: usize,
    padded: usize,
    /// y = (x - c)/s, rows of `stride` numbers.
    packed: Vec<F>,
    screen: Screen,
    /// Per row: its best re-scored log-density.
    best: Vec<F>,
    /// Per row: the sum of e^(log-density - best), then its inverse, which is the largest posterior.
    total: Vec<F>,
    log_likelihood: Vec<f64>,
    /// The selected (component, row) pairs, sorted by component: those of k are `start[k]..start[k + 1]`.
    start: Vec<usize>,
    row: Vec<u32>,
    /// Per pair: its log-density, then its posterior.
    value: Vec<F>,
}

/// What a block knows of one of its rows.
pub(crate) struct Row {
    pub(crate) log_likelihood: f64,
    /// Its largest posterior.
    pub(crate) largest: f64,
}

/// Where a block's statistics are added: S0 (K), sum q z and sum q z^2 (K, D), row-major.
pub(crate) struct Sums<'a> {
    pub(crate) s0: &'a mut [f64],
    pub(crate) z1: &'a mut [f64],
    pub(crate) z2: &'a mut [f64],
}

impl<F: Real> Default for Scratch<F> {
    fn default() -> Self {
        Self::at_level(Isa::active())
    }
}

impl<F: Real> Scratch<F> {
    /// Empty scratch memory whose steps run on `level`; it grows when first used.
    pub(crate) fn at_level(level: Isa) -> Self {
        Scratch {
            level,
            raw: Vec::new(),
            spare: RowBuffer::default(),
            rows: 0,
            padded: 0,
            packed: Vec::new(),
            screen: Screen::default(),
            best: Vec::new(),
            total: Vec::new(),
            log_likelihood: Vec::new(),
            start: Vec::new(),
            row: Vec::new(),
            value: Vec::new(),
        }
    }

    /// Reads rows `range` of `source` and computes their posteriors under `kernel`, dropping components
    /// whose posterior is below `threshold` times the row's largest; 1 keeps the first largest alone.
    ///
    /// # Errors
    /// Those of the source; [`Error::OutOfRange`] for a row without a representable likelihood.
    pub(crate) fn posteriors<S: Source<Real = F>>(
        &mut self,
        kernel: &Kernel<F>,
        source: &S,
        range: Range<usize>,
        threshold: f64,
    ) -> Result<()> {
        self.resize(kernel, range.len());
        let values = self.rows * kernel.d;
        source.read_finite(range.start, &mut self.raw[..values], &mut self.spare)?;
        let reach = F::from_f64(-libm::log(threshold));
        let packed = &mut self.packed[..self.padded * kernel.stride];
        screen(self.level, kernel, reach.to_f64() as f32, &self.raw[..values], packed, &mut self.screen);
        self.list(kernel);
        score(self.level, kernel, self);
        softmax(self.level, kernel, reach, self);
        match self.best[..self.rows].iter().position(|best| !best.to_f64().is_finite()) {
            Some(row) => Err(Error::OutOfRange { row: range.start + row }),
            None => Ok(()),
        }
    }

    /// Adds the statistics of the block to `sums`, each row's posteriors times its weight.
    pub(crate) fn accumulate(&mut self, kernel: &Kernel<F>, weights: Option<&[f64]>, sums: &mut Sums<'_>) {
        if let Some(weights) = weights {
            for (value, row) in self.value[..self.start[kernel.k]].iter_mut().zip(&self.row) {
                *value *= F::from_f64(weights[*row as usize]);
            }
        }
        accumulate(self.level, kernel, self, sums);
    }

    /// The rows of the block.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row> {
        (0..self.rows)
            .map(|n| Row { log_likelihood: self.log_likelihood[n], largest: self.total[n].to_f64() })
    }

    /// The number of pairs kept, each counting as much as its row weighs.
    pub(crate) fn kept(&self, kernel: &Kernel<F>, weights: Option<&[f64]>) -> f64 {
        let pairs = self.start[kernel.k];
        weights
            .map_or(pairs as f64, |weights| self.row[..pairs].iter().map(|row| weights[*row as usize]).sum())
    }

    /// The posteriors of the block as (component, row, posterior), by component.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (usize, usize, F)> {
        self.start
            .windows(2)
            .enumerate()
            .flat_map(move |(k, w)| (w[0]..w[1]).map(move |i| (k, self.row[i] as usize, self.value[i])))
    }

    fn resize(&mut self, kernel: &Kernel<F>, rows: usize) {
        (self.rows, self.padded) = (rows, rows.next_multiple_of(PANEL));
        grow(&mut self.raw, rows * kernel.d);
        grow(&mut self.packed, self.padded * kernel.stride);
        self.screen.resize(kernel, rows);
        for buffer in [&mut self.best, &mut self.total] {
            grow(buffer, self.padded);
        }
        grow(&mut self.log_likelihood, self.padded);
        grow(&mut self.start, kernel.k + 1);
    }

    /// The marked pairs as a list, sorted by component and then by row.
    fn list(&mut self, kernel: &Kernel<F>) {
        let pairs = self.screen.len();
        grow(&mut self.row, pairs);
        grow(&mut self.value, pairs.next_multiple_of(LANES));
        let mut len = 0;
        for k in 0..kernel.k {
            self.start[k] = len;
            for (first, mut word) in (0..).step_by(64).zip(self.screen.words(k)) {
                while word != 0 {
                    self.row[len] = first + word.trailing_zeros();
                    len += 1;
                    word &= word - 1;
                }
            }
        }
        self.start[kernel.k] = len;
    }
}

fn grow<T: Copy + Default>(buffer: &mut Vec<T>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, T::default());
    }
}

at_level!(long fn score = score_body(kernel: &Kernel<F>, s: &mut Scratch<F>));
at_level!(fn softmax = softmax_body(kernel: &Kernel<F>, reach: F, s: &mut Scratch<F>));
at_level!(long fn accumulate = accumulate_body(kernel: &Kernel<F>, s: &Scratch<F>, sums: &mut Sums<'_>));

/// The log-densities of the listed pairs up to `offset`, from z directly, and each row's best.
#[inline(always)]
fn score_body<F: Real, V: Long<F>, const FMA: bool>(kernel: &Kernel<F>, s: &mut Scratch<F>) {
    let stride = kernel.stride;
    let whole = stride / V::LEN * V::LEN;
    s.best[..s.padded].fill(F::NEG_INFINITY);
    for k in 0..kernel.k {
        let slope = &kernel.slope[k * stride..][..stride];
        let intercept = &kernel.intercept[k * stride..][..stride];
        // Four pairs at a time share what is read of the component.
        let pairs = s.start[k]..s.start[k + 1];
        for (values, rows) in s.value[pairs.clone()].chunks_mut(4).zip(s.row[pairs].chunks(4)) {
            let last = rows.len() - 1;
            let at = |i: usize| &s.packed[rows[last.min(i)] as usize * stride..][..stride];
            let four = [at(0), at(1), at(2), at(3)];
            let mut sums = squares::<F, V, FMA>(slope, intercept, four, 0..whole);
            if whole < stride {
                let rest = squares::<F, V::Tail, FMA>(slope, intercept, four, whole..stride);
                sums.iter_mut().zip(rest).for_each(|(sum, rest)| *sum += rest);
            }
            for ((value, square), row) in values.iter_mut().zip(sums).zip(rows) {
                *value = kernel.level[k] - F::from_f64(0.5) * square;
                let best = &mut s.best[*row as usize];
                *best = if *value > *best { *value } else { *best };
            }
        }
    }
}

/// sum z^2 of four rows over some columns, a multiple of the register's length.
#[inline(always)]
fn squares<F: Real, V: Long<F>, const FMA: bool>(
    slope: &[F],
    intercept: &[F],
    rows: [&[F]; 4],
    columns: Range<usize>,
) -> [F; 4] {
    let mut squares = [V::splat(F::ZERO); 4];
    let rows = rows.map(|row| &row[columns.clone()]);
    let (slope, intercept) = (&slope[columns.clone()], &intercept[columns]);
    for j in (0..slope.len()).step_by(V::LEN) {
        let (r, t) = (V::load(&slope[j..]), V::load(&intercept[j..]));
        for i in 0..4 {
            let z = V::load(&rows[i][j..]).msub::<FMA>(r, t);
            squares[i] = z.madd::<FMA>(z, squares[i]);
        }
    }
    V::sums(squares)
}

/// Log-densities to posteriors: what lies further than `reach` below the row's best becomes 0, the rest
/// sums to 1.
#[inline(always)]
fn softmax_body<F: Real, V: Lanes<F>, const FMA: bool>(kernel: &Kernel<F>, reach: F, s: &mut Scratch<F>) {
    let pairs = s.start[kernel.k];
    let (best, total) = (&s.best[..s.padded], &mut s.total[..s.padded]);
    total.fill(F::ZERO);
    let hard = reach == F::ZERO;
    let values = &mut s.value[..pairs.next_multiple_of(LANES)];
    for (values, rows) in values.chunks_mut(TOGETHER).zip(s.row[..pairs].chunks(TOGETHER)) {
        for (value, row) in values.iter_mut().zip(rows) {
            *value = *value - best[*row as usize];
        }
        for eight in values.as_chunks_mut::<LANES>().0 {
            for value in eight {
                let keep = *value >= F::ZERO - reach;
                *value = if keep { value.exp_negative::<FMA>() } else { F::ZERO };
            }
        }
        for (value, row) in values.iter_mut().zip(rows) {
            let total = &mut total[*row as usize];
            // The first of equals.
            *value = if hard && *total > F::ZERO { F::ZERO } else { *value };
            *total += *value;
        }
    }
    for n in 0..s.rows {
        s.log_likelihood[n] = best[n].to_f64() + libm::log(total[n].to_f64()) + kernel.offset;
        total[n] = F::ONE / total[n];
    }
    // Only what is left stays in the list: what has no posterior may have an infinite z.
    let mut len = 0;
    for k in 0..kernel.k {
        let pairs = s.start[k]..s.start[k + 1];
        s.start[k] = len;
        for i in pairs {
            let row = s.row[i];
            let posterior = s.value[i] * s.total[row as usize];
            (s.row[len], s.value[len]) = (row, posterior);
            len += usize::from(posterior > F::ZERO);
        }
    }
    s.start[kernel.k] = len;
}

/// Adds sum q, sum q z and sum q z^2 of the block: in `F` over a component's pairs, then in `f64`.
#[inline(always)]
fn accumulate_body<F: Real, V: Long<F>, const FMA: bool>(
    kernel: &Kernel<F>,
    s: &Scratch<F>,
    sums: &mut Sums<'_>,
) {
    let (d, stride) = (kernel.d, kernel.stride);
    for k in 0..kernel.k {
        let z1 = &mut sums.z1[k * d..][..d];
        let z2 = &mut sums.z2[k * d..][..d];
        let end = s.start[k + 1];
        for first in (s.start[k]..end).step_by(TOGETHER) {
            let pairs = first..end.min(first + TOGETHER);
            sums.s0[k] += sum(&s.value[pairs.clone()]);
            let mut j = 0;
            while j + 4 * V::LEN <= stride {
                columns::<F, V, FMA, 4>(kernel, s, k, pairs.clone(), j, z1, z2);
                j += 4 * V::LEN;
            }
            match (stride - j) / V::LEN {
                3 => columns::<F, V, FMA, 3>(kernel, s, k, pairs.clone(), j, z1, z2),
                2 => columns::<F, V, FMA, 2>(kernel, s, k, pairs.clone(), j, z1, z2),
                1 => columns::<F, V, FMA, 1>(kernel, s, k, pairs.clone(), j, z1, z2),
                _ => {}
            }
            if stride % V::LEN > 0 {
                let j = stride - stride % V::LEN;
                columns::<F, V::Tail, FMA, 1>(kernel, s, k, pairs, j, z1, z2);
            }
        }
    }
}

/// Pairs worked on together: they stay in the first-level cache, and so many are summed in `F` before they are
/// added in `f64`, which bounds the rounding error of a sum.
const TOGETHER: usize = 256;

/// Their sum in `f64`, eight partial sums at a time.
#[inline(always)]
fn sum<F: Real>(values: &[F]) -> f64 {
    let (blocks, rest) = values.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for block in blocks {
        sums.iter_mut().zip(block).for_each(|(sum, x)| *sum += x.to_f64());
    }
    sums.iter_mut().zip(rest).for_each(|(sum, x)| *sum += x.to_f64());
    sums.iter().sum()
}

/// The `W` registers of columns of z1 and z2 from `j` on, for the pairs of component `k`.
#[inline(always)]
fn columns<F: Real, V: Long<F>, const FMA: bool, const W: usize>(
    kernel: &Kernel<F>,
    s: &Scratch<F>,
    k: usize,
    pairs: Range<usize>,
    j: usize,
    z1: &mut [f64],
    z2: &mut [f64],
) {
    let at = k * kernel.stride + j;
    let load = |of: &[F]| std::array::from_fn(|i| V::load(&of[at..][..W * V::LEN][i * V::LEN..]));
    let (slope, intercept): ([V; W], [V; W]) = (load(&kernel.slope), load(&kernel.intercept));
    let (mut first, mut second) = ([V::splat(F::ZERO); W], [V::splat(F::ZERO); W]);
    for (q, row) in s.value[pairs.clone()].iter().zip(&s.row[pairs]) {
        let y = &s.packed[*row as usize * kernel.stride + j..][..W * V::LEN];
        let q = V::splat(*q);
        for i in 0..W {
            let z = V::load(&y[i * V::LEN..]).msub::<FMA>(slope[i], intercept[i]);
            let qz = q.mul(z);
            first[i] = first[i].add(qz);
            second[i] = qz.madd::<FMA>(z, second[i]);
        }
    }
    for i in 0..W {
        add(&mut z1[j + i * V::LEN..], first[i]);
        add(&mut z2[j + i * V::LEN..], second[i]);
    }
}

/// Adds the first numbers of `from` to `to`, as many as there are.
#[inline(always)]
fn add<F: Real, V: Long<F>>(to: &mut [f64], from: V) {
    const MOST: usize = 2 * LANES;
    let mut numbers = [F::ZERO; MOST];
    from.store(&mut numbers);
    if to.len() >= V::LEN {
        to[..V::LEN].iter_mut().zip(numbers).for_each(|(to, from)| *to += from.to_f64());
    } else {
        to.iter_mut().zip(numbers).for_each(|(to, from)| *to += from.to_f64());
    }
}
