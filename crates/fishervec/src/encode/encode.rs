//! The traits of encoders and of their settings.

use super::codebook::Codebook;
use super::contributions::{Scores, VectorBlock};
use super::fisher::empirical::Empirical;
use super::fisher::information::Information;
use super::fisher::spatial::Spatial;
use super::gathered::{Content, Gathered, foreign};
use super::given::Given;
use super::normalize::Normalization;
use super::output::{Encoded, check_out, write_out};
use crate::data::{Moments, Source};
use crate::error::{Error, Result};
use crate::mixture::{Division, FitReport, GaussianMixture, Linear, Statistics, Workspace};
use crate::simd::Real;
use crate::util::context::Context;
use crate::util::tensors::{TensorFile, Tensors};
use crate::util::threads::Threads;
use ndarray::{Array1, Array2, Array3};
use serde_json::{Map, Value};

/// The name of an encoder.
pub trait Kind {
    /// The name of the encoder in model files, the command and [`EncoderParams`](super::EncoderParams):
    /// `fisher`, `vlad`, ...
    fn kind(&self) -> &'static str;
}

/// An encoder: a set of n descriptors of D columns in, one vector of P numbers out.
///
/// A set is summarised by its [`Statistics`] under the encoder's mixture, and the vector is a function of
/// them. An encoder implements these two steps ([`accumulate`](Self::accumulate),
/// [`encode_statistics`](Self::encode_statistics)) and how it is written to a model file; windows, pyramids
/// and files build on them.
pub trait Encode: Kind + Clone + PartialEq + std::fmt::Debug + Send + Sync + Sized {
    /// D, the number of columns of its input descriptors.
    fn input_dim(&self) -> usize;

    /// P, the length of its vectors.
    fn output_dim(&self) -> usize;

    /// The power and the norm, which are applied last.
    fn normalization(&self) -> Normalization;

    /// The mixture that statistics are accumulated under; `None` for an encoder without statistics.
    fn statistics_mixture(&self) -> Option<&GaussianMixture>;

    /// The mixture, or that of the codebook, of the descriptors without their positions; `None` where there
    /// is none.
    fn mixture(&self) -> Option<&GaussianMixture> {
        self.codebook().map(Codebook::mixture)
    }

    /// The codebook; `None` where there is none.
    fn codebook(&self) -> Option<&Codebook> {
        None
    }

    /// The statistics of a set, shape (n, D).
    ///
    /// # Errors
    /// [`Error::Parameter`] for an encoder without statistics; those of [`GaussianMixture::accumulate`].
    fn accumulate<S: Source>(
        &self,
        source: &S,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Statistics>;

    /// The vector of such statistics, shape (P,); the zero vector for an empty set.
    ///
    /// # Errors
    /// [`Error::MixtureMismatch`] for statistics under another mixture, [`Error::Dimension`] unless `out` has
    /// P numbers, [`Error::Overflow`] for an entry beyond `f64`, [`Error::Parameter`] for an encoder without
    /// statistics. Cost O(P).
    fn encode_statistics(&self, statistics: &Statistics, out: &mut [f64]) -> Result<()>;

    /// What [`encode_gathered`](Self::encode_gathered) needs of a set, shape (n, D): its statistics, unless
    /// the encoder has none.
    ///
    /// # Errors
    /// Those of [`accumulate`](Self::accumulate).
    fn gather<S: Source>(
        &self,
        source: &S,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Gathered> {
        Ok(Gathered::new(source.n_rows(), self.accumulate(source, threads, workspace)?))
    }

    /// Writes the vector of what was gathered of a set, or of several that are encoded as one, shape (P,).
    ///
    /// # Errors
    /// Those of [`encode_statistics`](Self::encode_statistics); [`Error::Parameter`] for what another kind of
    /// encoder gathered. Cost O(P).
    fn encode_gathered(&self, gathered: &Gathered, out: &mut [f64]) -> Result<Encoded> {
        let Content::Statistics(statistics) = gathered.content() else { return Err(foreign()) };
        self.encode_statistics(statistics, out)?;
        Ok(self.encoded(gathered.n_rows(), statistics))
    }

    /// Writes the vector of a set of shape (n, D) to `out` of shape (P,).
    ///
    /// # Errors
    /// Those of [`gather`](Self::gather) and [`encode_gathered`](Self::encode_gathered).
    fn encode_into<S: Source>(
        &self,
        source: &S,
        out: &mut [S::Real],
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Encoded> {
        check_out(self.output_dim(), out.len())?;
        let gathered = self.gather(source, threads, workspace)?;
        let mut vector = workspace.vectors.take().unwrap_or_default();
        vector.resize(self.output_dim(), 0.0);
        let encoded = self.encode_gathered(&gathered, &mut vector)?;
        write_out(&vector, out)?;
        workspace.vectors.give(vector);
        gathered.give_to(workspace);
        Ok(encoded)
    }

    /// The vector of a set of shape (n, D), in the descriptors' float type, on all cores.
    ///
    /// # Errors
    /// As [`encode_into`](Self::encode_into).
    fn encode<S: Source>(&self, set: &S) -> Result<Array1<S::Real>> {
        let mut out = vec![S::Real::ZERO; self.output_dim()];
        self.encode_into(set, &mut out, &Threads::available()?, &Workspace::default())?;
        Ok(Array1::from(out))
    }

    /// The blocks of its vectors, in order.
    fn blocks(&self) -> Vec<VectorBlock>;

    /// The share of each descriptor of a set of shape (n, D) in scores t . f of its vector f: shape
    /// (n, m, parts), with one part unless the shares are divided.
    ///
    /// The vector before power and norm is a sum over descriptors, g = sum_n h_n, and the share of descriptor
    /// n is sum_j t_j h_nj f_j/g_j (0 where g_j = 0). Shares sum to t . f. A descriptor of weight 0 has the
    /// share 0. The centre of a centred empirical information is spread evenly over the weights, and so is
    /// what the rounding of sums left.
    ///
    /// Where the power is below 1, f_j/g_j = |g_j|^(power - 1) is large at entries near zero, whose shares
    /// then are large, of both signs, and cancel.
    ///
    /// # Errors
    /// Those of [`encode_into`](Self::encode_into); [`Error::Dimension`] or [`Error::Parameter`] unless each
    /// score has P finite coefficients.
    ///
    /// Cost: that of two encodings, and O(D) for each kept posterior and score; memory that of the result.
    fn contributions<S: Source>(
        &self,
        source: &S,
        scores: &Scores<'_>,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Array3<f64>> {
        scores.check(self.output_dim())?;
        let gathered = self.gather(source, threads, workspace)?;
        let mut shares = self.contributions_in(&gathered, source, scores, threads, workspace)?;
        let mut vector = vec![0.0; self.output_dim()];
        self.encode_gathered(&gathered, &mut vector)?;
        self.settle(source, &vector, scores, &mut shares)?;
        gathered.give_to(workspace);
        Ok(shares)
    }

    /// The share of each descriptor of `source`, shape (n, D), in scores of the vector of a group: `group` is
    /// what was gathered of all its sets. The shares of all of them sum to the score up to the rounding of
    /// its sums; those of a set that counts with a factor ([`Gathered::scale`]) have that factor besides.
    ///
    /// # Errors
    /// As [`contributions`](Self::contributions); [`Error::MixtureMismatch`] or [`Error::Parameter`] for what
    /// another encoder gathered.
    ///
    /// Cost: that of an encoding, and O(D) for each kept posterior and score; memory that of the result.
    fn contributions_in<S: Source>(
        &self,
        group: &Gathered,
        source: &S,
        scores: &Scores<'_>,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Array3<f64>> {
        scores.check(self.output_dim())?;
        let Content::Statistics(statistics) = group.content() else { return Err(foreign()) };
        let linear = self.linear(statistics, scores)?;
        scores.shaped(self.shares(source, (&linear, self.division(scores)), threads, workspace)?)
    }

    /// The fraction of a row's largest posterior below which its posteriors are dropped; `None` is the
    /// default of the descriptors' float type.
    fn drop_threshold(&self) -> Option<f64> {
        self.codebook().and_then(Codebook::drop_threshold)
    }

    /// Writes the vector of such statistics before power and norm: linear in S0, Z1, Z2 and N where what the
    /// encoder divides by stays the same.
    #[doc(hidden)]
    fn raw(&self, statistics: &Statistics, out: &mut [f64]) -> Result<()>;

    /// The same of what was gathered of a set.
    #[doc(hidden)]
    fn raw_gathered(&self, gathered: &Gathered, out: &mut [f64]) -> Result<()> {
        let Content::Statistics(statistics) = gathered.content() else { return Err(foreign()) };
        self.raw(statistics, out)
    }

    /// Adds c . raw, as that function of the statistics, to `to`.
    #[doc(hidden)]
    fn carry_back(&self, statistics: &Statistics, c: &[f64], to: &mut Linear);

    /// Scores of the vector of such statistics, as linear functions of them; see `contributions.rs`.
    #[doc(hidden)]
    fn linear(&self, statistics: &Statistics, scores: &Scores<'_>) -> Result<Vec<Linear>> {
        let Some(mixture) = self.statistics_mixture() else { return Err(foreign()) };
        let (mut raw, mut vector) = (vec![0.0; self.output_dim()], vec![0.0; self.output_dim()]);
        self.encode_statistics(statistics, &mut vector)?;
        self.raw(statistics, &mut raw)?;
        let of = |c: &Vec<f64>| {
            let mut linear = Linear::zero(mixture);
            self.carry_back(statistics, c, &mut linear);
            linear
        };
        Ok(scores.coefficients(&raw, &vector, &self.blocks()).iter().map(of).collect())
    }

    /// How the pass over the descriptors divides the shares in such scores.
    #[doc(hidden)]
    fn division(&self, scores: &Scores<'_>) -> Division {
        let components = |of: Option<&GaussianMixture>| of.map_or(1, GaussianMixture::n_components);
        let c = components(self.statistics_mixture()) / components(self.mixture());
        scores.division(&self.blocks(), c)
    }

    /// Makes the shares of a whole set sum to the scores of its vector; see `Scores::settle`.
    #[doc(hidden)]
    fn settle<S: Source>(
        &self,
        source: &S,
        vector: &[f64],
        scores: &Scores<'_>,
        shares: &mut Array3<f64>,
    ) -> Result<()> {
        let k = self.mixture().map_or(1, GaussianMixture::n_components);
        scores.settle(source, vector, (&self.blocks(), k, self.input_dim()), shares)
    }

    /// The parts of scores that components, blocks or columns have; see
    /// [`Pipeline::parts_of_scores`](crate::Pipeline::parts_of_scores).
    #[doc(hidden)]
    fn parts_of_scores(&self, vector: &[f64], scores: &Scores<'_>) -> Array2<f64> {
        let k = self.mixture().map_or(1, GaussianMixture::n_components);
        let (blocks, columns) = (self.blocks(), self.input_dim());
        let n = scores.n_parts(&blocks, k, columns);
        let mut sums = Array2::zeros((scores.coef.nrows(), n));
        scores.add_parts(vector, (&blocks, k, columns), &mut sums);
        sums
    }

    /// The component that each entry of its vector belongs to, shape (P,).
    #[doc(hidden)]
    fn component_of_entries(&self) -> Vec<usize> {
        let k = self.mixture().map_or(1, GaussianMixture::n_components);
        self.blocks()
            .iter()
            .flat_map(|block| block.places(k).map(|(_, k, _)| k).collect::<Vec<_>>())
            .collect()
    }

    /// The likeliest component of each row; see [`Pipeline::likeliest`](crate::Pipeline::likeliest).
    #[doc(hidden)]
    fn likeliest<S: Source>(&self, source: &S, threads: &Threads) -> Result<Option<Vec<usize>>> {
        let (Some(mixture), Some(own)) = (self.statistics_mixture(), self.mixture()) else { return Ok(None) };
        // Under a location model each component is several, which follow each other.
        let c = mixture.n_components() / own.n_components();
        let found = mixture.predict(source, threads)?;
        Ok(Some(found.into_iter().map(|k| k / c).collect()))
    }

    /// The shares of descriptors in linear functions of the statistics.
    #[doc(hidden)]
    fn shares<S: Source>(
        &self,
        source: &S,
        functions: (&[Linear], Division),
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Array2<f64>> {
        let Some(mixture) = self.statistics_mixture() else { return Err(foreign()) };
        mixture.shares(source, self.drop_threshold(), functions, threads, workspace)
    }

    /// The summary of the encoding of a set with these statistics.
    fn encoded(&self, n_rows: usize, statistics: &Statistics) -> Encoded {
        // The mixture of a hard assignment only selects the nearest centre, so its likelihood means nothing.
        let hard = self.codebook().is_some_and(Codebook::is_hard);
        let mean_log_likelihood = statistics.mean_log_likelihood().filter(|_| !hard);
        Encoded { n_rows, mean_log_likelihood }
    }

    /// The location model; `None` where there is none.
    fn spatial(&self) -> Option<&Spatial> {
        None
    }

    /// The same encoder with a location model, a mixture over the position columns; see
    /// [`FisherVector::with_spatial`](super::FisherVector::with_spatial).
    ///
    /// # Errors
    /// [`Error::Parameter`] for an encoder that cannot have one.
    fn with_spatial(self, location: GaussianMixture) -> Result<Self> {
        let _ = location;
        Err(Error::parameter("spatial", "a Fisher vector or a bag of words", self.kind()))
    }

    /// The Fisher information it applies.
    fn information(&self) -> Information {
        Information::None
    }

    /// Adds the gradient of one training set to the moments of their gradients, shape (P,), which an
    /// empirical information is computed from. An empty set does not count.
    ///
    /// # Errors
    /// As [`encode_statistics`](Self::encode_statistics). Cost O(P).
    fn add_information(&self, gradients: &mut Moments, statistics: &Statistics) -> Result<()> {
        let _ = (gradients, statistics);
        Ok(())
    }

    /// The same encoder with the given empirical information.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless the encoder's information is empirical, [`Error::Dimension`] unless
    /// `empirical` has P numbers.
    fn with_empirical(self, empirical: Empirical) -> Result<Self> {
        let _ = empirical;
        Err(Error::parameter("information", "empirical or empirical-centred", self.information()))
    }

    /// The same encoder with the empirical information of training sets whose gradients have these moments.
    ///
    /// # Errors
    /// [`Error::TooFewRows`] for fewer than 1 training set, or 2 for the centred form; those of
    /// [`with_empirical`](Self::with_empirical).
    fn with_information(self, gradients: &Moments) -> Result<Self> {
        let empirical = Empirical::of(gradients, self.information())?;
        self.with_empirical(empirical)
    }

    /// The settings as a model file holds them, with all choices resolved.
    fn settings(&self) -> Map<String, Value>;

    /// Adds the fitted parameters to the tensors of a model file.
    #[doc(hidden)]
    fn write(&self, tensors: &mut Tensors);

    /// Reads the encoder from such settings and tensors, for descriptors of `columns` columns.
    #[doc(hidden)]
    fn read(settings: Map<String, Value>, columns: usize, file: &mut TensorFile<'_>) -> Result<Self>;
}

/// Settings that an encoder is fitted with.
pub trait FitEncoder {
    /// The encoder that is fitted.
    type Encoder: Encode;

    /// Uses a given part instead of fitting it.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a part that the encoder does not have.
    fn give(&mut self, part: Given) -> Result<()> {
        Err(part.refused("another kind"))
    }

    /// Checks what can be checked without descriptors.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a setting out of range, or settings that contradict each other.
    fn check(&self) -> Result<()>;

    /// Whether the encoder has statistics, which windows and pyramids need.
    fn has_statistics(&self) -> bool {
        true
    }

    /// Whether the encoder can have a location model.
    fn has_location_model(&self) -> bool {
        false
    }

    /// Fits the encoder to preprocessed rows, shape (n, D), on all cores.
    ///
    /// # Errors
    /// As [`fit_with`](Self::fit_with).
    fn fit<S: Source>(&self, rows: &S) -> Result<Self::Encoder> {
        Ok(self.fit_with(rows, &mut Context::new())?.0)
    }

    /// Fits the encoder to preprocessed rows, shape (n, D); fitting a mixture returns a report.
    ///
    /// # Errors
    /// Those of [`GaussianMixtureParams::fit_with`](crate::mixture::GaussianMixtureParams::fit_with), of
    /// [`KMeansParams::fit_with`](crate::mixture::KMeansParams::fit_with), and of the encoder's constructor.
    fn fit_with<S: Source>(
        &self,
        rows: &S,
        context: &mut Context<'_>,
    ) -> Result<(Self::Encoder, Option<FitReport>)>;
}

/// The settings as a JSON object; no part may be given.
pub(super) fn to_settings(params: &impl serde::Serialize) -> Map<String, Value> {
    match serde_json::to_value(params) {
        Ok(Value::Object(settings)) => settings,
        other => unreachable!("settings must be a JSON object, got {other:?}"),
    }
}

/// The parts of an encoder that a model file holds as tensors, and not as the settings to fit them by.
const PARTS: [&str; 2] = ["mixture", "codebook"];

/// The settings of a model file for an encoder whose parts are fitted.
pub(super) fn to_file_settings(params: &impl serde::Serialize) -> Map<String, Value> {
    let mut settings = to_settings(params);
    settings.retain(|name, _| !PARTS.contains(&name.as_str()));
    settings
}

/// Reads the settings of a model file: each of the `required` ones must be present, those marked `?` may be
/// `null`, and settings to fit a part by are refused.
pub(super) fn from_settings<P: serde::de::DeserializeOwned>(
    settings: Map<String, Value>,
    required: &[&str],
) -> Result<P> {
    let wrong = |reason: String| Error::format("model", format!("settings: {reason}"));
    for name in required {
        match (settings.get(name.trim_end_matches('?')), name.ends_with('?')) {
            (None, _) => return Err(wrong(format!("missing field `{}`", name.trim_end_matches('?')))),
            (Some(Value::Null), false) => return Err(wrong(format!("{name} must not be null"))),
            _ => {}
        }
    }
    if let Some(name) = PARTS.into_iter().find(|name| settings.contains_key(*name)) {
        return Err(wrong(format!("unknown field `{name}`")));
    }
    let params = serde_json::from_value(Value::Object(settings));
    params.map_err(|error| wrong(error.to_string()))
}
