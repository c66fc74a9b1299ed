//! The second pass of a fit: an empirical information, from the gradients of whole training sets.

use super::chain::Pipeline;
use crate::data::{Moments, SetList, Source, is_nothing, sample_rows};
use crate::encode::{Content, Encode};
use crate::error::{Error, Result};
use crate::mixture::{Statistics, Workspace};
use crate::shards::{Header, Partial, Pass, Plan};
use crate::util::context::Context;
use crate::util::threads::Threads;
use std::ops::Range;

/// A fit of an empirical information to training sets that come one after the other: the mean and variance
/// of each coordinate of their gradients.
///
/// Sets are summed in chunks of 16, whose sums are merged in the tree of [`Plan::information`], so that
/// several threads or machines come to the same bits.
#[derive(Debug, Clone)]
pub struct InformationFit {
    /// The number of sets that have come.
    sets: usize,
    open: Moments,
    done: Partial<Moments>,
}

impl InformationFit {
    fn new(len: usize, n_sets: usize) -> Self {
        let header = Header::new::<f64>(Pass::Information, Plan::information(n_sets), 0, None);
        InformationFit { sets: 0, open: Moments::new(len), done: Partial::empty(header) }
    }

    /// The number of training sets so far; empty ones do not count, and each cell of a pyramid does.
    #[must_use]
    pub fn n_sets(&self) -> usize {
        self.done.nodes().map(|(_, moments)| moments.n()).sum::<f64>() as usize + self.open.n() as usize
    }

    /// Passes over the next set, which cannot be used.
    ///
    /// # Errors
    /// [`Error::Shards`] for more sets than were announced.
    pub fn skip(&mut self) -> Result<()> {
        let plan = self.done.header().plan;
        if self.sets >= plan.n_items() {
            return Err(Error::shards(format!("expected {} training sets, got more", plan.n_items())));
        }
        self.sets += 1;
        let chunk = plan.first_at(self.sets) - 1;
        if plan.items(chunk..chunk + 1).end == self.sets {
            self.close(chunk)?;
        }
        Ok(())
    }

    fn close(&mut self, chunk: usize) -> Result<()> {
        let next = Moments::new(self.open.dim());
        self.done.insert(chunk..chunk + 1, std::mem::replace(&mut self.open, next))
    }

    fn finish(mut self) -> Result<Moments> {
        let len = self.open.dim();
        for chunk in self.done.missing().into_iter().flatten() {
            self.close(chunk)?;
        }
        Ok(self.done.finish()?.unwrap_or_else(|| Moments::new(len)))
    }
}

impl Pipeline {
    /// Starts the second pass of a fit, over `n_sets` whole training sets, that an empirical information
    /// needs; `None` where the encoder needs none.
    #[must_use]
    pub fn information_fit(&self, n_sets: usize) -> Option<InformationFit> {
        let empirical = self.encoder().information().is_empirical();
        empirical.then(|| InformationFit::new(self.encoder().output_dim(), n_sets))
    }

    /// Adds the next training set of shape (n, D), or each of its cells, to that pass; an empty one does not
    /// count. After an error the set can be [skipped](InformationFit::skip).
    ///
    /// # Errors
    /// As [`encode_into`](Self::encode_into); [`Error::Shards`] for more sets than were announced. Cost: that
    /// of an encoding.
    pub fn add_information<S: Source>(
        &self,
        fit: &mut InformationFit,
        source: &S,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<()> {
        self.add_gradients(&mut fit.open, source, threads, workspace)?;
        fit.skip()
    }

    /// Adds the next training set by its statistics.
    ///
    /// # Errors
    /// As [`Encode::encode_statistics`]; [`Error::Shards`] for more sets than were announced. Cost O(P).
    pub fn add_statistics(&self, fit: &mut InformationFit, statistics: &Statistics) -> Result<()> {
        self.encoder().add_information(&mut fit.open, statistics)?;
        fit.skip()
    }

    /// Adds the gradient of a set, or of each of its cells, to their moments.
    fn add_gradients<S: Source>(
        &self,
        moments: &mut Moments,
        source: &S,
        threads: &Threads,
        workspace: &Workspace<S::Real>,
    ) -> Result<()> {
        if is_nothing(source) {
            return Ok(());
        }
        let gathered = self.gather(source, threads, workspace)?;
        let mut add = |statistics: &Statistics| self.encoder().add_information(moments, statistics);
        match (gathered.content(), self.cells()) {
            (Content::Tiles(tiles), Some((_, mixture))) => {
                workspace.give(tiles.for_each_cell(mixture, workspace, &mut add)?);
            }
            (content, _) => content.statistics().map_or(Ok(()), add)?,
        }
        gathered.give_to(workspace);
        Ok(())
    }

    /// The same pipeline with the empirical information that was fitted.
    ///
    /// # Errors
    /// As [`Encode::with_information`].
    pub fn with_information(self, fit: InformationFit) -> Result<Self> {
        self.with_information_of(&fit.finish()?)
    }

    /// The same pipeline with the empirical information of gradients with these moments: those of all parts
    /// of a pass over training sets ([`information_part`](Self::information_part)).
    ///
    /// # Errors
    /// As [`Encode::with_information`].
    pub fn with_information_of(self, gradients: &Moments) -> Result<Self> {
        let encoder = self.encoder().clone().with_information(gradients)?;
        Ok(self.with_encoder(encoder))
    }

    /// The part of the pass over the training sets `picked` that some chunks of [`Plan::information`] make
    /// up: the moments of their gradients. In parallel over chunks, and over chunks of large sets.
    ///
    /// # Errors
    /// As [`encode_into`](Self::encode_into), naming the set that failed; [`Error::Parameter`] for an encoder
    /// whose information is not empirical, and for chunks beyond the plan.
    pub fn information_part<L: SetList + ?Sized>(
        &self,
        sets: &L,
        picked: &[usize],
        chunks: Range<usize>,
        threads: &Threads,
    ) -> Result<Partial<Moments>> {
        let information = self.encoder().information();
        if !information.is_empirical() {
            return Err(Error::parameter("information", "empirical or empirical-centred", information));
        }
        let (plan, workspace) = (Plan::information(picked.len()), Workspace::default());
        let leaf = |chunk: usize| {
            let mut moments = Moments::new(self.encoder().output_dim());
            for i in &picked[plan.items(chunk..chunk + 1)] {
                let added = self.add_gradients(&mut moments, &sets.set(*i), threads, &workspace);
                added.map_err(|error| error.at(format!("set {i}")))?;
            }
            Ok(moments)
        };
        let header = Header::new::<L::Real>(Pass::Information, plan, 0, None);
        Partial::of(header, &chunks, threads, &leaf, &Moments::joined)
    }

    /// Learns the empirical information from up to `count` of the sets, drawn uniformly, and returns how many
    /// of them had descriptors; under a pyramid, how many cells had.
    ///
    /// # Errors
    /// As [`information_part`](Self::information_part) and [`with_information`](Self::with_information).
    pub fn learn_information<L: SetList + ?Sized>(
        self,
        sets: &L,
        count: usize,
        seed: u64,
        context: &mut Context<'_>,
    ) -> Result<(Self, usize)> {
        let picked = sample_rows(sets.n_sets(), count, seed);
        let all = 0..Plan::information(picked.len()).n_chunks();
        let gradients = self.information_part(sets, &picked, all, &context.pool()?)?.finish()?;
        let gradients = gradients.unwrap_or_else(|| Moments::new(self.encoder().output_dim()));
        Ok((self.with_information_of(&gradients)?, gradients.n() as usize))
    }
}
