//! From INPUT arguments to the files they stand for: what is in a folder, and what is left out of it.

use crate::exit::Usage;
use crate::outputs;
use crate::progress::counted;
use crate::walk::{Entry, Skipped, walk};
use clap::ValueEnum;
use fishervec::Result;
use fishervec::image::Image;
use fishervec::io::{SampleFile, SetFile};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The largest number of files of one kind that an error names.
const NAMED: usize = 3;

/// The INPUT arguments, each with all the files it stands for.
#[derive(Debug)]
pub(crate) struct Listing(Vec<Argument>);

/// An INPUT, and what was found there.
type Argument = (PathBuf, Vec<Found>);

/// A file or a folder, and what it is taken for.
type Found = (PathBuf, Taken);

/// A file of the inputs.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    /// The subfolder of the INPUT that it is in; `None` if it is in the INPUT itself, or is one.
    pub(crate) folder: Option<String>,
    /// The number of the INPUT.
    pub(crate) input: usize,
}

/// What the files of the inputs are taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Descriptor files
    Descriptors,
    /// Image files
    Images,
}

/// What a file in a folder is taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Input(Kind),
    LeftOut(&'static str),
}

/// The files that paths of files and folders stand for, in their order: the number of the path, the file, and
/// the reason if it is not read as descriptors (docs/files.md).
///
/// # Errors
/// A path that does not exist or cannot be listed.
pub fn list_files(paths: &[PathBuf]) -> Result<Vec<(usize, PathBuf, Option<&'static str>)>> {
    let Listing(arguments) = Listing::new(paths)?;
    let files = arguments.into_iter().enumerate().flat_map(|(i, (_, found))| {
        found.into_iter().map(move |(file, taken)| match taken {
            Taken::Input(Kind::Descriptors) => (i, file, None),
            Taken::Input(Kind::Images) => (i, file, Some("an image")),
            Taken::LeftOut(reason) => (i, file, Some(reason)),
        })
    });
    Ok(files.collect())
}

impl Listing {
    /// Lists every folder once. A file that is an INPUT itself is taken as its name says.
    ///
    /// # Errors
    /// An INPUT that does not exist or cannot be listed.
    pub(crate) fn new(arguments: &[PathBuf]) -> Result<Self> {
        let list = |path: &PathBuf| {
            let found = walk(path)?.into_iter().map(|Entry { path: file, skipped }| {
                let taken = match skipped {
                    Some(reason) => Taken::LeftOut(of_walk(reason)),
                    None => taken(&file, file == *path),
                };
                (file, taken)
            });
            Ok((path.clone(), found.collect()))
        };
        arguments.iter().map(list).collect::<Result<_>>().map(Listing)
    }

    /// What the inputs are taken for: what was `asked` for, or else the one kind that there is.
    ///
    /// # Errors
    /// If there are files of both kinds and none was asked for; if there are none of either.
    pub(crate) fn kind(&self, asked: Option<Kind>) -> anyhow::Result<Kind> {
        let (images, descriptors) = (self.of(Kind::Images), self.of(Kind::Descriptors));
        match (asked, images.is_empty(), descriptors.is_empty()) {
            (Some(kind), ..) => Ok(kind),
            (None, false, true) => Ok(Kind::Images),
            (None, true, false) => Ok(Kind::Descriptors),
            (None, true, true) => Err(missing(&self.0[0], &[Kind::Descriptors, Kind::Images])),
            (None, false, false) => anyhow::bail!(
                "the inputs hold both {} and {}: choose --input images or --input descriptors",
                named(&images, "image"),
                named(&descriptors, "descriptor file")
            ),
        }
    }

    /// Whether there are files of both kinds.
    pub(crate) fn is_mixed(&self) -> bool {
        !self.of(Kind::Images).is_empty() && !self.of(Kind::Descriptors).is_empty()
    }

    /// All files of a kind.
    fn of(&self, kind: Kind) -> Vec<&Path> {
        let all = self.0.iter().flat_map(|(_, found)| found);
        all.filter(|(_, taken)| *taken == Taken::Input(kind)).map(|(path, _)| path.as_path()).collect()
    }

    /// How many files of the folders were left out, by ending and reason, where those of `kind` are taken.
    pub(crate) fn left_out(&self, kind: Kind) -> Option<String> {
        let text = counts(&self.0, Some(kind));
        (!text.is_empty()).then(|| format!("Left out: {text}"))
    }

    /// The number of files that are given more than once, as files or as folders that hold them.
    pub(crate) fn repeated(&self) -> usize {
        let mut known = BTreeSet::new();
        let files = self.0.iter().flat_map(|(_, found)| found).filter(|_| self.0.len() > 1);
        let inputs = files.filter(|(_, taken)| matches!(taken, Taken::Input(_)));
        let again = |(path, _): &&Found| path.canonicalize().is_ok_and(|path| !known.insert(path));
        inputs.filter(again).count()
    }

    /// The files of a kind, with the subfolder that each is in, if any, and the number of its INPUT.
    ///
    /// # Errors
    /// An INPUT of another kind, or a folder without such files.
    pub(crate) fn files(self, kind: Kind) -> anyhow::Result<Vec<File>> {
        let mut files = Vec::new();
        for (input, (path, found)) in self.0.into_iter().enumerate() {
            let taken = |(_, taken): &&Found| *taken == Taken::Input(kind);
            let of_kind: Vec<PathBuf> = found.iter().filter(taken).map(|(file, _)| file.clone()).collect();
            if of_kind.is_empty() {
                return Err(missing(&(path, found), &[kind]));
            }
            let file = |file: PathBuf| File { folder: subfolder(&path, &file), path: file, input };
            files.extend(of_kind.into_iter().map(file));
        }
        Ok(files)
    }
}

/// The numbers of the files of folders that are not of `kind`, by ending and reason.
fn counts(inputs: &[Argument], kind: Option<Kind>) -> String {
    let mut counts: BTreeMap<(String, &str), usize> = BTreeMap::new();
    for (input, found) in inputs {
        for (path, taken) in found.iter().filter(|(path, _)| path != input) {
            let reason = match taken {
                Taken::Input(of) if Some(*of) == kind => continue,
                Taken::Input(Kind::Images) => "an image",
                Taken::Input(Kind::Descriptors) => "descriptors",
                Taken::LeftOut(reason) => reason,
            };
            *counts.entry((ending(path), reason)).or_default() += 1;
        }
    }
    let part = |((ending, reason), n): (&(String, &str), &usize)| match ending.as_str() {
        "" => format!("{} without ending ({reason})", counted(*n, "file")),
        "folder" => format!("{} ({reason})", counted(*n, "folder")),
        _ => format!("{n} {ending} ({reason})"),
    };
    counts.iter().map(part).collect::<Vec<_>>().join(", ")
}

/// The error about an INPUT that has no file of these kinds.
fn missing(input: &Argument, kinds: &[Kind]) -> anyhow::Error {
    let (path, shown) = (&input.0, input.0.display());
    if path.is_dir() {
        let names: Vec<String> = kinds.iter().map(|kind| format!("no {}", kind.names())).collect();
        let left_out = counts(std::slice::from_ref(input), None);
        let left_out = if left_out.is_empty() { left_out } else { format!(" (left out: {left_out})") };
        return anyhow::anyhow!("{shown}: {} in this folder{left_out}", names.join(" and "));
    }
    let is_ours = kinds.contains(&Kind::Descriptors) && ending(path) == ".safetensors";
    let found = match is_ours {
        true if SampleFile::is_one(path) => " is a sample, which only `fishervec fit` reads",
        true => " is a model",
        false => "",
    };
    let article = |kind: &Kind| if *kind == Kind::Images { "an" } else { "a" };
    let names: Vec<String> = kinds.iter().map(|kind| format!("{} {}", article(kind), kind.names())).collect();
    Usage(format!("{shown}{found}: expected a folder, or {}", names.join(", or "))).into()
}

/// The reason why a folder's entry was not followed, as the summary says it.
fn of_walk(reason: Skipped) -> &'static str {
    match reason {
        Skipped::Hidden => "hidden",
        Skipped::Special => "not a regular file",
        Skipped::Loop => "a link to a folder around it",
        Skipped::Again => "a link to a folder that is listed already",
    }
}

/// What a file is taken for: `alone` if it is an INPUT itself, not one of a folder.
fn taken(path: &Path, alone: bool) -> Taken {
    if SetFile::is_one(path) {
        return match !alone && outputs::is_output(path) {
            true => Taken::LeftOut("written by encode"),
            false => Taken::Input(Kind::Descriptors),
        };
    }
    if Image::is_one(path) {
        return Taken::Input(Kind::Images);
    }
    // A file with this ending that is not descriptors is a model or a sample.
    Taken::LeftOut(match ending(path) == ".safetensors" {
        true if SampleFile::is_one(path) => "a sample",
        true => "a model",
        false => "another format",
    })
}

/// The ending of a file's name, with its dot, in lower case; "folder" for a folder.
fn ending(path: &Path) -> String {
    if path.is_dir() {
        return "folder".to_owned();
    }
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.map_or_else(String::new, |ending| format!(".{ending}"))
}

/// A number of files, and their names if they are few.
fn named(files: &[&Path], unit: &str) -> String {
    let name = |path: &&Path| path.strip_prefix(".").unwrap_or(path).display().to_string();
    let names: Vec<String> = files.iter().take(NAMED).map(name).collect();
    let more = if files.len() > NAMED { ", ..." } else { "" };
    format!("{} ({}{more})", counted(files.len(), unit), names.join(", "))
}

impl Kind {
    /// What such a file is called, with the endings it has.
    fn names(self) -> String {
        let (name, endings) = match self {
            Kind::Descriptors => ("descriptor file", SetFile::endings().join(", .")),
            Kind::Images => ("image file", Image::endings().join(", .")),
        };
        format!("{name} (.{endings})")
    }
}

/// The first folder on the way from `folder` to `file`.
fn subfolder(folder: &Path, file: &Path) -> Option<String> {
    let mut parts = file.strip_prefix(folder).ok()?.components();
    let first = parts.next()?.as_os_str().to_string_lossy().into_owned();
    parts.next().map(|_| first)
}
