//! The Fisher vector: the gradient of a mixture's log-likelihood, in comparable units, normalised.

use super::convention::{Block, Convention, Gradients};
use super::empirical::{Empirical, Scaling, add_gradient};
use super::gradient::Coordinates;
use super::information::Information;
use super::params::{FisherParams, LearnMixture};
use super::spatial::Spatial;
use crate::data::{Moments, Source};
use crate::encode::contributions::VectorBlock;
use crate::encode::encode::{Encode, FitEncoder, from_settings, to_file_settings};
use crate::encode::given::Given;
use crate::encode::normalize::{Norm, Normalization, Segment};
use crate::encode::output::check_out;
use crate::encode::resolution::{Rounding, of_share};
use crate::error::Result;
use crate::mixture::{
    FitReport, GaussianMixture, LOCATION, Linear, MIXTURE, Statistics, Workspace, check_threshold,
};
use crate::util::context::Context;
use crate::util::learn::Learn;
use crate::util::tensors::{TensorFile, Tensors};
use crate::util::threads::Threads;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// The Fisher-vector encoder of a mixture, by default in Sanchez's convention: a set of n descriptors in, a
/// vector of length P out, where P = K + 2 K D with all three blocks.
///
/// With the posteriors q and z = (x - mu)/sigma, and Sanchez's convention (Sanchez et al. 2013,
/// Eqs. 16 to 18, divided by N):
///
/// * G_alpha_k = (S0_k/N - w_k) / sqrt(w_k)
/// * G_mu_k = sum_n q_nk z_nk / (N sqrt(w_k))
/// * G_sigma_k = sum_n q_nk (z_nk^2 - 1) / (N sqrt(2 w_k))
///
/// With a location model ([`with_spatial`](Encode::with_spatial)) the last L columns of a descriptor are its
/// position, and the gradients with respect to that model follow: the spatial Fisher vector of Krapac,
/// Verbeek and Jurie 2011. With r the posterior of component c of the location model, and the closed form,
/// component k has for each c
///
/// * G_t = sum_n q r / (N sqrt(w t)) - S0 t / (N sqrt(w t)), where C > 1
/// * G_m = sum_n q r u / (N sqrt(w t)), u = (l - m)/sqrt(S)
/// * G_S = sum_n q r (u^2 - 1) / (N sqrt(2 w t))
///
/// after the other blocks: K (2 L C) numbers, and K C where C > 1. Such an encoding costs C times as much.
///
/// The vector of an empty set is zero under every choice.
#[derive(Debug, Clone, PartialEq)]
pub struct FisherVector {
    mixture: GaussianMixture,
    params: FisherParams,
    gradients: Gradients,
    scaling: Scaling,
    spatial: Option<Spatial>,
    segments: Vec<Segment>,
}

impl FisherVector {
    /// The encoder of `mixture` with the default settings; see [`FisherParams`].
    #[must_use]
    pub fn new(mixture: GaussianMixture) -> Self {
        let gradients = Gradients::all();
        FisherVector::of(mixture, gradients, FisherParams::default())
    }

    /// The encoder of `mixture` with the given settings.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) for a power or threshold out of range. Cost O(P).
    pub fn with_params(mixture: GaussianMixture, params: FisherParams) -> Result<Self> {
        params.check()?;
        let gradients = params.gradients.clone();
        let gradients = gradients.map_or_else(|| Gradients::new(&params.convention.gradients), Ok)?;
        Ok(FisherVector::of(mixture, gradients, params))
    }

    fn of(mixture: GaussianMixture, gradients: Gradients, params: FisherParams) -> Self {
        let information = params.information.unwrap_or(params.convention.information);
        let (k, d) = (mixture.n_components(), mixture.dim());
        let (mut segments, mut start) = (Vec::new(), 0);
        for block in gradients.blocks() {
            segments.push(Segment { start, components: k, width: block.len(k, d) / k });
            start += block.len(k, d);
        }
        // All choices are resolved, as a model file holds them.
        let params = FisherParams {
            mixture: Learn::Given(mixture.clone()),
            gradients: Some(gradients.clone()),
            information: Some(information),
            ..params
        };
        FisherVector {
            mixture,
            params,
            gradients,
            scaling: Scaling::new(information),
            spatial: None,
            segments,
        }
    }

    /// Settings of an encoder for a given mixture, or for one to be fitted with the given settings.
    #[must_use]
    pub fn builder(mixture: impl Into<LearnMixture>) -> FisherParams {
        FisherParams { mixture: mixture.into(), ..FisherParams::default() }
    }

    /// The mixture of the descriptors alone.
    #[must_use]
    pub fn gmm(&self) -> &GaussianMixture {
        &self.mixture
    }

    /// The settings of the encoder, with all choices resolved.
    #[must_use]
    pub fn params(&self) -> &FisherParams {
        &self.params
    }

    /// The blocks of its vectors, in order.
    #[must_use]
    pub fn gradients(&self) -> &Gradients {
        &self.gradients
    }

    /// The empirical information, if the settings require one and it has been fitted.
    #[must_use]
    pub fn empirical(&self) -> Option<&Empirical> {
        self.scaling.empirical.as_ref()
    }

    /// The statistics of the descriptors alone; those of `joint` where there is no location model.
    fn marginal<'a>(&self, joint: &'a Statistics) -> Cow<'a, Statistics> {
        match &self.spatial {
            Some(spatial) => Cow::Owned(spatial.marginal(&self.mixture, joint)),
            None => Cow::Borrowed(joint),
        }
    }

    fn coordinates(&self) -> Coordinates {
        let Convention { sign, scale, .. } = self.params.convention;
        Coordinates { information: self.scaling.information, sign, scale }
    }

    /// The components of the full mixture for each of the mixture of the descriptors alone.
    fn each(&self) -> usize {
        self.spatial.as_ref().map_or(1, |spatial| spatial.location().n_components())
    }

    /// Writes the blocks of the gradient, before empirical information, power and norm.
    fn gradient(&self, statistics: &Statistics, marginal: &Statistics, out: &mut [f64]) {
        let coordinates = self.coordinates();
        let (descriptor_segments, location_segments) = self.segments.split_at(self.gradients.blocks().len());
        for (block, segment) in self.gradients.blocks().iter().zip(descriptor_segments) {
            let out = &mut out[segment.range()];
            coordinates.write(*block, &self.mixture, marginal, 0..self.mixture.dim(), out);
        }
        if let Some(spatial) = &self.spatial {
            spatial.write(&coordinates, statistics, location_segments, out);
        }
    }

    /// Writes the vector before power and norm.
    fn raw_of(&self, statistics: &Statistics, marginal: &Statistics, out: &mut [f64]) -> Result<()> {
        self.gradient(statistics, marginal, out);
        if self.counts_shares() {
            self.scale_by_share(marginal, |share| share, out);
        }
        self.scaling.scale(statistics.n(), out)
    }

    /// Whether components count by their share: beside the exact gradient of a weight, a power or an
    /// information must not raise the others.
    fn counts_shares(&self) -> bool {
        self.params.norm == Norm::IntraL2 && self.gradients.blocks().contains(&Block::Weights)
    }

    /// How much each component's gradient counts, from 0 to 1; see `resolution.rs`.
    fn resolved<'a>(&'a self, statistics: &'a Statistics, marginal: &'a Statistics) -> impl Fn(usize) -> f64 {
        let rounding = Rounding::new(&self.mixture, marginal);
        let of_location =
            self.spatial.as_ref().map(|spatial| (spatial, Rounding::new(spatial.joint(), statistics)));
        let (columns, w) = (0..self.mixture.dim(), self.mixture.weights());
        let has_shares = self.gradients.blocks().contains(&Block::Weights);
        move |k| {
            let is_noise = |block: &Block| match block {
                Block::Weights => rounding.hides_difference(marginal.s0[k], marginal.n * w[k]),
                Block::Means => rounding.hides_mean(k, columns.clone()),
                Block::Variances => rounding.hides_variance(k, columns.clone()),
            };
            let located =
                || of_location.as_ref().is_some_and(|(spatial, of)| !spatial.is_noise(of, statistics, k));
            match self.gradients.blocks().iter().all(is_noise) && !located() {
                true => 0.0,
                false if has_shares => 1.0,
                false => of_share(marginal.s0[k], marginal.n, self.params.threshold),
            }
        }
    }

    /// Multiplies the gradients of each component, except for those of the weights, by `factor` of its share.
    fn scale_by_share(&self, marginal: &Statistics, factor: impl Fn(f64) -> f64, out: &mut [f64]) {
        let weights = self.gradients.blocks().iter().position(|block| *block == Block::Weights);
        for k in 0..self.mixture.n_components() {
            let factor = factor(of_share(marginal.s0[k], marginal.n, self.params.threshold));
            if factor < 1.0 {
                let others = self.segments.iter().enumerate().filter(|(i, _)| Some(*i) != weights);
                for (_, segment) in others {
                    out[segment.component(k)].iter_mut().for_each(|x| *x *= factor);
                }
            }
        }
    }

    /// Sets to zero what the set does not resolve: the gradients of components that are noise, and, except
    /// for those of the weights, of components that no descriptor visits.
    fn clear_unresolved(&self, statistics: &Statistics, marginal: &Statistics, out: &mut [f64]) {
        let resolved = self.resolved(statistics, marginal);
        for k in (0..self.mixture.n_components()).filter(|k| resolved(*k) == 0.0) {
            self.segments.iter().for_each(|segment| out[segment.component(k)].fill(0.0));
        }
        self.scale_by_share(marginal, |share| if share > 0.0 { 1.0 } else { 0.0 }, out);
    }

    /// The mixture that statistics are accumulated under, which includes a location model.
    fn full_mixture(&self) -> &GaussianMixture {
        self.spatial.as_ref().map_or(&self.mixture, Spatial::joint)
    }
}

impl FitEncoder for FisherParams {
    type Encoder = FisherVector;

    fn give(&mut self, part: Given) -> Result<()> {
        match (part, &mut self.mixture) {
            (Given::Mixture(mixture), here) => *here = Learn::Given(mixture),
            (Given::Start(init), Learn::Fit(params)) => params.init = init,
            (part, _) => return Err(part.refused("fisher")),
        }
        Ok(())
    }

    fn check(&self) -> Result<()> {
        Normalization { power: self.power, norm: self.norm }.check()?;
        check_threshold::<f64>(self.threshold)?;
        match &self.mixture {
            Learn::Given(_) => Ok(()),
            Learn::Fit(params) => params.check(),
        }
    }

    fn has_location_model(&self) -> bool {
        true
    }

    fn fit_with<S: Source>(
        &self,
        rows: &S,
        context: &mut Context<'_>,
    ) -> Result<(FisherVector, Option<FitReport>)> {
        let (mixture, report) = match &self.mixture {
            Learn::Given(mixture) => (mixture.clone(), None),
            Learn::Fit(params) => {
                let fit = params.fit_with(rows, context)?;
                (fit.mixture, Some(fit.report))
            }
        };
        Ok((FisherVector::with_params(mixture, self.clone())?, report))
    }
}

impl Encode for FisherVector {
    fn input_dim(&self) -> usize {
        self.full_mixture().dim()
    }

    fn output_dim(&self) -> usize {
        self.segments.iter().map(Segment::len).sum()
    }

    fn normalization(&self) -> Normalization {
        Normalization { power: self.params.power, norm: self.params.norm }
    }

    fn statistics_mixture(&self) -> Option<&GaussianMixture> {
        Some(self.full_mixture())
    }

    fn mixture(&self) -> Option<&GaussianMixture> {
        Some(&self.mixture)
    }

    fn accumulate<S: Source>(
        &self,
        source: &S,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Statistics> {
        self.full_mixture().accumulate(source, self.params.threshold, threads, workspace)
    }

    fn encode_statistics(&self, statistics: &Statistics, out: &mut [f64]) -> Result<()> {
        statistics.check(self.full_mixture())?;
        check_out(self.output_dim(), out.len())?;
        let marginal = self.marginal(statistics);
        self.raw_of(statistics, &marginal, out)?;
        let resolved = self.resolved(statistics, &marginal);
        self.scaling.finish(self.normalization(), &self.segments, &resolved, out)
    }

    fn blocks(&self) -> Vec<VectorBlock> {
        let columns = 0..self.mixture.dim();
        let named = |block: &Block| match block {
            Block::Weights => ("weights", 0..0),
            Block::Means => ("means", columns.clone()),
            Block::Variances => ("variances", columns.clone()),
        };
        let (own, location) = self.segments.split_at(self.gradients.blocks().len());
        let of_descriptors = self.gradients.blocks().iter().map(named).zip(own);
        let blocks = of_descriptors.map(|((name, columns), of)| VectorBlock::new(name, of.range(), columns));
        let of_location = self.spatial.iter().flat_map(|spatial| spatial.blocks(location));
        blocks.chain(of_location).collect()
    }

    fn drop_threshold(&self) -> Option<f64> {
        self.params.threshold
    }

    fn raw(&self, statistics: &Statistics, out: &mut [f64]) -> Result<()> {
        self.raw_of(statistics, &self.marginal(statistics), out)
    }

    fn carry_back(&self, statistics: &Statistics, c: &[f64], to: &mut Linear) {
        let (n, each, k) = (statistics.n(), self.each(), self.mixture.n_components());
        let mut c = self.scaling.carry_back(n, (k, each), &self.blocks(), c.to_vec(), to);
        if self.counts_shares() {
            self.scale_by_share(&self.marginal(statistics), |share| share, &mut c);
        }
        let (coordinates, blocks) = (self.coordinates(), self.gradients.blocks());
        let (own, location) = self.segments.split_at(blocks.len());
        for (block, segment) in blocks.iter().zip(own) {
            let (c, columns) = (&c[segment.range()], 0..self.mixture.dim());
            coordinates.carry_back(*block, (&self.mixture, each), n, columns, c, to);
        }
        if let Some(spatial) = &self.spatial {
            spatial.carry_back(&coordinates, n, location, &c, to);
        }
    }

    fn spatial(&self) -> Option<&Spatial> {
        self.spatial.as_ref()
    }

    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) for a joint mixture of more than 2^27 numbers; those of
    /// [`GaussianMixture::new`].
    /// An empirical information is discarded and must be learned again. Cost O(K C (D + L)).
    fn with_spatial(mut self, location: GaussianMixture) -> Result<Self> {
        self.segments.truncate(self.gradients.blocks().len());
        let spatial = Spatial::new(&self.mixture, location)?;
        self.segments.extend(spatial.segments(self.output_dim()));
        self.scaling.empirical = None;
        Ok(FisherVector { spatial: Some(spatial), ..self })
    }

    fn information(&self) -> Information {
        self.scaling.information
    }

    fn add_information(&self, gradients: &mut Moments, statistics: &Statistics) -> Result<()> {
        statistics.check(self.full_mixture())?;
        let marginal = self.marginal(statistics);
        add_gradient(gradients, statistics.n(), |raw| {
            self.gradient(statistics, &marginal, raw);
            self.clear_unresolved(statistics, &marginal, raw);
        })
    }

    fn with_empirical(self, empirical: Empirical) -> Result<Self> {
        let len = self.output_dim();
        Ok(FisherVector { scaling: self.scaling.with(empirical, len)?, ..self })
    }

    fn settings(&self) -> Map<String, Value> {
        let mixture = LearnMixture::default();
        let mut settings = to_file_settings(&FisherParams { mixture, ..self.params.clone() });
        if self.spatial.is_some() {
            settings.insert("spatial".to_owned(), true.into());
        }
        settings
    }

    fn write(&self, tensors: &mut Tensors) {
        self.mixture.write(MIXTURE, tensors);
        if let Some(spatial) = &self.spatial {
            spatial.location().write(LOCATION, tensors);
        }
        self.scaling.write(tensors);
    }

    fn read(mut settings: Map<String, Value>, _: usize, file: &mut TensorFile<'_>) -> Result<Self> {
        let spatial = Spatial::take_setting(&mut settings)?;
        let required = ["convention", "gradients", "information", "power", "norm", "threshold?"];
        let params: FisherParams = from_settings(settings, &required)?;
        let mut fisher = FisherVector::with_params(GaussianMixture::read(MIXTURE, file)?, params)?;
        if spatial {
            fisher = fisher.with_spatial(GaussianMixture::read(LOCATION, file)?)?;
        }
        match fisher.information().is_empirical() {
            true => fisher.with_empirical(Empirical::read(file)?),
            false => Ok(fisher),
        }
    }
}
