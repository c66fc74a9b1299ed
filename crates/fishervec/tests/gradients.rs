//! The Fisher vector against the definition of a gradient and against the formulas of the literature.

mod common;

use common::*;
use fishervec::data::Moments;
use fishervec::encode::{Convention, FisherParams, Gradients, Information, Norm, Normalization, Scale};
use fishervec::{Descriptors, Encode, FisherVector, GaussianMixture, Statistics};
use ndarray::{Array1, Array2, Axis, concatenate, s};

fn encoder(
    mixture: &GaussianMixture,
    convention: Convention,
    information: Option<Information>,
) -> FisherVector {
    let params = FisherParams { convention, information, ..fisher_params(Normalization::NONE) };
    FisherVector::with_params(mixture.clone(), params).unwrap()
}

fn encode(encoder: &FisherVector, rows: &Array2<f64>) -> Vec<f64> {
    let mut out = vec![0.0; encoder.output_dim()];
    encoder.encode_statistics(&statistics(encoder.gmm(), rows.view(), Some(0.0)), &mut out).unwrap();
    out
}

/// The central difference of (1/N) log p(X) when entry `i` of a parameter moves by `h`.
fn difference(count: usize, at: impl Fn(usize, f64) -> f64) -> Vec<f64> {
    let h = 1e-5;
    (0..count).map(|i| (at(i, h) - at(i, -h)) / (2.0 * h)).collect()
}

#[test]
fn gradients_equal_finite_differences_for_every_parametrisation() {
    let mixture = mixture(4, 3, 1);
    let x = rows(&mixture, 40, 2);
    let (w, mu, v) =
        (mixture.weights().to_owned(), mixture.means().to_owned(), mixture.covariances().to_owned());
    let moment = Convention { scale: Scale::Moment, ..Convention::SANCHEZ };
    let abc = encode(&encoder(&mixture, moment, Some(Information::None)), &x);
    let (a, b, c) = (&abc[..4], &abc[4..16], &abc[16..]);
    let v_of = |i: usize| v[[i / 3, i % 3]];

    let alpha = difference(4, |i, h| {
        let mut logits = w.mapv(f64::ln);
        logits[i] += h;
        let exp = logits.mapv(f64::exp);
        mean_log_likelihood(&(&exp / exp.sum()), &mu, &v, &x)
    });
    assert_close("alpha: A", a, &alpha, 1e-8);

    let means = difference(12, |i, h| {
        let mut mu = mu.clone();
        mu[[i / 3, i % 3]] += h;
        mean_log_likelihood(&w, &mu, &v, &x)
    });
    let expected: Vec<f64> = b.iter().enumerate().map(|(i, b)| b / v_of(i)).collect();
    assert_close("mu: B / v", &expected, &means, 1e-8);

    // Each parameter of the variance: how it moves v, and what the gradient is in terms of C.
    type Move = fn(f64, f64) -> f64;
    let parameters: [(&str, Move, Move); 5] = [
        ("sigma: C / sigma^3", |v, h| (v.sqrt() + h).powi(2), |c, v| c / (v * v.sqrt())),
        ("v: C / (2 v^2)", |v, h| v + h, |c, v| c / (2.0 * v * v)),
        ("log sigma: C / v", |v, h| v * (2.0 * h).exp(), |c, v| c / v),
        ("log v: C / (2 v)", |v, h| v * h.exp(), |c, v| c / (2.0 * v)),
        ("1/v: -C / 2", |v, h| 1.0 / (1.0 / v + h), |c, _| -c / 2.0),
    ];
    for (name, moved, gradient) in parameters {
        let numeric = difference(12, |i, h| {
            let mut v = v.clone();
            v[[i / 3, i % 3]] = moved(v[[i / 3, i % 3]], h);
            mean_log_likelihood(&w, &mu, &v, &x)
        });
        let expected: Vec<f64> = c.iter().enumerate().map(|(i, c)| gradient(*c, v_of(i))).collect();
        assert_close(name, &expected, &numeric, 1e-8);
    }

    // The scale `Gradient` is these gradients themselves, for sigma and for 1/v.
    for (convention, name) in [
        (Convention::SANCHEZ, "sigma"),
        (Convention { scale: Scale::Gradient, ..Convention::GIST }, "precision"),
    ] {
        let raw = encode(&encoder(&mixture, convention, Some(Information::None)), &x);
        assert_close("alpha", &raw[..4], &alpha, 1e-8);
        assert_close("mu", &raw[4..16], &means, 1e-8);
        let gradient = if name == "sigma" { parameters[0].2 } else { parameters[4].2 };
        let expected: Vec<f64> = c.iter().enumerate().map(|(i, c)| gradient(*c, v_of(i))).collect();
        assert_close(name, &raw[16..], &expected, 1e-12);
    }
}

#[test]
fn closed_form_equals_the_naive_oracle() {
    for (k, d, n) in [(1, 1, 1), (3, 2, 50), (16, 20, 300), (7, 33, 129)] {
        let mixture = mixture(k, d, 3);
        let x = rows(&mixture, n, 4);
        let expected = sanchez(&mixture, &x);
        let encoder = encoder(&mixture, Convention::SANCHEZ, None);
        let mut out = vec![0.0; encoder.output_dim()];

        encoder.encode_statistics(&statistics(&mixture, x.view(), None), &mut out).unwrap();
        let error = relative_error(&out, &expected);
        assert!(error < 1e-12, "f64, K = {k}, D = {d}, n = {n}: {error:e}");

        // The oracle sees the very rows that the f32 kernel sees.
        let single = x.mapv(|x| x as f32);
        let expected = sanchez(&mixture, &single.mapv(f64::from));
        encoder.encode_statistics(&statistics(&mixture, single.view(), None), &mut out).unwrap();
        let error = relative_error(&out, &expected);
        assert!(error < 1e-5, "f32, K = {k}, D = {d}, n = {n}: {error:e}");
    }
}

/// A feature in another unit, and the mixture with it: x -> c x, mu -> c mu, v -> c^2 v.
fn rescaled(
    mixture: &GaussianMixture,
    x: &Array2<f64>,
    unit: &Array1<f64>,
) -> (GaussianMixture, Array2<f64>) {
    let means = &mixture.means() * unit;
    let covariances = &mixture.covariances() * &(unit * unit);
    (GaussianMixture::new(mixture.weights().to_owned(), means, covariances).unwrap(), x * unit)
}

#[test]
fn the_closed_form_does_not_depend_on_units() {
    let mixture = mixture(5, 4, 5);
    let x = rows(&mixture, 100, 6);
    let (other, y) = rescaled(&mixture, &x, &Array1::from(vec![1e-6, 0.1, 42.0, 3e7]));
    let one = encode(&encoder(&mixture, Convention::SANCHEZ, None), &x);
    let two = encode(&encoder(&other, Convention::SANCHEZ, None), &y);
    assert!(relative_error(&two, &one) < 1e-10, "{:e}", relative_error(&two, &one));
}

/// The correction posted under the gist divides C by sqrt(2 w) but not by v: a change of unit by c changes
/// its entries by c^2, and no power or norm repairs that.
#[test]
fn the_correction_in_the_gists_comments_leaks_units() {
    let mixture = mixture(5, 4, 5);
    let x = rows(&mixture, 100, 6);
    let unit = Array1::from(vec![1.0, 1.0, 10.0, 1.0]);
    let (other, y) = rescaled(&mixture, &x, &unit);
    let posted = |mixture: &GaussianMixture, x: &Array2<f64>| {
        let (_, _, c) = moments(mixture, x);
        c / &mixture.weights().mapv(|w| (2.0 * w).sqrt()).insert_axis(Axis(1))
    };
    let (one, two) = (posted(&mixture, &x), posted(&other, &y));
    for ((k, j), one) in one.indexed_iter() {
        assert!((two[[k, j]] / one - unit[j] * unit[j]).abs() < 1e-6 * unit[j] * unit[j]);
    }
    let improved = |c: &Array2<f64>| {
        let root = c.mapv(|c| c.abs().sqrt().copysign(c));
        let norm = root.mapv(|x| x * x).sum().sqrt();
        (root / norm).iter().copied().collect::<Vec<f64>>()
    };
    assert!(relative_error(&improved(&two), &improved(&one)) > 0.5);
}

#[test]
fn the_order_of_the_descriptors_does_not_matter() {
    let mixture = mixture(6, 5, 7);
    let x = rows(&mixture, 2500, 8);
    let reversed = x.slice(s![..;-1, ..]).to_owned();
    let encoder = encoder(&mixture, Convention::SANCHEZ, None);
    assert!(relative_error(&encode(&encoder, &reversed), &encode(&encoder, &x)) < 1e-12);
}

#[test]
fn statistics_of_parts_can_be_merged_and_subtracted() {
    let mixture = mixture(6, 5, 9);
    let (a, b) = (rows(&mixture, 1300, 10), rows(&mixture, 700, 11));
    let both = concatenate(Axis(0), &[a.view(), b.view()]).unwrap();
    let of = |rows: &Array2<f64>| statistics(&mixture, rows.view(), None);
    let mut merged = of(&a);
    merged.merge(&of(&b)).unwrap();
    let close = |left: &Statistics, right: &Statistics| {
        assert!((left.n() - right.n()).abs() < 1e-12);
        assert_close("S0", left.s0(), right.s0(), 1e-11);
        assert_close("Z1", left.z1(), right.z1(), 1e-11);
        assert_close("Z2", left.z2(), right.z2(), 1e-11);
        assert_close("log p", [&left.log_likelihood()], [&right.log_likelihood()], 1e-11);
    };
    close(&merged, &of(&both));
    merged.subtract(&of(&b)).unwrap();
    close(&merged, &of(&a));
    let mut twice = of(&a);
    twice.scale(2.0).unwrap();
    merged.merge(&of(&a)).unwrap();
    close(&twice, &merged);
    assert!(twice.scale(f64::NAN).is_err() && twice.scale(-1.0).is_err());
}

#[test]
fn statistics_that_were_computed_elsewhere_give_the_same_vector() {
    let near = mixture(3, 4, 1);
    let set = rows(&near, 60, 2);
    let statistics = statistics(&near, set.view(), None);
    let flat = |sums: ndarray::ArrayView2<'_, f64>| sums.iter().copied().collect::<Vec<_>>();
    let (s0, z1, z2) = (statistics.s0().to_vec(), flat(statistics.z1()), flat(statistics.z2()));
    let same = Statistics::from_sums(&near, statistics.n(), &s0, &z1, &z2).unwrap();
    let encoder = FisherVector::new(near.clone());
    let vector = |statistics: &Statistics| {
        let mut out = vec![0.0; encoder.output_dim()];
        encoder.encode_statistics(statistics, &mut out).unwrap();
        out
    };
    assert_eq!(vector(&same), vector(&statistics));
    let short = Statistics::from_sums(&near, 60.0, &s0, &z1[1..], &z2).unwrap_err().to_string();
    assert!(short.contains("Z1") && short.contains("12") && short.contains("11"), "{short}");
    let wrong = Statistics::from_sums(&near, f64::NAN, &s0, &z1, &z2).unwrap_err().to_string();
    assert!(wrong.contains("finite numbers, got NaN"), "{wrong}");
}

#[test]
fn raw_moments_are_the_sums_of_the_posteriors() {
    let mixture = mixture(4, 3, 12);
    let x = rows(&mixture, 60, 13);
    let q = posteriors(&mixture, &x);
    let statistics = statistics(&mixture, x.view(), Some(0.0));
    assert_close("S0", statistics.s0(), &q.sum_axis(Axis(0)), 1e-12);
    assert_close("S1", &statistics.s1(&mixture).unwrap(), &q.t().dot(&x), 1e-12);
    assert_close("S2", &statistics.s2(&mixture).unwrap(), &q.t().dot(&x.mapv(|x| x * x)), 1e-12);
}

#[test]
fn weights_of_descriptors_are_repetitions() {
    let mixture = mixture(4, 3, 14);
    let x = rows(&mixture, 30, 15);
    let counts: Vec<usize> = (0..30).map(|i| i % 4).collect();
    let weights: Vec<f64> = counts.iter().map(|c| *c as f64).collect();
    let repeated: Vec<usize> = counts.iter().enumerate().flat_map(|(i, c)| vec![i; *c]).collect();
    let weighted = Descriptors::new(x.view()).with_weights(&weights).unwrap();
    let one = mixture.accumulate(&weighted, None, &Default::default(), &Default::default()).unwrap();
    let two = statistics(&mixture, x.select(Axis(0), &repeated).view(), None);
    assert_eq!(one.n(), two.n());
    assert_close("S0", one.s0(), two.s0(), 1e-12);
    assert_close("Z1", one.z1(), two.z1(), 1e-12);
    assert_close("Z2", one.z2(), two.z2(), 1e-12);
    assert_close("log p", [&one.log_likelihood()], [&two.log_likelihood()], 1e-12);
}

#[test]
fn an_explicit_choice_wins_and_blocks_come_in_the_order_asked_for() {
    let mixture = mixture(3, 2, 16);
    let x = rows(&mixture, 50, 17);
    let all = encode(&encoder(&mixture, Convention::SANCHEZ, None), &x);
    let with = |text: &str, information| {
        let gradients = Some(text.parse::<Gradients>().unwrap());
        let params = FisherParams { gradients, information, ..fisher_params(Normalization::NONE) };
        encode(&FisherVector::with_params(mixture.clone(), params).unwrap(), &x)
    };
    assert_eq!(with("v,m", None), [&all[9..], &all[3..9]].concat());
    assert_eq!(with("w", None), all[..3]);
    assert_ne!(with("m", Some(Information::None)), all[3..9]);
    for bad in ["", "w,w", "x", "w m"] {
        assert!(bad.parse::<Gradients>().is_err(), "{bad:?}");
    }
    assert!(Convention::by_name("nobody").is_err());
}

#[test]
fn intra_normalisation_gives_each_component_the_same_energy() {
    let mixture = mixture(3, 2, 18);
    let x = rows(&mixture, 50, 19);
    let params = fisher_params(Normalization { power: 0.5, norm: Norm::IntraL2 });
    let out = encode(&FisherVector::with_params(mixture, params).unwrap(), &x);
    for k in 0..3 {
        let entries = [k..k + 1, 3 + 2 * k..5 + 2 * k, 9 + 2 * k..11 + 2 * k];
        let energy: f64 = entries.into_iter().flat_map(|e| &out[e]).map(|x| x * x).sum();
        assert!((energy - 1.0 / 3.0).abs() < 1e-12, "{energy}");
    }
}

/// The empirical information of many sets: the mean square (or mean and variance) of each coordinate is 1
/// (or 0 and 1) over the training sets, and the unit of the raw gradient does not matter.
#[test]
fn the_empirical_information_makes_coordinates_comparable() {
    let mixture = mixture(3, 2, 50);
    let sets: Vec<_> =
        (0..40).map(|i| statistics(&mixture, rows(&mixture, 20, 51 + i).view(), None)).collect();
    let encode_all = |information, convention: Convention| {
        let encoder = encoder(&mixture, convention, Some(information));
        let mut fit = Moments::new(encoder.output_dim());
        sets.iter().for_each(|set| encoder.add_information(&mut fit, set).unwrap());
        let encoder = encoder.with_information(&fit).unwrap();
        let mut out = Array2::zeros((sets.len(), encoder.output_dim()));
        for (set, mut row) in sets.iter().zip(out.outer_iter_mut()) {
            encoder.encode_statistics(set, row.as_slice_mut().unwrap()).unwrap();
        }
        let mut empty = vec![1.0; encoder.output_dim()];
        encoder.encode_statistics(&Statistics::empty(&mixture), &mut empty).unwrap();
        assert!(empty.iter().all(|x| *x == 0.0), "an empty set stays the zero vector");
        out
    };
    let uncentred = encode_all(Information::Empirical, Convention::SANCHEZ);
    let ones = vec![1.0; uncentred.ncols()];
    assert_close("mean square", &uncentred.mapv(|x| x * x).mean_axis(Axis(0)).unwrap(), &ones, 1e-12);
    let centred = encode_all(Information::EmpiricalCentred, Convention::SANCHEZ);
    assert_close("mean", &centred.mean_axis(Axis(0)).unwrap(), &vec![0.0; ones.len()], 1e-12);
    assert_close("variance", &centred.var_axis(Axis(0), 0.0), &ones, 1e-12);
    let mut gist = encode_all(Information::Empirical, Convention::GIST);
    gist.slice_mut(s![.., 9..]).mapv_inplace(|x| -x);
    assert_close("gist", &gist, &uncentred, 1e-10);
}

#[test]
fn an_empirical_information_needs_its_training_sets_and_is_safe_where_nothing_varies() {
    let mixture = GaussianMixture::new(
        ndarray::array![0.5, 0.0, 0.5],
        ndarray::array![[0.0], [1.0], [4.0]],
        Array2::ones((3, 1)),
    )
    .unwrap();
    let set = statistics(&mixture, ndarray::array![[0.3], [3.0]].view(), None);
    for information in [Information::Empirical, Information::EmpiricalCentred] {
        let encoder = encoder(&mixture, Convention::SANCHEZ, Some(information));
        let mut out = vec![0.0; encoder.output_dim()];
        let unfitted = encoder.encode_statistics(&set, &mut out).unwrap_err().to_string();
        assert!(unfitted.contains("a fit on training sets"), "{unfitted}");
        let none =
            encoder.clone().with_information(&Moments::new(encoder.output_dim())).unwrap_err().to_string();
        assert!(none.contains("(sets) for the empirical information"), "{none}");
        // Two equal sets do not vary around their mean, and the gradient of the dead component is zero.
        let mut fit = Moments::new(encoder.output_dim());
        (0..2).for_each(|_| encoder.add_information(&mut fit, &set).unwrap());
        encoder.with_information(&fit).unwrap().encode_statistics(&set, &mut out).unwrap();
        assert!(out.iter().all(|x| x.is_finite()), "{out:?}");
        assert!(out[1] == 0.0 && out[4] == 0.0 && out[7] == 0.0, "{out:?}");
        let expected = if information == Information::Empirical { 1.0 } else { 0.0 };
        assert!((out[0].abs() - expected).abs() < 1e-12, "{out:?}");
    }
}
