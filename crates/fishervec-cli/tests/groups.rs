//! `encode --group-by`: sets that are encoded as one, by their folders or by a column of a table.

#[allow(dead_code, reason = "a toolbox for all test files")]
mod common;

use common::{Folder, floats};
use ndarray::{Array1, Array2, Axis, concatenate};

/// Patients of several slides in folders, and a model of their descriptors, before power and norm.
fn patients() -> Folder {
    let folder = Folder::new();
    for (name, n, seed) in [
        ("slides/p10/a.npy", 60, 1),
        ("slides/p10/b.npy", 1, 2),
        ("slides/p2/c.npy", 90, 3),
        ("slides/p2/empty.npy", 0, 0),
        ("slides/x/p3/d.npy", 40, 4),
    ] {
        folder.npy(name, n, 3, seed);
    }
    // Of other descriptors: of a sample of its own a mixture has no gradient but noise.
    folder.npy("other.npy", 200, 3, 9);
    folder.write("train.npy", &bytes(&folder.matrix("other.npy").mapv(|x| 1.5 * x + 1.0)));
    folder.ok(&["fit", "train.npy", "-o", "m.safetensors", "-k", "2", "--power", "1", "--norm", "none"]);
    folder
}

fn encode(folder: &Folder, more: &[&str]) -> String {
    folder.ok(&[&["encode", "slides", "-m", "m.safetensors", "-o", "v.npy"], more].concat()).stderr
}

fn names(folder: &Folder) -> Vec<String> {
    folder.table("v.csv")[1..].iter().map(|row| row[2].clone()).collect()
}

fn bytes(rows: &Array2<f32>) -> Vec<u8> {
    common::matrix(rows.nrows(), rows.ncols(), rows.as_slice().unwrap())
}

/// Each vector differs by at most a millionth of its length.
#[track_caller]
fn assert_close(got: &Array2<f32>, expected: &Array2<f32>) {
    assert_eq!(got.dim(), expected.dim());
    let length = |x: &Array1<f32>| x.dot(x).sqrt();
    for (got, expected) in got.outer_iter().zip(expected.outer_iter()) {
        let (error, all) = (length(&(&got - &expected)), length(&expected.to_owned()));
        assert!(error <= 1e-6 * all, "{error} of {all}");
    }
}

/// The vectors of whole sets, each made of the rows of some files.
fn whole(folder: &Folder, groups: &[&[&str]]) -> Array2<f32> {
    let members = groups.iter().enumerate().map(|(i, files)| {
        let rows: Vec<_> = files.iter().map(|file| folder.matrix(file)).collect();
        let rows: Vec<_> = rows.iter().filter(|rows| rows.nrows() > 0).map(|rows| rows.view()).collect();
        let all = concatenate(Axis(0), &rows).unwrap();
        (format!("whole{i}"), bytes(&all))
    });
    let members: Vec<(String, Vec<u8>)> = members.collect();
    let members: Vec<(&str, Vec<u8>)> =
        members.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    folder.npz("whole.npz", &members);
    folder.ok(&["encode", "whole.npz", "-m", "m.safetensors", "-o", "w.npy"]);
    folder.matrix("w.npy")
}

#[test]
fn the_sets_of_a_folder_are_encoded_as_one() {
    let folder = patients();
    let told = encode(&folder, &["--group-by", "folder"]);
    assert_eq!(names(&folder), ["p2", "p10", "x/p3"]);
    assert!(
        told.contains("Wrote v.npy and v.csv (5 sets in 3 groups by folder: 0 empty, 0 skipped)\n"),
        "{told}"
    );
    let table = folder.table("v.csv");
    assert_eq!(table[0], ["row", "source", "set", "n", "mean_log_likelihood", "status"]);
    let columns = |row: usize| [1, 3, 5].map(|column| table[row][column].clone());
    assert_eq!(columns(1), ["2 files", "90", "ok"]);
    assert_eq!(columns(2), ["2 files", "61", "ok"]);
    assert_eq!(columns(3), ["slides/x/p3/d.npy", "40", "ok"]);
    let expected = whole(
        &folder,
        &[&["slides/p2/c.npy"], &["slides/p10/a.npy", "slides/p10/b.npy"], &["slides/x/p3/d.npy"]],
    );
    assert_close(&folder.matrix("v.npy"), &expected);
    let of_whole: f64 = folder.table("w.csv")[2][4].parse().unwrap();
    let of_group: f64 = table[2][4].parse().unwrap();
    assert!((of_whole - of_group).abs() < 1e-6 * of_whole.abs(), "{of_whole} {of_group}");
    let one = folder.matrix("v.npy");
    encode(&folder, &["--group-by", "folder", "-j", "1"]);
    assert_eq!(folder.matrix("v.npy"), one, "the number of threads");
    // What encode wrote is known again.
    let told = folder.ok(&["fit", ".", "-o", "n.safetensors", "-k", "2"]).stderr;
    assert!(told.contains("(written by encode)"), "{told}");
}

#[test]
fn folders_that_are_inputs_or_hold_inputs_are_groups() {
    let folder = patients();
    let encode = |inputs: &[&str]| {
        let rest = ["-m", "m.safetensors", "-o", "v.npy", "--group-by", "folder"];
        folder.ok(&[&["encode"], inputs, &rest].concat());
        names(&folder)
    };
    assert_eq!(encode(&["slides/p2", "slides/p10"]), ["p2", "p10"]);
    assert_eq!(encode(&["slides/p10/a.npy", "slides/p2/c.npy", "slides/p10/b.npy"]), ["p10", "p2"]);
    assert_eq!(encode(&["slides/p10", "slides/p10/a.npy"]), ["p10"]);
    assert_eq!(encode(&["./slides/x"]), ["p3"]);
}

#[test]
fn the_sets_of_one_value_in_a_column_are_encoded_as_one() {
    let folder = patients();
    folder.write(
        "t.csv",
        b"case,slide_id,label,patient\n1,a.svs,tumour,P 2\n2,b,tumour,P 2\n3,c,normal,P 1\n4,empty,,P 0\n5,d,normal,P 1\n6,e,normal,P 7\n",
    );
    let told = encode(&folder, &["--labels", "t.csv", "--group-by", "patient"]);
    assert_eq!(names(&folder), ["P 1", "P 0", "P 2"]);
    assert_eq!(folder.integers("v.labels.npy"), [0, -1, 1]);
    assert!(told.contains("(5 sets in 3 groups by patient: 1 empty, 0 skipped; labels: t.csv)"), "{told}");
    let expected = whole(
        &folder,
        &[&["slides/p2/c.npy", "slides/x/p3/d.npy"], &["slides/p10/a.npy", "slides/p10/b.npy"]],
    );
    let got = folder.matrix("v.npy");
    assert_close(&got.select(Axis(0), &[0, 2]), &expected);
    assert!(got.row(1).iter().all(|x| *x == 0.0));
    // Labels of groups are found by their names, whatever they were made of.
    folder.write("p.csv", b"patient,label\nP 2,a\nP 0,b\nP 3,c\n");
    let told = folder.ok(&["evaluate", "v.npy", "--labels", "p.csv"]).stderr;
    assert!(told.contains("p.csv: no label for 1 of 3 sets (P 1)\n"), "{told}");
    // A table for groups alone gives no labels.
    folder.write("g.tsv", b"set\tpatient\tsite\na\tx\ts\nb\ty\ts\nc\tx\ts\nempty\ty\ts\nd\ty\ts\n");
    std::fs::remove_file(folder.path("v.labels.npy")).unwrap();
    encode(&folder, &["--labels", "g.tsv", "--group-by", "patient"]);
    assert_eq!(names(&folder), ["x", "y"]);
    assert!(!folder.path("v.labels.npy").exists());
    encode(&folder, &["--labels", "g.tsv", "--group-by", "patient", "--label-column", "site"]);
    assert_eq!(folder.integers("v.labels.npy"), [0, 0]);
    // A negative number is not a label, so it contradicts none.
    folder.write("n.csv", b"set,patient,y\na,x,-1\nb,x,3\nc,x,\nempty,y,-1\nd,y,-1\n");
    encode(&folder, &["--labels", "n.csv", "--group-by", "patient"]);
    assert_eq!(folder.integers("v.labels.npy"), [3, -1]);
}

#[test]
fn arrays_of_files_and_doubles_make_groups_too() {
    let folder = patients();
    folder.npz(
        "pieces.npz",
        &[("a", floats(30, 3, 1)), ("b", common::doubles(20, 3, 2)), ("c", floats(5, 3, 3))],
    );
    folder.write("t.csv", b"set,piece\na,left\nb,left\nc,right\n");
    let line = ["-m", "m.safetensors", "-o", "v.npy", "--labels", "t.csv", "--group-by", "piece"];
    folder.ok(&[&["encode", "pieces.npz"], &line[..]].concat());
    let table = folder.table("v.csv");
    assert_eq!(table[1][1..4], ["pieces.npz", "left", "50"]);
    assert_eq!(table[2][1..4], ["pieces.npz", "right", "5"]);
    // A group of one set has its vector, to the bit.
    folder.ok(&["encode", "pieces.npz", "-m", "m.safetensors", "-o", "w.npy"]);
    assert_eq!(folder.matrix("v.npy").row(1), folder.matrix("w.npy").row(2));
}

#[test]
fn what_can_be_meant_two_ways_is_an_error() {
    let folder = patients();
    let run = |code: i32, inputs: &[&str], more: &[&str]| {
        let rest = ["-m", "m.safetensors", "-o", "v.npy", "--group-by"];
        folder.fails(code, &[&["encode"], inputs, &rest, more].concat())
    };
    let told = run(2, &["slides"], &["patient"]);
    assert!(told.contains("--group-by patient: expected folder, or --labels FILE beside it"), "{told}");
    folder.write("t.csv", b"set,patient,folder\na,x,1\nb,x,1\nc,y,1\nempty,,1\n");
    let told = run(1, &["slides"], &["case", "--labels", "t.csv"]);
    assert!(told.contains("t.csv: expected a column case, got the columns set, patient, folder"), "{told}");
    let told = run(1, &["slides"], &["patient", "--labels", "t.csv"]);
    let expected =
        "t.csv: no patient for 2 of 5 sets (slides/p2/empty.npy, slides/x/p3/d.npy): each set needs a group";
    assert!(told.contains(expected), "{told}");
    let told = run(2, &["slides"], &["folder", "--labels", "t.csv"]);
    assert!(told.contains("got both: rename the column"), "{told}");
    folder.npy("slides/loose.npy", 5, 3, 1);
    let told = run(1, &["slides"], &["folder"]);
    assert!(told.contains("slides/loose.npy in none of slides: move it into one"), "{told}");
    folder.npy("other/p2/c.npy", 5, 3, 1);
    let told = run(1, &["other", "slides/p2"], &["folder"]);
    assert!(told.contains("would both be the group p2"), "{told}");
    folder.write("l.csv", b"set,patient,label\na,x,1\nb,x,2\nc,y,1\nempty,y,1\nd,y,1\n");
    let told = run(1, &["slides/p10", "slides/p2", "slides/x"], &["patient", "--labels", "l.csv"]);
    let expected = "group x: slides/p10/a.npy has the label 1 and slides/p10/b.npy the label 2";
    assert!(told.contains(expected), "{told}");
    assert!(!folder.path("v.npy").exists());
}

#[test]
fn a_group_is_the_rest_of_its_sets_where_some_are_skipped() {
    let folder = patients();
    folder.write("slides/p10/b.npy", b"not an array");
    folder.write("slides/x/p3/d.npy", &bytes(&Array2::from_elem((4, 3), f32::NAN)));
    let line = ["encode", "slides", "-m", "m.safetensors", "-o", "v.npy", "--group-by", "folder"];
    let told = folder.fails(1, &line);
    assert!(told.contains("slides/p10/b.npy") && !folder.path("v.npy").exists(), "{told}");
    let told = folder.fails(3, &[&line[..], &["--on-error", "skip"]].concat());
    assert!(told.contains("(5 sets in 3 groups by folder: 0 empty, 2 skipped)"), "{told}");
    let table = folder.table("v.csv");
    let columns = |row: usize| [2, 3, 5].map(|column| table[row][column].clone());
    assert_eq!(columns(1), ["p2", "90", "ok"]);
    assert_eq!(columns(2), ["p10", "60", "ok"]);
    assert!(table[2][6].starts_with("1 of 2 sets skipped: ") && table[2][6].contains("b.npy"), "{table:?}");
    assert_eq!(columns(3), ["x/p3", "4", "skipped"]);
    assert!(table[3][6].contains("row 0, column 0 is NaN"), "{table:?}");
    let expected = whole(&folder, &[&["slides/p2/c.npy"], &["slides/p10/a.npy"]]);
    let got = folder.matrix("v.npy");
    assert_close(&got.select(Axis(0), &[0, 1]), &expected);
    assert!(got.row(2).iter().all(|x| *x == 0.0));
}

#[test]
fn images_of_a_folder_are_encoded_as_one() {
    let folder = Folder::new();
    for (i, name) in ["a/1.png", "a/2.png", "b/3.png"].iter().enumerate() {
        folder.write(&format!("images/{name}"), &common::stripes(60, 50, 3.0, i as f32));
    }
    folder.ok(&["fit", "images", "-o", "m.safetensors", "-k", "2", "--pca", "4"]);
    folder.ok(&["encode", "images", "-m", "m.safetensors", "-o", "v.npy", "--group-by", "folder"]);
    assert_eq!(names(&folder), ["a", "b"]);
    // Each group would be a class of its own.
    assert!(!folder.path("v.labels.npy").exists());
    folder.ok(&["encode", "images/b", "-m", "m.safetensors", "-o", "w.npy"]);
    assert_eq!(folder.matrix("v.npy").row(1), folder.matrix("w.npy").row(0));
}
