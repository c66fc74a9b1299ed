//! The options of `fishervec scan` and `fishervec join`.

use super::{InputArguments, OnError, Running};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct ScanArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,
    /// List to write, which is an INPUT of the other commands
    #[arg(short, long, value_name = "LIST.jsonl")]
    pub(crate) output: PathBuf,
    /// What to do about a file that cannot be opened
    #[arg(long, value_enum, value_name = "ACTION", default_value = "fail", help_heading = "Running")]
    pub(crate) on_error: OnError,
    #[command(flatten)]
    pub(crate) running: Running,
}

#[derive(Debug, Args)]
pub(crate) struct JoinArguments {
    /// Vector files that `encode --shard` wrote, of all shards, in any order
    #[arg(required = true, value_name = "SHARD.npy")]
    pub(crate) shards: Vec<PathBuf>,
    /// Vector file to write (.npy or .fvecs), with NAME.csv and NAME.labels.npy beside it
    #[arg(short, long, value_name = "NAME.npy")]
    pub(crate) output: PathBuf,
    /// Remove the files of the shards at the end
    #[arg(long)]
    pub(crate) remove: bool,
    /// Show only warnings and errors
    #[arg(short, long)]
    pub(crate) quiet: bool,
}
