//! Mixtures of Gaussians in two dimensions, and what they make of bags.

use crate::bag::Bag;
use crate::buffer::Inputs;
use fishervec::data::{Descriptors, Moments};
use fishervec::encode::{Convention, FisherParams, Information, Norm, Scale, Scores};
use fishervec::mixture::Climb;
use fishervec::ndarray::{Array1, Array2, ArrayView2, Axis, aview1, concatenate, s};
use fishervec::run::{Threads, Workspace};
use fishervec::{Encode, FisherVector, GaussianMixture, Result, Statistics};

/// No posterior is dropped: the page shows every digit.
const ALL: Option<f64> = Some(0.0);

pub(crate) struct Mixture(GaussianMixture);

impl Mixture {
    /// Reads weights (K), means (K, 2) and standard deviations (K, 2).
    pub(crate) fn read(inputs: &mut Inputs, k: usize) -> Result<Self> {
        let weights = inputs.take(k).to_vec();
        let means = inputs.take(2 * k).to_vec();
        let deviations = inputs.take(2 * k).to_vec();
        Mixture::new(weights, means, &deviations)
    }

    fn new(weights: Vec<f64>, means: Vec<f64>, deviations: &[f64]) -> Result<Self> {
        let k = weights.len();
        let total: f64 = weights.iter().sum();
        let weights = Array1::from_vec(weights) / total;
        let means = Array2::from_shape_fn((k, 2), |(c, d)| means[2 * c + d]);
        let covariances = Array2::from_shape_fn((k, 2), |(c, d)| deviations[2 * c + d].powi(2));
        GaussianMixture::new(weights, means, covariances).map(Mixture)
    }

    /// Weights, means, standard deviations.
    pub(crate) fn write(&self) -> Vec<f64> {
        let deviations = self.0.covariances().mapv(f64::sqrt);
        let parts = self.0.weights().into_iter().chain(self.0.means()).copied();
        parts.chain(deviations).collect()
    }

    /// The library's EM to its end, from `k` points that are far apart. (Its own start by k-means++ can be
    /// kept in a file and resumed; what that needs would double the size of the page.)
    pub(crate) fn learn(bag: &Bag, k: usize) -> Result<Self> {
        let (points, threads, workspace) = (bag.points(), Threads::one(), Workspace::default());
        let scale = Moments::of(&points, &threads)?.positive_variance();
        let means = bag.far_apart(k, &scale);
        let covariances = Array2::from_shape_fn(means.dim(), |(_, d)| scale[d] / k as f64);
        let start = GaussianMixture::new(Array1::from_elem(k, 1.0 / k as f64), means, covariances)?;
        let mut climb = Climb::new(GaussianMixture::builder(k), start, &scale)?;
        while !climb.is_done() {
            let statistics = climb.mixture().accumulate(&points, climb.threshold(), &threads, &workspace)?;
            let _ = climb.step(&statistics)?;
        }
        Ok(Mixture(climb.into_fit().mixture))
    }

    pub(crate) fn means(&self) -> ArrayView2<'_, f64> {
        self.0.means()
    }

    /// Posteriors to the power `sharp`, made to sum to 1 again: those of a mixture whose standard deviations
    /// are divided by its root. At infinity the likeliest component owns the point.
    pub(crate) fn posteriors(&self, bag: &Bag, sharp: f64) -> Result<Vec<f64>> {
        let (points, k) = (bag.points(), self.0.n_components());
        if sharp == f64::INFINITY {
            let owners = self.0.predict(&points, &Threads::one())?;
            return Ok(owners.iter().flat_map(|owner| (0..k).map(|c| f64::from(c == *owner))).collect());
        }
        let sharpened = if sharp == 1.0 { self.0.clone() } else { self.sharpened(sharp)?.0 };
        Ok(sharpened.predict_proba(&points, &Threads::one())?.into_iter().collect())
    }

    fn sharpened(&self, sharp: f64) -> Result<Self> {
        let deviations = self.0.covariances().mapv(f64::sqrt);
        let area = deviations.map_axis(Axis(1), |sd| sd[0] * sd[1]);
        let weight = |(w, area): (&f64, &f64)| w.powf(sharp) * area.powf(1.0 - sharp);
        let weights = self.0.weights().iter().zip(&area).map(weight).collect();
        let narrow: Vec<f64> = deviations.iter().map(|sd| sd / sharp.sqrt()).collect();
        Mixture::new(weights, self.0.means().iter().copied().collect(), &narrow)
    }

    /// The mean log-likelihood; 0 for no points.
    pub(crate) fn fit(&self, bag: &Bag) -> Result<f64> {
        Ok(self.0.score_samples(&bag.points(), &Threads::one())?.mean().unwrap_or(0.0))
    }

    /// S0, Z1 and Z2 under given posteriors. Those of a component are the statistics of this component alone,
    /// of points that weigh as much as it owns of them.
    pub(crate) fn statistics(&self, bag: &Bag, posteriors: &[f64]) -> Result<Vec<f64>> {
        let k = self.0.n_components();
        let (mut s0, mut z1, mut z2) = (vec![], vec![], vec![]);
        for c in 0..k {
            let mean = self.0.means().slice(s![c..=c, ..]).to_owned();
            let covariance = self.0.covariances().slice(s![c..=c, ..]).to_owned();
            let alone = GaussianMixture::new(Array1::ones(1), mean, covariance)?;
            let owned: Vec<f64> = posteriors.iter().skip(c).step_by(k).copied().collect();
            let points = Descriptors::new(bag.points()).with_weights(&owned)?;
            let statistics = alone.accumulate(&points, ALL, &Threads::one(), &Workspace::default())?;
            s0.extend(statistics.s0());
            z1.extend(statistics.z1());
            z2.extend(statistics.z2());
        }
        Ok([s0, z1, z2].concat())
    }

    /// Reads the statistics of `n` points.
    pub(crate) fn sums(&self, n: usize, inputs: &mut Inputs) -> Result<Statistics> {
        let k = self.0.n_components();
        let s0 = inputs.take(k);
        let (z1, z2) = (inputs.take(2 * k), inputs.take(2 * k));
        Statistics::from_sums(&self.0, n as f64, s0, z1, z2)
    }

    /// The Fisher vector with neither power nor norm, or the gradient itself.
    pub(crate) fn gradient(&self, statistics: &Statistics, raw: bool) -> Result<Vec<f64>> {
        let encoder = if raw { self.raw()? } else { self.fisher()? };
        let mut out = vec![0.0; encoder.output_dim()];
        encoder.encode_statistics(statistics, &mut out)?;
        Ok(out)
    }

    fn fisher(&self) -> Result<FisherVector> {
        let params = FisherParams { power: 1.0, norm: Norm::None, threshold: ALL, ..FisherParams::default() };
        FisherVector::with_params(self.0.clone(), params)
    }

    fn raw(&self) -> Result<FisherVector> {
        let convention = Convention { scale: Scale::Gradient, ..Convention::SANCHEZ };
        let params = FisherParams {
            convention,
            information: Some(Information::None),
            power: 1.0,
            norm: Norm::None,
            threshold: ALL,
            ..FisherParams::default()
        };
        FisherVector::with_params(self.0.clone(), params)
    }

    /// The mixture after one M-step, whose floors are far below what can be seen.
    pub(crate) fn maximize(&self, statistics: &Statistics) -> Result<Self> {
        let params = GaussianMixture::builder(self.0.n_components()).variance_floor(1e-4);
        let mut climb = Climb::new(params, self.0.clone(), &[1.0, 1.0])?;
        let _ = climb.step(statistics)?;
        Ok(Mixture(climb.into_fit().mixture))
    }

    /// Property `j` (weights, then means, then standard deviations) nudged by `step` natural steps: the slope
    /// of the mean log-likelihood in `step` is number `j` of the Fisher vector.
    pub(crate) fn nudge(&self, j: usize, step: f64) -> Result<Self> {
        let k = self.0.n_components();
        let (mut weights, mut means) =
            (self.0.weights().to_vec(), self.0.means().iter().copied().collect::<Vec<_>>());
        let mut deviations: Vec<f64> = self.0.covariances().iter().map(|v| v.sqrt()).collect();
        if j < k {
            weights[j] *= (step / weights[j].sqrt()).exp();
        } else if j < 3 * k {
            let i = j - k;
            means[i] += step * deviations[i] / weights[i / 2].sqrt();
        } else {
            let i = j - 3 * k;
            deviations[i] *= (step / (2.0 * weights[i / 2]).sqrt()).exp();
        }
        Mixture::new(weights, means, &deviations)
    }

    /// The share of each point in the score of the Fisher vector.
    pub(crate) fn votes(&self, bag: &Bag, coefficients: &[f64]) -> Result<Vec<f64>> {
        let coef = aview1(coefficients).insert_axis(Axis(0));
        let (threads, workspace) = (Threads::one(), Workspace::default());
        let shares = self.fisher()?.contributions(&bag.points(), &Scores::new(coef), &threads, &workspace)?;
        Ok(shares.into_iter().collect())
    }

    /// The spatial Fisher vector alone, with the moments of the unit square as location model.
    pub(crate) fn spatial(&self, bag: &Bag, places: &Bag) -> Result<Vec<f64>> {
        let square = Mixture::new(vec![1.0], vec![0.5; 2], &[(1.0f64 / 12.0).sqrt(); 2])?;
        let encoder = self.fisher()?;
        let own = encoder.output_dim();
        let rows = concatenate![Axis(1), bag.points(), places.points()];
        Ok(encoder.with_spatial(square.0)?.encode(&rows)?.iter().skip(own).copied().collect())
    }
}
