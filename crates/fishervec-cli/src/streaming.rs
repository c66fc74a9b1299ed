//! The options of a fit to all descriptors, against those of a fit to a sample.

use crate::args::{FitArguments, OnError, Stream};
use crate::exit::usage_error;
use fishervec::mixture::StepwiseParams;

/// The options of `--stream stepwise` alone.
const OF_STEPWISE: [&str; 5] = ["passes", "step-rows", "exponent", "delay", "cursors"];

/// Checks the options of a fit to all descriptors, and returns the settings of one in steps; `fits_mixture`
/// says whether a mixture is fitted, not centres or nothing.
///
/// # Errors
/// [`Usage`](crate::exit::Usage) for options that contradict each other.
pub(crate) fn streaming(
    arguments: &FitArguments,
    images: bool,
    fits_mixture: bool,
) -> anyhow::Result<Option<StepwiseParams>> {
    let stream = arguments.basic.stream;
    let given = |names: &[&'static str]| names.iter().find(|name| arguments.given.contains(**name)).copied();
    if let Some(option) = given(&OF_STEPWISE).filter(|_| stream != Some(Stream::Stepwise)) {
        usage_error!("--{option} is for --stream stepwise: add that, or leave out --{option}");
    }
    let Some(stream) = stream else { return Ok(None) };
    if let Some(option) = given(&["sample", "balance", "polish"]) {
        usage_error!(
            "--stream fits to all descriptors, --{option} is for a fit to a sample: leave out either"
        );
    }
    if arguments.running.on_error == OnError::Skip {
        usage_error!(
            "--stream reads all descriptors in each iteration, so that none may be missing: leave out --on-error skip"
        );
    }
    match stream {
        Stream::Exact => Ok(None),
        Stream::Stepwise if images => usage_error!(
            "--stream stepwise: expected descriptor files, got images, which would be described again for every \
             few of their descriptors: leave out --stream, and add --polish 3"
        ),
        Stream::Stepwise if !fits_mixture => usage_error!(
            "--stream stepwise fits a mixture, which --encoder {} does not have as it is: choose --stream exact, \
             or with vlad or bow --assignment soft",
            arguments.basic.encoder
        ),
        Stream::Stepwise => Ok(Some(stepwise(arguments))),
    }
}

fn stepwise(arguments: &FitArguments) -> StepwiseParams {
    let (options, default) = (&arguments.mixture.stepwise, StepwiseParams::default());
    StepwiseParams {
        step_rows: options.step_rows.map(usize::from),
        exponent: options.exponent.unwrap_or(default.exponent),
        delay: options.delay.unwrap_or(default.delay),
        cursors: options.cursors.map_or(default.cursors, usize::from),
        passes: options.passes.map_or(default.passes, usize::from),
    }
}
