//! Which arrays of a file of groups are sets. In each group the rule of all containers applies; here is what
//! it is applied to.

use super::tree::{Array, Group, join};
use super::view::View;
use crate::error::{Error, Result};
use crate::io::container::{ArrayInfo, Contents, contents, unclear};
use crate::io::set::{ArrayNames, SetInFile};

/// The largest number of arrays that were passed over and are named.
const NAMED: usize = 20;

/// What a group holds, as far as names and shapes tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// An array whose name says that it holds descriptors.
    Named,
    /// Arrays that may be sets.
    Unnamed,
    /// What lies beside descriptors, but no descriptors.
    Beside,
    /// Something that cannot be read.
    Unreadable,
    Nothing,
}

/// The sets of a file whose single set at the root would be called `stem`. The first of these rules that
/// applies decides:
///
/// 1. The array that is asked for, if it is a path, is one set; if it is a name, each array of that name is.
/// 2. The root holds an array with one of the known names: the rule of containers applies to it.
/// 3. Groups hold such arrays: the rule applies to each of these, whose path is the name of its set.
/// 4. The rule applies to all arrays of all groups together.
///
/// Positions that are asked for are in the group of their set: by that name, or that path.
///
/// # Errors
/// [`Error::Arrays`] if it is not clear which arrays are sets; those of the rule.
pub(super) fn sets(view: &View<'_>, stem: &str, names: ArrayNames<'_>) -> Result<Contents> {
    let positions = names.positions.map(|name| name.trim_matches('/'));
    if let Some(wanted) = names.descriptors {
        return asked_for(view, stem, wanted.trim_matches('/'), positions);
    }
    let holds: Vec<Holds> = view.groups.iter().map(holds).collect();
    let root = view.groups.first().filter(|group| group.path.is_empty());
    if let Some(root) = root.filter(|_| holds[0] == Holds::Named) {
        let mut found = of_group(view, root, stem, None, positions)?;
        let others =
            view.groups[1..].iter().flat_map(|group| candidates(group).map(|name| join(&group.path, name)));
        found.passed_over.extend(others);
        shorten(&mut found.passed_over);
        return Ok(found);
    }
    if !holds.contains(&Holds::Named) {
        return all_arrays(view, stem, positions);
    }
    let of_groups = view.groups.iter().zip(&holds);
    of_groups.clone().try_for_each(|(group, holds)| check_without_name(view, group, *holds))?;
    let named = of_groups.filter(|(_, holds)| **holds == Holds::Named);
    together(named.map(|(group, _)| of_group(view, group, stem, None, positions)))
}

fn holds(group: &Group) -> Holds {
    let arrays: Vec<ArrayInfo> = group.arrays.iter().map(|array| array.info(array.name.clone())).collect();
    if arrays.iter().any(ArrayInfo::is_named) {
        Holds::Named
    } else if arrays.iter().any(|array| array.unnamed_set().is_some()) {
        Holds::Unnamed
    } else if arrays.iter().any(|array| array.is_aside() && !array.is_called("labels")) {
        Holds::Beside
    } else if arrays.iter().any(|array| !array.readable) {
        Holds::Unreadable
    } else {
        Holds::Nothing
    }
}

/// The names of the arrays of a group that could be descriptors.
fn candidates(group: &Group) -> impl Iterator<Item = &str> {
    let could = |array: &&Array| array.info(array.name.clone()).unnamed_set().is_some();
    group.arrays.iter().filter(could).map(|array| array.name.as_str())
}

/// Checks that a group without a known name, beside groups that have one, does not hold a set either.
fn check_without_name(view: &View<'_>, group: &Group, holds: Holds) -> Result<()> {
    let place = group.place();
    let reason = match holds {
        Holds::Named | Holds::Nothing => return Ok(()),
        Holds::Unnamed => {
            let name = candidates(group).next().unwrap_or_default();
            format!(
                "{} could be a set too, but other groups have a name that says so",
                join(&group.path, name)
            )
        }
        Holds::Unreadable => {
            let odd = group.arrays.iter().find(|array| array.dataset.is_err());
            format!("{} cannot be read", join(&group.path, odd.map_or("", |array| &array.name)))
        }
        Holds::Beside => format!("{place} holds no descriptors beside its {}", group.arrays[0].name),
    };
    Err(unclear(reason, &view.infos()))
}

/// The sets of one group.
fn of_group(
    view: &View<'_>,
    group: &Group,
    stem: &str,
    descriptors: Option<&str>,
    positions: Option<&str>,
) -> Result<Contents> {
    let place = |error: Error| match group.path.as_str() {
        "" => error,
        path => error.at(format!("group {path}")),
    };
    let inside = |path| str::strip_prefix(path, &group.path[..])?.strip_prefix('/');
    let positions = positions.map(|path| inside(path).unwrap_or(path));
    let mut found = contents(&mut view.of(group), ArrayNames { descriptors, positions }).map_err(place)?;
    let name = if group.path.is_empty() { stem } else { &group.path };
    let one = matches!(&found.sets[..], [set] if set.name == set.array);
    for set in &mut found.sets {
        set.name = if one { name.to_owned() } else { join(&group.path, &set.name) };
        set.array = join(&group.path, &set.array);
        set.positions = set.positions.take().map(|name| join(&group.path, &name));
    }
    Ok(found)
}

fn asked_for(view: &View<'_>, stem: &str, wanted: &str, positions: Option<&str>) -> Result<Contents> {
    let (path, name) = wanted.rsplit_once('/').unwrap_or(("", wanted));
    let one = view.groups.iter().find(|group| group.path == path && group.find(name).is_some());
    if let Some(group) = one {
        return of_group(view, group, stem, Some(name), positions);
    }
    let has = |group: &&Group| group.find(wanted).is_some();
    let Some(_) = view.groups.iter().find(has) else {
        return Err(unclear(format!("there is no array {wanted}"), &view.infos()));
    };
    let without = view.groups.iter().find(|group| !has(group) && holds(group) != Holds::Nothing);
    if let Some(group) = without {
        let reason = format!("{} has no array {wanted}, other groups have one", group.place());
        return Err(unclear(reason, &view.infos()));
    }
    let of = |group| of_group(view, group, stem, Some(wanted), positions);
    together(view.groups.iter().filter(has).map(of))
}

/// The rule of containers, for the arrays of all groups by their paths.
fn all_arrays(view: &View<'_>, stem: &str, positions: Option<&str>) -> Result<Contents> {
    let names = ArrayNames { descriptors: None, positions };
    let mut found = contents(&mut view.whole(), names)?;
    if let [SetInFile { name, array, .. }] = &mut found.sets[..] {
        let group = array.rsplit_once('/').map_or(stem, |(group, _)| group);
        *name = group.to_owned();
    }
    Ok(found)
}

/// The sets of several groups. A file of groups has no labels.
fn together(groups: impl Iterator<Item = Result<Contents>>) -> Result<Contents> {
    let mut all = Contents::from(Vec::new());
    for found in groups {
        let found = found?;
        all.sets.extend(found.sets);
        for name in found.passed_over {
            if all.passed_over.len() < NAMED && !all.passed_over.contains(&name) {
                all.passed_over.push(name);
            }
        }
    }
    Ok(all)
}

fn shorten(names: &mut Vec<String>) {
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    if more > 0 {
        names.push(format!("and {more} more"));
    }
}
