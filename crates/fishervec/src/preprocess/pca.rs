//! Principal component analysis of descriptors.

use super::projection::Projections;
use crate::data::{Scatter, Source};
use crate::error::{Error, Result};
use crate::simd::Real;
use crate::util::check::at_least;
use crate::util::context::Context;
use crate::util::tensors::{TensorFile, Tensors};
use ndarray::{Array1, Array2, Axis};
use serde::{Deserialize, Serialize};

/// Settings of a principal component analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PcaParams {
    /// The number of components P to keep, from 1 to D.
    pub n_components: usize,
    /// Whether each projection is divided by its standard deviation over the rows; a direction without
    /// variance (below 1e-12 of the largest variance) becomes 0.
    #[serde(default)]
    pub whiten: bool,
}

/// A fitted projection y = C (x - m) to the P directions of the largest variance.
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    mean: Array1<f64>,
    components: Array2<f64>,
    explained_variance: Array1<f64>,
    total_variance: f64,
    whiten: bool,
    projections: Projections,
}

impl PcaParams {
    /// Fits the projection on all cores; see [`fit_with`](Self::fit_with).
    ///
    /// # Errors
    /// As [`fit_with`](Self::fit_with).
    pub fn fit<S: Source>(&self, source: &S) -> Result<Pca> {
        self.fit_with(source, &mut Context::new())
    }

    /// Fits the projection to the rows of `source`, shape (n, D): the eigenvectors of the covariance
    /// (biased, in `f64`) in descending order of their eigenvalues. The sign of each is fixed by making its
    /// entry of largest magnitude positive.
    ///
    /// Constant columns and data of less than full rank are allowed: directions without variance come last.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless 1 <= P <= D, [`Error::TooFewRows`] for fewer than 2 rows of positive
    /// weight, and the errors of the source. Cost O(n D^2 + D^3); memory O(threads D^2 log n).
    pub fn fit_with<S: Source>(&self, source: &S, context: &mut Context<'_>) -> Result<Pca> {
        self.check(source.dim())?;
        at_least("for principal components", 2, source.n_positive())?;
        self.of_scatter(&Scatter::in_context(source, context)?)
    }

    /// The projection of the rows that this scatter was computed of.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless 1 <= P <= D. Cost O(D^3).
    pub fn of_scatter(&self, scatter: &Scatter) -> Result<Pca> {
        self.check(scatter.mean().len())?;
        let covariance = &scatter.products() / if scatter.n() > 0.0 { scatter.n() } else { 1.0 };
        let (variance, components) = leading_eigenvectors(&covariance, self.n_components);
        let total = covariance.diag().sum();
        Pca::new(Array1::from(scatter.mean().to_vec()), components, variance, total, self.whiten)
    }

    fn check(&self, d: usize) -> Result<()> {
        match (1..=d).contains(&self.n_components) {
            true => Ok(()),
            false => Err(Error::parameter("pca", format!("1 to {d} components"), self.n_components)),
        }
    }
}

/// The `count` eigenvalues and eigenvectors (as rows) of a symmetric matrix, largest first.
fn leading_eigenvectors(matrix: &Array2<f64>, count: usize) -> (Array1<f64>, Array2<f64>) {
    let d = matrix.nrows();
    // The matrix is scaled to a largest entry of 1, so that the solver's absolute tolerances mean the same in
    // any unit.
    let scale = matrix.iter().fold(0.0_f64, |scale, x| scale.max(x.abs()));
    let scale = if scale > 0.0 { scale } else { 1.0 };
    let symmetric = nalgebra::DMatrix::from_fn(d, d, |i, j| 0.5 * (matrix[[i, j]] + matrix[[j, i]]) / scale);
    let eigen = nalgebra::SymmetricEigen::new(symmetric);
    let mut order: Vec<usize> = (0..d).collect();
    order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]).then(a.cmp(b)));
    let values = order[..count].iter().map(|i| (eigen.eigenvalues[*i] * scale).max(0.0)).collect();
    let mut vectors = Array2::zeros((count, d));
    for (mut row, i) in vectors.outer_iter_mut().zip(&order) {
        let vector = eigen.eigenvectors.column(*i);
        let largest = vector.iter().copied().fold(0.0_f64, |a, b| if b.abs() > a.abs() { b } else { a });
        row.iter_mut().zip(vector.iter()).for_each(|(to, from)| *to = from * largest.signum());
    }
    (values, vectors)
}

impl Pca {
    /// A projection with the given `mean` m (D,), `components` C (P, D), one direction per row,
    /// `explained_variance` (P,), the variance in all D directions, and whether it whitens.
    ///
    /// # Errors
    /// [`Error::Dimension`] for shapes that do not fit, [`Error::Parameter`] for a number that is not finite.
    pub fn new(
        mean: Array1<f64>,
        components: Array2<f64>,
        explained_variance: Array1<f64>,
        total_variance: f64,
        whiten: bool,
    ) -> Result<Self> {
        let (p, d) = components.dim();
        for (what, expected, got) in
            [("the mean", d, mean.len()), ("the explained variance", p, explained_variance.len())]
        {
            if expected != got {
                return Err(Error::Dimension { what, expected, got });
            }
        }
        let numbers = mean.iter().chain(&components).chain(&explained_variance).chain([&total_variance]);
        if let Some(bad) = numbers.into_iter().find(|x| !x.is_finite()) {
            return Err(Error::parameter("pca", "finite numbers", bad));
        }
        let largest = explained_variance.fold(0.0_f64, |a, b| a.max(*b));
        let factor = |variance: f64| match whiten {
            false => 1.0,
            true if variance > 1e-12 * largest => 1.0 / variance.sqrt(),
            true => 0.0,
        };
        let factors = explained_variance.mapv(factor).insert_axis(Axis(1));
        let projections = Projections::new(&mean, &(&components * &factors));
        Ok(Pca { mean, components, explained_variance, total_variance, whiten, projections })
    }

    /// The mean m, shape (D,).
    #[must_use]
    pub fn mean(&self) -> &Array1<f64> {
        &self.mean
    }

    /// The directions, shape (P, D), orthonormal rows.
    #[must_use]
    pub fn components(&self) -> &Array2<f64> {
        &self.components
    }

    /// The variance along each direction, shape (P,), in the unit squared.
    #[must_use]
    pub fn explained_variance(&self) -> &Array1<f64> {
        &self.explained_variance
    }

    /// The variance in all D directions, in the unit squared; dividing
    /// [`explained_variance`](Self::explained_variance) by it gives the explained shares.
    #[must_use]
    pub fn total_variance(&self) -> f64 {
        self.total_variance
    }

    /// Whether projections are divided by their standard deviation.
    #[must_use]
    pub fn whiten(&self) -> bool {
        self.whiten
    }

    pub(crate) fn write(&self, tensors: &mut Tensors) {
        tensors.add("pca.mean", &[self.mean.len()], &self.mean);
        tensors.add("pca.components", self.components.shape(), &self.components);
        tensors.add("pca.explained_variance", &[self.explained_variance.len()], &self.explained_variance);
    }

    pub(crate) fn read(total_variance: f64, whiten: bool, file: &mut TensorFile<'_>) -> Result<Self> {
        let components = file.matrix("pca.components")?;
        let (mean, variance) = (file.vector("pca.mean")?, file.vector("pca.explained_variance")?);
        Pca::new(mean, components, variance, total_variance, whiten)
    }

    /// Projects `rows` (n, D), which it overwrites, into `out` (n, P). Cost O(n D P).
    pub(crate) fn apply<F: Real>(&self, rows: &mut [F], out: &mut [F]) {
        self.projections.apply(rows, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::rng::Random;

    fn fit(rows: &Array2<f64>, p: usize) -> Result<Pca> {
        PcaParams { n_components: p, whiten: false }.fit(&rows)
    }

    #[test]
    fn finds_the_axes_of_a_stretched_cloud() {
        let mut random = Random::new(5);
        let rows = Array2::from_shape_fn((5000, 3), |(_, j)| [1.0, 9.0, 3.0][j] * random.normal() + 100.0);
        let pca = fit(&rows, 3).unwrap();
        for (i, axis) in [1, 2, 0].into_iter().enumerate() {
            assert!(pca.components()[[i, axis]] > 0.99, "{:?}", pca.components());
        }
        assert!((pca.explained_variance()[0] / 81.0 - 1.0).abs() < 0.06);
        let mut out = vec![0.0_f64; 3];
        pca.apply(&mut [100.0_f64, 109.0, 100.0], &mut out);
        assert!((out[0] - 9.0).abs() < 0.5 && out[1].abs() < 0.5, "{out:?}");
    }

    #[test]
    fn rank_deficient_and_constant_data_give_orthonormal_directions() {
        let mut random = Random::new(6);
        for rows in [
            Array2::from_shape_fn((50, 6), |(i, j)| (i as f64) * [1.0, 2.0, 0.0, -1.0, 1e-9, 3.0][j]),
            Array2::from_elem((10, 6), 3.0),
            Array2::from_shape_fn((3, 6), |_| 1e-160 * random.normal()),
            Array2::from_shape_fn((3, 6), |_| 1e150 * random.normal()),
        ] {
            let pca = fit(&rows, 6).unwrap();
            let gram = pca.components().dot(&pca.components().t());
            let error = (gram - Array2::<f64>::eye(6)).mapv(f64::abs).sum();
            assert!(error < 1e-10, "{error:e} {pca:?}");
            assert!(pca.explained_variance().iter().all(|v| v.is_finite() && *v >= 0.0));
        }
    }

    #[test]
    fn whitened_rows_have_variance_one_and_empty_directions_are_zero() {
        let mut random = Random::new(7);
        let mut rows = Array2::from_shape_fn((4000, 4), |(_, j)| [1e-3, 9.0, 30.0, 0.0][j] * random.normal());
        let twice = &rows.column(1) * 2.0;
        rows.column_mut(3).assign(&twice);
        let pca = PcaParams { n_components: 4, whiten: true };
        let pca = pca.fit(&rows).unwrap();
        let mut out = vec![0.0; 4000 * 4];
        pca.apply(rows.as_slice_mut().unwrap(), &mut out);
        let out = Array2::from_shape_vec((4000, 4), out).unwrap();
        let variance = out.var_axis(Axis(0), 0.0);
        assert!(variance.iter().take(3).all(|v| (v - 1.0).abs() < 1e-6), "{variance}");
        assert_eq!(variance[3], 0.0);
        let share = pca.explained_variance().sum() / pca.total_variance();
        assert!((share - 1.0).abs() < 1e-12, "{share}");
    }

    #[test]
    fn the_number_of_components_must_fit() {
        let rows = Array2::from_elem((10, 2), 1.0);
        assert!(matches!(fit(&rows, 3), Err(Error::Parameter { name: "pca", .. })));
        assert!(matches!(fit(&rows, 0), Err(Error::Parameter { name: "pca", .. })));
        assert!(matches!(fit(&Array2::zeros((1, 2)), 1), Err(Error::TooFewRows { .. })));
    }
}
