//! The only call of the matrix-product libraries, behind a safe function.
//!
//! Products are sequential: callers run chunks of rows in parallel. With AVX-512 the library is the one that
//! ndarray depends on, which has kernels for it; otherwise it is gemm, built without those kernels.

use super::isa::Isa;
use super::scalar::Real;
use ndarray::{ArrayView2, ArrayViewMut2, linalg::general_mat_mul};

/// out = a b, for shapes (m, k), (k, n) and (m, n) of any strides.
///
/// # Panics
/// If the shapes do not match; no user chooses them.
pub(crate) fn multiply<F: Real>(a: ArrayView2<'_, F>, b: ArrayView2<'_, F>, mut out: ArrayViewMut2<'_, F>) {
    let ((m, k), n) = (a.dim(), b.ncols());
    assert_eq!((b.nrows(), out.dim()), (k, (m, n)), "shapes of a matrix product");
    if Isa::active().is_avx512() {
        return general_mat_mul(F::ONE, &a, &b, F::ZERO, &mut out);
    }
    let (a_row, a_column) = (a.strides()[0], a.strides()[1]);
    let (b_row, b_column) = (b.strides()[0], b.strides()[1]);
    let (out_row, out_column) = (out.strides()[0], out.strides()[1]);
    // SAFETY: shapes. `out` is borrowed mutably, so it overlaps neither `a` nor `b`, and the library does not
    // read it (`read_dst` is false).
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            out_column,
            out_row,
            false,
            a.as_ptr(),
            a_column,
            a_row,
            b.as_ptr(),
            b_column,
            b_row,
            F::ZERO,
            F::ONE,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::multiply;
    use ndarray::{Array2, ShapeBuilder, array, s};

    #[test]
    fn equals_the_plain_product_for_any_strides() {
        for (m, k, n) in [(1, 1, 1), (3, 0, 2), (5, 7, 4), (33, 17, 65)] {
            let a = Array2::from_shape_fn((m, k), |(i, j)| (i * 7 + j * 3) as f64 % 11.0 - 5.0);
            let b = Array2::from_shape_fn((k, n).f(), |(i, j)| (i * 5 + j * 2) as f64 % 13.0 - 6.0);
            let mut out = Array2::from_elem((2 * m, n), f64::NAN);
            multiply(a.view(), b.view(), out.slice_mut(s![..;2, ..]));
            assert_eq!(out.slice(s![..;2, ..]), a.dot(&b), "{m} {k} {n}");
        }
        let mut out = Array2::zeros((1, 1));
        multiply(array![[2.0_f32, 3.0]].view(), array![[5.0], [7.0]].view(), out.view_mut());
        assert_eq!(out, array![[31.0]]);
    }
}
