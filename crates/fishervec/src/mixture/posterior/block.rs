//! A block of rows through all steps; see the folder's front page.

use super::accumulate::{Accumulate, Sums};
use super::dense::{self, Dense, PerRow};
use super::evaluate::Evaluate;
use super::kernel::Kernel;
use super::pairs::{Pairs, grow};
use super::score::Score;
use super::screen::{Screen, screen};
use super::softmax::Softmax;
use crate::data::{RowBuffer, Source};
use crate::error::{Error, Result};
use crate::mixture::linear::Functions;
use crate::simd::int16::PANEL;
use crate::simd::{Isa, Real};
use std::ops::Range;

/// The memory one thread needs to push blocks through a kernel; it is reused from block to block.
pub(crate) struct Scratch<F> {
    isa: Isa,
    /// The share of pairs up to which the selected ones are listed; `None` for the one that is fastest.
    pub(super) most_listed: Option<f32>,
    raw: Vec<F>,
    /// What reading and converting rows needs.
    spare: RowBuffer<F>,
    /// Rows in the block, and the same padded to whole panels.
    rows: usize,
    padded: usize,
    /// y = (x - c)/s, rows of `stride` numbers.
    packed: Vec<F>,
    screen: Screen,
    dense: Dense<F>,
    pairs: Pairs<F>,
    /// Per row: its best log-density.
    best: Vec<F>,
    /// Per row: its largest posterior.
    largest: Vec<F>,
    log_likelihood: Vec<f64>,
}

/// What a block knows of one of its rows.
pub(crate) struct Row {
    pub(crate) log_likelihood: f64,
    /// Its largest posterior.
    pub(crate) largest: f64,
}

impl<F: Real> Default for Scratch<F> {
    fn default() -> Self {
        Self::with_isa(Isa::active())
    }
}

impl<F: Real> Scratch<F> {
    /// Empty scratch memory whose steps run on `isa`; it grows when it is first used.
    pub(crate) fn with_isa(isa: Isa) -> Self {
        Scratch {
            isa,
            most_listed: None,
            raw: Vec::new(),
            spare: RowBuffer::default(),
            rows: 0,
            padded: 0,
            packed: Vec::new(),
            screen: Screen::default(),
            dense: Dense::default(),
            pairs: Pairs::default(),
            best: Vec::new(),
            largest: Vec::new(),
            log_likelihood: Vec::new(),
        }
    }

    /// Reads rows `range` of `source` and computes their posteriors under `kernel`, dropping components whose
    /// posterior is below `threshold` times the row's largest; a threshold of 1 keeps the first largest
    /// alone.
    ///
    /// # Errors
    /// Those of the source; [`Error::OutOfRange`] for a row without a representable likelihood. Such a row of
    /// weight 0 has no pairs, and its likelihood means nothing.
    pub(crate) fn posteriors<S: Source<Real = F>>(
        &mut self,
        kernel: &Kernel<F>,
        source: &S,
        range: Range<usize>,
        threshold: f64,
    ) -> Result<()> {
        self.resize(kernel, range.len());
        let (isa, rows, padded) = (self.isa, self.rows, self.padded);
        let raw = &mut self.raw[..rows * kernel.d];
        source.read_finite(range.start, raw, &mut self.spare)?;
        let log_threshold = F::from_f64(libm::log(threshold));
        let packed = &mut self.packed[..padded * kernel.stride];
        let most = match self.most_listed {
            _ if log_threshold == F::ZERO => 1.0,
            Some(most) => most,
            None => dense::share::<F>(kernel.d, padded / PANEL),
        };
        let crowded = screen(isa, kernel, log_threshold.to_f64() as f32, raw, packed, &mut self.screen, most);
        let (best, largest) = (&mut self.best[..padded], &mut self.largest[..padded]);
        let (pairs, log_likelihood) = (&mut self.pairs, &mut self.log_likelihood[..rows]);
        if crowded {
            let per_row = PerRow { best, largest, log_likelihood };
            self.dense.posteriors(isa, kernel, log_threshold, (raw, packed), pairs, per_row);
        } else {
            pairs.list(kernel.k, &self.screen);
            isa.run(Score { kernel, packed, pairs, best });
            isa.run(Softmax { log_threshold, offset: kernel.offset, pairs, best, largest, log_likelihood });
        }
        let best = &self.best;
        let far = |(_, best): &(usize, &F)| !best.to_f64().is_finite();
        let mut beyond = range.zip(&best[..rows]).filter(far);
        match beyond.find(|(row, _)| source.weight(*row) > 0.0) {
            Some((row, _)) => Err(source.locate(Error::OutOfRange { row })),
            None => Ok(()),
        }
    }

    /// Adds the statistics of the block to `sums`, each row's posteriors times its weight.
    pub(crate) fn accumulate(&mut self, kernel: &Kernel<F>, weights: Option<&[f64]>, sums: &mut Sums<'_>) {
        let Scratch { packed, pairs, .. } = self;
        if let Some(weights) = weights {
            let len = pairs.len();
            for (value, row) in pairs.value[..len].iter_mut().zip(&pairs.row) {
                *value *= F::from_f64(weights[*row as usize]);
            }
        }
        self.isa.run(Accumulate { kernel, packed, pairs, sums });
    }

    /// Adds what each row of the block adds to linear functions of the statistics, its weight apart, to
    /// `out`, shape (rows, functions, parts).
    pub(crate) fn add_values(&self, kernel: &Kernel<F>, functions: &Functions<'_>, out: &mut [f64]) {
        let Scratch { packed, pairs, .. } = self;
        self.isa.run(Evaluate { kernel, packed, pairs, functions, out });
    }

    /// The rows of the block.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row> {
        (0..self.rows)
            .map(|n| Row { log_likelihood: self.log_likelihood[n], largest: self.largest[n].to_f64() })
    }

    /// The number of pairs that were not dropped, each counted with the weight of its row.
    pub(crate) fn weighted_pairs(&self, weights: Option<&[f64]>) -> f64 {
        let len = self.pairs.len();
        let weighted = |weights: &[f64]| self.pairs.row[..len].iter().map(|row| weights[*row as usize]).sum();
        weights.map_or(len as f64, weighted)
    }

    /// The posteriors of the block as (component, row, posterior), by component.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (usize, usize, F)> {
        let Pairs { row, value, .. } = &self.pairs;
        let of = move |k| self.pairs.of(k).map(move |i| (k, row[i] as usize, value[i]));
        (0..self.pairs.components()).flat_map(of)
    }

    fn resize(&mut self, kernel: &Kernel<F>, rows: usize) {
        (self.rows, self.padded) = (rows, rows.next_multiple_of(PANEL));
        grow(&mut self.raw, rows * kernel.d);
        grow(&mut self.packed, self.padded * kernel.stride);
        self.screen.resize(kernel, rows);
        for buffer in [&mut self.best, &mut self.largest] {
            grow(buffer, self.padded);
        }
        grow(&mut self.log_likelihood, self.padded);
    }
}
