//! The bag of words, computed from the same statistics as the Fisher vector: alone, or with a location model.

use super::codebook::{Codebook, CodebookParams, LearnCodebook};
use super::contributions::VectorBlock;
use super::encode::{Encode, FitEncoder, from_settings, to_file_settings};
use super::fisher::{
    Block, Coordinates, Empirical, Information, Scale, Scaling, Sign, Spatial, add_gradient,
};
use super::given::Given;
use super::normalize::{Norm, Normalization, Segment};
use super::output::check_out;
use super::resolution::of_share;
use crate::data::{Moments, Source};
use crate::error::Result;
use crate::mixture::{FitReport, GaussianMixture, LOCATION, Linear, Statistics, Workspace};
use crate::util::context::Context;
use crate::util::learn::Learn;
use crate::util::setters::setters;
use crate::util::tensors::{TensorFile, Tensors};
use crate::util::threads::Threads;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Settings of a bag of words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BagOfWordsParams {
    /// The codebook: given, or the settings to fit it with.
    pub codebook: LearnCodebook,
    /// The posterior threshold of a soft assignment; `None` is
    /// [`Real::THRESHOLD`](crate::data::Real::THRESHOLD).
    pub threshold: Option<f64>,
    /// The Fisher information; `None` is the closed form with a location model, and none without one.
    pub information: Option<Information>,
    /// The exponent of the signed power of each entry.
    pub power: f64,
    /// The norm to divide by, after the power.
    pub norm: Norm,
}

impl Default for BagOfWordsParams {
    /// Hard assignment to 64 centres, the signed root and L2: the Hellinger kernel's map.
    fn default() -> Self {
        BagOfWordsParams {
            codebook: CodebookParams::default().into(),
            threshold: None,
            information: None,
            power: 0.5,
            norm: Norm::L2,
        }
    }
}

setters! { BagOfWordsParams {
    /// Sets the posterior threshold of a soft assignment.
    threshold: Option<f64>,
    /// Sets the Fisher information.
    information: Option<Information>,
    /// Sets the exponent of the signed power.
    power: f64,
    /// Sets the norm.
    norm: Norm,
} }

/// The bag of words of a codebook: a set of n descriptors in, K numbers out, S0_k/N, the share of the
/// descriptors that belong to component k (divided by sqrt(w_k) under the closed form); then power and norm
/// (Csurka et al. 2004). The vector of an empty set is zero.
///
/// With a location model ([`with_spatial`](Encode::with_spatial)) the last L columns of a descriptor are its
/// position, and the gradients with respect to that model follow. If the assignment is hard, a descriptor
/// also belongs to only one component of the location model, the most likely one.
#[derive(Debug, Clone, PartialEq)]
pub struct BagOfWords {
    codebook: Codebook,
    params: BagOfWordsParams,
    scaling: Scaling,
    spatial: Option<Spatial>,
    segments: Vec<Segment>,
}

impl BagOfWords {
    /// The encoder of a codebook with the default settings; see [`BagOfWordsParams`].
    #[must_use]
    pub fn new(codebook: Codebook) -> Self {
        BagOfWords::of(codebook, BagOfWordsParams::default())
    }

    /// The encoder of a codebook, whose assignment and threshold it uses.
    ///
    /// # Errors
    /// [`Error::Parameter`](crate::Error::Parameter) for a power out of range.
    pub fn with_params(codebook: Codebook, params: BagOfWordsParams) -> Result<Self> {
        let bag = BagOfWords::of(codebook, params);
        bag.params.check().map(|()| bag)
    }

    fn of(codebook: Codebook, params: BagOfWordsParams) -> Self {
        let threshold = codebook.threshold();
        let params = BagOfWordsParams { codebook: Learn::Given(codebook.clone()), threshold, ..params };
        let scaling = Scaling::new(params.information.unwrap_or(Information::None));
        let segments = vec![Segment { start: 0, components: codebook.mixture().n_components(), width: 1 }];
        BagOfWords { codebook, params, scaling, spatial: None, segments }
    }

    /// Settings to fit a codebook and its encoder with.
    #[must_use]
    pub fn builder(codebook: impl Into<LearnCodebook>) -> BagOfWordsParams {
        BagOfWordsParams { codebook: codebook.into(), ..BagOfWordsParams::default() }
    }

    /// The settings of the encoder.
    #[must_use]
    pub fn params(&self) -> &BagOfWordsParams {
        &self.params
    }

    /// The empirical information, if the settings require one and it has been fitted.
    #[must_use]
    pub fn empirical(&self) -> Option<&Empirical> {
        self.scaling.empirical.as_ref()
    }

    fn coordinates(&self) -> Coordinates {
        Coordinates {
            information: self.scaling.information,
            sign: Sign::StandardDeviation,
            scale: Scale::Gradient,
        }
    }

    /// The components of the full mixture for each of the codebook.
    fn each(&self) -> usize {
        self.spatial.as_ref().map_or(1, |spatial| spatial.location().n_components())
    }

    /// Writes the shares and the gradients with respect to the location model, before empirical information,
    /// power and norm.
    fn gradient(&self, statistics: &Statistics, out: &mut [f64]) {
        let coordinates = self.coordinates();
        let n = if statistics.n() > 0.0 { statistics.n() } else { 1.0 };
        for (k, mass) in statistics.s0.chunks_exact(self.each()).enumerate() {
            let factor = coordinates.factor(Block::Weights, self.codebook.mixture().weights()[k]);
            out[k] = factor * mass.iter().sum::<f64>() / n;
        }
        if let Some(spatial) = &self.spatial {
            spatial.write(&coordinates, statistics, &self.segments[1..], out);
        }
    }

    /// How much component `k` counts, from 0 to 1; see `resolution.rs`.
    fn resolved(&self, statistics: &Statistics, k: usize) -> f64 {
        let c = statistics.s0.len() / self.codebook.mixture().n_components();
        let mass: f64 = statistics.s0[k * c..(k + 1) * c].iter().sum();
        of_share(mass, statistics.n, self.codebook.drop_threshold())
    }

    /// The mixture that statistics are accumulated under, which includes a location model.
    fn full_mixture(&self) -> &GaussianMixture {
        self.spatial.as_ref().map_or(self.codebook.mixture(), Spatial::joint)
    }
}

impl FitEncoder for BagOfWordsParams {
    type Encoder = BagOfWords;

    fn give(&mut self, part: Given) -> Result<()> {
        self.codebook.give(part, "bow", self.threshold)
    }

    fn check(&self) -> Result<()> {
        Normalization { power: self.power, norm: self.norm }.check()?;
        self.codebook.check(self.threshold)
    }

    fn has_location_model(&self) -> bool {
        true
    }

    fn fit_with<S: Source>(
        &self,
        rows: &S,
        context: &mut Context<'_>,
    ) -> Result<(BagOfWords, Option<FitReport>)> {
        let (codebook, report) = self.codebook.learn(self.threshold, rows, context)?;
        Ok((BagOfWords::with_params(codebook, self.clone())?, report))
    }
}

impl Encode for BagOfWords {
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

    fn codebook(&self) -> Option<&Codebook> {
        Some(&self.codebook)
    }

    fn accumulate<S: Source>(
        &self,
        source: &S,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Statistics> {
        self.full_mixture().accumulate(source, self.codebook.drop_threshold(), threads, workspace)
    }

    fn encode_statistics(&self, statistics: &Statistics, out: &mut [f64]) -> Result<()> {
        statistics.check(self.full_mixture())?;
        check_out(self.output_dim(), out.len())?;
        self.raw(statistics, out)?;
        let resolved = |k| self.resolved(statistics, k);
        self.scaling.finish(self.normalization(), &self.segments, &resolved, out)
    }

    fn blocks(&self) -> Vec<VectorBlock> {
        let shares = VectorBlock::new("shares", self.segments[0].range(), 0..0);
        let of_location = self.spatial.iter().flat_map(|spatial| spatial.blocks(&self.segments[1..]));
        std::iter::once(shares).chain(of_location).collect()
    }

    fn raw(&self, statistics: &Statistics, out: &mut [f64]) -> Result<()> {
        self.gradient(statistics, out);
        self.scaling.scale(statistics.n(), out)
    }

    fn carry_back(&self, statistics: &Statistics, c: &[f64], to: &mut Linear) {
        let (n, each, weights) = (statistics.n(), self.each(), self.codebook.mixture().weights());
        let c = self.scaling.carry_back(n, (weights.len(), each), &self.blocks(), c.to_vec(), to);
        if n <= 0.0 {
            return;
        }
        let coordinates = self.coordinates();
        for (k, (c, w)) in c.iter().zip(weights).enumerate() {
            to.add_mass(k * each..(k + 1) * each, c * coordinates.factor(Block::Weights, *w) / n);
        }
        if let Some(spatial) = &self.spatial {
            spatial.carry_back(&coordinates, n, &self.segments[1..], &c, to);
        }
    }

    fn spatial(&self) -> Option<&Spatial> {
        self.spatial.as_ref()
    }

    fn with_spatial(self, location: GaussianMixture) -> Result<Self> {
        let spatial = Spatial::new(self.codebook.mixture(), location)?;
        let shares = self.segments[0];
        let segments = std::iter::once(shares).chain(spatial.segments(shares.len())).collect();
        let scaling = Scaling::new(self.params.information.unwrap_or(Information::ClosedForm));
        Ok(BagOfWords { spatial: Some(spatial), segments, scaling, ..self })
    }

    fn information(&self) -> Information {
        self.scaling.information
    }

    fn add_information(&self, gradients: &mut Moments, statistics: &Statistics) -> Result<()> {
        statistics.check(self.full_mixture())?;
        add_gradient(gradients, statistics.n(), |raw| {
            self.gradient(statistics, raw);
            let unresolved =
                (0..self.segments[0].components).filter(|k| self.resolved(statistics, *k) == 0.0);
            for k in unresolved {
                self.segments.iter().for_each(|segment| raw[segment.component(k)].fill(0.0));
            }
        })
    }

    fn with_empirical(self, empirical: Empirical) -> Result<Self> {
        let len = self.output_dim();
        Ok(BagOfWords { scaling: self.scaling.with(empirical, len)?, ..self })
    }

    fn settings(&self) -> Map<String, Value> {
        let (codebook, information) = (LearnCodebook::default(), Some(self.information()));
        let mut settings =
            to_file_settings(&BagOfWordsParams { codebook, information, ..self.params.clone() });
        settings.insert("assignment".to_owned(), self.codebook.assignment().name().into());
        if self.information() == Information::None {
            settings.remove("information");
        }
        if self.spatial.is_some() {
            settings.insert("spatial".to_owned(), true.into());
        }
        settings
    }

    fn write(&self, tensors: &mut Tensors) {
        self.codebook.write(tensors);
        if let Some(spatial) = &self.spatial {
            spatial.location().write(LOCATION, tensors);
        }
        self.scaling.write(tensors);
    }

    fn read(mut settings: Map<String, Value>, _: usize, file: &mut TensorFile<'_>) -> Result<Self> {
        let spatial = Spatial::take_setting(&mut settings)?;
        let assignment = Codebook::take_assignment(&mut settings)?;
        let required = ["power", "norm", "threshold?"];
        let mut params: BagOfWordsParams = from_settings(settings, &required)?;
        params.information.get_or_insert(Information::None);
        let codebook = Codebook::read(assignment, params.threshold, file)?;
        let mut bag = BagOfWords::with_params(codebook, params)?;
        if spatial {
            bag = bag.with_spatial(GaussianMixture::read(LOCATION, file)?)?;
        }
        match bag.information().is_empirical() {
            true => bag.with_empirical(Empirical::read(file)?),
            false => Ok(bag),
        }
    }
}
