//! `fishervec completions` and `fishervec man`: files for other programs, from the definition of the options.

use crate::args::{Arguments, CompletionsArguments, ManArguments};
use crate::exit::DONE;
use crate::stdout;
use anyhow::anyhow;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};
use fishervec::io::{Staged, commit};
use std::fs;

pub(crate) fn completions(arguments: &CompletionsArguments) -> anyhow::Result<i32> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "fishervec", &mut script);
    stdout::print(String::from_utf8(script)?.trim_end())?;
    Ok(DONE)
}

pub(crate) fn man(arguments: &ManArguments) -> anyhow::Result<i32> {
    // The pages would leave out the texts of options that the short help leaves out.
    let all = |verb: Command| verb.mut_args(|arg| arg.hide_short_help(false));
    let mut command = Arguments::command().disable_help_subcommand(true).mut_subcommands(all);
    command.build();
    let Some(folder) = &arguments.output else {
        stdout::print(String::from_utf8(page(&command)?)?.trim_end())?;
        return Ok(DONE);
    };
    fs::create_dir_all(folder).map_err(|error| anyhow!("--output {}: {error}", folder.display()))?;
    let mut files = Vec::new();
    for verb in std::iter::once(&command).chain(command.get_subcommands()) {
        let name = verb.get_display_name().unwrap_or("fishervec");
        let mut file = Staged::create(folder.join(format!("{name}.1")))?;
        file.append(&page(verb)?)?;
        files.push(file);
    }
    commit(files)?;
    Ok(DONE)
}

/// The page of a command or a verb. Its closing notes keep their line breaks.
fn page(command: &Command) -> anyhow::Result<Vec<u8>> {
    let notes = command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string);
    // The synopsis of `fit` would list every option.
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").to_owned();
    let source = format!("fishervec {}", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone().override_usage(usage)).source(source).manual("Fisher vectors");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    if command.get_subcommands().next().is_some() {
        man.render_subcommands_section(&mut page)?;
    }
    man.render_options_section(&mut page)?;
    if let Some(notes) = notes {
        let mut roff = Roff::default();
        roff.control("SH", ["NOTES"]).control("nf", []);
        for line in notes.lines() {
            roff.text([roman(line)]);
        }
        roff.control("fi", []).to_writer(&mut page)?;
    }
    Ok(page)
}
