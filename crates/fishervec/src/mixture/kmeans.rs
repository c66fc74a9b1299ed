//! k-means: seeds by k-means++, then Lloyd's iterations.
//!
//! An assignment to the nearest centre is the hard posterior of a mixture with equal weights and one common
//! variance, so Lloyd's iteration is the mixture's own pass over the data with threshold 1.

use super::centres::{KMeans, KMeansParams};
use super::lloyd::Lloyd;
use super::statistics::Workspace;
use crate::data::{Moments, OwnedDescriptors, Source};
use crate::error::Result;
use crate::shards::pass;
use crate::simd::{Isa, Real, min_squared_distance};
use crate::util::check::{at_least, has_columns};
use crate::util::context::Context;
use crate::util::rng::Random;
use crate::util::threads::Threads;
use ndarray::Array2;

/// The number of rows per cluster that the seeds are drawn from.
const SEED_ROWS: usize = 32;

impl KMeansParams {
    /// Fits the centres to the rows of `source`, shape (n, D), on all cores; see
    /// [`fit_with`](Self::fit_with).
    ///
    /// # Errors
    /// As [`fit_with`](Self::fit_with).
    pub fn fit<S: Source>(&self, source: &S) -> Result<KMeans> {
        self.fit_with(source, &mut Context::new())
    }

    /// Fits the centres: seeds by k-means++ (Arthur and Vassilvitskii 2007) on a sample of at most 32 rows
    /// per cluster, then Lloyd's iterations over all rows. A cluster that loses its last row takes half of
    /// the cluster of the largest inertia.
    ///
    /// # Errors
    /// [`TooFewRows`](crate::Error::TooFewRows) for fewer rows of positive weight than clusters,
    /// [`Parameter`](crate::Error::Parameter) for 0 clusters, and the errors of
    /// [`GaussianMixture::accumulate`](super::GaussianMixture::accumulate).
    ///
    /// Cost O(n K D) per iteration; memory: the sample and O(threads K D log n).
    pub fn fit_with<S: Source>(&self, source: &S, context: &mut Context<'_>) -> Result<KMeans> {
        let threads = &context.pool()?;
        self.check()?;
        at_least("for k-means", self.n_clusters, source.n_positive())?;
        has_columns(source.dim())?;
        source.keep(threads)?;
        let variance = Moments::in_context(source, context)?.mean_variance();
        let (stage, workspace) = (context.stage(), Workspace::default());
        let name = format!("{stage}.fit");
        let kept = context.keeper().and_then(|keep| Lloyd::from_bytes(keep.get(&name)?).ok());
        let mut lloyd = match kept {
            Some(lloyd) => lloyd,
            None => {
                let lloyd = Lloyd::new(self.clone(), &self.seeds(source, threads)?, variance)?;
                context.put(&name, || lloyd.to_bytes())?;
                lloyd
            }
        };
        while !lloyd.is_done() {
            let part =
                |chunks| lloyd.mixture().accumulate_part(source, chunks, Some(1.0), threads, &workspace);
            let statistics = pass(context, &stage, &part)?.unwrap_or_else(|| workspace.take(lloyd.mixture()));
            let _ = lloyd.step(&statistics)?;
            context.put(&name, || lloyd.to_bytes())?;
            workspace.give(statistics);
        }
        Ok(lloyd.into_fit())
    }

    /// The centres to begin with, shape (K, D).
    fn seeds<S: Source>(&self, source: &S, threads: &Threads) -> Result<Array2<f64>> {
        let sample = OwnedDescriptors::draw(source, SEED_ROWS.saturating_mul(self.n_clusters), self.seed)?;
        plus_plus(&sample, self.n_clusters, self.seed, threads)
    }
}

/// Draws centres by k-means++, shape (k, D): the first is a random row, each further one a row drawn in
/// proportion to its squared distance to the nearest centre so far (times its weight). Cost O(n k D).
fn plus_plus<F: Real>(
    sample: &OwnedDescriptors<F>,
    k: usize,
    seed: u64,
    threads: &Threads,
) -> Result<Array2<f64>> {
    const CHUNK_ROWS: usize = 4096;
    let mut random = Random::new(seed);
    let sample = sample.view();
    let (rows, weights) = (sample.rows(), sample.weights());
    let (n, d) = rows.dim();
    let values = rows.as_slice().expect("a sample is in standard layout");
    let mut centres = Array2::zeros((k, d));
    let mut nearest = vec![f64::INFINITY; n];
    let mut cumulative = vec![0.0; n];
    for c in 0..k {
        let mut total = 0.0;
        for row in 0..n {
            let distance = if c == 0 { 1.0 } else { nearest[row] };
            total += distance * weights.map_or(1.0, |weights| weights[row]);
            cumulative[row] = total;
        }
        // If only copies of the centres are left, any row is as good.
        let chosen = if total > 0.0 { random.index(&cumulative) } else { random.below(n as u64) as usize };
        let point = &values[chosen * d..][..d];
        centres.row_mut(c).assign(&rows.row(chosen).mapv(Real::to_f64));
        let chunks: Vec<_> = nearest.chunks_mut(CHUNK_ROWS).zip(values.chunks(CHUNK_ROWS * d)).collect();
        threads.for_each(chunks, &|_, (nearest, rows)| {
            min_squared_distance(Isa::active(), rows, point, nearest);
            Ok(())
        })?;
    }
    Ok(centres)
}
