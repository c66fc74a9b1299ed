//! How well vectors retrieve others of the same label: the vote of the nearest neighbours, recall, mean
//! average precision, confusion.

use super::search::{Search, Side, index_of};
use crate::error::{Error, Result};
use crate::util::threads::Threads;
use ndarray::{Array2, ArrayView2};
use std::collections::BTreeSet;

/// What [`evaluate`] or [`evaluate_queries`] found.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// The number of queries: the labelled vectors, or those of the queries that have a label.
    pub n: usize,
    /// The number of labelled vectors in the database.
    pub database: usize,
    /// The number of neighbours that voted.
    pub k: usize,
    /// The number of queries without a label, which were left out.
    pub unlabelled: usize,
    /// The number of queries whose label none of the vectors has that they were compared with.
    pub unknown: usize,
    /// The share of queries whose neighbours vote for their label.
    pub accuracy: f64,
    /// R@1: the share of queries whose nearest neighbour has their label. This, `recall_at_5` and
    /// `mean_average_precision` leave out the `unknown` queries; `None` if there are no others.
    pub recall_at_1: Option<f64>,
    /// R@5: the share of queries for which one of the five nearest neighbours has their label.
    pub recall_at_5: Option<f64>,
    /// The mean of the average precisions of the queries.
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
    score((vectors, labels), None, k, threads)
}

/// Compares each of the `queries`, shape (m, p), with all vectors of the `database`, shape (n, p), given one
/// label per vector of either, as [`evaluate`] does with all others.
///
/// # Errors
/// As [`evaluate`], with one labelled vector in either as the least and n as the largest `k`;
/// [`Error::Dimension`] for queries of another width.
///
/// Cost O(m n (p + log n)); memory about 50 MB per thread and O(m + n + p) beside the vectors, never m x n.
pub fn evaluate_queries(
    database: ArrayView2<'_, f32>,
    labels: &[i64],
    queries: ArrayView2<'_, f32>,
    query_labels: &[i64],
    k: usize,
    threads: &Threads,
) -> Result<Evaluation> {
    score((database, labels), Some((queries, query_labels)), k, threads)
}

/// Vectors, shape (n, p), and one label per vector.
type Labelled<'a> = (ArrayView2<'a, f32>, &'a [i64]);

fn score(
    database: Labelled<'_>,
    queries: Option<Labelled<'_>>,
    k: usize,
    threads: &Threads,
) -> Result<Evaluation> {
    let (side, labels) = labelled(database, if queries.is_some() { 1 } else { 2 })?;
    let asked = queries.map(|queries| labelled(queries, 1)).transpose()?;
    let search = Search::new(&side, asked.as_ref().map(|(side, _)| side))?;
    let query_labels = asked.as_ref().map_or(&labels, |(_, labels)| labels);
    if k == 0 || k > search.n_others() {
        let most = if queries.is_some() { "labelled vectors" } else { "labelled vectors minus one" };
        return Err(Error::parameter("k", format!("from 1 to {} ({most})", search.n_others()), k));
    }
    let classes: BTreeSet<i64> = labels.iter().chain(query_labels).copied().collect();
    let classes: Vec<i64> = classes.into_iter().collect();
    let class_of = |label: &i64| classes.partition_point(|class| class < label);
    let class: Vec<usize> = labels.iter().map(class_of).collect();
    let query_class: Vec<usize> = query_labels.iter().map(class_of).collect();

    let block = |i: usize| {
        let mut tally = Tally::new(classes.len());
        search.block(i, &mut |query, similar| {
            let mut ranking = search.ranking(query, similar);
            ranking.sort_unstable();
            tally.add(query_class[query], ranking.iter().map(|key| class[index_of(*key)]), k);
        });
        Ok(tally)
    };
    let tally = threads.reduce(search.n_blocks(), &block, &Tally::merge)?;
    let tally = tally.unwrap_or_else(|| Tally::new(classes.len()));
    let n = query_labels.len();
    let mean = |sum: f64| (tally.ranked > 0).then(|| sum / tally.ranked as f64);
    Ok(Evaluation {
        n,
        database: labels.len(),
        k,
        unlabelled: queries.unwrap_or(database).1.len() - n,
        unknown: n - tally.ranked,
        accuracy: tally.confusion.diag().sum() as f64 / n as f64,
        recall_at_1: mean(tally.first as f64),
        recall_at_5: mean(tally.first_five as f64),
        mean_average_precision: mean(tally.precision),
        classes,
        confusion: tally.confusion,
    })
}

/// The vectors that have a label, at least so many, and their labels.
fn labelled<'a>((vectors, labels): Labelled<'a>, least: usize) -> Result<(Side<'a>, Vec<i64>)> {
    let (expected, got) = (vectors.nrows(), labels.len());
    if got != expected {
        return Err(Error::Dimension { what: "labels", expected, got });
    }
    let rows: Vec<usize> = (0..got).filter(|row| labels[*row] >= 0).collect();
    if rows.len() < least {
        return Err(Error::TooFewRows {
            purpose: "with a label to compare",
            expected: least,
            got: rows.len(),
        });
    }
    let labels = rows.iter().map(|row| labels[*row]).collect();
    Ok((Side::new(vectors, rows)?, labels))
}

/// Sums over queries.
struct Tally {
    confusion: Array2<u64>,
    precision: f64,
    /// The queries with their label at rank 1, and at rank 5 or better.
    first: usize,
    first_five: usize,
    ranked: usize,
}

impl Tally {
    fn new(classes: usize) -> Self {
        let confusion = Array2::zeros((classes, classes));
        Tally { confusion, precision: 0.0, first: 0, first_five: 0, ranked: 0 }
    }

    fn merge(self, other: Self) -> Self {
        Tally {
            confusion: self.confusion + other.confusion,
            precision: self.precision + other.precision,
            first: self.first + other.first,
            first_five: self.first_five + other.first_five,
            ranked: self.ranked + other.ranked,
        }
    }

    /// Counts a query of a class, given the classes of the vectors it is compared with, the nearest first.
    fn add(&mut self, class: usize, ranked: impl Iterator<Item = usize> + Clone, k: usize) {
        let vote = vote(ranked.clone().take(k), self.confusion.nrows());
        self.confusion[[class, vote]] += 1;

        let like = ranked.enumerate().filter(|(_, other)| *other == class);
        let (mut found, mut sum) = (0_usize, 0.0);
        for (rank, _) in like {
            if found == 0 {
                self.first += usize::from(rank < 1);
                self.first_five += usize::from(rank < 5);
            }
            found += 1;
            sum += found as f64 / (rank + 1) as f64;
        }
        if found > 0 {
            self.precision += sum / found as f64;
            self.ranked += 1;
        }
    }
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
    use ndarray::{ArrayView1, array};

    /// The figures of the definitions.
    #[derive(Debug, Default)]
    struct Naive {
        accuracy: f64,
        recall: [f64; 2],
        precision: f64,
        unknown: usize,
    }

    /// The definitions, applied to one query at a time by sorting all vectors that it is compared with.
    fn naive(
        database: &Array2<f32>,
        labels: &[i64],
        queries: Option<(&Array2<f32>, &[i64])>,
        k: usize,
    ) -> Naive {
        let (asked, asked_labels) = queries.unwrap_or((database, labels));
        let norm = |v: ArrayView1<'_, f32>| v.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        let cosine = |a: ArrayView1<'_, f32>, b: ArrayView1<'_, f32>| {
            let dot: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum();
            if norm(a) * norm(b) > 0.0 { dot / (norm(a) * norm(b)) } else { 0.0 }
        };
        let (mut found, mut n, mut ranked) = (Naive::default(), 0.0, 0.0);
        for i in (0..asked_labels.len()).filter(|i| asked_labels[*i] >= 0) {
            let other = |j: &usize| labels[*j] >= 0 && (queries.is_some() || *j != i);
            let mut others: Vec<usize> = (0..labels.len()).filter(other).collect();
            let similarity = |j: &usize| cosine(asked.row(i), database.row(*j));
            others.sort_by(|a, b| similarity(b).partial_cmp(&similarity(a)).unwrap());
            let count = |label: i64| others[..k].iter().filter(|j| labels[**j] == label).count();
            let most = others[..k].iter().map(|j| count(labels[*j])).max().unwrap();
            let winner = others[..k].iter().find(|j| count(labels[**j]) == most).unwrap();
            found.accuracy += f64::from(u8::from(labels[*winner] == asked_labels[i]));
            n += 1.0;
            let ranks = (0..others.len()).filter(|r| labels[others[*r]] == asked_labels[i]);
            let ranks: Vec<usize> = ranks.collect();
            if ranks.is_empty() {
                found.unknown += 1;
                continue;
            }
            let sum: f64 = ranks.iter().enumerate().map(|(j, r)| (j + 1) as f64 / (r + 1) as f64).sum();
            found.precision += sum / ranks.len() as f64;
            for (recall, most) in found.recall.iter_mut().zip([1, 5]) {
                *recall += f64::from(u8::from(ranks[0] < most));
            }
            ranked += 1.0;
        }
        found.accuracy /= n;
        found.precision /= ranked;
        found.recall = found.recall.map(|sum| sum / ranked);
        found
    }

    /// Each vector has 0, 1 or 4 entries of one size: norms are powers of two, so cosines are exact and many
    /// are equal.
    fn vectors(n: usize, random: &mut Random) -> Array2<f32> {
        let mut vectors = Array2::<f32>::zeros((n, 8));
        for mut vector in vectors.rows_mut() {
            let (start, size) = (random.below(8) as usize, (1 << random.below(3)) as f32);
            for i in 0..[0, 1, 4, 4, 4][random.below(5) as usize] {
                vector[(start + i) % 8] = if random.below(2) == 0 { size } else { -size };
            }
        }
        vectors
    }

    fn check(got: &Evaluation, expected: &Naive) {
        let close = |got: Option<f64>, expected: f64| (got.unwrap() - expected).abs() < 1e-12;
        assert!(close(Some(got.accuracy), expected.accuracy), "{got:?} {expected:?}");
        assert!(close(got.recall_at_1, expected.recall[0]), "{got:?} {expected:?}");
        assert!(close(got.recall_at_5, expected.recall[1]), "{got:?} {expected:?}");
        assert!(close(got.mean_average_precision, expected.precision), "{got:?} {expected:?}");
        assert_eq!(got.unknown, expected.unknown);
        assert_eq!(got.confusion.sum() as usize, got.n);
    }

    #[test]
    fn equals_the_definitions_for_any_number_of_threads() {
        let mut random = Random::new(5);
        let vectors = vectors(601, &mut random);
        let labels: Vec<i64> = (0..601).map(|_| random.below(8) as i64 * 10 - 10).collect();
        for k in [1, 2, 5] {
            let got = evaluate(vectors.view(), &labels, k, &Threads::one()).unwrap();
            check(&got, &naive(&vectors, &labels, None, k));
            assert_eq!((got.n + got.unlabelled, got.database), (601, got.n));
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
    fn queries_equal_the_definitions_and_may_have_labels_that_the_database_has_not() {
        let mut random = Random::new(6);
        let (database, queries) = (vectors(400, &mut random), vectors(300, &mut random));
        let labels: Vec<i64> = (0..400).map(|_| random.below(8) as i64 - 1).collect();
        let asked: Vec<i64> = (0..300).map(|_| random.below(10) as i64 - 1).collect();
        for k in [1, 5] {
            let run = |threads: usize| {
                let threads = Threads::new(threads).unwrap();
                evaluate_queries(database.view(), &labels, queries.view(), &asked, k, &threads).unwrap()
            };
            let got = run(1);
            check(&got, &naive(&database, &labels, Some((&queries, &asked)), k));
            assert!(got.unknown > 10 && got.unlabelled > 10 && got.database < 400, "{got:?}");
            assert_eq!(got.classes, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
            assert_eq!(run(3), got);
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
        assert_eq!((alone.unknown, alone.recall_at_1, alone.recall_at_5), (2, None, None));

        let asked = |queries: ArrayView2<'_, f32>, labels: &[i64], k: usize| {
            evaluate_queries(vectors.view(), &[0, 1, -1], queries, labels, k, &one)
        };
        let query = array![[1.0_f32]];
        assert_eq!(asked(query.view(), &[1], 2).unwrap().confusion, array![[0, 0], [1, 0]]);
        assert!(matches!(asked(query.view(), &[1], 3).unwrap_err(), Error::Parameter { .. }));
        assert!(matches!(asked(query.view(), &[1, 1], 1).unwrap_err(), Error::Dimension { .. }));
        assert!(matches!(asked(query.view(), &[-1], 1).unwrap_err(), Error::TooFewRows { expected: 1, .. }));
        let wide = asked(array![[1.0, 2.0]].view(), &[1], 1).unwrap_err();
        assert!(matches!(wide, Error::Dimension { what: "queries", expected: 1, got: 2 }));
    }
}
