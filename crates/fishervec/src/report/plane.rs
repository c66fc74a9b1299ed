//! The plane in which labels are farthest apart, and where sets are in it.

use super::factor::product;
use crate::util::rng::Random;
use nalgebra::{DMatrix, SymmetricEigen};
use ndarray::{Array1, Array2, Axis};

/// The number of vectors that are iterated together: those beyond the two wanted make it converge.
const TOGETHER: usize = 8;
const ITERATIONS: usize = 60;

/// Positions of sets in a plane.
#[derive(Debug)]
pub(super) struct Plane {
    /// `labels` or `variance`.
    pub(super) kind: &'static str,
    /// The position of each set, shape (n, 2).
    pub(super) positions: Array2<f64>,
    /// The share of the variance in the plane.
    pub(super) variance: f64,
}

/// The plane of the largest variance between the means of labels, weighted by their sets, from the centred
/// Gram matrix of the vectors, shape (n, n), and a label below `n_labels` for each, `None` for a label of a
/// single set; without two labels, the plane of the largest variance. With two labels, whose means are on
/// one line, the second direction is that of the largest variance beside it.
///
/// The plane is spanned by sums over labels u = sum_c beta_c (m_c - m), and a set is placed by the means of
/// the *other* sets: with more numbers per vector than sets, labels drawn by chance would seem far apart
/// otherwise. Cost O(n^2).
pub(super) fn plane(centred: &Array2<f64>, trace: f64, labels: &[Option<usize>], n_labels: usize) -> Plane {
    let mut along = match n_labels {
        0 | 1 => Vec::new(),
        _ => between(centred, labels, n_labels),
    };
    let kind = if along.is_empty() { "variance" } else { "labels" };
    while along.len() < 2 {
        along.push(strongest(centred, along.first()));
    }
    let inside: f64 = along.iter().map(|direction| direction.exact.dot(&direction.exact)).sum();
    let positions = Array2::from_shape_fn((centred.nrows(), 2), |(i, axis)| along[axis].shown[i]);
    Plane { kind, positions, variance: (inside / trace).clamp(0.0, 1.0) }
}

/// Where sets are along a direction of length 1: exactly, and as each is shown.
struct Along {
    exact: Array1<f64>,
    shown: Array1<f64>,
}

/// The one or two directions of the largest variance between labels.
fn between(centred: &Array2<f64>, labels: &[Option<usize>], n_labels: usize) -> Vec<Along> {
    let n = centred.nrows();
    let mut counts = vec![0.0_f64; n_labels];
    let mut sums = Array2::<f64>::zeros((n_labels, n));
    for (row, label) in centred.rows().into_iter().zip(labels) {
        let Some(c) = *label else { continue };
        counts[c] += 1.0;
        let mut sum = sums.row_mut(c);
        sum += &row;
    }
    let mut scatter = Array2::<f64>::zeros((n_labels, n_labels));
    for (j, label) in labels.iter().enumerate() {
        let Some(c) = *label else { continue };
        let mut column = scatter.column_mut(c);
        column += &sums.column(j);
    }
    for ((a, b), x) in scatter.indexed_iter_mut() {
        *x /= (counts[a] * counts[b]).sqrt();
    }
    let (values, vectors) = leading(&scatter, 2);
    let is_there = |axis: &usize| values[*axis] > 1e-9 * values[0] && values[0] > 0.0;
    let along = (0..values.len()).take_while(is_there).map(|axis| {
        let beta = |c: usize| vectors[[c, axis]] * counts[c].sqrt() / values[axis].sqrt();
        let at = |i: usize, left_out: bool| {
            let own = centred[[i, i]];
            let to_mean = |c: usize| match labels[i] == Some(c) && left_out {
                true => (sums[[c, i]] - own) / (counts[c] - 1.0),
                false => sums[[c, i]] / counts[c],
            };
            let of_all = if left_out { own / (n as f64 - 1.0) } else { 0.0 };
            (0..n_labels).map(|c| beta(c) * (to_mean(c) + of_all)).sum::<f64>()
        };
        let [exact, shown] = [false, true].map(|left_out| Array1::from_shape_fn(n, |i| at(i, left_out)));
        Along { exact, shown }
    });
    along.collect()
}

/// The direction of the largest variance, beside another one.
fn strongest(centred: &Array2<f64>, beside: Option<&Along>) -> Along {
    let mut rest = centred.clone();
    if let Some(Along { exact, .. }) = beside {
        rest.indexed_iter_mut().for_each(|((i, j), x)| *x -= exact[i] * exact[j]);
    }
    let (values, vectors) = leading(&rest, 1);
    let exact = &vectors.column(0) * values[0].max(0.0).sqrt();
    Along { shown: exact.clone(), exact }
}

/// The `k` largest eigenvalues of a symmetric positive semi-definite matrix, descending, and their vectors,
/// shape (n, k), by subspace iteration. The entry of the largest size of each vector is positive. Cost
/// O(n^2).
fn leading(matrix: &Array2<f64>, k: usize) -> (Vec<f64>, Array2<f64>) {
    let n = matrix.nrows();
    let together = TOGETHER.max(k).min(n);
    let mut random = Random::new(0);
    let mut basis = Array2::from_shape_fn((n, together), |_| random.normal());
    for _ in 0..ITERATIONS {
        orthonormal(&mut basis);
        basis = product(matrix.view(), basis.view());
    }
    orthonormal(&mut basis);
    let small = product(basis.t(), product(matrix.view(), basis.view()).view());
    let eigen = SymmetricEigen::new(DMatrix::from_fn(together, together, |i, j| small[[i, j]]));
    let mut order: Vec<usize> = (0..together).collect();
    order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
    order.truncate(k);
    let values = order.iter().map(|i| eigen.eigenvalues[*i]).collect();
    let within = Array2::from_shape_fn((together, order.len()), |(i, j)| eigen.eigenvectors[(i, order[j])]);
    let mut vectors = product(basis.view(), within.view());
    for mut vector in vectors.columns_mut() {
        let largest =
            vector.iter().copied().fold(0.0_f64, |most, x| if x.abs() > most.abs() { x } else { most });
        if largest < 0.0 {
            vector.mapv_inplace(|x| -x);
        }
    }
    (values, vectors)
}

/// Makes the columns orthonormal (Gram and Schmidt, twice); one that depends on those before becomes zero.
fn orthonormal(basis: &mut Array2<f64>) {
    for j in 0..basis.ncols() {
        let (before, mut rest) = basis.view_mut().split_at(Axis(1), j);
        let mut column = rest.column_mut(0);
        let size = column.dot(&column).sqrt();
        for _ in 0..2 {
            let along = before.t().dot(&column);
            column -= &before.dot(&along);
        }
        let length = column.dot(&column).sqrt();
        let scale = if length > 1e-12 * size { 1.0 / length } else { 0.0 };
        column.mapv_inplace(|x| x * scale);
    }
}

#[cfg(test)]
mod tests {
    use super::super::gram::{centred, whole};
    use super::*;

    fn products(x: &Array2<f32>) -> Array2<f64> {
        centred(&whole(x.view()))
    }

    fn cloud(n: usize, p: usize, seed: u64) -> Array2<f32> {
        let mut random = Random::new(seed);
        Array2::from_shape_fn((n, p), |(_, j)| (random.normal() / (1.0 + j as f64)) as f32)
    }

    #[test]
    fn leading_vectors_are_those_of_the_whole_decomposition() {
        let matrix = products(&cloud(60, 30, 2));
        let (values, vectors) = leading(&matrix, 2);
        let eigen = SymmetricEigen::new(DMatrix::from_fn(60, 60, |i, j| matrix[[i, j]]));
        let mut expected: Vec<f64> = eigen.eigenvalues.iter().copied().collect();
        expected.sort_by(|a, b| b.total_cmp(a));
        for k in 0..2 {
            assert!((values[k] - expected[k]).abs() < 1e-9 * expected[0], "{values:?}");
            let off = matrix.dot(&vectors.column(k)) - &vectors.column(k) * values[k];
            assert!(off.dot(&off).sqrt() < 1e-6 * expected[0], "{k}");
        }
    }

    #[test]
    fn the_plane_of_labels_is_that_of_the_scatter_of_their_means() {
        let (n, p, n_labels) = (90, 6, 3);
        let labels: Vec<usize> = (0..n).map(|i| if i < 50 { 0 } else { 1 + i % 2 }).collect();
        let mut x = cloud(n, p, 4);
        x.indexed_iter_mut().for_each(|((i, j), x)| *x += [0.0, 2.0, -1.0][labels[i]] * (j % 3) as f32);
        let given: Vec<_> = labels.iter().copied().map(Some).collect();
        let matrix = products(&x);
        let along = between(&matrix, &given, n_labels);
        // The scatter of the means in the space of the vectors, p x p.
        let x = x.mapv(f64::from);
        let mean = x.mean_axis(Axis(0)).unwrap();
        let mut scatter = DMatrix::zeros(p, p);
        for c in 0..n_labels {
            let own: Vec<usize> = (0..n).filter(|i| labels[*i] == c).collect();
            let of_label = x.select(Axis(0), &own).mean_axis(Axis(0)).unwrap() - &mean;
            let of_label = DMatrix::from_fn(p, 1, |j, _| of_label[j]);
            scatter += &of_label * of_label.transpose() * own.len() as f64;
        }
        let eigen = SymmetricEigen::new(scatter);
        let mut order: Vec<usize> = (0..p).collect();
        order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
        for (axis, along) in along.iter().enumerate() {
            let direction = Array1::from_shape_fn(p, |j| eigen.eigenvectors[(j, order[axis])]);
            let expected = (&x - &mean).dot(&direction);
            let sign = expected.dot(&along.exact).signum();
            let off = (expected * sign - &along.exact).fold(0.0_f64, |most, x| most.max(x.abs()));
            assert!(off < 1e-6, "{axis}: {off}");
        }
        assert_eq!(along.len(), 2);
    }

    /// The share of the variance of the first coordinate that is between two labels.
    fn apart(values: &Array1<f64>, labels: &[Option<usize>]) -> f64 {
        let of = |c: usize| -> Vec<f64> {
            (0..values.len()).filter(|i| labels[*i] == Some(c)).map(|i| values[i]).collect()
        };
        let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        let (a, b) = (of(0), of(1));
        let all = mean(&[a.clone(), b.clone()].concat());
        let total: f64 = values.iter().map(|x| (x - all).powi(2)).sum();
        let between: f64 = [a, b].iter().map(|x| x.len() as f64 * (mean(x) - all).powi(2)).sum();
        between / total
    }

    #[test]
    fn labels_by_chance_are_not_apart_on_the_map_and_real_ones_are() {
        let mut random = Random::new(9);
        let mut x = Array2::from_shape_fn((80, 2000), |_| random.normal() as f32);
        let labels: Vec<_> = (0..80).map(|i| Some(i % 2)).collect();
        let by_chance = &between(&products(&x), &labels, 2)[0];
        assert!(apart(&by_chance.exact, &labels) > 0.9, "what a map without care would show");
        assert!(apart(&by_chance.shown, &labels) < 0.2, "{}", apart(&by_chance.shown, &labels));
        x.outer_iter_mut().enumerate().for_each(|(i, mut row)| row[0] += 60.0 * (i % 2) as f32);
        assert!(apart(&between(&products(&x), &labels, 2)[0].shown, &labels) > 0.9);
    }

    #[test]
    fn two_labels_and_none_have_a_plane() {
        let x = cloud(40, 5, 6);
        let matrix = products(&x);
        let trace = matrix.diag().sum();
        let labels: Vec<_> = (0..40).map(|i| Some(i % 2)).collect();
        let two = plane(&matrix, trace, &labels, 2);
        assert_eq!((two.kind, two.positions.dim()), ("labels", (40, 2)));
        let none = plane(&matrix, trace, &[None; 40], 0);
        assert_eq!(none.kind, "variance");
        assert!(none.variance > two.variance && none.variance < 1.0, "{} {}", none.variance, two.variance);
        let one = plane(&products(&cloud(1, 5, 6)), 1.0, &[None], 0);
        assert!(one.positions.iter().all(|x| *x == 0.0));
    }
}
