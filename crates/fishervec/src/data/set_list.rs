//! Lists of sets.

use super::descriptors::{Descriptors, Sets};
use super::source::Source;
use crate::simd::{Element, Real};

/// A list of sets: a slice or vector of sources, or a ragged batch.
pub trait SetList: Sync {
    /// The float type of the sets.
    type Real: Real;
    /// One of the sets.
    type Set<'a>: Source<Real = Self::Real>
    where
        Self: 'a;
    /// The number of sets.
    fn n_sets(&self) -> usize;
    /// Set `i`.
    ///
    /// # Panics
    /// If `i >= n_sets()`, as indexing a slice does.
    fn set(&self, i: usize) -> Self::Set<'_>;
}

impl<S: Source> SetList for [S] {
    type Real = S::Real;
    type Set<'a>
        = &'a S
    where
        S: 'a;

    fn n_sets(&self) -> usize {
        self.len()
    }

    fn set(&self, i: usize) -> &S {
        &self[i]
    }
}

impl<S: Source, const N: usize> SetList for [S; N] {
    type Real = S::Real;
    type Set<'a>
        = &'a S
    where
        S: 'a;

    fn n_sets(&self) -> usize {
        N
    }

    fn set(&self, i: usize) -> &S {
        &self[i]
    }
}

impl<S: Source> SetList for Vec<S> {
    type Real = S::Real;
    type Set<'a>
        = &'a S
    where
        S: 'a;

    fn n_sets(&self) -> usize {
        self.len()
    }

    fn set(&self, i: usize) -> &S {
        &self[i]
    }
}

impl<'b, T: Element> SetList for Sets<'b, T> {
    type Real = T::Real;
    type Set<'a>
        = Descriptors<'b, T>
    where
        Self: 'a;

    fn n_sets(&self) -> usize {
        Sets::n_sets(self)
    }

    fn set(&self, i: usize) -> Descriptors<'b, T> {
        self.get(i)
    }
}
