//! The command line: its verbs, options, defaults and help.

mod explain;
mod explore;
mod fit;
#[cfg(test)]
mod frozen;
mod notes;
mod report;
mod rounds;
mod sample;
mod scan;
mod values;

use crate::arrays::Arrays;
use crate::listing::{Kind, Listing};
use crate::usage;
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
pub(crate) use explain::ExplainArguments;
pub(crate) use explore::ExploreArguments;
use fishervec::run::Threads;
pub(crate) use fit::{
    BasicArguments, FeaturesChoice, FitArguments, FitRunning, ImageArguments, InitChoice, Stream,
};
pub(crate) use report::ReportArguments;
pub(crate) use rounds::{AccumulateArguments, MaximizeArguments};
pub(crate) use sample::SampleArguments;
pub(crate) use scan::{JoinArguments, ScanArguments};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;
pub(crate) use values::Shard;

/// Fisher vectors: turns sets of any number of local descriptors into one vector each.
#[derive(Debug, Parser)]
#[command(name = "fishervec", version, after_help = notes::SHORT, after_long_help = notes::LONG)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read the headers of all inputs once, into a list that stands for them
    #[command(disable_help_flag = true, after_help = notes::SCAN)]
    Scan(ScanArguments),
    /// Learn a model from a sample of the descriptors of all inputs
    #[command(disable_help_flag = true, after_help = notes::FIT_SHORT, after_long_help = notes::FIT_LONG)]
    #[command(mut_arg("labels", |arg| arg.hide_short_help(true)))]
    Fit(Box<FitArguments>),
    /// Draw the descriptors that a fit needs of all inputs, in one file or in shards
    #[command(disable_help_flag = true, after_help = notes::SAMPLE)]
    Sample(Box<SampleArguments>),
    /// Turn each set into one vector
    #[command(disable_help_flag = true, after_help = notes::ENCODE)]
    Encode(EncodeArguments),
    /// Make one file of the shards of an encoding
    #[command(after_help = notes::JOIN)]
    Join(JoinArguments),
    /// Read a part of all descriptors for a round of a fit that several machines share
    #[command(disable_help_flag = true, after_help = notes::ACCUMULATE)]
    Accumulate(AccumulateArguments),
    /// Make the model of the next round from the parts of this one
    #[command(after_help = notes::MAXIMIZE)]
    Maximize(MaximizeArguments),
    /// Show what a model holds and whether its fit can be trusted, or what a list of files holds
    Inspect(InspectArguments),
    /// Write a page about a model and sets under it: what it tells apart, what is odd, and what to do
    #[command(disable_help_flag = true, after_help = notes::REPORT)]
    #[command(mut_arg("inputs", |arg| arg.long("sets").num_args(1..)))]
    Report(ReportArguments),
    /// Score vectors by their nearest neighbours: accuracy, recall, mean average precision, confusion
    #[command(after_help = notes::EVALUATE)]
    Evaluate(EvaluateArguments),
    /// Show which descriptors made a score, as a page and as a table: where they lie, what they weigh
    #[command(disable_help_flag = true, after_help = notes::EXPLAIN)]
    Explain(Box<ExplainArguments>),
    /// Open a live page that explains Fisher vectors: from a bag of leaves to fifteen numbers
    #[command(after_help = notes::EXPLORE)]
    Explore(ExploreArguments),
    /// Print a completion script for a shell
    #[command(after_help = notes::COMPLETIONS)]
    Completions(CompletionsArguments),
    /// Print the manual page, or write one page per command
    #[command(after_help = notes::MAN)]
    Man(ManArguments),
}

#[derive(Debug, Args)]
pub(crate) struct EncodeArguments {
    #[command(flatten)]
    pub(crate) input: InputArguments,
    #[command(flatten)]
    pub(crate) labels: LabelArguments,
    /// Encode sets together, those of one folder, or of one value in a column of --labels: one row per group
    ///
    /// Patients of several slides, recordings in pieces. A group has the vector of all its descriptors as one
    /// set. COLUMN is `folder`, the folder of the file below the INPUT, or the name of a column.
    #[arg(long, value_name = "COLUMN", help_heading = "Groups")]
    pub(crate) group_by: Option<String>,
    /// Model file, from `fishervec fit`
    #[arg(short, long, value_name = "MODEL.safetensors")]
    pub(crate) model: PathBuf,
    /// Vector file to write (.npy or .fvecs), with NAME.csv and NAME.labels.npy beside it
    #[arg(short, long, value_name = "NAME.npy")]
    pub(crate) output: PathBuf,
    /// What to do about a set that cannot be encoded
    #[arg(long, value_enum, value_name = "ACTION", default_value = "fail", help_heading = "Running")]
    pub(crate) on_error: OnError,
    /// Which part of the sets to encode: the I-th of N, from 1; `join` makes one file of all
    #[arg(long, value_name = "I/N", value_parser = values::shard, help_heading = "Running")]
    pub(crate) shard: Option<values::Shard>,
    /// Go on from where a run that was killed had got to
    #[arg(long, help_heading = "Running")]
    pub(crate) resume: bool,
    #[command(flatten)]
    pub(crate) running: Running,
}

/// What is read.
#[derive(Debug, Args)]
pub(crate) struct InputArguments {
    /// Files or folders of descriptors, or of images; or a LIST.jsonl of them
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
    /// What is read of inputs that hold both descriptors and images
    #[arg(long = "input", value_enum, value_name = "KIND", help_heading = "Inputs", hide_short_help = true)]
    pub(crate) kind: Option<Kind>,
    /// Array that holds the descriptors, of files whose arrays have names; in an HDF5 file its path, or its
    /// name in each group [default: found by its name]
    #[arg(long, value_name = "NAME", help_heading = "Inputs", hide_short_help = true)]
    pub(crate) array: Option<String>,
    /// Array of these files that holds the position of each descriptor, shape (n, L): L columns more
    ///
    /// Such as coords, keypoints or times. The positions bypass --rows and --pca, and --spatial and --pyramid
    /// use them. `encode` must be given them as `fit` was.
    #[arg(long, value_name = "NAME", help_heading = "Inputs", hide_short_help = true)]
    pub(crate) positions: Option<String>,
    /// Folder that the paths of a LIST.jsonl are relative to [default: as `scan` wrote them]
    #[arg(long, value_name = "DIR", help_heading = "Inputs", hide_short_help = true)]
    pub(crate) root: Option<PathBuf>,
}

impl InputArguments {
    /// The files that the inputs stand for.
    pub(crate) fn listing(&self) -> anyhow::Result<Listing> {
        Listing::new(&self.inputs, self.root.as_deref())
    }

    /// The arrays that are asked for; images have none.
    pub(crate) fn arrays(&self, images: bool) -> Arrays {
        match images {
            true => Arrays::default(),
            false => Arrays { array: self.array.clone(), positions: self.positions.clone() },
        }
    }
}

/// Where the labels of sets are.
#[derive(Debug, Args)]
pub(crate) struct LabelArguments {
    /// Table with the labels of sets [default: labels in the files, or the names of their folders]
    ///
    /// A .csv or .tsv file with a header. The sets are named in the column slide_id, set, name or slide, or
    /// else in the first, as in the column set of NAME.csv or as their files, with or without the ending.
    #[arg(long, value_name = "LABELS.csv", help_heading = "Labels")]
    pub(crate) labels: Option<PathBuf>,
    /// Column of the table that holds the labels [default: label, class, target or y, or the only other]
    #[arg(long, value_name = "NAME", help_heading = "Labels", hide_short_help = true)]
    pub(crate) label_column: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// Model file, from `fishervec fit`, or list of files, from `fishervec scan`
    #[arg(value_name = "MODEL.safetensors")]
    pub(crate) model: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct EvaluateArguments {
    /// Vector file, from `fishervec encode`
    #[arg(value_name = "NAME.npy")]
    pub(crate) vectors: PathBuf,
    /// Labels of the vectors [default: NAME.labels.npy]
    ///
    /// An .npy file has one per vector: strings, or integers, of which negative ones mean no label. A .csv or
    /// .tsv file with a header has them by the names in the column set of NAME.csv.
    #[arg(long, value_name = "LABELS.npy|.csv")]
    pub(crate) labels: Option<PathBuf>,
    /// Vectors to compare with all of NAME.npy [default: each of NAME.npy with all others]
    #[arg(long, value_name = "QUERIES.npy")]
    pub(crate) queries: Option<PathBuf>,
    /// Labels of the queries [default: --labels if that is a table, otherwise QUERIES.labels.npy]
    #[arg(long, value_name = "LABELS.npy|.csv")]
    pub(crate) query_labels: Option<PathBuf>,
    /// Column of a table that holds the labels [default: label, class, target or y, or the only other]
    #[arg(long, value_name = "NAME")]
    pub(crate) label_column: Option<String>,
    /// Table to write with the most similar vectors: query, rank, name, similarity
    #[arg(long, value_name = "OUT.csv")]
    pub(crate) neighbours: Option<PathBuf>,
    /// Number of neighbours per query in that table [default: 10]
    #[arg(long, value_name = "N", value_parser = values::count, allow_negative_numbers = true)]
    pub(crate) top: Option<NonZeroUsize>,
    /// Number of neighbours that vote
    #[arg(short, long, value_name = "K", default_value = "1", value_parser = values::count)]
    #[arg(allow_negative_numbers = true)]
    pub(crate) k: NonZeroUsize,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// Shell that will read the script
    #[arg(value_enum, value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// Folder for one page per command; created if missing [default: print the main page]
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
}

/// Options of the verbs that take a while.
#[derive(Debug, Args)]
#[command(next_help_heading = "Running")]
pub(crate) struct Running {
    /// Number of threads; results do not depend on it [default: all cores]
    #[arg(short = 'j', long, value_name = "N", value_parser = values::count, allow_negative_numbers = true)]
    threads: Option<NonZeroUsize>,
    /// Show only warnings and errors, no progress and no summary
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Print help; --help prints it in full
    #[arg(short, long, action = ArgAction::Help)]
    help: Option<bool>,
}

impl Running {
    pub(crate) fn threads(&self) -> fishervec::Result<Threads> {
        match self.threads {
            Some(n) => Threads::new(n.get()),
            None => Threads::available(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnError {
    /// Stop; no output file changes
    Fail,
    /// Say why, continue without the set (encode: with a row of zeros), and exit with code 3
    Skip,
}

/// The arguments of a command line.
///
/// # Errors
/// A request for help or the version, and a wrong command line.
pub(crate) fn parse(line: &[OsString]) -> Result<Arguments, clap::Error> {
    let mut command = Arguments::command();
    let matches = command.try_get_matches_from_mut(help_first(line))?;
    let mut arguments = Arguments::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
    if let (Command::Fit(fit), Some((_, matches))) = (&mut arguments.command, matches.subcommand()) {
        fit.given = given(&command, matches);
        let mut words = line.iter().take_while(|word| *word != "--").map(|word| word.as_encoded_bytes());
        fit.position.carry = words.any(|word| word == b"--carry" || word.starts_with(b"--carry="));
    }
    Ok(arguments)
}

/// The verb of a command line.
pub(crate) fn verb(line: &[OsString]) -> Option<String> {
    let command = Arguments::command();
    let word = line.get(1)?;
    command.get_subcommands().map(clap::Command::get_name).find(|verb| word == verb).map(str::to_owned)
}

/// A request for help after a verb is answered whatever else the line holds.
fn help_first(line: &[OsString]) -> Vec<OsString> {
    let options = line.iter().skip(2).take_while(|word| *word != "--");
    let help = options.filter(|_| verb(line).is_some()).find(|word| *word == "-h" || *word == "--help");
    match help {
        Some(help) => vec![line[0].clone(), line[1].clone(), help.clone()],
        None => line.to_vec(),
    }
}

/// The long names of the options of `fit` that the command line contains.
fn given(command: &clap::Command, matches: &ArgMatches) -> BTreeSet<String> {
    let options = command.find_subcommand("fit").into_iter().flat_map(clap::Command::get_arguments);
    let is_given = |id: &clap::Id| matches.value_source(id.as_str()) == Some(ValueSource::CommandLine);
    options.filter(|arg| is_given(arg.get_id())).filter_map(|arg| arg.get_long()).map(str::to_owned).collect()
}

/// What is wrong with a command line, in the user's words; `None` for a request for help or the version.
pub(crate) fn complaint(error: &clap::Error, verb: Option<&str>) -> Option<String> {
    let command = Arguments::command();
    let verbs: Vec<_> = command.get_subcommands().map(clap::Command::get_name).collect();
    usage::complaint(error, &verbs, &|option| {
        // What an option expects is what its parser says about an empty value.
        let empty = format!("{option}=");
        let line = [Some("fishervec"), verb, Some(&empty)].into_iter().flatten();
        Arguments::command().try_get_matches_from(line).err()
    })
}

/// Whether the verb has an option of that long name.
pub(crate) fn has_option(verb: &str, long: &str) -> bool {
    let command = Arguments::command();
    let mut options = command.find_subcommand(verb).into_iter().flat_map(clap::Command::get_arguments);
    options.any(|arg| arg.get_long() == Some(long))
}
