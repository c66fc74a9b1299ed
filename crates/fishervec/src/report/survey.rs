//! A pass over sets that keeps what adds up.

use super::look::{Look, of_cells};
use super::numbers::{LabelFacts, Report, SampleFacts};
use super::reservoir::Reservoir;
use super::sample::Sample;
use super::sums::Sums;
use crate::data::{SetList, Source};
use crate::encode::{Encode, VectorBlock};
use crate::error::{Error, Result};
use crate::mixture::Workspace;
use crate::pipeline::Pipeline;
use crate::util::threads::Threads;
use ndarray::Array2;

/// The number of sets that are looked at together.
const TOGETHER: usize = 256;
/// The most numbers that their vectors have: 64 MB.
const NUMBERS: usize = 1 << 24;

/// The labels of sets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels {
    names: Vec<String>,
    of_sets: Vec<Option<usize>>,
}

impl Labels {
    /// Names, and for each set the place of its label among them; `None` for a set without.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a place beyond the names.
    pub fn new(names: Vec<String>, of_sets: Vec<Option<usize>>) -> Result<Self> {
        match of_sets.iter().flatten().find(|label| **label >= names.len()) {
            Some(label) => Err(Error::parameter("labels", format!("places below {}", names.len()), label)),
            None => Ok(Labels { names, of_sets }),
        }
    }

    fn of(&self, set: usize) -> Option<usize> {
        self.of_sets.get(set).copied().flatten()
    }

    /// The number of sets with each.
    fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.names.len()];
        self.of_sets.iter().flatten().for_each(|label| counts[*label] += 1);
        counts
    }

    /// The most frequent ones, ascending; on a tie, the first.
    fn listed(&self) -> Vec<usize> {
        let counts = self.counts();
        let mut order: Vec<usize> = (0..counts.len()).filter(|label| counts[*label] > 0).collect();
        order.sort_by_key(|label| std::cmp::Reverse(counts[*label]));
        order.truncate(Report::LABELS);
        order.sort_unstable();
        order
    }
}

/// What a survey found.
#[derive(Debug, Clone)]
pub struct Findings {
    /// The numbers.
    pub report: Report,
    /// For each of the surest errors, the score of what it was taken for minus that of its label, as
    /// coefficients of its vector, shape (errors, P): see [`Pipeline::contributions`].
    pub targets: Array2<f64>,
}

/// A pass over sets, in their order: what adds up over all of them, and a sample of their vectors.
///
/// Memory: 256 MB at most for the sample, O(K) and O(P) for what adds up, and 56 bytes per set, of which
/// quartiles are taken. The same numbers for any number of threads.
///
/// ```
/// use fishervec::ndarray::Array2;
/// use fishervec::report::{Labels, Survey};
/// use fishervec::run::{Threads, Workspace};
/// use fishervec::{GaussianMixture, Pipeline};
///
/// let set = |i: usize| Array2::from_shape_fn((30, 2), |(n, j)| ((i + n * (j + 3)) % (11 + i % 2)) as f64);
/// let sets: Vec<_> = (0..40).map(set).collect();
/// let pipeline = Pipeline::builder().fisher(GaussianMixture::builder(4)).fit(&sets[0])?;
/// let labels = Labels::new(vec!["even".into(), "odd".into()], (0..40).map(|i| Some(i % 2)).collect())?;
/// let mut survey = Survey::new(&pipeline, labels, 0);
/// survey.add_all(&sets, &Threads::one(), &Workspace::default())?;
/// let report = survey.finish(&Threads::one())?.report;
/// assert_eq!((report.sets, report.descriptors), (40, 1200));
/// assert!(report.classification.is_some_and(|found| found.accuracy > 0.9));
/// # Ok::<(), fishervec::Error>(())
/// ```
#[derive(Debug)]
pub struct Survey {
    pipeline: Pipeline,
    labels: Labels,
    seed: u64,
    blocks: Vec<VectorBlock>,
    /// The listed labels, ascending.
    listed: Vec<usize>,
    workspace: Workspace<f32>,
    sums: Sums,
    reservoir: Reservoir,
}

impl Survey {
    /// A survey of sets with these labels; the sample is drawn with `seed`.
    #[must_use]
    pub fn new(pipeline: &Pipeline, labels: Labels, seed: u64) -> Self {
        let k = pipeline.encoder().mixture().map_or(0, crate::GaussianMixture::n_components);
        let blocks = pipeline.encoder().blocks();
        let listed = labels.listed();
        let sums = Sums::new(blocks.len(), listed.len(), k);
        let reservoir = Reservoir::new(Report::SAMPLE, pipeline.output_dim(), seed);
        let pipeline = pipeline.clone();
        Survey { pipeline, labels, seed, blocks, listed, workspace: Workspace::default(), sums, reservoir }
    }

    /// The number of sets to [`look`](Self::look) at before they are [added](Self::add), so that memory
    /// stays bounded.
    #[must_use]
    pub fn together(&self) -> usize {
        (NUMBERS / self.pipeline.output_dim().max(1)).clamp(1, TOGETHER)
    }

    /// Looks at a set of shape (n, D). Several threads may look at sets at once.
    ///
    /// # Errors
    /// As [`Pipeline::encode_into`]. Cost: that of an encoding, and of assigning each descriptor to its
    /// component.
    pub fn look<S: Source>(
        &self,
        source: &S,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<Look> {
        Look::at(&self.pipeline, &self.blocks, source, threads, (workspace, &self.workspace))
    }

    /// Looks at all sets of a list and adds them.
    ///
    /// # Errors
    /// As [`look`](Self::look), and the error names the first set that failed: `set 3: ...`.
    pub fn add_all<L: SetList + ?Sized>(
        &mut self,
        sets: &L,
        threads: &Threads,
        workspace: &Workspace<L::Real>,
    ) -> Result<()> {
        let together = self.together();
        for first in (0..sets.n_sets()).step_by(together) {
            let mut looks: Vec<_> = (first..sets.n_sets().min(first + together)).map(|_| None).collect();
            threads.for_each(looks.iter_mut().collect(), &|i, look| {
                let set = first + i;
                let found = self.look(&sets.set(set), threads, workspace);
                *look = Some(found.map_err(|error| error.at(format!("set {set}")))?);
                Ok(())
            })?;
            looks.into_iter().flatten().for_each(|look| self.add(look));
        }
        Ok(())
    }

    /// Adds the next set. Cost O(P + K).
    pub fn add(&mut self, look: Look) {
        let set = self.sums.sets;
        let label = self.labels.of(set);
        let row = label.and_then(|label| self.listed.binary_search(&label).ok());
        let is_empty = self.sums.add(&look, label.is_some(), row);
        if !is_empty && (label.is_some() || self.listed.is_empty()) {
            self.reservoir.pass(set, look.vector);
        }
    }

    /// Counts the next set as one that could not be looked at.
    pub fn skip(&mut self) {
        self.sums.skip();
    }

    /// The report. Cost O(n^2 P + n^3) for a sample of n sets.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub fn finish(self, threads: &Threads) -> Result<Findings> {
        let Survey { pipeline, labels, seed, blocks, listed, sums, reservoir, .. } = self;
        let of = reservoir.passed;
        let (sets, vectors) = reservoir.finish();
        let p = pipeline.output_dim();
        let of_blocks: Vec<_> =
            blocks.iter().map(|block| of_cells(&block.entries, p, pipeline.encoder().output_dim())).collect();
        let of_sample = sets.iter().map(|set| labels.of(*set)).collect();
        let sample = Sample::new(&sets, vectors, p, of_sample, components(&pipeline, &blocks));
        let told = sample.tell(&of_blocks, &labels.names, &listed, threads)?;
        let sample = SampleFacts { sets: sets.len(), of, seed };
        let counts = labels.counts();
        let facts = |label: &usize| LabelFacts { name: labels.names[*label].clone(), sets: counts[*label] };
        let of_labels = (counts.iter().filter(|n| **n > 0).count(), listed.iter().map(facts).collect());
        let (report, targets) = sums.report(&pipeline, &blocks, of_labels, told, sample);
        Ok(Findings { report, targets })
    }
}

/// The component of each entry of a vector of the encoder; none for an encoder without components.
fn components(pipeline: &Pipeline, blocks: &[VectorBlock]) -> Vec<usize> {
    let Some(mixture) = pipeline.encoder().mixture() else { return Vec::new() };
    let mut components = vec![0; pipeline.encoder().output_dim()];
    let places = blocks.iter().flat_map(|block| block.places(mixture.n_components()));
    places.for_each(|(entry, component, _)| components[entry] = component);
    components
}
