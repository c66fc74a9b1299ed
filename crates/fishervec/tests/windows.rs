//! Windows equal what encoding their rows gives, whatever stands around them, at a cost that does not depend
//! on their length.

mod common;

use common::encoders::{mixture, plain_encoders};
use common::{Counting, encode_on, fisher_params};
use fishervec::data::Element;
use fishervec::encode::{
    BagOfWordsParams, Codebook, Encoder, Norm, Normalization, PoolingParams, VladParams, sliding_windows,
};
use fishervec::preprocess::{PcaParams, Step};
use fishervec::run::{Threads, Workspace};
use fishervec::{BagOfWords, Descriptors, Error, FisherVector, Pipeline, Pooling, Vlad};
use ndarray::{Array2, ArrayView2, s};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

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

/// Sliding, overlapping, nested, single, empty and repeated windows in no order.
fn many_windows() -> Vec<Range<usize>> {
    let mut windows = sliding_windows(600, 90, 35).unwrap();
    windows.reverse();
    windows.extend(sliding_windows(600, 40, 3).unwrap());
    windows.extend([0..600, 5..5, 599..600, 0..1, 300..302, 130..590, 131..589, 210..211, 0..90, 0..90]);
    windows.extend((0..40).map(|i| (i * 37) % 500..(i * 37) % 500 + 1 + (i * i * 13) % 100));
    windows
}

/// Compares all windows with their rows encoded directly, in units of the vector's largest entry.
fn assert_windows_are_direct<T: Element>(
    rows: ArrayView2<'_, T>,
    weights: &[f64],
    tolerance: f64,
    what: &str,
) {
    let one = Threads::one();
    let all = Descriptors::new(rows).with_weights(weights).unwrap();
    for (name, pipeline) in plain_encoders() {
        let windows = many_windows();
        let got = pipeline.encode_windows(&all, &windows, &one, &Workspace::default()).unwrap();
        for (window, got) in windows.iter().zip(got.outer_iter()) {
            let part = Descriptors::new(rows.slice(s![window.clone(), ..]));
            let expected =
                encode_on(&pipeline, &part.with_weights(&weights[window.clone()]).unwrap(), &one).unwrap();
            let expected = expected.mapv(fishervec::data::Real::to_f64);
            let largest = expected.iter().fold(0.0_f64, |largest, x| largest.max(x.abs()));
            for (got, expected) in got.iter().zip(&expected) {
                let error = (fishervec::data::Real::to_f64(*got) - expected).abs();
                assert!(error <= tolerance * largest, "{what}, {name}, {window:?}: {error:e} of {largest:e}");
            }
        }
    }
}

#[test]
fn what_stands_before_a_window_has_no_influence_on_it() {
    let (clean, _) = mixture(4, 3).sample(600, 8);
    let spiked = |rows: &[(usize, f64)]| {
        let mut x = clean.clone();
        rows.iter().for_each(|(row, value)| x[[*row, row % 3]] = *value);
        x
    };
    let drift = |rate: f64| {
        let mut x = clean.clone();
        // The offset grows up to row 200 and is gone afterwards.
        (0..200).for_each(|row| x[[row, 1]] += (row as f64 * rate).exp());
        x
    };
    let cases = [
        ("a spike of 1e8", spiked(&[(100, 1e8)])),
        ("a spike of 1e15", spiked(&[(100, 1e15)])),
        ("several spikes", spiked(&[(3, -1e9), (40, 1e12), (41, -1e12), (170, 1e6), (599, 1e10)])),
        ("a drift", drift(0.1)),
        ("a ramp", drift(0.17)),
    ];
    let ones = vec![1.0; 600];
    for (what, x) in &cases {
        assert_windows_are_direct(x.view(), &ones, 1e-9, what);
        assert_windows_are_direct(x.mapv(|x| x as f32).view(), &ones, 1e-5, what);
    }
    for far in [1e20, 1e150] {
        assert_windows_are_direct(spiked(&[(100, far), (101, -far)]).view(), &ones, 1e-9, "a far spike");
    }
    let mut weights = vec![1.0; 600];
    (weights[100], weights[101], weights[450]) = (1e20, 0.0, 1e-6);
    assert_windows_are_direct(clean.view(), &weights, 1e-9, "a heavy row");
    assert_windows_are_direct(clean.mapv(|x| x as f32).view(), &weights, 1e-5, "a heavy row");
}

/// A row beyond the range of the float type may stand where no window holds it: it is not read.
#[test]
fn rows_of_no_window_are_not_read() {
    let (mut x, _) = mixture(4, 3).sample(600, 9);
    let windows = [220..300, 0..100, 250..330];
    let pipeline = Pipeline::new(3, vec![], encoders().swap_remove(1)).unwrap();
    let encode = |x: &Array2<f64>| {
        pipeline.encode_windows(x, &windows, &Threads::one(), &Workspace::default()).unwrap()
    };
    let expected = encode(&x);
    for bad in [1e300, f64::NAN, f64::INFINITY] {
        x[[100, 0]] = bad;
        x[[219, 2]] = bad;
        assert_eq!(encode(&x), expected);
        let single = x.mapv(|x| (x.min(1e30)) as f32);
        let single =
            pipeline.encode_windows(&single, &windows, &Threads::one(), &Workspace::default()).unwrap();
        assert!(single.iter().zip(&expected).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-3));
    }
    let source = Counting(Descriptors::new(x.view()), AtomicUsize::new(0));
    pipeline.encode_windows(&source, &windows, &Threads::one(), &Workspace::default()).unwrap();
    assert_eq!(source.1.load(Ordering::Relaxed), 210);
}

#[test]
fn an_error_in_a_window_names_the_row_of_the_set() {
    let windows = sliding_windows(600, 50, 20).unwrap();
    for (name, pipeline) in plain_encoders() {
        for (bad, far) in [(f64::NAN, false), (f64::INFINITY, false), (1e300, true)] {
            for row in [0, 19, 137, 586] {
                let (mut x, _) = mixture(4, 3).sample(600, 10);
                x[[row, 1]] = bad;
                let error = pipeline
                    .encode_windows(&x, &windows, &Threads::one(), &Workspace::default())
                    .unwrap_err();
                match error {
                    Error::NotFinite { row: got, column: 1, .. } if !far => assert_eq!(got, row, "{name}"),
                    Error::OutOfRange { row: got } if far => assert_eq!(got, row, "{name}"),
                    other => panic!("{name}, {bad}: {other}"),
                }
            }
        }
    }
}
