//! Preprocessing, encoder and normalisation as one thing that is fitted, saved and applied together.

use crate::codebook::{BagOfWords, Codebook, Vlad, VladParams};
use crate::descriptors::{RowBuffer, Source};
use crate::error::{Error, Result};
use crate::fisher::{FisherParams, FisherVector, InformationFit};
use crate::image::ImageParams;
use crate::kernel::Real;
use crate::mixture::{FitReport, GaussianMixtureParams, KMeansParams, Progress, Workspace};
use crate::normalize::{Normalization, RowNorm};
use crate::parallel::Threads;
use crate::pca::{Pca, PcaParams};
use crate::pooling::Pooling;
use crate::windows;
use ndarray::{Array1, Array2, Axis};
use std::ops::{ControlFlow, Range};

/// A preprocessing step, applied to each block of descriptors as it is read.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// The last columns, this many, go round the steps that follow and stand at the end again: where a descriptor is,
    /// say. Only as the first step.
    Carry(usize),
    /// Each row normalised by itself.
    Rows(RowNorm),
    /// A projection to fewer columns.
    Pca(Box<Pca>),
}

/// Columns after `steps`, given `dim` before them.
///
/// # Errors
/// [`Error::Dimension`] if a step takes another number of columns, [`Error::Parameter`] for a carry that is not first.
pub(crate) fn columns(steps: &[Step], dim: usize) -> Result<usize> {
    let (mut d, mut carried) = (dim, 0);
    for (i, step) in steps.iter().enumerate() {
        match step {
            Step::Carry(n) if i > 0 => {
                return Err(Error::parameter(
                    "steps",
                    "carried columns as the first",
                    format!("{n} as step {i}"),
                ));
            }
            Step::Carry(n) => {
                let less = d.checked_sub(*n).filter(|d| *d > 0);
                d = less.ok_or(Error::Dimension {
                    what: "columns before those carried",
                    expected: n + 1,
                    got: d,
                })?;
                carried = *n;
            }
            Step::Rows(_) => {}
            Step::Pca(pca) if pca.mean().len() == d => d = pca.components().nrows(),
            Step::Pca(pca) => {
                let expected = pca.mean().len();
                return Err(Error::Dimension { what: "rows of the projection", expected, got: d });
            }
        }
    }
    Ok(d + carried)
}

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
            Encoder::BagOfWords(bag) => bag.normalization(),
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
}

/// How a set came out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Encoded {
    /// Its number of descriptors; 0 means that the encoding is the zero vector.
    pub n_rows: usize,
    /// Their mean log-likelihood under the mixture in nats; `None` for an empty set, or no mixture.
    pub mean_log_likelihood: Option<f64>,
}

/// Rows -> steps -> encoder -> vector: everything between a set of descriptors and its encoding.
///
/// Immutable and cheap to share between threads.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    dim: usize,
    steps: Vec<Step>,
    encoder: Encoder,
    images: Option<ImageParams>,
    pub(crate) report: Option<FitReport>,
    pub(crate) estimator: Option<serde_json::Value>,
}

impl Pipeline {
    /// The pipeline of `steps`, in order, and `encoder`, for descriptors of `dim` columns.
    ///
    /// # Errors
    /// [`Error::Dimension`] where a step's columns do not fit what comes before it.
    pub fn new(dim: usize, steps: Vec<Step>, encoder: Encoder) -> Result<Self> {
        let out = columns(&steps, dim)?;
        if out != encoder.dim() {
            return Err(Error::Dimension { what: "the encoder", expected: out, got: encoder.dim() });
        }
        Ok(Pipeline { dim, steps, encoder, images: None, report: None, estimator: None })
    }

    /// Columns of the descriptors it takes.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// P, the length of an encoding.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "an encoding is never empty")]
    pub fn len(&self) -> usize {
        self.encoder.len()
    }

    /// The preprocessing steps, in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The encoder.
    #[must_use]
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// How images become the descriptors it takes; `None` where they are the user's affair.
    #[must_use]
    pub fn images(&self) -> Option<&ImageParams> {
        self.images.as_ref()
    }

    /// The same pipeline for images.
    ///
    /// # Errors
    /// [`Error::Parameter`] for settings out of their range; [`Error::Dimension`] where their descriptors have other columns, or
    /// others beside them, than the pipeline takes.
    pub fn with_images(self, images: ImageParams) -> Result<Self> {
        images.check()?;
        if images.dim() != self.dim {
            return Err(Error::Dimension {
                what: "descriptors of images",
                expected: self.dim,
                got: images.dim(),
            });
        }
        let carried = match self.steps.first() {
            Some(Step::Carry(n)) => *n,
            _ => 0,
        };
        if images.side() != carried {
            let what = "columns beside the descriptors of images";
            return Err(Error::Dimension { what, expected: carried, got: images.side() });
        }
        Ok(Pipeline { images: Some(images), ..self })
    }

    /// How the mixture's fit went; `None` where there was none.
    #[must_use]
    pub fn fit_report(&self) -> Option<&FitReport> {
        self.report.as_ref()
    }

    /// The same pipeline, with the report of the fit its mixture comes from.
    #[must_use]
    pub fn with_report(self, report: Option<FitReport>) -> Self {
        Pipeline { report, ..self }
    }

    /// What a language binding noted about its own object, as JSON; `None` where it did not.
    #[must_use]
    pub fn estimator(&self) -> Option<String> {
        self.estimator.as_ref().map(ToString::to_string)
    }

    /// The same pipeline with such a note, a JSON text. It goes into the model file and comes back out of
    /// it; nothing here depends on it.
    ///
    /// # Errors
    /// [`Error::Format`] for a text that is not JSON.
    pub fn with_estimator(self, json: &str) -> Result<Self> {
        let estimator = serde_json::from_str(json).map_err(|e| Error::format("estimator", e.to_string()))?;
        Ok(Pipeline { estimator: Some(estimator), ..self })
    }

    /// Starts the second pass of a fit, over whole training sets, that an empirical information needs; `None`
    /// where the encoder needs none.
    #[must_use]
    pub fn information_fit(&self) -> Option<InformationFit> {
        match &self.encoder {
            Encoder::Fisher(fisher) if fisher.information().is_empirical() => Some(fisher.information_fit()),
            _ => None,
        }
    }

    /// Adds one training set of shape (n, D) to that pass; an empty one does not count.
    ///
    /// # Errors
    /// As [`encode_into`](Self::encode_into). Cost: that of an encoding.
    pub fn add_information<S: Source>(
        &self,
        fit: &mut InformationFit,
        source: &S,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<()> {
        let source = self.preprocessed(source)?;
        if let Encoder::Fisher(fisher) = &self.encoder {
            let statistics = fisher.accumulate(&source, threads, workspace)?;
            fisher.add_information(fit, &statistics)?;
            workspace.give(statistics);
        }
        Ok(())
    }

    /// The pipeline with the empirical information that was fitted.
    ///
    /// # Errors
    /// As [`FisherVector::with_information`].
    pub fn with_information(self, fit: InformationFit) -> Result<Self> {
        let encoder = match self.encoder {
            Encoder::Fisher(fisher) => Encoder::Fisher(Box::new(fisher.with_information(fit)?)),
            other => other,
        };
        Ok(Pipeline { encoder, ..self })
    }

    fn preprocessed<'a, S: Source>(&'a self, source: &'a S) -> Result<Preprocessed<'a, S>> {
        if source.dim() != self.dim {
            return Err(Error::Dimension { what: "descriptors", expected: self.dim, got: source.dim() });
        }
        Preprocessed::new(source, &self.steps)
    }

    /// Encodes one set of shape (n, D) into `out`, shape (P,); in parallel over chunks of rows. With a
    /// workspace that has seen such a set before, one thread allocates nothing for a Fisher vector of unprojected
    /// descriptors (a projection is a product of the library, which takes two buffers a block).
    ///
    /// # Errors
    /// [`Error::Dimension`] for descriptors or an output of another shape, [`Error::NotFinite`],
    /// [`Error::OutOfRange`], [`Error::Overflow`], and what the source reports; what `out` holds then is
    /// not specified.
    ///
    /// Cost O(n K D) for a Fisher vector; memory independent of n.
    pub fn encode_into<S: Source>(
        &self,
        source: &S,
        out: &mut [S::Real],
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Encoded> {
        let source = self.preprocessed(source)?;
        match &self.encoder {
            Encoder::Fisher(fisher) => fisher.encode_into(&source, out, threads, workspace),
            Encoder::Pooling(pooling) => pooling.encode_into(&source, out, threads),
            Encoder::Vlad(vlad) => vlad.encode_into(&source, out, threads, workspace),
            Encoder::BagOfWords(bag) => bag.encode_into(&source, out, threads, workspace),
        }
    }

    /// Encodes one set of shape (n, D) to a vector of shape (P,), of the descriptors' float type.
    ///
    /// # Errors
    /// As [`encode_into`](Self::encode_into).
    pub fn encode<S: Source>(&self, source: &S, threads: &Threads) -> Result<Array1<S::Real>> {
        let mut out = vec![S::Real::ZERO; self.len()];
        self.encode_into(source, &mut out, threads, &Workspace::default())?;
        Ok(Array1::from(out))
    }

    /// Encodes windows of one set of shape (n, D), ranges of its rows, to an array of shape (windows, P); those of
    /// [`sliding_windows`](crate::sliding_windows), say. The statistics of a window are those up to its end less those up to its
    /// start, so that the cost does not depend on how long the windows are.
    ///
    /// # Errors
    /// As [`encode_into`](Self::encode_into); [`Error::Parameter`] for a window beyond the rows, or an encoder without statistics
    /// (pooling).
    ///
    /// Cost O(n K D) and O(P) a window; memory as many statistics as windows overlap.
    pub fn encode_windows<S: Source>(
        &self,
        source: &S,
        windows: &[Range<usize>],
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Array2<S::Real>> {
        let source = self.preprocessed(source)?;
        let mut out = Array2::from_elem((windows.len(), self.len()), S::Real::ZERO);
        let work = windows::Work {
            accumulate: &|rows| match &self.encoder {
                Encoder::Fisher(fisher) => fisher.accumulate(rows, threads, workspace),
                Encoder::Vlad(vlad) => vlad.accumulate(rows, threads, workspace),
                Encoder::BagOfWords(bag) => bag.accumulate(rows, threads, workspace),
                Encoder::Pooling(_) => Err(Error::parameter("encoder", "one with statistics", "pooling")),
            },
            encode: &|statistics, vector| match &self.encoder {
                Encoder::Fisher(fisher) => fisher.encode_statistics(statistics, vector),
                Encoder::Vlad(vlad) => vlad.encode_statistics(statistics, vector),
                Encoder::BagOfWords(bag) => bag.encode_statistics(statistics, vector),
                Encoder::Pooling(_) => Err(Error::parameter("encoder", "one with statistics", "pooling")),
            },
        };
        windows::encode(&source, windows, out.as_slice_mut().unwrap_or_default(), &work)?;
        Ok(out)
    }

    /// Encodes many sets, each of shape (n_i, D), to an array of shape (n_sets, P); in parallel over sets,
    /// and over chunks of large ones.
    ///
    /// # Errors
    /// As [`encode_into`](Self::encode_into), with the first set that failed: `set 3: ...`.
    pub fn encode_sets<S: Source>(&self, sets: &[S], threads: &Threads) -> Result<Array2<S::Real>> {
        self.encode_sets_with(sets, threads, &Workspace::default())
    }

    /// The same with memory that is kept from call to call.
    ///
    /// # Errors
    /// As [`encode_sets`](Self::encode_sets).
    pub fn encode_sets_with<S: Source>(
        &self,
        sets: &[S],
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Array2<S::Real>> {
        let mut out = Array2::from_elem((sets.len(), self.len()), S::Real::ZERO);
        let rows: Vec<_> = out.as_slice_mut().unwrap_or_default().chunks_exact_mut(self.len()).collect();
        threads.for_each(rows, &|i, row| {
            let done = self.encode_into(&sets[i], row, threads, workspace);
            done.map(|_| ()).map_err(|error| error.at(format!("set {i}")))
        })?;
        Ok(out)
    }
}

/// A source whose blocks have gone through preprocessing steps: nothing but a block is ever converted.
#[derive(Debug)]
pub struct Preprocessed<'a, S> {
    source: &'a S,
    steps: &'a [Step],
    dim: usize,
}

impl<'a, S: Source> Preprocessed<'a, S> {
    /// `source` behind `steps`.
    ///
    /// # Errors
    /// [`Error::Dimension`] where the columns do not fit.
    pub fn new(source: &'a S, steps: &'a [Step]) -> Result<Self> {
        let dim = columns(steps, source.dim())?;
        Ok(Preprocessed { source, steps, dim })
    }

    /// The same without the columns that are carried: what a projection is fitted to.
    #[must_use]
    pub fn without_carried(self) -> Self {
        let carried = match self.steps.first() {
            Some(Step::Carry(n)) => *n,
            _ => 0,
        };
        Preprocessed { dim: self.dim - carried, ..self }
    }
}

impl<S: Source> Preprocessed<'_, S> {
    /// All rows after the steps, shape (n, D), in parallel over blocks of rows.
    ///
    /// # Errors
    /// Those of [`Source::read_finite`].
    pub fn to_array(&self, threads: &Threads) -> Result<Array2<S::Real>> {
        const BLOCK_ROWS: usize = 1024;
        let mut out = Array2::from_elem((self.n_rows(), self.dim), S::Real::ZERO);
        let blocks: Vec<_> = out.axis_chunks_iter_mut(Axis(0), BLOCK_ROWS).collect();
        threads.for_each(blocks, &|i, mut block| {
            let rows = block.as_slice_mut().unwrap_or_default();
            self.read_finite(i * BLOCK_ROWS, rows, &mut RowBuffer::default())
        })?;
        Ok(out)
    }
}

/// Numbers of the source that go through the steps together: they stay in the second-level cache.
const PIECE_VALUES: usize = 1 << 18;

impl<S: Source> Preprocessed<'_, S> {
    fn piece(&self, start: usize, out: &mut [S::Real], spare: &mut RowBuffer<S::Real>) -> Result<()> {
        let mut d = self.source.dim();
        let rows = out.len() / self.dim.max(1);
        let mut block = std::mem::take(&mut spare.a);
        block.resize(rows * d, S::Real::ZERO);
        // Checked before the steps, so that an error names the row and column the user knows.
        let read = self.source.read_finite(start, &mut block, spare);
        for step in self.steps {
            match step {
                Step::Carry(n) => {
                    d -= n;
                    spare.side.clear();
                    for row in 0..rows {
                        let at = row * (d + n);
                        spare.side.extend_from_slice(&block[at + d..at + d + n]);
                        block.copy_within(at..at + d, row * d);
                    }
                    block.truncate(rows * d);
                }
                Step::Rows(norm) => norm.apply(&mut block, d),
                Step::Pca(pca) => {
                    d = pca.components().nrows();
                    spare.b.resize(rows * d, S::Real::ZERO);
                    pca.apply(&mut block, &mut spare.b);
                    std::mem::swap(&mut block, &mut spare.b);
                }
            }
        }
        match self.dim - d {
            0 => out.copy_from_slice(&block),
            n => {
                let rows = block.chunks_exact(d).zip(spare.side.chunks_exact(n));
                for (out, (row, side)) in out.chunks_exact_mut(self.dim).zip(rows) {
                    out[..d].copy_from_slice(row);
                    out[d..].copy_from_slice(side);
                }
            }
        }
        spare.a = block;
        read
    }
}

impl<S: Source> Source for Preprocessed<'_, S> {
    type Real = S::Real;

    fn n_rows(&self) -> usize {
        self.source.n_rows()
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn read(&self, start: usize, out: &mut [S::Real], spare: &mut RowBuffer<S::Real>) -> Result<()> {
        if self.steps.is_empty() {
            return self.source.read(start, out, spare);
        }
        let rows = PIECE_VALUES.div_ceil(self.source.dim().max(1));
        for (i, out) in out.chunks_mut((rows * self.dim).max(1)).enumerate() {
            self.piece(start + i * rows, out, spare)?;
        }
        Ok(())
    }

    fn weights(&self) -> Option<&[f64]> {
        self.source.weights()
    }
}

/// Settings of a whole pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct PipelineParams {
    /// How many of the last columns are carried round row normalisation and projection.
    pub carry: usize,
    /// Row normalisation, first.
    pub rows: RowNorm,
    /// The projection, then; `None` for none.
    pub pca: Option<PcaParams>,
    /// The encoder.
    pub encoder: EncoderParams,
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
    BagOfWords(CodebookParams, Normalization),
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

impl PipelineParams {
    /// Fits each step, and then the encoder's mixture, to the rows of `source`, shape (n, D).
    ///
    /// # Errors
    /// Those of [`PcaParams::fit`] and [`GaussianMixtureParams::fit`]. Cost: theirs.
    pub fn fit<S: Source>(
        &self,
        source: &S,
        threads: &Threads,
        progress: &mut dyn FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Pipeline> {
        let mut steps = Vec::new();
        if self.carry > 0 {
            steps.push(Step::Carry(self.carry));
        }
        if self.rows != RowNorm::None {
            steps.push(Step::Rows(self.rows));
        }
        if let Some(pca) = self.pca {
            let pca = pca.fit(&Preprocessed::new(source, &steps)?.without_carried(), threads)?;
            steps.push(Step::Pca(Box::new(pca)));
        }
        let rows = Preprocessed::new(source, &steps)?;
        let (encoder, report) = self.encoder.fit(&rows, threads, progress)?;
        Ok(Pipeline::new(source.dim(), steps, encoder)?.with_report(report))
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
            EncoderParams::BagOfWords(codebook, normalization) => {
                let (codebook, report) = codebook.fit(rows, threads, progress)?;
                Ok((Encoder::BagOfWords(Box::new(BagOfWords::new(codebook, *normalization)?)), report))
            }
        }
    }
}
