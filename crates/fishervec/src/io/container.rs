//! Which arrays of a container are sets: one rule for every format whose arrays have names.

use super::npy::Labels;
use super::rows::shape_text;
use super::set::{ArrayNames, SetInFile};
use crate::data::check_offsets;
use crate::error::{Error, Result};
use crate::util::natural::natural_order;
pub(super) use array::ArrayInfo;
use array::{NAMES, listed, not_descriptors};
use aside::{check_orientation, find_positions, give_positions, unplaced};

/// What cuts the array X of a batch into sets.
const BOUNDS: [&str; 2] = ["lengths", "offsets"];

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
///    the same number of columns and no other array may be meant as a set. An array that is called like what
///    lies beside descriptors, or whose name ends so after a slash, is not among them.
///
/// The array of positions that is asked for is none of these; it must have a row for each row of a set's
/// array. If none is asked for, an array beside a set's that has, and is called like positions, is noted.
///
/// # Errors
/// [`Error::Arrays`], which lists all arrays, if no rule applies, or columns may be the descriptors; those of
/// the container.
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
        Some(set) => Contents { passed_over: beside(arrays, &set.array), ..vec![set].into() },
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
        None => check_orientation(&found.sets, arrays).map(|()| found),
    }
}

/// The names of the other arrays that could hold descriptors: by their name, or by their shape and type.
fn beside(arrays: &[ArrayInfo], taken: &str) -> Vec<String> {
    let others = arrays.iter().filter(|array| array.name != taken);
    let others = others.filter(|array| array.is_named() || array.unnamed_set().is_some());
    others.map(|other| other.name.clone()).collect()
}

fn one_set_per_array(arrays: &[ArrayInfo]) -> Result<Vec<SetInFile>> {
    if let Some(array) = arrays.iter().find(|array| !array.readable && !array.is_aside()) {
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

mod array;
mod aside;
#[cfg(test)]
mod tests;
