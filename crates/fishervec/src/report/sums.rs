//! What adds up over sets, and a few numbers of each.

use super::look::Look;
use super::numbers::{BlockFacts, ComponentFacts, Example, LabelFacts, Outlier, Report, SampleFacts, Twin};
use super::sample::Told;
use super::spread::Spread;
use crate::encode::{Codebook, Encode, VectorBlock};
use crate::pipeline::Pipeline;
use ndarray::{Array2, Axis};
use xxhash_rust::xxh3::xxh3_64;

/// The number of examples of each component that are listed.
const EXAMPLES: usize = 4;
/// The number of outliers and of twins that are listed.
const LISTED: usize = 8;

/// What adds up, and a few numbers of each set.
#[derive(Debug, Default)]
pub(super) struct Sums {
    pub(super) sets: usize,
    skipped: usize,
    descriptors: usize,
    empty: usize,
    zero: usize,
    labelled: usize,
    /// The number of sets whose vectors are not zero.
    measured: usize,
    parts: Vec<f64>,
    /// The number of sets with shares, and the sums of these.
    shared: usize,
    shares: Vec<f64>,
    /// The same by listed label.
    shared_by: Vec<usize>,
    shares_by: Array2<f64>,
    nearest: Vec<Vec<Example>>,
    sizes: Vec<f64>,
    lengths: Vec<f64>,
    log_likelihoods: Vec<f64>,
    softness: Vec<f64>,
    largest: Vec<f64>,
    hashes: Vec<(u64, usize)>,
}

impl Sums {
    /// Nothing, for vectors of that many blocks, that many listed labels and components.
    pub(super) fn new(blocks: usize, listed: usize, k: usize) -> Self {
        Sums {
            parts: vec![0.0; blocks],
            shares: vec![0.0; k],
            shared_by: vec![0; listed],
            shares_by: Array2::zeros((listed, k)),
            nearest: vec![Vec::new(); k],
            ..Sums::default()
        }
    }

    /// Adds the next set, which may have a label, in this row of the listed ones; whether it is empty.
    pub(super) fn add(&mut self, look: &Look, labelled: bool, row: Option<usize>) -> bool {
        let (set, overview) = (self.sets, &look.overview);
        let is_empty = look.encoded.n_rows == 0 || (overview.shares.is_empty() && !self.shares.is_empty());
        self.sets += 1;
        self.descriptors += look.encoded.n_rows;
        self.empty += usize::from(is_empty);
        self.labelled += usize::from(labelled);
        self.sizes.push(look.encoded.n_rows as f64);
        self.log_likelihoods.push(look.encoded.mean_log_likelihood.unwrap_or(f64::NAN));
        self.softness.push(overview.softness.unwrap_or(f64::NAN));
        self.largest.push(overview.shares.iter().copied().reduce(f64::max).unwrap_or(f64::NAN));
        self.lengths.push(if is_empty { f64::NAN } else { overview.length });
        self.add_shares(look, row);
        self.add_nearest(look, set);
        let total: f64 = look.parts.iter().sum();
        if total > 0.0 {
            self.measured += 1;
            self.parts.iter_mut().zip(&look.parts).for_each(|(sum, part)| *sum += part / total);
            let bytes: Vec<u8> = look.vector.iter().flat_map(|x| x.to_le_bytes()).collect();
            self.hashes.push((xxh3_64(&bytes), set));
        } else {
            self.zero += usize::from(!is_empty);
        }
        is_empty
    }

    /// Counts a set that could not be looked at.
    pub(super) fn skip(&mut self) {
        self.sets += 1;
        self.skipped += 1;
        let of_each = [&mut self.log_likelihoods, &mut self.softness, &mut self.largest, &mut self.lengths];
        of_each.into_iter().chain([&mut self.sizes]).for_each(|values| values.push(f64::NAN));
    }

    fn add_shares(&mut self, look: &Look, listed: Option<usize>) {
        if look.overview.shares.is_empty() {
            return;
        }
        self.shared += 1;
        self.shares.iter_mut().zip(&look.overview.shares).for_each(|(sum, share)| *sum += share);
        if let Some(row) = listed {
            self.shared_by[row] += 1;
            self.shares_by
                .row_mut(row)
                .iter_mut()
                .zip(&look.overview.shares)
                .for_each(|(sum, share)| *sum += share);
        }
    }

    fn add_nearest(&mut self, look: &Look, set: usize) {
        for near in &look.nearest {
            let best = &mut self.nearest[near.component];
            let at = best.partition_point(|example| example.distance <= near.distance);
            // The same descriptor again, of a set that is there twice, shows nothing new.
            let is_known = at > 0 && best[at - 1].distance == near.distance;
            if at < EXAMPLES && !is_known {
                best.insert(at, Example { set, row: near.row, distance: near.distance });
                best.truncate(EXAMPLES);
            }
        }
    }

    /// The report of all that was added, and of what the sample tells.
    pub(super) fn report(
        mut self,
        pipeline: &Pipeline,
        blocks: &[VectorBlock],
        (n_labels, labels): (usize, Vec<LabelFacts>),
        told: Told,
        sample: SampleFacts,
    ) -> (Report, Array2<f64>) {
        let (repeated, twins) = self.twins();
        let [sizes, lengths] = [&self.sizes, &self.lengths].map(|values| Spread::of(values, None));
        let log_likelihoods = Spread::of(&self.log_likelihoods, None);
        let [softness, largest_shares] =
            [&self.softness, &self.largest].map(|values| Spread::of(values, Some((0.0, 1.0))));
        let mut outliers = outliers("length", &self.lengths, lengths.as_ref());
        outliers.extend(self::outliers("log_likelihood", &self.log_likelihoods, log_likelihoods.as_ref()));
        outliers.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut far: Vec<usize> = outliers.iter().map(|(_, outlier)| outlier.set).collect();
        far.sort_unstable();
        far.dedup();
        let shown = components(pipeline, &self.shares);
        let report = Report {
            sets: self.sets,
            skipped: self.skipped,
            descriptors: self.descriptors,
            empty: self.empty,
            zero: self.zero,
            labelled: self.labelled,
            n_labels,
            labels,
            repeated,
            twins,
            sizes,
            lengths,
            log_likelihoods,
            softness,
            largest_shares,
            n_outliers: far.len(),
            outliers: outliers.into_iter().map(|(_, outlier)| outlier).take(LISTED).collect(),
            blocks: self.blocks(blocks, &told),
            n_components: self.shares.len(),
            component_by_label: self.by_label(&shown),
            components: self.components(pipeline, &shown),
            sample,
            map: told.map,
            classification: told.classification,
        };
        (report, told.targets)
    }

    /// How many sets have the vector of an earlier one, and the first of them.
    fn twins(&mut self) -> (usize, Vec<Twin>) {
        self.hashes.sort_unstable();
        let mut twins: Vec<Twin> = Vec::new();
        let mut last: Option<(u64, usize)> = None;
        for (hash, set) in &self.hashes {
            match last {
                Some((same, first)) if same == *hash => twins.push(Twin { set: *set, first }),
                _ => last = Some((*hash, *set)),
            }
        }
        twins.sort_unstable_by_key(|twin| twin.set);
        let n = twins.len();
        twins.truncate(LISTED);
        (n, twins)
    }

    fn blocks(&self, blocks: &[VectorBlock], told: &Told) -> Vec<BlockFacts> {
        let of = |(i, block): (usize, &VectorBlock)| BlockFacts {
            name: block.name,
            entries: told.entries[i],
            part: self.parts[i] / self.measured.max(1) as f64,
            accuracy: told.alone.get(i).copied().flatten(),
        };
        blocks.iter().enumerate().map(of).collect()
    }

    fn by_label(&self, shown: &[usize]) -> Vec<Vec<f32>> {
        let rows = self.shares_by.axis_iter(Axis(0)).zip(&self.shared_by);
        let row = |(sums, n): (ndarray::ArrayView1<'_, f64>, &usize)| {
            shown.iter().map(|k| (sums[*k] / (*n).max(1) as f64) as f32).collect()
        };
        if shown.is_empty() { Vec::new() } else { rows.map(row).collect() }
    }

    fn components(self, pipeline: &Pipeline, shown: &[usize]) -> Vec<ComponentFacts> {
        let weights = weights(pipeline);
        let (n, shares, mut nearest) = (self.shared.max(1) as f64, self.shares, self.nearest);
        let of = |k: &usize| ComponentFacts {
            component: *k,
            weight: weights.as_ref().map(|weights| weights[*k]),
            share: shares[*k] / n,
            nearest: std::mem::take(&mut nearest[*k]),
        };
        shown.iter().map(of).collect()
    }
}

/// The weights of the model's components; centres have none.
fn weights(pipeline: &Pipeline) -> Option<Vec<f64>> {
    let encoder = pipeline.encoder();
    let is_hard = encoder.codebook().is_some_and(Codebook::is_hard);
    encoder.mixture().filter(|_| !is_hard).map(|mixture| mixture.weights().to_vec())
}

/// The components that are listed, ascending: those with the largest weights, or shares.
fn components(pipeline: &Pipeline, shares: &[f64]) -> Vec<usize> {
    let by = weights(pipeline).unwrap_or_else(|| shares.to_vec());
    let mut order: Vec<usize> = (0..by.len()).collect();
    order.sort_by(|a, b| by[*b].total_cmp(&by[*a]));
    order.truncate(Report::COMPONENTS);
    order.sort_unstable();
    order
}

/// The sets beyond the fences of a spread, each with how far beyond, in distances of the quartiles.
fn outliers(what: &'static str, values: &[f64], spread: Option<&Spread>) -> Vec<(f64, Outlier)> {
    let Some((spread, (low, high))) = spread.and_then(|spread| Some((spread, spread.fences()?))) else {
        return Vec::new();
    };
    let (unit, median) = (spread.upper - spread.lower, spread.median);
    let far = values.iter().enumerate().filter(|(_, x)| **x < low || **x > high);
    far.map(|(set, x)| ((x - median).abs() / unit, Outlier { set, what, value: *x, median })).collect()
}
