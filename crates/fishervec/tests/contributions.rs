//! The shares of descriptors in a score sum to it, for every encoder, and are what the formulas say.

mod common;

use common::encoders::mixture;
use fishervec::data::Groups;
use fishervec::encode::{
    BagOfWordsParams, By, Codebook, Convention, Empirical, Encoder, FisherParams, Gathered, Gradients, H2T,
    H2TParams, Information, Norm, Normalization, Pooling, PoolingParams, Pyramid, Scores, VladParams,
};
use fishervec::explain::Explanation;
use fishervec::preprocess::{PcaParams, RowNorm, Step};
use fishervec::run::{Threads, Workspace};
use fishervec::{BagOfWords, Descriptors, Encode, Error, FisherVector, Pipeline, Source, Vlad};
use ndarray::{Array1, Array2, Array3, Axis, s};

const NORMALIZATIONS: [Normalization; 6] = [
    Normalization::NONE,
    Normalization::IMPROVED,
    Normalization { power: 0.3, norm: Norm::None },
    Normalization { power: 1.0, norm: Norm::L2 },
    Normalization { power: 0.3, norm: Norm::IntraL2 },
    Normalization { power: 0.5, norm: Norm::IntraL2 },
];

fn fisher(convention: Convention, information: Information, of: Normalization, d: usize) -> FisherVector {
    let Normalization { power, norm } = of;
    let params =
        FisherParams { convention, information: Some(information), power, norm, ..FisherParams::default() };
    FisherVector::with_params(mixture(4, d), params).unwrap()
}

/// With an empirical information, if there has to be one.
fn informed<E: Encode>(encoder: E) -> E {
    let p = encoder.output_dim();
    let varied = |scale: f64| (0..p).map(|j| scale * (1.0 + (j % 7) as f64)).collect();
    let mean = match encoder.information() {
        Information::EmpiricalCentred => varied(0.01),
        Information::Empirical => vec![0.0; p],
        _ => return encoder,
    };
    encoder.with_empirical(Empirical::new(mean, varied(0.5)).unwrap()).unwrap()
}

/// Every encoder over three columns, the last of which is a position for some.
fn pipelines(of: Normalization) -> Vec<(String, Pipeline)> {
    let Normalization { power, norm } = of;
    let mut all: Vec<(String, usize, Option<&str>, Encoder)> = Vec::new();
    let informations =
        [Information::None, Information::ClosedForm, Information::Empirical, Information::EmpiricalCentred];
    for convention in Convention::ALL {
        for information in informations {
            let encoder = informed(fisher(convention.clone(), information, of, 3));
            all.push((format!("fisher {convention} {information}"), 0, None, encoder.into()));
            let spatial = fisher(convention.clone(), information, of, 2).with_spatial(mixture(2, 1)).unwrap();
            let name = format!("spatial fisher {convention} {information}");
            all.push((name, 1, None, informed(spatial).into()));
        }
    }
    for gradients in ["m", "v", "w", "v,w"] {
        let name = format!("fisher {gradients}");
        let gradients: Gradients = gradients.parse().unwrap();
        let params = FisherParams { gradients: Some(gradients), power, norm, ..FisherParams::default() };
        let encoder = FisherVector::with_params(mixture(4, 3), params).unwrap();
        all.push((name, 0, None, encoder.into()));
    }
    for threshold in [0.0, 1e-3, 1.0] {
        let params = FisherParams { threshold: Some(threshold), power, norm, ..FisherParams::default() };
        let encoder = FisherVector::with_params(mixture(4, 3), params).unwrap();
        all.push((format!("fisher threshold {threshold}"), 0, None, encoder.into()));
    }
    let hard = |d| Codebook::hard(mixture(4, d).means().to_owned()).unwrap();
    let soft = |d| Codebook::soft(mixture(4, d), None).unwrap();
    let vlad = VladParams { power, norm, ..VladParams::default() };
    let mass = VladParams { mass: true, ..vlad.clone() };
    let residual = VladParams { residual: true, ..vlad.clone() };
    let bag = BagOfWordsParams { power, norm, ..Default::default() };
    let h2t = H2TParams { power, norm, ..H2TParams::default() };
    for (name, encoder) in [
        ("vlad", Encoder::from(Vlad::with_params(hard(3), vlad.clone()).unwrap())),
        ("vlad mass", Vlad::with_params(hard(3), mass.clone()).unwrap().into()),
        ("vlad soft mass", Vlad::with_params(soft(3), mass.clone()).unwrap().into()),
        ("vlad residual", Vlad::with_params(hard(3), residual.clone()).unwrap().into()),
        ("vlad soft", Vlad::with_params(soft(3), vlad).unwrap().into()),
        ("bow", BagOfWords::with_params(hard(3), bag.clone()).unwrap().into()),
        ("bow soft", BagOfWords::with_params(soft(3), bag.clone()).unwrap().into()),
        ("h2t", H2T::with_params(hard(3), h2t.clone()).unwrap().into()),
        ("pooling", Pooling::new(3, of).unwrap().into()),
    ] {
        all.push((name.to_owned(), 0, None, encoder));
    }
    for information in informations {
        let params = BagOfWordsParams { information: Some(information), ..bag.clone() };
        for (codebook, name) in [(hard(2), "hard"), (soft(2), "soft")] {
            let located = BagOfWords::with_params(codebook, params.clone()).unwrap();
            let located = informed(located.with_spatial(mixture(2, 1)).unwrap());
            all.push((format!("spatial bow {name} {information}"), 1, None, located.clone().into()));
            all.push((format!("spatial bow {name} {information} pyramid"), 1, Some("1,2"), located.into()));
        }
    }
    for (name, encoder) in [
        ("fisher", Encoder::from(fisher(Convention::SANCHEZ, Information::ClosedForm, of, 2))),
        ("gist", fisher(Convention::GIST, Information::None, of, 2).into()),
        ("centred", informed(fisher(Convention::GIST, Information::EmpiricalCentred, of, 2)).into()),
        ("vlad residual", Vlad::with_params(hard(2), residual).unwrap().into()),
        ("vlad mass", Vlad::with_params(hard(2), mass).unwrap().into()),
        ("h2t", H2T::with_params(hard(2), h2t).unwrap().into()),
    ] {
        for grids in ["1,2,3", "2"] {
            all.push((format!("{name} pyramid {grids}"), 1, Some(grids), encoder.clone()));
        }
    }
    let pipeline = |(name, positions, grids, encoder): (String, usize, Option<&str>, Encoder)| {
        let steps = if positions > 0 { vec![Step::PositionColumns(positions)] } else { vec![] };
        let pyramid = grids.map(|grids| Pyramid::new(grids.parse().unwrap(), vec![-2.0], vec![2.0]).unwrap());
        (name, Pipeline::with_cells(3, steps, pyramid, encoder).unwrap())
    };
    let mut all: Vec<_> = all.into_iter().map(pipeline).collect();
    let pca = PcaParams { n_components: 3, whiten: true }.fit(&mixture(4, 4).sample(300, 1).0).unwrap();
    let steps = vec![Step::Rows(RowNorm::L2), Step::Pca(Box::new(pca))];
    let encoder = fisher(Convention::SANCHEZ, Information::ClosedForm, of, 3);
    all.push(("after steps".to_owned(), Pipeline::new(4, steps, encoder.into()).unwrap()));
    all
}

fn rows(d: usize, n: usize, seed: u64) -> Array2<f64> {
    common::rows(&mixture(4, d), n, seed)
}

/// Some weights, every fifth of them 0.
fn weights(n: usize) -> Vec<f64> {
    (0..n).map(|i| if i % 5 == 2 { 0.0 } else { 0.3 + (i % 4) as f64 }).collect()
}

fn coefficients(m: usize, p: usize) -> Array2<f64> {
    Array2::from_shape_fn((m, p), |(i, j)| (((i + 1) * (j + 3) * 7919) % 23) as f64 / 11.0 - 0.9)
}

fn gather<S: Source>(pipeline: &Pipeline, set: &S) -> Gathered {
    pipeline.gather(set, &Threads::one(), &Workspace::default()).unwrap()
}

/// The vector of what was gathered, in `f64`.
fn vector(pipeline: &Pipeline, gathered: &Gathered) -> Array1<f64> {
    let mut vector = vec![0.0; pipeline.output_dim()];
    pipeline.encode_gathered_into(gathered, &mut vector, &Workspace::<f64>::default()).unwrap();
    Array1::from(vector)
}

fn contributions<S: Source>(pipeline: &Pipeline, set: &S, scores: &Scores<'_>) -> Array3<f64> {
    pipeline.contributions(set, scores, &Threads::one(), &Workspace::default()).unwrap()
}

fn contributions_in<S: Source>(
    pipeline: &Pipeline,
    group: &Gathered,
    set: &S,
    scores: &Scores<'_>,
) -> Array3<f64> {
    pipeline.contributions_in(group, set, scores, &Threads::one(), &Workspace::default()).unwrap()
}

/// How far the sums of the shares, shape (n, m, parts), are from the scores, relative to what they are summed
/// of: the shares of descriptors, and the terms t_j f_j.
fn error(coef: &Array2<f64>, vector: &Array1<f64>, shares: &Array3<f64>) -> f64 {
    let of_score = |(t, shares): (ndarray::ArrayView1<'_, f64>, ndarray::ArrayView2<'_, f64>)| {
        let terms = &t * vector;
        let size = terms.mapv(f64::abs).sum() + shares.mapv(f64::abs).sum();
        if size == 0.0 { 0.0 } else { (shares.sum() - terms.sum()).abs() / size }
    };
    coef.outer_iter().zip(shares.axis_iter(Axis(1))).map(of_score).fold(0.0, f64::max)
}

/// Calls `check` for every encoder and normalisation, and sets of several sizes, with and without weights.
fn for_every_case(sizes: &[usize], check: &dyn Fn(&str, &Pipeline, &Descriptors<'_, f64>)) {
    for of in NORMALIZATIONS {
        for (name, pipeline) in pipelines(of) {
            for n in sizes {
                let (x, weights) = (rows(pipeline.input_dim(), *n, *n as u64 + 1), weights(*n));
                let set = Descriptors::new(x.view());
                check(&format!("{name} {of:?}, {n} rows"), &pipeline, &set);
                let weighted = set.with_weights(&weights).unwrap();
                check(&format!("{name} {of:?}, {n} weighted rows"), &pipeline, &weighted);
            }
        }
    }
}

#[test]
fn shares_sum_to_the_score_for_every_encoder() {
    for_every_case(&[0, 1, 7, 300, 3000], &|name, pipeline, set| {
        let coef = coefficients(3, pipeline.output_dim());
        let shares = contributions(pipeline, set, &Scores::new(coef.view()));
        assert_eq!(shares.dim(), (set.n_rows(), 3, 1), "{name}");
        let error = error(&coef, &vector(pipeline, &gather(pipeline, set)), &shares);
        assert!(error < 1e-13, "{name}: {error:e}");
        let unseen = (0..set.n_rows()).filter(|row| set.weight(*row) == 0.0);
        unseen.for_each(|row| assert!(shares.index_axis(Axis(0), row).iter().all(|x| *x == 0.0), "{name}"));
    });
}

#[test]
fn shares_of_f32_descriptors_sum_to_the_score_of_their_vector() {
    for_every_case(&[0, 1, 7, 300, 3000], &|name, pipeline, set| {
        let x = set.rows().mapv(|x| x as f32);
        let coef = coefficients(2, pipeline.output_dim());
        let set = match set.weights() {
            Some(weights) => Descriptors::new(x.view()).with_weights(weights).unwrap(),
            None => Descriptors::new(x.view()),
        };
        let shares = contributions(pipeline, &set, &Scores::new(coef.view()));
        let gathered = gather(pipeline, &set);
        let settled = error(&coef, &vector(pipeline, &gathered), &shares);
        assert!(settled < 1e-13, "{name}: {settled:e}");
        // The vector in f32 is rounded, each entry on its own.
        let rounded = pipeline.encode(&set).unwrap().mapv(f64::from);
        assert!(error(&coef, &rounded, &shares) < 1e-7, "{name}");
    });
}

#[test]
fn shares_sum_to_the_score_before_what_rounding_left_is_spread() {
    for_every_case(&[0, 1, 7, 300, 3000], &|name, pipeline, set| {
        let coef = coefficients(3, pipeline.output_dim());
        let scores = Scores::new(coef.view());
        let gathered = gather(pipeline, set);
        let shares = contributions_in(pipeline, &gathered, set, &scores);
        let of_f64 = error(&coef, &vector(pipeline, &gathered), &shares);
        assert!(of_f64 < 1e-12, "{name}: {of_f64:e}");
        let x = set.rows().mapv(|x| x as f32);
        let gathered = gather(pipeline, &x);
        let of_f32 =
            error(&coef, &vector(pipeline, &gathered), &contributions_in(pipeline, &gathered, &x, &scores));
        assert!(of_f32 < 1e-6, "{name}: {of_f32:e}");
    });
}

#[test]
fn parts_sum_to_the_shares_and_have_sums_of_their_own() {
    for_every_case(&[0, 1, 7, 100], &|name, pipeline, set| {
        let (coef, encoder) = (coefficients(2, pipeline.output_dim()), pipeline.encoder());
        let scores = Scores::new(coef.view());
        let whole = contributions(pipeline, set, &scores);
        let size = 1e-13 * whole.mapv(f64::abs).sum();
        let (blocks, d) = (encoder.blocks(), encoder.input_dim());
        let others = usize::from(blocks.iter().any(|block| block.columns.is_empty()));
        for (by, parts) in [(By::Component, 4), (By::Block, blocks.len()), (By::Dimension, d + others)] {
            if encoder.mixture().is_none() && by == By::Component {
                continue;
            }
            let divided = contributions(pipeline, set, &scores.by(by));
            assert_eq!(divided.dim(), (set.n_rows(), 2, parts), "{name} {by}");
            let sums = divided.sum_axis(Axis(2)).insert_axis(Axis(2));
            let largest = divided.mapv(f64::abs).sum();
            let error = (&sums - &whole).mapv(f64::abs).fold(0.0, |a: f64, b| a.max(*b));
            assert!(error <= size + 1e-13 * largest, "{name} {by}: {error:e}");
        }
        // The entries of one block alone: what it has of the vector.
        let divided = contributions(pipeline, set, &scores.by(By::Block));
        let vector = vector(pipeline, &gather(pipeline, set));
        for (i, block) in blocks.iter().enumerate() {
            let own = |j: usize| block.entries.contains(&(j % encoder.output_dim()));
            for (m, t) in coef.outer_iter().enumerate() {
                let expected: f64 = (0..t.len()).filter(|j| own(*j)).map(|j| t[j] * vector[j]).sum();
                let shares = divided.slice(s![.., m, i]);
                let size = shares.mapv(f64::abs).sum() + (&t * &vector).mapv(f64::abs).sum();
                assert!((shares.sum() - expected).abs() <= 1e-13 * size, "{name} {}", block.name);
            }
        }
    });
}

/// h_nj of Sanchez's Fisher vector, shape (n, P), and its columns' sums are the vector before power and norm.
fn naive(mixture: &fishervec::GaussianMixture, x: &Array2<f64>, weights: &[f64]) -> Array2<f64> {
    let (q, (k, d)) = (common::posteriors(mixture, x), mixture.means().dim());
    let total: f64 = weights.iter().sum();
    Array2::from_shape_fn((x.nrows(), k + 2 * k * d), |(n, j)| {
        let (block, i) = if j < k { (0, j) } else { (1 + (j - k) / (k * d), (j - k) % (k * d)) };
        let (c, column) = if block == 0 { (i, 0) } else { (i / d, i % d) };
        let (w, v) = (mixture.weights()[c], mixture.covariances()[[c, column]]);
        let z = (x[[n, column]] - mixture.means()[[c, column]]) / v.sqrt();
        weights[n] / total
            * match block {
                0 => (q[[n, c]] - w) / w.sqrt(),
                1 => q[[n, c]] * z / w.sqrt(),
                _ => q[[n, c]] * (z * z - 1.0) / (2.0 * w).sqrt(),
            }
    })
}

#[test]
fn each_share_is_what_the_formula_says() {
    let mixture = mixture(4, 3);
    for of in NORMALIZATIONS {
        let threshold = Some(0.0);
        let params = FisherParams { threshold, ..common::fisher_params(of) };
        let encoder = FisherVector::with_params(mixture.clone(), params).unwrap();
        let coef = coefficients(2, encoder.output_dim());
        let pipeline = Pipeline::new(3, vec![], encoder.into()).unwrap();
        let (x, weights) = (rows(3, 90, 5), weights(90));
        let set = Descriptors::new(x.view()).with_weights(&weights).unwrap();
        let h = naive(&mixture, &x, &weights);
        let (g, f) = (h.sum_axis(Axis(0)), vector(&pipeline, &gather(&pipeline, &set)));
        let shares = contributions(&pipeline, &set, &Scores::new(coef.view()));
        let c = &coef * &(&f / &g);
        let expected = h.dot(&c.t());
        let size = expected.mapv(f64::abs).fold(0.0, |a: f64, b| a.max(*b));
        common::assert_close("shares", &(&shares / size), &(&expected / size), 1e-11);
        // Single precision: the same shares to its digits.
        let x32 = x.mapv(|x| x as f32);
        let set = Descriptors::new(x32.view()).with_weights(&weights).unwrap();
        let shares = contributions(&pipeline, &set, &Scores::new(coef.view()));
        common::assert_close("f32 shares", &(&shares / size), &(&expected / size), 1e-4);
    }
}

#[test]
fn taking_a_descriptor_away_changes_a_plain_score_by_what_its_share_says() {
    // N f is a sum over descriptors, of h_n = N times the share in each entry: without descriptor n the
    // vector is (N f - N h_n)/(N - 1).
    let pipeline = |encoder: FisherVector| Pipeline::new(3, vec![], encoder.into()).unwrap();
    for convention in Convention::ALL {
        let encoder = fisher(convention, Information::ClosedForm, Normalization::NONE, 3);
        let (coef, pipeline) = (coefficients(1, encoder.output_dim()), pipeline(encoder));
        let x = rows(3, 50, 9);
        let score = |x: &Array2<f64>| coef.row(0).dot(&pipeline.encode(x).unwrap());
        let shares = contributions(&pipeline, &x, &Scores::new(coef.view()));
        for n in [0, 17, 49] {
            let others: Vec<usize> = (0..50).filter(|row| *row != n).collect();
            let expected = (score(&x) - shares[[n, 0, 0]]) * 50.0 / 49.0;
            let got = score(&x.select(Axis(0), &others));
            assert!((got - expected).abs() < 1e-12, "{got} {expected}");
        }
    }
}

#[test]
fn shares_of_the_sets_of_a_group_sum_to_its_score() {
    let groups = Groups::new(4, vec![0, 4], vec![0, 1, 2, 3], Some(vec![1.0, 0.5, 2.0, 1.0])).unwrap();
    for of in NORMALIZATIONS {
        for (name, pipeline) in pipelines(of) {
            let sets: Vec<_> = [40, 0, 7, 300].map(|n| rows(pipeline.input_dim(), n, n as u64)).into();
            let coef = coefficients(2, pipeline.output_dim());
            let scores = Scores::new(coef.view());
            let mut group: Option<Gathered> = None;
            for (set, factor) in groups.members(0) {
                let mut one = gather(&pipeline, &sets[set]);
                one.scale(factor).unwrap();
                match &mut group {
                    Some(group) => group.merge(&one).unwrap(),
                    none => *none = Some(one),
                }
            }
            let group = group.unwrap();
            let shares: Vec<_> = groups
                .members(0)
                .map(|(set, factor)| factor * contributions_in(&pipeline, &group, &sets[set], &scores))
                .collect();
            let views: Vec<_> = shares.iter().map(|shares| shares.view()).collect();
            let all = ndarray::concatenate(Axis(0), &views).unwrap();
            let error = error(&coef, &vector(&pipeline, &group), &all);
            assert!(error < 1e-12, "{name} {of:?}: {error:e}");
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    for (name, pipeline) in pipelines(Normalization::IMPROVED) {
        let x = rows(pipeline.input_dim(), 5000, 3).mapv(|x| x as f32);
        let coef = coefficients(2, pipeline.output_dim());
        for scores in [Scores::new(coef.view()), Scores::new(coef.view()).by(By::Dimension)] {
            let on = |threads: usize| {
                let threads = Threads::new(threads).unwrap();
                pipeline.contributions(&x, &scores, &threads, &Workspace::default()).unwrap()
            };
            let expected = on(1);
            [2, 8].into_iter().for_each(|threads| assert_eq!(on(threads), expected, "{name}"));
        }
    }
}

#[test]
fn a_row_that_does_not_count_may_hold_anything() {
    for (name, pipeline) in pipelines(Normalization::IMPROVED) {
        let mut x = rows(pipeline.input_dim(), 60, 4);
        let weights: Vec<f64> = (0..60).map(|i| f64::from(u8::from(i % 4 > 0))).collect();
        let coef = coefficients(1, pipeline.output_dim());
        let scores = Scores::new(coef.view());
        let set = |x: &Array2<f64>| {
            contributions(&pipeline, &Descriptors::new(x.view()).with_weights(&weights).unwrap(), &scores)
        };
        let expected = set(&x);
        for (i, value) in [(0, f64::NAN), (4, f64::INFINITY), (8, 1e300), (12, -1e-300)] {
            x.row_mut(i).fill(value);
        }
        common::assert_close(&name, &set(&x), &expected, 1e-12);
    }
}

#[test]
fn what_does_not_fit_is_an_error_that_says_so() {
    let pipeline = |encoder: Encoder| Pipeline::new(3, vec![], encoder).unwrap();
    let fisher =
        pipeline(fisher(Convention::SANCHEZ, Information::ClosedForm, Normalization::NONE, 3).into());
    let x = rows(3, 20, 1);
    let shares = |pipeline: &Pipeline, x: &Array2<f64>, coef: &Array2<f64>, by: Option<By>| {
        let scores = Scores { coef: coef.view(), by };
        pipeline.contributions(x, &scores, &Threads::one(), &Workspace::default())
    };
    let error = shares(&fisher, &x, &coefficients(1, 27), None).unwrap_err().to_string();
    assert!(error.contains("28") && error.contains("27") && error.contains("coefficients"), "{error}");
    let mut coef = coefficients(1, 28);
    coef[[0, 3]] = f64::NAN;
    let error = shares(&fisher, &x, &coef, None).unwrap_err().to_string();
    assert!(error.contains("coef") && error.contains("NaN"), "{error}");
    let error = shares(&fisher, &x, &Array2::from_elem((1, 28), 1.7e308), None).unwrap_err().to_string();
    assert!(error.contains("coefficients whose shares are finite"), "{error}");
    let error = shares(&fisher, &rows(4, 5, 1), &coefficients(1, 28), None).unwrap_err();
    assert!(matches!(error, Error::Dimension { expected: 3, got: 4, .. }), "{error}");
    let pooling = pipeline(Pooling::new(3, PoolingParams::default()).unwrap().into());
    let error = shares(&pooling, &x, &coefficients(1, 6), Some(By::Component)).unwrap_err().to_string();
    assert!(error.contains("block or dimension"), "{error}");
    // What another pipeline gathered.
    let (threads, workspace) = (Threads::one(), Workspace::default());
    let coef = coefficients(1, 28);
    let scores = Scores::new(coef.view());
    let of_pooling = pooling.gather(&x, &threads, &workspace).unwrap();
    assert!(fisher.contributions_in(&of_pooling, &x, &scores, &threads, &workspace).is_err());
    // No scores at all, and an empty list.
    let none = Array2::zeros((0, 28));
    assert_eq!(shares(&fisher, &x, &none, None).unwrap().dim(), (20, 0, 1));
    let nothing: Vec<Vec<f64>> = vec![];
    assert_eq!(contributions(&fisher, &nothing, &scores).dim(), (0, 1, 1));
    assert_eq!(contributions(&fisher, &nothing, &scores.by(By::Component)).dim(), (0, 1, 4));
}

#[test]
fn a_group_without_these_descriptors_is_refused_under_a_pyramid() {
    let pyramid = Pyramid::new("2".parse().unwrap(), vec![0.0], vec![1.0]).unwrap();
    let encoder = fisher(Convention::SANCHEZ, Information::ClosedForm, Normalization::NONE, 2);
    let steps = vec![Step::PositionColumns(1)];
    let pipeline = Pipeline::with_cells(3, steps, Some(pyramid), encoder.into()).unwrap();
    let (mut left, mut right) = (rows(3, 9, 1), rows(3, 9, 2));
    left.column_mut(2).fill(0.1);
    right.column_mut(2).fill(0.9);
    let coef = coefficients(1, pipeline.output_dim());
    let scores = Scores::new(coef.view());
    let group = gather(&pipeline, &left);
    let (threads, workspace) = (Threads::one(), Workspace::default());
    let error = pipeline.contributions_in(&group, &right, &scores, &threads, &workspace).unwrap_err();
    assert!(error.to_string().contains("gathered of these descriptors"), "{error}");
    assert_eq!(contributions_in(&pipeline, &group, &left, &scores).dim(), (9, 1, 1));
}

#[test]
fn an_explanation_adds_up_by_descriptor_and_by_component() {
    for_every_case(&[0, 1, 40], &|name, pipeline, set| {
        let coef = coefficients(1, pipeline.output_dim());
        let found = Explanation::of(pipeline, set, coef.row(0), &Threads::one()).unwrap();
        let vector = vector(pipeline, &gather(pipeline, set));
        let scale = coef.row(0).iter().zip(&vector).map(|(t, f)| (t * f).abs()).sum::<f64>();
        let shares: f64 = found.shares.iter().sum();
        let size = scale + found.shares.iter().map(|x| x.abs()).sum::<f64>();
        assert!((coef.row(0).dot(&vector) - found.score).abs() <= 1e-12 * scale, "{name}");
        assert!((shares - found.score).abs() <= 1e-12 * size, "{name}: {shares} {}", found.score);
        let Some(likeliest) = &found.likeliest else {
            assert!(pipeline.encoder().mixture().is_none() && found.components.is_empty(), "{name}");
            return;
        };
        let parts: f64 = found.components.iter().map(|one| one.share).sum();
        assert!((parts - found.score).abs() <= 1e-12 * scale, "{name}: {parts} {}", found.score);
        assert_eq!(found.components.len(), pipeline.encoder().mixture().unwrap().n_components(), "{name}");
        let here = |k: usize| likeliest.iter().filter(|other| **other == k).count() as f64;
        for one in &found.components {
            assert!((one.here * likeliest.len() as f64 - here(one.component)).abs() < 1e-9, "{name}");
        }
        // A component's part is what its entries of the vector have.
        let entries = pipeline.component_of_entries();
        let own = entries.iter().zip(coef.row(0)).zip(&vector).filter(|((k, _), _)| **k == 1);
        let own: f64 = own.map(|((_, t), f)| t * f).sum();
        assert!((found.components[1].share - own).abs() <= 1e-12 * scale, "{name}");
    });
}
