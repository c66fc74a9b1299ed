//! The options of `report`.

use super::{InputArguments, LabelArguments, OnError, Running};
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct ReportArguments {
    /// Model file, from `fishervec fit`
    #[arg(value_name = "MODEL.safetensors")]
    pub(crate) model: PathBuf,
    #[command(flatten)]
    pub(crate) input: InputArguments,
    #[command(flatten)]
    pub(crate) labels: LabelArguments,
    /// Page to write
    #[arg(short, long, value_name = "REPORT.html")]
    pub(crate) output: Option<PathBuf>,
    /// Print the same numbers as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// What to do about a set that cannot be encoded
    #[arg(long, value_enum, value_name = "ACTION", default_value = "fail", help_heading = "Running")]
    pub(crate) on_error: OnError,
    #[command(flatten)]
    pub(crate) running: Running,
}
