//! Scores of rows under a mixture: log-likelihoods, posteriors, assignments, information criteria.

use super::gaussian::GaussianMixture;
use super::posterior::Scratch;
use super::statistics::Workspace;
use crate::data::{RowBuffer, Source};
use crate::error::{Error, Result};
use crate::simd::Real;
use crate::util::check::at_least;
use crate::util::threads::{Pool, Threads};
use ndarray::{Array1, Array2, ArrayViewMut2, Axis};
use std::ops::Range;

impl GaussianMixture {
    /// log p(x_n) of each row of `source`, shape (n,), in nats; no component is dropped. Weights do not
    /// count: a row of weight 0 has a score, too.
    ///
    /// # Errors
    /// As [`accumulate`](Self::accumulate). Cost O(n K D).
    pub fn score_samples<S: Source>(&self, source: &S, threads: &Threads) -> Result<Array1<S::Real>> {
        let (source, pool) = (&Unweighted(source), &Pool::default());
        self.map_blocks(source, 0.0, threads, pool, S::Real::ZERO, 1, &|_, scratch, mut out| {
            for (out, row) in out.iter_mut().zip(scratch.rows()) {
                *out = S::Real::from_f64(row.log_likelihood);
            }
        })
        .map(|out| out.index_axis_move(Axis(1), 0))
    }

    /// The posteriors q_nk of each row of `source`, shape (n, K); rows sum to 1, no component is dropped.
    /// Weights do not count.
    ///
    /// # Errors
    /// As [`accumulate`](Self::accumulate). Cost O(n K D).
    pub fn predict_proba<S: Source>(&self, source: &S, threads: &Threads) -> Result<Array2<S::Real>> {
        let (source, pool, k) = (&Unweighted(source), &Pool::default(), self.n_components());
        self.map_blocks(source, 0.0, threads, pool, S::Real::ZERO, k, &|_, scratch, mut out| {
            scratch.pairs().for_each(|(k, row, posterior)| out[[row, k]] = posterior);
        })
    }

    /// The component with the largest posterior of each row of `source`, shape (n,); the first on a tie.
    /// Weights do not count.
    ///
    /// # Errors
    /// As [`accumulate`](Self::accumulate). Cost O(n K D).
    pub fn predict<S: Source>(&self, source: &S, threads: &Threads) -> Result<Array1<usize>> {
        let (source, pool) = (&Unweighted(source), &Pool::default());
        self.map_blocks(source, 1.0, threads, pool, 0, 1, &|_, scratch, mut out| {
            scratch.pairs().for_each(|(k, row, _)| out[[row, 0]] = k);
        })
        .map(|out| out.index_axis_move(Axis(1), 0))
    }

    /// The log-likelihood of each row under its nearest component alone, shape (n,); it means nothing for a
    /// row of weight 0.
    pub(super) fn hard_scores<S: Source>(&self, source: &S, threads: &Threads) -> Result<Array1<f64>> {
        self.map_blocks(source, 1.0, threads, &Pool::default(), 0.0, 1, &|_, scratch, mut out| {
            out.iter_mut().zip(scratch.rows()).for_each(|(out, row)| *out = row.log_likelihood);
        })
        .map(|out| out.index_axis_move(Axis(1), 0))
    }

    /// The distance of each row to the nearest mean, shape (n,), of a mixture of equal weights and one
    /// variance; it means nothing for a row of weight 0.
    pub(crate) fn distances<S: Source>(&self, source: &S, threads: &Threads) -> Result<Array1<f64>> {
        let variance = self.covariances()[[0, 0]];
        let normalizer = 0.5 * self.dim() as f64 * libm::log(std::f64::consts::TAU * variance);
        let highest = libm::log(self.weights()[0]) - normalizer;
        let scores = self.hard_scores(source, threads)?;
        Ok(scores.mapv(|score| (2.0 * variance * (highest - score).max(0.0)).sqrt()))
    }

    /// Calls `write` for each block of rows with these rows, their posteriors, and their rows of the output,
    /// shape (n, `columns`).
    #[allow(clippy::too_many_arguments, reason = "what a pass over rows needs")]
    pub(super) fn map_blocks<S: Source, T: Copy + Send>(
        &self,
        source: &S,
        threshold: f64,
        threads: &Threads,
        pool: &Pool<Scratch<S::Real>>,
        fill: T,
        columns: usize,
        write: &(impl Fn(Range<usize>, &Scratch<S::Real>, ArrayViewMut2<'_, T>) + Sync),
    ) -> Result<Array2<T>> {
        self.check_dim(source)?;
        let kernel = self.kernel::<S::Real>();
        let mut out = Array2::from_elem((source.n_rows(), columns), fill);
        let block_rows = kernel.block_rows();
        let blocks: Vec<_> = out.axis_chunks_iter_mut(Axis(0), block_rows).collect();
        threads.for_each(blocks, &|block, out| {
            let rows = block * block_rows..block * block_rows + out.nrows();
            let mut scratch: Scratch<S::Real> = pool.take().unwrap_or_default();
            scratch.posteriors(kernel, source, rows.clone(), threshold)?;
            write(rows, &scratch, out);
            pool.give(scratch);
            Ok(())
        })?;
        Ok(out)
    }

    /// The Bayesian information criterion of `source`, -2 log p(X) + (2 K D + K - 1) log n; lower is better.
    ///
    /// # Errors
    /// As [`accumulate`](Self::accumulate); [`Error::TooFewRows`](crate::Error::TooFewRows) without a row of
    /// positive weight. Cost O(n K D).
    pub fn bic<S: Source>(&self, source: &S, threads: &Threads) -> Result<f64> {
        let (log_likelihood, n) = self.total(source, threads)?;
        Ok(-2.0 * log_likelihood + self.n_parameters() as f64 * libm::log(n))
    }

    /// Akaike's information criterion of `source`, -2 log p(X) + 2 (2 K D + K - 1); lower is better.
    ///
    /// # Errors
    /// As [`bic`](Self::bic). Cost O(n K D).
    pub fn aic<S: Source>(&self, source: &S, threads: &Threads) -> Result<f64> {
        let (log_likelihood, _) = self.total(source, threads)?;
        Ok(-2.0 * log_likelihood + 2.0 * self.n_parameters() as f64)
    }

    /// The number of free parameters: 2 K D + K - 1.
    #[must_use]
    pub fn n_parameters(&self) -> usize {
        2 * self.means().len() + self.n_components() - 1
    }

    fn total<S: Source>(&self, source: &S, threads: &Threads) -> Result<(f64, f64)> {
        at_least("for an information criterion", 1, source.n_positive())?;
        let statistics = self.accumulate(source, Some(0.0), threads, &Workspace::default())?;
        Ok((statistics.log_likelihood(), statistics.n()))
    }
}

/// A source whose rows all count, whatever their weights.
struct Unweighted<'a, S>(&'a S);

impl<S: Source> Source for Unweighted<'_, S> {
    type Real = S::Real;

    fn n_rows(&self) -> usize {
        self.0.n_rows()
    }

    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn read(&self, start: usize, out: &mut [S::Real], spare: &mut RowBuffer<S::Real>) -> Result<()> {
        self.0.read(start, out, spare)
    }

    fn locate(&self, error: Error) -> Error {
        self.0.locate(error)
    }
}
