//! Groups of sets, encoded as one set each: every set is read once, and what was gathered of it is added to
//! all of its groups.
//!
//! A group is kept from its first set to its last. Sets that are linked by groups go together, so that where
//! groups do not overlap few are open at once. Within a group, sets are added in their own order: its vector
//! depends on nothing but its own sets, nor on the threads.

use super::chain::Pipeline;
use crate::data::{Groups, SetList};
use crate::encode::{Encode, Gathered, Pyramid};
use crate::error::{Error, Result};
use crate::mixture::Workspace;
use crate::simd::Real;
use crate::util::threads::Threads;
use ndarray::Array2;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// The largest number of sets that are gathered before they are added to their groups.
const BATCH: usize = 256;
/// The number of values of all that is gathered at once: 16 MB.
const VALUES: usize = 1 << 21;

/// What was gathered of groups, as long as some of their sets are still to come.
#[derive(Debug)]
pub struct GroupSums {
    n_sets: usize,
    /// The groups of set i, and how much it counts in each, are entries `starts[i]..starts[i + 1]`.
    starts: Vec<usize>,
    of_sets: Vec<(usize, f64)>,
    /// See [`Groups::components`].
    components: Vec<usize>,
    /// What was gathered of the groups that are open.
    open: Vec<Option<Gathered>>,
    /// The number of sets of each group that are still to come.
    left: Vec<usize>,
    /// The number of sets that have come.
    added: usize,
}

/// A group that gets further sets, each of which counts that much.
struct Job<'a> {
    sum: Option<Gathered>,
    parts: Vec<(&'a Gathered, f64)>,
}

impl GroupSums {
    /// No sets yet of those groups. Cost O(groups + sets + members).
    #[must_use]
    pub fn new(groups: &Groups) -> Self {
        let mut of_sets: Vec<Vec<(usize, f64)>> = vec![Vec::new(); groups.n_sets()];
        let mut left = vec![0; groups.n_groups()];
        for (group, left) in left.iter_mut().enumerate() {
            for (set, weight) in groups.members(group) {
                of_sets[set].push((group, weight));
                *left += 1;
            }
        }
        let mut starts = vec![0];
        starts.extend(of_sets.iter().scan(0, |end, groups| {
            *end += groups.len();
            Some(*end)
        }));
        GroupSums {
            n_sets: groups.n_sets(),
            starts,
            of_sets: of_sets.into_iter().flatten().collect(),
            components: groups.components(),
            open: vec![None; groups.n_groups()],
            left,
            added: 0,
        }
    }

    /// Adds the next sets, each of shape (n_i, D), in parallel over sets and over chunks of large ones. Calls
    /// `done` for each group that is complete with them, in any order and on any thread.
    ///
    /// # Errors
    /// Those of [`Pipeline::gather`], naming the set by its place in `sets`; those of `done`, naming the
    /// group; [`Error::Parameter`] for more sets than the groups know. No sets can be added after an error.
    pub fn add<L: SetList + ?Sized>(
        &mut self,
        pipeline: &Pipeline,
        sets: &L,
        threads: &Threads,
        workspace: &Workspace<L::Real>,
        done: &(impl Fn(usize, &Gathered) -> Result<()> + Sync),
    ) -> Result<()> {
        let (first, end) = (self.added, self.added + sets.n_sets());
        if end > self.n_sets {
            return Err(self.wrong_number(end));
        }
        for batch in self.in_order(first..end).chunks(batch_of(pipeline)) {
            let mut gathered: Vec<Option<Gathered>> = batch.iter().map(|_| None).collect();
            threads.for_each(batch.iter().zip(&mut gathered).collect(), &|_, (set, gathered)| {
                let i = set - first;
                let one = pipeline.gather(&sets.set(i), threads, workspace);
                *gathered = Some(one.map_err(|error| error.at(format!("set {i}")))?);
                Ok(())
            })?;
            let gathered: Vec<Gathered> = gathered.into_iter().flatten().collect();
            self.merge(batch, &gathered, threads, workspace, done)?;
            gathered.into_iter().for_each(|one| one.give_to(workspace));
        }
        self.added = end;
        Ok(())
    }

    /// Checks that all sets have been added.
    ///
    /// # Errors
    /// [`Error::Parameter`] with their number.
    pub fn finish(self) -> Result<()> {
        if self.added == self.n_sets { Ok(()) } else { Err(self.wrong_number(self.added)) }
    }

    fn wrong_number(&self, got: usize) -> Error {
        Error::parameter("groups", format!("those of {got} sets"), self.n_sets)
    }

    /// Those of the given sets that are in a group, so that linked ones follow each other.
    fn in_order(&self, sets: Range<usize>) -> Vec<usize> {
        let mut order: Vec<usize> = sets.filter(|set| self.starts[*set] < self.starts[set + 1]).collect();
        order.sort_by_key(|set| (self.components[*set], *set));
        order
    }

    /// Adds what was gathered of a batch of sets to their groups, in parallel over groups.
    fn merge<F: Real>(
        &mut self,
        batch: &[usize],
        gathered: &[Gathered],
        threads: &Threads,
        workspace: &Workspace<F>,
        done: &(impl Fn(usize, &Gathered) -> Result<()> + Sync),
    ) -> Result<()> {
        let mut jobs: BTreeMap<usize, Job<'_>> = BTreeMap::new();
        for (set, one) in batch.iter().zip(gathered) {
            for (group, weight) in &self.of_sets[self.starts[*set]..self.starts[set + 1]] {
                let open = &mut self.open[*group];
                let job = jobs.entry(*group).or_insert_with(|| Job { sum: open.take(), parts: Vec::new() });
                job.parts.push((one, *weight));
                self.left[*group] -= 1;
            }
        }
        let left = &self.left;
        threads.for_each(jobs.iter_mut().collect(), &|_, (group, job)| {
            job.run()?;
            match job.sum.take() {
                Some(sum) if left[*group] == 0 => {
                    done(*group, &sum).map_err(|error| error.at(format!("group {group}")))?;
                    sum.give_to(workspace);
                }
                sum => job.sum = sum,
            }
            Ok(())
        })?;
        jobs.into_iter().for_each(|(group, job)| self.open[group] = job.sum);
        Ok(())
    }
}

impl Job<'_> {
    /// Adds the parts to the sum, in their order.
    fn run(&mut self) -> Result<()> {
        for (part, weight) in self.parts.drain(..) {
            match &mut self.sum {
                Some(sum) if weight == 1.0 => sum.merge(part)?,
                sum => {
                    let mut part = part.clone();
                    if weight != 1.0 {
                        part.scale(weight)?;
                    }
                    match sum {
                        Some(sum) => sum.merge(&part)?,
                        None => *sum = Some(part),
                    }
                }
            }
        }
        Ok(())
    }
}

/// The number of sets that are gathered at once.
fn batch_of(pipeline: &Pipeline) -> usize {
    let encoder = pipeline.encoder();
    let values = encoder.statistics_mixture().map_or(encoder.input_dim(), |mixture| mixture.means().len());
    let tiles = pipeline.pyramid().map_or(1, Pyramid::tiles);
    (VALUES / (2 * values * tiles).max(1)).clamp(1, BATCH)
}

impl Pipeline {
    /// Encodes groups of sets, each of shape (n_i, D), to an array of shape (n_groups, P): the vector of all
    /// descriptors of a group's sets as one set, in the order of the sets. Each set is read once, however
    /// many groups hold it; those of no group are not read. In parallel over sets, and over chunks of large
    /// ones, on all cores.
    ///
    /// # Errors
    /// As [`encode_all`](Self::encode_all), naming the set or the group; [`Error::Parameter`] unless the
    /// groups are of as many sets.
    ///
    /// Cost: that of the encodings of the sets, and O(K D) per set and group. Memory: what is gathered of the
    /// groups that are linked by shared sets.
    pub fn encode_groups<L: SetList + ?Sized>(&self, sets: &L, groups: &Groups) -> Result<Array2<L::Real>> {
        self.encode_groups_with(sets, groups, &Threads::available()?, &Workspace::default())
    }

    /// The same on the given threads, with memory that is reused from call to call.
    ///
    /// # Errors
    /// As [`encode_groups`](Self::encode_groups).
    pub fn encode_groups_with<L: SetList + ?Sized>(
        &self,
        sets: &L,
        groups: &Groups,
        threads: &Threads,
        workspace: &Workspace<L::Real>,
    ) -> Result<Array2<L::Real>> {
        let mut sums = GroupSums::new(groups);
        if sets.n_sets() != groups.n_sets() {
            return Err(sums.wrong_number(sets.n_sets()));
        }
        let mut out = Array2::from_elem((groups.n_groups(), self.output_dim()), L::Real::ZERO);
        let values = out.as_slice_mut().expect("an array in standard layout");
        let rows: Vec<_> = values.chunks_exact_mut(self.output_dim()).map(Mutex::new).collect();
        sums.add(self, sets, threads, workspace, &|group, gathered| {
            let mut row = rows[group].lock().unwrap_or_else(PoisonError::into_inner);
            self.encode_gathered_into(gathered, &mut row, workspace).map(|_| ())
        })?;
        drop(rows);
        Ok(out)
    }
}
