//! y = C (x - m) for blocks of rows, in both float types.

use crate::simd::{Real, multiply, pick};
use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2};

/// An affine map in `F`: m of shape (D,) and the transpose of C, shape (D, P).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Projection<F> {
    mean: Vec<F>,
    columns: Array2<F>,
}

/// The same map in `f32` and `f64`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Projections {
    single: Projection<f32>,
    double: Projection<f64>,
}

impl Projections {
    /// The map of `mean` (D,) and `matrix` (P, D).
    pub(crate) fn new(mean: &Array1<f64>, matrix: &Array2<f64>) -> Self {
        Projections { single: Projection::new(mean, matrix), double: Projection::new(mean, matrix) }
    }

    /// Projects `rows` (n, D), which it overwrites, into `out` (n, P). Cost O(n D P).
    pub(crate) fn apply<F: Real>(&self, rows: &mut [F], out: &mut [F]) {
        let projection = pick::<Projection<F>>(&self.single, &self.double);
        let (d, p) = projection.columns.dim();
        let n = rows.len() / d;
        for row in rows.chunks_exact_mut(d) {
            row.iter_mut().zip(&projection.mean).for_each(|(x, mean)| *x = *x - *mean);
        }
        let fits = "both buffers were sized for n rows";
        let rows = ArrayView2::from_shape((n, d), rows).expect(fits);
        let out = ArrayViewMut2::from_shape((n, p), out).expect(fits);
        multiply(rows, projection.columns.view(), out);
    }
}

impl<F: Real> Projection<F> {
    fn new(mean: &Array1<f64>, matrix: &Array2<f64>) -> Self {
        Projection {
            mean: mean.iter().map(|x| F::from_f64(*x)).collect(),
            columns: matrix.t().mapv(F::from_f64),
        }
    }
}
