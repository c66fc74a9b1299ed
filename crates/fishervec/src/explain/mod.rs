//! Which descriptors made a score: their shares in order, on a map, by component.

mod explanation;
mod field;
mod grid;
mod matches;
mod ranking;
mod squares;

pub use explanation::{ComponentShare, Explanation};
pub use field::{Field, Window};
pub use grid::Grid;
pub use matches::{Match, Picture, matches};
pub use ranking::loudest;
pub use squares::{Square, pitch};
