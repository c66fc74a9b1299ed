//! Conventions against what their owners return (goldens written by `make goldens`).

mod common;

use common::*;
use fishervec::encode::{Convention, FisherParams, Normalization};
use fishervec::{Encode, FisherVector, GaussianMixture};
use ndarray::{Array1, Array2};
use serde_json::Value;

fn matrix(value: &Value) -> Array2<f64> {
    let rows: Vec<Vec<f64>> = serde_json::from_value(value.clone()).unwrap();
    Array2::from_shape_fn((rows.len(), rows[0].len()), |(i, j)| rows[i][j])
}

fn vector(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

/// Calls `check` with each set of the goldens: its name, the mixture, the set and the expected vectors.
fn each_set(mut check: impl FnMut(&str, &GaussianMixture, Array2<f64>, &Value)) {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/fisher.json")).unwrap();
    let golden: Value = serde_json::from_str(&text).unwrap();
    for case in golden["cases"].as_array().unwrap() {
        let weights = Array1::from(vector(&case["weights"]));
        let mixture =
            GaussianMixture::new(weights, matrix(&case["means"]), matrix(&case["covariances"])).unwrap();
        for set in case["sets"].as_array().unwrap() {
            let name = format!("{}, {}", case["name"], set["name"]);
            check(&name, &mixture, matrix(&set["data"]), set);
        }
    }
}

fn encode(
    mixture: &GaussianMixture,
    convention: Convention,
    normalization: Normalization,
    x: &Array2<f64>,
) -> Vec<f64> {
    encode_with(mixture, convention, normalization, x, 0.0)
}

/// The relative L2 error, printed under `--nocapture`.
fn measured(name: &str, what: &str, got: &[f64], expected: &[f64]) -> f64 {
    let error = relative_error(got, expected);
    println!("{what:<24} {error:8.1e}  {name}");
    error
}

fn encode_with(
    mixture: &GaussianMixture,
    convention: Convention,
    normalization: Normalization,
    x: &Array2<f64>,
    threshold: f64,
) -> Vec<f64> {
    let params = FisherParams { convention, ..fisher_params(normalization) };
    let encoder = FisherVector::with_params(mixture.clone(), params).unwrap();
    let mut out = vec![0.0; encoder.output_dim()];
    encoder.encode_statistics(&statistics(mixture, x.view(), Some(threshold)), &mut out).unwrap();
    out
}

#[test]
fn gist_equals_the_formula_of_the_gist() {
    let mut sets = 0;
    each_set(|name, mixture, x, golden| {
        let got = encode(mixture, Convention::GIST, Normalization::NONE, &x);
        let error = measured(name, "gist", &got, &vector(&golden["gist"]));
        assert!(error < 1e-12, "{name}: {error:e}");
        sets += 1;
    });
    assert!(sets >= 6);
}

#[test]
fn scikit_image_equals_what_scikit_image_returns() {
    each_set(|name, mixture, x, golden| {
        let got = encode(mixture, Convention::SCIKIT_IMAGE, Normalization::NONE, &x);
        let error = measured(name, "scikit-image", &got, &vector(&golden["scikit_image"]));
        assert!(error < 1e-10, "{name}: {error:e}");
        let got = encode(mixture, Convention::SCIKIT_IMAGE, Normalization::IMPROVED, &x);
        let error = measured(name, "scikit-image, improved", &got, &vector(&golden["scikit_image_improved"]));
        assert!(error < 1e-6, "{name}, improved: {error:e}");
    });
}

#[test]
fn sanchez_differs_from_scikit_image_by_the_sign_of_the_variances() {
    each_set(|name, mixture, x, golden| {
        let (k, d) = mixture.means().dim();
        let mut turned = vector(&golden["scikit_image"]);
        turned[k + k * d..].iter_mut().for_each(|g| *g = -*g);
        let got = encode(mixture, Convention::SANCHEZ, Normalization::NONE, &x);
        let error = measured(name, "sanchez", &got, &turned);
        assert!(error < 1e-10, "{name}: {error:e}");
    });
}

/// VLFeat drops posteriors below 1e-6 without renormalising the others, hence 1e-5. The exact numbers are
/// those of Eqs. 17 and 18.
#[test]
fn vlfeat_equals_what_vlfeat_returns() {
    each_set(|name, mixture, x, golden| {
        let got = encode(mixture, Convention::VLFEAT, Normalization::NONE, &x);
        let error = measured(name, "vlfeat", &got, &vector(&golden["vlfeat"]));
        assert!(error < 1e-5, "{name}: {error:e}");
        let error = measured(name, "vlfeat, exact", &got, &sanchez(mixture, &x)[mixture.n_components()..]);
        assert!(error < 1e-9, "{name}, exact: {error:e}");
        let got = encode(mixture, Convention::VLFEAT, Normalization::IMPROVED, &x);
        let error = measured(name, "vlfeat, improved", &got, &vector(&golden["vlfeat_improved"]));
        assert!(error < 1e-3, "{name}, improved: {error:e}");
    });
}

/// A threshold of 1 is hard assignment: VLFeat's "fast".
#[test]
fn hard_assignment_equals_what_vlfeats_fast_returns() {
    each_set(|name, mixture, x, golden| {
        let got = encode_with(mixture, Convention::VLFEAT, Normalization::NONE, &x, 1.0);
        let error = measured(name, "vlfeat, fast", &got, &vector(&golden["vlfeat_fast"]));
        assert!(error < 1e-9, "{name}: {error:e}");
    });
}
