//! The options of `explore`.

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct ExploreArguments {
    /// Port on this machine to serve at [default: a free one]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: Option<u16>,
    /// Print the address, and do not open a browser
    #[arg(long)]
    pub(crate) no_open: bool,
}
