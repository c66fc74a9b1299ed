//! Encoding on one thread allocates nothing once its workspace has seen a set of that size.

use fishervec::{
    Descriptors, Encoder, FisherParams, FisherVector, GaussianMixture, Pipeline, Real, RowNorm, Step,
    Threads, Workspace,
};
use ndarray::{Array1, Array2};

/// What a second encoding of the same set allocates.
fn allocations<F: Real>(n: usize, d: usize, k: usize, steps: Vec<Step>) -> u64 {
    let draw = |n: usize, seed: usize| {
        Array2::from_shape_fn((n, d), |(i, j)| ((i * 7919 + j * 104_729 + seed) % 1009) as f64 / 500.0)
    };
    let uniform = Array1::from_elem(k, 1.0 / k as f64);
    let mixture = GaussianMixture::new(uniform, draw(k, 17), Array2::from_elem((k, d), 0.5)).unwrap();
    let encoder = FisherVector::new(mixture, FisherParams::default()).unwrap();
    let pipeline = Pipeline::new(d, steps, Encoder::Fisher(Box::new(encoder))).unwrap();
    let rows = draw(n, 0).mapv(F::from_f64);
    let (source, threads, workspace) = (Descriptors::new(rows.view()), Threads::one(), Workspace::default());
    let mut out = vec![F::ZERO; pipeline.len()];
    let mut encode = || {
        pipeline.encode_into(&source, &mut out, &threads, &workspace).unwrap();
    };
    encode();
    allocation_counter::measure(&mut encode).count_total
}

#[test]
fn a_second_encoding_allocates_nothing() {
    assert_eq!(allocations::<f64>(100, 20, 64, vec![]), 0, "a tiny set");
    assert_eq!(allocations::<f32>(3000, 33, 16, vec![]), 0, "several chunks");
    assert_eq!(allocations::<f32>(500, 20, 8, vec![Step::Rows(RowNorm::L2)]), 0, "with a step");
}
