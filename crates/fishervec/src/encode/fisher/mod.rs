//! The Fisher vector: the gradient of a mixture's log-likelihood, in comparable units, normalised.

mod convention;
pub(super) mod empirical;
mod gradient;
pub(super) mod information;
mod params;
pub(super) mod spatial;
mod vector;

pub use convention::{Block, Convention, Gradients, Scale, Sign};
pub use empirical::Empirical;
pub(crate) use empirical::{Scaling, add_gradient};
pub(crate) use gradient::Coordinates;
pub use information::Information;
pub use params::{FisherParams, LearnMixture};
pub use spatial::Spatial;
pub use vector::FisherVector;
