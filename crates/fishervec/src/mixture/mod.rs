//! The Gaussian mixture with diagonal covariances: its parameters, its statistics, its fit.

mod balance;
mod centres;
mod climb;
mod em;
mod gaussian;
mod init;
mod kmeans;
mod linear;
mod lloyd;
mod m_step;
mod params;
mod posterior;
mod report;
mod schedule;
mod score;
mod shares;
mod state;
mod statistics;
mod stepwise;
mod tensors;

pub use balance::{Balance, doubled_centres};
pub(crate) use centres::codebook;
pub use centres::{KMeans, KMeansParams};
pub use climb::{Climb, Fit};
pub use gaussian::GaussianMixture;
pub(crate) use gaussian::check_threshold;
pub(crate) use linear::{Division, Linear};
pub use lloyd::Lloyd;
pub use params::{GaussianMixtureParams, Init};
pub use report::{FitReport, Repair};
pub use schedule::StepwiseParams;
pub(crate) use state::{ClimbState, LloydState};
pub use statistics::{Statistics, Workspace};
pub use stepwise::Stepwise;
pub(crate) use tensors::{LOCATION, MIXTURE};
