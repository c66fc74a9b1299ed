//! The binary from end to end: what it writes, what it says, its exit codes.

#[allow(dead_code, reason = "a toolbox for all test files")]
mod common;

use common::Folder;
use fishervec::Pipeline;
use fishervec::io::FileRows;
use std::fs;

const FIT: [&str; 6] = ["fit", "data", "-o", "m.safetensors", "--components", "4"];
const ENCODE: [&str; 6] = ["encode", "data", "-m", "m.safetensors", "-o", "v.npy"];

/// A folder with sets of 30 to 50 descriptors in `data`, two files deep, and a model fitted to them.
fn fitted() -> Folder {
    let folder = Folder::new();
    for (i, name) in ["data/b.npy", "data/a/x.npy", "data/a/y.NPY", "data/c, \"d\".npy"].iter().enumerate() {
        folder.npy(name, 30 + i, 3, i);
    }
    folder.write("data/notes.txt", b"no descriptors");
    folder.ok(&FIT);
    folder
}

#[test]
fn a_folder_of_files_becomes_one_row_per_file() {
    let folder = fitted();
    let told = folder.ok(&ENCODE).stderr;
    assert!(told.contains("Wrote v.npy and v.csv (4 sets: 0 empty, 0 skipped)"), "{told}");

    // The rows are sorted by path, and each holds what the library encodes the file to.
    let table = folder.table("v.csv");
    assert_eq!(table[0], ["row", "source", "set", "n", "mean_log_likelihood", "status"]);
    let columns = |i: usize| table[1..].iter().map(|row| row[i].clone()).collect::<Vec<_>>();
    assert_eq!(columns(0), ["0", "1", "2", "3"]);
    assert_eq!(columns(1), ["data/a/x.npy", "data/a/y.NPY", "data/b.npy", "data/c, \"d\".npy"]);
    assert_eq!(columns(2), ["x", "y", "b", "c, \"d\""]);
    assert_eq!(columns(3), ["31", "32", "30", "33"]);
    assert_eq!(columns(5), ["ok"; 4]);

    let pipeline = Pipeline::load(folder.path("m.safetensors")).unwrap();
    let vectors = folder.matrix("v.npy");
    assert_eq!(vectors.dim(), (4, pipeline.output_dim()));
    for (i, path) in columns(1).iter().enumerate() {
        let rows = FileRows::open(folder.path(path)).unwrap();
        let expected = pipeline.encode(&rows.rows::<f32>(0..rows.n_rows())).unwrap();
        assert_eq!(vectors.row(i), expected);
        assert!(table[i + 1][4].parse::<f64>().unwrap() < 0.0);
    }
    assert!(!folder.path("v.labels.npy").exists());
    assert_eq!(folder.names(""), ["data", "m.safetensors", "v.csv", "v.npy"]);
}

#[test]
fn a_ragged_batch_has_labels_and_may_have_empty_sets() {
    let folder = Folder::new();
    let lengths = [20, 0, 30, 25, 25];
    let names = ["cat", "dog", "cat", "dog", ""];
    folder.npz(
        "batch.npz",
        &[
            ("X", common::floats(100, 3, 1)),
            ("lengths", common::integers(&lengths)),
            ("y", common::names(&names)),
        ],
    );
    folder.ok(&["fit", "batch.npz", "-o", "m.safetensors", "--components", "2", "--sample", "60"]);
    let told = folder.ok(&["encode", "batch.npz", "-m", "m.safetensors", "-o", "v.npy"]).stderr;
    assert!(told.contains("5 sets: 1 empty, 0 skipped"), "{told}");

    let table = folder.table("v.csv");
    assert_eq!(table[0][5..], ["status", "label"]);
    assert_eq!(table[2], ["1", "batch.npz", "1", "0", "", "empty", "dog"]);
    assert_eq!(table[5][6], "");
    let vectors = folder.matrix("v.npy");
    for (i, vector) in vectors.outer_iter().enumerate() {
        let length: f32 = vector.iter().map(|x| x * x).sum();
        assert!(if i == 1 { length == 0.0 } else { (length - 1.0).abs() < 1e-5 }, "{i}: {length}");
    }
    assert_eq!(folder.integers("v.labels.npy"), [0, 1, 0, 1, -1]);

    let told = folder.ok(&["evaluate", "v.npy"]).stdout;
    assert!(told.contains("4 of 5 have a label") && told.contains("accuracy"), "{told}");
}

#[test]
fn integer_labels_stay_as_they_are_and_do_not_mix_with_names() {
    let folder = fitted();
    let batch = |y| [("X", common::floats(60, 3, 2)), ("offsets", common::integers(&[0, 30, 60])), ("y", y)];
    folder.npz("n.npz", &batch(common::integers(&[7, -5])));
    folder.npz("s.npz", &batch(common::names(&["a", "b"])));
    folder.ok(&["encode", "n.npz", "data", "-m", "m.safetensors", "-o", "v.npy"]);
    assert_eq!(folder.integers("v.labels.npy"), [7, -5, -1, -1, -1, -1]);
    let told = folder.fails(1, &["encode", "n.npz", "s.npz", "-m", "m.safetensors", "-o", "w.npy"]);
    assert!(told.contains("labels are integers in n.npz and names in s.npz"), "{told}");
    // Older labels would be taken for those of the new vectors.
    let told = folder.ok(&ENCODE).stderr;
    assert!(
        told.contains("warning: these sets have no labels; v.labels.npy, which is there already"),
        "{told}"
    );
}

#[test]
fn an_archive_of_matrices_and_double_precision() {
    let folder = Folder::new();
    folder.npz("two.npz", &[("b", common::floats(40, 3, 1)), ("a", common::doubles(50, 3, 2))]);
    folder.ok(&["fit", "two.npz", "-o", "m.safetensors", "--components", "3"]);
    folder.ok(&["encode", "two.npz", "-m", "m.safetensors", "-o", "v.npy"]);
    let table = folder.table("v.csv");
    assert_eq!([&table[1][2], &table[2][2]], ["a", "b"]);

    // Doubles are computed in double precision and rounded at the end.
    folder.write("a.npy", &common::doubles(50, 3, 2));
    let rows = FileRows::open(folder.path("a.npy")).unwrap();
    let pipeline = Pipeline::load(folder.path("m.safetensors")).unwrap();
    let expected = pipeline.encode(&rows.rows::<f64>(0..50)).unwrap();
    assert_eq!(folder.matrix("v.npy").row(0), expected.mapv(|x| x as f32));
}

const OUTPUTS: [&str; 3] = ["v.npy", "v.csv", "v.labels.npy"];

#[test]
fn a_set_that_cannot_be_encoded_stops_everything_or_is_skipped() {
    let folder = fitted();
    let whole = common::floats(40, 3, 9);
    folder.write("data/torn.npy", &whole[..whole.len() - 50]);
    folder.npy("data/wide.npy", 20, 5, 1);
    let mut nan = common::floats(40, 3, 9);
    let at = nan.len() - 4 * (3 * 4 + 2);
    nan[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    folder.npz("data/z.npz", &[("fine", common::floats(40, 3, 9)), ("odd", nan)]);
    folder.write("data/zz.npz", b"PK no archive");
    let before = b"row,source,set,n,mean_log_likelihood,status\nfrom before";
    for name in OUTPUTS {
        folder.write(name, before);
    }
    let names = folder.names("");

    let told = folder.fails(1, &ENCODE);
    assert!(told.contains("error: data/torn.npy: not a valid npy: ") && told.contains("cut short"), "{told}");
    fs::remove_file(folder.path("data/torn.npy")).unwrap();
    let told = folder.fails(1, &ENCODE);
    assert!(
        told.contains("error: data/wide.npy: wrong dimension of descriptors: expected 3, got 5"),
        "{told}"
    );
    fs::remove_file(folder.path("data/wide.npy")).unwrap();
    let broken = fs::read(folder.path("data/zz.npz")).unwrap();
    fs::remove_file(folder.path("data/zz.npz")).unwrap();
    let told = folder.fails(1, &ENCODE);
    let place = "error: data/z.npz: set odd: row 35, column 1 is NaN";
    assert!(told.contains(place), "{told}");
    assert_eq!(folder.names(""), names, "no temporary files");
    for name in OUTPUTS {
        assert_eq!(fs::read(folder.path(name)).unwrap(), before);
    }

    folder.write("data/torn.npy", &whole[..whole.len() - 50]);
    folder.npy("data/wide.npy", 20, 5, 1);
    folder.write("data/zz.npz", &broken);
    let told = folder.fails(3, &[&ENCODE[..], &["--on-error", "skip"]].concat());
    assert!(told.contains("9 sets: 0 empty, 4 skipped"), "{told}");
    let table = folder.table("v.csv");
    let statuses: Vec<&str> = table[1..].iter().map(|row| row[5].as_str()).collect();
    assert_eq!(statuses, ["ok", "ok", "ok", "ok", "skipped", "skipped", "ok", "skipped", "skipped"]);
    assert_eq!(table[0][6], "reason");
    for (row, n, reason) in [
        (5, "", "cut short"),
        (6, "20", "expected 3, got 5"),
        (8, "40", "row 35"),
        (9, "", "not a valid npz"),
    ] {
        assert_eq!(table[row][3], n);
        assert!(table[row][6].contains(reason), "{:?}", table[row]);
        assert!(told.contains(&format!("skipped: {}", table[row][6])), "{told}");
    }
    let vectors = folder.matrix("v.npy");
    for (i, status) in statuses.iter().enumerate() {
        assert_eq!(vectors.row(i).iter().all(|x| *x == 0.0), *status == "skipped");
    }
}

#[test]
fn fit_names_the_file_that_does_not_fit() {
    let folder = fitted();
    let model = fs::read(folder.path("m.safetensors")).unwrap();
    folder.npy("data/e.npy", 20, 5, 1);
    let told = folder.fails(1, &FIT);
    assert!(told.contains("data/e.npy: wrong dimension of descriptors: expected 3, got 5"), "{told}");

    let mut nan = common::floats(20, 3, 1);
    let end = nan.len();
    nan[end - 4..].copy_from_slice(&f32::INFINITY.to_le_bytes());
    folder.write("data/e.npy", &nan);
    let told = folder.fails(1, &FIT);
    assert!(told.contains("data/e.npy: row 19, column 2 is inf"), "{told}");

    folder.write("data/e.npy", &nan[..end - 1]);
    assert!(folder.fails(1, &FIT).contains("data/e.npy: not a valid npy"));
    fs::remove_file(folder.path("data/e.npy")).unwrap();
    let told = folder.fails(1, &[&FIT[..5], &["80"]].concat());
    assert!(told.contains("expected at least 160, got 126"), "{told}");
    assert_eq!(fs::read(folder.path("m.safetensors")).unwrap(), model);
    assert_eq!(folder.names(""), ["data", "m.safetensors"]);
}

#[test]
fn the_number_of_threads_changes_no_byte() {
    let folder = Folder::new();
    for i in 0..300 {
        folder.npy(&format!("data/{i:03}.npy"), i % 40, 4, i);
    }
    folder.npy("data/large.npy", 20_000, 4, 7);
    let mut seen = Vec::new();
    for threads in ["1", "2", "3"] {
        let threads = ["--threads", threads, "--quiet"];
        folder.ok(&[&FIT[..], &["--sample", "9000", "--pca", "3"], &threads].concat());
        folder.ok(&[&ENCODE[..], &threads].concat());
        seen.push(["m.safetensors", "v.npy", "v.csv"].map(|name| fs::read(folder.path(name)).unwrap()));
    }
    assert!(seen[0] == seen[1] && seen[0] == seen[2]);
}

#[test]
fn the_seed_draws_the_sample() {
    let folder = fitted();
    let fit = |seed: &str| {
        folder.ok(&[&FIT[..], &["--sample", "50", "--seed", seed]].concat());
        fs::read(folder.path("m.safetensors")).unwrap()
    };
    assert!(fit("1") == fit("1") && fit("1") != fit("2"));
}

#[cfg(unix)]
#[test]
fn more_archives_than_files_can_be_open() {
    let folder = fitted();
    for i in 0..400 {
        folder.npz(&format!("many/{i}.npz"), &[("a", common::floats(5, 3, i))]);
    }
    let command = "ulimit -n 64 && exec \"$0\" encode many -m m.safetensors -o v.npy --quiet";
    let done = folder.command("sh").args(["-c", command, common::BINARY]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(folder.matrix("v.npy").nrows(), 400);
}

#[test]
fn an_output_never_replaces_an_input() {
    let folder = fitted();
    for output in ["data/b.npy", "data/../data/b.npy"] {
        let told = folder.fails(1, &["encode", "data", "-m", "m.safetensors", "-o", output]);
        assert!(told.contains("data/b.npy is among the inputs"), "{told}");
    }
    let told = folder.fails(1, &["encode", "data", "-m", "m.safetensors", "-o", "none/v.npy"]);
    assert!(told.contains("none/v.npy"), "{told}");
}

#[test]
fn pooling_is_mean_and_standard_deviation() {
    let folder = fitted();
    folder.ok(&["fit", "data", "-o", "p.safetensors", "--encoder", "pooling"]);
    folder.ok(&["encode", "data/b.npy", "-m", "p.safetensors", "-o", "v.npy"]);
    let rows = FileRows::open(folder.path("data/b.npy")).unwrap();
    let values = folder.matrix("data/b.npy").mapv(f64::from);
    let vector = folder.matrix("v.npy").mapv(f64::from);
    assert_eq!(vector.dim(), (1, 6));
    for (j, column) in values.columns().into_iter().enumerate() {
        let mean = column.sum() / rows.n_rows() as f64;
        assert!((vector[[0, j]] - mean).abs() < 1e-6 && (vector[[0, 3 + j]] - column.std(0.0)).abs() < 1e-6);
    }
    assert_eq!(folder.table("v.csv")[1][4], "");
}

#[test]
fn inspect_and_evaluate_speak_json() {
    let folder = fitted();
    let model = folder.json(&["inspect", "m.safetensors", "--json"]);
    assert_eq!(model["dim"], 3);
    assert_eq!(model["length"], 4 * 7);
    assert_eq!(model["encoder"]["kind"], "fisher");
    assert_eq!(model["encoder"]["components"], 4);
    assert_eq!(model["encoder"]["convention"], "sanchez");
    assert_eq!(model["encoder"]["norm"], "l2");
    assert!(model["fit"]["lower_bounds"].as_array().is_some_and(|bounds| !bounds.is_empty()));
    let told = folder.ok(&["inspect", "m.safetensors"]).stdout;
    assert!(told.contains("4 components over 3 columns") && told.contains("28 numbers"), "{told}");

    folder.write("w.npy", &common::matrix(5, 2, &[1.0, 0.0, 1.0, 0.1, 0.0, 1.0, 0.1, 1.0, 1.0, 1.0]));
    folder.write("w.labels.npy", &common::integers(&[3, 3, 4, 4, -1]));
    let report = folder.json(&["evaluate", "w.npy", "--json"]);
    assert_eq!((&report["accuracy"], &report["map"]), (&1.0.into(), &1.0.into()));
    assert_eq!(report["labelled"], 4);
    assert_eq!(report["classes"], serde_json::json!([3, 4]));
    assert_eq!(report["confusion"], serde_json::json!([[2, 0], [0, 2]]));
    folder.write("names.npy", &common::names(&["one", "two", "one", "two", ""]));
    let report = folder.json(&["evaluate", "w.npy", "--labels", "names.npy", "--k", "2", "--json"]);
    assert_eq!(report["classes"], serde_json::json!(["one", "two"]));
    let told = folder.ok(&["evaluate", "w.npy", "--labels", "names.npy"]).stdout;
    assert!(told.contains("one") && told.contains("Confusion matrix (rows: true label"), "{told}");

    folder.write("w.labels.npy", &common::integers(&[3]));
    assert!(folder.fails(1, &["evaluate", "w.npy"]).contains("w.labels.npy: wrong dimension of labels"));
    assert!(
        folder
            .fails(2, &["evaluate", "w.npy", "--labels", "names.npy", "--k", "4"])
            .contains("error: --k: expected")
    );
    assert!(folder.fails(1, &["evaluate", "x.npy"]).contains("x.npy"));
}

#[test]
fn help_explains_and_wrong_usage_has_its_own_code() {
    let folder = fitted();
    let told = folder.ok(&["--help"]).stdout;
    assert!(told.contains("Exit codes:") && told.contains("Examples:"), "{told}");
    for verb in ["fit", "encode", "inspect", "evaluate"] {
        assert!(folder.ok(&[verb, "--help"]).stdout.contains("Usage: fishervec"));
    }
    let told = folder.ok(&["fit", "--help"]).stdout;
    for option in ["sanchez", "closed-form", "rootsift", "1000 x components", "0.5; pooling, h2t: 1.0"] {
        assert!(told.split_whitespace().collect::<Vec<_>>().join(" ").contains(option), "{option}: {told}");
    }
    for wrong in [
        &["--norm", "l3"][..],
        &["--components", "0"],
        &["--components", "many"],
        &["--gradients", "w,w"],
        &["--power", "0"],
        &["--tol", "nan"],
        &["--threads", "0"],
        &["--convention", "mine"],
        &["--pca", "9"],
        &["--nonsense"],
    ] {
        folder.fails(2, &[&FIT[..4], wrong].concat());
    }
    folder.fails(2, &[]);
    folder.fails(2, &["encode", "data", "-m", "m.safetensors", "-o", "v"]);
    assert!(
        folder
            .fails(2, &["fit", "data/notes.txt", "-o", "n"])
            .contains("expected a folder, or a descriptor file (.npy")
    );
    assert!(folder.fails(1, &["fit", "nowhere", "-o", "n"]).contains("nowhere"));
    fs::create_dir(folder.path("hollow")).unwrap();
    assert!(
        folder.fails(1, &["fit", "hollow", "-o", "n"]).contains(
            "hollow: no descriptor file (.npy, .npz, .fvecs, .bvecs, .safetensors, .pt, .pth, .h5, .hdf5) and no image file"
        )
    );
    assert!(folder.fails(1, &["inspect", "data/b.npy"]).contains("data/b.npy: not a valid model"));
}

#[test]
fn quiet_is_silent_and_lines_are_plain_elsewhere() {
    let folder = fitted();
    let loud = folder.ok(&[&FIT[..], &["--max-iter", "3", "--tol", "0"]].concat()).stderr;
    for part in
        ["fitting: 1 of 3 iterations; log-likelihood", "warning: not converged", "Wrote m.safetensors"]
    {
        assert!(loud.contains(part), "{loud}");
    }
    assert!(!loud.contains('\u{1b}') && !loud.contains('\r'), "{loud}");
    let quiet = folder.ok(&[&FIT[..4], &["--quiet", "--tol", "100", "--components", "2"]].concat());
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
    let quiet = folder.ok(&[&ENCODE[..], &["--quiet"]].concat());
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
}

/// A descriptor whose projection is too large is found in the sample; its file and its row there are named.
#[test]
fn a_fit_names_the_file_and_the_row_of_a_descriptor_beyond_all_range() {
    let folder = fitted();
    let mut far = common::floats(30, 3, 0);
    let at = far.len() - 4 * (3 * 18);
    (0..3).for_each(|j| far[at + 4 * j..at + 4 * (j + 1)].copy_from_slice(&3e38_f32.to_le_bytes()));
    folder.write("data/b.npy", &far);
    for sample in ["1000", "125", "120"] {
        let told = folder.fails(1, &[&FIT[..], &["--pca", "1", "--sample", sample]].concat());
        assert!(told.contains("error: data/b.npy: row 12, column 0 is "), "{sample}: {told}");
    }
}
