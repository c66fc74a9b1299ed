//! Ridge regression onto labels, each set by all others, in closed form.

use super::factor::{invert_factor, product};
use crate::error::Result;
use crate::util::threads::Threads;
use ndarray::{Array1, Array2, Axis};

/// The penalties that are tried, as lambda over the mean squared distance of the vectors to their mean.
const PENALTIES: [f64; 4] = [1e-2, 1e-1, 1.0, 10.0];

/// A ridge regression with an intercept, which no penalty is on, onto targets of 1 for the label of a set and
/// -1 for all others (`RidgeClassifier` of scikit-learn).
///
/// With the centred Gram matrix G of the vectors, C = (G + lambda 1)^-1 and the centred targets Y', the
/// coefficients over the sets are alpha = C Y'. With A = C - 11^T/(n lambda), in which the intercept is
/// fitted, too, the prediction of a set i by the others is y_i - alpha_i/A_ii, and their coefficients are
/// alpha - A_i alpha_i/A_ii (Cawley 2006; Rifkin and Lippert 2007).
#[derive(Debug)]
pub(super) struct Ridge {
    /// The penalty, relative as in [`PENALTIES`]: the one of the least squared error of the predictions.
    pub(super) penalty: f64,
    lambda: f64,
    /// L^-1 with C = L^-T L^-1.
    inverse: Array2<f64>,
    alpha: Array2<f64>,
    /// The scores of each set for each label by all other sets, shape (n, C).
    pub(super) scores: Array2<f64>,
    error: f64,
}

impl Ridge {
    /// Fits it to vectors with this centred Gram matrix, shape (n, n), and a label below `n_labels` for each.
    /// `None` if the vectors are all the same. Cost O(n^3) per penalty.
    pub(super) fn fit(
        centred: &Array2<f64>,
        variance: f64,
        labels: &[usize],
        n_labels: usize,
        threads: &Threads,
    ) -> Result<Option<Self>> {
        let variance = variance / labels.len().max(1) as f64;
        let mut fits: Vec<Option<Ridge>> = PENALTIES.iter().map(|_| None).collect();
        if variance <= 0.0 {
            return Ok(None);
        }
        threads.for_each(fits.iter_mut().zip(PENALTIES).collect(), &|_, (fit, penalty)| {
            *fit = Ridge::with_penalty(centred, penalty, penalty * variance, labels, n_labels);
            Ok(())
        })?;
        Ok(fits.into_iter().flatten().min_by(|a, b| a.error.total_cmp(&b.error)))
    }

    fn with_penalty(
        centred: &Array2<f64>,
        penalty: f64,
        lambda: f64,
        labels: &[usize],
        n_labels: usize,
    ) -> Option<Self> {
        let n = labels.len();
        let mut inverse = centred.clone();
        inverse.diag_mut().iter_mut().for_each(|x| *x += lambda);
        if !invert_factor(inverse.view_mut()) {
            return None;
        }
        let targets = Array2::from_shape_fn((n, n_labels), |(i, c)| if labels[i] == c { 1.0 } else { -1.0 });
        let means = targets.mean_axis(Axis(0))?;
        let half = product(inverse.view(), (&targets - &means).view());
        let alpha = product(inverse.t(), half.view());
        let mut scores = targets;
        let mut error = 0.0;
        for i in 0..n {
            let a = diagonal(&inverse, lambda, i);
            let rest = &alpha.row(i) / a;
            error += rest.mapv(|x| x * x).sum();
            let mut scores = scores.row_mut(i);
            scores -= &rest;
        }
        let is_finite = scores.iter().all(|x| x.is_finite());
        is_finite.then_some(Ridge { penalty, lambda, inverse, alpha, scores, error })
    }

    /// The label with the largest score of each set, the first on a tie.
    pub(super) fn found(&self) -> Vec<usize> {
        let best = |scores: ndarray::ArrayView1<'_, f64>| {
            let better = |best: usize, c: usize| if scores[c] > scores[best] { c } else { best };
            (0..scores.len()).fold(0, better)
        };
        self.scores.rows().into_iter().map(best).collect()
    }

    /// The coefficients over the sets of the score of label `a` minus that of label `b`, by all sets but `i`,
    /// shape (n,): t = sum_j coefficient_j x_j. Cost O(n^2).
    pub(super) fn without(&self, i: usize, a: usize, b: usize) -> Array1<f64> {
        let all = &self.alpha.column(a) - &self.alpha.column(b);
        let shift = 1.0 / (self.lambda * self.alpha.nrows() as f64);
        let column = self.inverse.t().dot(&self.inverse.column(i)) - shift;
        let mut rest = &all - &(column * (all[i] / diagonal(&self.inverse, self.lambda, i)));
        rest[i] = 0.0;
        rest
    }
}

/// A_ii.
fn diagonal(inverse: &Array2<f64>, lambda: f64, i: usize) -> f64 {
    let column = inverse.column(i);
    column.dot(&column) - 1.0 / (lambda * inverse.nrows() as f64)
}

#[cfg(test)]
mod tests {
    use super::super::gram::{self, centred, total_variance};
    use super::*;
    use crate::util::rng::Random;
    use nalgebra::{DMatrix, DVector};

    /// The weights and the intercept that minimise sum (w . x + b - y)^2 + lambda |w|^2 over the rows but
    /// `i`, by the normal equations.
    fn explicit(x: &Array2<f32>, y: &[f64], i: usize, lambda: f64) -> (DVector<f64>, f64) {
        let (n, p) = x.dim();
        let others: Vec<usize> = (0..n).filter(|j| *j != i).collect();
        let design =
            DMatrix::from_fn(n - 1, p + 1, |r, c| if c < p { f64::from(x[[others[r], c]]) } else { 1.0 });
        let target = DVector::from_fn(n - 1, |r, _| y[others[r]]);
        let penalty = DMatrix::from_fn(p + 1, p + 1, |r, c| if r == c && r < p { lambda } else { 0.0 });
        let solved =
            (design.transpose() * &design + penalty).lu().solve(&(design.transpose() * target)).unwrap();
        (solved.rows(0, p).into_owned(), solved[p])
    }

    #[test]
    fn scores_and_coefficients_are_those_of_a_fit_without_the_set() {
        let mut random = Random::new(8);
        let (n, p, n_labels) = (23, 5, 3);
        let labels: Vec<usize> = (0..n).map(|i| i % n_labels).collect();
        let x = Array2::from_shape_fn((n, p), |(i, j)| {
            (random.normal() + (labels[i] * j) as f64 * 0.4 + 2.0) as f32
        });
        let whole = gram::whole(x.view());
        let middle = centred(&whole);
        let variance = total_variance(&whole, &middle);
        let fit = |threads| {
            Ridge::fit(&middle, variance, &labels, n_labels, &Threads::new(threads).unwrap())
                .unwrap()
                .unwrap()
        };
        let ridge = fit(1);
        assert_eq!((fit(2).scores, fit(3).penalty), (ridge.scores.clone(), ridge.penalty));
        let lambda = ridge.penalty * variance / n as f64;
        for i in 0..n {
            let at = |c: usize| {
                let y: Vec<f64> = labels.iter().map(|l| if *l == c { 1.0 } else { -1.0 }).collect();
                explicit(&x, &y, i, lambda)
            };
            let row = DVector::from_iterator(p, x.row(i).iter().map(|x| f64::from(*x)));
            for c in 0..n_labels {
                let (w, b) = at(c);
                assert!((w.dot(&row) + b - ridge.scores[[i, c]]).abs() < 1e-9, "{i} {c}");
            }
            let coefficients = ridge.without(i, 2, 1);
            let t: Vec<f64> =
                (0..p).map(|j| (0..n).map(|s| coefficients[s] * f64::from(x[[s, j]])).sum()).collect();
            let expected = at(2).0 - at(1).0;
            assert!((0..p).all(|j| (t[j] - expected[j]).abs() < 1e-9), "{i}: {t:?}");
        }
    }

    #[test]
    fn labels_by_chance_are_not_found_and_equal_vectors_have_no_fit() {
        let mut random = Random::new(1);
        let n = 200;
        // More entries than sets: the fit to all sets finds every label.
        let x = Array2::from_shape_fn((n, 900), |_| random.normal() as f32);
        let labels: Vec<usize> = (0..n).map(|_| random.below(2) as usize).collect();
        let whole = gram::whole(x.view());
        let middle = centred(&whole);
        let ridge = Ridge::fit(&middle, total_variance(&whole, &middle), &labels, 2, &Threads::one())
            .unwrap()
            .unwrap();
        let hits = ridge.found().iter().zip(&labels).filter(|(a, b)| a == b).count();
        assert!((70..130).contains(&hits), "{hits}");
        assert!(Ridge::fit(&middle, 0.0, &labels, 2, &Threads::one()).unwrap().is_none());
    }
}
