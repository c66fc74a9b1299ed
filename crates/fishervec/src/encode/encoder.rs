//! The encoders as one: from a set of descriptors to a vector, and the settings they are fitted by.

use super::bow::{BagOfWords, BagOfWordsParams};
use super::codebook::{Assignment, Codebook};
use super::fisher::{FisherParams, FisherVector, Information, InformationFit, Spatial};
use super::normalize::Normalization;
use super::output::{Encoded, check_out, write_out};
use super::pooling::Pooling;
use super::vlad::{Vlad, VladParams};
use crate::data::Source;
use crate::error::{Error, Result};
use crate::mixture::{
    FitReport, GaussianMixture, GaussianMixtureParams, KMeansParams, Progress, Statistics, Workspace,
};
use crate::util::threads::Threads;
use std::ops::ControlFlow;
use std::sync::Arc;

/// The encoder at the end of a pipeline.
#[derive(Debug, Clone, PartialEq)]
pub enum Encoder {
    /// A Fisher vector.
    Fisher(Box<FisherVector>),
    /// Mean and standard deviation.
    Pooling(Pooling),
    /// Sums of residuals.
    Vlad(Box<Vlad>),
    /// Shares of descriptors.
    BagOfWords(Box<BagOfWords>),
}

impl Encoder {
    /// D, the columns it takes.
    #[must_use]
    pub fn dim(&self) -> usize {
        match self {
            Encoder::Fisher(fisher) => fisher.dim(),
            Encoder::Pooling(pooling) => pooling.dim(),
            Encoder::Vlad(vlad) => vlad.dim(),
            Encoder::BagOfWords(bag) => bag.dim(),
        }
    }

    /// P, the length of an encoding.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "an encoding is never empty")]
    pub fn len(&self) -> usize {
        match self {
            Encoder::Fisher(fisher) => fisher.len(),
            Encoder::Pooling(pooling) => pooling.len(),
            Encoder::Vlad(vlad) => vlad.len(),
            Encoder::BagOfWords(bag) => bag.len(),
        }
    }

    /// Power and norm.
    #[must_use]
    pub fn normalization(&self) -> Normalization {
        match self {
            Encoder::Fisher(fisher) => fisher.params().normalization,
            Encoder::Pooling(pooling) => pooling.normalization(),
            Encoder::Vlad(vlad) => vlad.params().normalization,
            Encoder::BagOfWords(bag) => bag.params().normalization,
        }
    }

    /// The codebook of a VLAD or a bag of words.
    #[must_use]
    pub fn codebook(&self) -> Option<&Codebook> {
        match self {
            Encoder::Fisher(_) | Encoder::Pooling(_) => None,
            Encoder::Vlad(vlad) => Some(vlad.codebook()),
            Encoder::BagOfWords(bag) => Some(bag.codebook()),
        }
    }

    /// The location model of a Fisher vector or a bag of words.
    #[must_use]
    pub fn spatial(&self) -> Option<&Spatial> {
        match self {
            Encoder::Fisher(fisher) => fisher.spatial(),
            Encoder::BagOfWords(bag) => bag.spatial(),
            Encoder::Pooling(_) | Encoder::Vlad(_) => None,
        }
    }

    /// The same encoder beside a location model, a mixture over the last columns; see
    /// [`FisherVector::with_spatial`].
    ///
    /// # Errors
    /// [`Error::Parameter`] for pooling and VLAD, which have none.
    pub fn with_spatial(self, location: Arc<GaussianMixture>) -> Result<Self> {
        match self {
            Encoder::Fisher(fisher) => Ok(Encoder::Fisher(Box::new(fisher.with_spatial(location)?))),
            Encoder::BagOfWords(bag) => Ok(Encoder::BagOfWords(Box::new(bag.with_spatial(location)?))),
            Encoder::Vlad(_) | Encoder::Pooling(_) => {
                let got = if self.codebook().is_some() { "vlad" } else { "pooling" };
                Err(Error::parameter("spatial", "a Fisher vector or a bag of words", got))
            }
        }
    }

    /// The Fisher information it applies.
    #[must_use]
    pub fn information(&self) -> Information {
        match self {
            Encoder::Fisher(fisher) => fisher.information(),
            Encoder::BagOfWords(bag) => bag.information(),
            Encoder::Pooling(_) | Encoder::Vlad(_) => Information::None,
        }
    }

    /// Adds a training set, by its statistics, to a fit of the empirical information; see
    /// [`FisherVector::add_information`].
    ///
    /// # Errors
    /// As [`encode_statistics`](Self::encode_statistics). Cost O(P).
    pub fn add_information(&self, fit: &mut InformationFit, statistics: &Statistics) -> Result<()> {
        match self {
            Encoder::Fisher(fisher) => fisher.add_information(fit, statistics),
            Encoder::BagOfWords(bag) => bag.add_information(fit, statistics),
            Encoder::Pooling(_) | Encoder::Vlad(_) => Ok(()),
        }
    }

    /// The encoder with the empirical information that was fitted.
    ///
    /// # Errors
    /// As [`FisherVector::with_information`].
    pub fn with_information(self, fit: InformationFit) -> Result<Self> {
        let empirical = fit.finish(self.information())?;
        Ok(match self {
            Encoder::Fisher(fisher) => Encoder::Fisher(Box::new(fisher.with_empirical(empirical)?)),
            Encoder::BagOfWords(bag) => Encoder::BagOfWords(Box::new(bag.with_empirical(empirical)?)),
            other => other,
        })
    }

    /// The statistics of a set that its vector is a function of.
    ///
    /// # Errors
    /// [`Error::Parameter`] for pooling, which has none; those of [`GaussianMixture::accumulate`].
    ///
    /// [`GaussianMixture::accumulate`]: crate::GaussianMixture::accumulate
    pub fn accumulate<S: Source>(
        &self,
        source: &S,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Statistics> {
        match self {
            Encoder::Fisher(fisher) => fisher.accumulate(source, threads, workspace),
            Encoder::Vlad(vlad) => vlad.accumulate(source, threads, workspace),
            Encoder::BagOfWords(bag) => bag.accumulate(source, threads, workspace),
            Encoder::Pooling(_) => Err(without_statistics()),
        }
    }

    /// The vector of such statistics, shape (P,).
    ///
    /// # Errors
    /// [`Error::Parameter`] for pooling, which has none; those of [`FisherVector::encode_statistics`]. Cost O(P).
    pub fn encode_statistics(&self, statistics: &Statistics, out: &mut [f64]) -> Result<()> {
        match self {
            Encoder::Fisher(fisher) => fisher.encode_statistics(statistics, out),
            Encoder::Vlad(vlad) => vlad.encode_statistics(statistics, out),
            Encoder::BagOfWords(bag) => bag.encode_statistics(statistics, out),
            Encoder::Pooling(_) => Err(without_statistics()),
        }
    }

    /// The vector of a set, shape (P,).
    pub(crate) fn encode_into<S: Source>(
        &self,
        source: &S,
        out: &mut [S::Real],
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Encoded> {
        check_out(self.len(), out.len())?;
        if let Encoder::Pooling(pooling) = self {
            return pooling.encode_into(source, out, threads);
        }
        let statistics = self.accumulate(source, threads, workspace)?;
        let mut vector = workspace.vectors.take().unwrap_or_default();
        vector.resize(self.len(), 0.0);
        self.encode_statistics(&statistics, &mut vector)?;
        write_out(&vector, out)?;
        let encoded = self.encoded(source.n_rows(), &statistics);
        workspace.vectors.give(vector);
        workspace.give(statistics);
        Ok(encoded)
    }

    /// How a set of these statistics came out.
    pub(crate) fn encoded(&self, n_rows: usize, statistics: &Statistics) -> Encoded {
        // Under the mixture that stands for the nearest centre a likelihood means nothing.
        let hard = self.codebook().is_some_and(|codebook| codebook.assignment() == Assignment::Hard);
        let mean_log_likelihood = statistics.mean_log_likelihood().filter(|_| !hard);
        Encoded { n_rows, mean_log_likelihood }
    }
}

fn without_statistics() -> Error {
    Error::parameter("encoder", "one with statistics", "pooling")
}

/// Settings of the encoder of a pipeline.
#[allow(clippy::large_enum_variant, reason = "there is one per pipeline")]
#[derive(Debug, Clone, PartialEq)]
pub enum EncoderParams {
    /// A Fisher vector: its mixture, and what is made of it.
    Fisher(GaussianMixtureParams, FisherParams),
    /// Mean and standard deviation.
    Pooling(Normalization),
    /// Sums of residuals: their codebook, and what is made of them.
    Vlad(CodebookParams, VladParams),
    /// Shares of descriptors: their codebook, and what is made of them.
    BagOfWords(CodebookParams, BagOfWordsParams),
}

/// Settings of a codebook.
#[allow(clippy::large_enum_variant, reason = "there is one per pipeline")]
#[derive(Debug, Clone, PartialEq)]
pub enum CodebookParams {
    /// k-means, and the nearest centre.
    Hard(KMeansParams),
    /// A mixture, and its posteriors.
    Soft(GaussianMixtureParams),
}

impl CodebookParams {
    /// Fits the codebook to rows, shape (n, D); a report comes with a mixture.
    ///
    /// # Errors
    /// Those of [`KMeansParams::fit`] and [`GaussianMixtureParams::fit`]. Cost: theirs.
    pub fn fit<S: Source>(
        &self,
        rows: &S,
        threads: &Threads,
        progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<(Codebook, Option<FitReport>)> {
        match self {
            CodebookParams::Hard(params) => Ok((Codebook::hard(params.fit(rows, threads)?.centres)?, None)),
            CodebookParams::Soft(params) => {
                let fit = params.fit(rows, threads, progress)?;
                Ok((Codebook::soft(fit.mixture, params.threshold)?, Some(fit.report)))
            }
        }
    }
}

impl EncoderParams {
    /// Fits the encoder to preprocessed rows, shape (n, D); a report comes with a mixture.
    ///
    /// # Errors
    /// Those of [`GaussianMixtureParams::fit`]. Cost: its.
    pub fn fit<S: Source>(
        &self,
        rows: &S,
        threads: &Threads,
        progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<(Encoder, Option<FitReport>)> {
        match self {
            EncoderParams::Fisher(mixture, fisher) => {
                let fit = mixture.fit(rows, threads, progress)?;
                let fisher = FisherVector::new(fit.mixture, fisher.clone())?;
                Ok((Encoder::Fisher(Box::new(fisher)), Some(fit.report)))
            }
            EncoderParams::Pooling(normalization) => {
                Ok((Encoder::Pooling(Pooling::new(rows.dim(), *normalization)?), None))
            }
            EncoderParams::Vlad(codebook, params) => {
                let (codebook, report) = codebook.fit(rows, threads, progress)?;
                Ok((Encoder::Vlad(Box::new(Vlad::new(codebook, *params)?)), report))
            }
            EncoderParams::BagOfWords(codebook, params) => {
                let (codebook, report) = codebook.fit(rows, threads, progress)?;
                Ok((Encoder::BagOfWords(Box::new(BagOfWords::new(codebook, *params)?)), report))
            }
        }
    }
}
