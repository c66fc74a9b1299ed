//! The program in the README is the one in the crate's README, which runs as a test of the documentation, and
//! is short.

use std::path::Path;

/// The only Rust program in a text.
fn program(text: &str) -> &str {
    let blocks: Vec<&str> =
        text.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(blocks.len(), 1, "{blocks:?}");
    blocks[0]
}

#[test]
fn the_readmes_program_is_the_crates() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let crates = std::fs::read_to_string(folder.join("README.md")).unwrap();
    // The packaged crate is without the repository around it.
    if let Ok(readme) = std::fs::read_to_string(folder.join("../../README.md")) {
        assert_eq!(program(&readme), program(&crates));
    }
}

#[test]
fn a_first_program_has_at_most_three_imports_and_twelve_lines() {
    let crates = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let lines: Vec<&str> = program(&crates).lines().filter(|line| !line.trim().is_empty()).collect();
    let imports = lines.iter().filter(|line| line.starts_with("use ")).count();
    assert!((1..=3).contains(&imports), "{imports} imports");
    assert!(lines.len() <= 12, "{} lines", lines.len());
}
