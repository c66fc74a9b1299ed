//! The five steps of a block of rows; see the folder's front page.

use super::lanes::Lanes;
use super::level::at_level;
use super::{Kernel, LANES, Level, Real, multiply};
use crate::descriptors::{RowBuffer, Source};
use crate::error::{Error, Result};
use ndarray::{ArrayView2, ArrayViewMut2};
use std::ops::Range;

/// The memory one thread needs to push blocks through a kernel; reused from block to block.
pub(crate) struct Scratch<F> {
    level: Level,
    raw: Vec<F>,
    spare: RowBuffer<F>,
    /// Rows in the block, and the same padded to a multiple of the lanes.
    rows: usize,
    padded: usize,
    /// `[y | y^2]`, rows of `depth` numbers.
    packed: Vec<F>,
    /// Component-major: row k holds the scores of all rows of the block under component k.
    scores: Vec<F>,
    /// Per row: rounding bound of its scores, then its cutoff, then its best re-scored log-density.
    margin: Vec<F>,
    best: Vec<F>,
    /// Per row: the sum of e^(log-density - best), then its inverse, which is the largest posterior.
    total: Vec<F>,
    kept: Vec<u32>,
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
    /// How many components it kept.
    pub(crate) kept: usize,
}

/// Where a block's statistics are added: S0 (K), sum q z and sum q z^2 (K, D), row-major.
pub(crate) struct Sums<'a> {
    pub(crate) s0: &'a mut [f64],
    pub(crate) z1: &'a mut [f64],
    pub(crate) z2: &'a mut [f64],
}

impl<F: Real> Default for Scratch<F> {
    fn default() -> Self {
        Self::at_level(Level::active())
    }
}

impl<F: Real> Scratch<F> {
    /// Empty scratch memory whose steps run on `level`; it grows when first used.
    pub(crate) fn at_level(level: Level) -> Self {
        Scratch {
            level,
            raw: Vec::new(),
            spare: RowBuffer::default(),
            rows: 0,
            padded: 0,
            packed: Vec::new(),
            scores: Vec::new(),
            margin: Vec::new(),
            best: Vec::new(),
            total: Vec::new(),
            kept: Vec::new(),
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
        pack(self.level, kernel, self);
        self.score(kernel);
        let reach = F::from_f64(-libm::log(threshold));
        select(self.level, kernel, reach, self);
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
        (0..self.rows).map(|n| Row {
            log_likelihood: self.log_likelihood[n],
            largest: self.total[n].to_f64(),
            kept: self.kept[n] as usize,
        })
    }

    /// The posteriors of the block as (component, row, posterior), by component.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (usize, usize, F)> {
        self.start
            .windows(2)
            .enumerate()
            .flat_map(move |(k, w)| (w[0]..w[1]).map(move |i| (k, self.row[i] as usize, self.value[i])))
    }

    fn resize(&mut self, kernel: &Kernel<F>, rows: usize) {
        fn grow<T: Copy + Default>(buffer: &mut Vec<T>, len: usize) {
            if buffer.len() < len {
                buffer.resize(len, T::default());
            }
        }
        (self.rows, self.padded) = (rows, rows.next_multiple_of(LANES));
        let pairs = kernel.k * self.padded;
        grow(&mut self.raw, rows * kernel.d);
        grow(&mut self.packed, self.padded * kernel.depth);
        for buffer in [&mut self.scores, &mut self.value] {
            grow(buffer, pairs);
        }
        for buffer in [&mut self.margin, &mut self.best, &mut self.total] {
            grow(buffer, self.padded);
        }
        grow(&mut self.kept, self.padded);
        grow(&mut self.log_likelihood, self.padded);
        grow(&mut self.start, kernel.k + 1);
        grow(&mut self.row, pairs + LANES);
    }

    /// scores = product [y | y^2]^T, shape (K, padded).
    fn score(&mut self, kernel: &Kernel<F>) {
        let (k, padded, depth) = (kernel.k, self.padded, kernel.depth);
        let fits = "the buffers were sized for these shapes";
        let product = ArrayView2::from_shape((k, depth), &kernel.product[..]).expect(fits);
        let rows = ArrayView2::from_shape((padded, depth), &self.packed[..padded * depth]).expect(fits);
        let scores = ArrayViewMut2::from_shape((k, padded), &mut self.scores[..k * padded]).expect(fits);
        multiply(product, rows.t(), scores);
    }
}

at_level!(fn pack = pack_body(kernel: &Kernel<F>, s: &mut Scratch<F>));
at_level!(fn select = select_body(kernel: &Kernel<F>, reach: F, s: &mut Scratch<F>));
at_level!(fn softmax = softmax_body(kernel: &Kernel<F>, reach: F, s: &mut Scratch<F>));
at_level!(fn accumulate = accumulate_body(kernel: &Kernel<F>, s: &Scratch<F>, sums: &mut Sums<'_>));

/// y = (x - c)/s and y^2, zero in the padding; and per row a bound on the rounding error of its scores.
///
/// A score is a sum of `depth + 1` products, computed in any order; it and the re-scored value differ by
/// at most (depth + 8) u (sum_d |y_d| max_k |t r| + y_d^2 max_k r^2/2 + max_k |constant|), u the unit
/// roundoff (Higham 2002, section 3.1).
#[inline(always)]
fn pack_body<F: Real, V: Lanes<F>, const FMA: bool>(kernel: &Kernel<F>, s: &mut Scratch<F>) {
    let (d, stride, depth) = (kernel.d, kernel.stride, kernel.depth);
    let growth = F::from_f64((depth + 8) as f64 * F::UNIT_ROUNDOFF);
    for n in 0..s.padded {
        let packed = &mut s.packed[n * depth..][..depth];
        let (y, squares) = packed.split_at_mut(stride);
        y.fill(F::ZERO);
        if n < s.rows {
            let x = &s.raw[n * d..][..d];
            for j in 0..d {
                y[j] = (x[j] - kernel.centre[j]) * kernel.inverse_scale[j];
            }
        }
        let mut bound = V::splat(F::ZERO);
        let bounds = kernel.bound_linear.as_chunks::<LANES>().0.iter();
        let bounds = bounds.zip(kernel.bound_square.as_chunks::<LANES>().0);
        for (y, (linear, square)) in y.as_chunks::<LANES>().0.iter().zip(bounds) {
            let size = V::load(&y.map(|y| y.abs()));
            let term = size.madd::<FMA>(V::load(square), V::load(linear));
            bound = size.madd::<FMA>(term, bound);
        }
        for (square, y) in squares.iter_mut().zip(y.iter()) {
            *square = *y * *y;
        }
        s.margin[n] = growth * (bound.sum() + kernel.bound_constant);
    }
}

/// The pairs whose score may lie within `reach` of their row's best, sorted by component, and their
/// log-densities up to `offset`, from z directly.
#[inline(always)]
fn select_body<F: Real, V: Lanes<F>, const FMA: bool>(kernel: &Kernel<F>, reach: F, s: &mut Scratch<F>) {
    let (stride, depth, padded) = (kernel.stride, kernel.depth, s.padded);
    let best = &mut s.best[..padded];
    best.fill(F::NEG_INFINITY);
    for k in 0..kernel.k {
        let constant = kernel.constant[k];
        for (best, score) in best.iter_mut().zip(&s.scores[k * padded..][..padded]) {
            let score = *score + constant;
            *best = if score > *best { score } else { *best };
        }
    }
    // From here on `best` is the cutoff. A row whose scores overflowed keeps every component, so that
    // the re-scoring decides; the padding keeps none.
    for (n, best) in best.iter_mut().enumerate() {
        let cutoff = *best - reach - (s.margin[n] + s.margin[n]);
        *best = match (n < s.rows, cutoff.to_f64().is_finite()) {
            (true, true) => cutoff,
            (true, false) => F::NEG_INFINITY,
            (false, _) => F::ZERO - F::NEG_INFINITY,
        };
    }
    let mut len = 0;
    for k in 0..kernel.k {
        s.start[k] = len;
        if kernel.level[k] == F::NEG_INFINITY {
            continue;
        }
        let constant = V::splat(kernel.constant[k]);
        let scores = s.scores[k * padded..][..padded].as_chunks::<LANES>().0;
        let mut first = 0;
        for (scores, cutoffs) in scores.iter().zip(best.as_chunks::<LANES>().0) {
            // A score that is not a number is selected: re-scoring will tell.
            let rejected = V::load(scores).add(constant).below(V::load(cutoffs));
            let mask = !rejected as usize % POSITIONS.len();
            // All eight are written, and what is not selected is overwritten: no branch to mispredict.
            let to: &mut [u32; LANES] = s.row[len..].first_chunk_mut().expect("room for eight more");
            for i in 0..LANES {
                to[i] = first + u32::from(POSITIONS[mask][i]);
            }
            len += mask.count_ones() as usize;
            first += LANES as u32;
        }
        let slope = kernel.slope[k * stride..][..stride].as_chunks::<LANES>().0;
        let intercept = &kernel.intercept[k * stride..][..stride].as_chunks::<LANES>().0[..slope.len()];
        // Four pairs at a time share what is read of the component.
        let pairs = s.start[k]..len;
        for (values, rows) in s.value[pairs.clone()].chunks_mut(4).zip(s.row[pairs].chunks(4)) {
            let last = rows.len() - 1;
            let at = |i: usize| &s.packed[rows[last.min(i)] as usize * depth..][..stride];
            let rows = [at(0), at(1), at(2), at(3)].map(|y| &y.as_chunks::<LANES>().0[..slope.len()]);
            let mut squares = [V::splat(F::ZERO); 4];
            for j in 0..slope.len() {
                let (r, t) = (V::load(&slope[j]), V::load(&intercept[j]));
                for i in 0..4 {
                    let z = V::load(&rows[i][j]).msub::<FMA>(r, t);
                    squares[i] = z.madd::<FMA>(z, squares[i]);
                }
            }
            for (value, square) in values.iter_mut().zip(V::sums(squares)) {
                *value = kernel.level[k] - F::from_f64(0.5) * square;
            }
        }
    }
    s.start[kernel.k] = len;
}

/// Log-densities to posteriors: what lies further than `reach` below the row's best becomes 0, the rest
/// sums to 1.
#[inline(always)]
fn softmax_body<F: Real, V: Lanes<F>, const FMA: bool>(kernel: &Kernel<F>, reach: F, s: &mut Scratch<F>) {
    let pairs = s.start[kernel.k];
    let (row, value) = (&s.row[..pairs], &mut s.value[..]);
    let (best, total, kept) = (&mut s.best[..s.padded], &mut s.total[..s.padded], &mut s.kept[..s.padded]);
    best.fill(F::NEG_INFINITY);
    total.fill(F::ZERO);
    kept.fill(0);
    for (value, row) in value.iter().zip(row) {
        let best = &mut best[*row as usize];
        *best = if *value > *best { *value } else { *best };
    }
    for (value, row) in value.iter_mut().zip(row) {
        *value = *value - best[*row as usize];
    }
    for block in value[..pairs.next_multiple_of(LANES)].as_chunks_mut::<LANES>().0 {
        for value in block {
            let keep = *value >= F::ZERO - reach;
            *value = if keep { value.exp_negative::<FMA>() } else { F::ZERO };
        }
    }
    let hard = reach == F::ZERO;
    for (value, row) in value.iter_mut().zip(row) {
        let row = *row as usize;
        if hard && kept[row] > 0 {
            *value = F::ZERO;
        }
        total[row] += *value;
        kept[row] += u32::from(*value > F::ZERO);
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
fn accumulate_body<F: Real, V: Lanes<F>, const FMA: bool>(
    kernel: &Kernel<F>,
    s: &Scratch<F>,
    sums: &mut Sums<'_>,
) {
    let (d, stride) = (kernel.d, kernel.stride);
    for k in 0..kernel.k {
        let pairs = s.start[k]..s.start[k + 1];
        if pairs.is_empty() {
            continue;
        }
        sums.s0[k] += s.value[pairs.clone()].iter().map(|q| q.to_f64()).sum::<f64>();
        let z1 = &mut sums.z1[k * d..][..d];
        let z2 = &mut sums.z2[k * d..][..d];
        let mut j = 0;
        while j + 4 * LANES <= stride {
            columns::<F, V, FMA, 4>(kernel, s, k, pairs.clone(), j, z1, z2);
            j += 4 * LANES;
        }
        while j < stride {
            columns::<F, V, FMA, 1>(kernel, s, k, pairs.clone(), j, z1, z2);
            j += LANES;
        }
    }
}

/// The `W` times eight columns of z1 and z2 from `j` on, for the pairs of component `k`.
#[inline(always)]
fn columns<F: Real, V: Lanes<F>, const FMA: bool, const W: usize>(
    kernel: &Kernel<F>,
    s: &Scratch<F>,
    k: usize,
    pairs: Range<usize>,
    j: usize,
    z1: &mut [f64],
    z2: &mut [f64],
) {
    let at = k * kernel.stride + j;
    let slope = &kernel.slope[at..][..W * LANES].as_chunks::<LANES>().0[..W];
    let intercept = &kernel.intercept[at..][..W * LANES].as_chunks::<LANES>().0[..W];
    let (mut first, mut second) = ([V::splat(F::ZERO); W], [V::splat(F::ZERO); W]);
    for (q, row) in s.value[pairs.clone()].iter().zip(&s.row[pairs]) {
        let y = &s.packed[*row as usize * kernel.depth + j..][..W * LANES].as_chunks::<LANES>().0[..W];
        let q = V::splat(*q);
        for i in 0..W {
            let z = V::load(&y[i]).msub::<FMA>(V::load(&slope[i]), V::load(&intercept[i]));
            let qz = q.mul(z);
            first[i] = first[i].add(qz);
            second[i] = qz.madd::<FMA>(z, second[i]);
        }
    }
    for i in 0..W {
        let (first, second) = (first[i].store(), second[i].store());
        let here = z1.iter_mut().zip(z2.iter_mut()).skip(j + i * LANES);
        for ((z1, z2), (first, second)) in here.zip(first.iter().zip(&second)) {
            *z1 += first.to_f64();
            *z2 += second.to_f64();
        }
    }
}

/// The positions of the bits of a mask of `LANES` bits, in order; then zeros.
const POSITIONS: [[u8; LANES]; 1 << LANES] = {
    let mut table = [[0; LANES]; 1 << LANES];
    let mut mask = 0;
    while mask < table.len() {
        let (mut bit, mut len) = (0, 0);
        while bit < LANES {
            if mask >> bit & 1 == 1 {
                table[mask][len] = bit as u8;
                len += 1;
            }
            bit += 1;
        }
        mask += 1;
    }
    table
};
