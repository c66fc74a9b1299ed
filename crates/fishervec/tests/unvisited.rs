//! A norm of 1 is not made of rounding noise, nor of posteriors that a float type does not resolve.

mod common;

use common::{mixture, rows};
use fishervec::data::{Element, Real};
use fishervec::encode::{
    BagOfWordsParams, Block, Codebook, Convention, Encoder, FisherParams, Gradients, H2T, H2TParams,
    Information, Norm, VladParams,
};
use fishervec::mixture::KMeans;
use fishervec::{BagOfWords, Context, Descriptors, Encode, FisherVector, GaussianMixture, Pipeline, Vlad};
use ndarray::{Array1, Array2, ArrayView2, Axis, s};

fn fisher(mixture: &GaussianMixture, gradients: &str, norm: Norm, power: f64) -> FisherVector {
    let gradients = Some(gradients.parse().unwrap());
    let params = FisherParams { gradients, norm, power, ..FisherParams::default() };
    FisherVector::with_params(mixture.clone(), params).unwrap()
}

fn encode<T: Element>(encoder: impl Into<Encoder>, rows: ArrayView2<'_, T>) -> Array1<f64> {
    let vector = encoder.into().encode(&Descriptors::new(rows)).unwrap();
    vector.mapv(Real::to_f64)
}

fn cosine(a: &Array1<f64>, b: &Array1<f64>) -> f64 {
    a.dot(b) / (a.dot(a) * b.dot(b)).sqrt()
}

/// Descriptors as photographs have them: clusters of different widths around a few directions, of which one
/// set sees a part.
fn scene(k: usize, d: usize) -> (GaussianMixture, Vec<Array2<f64>>) {
    let wide = mixture(k, d, 31);
    let means = wide.means().mapv(|mu| 2.0 * mu);
    let wide = GaussianMixture::new(wide.weights().to_owned(), means, wide.covariances().to_owned()).unwrap();
    let all = rows(&wide, 3000, 32);
    let fitted = GaussianMixture::builder(k).seed(3).max_iter(10).fit(&all).unwrap();
    // The rows near one of them: a picture of one thing.
    let near = |centre: usize, n: usize| {
        let distance = |i: usize| (&all.row(i) - &all.row(centre)).mapv(|x| x * x).sum();
        let mut order: Vec<usize> = (0..all.nrows()).collect();
        order.sort_by(|a, b| distance(*a).total_cmp(&distance(*b)));
        all.select(Axis(0), &order[..n])
    };
    let sets = (0..12).map(|i| near(i * 97, [3, 30, 200][i % 3])).collect();
    (fitted, sets)
}

#[test]
fn single_and_double_precision_agree_where_many_components_are_unvisited() {
    for (k, d) in [(16, 8), (64, 12), (256, 6), (256, 16)] {
        let (mixture, sets) = scene(k, d);
        let soft = Codebook::soft(mixture.clone(), None).unwrap();
        let hard = Codebook::hard(mixture.means().to_owned()).unwrap();
        let bag = |norm| BagOfWordsParams { norm, ..BagOfWordsParams::default() };
        let mut encoders: Vec<Encoder> = vec![
            Vlad::new(soft.clone()).into(),
            Vlad::new(hard.clone()).into(),
            BagOfWords::with_params(soft, bag(Norm::IntraL2)).unwrap().into(),
            H2T::with_params(hard, H2TParams { power: 0.5, norm: Norm::IntraL2, ..H2TParams::default() })
                .unwrap()
                .into(),
        ];
        for gradients in ["m", "v", "m,v", "w,m,v"] {
            encoders.extend([0.5, 1.0].map(|power| fisher(&mixture, gradients, Norm::IntraL2, power).into()));
        }
        let (mut between, mut worst) = (0, 1.0_f64);
        for set in &sets {
            let single = set.mapv(|x| x as f32);
            let shares = common::statistics(&mixture, set.view(), None).s0().to_owned() / set.nrows() as f64;
            between += shares.iter().filter(|share| (1e-13..1e-7).contains(*share)).count();
            for encoder in &encoders {
                let cosine =
                    cosine(&encode(encoder.clone(), set.view()), &encode(encoder.clone(), single.view()));
                worst = worst.min(cosine);
                assert!(cosine > 0.9999, "K = {k}, D = {d}, {} rows: {cosine} {encoder:?}", set.nrows());
            }
        }
        println!(
            "K = {k}, D = {d}: {between} shares that only f64 has, worst cosine 1 - {:.1e}",
            1.0 - worst
        );
        assert!(between > 5, "the case is met");
    }
}

/// A power near 0, and the scale of a component that training sets hardly visit, raise entries that only
/// double precision has.
#[test]
fn single_and_double_precision_agree_whatever_raises_small_entries() {
    let d = 8;
    let clusters = mixture(16, d, 41);
    let means = clusters.means().mapv(|mu| 4.0 * mu);
    let clusters =
        GaussianMixture::new(clusters.weights().to_owned(), means, clusters.covariances().to_owned())
            .unwrap();
    let all = rows(&clusters, 4000, 42);
    let sets: Vec<Array2<f64>> =
        (0..20).map(|i| all.slice(s![i * 200..(i + 1) * 200, ..]).to_owned()).collect();
    let fit = |information, power| {
        let fisher =
            FisherVector::builder(clusters.clone()).information(information).power(power).norm(Norm::IntraL2);
        let pipeline = Pipeline::builder().encoder(fisher.into()).fit(&all).unwrap();
        match information {
            Some(_) => pipeline.learn_information(&sets[..], 20, 0, &mut Context::new()).unwrap().0,
            None => pipeline,
        }
    };
    let (empirical, centred) = (Some(Information::Empirical), Some(Information::EmpiricalCentred));
    for (information, power) in [(None, 0.1), (None, 0.25), (empirical, 0.5), (centred, 0.5)] {
        let pipeline = fit(information, power);
        for i in 0..40 {
            // The rows near one of them: one or two of the clusters.
            let n = [2, 9, 60][i % 3];
            let distance = |row: usize| (&all.row(row) - &all.row(97 * i)).mapv(|x| x * x).sum();
            let mut order: Vec<usize> = (0..all.nrows()).collect();
            order.sort_by(|a, b| distance(*a).total_cmp(&distance(*b)));
            let set = all.select(Axis(0), &order[..n]).mapv(|x| x as f32);
            let double = pipeline.encode(&set.mapv(f64::from)).unwrap();
            let single = pipeline.encode(&set).unwrap().mapv(f64::from);
            let cosine = cosine(&double, &single);
            assert!(cosine > 0.9999, "{information:?}, power {power}, set {i}: {cosine}");
        }
    }
}

/// The mixture whose moments are those of the rows.
fn own(rows: &Array2<f64>) -> GaussianMixture {
    let mean = rows.mean_axis(Axis(0)).unwrap().insert_axis(Axis(0));
    let variance = rows.var_axis(Axis(0), 0.0).insert_axis(Axis(0));
    GaussianMixture::new(Array1::ones(1), mean, variance).unwrap()
}

#[test]
fn one_component_on_its_own_training_set_is_zero() {
    for (offset, n) in [(0.0, 500), (3.0, 1777), (-40.0, 20_000)] {
        let x = rows(&mixture(5, 7, 2), n, 3) + offset;
        let single = x.mapv(|x| x as f32);
        let (double_own, single_own) = (own(&x), own(&single.mapv(f64::from)));
        for gradients in ["w,m,v", "m", "v", "m,v", "w"] {
            for norm in [Norm::L2, Norm::IntraL2] {
                for power in [1.0, 0.5] {
                    let zero = |vector: Array1<f64>| assert!(vector.iter().all(|x| *x == 0.0), "{vector}");
                    zero(encode(fisher(&double_own, gradients, norm, power), x.view()));
                    zero(encode(fisher(&single_own, gradients, norm, power), single.view()));
                }
            }
        }
        // Every convention, and half of the rows is not zero.
        for convention in Convention::ALL {
            let params = FisherParams { convention, ..FisherParams::default() };
            let encoder = FisherVector::with_params(double_own.clone(), params).unwrap();
            assert!(encode(encoder.clone(), x.view()).iter().all(|x| *x == 0.0));
            let half = encode(encoder, x.slice(s![..n / 2, ..]));
            assert!((half.dot(&half) - 1.0).abs() < 1e-12);
        }
    }
}

#[test]
fn residuals_that_cancel_are_zero_in_vlad() {
    let x = rows(&mixture(5, 7, 4), 3000, 5);
    let single = x.mapv(|x| x as f32);
    for k in [1, 6] {
        let fit = KMeans::builder(k).max_iter(1000).tol(0.0);
        let (double, of_single) = (fit.fit(&x).unwrap(), fit.fit(&single).unwrap());
        for norm in [Norm::IntraL2, Norm::L2] {
            for (power, mass) in [(0.5, false), (1.0, true)] {
                let params = VladParams { norm, power, mass, ..VladParams::default() };
                let vlad = |centres: &Array2<f64>| {
                    Vlad::with_params(Codebook::hard(centres.clone()).unwrap(), params.clone()).unwrap()
                };
                let vector = encode(vlad(&double.centres), x.view());
                assert!(vector.iter().all(|x| *x == 0.0), "{k} {vector}");
                let vector = encode(vlad(&of_single.centres), single.view());
                assert!(vector.iter().all(|x| *x == 0.0), "{k} f32 {vector}");
            }
        }
    }
    // A descriptor at its centre has no residual: only the other component is left.
    let centres = ndarray::array![[0.1, 0.2, 0.3], [70.3, 8.1, 9.7]];
    let rows = ndarray::array![[0.1, 0.2, 0.3], [70.3, 8.1, 9.9], [0.1, 0.2, 0.3]];
    let vector = encode(Vlad::new(Codebook::hard(centres).unwrap()), rows.view());
    assert!(vector.slice(s![..3]).iter().all(|x| *x == 0.0), "{vector}");
    assert!((vector[5] - 1.0).abs() < 1e-6, "{vector}");
}

#[test]
fn a_mean_that_cancels_is_zero_in_h2t() {
    let half = rows(&mixture(3, 4, 6), 500, 7);
    let mut x = Array2::zeros((1000, 4));
    x.slice_mut(s![..500, ..]).assign(&half);
    x.slice_mut(s![500.., ..]).assign(&-&half);
    let kmeans = KMeans::builder(1).fit(&x).unwrap();
    for norm in [Norm::L2, Norm::IntraL2] {
        let params = H2TParams { power: 1.0, norm, ..H2TParams::default() };
        let h2t = H2T::with_params(Codebook::hard(kmeans.centres.clone()).unwrap(), params).unwrap();
        let vector = encode(h2t.clone(), x.view());
        assert!(vector.iter().all(|x| *x == 0.0), "{vector}");
        let vector = encode(h2t, half.view());
        assert!((vector.dot(&vector) - 1.0).abs() < 1e-12);
    }
}

#[test]
fn what_is_small_but_resolved_keeps_its_norm() {
    let x = rows(&mixture(5, 7, 8), 500, 9);
    let shifted = x.mapv(|x| x + 1e-3);
    for norm in [Norm::L2, Norm::IntraL2] {
        let encoder = fisher(&own(&x), "m", norm, 1.0);
        for vector in
            [encode(encoder.clone(), shifted.view()), encode(encoder, shifted.mapv(|x| x as f32).view())]
        {
            assert!((vector.dot(&vector) - 1.0).abs() < 1e-6);
            assert!(vector.iter().all(|x| *x > 0.0), "all columns are shifted to the same side: {vector}");
        }
    }
    // One light descriptor alone at a centre: a hard assignment resolves any share.
    let centres = ndarray::array![[0.0, 0.0], [9.0, 9.0]];
    let rows = ndarray::array![[0.5, 0.2], [9.0, 9.5]];
    let weights = [1.0, 1e-9];
    let set = Descriptors::new(rows.view()).with_weights(&weights).unwrap();
    let vector: Array1<f64> = Vlad::new(Codebook::hard(centres).unwrap()).encode(&set).unwrap();
    assert!((vector[3] - 0.5_f64.sqrt()).abs() < 1e-9, "{vector}");
}

/// The gradient with respect to a weight says that nobody came: it is no noise.
#[test]
fn the_weight_of_an_unvisited_component_keeps_its_norm() {
    let (w, mu) = (Array1::from_elem(2, 0.5), ndarray::array![[0.0, 0.0], [100.0, 100.0]]);
    let mixture = GaussianMixture::new(w, mu, Array2::ones((2, 2))).unwrap();
    let x = ndarray::array![[0.5, -0.3], [0.1, 0.7]];
    let with = encode(fisher(&mixture, "w,m,v", Norm::IntraL2, 1.0), x.view());
    assert!((with[1] + 0.5_f64.sqrt()).abs() < 1e-12, "{with}");
    let without = encode(fisher(&mixture, "m,v", Norm::IntraL2, 1.0), x.view());
    assert!(without.slice(s![2..4]).iter().chain(&without.slice(s![6..8])).all(|x| *x == 0.0), "{without}");
    assert!((without.dot(&without) - 1.0).abs() < 1e-12);
    let blocks = Gradients::new(&[Block::Weights]).unwrap();
    assert_eq!(blocks.to_string(), "w");
}

#[test]
fn cells_without_descriptors_and_spatial_components_are_zero_too() {
    let mixture = mixture(6, 2, 10);
    let vlfeat =
        || FisherParams { convention: Convention::VLFEAT, norm: Norm::IntraL2, ..FisherParams::default() };
    let x =
        Array2::from_shape_fn((40, 3), |(i, j)| if j == 2 { 0.1 } else { ((i * 7 + j) % 5) as f64 * 0.1 });
    let params = Pipeline::builder()
        .position_columns(1)
        .encoder(FisherParams { mixture: mixture.clone().into(), ..vlfeat() }.into());
    let pyramid = params.clone().pyramid("1,2".parse().unwrap()).fit(&x).unwrap();
    let mut moved = x.clone();
    moved.column_mut(2).fill(5.0);
    for set in [&x, &moved] {
        let cells = pyramid.encode(set).unwrap();
        let cells = cells.to_shape((3, 24)).unwrap().to_owned();
        let norms: Vec<f64> = cells.outer_iter().map(|cell| cell.dot(&cell)).collect();
        assert_eq!(norms.iter().filter(|norm| **norm == 0.0).count(), 1, "{norms:?}");
        assert!(norms.iter().all(|norm| *norm == 0.0 || (norm - 1.0).abs() < 1e-12), "{norms:?}");
    }
    // A component of the descriptors that nobody visits has no location gradient, either.
    let far = ndarray::array![[0.0, 0.0], [100.0, 100.0]];
    let two = GaussianMixture::new(Array1::from_elem(2, 0.5), far, Array2::ones((2, 2))).unwrap();
    let location = common::mixture(2, 1, 11);
    let encoder = FisherVector::with_params(two, vlfeat()).unwrap().with_spatial(location).unwrap();
    let vector = encode(encoder, x.view());
    assert!((vector.dot(&vector) - 1.0).abs() < 1e-12);
    let single = vector.iter().filter(|x| **x != 0.0).count();
    assert!(single <= vector.len() / 2, "{vector}");
}
