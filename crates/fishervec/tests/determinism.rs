//! The same bits for any number of threads, on every fit and encode.

mod common;

use common::*;
use fishervec::encode::{EncoderParams, FisherParams, Learn};
use fishervec::mixture::KMeans;
use fishervec::pipeline::PipelineParams;
use fishervec::preprocess::RowNorm;
use fishervec::run::{Threads, Workspace};
use fishervec::{Context, Descriptors, FisherVector, GaussianMixture, Pipeline, Sets};
use proptest::prelude::*;

fn params() -> PipelineParams {
    Pipeline::builder().row_norm(RowNorm::L2).pca(5).fisher(GaussianMixture::builder(9).max_iter(6))
}

#[test]
fn one_two_three_and_eight_threads_agree_to_the_last_bit() {
    let x = rows(&mixture(9, 12, 1), 7777, 2).mapv(|x| x as f32);
    let offsets = [0, 10, 10, 5000, 5001, 7777];
    let sets = Sets::new(x.view(), &offsets).unwrap();
    let run = |threads: usize| {
        let threads = Threads::new(threads).unwrap();
        let pipeline = params().fit_with(&x, &mut Context::on(&threads)).unwrap();
        let one = encode_on(&pipeline, &x, &threads).unwrap();
        let many = pipeline.encode_all_with(&sets, &threads, &Workspace::default()).unwrap();
        for i in 0..sets.n_sets() {
            assert_eq!(encode_on(&pipeline, &sets.get(i), &threads).unwrap(), many.row(i));
        }
        let centres = KMeans::builder(7).fit_with(&x, &mut Context::on(&threads)).unwrap().centres;
        (pipeline.to_bytes().unwrap(), one, many, centres)
    };
    let expected = run(1);
    for threads in [1, 2, 3, 8] {
        assert_eq!(run(threads), expected, "{threads} threads");
    }
}

#[test]
fn a_used_workspace_gives_the_same_bits() {
    let x = rows(&mixture(9, 12, 3), 3000, 4);
    let one = Threads::one();
    let pipeline = params().fit_with(&x, &mut Context::on(&one)).unwrap();
    let workspace = Workspace::default();
    let encode = |rows: std::ops::Range<usize>| {
        let part = x.slice(ndarray::s![rows, ..]);
        let mut out = vec![0.0; pipeline.output_dim()];
        pipeline.encode_into(&part, &mut out, &one, &workspace).unwrap();
        out
    };
    let first = encode(0..2000);
    encode(5..9);
    encode(0..0);
    assert_eq!(encode(0..2000), first);
}

#[test]
fn a_seed_is_a_fit() {
    let x = rows(&mixture(9, 12, 5), 3000, 6);
    let fit = |seed: u64| -> Pipeline {
        let mut params = params();
        let EncoderParams::Fisher(FisherParams { mixture: Learn::Fit(mixture), .. }) = &mut params.encoder
        else {
            panic!("a Fisher vector of a mixture to be fitted");
        };
        mixture.seed = seed;
        params.fit(&x).unwrap()
    };
    assert_eq!(fit(1).to_bytes().unwrap(), fit(1).to_bytes().unwrap());
    assert_ne!(fit(1), fit(2));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// However weighted rows are cut into sets, each set is encoded as if it were alone.
    #[test]
    fn sets_are_encoded_as_if_alone(
        sizes in prop::collection::vec(0..40_usize, 1..12),
        (k, d) in (1..9_usize, 1..20_usize),
        threshold in prop::option::of(0.0..0.5_f64),
        seed in any::<u64>(),
    ) {
        let n = sizes.iter().sum();
        let mixture = mixture(k, d, seed % 1000);
        let x = rows(&mixture, n, seed.wrapping_add(1));
        let weights: Vec<f64> = (0..n).map(|i| ((i as u64 ^ seed) % 4) as f64 / 2.0).collect();
        let mut offsets = vec![0];
        sizes.iter().for_each(|size| offsets.push(offsets[offsets.len() - 1] + size));
        let all = Descriptors::new(x.view()).with_weights(&weights).unwrap();
        let sets = Sets::new(all, &offsets).unwrap();
        let params = FisherParams { threshold, ..Default::default() };
        let fisher = FisherVector::with_params(mixture, params).unwrap();
        let pipeline = Pipeline::new(d, vec![], fisher.into()).unwrap();
        let two = Threads::new(2).unwrap();
        let many = pipeline.encode_all_with(&sets, &two, &Workspace::default()).unwrap();
        for i in 0..sets.n_sets() {
            let own = x.slice(ndarray::s![offsets[i]..offsets[i + 1], ..]).to_owned();
            let weights = &weights[offsets[i]..offsets[i + 1]];
            let own = Descriptors::new(own.view()).with_weights(weights).unwrap();
            prop_assert_eq!(own.rows(), sets.get(i).rows());
            let alone = encode_on(&pipeline, &own, &Threads::one()).unwrap();
            prop_assert_eq!(many.row(i), alone.view());
            prop_assert!(alone.iter().all(|x| x.is_finite()));
        }
    }
}
