//! Where descriptors lie.

/// The number of descriptors whose nearest neighbour is looked for.
const LOOKED_AT: usize = 400;

/// The part of a plane that a descriptor describes; for any unit of length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Square {
    /// Its centre from left to right.
    pub x: f64,
    /// Its centre from top to bottom.
    pub y: f64,
    /// The length of its sides.
    pub side: f64,
}

impl Square {
    /// The same centre with sides `factor` times as long.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Square { side: self.side * factor, ..self }
    }
}

/// The distance from one position to the next, of positions that lie on a grid or are spread evenly: the
/// median, over up to 400 of them, of the distance max(|dx|, |dy|) to the nearest other one that is not at
/// the same place. `None` unless there are two places.
///
/// Cost O(400 n).
#[must_use]
pub fn pitch(positions: &[[f64; 2]]) -> Option<f64> {
    let step = positions.len().div_ceil(LOOKED_AT).max(1);
    let nearest = |of: &[f64; 2]| {
        let distances = positions.iter().map(|at| (at[0] - of[0]).abs().max((at[1] - of[1]).abs()));
        distances.filter(|distance| *distance > 0.0).min_by(f64::total_cmp)
    };
    let mut found: Vec<f64> = positions.iter().step_by(step).filter_map(nearest).collect();
    found.sort_by(f64::total_cmp);
    found.get(found.len() / 2).copied().filter(|pitch| pitch.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pitch_of_a_grid_with_holes_is_its_step() {
        let at = |i: usize| [512.0 * (i % 40) as f64 + 9e4, 512.0 * (i / 40) as f64];
        let positions: Vec<_> = (0..1600).filter(|i| i % 7 != 0 && i % 11 != 3).map(at).collect();
        assert_eq!(pitch(&positions), Some(512.0));
        let twice: Vec<_> = positions.iter().flat_map(|at| [*at, *at]).collect();
        assert_eq!(pitch(&twice), Some(512.0));
    }

    #[test]
    fn one_place_has_no_pitch() {
        assert_eq!([pitch(&[]), pitch(&[[1.0, 2.0]]), pitch(&[[1.0, 2.0]; 9])], [None; 3]);
    }
}
