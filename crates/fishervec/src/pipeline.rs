//! Preprocessing, encoder and normalisation as one thing that is fitted, saved and applied together.

use crate::data::Source;
use crate::encode::{
    Encoded, Encoder, EncoderParams, InformationFit, LayoutParams, Pyramid, Spatial, Work, encode_windows,
};
use crate::error::{Error, Result};
use crate::image::ImageParams;
use crate::mixture::{FitReport, Progress, Statistics, Workspace};
use crate::preprocess::{PcaParams, Preprocessed, RowNorm, Step, carried, columns};
use crate::simd::Real;
use crate::util::threads::Threads;
use ndarray::{Array1, Array2};
use std::ops::{ControlFlow, Range};

/// Rows -> steps -> encoder -> vector: everything between a set of descriptors and its encoding.
///
/// Immutable and cheap to share between threads.
#[derive(Debug, Clone, PartialEq)]
pub struct Pipeline {
    dim: usize,
    steps: Vec<Step>,
    pyramid: Option<Pyramid>,
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
        Pipeline::with_cells(dim, steps, None, encoder)
    }

    /// The same with a spatial pyramid over the carried columns: a vector a cell, one after the other, each normalised by itself
    /// (Lazebnik, Schmid and Ponce 2006; Sanchez et al. 2013, 2.4). The encoder's columns are those before, and with them where
    /// it has a location model.
    ///
    /// # Errors
    /// As [`new`](Self::new); [`Error::Dimension`] where the pyramid is over others than the carried columns;
    /// [`Error::Parameter`] for a pyramid of pooling, which has no statistics.
    pub fn with_cells(
        dim: usize,
        steps: Vec<Step>,
        pyramid: Option<Pyramid>,
        encoder: Encoder,
    ) -> Result<Self> {
        let (mut out, carried) = (columns(&steps, dim)?, carried(&steps));
        if let Some(pyramid) = &pyramid {
            if pyramid.axes() != carried {
                let what = "carried columns of a pyramid";
                return Err(Error::Dimension { what, expected: pyramid.axes(), got: carried });
            }
            if matches!(encoder, Encoder::Pooling(_)) {
                return Err(Error::parameter("pyramid", "an encoder with statistics", "pooling"));
            }
            out -= if encoder.spatial().is_none() { carried } else { 0 };
        }
        if let Some(location) = encoder.spatial().map(Spatial::location)
            && location.dim() != carried
        {
            let what = "carried columns of a location model";
            return Err(Error::Dimension { what, expected: location.dim(), got: carried });
        }
        if out != encoder.dim() {
            return Err(Error::Dimension { what: "the encoder", expected: out, got: encoder.dim() });
        }
        Ok(Pipeline { dim, steps, pyramid, encoder, images: None, report: None, estimator: None })
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
        self.encoder.len() * self.pyramid.as_ref().map_or(1, Pyramid::cells)
    }

    /// The preprocessing steps, in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// How many of the last columns go round the steps.
    #[must_use]
    pub fn carry(&self) -> usize {
        carried(&self.steps)
    }

    /// The cells that sets are cut into; `None` where they are encoded whole.
    #[must_use]
    pub fn pyramid(&self) -> Option<&Pyramid> {
        self.pyramid.as_ref()
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
        if images.side() != self.carry() {
            let what = "columns beside the descriptors of images";
            return Err(Error::Dimension { what, expected: self.carry(), got: images.side() });
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
        self.encoder.information().is_empirical().then(|| InformationFit::new(self.encoder.len()))
    }

    /// Adds one training set of shape (n, D) to that pass, or each cell of it; an empty one does not count.
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
        let mut add = |statistics: &Statistics| self.encoder.add_information(fit, statistics);
        let statistics = match &self.pyramid {
            Some(pyramid) => pyramid.for_each_cell(&self.encoder, &source, threads, workspace, &mut add)?,
            None => {
                let statistics = self.encoder.accumulate(&source, threads, workspace)?;
                add(&statistics)?;
                statistics
            }
        };
        workspace.give(statistics);
        Ok(())
    }

    /// The pipeline with the empirical information that was fitted.
    ///
    /// # Errors
    /// As [`FisherVector::with_information`](crate::FisherVector::with_information).
    pub fn with_information(self, fit: InformationFit) -> Result<Self> {
        Ok(Pipeline { encoder: self.encoder.with_information(fit)?, ..self })
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
        match &self.pyramid {
            Some(pyramid) => pyramid.encode_into(&self.encoder, &source, out, threads, workspace),
            None => self.encoder.encode_into(&source, out, threads, workspace),
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
    /// As [`encode_into`](Self::encode_into); [`Error::Parameter`] for a window beyond the rows, an encoder without statistics
    /// (pooling), or a pyramid.
    ///
    /// Cost O(n K D) and O(P) a window; memory as many statistics as windows overlap.
    pub fn encode_windows<S: Source>(
        &self,
        source: &S,
        windows: &[Range<usize>],
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Array2<S::Real>> {
        if let Some(pyramid) = &self.pyramid {
            return Err(Error::parameter("pyramid", "none for windows", pyramid.grids()));
        }
        let source = self.preprocessed(source)?;
        let mut out = Array2::from_elem((windows.len(), self.len()), S::Real::ZERO);
        let work = Work {
            accumulate: &|rows| self.encoder.accumulate(rows, threads, workspace),
            encode: &|statistics, vector| self.encoder.encode_statistics(statistics, vector),
        };
        encode_windows(&source, windows, out.as_slice_mut().unwrap_or_default(), &work)?;
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
    /// What is made of the carried columns.
    pub place: LayoutParams,
}

impl PipelineParams {
    /// Fits each step, then the encoder's mixture, then what is over the carried columns, to the rows of `source`, shape (n, D).
    ///
    /// # Errors
    /// Those of [`PcaParams::fit`], [`EncoderParams::fit`] and [`LayoutParams::finish`]. Cost: theirs.
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
        let rows = self.place.rows(Preprocessed::new(source, &steps)?)?;
        let (encoder, report) = self.encoder.fit(&rows, threads, progress)?;
        Ok(self.place.finish(source, steps, encoder, threads)?.with_report(report))
    }
}
