//! What rustfmt and clippy do not see: the width of comments, and slices that hide a layout.

use std::fs;
use std::path::{Path, PathBuf};

const MAX_COLUMNS: usize = 110;

/// The folders of the Rust files of the repository; in the packaged crate, its own folder alone.
fn folders() -> Vec<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).canonicalize().unwrap();
    let root = own.join("../..");
    if !root.join("crates/fishervec").canonicalize().is_ok_and(|path| path == own) {
        return vec![own];
    }
    let folders = ["crates", "python/src"].map(|folder| root.join(folder));
    folders.into_iter().filter(|folder| folder.is_dir()).collect()
}

/// Collects the Rust files in a folder and below it.
fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The numbers, from 1, and the widths of the lines of `text` with a comment that is too wide.
fn too_wide(text: &str) -> Vec<(usize, usize)> {
    let is_comment = |line: &str| line.trim_start().starts_with("//") || line.contains(" // ");
    let widths = text.lines().zip(1..).filter(|(line, _)| is_comment(line));
    widths.map(|(line, n)| (n, line.chars().count())).filter(|(_, width)| *width > MAX_COLUMNS).collect()
}

#[test]
fn only_wide_comments_are_found() {
    let wide = "x".repeat(MAX_COLUMNS - 3);
    let text = format!("// {wide}\n\n    /// {wide}\nlet {wide};\n0; // {wide}\n//! {wide}é\n");
    assert_eq!(too_wide(&text), [(3, MAX_COLUMNS + 5), (5, MAX_COLUMNS + 3), (6, MAX_COLUMNS + 2)]);
}

#[test]
fn comments_are_at_most_110_columns_wide() {
    let mut files = Vec::new();
    folders().iter().for_each(|folder| rust_files(folder, &mut files));
    assert!(files.len() > 50, "the files were not found");
    let mut wide = Vec::new();
    for file in files {
        for (line, width) in too_wide(&fs::read_to_string(&file).unwrap()) {
            wide.push(format!("{}:{line} is {width} columns wide", file.display()));
        }
    }
    assert!(wide.is_empty(), "comments of more than {MAX_COLUMNS} columns:\n{}", wide.join("\n"));
}

/// An array that is not in standard layout must not become an empty slice, and its results silent zeros.
#[test]
fn a_layout_is_never_assumed_away() {
    let mut files = Vec::new();
    folders().iter().for_each(|folder| rust_files(folder, &mut files));
    for file in files.iter().filter(|file| !file.ends_with("tests/comments.rs")) {
        let text: String = fs::read_to_string(file).unwrap().split_whitespace().collect();
        for slice in ["as_slice()", "as_slice_mut()"] {
            let silent = format!("{slice}.unwrap_or_default()");
            assert!(!text.contains(&silent), "{}: {silent}", file.display());
        }
    }
}
