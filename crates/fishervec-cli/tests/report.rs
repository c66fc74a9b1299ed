//! `fishervec report`: the page and the same numbers as JSON.

#[allow(dead_code, reason = "a toolbox for all test files")]
mod common;

use common::{Folder, floats, stripes};
use serde_json::Value;
use std::fs;

/// Sets of two kinds in folders, one of them with an odd name, and a model.
fn folder() -> Folder {
    let folder = Folder::new();
    for i in 0..24 {
        let kind = ["a<b>&'\"", "\u{5e8}\u{5e2}\u{5e9}"][i % 2];
        folder.npy(&format!("data/{kind}/set {i}.npy"), 30 + i % 3, 4, i % 6);
    }
    folder.ok(&["fit", "data", "-o", "m.safetensors", "-k", "3", "-q"]);
    folder
}

const REPORT: [&str; 5] = ["report", "m.safetensors", "--sets", "data", "-q"];

fn json(folder: &Folder, line: &[&str]) -> Value {
    let told = folder.ok(&[&REPORT[..], &["--json"], line].concat());
    serde_json::from_str(&told.stdout).unwrap()
}

#[test]
fn the_page_holds_the_numbers_that_json_prints_whatever_the_threads() {
    let folder = folder();
    let numbers = json(&folder, &["-o", "report.html"]);
    for threads in ["1", "3"] {
        assert_eq!(json(&folder, &["-o", "report.html", "-j", threads]), numbers);
    }
    let page = fs::read_to_string(folder.path("report.html")).unwrap();
    let inside = page.split("id=\"numbers\">").nth(1).unwrap().split("</script>").next().unwrap();
    assert_eq!(serde_json::from_str::<Value>(inside).unwrap(), numbers);
    let report = &numbers["report"];
    assert_eq!((report["sets"].as_u64(), report["labelled"].as_u64()), (Some(24), Some(24)));
    // Sets 6 apart hold the same numbers.
    assert_eq!((&report["repeated"], &report["twins"][0]["first"]), (&18.into(), &0.into()));
    assert_eq!(report["labels"][0]["name"], "a<b>&'\"");
    // Names stand in the page, and do no harm.
    assert!(page.contains("a&lt;b&gt;&amp;&#39;&quot;") && !page.contains("a<b>"), "names are escaped");
    let asks = ["http://", "https://", "src=\"/", "@import", "<link rel=\"stylesheet"];
    assert!(asks.iter().all(|word| !page.contains(word)), "the page asks for nothing");
    for id in ["sum", "sets", "components", "vector", "fit"] {
        assert!(page.contains(&format!("href=\"#{id}\"")) && page.contains(&format!("id=\"{id}\"")), "{id}");
    }
    assert!(!page.contains("NaN") && !page.contains(">-0") && !page.contains(">inf"), "numbers are numbers");
    assert_eq!(numbers["in_short"].as_array().unwrap().len(), 7, "{}", numbers["in_short"]);
    // Without -o nothing is written, and the command in the numbers has no -o.
    assert_eq!(json(&folder, &[])["command"], "fishervec report m.safetensors --sets data");
}

#[test]
fn labels_of_a_table_replace_those_of_folders_and_none_are_fine() {
    let folder = folder();
    let rows: Vec<String> = (0..24).map(|i| format!("set {i},{},x", i / 12)).collect();
    folder.write("labels.csv", format!("set,label,other\n{}\n", rows.join("\n")).as_bytes());
    let report = json(&folder, &["--labels", "labels.csv"]);
    assert_eq!(report["report"]["labels"][1]["name"], "1");
    folder.npy("one/x.npy", 9, 4, 1);
    let told = folder.ok(&["report", "m.safetensors", "--sets", "one", "-o", "one.html"]);
    assert!(told.stderr.contains("Wrote one.html (1 set)"), "{}", told.stderr);
    let page = fs::read_to_string(folder.path("one.html")).unwrap();
    assert!(page.contains("No map: it takes three sets"), "{page}");
    // All sets empty, and a batch without any.
    folder.npy("empty/x.npy", 0, 4, 1);
    folder.npy("empty/y.npy", 0, 4, 1);
    let numbers: Value = serde_json::from_str(
        &folder.ok(&["report", "m.safetensors", "--sets", "empty", "one", "--json", "-q"]).stdout,
    )
    .unwrap();
    assert_eq!(numbers["report"]["empty"], 2);
}

#[test]
fn images_have_pictures_of_errors_and_examples() {
    let folder = Folder::new();
    for i in 0..16 {
        // The labels have nothing to do with what is seen.
        let kind = ["wide", "high"][i / 4 % 2];
        let (period, angle) = (3.0 + (i * 5 % 7) as f32, (i * 3 % 8) as f32 * 0.4);
        folder.write(&format!("img/{kind}/{i}.png"), &stripes(48, 40, period, angle));
    }
    let fit =
        ["fit", "img", "-o", "m.safetensors", "-k", "4", "-q", "--features", "patches", "--patch-size", "8"];
    folder.ok(&fit);
    let line = ["report", "m.safetensors", "--sets", "img", "-o", "report.html", "--json", "-q"];
    let numbers: Value = serde_json::from_str(&folder.ok(&line).stdout).unwrap();
    let page = fs::read_to_string(folder.path("report.html")).unwrap();
    let errors = numbers["report"]["classification"]["surest"].as_array().unwrap().len();
    assert!(errors > 0, "these labels cannot be told apart");
    assert_eq!(page.matches("class=\"duo\"").count(), errors);
    assert_eq!(page.matches("alt=\"the piece of an image nearest to component").count(), 4);
    assert!(page.matches("<img src=\"data:image/png").count() <= 40, "thumbnails");
    assert!(page.len() < 2_000_000);
}

#[test]
fn wrong_usage_and_broken_sets_are_told() {
    let folder = folder();
    let bare = folder.fails(2, &REPORT);
    assert!(bare.contains("expected -o REPORT.html for a page, or --json for its numbers"), "{bare}");
    let ending = folder.fails(2, &[&REPORT[..], &["-o", "report.npy"]].concat());
    assert!(ending.contains("expected a name ending in .html, got report.npy"), "{ending}");
    let gone = folder.fails(1, &[&REPORT[..], &["-o", "gone/report.html"]].concat());
    assert!(gone.contains("the folder gone does not exist"), "{gone}");
    let missing = folder.fails(2, &["report", "m.safetensors", "--json"]);
    assert!(missing.starts_with("error: missing --sets"), "{missing}");
    let no_model = folder.fails(1, &["report", "data/x.safetensors", "--sets", "data", "--json"]);
    assert!(no_model.contains("data/x.safetensors"), "{no_model}");
    folder.npy("bad/wide.npy", 5, 7, 0);
    folder.write("bad/torn.npy", &floats(9, 4, 0)[..100]);
    let line = ["report", "m.safetensors", "--sets", "bad", "data", "--json"];
    let told = folder.fails(1, &line);
    assert!(told.contains("torn.npy") || told.contains("wide.npy"), "{told}");
    let done = folder.command(common::BINARY).args(line).args(["--on-error", "skip"]).output().unwrap();
    assert_eq!(done.status.code(), Some(3));
    let numbers: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&numbers["report"]["skipped"], &numbers["report"]["sets"]), (&2.into(), &26.into()));
    // A pooling model has no components, and says so by leaving them out.
    folder.ok(&["fit", "data", "-o", "p.safetensors", "--encoder", "pooling", "-q"]);
    folder.ok(&["report", "p.safetensors", "--sets", "data", "-o", "p.html", "-q"]);
    let page = fs::read_to_string(folder.path("p.html")).unwrap();
    assert!(!page.contains("id=\"components\"") && page.contains("id=\"vector\""));
}
