//! `sample`, and `fit` of what it drew.

#[allow(dead_code, reason = "a toolbox for all test files")]
mod common;

use common::{Folder, doubles, stripes};
use std::fs;

/// Files of odd lengths, two of them empty.
fn data() -> Folder {
    let folder = Folder::new();
    for i in 0..19 {
        folder.npy(&format!("data/{i:02}.npy"), (i * 397) % 1_900, 4, i);
    }
    folder
}

fn bytes(folder: &Folder, name: &str) -> Vec<u8> {
    fs::read(folder.path(name)).unwrap()
}

/// Draws all shards, the last first, and returns their names.
fn draw(folder: &Folder, name: &str, of: usize, more: &[&str]) -> Vec<String> {
    let names: Vec<String> = (1..=of).rev().map(|i| format!("{name}.{i}.safetensors")).collect();
    for (name, i) in names.iter().zip((1..=of).rev()) {
        let shard = format!("{i}/{of}");
        folder.ok(&[&["sample", "data", "-o", name, "--shard", &shard], more].concat());
    }
    names
}

fn fit(folder: &Folder, inputs: &[String], model: &str, more: &[&str]) -> (String, Vec<u8>) {
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let told = folder.ok(&[&["fit"], &inputs[..], &["-o", model], more].concat()).stderr;
    (told, bytes(folder, model))
}

#[test]
fn a_fit_of_sample_shards_is_the_fit_of_the_inputs() {
    for (options, drawn) in [
        (&["-k", "7", "--seed", "3"][..], &["-k", "7", "--seed", "3"][..]),
        (&["-k", "3", "--encoder", "vlad", "--pca", "2"], &["-k", "3"]),
        (&["-k", "3", "--position-columns", "1", "--spatial", "2", "--rows", "l2"], &["--components", "3"]),
        (&["-k", "2", "--sample", "999", "--n-init", "2"], &["--rows", "999"]),
        // More than there are.
        (&["-k", "40"], &["-k", "40"]),
    ] {
        let folder = data();
        let (_, expected) = fit(&folder, &["data".to_owned()], "m.safetensors", options);
        let without: Vec<&str> =
            options.iter().copied().filter(|word| !["--sample", "999"].contains(word)).collect();
        for of in [1, 3, 7] {
            let shards = draw(&folder, "s", of, drawn);
            let (told, got) = fit(&folder, &shards, "n.safetensors", &without);
            assert!(got == expected, "{options:?} {of}");
            assert!(told.contains("Next: fishervec encode INPUT -m n.safetensors"), "{told}");
        }
    }
}

#[test]
fn an_empirical_information_comes_from_a_sample_of_sets() {
    let folder = data();
    let information = ["-k", "3", "--information", "empirical"];
    let more = [&information[..], &["--information-sets", "8"]].concat();
    let (_, expected) = fit(&folder, &["data".to_owned()], "m.safetensors", &more);
    let rows = draw(&folder, "rows", 2, &["-k", "3"]);
    let sets = draw(&folder, "sets", 3, &["--sets", "8"]);
    let (_, got) = fit(&folder, &[sets.clone(), rows.clone()].concat(), "n.safetensors", &information);
    assert!(got == expected);
    let words: Vec<&str> = ["fit"].into_iter().chain(rows.iter().map(String::as_str)).collect();
    let told = folder.fails(1, &[&words[..], &["-o", "n.safetensors"], &information[..]].concat());
    assert!(told.contains("give a sample of them too (fishervec sample INPUT... --sets"), "{told}");
    let told = folder.fails(1, &["fit", &sets[0], &sets[1], &sets[2], "-o", "n.safetensors"]);
    assert!(told.contains("give a sample of descriptors too"), "{told}");
    let (told, _) = fit(&folder, &[sets, rows].concat(), "n.safetensors", &["-k", "3"]);
    assert!(told.contains("the sample of sets has no effect"), "{told}");
}

#[test]
fn doubles_images_and_positions_keep_what_a_fit_needs_of_them() {
    let folder = data();
    // One file in double precision makes all the fit one.
    folder.write("data/05.npy", &doubles(300, 4, 5));
    let (_, expected) = fit(&folder, &["data".to_owned()], "m.safetensors", &["-k", "4"]);
    let (_, got) = fit(&folder, &draw(&folder, "s", 4, &["-k", "4"]), "n.safetensors", &["-k", "4"]);
    assert!(got == expected);

    let folder = Folder::new();
    for i in 0..5 {
        folder.write(&format!("data/{i}.png"), &stripes(64 + 8 * i, 48, 5.0, i as f32));
    }
    let (_, expected) = fit(&folder, &["data".to_owned()], "m.safetensors", &["-k", "2", "--step", "3"]);
    let (_, got) =
        fit(&folder, &draw(&folder, "s", 2, &["-k", "2", "--step", "3"]), "n.safetensors", &["-k", "2"]);
    assert!(got == expected);
    let told = folder.fails(2, &["fit", "s.1.safetensors", "-o", "n.safetensors", "--step", "3"]);
    assert!(told.contains("--step: the inputs are a sample: give this to `fishervec sample`"), "{told}");

    let folder = Folder::new();
    for i in 0..5 {
        let (x, at) = (common::floats(500 + i, 3, i), common::floats(500 + i, 2, 70 + i));
        folder.npz(&format!("data/{i}.npz"), &[("features", x), ("coords", at)]);
    }
    let positions = ["--positions", "coords"];
    let (_, expected) = fit(
        &folder,
        &["data".to_owned()],
        "m.safetensors",
        &[&positions[..], &["-k", "2", "--spatial", "2"]].concat(),
    );
    let shards = draw(&folder, "s", 3, &[&positions[..], &["-k", "2"]].concat());
    assert!(fit(&folder, &shards, "n.safetensors", &["-k", "2", "--spatial", "2"]).1 == expected);
}

#[test]
fn shards_that_are_missing_damaged_or_of_another_sample_are_named() {
    let folder = data();
    let shards = draw(&folder, "s", 4, &["-k", "2"]);
    let refused = |inputs: &[&str], expected: &str| {
        folder.write("m.safetensors", b"as before");
        let told = folder.fails(1, &[&["fit", "-o", "m.safetensors", "-k", "2"], inputs].concat());
        assert!(told.contains(expected), "{told}");
        assert_eq!(bytes(&folder, "m.safetensors"), b"as before");
    };
    refused(&[&shards[0], &shards[3]], "shards 2/4, 3/4 of the sample of rows missing");
    for (name, more, field) in [("t", &["-k", "3"][..], "size"), ("u", &["-k", "2", "--seed", "1"], "seed")] {
        let others = draw(&folder, name, 4, more);
        refused(&[&shards[0], &others[1]], &format!("is of a sample with another {field} than s.4"));
    }
    let others = draw(&folder, "v", 2, &["-k", "2"]);
    refused(&[&shards[0], &others[1]], "another number of shards");
    let mut damaged = bytes(&folder, &shards[1]);
    let at = damaged.len() / 2;
    damaged[at] ^= 1;
    folder.write("damaged.safetensors", &damaged);
    refused(&["damaged.safetensors"], "damaged.safetensors: not a valid sample: its checksum is wrong");
    // Given twice is as good as once.
    let twice: Vec<String> = shards.iter().chain(&shards[..1]).cloned().collect();
    fit(&folder, &twice, "m.safetensors", &["-k", "2"]);
    folder.npy("data/02.npy", 3, 4, 1);
    let other = draw(&folder, "w", 4, &["-k", "2"]);
    refused(&[&shards[0], &other[1]], "another list of files");
}

#[test]
fn a_sample_is_no_descriptors_and_options_of_reading_are_refused() {
    let folder = data();
    let shards = draw(&folder, "data/s", 1, &["-k", "2"]);
    let told = folder.ok(&["fit", "data", "-o", "m.safetensors", "-k", "2"]).stderr;
    assert!(told.contains("Left out: 1 .safetensors (a sample)"), "{told}");
    let told = folder.fails(2, &["encode", &shards[0], "-m", "m.safetensors", "-o", "v.npy"]);
    assert!(told.contains("is a sample, which only `fishervec fit` reads"), "{told}");
    let line = ["fit", &shards[0], "-o", "m.safetensors", "-k", "2"];
    for (more, expected) in [
        (&["--polish", "1"][..], "--polish: the inputs are a sample, all of which is fitted to"),
        (&["--stream", "exact"], "--stream: the inputs are a sample"),
        (&["--sample", "50"], "--sample: the inputs are a sample"),
        (&["--balance", "set"], "--balance: the inputs are a sample"),
        (&["--array", "x"], "--array: the inputs are a sample: give this to `fishervec sample`"),
        (&["data/03.npy"], "is a sample, data/03.npy is none"),
    ] {
        let told = folder.fails(2, &[&line[..], more].concat());
        assert!(told.contains(expected), "{told}");
    }
    let told = folder.fails(1, &["fit", &shards[0], "-o", "m.safetensors", "-k", "2000"]);
    assert!(told.contains("too few descriptors: expected at least 4000, got 2000"), "{told}");
    let told = folder.fails(1, &["fit", &shards[0], "-o", &shards[0], "-k", "2"]);
    assert!(told.contains("is among the inputs and would be replaced"), "{told}");
    for (more, expected) in [
        (&["--rows", "5", "--sets", "3"][..], "give one of them"),
        (&["--rows", "0"], "--rows: expected a whole number of at least 1"),
        (&["--shard", "3/2"], "--shard: expected a part such as 3/8"),
    ] {
        let told = folder.fails(2, &[&["sample", "data", "-o", "x.safetensors"], more].concat());
        assert!(told.contains(expected), "{told}");
    }
    let told = folder.fails(2, &["sample", "data", "-o", "x.npy"]);
    assert!(told.contains("expected a name ending in .safetensors"), "{told}");
    // An unreadable number stops the draw that meets it.
    let mut rows = folder.matrix("data/03.npy");
    rows.fill(f32::NAN);
    let values: Vec<f32> = rows.iter().copied().collect();
    folder.write("data/03.npy", &common::matrix(rows.nrows(), 4, &values));
    let told = folder.fails(1, &["sample", "data", "-o", "x.safetensors", "--rows", "9000"]);
    assert!(told.contains("data/03.npy: row 0, column 0 is NaN"), "{told}");
    assert!(!folder.path("x.safetensors").exists());
}
