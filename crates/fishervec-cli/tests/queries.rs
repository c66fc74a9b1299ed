//! `evaluate` with queries, and the neighbours that it writes.

#[allow(dead_code, reason = "a toolbox for all test files")]
mod common;

use common::Folder;
use std::fs;

const HEAD: &str = "row,source,set,n,mean_log_likelihood,status,label\n";

/// Five vectors in the plane and three queries, with the tables that `encode` writes beside them.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("db.npy", &common::matrix(5, 2, &[1.0, 0.0, 2.0, 0.2, 0.0, 1.0, -0.1, 1.0, -1.0, -1.0]));
    folder.write("q.npy", &common::matrix(3, 2, &[3.0, 0.1, 0.0, 5.0, 1.0, 1.1]));
    let rows = |names: &[(&str, &str)]| {
        let row = |(i, (name, label)): (usize, &(&str, &str))| {
            format!("{i},slides/{name}.h5,{name},9,-1.0,ok,{label}\n")
        };
        names.iter().enumerate().map(row).collect::<String>()
    };
    let database = [("a", "cat"), ("b", "cat"), ("c", "dog"), ("d", "dog"), ("e", "owl")];
    folder.write("db.csv", format!("{HEAD}{}", rows(&database)).as_bytes());
    folder.write("db.labels.npy", &common::integers(&[0, 0, 1, 1, 2]));
    // The same numbers mean other names here.
    let queries = [("q1", "cat"), ("q2", "owl"), ("q3", "dog")];
    folder.write("q.csv", format!("{HEAD}{}", rows(&queries)).as_bytes());
    folder.write("q.labels.npy", &common::integers(&[0, 2, 1]));
    folder
}

#[test]
fn queries_are_scored_against_the_database_by_names_of_classes() {
    let folder = folder();
    // q1 finds a, b, c, d, e: its cats first. q2 finds c, d, b, a, e: its owl last. q3, a dog, finds
    // b, c, a, d, e.
    let report = folder.json(&["evaluate", "db.npy", "--queries", "q.npy", "--json"]);
    let close = |name: &str, expected: f64| {
        let got = report[name].as_f64().unwrap();
        assert!((got - expected).abs() < 1e-12, "{name}: {got} {expected}");
    };
    close("accuracy", 1.0 / 3.0);
    close("recall_at_1", 1.0 / 3.0);
    close("recall_at_5", 1.0);
    close("map", (1.0 + 1.0 / 5.0 + (1.0 / 2.0 + 2.0 / 4.0) / 2.0) / 3.0);
    assert_eq!(report["classes"], serde_json::json!(["cat", "dog", "owl"]));
    assert_eq!(report["confusion"], serde_json::json!([[1, 0, 0], [1, 0, 0], [0, 1, 0]]));
    assert_eq!(report["queries"], serde_json::json!({"vectors": 3, "labelled": 3, "unknown": 0}));
    assert_eq!((&report["vectors"], &report["labelled"]), (&5.into(), &5.into()));

    // Numbers that stand for other names on either side are compared as names.
    folder.write("q.csv", fs::read_to_string(folder.path("q.csv")).unwrap().replace("cat", "dog").as_bytes());
    folder.write("q.labels.npy", &common::integers(&[0, 1, 0]));
    let text = folder.ok(&["evaluate", "db.npy", "--queries", "q.npy", "-k", "3"]).stdout;
    for line in [
        "vectors      5 of 5 have a label; 2 numbers each; 3 classes",
        "queries      3 of 3 have a label\n",
        "(of the queries, k = 3 nearest by cosine)",
        "R@1          0.0000",
        "cat   0   0   0",
        "dog   2   0   0",
        "owl   0   1   0",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    // So they are if someone names the files, which may be what a script does.
    let line = ["evaluate", "db.npy", "--queries", "q.npy", "-k", "3"];
    let named = ["--labels", "./db.labels.npy", "--query-labels", "q.labels.npy"];
    assert_eq!(folder.ok(&[&line[..], &named].concat()).stdout, text);
}

#[test]
fn labels_that_the_database_has_not_are_told_and_left_out_of_the_retrieval() {
    let folder = folder();
    folder.write("l.csv", b"set,label\nq1,cat\nq2,wolf\na,cat\nb,cat\nc,dog\nd,dog\n");
    let done = folder.ok(&["evaluate", "db.npy", "--queries", "q.npy", "--labels", "l.csv"]);
    let line =
        "queries      2 of 3 have a label; 1 has one that no vector has, which R@1, R@5 and mAP leave out";
    assert!(done.stdout.contains(line) && done.stdout.contains("4 of 5 have a label"), "{done:?}");
    assert!(done.stdout.contains("R@1          1.0000"), "{done:?}");
    for warning in [
        "warning: l.csv: no label for 1 of 5 sets (e)",
        "warning: l.csv: 2 of 6 rows name none of these sets (q1, q2)",
        "warning: l.csv: no label for 1 of 3 sets (q3)",
    ] {
        assert!(done.stderr.contains(warning), "{done:?}");
    }
    // Owls occur once in the database.
    let text = folder.ok(&["evaluate", "db.npy"]).stdout;
    let line =
        "3 classes; 1 has a label that occurs once, which R@1, R@5 and mAP leave out\naccuracy     0.8000";
    assert!(text.contains(line) && text.contains("R@1          1.0000"), "{text}");
    folder.write("n.npy", &common::integers(&[7, 8, -1]));
    let told = folder.fails(1, &["evaluate", "db.npy", "--queries", "q.npy", "--query-labels", "n.npy"]);
    assert!(
        told.contains("no query has a label of the database: there are cat, dog, owl there, and 7, 8 here"),
        "{told}"
    );
}

#[test]
fn neighbours_are_written_with_names_and_need_no_labels() {
    let folder = folder();
    let told = folder.ok(&["evaluate", "db.npy", "--queries", "q.npy", "--neighbours", "out.csv"]).stderr;
    assert!(told.contains("Wrote out.csv (3 vectors, 5 neighbours each)"), "{told}");
    let table = folder.table("out.csv");
    assert_eq!(table.len(), 1 + 3 * 5);
    assert_eq!(table[0], ["query", "rank", "name", "similarity"]);
    let names = |query: &str| {
        let rows = table.iter().filter(|row| row[0] == query);
        rows.map(|row| row[2].clone()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!([names("q1"), names("q2"), names("q3")], ["a b c d e", "c d b a e", "b c a d e"]);
    assert_eq!(table[2][1], "2");
    let cosine = 3.0 / (3.0_f64 * 3.0 + 0.01).sqrt();
    assert!((table[1][3].parse::<f64>().unwrap() - cosine).abs() < 1e-6, "{table:?}");

    // Without labels, and each vector against all others.
    fs::remove_file(folder.path("db.labels.npy")).unwrap();
    let line = ["evaluate", "db.npy", "--neighbours", "out.csv", "--top", "2"];
    let done = folder.ok(&line);
    assert_eq!(done.stdout, "");
    assert!(
        done.stderr.contains("db.npy has no labels (--labels FILE gives them): neighbours only"),
        "{done:?}"
    );
    let table = folder.table("out.csv");
    assert_eq!(table.len(), 1 + 5 * 2);
    assert_eq!([&table[1][..3], &table[5][..3]], [["a", "1", "b"], ["c", "1", "d"]]);
    let told = folder.fails(1, &["evaluate", "db.npy"]);
    assert!(
        told.contains("db.npy has no labels: db.labels.npy does not exist; give them with --labels FILE"),
        "{told}"
    );
    let told = folder.fails(1, &["evaluate", "q.npy", "--queries", "db.npy"]);
    assert!(told.contains("give them with --query-labels FILE"), "{told}");
    // Where sets have no names, they are numbered; where several have one name, their files stand for them.
    fs::remove_file(folder.path("db.csv")).unwrap();
    folder.ok(&line);
    assert_eq!(folder.table("out.csv")[1][..3], ["0", "1", "1"]);
    folder.write(
        "db.csv",
        format!("{HEAD}{}", (0..5).map(|i| format!("{i},s{i}.npz,features,9,,ok,\n")).collect::<String>())
            .as_bytes(),
    );
    folder.ok(&line);
    assert_eq!(folder.table("out.csv")[1][..3], ["s0.npz", "1", "s1.npz"]);
    let batch = |i: usize| format!("{i},b{}.npz,{},9,,ok,\n", i / 3, i % 3);
    folder.write("db.csv", format!("{HEAD}{}", (0..5).map(batch).collect::<String>()).as_bytes());
    folder.ok(&line);
    assert_eq!(folder.table("out.csv")[1][..3], ["b0.npz/0", "1", "b0.npz/1"]);
    // A set whose file could not be opened has no name.
    folder.write(
        "db.csv",
        format!(
            "{HEAD}0,x/s0.h5,,,,skipped,\n{}",
            (1..5).map(|i| format!("{i},x/s{i}.h5,s{i},9,,ok,\n")).collect::<String>()
        )
        .as_bytes(),
    );
    folder.ok(&line);
    assert_eq!(folder.table("out.csv")[1][..3], ["x/s0.h5", "1", "x/s1.h5"]);
}

#[test]
fn the_rows_of_the_csv_may_be_in_any_order_but_are_those_of_the_vectors() {
    let folder = folder();
    let text = fs::read_to_string(folder.path("db.csv")).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1..].reverse();
    folder.write("db.csv", lines.join("\r\n").as_bytes());
    folder.ok(&["evaluate", "db.npy", "--neighbours", "out.csv"]);
    assert_eq!(folder.table("out.csv")[1][..3], ["a", "1", "b"]);
    // A user may add columns, in a spreadsheet of another country.
    let row = |line: &&str| format!("{};diagnosis of the patient\n", line.replace(',', ";"));
    folder.write("db.csv", lines.iter().map(row).collect::<String>().as_bytes());
    folder.ok(&["evaluate", "db.npy", "--neighbours", "out.csv"]);
    assert_eq!(folder.table("out.csv")[1][..3], ["a", "1", "b"]);
    for (text, expected) in [
        (lines[..5].join("\n"), "but row 0 is missing"),
        ([&lines[..], &["5,x,x,,,ok,"]].concat().join("\n"), "but row 5 is not one of them"),
        ([&lines[..5], &["1,x,x,,,ok,"]].concat().join("\n"), "but row 1 is not one of them"),
    ] {
        folder.write("db.csv", text.as_bytes());
        let told = folder.fails(1, &["evaluate", "db.npy", "--neighbours", "out.csv"]);
        let start = "error: db.csv: expected one line for each of the 5 rows of db.npy, ";
        assert!(told.starts_with(start) && told.contains(expected), "{told}");
    }
}

#[test]
fn queries_in_the_database_zero_vectors_and_other_widths_are_told() {
    let folder = folder();
    let told = folder.ok(&["evaluate", "db.npy", "--queries", "db.npy"]).stderr;
    assert!(
        told.contains("warning: 5 of the 5 vectors of db.npy are in db.npy, too, and find themselves first"),
        "{told}"
    );
    folder.write("q.npy", &common::matrix(3, 2, &[0.0, 1.0, 0.0, 0.0, 1.0, 1.1]));
    let told = folder.ok(&["evaluate", "db.npy", "--queries", "q.npy", "--neighbours", "o.csv"]).stderr;
    assert!(
        told.contains("warning: 1 of the 3 vectors of q.npy is in db.npy, too, and finds itself first"),
        "{told}"
    );
    assert!(told.contains("warning: 1 of 3 vectors of q.npy is zero"), "{told}");
    // A zero query finds the rows in their order.
    assert_eq!(folder.table("o.csv")[6], ["q2", "1", "a", "0"]);

    folder.write("wide.npy", &common::matrix(1, 3, &[1.0, 2.0, 3.0]));
    let told = folder.fails(1, &["evaluate", "db.npy", "--queries", "wide.npy"]);
    assert!(
        told.contains("wide.npy has vectors of 3 numbers, db.npy of 2: encode both with one model"),
        "{told}"
    );
    folder.write("nan.npy", &common::matrix(1, 2, &[1.0, f32::NAN]));
    let told = folder.fails(1, &["evaluate", "db.npy", "--queries", "nan.npy"]);
    assert!(told.contains("nan.npy: row 0, column 1 is NaN"), "{told}");
}

#[test]
fn options_of_queries_that_make_no_sense_are_told_before_anything_is_read() {
    let folder = folder();
    folder.write("other.csv", b"set,label\na,cat\n");
    for (code, options, expected) in [
        (2, &["--query-labels", "q.labels.npy"][..], "--query-labels: expected --queries QUERIES.npy"),
        (2, &["--label-column", "x"], "--label-column: expected --labels LABELS.csv"),
        (2, &["--top", "3"], "--top: expected --neighbours OUT.csv"),
        (2, &["--top", "0"], "--top: expected a whole number of at least 1, got 0"),
        (2, &["--neighbours", "out.npy"], "--neighbours: expected a name ending in .csv, got out.npy"),
        (1, &["--neighbours", "none/out.csv"], "--neighbours none/out.csv: the folder none does not exist"),
        (1, &["--neighbours", "db.csv"], "--neighbours db.csv: this file says what the vectors are"),
        (1, &["--labels", "other.csv", "--neighbours", "./other.csv"], "would be replaced"),
        (2, &["--queries", "q.npy", "-k", "6"], "--k: expected from 1 to 5 (labelled vectors), got 6"),
    ] {
        let told = folder.fails(code, &[&["evaluate", "db.npy"], options].concat());
        assert!(told.contains(expected), "{options:?}: {told}");
    }
    assert_eq!(folder.names("").iter().filter(|name| name.starts_with("out")).count(), 0);
}

#[test]
fn fvecs_files_are_queries_too() {
    let folder = Folder::new();
    for i in 0..6 {
        folder.npy(&format!("train/{}/{i}.npy", ["x", "y"][i % 2]), 60, 3, i % 2);
        folder.npy(&format!("test/{}/t{i}.npy", ["y", "x"][i % 2]), 50, 3, 1 - i % 2);
    }
    folder.ok(&["fit", "train", "-o", "m.safetensors", "-k", "2"]);
    folder.ok(&["encode", "train", "-m", "m.safetensors", "-o", "db.fvecs"]);
    folder.ok(&["encode", "test", "-m", "m.safetensors", "-o", "q.npy"]);
    let report = folder.json(&["evaluate", "db.fvecs", "--queries", "q.npy", "--json"]);
    assert_eq!((&report["accuracy"], &report["recall_at_1"]), (&1.0.into(), &1.0.into()));
    assert_eq!(report["classes"], serde_json::json!(["x", "y"]));
}
