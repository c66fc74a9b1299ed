//! Lloyd's iteration as an object: statistics of all rows in, the next centres out.

use super::centres::{KMeans, KMeansParams, codebook, means};
use super::gaussian::GaussianMixture;
use super::statistics::Statistics;
use crate::error::{Error, Result};
use crate::util::check::at_least;
use ndarray::Array2;
use std::ops::ControlFlow;

/// A k-means fit under way: it takes the statistics of all rows under [`mixture`](Self::mixture) with
/// threshold 1, that is the sizes, means and variances of the clusters, and moves the centres to the means,
/// until it says that it is done.
///
/// A cluster that has lost its last row takes half of the cluster of the largest inertia, cut across its
/// widest column: a function of the statistics, which may so come from several machines.
/// [`KMeansParams::fit_with`] is this and a loop.
#[derive(Debug, Clone, PartialEq)]
pub struct Lloyd {
    pub(crate) params: KMeansParams,
    mixture: GaussianMixture,
    pub(crate) inertia: f64,
    pub(crate) n_iter: usize,
    pub(crate) converged: bool,
}

impl Lloyd {
    /// The fit that begins with `centres`, shape (K, D). `variance` is the mean variance of the rows'
    /// columns, or any other positive number: it says in what unit distances are computed, and results depend
    /// on it by their rounding alone.
    ///
    /// # Errors
    /// [`Error::Dimension`] for another number of centres than the settings', [`Error::Parameter`] for a
    /// setting out of range, centres that are not finite, and a variance that is not positive.
    pub fn new(params: KMeansParams, centres: &Array2<f64>, variance: f64) -> Result<Self> {
        params.check()?;
        let (expected, got) = (params.n_clusters, centres.nrows());
        if expected != got {
            return Err(Error::Dimension { what: "centres", expected, got });
        }
        let mixture = codebook(centres, variance)?;
        Ok(Lloyd { params, mixture, inertia: f64::INFINITY, n_iter: 0, converged: false })
    }

    /// The mixture that the next statistics are taken under, with threshold 1: equal weights, one common
    /// variance.
    #[must_use]
    pub fn mixture(&self) -> &GaussianMixture {
        &self.mixture
    }

    /// The common variance.
    pub(crate) fn variance(&self) -> f64 {
        self.mixture.covariances()[[0, 0]]
    }

    /// Whether it has converged, or made as many iterations as it may.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.converged || self.n_iter >= self.params.max_iter
    }

    /// One iteration, from the statistics of all rows; `Break` once it [is done](Self::is_done).
    ///
    /// # Errors
    /// [`Error::MixtureMismatch`] for statistics under other centres, [`Error::TooFewRows`] for those of no
    /// rows; nothing is changed. Cost O(K D).
    pub fn step(&mut self, statistics: &Statistics) -> Result<ControlFlow<()>> {
        statistics.check(&self.mixture)?;
        at_least("for an iteration of k-means", 1, usize::from(statistics.n() > 0.0))?;
        let inertia = self.variance() * statistics.z2.sum();
        let mut centres = means(&self.mixture, statistics);
        let filled = fill_empty(&mut centres, statistics, self.variance());
        self.mixture = codebook(&centres, self.variance())?;
        self.converged = self.inertia - inertia <= self.params.tol * inertia && !filled;
        self.inertia = inertia;
        self.n_iter += 1;
        Ok(if self.is_done() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    /// The centres and how the fit went.
    #[must_use]
    pub fn into_fit(self) -> KMeans {
        let Lloyd { mixture, inertia, n_iter, converged, .. } = self;
        KMeans { centres: mixture.means().to_owned(), inertia, n_iter, converged }
    }
}

/// A cluster of a smaller variance, relative to that of all rows, holds rows that are equal but for the
/// rounding of single precision.
const NOISE: f64 = 1e-12;

/// Gives each empty cluster half of the cluster of the largest inertia at that moment: both centres move half
/// a standard deviation to either side in the column in which it is widest. Returns whether any did: clusters
/// whose rows are equal, but for rounding, are not cut.
fn fill_empty(centres: &mut Array2<f64>, statistics: &Statistics, unit: f64) -> bool {
    let mut mass = statistics.s0.clone();
    // The variance of each cluster in each column.
    let mut variance = &statistics.z2 * unit;
    for ((k, j), v) in variance.indexed_iter_mut() {
        let first = statistics.z1[[k, j]];
        *v = if mass[k] > 0.0 { ((*v - unit * first * first / mass[k]) / mass[k]).max(0.0) } else { 0.0 };
    }
    let mut filled = false;
    for c in (0..mass.len()).filter(|k| statistics.s0[*k] == 0.0) {
        let inertia = |k: usize| mass[k] * variance.row(k).sum();
        // The first of the largest, and its first widest column.
        let donor = (0..mass.len()).rev().max_by(|a, b| inertia(*a).total_cmp(&inertia(*b)));
        let Some(donor) = donor.filter(|k| inertia(*k) > NOISE * unit * mass[*k]) else { return filled };
        let spread = variance.row(donor).to_owned();
        let Some(j) = (0..spread.len()).rev().max_by(|a, b| spread[*a].total_cmp(&spread[*b])) else {
            return filled;
        };
        filled = true;
        let half = 0.5 * variance[[donor, j]].sqrt();
        let centre = centres.row(donor).to_owned();
        centres.row_mut(c).assign(&centre);
        centres[[donor, j]] -= half;
        centres[[c, j]] += half;
        mass[donor] /= 2.0;
        mass[c] = mass[donor];
        variance[[donor, j]] *= 0.75;
        let twin = variance.row(donor).to_owned();
        variance.row_mut(c).assign(&twin);
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mixture::Workspace;
    use crate::util::threads::Threads;
    use ndarray::array;

    fn fit(rows: &Array2<f64>, centres: &Array2<f64>) -> KMeans {
        let params = KMeansParams { n_clusters: centres.nrows(), ..KMeansParams::default() };
        let mut lloyd = Lloyd::new(params, centres, 100.0).unwrap();
        while !lloyd.is_done() {
            let statistics =
                lloyd.mixture().accumulate(&rows, Some(1.0), &Threads::one(), &Workspace::default()).unwrap();
            let _ = lloyd.step(&statistics).unwrap();
        }
        lloyd.into_fit()
    }

    #[test]
    fn an_empty_cluster_takes_half_of_the_widest() {
        let rows =
            Array2::from_shape_fn((60, 2), |(i, _)| if i % 3 == 0 { 50.0 } else { 0.0 } + (i % 5) as f64);
        let found = fit(&rows, &array![[1.0, 1.0], [1e6, 1e6]]);
        assert!(found.converged);
        let expected = fit(&rows, &array![[2.0, 2.0], [52.0, 52.0]]);
        assert!((found.inertia - expected.inertia).abs() < 1e-9, "{} {}", found.inertia, expected.inertia);
        assert!(found.centres.iter().all(|c| *c < 60.0), "{}", found.centres);
        // More empty clusters than distinct rows are left where they are, and the fit ends.
        let rows = Array2::from_shape_fn((6, 1), |(i, _)| (i % 2) as f64);
        let found = fit(&rows, &array![[0.0], [1.0], [7.0], [9.0]]);
        assert!(found.inertia < 1e-24 && found.converged, "{found:?}");
    }

    #[test]
    fn statistics_of_an_earlier_round_are_refused() {
        let rows = array![[0.0], [1.0], [5.0], [6.0]];
        let params = KMeansParams { n_clusters: 2, tol: 0.0, ..KMeansParams::default() };
        let mut lloyd = Lloyd::new(params.clone(), &array![[0.0], [1.0]], 1.0).unwrap();
        let old =
            lloyd.mixture().accumulate(&rows, Some(1.0), &Threads::one(), &Workspace::default()).unwrap();
        assert!(lloyd.step(&old).unwrap().is_continue());
        let before = lloyd.clone();
        assert!(matches!(lloyd.step(&old), Err(Error::MixtureMismatch { .. })));
        assert_eq!(lloyd, before);
        assert!(Lloyd::new(params, &array![[0.0]], 1.0).is_err());
    }
}
