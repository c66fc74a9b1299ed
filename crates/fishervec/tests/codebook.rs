//! VLAD and the bag of words: VLFeat's numbers, the definitions one descriptor at a time, and their files.

mod common;

use common::encode_on;
use fishervec::encode::{
    Assignment, BagOfWordsParams, Codebook, Encoder, EncoderParams, H2T, H2TParams, Norm, VladParams,
};
use fishervec::mixture::KMeans;
use fishervec::run::{Threads, Workspace};
use fishervec::{BagOfWords, Context, Descriptors, Encode, GaussianMixture, Pipeline, Vlad};
use ndarray::{Array1, Array2, Axis};
use proptest::prelude::*;
use serde_json::Value;

fn vector(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn matrix(value: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = value.as_array().unwrap().iter().map(vector).collect();
    Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap()
}

fn encode(encoder: impl Into<Encoder>, x: &Array2<f64>) -> Array1<f64> {
    Pipeline::new(x.ncols(), vec![], encoder.into()).unwrap().encode(x).unwrap()
}

fn as_it_is() -> BagOfWordsParams {
    BagOfWordsParams { power: 1.0, norm: Norm::None, ..Default::default() }
}

fn vlad(codebook: &Codebook, params: VladParams) -> Vlad {
    Vlad::with_params(codebook.clone(), params).unwrap()
}

fn close(got: &Array1<f64>, expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len());
    let size = expected.iter().fold(1.0_f64, |size, x| size.max(x.abs()));
    for (i, (got, expected)) in got.iter().zip(expected).enumerate() {
        assert!((got - expected).abs() <= tolerance * size, "{i}: {got} for {expected}");
    }
}

#[test]
fn vlad_equals_vlfeat() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/vlad.json");
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let (x, mixture) = (matrix(&golden["x"]), &golden["mixture"]);
    let weights = Array1::from(vector(&mixture["weights"]));
    let (means, covariances) = (matrix(&mixture["means"]), matrix(&mixture["covariances"]));
    let hard = Codebook::hard(means.clone()).unwrap();
    let soft = Codebook::soft(GaussianMixture::new(weights, means, covariances).unwrap(), Some(0.0)).unwrap();
    for case in golden["cases"].as_array().unwrap() {
        let flag = |name: &str| case[name].as_bool().unwrap();
        let norm = match (flag("components"), flag("whole")) {
            (true, true) => Norm::IntraL2,
            (false, true) => Norm::L2,
            (false, false) => Norm::None,
            // VLFeat alone can normalise the components and not the whole: this library has no name for it.
            (true, false) => continue,
        };
        let power = if flag("root") { 0.5 } else { 1.0 };
        let params = VladParams { mass: flag("mass"), residual: false, power, norm, ..VladParams::default() };
        let codebook = if case["assignment"] == "hard" { &hard } else { &soft };
        close(&encode(vlad(codebook, params), &x), &vector(&case["vector"]), 1e-9);
    }
}

/// A codebook of K centres in D columns and n descriptors.
fn case() -> impl Strategy<Value = (Array2<f64>, Array2<f64>)> {
    (1..9_usize, 1..12_usize, 0..40_usize, any::<u64>()).prop_map(|(k, d, n, seed)| {
        let mixture = GaussianMixture::new(
            Array1::from_elem(1, 1.0),
            Array2::from_elem((1, d), 3.0),
            Array2::from_elem((1, d), 4.0),
        );
        let (rows, _) = mixture.unwrap().sample(k + n, seed);
        (rows.slice(ndarray::s![..k, ..]).to_owned(), rows.slice(ndarray::s![k.., ..]).to_owned())
    })
}

/// The nearest centre of each row, the first of equals.
fn nearest(centres: &Array2<f64>, x: &Array2<f64>) -> Vec<usize> {
    let distance = |a: ndarray::ArrayView1<'_, f64>, b: ndarray::ArrayView1<'_, f64>| {
        a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>()
    };
    x.outer_iter()
        .map(|row| {
            let all: Vec<f64> = centres.outer_iter().map(|c| distance(row, c)).collect();
            (0..all.len()).fold(0, |best, k| if all[k] < all[best] { k } else { best })
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn hard_encodings_equal_their_definitions((centres, x) in case()) {
        let (k, d) = centres.dim();
        let labels = nearest(&centres, &x);
        let codebook = Codebook::hard(centres.clone()).unwrap();
        let (mut sums, mut units, mut counts) = (Array2::zeros((k, d)), Array2::zeros((k, d)), vec![0.0; k]);
        let mut smallest = f64::INFINITY;
        for (row, label) in x.outer_iter().zip(&labels) {
            let residual = &row - &centres.row(*label);
            let norm = residual.iter().map(|r| r * r).sum::<f64>().sqrt();
            smallest = smallest.min(norm * norm);
            counts[*label] += 1.0;
            let mut sum: ndarray::ArrayViewMut1<'_, f64> = sums.row_mut(*label);
            sum += &residual;
            let mut unit: ndarray::ArrayViewMut1<'_, f64> = units.row_mut(*label);
            unit += &(residual / norm.max(1e-300));
        }
        let plain = VladParams { power: 1.0, norm: Norm::None, ..VladParams::default() };
        close(&encode(vlad(&codebook, plain.clone()), &x), sums.as_slice().unwrap(), 1e-11);
        let residual = VladParams { residual: true, ..plain.clone() };
        // A distance is the root of a difference of log-likelihoods: next to a centre it loses digits.
        let lost = 1e-14 * codebook.mixture().covariances()[[0, 0]] / smallest;
        close(&encode(vlad(&codebook, residual), &x), units.as_slice().unwrap(), 1e-9 + lost);
        let mass = VladParams { mass: true, ..plain };
        let divisors: Array1<f64> = counts.iter().map(|n: &f64| n.max(1.0)).collect();
        let divided = &sums / &divisors.insert_axis(Axis(1));
        close(&encode(vlad(&codebook, mass), &x), divided.as_slice().unwrap(), 1e-11);
        let means = Array2::from_shape_fn((k, d), |(k, j)| if counts[k] > 0.0 { centres[[k, j]] } else { 0.0 });
        let h2t = H2T::with_params(codebook.clone(), H2TParams::default()).unwrap();
        close(&encode(h2t, &x), (&divided + &means).as_slice().unwrap(), 1e-11);
        let bag = BagOfWords::with_params(codebook, as_it_is()).unwrap();
        let shares: Vec<f64> = counts.iter().map(|n| n / x.nrows().max(1) as f64).collect();
        close(&encode(bag, &x), &shares, 1e-12);
    }
}

/// A window from which weighted rows were subtracted keeps a rounding residue of their mass: not a mean.
#[test]
fn a_mean_of_subtracted_rows_is_zero() {
    let centres = Array2::from_shape_vec((2, 1), vec![0.0, 10.0]).unwrap();
    let h2t = H2T::with_params(Codebook::hard(centres).unwrap(), H2TParams::default()).unwrap();
    let (threads, workspace) = (Threads::one(), Workspace::default());
    let of = |rows: &[f64], weights: &[f64]| {
        let rows = Descriptors::from_slice(rows, 1).unwrap().with_weights(weights).unwrap();
        h2t.accumulate(&rows, &threads, &workspace).unwrap()
    };
    let mut window = of(&[0.5, 9.0, 9.5, 11.0], &[1.0, 0.1, 0.2, 0.3]);
    for (row, weight) in [(9.0, 0.1), (9.5, 0.2), (11.0, 0.3)] {
        window.subtract(&of(&[row], &[weight])).unwrap();
    }
    assert!(window.s0()[1].abs() > 0.0, "a residue, or the test shows nothing");
    let mut out = [f64::NAN; 2];
    h2t.encode_statistics(&window, &mut out).unwrap();
    assert!((out[0] - 0.5).abs() < 1e-15 && out[1] == 0.0, "{out:?}");
}

#[test]
fn soft_shares_are_mean_posteriors() {
    let means = Array2::from_shape_fn((3, 2), |(k, j)| k as f64 * 1.5 + j as f64);
    let weights = Array1::from(vec![0.2, 0.3, 0.5]);
    let mixture = GaussianMixture::new(weights, means, Array2::from_elem((3, 2), 0.8)).unwrap();
    let (x, _) = mixture.sample(50, 1);
    let posteriors = mixture.predict_proba(&x, &Threads::one()).unwrap();
    let codebook = Codebook::soft(mixture, Some(0.0)).unwrap();
    let bag = BagOfWords::with_params(codebook, as_it_is()).unwrap();
    close(&encode(bag, &x), posteriors.mean_axis(Axis(0)).unwrap().as_slice().unwrap(), 1e-12);
}

#[test]
fn choices_that_exclude_each_other_are_named() {
    let hard = Codebook::hard(Array2::eye(3)).unwrap();
    let mixture = GaussianMixture::new(Array1::from_elem(1, 1.0), Array2::eye(1), Array2::eye(1)).unwrap();
    let soft = Codebook::soft(mixture, None).unwrap();
    let residual = VladParams { residual: true, ..VladParams::default() };
    assert!(Vlad::with_params(soft, residual.clone()).unwrap_err().to_string().contains("residual"));
    assert!(
        Vlad::with_params(hard.clone(), VladParams { mass: true, ..residual })
            .unwrap_err()
            .to_string()
            .contains("residual")
    );
    assert!(Codebook::hard(Array2::zeros((0, 2))).is_err());
    assert!(Codebook::hard(Array2::from_elem((2, 2), f64::NAN)).is_err());
    assert!(BagOfWords::with_params(hard, BagOfWordsParams { power: 0.0, ..as_it_is() }).is_err());
}

#[test]
fn a_fitted_encoder_comes_back_from_its_file_and_threads_do_not_matter() {
    let x = Array2::from_shape_fn((3000, 4), |(i, j)| ((i * (j + 3) * 7919) % 1009) as f64 / 100.0);
    let kmeans = KMeans::builder(5);
    let mixture = GaussianMixture::builder(5).max_iter(5);
    let encoders: [(EncoderParams, Assignment, usize); 4] = [
        (Vlad::builder(kmeans.clone()).mass(true).into(), Assignment::Hard, 20),
        (Vlad::builder(mixture.clone()).into(), Assignment::Soft, 20),
        (BagOfWords::builder(kmeans).into(), Assignment::Hard, 5),
        (BagOfWordsParams { codebook: mixture.into(), ..as_it_is() }.into(), Assignment::Soft, 5),
    ];
    for (encoder, assignment, p) in encoders {
        let params = Pipeline::builder().encoder(encoder);
        let fit = |threads: usize| {
            let threads = Threads::new(threads).unwrap();
            let pipeline = params.fit_with(&x, &mut Context::on(&threads)).unwrap();
            let vector = encode_on(&pipeline, &x, &threads).unwrap();
            (pipeline, vector)
        };
        let (pipeline, vector) = fit(1);
        assert_eq!(vector.len(), p);
        assert_eq!(pipeline.encoder().codebook().unwrap().assignment(), assignment);
        assert_eq!(pipeline.fit_report().is_some(), assignment == Assignment::Soft);
        let bytes = pipeline.to_bytes().unwrap();
        let again = Pipeline::from_bytes(&bytes).unwrap();
        assert_eq!(again.to_bytes().unwrap(), bytes);
        assert_eq!(again.encode(&x).unwrap(), vector);
        let (other, same) = fit(3);
        assert_eq!((other.to_bytes().unwrap(), same), (bytes, vector));
        let empty = pipeline.encode(&Array2::<f64>::zeros((0, 4))).unwrap();
        assert!(empty.iter().all(|x| *x == 0.0));
    }
}
