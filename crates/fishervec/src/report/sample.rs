//! What a sample of vectors tells: where they are, and how well their labels are told apart.

use super::gram::{centred, gram, total_variance};
use super::map::map;
use super::numbers::{Classification, ComponentShare, Map, Mistake, Surest};
use super::plane::plane;
use super::ridge::Ridge;
use crate::error::Result;
use crate::util::threads::Threads;
use ndarray::{Array1, Array2, Axis};
use std::collections::BTreeMap;
use std::ops::Range;

/// The number of errors that are listed.
const ERRORS: usize = 8;
/// The number of components of an error that are listed.
const COMPONENTS: usize = 6;

/// Vectors of some sets, and their labels.
pub(super) struct Sample<'a> {
    sets: &'a [usize],
    vectors: Array2<f32>,
    labels: Vec<Option<usize>>,
    /// The component of each entry of a vector, the same in each cell of a pyramid; none without components.
    components: Vec<usize>,
}

/// What a sample tells.
pub(super) struct Told {
    /// The number of entries of each block, and the accuracy of each alone.
    pub(super) entries: Vec<usize>,
    pub(super) alone: Vec<Option<f64>>,
    pub(super) map: Option<Map>,
    pub(super) classification: Option<Classification>,
    pub(super) targets: Array2<f64>,
}

/// The sets that can be classified: of labels that several sets have.
struct Classes {
    /// Their rows in the sample, and the label of each, by its place among `labels`.
    rows: Vec<usize>,
    of_rows: Vec<usize>,
    labels: Vec<usize>,
}

impl Classes {
    fn of(labels: &[Option<usize>]) -> Self {
        let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
        labels.iter().flatten().for_each(|label| *counts.entry(*label).or_default() += 1);
        let several: Vec<usize> =
            counts.into_iter().filter(|(_, n)| *n > 1).map(|(label, _)| label).collect();
        let place = |(row, label): (usize, &Option<usize>)| {
            label.and_then(|label| several.binary_search(&label).ok()).map(|place| (row, place))
        };
        let (rows, of_rows) = labels.iter().enumerate().filter_map(place).unzip();
        Classes { rows, of_rows, labels: several }
    }
}

impl<'a> Sample<'a> {
    /// The vectors of `sets`, of `p` numbers each, one after another, whose entries belong to `components`.
    pub(super) fn new(
        sets: &'a [usize],
        vectors: Vec<f32>,
        p: usize,
        labels: Vec<Option<usize>>,
        components: Vec<usize>,
    ) -> Self {
        let vectors =
            Array2::from_shape_vec((sets.len(), p), vectors).unwrap_or_else(|_| Array2::zeros((0, p)));
        Sample { sets, vectors, labels, components }
    }

    /// Looks at all of them. `blocks` are the entries of each block, `names` those of labels, of which some
    /// are `listed`.
    pub(super) fn tell(
        &self,
        blocks: &[Vec<Range<usize>>],
        names: &[String],
        listed: &[usize],
        threads: &Threads,
    ) -> Result<Told> {
        let classes = Classes::of(&self.labels);
        let n = self.sets.len();
        let (mut all, mut alone) = (Array2::zeros((n, n)), Vec::new());
        for entries in blocks {
            let own = gram(self.vectors.view(), entries, threads)?;
            // One block is all there is.
            if blocks.len() > 1 {
                let found = fit(&own, &classes, threads)?;
                alone.push(found.map(|ridge| accuracy(&ridge.found(), &classes.of_rows)));
            }
            all += &own;
        }
        let entries = blocks.iter().map(|entries| entries.iter().map(Range::len).sum()).collect();
        let map = self.map(&all, &classes, listed);
        let ridge = fit(&all, &classes, threads)?;
        if blocks.len() == 1 {
            alone.push(ridge.as_ref().map(|ridge| accuracy(&ridge.found(), &classes.of_rows)));
        }
        let (classification, targets) = match &ridge {
            Some(ridge) => {
                let (surest, targets) = self.surest(ridge, &classes, names);
                let found = self.classification(ridge, &all, &classes, (names, listed));
                (Some(Classification { surest, ..found }), targets)
            }
            None => (None, Array2::zeros((0, self.vectors.ncols()))),
        };
        Ok(Told { entries, alone, map, classification, targets })
    }

    fn map(&self, gram: &Array2<f64>, classes: &Classes, listed: &[usize]) -> Option<Map> {
        let middle = centred(gram);
        let trace = total_variance(gram, &middle);
        if self.sets.len() < 3 || trace <= 0.0 {
            return None;
        }
        let mut several = vec![None; self.sets.len()];
        classes.rows.iter().zip(&classes.of_rows).for_each(|(row, class)| several[*row] = Some(*class));
        let plane = plane(&middle, trace, &several, classes.labels.len());
        Some(map(&plane, &self.labels, &|label| listed.binary_search(&label).ok()))
    }

    fn classification(
        &self,
        ridge: &Ridge,
        gram: &Array2<f64>,
        classes: &Classes,
        (names, listed): (&[String], &[usize]),
    ) -> Classification {
        let found = ridge.found();
        let (n, c) = (classes.rows.len(), classes.labels.len());
        let mut counts = vec![0_usize; c];
        classes.of_rows.iter().for_each(|class| counts[*class] += 1);
        let place = |class: usize| listed.binary_search(&classes.labels[class]).unwrap_or(listed.len());
        let is_whole = classes.labels.iter().all(|label| listed.binary_search(label).is_ok());
        let width = listed.len() + usize::from(!is_whole);
        let mut confusion = vec![vec![0; width]; width];
        let mut mistakes: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        for (truth, found) in classes.of_rows.iter().zip(&found) {
            confusion[place(*truth)][place(*found)] += 1;
            if truth != found {
                *mistakes.entry((*truth, *found)).or_default() += 1;
            }
        }
        let name = |class: usize| names[classes.labels[class]].clone();
        let mut frequent: Vec<_> = mistakes.into_iter().collect();
        frequent.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        let errors = frequent.iter().map(|(_, n)| n).sum();
        frequent.truncate(ERRORS);
        let mistake = |((truth, found), sets)| Mistake { label: name(truth), taken_for: name(found), sets };
        let (nearest, largest_cosine) = neighbours(gram, classes);
        Classification {
            sets: n,
            labels: c,
            alone: self.labels.iter().flatten().count() - n,
            accuracy: accuracy(&found, &classes.of_rows),
            chance: counts.iter().copied().max().unwrap_or(0) as f64 / n.max(1) as f64,
            nearest,
            penalty: ridge.penalty,
            largest_cosine,
            confusion,
            errors,
            frequent: frequent.into_iter().map(mistake).collect(),
            surest: Vec::new(),
        }
    }

    /// The errors with the largest margins, and the coefficients of each.
    fn surest(&self, ridge: &Ridge, classes: &Classes, names: &[String]) -> (Vec<Surest>, Array2<f64>) {
        let found = ridge.found();
        let margin = |i: usize| ridge.scores[[i, found[i]]] - ridge.scores[[i, classes.of_rows[i]]];
        let mut errors: Vec<(f64, usize)> =
            (0..found.len()).filter(|i| found[*i] != classes.of_rows[*i]).map(|i| (margin(i), i)).collect();
        errors.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        errors.truncate(ERRORS);
        let mut targets = Array2::zeros((errors.len(), self.vectors.ncols()));
        let name = |class: usize| names[classes.labels[class]].clone();
        let surest = errors.iter().zip(targets.outer_iter_mut()).map(|((margin, i), mut target)| {
            let coefficients = ridge.without(*i, found[*i], classes.of_rows[*i]);
            target.assign(&self.combined(&classes.rows, &coefficients));
            let terms = target.iter().zip(self.vectors.row(classes.rows[*i])).map(|(t, f)| t * f64::from(*f));
            let terms: Vec<f64> = terms.collect();
            Surest {
                set: self.sets[classes.rows[*i]],
                label: name(classes.of_rows[*i]),
                taken_for: name(found[*i]),
                margin: *margin,
                bias: margin - terms.iter().sum::<f64>(),
                components: self.by_component(&terms),
            }
        });
        (surest.collect(), targets)
    }

    /// The components with the largest sums of such terms, one per entry of a vector.
    fn by_component(&self, terms: &[f64]) -> Vec<ComponentShare> {
        let n = self.components.iter().max().map_or(0, |last| last + 1);
        let mut sums: Vec<_> = (0..n).map(|component| ComponentShare { component, share: 0.0 }).collect();
        terms.iter().zip(self.components.iter().cycle()).for_each(|(term, k)| sums[*k].share += term);
        sums.sort_by(|a, b| b.share.abs().total_cmp(&a.share.abs()));
        sums.truncate(COMPONENTS);
        sums
    }

    /// sum_j coefficient_j x_j, shape (P,).
    fn combined(&self, rows: &[usize], coefficients: &Array1<f64>) -> Array1<f64> {
        let mut sum = Array1::zeros(self.vectors.ncols());
        for (row, coefficient) in rows.iter().zip(coefficients) {
            sum.zip_mut_with(&self.vectors.row(*row), |sum, x| *sum += coefficient * f64::from(*x));
        }
        sum
    }
}

/// The regression onto the labels of those sets that can be classified; `None` without two labels.
fn fit(gram: &Array2<f64>, classes: &Classes, threads: &Threads) -> Result<Option<Ridge>> {
    if classes.labels.len() < 2 {
        return Ok(None);
    }
    let own = match classes.rows.len() == gram.nrows() {
        true => gram.clone(),
        false => gram.select(Axis(0), &classes.rows).select(Axis(1), &classes.rows),
    };
    let middle = centred(&own);
    Ridge::fit(&middle, total_variance(&own, &middle), &classes.of_rows, classes.labels.len(), threads)
}

fn accuracy(found: &[usize], labels: &[usize]) -> f64 {
    let hits = found.iter().zip(labels).filter(|(found, label)| found == label).count();
    hits as f64 / labels.len().max(1) as f64
}

/// The share of sets whose nearest neighbour by cosine has their label, the first on a tie, and the largest
/// cosine of two sets that is below 1 by more than rounding.
fn neighbours(gram: &Array2<f64>, classes: &Classes) -> (f64, Option<f64>) {
    const SAME: f64 = 1.0 - 1e-6;
    let scale: Vec<f64> = gram.diag().iter().map(|x| if *x > 0.0 { 1.0 / x.sqrt() } else { 0.0 }).collect();
    let (mut hits, mut largest) = (0, None);
    for (i, row) in classes.rows.iter().enumerate() {
        let others = classes.rows.iter().enumerate().filter(|(j, _)| *j != i);
        let cosines = others.map(|(j, other)| (gram[[*row, *other]] * scale[*row] * scale[*other], j));
        let mut best = (f64::NEG_INFINITY, i);
        for (cosine, j) in cosines {
            if cosine > best.0 {
                best = (cosine, j);
            }
            if cosine < SAME && largest.is_none_or(|largest| cosine > largest) {
                largest = Some(cosine);
            }
        }
        hits += usize::from(classes.of_rows[best.1] == classes.of_rows[i]);
    }
    (hits as f64 / classes.rows.len().max(1) as f64, largest)
}
