//! The share of each descriptor in a score: what the encoders have in common.
//!
//! A score t . f is linear in the vector f, which power and norm make of a raw vector g, and g is a sum over
//! the descriptors, g = sum_n h_n. With c_j = t_j f_j / g_j (0 where g_j = 0) the share of descriptor n is
//! sum_j c_j h_nj, and all shares sum to t . f. Power and norm thus count as the factors f_j / g_j that they
//! had for the whole set, and so does what a set of this size is divided by: N, the mass of a component of
//! VLAD or H2T, the deviation of pooling.
//!
//! The raw vector is a linear function of the statistics then, so that an encoder only has to carry c back to
//! them (`Encode::carry_back`); neither an n x P nor an n x K matrix is made.

use crate::data::Source;
use crate::error::{Error, Result};
use crate::mixture::Division;
use ndarray::{Array2, Array3, ArrayView2, Axis};
use std::ops::Range;

crate::util::string_enum::string_enum! {
    /// What the share of a descriptor in a score is divided by.
    pub enum By as "by" {
        /// One number per component of the mixture or the codebook.
        Component = "component",
        /// One number per block of the vector ([`Encode::blocks`](crate::Encode::blocks)).
        Block = "block",
        /// One number per column of the encoder's input, and, where there are such, a last one for the
        /// entries of the vector that belong to no column: those of weights and shares.
        Dimension = "dimension",
    }
}

/// Entries of a vector that follow each other and are of one kind: the same number for each component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VectorBlock {
    /// What they are.
    pub name: &'static str,
    /// Where they are.
    pub entries: Range<usize>,
    /// The columns of the encoder's input that the entries of a component belong to, in turn; none for the
    /// gradients of weights.
    pub columns: Range<usize>,
}

impl VectorBlock {
    pub(super) fn new(name: &'static str, entries: Range<usize>, columns: Range<usize>) -> Self {
        VectorBlock { name, entries, columns }
    }

    /// The component, of `k`, and the column of each entry.
    pub(crate) fn places(&self, k: usize) -> impl Iterator<Item = (usize, usize, Option<usize>)> {
        let (width, columns) = (self.entries.len() / k, self.columns.clone());
        self.entries.clone().enumerate().map(move |(i, entry)| {
            let column = (!columns.is_empty()).then(|| columns.start + i % width % columns.len());
            (entry, i / width, column)
        })
    }
}

/// Scores t . f of encodings f, and how the shares of descriptors in them are divided.
#[derive(Debug, Clone, Copy)]
pub struct Scores<'a> {
    /// t: the coefficients of each score, shape (m, P).
    pub coef: ArrayView2<'a, f64>,
    /// What each share is divided by; `None` is nothing.
    pub by: Option<By>,
}

impl<'a> Scores<'a> {
    /// The scores with these coefficients, shape (m, P), whose shares are not divided.
    #[must_use]
    pub fn new(coef: ArrayView2<'a, f64>) -> Self {
        Scores { coef, by: None }
    }

    /// The same scores, their shares divided by components, blocks or dimensions.
    #[must_use]
    pub fn by(self, by: By) -> Self {
        Scores { by: Some(by), ..self }
    }

    /// Checks the coefficients against vectors of `len` numbers.
    pub(crate) fn check(&self, len: usize) -> Result<()> {
        if self.coef.ncols() != len {
            let (what, got) = ("coefficients of a score", self.coef.ncols());
            return Err(Error::Dimension { what, expected: len, got });
        }
        match self.coef.iter().find(|x| !x.is_finite()) {
            Some(x) => Err(Error::parameter("coef", "finite numbers", x)),
            None => Ok(()),
        }
    }

    /// How the pass over the descriptors divides shares: under a joint mixture of `c` components for each of
    /// the encoder's.
    pub(super) fn division(&self, blocks: &[VectorBlock], c: usize) -> Division {
        match self.by {
            Some(By::Component) => Division::Components(c),
            Some(By::Dimension) => Division::Columns(has_others(blocks)),
            Some(By::Block) | None => Division::Whole,
        }
    }

    /// The number of functions that the pass evaluates, for vectors of that many blocks.
    pub(crate) fn n_functions(&self, blocks: usize) -> usize {
        self.coef.nrows() * if self.by == Some(By::Block) { blocks } else { 1 }
    }

    /// c of each function that the pass evaluates: of each score, and of each block of it if they are divided
    /// by blocks.
    pub(super) fn coefficients(&self, raw: &[f64], vector: &[f64], blocks: &[VectorBlock]) -> Vec<Vec<f64>> {
        // A ratio beyond `f64` belongs to an entry that is as good as zero.
        let ratio = |(g, f): (&f64, &f64)| if *g == 0.0 { 0.0 } else { f / g };
        let ratios: Vec<f64> = raw.iter().zip(vector).map(ratio).collect();
        let finite = |x: f64| if x.is_finite() { x } else { 0.0 };
        let whole = std::iter::once(0..raw.len());
        let ranges: Vec<Range<usize>> = match self.by {
            Some(By::Block) => blocks.iter().map(|block| block.entries.clone()).collect(),
            _ => whole.collect(),
        };
        let of = |t: ndarray::ArrayView1<'_, f64>, range: &Range<usize>| {
            let mut c = vec![0.0; raw.len()];
            range.clone().for_each(|j| c[j] = finite(t[j] * ratios[j]));
            c
        };
        self.coef.outer_iter().flat_map(|t| ranges.iter().map(move |range| of(t, range))).collect()
    }

    /// The part of the shares that each entry of a vector of an encoder of `k` components belongs to.
    fn parts(&self, blocks: &[VectorBlock], k: usize, columns: usize) -> Vec<usize> {
        let entries = blocks.iter().zip(0..).flat_map(|(block, i)| block.places(k).map(move |at| (i, at)));
        let part = |(block, (_, component, column)): (usize, (usize, usize, Option<usize>))| match self.by {
            None => 0,
            Some(By::Component) => component,
            Some(By::Block) => block,
            Some(By::Dimension) => column.unwrap_or(columns),
        };
        entries.map(part).collect()
    }

    /// Makes the shares of a whole set, shape (n, m, parts), sum to the scores of its vector, one vector of
    /// the encoder per cell: what the rounding of its statistics left is spread evenly over the weights.
    /// Within parts, too: every entry belongs to one component, one block and one column.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a share beyond `f64`.
    pub(crate) fn settle<S: Source>(
        &self,
        source: &S,
        vector: &[f64],
        (blocks, k, columns): (&[VectorBlock], usize, usize),
        shares: &mut Array3<f64>,
    ) -> Result<()> {
        let n: f64 = (0..source.n_rows()).map(|row| source.weight(row)).sum();
        if n <= 0.0 {
            return Ok(());
        }
        let mut rest = -shares.sum_axis(Axis(0));
        self.add_parts(vector, (blocks, k, columns), &mut rest);
        for (row, mut shares) in shares.outer_iter_mut().enumerate() {
            shares.scaled_add(source.weight(row) / n, &rest);
        }
        check_finite(shares.iter())
    }

    /// The number of parts that each score is divided into.
    pub(super) fn n_parts(&self, blocks: &[VectorBlock], k: usize, columns: usize) -> usize {
        match self.by {
            None => 1,
            Some(By::Component) => k,
            Some(By::Block) => blocks.len(),
            Some(By::Dimension) => columns + usize::from(has_others(blocks)),
        }
    }

    /// Adds what each part of the entries of a vector, one vector of the encoder per cell, has of each score
    /// to `sums`, shape (m, parts).
    pub(super) fn add_parts(
        &self,
        vector: &[f64],
        (blocks, k, columns): (&[VectorBlock], usize, usize),
        sums: &mut Array2<f64>,
    ) {
        let parts = self.parts(blocks, k, columns);
        for (mut sums, t) in sums.outer_iter_mut().zip(self.coef.outer_iter()) {
            let terms = t.iter().zip(vector).zip(parts.iter().cycle());
            terms.for_each(|((t, f), part)| sums[*part] += t * f);
        }
    }

    /// Shares of shape (n, m parts), as shape (n, m, parts).
    ///
    /// # Errors
    /// [`Error::Parameter`] for a share beyond `f64`.
    pub(crate) fn shaped(&self, shares: Array2<f64>) -> Result<Array3<f64>> {
        check_finite(shares.iter())?;
        let ((n, width), m) = (shares.dim(), self.coef.nrows());
        let shape = (n, m, width.checked_div(m).unwrap_or(1));
        let shaped = shares.into_shape_with_order(shape);
        shaped.map_err(|error| Error::parameter("coef", "as many parts of each score", error))
    }
}

/// Whether some entries belong to no column.
fn has_others(blocks: &[VectorBlock]) -> bool {
    blocks.iter().any(|block| block.columns.is_empty())
}

fn check_finite<'a>(mut shares: impl Iterator<Item = &'a f64>) -> Result<()> {
    match shares.find(|x| !x.is_finite()) {
        Some(x) => {
            Err(Error::parameter("coef", "coefficients whose shares are finite", format!("a share of {x}")))
        }
        None => Ok(()),
    }
}
