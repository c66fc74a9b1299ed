//! Every encoder with statistics, for what must hold for all of them.

use super::fisher_params;
use fishervec::encode::{
    BagOfWordsParams, Codebook, Convention, Empirical, Encoder, FisherParams, H2T, H2TParams, Information,
    Norm, Normalization, VladParams,
};
use fishervec::preprocess::Step;
use fishervec::{BagOfWords, Encode, FisherVector, GaussianMixture, Pipeline, Vlad};
use ndarray::{Array1, Array2};

pub fn mixture(k: usize, d: usize) -> GaussianMixture {
    let means = Array2::from_shape_fn((k, d), |(k, j)| ((k * 7 + j * 3) % 5) as f64 - 2.0);
    let covariances = Array2::from_shape_fn((k, d), |(k, j)| 0.5 + ((k + 2 * j) % 3) as f64 * 0.4);
    GaussianMixture::new(Array1::from_elem(k, 1.0 / k as f64), means, covariances).unwrap()
}

/// Every encoder with statistics over three columns, the last of which is a position where there is a
/// location model; before power and norm.
pub fn plain_encoders() -> Vec<(String, Pipeline)> {
    let plain = |convention, information| FisherParams {
        convention,
        information,
        ..fisher_params(Normalization::NONE)
    };
    let fisher = |params: FisherParams, d| FisherVector::with_params(mixture(4, d), params).unwrap();
    let mut all: Vec<(String, usize, Encoder)> = Vec::new();
    for convention in Convention::ALL {
        let name = convention.name.clone();
        let informations = [Information::None, Information::ClosedForm, Information::EmpiricalCentred];
        for information in informations {
            let encoder = fisher(plain(convention.clone(), Some(information)), 3);
            let p = encoder.output_dim();
            let encoder = match information.is_empirical() {
                true => encoder.with_empirical(Empirical::new(vec![0.1; p], vec![3.0; p]).unwrap()).unwrap(),
                false => encoder,
            };
            all.push((format!("fisher {name} {information}"), 0, encoder.into()));
        }
        let spatial = fisher(plain(convention, None), 2).with_spatial(mixture(2, 1)).unwrap();
        all.push((format!("spatial fisher {name}"), 1, spatial.into()));
    }
    let hard = |d| Codebook::hard(mixture(4, d).means().to_owned()).unwrap();
    let soft = Codebook::soft(mixture(4, 3), None).unwrap();
    let vlad = VladParams { power: 1.0, norm: Norm::None, ..VladParams::default() };
    let mass = VladParams { mass: true, ..vlad.clone() };
    let residual = VladParams { residual: true, ..vlad.clone() };
    let bag = BagOfWordsParams { power: 1.0, norm: Norm::None, ..Default::default() };
    let spatial_bag = BagOfWords::with_params(hard(2), bag.clone()).unwrap();
    for (name, positions, encoder) in [
        ("vlad", 0, Encoder::from(Vlad::with_params(hard(3), vlad.clone()).unwrap())),
        ("vlad mass", 0, Vlad::with_params(hard(3), mass).unwrap().into()),
        ("vlad residual", 0, Vlad::with_params(hard(3), residual).unwrap().into()),
        ("vlad soft", 0, Vlad::with_params(soft.clone(), vlad).unwrap().into()),
        ("bow", 0, BagOfWords::with_params(hard(3), bag.clone()).unwrap().into()),
        ("bow soft", 0, BagOfWords::with_params(soft, bag).unwrap().into()),
        ("spatial bow", 1, spatial_bag.with_spatial(mixture(2, 1)).unwrap().into()),
        ("h2t", 0, H2T::with_params(hard(3), H2TParams::default()).unwrap().into()),
    ] {
        all.push((name.to_owned(), positions, encoder));
    }
    let pipeline = |(name, positions, encoder): (String, usize, Encoder)| {
        let steps = if positions > 0 { vec![Step::PositionColumns(positions)] } else { vec![] };
        (name, Pipeline::new(3, steps, encoder).unwrap())
    };
    all.into_iter().map(pipeline).collect()
}
