//! The command's verbs and options, listed: what scripts of users rely on.

use super::Arguments;
use clap::{Arg, Command, CommandFactory};
use std::fmt::Write;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/command.txt");
const ACCEPT: &str = "FISHERVEC_WRITE_FIXTURES=1 cargo test --package fishervec-cli --lib frozen";

/// One line per verb, and below it one per argument, in the order of their names.
fn listing(mut command: Command) -> String {
    command.build();
    let mut text = String::new();
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        writeln!(text, "fishervec {}", verb.get_name()).unwrap();
        let mut lines: Vec<_> = verb.get_arguments().map(line).collect();
        lines.sort_by_key(|line| line.replace("--", "").to_lowercase());
        lines.iter().for_each(|line| writeln!(text, "  {line}").unwrap());
    }
    text
}

/// An argument: its long name, its short name, what it takes, its default, its choices.
fn line(arg: &Arg) -> String {
    let long = arg.get_long().map(|long| format!("--{long}"));
    let short = arg.get_short().map(|short| format!("-{short}"));
    let mut words: Vec<String> = long.into_iter().chain(short).collect();
    if arg.get_action().takes_values() {
        words.extend(arg.get_value_names().unwrap_or_default().iter().map(|name| format!("<{name}>")));
        let number = arg.get_num_args().unwrap_or_default();
        if number != 1.into() {
            words.push(format!("({number} values)"));
        }
        let choices: Vec<_> =
            arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
        if !choices.is_empty() {
            words.push(format!("{{{}}}", choices.join(", ")));
        }
        let default: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        if !default.is_empty() {
            words.push(format!("= {}", default.join(" ")));
        }
    }
    for alias in arg.get_all_aliases().unwrap_or_default() {
        words.push(format!("or --{alias}"));
    }
    if arg.is_required_set() {
        words.push("required".to_owned());
    }
    words.join(" ")
}

/// The lines of one listing that the other lacks, marked by the sign, each below its verb.
fn only(one: &str, other: &str, sign: char) -> String {
    let under = |text: &str| {
        let mut verb = String::new();
        text.lines()
            .map(|line| {
                if !line.starts_with(' ') {
                    verb = line.to_owned();
                }
                (verb.clone(), line.trim().to_owned())
            })
            .collect::<Vec<_>>()
    };
    let other = under(other);
    let lines = under(one).into_iter().filter(|line| !other.contains(line));
    lines.map(|(verb, line)| format!("{sign} {verb}: {line}\n")).collect()
}

#[test]
fn the_command_has_the_verbs_and_options_that_are_listed() {
    let now = listing(Arguments::command());
    if std::env::var_os("FISHERVEC_WRITE_FIXTURES").is_some() {
        std::fs::write(FILE, &now).unwrap();
    }
    let listed = std::fs::read_to_string(FILE).unwrap();
    assert!(
        now == listed,
        "The command is not what {FILE} lists:\n{}{}If this is meant (CONTRIBUTING.md, \"What may change\"): {ACCEPT}",
        only(&listed, &now, '-'),
        only(&now, &listed, '+'),
    );
}

#[test]
fn each_change_of_an_option_changes_the_listing() {
    let listing = |change: fn(Arg) -> Arg| {
        let arg = Arg::new("k").long("components").short('k').value_name("K").default_value("64");
        let verb = Command::new("fit").arg(change(arg));
        listing(Command::new("fishervec").subcommand(verb))
    };
    let before = listing(|arg| arg);
    assert!(before.contains("fishervec fit\n  --components -k <K> = 64\n"), "{before}");
    let changes: [fn(Arg) -> Arg; 8] = [
        |arg| arg.long("clusters"),
        |arg| arg.short('K'),
        |arg| arg.default_value("32"),
        |arg| arg.value_parser(["32", "64"]),
        |arg| arg.num_args(2),
        |arg| arg.value_name("N"),
        |arg| arg.default_value(None::<&str>).required(true),
        |arg| arg.alias("clusters"),
    ];
    for change in changes {
        let after = listing(change);
        assert!(only(&before, &after, '-').contains("- fishervec fit: --components"), "{after}");
        assert!(only(&after, &before, '+').starts_with("+ fishervec fit: "), "{after}");
    }
}
