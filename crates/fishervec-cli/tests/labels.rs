//! Labels of sets: from a table by name, from class folders, from files, and what contradicts itself.

#[allow(dead_code, reason = "a toolbox for all test files")]
mod common;

use common::Folder;
use std::fs;

const ENCODE: [&str; 6] = ["encode", "slides", "-m", "m.safetensors", "-o", "v.npy"];

/// Six slides in one folder, and a model of their descriptors.
fn slides() -> Folder {
    let folder = Folder::new();
    for i in 1..7 {
        folder.npy(&format!("slides/s{i}.npy"), 60, 3, i % 2);
    }
    folder.ok(&["fit", "slides", "-o", "m.safetensors", "-k", "2"]);
    folder
}

fn labels(folder: &Folder) -> Vec<String> {
    folder.table("v.csv")[1..].iter().map(|row| row.get(6).cloned().unwrap_or_default()).collect()
}

fn encode(folder: &Folder, more: &[&str]) -> String {
    folder.ok(&[&ENCODE[..], more].concat()).stderr
}

#[test]
fn a_table_labels_sets_by_name() {
    let folder = slides();
    folder.write(
        "labels.csv",
        b"case_id,slide_id,label\nP1,s3.svs,tumour\nP1,s1,tumour\nP2,s2.npy,normal\nP3,s10,normal\nP3,s4,normal\nP4,s6,\n",
    );
    let told = encode(&folder, &["--labels", "labels.csv"]);
    assert_eq!(labels(&folder), ["tumour", "normal", "tumour", "normal", "", ""]);
    assert_eq!(folder.integers("v.labels.npy"), [1, 0, 1, 0, -1, -1]);
    for line in [
        "warning: labels.csv: no label for 2 of 6 sets (s5, s6)\n",
        "warning: labels.csv: 1 of 6 rows names none of these sets (s10)\n",
        "(6 sets: 0 empty, 0 skipped; labels: labels.csv). Next: fishervec evaluate v.npy\n",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }
    let text = folder.ok(&["evaluate", "v.npy"]).stdout;
    assert!(text.contains("4 of 6 have a label") && text.contains("normal tumour\n"), "{text}");
    // The same table labels vectors that are there already.
    fs::remove_file(folder.path("v.labels.npy")).unwrap();
    let by_name = folder.json(&["evaluate", "v.npy", "--labels", "labels.csv", "--json"]);
    assert_eq!(by_name["classes"], serde_json::json!(["normal", "tumour"]));
    assert_eq!((&by_name["labelled"], &by_name["accuracy"]), (&4.into(), &1.0.into()));
    let told = folder.fails(1, &["evaluate", "v.npy", "--labels", "none.csv"]);
    assert!(told.starts_with("error: none.csv: "), "{told}");
    fs::rename(folder.path("v.csv"), folder.path("w.csv")).unwrap();
    let told = folder.fails(1, &["evaluate", "v.npy", "--labels", "labels.csv"]);
    assert!(told.contains("v.csv, which says what sets the rows of v.npy are, is missing"), "{told}");
    // Labels by row, as they always were.
    folder.write("rows.npy", &common::integers(&[1, 0, 1, 0, 1, 0]));
    assert_eq!(folder.json(&["evaluate", "v.npy", "--labels", "rows.npy", "--json"])["accuracy"], 1.0);
}

#[test]
fn whole_numbers_in_a_table_stay_as_they_are() {
    let folder = slides();
    let run = |rows: &str, more: &[&str]| {
        folder.write("l.tsv", rows.replace(',', "\t").as_bytes());
        encode(&folder, &[&["--labels", "l.tsv"], more].concat());
        folder.integers("v.labels.npy")
    };
    let head = "age,wsi,grade,site\n";
    let rows = |grades: [&str; 6]| {
        let row = |(i, grade): (usize, &&str)| format!("s{},{i},{grade},x\n", i + 1);
        format!("{head}{}", grades.iter().enumerate().map(row).collect::<String>())
    };
    let column = ["--label-column", "grade"];
    assert_eq!(run(&rows(["3", "10", "2", "2", "3", "-1"]), &column), [3, 10, 2, 2, 3, -1]);
    assert_eq!(run(&rows(["3", "10", "2", "2", "", "3"]), &column), [3, 10, 2, 2, -1, 3]);
    // One that is no number makes names of all, also where it belongs to another set.
    let other = format!("{}s9,9,high,x\n", rows(["3", "10", "2", "2", "3", "3"]));
    assert_eq!(run(&other, &column), [2, 0, 1, 1, 2, 2]);
    assert_eq!(run(&rows(["03", "10", "02", "02", "03", "03"]), &column), [1, 2, 0, 0, 1, 1]);
    assert_eq!(labels(&folder)[0], "03");
}

#[test]
fn a_table_that_can_be_meant_two_ways_is_an_error() {
    let folder = slides();
    for (text, more, expected) in [
        (
            "slide_id,site,grade\ns1,a,b\n",
            &[][..],
            "l.csv: the columns site and grade could be the labels: choose one with --label-column NAME",
        ),
        ("slide_id,label,class\ns1,a,b\n", &[], "the columns label and class could be the labels"),
        (
            "slide_id\ns1\n",
            &[],
            "expected a column of labels beside the names of the sets, got slide_id alone",
        ),
        (
            "slide_id,label\ns1,a\n",
            &["--label-column", "grade"],
            "expected a column grade, got the columns slide_id, label",
        ),
        ("slide_id,label\ns1,a\n", &["--label-column", "slide_id"], "this column has the names of the sets"),
        (
            "slide_id,label\ns1,a\ns1.svs,b\ns1,b\n",
            &[],
            "lines 2 and 4 both name the set s1, but its label is \"a\" in one",
        ),
        (
            "slide_id,label\nt1,a\nt2,a\n",
            &[],
            "the column slide_id has t1, t2, and the sets are called s1, s2, s3, ...",
        ),
        ("label,file\na,slides/s1.npy\n", &[], "the column file has such names: call it slide_id"),
        ("slide_id,label\ns1,a,b\n", &[], "line 2: expected 2 fields as in the header, got 3"),
    ] {
        folder.write("l.csv", text.as_bytes());
        let told = folder.fails(1, &[&ENCODE[..], &["--labels", "l.csv"], more].concat());
        assert!(told.contains("error: l.csv: ") && told.contains(expected), "{text}: {told}");
        assert!(!folder.path("v.npy").exists());
    }
    folder.write("l.csv", b",wsi,label\n0,s1,a\n");
    let told = folder.fails(1, &[&ENCODE[..], &["--labels", "l.csv"]].concat());
    assert!(
        told.contains("the column without a name has 0, and")
            && told.contains("the column wsi has such names"),
        "{told}"
    );
    // Without a label in any field there are none.
    folder.write("l.csv", b"slide_id,label\ns1,\n");
    let told = encode(&folder, &["--labels", "l.csv"]);
    assert!(told.contains("warning: l.csv: no label for 6 of 6 sets (s1, s2, s3, ...)"), "{told}");
    assert!(told.ends_with("Wrote v.npy and v.csv (6 sets: 0 empty, 0 skipped)\n"), "{told}");
    let told = folder.fails(2, &[&ENCODE[..], &["--label-column", "x"]].concat());
    assert!(told.contains("--label-column: expected --labels FILE"), "{told}");
    let told = folder.fails(1, &[&ENCODE[..], &["--labels", "slides/s1.npy"]].concat());
    assert!(told.contains("slides/s1.npy: expected a table, whose name ends in .csv or .tsv"), "{told}");
}

#[test]
fn a_name_of_several_sets_needs_their_folders() {
    let folder = slides();
    for site in ["a", "b"] {
        folder.npy(&format!("sites/{site}/s1.npy"), 60, 3, 1);
    }
    let line = ["encode", "sites", "-m", "m.safetensors", "-o", "v.npy", "--labels", "l.csv"];
    folder.write("l.csv", b"slide_id,label\ns1,x\n");
    let told = folder.fails(1, &line);
    let expected = "l.csv: line 2: s1 is a name of 2 sets (in sites/a/s1.npy, sites/b/s1.npy): write names of files \
                    with their folders";
    assert!(told.contains(expected), "{told}");
    folder.write("l.csv", b"slide_id,label\na/s1,x\nsites/b/s1.npy,y\n");
    folder.ok(&line);
    assert_eq!(labels(&folder), ["x", "y"]);
}

#[test]
fn a_table_goes_before_the_labels_in_files_and_before_folders() {
    let folder = slides();
    let y = ("y", common::names(&["old", "old"]));
    folder.npz("b.npz", &[("X", common::floats(60, 3, 2)), ("offsets", common::integers(&[0, 30, 60])), y]);
    folder.write("l.csv", b"set,label\n0,new\n1,newer\n");
    let encode = |input: &str, more: &[&str]| {
        folder.ok(&[&["encode", input, "-m", "m.safetensors", "-o", "v.npy"], more].concat()).stderr
    };
    let told = encode("b.npz", &["--labels", "l.csv"]);
    assert!(told.contains("The labels in the files are not used, but those of l.csv\n"), "{told}");
    assert_eq!(labels(&folder), ["new", "newer"]);
    let told = encode("b.npz", &[]);
    assert!(told.contains("(2 sets: 0 empty, 0 skipped). Next:"), "{told}");
    assert_eq!(labels(&folder), ["old", "old"]);
}

#[test]
fn class_folders_label_descriptor_files_as_they_do_images() {
    let folder = slides();
    for (i, name) in ["cat/1.npy", "cat/deep/2.npy", "dog/3.npy", "dog/4.npy"].iter().enumerate() {
        folder.npy(&format!("data/{name}"), 60, 3, i / 2);
    }
    let encode = |inputs: &[&str]| {
        folder.ok(&[&["encode"], inputs, &["-m", "m.safetensors", "-o", "v.npy"]].concat()).stderr
    };
    let told = encode(&["data"]);
    assert!(
        told.contains("skipped; labels: the folders cat, dog). Next: fishervec evaluate v.npy"),
        "{told}"
    );
    assert_eq!(labels(&folder), ["cat", "cat", "dog", "dog"]);
    assert_eq!(folder.integers("v.labels.npy"), [0, 0, 1, 1]);
    let text = folder.ok(&["evaluate", "v.npy"]).stdout;
    assert!(text.contains("\n    cat dog\ncat   2   0\ndog   0   2"), "{text}");

    // A file beside the folders, or a single folder: they are not classes.
    folder.npy("data/5.npy", 60, 3, 1);
    let told = encode(&["data"]);
    let note = "No labels: the subfolders cat, dog are no classes, since data/5.npy is in none of them; --labels \
                FILE gives labels\n";
    assert!(told.contains(note) && told.contains("Wrote v.npy and v.csv (5 sets"), "{told}");
    folder.npy("one/features/x.npy", 60, 3, 1);
    let told = encode(&["one"]);
    assert!(
        told.contains("No labels: the subfolder features is no class, since there is no other"),
        "{told}"
    );
    // Each input is looked at by itself.
    fs::remove_file(folder.path("data/5.npy")).unwrap();
    fs::remove_file(folder.path("v.labels.npy")).unwrap();
    encode(&["data", "one", "slides/s1.npy"]);
    assert_eq!(labels(&folder), ["cat", "cat", "dog", "dog", "", ""]);
    fs::remove_file(folder.path("v.labels.npy")).unwrap();
    let told = encode(&["slides", "slides/s1.npy"]);
    assert!(!told.contains("abels") && !folder.path("v.labels.npy").exists(), "{told}");
}

#[test]
fn labels_in_files_go_before_folders_and_do_not_contradict_them() {
    let folder = slides();
    let batch = |name: &str, labels: [&str; 2]| {
        let y = ("y", common::names(&labels));
        folder.npz(name, &[("X", common::floats(60, 3, 2)), ("offsets", common::integers(&[0, 30, 60])), y]);
    };
    let line = ["encode", "data", "-m", "m.safetensors", "-o", "v.npy"];
    // Folders that are no classes.
    batch("data/batch1/a.npz", ["cat", "dog"]);
    batch("data/batch2/a.npz", ["dog", "dog"]);
    folder.npy("data/batch3/x.npy", 60, 3, 1);
    folder.ok(&line);
    assert_eq!(labels(&folder), ["cat", "dog", "dog", "dog", ""]);
    // Folders that are classes, with a file in the wrong one.
    for (from, to) in [("batch1", "cat"), ("batch2", "dog")] {
        fs::rename(folder.path(&format!("data/{from}")), folder.path(&format!("data/{to}"))).unwrap();
    }
    let told = folder.fails(1, &line);
    let expected = "data/cat/a.npz: set 1: its file says that the label is dog, its folder that it is cat: correct \
                    one, or give the labels with --labels FILE";
    assert!(told.contains(expected), "{told}");
    batch("data/cat/a.npz", ["cat", "cat"]);
    folder.ok(&line);
    assert_eq!(labels(&folder), ["", "cat", "cat", "dog", "dog"]);
}
