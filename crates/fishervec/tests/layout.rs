//! The spatial layout: the spatial Fisher vector against the definition of a gradient and the formulas of the
//! literature, the spatial pyramid against encoding the descriptors of each cell.

mod common;

use common::*;
use fishervec::encode::{
    BagOfWordsParams, Codebook, Convention, Encoder, EncoderParams, FisherParams, Gradients, Grids,
    Information, LayoutParams, Norm, Normalization, PoolingParams, Pyramid, VladParams,
};
use fishervec::pipeline::PipelineParams;
use fishervec::preprocess::Step;
use fishervec::run::{Threads, Workspace};
use fishervec::{BagOfWords, Descriptors, Encode, FisherVector, GaussianMixture, Pipeline, Pooling, Vlad};
use ndarray::{Array1, Array2, Axis, array, concatenate, s};
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

/// Descriptors of a mixture, and positions that depend on them a little.
fn data(n: usize) -> (GaussianMixture, Array2<f64>) {
    let mixture = mixture(K, D, 1);
    let x = rows(&mixture, n, 2);
    let (noise, _) = location(2).sample(n, 3);
    let positions = Array2::from_shape_fn((n, L), |(n, j)| noise[[n, j]] + 0.1 * x[[n, j]].sin());
    let all = concatenate![Axis(1), x, positions];
    (mixture, all)
}

fn fisher(mixture: &GaussianMixture, information: Information, c: usize) -> FisherVector {
    let params = FisherParams {
        information: Some(information),
        threshold: Some(0.0),
        ..fisher_params(Normalization::NONE)
    };
    FisherVector::with_params(mixture.clone(), params).unwrap().with_spatial(location(c)).unwrap()
}

fn encode(encoder: &FisherVector, rows: &Array2<f64>) -> Vec<f64> {
    let mut out = vec![0.0; encoder.output_dim()];
    let statistics = statistics(encoder.statistics_mixture().unwrap(), rows.view(), Some(0.0));
    encoder.encode_statistics(&statistics, &mut out).unwrap();
    out
}

#[test]
fn gradients_for_the_location_model_equal_finite_differences() {
    let (mixture, x) = data(40);
    for c in [1, 3] {
        let encoder = fisher(&mixture, Information::None, c);
        let joint = encoder.statistics_mixture().unwrap();
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
fn naive_location(
    q: &Array2<f64>,
    r: &Array2<f64>,
    w: &Array1<f64>,
    location: &GaussianMixture,
    l: &Array2<f64>,
) -> Vec<f64> {
    let (n, k, c) = (q.nrows() as f64, q.ncols(), r.ncols());
    let (t, m, s) = (location.weights(), location.means(), location.covariances());
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
        assert_eq!(encoder.output_dim(), K * (1 + 2 * D + 2 * c * L + if c > 1 { c } else { 0 }));
        let (q, r) = (posteriors(&mixture, &x), posteriors(&location(c), &l));
        let mut expected = sanchez(&mixture, &x);
        expected.extend(naive_location(&q, &r, &mixture.weights().to_owned(), &location(c), &l));
        assert_close(&format!("C = {c}"), &encode(&encoder, &all), &expected, 1e-12);
        // In single precision too, with the default threshold.
        let single = all.mapv(|x| x as f32);
        let pipeline = Pipeline::new(
            D + L,
            vec![Step::PositionColumns(L)],
            FisherVector::with_params(mixture.clone(), fisher_params(Normalization::NONE))
                .unwrap()
                .with_spatial(location(c))
                .unwrap()
                .into(),
        )
        .unwrap();
        let vector = pipeline.encode(&single).unwrap();
        assert!(relative_error(vector.as_slice().unwrap(), &expected) < 1e-5);
    }
}

#[test]
fn the_bag_of_words_has_its_shares_and_the_location_model() {
    let (mixture, all) = data(150);
    let (x, l) = (all.slice(s![.., ..D]).to_owned(), all.slice(s![.., D..]).to_owned());
    let plain = BagOfWordsParams { power: 1.0, norm: Norm::None, ..BagOfWordsParams::default() };
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
            let expected = [shares.to_vec(), naive_location(&q, &r, &w, &location(c), &l)].concat();
            let bag = BagOfWords::with_params(codebook, plain.clone()).unwrap();
            let bag = bag.with_spatial(location(c)).unwrap();
            assert_eq!(bag.output_dim(), K * (1 + 2 * c * L + if c > 1 { c } else { 0 }));
            let threshold = if hard { Some(1.0) } else { Some(0.0) };
            let statistics = statistics(bag.statistics_mixture().unwrap(), all.view(), threshold);
            let mut out = vec![0.0; bag.output_dim()];
            bag.encode_statistics(&statistics, &mut out).unwrap();
            assert_close(&format!("C = {c}, hard {hard}"), &out, &expected, 1e-11);
        }
    }
}

/// Sets of descriptors and positions, of different sizes.
fn sets(count: usize) -> Vec<Array2<f64>> {
    let (_, all) = data(60 * count);
    (0..count).map(|i| all.slice(s![60 * i..60 * i + 20 + i % 40, ..]).to_owned()).collect()
}

#[test]
fn an_empirical_information_standardises_the_location_blocks_too() {
    let (mixture, _) = data(10);
    let sets = sets(50);
    let steps = || vec![Step::PositionColumns(L)];
    let bag = |information| {
        let params = BagOfWordsParams {
            information: Some(information),
            power: 1.0,
            norm: Norm::None,
            ..BagOfWordsParams::default()
        };
        let codebook = Codebook::hard(mixture.means().to_owned()).unwrap();
        let bag = BagOfWords::with_params(codebook, params).unwrap().with_spatial(location(2)).unwrap();
        Encoder::from(bag)
    };
    let pyramid = || Pyramid::new("1x1,2x1".parse().unwrap(), vec![-0.5; 2], vec![0.5; 2]).unwrap();
    for (information, centred) in [(Information::Empirical, false), (Information::EmpiricalCentred, true)] {
        let fisher = || Encoder::from(fisher(&mixture, information, 2));
        for (encoder, cells) in [
            (fisher(), None),
            (bag(information), None),
            (fisher(), Some(pyramid())),
            (bag(information), Some(pyramid())),
        ] {
            let pipeline = Pipeline::with_cells(D + L, steps(), cells, encoder).unwrap();
            let unfitted = pipeline.encode(&sets[0]).unwrap_err().to_string();
            assert!(unfitted.contains("a fit on training sets"), "{unfitted}");
            let mut fit = pipeline.information_fit(sets.len()).unwrap();
            for set in &sets {
                pipeline.add_information(&mut fit, set, &Threads::one(), &Workspace::default()).unwrap();
            }
            let pipeline = pipeline.with_information(fit).unwrap();
            let vectors = pipeline.encode_all(&sets).unwrap();
            let cells = pipeline.pyramid().map_or(1, Pyramid::cells);
            // Each cell is a training set. An empty one would be zero, but none is empty here.
            let p = pipeline.encoder().output_dim();
            let each = vectors.to_shape((sets.len() * cells, p)).unwrap().to_owned();
            for column in each.columns() {
                let (mean, square) = (column.mean().unwrap(), column.mapv(|x| x * x).mean().unwrap());
                assert!((square - 1.0).abs() < 1e-9, "{square}");
                assert!(!centred || mean.abs() < 1e-9);
            }
            let again = Pipeline::from_bytes(&pipeline.to_bytes().unwrap()).unwrap();
            assert_eq!(again.encode_all(&sets).unwrap(), vectors);
        }
    }
}

/// Whether a position is in a cell of a grid over [-1/2, 1/2], by the definition.
fn in_cell(position: &[f64], grid: &[usize], cell: &[usize]) -> bool {
    position.iter().zip(grid).zip(cell).all(|((x, g), i)| {
        let at = ((x + 0.5) * *g as f64).floor().clamp(0.0, *g as f64 - 1.0);
        at == *i as f64
    })
}

#[test]
fn each_cell_equals_what_encoding_its_descriptors_gives() {
    let (mixture, mut all) = data(3000);
    // Positions on the cuts, and outside of the range.
    for (i, x) in [-0.5, 0.0, 0.5, 0.7, -9.0, 1.0 / 6.0].into_iter().enumerate() {
        all[[i, D]] = x;
        all[[2 * i, D + 1]] = x;
    }
    let weights: Vec<f64> = (0..3000).map(|i| (i % 4) as f64).collect();
    let codebook = Codebook::hard(mixture.means().to_owned()).unwrap();
    let residual = VladParams { residual: true, ..VladParams::default() };
    let encoders: [Encoder; 4] = [
        FisherVector::new(mixture.clone()).into(),
        fisher(&mixture, Information::ClosedForm, 2).into(),
        Vlad::with_params(codebook.clone(), residual).unwrap().into(),
        BagOfWords::new(codebook).into(),
    ];
    let grids: [&[usize]; 4] = [&[1, 1], &[2, 2], &[3, 1], &[1, 6]];
    for encoder in encoders {
        let pyramid = Pyramid::new("1x1,2x2,3x1,1x6".parse().unwrap(), vec![-0.5; L], vec![0.5; L]).unwrap();
        assert_eq!(pyramid.cells(), 14);
        let own = encoder.input_dim();
        let steps = vec![Step::PositionColumns(L)];
        let pipeline = Pipeline::with_cells(D + L, steps.clone(), Some(pyramid), encoder.clone()).unwrap();
        let steps = if own == D { vec![] } else { steps };
        let direct = Pipeline::new(own, steps, encoder).unwrap();
        let source =
            Counting(Descriptors::new(all.view()).with_weights(&weights).unwrap(), AtomicUsize::new(0));
        let got = encode_on(&pipeline, &source, &Threads::one()).unwrap();
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
                    expected.extend(direct.encode(&set).unwrap());
                }
            }
        }
        assert_close("cells", &got, &expected, 1e-9);
        for threads in [2, 5] {
            let again = encode_on(&pipeline, &source, &Threads::new(threads).unwrap()).unwrap();
            assert_eq!(again, got, "{threads} threads");
        }
        let empty = pipeline.encode(&Array2::<f64>::zeros((0, D + L))).unwrap();
        assert!(empty.iter().all(|x| *x == 0.0));
        let again = Pipeline::from_bytes(&pipeline.to_bytes().unwrap()).unwrap();
        assert_eq!(again.encode(&source).unwrap(), got);
        assert_eq!(again.to_bytes().unwrap(), pipeline.to_bytes().unwrap());
    }
}

fn params(layout: LayoutParams) -> PipelineParams {
    let params = Pipeline::builder().position_columns(L).pca(3).fisher(GaussianMixture::builder(4));
    PipelineParams { layout, ..params }
}

#[test]
fn a_fit_learns_the_layout_from_the_position_columns() {
    let (_, all) = data(2000);
    let fit = |layout| params(layout).fit(&all);
    let components = |n_components| Some(GaussianMixture::builder(n_components).into());
    let one = fit(LayoutParams { spatial: components(1), pyramid: None }).unwrap();
    let location = one.encoder().spatial().unwrap().location();
    let positions = all.slice(s![.., D..]);
    assert_close("mean", location.means(), &positions.mean_axis(Axis(0)).unwrap(), 1e-12);
    assert_close("variance", location.covariances(), &positions.var_axis(Axis(0), 0.0), 1e-12);
    assert_eq!(one.output_dim(), 4 * (1 + 2 * 3 + 2 * L));

    let two =
        fit(LayoutParams { spatial: components(2), pyramid: Some("1x1,2x2".parse().unwrap()) }).unwrap();
    assert_eq!(two.output_dim(), 5 * 4 * (1 + 2 * 3 + 2 + 2 * 2 * L));
    let low = positions.fold_axis(Axis(0), f64::INFINITY, |a, b| a.min(*b));
    assert_eq!(two.pyramid().unwrap().low(), low.as_slice().unwrap());
    // The mixture is of the descriptors alone: the same as without the positions.
    let without = params(LayoutParams::default()).position_columns(0).fit(&all.slice(s![.., ..D])).unwrap();
    let of = |pipeline: &Pipeline| match pipeline.encoder() {
        Encoder::Fisher(fisher) => fisher.gmm().id(),
        _ => unreachable!("a Fisher vector was fitted"),
    };
    assert_eq!(of(&two), of(&without));
    // A model of the uniform distribution's moments, as published for C = 1.
    let uniform =
        GaussianMixture::new(array![1.0], Array2::zeros((1, L)), Array2::from_elem((1, L), 1.0 / 12.0))
            .unwrap();
    let given = fit(LayoutParams { spatial: Some(uniform.clone().into()), pyramid: None }).unwrap();
    assert_eq!(given.encoder().spatial().unwrap().location(), &uniform);
}

#[test]
fn choices_that_do_not_fit_are_named() {
    let (mixture, all) = data(500);
    let fails = |params: PipelineParams| params.fit(&all).unwrap_err().to_string();
    let grids: Grids = "2,4".parse().unwrap();
    let pyramid = LayoutParams { pyramid: Some(grids), ..LayoutParams::default() };
    assert!(fails(params(pyramid.clone())).contains("pyramid: expected 1 position column "));
    let spatial = || LayoutParams { spatial: Some(GaussianMixture::builder(1).into()), pyramid: None };
    assert!(fails(params(spatial()).position_columns(0)).contains("spatial: expected 1 position column "));
    let pooling = EncoderParams::from(PoolingParams::default());
    assert!(fails(params(spatial()).encoder(pooling.clone())).contains("got pooling"));
    let square = LayoutParams { pyramid: Some("2x2".parse().unwrap()), spatial: None };
    assert!(fails(params(square.clone()).encoder(pooling)).contains("got pooling"));
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
    let fitted = params(square).fit(&all).unwrap();
    let windows = fitted.encode_windows(&all, &[0..5, 5..9], &Threads::one(), &Workspace::default());
    assert!(windows.unwrap_err().to_string().contains("none for windows"));
    // The error of a position that is not a number names its row and column.
    let mut broken = all.clone();
    broken[[7, D + 1]] = f64::NAN;
    let error = fitted.encode(&broken).unwrap_err().to_string();
    assert!(error.contains("row 7") && error.contains("column 5"), "{error}");
    let pooled = Pooling::new(D, PoolingParams::default()).unwrap().into();
    let cells = Pyramid::new(grids(), vec![0.0; 2], vec![1.0; 2]).unwrap();
    assert!(Pipeline::with_cells(D + L, vec![Step::PositionColumns(L)], Some(cells), pooled).is_err());
    let many = |k: usize| {
        GaussianMixture::new(
            Array1::from_elem(k, 1.0 / k as f64),
            Array2::zeros((k, 1)),
            Array2::ones((k, 1)),
        )
        .unwrap()
    };
    let huge = FisherVector::new(many(20_000)).with_spatial(many(20_000));
    assert!(huge.unwrap_err().to_string().contains("at most 134217728 numbers"));
    let wrong = fisher(&mixture, Information::ClosedForm, 1);
    assert!(Pipeline::new(D + L, vec![], wrong.into()).is_err());
}

#[test]
fn conventions_and_blocks_hold_for_the_location_model() {
    let (mixture, all) = data(80);
    let with = |convention: Convention, gradients: Option<Gradients>| {
        let params = FisherParams { convention, gradients, ..fisher_params(Normalization::NONE) };
        let fisher = FisherVector::with_params(mixture.clone(), params).unwrap();
        encode(&fisher.with_spatial(location(1)).unwrap(), &all)
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

#[test]
fn statistics_are_those_of_the_location_model_too() {
    // What an encoding costs is told from this mixture.
    let (mixture, location) = (mixture(3, 4, 1), location(2));
    let bag = BagOfWords::new(Codebook::hard(mixture.means().to_owned()).unwrap());
    assert_eq!(bag.statistics_mixture().unwrap().means().dim(), (3, 4));
    for encoder in [
        Encoder::from(bag.with_spatial(location.clone()).unwrap()),
        Encoder::from(FisherVector::new(mixture).with_spatial(location.clone()).unwrap()),
    ] {
        let joint = encoder.statistics_mixture().unwrap();
        assert_eq!(joint.means().dim(), (3 * 2, 4 + location.dim()), "{encoder:?}");
    }
}
