//! What sets are called: by the names in their files, and by those of the files.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

/// The longest ending of the name of a file.
const ENDING: usize = 7;

/// A set, as far as a table can name it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Named<'a> {
    /// The file it is in.
    pub(crate) source: &'a Path,
    pub(crate) name: &'a str,
    /// Whether it is the only set of its file, so that the name of the file is its name, too.
    pub(crate) alone: bool,
}

impl Named<'_> {
    /// The name by which a reader knows the set: that of its array says little where it is alone in its file.
    pub(crate) fn shown(&self) -> String {
        match self.source.file_stem().filter(|_| self.alone) {
            Some(stem) => stem.to_string_lossy().into_owned(),
            None => self.name.to_owned(),
        }
    }
}

/// All names of the sets, with the sets that have each.
#[derive(Debug)]
pub(crate) struct Names {
    whole: BTreeMap<String, BTreeSet<usize>>,
    /// Those without their endings, which count if no set has the name otherwise.
    short: BTreeMap<String, BTreeSet<usize>>,
}

impl Names {
    pub(crate) fn new(sets: &[Named<'_>]) -> Self {
        let mut names = Names { whole: BTreeMap::new(), short: BTreeMap::new() };
        let own = first_of_each(sets).into_iter().enumerate().filter(|(i, first)| i == first);
        for (i, set) in own.map(|(i, _)| (i, &sets[i])) {
            names.add(set.name, i);
            let parts = parts(set.source);
            for start in 0..parts.len() {
                let file = parts[start..].join("/");
                let stem = Path::new(&file).with_extension("").to_string_lossy().into_owned();
                for path in [file, stem] {
                    if set.alone {
                        names.add(&path, i);
                    } else {
                        names.add(&format!("{path}/{}", set.name), i);
                    }
                }
            }
        }
        names
    }

    /// Adds a name of a set. That of a file that cannot be opened has none.
    fn add(&mut self, name: &str, set: usize) {
        if name.is_empty() {
            return;
        }
        self.whole.entry(name.to_owned()).or_default().insert(set);
        if let Some(short) = without_ending(name) {
            self.short.entry(short.to_owned()).or_default().insert(set);
        }
    }

    /// The sets that are called so, with or without their endings.
    pub(crate) fn get(&self, text: &str) -> Option<&BTreeSet<usize>> {
        self.get_whole(text).or_else(|| self.short.get(text)).or_else(|| self.short.get(&plain(text)))
    }

    pub(crate) fn get_whole(&self, text: &str) -> Option<&BTreeSet<usize>> {
        self.whole.get(text).or_else(|| self.whole.get(&plain(text)))
    }
}

/// For each set the first that is the same: the only one of a file that is given more than once.
pub(crate) fn first_of_each(sets: &[Named<'_>]) -> Vec<usize> {
    let mut known = BTreeMap::new();
    let sets = sets.iter().enumerate();
    sets.map(|(i, set)| if set.alone { *known.entry(set.source).or_insert(i) } else { i }).collect()
}

/// The folders and the file of a path, without what only says where it begins: `/`, `.` and `..`.
fn parts(path: &Path) -> Vec<Cow<'_, str>> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => parts.push(name.to_string_lossy()),
            Component::ParentDir => drop(parts.pop()),
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
        }
    }
    parts
}

/// A path as [`Names`] has it.
fn plain(text: &str) -> String {
    parts(Path::new(text)).join("/")
}

/// A name without the ending of a file; `None` if it has none.
pub(crate) fn without_ending(name: &str) -> Option<&str> {
    let (stem, ending) = name.rsplit_once('.')?;
    let is_ending = ending.len() <= ENDING
        && ending.starts_with(|c: char| c.is_ascii_alphabetic())
        && ending.chars().all(|c| c.is_ascii_alphanumeric());
    Some(stem).filter(|stem| is_ending && !stem.is_empty() && !stem.ends_with('/'))
}
