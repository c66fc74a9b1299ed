//! Which arrays of a container are sets: one rule for every format whose arrays have names.

use super::npy::Labels;
use super::rows::{MAX_POSITION_COLUMNS, Stored, rows_and_columns, shape_text};
use super::set::{ArrayNames, SetInFile};
use crate::data::check_offsets;
use crate::error::{Error, Result};
use crate::util::natural::natural_order;
use std::collections::HashMap;

/// The names that descriptors have in the files of common tools; an earlier name goes first.
const NAMES: [&str; 8] =
    ["features", "feats", "patch_embeddings", "embeddings", "descriptors", "desc", "X", "x"];
/// The names of what lies beside descriptors: such an array is taken only if it is asked for.
const NEVER: [&str; 6] = ["coords", "coordinates", "positions", "keypoints", "scores", "labels"];
/// The names of positions, and the largest number of their columns that are found by their name.
const POSITIONS: [&str; 4] = ["coords", "coordinates", "positions", "keypoints"];
const FOUND_COLUMNS: usize = 4;
/// What cuts the array X of a batch into sets.
const BOUNDS: [&str; 2] = ["lengths", "offsets"];
/// The largest number of arrays that an error lists.
const LISTED: usize = 20;

/// An array of a container, as its header describes it.
#[derive(Debug, Clone)]
pub(super) struct ArrayInfo {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    /// Its number type in the format's own words, or why its header cannot be read.
    pub(super) dtype: String,
    /// How its numbers are stored, if they can be descriptors.
    pub(super) stored: Option<Stored>,
    /// Whether its header could be read.
    pub(super) readable: bool,
}

/// A file whose arrays have names.
pub(super) trait Container {
    /// All its arrays, in any order.
    fn arrays(&mut self) -> Result<Vec<ArrayInfo>>;

    /// An array of integers, shape (n,).
    fn integers(&mut self, array: &str) -> Result<Vec<i64>>;

    /// An array of labels, shape (n,).
    fn labels(&mut self, array: &str) -> Result<Labels>;
}

/// The sets of a container.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) sets: Vec<SetInFile>,
    pub(super) labels: Option<Labels>,
    /// Arrays that could hold descriptors too, beside those that were found by their names.
    pub(super) passed_over: Vec<String>,
}

impl From<Vec<SetInFile>> for Contents {
    fn from(sets: Vec<SetInFile>) -> Self {
        Contents { sets, labels: None, passed_over: Vec::new() }
    }
}

/// The sets of a container. The array `wanted` is one set. Otherwise the first of these rules that applies
/// decides:
///
/// 1. X with lengths or offsets is a batch of sets, and y its labels.
/// 2. The first array with one of [`NAMES`] that holds descriptors is one set.
/// 3. All arrays that hold descriptors are one set each, in the natural order of their names, if they have
///    the same number of columns and no other array may be meant as a set. An array with one of the names
///    [`NEVER`] is not among them.
///
/// The array of positions that is asked for is none of these; it must have a row for each row of a set's
/// array. If none is asked for, the first of [`POSITIONS`] beside a set's array that has is noted.
///
/// # Errors
/// [`Error::Arrays`], which lists all arrays, if no rule applies; those of the container.
pub(super) fn contents(container: &mut impl Container, names: ArrayNames<'_>) -> Result<Contents> {
    let mut arrays = container.arrays()?;
    arrays.sort_by(|a, b| natural_order(&a.name, &b.name));
    let is_position = |array: &ArrayInfo| names.positions.is_some_and(|name| array.is_at_end_of(name));
    if names.positions.is_some() && names.positions == names.descriptors {
        return Err(unplaced("one array cannot hold both the descriptors and their positions", &arrays));
    }
    let (beside, others): (Vec<_>, Vec<_>) = arrays.iter().cloned().partition(is_position);
    if let (Some(name), []) = (names.positions, &beside[..]) {
        return Err(unplaced(&format!("there is no array {name}"), &arrays));
    }
    let mut contents = sets_of(container, &others, names.descriptors)?;
    match names.positions {
        Some(name) => give_positions(&mut contents.sets, name, &arrays)?,
        None => find_positions(&mut contents.sets, &arrays),
    }
    Ok(contents)
}

/// The same, without the positions of the sets.
fn sets_of(container: &mut impl Container, arrays: &[ArrayInfo], wanted: Option<&str>) -> Result<Contents> {
    let find = |name: &str| arrays.iter().find(|array| array.name == name);
    if let Some(name) = wanted {
        let array = find(name).ok_or_else(|| unclear(format!("there is no array {name}"), arrays))?;
        let set = array.set().or_else(|| array.nothing());
        let set = set.ok_or_else(|| unclear(array.is_not(), arrays))?;
        return Ok(vec![set].into());
    }
    let like = |name: &&str| arrays.iter().find(|array| array.is_called(name));
    let bounds: Vec<&str> = BOUNDS.iter().filter_map(like).map(|array| array.name.as_str()).collect();
    if let (Some(x), false) = (find("X"), bounds.is_empty()) {
        let batch = batch(container, x, &bounds, find("y").is_some())?;
        return Ok(Contents { passed_over: beside(arrays, "X"), ..batch });
    }
    let named: Vec<&ArrayInfo> = NAMES.iter().filter_map(like).collect();
    let first = named.iter().find_map(|array| array.set());
    let found = match first.or_else(|| named.iter().find_map(|array| array.nothing())) {
        Some(set) => {
            check_orientation(&set, arrays)?;
            Contents { passed_over: beside(arrays, &set.array), ..vec![set].into() }
        }
        None if !named.is_empty() => return Err(unclear(named[0].is_not(), arrays)),
        None => one_set_per_array(arrays)?.into(),
    };
    match bounds.first() {
        Some(bounds) => {
            let array = &found.sets[0].array;
            let reason = format!(
                "{array} beside {bounds} can be one set, or a batch of sets (then the name of {array} must be X)"
            );
            Err(unclear(reason, arrays))
        }
        None => Ok(found),
    }
}

/// The positions of each set, in the array of that name beside its array or at the root.
fn give_positions(sets: &mut [SetInFile], name: &str, arrays: &[ArrayInfo]) -> Result<()> {
    let named: HashMap<&str, &ArrayInfo> = arrays.iter().map(|array| (array.name.as_str(), array)).collect();
    for set in sets {
        let beside = format!("{}{name}", folder(&set.array));
        let Some(positions) = named.get(beside.as_str()).or_else(|| named.get(name)) else {
            return Err(unplaced(&format!("there is no array {name} beside {}", set.array), arrays));
        };
        let n = named.get(set.array.as_str()).and_then(|array| rows_and_columns(&array.shape));
        match (rows_and_columns(&positions.shape), n) {
            (Some((n, columns)), Some((rows, _))) if n == rows && columns <= MAX_POSITION_COLUMNS => {
                (set.positions, set.n_positions) = (Some(positions.name.clone()), columns);
                set.dim += columns;
            }
            (_, n) => {
                let rows = n.map_or(set.rows.len(), |(rows, _)| rows);
                let (array, positions) = (&set.array, &positions.name);
                let reason = format!(
                    "{positions} does not hold the positions of {array}: expected shape ({rows}, L), a row for each \
                     descriptor, L from 1 to {MAX_POSITION_COLUMNS}"
                );
                return Err(unplaced(&reason, arrays));
            }
        }
    }
    Ok(())
}

/// Notes the positions that lie beside each set's array, if it is the only one there.
fn find_positions(sets: &mut [SetInFile], arrays: &[ArrayInfo]) {
    let lower = |name: &str| name.to_ascii_lowercase();
    let named: HashMap<String, &ArrayInfo> = arrays.iter().map(|array| (lower(&array.name), array)).collect();
    let mut holders: HashMap<String, Vec<&str>> = HashMap::new();
    for set in sets.iter() {
        let of_folder = holders.entry(folder(&set.array).to_owned()).or_default();
        if of_folder.last() != Some(&set.array.as_str()) {
            of_folder.push(&set.array);
        }
    }
    let holders: HashMap<String, usize> = holders.into_iter().map(|(name, of)| (name, of.len())).collect();
    let rows = |name: &str| named.get(&lower(name)).and_then(|array| rows_and_columns(&array.shape));
    for set in sets.iter_mut() {
        let place = folder(&set.array).to_owned();
        let Some((n, _)) = rows(&set.array).filter(|_| holders[&place] == 1) else { continue };
        let fits = |name: &String| {
            rows(name)
                .is_some_and(|(rows, columns)| rows == n && columns <= FOUND_COLUMNS && *name != set.array)
        };
        let found = POSITIONS.iter().map(|name| format!("{place}{name}")).find(fits);
        set.positions = found.and_then(|name| named.get(&lower(&name))).map(|array| array.name.clone());
    }
}

/// What is before the last part of a name, with its slash.
fn folder(name: &str) -> &str {
    name.rfind('/').map_or("", |at| &name[..=at])
}

/// The error about positions that are asked for and are not there.
fn unplaced(reason: &str, arrays: &[ArrayInfo]) -> Error {
    let cure = "choose the positions with --positions NAME";
    Error::Arrays { reason: reason.to_owned(), arrays: listed(arrays), cure }
}

fn not_descriptors(array: &str) -> String {
    format!("{array} does not hold descriptors, shape (n, d) or (1, n, d) of floats or bytes")
}

/// The names of the other arrays that could hold descriptors: by their name, or by their shape and type.
fn beside(arrays: &[ArrayInfo], taken: &str) -> Vec<String> {
    let others = arrays.iter().filter(|array| array.name != taken);
    let others = others.filter(|array| array.is_named() || array.unnamed_set().is_some());
    others.map(|other| other.name.clone()).collect()
}

/// Checks that the descriptors have a row, not a column, for each row of what lies beside them.
fn check_orientation(set: &SetInFile, arrays: &[ArrayInfo]) -> Result<()> {
    let per_descriptor = |array: &&ArrayInfo| array.is_aside() && !array.is_called("labels");
    let rows = |array: &ArrayInfo| {
        rows_and_columns(&array.shape).map(|(n, _)| n).or_else(|| array.shape.first().copied())
    };
    let turned = set.dim > 1 && set.dim != set.rows.len();
    match arrays.iter().filter(per_descriptor).find(|array| rows(array) == Some(set.dim)) {
        Some(other) if turned => {
            let (name, other) = (&set.array, &other.name);
            let reason = format!("{name} has one column, not one row, per row of {other}: save {name}.T");
            Err(unclear(reason, arrays))
        }
        _ => Ok(()),
    }
}

fn one_set_per_array(arrays: &[ArrayInfo]) -> Result<Vec<SetInFile>> {
    if let Some(array) = arrays.iter().find(|array| !array.readable) {
        return Err(unclear(format!("{} cannot be read", array.name), arrays));
    }
    let sets: Vec<SetInFile> = arrays.iter().filter_map(ArrayInfo::unnamed_set).collect();
    let Some(first) = sets.first() else {
        return Err(unclear("no array holds descriptors".to_owned(), arrays));
    };
    if let Some(other) = sets.iter().find(|set| set.dim != first.dim) {
        let (a, b) = (&first.array, &other.array);
        return Err(unclear(
            format!("{a} and {b} could both be the descriptors; they differ in width"),
            arrays,
        ));
    }
    match arrays.iter().find(|array| array.may_be_meant_as_set(first.dim)) {
        Some(array) => {
            Err(unclear(format!("{} could be a set, but {}", array.name, not_descriptors("it")), arrays))
        }
        None => Ok(sets),
    }
}

/// The error about a container whose descriptors cannot be told, with all its arrays and the cure.
pub(super) fn unclear(reason: String, arrays: &[ArrayInfo]) -> Error {
    let cure = if arrays.iter().any(|array| array.set().is_some()) {
        "choose the descriptors with --array NAME"
    } else if arrays.iter().any(|array| array.dtype.ends_with('O')) {
        "Python objects are never read, since they may run code: save each set by itself, np.savez(path, *sets)"
    } else {
        "expected an array of shape (n, d) or (1, n, d) of floats or bytes for each set"
    };
    Error::Arrays { reason, arrays: listed(arrays), cure }
}

/// The arrays, each with its shape and its number type.
fn listed(arrays: &[ArrayInfo]) -> String {
    let shown = arrays.iter().take(LISTED).map(|array| match array.readable {
        true => format!("{} {} {}", array.name, shape_text(&array.shape), array.dtype),
        false => format!("{} ({})", array.name, array.dtype),
    });
    let mut text: Vec<String> = shown.collect();
    if arrays.len() > LISTED {
        text.push(format!("and {} more", arrays.len() - LISTED));
    }
    if text.is_empty() { "none".to_owned() } else { text.join(", ") }
}

impl ArrayInfo {
    /// The array as one set, if it holds descriptors.
    pub(super) fn set(&self) -> Option<SetInFile> {
        rows_and_columns(&self.shape).and_then(|shape| self.set_of(shape))
    }

    /// An empty set of an array of shape (0,), which does not tell its number of columns: it is one only if
    /// its name says that it holds descriptors.
    fn nothing(&self) -> Option<SetInFile> {
        if self.shape == [0] { self.set_of((0, 0)) } else { None }
    }

    fn set_of(&self, (n, dim): (usize, usize)) -> Option<SetInFile> {
        let is_f64 = self.stored? == Stored::F64;
        Some(SetInFile {
            name: self.name.clone(),
            array: self.name.clone(),
            rows: 0..n,
            dim,
            n_positions: 0,
            positions: None,
            is_f64,
        })
    }

    /// The same, unless its name says that it holds something else.
    pub(super) fn unnamed_set(&self) -> Option<SetInFile> {
        self.set().filter(|_| !self.is_aside())
    }

    /// Whether its name says that it holds descriptors.
    pub(super) fn is_named(&self) -> bool {
        NAMES.iter().any(|name| self.is_called(name))
    }

    /// Whether it has that name, or one that ends with it after a slash.
    pub(super) fn is_at_end_of(&self, name: &str) -> bool {
        self.name.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('/'))
    }

    pub(super) fn is_called(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Why it is not a set.
    fn is_not(&self) -> String {
        let reason = not_descriptors(&self.name);
        match (&self.shape[..], self.stored) {
            ([_], Some(stored)) if stored != Stored::U8 => {
                format!("{reason}: {} is one vector, such as slide-level features", shape_text(&self.shape))
            }
            _ => reason,
        }
    }

    /// Whether its name says that it lies beside descriptors.
    pub(super) fn is_aside(&self) -> bool {
        NEVER.iter().any(|name| self.is_called(name))
    }

    /// Whether somebody may have saved it as a set of `dim` columns, though it cannot be read as one: a table
    /// of another type, an empty set without columns, or a single descriptor.
    fn may_be_meant_as_set(&self, dim: usize) -> bool {
        let empty = self.shape.contains(&0);
        let single = self.shape == [dim] && self.stored.is_some_and(|stored| stored != Stored::U8);
        self.set().is_none() && !self.is_aside() && (self.shape.len() > 1 || empty || single)
    }
}

fn batch(container: &mut impl Container, x: &ArrayInfo, bounds: &[&str], labelled: bool) -> Result<Contents> {
    let whole = x.set().ok_or_else(|| {
        let (shape, dtype) = (shape_text(&x.shape), &x.dtype);
        invalid(format!("array X: expected shape (n, d) of floats or bytes, got {shape} of '{dtype}'"))
    })?;
    let n_rows = whole.rows.len();
    let mut offsets = None;
    for name in bounds {
        let given = indices(container, name)?;
        let found = match *name {
            name if name.eq_ignore_ascii_case("lengths") => offsets_of(&given, n_rows)?,
            _ => check_offsets(&given, n_rows).map(|()| given)?,
        };
        if offsets.is_some_and(|summed| summed != found) {
            return Err(invalid("the arrays lengths and offsets contradict each other"));
        }
        offsets = Some(found);
    }
    let set =
        |(i, w): (usize, &[usize])| SetInFile { name: i.to_string(), rows: w[0]..w[1], ..whole.clone() };
    let sets: Vec<SetInFile> = offsets.unwrap_or_default().windows(2).enumerate().map(set).collect();
    let labels = if labelled { Some(container.labels("y")?) } else { None };
    match &labels {
        Some(labels) if labels.len() != sets.len() => {
            let (expected, got) = (sets.len(), labels.len());
            Err(invalid(format!("array y: expected {expected} labels, one per set, got {got}")))
        }
        _ => Ok(Contents { labels, ..sets.into() }),
    }
}

fn indices(container: &mut impl Container, array: &str) -> Result<Vec<usize>> {
    let index = |i: i64| {
        usize::try_from(i).map_err(|_| invalid(format!("array {array}: expected at least 0, got {i}")))
    };
    container.integers(array)?.into_iter().map(index).collect()
}

/// The offsets of sets of these lengths, which must sum to `n_rows`.
fn offsets_of(lengths: &[usize], n_rows: usize) -> Result<Vec<usize>> {
    let mut offsets = vec![0];
    for length in lengths {
        let end = offsets[offsets.len() - 1];
        offsets.push(usize::checked_add(end, *length).filter(|end| *end <= n_rows).unwrap_or(usize::MAX));
    }
    match offsets[lengths.len()] {
        total if total == n_rows => Ok(offsets),
        usize::MAX => Err(invalid(format!("the lengths sum to more than the {n_rows} rows of X"))),
        total => Err(invalid(format!("the lengths sum to {total}: expected {n_rows}, the rows of X"))),
    }
}

fn invalid(reason: impl Into<String>) -> Error {
    Error::format("batch", reason)
}

#[cfg(test)]
mod tests;
