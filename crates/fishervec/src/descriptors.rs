//! Where descriptors come from: views of arrays in memory, ragged batches of sets, and anything
//! else that can hand over blocks of rows ([`Source`]).

use crate::error::{Error, Result};
use crate::kernel::Real;
use crate::rng::sample_rows;
use half::f16;
use half::slice::HalfFloatSliceExt;
use ndarray::{Array2, ArrayView2, s};

/// A number type descriptors can be stored in: `f32`, `f64`, `u8` (SIFT) or `f16` (deep embeddings).
///
/// Results have the type [`Element::Real`]: the type itself for the two floats, `f32` for the others,
/// which are converted a block at a time.
pub trait Element: Copy + Send + Sync + 'static {
    /// The float type computations and results have.
    type Real: Real;
    /// This number as a float; exact.
    fn to_real(self) -> Self::Real;
    /// Writes `values` as floats into `out`, of the same length.
    fn convert(values: &[Self], out: &mut [Self::Real]) {
        for (to, from) in out.iter_mut().zip(values) {
            *to = from.to_real();
        }
    }
}

macro_rules! element {
    ($t:ty, $real:ty, $x:ident => $convert:expr) => {
        impl Element for $t {
            type Real = $real;
            #[inline(always)]
            fn to_real(self) -> $real {
                let $x = self;
                $convert
            }
        }
    };
}
element!(f32, f32, x => x);
element!(f64, f64, x => x);
element!(u8, f32, x => f32::from(x));

impl Element for f16 {
    type Real = f32;
    #[inline(always)]
    fn to_real(self) -> f32 {
        self.to_f32()
    }
    fn convert(values: &[f16], out: &mut [f32]) {
        values.convert_to_f32_slice(out);
    }
}

/// Scratch memory a [`Source`] may use while it prepares a block; reused between blocks.
#[derive(Debug, Default)]
pub struct RowBuffer<F> {
    pub(crate) a: Vec<F>,
    pub(crate) b: Vec<F>,
    pub(crate) side: Vec<F>,
}

/// Rows of descriptors that can be read, block by block, from any position and by several threads:
/// an array in memory, a file, either of them behind preprocessing.
pub trait Source: Sync {
    /// The float type of the rows it hands over.
    type Real: Real;
    /// Number of rows, n.
    fn n_rows(&self) -> usize;
    /// Number of columns, d.
    fn dim(&self) -> usize;
    /// Writes the rows from `start` on into `out`, row-major; `out.len()` is a multiple of `dim`.
    ///
    /// # Errors
    /// What the medium reports. Callers go through [`Source::read_finite`].
    fn read(&self, start: usize, out: &mut [Self::Real], spare: &mut RowBuffer<Self::Real>) -> Result<()>;
    /// One weight per row, or `None` where each row counts once.
    fn weights(&self) -> Option<&[f64]> {
        None
    }

    /// Number of rows of positive weight. Cost O(n) where there are weights.
    fn n_positive(&self) -> usize {
        match self.weights() {
            Some(weights) => weights.iter().filter(|weight| **weight > 0.0).count(),
            None => self.n_rows(),
        }
    }

    /// Like [`Source::read`], and every number is finite.
    ///
    /// # Errors
    /// [`Error::NotFinite`] with row and column, or what `read` reports. Cost O(rows d).
    fn read_finite(
        &self,
        start: usize,
        out: &mut [Self::Real],
        spare: &mut RowBuffer<Self::Real>,
    ) -> Result<()> {
        self.read(start, out, spare)?;
        if crate::kernel::all_finite(out) {
            return Ok(());
        }
        let at = out.iter().position(|x| !x.to_f64().is_finite()).unwrap_or(0);
        let d = self.dim();
        Err(Error::NotFinite { row: start + at / d, column: at % d, value: out[at].to_f64() })
    }
}

/// A set of n descriptors of dimension d in memory, shape (n, d), each with an optional weight.
///
/// A view: nothing is copied. Any strides will do; row-major is fastest.
#[derive(Debug, Clone, Copy)]
pub struct Descriptors<'a, T> {
    rows: ArrayView2<'a, T>,
    weights: Option<&'a [f64]>,
}

impl<'a, T: Element> Descriptors<'a, T> {
    /// A view of an array of shape (n, d); n may be 0.
    pub fn new(rows: ArrayView2<'a, T>) -> Self {
        Self { rows, weights: None }
    }

    /// The same set with one weight per descriptor, shape (n,): voice activity, attention, a tissue
    /// mask. A weight multiplies the posterior, so it enters every statistic, and N becomes the sum
    /// of the weights. A weight of 0 takes its (still finite) descriptor out.
    ///
    /// # Errors
    /// [`Error::Dimension`] if there is not one weight per row, [`Error::Weight`] for a weight that is
    /// negative or not finite. Cost O(n).
    pub fn with_weights(self, weights: &'a [f64]) -> Result<Self> {
        if weights.len() != self.rows.nrows() {
            return Err(Error::Dimension {
                what: "weights",
                expected: self.rows.nrows(),
                got: weights.len(),
            });
        }
        match weights.iter().position(|w| !(w.is_finite() && *w >= 0.0)) {
            Some(row) => Err(Error::Weight { row, value: weights[row] }),
            None => Ok(Self { weights: Some(weights), ..self }),
        }
    }

    /// The array, shape (n, d).
    pub fn rows(&self) -> ArrayView2<'a, T> {
        self.rows
    }
}

impl<'a, T: Element> From<ArrayView2<'a, T>> for Descriptors<'a, T> {
    fn from(rows: ArrayView2<'a, T>) -> Self {
        Self::new(rows)
    }
}

impl<T: Element> Source for Descriptors<'_, T> {
    type Real = T::Real;

    fn n_rows(&self) -> usize {
        self.rows.nrows()
    }

    fn dim(&self) -> usize {
        self.rows.ncols()
    }

    fn read(&self, start: usize, out: &mut [T::Real], _: &mut RowBuffer<T::Real>) -> Result<()> {
        let d = self.dim();
        if d == 0 {
            return Ok(());
        }
        let block = self.rows.slice(s![start..start + out.len() / d, ..]);
        match block.as_slice() {
            Some(values) => T::convert(values, out),
            None => out.iter_mut().zip(block.iter()).for_each(|(to, from)| *to = from.to_real()),
        }
        Ok(())
    }

    fn weights(&self) -> Option<&[f64]> {
        self.weights
    }
}

/// A ragged batch of sets: flat values of shape (n, d), and n_sets + 1 offsets; set i is the rows
/// `offsets[i]..offsets[i + 1]`. A view: nothing is copied.
#[derive(Debug, Clone, Copy)]
pub struct Sets<'a, T> {
    all: Descriptors<'a, T>,
    offsets: &'a [usize],
}

impl<'a, T: Element> Sets<'a, T> {
    /// A view of flat `values` (n, d), or of [`Descriptors`] with weights, and `offsets`.
    ///
    /// # Errors
    /// [`Error::Offsets`] if the offsets are empty, do not start at 0, decrease, or do not end at n.
    pub fn new(values: impl Into<Descriptors<'a, T>>, offsets: &'a [usize]) -> Result<Self> {
        let all = values.into();
        check_offsets(offsets, all.n_rows())?;
        Ok(Self { all, offsets })
    }

    /// Number of sets.
    pub fn n_sets(&self) -> usize {
        self.offsets.len() - 1
    }

    /// All rows as one set.
    pub fn flat(&self) -> Descriptors<'a, T> {
        self.all
    }

    /// Set `i`.
    ///
    /// # Panics
    /// If `i >= n_sets()`, as indexing a slice does.
    pub fn get(&self, i: usize) -> Descriptors<'a, T> {
        let (from, to) = (self.offsets[i], self.offsets[i + 1]);
        Descriptors {
            rows: self.all.rows.slice_move(s![from..to, ..]),
            weights: self.all.weights.map(|w| &w[from..to]),
        }
    }
}

/// Several sources read as one, one after the other: all descriptors of many sets, say, to fit a model on.
/// A view: nothing but the weights, where there are any, is copied.
#[derive(Debug)]
pub struct Joined<'a, S> {
    sources: &'a [S],
    /// Where each source's rows start; the last entry is their total.
    offsets: Vec<usize>,
    dim: usize,
    weights: Option<Vec<f64>>,
}

impl<'a, S: Source> Joined<'a, S> {
    /// `sources` of `dim` columns each; there may be none. Cost O(sources), and O(n) where there are weights.
    ///
    /// # Errors
    /// [`Error::Dimension`] with the first source of other columns: `set 3: ...`.
    pub fn new(sources: &'a [S], dim: usize) -> Result<Self> {
        let mut offsets = vec![0];
        for (i, source) in sources.iter().enumerate() {
            if source.dim() != dim {
                let error = Error::Dimension { what: "descriptors", expected: dim, got: source.dim() };
                return Err(error.at(format!("set {i}")));
            }
            offsets.push(offsets[i] + source.n_rows());
        }
        let weighted = sources.iter().any(|source| source.weights().is_some());
        let weights = weighted.then(|| {
            let of =
                |source: &S| source.weights().map_or_else(|| vec![1.0; source.n_rows()], <[f64]>::to_vec);
            sources.iter().flat_map(of).collect()
        });
        Ok(Joined { sources, offsets, dim, weights })
    }
}

impl<S: Source> Source for Joined<'_, S> {
    type Real = S::Real;

    fn n_rows(&self) -> usize {
        self.offsets[self.sources.len()]
    }

    fn dim(&self) -> usize {
        self.dim
    }

    fn read(&self, start: usize, out: &mut [S::Real], spare: &mut RowBuffer<S::Real>) -> Result<()> {
        let end = start + out.len() / self.dim.max(1);
        let mut from = start;
        // The last source that starts at or before the row; empty ones before it start there too.
        let mut i = self.offsets.partition_point(|offset| *offset <= start).saturating_sub(1);
        while from < end {
            let to = end.min(self.offsets[i + 1]);
            let part = &mut out[(from - start) * self.dim..(to - start) * self.dim];
            let within = from - self.offsets[i];
            // Checked here, so that an error names the set and the row in it.
            let read = self.sources[i].read_finite(within, part, spare);
            read.map_err(|error| error.at(format!("set {i}")))?;
            (from, i) = (to, i + 1);
        }
        Ok(())
    }

    fn weights(&self) -> Option<&[f64]> {
        self.weights.as_deref()
    }
}

/// Checks that `offsets` cut `n` rows into sets: they start at 0, never decrease and end at `n`.
///
/// # Errors
/// [`Error::Offsets`] with the first offset that is wrong.
pub fn check_offsets(offsets: &[usize], n: usize) -> Result<()> {
    let wrong = |index: usize, expected: String, got: usize| Err(Error::Offsets { index, expected, got });
    match offsets {
        [] => wrong(0, "0, and one more offset than there are sets".into(), 0),
        [first, ..] if *first != 0 => wrong(0, "0".into(), *first),
        _ => {
            if let Some(i) = offsets.windows(2).position(|w| w[0] > w[1]) {
                return wrong(i + 1, format!("at least {}", offsets[i]), offsets[i + 1]);
            }
            let last = offsets.len() - 1;
            if offsets[last] != n {
                return wrong(last, format!("the number of rows, {n}"), offsets[last]);
            }
            Ok(())
        }
    }
}

/// Rows of a source copied together: a sample to fit on, with the weights of those rows.
#[derive(Debug, Clone)]
pub struct Sample<F> {
    rows: Array2<F>,
    weights: Option<Vec<f64>>,
}

impl<F: Real> Sample<F> {
    /// Up to `count` rows of positive weight, drawn without replacement, in their order. Cost
    /// O(count (d + log count)), and O(n) where there are weights.
    ///
    /// # Errors
    /// Those of [`Source::read_finite`].
    pub fn draw<S: Source<Real = F>>(source: &S, count: usize, seed: u64) -> Result<Self> {
        let Some(weights) = source.weights() else {
            return Self::gather(source, &sample_rows(source.n_rows(), count, seed));
        };
        let positive: Vec<usize> = (0..weights.len()).filter(|row| weights[*row] > 0.0).collect();
        let rows = sample_rows(positive.len(), count, seed);
        Self::gather(source, &rows.iter().map(|i| positive[*i]).collect::<Vec<_>>())
    }

    /// The given rows of `source`, in that order. Cost O(rows d).
    ///
    /// # Errors
    /// Those of [`Source::read_finite`].
    ///
    /// # Panics
    /// If a row is not in the source, as indexing a slice does.
    pub fn gather<S: Source<Real = F>>(source: &S, rows: &[usize]) -> Result<Self> {
        let d = source.dim();
        let mut values = vec![F::ZERO; rows.len() * d];
        let mut spare = RowBuffer::default();
        for (row, out) in rows.iter().zip(values.chunks_exact_mut(d.max(1))) {
            source.read_finite(*row, out, &mut spare)?;
        }
        let weights = source.weights().map(|weights| rows.iter().map(|row| weights[*row]).collect());
        Self::new(values, d, weights)
    }

    /// A sample out of row-major `values` of rows of `d` numbers, with an optional weight per row.
    ///
    /// # Errors
    /// [`Error::Dimension`] if the lengths do not fit.
    pub fn new(values: Vec<F>, d: usize, weights: Option<Vec<f64>>) -> Result<Self> {
        let (n, got) = (values.len() / d.max(1), values.len());
        let rows = Array2::from_shape_vec((n, d), values);
        let rows = rows.map_err(|_| Error::Dimension { what: "values", expected: n * d, got })?;
        if let Some(weights) = &weights {
            Descriptors { rows: rows.view(), weights: None }.with_weights(weights)?;
        }
        Ok(Sample { rows, weights })
    }

    /// The rows, shape (n, d).
    #[must_use]
    pub fn into_rows(self) -> Array2<F> {
        self.rows
    }

    /// The sample as a set.
    #[must_use]
    pub fn view(&self) -> Descriptors<'_, F> {
        Descriptors { rows: self.rows.view(), weights: self.weights.as_deref() }
    }
}
