//! Preprocessing, encoder and normalisation as one thing that is fitted, saved and applied together.

use crate::data::{Descriptors, SetList, Source, is_nothing};
use crate::encode::{
    Content, Encode, Encoded, Encoder, Gathered, Kind, Pyramid, Spatial, Tiles, check_out, encode_windows,
    foreign, write_out,
};
use crate::error::{Error, Result};
use crate::image::ImageParams;
use crate::mixture::{FitReport, GaussianMixture, Workspace};
use crate::preprocess::{Preprocessed, Step, columns, position_columns};
use crate::simd::Real;
use crate::util::threads::Threads;
use ndarray::{Array1, Array2};
use std::ops::Range;

/// Rows -> steps -> encoder -> vector: all that turns a set of descriptors into its encoding.
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
    /// [`Error::Dimension`] where a step or the encoder expects another number of columns than it gets.
    pub fn new(dim: usize, steps: Vec<Step>, encoder: Encoder) -> Result<Self> {
        Pipeline::with_cells(dim, steps, None, encoder)
    }

    /// The same with a spatial pyramid over the position columns: one vector per cell, each normalised on its
    /// own, all concatenated (Lazebnik, Schmid and Ponce 2006; Sanchez et al. 2013, section 2.4). The
    /// encoder's input is the columns before the position columns, and also these where it has a location
    /// model.
    ///
    /// # Errors
    /// As [`new`](Self::new); [`Error::Dimension`] where the pyramid is not over the position columns;
    /// [`Error::Parameter`] for a pyramid of pooling, which has no statistics.
    pub fn with_cells(
        dim: usize,
        steps: Vec<Step>,
        pyramid: Option<Pyramid>,
        encoder: Encoder,
    ) -> Result<Self> {
        let (mut out, positions) = (columns(&steps, dim)?, position_columns(&steps));
        if let Some(pyramid) = &pyramid {
            if pyramid.axes() != positions {
                let what = "position columns of a pyramid";
                return Err(Error::Dimension { what, expected: pyramid.axes(), got: positions });
            }
            if encoder.statistics_mixture().is_none() {
                return Err(Error::parameter("pyramid", "an encoder with statistics", encoder.kind()));
            }
            out -= if encoder.spatial().is_none() { positions } else { 0 };
        }
        if let Some(location) = encoder.spatial().map(Spatial::location)
            && location.dim() != positions
        {
            let what = "position columns of a location model";
            return Err(Error::Dimension { what, expected: location.dim(), got: positions });
        }
        if out != encoder.input_dim() {
            return Err(Error::Dimension { what: "the encoder", expected: out, got: encoder.input_dim() });
        }
        Ok(Pipeline { dim, steps, pyramid, encoder, images: None, report: None, estimator: None })
    }

    /// The number of columns of its input descriptors.
    #[must_use]
    pub fn input_dim(&self) -> usize {
        self.dim
    }

    /// P, the length of its vectors.
    #[must_use]
    pub fn output_dim(&self) -> usize {
        self.encoder.output_dim() * self.pyramid.as_ref().map_or(1, Pyramid::cells)
    }

    /// The preprocessing steps, in order.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The number of trailing columns that hold a descriptor's position and bypass the steps.
    #[must_use]
    pub fn position_columns(&self) -> usize {
        position_columns(&self.steps)
    }

    /// The pyramid that cuts sets into cells; `None` where sets are encoded whole.
    #[must_use]
    pub fn pyramid(&self) -> Option<&Pyramid> {
        self.pyramid.as_ref()
    }

    /// The encoder.
    #[must_use]
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// How images become its input descriptors; `None` if the caller computes the descriptors.
    #[must_use]
    pub fn images(&self) -> Option<&ImageParams> {
        self.images.as_ref()
    }

    /// The same pipeline for images.
    ///
    /// # Errors
    /// [`Error::Parameter`] for settings out of range; [`Error::Dimension`] where the descriptors of images,
    /// or their position columns, are not as many columns as the pipeline expects.
    pub fn with_images(self, images: ImageParams) -> Result<Self> {
        images.check()?;
        if images.dim() != self.dim {
            return Err(Error::Dimension {
                what: "descriptors of images",
                expected: self.dim,
                got: images.dim(),
            });
        }
        if images.side() != self.position_columns() {
            let what = "position columns of the descriptors of images";
            return Err(Error::Dimension { what, expected: self.position_columns(), got: images.side() });
        }
        Ok(Pipeline { images: Some(images), ..self })
    }

    /// The report of the mixture's fit; `None` where no mixture was fitted.
    #[must_use]
    pub fn fit_report(&self) -> Option<&FitReport> {
        self.report.as_ref()
    }

    /// The same pipeline, with the report of the fit that its mixture comes from.
    #[must_use]
    pub fn with_report(self, report: Option<FitReport>) -> Self {
        Pipeline { report, ..self }
    }

    /// What a language binding recorded about its own object, as JSON; `None` where it recorded nothing.
    #[must_use]
    pub fn estimator(&self) -> Option<String> {
        self.estimator.as_ref().map(ToString::to_string)
    }

    /// The same pipeline with such a record, a JSON text. It is written to the model file and read back;
    /// nothing here depends on it.
    ///
    /// # Errors
    /// [`Error::Format`] for a text that is not JSON.
    pub fn with_estimator(self, json: &str) -> Result<Self> {
        let estimator = serde_json::from_str(json).map_err(|e| Error::format("estimator", e.to_string()))?;
        Ok(Pipeline { estimator: Some(estimator), ..self })
    }

    /// The same pipeline with another encoder of the same shape.
    pub(super) fn with_encoder(self, encoder: Encoder) -> Self {
        Pipeline { encoder, ..self }
    }

    /// The pyramid, and the mixture that the statistics of its cells are accumulated under.
    pub(super) fn cells(&self) -> Option<(&Pyramid, &GaussianMixture)> {
        self.pyramid.as_ref().zip(self.encoder.statistics_mixture())
    }

    pub(super) fn preprocessed<'a, S: Source>(&'a self, source: &'a S) -> Result<Preprocessed<'a, S>> {
        if source.dim() != self.dim {
            return Err(Error::Dimension { what: "descriptors", expected: self.dim, got: source.dim() });
        }
        Preprocessed::new(source, &self.steps)
    }

    /// The empty set with the columns that this pipeline expects.
    pub(super) fn empty<F: Real>(&self) -> Array2<F> {
        Array2::from_elem((0, self.dim), F::ZERO)
    }

    /// Encodes one set of shape (n, D) into `out`, shape (P,); in parallel over chunks of rows. With a
    /// workspace that has served such a set before, one thread allocates nothing for a Fisher vector of
    /// unprojected descriptors (a projection is a matrix product, which allocates two buffers per block).
    ///
    /// # Errors
    /// [`Error::Dimension`] for descriptors or an output of another shape, [`Error::NotFinite`],
    /// [`Error::OutOfRange`], [`Error::Overflow`], and the errors of the source; the contents of `out` are
    /// then unspecified.
    ///
    /// Cost O(n K D) for a Fisher vector; memory independent of n.
    pub fn encode_into<S: Source>(
        &self,
        source: &S,
        out: &mut [S::Real],
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Encoded> {
        check_out(self.output_dim(), out.len())?;
        let gathered = self.gather(source, threads, workspace)?;
        let encoded = self.encode_gathered_into(&gathered, out, workspace)?;
        gathered.give_to(workspace);
        Ok(encoded)
    }

    /// The first half of [`encode_into`](Self::encode_into): what an encoding needs of one set of shape
    /// (n, D), in parallel over chunks of rows. What was gathered of several sets is merged to encode them as
    /// one ([`Gathered::merge`]).
    ///
    /// # Errors
    /// As [`encode_into`](Self::encode_into). Cost and memory are those of an encoding.
    pub fn gather<S: Source>(
        &self,
        source: &S,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Gathered> {
        if is_nothing(source) && self.dim > 0 {
            return self.gather(&self.empty::<S::Real>(), threads, workspace);
        }
        let source = self.preprocessed(source)?;
        let Some((pyramid, mixture)) = self.cells() else {
            return self.encoder.gather(&source, threads, workspace);
        };
        let of_rows = |rows: &Descriptors<'_, S::Real>| self.encoder.accumulate(rows, threads, workspace);
        let dim = self.encoder.input_dim();
        let tiles = Tiles::of(pyramid, mixture, dim, &source, &of_rows, threads, workspace)?;
        Ok(Gathered::new(source.n_rows(), tiles))
    }

    /// The second half: the vector of what was gathered, into `out` of shape (P,) and of either float type.
    ///
    /// # Errors
    /// [`Error::Dimension`] for an output of another shape, [`Error::Overflow`], and
    /// [`Error::MixtureMismatch`] or [`Error::Parameter`] for what another pipeline gathered. Cost O(P), or
    /// O(K D) per part of a pyramid.
    pub fn encode_gathered_into<F: Real>(
        &self,
        gathered: &Gathered,
        out: &mut [F],
        workspace: &Workspace<F>,
    ) -> Result<Encoded> {
        check_out(self.output_dim(), out.len())?;
        let p = self.encoder.output_dim();
        let mut vector = workspace.vectors.take().unwrap_or_default();
        vector.resize(p, 0.0);
        let encoded = match (self.cells(), gathered.content()) {
            (Some((pyramid, mixture)), Content::Tiles(tiles)) if tiles.pyramid() == pyramid => {
                let mut cells = out.chunks_exact_mut(p);
                let all = tiles.for_each_cell(mixture, workspace, &mut |statistics| {
                    self.encoder.encode_statistics(statistics, &mut vector)?;
                    cells.next().map_or(Ok(()), |out| write_out(&vector, out))
                })?;
                let encoded = self.encoder.encoded(gathered.n_rows(), &all);
                workspace.give(all);
                encoded
            }
            (None, _) => {
                let encoded = self.encoder.encode_gathered(gathered, &mut vector)?;
                write_out(&vector, out)?;
                encoded
            }
            _ => return Err(foreign()),
        };
        workspace.vectors.give(vector);
        Ok(encoded)
    }

    /// Encodes one set of shape (n, D) to a vector of shape (P,), of the descriptors' float type, on all
    /// cores.
    ///
    /// # Errors
    /// As [`encode_into`](Self::encode_into).
    pub fn encode<S: Source>(&self, source: &S) -> Result<Array1<S::Real>> {
        let mut out = vec![S::Real::ZERO; self.output_dim()];
        self.encode_into(source, &mut out, &Threads::available()?, &Workspace::default())?;
        Ok(Array1::from(out))
    }

    /// Encodes windows of one set of shape (n, D), ranges of its rows, to an array of shape (windows, P); for
    /// example those of [`sliding_windows`](crate::encode::sliding_windows). Each row of a window is read
    /// once, however many windows hold it and in whatever order they are, so that the cost does not depend on
    /// the length of the windows. The statistics of a window are sums of its own rows alone: no value outside
    /// of it has an influence. Rows of no window are not read.
    ///
    /// # Errors
    /// As [`encode_into`](Self::encode_into); [`Error::Parameter`] for a window beyond the rows, an encoder
    /// without statistics (pooling), or a pyramid.
    ///
    /// Cost O(n K D), and O(P) per window and doubling of the length from the shortest to the longest of
    /// them; memory for as many statistics as windows overlap.
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
        if is_nothing(source) && self.dim > 0 {
            return self.encode_windows(&self.empty::<S::Real>(), windows, threads, workspace);
        }
        let source = self.preprocessed(source)?;
        let mut out = Array2::from_elem((windows.len(), self.output_dim()), S::Real::ZERO);
        let rows = out.as_slice_mut().expect("an array in standard layout");
        encode_windows(&self.encoder, &source, windows, rows, threads, workspace)?;
        Ok(out)
    }

    /// Encodes many sets, each of shape (n_i, D), to an array of shape (n_sets, P); in parallel over sets,
    /// and over chunks of large ones, on all cores.
    ///
    /// # Errors
    /// As [`encode_into`](Self::encode_into), and the error names the first set that failed: `set 3: ...`.
    pub fn encode_all<L: SetList + ?Sized>(&self, sets: &L) -> Result<Array2<L::Real>> {
        self.encode_all_with(sets, &Threads::available()?, &Workspace::default())
    }

    /// The same on the given threads, with memory that is reused from call to call.
    ///
    /// # Errors
    /// As [`encode_all`](Self::encode_all).
    pub fn encode_all_with<L: SetList + ?Sized>(
        &self,
        sets: &L,
        threads: &Threads,
        workspace: &Workspace<L::Real>,
    ) -> Result<Array2<L::Real>> {
        let mut out = Array2::from_elem((sets.n_sets(), self.output_dim()), L::Real::ZERO);
        let values = out.as_slice_mut().expect("an array in standard layout");
        let rows: Vec<_> = values.chunks_exact_mut(self.output_dim()).collect();
        threads.for_each(rows, &|i, row| {
            let done = self.encode_into(&sets.set(i), row, threads, workspace);
            done.map(|_| ()).map_err(|error| error.at(format!("set {i}")))
        })?;
        Ok(out)
    }
}
