//! `fishervec sample`: the descriptors, or whole sets, that a fit needs of all inputs, in shards.

use crate::args::SampleArguments;
use crate::checks::{asked_kind, check_output, common_shape, n_positions};
use crate::exit::{DONE, usage_error};
use crate::inputs::Inputs;
use crate::listing::Kind;
use crate::progress::{Progress, counted};
use crate::sampling::{LastFile, PER_COMPONENT, Sampling};
use crate::settings::image_params;
use fishervec::Source;
use fishervec::data::{Real, RowBuffer, sample_rows};
use fishervec::io::{Drawn, SampleAbout, SampleWriter};
use fishervec::run::Threads;
use std::ops::Range;

/// The number of descriptors that are drawn if no number is given.
const DEFAULT_ROWS: usize = 256_000;
/// The number of values of a set that are read and written together.
const BLOCK_VALUES: usize = 1 << 20;

pub(crate) fn run(arguments: &SampleArguments) -> anyhow::Result<i32> {
    let progress = Progress::new(arguments.running.quiet);
    let output = &arguments.output;
    check_output(output)?;
    let (kind, count) = wanted(arguments)?;
    let listing = arguments.input.listing()?;
    let of_images = listing.kind(asked_kind(&arguments.input, &arguments.images)?)? == Kind::Images;
    let images = of_images.then(|| image_params(&arguments.images, false)).transpose()?;
    let arrays = arguments.input.arrays(of_images);
    let inputs = Inputs::scan(listing, images, arrays, progress)?;
    inputs.refuse_outputs(&[output])?;
    let (dim, is_f64) = common_shape(&inputs)?;
    let (number, of) = (arguments.shard.number, arguments.shard.of);
    let total = if kind == Drawn::Rows { inputs.total_rows() } else { inputs.sets.len() };
    let about = SampleAbout {
        kind,
        shard: (number, of),
        drawn: count.min(total),
        total,
        seed: arguments.seed,
        dim,
        real: if is_f64 { f64::NAME } else { f32::NAME }.to_owned(),
        list: format!("{:016x}", inputs.id),
        positions: inputs.arrays.positions.as_ref().and(n_positions(&inputs)?),
        images: inputs.images.clone(),
    };
    let threads = arguments.running.threads()?;
    let job = Job { arguments, inputs: &inputs, about: &about, threads: &threads, progress };
    let n = if is_f64 { job.write::<f64>()? } else { job.write::<f32>()? };
    let drawn = counted(n, if kind == Drawn::Rows { "descriptor" } else { "set" });
    progress.note(&format!("Wrote {}: {drawn} (shard {number}/{of})", output.display()));
    Ok(DONE)
}

/// What is drawn, and how many of it.
fn wanted(arguments: &SampleArguments) -> anyhow::Result<(Drawn, usize)> {
    let of_components = |k: usize| PER_COMPONENT.saturating_mul(k);
    match (arguments.rows, arguments.components, arguments.sets) {
        (None, None, None) => Ok((Drawn::Rows, DEFAULT_ROWS)),
        (Some(rows), None, None) => Ok((Drawn::Rows, rows.get())),
        (None, Some(k), None) => Ok((Drawn::Rows, of_components(k.get()))),
        (None, None, Some(sets)) => Ok((Drawn::Sets, sets.get())),
        _ => usage_error!("--rows, --components and --sets each say how much is drawn: give one of them"),
    }
}

struct Job<'a> {
    arguments: &'a SampleArguments,
    inputs: &'a Inputs,
    about: &'a SampleAbout,
    threads: &'a Threads,
    progress: Progress,
}

impl Job<'_> {
    /// Writes this shard, and returns how many descriptors or sets it has.
    fn write<F: Real>(&self) -> anyhow::Result<usize> {
        let SampleAbout { kind, total, drawn, seed, .. } = *self.about;
        let mut picked = sample_rows(total, drawn, seed);
        match kind {
            // A shard reads the files of an equal share of all descriptors.
            Drawn::Rows => {
                let own = self.share(total);
                picked.retain(|row| own.contains(row));
                self.write_rows::<F>(&picked)?;
            }
            Drawn::Sets => {
                picked = picked[self.share(picked.len())].to_vec();
                self.write_sets::<F>(&picked)?;
            }
        }
        Ok(picked.len())
    }

    /// The share of this shard of `n` items.
    fn share(&self, n: usize) -> Range<usize> {
        let (number, of) = self.about.shard;
        let start = |shard: usize| (n as u128 * shard as u128 / of as u128) as usize;
        start(number - 1)..start(number)
    }

    fn write_rows<F: Real>(&self, picked: &[usize]) -> anyhow::Result<()> {
        let Job { inputs, about, threads, progress, .. } = *self;
        let sampling = Sampling { inputs, skip: false, threads, progress, groups: None };
        let sample = sampling.gather::<F>(picked, about.dim)?;
        if inputs.arrays.positions.is_some() && !picked.is_empty() {
            sampling.check_positions(&sample)?;
        }
        let mut file = SampleWriter::create(&self.arguments.output, about, picked, None)?;
        file.append(&sample.descriptors.into_rows().into_raw_vec_and_offset().0)?;
        Ok(file.finish()?)
    }

    fn write_sets<F: Real>(&self, picked: &[usize]) -> anyhow::Result<()> {
        let Job { inputs, about, .. } = *self;
        let sets = || picked.iter().map(|set| &inputs.sets[*set]);
        let lengths: Vec<usize> =
            sets().map(|set| set.shape.as_ref().map_or(0, |shape| shape.n_rows)).collect();
        let mut file = SampleWriter::create(&self.arguments.output, about, picked, Some(&lengths))?;
        let task = self.progress.start("reading", picked.len(), "set");
        let mut files = LastFile::default();
        for (set, n) in sets().zip(&lengths) {
            let mut copy = || match inputs.features(set)? {
                Some(rows) => copy_rows(&rows.view(), *n, &mut file),
                None => {
                    let (array, range) = files.rows(inputs, set)?;
                    copy_rows(&array.rows::<F>(range), *n, &mut file)
                }
            };
            copy().map_err(|error| inputs.blame(set, error))?;
            task.advance(1);
        }
        task.finish(self.progress);
        Ok(file.finish()?)
    }
}

/// Copies the `n` rows of a set, a block at a time.
fn copy_rows<S: Source>(rows: &S, n: usize, file: &mut SampleWriter) -> fishervec::Result<()> {
    let step = (BLOCK_VALUES / rows.dim().max(1)).max(1);
    let (mut block, mut spare) = (Vec::new(), RowBuffer::default());
    for start in (0..n).step_by(step) {
        block.clear();
        block.resize(step.min(n - start) * rows.dim(), S::Real::ZERO);
        rows.read_finite(start, &mut block, &mut spare)?;
        file.append(&block)?;
    }
    Ok(())
}
