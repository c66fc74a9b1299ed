//! The selected pairs of a block, as a list.

use super::screen::Screen;
use crate::simd::LANES;
use std::ops::Range;

/// Pairs that the loops process together: they stay in the first-level cache, and so many are summed in `F`
/// before they are added in `f64`, which bounds the rounding error of a sum.
pub(super) const TOGETHER: usize = 256;

/// The selected (component, row) pairs of a block, sorted by component and then by row.
#[derive(Default)]
pub(super) struct Pairs<F> {
    /// The pairs of component k are `start[k]..start[k + 1]`.
    pub(super) start: Vec<usize>,
    pub(super) row: Vec<u32>,
    /// A log-density, then a posterior. There is room for a multiple of eight.
    pub(super) value: Vec<F>,
}

impl<F: Copy + Default> Pairs<F> {
    /// Lists what `screen` selected of `k` components; the values are yet to be computed.
    pub(super) fn list(&mut self, k: usize, screen: &Screen) {
        let pairs = screen.len();
        grow(&mut self.row, pairs);
        grow(&mut self.value, pairs.next_multiple_of(LANES));
        self.start.resize(k + 1, 0);
        let mut len = 0;
        for (k, start) in self.start[..k].iter_mut().enumerate() {
            *start = len;
            for (first, mut word) in (0..).step_by(64).zip(screen.words(k)) {
                while word != 0 {
                    self.row[len] = first + word.trailing_zeros();
                    len += 1;
                    word &= word - 1;
                }
            }
        }
        self.start[k] = len;
    }

    /// Components.
    pub(super) fn components(&self) -> usize {
        self.start.len() - 1
    }

    /// Pairs of all components.
    pub(super) fn len(&self) -> usize {
        self.start[self.components()]
    }

    /// The pairs of component `k`.
    pub(super) fn of(&self, k: usize) -> Range<usize> {
        self.start[k]..self.start[k + 1]
    }
}

/// Makes room for `len` values.
pub(super) fn grow<T: Copy + Default>(buffer: &mut Vec<T>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, T::default());
    }
}
