//! A row of weight 0 is never looked at: it may hold anything, and everything is as if it were not there.

mod common;

use common::{assert_close, encode_on, mixture, rows};
use fishervec::data::OwnedDescriptors;
use fishervec::encode::{
    BagOfWordsParams, Codebook, Encoder, EncoderParams, FisherParams, Grids, H2T, H2TParams, Information,
    Norm, Normalization, PoolingParams, Pyramid, VladParams, sliding_windows,
};
use fishervec::mixture::{GaussianMixtureParams, Init, KMeans, KMeansParams};
use fishervec::preprocess::{PcaParams, RowNorm, Step};
use fishervec::run::{Threads, Workspace};
use fishervec::{
    BagOfWords, Context, Descriptors, Encode, Error, FisherVector, GaussianMixture, Pipeline, Pooling, Vlad,
};
use ndarray::{Array2, s};

/// What rows of weight 0 hold: the last three are finite, but no likelihood or sum of them is.
const GARBAGE: [f64; 7] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -999.0, 1e300, f64::MAX, -f64::MAX];

/// Rows of three columns with others of weight 0 among them, and the same rows without these.
struct Padded {
    all: Array2<f64>,
    weights: Vec<f64>,
    kept: Array2<f64>,
    kept_weights: Vec<f64>,
}

fn padded(garbage: f64, seed: u64) -> Padded {
    let kept = rows(&mixture(4, 3, 1), 400, seed);
    // The first row, runs in between, and all at the end, as in a padded cube.
    let out = |i: usize| i == 0 || i % 9 == 4 || (100..140).contains(&i) || i > 460;
    let mut all = Array2::from_elem((1500, 3), garbage);
    let (mut weights, mut next) = (vec![0.0; 1500], 0);
    let mut kept_weights = Vec::new();
    for i in 0..1500 {
        if next < 400 && !out(i) {
            all.row_mut(i).assign(&kept.row(next));
            weights[i] = 0.5 + (i % 4) as f64;
            kept_weights.push(weights[i]);
            next += 1;
        } else if i % 2 == 0 {
            // Not every number of such a row is bad.
            all[[i, 0]] = 0.25;
        }
    }
    let kept = kept.slice(s![..next, ..]).to_owned();
    Padded { all, weights, kept, kept_weights }
}

impl Padded {
    fn all(&self) -> Descriptors<'_, f64> {
        Descriptors::new(self.all.view()).with_weights(&self.weights).unwrap()
    }

    fn kept(&self) -> Descriptors<'_, f64> {
        Descriptors::new(self.kept.view()).with_weights(&self.kept_weights).unwrap()
    }
}

fn encoders() -> Vec<(&'static str, Pipeline)> {
    let hard = || Codebook::hard(mixture(4, 3, 1).means().to_owned()).unwrap();
    let soft = Codebook::soft(mixture(4, 3, 1), None).unwrap();
    let plain = FisherParams { power: 1.0, norm: Norm::None, ..FisherParams::default() };
    let intra = FisherParams { norm: Norm::IntraL2, ..FisherParams::default() };
    let residual = VladParams { residual: true, ..VladParams::default() };
    let located = FisherVector::new(mixture(4, 2, 1)).with_spatial(mixture(2, 1, 3)).unwrap();
    let list: Vec<(&str, Vec<Step>, Encoder)> = vec![
        ("fisher", vec![], FisherVector::with_params(mixture(4, 3, 1), plain).unwrap().into()),
        ("intra", vec![], FisherVector::with_params(mixture(4, 3, 1), intra).unwrap().into()),
        ("rootsift", vec![Step::Rows(RowNorm::RootSift)], FisherVector::new(mixture(4, 3, 1)).into()),
        ("spatial", vec![Step::PositionColumns(1)], located.into()),
        ("vlad", vec![], Vlad::new(hard()).into()),
        ("vlad soft", vec![], Vlad::new(soft).into()),
        ("residual", vec![], Vlad::with_params(hard(), residual).unwrap().into()),
        ("bow", vec![], BagOfWords::with_params(hard(), BagOfWordsParams::default()).unwrap().into()),
        ("h2t", vec![], H2T::with_params(hard(), H2TParams::default()).unwrap().into()),
        ("pooling", vec![], Pooling::new(3, PoolingParams::default()).unwrap().into()),
    ];
    let mut all: Vec<_> = list
        .into_iter()
        .map(|(name, steps, encoder)| (name, Pipeline::new(3, steps, encoder).unwrap()))
        .collect();
    let grids: Grids = "1,3".parse().unwrap();
    let pyramid = Pyramid::new(grids, vec![-2.0], vec![2.0]).unwrap();
    let cells = FisherVector::new(mixture(4, 2, 1)).into();
    all.push((
        "pyramid",
        Pipeline::with_cells(3, vec![Step::PositionColumns(1)], Some(pyramid), cells).unwrap(),
    ));
    all
}

#[test]
fn an_encoding_is_as_if_rows_of_weight_zero_were_not_there() {
    for garbage in GARBAGE {
        let data = padded(garbage, 2);
        for (name, pipeline) in encoders() {
            for threads in [1, 2] {
                let threads = Threads::new(threads).unwrap();
                let got = encode_on(&pipeline, &data.all(), &threads).unwrap();
                let expected = encode_on(&pipeline, &data.kept(), &threads).unwrap();
                assert_close(&format!("{name} {garbage}"), &got, &expected, 1e-10);
            }
        }
        // In single precision 1e300 is infinite.
        let single = data.all.mapv(|x| x as f32);
        let all = Descriptors::new(single.view()).with_weights(&data.weights).unwrap();
        for (name, pipeline) in encoders() {
            let got = pipeline.encode(&all).unwrap().mapv(f64::from);
            let expected = pipeline.encode(&data.kept()).unwrap();
            assert_close(&format!("{name} {garbage} f32"), &got, &expected, 2e-3);
        }
    }
}

#[test]
fn what_a_row_of_weight_zero_holds_has_no_influence_on_a_bit() {
    let reference = padded(-999.0, 3);
    for garbage in GARBAGE {
        let data = padded(garbage, 3);
        let fit = |data: &Padded| GaussianMixture::builder(3).seed(5).max_iter(20).fit(&data.all()).unwrap();
        let (a, b) = (fit(&data), fit(&reference));
        assert_close(&format!("means {garbage}"), a.means(), b.means(), 1e-9);
        let pooling = Pooling::new(3, PoolingParams::default()).unwrap();
        assert_eq!(pooling.encode(&data.all()).unwrap(), pooling.encode(&reference.all()).unwrap());
        let pca = |data: &Padded| PcaParams { n_components: 2, whiten: true }.fit(&data.all()).unwrap();
        assert_eq!(pca(&data), pca(&reference));
    }
}

#[test]
fn windows_pass_over_rows_of_weight_zero() {
    for garbage in GARBAGE {
        let data = padded(garbage, 4);
        let windows = sliding_windows(1500, 120, 50).unwrap();
        for (name, pipeline) in
            encoders().into_iter().filter(|(name, _)| !["pooling", "pyramid"].contains(name))
        {
            let got = pipeline
                .encode_windows(&data.all(), &windows, &Threads::one(), &Workspace::default())
                .unwrap();
            for (window, got) in windows.iter().zip(got.outer_iter()) {
                let part = Descriptors::new(data.all.slice(s![window.clone(), ..]));
                let part = part.with_weights(&data.weights[window.clone()]).unwrap();
                let expected = pipeline.encode(&part).unwrap();
                assert_close(&format!("{name} {garbage} {window:?}"), got, &expected, 1e-9);
            }
            assert!(got.slice(s![-1, ..]).iter().all(|x| *x == 0.0), "{name}: a window of padding alone");
        }
    }
}

#[test]
fn fits_are_as_if_rows_of_weight_zero_were_not_there() {
    for garbage in GARBAGE {
        let data = padded(garbage, 5);
        for init in [Init::KMeans, Init::PlusPlus, Init::RandomRows] {
            let params = GaussianMixture::builder(3).seed(7).max_iter(8).init(init.clone());
            let (got, expected) = (params.fit(&data.all()).unwrap(), params.fit(&data.kept()).unwrap());
            assert_close(&format!("{init:?} {garbage}"), got.means(), expected.means(), 1e-6);
            assert_close(&format!("{init:?} {garbage}"), got.covariances(), expected.covariances(), 1e-6);
        }
        let kmeans = KMeans::builder(5).seed(1);
        let (got, expected) = (kmeans.fit(&data.all()).unwrap(), kmeans.fit(&data.kept()).unwrap());
        assert_close(&format!("k-means {garbage}"), &got.centres, &expected.centres, 1e-6);
        let pca = PcaParams { n_components: 2, whiten: false };
        let (got, expected) = (pca.fit(&data.all()).unwrap(), pca.fit(&data.kept()).unwrap());
        assert_close(&format!("pca {garbage}"), got.components(), expected.components(), 1e-9);
        assert_close(&format!("pca {garbage}"), got.mean(), expected.mean(), 1e-9);
        let grids: Grids = "2x2x2".parse().unwrap();
        let (got, expected) =
            (Pyramid::fit(grids.clone(), &data.all()).unwrap(), Pyramid::fit(grids, &data.kept()).unwrap());
        assert_eq!((got.low(), got.high()), (expected.low(), expected.high()));
    }
}

/// More clusters than distinct rows, so that empty clusters move to the farthest rows, which are garbage.
#[test]
fn no_centre_is_a_row_of_weight_zero() {
    for garbage in GARBAGE {
        let mut x = Array2::from_shape_fn((60, 2), |(i, j)| ((i % 4) * (j + 1)) as f64);
        x.slice_mut(s![..20, ..]).fill(garbage);
        let weights: Vec<f64> = (0..60).map(|i| if i < 20 { 0.0 } else { 1.0 }).collect();
        let set = Descriptors::new(x.view()).with_weights(&weights).unwrap();
        for seed in 0..5 {
            let fit = KMeans::builder(6).seed(seed).fit(&set).unwrap();
            assert!(fit.centres.iter().all(|c| (-1e-9..6.000_001).contains(c)), "{garbage}: {}", fit.centres);
        }
        assert!(matches!(KMeans::builder(41).fit(&set), Err(Error::TooFewRows { got: 40, .. })));
    }
}

#[test]
fn a_whole_pipeline_learns_from_the_rows_that_count() {
    let encoders: [EncoderParams; 3] = [
        FisherVector::builder(GaussianMixture::builder(3).max_iter(5)).into(),
        FisherParams {
            information: Some(Information::EmpiricalCentred),
            ..FisherVector::builder(GaussianMixture::builder(2).max_iter(5))
        }
        .into(),
        Vlad::builder(KMeansParams { n_clusters: 3, ..KMeansParams::default() }).into(),
    ];
    for garbage in GARBAGE {
        let data: Vec<Padded> = (0..4).map(|seed| padded(garbage, 20 + seed)).collect();
        let all: Vec<_> = data.iter().map(Padded::all).collect();
        let kept: Vec<_> = data.iter().map(Padded::kept).collect();
        for encoder in &encoders {
            let params = Pipeline::builder().position_columns(1).row_norm(RowNorm::L2).pca(2);
            let params = params.encoder(encoder.clone()).pyramid("1,2".parse().unwrap());
            let fit = |sets: &[Descriptors<'_, f64>], sample| {
                let pipeline = params.clone().sample(sample).fit_sets(sets, &mut Context::new()).unwrap();
                match pipeline.encoder().information().is_empirical() {
                    true => pipeline.learn_information(sets, 4, 0, &mut Context::new()).unwrap().0,
                    false => pipeline,
                }
            };
            let (got, expected) = (fit(&all, None), fit(&kept, None));
            let vectors = (got.encode_all(&all).unwrap(), expected.encode_all(&kept).unwrap());
            assert_close(&format!("{garbage}"), &vectors.0, &vectors.1, 1e-5);
            // A sample has none of them, either.
            assert!(fit(&all, Some(500)).encode_all(&all).unwrap().iter().all(|x| x.is_finite()));
        }
        let sample = OwnedDescriptors::draw(&all[0], 1000, 3).unwrap();
        assert!(sample.view().rows().iter().all(|x| x.abs() < 100.0));
    }
}

#[test]
fn if_all_weights_are_zero_a_vector_is_zero_and_a_fit_has_too_few_rows() {
    let x = Array2::from_elem((50, 3), f64::NAN);
    let weights = vec![0.0; 50];
    let set = Descriptors::new(x.view()).with_weights(&weights).unwrap();
    for (name, pipeline) in encoders() {
        assert!(pipeline.encode(&set).unwrap().iter().all(|x| *x == 0.0), "{name}");
    }
    let too_few = |error: Error| assert!(matches!(error, Error::TooFewRows { got: 0, .. }), "{error}");
    too_few(GaussianMixture::builder(1).fit(&set).unwrap_err());
    too_few(KMeans::builder(1).fit(&set).unwrap_err());
    too_few(PcaParams { n_components: 1, whiten: false }.fit(&set).unwrap_err());
    too_few(Pyramid::fit("1x1x1".parse().unwrap(), &set).unwrap_err());
    too_few(mixture(4, 3, 1).bic(&set, &Threads::one()).unwrap_err());
    let vectors = GaussianMixtureParams::default().fit(&set);
    assert!(vectors.is_err());
}

/// A score is asked of every row, so weights do not excuse one that has none.
#[test]
fn scores_are_of_every_row() {
    let data = padded(f64::NAN, 6);
    let mixture = mixture(4, 3, 1);
    let error = mixture.score_samples(&data.all(), &Threads::one()).unwrap_err();
    assert!(matches!(error, Error::NotFinite { row: 0, .. }), "{error}");
    assert!(mixture.predict(&data.all(), &Threads::one()).is_err());
    assert!(mixture.predict_proba(&data.all(), &Threads::one()).is_err());
    let (got, expected) =
        (mixture.aic(&data.all(), &Threads::one()), mixture.aic(&data.kept(), &Threads::one()));
    assert!((got.unwrap() - expected.unwrap()).abs() < 1e-6);
}

#[test]
fn a_row_of_positive_weight_is_still_looked_at_and_named() {
    let mut data = padded(f64::NAN, 7);
    data.weights[4] = 1e-300;
    for (name, pipeline) in encoders() {
        let error = pipeline.encode(&data.all()).unwrap_err();
        assert!(matches!(error, Error::NotFinite { row: 4, .. }), "{name}: {error}");
    }
    let normalization = Normalization::NONE;
    assert!(Pooling::new(3, normalization).unwrap().encode(&data.all()).is_err());
}
