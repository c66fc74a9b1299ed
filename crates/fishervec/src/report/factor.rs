//! The inverse of the Cholesky factor of a positive definite matrix, by matrix products.

use crate::simd::multiply;
use ndarray::{Array2, ArrayView2, ArrayViewMut2, s};

/// Matrices of at most so many rows are factored entry by entry.
const SMALL: usize = 48;

/// Replaces the symmetric positive definite matrix A, shape (n, n), by L^-1, where A = L L^T and L is lower
/// triangular; `false` if A is not positive definite. So A^-1 = L^-T L^-1.
///
/// With A = [[P, Q^T], [Q, R]], L = [[L_P, 0], [B, L_S]] where B = Q L_P^-T, and S = R - B B^T is factored in
/// turn; L^-1 = [[L_P^-1, 0], [-L_S^-1 B L_P^-1, L_S^-1]]. Only the lower triangle of A is read. Cost O(n^3)
/// in matrix products; memory of a few n^2.
pub(super) fn invert_factor(mut a: ArrayViewMut2<'_, f64>) -> bool {
    let n = a.nrows();
    if n <= SMALL {
        return invert_small(a);
    }
    let half = n / 2;
    let (mut top, mut bottom) = a.view_mut().split_at(ndarray::Axis(0), half);
    if !invert_factor(top.slice_mut(s![.., ..half])) {
        return false;
    }
    let inverse = top.slice(s![.., ..half]);
    let b = product(bottom.slice(s![.., ..half]), inverse.t());
    let square = product(b.view(), b.t());
    let mut rest = bottom.slice_mut(s![.., half..]);
    rest -= &square;
    if !invert_factor(rest) {
        return false;
    }
    let right = product(b.view(), inverse);
    let below = product(bottom.slice(s![.., half..]), right.view());
    bottom.slice_mut(s![.., ..half]).assign(&-below);
    top.slice_mut(s![.., half..]).fill(0.0);
    true
}

/// The product of two matrices.
pub(super) fn product(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut out = Array2::zeros((a.nrows(), b.ncols()));
    multiply(a, b, out.view_mut());
    out
}

fn invert_small(mut a: ArrayViewMut2<'_, f64>) -> bool {
    let n = a.nrows();
    for j in 0..n {
        for i in j..n {
            let sum: f64 = (0..j).map(|k| a[[i, k]] * a[[j, k]]).sum();
            let rest = a[[i, j]] - sum;
            if i > j {
                a[[i, j]] = rest / a[[j, j]];
            } else if rest > 0.0 && rest.is_finite() {
                a[[j, j]] = rest.sqrt();
            } else {
                return false;
            }
        }
    }
    // Column j of the inverse, from the diagonal down; a column of L is read until its turn comes.
    let factor = a.to_owned();
    a.fill(0.0);
    for j in 0..n {
        a[[j, j]] = 1.0 / factor[[j, j]];
        for i in j + 1..n {
            let sum: f64 = (j..i).map(|k| factor[[i, k]] * a[[k, j]]).sum();
            a[[i, j]] = -sum / factor[[i, i]];
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::rng::Random;

    #[test]
    fn its_square_is_the_inverse_for_any_size() {
        let mut random = Random::new(3);
        for n in [1, 2, 47, 48, 49, 97, 200] {
            let x = Array2::from_shape_fn((n, n + 3), |_| random.normal());
            let a = product(x.view(), x.t());
            let mut inverse = a.clone();
            assert!(invert_factor(inverse.view_mut()));
            let identity = product(product(inverse.t(), inverse.view()).view(), a.view());
            let off = (&identity - &Array2::<f64>::eye(n)).fold(0.0_f64, |most, x| most.max(x.abs()));
            assert!(off < 1e-6, "{n}: {off}");
            assert!(inverse.indexed_iter().all(|((i, j), x)| j <= i || *x == 0.0), "{n}");
        }
    }

    #[test]
    fn what_is_not_positive_definite_is_told() {
        let mut zero = Array2::zeros((100, 100));
        assert!(!invert_factor(zero.view_mut()));
        let mut odd = Array2::eye(60);
        odd[[59, 59]] = f64::NAN;
        assert!(!invert_factor(odd.view_mut()));
    }
}
