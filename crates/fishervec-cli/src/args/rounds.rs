//! The options of `fishervec accumulate` and `fishervec maximize`.

use super::values::{Shard, at_least_zero, count, shard};
use super::{InputArguments, Running};
use clap::Args;
use std::num::NonZeroUsize;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct AccumulateArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,
    /// Model of this round, from `fishervec fit` or `fishervec maximize`
    #[arg(short, long, value_name = "MODEL.safetensors")]
    pub(crate) model: PathBuf,
    /// File to write: what `maximize` needs of this shard
    #[arg(short, long, value_name = "PART.stats")]
    pub(crate) output: PathBuf,
    /// Which part of all descriptors to read: the I-th of N, from 1
    #[arg(long, value_name = "I/N", default_value = "1/1", value_parser = shard)]
    pub(crate) shard: Shard,
    /// Read the descriptors even if PART.stats is there already and newer than they are
    #[arg(long, help_heading = "Running")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) running: Running,
}

#[derive(Debug, Args)]
pub(crate) struct MaximizeArguments {
    /// Files that `fishervec accumulate` wrote, of all shards of this round, in any order
    #[arg(required = true, value_name = "PART.stats")]
    pub(crate) parts: Vec<PathBuf>,
    /// Model of this round, that they were accumulated under
    #[arg(short, long, value_name = "MODEL")]
    pub(crate) model: PathBuf,
    /// Model of the next round to write
    #[arg(short, long, value_name = "NEXT")]
    pub(crate) output: PathBuf,
    /// Maximum number of rounds [default: 100]
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    pub(crate) max_iter: Option<NonZeroUsize>,
    /// Converged when a round gains less mean log-likelihood than this, in nats [default: 1e-3]
    #[arg(long, value_name = "X", value_parser = at_least_zero, allow_hyphen_values = true)]
    pub(crate) tol: Option<f64>,
    /// Smallest variance, relative to that of all descriptors in the same dimension [default: 1e-3]
    #[arg(long, value_name = "X", value_parser = at_least_zero, allow_hyphen_values = true)]
    pub(crate) variance_floor: Option<f64>,
    /// Number added to every variance, in squared units of the descriptors [default: 0]
    #[arg(long, value_name = "X", value_parser = at_least_zero, allow_hyphen_values = true)]
    pub(crate) reg_covar: Option<f64>,
    /// Exit with code 4 while another round is wanted, for loops in a shell
    #[arg(long)]
    pub(crate) exit_code: bool,
    /// Show only warnings and errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
}
