//! The command's files import each other in one direction.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The modules that each module names after `crate::`; a folder counts as the module of its name.
fn imports(folder: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut folders = vec![(folder.to_owned(), None)];
    while let Some((folder, module)) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let module = module.clone().unwrap_or(name);
            if path.is_dir() {
                folders.push((path, Some(module)));
                continue;
            }
            let code = fs::read_to_string(&path).unwrap().replace("crate::{", "crate::");
            let grouped = code.split("crate::").skip(1).flat_map(|rest| {
                let list = rest.split([';', '}']).next().unwrap_or_default();
                let first =
                    list.split(", ").map(|name| name.split(|c: char| !c.is_alphanumeric() && c != '_'));
                first.filter_map(|mut name| name.next().map(str::to_owned)).collect::<Vec<_>>()
            });
            imports.entry(module.clone()).or_default().extend(grouped.filter(|name| *name != module));
        }
    }
    let known: BTreeSet<String> = imports.keys().cloned().collect();
    imports.values_mut().for_each(|names| names.retain(|name| known.contains(name)));
    imports
}

#[test]
fn no_file_imports_one_that_imports_it() {
    let mut left = imports(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(left["fit"].contains("settings") && left["inputs"].contains("labels"), "{left:?}");
    assert!(left["fit"].contains("destination"), "a grouped import is seen: {left:?}");
    // Modules whose imports are all gone are removed until none is left: a circle would stay.
    while !left.is_empty() {
        let ready: Vec<String> =
            left.iter().filter(|(_, names)| names.is_empty()).map(|(name, _)| name.clone()).collect();
        assert!(!ready.is_empty(), "these import each other in a circle: {left:?}");
        left.retain(|name, _| !ready.contains(name));
        left.values_mut().for_each(|names| names.retain(|name| !ready.contains(name)));
    }
}
