//! Naive oracles and data for the tests: the formulas of the literature in `f64`, one number at a time.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

pub mod encoders;

use fishervec::data::{Element, Real, RowBuffer};
use fishervec::encode::{FisherParams, Normalization};
use fishervec::run::{Threads, Workspace};
use fishervec::{Descriptors, GaussianMixture, Pipeline, Result, Source, Statistics};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A mixture of K components over R^D which overlap.
pub fn mixture(k: usize, d: usize, seed: u64) -> GaussianMixture {
    let base = GaussianMixture::new(Array1::ones(1), Array2::zeros((1, d)), Array2::ones((1, d))).unwrap();
    let (means, _) = base.sample(k, seed);
    let (spread, _) = base.sample(k, seed + 1);
    let covariances = spread.mapv(|x| 0.2 + x * x);
    let weights = Array1::from_shape_fn(k, |i| 1.0 + i as f64);
    GaussianMixture::new(&weights / weights.sum(), means, covariances).unwrap()
}

/// n rows around the mixture, whose spread is a little wider than that of the mixture.
pub fn rows(mixture: &GaussianMixture, n: usize, seed: u64) -> Array2<f64> {
    mixture.sample(n, seed).0.mapv(|x| 1.3 * x + 0.2)
}

pub fn statistics<T: Element>(
    mixture: &GaussianMixture,
    rows: ArrayView2<'_, T>,
    threshold: Option<f64>,
) -> Statistics {
    mixture.accumulate(&rows, threshold, &Threads::one(), &Workspace::default()).unwrap()
}

/// The vector of a set, encoded on the given threads.
pub fn encode_on<S: Source>(pipeline: &Pipeline, set: &S, threads: &Threads) -> Result<Array1<S::Real>> {
    let mut out = vec![S::Real::ZERO; pipeline.output_dim()];
    pipeline.encode_into(set, &mut out, threads, &Workspace::default())?;
    Ok(Array1::from(out))
}

/// The settings of a Fisher vector with that power and norm; all others are the defaults.
pub fn fisher_params(Normalization { power, norm }: Normalization) -> FisherParams {
    FisherParams { power, norm, ..FisherParams::default() }
}

/// (1/N) log p(X), straight from the definition.
pub fn mean_log_likelihood(w: &Array1<f64>, mu: &Array2<f64>, v: &Array2<f64>, x: &Array2<f64>) -> f64 {
    let rows = x.outer_iter().map(|x| {
        let logs = log_densities(w, mu, v, x);
        let best = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        best + logs.iter().map(|l| (l - best).exp()).sum::<f64>().ln()
    });
    rows.sum::<f64>() / x.nrows() as f64
}

fn log_densities(
    w: &Array1<f64>,
    mu: &Array2<f64>,
    v: &Array2<f64>,
    x: ndarray::ArrayView1<'_, f64>,
) -> Vec<f64> {
    (0..w.len())
        .map(|k| {
            let terms = (0..x.len()).map(|j| {
                let difference = x[j] - mu[[k, j]];
                -0.5 * (std::f64::consts::TAU * v[[k, j]]).ln() - 0.5 * difference * difference / v[[k, j]]
            });
            w[k].ln() + terms.sum::<f64>()
        })
        .collect()
}

/// Posteriors, shape (n, K).
pub fn posteriors(mixture: &GaussianMixture, x: &Array2<f64>) -> Array2<f64> {
    let (w, mu, v) =
        (mixture.weights().to_owned(), mixture.means().to_owned(), mixture.covariances().to_owned());
    let mut q = Array2::zeros((x.nrows(), w.len()));
    for (x, mut q) in x.outer_iter().zip(q.outer_iter_mut()) {
        let logs = log_densities(&w, &mu, &v, x);
        let best = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = logs.iter().map(|l| (l - best).exp()).sum();
        q.iter_mut().zip(&logs).for_each(|(q, l)| *q = (l - best).exp() / total);
    }
    q
}

/// A (K), B and C (K, D) of the theory: S0/N - w, (1/N) sum q (x - mu), (1/N) sum q ((x - mu)^2 - v).
pub fn moments(mixture: &GaussianMixture, x: &Array2<f64>) -> (Array1<f64>, Array2<f64>, Array2<f64>) {
    let q = posteriors(mixture, x);
    let n = x.nrows() as f64;
    let (k, d) = mixture.means().dim();
    let (mut b, mut c) = (Array2::zeros((k, d)), Array2::zeros((k, d)));
    for (q, x) in q.outer_iter().zip(x.outer_iter()) {
        for k in 0..k {
            for j in 0..d {
                let difference = x[j] - mixture.means()[[k, j]];
                b[[k, j]] += q[k] * difference / n;
                c[[k, j]] += q[k] * (difference * difference - mixture.covariances()[[k, j]]) / n;
            }
        }
    }
    (q.sum_axis(Axis(0)) / n - mixture.weights(), b, c)
}

/// Eqs. 16 to 18 of Sanchez et al. 2013 over N, from A, B and C.
pub fn sanchez(mixture: &GaussianMixture, x: &Array2<f64>) -> Vec<f64> {
    let (a, b, c) = moments(mixture, x);
    let w = mixture.weights();
    let v = mixture.covariances();
    let mut out: Vec<f64> = a.iter().zip(w).map(|(a, w)| a / w.sqrt()).collect();
    out.extend(b.indexed_iter().map(|((k, j), b)| b / (w[k].sqrt() * v[[k, j]].sqrt())));
    out.extend(c.indexed_iter().map(|((k, j), c)| c / ((2.0 * w[k]).sqrt() * v[[k, j]])));
    out
}

pub fn relative_error<F: Real>(got: &[F], expected: &[f64]) -> f64 {
    assert_eq!(got.len(), expected.len());
    let norm = expected.iter().map(|x| x * x).sum::<f64>().sqrt();
    let error = got.iter().zip(expected).map(|(a, b)| (a.to_f64() - b).powi(2)).sum::<f64>().sqrt();
    if norm > 0.0 { error / norm } else { error }
}

#[track_caller]
pub fn assert_close<'a>(
    what: &str,
    got: impl IntoIterator<Item = &'a f64>,
    expected: impl IntoIterator<Item = &'a f64>,
    tolerance: f64,
) {
    let (got, expected): (Vec<_>, Vec<_>) = (got.into_iter().collect(), expected.into_iter().collect());
    assert_eq!(got.len(), expected.len(), "{what}: lengths");
    for (i, (got, expected)) in got.iter().zip(&expected).enumerate() {
        let error = (*got - *expected).abs() / expected.abs().max(1.0);
        assert!(error <= tolerance, "{what}[{i}]: {got} for {expected}, error {error:e}");
    }
}

/// A source that counts the rows that are read.
pub struct Counting<'a>(pub Descriptors<'a, f64>, pub AtomicUsize);

impl Source for Counting<'_> {
    type Real = f64;
    fn n_rows(&self) -> usize {
        self.0.n_rows()
    }
    fn dim(&self) -> usize {
        self.0.dim()
    }
    fn read(&self, start: usize, out: &mut [f64], spare: &mut RowBuffer<f64>) -> Result<()> {
        self.1.fetch_add(out.len() / self.dim(), Ordering::Relaxed);
        self.0.read(start, out, spare)
    }
    fn weights(&self) -> Option<&[f64]> {
        self.0.weights()
    }
}
