//! What lies beside descriptors: their positions, and what tells their rows from their columns.

use super::array::{ArrayInfo, folder, listed};
use crate::error::{Error, Result};
use crate::io::rows::{MAX_POSITION_COLUMNS, rows_and_columns};
use crate::io::set::SetInFile;
use std::collections::HashMap;

/// The names of positions, and the largest number of their columns that are found by their name.
const POSITIONS: [&str; 4] = ["coords", "coordinates", "positions", "keypoints"];
const FOUND_COLUMNS: usize = 4;

/// Rows and columns of an array of descriptors or positions. An array of shape (0,) has no rows; it does not
/// tell its columns, which are 0 here.
fn size(array: &ArrayInfo) -> Option<(usize, usize)> {
    if array.shape == [0] { Some((0, 0)) } else { rows_and_columns(&array.shape) }
}

/// The arrays by their names.
fn by_name(arrays: &[ArrayInfo]) -> HashMap<&str, &ArrayInfo> {
    arrays.iter().map(|array| (array.name.as_str(), array)).collect()
}

/// The number of arrays of sets in each folder.
fn holders(sets: &[SetInFile]) -> HashMap<&str, usize> {
    let mut arrays: Vec<&str> = sets.iter().map(|set| set.array.as_str()).collect();
    arrays.dedup();
    let mut holders = HashMap::new();
    arrays.into_iter().for_each(|array| *holders.entry(folder(array)).or_default() += 1);
    holders
}

/// The positions of each set, in the array of that name beside its array or at the root.
pub(super) fn give_positions(sets: &mut [SetInFile], name: &str, arrays: &[ArrayInfo]) -> Result<()> {
    let named = by_name(arrays);
    for set in sets {
        let beside = format!("{}{name}", folder(&set.array));
        let Some(positions) = named.get(beside.as_str()).or_else(|| named.get(name)) else {
            return Err(unplaced(&format!("there is no array {name} beside {}", set.array), arrays));
        };
        let own = named.get(set.array.as_str()).and_then(|array| size(array));
        match (size(positions), own) {
            // One of the two does not tell its number of columns, so that both do not.
            (Some((0, columns)), Some((0, d))) if columns == 0 || d == 0 => {
                (set.positions, set.n_positions, set.dim) = (Some(positions.name.clone()), 0, 0);
            }
            (Some((n, columns)), Some((rows, _))) if n == rows && columns <= MAX_POSITION_COLUMNS => {
                (set.positions, set.n_positions) = (Some(positions.name.clone()), columns);
                set.dim += columns;
            }
            (_, own) => {
                let rows = own.map_or(set.rows.len(), |(rows, _)| rows);
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
pub(super) fn find_positions(sets: &mut [SetInFile], arrays: &[ArrayInfo]) {
    let lower = |name: &str| name.to_ascii_lowercase();
    let any_case: HashMap<String, &ArrayInfo> =
        arrays.iter().map(|array| (lower(&array.name), array)).collect();
    let (named, holders) = (by_name(arrays), holders(sets));
    let found = |set: &SetInFile| {
        let place = folder(&set.array);
        let (n, _) = named.get(set.array.as_str()).and_then(|array| size(array))?;
        let fits = |array: &&ArrayInfo| {
            let fits = size(array).is_some_and(|(rows, columns)| rows == n && columns <= FOUND_COLUMNS);
            fits && array.name != set.array
        };
        let beside = POSITIONS.iter().filter_map(|name| any_case.get(&lower(&format!("{place}{name}"))));
        let alone = holders.get(place) == Some(&1);
        beside.copied().find(fits).filter(|_| alone).map(|array| array.name.clone())
    };
    let positions: Vec<Option<String>> = sets.iter().map(found).collect();
    for (set, positions) in sets.iter_mut().zip(positions) {
        set.positions = positions;
    }
}

/// Checks that descriptors that are the only ones of their folder have a row, not a column, for each row of
/// what lies beside them.
///
/// # Errors
/// [`Error::Arrays`] if they have a column for each, and nothing there has as many rows as they.
pub(super) fn check_orientation(sets: &[SetInFile], arrays: &[ArrayInfo]) -> Result<()> {
    let mut aside: HashMap<&str, Vec<&ArrayInfo>> = HashMap::new();
    for array in arrays.iter().filter(|array| array.is_aside() && !array.is_called("labels")) {
        aside.entry(folder(&array.name)).or_default().push(array);
    }
    let holders = holders(sets);
    let n_rows = |array: &ArrayInfo| {
        rows_and_columns(&array.shape).map(|(n, _)| n).or_else(|| array.shape.first().copied())
    };
    for set in sets.iter().filter(|set| set.dim > 1 && holders[folder(&set.array)] == 1) {
        let beside = aside.get(folder(&set.array)).map(Vec::as_slice).unwrap_or_default();
        let with = |n: usize| beside.iter().find(|array| n_rows(array) == Some(n));
        if let (None, Some(other)) = (with(set.rows.len()), with(set.dim)) {
            let (name, other) = (&set.array, &other.name);
            let reason = format!("{name} has one column, not one row, per row of {other}: save {name}.T");
            let cure = "or if its rows are the descriptors, say so with --array NAME";
            return Err(Error::Arrays { reason, arrays: listed(arrays), cure });
        }
    }
    Ok(())
}

/// The error about positions that are asked for and are not there.
pub(super) fn unplaced(reason: &str, arrays: &[ArrayInfo]) -> Error {
    let cure = "choose the positions with --positions NAME";
    Error::Arrays { reason: reason.to_owned(), arrays: listed(arrays), cure }
}
