//! What one should know of a model and of sets under it: a [`Survey`] looks at sets one after another and
//! keeps what adds up, and a sample of their vectors; the [`Report`] is what it saw, in numbers.

mod factor;
mod gram;
mod look;
mod map;
mod numbers;
mod plane;
mod reservoir;
mod ridge;
mod sample;
mod spread;
mod sums;
mod survey;

pub use look::Look;
pub use numbers::{
    BlockFacts, Cell, Classification, ComponentFacts, ComponentShare, Example, LabelFacts, Map, Mistake,
    Outlier, Report, SampleFacts, Surest, Twin,
};
pub use spread::Spread;
pub use survey::{Findings, Labels, Survey};
