//! The same bits for any number of threads, on every fit and encode.

mod common;

use common::*;
use fishervec::{
    Descriptors, Encoder, EncoderParams, FisherParams, FisherVector, GaussianMixtureParams, KMeansParams,
    LayoutParams, PcaParams, Pipeline, PipelineParams, RowNorm, Sets, Threads, Workspace,
};
use proptest::prelude::*;
use std::ops::ControlFlow;

fn params() -> PipelineParams {
    let mixture = GaussianMixtureParams { n_components: 9, max_iter: 6, ..Default::default() };
    let encoder = EncoderParams::Fisher(mixture, FisherParams::default());
    PipelineParams {
        carry: 0,
        rows: RowNorm::L2,
        pca: Some(PcaParams { n_components: 5, whiten: false }),
        encoder,
        place: LayoutParams::default(),
    }
}

#[test]
fn one_two_three_and_eight_threads_agree_to_the_last_bit() {
    let x = rows(&mixture(9, 12, 1), 7777, 2).mapv(|x| x as f32);
    let source = Descriptors::new(x.view());
    let offsets = [0, 10, 10, 5000, 5001, 7777];
    let sets = Sets::new(x.view(), &offsets).unwrap();
    let sets: Vec<_> = (0..sets.n_sets()).map(|i| sets.get(i)).collect();
    let run = |threads: usize| {
        let threads = Threads::new(threads).unwrap();
        let pipeline = params().fit(&source, &threads, &mut |_| ControlFlow::Continue(())).unwrap();
        let one = pipeline.encode(&source, &threads).unwrap();
        let many = pipeline.encode_sets(&sets, &threads).unwrap();
        for (i, set) in sets.iter().enumerate() {
            assert_eq!(pipeline.encode(set, &threads).unwrap(), many.row(i));
        }
        let centres =
            KMeansParams { n_clusters: 7, ..Default::default() }.fit(&source, &threads).unwrap().centres;
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
    let source = Descriptors::new(x.view());
    let one = Threads::one();
    let pipeline = params().fit(&source, &one, &mut |_| ControlFlow::Continue(())).unwrap();
    let workspace = Workspace::default();
    let encode = |rows: std::ops::Range<usize>| {
        let part = x.slice(ndarray::s![rows, ..]);
        let mut out = vec![0.0; pipeline.len()];
        pipeline.encode_into(&Descriptors::new(part), &mut out, &one, &workspace).unwrap();
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
    let source = Descriptors::new(x.view());
    let fit = |seed: u64| -> Pipeline {
        let mut params = params();
        if let EncoderParams::Fisher(mixture, _) = &mut params.encoder {
            mixture.seed = seed;
        }
        params.fit(&source, &Threads::one(), &mut |_| ControlFlow::Continue(())).unwrap()
    };
    assert_eq!(fit(1).to_bytes().unwrap(), fit(1).to_bytes().unwrap());
    assert_ne!(fit(1), fit(2));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any cut of any rows with any weights into sets: each set is encoded as if it were alone.
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
        let sets: Vec<_> = (0..sets.n_sets()).map(|i| sets.get(i)).collect();
        let fisher = FisherVector::new(mixture, FisherParams { threshold, ..Default::default() }).unwrap();
        let pipeline = Pipeline::new(d, vec![], Encoder::Fisher(Box::new(fisher))).unwrap();
        let many = pipeline.encode_sets(&sets, &Threads::new(2).unwrap()).unwrap();
        for (i, set) in sets.iter().enumerate() {
            let own = x.slice(ndarray::s![offsets[i]..offsets[i + 1], ..]).to_owned();
            let own = Descriptors::new(own.view()).with_weights(&weights[offsets[i]..offsets[i + 1]]).unwrap();
            prop_assert_eq!(own.rows(), set.rows());
            let alone = pipeline.encode(&own, &Threads::one()).unwrap();
            prop_assert_eq!(many.row(i), alone.view());
            prop_assert!(alone.iter().all(|x| x.is_finite()));
        }
    }
}
