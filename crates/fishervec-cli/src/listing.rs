//! From INPUT arguments to the files they stand for: what is in a folder, and what is left out of it.

use crate::exit::Usage;
use crate::labels::Label;
use crate::outputs;
use crate::progress::counted;
use crate::walk::{Entry, Skipped, walk};
use clap::ValueEnum;
use fishervec::Result;
use fishervec::image::Image;
use fishervec::io::SetFile;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The largest number of files of one kind that an error names.
const NAMED: usize = 3;

/// The INPUT arguments, each with all the files it stands for.
#[derive(Debug)]
pub(crate) struct Listing(Vec<(PathBuf, Vec<Found>)>);

/// A file or a folder, and what it is taken for.
type Found = (PathBuf, Taken);

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
    /// If there are files of both kinds and none was asked for.
    pub(crate) fn kind(&self, asked: Option<Kind>) -> anyhow::Result<Kind> {
        let (images, descriptors) = (self.of(Kind::Images), self.of(Kind::Descriptors));
        match (asked, images.is_empty(), descriptors.is_empty()) {
            (Some(kind), ..) => Ok(kind),
            (None, false, true) => Ok(Kind::Images),
            (None, true, _) => Ok(Kind::Descriptors),
            (None, false, false) => anyhow::bail!(
                "the inputs can be meant two ways, since they hold {} and {}: add --input images or --input \
                 descriptors",
                named(&images, "image"),
                named(&descriptors, "descriptor file")
            ),
        }
    }

    /// All files of a kind.
    fn of(&self, kind: Kind) -> Vec<&Path> {
        let all = self.0.iter().flat_map(|(_, found)| found);
        all.filter(|(_, taken)| *taken == Taken::Input(kind)).map(|(path, _)| path.as_path()).collect()
    }

    /// How many files were left out, by ending and reason, where the files of `kind` are taken.
    pub(crate) fn left_out(&self, kind: Kind) -> Option<String> {
        let mut counts: BTreeMap<(String, &str), usize> = BTreeMap::new();
        for (path, taken) in self.0.iter().flat_map(|(_, found)| found) {
            let reason = match taken {
                Taken::Input(of) if *of == kind => continue,
                Taken::Input(Kind::Images) => "an image",
                Taken::Input(Kind::Descriptors) => "descriptors",
                Taken::LeftOut(reason) => reason,
            };
            *counts.entry((ending(path), reason)).or_default() += 1;
        }
        let parts = counts.iter().map(|((ending, reason), n)| format!("{n} {ending} ({reason})"));
        let parts: Vec<String> = parts.collect();
        (!parts.is_empty()).then(|| format!("Left out: {}", parts.join(", ")))
    }

    /// The files of a kind. The label of an image is the subfolder it is in, below the folder that was given.
    ///
    /// # Errors
    /// An INPUT of another kind, or a folder without such files.
    pub(crate) fn files(self, kind: Kind) -> anyhow::Result<Vec<(PathBuf, Option<Label>)>> {
        let mut files = Vec::new();
        for (path, mut found) in self.0 {
            found.retain(|(_, taken)| *taken == Taken::Input(kind));
            if found.is_empty() {
                return Err(kind.missing(&path));
            }
            let label = |file: &Path| match kind {
                Kind::Descriptors => None,
                Kind::Images => subfolder(&path, file).map(Label::Name),
            };
            files.extend(found.into_iter().map(|(file, _)| (file.clone(), label(&file))));
        }
        Ok(files)
    }
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
    // A file with this ending that is not descriptors is a model.
    Taken::LeftOut(if ending(path) == ".safetensors" { "a model" } else { "another format" })
}

/// The ending of a file's name, with its dot, in lower case.
fn ending(path: &Path) -> String {
    if path.is_dir() {
        return "folder".to_owned();
    }
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.map_or_else(|| "without ending".to_owned(), |ending| format!(".{ending}"))
}

/// A number of files, and their names if they are few.
fn named(files: &[&Path], unit: &str) -> String {
    let name = |path: &&Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let names: Vec<String> = files.iter().take(NAMED).map(name).collect();
    let more = if files.len() > NAMED { ", ..." } else { "" };
    format!("{} ({}{more})", counted(files.len(), unit), names.join(", "))
}

impl Kind {
    /// What such a file is called, with the endings it has.
    fn names(self) -> String {
        let (name, endings) = match self {
            Kind::Descriptors => ("a descriptor file", SetFile::endings().join(", .")),
            Kind::Images => ("an image file", Image::endings().join(", .")),
        };
        format!("{name} (.{endings})")
    }

    /// The error about an INPUT that has no file of this kind.
    fn missing(self, path: &Path) -> anyhow::Error {
        let (shown, names) = (path.display(), self.names());
        if path.is_dir() {
            let names = names.split_once(' ').map_or(&names[..], |(_, names)| names);
            return anyhow::anyhow!("{shown}: no {names} in this folder");
        }
        let is_model = self == Kind::Descriptors && ending(path) == ".safetensors";
        let found = if is_model { " is a model" } else { "" };
        Usage(format!("{shown}{found}: expected a folder, or {names}")).into()
    }
}

/// The first folder on the way from `folder` to `file`.
fn subfolder(folder: &Path, file: &Path) -> Option<String> {
    let mut parts = file.strip_prefix(folder).ok()?.components();
    let first = parts.next()?.as_os_str().to_string_lossy().into_owned();
    parts.next().map(|_| first)
}
