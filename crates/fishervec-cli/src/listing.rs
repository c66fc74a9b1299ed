//! From INPUT arguments to the files they stand for: what is in a folder or in a list, and what is left out.

use crate::arrays::Arrays;
use crate::exit::{Usage, usage_error};
use crate::outputs;
use crate::progress::counted;
use crate::walk::{Entry, Skipped, walk};
use clap::ValueEnum;
use fishervec::Result;
use fishervec::image::Image;
use fishervec::io::{Contents, List, ListedFile, SampleFile, SetFile, Stamp};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The largest number of files of one kind that an error names.
const NAMED: usize = 3;

/// The inputs, each with all the files it stands for.
#[derive(Debug)]
pub(crate) struct Listing {
    inputs: Vec<Input>,
    lists: Vec<Listed>,
    /// Whether there are several INPUT arguments, so that a file may be in two.
    several: bool,
}

/// A list among the INPUT arguments, and the arrays that it was scanned with.
#[derive(Debug)]
struct Listed {
    path: PathBuf,
    arrays: Arrays,
}

/// An INPUT, or one that a list was made of, and what was found there.
#[derive(Debug)]
struct Input {
    path: PathBuf,
    found: Vec<Found>,
}

/// A file or a folder, what it is taken for, and what a list says about it.
#[derive(Debug)]
struct Found {
    path: PathBuf,
    taken: Taken,
    scanned: Option<(Stamp, Contents)>,
}

/// A file of the inputs.
#[derive(Debug)]
pub(crate) struct File {
    pub(crate) path: PathBuf,
    /// The subfolder of the INPUT that it is in; `None` if it is in the INPUT itself, or is one.
    pub(crate) folder: Option<String>,
    /// The number of the INPUT.
    pub(crate) input: usize,
    /// What a list says about it.
    pub(crate) scanned: Option<(Stamp, Contents)>,
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
    let inputs = paths.iter().map(|path| Input::new(path)).collect::<Result<Vec<_>>>()?;
    let files = inputs.into_iter().enumerate().flat_map(|(i, input)| {
        input.found.into_iter().map(move |Found { path, taken, .. }| match taken {
            Taken::Input(Kind::Descriptors) => (i, path, None),
            Taken::Input(Kind::Images) => (i, path, Some("an image")),
            Taken::LeftOut(reason) => (i, path, Some(reason)),
        })
    });
    Ok(files.collect())
}

impl Input {
    /// The files of a folder, or a file, which is taken as its name says.
    fn new(path: &Path) -> Result<Self> {
        let found = walk(path)?.into_iter().map(|Entry { path: file, skipped }| {
            let taken = match skipped {
                Some(reason) => Taken::LeftOut(of_walk(reason)),
                None => taken(&file, file == *path),
            };
            Found { path: file, taken, scanned: None }
        });
        Ok(Input { path: path.to_owned(), found: found.collect() })
    }

    /// The inputs that a list was made of: its folders, and the files that were inputs themselves.
    fn of_list(list: List) -> Vec<Self> {
        let mut inputs: Vec<(Option<usize>, Input)> = Vec::new();
        for ListedFile { path, folder, stamp, contents } in list.files {
            let is_same = |(last, _): &(Option<usize>, Input)| folder.is_some() && *last == folder;
            if !inputs.last().is_some_and(is_same) {
                let of_folder = folder.and_then(|folder| list.folders.get(folder));
                let path = of_folder.unwrap_or(&path).clone();
                inputs.push((folder, Input { path, found: Vec::new() }));
            }
            let kind = match contents {
                Contents::Sets { .. } => Kind::Descriptors,
                Contents::Image { .. } => Kind::Images,
            };
            let found = Found { path, taken: Taken::Input(kind), scanned: Some((stamp, contents)) };
            if let Some((_, input)) = inputs.last_mut() {
                input.found.push(found);
            }
        }
        inputs.into_iter().map(|(_, input)| input).collect()
    }
}

impl Listing {
    /// Lists every folder once, and reads lists, whose paths are relative to `root` if it is given.
    ///
    /// # Errors
    /// An INPUT that does not exist or cannot be listed; a `root` without a list.
    pub(crate) fn new(arguments: &[PathBuf], root: Option<&Path>) -> anyhow::Result<Self> {
        let several = arguments.len() > 1;
        let mut listing = Listing { inputs: Vec::new(), lists: Vec::new(), several };
        for path in arguments {
            if !List::is_one(path) {
                listing.inputs.push(Input::new(path)?);
                continue;
            }
            let list = List::load(path, root)?;
            let (array, positions) = (list.array.clone(), list.positions.clone());
            listing.lists.push(Listed { path: path.clone(), arrays: Arrays { array, positions } });
            listing.inputs.extend(Input::of_list(list));
        }
        if root.is_some() && listing.lists.is_empty() {
            usage_error!(
                "--root: expected a list among the inputs (LIST.jsonl, from fishervec scan), got none"
            );
        }
        Ok(listing)
    }

    /// The lists among the INPUT arguments.
    pub(crate) fn lists(&self) -> impl Iterator<Item = &Path> {
        self.lists.iter().map(|list| list.path.as_path())
    }

    /// The arrays that are read: those that are `asked` for, or that lists were scanned with.
    ///
    /// # Errors
    /// If inputs are to be read from different arrays.
    pub(crate) fn arrays(&self, asked: Arrays) -> anyhow::Result<Arrays> {
        let Some(first) = self.lists.first() else { return Ok(asked) };
        let plain = self.inputs.iter().flat_map(|input| &input.found).any(|found| found.scanned.is_none());
        for (option, of) in Arrays::OPTIONS {
            let other = self.lists.iter().find(|list| of(&list.arrays) != of(&first.arrays));
            let wanted = of(&asked).is_some() && of(&asked) != of(&first.arrays);
            let missing = plain && of(&asked) != of(&first.arrays);
            if other.is_some() || wanted || missing {
                let list = other.unwrap_or(first);
                let was = match of(&list.arrays) {
                    Some(name) => format!("with --{option} {name}"),
                    None => format!("without --{option}"),
                };
                usage_error!(
                    "--{option}: {} was scanned {was}: scan it again, or ask for the same of all inputs",
                    list.path.display()
                );
            }
        }
        Ok(first.arrays.clone())
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
            (None, true, true) => Err(missing(&self.inputs[0], &[Kind::Descriptors, Kind::Images])),
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
        let all = self.inputs.iter().flat_map(|input| &input.found);
        all.filter(|found| found.taken == Taken::Input(kind)).map(|found| found.path.as_path()).collect()
    }

    /// How many files of the folders were left out, by ending and reason, where those of `kind` are taken.
    pub(crate) fn left_out(&self, kind: Kind) -> Option<String> {
        let text = counts(&self.inputs, Some(kind));
        (!text.is_empty()).then(|| format!("Left out: {text}"))
    }

    /// The number of files that are given more than once, as files or as folders that hold them.
    pub(crate) fn repeated(&self) -> usize {
        let mut known = BTreeSet::new();
        let files = self.inputs.iter().flat_map(|input| &input.found).filter(|_| self.several);
        let inputs = files.filter(|found| matches!(found.taken, Taken::Input(_)));
        let again = |found: &&Found| found.path.canonicalize().is_ok_and(|path| !known.insert(path));
        inputs.filter(again).count()
    }

    /// The inputs, and the files of a kind, with the subfolder that each is in, if any, and the number of its
    /// input.
    ///
    /// # Errors
    /// An INPUT of another kind, or a folder without such files.
    pub(crate) fn files(self, kind: Kind) -> anyhow::Result<(Vec<PathBuf>, Vec<File>)> {
        let (mut paths, mut files) = (Vec::new(), Vec::new());
        for (number, input) in self.inputs.into_iter().enumerate() {
            if !input.found.iter().any(|found| found.taken == Taken::Input(kind)) {
                return Err(missing(&input, &[kind]));
            }
            let of_kind = input.found.into_iter().filter(|found| found.taken == Taken::Input(kind));
            files.extend(of_kind.map(|Found { path, scanned, .. }| File {
                folder: subfolder(&input.path, &path),
                path,
                input: number,
                scanned,
            }));
            paths.push(input.path);
        }
        Ok((paths, files))
    }
}

/// The numbers of the files of folders that are not of `kind`, by ending and reason.
fn counts(inputs: &[Input], kind: Option<Kind>) -> String {
    let mut counts: BTreeMap<(String, &str), usize> = BTreeMap::new();
    for input in inputs {
        for Found { path, taken, .. } in input.found.iter().filter(|found| found.path != input.path) {
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
fn missing(input: &Input, kinds: &[Kind]) -> anyhow::Error {
    let (path, shown) = (&input.path, input.path.display());
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
    let mut names: Vec<String> =
        kinds.iter().map(|kind| format!("{} {}", article(kind), kind.names())).collect();
    if ending(path) == ".jsonl" {
        names.push("a list (.jsonl) from fishervec scan".to_owned());
    }
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
    Taken::LeftOut(match ending(path).as_str() {
        // A file with this ending that is not descriptors is a model or a sample.
        ".safetensors" if SampleFile::is_one(path) => "a sample",
        ".safetensors" => "a model",
        ".jsonl" if List::is_one(path) => "a list",
        _ => "another format",
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
