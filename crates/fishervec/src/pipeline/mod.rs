//! Preprocessing, encoder and layout as one thing that is fitted, saved and applied together.

mod chain;
mod groups;
mod params;

pub use chain::Pipeline;
pub use groups::GroupSums;
pub use params::PipelineParams;
