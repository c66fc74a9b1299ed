//! The Gaussian mixture with diagonal covariances: its parameters.

use super::posterior::{Kernel, Kernels};
use crate::data::{Source, is_nothing};
use crate::error::{Error, Result};
use crate::simd::Real;
use crate::util::rng::Random;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use std::sync::Arc;

/// A mixture of K Gaussians over R^D with diagonal covariances,
/// p(x) = sum_k w_k prod_d N(x_d; mu_kd, v_kd): the vocabulary of a Fisher vector.
///
/// It is immutable, and a handle: clones share the parameters and what encoding precomputes from them, and
/// cost nothing. [`GaussianMixture::builder`] fits one.
#[derive(Clone)]
pub struct GaussianMixture(Arc<Shared>);

struct Shared {
    weights: Array1<f64>,
    means: Array2<f64>,
    covariances: Array2<f64>,
    id: u64,
    kernels: Kernels,
}

impl GaussianMixture {
    /// A mixture with the given `weights` w of shape (K,), `means` mu of shape (K, D) and `covariances` v
    /// (the variances, not their roots) of shape (K, D). A weight may be 0: its component is never used.
    ///
    /// # Errors
    /// [`Error::Dimension`] for shapes that do not match; [`Error::Parameter`] for K or D of 0, a number
    /// that is not finite, a negative weight, weights whose sum is not 1 (to 1e-4), or a variance that is
    /// not positive. Cost O(K D).
    pub fn new(weights: Array1<f64>, means: Array2<f64>, covariances: Array2<f64>) -> Result<Self> {
        let (k, d) = means.dim();
        let dimension = |what, expected, got| {
            if expected == got { Ok(()) } else { Err(Error::Dimension { what, expected, got }) }
        };
        if k == 0 || d == 0 {
            return Err(Error::parameter("means", "a shape (K, D) with K, D >= 1", format!("({k}, {d})")));
        }
        dimension("weights", k, weights.len())?;
        dimension("rows of covariances", k, covariances.nrows())?;
        dimension("columns of covariances", d, covariances.ncols())?;
        let each =
            |name: &'static str, expected: &str, values: &[f64], good: &dyn Fn(f64) -> bool| match values
                .iter()
                .position(|x| !good(*x))
            {
                None => Ok(()),
                Some(at) => {
                    let columns = if name == "weights" { 1 } else { d };
                    let got = format!("{} in component {}", values[at], at / columns);
                    Err(Error::parameter(name, expected, got))
                }
            };
        // The standard layout makes rows slices, and gives equal parameters equal identities.
        let weights = weights.as_standard_layout().into_owned();
        let means = means.as_standard_layout().into_owned();
        let covariances = covariances.as_standard_layout().into_owned();
        let usable = |v: f64| v.is_normal() && v > 0.0 && (1.0 / v).is_finite();
        each("weights", "finite numbers of at least 0", slice(&weights), &|w| w.is_finite() && w >= 0.0)?;
        each("means", "finite numbers", slice(&means), &f64::is_finite)?;
        each("covariances", "finite numbers above 0", slice(&covariances), &usable)?;
        if (weights.sum() - 1.0).abs() > 1e-4 {
            return Err(Error::parameter("weights", "a sum of 1", weights.sum()));
        }
        let id = identity(&weights, &means, &covariances);
        let kernels = Kernels::default();
        Ok(GaussianMixture(Arc::new(Shared { weights, means, covariances, id, kernels })))
    }

    /// K, the number of components.
    #[must_use]
    pub fn n_components(&self) -> usize {
        self.0.means.nrows()
    }

    /// D, the number of columns of its descriptors.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.0.means.ncols()
    }

    /// The weights w, shape (K,).
    #[must_use]
    pub fn weights(&self) -> ArrayView1<'_, f64> {
        self.0.weights.view()
    }

    /// The means mu, shape (K, D), in the descriptors' unit.
    #[must_use]
    pub fn means(&self) -> ArrayView2<'_, f64> {
        self.0.means.view()
    }

    /// The variances v = sigma^2, shape (K, D), in the descriptors' unit squared.
    #[must_use]
    pub fn covariances(&self) -> ArrayView2<'_, f64> {
        self.0.covariances.view()
    }

    /// The identity that statistics are bound to: a hash of the parameters (XXH3 of K, D and the bits of w,
    /// mu, v), computed once. Equal parameters have equal identities on every machine.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// Draws `n` rows, shape (n, D), and the component of each, shape (n,). The same seed draws the same
    /// rows on every machine.
    ///
    /// Cost O(n (D + log K)).
    #[must_use]
    pub fn sample(&self, n: usize, seed: u64) -> (Array2<f64>, Array1<usize>) {
        let mut random = Random::new(seed);
        let mut sum = 0.0;
        let cumulative: Vec<f64> = self.0.weights.iter().map(|w| (sum += w, sum).1).collect();
        let labels: Array1<usize> = (0..n).map(|_| random.index(&cumulative)).collect();
        let mut rows = Array2::zeros((n, self.dim()));
        for (mut row, k) in rows.outer_iter_mut().zip(&labels) {
            let parameters = self.0.means.row(*k).into_iter().zip(self.0.covariances.row(*k));
            for (x, (mu, v)) in row.iter_mut().zip(parameters) {
                *x = mu + v.sqrt() * random.normal();
            }
        }
        (rows, labels)
    }

    pub(crate) fn kernel<F: Real>(&self) -> &Kernel<F> {
        self.0.kernels.get(|| Kernel::new(self.weights(), self.means(), self.covariances()))
    }

    pub(crate) fn check_dim<S: Source>(&self, source: &S) -> Result<()> {
        let (expected, got) = (self.dim(), source.dim());
        if expected == got || is_nothing(source) {
            return Ok(());
        }
        Err(Error::Dimension { what: "descriptors", expected, got })
    }
}

impl PartialEq for GaussianMixture {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || (self.weights(), self.means(), self.covariances())
                == (other.weights(), other.means(), other.covariances())
    }
}

impl std::fmt::Debug for GaussianMixture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (k, d) = self.0.means.dim();
        write!(f, "GaussianMixture {{ n_components: {k}, dim: {d}, id: {:016x} }}", self.id())
    }
}

/// The given threshold, or the default of `F`.
pub(crate) fn check_threshold<F: Real>(threshold: Option<f64>) -> Result<f64> {
    let threshold = threshold.unwrap_or(F::THRESHOLD);
    if (0.0..=1.0).contains(&threshold) {
        return Ok(threshold);
    }
    Err(Error::parameter("threshold", "a number from 0 to 1", threshold))
}

fn identity(weights: &Array1<f64>, means: &Array2<f64>, covariances: &Array2<f64>) -> u64 {
    let mut hash = xxhash_rust::xxh3::Xxh3::new();
    let (k, d) = means.dim();
    hash.update(&(k as u64).to_le_bytes());
    hash.update(&(d as u64).to_le_bytes());
    for x in weights.iter().chain(means).chain(covariances) {
        hash.update(&x.to_le_bytes());
    }
    hash.digest()
}

fn slice<D: ndarray::Dimension>(array: &ndarray::Array<f64, D>) -> &[f64] {
    array.as_slice().expect("an array in standard layout")
}
