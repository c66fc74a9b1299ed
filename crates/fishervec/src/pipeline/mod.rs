//! Preprocessing, encoder and layout as one thing that is fitted, saved and applied together.

mod chain;
mod contributions;
mod groups;
mod information;
mod overview;
mod params;
mod polish;
mod stepwise;

pub use chain::Pipeline;
pub use groups::GroupSums;
pub use information::InformationFit;
pub(crate) use overview::Overview;
pub use params::PipelineParams;
pub(crate) use polish::Ascent;
pub use polish::Polish;
