//! What is wrong with a command line, in the words of the person who typed it.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::error::Error as _;

/// The message for an error of the parser; `None` for a request for help or the version. `probe` parses
/// the given option with an empty value and returns the error.
pub(crate) fn complaint(
    error: &Error,
    verbs: &[&str],
    probe: &dyn Fn(&str) -> Option<Error>,
) -> Option<String> {
    let argument = text(error, ContextKind::InvalidArg);
    let option = name(&argument);
    Some(match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => return None,
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let got = text(error, ContextKind::InvalidValue);
            let expected = expected(error).or_else(|| expected(&probe(&option)?));
            let expected = expected.unwrap_or_else(|| "a path".to_owned());
            let got = if got.is_empty() { "nothing".to_owned() } else { got };
            format!("{option}: expected {expected}, got {got}{}", hint(error, ContextKind::SuggestedValue))
        }
        ErrorKind::UnknownArgument if option.starts_with('-') => {
            format!("unknown option {option}{}", hint(error, ContextKind::SuggestedArg))
        }
        ErrorKind::UnknownArgument => format!("unexpected argument {argument}"),
        ErrorKind::InvalidSubcommand => {
            let verb = text(error, ContextKind::InvalidSubcommand);
            let hint = hint(error, ContextKind::SuggestedSubcommand);
            format!("unknown command {verb}: expected one of {}{hint}", verbs.join(", "))
        }
        ErrorKind::MissingRequiredArgument => {
            format!("missing {argument}")
        }
        ErrorKind::ArgumentConflict if text(error, ContextKind::PriorArg) == argument => {
            format!("{option}: given more than once")
        }
        ErrorKind::TooManyValues => {
            format!("{option}: expected no value, got {}", text(error, ContextKind::InvalidValue))
        }
        ErrorKind::InvalidUtf8 => "the value of an option is not valid UTF-8".to_owned(),
        _ => error.render().to_string().trim_start_matches("error: ").trim_end().to_owned(),
    })
}

/// What would have been a value: the choices, or what the option's parser says.
fn expected(error: &Error) -> Option<String> {
    match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(choices)) if !choices.is_empty() => {
            Some(format!("one of {}", choices.join(", ")))
        }
        _ => error.source().map(ToString::to_string),
    }
}

fn hint(error: &Error, kind: ContextKind) -> String {
    match text(error, kind) {
        text if text.is_empty() => text,
        text => format!("; did you mean {text}?"),
    }
}

fn text(error: &Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    }
}

/// `--tol` of `--tol <X>`, and `SHELL` of `<SHELL>`.
fn name(argument: &str) -> String {
    let name = argument.split([' ', '=']).next().unwrap_or_default();
    name.trim_start_matches(['<', '[']).trim_end_matches(['.', '>', ']']).to_owned()
}
