//! Encoding on one thread allocates nothing once its workspace has seen a set of that size.

use fishervec::data::Real;
use fishervec::preprocess::{RowNorm, Step};
use fishervec::run::{Threads, Workspace};
use fishervec::{Encode, FisherVector, GaussianMixture, Pipeline};
use ndarray::{Array1, Array2};

/// The number of allocations of a second encoding of the same set.
fn allocations<F: Real>(n: usize, d: usize, k: usize, steps: Vec<Step>) -> u64 {
    let draw = |n: usize, seed: usize| {
        Array2::from_shape_fn((n, d), |(i, j)| ((i * 7919 + j * 104_729 + seed) % 1009) as f64 / 500.0)
    };
    let uniform = Array1::from_elem(k, 1.0 / k as f64);
    let mixture = GaussianMixture::new(uniform, draw(k, 17), Array2::from_elem((k, d), 0.5)).unwrap();
    let pipeline = Pipeline::new(d, steps, FisherVector::new(mixture).into()).unwrap();
    let rows = draw(n, 0).mapv(F::from_f64);
    let (threads, workspace) = (Threads::one(), Workspace::default());
    let mut out = vec![F::ZERO; pipeline.output_dim()];
    let mut encode = || {
        pipeline.encode_into(&rows, &mut out, &threads, &workspace).unwrap();
    };
    encode();
    allocation_counter::measure(&mut encode).count_total
}

/// Clones are handles of one mixture: they cost nothing, and what encoding prepares of it is prepared once.
#[test]
fn a_clone_of_a_mixture_allocates_nothing() {
    let (k, d) = (8, 5);
    let means = Array2::from_shape_fn((k, d), |(i, j)| ((i * 7 + j * 3) % 11) as f64);
    let gmm = || {
        let weights = Array1::from_elem(k, 1.0 / k as f64);
        GaussianMixture::new(weights, means.clone(), Array2::from_elem((k, d), 0.5)).unwrap()
    };
    let (rows, threads, workspace) = (&means * 0.9, Threads::one(), Workspace::default());
    let mut out = vec![0.0; k + 2 * k * d];
    let mut allocations = |encoder: &FisherVector| {
        let encode = || {
            encoder.encode_into(&rows, &mut out, &threads, &workspace).unwrap();
        };
        allocation_counter::measure(encode).count_total
    };
    let (one, other) = (gmm(), gmm());
    assert_ne!(allocations(&FisherVector::new(one.clone())), 0, "the first encoding prepares");
    assert_eq!(allocation_counter::measure(|| drop(one.clone())).count_total, 0);
    assert_eq!(allocations(&FisherVector::new(one.clone())), 0, "an encoder of a clone");
    assert_eq!(allocations(&FisherVector::new(one)), 0, "an encoder of the mixture itself");
    assert_ne!(allocations(&FisherVector::new(other)), 0, "an equal mixture prepares its own");
}

#[test]
fn a_second_encoding_allocates_nothing() {
    assert_eq!(allocations::<f64>(100, 20, 64, vec![]), 0, "a tiny set");
    assert_eq!(allocations::<f32>(3000, 33, 16, vec![]), 0, "several chunks");
    assert_eq!(allocations::<f32>(500, 20, 8, vec![Step::Rows(RowNorm::L2)]), 0, "with a step");
}
