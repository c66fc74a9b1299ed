//! How well vectors retrieve others of the same label: leave-one-out nearest neighbours, mean average
//! precision, confusion.

use crate::error::{Error, Result};
use crate::simd::multiply;
use crate::util::threads::Threads;
use ndarray::{Array2, ArrayView2, Axis, s};
use std::collections::BTreeSet;

/// The number of values in a block of vectors, or of similarities: 16 MB each.
const BLOCK: usize = 1 << 22;

/// What [`evaluate`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// The number of labelled vectors; each was a query once.
    pub n: usize,
    /// The number of neighbours that voted.
    pub k: usize,
    /// The number of vectors without a label, which were left out.
    pub unlabelled: usize,
    /// The share of queries whose neighbours vote for their label.
    pub accuracy: f64,
    /// The mean of the average precisions of the queries whose label occurs more than once; `None` if there
    /// is no such query.
    pub mean_average_precision: Option<f64>,
    /// The distinct labels, ascending.
    pub classes: Vec<i64>,
    /// The number of queries by true label (row) and by the label their neighbours voted for (column), shape
    /// (C, C), in the order of `classes`.
    pub confusion: Array2<u64>,
}

/// Compares each of the `vectors`, shape (n, p), with all others by cosine, given one label per vector, shape
/// (n,); a negative label means that the vector has none and is left out.
///
/// * Similarity: s(a, b) = a . b / (|a| |b|), and 0 where one of them is zero. Ties are broken by the order
///   of the rows.
/// * Vote of the `k` most similar: the most frequent label among them; of several, the one that occurs first.
/// * Average precision (Manning, Raghavan and Schuetze 2008, section 8.4): the mean of j / rank_j over the R
///   other vectors of the query's label, the j-th of which has rank rank_j among all others.
///
/// # Errors
/// [`Error::Dimension`] if there is not one label per vector, [`Error::TooFewRows`] for fewer than two
/// labelled vectors, [`Error::Parameter`] for `k` of 0 or above n - 1, [`Error::NotFinite`].
///
/// Cost O(n^2 (p + log n)); memory about 50 MB per thread and O(n + p) beside the vectors, never n x n.
pub fn evaluate(
    vectors: ArrayView2<'_, f32>,
    labels: &[i64],
    k: usize,
    threads: &Threads,
) -> Result<Evaluation> {
    let (all, p) = vectors.dim();
    if labels.len() != all {
        return Err(Error::Dimension { what: "labels", expected: all, got: labels.len() });
    }
    let rows: Vec<usize> = (0..all).filter(|row| labels[*row] >= 0).collect();
    let n = rows.len();
    if n < 2 {
        return Err(Error::TooFewRows { purpose: "with a label to compare", expected: 2, got: n });
    }
    if k == 0 || k >= n {
        return Err(Error::parameter("k", format!("from 1 to {} (labelled vectors minus one)", n - 1), k));
    }
    let scales = rows.iter().map(|row| scale(vectors, *row)).collect::<Result<Vec<f64>>>()?;
    let classes: Vec<i64> =
        rows.iter().map(|row| labels[*row]).collect::<BTreeSet<_>>().into_iter().collect();
    let class: Vec<usize> = rows.iter().map(|row| classes.partition_point(|c| *c < labels[*row])).collect();

    let height = (BLOCK / n.max(p)).clamp(1, 256);
    let width = (BLOCK / p.max(1)).clamp(1, n);
    let block = |i: usize| {
        let queries = i * height..n.min((i + 1) * height);
        let unit = normalized(vectors, &rows[queries.clone()], &scales[queries.clone()]);
        let mut similar = Array2::<f32>::zeros((queries.len(), n));
        for start in (0..n).step_by(width) {
            let end = n.min(start + width);
            let others = normalized(vectors, &rows[start..end], &scales[start..end]);
            multiply(unit.view(), others.t(), similar.slice_mut(s![.., start..end]));
        }
        let mut tally = Tally::new(classes.len());
        for (query, similar) in queries.zip(similar.rows()) {
            tally.add(query, similar.as_slice().expect("a row of an array in standard layout"), &class, k);
        }
        Ok(tally)
    };
    let tally = threads.reduce(n.div_ceil(height), &block, &Tally::merge)?;
    let tally = tally.unwrap_or_else(|| Tally::new(classes.len()));
    Ok(Evaluation {
        n,
        k,
        unlabelled: all - n,
        accuracy: tally.confusion.diag().sum() as f64 / n as f64,
        mean_average_precision: (tally.ranked > 0).then(|| tally.precision / tally.ranked as f64),
        classes,
        confusion: tally.confusion,
    })
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

/// The given rows of `vectors`, each multiplied by its scale.
fn normalized(vectors: ArrayView2<'_, f32>, rows: &[usize], scales: &[f64]) -> Array2<f32> {
    let mut unit = vectors.select(Axis(0), rows);
    for (mut row, scale) in unit.rows_mut().into_iter().zip(scales) {
        row.mapv_inplace(|x| (f64::from(x) * scale) as f32);
    }
    unit
}

/// Sums over queries.
struct Tally {
    confusion: Array2<u64>,
    precision: f64,
    ranked: usize,
}

impl Tally {
    fn new(classes: usize) -> Self {
        Tally { confusion: Array2::zeros((classes, classes)), precision: 0.0, ranked: 0 }
    }

    fn merge(self, other: Self) -> Self {
        Tally {
            confusion: self.confusion + other.confusion,
            precision: self.precision + other.precision,
            ranked: self.ranked + other.ranked,
        }
    }

    /// Counts one query, given its similarity to every vector and the class of each.
    fn add(&mut self, query: usize, similar: &[f32], class: &[usize], k: usize) {
        let others = similar.iter().enumerate().filter(|(i, _)| *i != query);
        let mut ranking: Vec<u64> = others.map(|(i, similarity)| key(*similarity, i)).collect();
        ranking.sort_unstable();
        let ranked = ranking.iter().map(|key| class[*key as u32 as usize]);
        let vote = vote(ranked.clone().take(k), self.confusion.nrows());
        self.confusion[[class[query], vote]] += 1;

        let like = ranked.enumerate().filter(|(_, other)| *other == class[query]);
        let (mut found, mut sum) = (0_usize, 0.0);
        for (rank, _) in like {
            found += 1;
            sum += found as f64 / (rank + 1) as f64;
        }
        if found > 0 {
            self.precision += sum / found as f64;
            self.ranked += 1;
        }
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

/// The most frequent class among `votes`; of several, the one that occurs first.
fn vote(votes: impl Iterator<Item = usize>, classes: usize) -> usize {
    let (mut count, mut first) = (vec![0_usize; classes], Vec::new());
    for class in votes {
        if count[class] == 0 {
            first.push(class);
        }
        count[class] += 1;
    }
    first.into_iter().rev().max_by_key(|class| count[*class]).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::util::rng::Random;
    use ndarray::array;

    /// The definitions, applied to one query at a time by sorting all other vectors.
    fn naive(vectors: &Array2<f32>, labels: &[i64], k: usize) -> (f64, f64) {
        let n = labels.len();
        let norm = |i: usize| vectors.row(i).iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        let cosine = |i: usize, j: usize| {
            let dot: f64 = vectors.row(i).iter().zip(vectors.row(j)).map(|(a, b)| f64::from(a * b)).sum();
            if norm(i) * norm(j) > 0.0 { dot / (norm(i) * norm(j)) } else { 0.0 }
        };
        let (mut hits, mut queries, mut precision, mut ranked) = (0.0, 0.0, 0.0, 0.0);
        for i in (0..n).filter(|i| labels[*i] >= 0) {
            let mut others: Vec<usize> = (0..n).filter(|j| *j != i && labels[*j] >= 0).collect();
            others.sort_by(|a, b| cosine(i, *b).partial_cmp(&cosine(i, *a)).unwrap());
            let count = |label: i64| others[..k].iter().filter(|j| labels[**j] == label).count();
            let most = others[..k].iter().map(|j| count(labels[*j])).max().unwrap();
            let winner = others[..k].iter().find(|j| count(labels[**j]) == most).unwrap();
            hits += f64::from(u8::from(labels[*winner] == labels[i]));
            queries += 1.0;
            let ranks: Vec<usize> = (0..others.len()).filter(|r| labels[others[*r]] == labels[i]).collect();
            if !ranks.is_empty() {
                let sum: f64 = ranks.iter().enumerate().map(|(j, r)| (j + 1) as f64 / (r + 1) as f64).sum();
                precision += sum / ranks.len() as f64;
                ranked += 1.0;
            }
        }
        (hits / queries, precision / ranked)
    }

    #[test]
    fn equals_the_definitions_for_any_number_of_threads() {
        let mut random = Random::new(5);
        // Each vector has 0, 1 or 4 entries of one size: norms are powers of two, so cosines are exact and
        // many are equal.
        let mut vectors = Array2::<f32>::zeros((601, 8));
        for mut vector in vectors.rows_mut() {
            let (start, size) = (random.below(8) as usize, (1 << random.below(3)) as f32);
            for i in 0..[0, 1, 4, 4, 4][random.below(5) as usize] {
                vector[(start + i) % 8] = if random.below(2) == 0 { size } else { -size };
            }
        }
        let labels: Vec<i64> = (0..601).map(|_| random.below(8) as i64 * 10 - 10).collect();
        for k in [1, 2, 5] {
            let got = evaluate(vectors.view(), &labels, k, &Threads::one()).unwrap();
            let (accuracy, map) = naive(&vectors, &labels, k);
            assert!((got.accuracy - accuracy).abs() < 1e-12, "{k}: {} {accuracy}", got.accuracy);
            assert!((got.mean_average_precision.unwrap() - map).abs() < 1e-12, "{got:?} {map}");
            assert_eq!(got.confusion.sum() as usize, got.n);
            assert_eq!(got.n + got.unlabelled, 601);
            assert_eq!(got.classes, [0, 10, 20, 30, 40, 50, 60]);
            for threads in [2, 3] {
                assert_eq!(
                    evaluate(vectors.view(), &labels, k, &Threads::new(threads).unwrap()).unwrap(),
                    got
                );
            }
        }
    }

    #[test]
    fn a_case_worked_by_hand() {
        let vectors = array![[1.0, 0.0], [2.0, 0.1], [0.0, 3.0], [0.0, 0.0], [1.0, 1.0_f32]];
        let got = evaluate(vectors.view(), &[4, 4, 9, 9, -1], 1, &Threads::one()).unwrap();
        // Row 2 finds row 1 first (their directions are closest); row 3 is zero and finds row 0 by order.
        assert_eq!((got.n, got.unlabelled, got.accuracy), (4, 1, 0.5));
        assert_eq!(got.confusion, array![[2, 0], [2, 0]]);
        // The ranks of the vectors with the same label are 1, 1, 3 (after 1 and, on a tie, 0) and 3.
        let map = got.mean_average_precision.unwrap();
        assert!((map - (1.0 + 1.0 + 1.0 / 3.0 + 1.0 / 3.0) / 4.0).abs() < 1e-12, "{map}");
    }

    #[test]
    fn keys_sort_by_falling_similarity_then_by_index() {
        let ranked = [(1.0, 7), (0.5, 0), (1e-40, 9), (0.0, 1), (-0.0, 2), (0.0, 3), (-1e-40, 0), (-1.0, 0)];
        assert!(ranked.map(|(similarity, index)| key(similarity, index)).is_sorted());
        assert_eq!(key(-0.3, 123) as u32, 123);
    }

    #[test]
    fn huge_and_tiny_vectors_have_a_direction() {
        let vectors = array![[1e38, 1e38], [1e-38, 1e-38], [3e38, -3e38], [1e-40, -1e-40_f32]];
        let got = evaluate(vectors.view(), &[0, 0, 1, 1], 1, &Threads::one()).unwrap();
        assert_eq!((got.accuracy, got.mean_average_precision), (1.0, Some(1.0)));
    }

    #[test]
    fn what_cannot_be_compared_is_an_error() {
        let one = Threads::one();
        let vectors = array![[1.0_f32], [2.0], [f32::NAN]];
        let error = |labels: &[i64], k: usize| evaluate(vectors.view(), labels, k, &one).unwrap_err();
        assert!(matches!(error(&[0, 0], 1), Error::Dimension { expected: 3, got: 2, .. }));
        assert!(matches!(error(&[0, -1, -1], 1), Error::TooFewRows { got: 1, .. }));
        assert!(matches!(error(&[0, 0, 1], 1), Error::NotFinite { row: 2, column: 0, .. }));
        assert!(matches!(error(&[0, 0, -1], 0), Error::Parameter { .. }));
        assert!(matches!(error(&[0, 0, -1], 2), Error::Parameter { .. }));
        let alone = evaluate(vectors.view(), &[0, 1, -1], 1, &one).unwrap();
        assert_eq!((alone.accuracy, alone.mean_average_precision), (0.0, None));
    }
}
