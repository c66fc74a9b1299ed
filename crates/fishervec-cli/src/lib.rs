//! The command `fishervec`, as a function from arguments to an exit code. Nothing numeric is in here: what a
//! verb computes is the library's.

mod args;
mod encode;
mod evaluate;
mod fit;
mod inputs;
mod inspect;
mod labels;
mod progress;
mod reading;
mod table;

use args::{Arguments, Command};
use clap::Parser;
use std::ffi::OsString;
use std::io::Write;

/// Everything was done.
pub const DONE: i32 = 0;
/// It failed; the message says why, and no file has changed.
pub const FAILED: i32 = 1;
/// The command line is wrong: an unknown option, a value out of range.
pub const USAGE: i32 = 2;
/// Everything was done but for some sets, which were skipped as asked.
pub const SKIPPED: i32 = 3;

/// Runs the command with the given arguments, the first of which is the program's name, and returns its exit
/// code: [`DONE`], [`FAILED`], [`USAGE`] or [`SKIPPED`]. Results go to the standard output, all else to the
/// standard error.
pub fn run(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> i32 {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(stop) => {
            // Help and version come this way too, with exit code 0.
            let _ = stop.print();
            return stop.exit_code();
        }
    };
    let done = fishervec::Isa::from_environment().map_err(Into::into).and_then(|_| match arguments.command {
        Command::Fit(arguments) => fit::run(&arguments),
        Command::Encode(arguments) => encode::run(&arguments),
        Command::Inspect(arguments) => inspect::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
    });
    done.unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr(), "error: {error}");
        if is_usage(&error) { USAGE } else { FAILED }
    })
}

/// A command line that parses but makes no sense.
#[derive(Debug)]
struct Usage(String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

fn is_usage(error: &anyhow::Error) -> bool {
    // One with a place in front is a file's fault, not the command line's.
    let parameter = |error: &fishervec::Error| matches!(error, fishervec::Error::Parameter { .. });
    error.is::<Usage>() || error.downcast_ref().is_some_and(parameter)
}

/// Writes a result to the standard output. That nobody reads on, as in `| head`, is no error.
fn print(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
