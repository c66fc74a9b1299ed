//! The share of each descriptor in scores of encodings, through steps and pyramids.

use super::chain::Pipeline;
use crate::data::{Descriptors, Source, is_nothing};
use crate::encode::{Content, Encode, Gathered, Scores, foreign};
use crate::error::{Error, Result};
use crate::mixture::{Statistics, Workspace};
use crate::util::threads::Threads;
use ndarray::{Array2, Array3, s};

impl Pipeline {
    /// The share of each descriptor of a set of shape (n, D) in scores t . f of its encoding f, for example
    /// those of a linear classifier without its bias: shape (n, m, parts), with one part unless the shares
    /// are divided ([`Scores::by`]). They sum to t . f; see [`Encode::contributions`]. Under a pyramid, the
    /// share of a descriptor is the sum of those in the cells that hold it.
    ///
    /// ```
    /// use fishervec::encode::{By, Scores};
    /// use fishervec::ndarray::{Array2, s};
    /// use fishervec::run::{Threads, Workspace};
    /// use fishervec::{GaussianMixture, Pipeline};
    ///
    /// let rows = Array2::from_shape_fn((500, 2), |(i, j)| ((i * (j + 3)) % 17) as f64);
    /// let pipeline = Pipeline::builder().fisher(GaussianMixture::builder(4)).fit(&rows)?;
    /// let (threads, workspace) = (Threads::one(), Workspace::default());
    /// let set = rows.slice(s![..40, ..]);
    /// let coef = Array2::from_shape_fn((1, pipeline.output_dim()), |(_, j)| (j % 5) as f64 - 2.0);
    /// let scores = Scores::new(coef.view());
    /// let shares = pipeline.contributions(&set, &scores, &threads, &workspace)?;
    /// assert_eq!(shares.dim(), (40, 1, 1));
    /// let score = coef.row(0).dot(&pipeline.encode(&set)?);
    /// assert!((shares.sum() - score).abs() < 1e-12);
    /// let by_component = scores.by(By::Component);
    /// let shares = pipeline.contributions(&set, &by_component, &threads, &workspace)?;
    /// assert_eq!(shares.dim(), (40, 1, 4));
    /// # Ok::<(), fishervec::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`encode_into`](Self::encode_into); [`Error::Dimension`] or [`Error::Parameter`] unless each score
    /// has P finite coefficients; [`Error::Parameter`] for parts that the encoder does not have.
    ///
    /// Cost: that of two encodings, and O(D) for each kept posterior and score; memory that of the result.
    pub fn contributions<S: Source>(
        &self,
        source: &S,
        scores: &Scores<'_>,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Array3<f64>> {
        self.vector_and_contributions(source, scores, threads, workspace).map(|(_, shares)| shares)
    }

    /// The vector of a set, shape (P,), and what [`contributions`](Self::contributions) says of it, in the
    /// two passes that this takes.
    pub(crate) fn vector_and_contributions<S: Source>(
        &self,
        source: &S,
        scores: &Scores<'_>,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<(Vec<f64>, Array3<f64>)> {
        scores.check(self.output_dim())?;
        let gathered = self.gather(source, threads, workspace)?;
        let mut shares = self.contributions_in(&gathered, source, scores, threads, workspace)?;
        let mut vector = vec![0.0; self.output_dim()];
        self.encode_gathered_into(&gathered, &mut vector, &Workspace::default())?;
        self.encoder().settle(source, &vector, scores, &mut shares)?;
        gathered.give_to(workspace);
        Ok((vector, shares))
    }

    /// The share of each descriptor of a set in scores of the encoding of a group: `group` is what was
    /// [gathered](Self::gather) of all its sets. So a group takes one pass over each set to gather, and one
    /// for the shares; see [`Encode::contributions_in`].
    ///
    /// # Errors
    /// As [`contributions`](Self::contributions); [`Error::MixtureMismatch`] or [`Error::Parameter`] for what
    /// another pipeline gathered, or for a group without these descriptors.
    pub fn contributions_in<S: Source>(
        &self,
        group: &Gathered,
        source: &S,
        scores: &Scores<'_>,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Array3<f64>> {
        if is_nothing(source) && self.input_dim() > 0 {
            return self.contributions_in(group, &self.empty::<S::Real>(), scores, threads, workspace);
        }
        scores.check(self.output_dim())?;
        let (source, encoder) = (self.preprocessed(source)?, self.encoder());
        let (pyramid, mixture) = match self.cells() {
            Some(cells) => cells,
            None => return encoder.contributions_in(group, &source, scores, threads, workspace),
        };
        let tiles = match group.content() {
            Content::Tiles(tiles) if tiles.pyramid() == pyramid => tiles,
            _ => return Err(foreign()),
        };
        let p = encoder.output_dim();
        let of_cell = |cell: usize, statistics: &Statistics| {
            let coef = scores.coef.slice(s![.., cell * p..(cell + 1) * p]);
            encoder.linear(statistics, &Scores { coef, ..*scores })
        };
        let linear = tiles.linear(mixture, workspace, &of_cell)?;
        let division = encoder.division(scores);
        let functions = scores.n_functions(encoder.blocks().len());
        let shares = |tile: usize, rows: &Descriptors<'_, S::Real>| {
            let Some(linear) = &linear[tile] else { return Err(not_of_these()) };
            encoder.shares(rows, (linear, division), threads, workspace)
        };
        let shape = (encoder.input_dim(), functions * division.parts(mixture));
        scores.shaped(tiles.shares(shape, &source, &shares, threads)?)
    }

    /// The parts of scores t . f of a vector f of shape (P,) that the entries of each component, block or
    /// column have, as [`Scores::by`] asks: shape (m, parts). They sum to the scores; the shares of all
    /// descriptors sum to them.
    ///
    /// # Panics
    /// If the vector or the coefficients do not have P numbers, as indexing does. Cost O(m P).
    #[must_use]
    pub fn parts_of_scores(&self, vector: &[f64], scores: &Scores<'_>) -> Array2<f64> {
        assert_eq!([vector.len(), scores.coef.ncols()], [self.output_dim(); 2], "numbers of a vector");
        self.encoder().parts_of_scores(vector, scores)
    }

    /// The component that each entry of a vector belongs to, shape (P,); 0 for an encoder without components.
    #[must_use]
    pub fn component_of_entries(&self) -> Vec<usize> {
        let of_cell = self.encoder().component_of_entries();
        of_cell.iter().copied().cycle().take(self.output_dim()).collect()
    }

    /// The component of the encoder that is the likeliest for each descriptor of a set of shape (n, D), shape
    /// (n,): of a codebook, the nearest centre. `None` for an encoder without components.
    ///
    /// # Errors
    /// As [`encode_into`](Self::encode_into). Cost O(n K D).
    pub fn likeliest<S: Source>(&self, source: &S, threads: &Threads) -> Result<Option<Vec<usize>>> {
        if is_nothing(source) && self.input_dim() > 0 {
            return self.likeliest(&self.empty::<S::Real>(), threads);
        }
        let source = self.preprocessed(source)?;
        // Under a pyramid, positions say which cell a descriptor is in, and the encoder may not see them.
        let unseen = source.dim() > self.encoder().input_dim();
        let source = if unseen { source.without_positions() } else { source };
        self.encoder().likeliest(&source, threads)
    }
}

/// The error about descriptors in a cell where none were gathered.
fn not_of_these() -> Error {
    Error::parameter("gathered", "what was gathered of these descriptors", "that of others")
}
