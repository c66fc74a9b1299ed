//! `fishervec fit`: a model from a sample of all descriptors.

use crate::args::{FitArguments, OnError};
use crate::checks::{asked_kind, check_output, check_shape, common_shape, n_positions};
use crate::exit::{DONE, SKIPPED};
use crate::fitting::{Fitted, Fitting};
use crate::inputs::Inputs;
use crate::listing::Kind;
use crate::progress::Progress;
use crate::sampling::Balanced;
use crate::settings::{image_params, settings};
use crate::summary::{closing, reading_options, report};
use crate::{classes, destination, fit_sample, shell};
use std::path::PathBuf;

pub(crate) fn run(arguments: &FitArguments) -> anyhow::Result<i32> {
    let progress = Progress::new(arguments.running.common.quiet);
    let output = &arguments.basic.output;
    check_output(output)?;
    destination::spare_labels(output, arguments.labels.labels.as_deref())?;
    if let Some(code) = fit_sample::run(arguments, progress)? {
        return Ok(code);
    }
    let listing = arguments.input.listing()?;
    let kind = listing.kind(asked_kind(&arguments.input, &arguments.images)?)?;
    let images = kind == Kind::Images;
    // Where the inputs can be meant two ways, `encode` must be told too.
    let told = listing.is_mixed().then_some(kind);
    let arrays = listing.arrays(arguments.input.arrays(images))?;
    let (settings, mut inputs) = match arrays.positions {
        // The files say how many columns they have.
        Some(_) => {
            let inputs = Inputs::scan(listing, None, arrays, progress)?;
            (settings(arguments, None, n_positions(&inputs)?)?, inputs)
        }
        None => {
            let position = &arguments.position;
            let located = position.spatial.is_some() || position.pyramid.is_some();
            let described = images.then(|| image_params(&arguments.images, located)).transpose()?;
            let settings = settings(arguments, described, None)?;
            let inputs = Inputs::scan(listing, settings.images.clone(), arrays, progress)?;
            (settings, inputs)
        }
    };
    settings.warnings.iter().for_each(|warning| progress.warning(warning));
    inputs.refuse_outputs(&[output])?;
    let mut skipped = 0;
    if arguments.running.on_error == OnError::Skip {
        skipped += skip_unreadable(&mut inputs, progress);
    }
    if arguments.basic.balance == Some(Balanced::Label) {
        classes::label(&mut inputs, &arguments.labels, false, progress)?;
    }
    let (dim, is_f64) = common_shape(&inputs)?;
    check_shape(&settings, dim, inputs.total_rows())?;
    let job = Fitting { arguments, settings: &settings, inputs: &inputs, dim, progress };
    // Everything is computed in double precision if any file is: that loses nothing of the others.
    let fitted = if is_f64 { job.run::<f64>()? } else { job.run::<f32>()? };
    let Fitted { pipeline, skipped: more, checkpoint } = fitted;
    skipped += more;
    // The next command must not ask for an output that is among its inputs.
    let usual = PathBuf::from("vectors.npy");
    let vectors = if inputs.refuse_outputs(&[&usual]).is_ok() { "vectors.npy" } else { "encoded.npy" };
    let pipeline = match inputs.images {
        Some(images) => pipeline.with_images(images)?,
        None => pipeline,
    };
    destination::save(output, &destination::spare_folders(), |path| pipeline.save(path))?;
    if let Some(checkpoint) = checkpoint {
        checkpoint.remove();
    }
    report(&pipeline, skipped, progress);
    let inputs = shell::words_or_input(&arguments.input.inputs);
    let options = reading_options(arguments, told, images);
    progress.note(&closing(&pipeline, arguments, &inputs, &options, vectors));
    Ok(if skipped > 0 { SKIPPED } else { DONE })
}

/// Removes the sets whose file cannot be opened, and says why; returns their number.
fn skip_unreadable(inputs: &mut Inputs, progress: Progress) -> usize {
    let before = inputs.sets.len();
    inputs.sets.retain(|set| {
        set.shape.as_ref().inspect_err(|reason| progress.warn(&format!("skipped: {reason}"))).is_ok()
    });
    before - inputs.sets.len()
}
