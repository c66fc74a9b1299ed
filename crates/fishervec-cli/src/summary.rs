//! What a fit says when it is done.

use crate::args::FitArguments;
use crate::diagnostics;
use crate::listing::Kind;
use crate::progress::{Progress, counted};
use crate::shell;
use clap::ValueEnum;
use fishervec::Pipeline;
use std::path::Path;

/// How the fit went, and what a user should know before trusting it.
pub(crate) fn report(pipeline: &Pipeline, skipped: usize, progress: Progress) {
    diagnostics::warnings(pipeline).iter().for_each(|warning| progress.warning(warning));
    if let Some(fit) = pipeline.fit_report() {
        if !fit.repairs.is_empty() {
            let repaired = counted(fit.repairs.len(), "component");
            progress.note(&format!("{repaired} lost all descriptors and restarted"));
        }
        let (n, bound) = (fit.n_iter(), fit.lower_bound());
        let iterations = match fit.steps {
            0 => counted(n, "iteration"),
            steps => format!("{} in {n} {}", counted(steps, "step"), if n == 1 { "pass" } else { "passes" }),
        };
        progress.note(&format!("{iterations}, mean log-likelihood {bound:.4} over {} descriptors", fit.n));
    }
    if skipped > 0 {
        progress.note(&format!("{} skipped", counted(skipped, "set")));
    }
}

/// The line that says what was written, and the command that comes next: with these inputs, options that say
/// what is read of them, and vectors.
pub(crate) fn closing(
    pipeline: &Pipeline,
    arguments: &FitArguments,
    inputs: &str,
    options: &str,
    vectors: &str,
) -> String {
    let (output, p) = (&arguments.basic.output, pipeline.output_dim());
    let about = match pipeline.images() {
        Some(_) => format!("input: images; output: {p} numbers per image"),
        None => format!("input: {} columns; output: {p} numbers per set", pipeline.input_dim()),
    };
    let model = shell::word(output).unwrap_or_else(|| "MODEL".to_owned());
    let next = format!("fishervec encode {inputs}{options} -m {model} -o {vectors}");
    format!("Wrote {} ({about}). Next: {next}", output.display())
}

/// The options that say what is read of the inputs, and about them, which `encode` must be given too.
pub(crate) fn reading_options(arguments: &FitArguments, kind: Option<Kind>, images: bool) -> String {
    let kind = kind.and_then(|kind| Some(format!(" --input {}", kind.to_possible_value()?.get_name())));
    let arrays = arguments.input.arrays(images);
    let option = |name: &str, value: Option<&Path>| {
        let word = |value| shell::word(value).unwrap_or_else(|| name.to_uppercase());
        value.map(|value| format!(" --{name} {}", word(value)))
    };
    let array = option("array", arrays.array.as_deref().map(Path::new));
    let positions = option("positions", arrays.positions.as_deref().map(Path::new));
    let root = option("root", arguments.input.root.as_deref());
    let labels = option("labels", arguments.labels.labels.as_deref());
    let column = option("label-column", arguments.labels.label_column.as_deref().map(Path::new));
    [kind, array, positions, root, labels, column].into_iter().flatten().collect()
}
