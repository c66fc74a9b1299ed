//! The groups of a file and the arrays in them.

use super::dataset::{Dataset, Numbers};
use super::header::Header;
use super::links::{Target, links};
use super::storage::{Storing, invalid};
use crate::error::{Error, Result};
use crate::io::container::ArrayInfo;
use crate::util::natural::natural_order;
use hdf5_reader::messages::{
    MSG_DATA_LAYOUT, MSG_DATASPACE, MSG_GROUP_INFO, MSG_LINK, MSG_LINK_INFO, MSG_SYMBOL_TABLE,
};
use std::collections::{HashMap, HashSet};

/// The largest number of groups around a dataset.
const MAX_DEPTH: usize = 64;
/// The largest number of links to names that lead to each other.
const MAX_LINKS: usize = 16;

/// A group that holds arrays.
#[derive(Debug)]
pub(super) struct Group {
    /// Its path, without a slash at its ends: empty for the root.
    pub(super) path: String,
    /// Its arrays, in the natural order of their names.
    pub(super) arrays: Vec<Array>,
}

/// An array by its name in its group.
#[derive(Debug)]
pub(super) struct Array {
    pub(super) name: String,
    /// The address of its header; 0 if it is in another file.
    address: u64,
    /// What its header says, or why it cannot be read.
    pub(super) dataset: std::result::Result<Dataset, String>,
    /// Whether its columns are descriptors: hloc writes (d, n) beside `keypoints` of n rows.
    pub(super) transposed: bool,
}

/// The groups with arrays, in the natural order of their paths.
///
/// # Errors
/// [`Error::Format`] for damaged lists of names; [`Error::Io`]. An array that cannot be read is no error.
pub(super) fn groups(file: &Storing) -> Result<Vec<Group>> {
    let (seen, left) = (HashSet::from([file.root]), file.section.len());
    let mut walk = Walk { file, groups: Vec::new(), soft: Vec::new(), seen, left };
    let mut open = vec![(String::new(), file.root, 0)];
    while let Some((path, address, depth)) = open.pop() {
        let header = Header::read(file, address)?;
        walk.group(path, &header, depth, &mut open)?;
    }
    let (mut groups, soft) = (walk.groups, walk.soft);
    follow(file, &mut groups, soft)?;
    groups.retain(|group| !group.arrays.is_empty());
    groups.sort_by(|a, b| natural_order(&a.path, &b.path));
    if groups.windows(2).any(|w| w[0].path == w[1].path) {
        return Err(invalid("two groups have the same name"));
    }
    for group in &mut groups {
        group.arrays.sort_by(|a, b| natural_order(&a.name, &b.name));
        if group.arrays.windows(2).any(|w| w[0].name == w[1].name) {
            return Err(invalid("two arrays have the same name"));
        }
    }
    turn(&mut groups);
    Ok(groups)
}

struct Walk<'a> {
    file: &'a Storing,
    groups: Vec<Group>,
    /// Links to names: the group they are in, by its number, their names and targets.
    soft: Vec<(usize, String, String)>,
    /// The addresses of groups that have been found, some of which may be found again.
    seen: HashSet<u64>,
    /// The number of bytes that links may still take: groups that share a list would list it again and again.
    left: u64,
}

impl Walk<'_> {
    /// Adds the arrays of a group, and the groups in it to those that are `open`.
    fn group(
        &mut self,
        path: String,
        header: &Header,
        depth: usize,
        open: &mut Vec<(String, u64, usize)>,
    ) -> Result<()> {
        let mut arrays = Vec::new();
        for (name, target) in links(header, self.file, &mut self.left)? {
            if name.is_empty() || name.contains('/') {
                return Err(invalid(format!("a name that no object can have: {name:?}")));
            }
            let (address, dataset) = match target {
                Target::Object(address) => match object(self.file, address)? {
                    Object::Dataset(dataset) => (address, dataset),
                    Object::Other => continue,
                    Object::Group => {
                        if depth == MAX_DEPTH {
                            return Err(invalid(format!("more than {MAX_DEPTH} groups in each other")));
                        }
                        if self.seen.insert(address) {
                            open.push((join(&path, &name), address, depth + 1));
                        }
                        continue;
                    }
                },
                Target::Soft(target) => {
                    self.soft.push((self.groups.len(), name, target));
                    continue;
                }
                Target::External(other) => {
                    let cure = "copy the array into this file";
                    (0, Err(format!("a link to the file {other}, which is not followed: {cure}")))
                }
            };
            arrays.push(Array { name, address, dataset, transposed: false });
        }
        self.groups.push(Group { path, arrays });
        Ok(())
    }
}

enum Object {
    Group,
    /// A dataset, or why it cannot be read.
    Dataset(std::result::Result<Dataset, String>),
    /// A type, for example.
    Other,
}

/// The object with the header at `address`. One whose header is damaged is an error, since it may be a group.
fn object(file: &Storing, address: u64) -> Result<Object> {
    let header = Header::read(file, address)?;
    let has = |kind| header.get(kind).is_some();
    if [MSG_SYMBOL_TABLE, MSG_LINK_INFO, MSG_LINK, MSG_GROUP_INFO].into_iter().any(has) {
        Ok(Object::Group)
    } else if [MSG_DATASPACE, MSG_DATA_LAYOUT].into_iter().any(has) {
        match Dataset::new(&header, file) {
            Err(error @ Error::Io { .. }) => Err(error),
            read => Ok(Object::Dataset(read.map_err(|error| error.to_string()))),
        }
    } else {
        Ok(Object::Other)
    }
}

/// Adds the arrays that links to names lead to. A link to a group is another name of what is listed already.
fn follow(file: &Storing, groups: &mut [Group], soft: Vec<(usize, String, String)>) -> Result<()> {
    if soft.is_empty() {
        return Ok(());
    }
    let mut objects: HashMap<String, Option<u64>> = HashMap::new();
    for group in &*groups {
        // An array of another file has no header here.
        let here = group.arrays.iter().filter(|array| array.address > 0);
        objects.extend(here.map(|array| (join(&group.path, &array.name), Some(array.address))));
        objects.insert(group.path.clone(), None);
    }
    let links: HashMap<String, String> = soft
        .iter()
        .map(|(group, name, target)| {
            let inside = &groups[*group].path;
            (join(inside, name), absolute(inside, target))
        })
        .collect();
    for (group, name, target) in soft {
        let path = end(&links, join(&groups[group].path, &name));
        let (address, dataset) = match objects.get(&path) {
            Some(None) => continue,
            Some(Some(address)) => match object(file, *address)? {
                Object::Dataset(dataset) => (*address, dataset),
                _ => continue,
            },
            None => (0, Err(format!("a link to {target}, which is not in this file"))),
        };
        groups[group].arrays.push(Array { name, address, dataset, transposed: false });
    }
    Ok(())
}

/// The path that a path leads to, where each of its parts may be one of the `links`.
fn end(links: &HashMap<String, String>, mut path: String) -> String {
    for _ in 0..MAX_LINKS {
        let parts = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        let led = parts.filter_map(|at| Some((links.get(&path[..at])?, &path[at..]))).next();
        match led {
            Some((target, rest)) => path = format!("{target}{rest}").trim_matches('/').to_owned(),
            None => break,
        }
    }
    path
}

/// The path of a name in a group.
pub(super) fn join(group: &str, name: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{group}/{name}") }
}

/// The path that `target` means in a group.
fn absolute(group: &str, target: &str) -> String {
    let whole = if target.starts_with('/') { target.to_owned() } else { join(group, target) };
    whole.split('/').filter(|part| !part.is_empty() && *part != ".").collect::<Vec<_>>().join("/")
}

impl Group {
    pub(super) fn find(&self, name: &str) -> Option<&Array> {
        let at = self.arrays.binary_search_by(|array| natural_order(&array.name, name));
        at.ok().map(|at| &self.arrays[at])
    }

    /// What an error calls it.
    pub(super) fn place(&self) -> &str {
        if self.path.is_empty() { "the root" } else { &self.path }
    }

    /// The shape of `descriptors`, if there are `keypoints` beside them, and the number of these.
    fn descriptors_of_keypoints(&self) -> Option<([usize; 2], usize)> {
        let shape = |name| match self.find(name)?.dataset.as_ref().ok()?.shape[..] {
            [n, d] => Some([n, d]),
            _ => None,
        };
        Some((shape("descriptors")?, shape("keypoints")?[0]))
    }
}

/// Marks descriptors that lie in columns, as hloc writes them: one for each row of `keypoints`. A square
/// array is what the others of the file are, and taken for hloc's if they do not tell.
fn turn(groups: &mut [Group]) {
    let (mut rows, mut columns) = (false, false);
    for ([n, d], keypoints) in groups.iter().filter_map(Group::descriptors_of_keypoints) {
        rows |= n == keypoints && d != keypoints;
        columns |= d == keypoints && n != keypoints;
    }
    for group in groups {
        let Some(([n, d], keypoints)) = group.descriptors_of_keypoints() else { continue };
        let square_rows = n == d && rows && !columns;
        for array in group.arrays.iter_mut().filter(|array| array.name == "descriptors") {
            array.transposed = d == keypoints && !square_rows;
        }
    }
}

impl Array {
    /// What the rules about names need to know of it, under that name.
    pub(super) fn info(&self, name: String) -> ArrayInfo {
        match &self.dataset {
            Ok(Dataset { shape, number, .. }) => {
                let (turned, note) = match shape[..] {
                    [d, n] if self.transposed => (vec![n, d], " (read by columns)"),
                    _ => (shape.clone(), ""),
                };
                let (dtype, stored) = (format!("{}{note}", number.text), number.stored);
                ArrayInfo { name, shape: turned, dtype, stored, readable: true }
            }
            Err(reason) => {
                ArrayInfo { name, shape: Vec::new(), dtype: reason.clone(), stored: None, readable: false }
            }
        }
    }

    /// Why its numbers cannot be read, though its header can.
    pub(super) fn refusal(&self) -> Option<&str> {
        match self.dataset.as_ref().map(|dataset| &dataset.numbers) {
            Ok(Numbers::Refused(reason)) => Some(reason),
            _ => None,
        }
    }
}
