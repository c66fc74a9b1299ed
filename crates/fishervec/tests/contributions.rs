//! The shares of descriptors in a score sum to it, for every encoder, and are what the formulas say.

mod common;

use common::encoders::mixture;
use fishervec::data::{Element, Groups, Real};
use fishervec::encode::{
    BagOfWordsParams, By, Codebook, Convention, Empirical, Encoder, FisherParams, Gathered, Gradients, H2T,
    H2TParams, Information, Norm, Normalization, Pooling, PoolingParams, Pyramid, Scores, VladParams,
};
use fishervec::preprocess::{PcaParams, RowNorm, Step};
use fishervec::run::{Threads, Workspace};
use fishervec::{BagOfWords, Descriptors, Encode, Error, FisherVector, Pipeline, Source, Vlad};
use ndarray::{Array1, Array2, Array3, ArrayView2, Axis, s};

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
        let gradients: Option<Gradients> = Some(gradients.parse().unwrap());
        let params = FisherParams { gradients: gradients.clone(), power, norm, ..FisherParams::default() };
        let encoder = FisherVector::with_params(mixture(4, 3), params).unwrap();
        all.push((format!("fisher {}", gradients.unwrap()), 0, None, encoder.into()));
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

/// The scores of what was gathered, and the shares of a set in them.
fn scored<S: Source>(
    pipeline: &Pipeline,
    set: &S,
    gathered: &Gathered,
    scores: &Scores<'_>,
) -> (Array1<f64>, Array3<f64>) {
    let mut vector = vec![0.0; pipeline.output_dim()];
    pipeline.encode_gathered_into(gathered, &mut vector, &Workspace::<f64>::default()).unwrap();
    let (threads, workspace) = (Threads::one(), Workspace::default());
    let shares = pipeline.contributions(set, gathered, scores, &threads, &workspace).unwrap();
    (scores.coef.dot(&Array1::from(vector)), shares)
}

fn gather<S: Source>(pipeline: &Pipeline, set: &S) -> Gathered {
    pipeline.gather(set, &Threads::one(), &Workspace::default()).unwrap()
}

/// How far the sums of the shares are from the scores, relative to the scores and to the sums of the sizes of
/// the shares.
fn errors(scores: &Array1<f64>, shares: &Array3<f64>) -> (f64, f64) {
    let mut worst = (0.0_f64, 0.0_f64);
    for (m, score) in scores.iter().enumerate() {
        let shares = shares.slice(s![.., m, ..]);
        let (sum, size) = (shares.sum(), shares.mapv(f64::abs).sum());
        let error = (sum - score).abs();
        if error > 0.0 {
            worst = (worst.0.max(error / score.abs()), worst.1.max(error / size.max(score.abs())));
        }
    }
    worst
}

#[test]
fn explore() {
    for of in NORMALIZATIONS {
        let mut worst = [(0.0, 0.0, String::new()), (0.0, 0.0, String::new())];
        for (name, pipeline) in pipelines(of) {
            for n in [1, 7, 300, 3000] {
                let x = rows(pipeline.input_dim(), n, n as u64);
                let coef = coefficients(3, pipeline.output_dim());
                let scores = Scores::new(coef.view());
                let x32 = x.mapv(|x| x as f32);
                for (i, (a, b)) in [
                    {
                        let (scores, shares) = scored(&pipeline, &x, &gather(&pipeline, &x), &scores);
                        errors(&scores, &shares)
                    },
                    {
                        let (scores, shares) = scored(&pipeline, &x32, &gather(&pipeline, &x32), &scores);
                        errors(&scores, &shares)
                    },
                ]
                .into_iter()
                .enumerate()
                {
                    if a > worst[i].0 || b > worst[i].1 {
                        worst[i] = (a.max(worst[i].0), b.max(worst[i].1), format!("{name} {n}"));
                    }
                    let limit = [1e-12, 1e-6][i];
                    if a > limit {
                        println!("{of:?} {name} {n} f{} {a:e} {b:e}", [64, 32][i]);
                    }
                }
            }
        }
        println!("{of:?}: {worst:?}");
    }
}
