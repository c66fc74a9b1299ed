//! The command `fishervec`, as a function from arguments to an exit code. Nothing numeric is in here: the
//! library computes what a verb needs.

mod accumulate;
mod args;
mod arrays;
mod checkpoint;
mod checks;
mod classes;
mod compatible;
mod composition;
mod confusion;
mod destination;
mod diagnostics;
mod encode;
mod encoding;
mod evaluate;
mod exit;
mod explain;
mod explain_page;
mod explained;
mod explore;
mod files;
mod fit;
mod fit_sample;
mod fitting;
mod generate;
mod groups;
mod headers;
mod illustrated;
mod inputs;
mod inspect;
mod join;
mod join_shards;
mod labels;
mod listing;
mod manifest;
mod maximize;
mod names;
mod neighbours;
mod outputs;
mod page;
mod parts;
mod polish;
mod progress;
mod report;
mod report_page;
mod rows;
mod sample;
mod sampling;
mod scan;
mod score;
mod settings;
mod shard;
mod shell;
mod slide_picture;
mod stdout;
mod streaming;
mod subject;
mod summary;
mod surveying;
mod table;
mod usage;
mod vector_files;
mod vectors;
mod walk;

use args::{Arguments, Command};
pub use exit::{DONE, FAILED, SKIPPED, UNCONVERGED, USAGE};
pub use labels::{Label, labels_of_table};
pub use listing::list_files;
pub use report_page::{ErrorPicture, Pictures, Subject};
use std::ffi::OsString;
use std::io::Write;

/// Runs the command with the given arguments, the first of which is the program's name, and returns its exit
/// code: [`DONE`], [`FAILED`], [`USAGE`], [`SKIPPED`] or [`UNCONVERGED`]. Results go to the standard output,
/// everything else to the standard error.
pub fn run(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> i32 {
    let line: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
    let verb = args::verb(&line);
    let arguments = match args::parse(&line) {
        Ok(arguments) => arguments,
        Err(stop) => return refuse(&stop, verb.as_deref()),
    };
    execute(arguments).unwrap_or_else(|error| {
        let parameter = verb.and_then(|verb| as_option(&error, &verb));
        let is_usage = error.is::<exit::Usage>() || is_parameter(&error);
        tell(&format!("error: {}", parameter.unwrap_or_else(|| error.to_string())));
        if is_usage { USAGE } else { FAILED }
    })
}

fn execute(arguments: Arguments) -> anyhow::Result<i32> {
    fishervec::run::Isa::from_environment()?;
    match arguments.command {
        Command::Scan(arguments) => scan::run(&arguments),
        Command::Fit(arguments) => fit::run(&arguments),
        Command::Sample(arguments) => sample::run(&arguments),
        Command::Encode(arguments) => encode::run(&arguments),
        Command::Join(arguments) => join_shards::run(&arguments),
        Command::Accumulate(arguments) => accumulate::run(&arguments),
        Command::Maximize(arguments) => maximize::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Explore(arguments) => explore::run(&arguments),
        Command::Completions(arguments) => generate::completions(&arguments),
        Command::Man(arguments) => generate::man(&arguments),
    }
}

/// Prints help, or what is wrong with the command line.
fn refuse(stop: &clap::Error, verb: Option<&str>) -> i32 {
    match args::complaint(stop, verb) {
        Some(complaint) => {
            let name = verb.map_or(String::new(), |verb| format!(" {verb}"));
            tell(&format!("error: {complaint}\nSee `fishervec{name} -h`."));
            USAGE
        }
        None => {
            // Help and version come this way, with exit code 0. Nobody has to read them.
            let _ = stop.print();
            stop.exit_code()
        }
    }
}

/// The message of a setting that the library refuses, under the name of its option.
fn as_option(error: &anyhow::Error, verb: &str) -> Option<String> {
    match error.downcast_ref() {
        Some(fishervec::Error::Parameter { name, expected, got }) => {
            let long = name.replace([' ', '_'], "-");
            args::has_option(verb, &long).then(|| format!("--{long}: expected {expected}, got {got}"))
        }
        _ => None,
    }
}

/// A setting out of its range. One with a place in front is a file's fault, not the command line's.
fn is_parameter(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(fishervec::Error::Parameter { .. }))
}

/// Writes a line to the standard error. It does not matter if nobody can read it.
fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
