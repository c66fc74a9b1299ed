//! The Gaussian mixture with diagonal covariances: its parameters, its statistics, its fit.

mod balance;
mod em;
mod gaussian;
mod init;
mod kmeans;
mod m_step;
mod params;
mod posterior;
mod report;
mod score;
mod statistics;
mod tensors;

pub use balance::{Balance, doubled_centres};
pub use em::Fit;
pub use gaussian::GaussianMixture;
pub(crate) use gaussian::check_threshold;
pub(crate) use kmeans::codebook;
pub use kmeans::{KMeans, KMeansParams};
pub use params::{GaussianMixtureParams, Init};
pub use report::{FitReport, Repair};
pub use statistics::{Statistics, Workspace};
pub(crate) use tensors::{LOCATION, MIXTURE};
