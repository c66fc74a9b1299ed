//! What a model is learned from: the sample of `fit`, what it says about it, and how evenly components share
//! it.

#[allow(dead_code, reason = "a toolbox for all test files")]
mod common;

use common::{Folder, stripes};
use std::fs;

/// Nine sets of 100 descriptors in two folders and one of 8,100 in a third.
fn uneven() -> Folder {
    let folder = Folder::new();
    for i in 0..9 {
        folder.npy(&format!("data/{}/{i}.npy", if i < 3 { "a" } else { "b" }), 100, 3, i);
    }
    folder.npy("data/c/large.npy", 8100, 3, 9);
    folder
}

fn fit(folder: &Folder, more: &[&str]) -> String {
    folder.ok(&[&["fit", "data", "-o", "m.safetensors", "-k", "4"], more].concat()).stderr
}

/// The line about the sample, and the numbers in it.
fn sample(told: &str) -> (String, Vec<f64>) {
    let line = told.lines().find(|line| line.starts_with("sample: ")).unwrap_or_else(|| panic!("{told}"));
    let words = line.replace(',', "");
    let words = words.split(|c: char| !c.is_ascii_digit() && c != '.');
    (line.to_owned(), words.filter_map(|word| word.parse().ok()).collect())
}

#[test]
fn each_descriptor_is_equally_likely_and_the_sample_is_described() {
    let folder = uneven();
    let (mut of_large, mut of_others) = (0.0, Vec::new());
    for seed in 0..20 {
        let told = fit(&folder, &["--sample", "900", "--seed", &seed.to_string()]);
        let (line, numbers) = sample(&told);
        assert!(
            line.starts_with("sample: 900 of 9,000 descriptors, from 10 of 10 sets; per set: least "),
            "{line}"
        );
        assert!(line.ends_with(" %: data/c/large.npy)"), "{line}");
        of_large += numbers[6];
        of_others.push(numbers[4]);
        assert!((numbers[7] - numbers[6] / 9.0).abs() < 0.051, "{line}");
        assert!(told.contains("warning: 9") || told.contains("warning: 8"), "{told}");
        let cure =
            "of the sample are from one of 10 sets, data/c/large.npy: --balance set draws as many from each";
        assert!(told.contains(cure), "{told}");
    }
    // 18,000 draws with probability 0.9: the standard deviation is below 40.
    assert!((of_large - 16_200.0_f64).abs() < 160.0, "{of_large}");
    assert!(of_others.iter().all(|least| (1.0..10.0).contains(least)), "{of_others:?}");

    folder.npy("data/a/empty.npy", 0, 3, 1);
    let told = fit(&folder, &["--sample", "8"]);
    let (line, _) = sample(&told);
    assert!(
        line.contains(" of 11 sets (1 empty, ") && line.contains(" not drawn from); per set: least "),
        "{line}"
    );
    assert!(!fit(&folder, &["-q"]).contains("sample: "));
}

#[test]
fn a_balanced_sample_has_as_many_from_each_set_folder_or_label() {
    let folder = uneven();
    let balanced = |by: &str, more: &[&str]| {
        let told = fit(&folder, &[&["--sample", "900", "--balance", by], more].concat());
        assert!(!told.contains("warning: 9"), "{told}");
        sample(&told).0
    };
    let line = balanced("set", &[]);
    assert!(line.ends_with("; 90 per set"), "{line}");
    let line = balanced("folder", &[]);
    assert!(line.ends_with("; balanced: data/a 300, data/b 300, data/c 300"), "{line}");
    // The folders of the inputs are classes.
    let line = balanced("label", &[]);
    assert!(line.ends_with("; balanced: a 300, b 300, c 300"), "{line}");
    folder.write("l.csv", b"set,label\n0,x\n1,x\n2,x\n3,x\nlarge,y\n");
    let line = balanced("label", &["--labels", "l.csv"]);
    assert!(line.ends_with("; balanced: no label 300, x 300, y 300"), "{line}");
    // A negative number is not a label.
    folder.write("n.csv", b"set,label\n0,-1\n1,4\n2,-2\nlarge,5\n");
    let line = balanced("label", &["--labels", "n.csv"]);
    assert!(line.ends_with("; balanced: 4 100, 5 400, no label 400"), "{line}");
    let seed = |seed: &str| {
        balanced("folder", &["--seed", seed]);
        fs::read(folder.path("m.safetensors")).unwrap()
    };
    assert!(seed("1") == seed("1") && seed("1") != seed("2"));
    // A small group gives all it has.
    let line = sample(&fit(&folder, &["--sample", "3000", "--balance", "folder"])).0;
    assert!(line.ends_with("; balanced: data/a 300, data/b 600, data/c 2100"), "{line}");

    let told = folder.ok(&["fit", "data", "-o", "m.safetensors", "-k", "2", "--labels", "l.csv"]).stderr;
    assert!(
        told.ends_with("Next: fishervec encode data --labels l.csv -m m.safetensors -o vectors.npy\n"),
        "{told}"
    );
    assert!(told.contains("warning: --labels has no effect without --balance label; leave it out"), "{told}");
    let fit = ["fit", "data/a", "-o", "m.safetensors", "-k", "2", "--balance", "label"];
    let told = folder.fails(2, &fit);
    assert!(told.contains("--balance label: no set has a label; give labels with --labels FILE"), "{told}");
    let told = folder.fails(2, &[&fit[..], &["--label-column", "x"]].concat());
    assert!(told.contains("--label-column: expected --labels FILE"), "{told}");
}

#[test]
fn images_are_sampled_alike() {
    let folder = Folder::new();
    for (i, class) in ["a", "a", "b"].iter().enumerate() {
        let side = if i == 2 { 200 } else { 60 };
        folder.write(&format!("data/{class}/{i}.png"), &stripes(side, side, 4.0, 0.3 * i as f32));
    }
    let fit = |more: &[&str]| {
        let line = ["fit", "data", "-o", "m.safetensors", "-k", "2", "--pca", "4", "--sample", "300"];
        sample(&folder.ok(&[&line[..], more].concat()).stderr).0
    };
    let line = fit(&["--balance", "label"]);
    assert!(line.ends_with("; balanced: a 150, b 150"), "{line}");
    let line = fit(&["--balance", "set"]);
    assert!(line.contains("; 100 per set"), "{line}");
    let line = fit(&[]);
    assert!(line.ends_with(" %: data/b/2.png)"), "{line}");
}

#[test]
fn inspect_says_how_evenly_components_share_the_data() {
    let folder = Folder::new();
    // Nineteen of twenty descriptors are background.
    let mut state = 7_u64;
    let mut number = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / 1e7
    };
    let rows: Vec<f32> = (0..8000).map(|i| if (i / 2) % 20 == 0 { number() } else { 0.0 }).collect();
    folder.write("data/x.npy", &common::matrix(4000, 2, &rows));
    let told = fit(&folder, &[]);
    let about = folder.json(&["inspect", "m.safetensors", "--json"]);
    let balance = &about["diagnostics"]["balance"];
    let share = balance["largest_share"].as_f64().unwrap();
    assert!((share - 0.95).abs() < 0.01, "{balance}");
    let weights: Vec<f64> = serde_json::from_value(about["encoder"]["weights"].clone()).unwrap();
    let entropy: f64 = weights.iter().filter(|w| **w > 0.0).map(|w| -w * w.ln()).sum();
    assert!((balance["effective_components"].as_f64().unwrap() - entropy.exp()).abs() < 1e-9, "{balance}");
    assert_eq!(about["diagnostics"]["more_rows_would_help"], false);
    let text = folder.ok(&["inspect", "m.safetensors"]).stdout;
    assert!(
        text.contains("of 4 components in effect; the largest holds 95.") && !text.contains("would help"),
        "{text}"
    );
    for told in [&told, &text] {
        assert!(
            told.contains("of 4 holds 95.") && told.contains("leave out background, normalise"),
            "{told}"
        );
    }

    fit(&folder, &["--sample", "400"]);
    let text = folder.ok(&["inspect", "m.safetensors"]).stdout;
    assert!(text.contains("rows         100.0 per component; "), "{text}");
    assert!(text.contains("; more would help, up to some 1000 per component"), "{text}");
    assert!(text.contains(" dead, 0 repaired, 0 doubled"), "{text}");
}

#[test]
fn centres_that_are_nearly_the_same_are_told() {
    let folder = Folder::new();
    let rows: Vec<f32> = (0..800).map(|i| (i / 2 % 2) as f32).collect();
    folder.write("data/x.npy", &common::matrix(400, 2, &rows));
    let told = fit(&folder, &["--encoder", "vlad"]);
    let text = folder.ok(&["inspect", "m.safetensors"]).stdout;
    for told in [&told, &text] {
        assert!(told.contains("of centres nearly the same (first "), "{told}");
        assert!(
            told.contains(" is zero, as descriptors of background are: leave such descriptors out"),
            "{told}"
        );
    }
    let even = uneven();
    let told = fit(&even, &["--encoder", "vlad"]);
    assert!(!told.contains("nearly the same") && !told.contains("is zero"), "{told}");
}
