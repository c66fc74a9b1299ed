//! The similarities of queries to all vectors of a database, one block of queries after the other, and the
//! most similar vectors of each query.

use crate::error::{Error, Result};
use crate::simd::multiply;
use crate::util::threads::Threads;
use ndarray::{Array2, ArrayView2, Axis, s};

/// The number of values in a block of vectors, or of similarities: 16 MB each.
const BLOCK: usize = 1 << 22;

/// The most similar vectors of each query, the most similar one first.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbours {
    /// The rows of the vectors in the database, shape (n, k).
    pub rows: Array2<usize>,
    /// Their similarities to the query, from -1 to 1, shape (n, k).
    pub similarities: Array2<f32>,
}

/// Finds the `k` vectors of the `database`, shape (n, p), that are most similar to each of the `queries`,
/// shape (m, p); without queries, to each vector of the database among all others. If there are fewer than
/// `k` such vectors, all are found.
///
/// Similarity: s(a, b) = a . b / (|a| |b|), and 0 where one of them is zero. Ties are broken by the order of
/// the rows.
///
/// # Errors
/// [`Error::Dimension`] for queries of another width, [`Error::Parameter`] for `k` of 0,
/// [`Error::TooFewRows`] for a database without vectors to compare with, [`Error::NotFinite`].
///
/// Cost O(m n p); memory about 50 MB per thread and O(m k + n) beside the vectors, never m x n.
pub fn neighbours(
    database: ArrayView2<'_, f32>,
    queries: Option<ArrayView2<'_, f32>>,
    k: usize,
    threads: &Threads,
) -> Result<Neighbours> {
    let all = |vectors: ArrayView2<'_, f32>| (0..vectors.nrows()).collect();
    let others = Side::new(database, all(database))?;
    let queries = queries.map(|queries| Side::new(queries, all(queries))).transpose()?;
    let search = Search::new(&others, queries.as_ref())?;
    if k == 0 {
        return Err(Error::parameter("k", "at least 1", k));
    }
    let (n, k) = (search.n_queries(), k.min(search.n_others()));
    let (mut rows, mut similarities) = (Array2::zeros((n, k)), Array2::zeros((n, k)));
    let height = search.height();
    let row_blocks = rows.axis_chunks_iter_mut(Axis(0), height);
    let blocks = row_blocks.zip(similarities.axis_chunks_iter_mut(Axis(0), height)).collect();
    threads.for_each(blocks, &|block, (mut rows, mut similarities)| {
        let first = block * height;
        search.block(block, &mut |query, similar| {
            let mut ranking = search.ranking(query, similar);
            if k < ranking.len() {
                ranking.select_nth_unstable(k - 1);
            }
            ranking[..k].sort_unstable();
            for (i, other) in ranking[..k].iter().map(|key| index_of(*key)).enumerate() {
                rows[[query - first, i]] = other;
                similarities[[query - first, i]] = similar[other].clamp(-1.0, 1.0);
            }
        });
        Ok(())
    })?;
    Ok(Neighbours { rows, similarities })
}

/// Some rows of an array of vectors, and one over the norm of each.
pub(super) struct Side<'a> {
    vectors: ArrayView2<'a, f32>,
    rows: Vec<usize>,
    scales: Vec<f64>,
}

impl<'a> Side<'a> {
    /// The given `rows` of `vectors`.
    ///
    /// # Errors
    /// [`Error::NotFinite`].
    pub(super) fn new(vectors: ArrayView2<'a, f32>, rows: Vec<usize>) -> Result<Self> {
        let scales = rows.iter().map(|row| scale(vectors, *row)).collect::<Result<_>>()?;
        Ok(Side { vectors, rows, scales })
    }

    fn len(&self) -> usize {
        self.rows.len()
    }

    /// Rows `from` to `to`, each divided by its norm.
    fn unit(&self, from: usize, to: usize) -> Array2<f32> {
        let mut unit = self.vectors.select(Axis(0), &self.rows[from..to]);
        for (mut row, scale) in unit.rows_mut().into_iter().zip(&self.scales[from..to]) {
            row.mapv_inplace(|x| (f64::from(x) * scale) as f32);
        }
        unit
    }
}

/// One over the Euclidean norm of a row of `vectors`; 0 for a zero row.
fn scale(vectors: ArrayView2<'_, f32>, row: usize) -> Result<f64> {
    let vector = vectors.row(row);
    if let Some(column) = vector.iter().position(|x| !x.is_finite()) {
        return Err(Error::NotFinite { row, column, value: f64::from(vector[column]) });
    }
    let length = vector.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
    Ok(if length > 0.0 { 1.0 / length } else { 0.0 })
}

/// Queries and what they are compared with.
pub(super) struct Search<'a> {
    database: &'a Side<'a>,
    queries: &'a Side<'a>,
    /// Whether the queries are the database, where none is its own neighbour.
    leave_one_out: bool,
}

impl<'a> Search<'a> {
    /// Compares `queries` with a `database`; without queries, each vector of the database with all others.
    ///
    /// # Errors
    /// [`Error::Dimension`] for queries of another width; [`Error::TooFewRows`] if there is nothing to
    /// compare with.
    pub(super) fn new(database: &'a Side<'a>, queries: Option<&'a Side<'a>>) -> Result<Self> {
        let least = if queries.is_some() { 1 } else { 2 };
        if database.len() < least {
            return Err(Error::TooFewRows { purpose: "to compare", expected: least, got: database.len() });
        }
        let (expected, got) = (database.vectors.ncols(), queries.map(|side| side.vectors.ncols()));
        match got {
            Some(got) if got != expected => Err(Error::Dimension { what: "queries", expected, got }),
            _ => {
                let leave_one_out = queries.is_none();
                Ok(Search { database, queries: queries.unwrap_or(database), leave_one_out })
            }
        }
    }

    pub(super) fn n_queries(&self) -> usize {
        self.queries.len()
    }

    /// The number of vectors that each query is compared with.
    pub(super) fn n_others(&self) -> usize {
        self.database.len() - usize::from(self.leave_one_out)
    }

    /// The number of queries in a block.
    fn height(&self) -> usize {
        (BLOCK / self.database.len().max(self.database.vectors.ncols())).clamp(1, 256)
    }

    pub(super) fn n_blocks(&self) -> usize {
        self.n_queries().div_ceil(self.height())
    }

    /// Calls `visit` with each query of a block and its similarity to each vector of the database.
    pub(super) fn block(&self, block: usize, visit: &mut impl FnMut(usize, &[f32])) {
        let (n, p) = (self.database.len(), self.database.vectors.ncols());
        let (start, end) = (block * self.height(), self.n_queries().min((block + 1) * self.height()));
        let unit = self.queries.unit(start, end);
        let mut similar = Array2::<f32>::zeros((end - start, n));
        let width = (BLOCK / p.max(1)).clamp(1, n);
        for from in (0..n).step_by(width) {
            let to = n.min(from + width);
            let others = self.database.unit(from, to);
            multiply(unit.view(), others.t(), similar.slice_mut(s![.., from..to]));
        }
        for (query, similar) in (start..end).zip(similar.rows()) {
            visit(query, similar.as_slice().expect("a row of an array in standard layout"));
        }
    }

    /// A key per vector that the query is compared with; sorted, they rank the vectors.
    pub(super) fn ranking(&self, query: usize, similar: &[f32]) -> Vec<u64> {
        let others = similar.iter().enumerate().filter(|(i, _)| !self.leave_one_out || *i != query);
        others.map(|(i, similarity)| key(*similarity, i)).collect()
    }
}

/// A number that sorts by descending similarity, then by index, which is its lower half.
fn key(similarity: f32, index: usize) -> u64 {
    // Adding 0 turns -0 into 0. The bits of a float sort like the float except for the sign bit, and in
    // reverse for negative numbers.
    let bits = (similarity + 0.0).to_bits();
    let falling = if bits >> 31 == 0 { bits ^ 0x7fff_ffff } else { bits };
    u64::from(falling) << 32 | index as u64
}

/// The index in a key.
pub(super) fn index_of(key: u64) -> usize {
    key as u32 as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::rng::Random;
    use ndarray::array;

    #[test]
    fn keys_sort_by_falling_similarity_then_by_index() {
        let ranked = [(1.0, 7), (0.5, 0), (1e-40, 9), (0.0, 1), (-0.0, 2), (0.0, 3), (-1e-40, 0), (-1.0, 0)];
        assert!(ranked.map(|(similarity, index)| key(similarity, index)).is_sorted());
        assert_eq!(index_of(key(-0.3, 123)), 123);
    }

    /// Vectors of 0, 1 or 4 entries of one size: their norms are powers of two, so cosines are exact and many
    /// are equal.
    fn vectors(n: usize, seed: u64) -> Array2<f32> {
        let mut random = Random::new(seed);
        let mut vectors = Array2::<f32>::zeros((n, 8));
        for mut vector in vectors.rows_mut() {
            let (start, size) = (random.below(8) as usize, (1 << random.below(3)) as f32);
            for i in 0..[0, 1, 4, 4, 4][random.below(5) as usize] {
                vector[(start + i) % 8] = if random.below(2) == 0 { size } else { -size };
            }
        }
        vectors
    }

    fn cosine(a: ndarray::ArrayView1<'_, f32>, b: ndarray::ArrayView1<'_, f32>) -> f32 {
        let norms = (a.dot(&a) * b.dot(&b)).sqrt();
        if norms > 0.0 { a.dot(&b) / norms } else { 0.0 }
    }

    #[test]
    fn neighbours_are_the_most_similar_rows_ties_in_order_for_any_number_of_threads() {
        let (database, asked) = (vectors(601, 5), vectors(300, 6));
        for queries in [None, Some(&asked)] {
            let found = |threads: usize, k: usize| {
                let threads = Threads::new(threads).unwrap();
                neighbours(database.view(), queries.map(|queries| queries.view()), k, &threads).unwrap()
            };
            let got = found(1, 7);
            assert_eq!((found(2, 7), found(3, 7)), (got.clone(), got.clone()));
            for (i, query) in queries.unwrap_or(&database).rows().into_iter().enumerate() {
                let mut others: Vec<usize> = (0..601).filter(|j| queries.is_some() || *j != i).collect();
                let similarity = |j: &usize| cosine(query, database.row(*j));
                others.sort_by(|a, b| similarity(b).partial_cmp(&similarity(a)).unwrap());
                assert_eq!(got.rows.row(i).to_vec(), others[..7], "{i}");
                let expected: Vec<f32> = others[..7].iter().map(similarity).collect();
                assert_eq!(got.similarities.row(i).to_vec(), expected, "{i}");
            }
            // All of them, if more are asked for.
            assert_eq!(found(1, 10_000).rows.ncols(), if queries.is_some() { 601 } else { 600 });
        }
    }

    #[test]
    fn what_cannot_be_searched_is_an_error() {
        let one = Threads::one();
        let (two, wide) = (array![[1.0_f32], [2.0]], array![[1.0_f32, 2.0]]);
        let error = |queries, k| neighbours(two.view(), queries, k, &one).unwrap_err();
        assert!(matches!(error(Some(wide.view()), 1), Error::Dimension { expected: 1, got: 2, .. }));
        assert!(matches!(error(None, 0), Error::Parameter { .. }));
        let alone = neighbours(wide.view(), None, 1, &one).unwrap_err();
        assert!(matches!(alone, Error::TooFewRows { expected: 2, got: 1, .. }));
        let empty = neighbours(Array2::zeros((0, 1)).view(), Some(two.view()), 1, &one).unwrap_err();
        assert!(matches!(empty, Error::TooFewRows { expected: 1, got: 0, .. }));
        let odd = array![[1.0], [f32::NAN]];
        let odd = neighbours(two.view(), Some(odd.view()), 1, &one).unwrap_err();
        assert!(matches!(odd, Error::NotFinite { row: 1, column: 0, .. }));
        let none = neighbours(two.view(), Some(Array2::zeros((0, 1)).view()), 3, &one).unwrap();
        assert_eq!(none.rows.dim(), (0, 2));
    }
}
