//! What encodings need of a set, in a form that adds up: sets, or parts of one, that are encoded as one.

use super::tiles::Tiles;
use crate::data::Moments;
use crate::error::{Error, Result};
use crate::mixture::{Statistics, Workspace};
use crate::simd::Real;
use crate::util::check::is_factor;

/// What a [`Pipeline`](crate::Pipeline) needs of a set to encode it, and the number of its descriptors. Those
/// of sets add up ([`merge`](Self::merge)) to that of all their descriptors as one set: a patient of several
/// slides, a segment of an image made of superpixels.
///
/// It is the [`Statistics`] of the set, or those of each part of a pyramid, or the mean and variance of the
/// descriptors for pooling. Its size does not depend on that of the set.
#[derive(Debug, Clone, PartialEq)]
pub struct Gathered {
    n_rows: usize,
    content: Content,
}

/// See [`Gathered`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Statistics(Statistics),
    Tiles(Tiles),
    Moments(Moments),
}

impl Gathered {
    pub(crate) fn new(n_rows: usize, content: impl Into<Content>) -> Self {
        Gathered { n_rows, content: content.into() }
    }

    /// The number of descriptors.
    #[must_use]
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The statistics; `None` under a pyramid, and for pooling, which has none.
    #[must_use]
    pub fn statistics(&self) -> Option<&Statistics> {
        self.content.statistics()
    }

    pub(crate) fn content(&self) -> &Content {
        &self.content
    }

    /// Adds what was gathered of another set. Both must come from pipelines with the same steps.
    ///
    /// # Errors
    /// [`Error::MixtureMismatch`] or [`Error::Parameter`] for what another encoder or another pyramid
    /// gathered; nothing is changed. Cost O(K D) per part of a pyramid that the other set visits.
    pub fn merge(&mut self, other: &Gathered) -> Result<()> {
        match (&mut self.content, &other.content) {
            (Content::Statistics(all), Content::Statistics(other)) => all.merge(other)?,
            (Content::Tiles(all), Content::Tiles(other)) => all.merge(other)?,
            (Content::Moments(all), Content::Moments(other)) if all.dim() == other.dim() => all.merge(other),
            _ => return Err(foreign()),
        }
        self.n_rows += other.n_rows;
        Ok(())
    }

    /// Multiplies the weight of each descriptor by `factor`: how much a set counts in a group. The number of
    /// descriptors stays.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless `factor` is finite and at least 0.
    pub fn scale(&mut self, factor: f64) -> Result<()> {
        is_factor(factor)?;
        match &mut self.content {
            Content::Statistics(statistics) => statistics.scale(factor)?,
            Content::Tiles(tiles) => tiles.scale(factor)?,
            Content::Moments(moments) => moments.scale(factor),
        }
        Ok(())
    }

    /// Returns its memory to the workspace that it was gathered with, for the next set.
    pub fn give_to<F: Real>(self, workspace: &Workspace<F>) {
        match self.content {
            Content::Statistics(statistics) => workspace.give(statistics),
            Content::Tiles(tiles) => tiles.give_to(workspace),
            Content::Moments(_) => {}
        }
    }
}

impl Content {
    pub(crate) fn statistics(&self) -> Option<&Statistics> {
        match self {
            Content::Statistics(statistics) => Some(statistics),
            Content::Tiles(_) | Content::Moments(_) => None,
        }
    }
}

/// The error about what another encoder gathered.
pub(crate) fn foreign() -> Error {
    Error::parameter("gathered", "what this encoder gathers of a set", "that of another encoder")
}

impl From<Statistics> for Content {
    fn from(statistics: Statistics) -> Self {
        Content::Statistics(statistics)
    }
}

impl From<Tiles> for Content {
    fn from(tiles: Tiles) -> Self {
        Content::Tiles(tiles)
    }
}

impl From<Moments> for Content {
    fn from(moments: Moments) -> Self {
        Content::Moments(moments)
    }
}
