//! Total functions: every odd input has a documented result or a typed error, never a panic or a NaN.

mod common;

use common::*;
use fishervec::data::{Element, check_offsets};
use fishervec::encode::{Encoder, FisherParams, Norm, Normalization};
use fishervec::mixture::KMeans;
use fishervec::preprocess::{PcaParams, RowNorm, Step};
use fishervec::run::Threads;
use fishervec::{
    Context, Descriptors, Encode, Error, FisherVector, GaussianMixture, Pipeline, Pooling, Sets,
};
use half::f16;
use ndarray::{Array1, Array2, ArrayView2, array, s};

fn pipeline(mixture: GaussianMixture, threshold: Option<f64>, normalization: Normalization) -> Pipeline {
    let params = FisherParams { threshold, ..fisher_params(normalization) };
    let dim = mixture.dim();
    let fisher = FisherVector::with_params(mixture, params).unwrap();
    Pipeline::new(dim, vec![], fisher.into()).unwrap()
}

fn plain(mixture: GaussianMixture) -> Pipeline {
    pipeline(mixture, None, Normalization::NONE)
}

#[test]
fn an_empty_set_is_the_zero_vector() {
    let mixture = mixture(3, 2, 1);
    let empty = Array2::<f32>::zeros((0, 2));
    for normalization in
        [Normalization::NONE, Normalization::IMPROVED, Normalization { power: 0.3, norm: Norm::IntraL2 }]
    {
        let out = pipeline(mixture.clone(), None, normalization).encode(&empty);
        assert_eq!(out.unwrap(), Array1::<f32>::zeros(15));
        let pooling = Pipeline::new(2, vec![], Pooling::new(2, normalization).unwrap().into()).unwrap();
        assert_eq!(pooling.encode(&empty).unwrap(), Array1::<f32>::zeros(4));
    }
    // A set whose descriptors all have the weight 0 is an empty set.
    let x = rows(&mixture, 5, 2);
    let weights = [0.0; 5];
    let masked = Descriptors::new(x.view()).with_weights(&weights).unwrap();
    assert_eq!(plain(mixture).encode(&masked).unwrap(), Array1::<f64>::zeros(15));
}

#[test]
fn one_row_and_duplicates() {
    let mixture = mixture(3, 2, 3);
    let row = array![[0.3, -0.4]];
    let expected = sanchez(&mixture, &row);
    let encode = |x: &Array2<f64>| plain(mixture.clone()).encode(x).unwrap().to_vec();
    assert!(relative_error(&encode(&row), &expected) < 1e-12);
    let copies = Array2::from_shape_fn((1500, 2), |(_, j)| row[[0, j]]);
    assert!(relative_error(&encode(&copies), &expected) < 1e-12);
}

#[test]
fn a_number_that_is_not_finite_is_named() {
    let encoder = plain(mixture(3, 2, 4));
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut x = Array2::<f64>::zeros((3000, 2));
        x[[2500, 1]] = bad;
        for threads in [1, 2] {
            let threads = Threads::new(threads).unwrap();
            let error = encode_on(&encoder, &x, &threads).unwrap_err();
            assert!(matches!(error, Error::NotFinite { row: 2500, column: 1, .. }), "{error}");
            let error = GaussianMixture::builder(2).fit_with(&x, &mut Context::on(&threads));
            assert!(matches!(error.unwrap_err(), Error::NotFinite { row: 2500, column: 1, .. }));
        }
    }
    let sets = [array![[0.0, 0.0]], array![[0.0, 1.0], [f64::NAN, 0.0]]];
    let error = encoder.encode_all(&sets[..]).unwrap_err();
    assert_eq!(error.to_string(), "set 1: row 1, column 0 is NaN: descriptors must be finite");
}

#[test]
fn a_row_beyond_all_range_is_named_and_far_rows_are_fine() {
    let mixture = mixture(3, 2, 5);
    let encoder = pipeline(mixture, None, Normalization::IMPROVED);
    for far in [1e3_f32, 1e9, 1e15] {
        let x = array![[0.0, 0.0], [far, -far]];
        let out = encoder.encode(&x).unwrap();
        assert!(out.iter().all(|x| x.is_finite()), "{far:e}");
    }
    let x = array![[0.0_f32, 0.0], [3e38, 0.0]];
    let error = encoder.encode(&x).unwrap_err();
    assert!(matches!(error, Error::OutOfRange { row: 1 }), "{error}");
}

#[test]
fn shapes_and_weights_are_checked() {
    let encoder = plain(mixture(3, 2, 6));
    let x = Array2::<f32>::zeros((4, 3));
    let error = encoder.encode(&x).unwrap_err();
    assert_eq!(error.to_string(), "wrong dimension of descriptors: expected 2, got 3");
    let x = Array2::<f32>::zeros((4, 2));
    let short = encoder.encode_into(&x, &mut [0.0; 14], &Threads::one(), &Default::default());
    assert_eq!(short.unwrap_err().to_string(), "wrong dimension of the output: expected 15, got 14");
    let weighted =
        |weights: &[f64]| Descriptors::new(x.view()).with_weights(weights).unwrap_err().to_string();
    assert_eq!(weighted(&[1.0; 3]), "wrong dimension of weights: expected 4, got 3");
    for (bad, text) in [(-1.0, "-1"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        let expected = format!("the weight of row 2 is {text}: weights must be finite and at least 0");
        assert_eq!(weighted(&[1.0, 0.0, bad, 1.0]), expected);
    }
}

#[test]
fn offsets_are_checked() {
    let x = Array2::<f64>::zeros((5, 2));
    let sets = Sets::new(x.view(), &[0, 2, 2, 5]).unwrap();
    let sizes: Vec<usize> = (0..sets.n_sets()).map(|i| sets.get(i).rows().nrows()).collect();
    assert_eq!(sizes, [2, 0, 3]);
    for (offsets, message) in [
        (&[][..], "offsets[0] is 0: expected 0, and one more offset than there are sets"),
        (&[1, 5], "offsets[0] is 1: expected 0"),
        (&[0, 3, 2, 5], "offsets[2] is 2: expected at least 3"),
        (&[0, 4], "offsets[1] is 4: expected the number of rows, 5"),
    ] {
        assert_eq!(check_offsets(offsets, 5).unwrap_err().to_string(), message);
    }
}

#[test]
fn statistics_of_two_mixtures_do_not_mix() {
    let (a, b) = (mixture(3, 2, 7), mixture(3, 2, 8));
    let x = rows(&a, 10, 9);
    let (mut of_a, of_b) = (statistics(&a, x.view(), None), statistics(&b, x.view(), None));
    assert!(matches!(of_a.merge(&of_b), Err(Error::MixtureMismatch { .. })));
    assert!(matches!(of_a.subtract(&of_b), Err(Error::MixtureMismatch { .. })));
    assert!(matches!(of_a.s1(&b), Err(Error::MixtureMismatch { .. })));
    let encoder = FisherVector::with_params(b, FisherParams::default()).unwrap();
    assert!(matches!(encoder.encode_statistics(&of_a, &mut [0.0; 15]), Err(Error::MixtureMismatch { .. })));
    assert!(of_a.merge(&statistics(&a.clone(), x.view(), None)).is_ok());
}

/// f32 descriptors far from the origin: as exact as the same descriptors around it.
#[test]
fn an_offset_costs_no_digits() {
    let centred = mixture(8, 16, 10);
    let x = rows(&centred, 2000, 11);
    for offset in [0.0, 10.0, 1e4] {
        let means = &centred.means() + offset;
        let shifted =
            GaussianMixture::new(centred.weights().to_owned(), means, centred.covariances().to_owned())
                .unwrap();
        let single = x.mapv(|x| (x + offset) as f32);
        let expected = sanchez(&shifted, &single.mapv(f64::from));
        let got = plain(shifted).encode(&single).unwrap();
        let error = relative_error(got.as_slice().unwrap(), &expected);
        assert!(error < 1e-5, "offset {offset}: {error:e}");
    }
}

/// The defaults' promise: what the threshold drops, and single precision, cost at most 1e-5 (f32) and 1e-12
/// (f64) of the vector; and the bound on the dropped mass holds.
#[test]
fn the_default_thresholds_keep_their_promise() {
    for (k, d, n) in [(64, 16, 3000), (256, 8, 2000), (1024, 4, 500), (32, 64, 2000)] {
        let mixture = mixture(k, d, 12);
        let x = rows(&mixture, n, 13);
        let expected = sanchez(&mixture, &x);
        let got = plain(mixture.clone()).encode(&x).unwrap();
        let error = relative_error(got.as_slice().unwrap(), &expected);
        assert!(error <= 1e-12, "f64 {k} {d}: {error:e}");
        let single = x.mapv(|x| x as f32);
        let expected = sanchez(&mixture, &single.mapv(f64::from));
        let got = plain(mixture.clone()).encode(&single).unwrap();
        let error = relative_error(got.as_slice().unwrap(), &expected);
        assert!(error <= 1e-5, "f32 {k} {d}: {error:e}");

        let (all, some) =
            (statistics(&mixture, x.view(), Some(0.0)), statistics(&mixture, x.view(), Some(1e-3)));
        assert_eq!(all.dropped_bound(), 0.0);
        assert!(d == 64 || some.s0() != all.s0(), "something was dropped");
        let moved: f64 = (&all.s0() - &some.s0()).mapv(f64::abs).sum() / 2.0;
        assert!(moved <= some.dropped_bound(), "{moved} {}", some.dropped_bound());
        let lost = all.log_likelihood() - some.log_likelihood();
        assert!(lost >= 0.0 && lost <= some.dropped_bound(), "{lost} {}", some.dropped_bound());
    }
}

#[test]
fn every_element_type_and_layout_gives_the_same_vector() {
    let mixture = GaussianMixture::new(
        array![0.5, 0.5],
        array![[60.0, 90.0], [150.0, 20.0]],
        Array2::from_elem((2, 2), 900.0),
    );
    let encoder = plain(mixture.unwrap());
    fn encode<T: Element>(encoder: &Pipeline, rows: ArrayView2<'_, T>) -> Array1<T::Real> {
        let vector = encoder.encode(&Descriptors::new(rows)).unwrap();
        assert_eq!(encoder.encode(&rows).unwrap(), vector);
        vector
    }
    let bytes = Array2::from_shape_fn((300, 2), |(i, j)| ((i * 37 + j * 101) % 251) as u8);
    let expected = encode(&encoder, bytes.mapv(f32::from).view());
    assert_eq!(encode(&encoder, bytes.view()), expected);
    assert_eq!(encode(&encoder, bytes.mapv(|x| f16::from_f32(x.into())).view()), expected);
    let double = encode(&encoder, bytes.mapv(f64::from).view());
    assert!(relative_error(expected.as_slice().unwrap(), double.as_slice().unwrap()) < 1e-5);
    // Any strides will do: transposed, every second row of a wider array, and from last to first.
    let columns = bytes.t().as_standard_layout().into_owned();
    assert_eq!(encode(&encoder, columns.t()), expected);
    let mut wide = Array2::zeros((600, 4));
    wide.slice_mut(s![..;2, 1..3]).assign(&bytes);
    assert_eq!(encode(&encoder, wide.slice(s![..;2, 1..3])), expected);
    let backwards = bytes.slice(s![..;-1, ..]).to_owned();
    assert_eq!(encode(&encoder, backwards.slice(s![..;-1, ..])), expected);
}

#[test]
fn a_component_of_weight_zero_is_never_used() {
    let x = rows(&mixture(2, 3, 14), 40, 15);
    let three = GaussianMixture::new(
        array![0.4, 0.0, 0.6],
        array![[0.0, 0.0, 0.0], [0.1, 0.1, 0.1], [1.0, 1.0, 1.0]],
        Array2::ones((3, 3)),
    );
    let out = plain(three.unwrap()).encode(&x).unwrap();
    assert!(out.iter().all(|x| x.is_finite()));
    assert!(out[1] == 0.0 && out.slice(s![6..9]).iter().all(|x| *x == 0.0));
    assert!(out[0] != 0.0 && out[2] != 0.0);
}

#[test]
fn kmeans_is_total() {
    let fit = |x: &Array2<f32>, k| KMeans::builder(k).fit(x);
    let alike = fit(&Array2::from_elem((10, 2), 3.0), 4).unwrap();
    assert!(alike.inertia == 0.0 && alike.centres.iter().all(|c| *c == 3.0));
    let corners = Array2::from_shape_fn((40, 2), |(i, j)| if (i >> j) & 1 == 1 { 9.0 } else { -9.0 });
    let four = fit(&corners, 4).unwrap();
    assert!(
        four.converged && four.inertia < 1e-9 && four.centres.iter().all(|c| (c.abs() - 9.0).abs() < 1e-5),
        "{four:?}"
    );
    assert!(matches!(fit(&corners, 41), Err(Error::TooFewRows { expected: 41, got: 40, .. })));
    assert!(fit(&corners, 0).is_err());
}

#[test]
fn a_pipeline_of_steps_equals_its_steps_one_by_one() {
    let x = rows(&mixture(4, 6, 16), 2100, 17).mapv(|x| x as f32);
    let pca = PcaParams { n_components: 3, whiten: false };
    let params = Pipeline::builder().row_norm(RowNorm::RootSift).pca(3).fisher(GaussianMixture::builder(4));
    let fitted = params.fit(&x).unwrap();
    assert_eq!((fitted.input_dim(), fitted.output_dim(), fitted.steps().len()), (6, 4 * 7, 2));

    let rooted = Array2::from_shape_fn(x.dim(), |(i, j)| {
        let sum: f64 = x.row(i).iter().map(|x| f64::from(x.abs())).sum();
        ((f64::from(x[[i, j]].abs()) / sum).sqrt().copysign(x[[i, j]].into())) as f32
    });
    let pca = pca.fit(&rooted).unwrap();
    let projected = (rooted.mapv(f64::from) - pca.mean()).dot(&pca.components().t());
    let Encoder::Fisher(fisher) = fitted.encoder() else { panic!("a Fisher vector was asked for") };
    let direct = pipeline(fisher.gmm().clone(), Some(0.0), Normalization::IMPROVED);
    let expected = direct.encode(&projected).unwrap();
    let got = fitted.encode(&x).unwrap();
    let error = relative_error(got.as_slice().unwrap(), expected.as_slice().unwrap());
    assert!(error < 1e-4, "{error:e}");
    assert!(Pipeline::new(5, vec![Step::Pca(Box::new(pca))], fitted.encoder().clone()).is_err());
}
