//! The order of the library's modules: imports point one way, and no two files need each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The top-level modules; each may import the ones before it.
const ORDER: [&str; 15] = [
    "error",
    "util",
    "simd",
    "shards",
    "data",
    "preprocess",
    "mixture",
    "encode",
    "image",
    "io",
    "pipeline",
    "model",
    "evaluate",
    "explain",
    "report",
];

/// The path of a module or of a name in one: `["encode", "fisher", "spatial"]`.
type Names = Vec<String>;

struct File {
    text: String,
    /// Whether it is a `mod.rs`, which only hands on the names of its folder.
    facade: bool,
}

fn read(folder: &Path, inside: &Names, files: &mut BTreeMap<Names, File>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let name: Names = inside.iter().cloned().chain([stem.clone()]).collect();
        if path.is_dir() {
            read(&path, &name, files);
        } else if !["lib", "tests"].contains(&stem.as_str()) {
            let text = fs::read_to_string(&path).unwrap();
            let lines = text.split("#[cfg(test)]\nmod tests {").next().unwrap().lines();
            let text =
                lines.filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join(" ");
            let facade = stem == "mod";
            files.insert(if facade { inside.clone() } else { name }, File { text, facade });
        }
    }
}

/// `a::{b, c::{d, e}}` as `a::b`, `a::c::d`, `a::c::e`.
fn expand(path: &str) -> Vec<String> {
    let Some(open) = path.find('{') else { return vec![path.trim().to_owned()] };
    let (head, rest) = (path[..open].trim(), &path[open + 1..path.rfind('}').unwrap()]);
    let (mut depth, mut start, mut out) = (0, 0, Vec::new());
    for (i, letter) in rest.char_indices().chain([(rest.len(), ',')]) {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 && rest[start..i].trim().is_empty() => {}
            ',' if depth == 0 => {
                out.extend(expand(&rest[start..i]).into_iter().map(|part| format!("{head}{part}")));
                start = i + 1;
            }
            _ => {}
        }
    }
    out
}

/// The names that the `use` declarations of a file name, as paths from the root.
fn imports(file: &File, module: &Names, files: &BTreeMap<Names, File>) -> Vec<Names> {
    // What follows the word `use`, not the end of another word.
    let declarations = file.text.split(';').filter_map(|statement| statement.rsplit_once("use "));
    let declarations = declarations.filter(|(before, _)| !before.ends_with(char::is_alphanumeric));
    let absolute = |path: String| {
        let mut parts: Names = path.split("::").map(|part| part.trim().to_owned()).collect();
        let mut base: Names = match parts[0].as_str() {
            "crate" => vec![],
            "super" => module[..module.len() - 1].to_vec(),
            _ => module.clone(),
        };
        if ["crate", "super"].contains(&parts[0].as_str()) {
            parts.remove(0);
        }
        base.extend(parts);
        base
    };
    let inside = |path: &Names| (1..=path.len()).any(|n| files.contains_key(&path[..n]));
    declarations.flat_map(|(_, path)| expand(path)).map(absolute).filter(inside).collect()
}

/// The file that a name comes from, through the facades that hand it on.
fn origin(path: &Names, files: &BTreeMap<Names, File>) -> Names {
    let module = (1..=path.len()).rev().map(|n| path[..n].to_vec()).find(|n| files.contains_key(n)).unwrap();
    let file = &files[&module];
    let handed_on = || imports(file, &module, files).into_iter().find(|name| name.last() == path.last());
    match file.facade && path.len() > module.len() {
        true => handed_on()
            .map_or(module.clone(), |name| if name == *path { module } else { origin(&name, files) }),
        false => module,
    }
}

/// What each file imports of other files of this crate.
fn graph() -> BTreeMap<String, BTreeSet<String>> {
    let mut files = BTreeMap::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &vec![], &mut files);
    let of_file = |(module, file): (&Names, &File)| {
        let targets = imports(file, module, &files).into_iter().map(|name| origin(&name, &files));
        let targets = targets.filter(|target| target != module).map(|target| {
            assert!(
                !files[&target].facade,
                "{module:?}: cannot tell which file a name of {target:?} is from"
            );
            target.join("::")
        });
        (module.join("::"), targets.collect())
    };
    files.iter().filter(|(_, file)| !file.facade).map(of_file).collect()
}

#[test]
fn modules_import_only_what_comes_before_them() {
    let graph = graph();
    assert!(graph.len() > 50, "the files were not found");
    let place = |path: &str| ORDER.iter().position(|name| path.split("::").next() == Some(name));
    for (file, targets) in &graph {
        let from = place(file).unwrap_or_else(|| panic!("{file} must get its place in the order of modules"));
        for target in targets {
            assert!(
                place(target).unwrap() <= from,
                "{file} imports {target}, which comes after it in {ORDER:?}"
            );
        }
    }
}

#[test]
fn no_two_files_need_each_other() {
    fn visit(
        file: &str,
        graph: &BTreeMap<String, BTreeSet<String>>,
        done: &mut BTreeSet<String>,
        open: &mut Vec<String>,
    ) {
        if let Some(start) = open.iter().position(|other| other == file) {
            panic!("a circle of imports: {} -> {file}", open[start..].join(" -> "));
        }
        if done.insert(file.to_owned()) {
            open.push(file.to_owned());
            graph[file].iter().for_each(|target| visit(target, graph, done, open));
            open.pop();
        }
    }
    let (graph, mut done) = (graph(), BTreeSet::new());
    graph.keys().for_each(|file| visit(file, &graph, &mut done, &mut Vec::new()));
}

#[test]
fn a_facade_holds_no_code() {
    let mut files = BTreeMap::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &vec![], &mut files);
    for (module, file) in files.iter().filter(|(_, file)| file.facade) {
        let words = ["fn ", "struct ", "enum ", "impl ", "impl<", "trait "];
        assert!(!words.iter().any(|word| file.text.contains(word)), "{}/mod.rs holds code", module.join("/"));
    }
}
