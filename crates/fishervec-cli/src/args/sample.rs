//! The options of `fishervec sample`.

use super::fit::ImageArguments;
use super::values::{Shard, count, seed, shard};
use super::{InputArguments, Running};
use clap::Args;
use std::num::NonZeroUsize;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct SampleArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,
    /// File to write, for `fishervec fit`
    #[arg(short, long, value_name = "SAMPLE.safetensors")]
    pub(crate) output: PathBuf,
    /// Number of descriptors to draw, in all shards together [default: 256000]
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    pub(crate) rows: Option<NonZeroUsize>,
    /// As many as `fit --components K` draws itself: 1000 x K
    #[arg(short = 'k', long, value_name = "K", value_parser = count, allow_negative_numbers = true)]
    pub(crate) components: Option<NonZeroUsize>,
    /// Number of whole sets to draw instead, for an empirical information
    #[arg(long, value_name = "N", value_parser = count, allow_negative_numbers = true)]
    pub(crate) sets: Option<NonZeroUsize>,
    /// Which part of the sample to draw: the I-th of N, from 1
    #[arg(long, value_name = "I/N", default_value = "1/1", value_parser = shard)]
    pub(crate) shard: Shard,
    /// Seed of the sample, as that of `fit`
    #[arg(long, value_name = "N", default_value = "0", value_parser = seed, allow_negative_numbers = true)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) images: ImageArguments,
    #[command(flatten)]
    pub(crate) running: Running,
}
