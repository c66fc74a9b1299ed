//! All encoders as one type, and all their settings. A new encoder is one line in the list below.

use super::bow::{BagOfWords, BagOfWordsParams};
use super::codebook::Codebook;
use super::contributions::{Scores, VectorBlock};
use super::encode::{Encode, FitEncoder, Kind};
use super::fisher::{Empirical, FisherParams, FisherVector, Information, Spatial};
use super::gathered::Gathered;
use super::given::Given;
use super::h2t::{H2T, H2TParams};
use super::normalize::Normalization;
use super::output::Encoded;
use super::pooling::{Pooling, PoolingParams};
use super::vlad::{Vlad, VladParams};
use crate::data::{Moments, Source};
use crate::error::{Error, Result};
use crate::mixture::{Division, FitReport, GaussianMixture, Linear, Statistics, Workspace};
use crate::util::context::Context;
use crate::util::json::from_value;
use crate::util::tensors::{TensorFile, Tensors};
use crate::util::threads::Threads;
use ndarray::{Array2, Array3};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Defines [`Encoder`] and [`EncoderParams`] from the list of encoders.
macro_rules! encoders {
    ($($variant:ident($encoder:ty, $params:ty) = $kind:literal: $about:literal,)+) => {
        /// Any encoder: the last part of a pipeline.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum Encoder { $(#[doc = $about] $variant(Box<$encoder>),)+ }

        /// The settings of any encoder; in JSON they are an object with a `kind`.
        #[allow(clippy::large_enum_variant, reason = "there is one per pipeline")]
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind")]
        #[non_exhaustive]
        pub enum EncoderParams { $(#[doc = $about] #[serde(rename = $kind)] $variant($params),)+ }

        impl Encoder {
            /// The kinds of encoders, as model files, the command and [`EncoderParams`] name them.
            pub const KINDS: &'static [&'static str] = &[$($kind),+];
            /// A short description of each of the [`KINDS`](Self::KINDS).
            pub const ABOUT: &'static [&'static str] = &[$($about),+];
        }

        impl Kind for Encoder {
            fn kind(&self) -> &'static str {
                match self { $(Encoder::$variant(_) => $kind,)+ }
            }
        }

        impl EncoderParams {
            /// The default settings of the encoder of that kind.
            ///
            /// # Errors
            /// [`Error::Parameter`] that lists the kinds.
            pub fn of_kind(kind: &str) -> Result<Self> {
                match kind {
                    $($kind => Ok(EncoderParams::$variant(<$params>::default())),)+
                    _ => Err(Error::parameter("encoder", format!("one of {}", Encoder::KINDS.join(", ")), kind)),
                }
            }

            /// The kind of the encoder.
            #[must_use]
            pub fn kind(&self) -> &'static str {
                match self { $(EncoderParams::$variant(_) => $kind,)+ }
            }

            /// The default settings of the encoder of that kind, overridden by those in `settings`, a JSON
            /// object whose names must be settings of that encoder.
            ///
            /// # Errors
            /// As [`of_kind`](Self::of_kind); [`Error::Settings`] for an unknown name or a value of another
            /// type.
            pub fn from_settings(kind: &str, settings: Map<String, Value>) -> Result<Self> {
                let mut settings = settings;
                settings.insert("kind".to_owned(), Self::of_kind(kind)?.kind().into());
                from_value(Value::Object(settings))
            }

            /// The names of the settings.
            #[must_use]
            pub fn names(&self) -> Vec<String> {
                // Of the defaults: a part that is given, or starts from a given mixture, has no settings.
                let settings = match self { $(EncoderParams::$variant(_) => super::encode::to_settings(&<$params>::default()),)+ };
                settings.into_iter().map(|(name, _)| name).collect()
            }
        }

        $(
            impl Kind for $encoder {
                fn kind(&self) -> &'static str {
                    $kind
                }
            }

            impl From<$encoder> for Encoder {
                fn from(encoder: $encoder) -> Self {
                    Encoder::$variant(Box::new(encoder))
                }
            }

            impl From<$params> for EncoderParams {
                fn from(params: $params) -> Self {
                    EncoderParams::$variant(params)
                }
            }
        )+

        impl FitEncoder for EncoderParams {
            type Encoder = Encoder;

            fn give(&mut self, part: Given) -> Result<()> {
                match self { $(EncoderParams::$variant(params) => params.give(part),)+ }
            }

            fn check(&self) -> Result<()> {
                match self { $(EncoderParams::$variant(params) => params.check(),)+ }
            }

            fn has_statistics(&self) -> bool {
                match self { $(EncoderParams::$variant(params) => params.has_statistics(),)+ }
            }

            fn has_location_model(&self) -> bool {
                match self { $(EncoderParams::$variant(params) => params.has_location_model(),)+ }
            }

            fn fit_with<S: Source>(
                &self,
                rows: &S,
                context: &mut Context<'_>,
            ) -> Result<(Encoder, Option<FitReport>)> {
                match self {
                    $(EncoderParams::$variant(params) => {
                        params.fit_with(rows, context).map(|(encoder, report)| (encoder.into(), report))
                    })+
                }
            }
        }

        /// Evaluates an expression for the encoder inside.
        macro_rules! each {
            ($self:ident, $inside:ident => $body:expr) => {
                match $self { $(Encoder::$variant($inside) => $body,)+ }
            };
        }

        impl Encoder {
            fn read_kind(
                kind: &str,
                settings: Map<String, Value>,
                columns: usize,
                file: &mut TensorFile<'_>,
            ) -> Result<Self> {
                match kind {
                    $($kind => <$encoder>::read(settings, columns, file).map(Encoder::from),)+
                    _ => {
                        let expected = Encoder::KINDS.join(", ");
                        let reason = format!("settings: encoder: unknown kind {kind:?}, expected one of {expected}");
                        Err(Error::format("model", reason))
                    }
                }
            }
        }
    };
}

encoders! {
    Fisher(FisherVector, FisherParams) = "fisher": "Fisher vector of a Gaussian mixture",
    Pooling(Pooling, PoolingParams) = "pooling": "Mean and standard deviation, the baseline",
    Vlad(Vlad, VladParams) = "vlad": "Sums of the residuals of a codebook",
    BagOfWords(BagOfWords, BagOfWordsParams) =
        "bow": "Bag of words: the share of descriptors per component of a codebook",
    H2T(H2T, H2TParams) = "h2t": "Mean of the descriptors at each centre of a codebook",
}

impl Default for EncoderParams {
    /// A Fisher vector with its default settings.
    fn default() -> Self {
        FisherParams::default().into()
    }
}

impl Encode for Encoder {
    fn input_dim(&self) -> usize {
        each!(self, encoder => encoder.input_dim())
    }

    fn output_dim(&self) -> usize {
        each!(self, encoder => encoder.output_dim())
    }

    fn normalization(&self) -> Normalization {
        each!(self, encoder => encoder.normalization())
    }

    fn statistics_mixture(&self) -> Option<&GaussianMixture> {
        each!(self, encoder => encoder.statistics_mixture())
    }

    fn mixture(&self) -> Option<&GaussianMixture> {
        each!(self, encoder => encoder.mixture())
    }

    fn codebook(&self) -> Option<&Codebook> {
        each!(self, encoder => encoder.codebook())
    }

    fn accumulate<S: Source>(
        &self,
        source: &S,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Statistics> {
        each!(self, encoder => encoder.accumulate(source, threads, workspace))
    }

    fn encode_statistics(&self, statistics: &Statistics, out: &mut [f64]) -> Result<()> {
        each!(self, encoder => encoder.encode_statistics(statistics, out))
    }

    fn gather<S: Source>(
        &self,
        source: &S,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Gathered> {
        each!(self, encoder => encoder.gather(source, threads, workspace))
    }

    fn encode_gathered(&self, gathered: &Gathered, out: &mut [f64]) -> Result<Encoded> {
        each!(self, encoder => encoder.encode_gathered(gathered, out))
    }

    fn blocks(&self) -> Vec<VectorBlock> {
        each!(self, encoder => encoder.blocks())
    }

    fn contributions_in<S: Source>(
        &self,
        group: &Gathered,
        source: &S,
        scores: &Scores<'_>,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Array3<f64>> {
        each!(self, encoder => encoder.contributions_in(group, source, scores, threads, workspace))
    }

    fn drop_threshold(&self) -> Option<f64> {
        each!(self, encoder => encoder.drop_threshold())
    }

    fn raw(&self, statistics: &Statistics, out: &mut [f64]) -> Result<()> {
        each!(self, encoder => encoder.raw(statistics, out))
    }

    fn raw_gathered(&self, gathered: &Gathered, out: &mut [f64]) -> Result<()> {
        each!(self, encoder => encoder.raw_gathered(gathered, out))
    }

    fn carry_back(&self, statistics: &Statistics, c: &[f64], to: &mut Linear) {
        each!(self, encoder => encoder.carry_back(statistics, c, to))
    }

    fn shares<S: Source>(
        &self,
        source: &S,
        functions: (&[Linear], Division),
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Array2<f64>> {
        each!(self, encoder => encoder.shares(source, functions, threads, workspace))
    }

    fn encoded(&self, n_rows: usize, statistics: &Statistics) -> Encoded {
        each!(self, encoder => encoder.encoded(n_rows, statistics))
    }

    fn spatial(&self) -> Option<&Spatial> {
        each!(self, encoder => encoder.spatial())
    }

    fn with_spatial(self, location: GaussianMixture) -> Result<Self> {
        each!(self, encoder => encoder.with_spatial(location).map(Encoder::from))
    }

    fn information(&self) -> Information {
        each!(self, encoder => encoder.information())
    }

    fn add_information(&self, gradients: &mut Moments, statistics: &Statistics) -> Result<()> {
        each!(self, encoder => encoder.add_information(gradients, statistics))
    }

    fn with_empirical(self, empirical: Empirical) -> Result<Self> {
        each!(self, encoder => encoder.with_empirical(empirical).map(Encoder::from))
    }

    fn settings(&self) -> Map<String, Value> {
        let mut settings = each!(self, encoder => encoder.settings());
        settings.insert("kind".to_owned(), self.kind().into());
        settings
    }

    fn write(&self, tensors: &mut Tensors) {
        each!(self, encoder => encoder.write(tensors))
    }

    fn read(mut settings: Map<String, Value>, columns: usize, file: &mut TensorFile<'_>) -> Result<Self> {
        let kind = settings.remove("kind");
        let kind = kind.as_ref().and_then(Value::as_str).unwrap_or_default();
        Self::read_kind(kind, settings, columns, file)
    }
}
