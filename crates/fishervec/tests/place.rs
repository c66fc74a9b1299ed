//! Where descriptors are: the spatial Fisher vector against the definition of a gradient and against the formulas of the
//! literature, the spatial pyramid against encoding each cell's descriptors.

mod common;

use common::*;
use fishervec::{
    BagOfWords, BagOfWordsParams, Codebook, Convention, Descriptors, Encoder, EncoderParams, FisherParams,
    FisherVector, GaussianMixture, GaussianMixtureParams, Gradients, Grids, Information, LayoutParams,
    Location, Normalization, PcaParams, Pipeline, PipelineParams, Pooling, Pyramid, RowNorm, Step, Threads,
    Vlad, VladParams, Workspace,
};
use ndarray::{Array1, Array2, Axis, array, concatenate, s};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

const K: usize = 3;
const D: usize = 4;
const L: usize = 2;

fn location(c: usize) -> GaussianMixture {
    let means = Array2::from_shape_fn((c, L), |(c, j)| 0.3 * c as f64 - 0.2 * j as f64);
    let covariances = Array2::from_shape_fn((c, L), |(c, j)| 1.0 / (9.0 + 2.0 * c as f64 + j as f64));
    let weights = Array1::from_shape_fn(c, |c| 2.0 + c as f64);
    GaussianMixture::new(&weights / weights.sum(), means, covariances).unwrap()
}

/// Descriptors of a mixture, and places that depend on them a little.
fn data(n: usize) -> (GaussianMixture, Array2<f64>) {
    let mixture = mixture(K, D, 1);
    let x = rows(&mixture, n, 2);
    let (noise, _) = location(2).sample(n, 3);
    let places = Array2::from_shape_fn((n, L), |(n, j)| noise[[n, j]] + 0.1 * x[[n, j]].sin());
    let all = concatenate![Axis(1), x, places];
    (mixture, all)
}

fn fisher(mixture: &GaussianMixture, information: Information, c: usize) -> FisherVector {
    let params = FisherParams {
        information: Some(information),
        normalization: Normalization::NONE,
        threshold: Some(0.0),
        ..FisherParams::default()
    };
    FisherVector::new(mixture.clone(), params).unwrap().with_spatial(location(c)).unwrap()
}

fn encode(encoder: &FisherVector, rows: &Array2<f64>) -> Vec<f64> {
    let mut out = vec![0.0; encoder.len()];
    let statistics = statistics(encoder.statistics_mixture(), rows.view(), Some(0.0));
    encoder.encode_statistics(&statistics, &mut out).unwrap();
    out
}

#[test]
fn gradients_for_the_place_equal_finite_differences() {
    let (mixture, x) = data(40);
    for c in [1, 3] {
        let encoder = fisher(&mixture, Information::None, c);
        let joint = encoder.statistics_mixture();
        let (w, mu, v) =
            (joint.weights().to_owned(), joint.means().to_owned(), joint.covariances().to_owned());
        let got = encode(&encoder, &x);
        let got = &got[K + 2 * K * D..];
        let h = 1e-5;
        let slope = |at: &dyn Fn(f64) -> f64| (at(h) - at(-h)) / (2.0 * h);
        let mut expected = Vec::new();
        // Each component has a location model of its own, which happens to be the same for all.
        if c > 1 {
            for i in 0..K * c {
                let moved = |h: f64| {
                    let own = i / c * c..(i / c + 1) * c;
                    let mut w = w.clone();
                    let whole = w.slice(s![own.clone()]).sum();
                    w[i] *= h.exp();
                    let scale = whole / w.slice(s![own.clone()]).sum();
                    w.slice_mut(s![own]).mapv_inplace(|w| w * scale);
                    mean_log_likelihood(&w, &mu, &v, &x)
                };
                expected.push(slope(&moved));
            }
        }
        for i in 0..K * c {
            for j in D..D + L {
                expected.push(slope(&|h| {
                    let mut mu = mu.clone();
                    mu[[i, j]] += h;
                    mean_log_likelihood(&w, &mu, &v, &x)
                }));
            }
        }
        for i in 0..K * c {
            for j in D..D + L {
                expected.push(slope(&|h| {
                    let mut v = v.clone();
                    v[[i, j]] = (v[[i, j]].sqrt() + h).powi(2);
                    mean_log_likelihood(&w, &mu, &v, &x)
                }));
            }
        }
        assert_close(&format!("C = {c}"), got, &expected, 1e-8);
    }
}

/// The blocks t, m, S of the closed form, one descriptor at a time, of posteriors q (n, K) and r (n, C).
fn naive_place(
    q: &Array2<f64>,
    r: &Array2<f64>,
    w: &Array1<f64>,
    place: &GaussianMixture,
    l: &Array2<f64>,
) -> Vec<f64> {
    let (n, k, c) = (q.nrows() as f64, q.ncols(), r.ncols());
    let (t, m, s) = (place.weights(), place.means(), place.covariances());
    let (mut shares, mut means, mut spreads) = (vec![0.0; k * c], vec![0.0; k * c * L], vec![0.0; k * c * L]);
    for i in 0..q.nrows() {
        for k in 0..k {
            for c in 0..c {
                let (at, scale) = (k * r.ncols() + c, (w[k] * t[c]).sqrt());
                shares[at] += q[[i, k]] * (r[[i, c]] - t[c]) / (n * scale);
                for j in 0..L {
                    let u = (l[[i, j]] - m[[c, j]]) / s[[c, j]].sqrt();
                    means[at * L + j] += q[[i, k]] * r[[i, c]] * u / (n * scale);
                    spreads[at * L + j] +=
                        q[[i, k]] * r[[i, c]] * (u * u - 1.0) / (n * scale * 2.0_f64.sqrt());
                }
            }
        }
    }
    if c == 1 {
        shares.clear();
    }
    [shares, means, spreads].concat()
}

#[test]
fn closed_form_equals_the_naive_oracle_and_leaves_the_descriptors_alone() {
    let (mixture, all) = data(200);
    let (x, l) = (all.slice(s![.., ..D]).to_owned(), all.slice(s![.., D..]).to_owned());
    for c in [1, 2, 4] {
        let encoder = fisher(&mixture, Information::ClosedForm, c);
        assert_eq!(encoder.len(), K * (1 + 2 * D + 2 * c * L + if c > 1 { c } else { 0 }));
        let (q, r) = (posteriors(&mixture, &x), posteriors(&location(c), &l));
        let mut expected = sanchez(&mixture, &x);
        expected.extend(naive_place(&q, &r, &mixture.weights().to_owned(), &location(c), &l));
        assert_close(&format!("C = {c}"), &encode(&encoder, &all), &expected, 1e-12);
        // In single precision too, with the default threshold.
        let single = all.mapv(|x| x as f32);
        let pipeline = Pipeline::new(
            D + L,
            vec![Step::Carry(L)],
            Encoder::Fisher(Box::new(
                FisherVector::new(
                    mixture.clone(),
                    FisherParams { normalization: Normalization::NONE, ..FisherParams::default() },
                )
                .unwrap()
                .with_spatial(location(c))
                .unwrap(),
            )),
        )
        .unwrap();
        let vector = pipeline.encode(&Descriptors::new(single.view()), &Threads::one()).unwrap();
        assert!(relative_error(vector.as_slice().unwrap(), &expected) < 1e-5);
    }
}

#[test]
fn the_bag_of_words_has_its_shares_and_the_place() {
    let (mixture, all) = data(150);
    let (x, l) = (all.slice(s![.., ..D]).to_owned(), all.slice(s![.., D..]).to_owned());
    let plain = BagOfWordsParams { normalization: Normalization::NONE, ..BagOfWordsParams::default() };
    let one_hot = |q: &Array2<f64>| {
        let mut hard = Array2::zeros(q.dim());
        for (q, mut hard) in q.outer_iter().zip(hard.outer_iter_mut()) {
            let best = (0..q.len()).max_by(|a, b| q[*a].total_cmp(&q[*b])).unwrap();
            hard[best] = 1.0;
        }
        hard
    };
    for c in [1, 3] {
        for hard in [false, true] {
            let codebook = if hard {
                Codebook::hard(mixture.means().to_owned()).unwrap()
            } else {
                Codebook::soft(mixture.clone(), Some(0.0)).unwrap()
            };
            let (mut q, mut r) = (posteriors(codebook.mixture(), &x), posteriors(&location(c), &l));
            if hard {
                (q, r) = (one_hot(&q), one_hot(&r));
            }
            let w = codebook.mixture().weights().to_owned();
            let shares = q.mean_axis(Axis(0)).unwrap() / w.mapv(f64::sqrt);
            let expected = [shares.to_vec(), naive_place(&q, &r, &w, &location(c), &l)].concat();
            let bag = BagOfWords::new(codebook, plain).unwrap().with_spatial(location(c)).unwrap();
            assert_eq!(bag.len(), K * (1 + 2 * c * L + if c > 1 { c } else { 0 }));
            let threshold = if hard { Some(1.0) } else { Some(0.0) };
            let statistics = statistics(bag.statistics_mixture(), all.view(), threshold);
            let mut out = vec![0.0; bag.len()];
            bag.encode_statistics(&statistics, &mut out).unwrap();
            assert_close(&format!("C = {c}, hard {hard}"), &out, &expected, 1e-11);
        }
    }
}

/// Sets of descriptors and places, of different sizes.
fn sets(count: usize) -> Vec<Array2<f64>> {
    let (_, all) = data(60 * count);
    (0..count).map(|i| all.slice(s![60 * i..60 * i + 20 + i % 40, ..]).to_owned()).collect()
}

#[test]
fn an_empirical_information_standardises_the_place_too() {
    let (mixture, _) = data(10);
    let sets = sets(50);
    let sets: Vec<_> = sets.iter().map(|set| Descriptors::new(set.view())).collect();
    let steps = || vec![Step::Carry(L)];
    let bag = |information| {
        let params = BagOfWordsParams { information: Some(information), normalization: Normalization::NONE };
        let codebook = Codebook::hard(mixture.means().to_owned()).unwrap();
        let bag = BagOfWords::new(codebook, params).unwrap().with_spatial(location(2)).unwrap();
        Encoder::BagOfWords(Box::new(bag))
    };
    let pyramid = || Pyramid::new("1x1,2x1".parse().unwrap(), vec![-0.5; 2], vec![0.5; 2]).unwrap();
    for (information, centred) in [(Information::Empirical, false), (Information::EmpiricalCentred, true)] {
        let fisher = || Encoder::Fisher(Box::new(fisher(&mixture, information, 2)));
        for (encoder, cells) in [
            (fisher(), None),
            (bag(information), None),
            (fisher(), Some(pyramid())),
            (bag(information), Some(pyramid())),
        ] {
            let pipeline = Pipeline::with_cells(D + L, steps(), cells, encoder).unwrap();
            let unfitted = pipeline.encode(&sets[0], &Threads::one()).unwrap_err().to_string();
            assert!(unfitted.contains("a fit on training sets"), "{unfitted}");
            let mut fit = pipeline.information_fit().unwrap();
            for set in &sets {
                pipeline.add_information(&mut fit, set, &Threads::one(), &Workspace::default()).unwrap();
            }
            let pipeline = pipeline.with_information(fit).unwrap();
            let vectors = pipeline.encode_sets(&sets, &Threads::one()).unwrap();
            let cells = pipeline.pyramid().map_or(1, Pyramid::cells);
            // Each cell is a training set; an empty one would be zero, but here is none.
            let p = pipeline.encoder().len();
            let each = vectors.to_shape((sets.len() * cells, p)).unwrap().to_owned();
            for column in each.columns() {
                let (mean, square) = (column.mean().unwrap(), column.mapv(|x| x * x).mean().unwrap());
                assert!((square - 1.0).abs() < 1e-9, "{square}");
                assert!(!centred || mean.abs() < 1e-9);
            }
            let again = Pipeline::from_bytes(&pipeline.to_bytes().unwrap()).unwrap();
            assert_eq!(again.encode_sets(&sets, &Threads::one()).unwrap(), vectors);
        }
    }
}

/// Which cell of a grid over [-1/2, 1/2] a place is in, by the definition.
fn in_cell(place: &[f64], grid: &[usize], cell: &[usize]) -> bool {
    place.iter().zip(grid).zip(cell).all(|((x, g), i)| {
        let at = ((x + 0.5) * *g as f64).floor().clamp(0.0, *g as f64 - 1.0);
        at == *i as f64
    })
}

#[test]
fn each_cell_is_what_encoding_its_descriptors_gives() {
    let (mixture, mut all) = data(3000);
    // Places on the cuts, and outside of the range.
    for (i, x) in [-0.5, 0.0, 0.5, 0.7, -9.0, 1.0 / 6.0].into_iter().enumerate() {
        all[[i, D]] = x;
        all[[2 * i, D + 1]] = x;
    }
    let weights: Vec<f64> = (0..3000).map(|i| (i % 4) as f64).collect();
    let codebook = Codebook::hard(mixture.means().to_owned()).unwrap();
    let fisher_params = FisherParams::default();
    let encoders = [
        Encoder::Fisher(Box::new(FisherVector::new(mixture.clone(), fisher_params).unwrap())),
        Encoder::Fisher(Box::new(fisher(&mixture, Information::ClosedForm, 2))),
        Encoder::Vlad(Box::new(
            Vlad::new(codebook.clone(), VladParams { residual: true, ..VladParams::default() }).unwrap(),
        )),
        Encoder::BagOfWords(Box::new(BagOfWords::new(codebook, BagOfWordsParams::default()).unwrap())),
    ];
    let grids: [&[usize]; 4] = [&[1, 1], &[2, 2], &[3, 1], &[1, 6]];
    for encoder in encoders {
        let pyramid = Pyramid::new("1x1,2x2,3x1,1x6".parse().unwrap(), vec![-0.5; L], vec![0.5; L]).unwrap();
        assert_eq!(pyramid.cells(), 14);
        let own = encoder.dim();
        let carry = vec![Step::Carry(L)];
        let pipeline = Pipeline::with_cells(D + L, carry, Some(pyramid), encoder.clone()).unwrap();
        let steps = if own == D { vec![] } else { vec![Step::Carry(L)] };
        let direct = Pipeline::new(own, steps, encoder).unwrap();
        let source =
            Counting(Descriptors::new(all.view()).with_weights(&weights).unwrap(), AtomicUsize::new(0));
        let got = pipeline.encode(&source, &Threads::one()).unwrap();
        assert_eq!(source.1.load(Ordering::Relaxed), 3000);
        let mut expected = Vec::new();
        for grid in grids {
            for y in 0..grid[1] {
                for x in 0..grid[0] {
                    let inside: Vec<usize> =
                        (0..3000).filter(|i| in_cell(&all.row(*i).to_vec()[D..], grid, &[x, y])).collect();
                    let part = all.select(Axis(0), &inside).slice(s![.., ..own]).to_owned();
                    let weights: Vec<f64> = inside.iter().map(|i| weights[*i]).collect();
                    let set = Descriptors::new(part.view()).with_weights(&weights).unwrap();
                    expected.extend(direct.encode(&set, &Threads::one()).unwrap());
                }
            }
        }
        assert_close("cells", &got, &expected, 1e-9);
        for threads in [2, 5] {
            let again = pipeline.encode(&source, &Threads::new(threads).unwrap()).unwrap();
            assert_eq!(again, got, "{threads} threads");
        }
        let nothing = Array2::<f64>::zeros((0, D + L));
        let empty = pipeline.encode(&Descriptors::new(nothing.view()), &Threads::one()).unwrap();
        assert!(empty.iter().all(|x| *x == 0.0));
        let again = Pipeline::from_bytes(&pipeline.to_bytes().unwrap()).unwrap();
        assert_eq!(again.encode(&source, &Threads::one()).unwrap(), got);
        assert_eq!(again.to_bytes().unwrap(), pipeline.to_bytes().unwrap());
    }
}

fn params(place: LayoutParams) -> PipelineParams {
    let mixture = GaussianMixtureParams { n_components: 4, ..GaussianMixtureParams::default() };
    PipelineParams {
        carry: L,
        rows: RowNorm::None,
        pca: Some(PcaParams { n_components: 3, whiten: false }),
        encoder: EncoderParams::Fisher(mixture, FisherParams::default()),
        place,
    }
}

#[test]
fn a_fit_learns_the_place_from_the_carried_columns() {
    let (_, all) = data(2000);
    let source = Descriptors::new(all.view());
    let fit = |place| params(place).fit(&source, &Threads::one(), &mut |_| ControlFlow::Continue(()));
    let components = |n_components| {
        Some(Location::Fitted(GaussianMixtureParams { n_components, ..GaussianMixtureParams::default() }))
    };
    let one = fit(LayoutParams { spatial: components(1), pyramid: None }).unwrap();
    let location = one.encoder().spatial().unwrap().location();
    let places = all.slice(s![.., D..]);
    assert_close("mean", location.means(), &places.mean_axis(Axis(0)).unwrap(), 1e-12);
    assert_close("variance", location.covariances(), &places.var_axis(Axis(0), 0.0), 1e-12);
    assert_eq!(one.len(), 4 * (1 + 2 * 3 + 2 * L));

    let two =
        fit(LayoutParams { spatial: components(2), pyramid: Some("1x1,2x2".parse().unwrap()) }).unwrap();
    assert_eq!(two.len(), 5 * 4 * (1 + 2 * 3 + 2 + 2 * 2 * L));
    let low = places.fold_axis(Axis(0), f64::INFINITY, |a, b| a.min(*b));
    assert_eq!(two.pyramid().unwrap().low(), low.as_slice().unwrap());
    // The mixture is of the descriptors alone: the same as without the places.
    let alone = all.slice(s![.., ..D]).to_owned();
    let without = PipelineParams { carry: 0, ..params(LayoutParams::default()) }
        .fit(&Descriptors::new(alone.view()), &Threads::one(), &mut |_| ControlFlow::Continue(()))
        .unwrap();
    let of = |pipeline: &Pipeline| match pipeline.encoder() {
        Encoder::Fisher(fisher) => fisher.mixture().id(),
        _ => unreachable!("a Fisher vector was fitted"),
    };
    assert_eq!(of(&two), of(&without));
    // A model of the uniform distribution's moments, as published for C = 1.
    let uniform =
        GaussianMixture::new(array![1.0], Array2::zeros((1, L)), Array2::from_elem((1, L), 1.0 / 12.0))
            .unwrap();
    let given =
        fit(LayoutParams { spatial: Some(Location::Given(uniform.clone().into())), pyramid: None }).unwrap();
    assert_eq!(given.encoder().spatial().unwrap().location(), &uniform);
}

#[test]
fn choices_that_do_not_fit_are_named() {
    let (mixture, all) = data(500);
    let source = Descriptors::new(all.view());
    let fails = |params: PipelineParams| {
        let fit = params.fit(&source, &Threads::one(), &mut |_| ControlFlow::Continue(()));
        fit.unwrap_err().to_string()
    };
    let grids: Grids = "2,4".parse().unwrap();
    let pyramid = LayoutParams { pyramid: Some(grids), ..LayoutParams::default() };
    assert!(fails(params(pyramid.clone())).contains("pyramid: expected 1 carried columns"));
    let spatial = || LayoutParams {
        spatial: Some(Location::Fitted(GaussianMixtureParams { n_components: 1, ..Default::default() })),
        pyramid: None,
    };
    assert!(fails(PipelineParams { carry: 0, ..params(spatial()) }).contains("spatial: expected 1 carried"));
    let pooling = EncoderParams::Pooling(Normalization::NONE);
    assert!(fails(PipelineParams { encoder: pooling.clone(), ..params(spatial()) }).contains("got pooling"));
    let square = LayoutParams { pyramid: Some("2x2".parse().unwrap()), spatial: None };
    assert!(fails(PipelineParams { encoder: pooling, ..params(square.clone()) }).contains("got pooling"));
    for text in
        ["", "0", "2x", "1x1,2", "2x0", "1e3", "999999x999999", "18446744073709551615,2", "-1", "1x1;2x2"]
    {
        let error = text.parse::<Grids>().unwrap_err().to_string();
        assert!(error.contains("1x1,2x2") && error.contains(text), "{error}");
    }
    assert_eq!(" 1x1, 2x3".parse::<Grids>().unwrap().to_string(), "1x1,2x3");
    let grids = || "2x2".parse::<Grids>().unwrap();
    assert!(Pyramid::new(grids(), vec![0.0], vec![1.0]).is_err());
    assert!(Pyramid::new(grids(), vec![0.0, 1.0], vec![1.0, 0.5]).is_err());
    assert!(Pyramid::new(grids(), vec![0.0, f64::NAN], vec![1.0, 0.5]).is_err());
    let fitted = params(square).fit(&source, &Threads::one(), &mut |_| ControlFlow::Continue(())).unwrap();
    let windows = fitted.encode_windows(&source, &[0..5, 5..9], &Threads::one(), &Workspace::default());
    assert!(windows.unwrap_err().to_string().contains("none for windows"));
    // A place that is not a number has its row and column named.
    let mut torn = all.clone();
    torn[[7, D + 1]] = f64::NAN;
    let error = fitted.encode(&Descriptors::new(torn.view()), &Threads::one()).unwrap_err().to_string();
    assert!(error.contains("row 7") && error.contains("column 5"), "{error}");
    let pooled = Encoder::Pooling(Pooling::new(D, Normalization::NONE).unwrap());
    let cells = Pyramid::new(grids(), vec![0.0; 2], vec![1.0; 2]).unwrap();
    assert!(Pipeline::with_cells(D + L, vec![Step::Carry(L)], Some(cells), pooled).is_err());
    let many = |k: usize| {
        GaussianMixture::new(
            Array1::from_elem(k, 1.0 / k as f64),
            Array2::zeros((k, 1)),
            Array2::ones((k, 1)),
        )
        .unwrap()
    };
    let huge = FisherVector::new(many(20_000), FisherParams::default()).unwrap().with_spatial(many(20_000));
    assert!(huge.unwrap_err().to_string().contains("at most 134217728 numbers"));
    let wrong = fisher(&mixture, Information::ClosedForm, 1);
    assert!(Pipeline::new(D + L, vec![], Encoder::Fisher(Box::new(wrong))).is_err());
}

#[test]
fn conventions_and_blocks_hold_for_the_place() {
    let (mixture, all) = data(80);
    let with = |convention: Convention, gradients: Option<Gradients>| {
        let params = FisherParams {
            convention,
            gradients,
            normalization: Normalization::NONE,
            ..FisherParams::default()
        };
        encode(&FisherVector::new(mixture.clone(), params).unwrap().with_spatial(location(1)).unwrap(), &all)
    };
    let sanchez = with(Convention::SANCHEZ, None);
    let image = with(Convention::SCIKIT_IMAGE, None);
    // The spreads have the sign of the variances.
    let (p, spreads) = (sanchez.len(), K * L);
    assert_close(
        "means",
        &image[p - 2 * spreads..p - spreads],
        &sanchez[p - 2 * spreads..p - spreads],
        1e-12,
    );
    let negative: Vec<f64> = sanchez[p - spreads..].iter().map(|x| -x).collect();
    assert_close("spreads", &image[p - spreads..], &negative, 1e-12);
    let weights = with(Convention::SANCHEZ, Some("w".parse().unwrap()));
    assert_close("blocks", &weights[K..], &sanchez[K + 2 * K * D..], 1e-12);
}
