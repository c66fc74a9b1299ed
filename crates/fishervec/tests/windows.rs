//! Windows by subtraction equal windows encoded directly, at a cost that does not depend on their length.

mod common;

use common::{Counting, encode_on, fisher_params};
use fishervec::encode::{
    BagOfWordsParams, Codebook, Encoder, Norm, Normalization, PoolingParams, VladParams, sliding_windows,
};
use fishervec::preprocess::{PcaParams, Step};
use fishervec::run::{Threads, Workspace};
use fishervec::{BagOfWords, Descriptors, FisherVector, GaussianMixture, Pipeline, Pooling, Vlad};
use ndarray::{Array1, Array2, s};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

fn mixture(k: usize, d: usize) -> GaussianMixture {
    let means = Array2::from_shape_fn((k, d), |(k, j)| ((k * 7 + j * 3) % 5) as f64 - 2.0);
    let covariances = Array2::from_shape_fn((k, d), |(k, j)| 0.5 + ((k + 2 * j) % 3) as f64 * 0.4);
    GaussianMixture::new(Array1::from_elem(k, 1.0 / k as f64), means, covariances).unwrap()
}

fn encoders() -> Vec<Encoder> {
    let fisher = |normalization| {
        Encoder::from(FisherVector::with_params(mixture(4, 3), fisher_params(normalization)).unwrap())
    };
    let hard = Codebook::hard(mixture(4, 3).means().to_owned()).unwrap();
    let soft = Codebook::soft(mixture(4, 3), None).unwrap();
    let residual = VladParams { residual: true, ..VladParams::default() };
    let bag = BagOfWordsParams { power: 1.0, norm: Norm::None, ..Default::default() };
    vec![
        fisher(Normalization::NONE),
        fisher(Normalization::IMPROVED),
        Vlad::with_params(hard.clone(), residual).unwrap().into(),
        Vlad::new(soft).into(),
        BagOfWords::with_params(hard, bag).unwrap().into(),
    ]
}

#[test]
fn windows_equal_what_encoding_them_gives() {
    let (x, _) = mixture(4, 3).sample(700, 5);
    let weights: Vec<f64> = (0..700).map(|i| if i % 7 == 0 { 0.0 } else { 1.0 + (i % 3) as f64 }).collect();
    let (one, workspace) = (Threads::one(), Workspace::default());
    let mut windows = sliding_windows(700, 90, 35).unwrap();
    windows.extend([0..700, 3..3, 699..700, 100..101, 0..90]);
    for encoder in encoders() {
        let pca = PcaParams { n_components: 3, whiten: false }.fit(&x).unwrap();
        for steps in [vec![], vec![Step::Pca(Box::new(pca))]] {
            let pipeline = Pipeline::new(3, steps, encoder.clone()).unwrap();
            let all = Descriptors::new(x.view()).with_weights(&weights).unwrap();
            let got = pipeline.encode_windows(&all, &windows, &one, &workspace).unwrap();
            for (window, got) in windows.iter().zip(got.outer_iter()) {
                let part = Descriptors::new(x.slice(s![window.clone(), ..]));
                let part = part.with_weights(&weights[window.clone()]).unwrap();
                let expected = encode_on(&pipeline, &part, &one).unwrap();
                for (got, expected) in got.iter().zip(&expected) {
                    assert!((got - expected).abs() < 1e-9, "{window:?}: {got} for {expected}");
                }
            }
            let other =
                pipeline.encode_windows(&all, &windows, &Threads::new(3).unwrap(), &workspace).unwrap();
            assert_eq!(other, got);
        }
    }
}

#[test]
fn each_row_is_read_once_however_long_the_windows_are() {
    let (x, _) = mixture(4, 3).sample(3000, 1);
    let pipeline = Pipeline::new(3, vec![], encoders().swap_remove(1)).unwrap();
    for length in [10, 100, 1000] {
        let source = Counting(Descriptors::new(x.view()), AtomicUsize::new(0));
        let windows = sliding_windows(3000, length, 10).unwrap();
        pipeline.encode_windows(&source, &windows, &Threads::one(), &Workspace::default()).unwrap();
        assert_eq!(source.1.load(Ordering::Relaxed), 3000);
    }
}

#[test]
fn windows_lie_within_the_rows() {
    assert_eq!(sliding_windows(10, 4, 3).unwrap(), [0..4, 3..7, 6..10]);
    assert_eq!(sliding_windows(11, 4, 3).unwrap(), [0..4, 3..7, 6..10]);
    assert_eq!(sliding_windows(3, 4, 1).unwrap(), std::iter::once(0..3).collect::<Vec<_>>());
    assert!(sliding_windows(3, 0, 1).unwrap_err().to_string().contains("length"));
    assert!(sliding_windows(3, 1, 0).unwrap_err().to_string().contains("step"));
    let x = Array2::<f64>::zeros((5, 3));
    let pipeline = Pipeline::new(3, vec![], encoders().swap_remove(0)).unwrap();
    let encode = |windows: &[Range<usize>]| {
        pipeline.encode_windows(&x, windows, &Threads::one(), &Workspace::default())
    };
    assert!(encode(&[0..1, 2..6]).unwrap_err().to_string().contains("2..6"));
    assert_eq!(encode(&[]).unwrap().dim(), (0, pipeline.output_dim()));
    let pooling = Pooling::new(3, PoolingParams::default()).unwrap();
    let pooling = Pipeline::new(3, vec![], pooling.into()).unwrap();
    let windows = std::iter::once(0..2).collect::<Vec<_>>();
    let error = pooling.encode_windows(&x, &windows, &Threads::one(), &Workspace::default());
    assert!(error.unwrap_err().to_string().contains("pooling"));
}
