//! Patches: the pixels of squares, as descriptors.

use super::pixels::Plane;

/// The first pixels of squares of `size` along a side, `step` apart.
pub(super) fn starts(side: usize, size: usize, step: usize) -> std::iter::StepBy<std::ops::Range<usize>> {
    (0..(side + 1).saturating_sub(size)).step_by(step)
}

/// Calls `put` with the pixels of each square of `size` pixels, `step` apart, row by row.
pub(super) fn patches(plane: &Plane<'_>, size: usize, step: usize, mut put: impl FnMut(&[f32])) {
    let mut patch = vec![0.0; size * size];
    for y in starts(plane.height, size, step) {
        for x in starts(plane.width, size, step) {
            for (i, to) in patch.chunks_exact_mut(size).enumerate() {
                to.copy_from_slice(&plane.row(y + i)[x..][..size]);
            }
            put(&patch);
        }
    }
}
