//! Inner products of the vectors of a sample.

use crate::error::Result;
use crate::simd::multiply;
use crate::util::threads::Threads;
use ndarray::{Array2, ArrayView2, Axis, s};
use std::ops::Range;

/// The number of rows of the matrix that a thread computes at once.
const ROWS: usize = 128;
/// The number of entries of the vectors that are multiplied at once.
const ENTRIES: usize = 512;

/// G_ij = x_i . x_j over some entries of `vectors`, shape (n, P), summed in `f64`: shape (n, n). The same
/// bits for any number of threads. Cost O(n^2 P / 2).
pub(super) fn gram(
    vectors: ArrayView2<'_, f32>,
    entries: &[Range<usize>],
    threads: &Threads,
) -> Result<Array2<f64>> {
    let n = vectors.nrows();
    let mut gram = Array2::zeros((n, n));
    let bands: Vec<_> = gram.axis_chunks_iter_mut(Axis(0), ROWS).collect();
    threads.for_each(bands, &|i, mut band| {
        // The matrix is symmetric: its lower half will do.
        let (start, end) = (i * ROWS, i * ROWS + band.nrows());
        let mut part = Array2::zeros((end - start, end));
        for range in entries {
            for from in range.clone().step_by(ENTRIES) {
                let panel = vectors.slice(s![..end, from..range.end.min(from + ENTRIES)]).mapv(f64::from);
                multiply(panel.slice(s![start.., ..]), panel.t(), part.view_mut());
                let mut sum = band.slice_mut(s![.., ..end]);
                sum += &part;
            }
        }
        Ok(())
    })?;
    for i in 0..n {
        for j in i + 1..n {
            gram[[i, j]] = gram[[j, i]];
        }
    }
    Ok(gram)
}

/// G_ij over all entries.
#[cfg(test)]
pub(super) fn whole(vectors: ArrayView2<'_, f32>) -> Array2<f64> {
    gram(vectors, std::slice::from_ref(&(0..vectors.ncols())), &Threads::one()).expect("one thread")
}

/// The same products of the vectors minus their mean: H G H with H = 1 - 11^T/n.
pub(super) fn centred(gram: &Array2<f64>) -> Array2<f64> {
    let n = gram.nrows().max(1) as f64;
    let means = gram.sum_axis(Axis(0)) / n;
    let mean = means.sum() / n;
    let mut centred = gram - &means;
    centred -= &means.view().insert_axis(Axis(1));
    centred + mean
}

/// The sum of the squared distances of the vectors to their mean; 0 if that is rounding.
pub(super) fn total_variance(gram: &Array2<f64>, centred: &Array2<f64>) -> f64 {
    let trace = centred.diag().sum();
    if trace > 1e-12 * gram.diag().sum() { trace } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::rng::Random;

    #[test]
    fn products_are_those_of_the_entries_for_any_number_of_threads() {
        let mut random = Random::new(5);
        let vectors = Array2::from_shape_fn((150, 1100), |_| random.normal() as f32);
        let entries = [0..3, 40..900, 1000..1100];
        let gram = |threads| gram(vectors.view(), &entries, &Threads::new(threads).unwrap()).unwrap();
        let one = gram(1);
        assert_eq!((gram(2), gram(3)), (one.clone(), one.clone()));
        let mean = vectors.mapv(f64::from).mean_axis(Axis(0)).unwrap();
        let centred = centred(&one);
        for (i, j) in [(0, 0), (149, 3), (3, 149), (128, 127)] {
            let product = |mean: &dyn Fn(usize) -> f64| -> f64 {
                let at = entries.iter().flat_map(Clone::clone);
                at.map(|e| (f64::from(vectors[[i, e]]) - mean(e)) * (f64::from(vectors[[j, e]]) - mean(e)))
                    .sum()
            };
            assert!((one[[i, j]] - product(&|_| 0.0)).abs() < 1e-9, "{i} {j}");
            assert!((centred[[i, j]] - product(&|e| mean[e])).abs() < 1e-9, "{i} {j}");
        }
        assert!(total_variance(&one, &centred) > 0.0);
        let same = Array2::from_elem((4, 4), 2.0);
        assert_eq!(total_variance(&same, &super::centred(&same)), 0.0);
    }
}
