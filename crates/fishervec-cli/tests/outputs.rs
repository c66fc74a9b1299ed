//! Where results go: what is checked before any work, what is never replaced, and that no fit is lost.

#[allow(dead_code, reason = "a toolbox for all test files")]
mod common;

use common::{BINARY, Folder};
use fishervec::Pipeline;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

/// A folder with data that cannot be read, so that any error about something else came before.
fn broken() -> Folder {
    let folder = Folder::new();
    folder.write("data/broken.npy", b"no descriptors");
    folder.write("file", b"");
    folder
}

#[test]
fn fit_checks_its_output_before_it_reads() {
    let folder = broken();
    for (code, output, expected) in [
        (1, "data", "--output data: expected the name of a file, got that of a folder"),
        (1, "new/", "--output new/: expected the name of a file, got that of a folder"),
        (
            1,
            "none/m.safetensors",
            "--output none/m.safetensors: the folder none does not exist; create it first",
        ),
        (1, "file/m.safetensors", "--output file/m.safetensors: file is not a folder"),
        (2, "m.npy", "--output: expected a name ending in .safetensors, got m.npy"),
        (2, "m.PNG", "--output: expected a name ending in .safetensors, got m.PNG"),
    ] {
        let told = folder.fails(code, &["fit", "data", "-o", output]);
        assert_eq!(told, format!("error: {expected}\n"));
    }
    assert_eq!(folder.names(""), ["data", "file"]);
}

/// Not even root can write there.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_written_to_is_told_before_anything_is_read() {
    let folder = broken();
    let told = folder.fails(1, &["fit", "data", "-o", "/proc/m.safetensors"]);
    assert!(told.starts_with("error: --output /proc/m.safetensors: "), "{told}");
    folder.write("m.safetensors", b"no model");
    let told = folder.fails(1, &["encode", "data", "-m", "m.safetensors", "-o", "/proc/v.npy"]);
    assert!(told.starts_with("error: --output /proc/v.npy: "), "{told}");
}

#[test]
fn fit_checks_its_options_before_it_reads() {
    let folder = broken();
    for (options, expected) in [
        (&["--whiten"][..], "--whiten: expected a projection (--pca D), got none"),
        (
            &["--spatial", "1"],
            "--spatial: expected position columns (--positions NAME or --position-columns N), got none",
        ),
        (
            &["--pyramid", "2x2"],
            "--pyramid: 2x2 expects 2 position columns (--positions NAME or --position-columns N), got 0",
        ),
        (&["--sample", "9"], "--sample: expected at least 128 descriptors for this --components, got 9"),
        (&["--encoder", "vlad", "--residual", "--mass"], "--residual and --mass cannot be given together"),
        (
            &["--encoder", "vlad", "--residual", "--assignment", "soft"],
            "--residual: expected --assignment hard, got soft",
        ),
        (&["--encoder", "vlad", "--spatial", "1"], "--position-columns N"),
    ] {
        let told = folder.fails(2, &[&["fit", "data", "-o", "m.safetensors"], options].concat());
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn fit_compares_its_options_with_the_headers_before_it_reads_descriptors() {
    let folder = Folder::new();
    // The values are missing: whoever read them would say so.
    folder.npy("data/x.npy", 30, 3, 1);
    let mut nan = common::floats(30, 3, 1);
    let end = nan.len();
    nan[end - 360..].fill(0xff);
    folder.write("data/x.npy", &nan);
    for (code, options, expected) in [
        (2, ["--pca", "4"], "--pca: expected at most 3, the number of columns to project, got 4"),
        (2, ["--position-columns", "3"], "--position-columns: expected fewer than the 3 columns"),
        (
            1,
            ["-k", "16"],
            "too few descriptors: expected at least 32, got 30: use fewer components or more data",
        ),
    ] {
        let k = if options[0] == "-k" { &[][..] } else { &["-k", "2"] };
        let told = folder.fails(code, &[&["fit", "data", "-o", "m.safetensors"], &options[..], k].concat());
        assert!(told.contains(expected) && !told.contains("NaN"), "{told}");
    }
    let told = folder.fails(1, &["fit", "data", "-o", "m.safetensors", "-k", "2"]);
    assert!(told.contains("NaN"), "{told}");
}

#[test]
fn encode_checks_its_outputs_before_it_reads() {
    let folder = broken();
    folder.write("m.safetensors", b"no model");
    fs::create_dir(folder.path("w.csv")).unwrap();
    for (output, expected) in [
        ("none/v.npy", "--output none/v.npy: the folder none does not exist; create it first"),
        ("w.npy", "--output w.csv: expected the name of a file, got that of a folder"),
        ("file/v.npy", "--output file/v.npy: file is not a folder"),
    ] {
        let told = folder.fails(1, &["encode", "data", "-m", "m.safetensors", "-o", output]);
        assert_eq!(told, format!("error: {expected}\n"));
    }
    folder.write("v.npy", b"no model");
    let told = folder.fails(1, &["encode", "data", "-m", "v.npy", "-o", "v.npy"]);
    assert!(told.contains("v.npy is the model and would be replaced"), "{told}");
}

#[test]
fn a_model_never_replaces_descriptors() {
    let folder = Folder::new();
    let data: Vec<u8> = (0..600_u16).flat_map(|i| f32::from(i * 7 % 13).to_le_bytes()).collect();
    let header = format!("{:<64}", r#"{"x":{"dtype":"F32","shape":[200,3],"data_offsets":[0,2400]}}"#);
    let tensors = [&64_u64.to_le_bytes()[..], header.as_bytes(), &data].concat();
    folder.write("x.safetensors", &tensors);
    let told = folder.fails(1, &["fit", "x.safetensors", "-o", "./x.safetensors", "-k", "2"]);
    assert!(told.contains("x.safetensors is among the inputs and would be replaced"), "{told}");
    assert_eq!(fs::read(folder.path("x.safetensors")).unwrap(), tensors);
    // A model among the inputs is not an input, and may be replaced.
    folder.ok(&["fit", ".", "-o", "m.safetensors", "-k", "2"]);
    folder.ok(&["fit", ".", "-o", "m.safetensors", "-k", "2"]);
    let told = folder.fails(2, &["fit", "m.safetensors", "-o", "n.safetensors"]);
    assert!(told.contains("m.safetensors is a model: expected a folder, or a descriptor file"), "{told}");
}

#[test]
fn the_table_of_the_labels_is_never_replaced() {
    let folder = broken();
    // What encode wrote before, with labels that someone has corrected.
    let table = b"row,source,set,n,mean_log_likelihood,status,label\n0,a.npy,a,9,-1.0,ok,x\n";
    folder.write("v.csv", table);
    folder.write("m.safetensors", b"no model");
    let told =
        folder.fails(1, &["encode", "data", "-m", "m.safetensors", "-o", "./v.npy", "--labels", "v.csv"]);
    let expected = "error: v.csv is the table of --labels and would be replaced: choose another --output\n";
    assert_eq!(told, expected);
    let told = folder.fails(1, &["fit", "data", "-o", "v.csv", "--balance", "label", "--labels", "v.csv"]);
    assert_eq!(told, expected);
    assert_eq!(fs::read(folder.path("v.csv")).unwrap(), table);
}

#[test]
fn a_csv_with_columns_of_its_user_is_never_replaced() {
    let folder = broken();
    let table = b"row;source;set;n;mean_log_likelihood;status;label;diagnosis of the patient\n0;a.npy;a;9;-1,0;ok;x;y\n";
    folder.write("v.csv", table);
    let told = folder.fails(1, &["encode", "data", "-m", "m.safetensors", "-o", "v.npy"]);
    let expected =
        "error: v.csv would be replaced, with columns that encode did not write: choose another --output\n";
    assert_eq!(told, expected);
    assert_eq!(fs::read(folder.path("v.csv")).unwrap(), table);
}

#[test]
fn the_closing_lines_name_the_files_and_the_next_command() {
    let folder = Folder::new();
    folder.npy("my data/x.npy", 200, 3, 1);
    let told = folder.ok(&["fit", "my data", "-o", "my model.safetensors", "-k", "2"]).stderr;
    let closing = "Wrote my model.safetensors (input: 3 columns; output: 14 numbers per set). Next: \
                   fishervec encode 'my data' -m 'my model.safetensors' -o vectors.npy";
    assert_eq!(told.lines().last(), Some(closing));
    // The shell reads the suggestion as one command.
    let next = closing.split("Next: fishervec").nth(1).unwrap();
    let mut shell = folder.command("sh");
    let done = shell.args(["-ec", &format!("\"$0\" {next}"), BINARY]).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    let told = String::from_utf8(done.stderr).unwrap();
    assert_eq!(told.lines().last(), Some("Wrote vectors.npy and vectors.csv (1 set: 0 empty, 0 skipped)"));
    // The next command would be refused if it replaced an input.
    let told = folder.ok(&["fit", "vectors.npy", "-o", "m", "--encoder", "pooling"]).stderr;
    assert!(told.ends_with("Next: fishervec encode vectors.npy -m m -o encoded.npy\n"), "{told}");
}

/// The output folder disappears while a fit is running.
#[test]
fn no_fit_is_lost() {
    let folder = Folder::new();
    folder.npy("data/x.npy", 20_000, 8, 1);
    for name in ["out", "work", "tmp"] {
        fs::create_dir(folder.path(name)).unwrap();
    }
    let fit = ["fit", "../data", "-o", "../out/m.safetensors", "-k", "64", "--tol", "0", "--max-iter", "300"];
    let mut command = folder.command(BINARY);
    command.current_dir(folder.path("work")).env("TMPDIR", folder.path("tmp")).args(fit);
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    while !told.contains("reading: ") {
        assert!(stderr.read_line(&mut told).unwrap() > 0, "{told}");
    }
    fs::remove_dir(folder.path("out")).unwrap();
    stderr.read_to_string(&mut told).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{told}");
    let saved = folder.path("work/m-saved-1.safetensors");
    assert!(told.contains("error: ../out/m.safetensors: "), "{told}");
    let saved_as = format!("it was saved as {} instead", saved.canonicalize().unwrap().display());
    assert!(told.contains(&saved_as), "{told}");
    assert_eq!(Pipeline::load(saved).unwrap().input_dim(), 8);
}

/// Names that are not UTF-8 work, and are not suggested to a shell.
#[cfg(target_os = "linux")]
#[test]
fn names_need_not_be_utf_8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new();
    folder.npy("x.npy", 200, 3, 1);
    let odd = OsStr::from_bytes(b"d\xff.npy");
    fs::rename(folder.path("x.npy"), folder.path("").join(odd)).unwrap();
    let run = |arguments: &[&OsStr]| {
        let done = folder.command(BINARY).args(arguments).output().unwrap();
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stderr).unwrap()
    };
    let [model, vectors] = [&b"m\xfe.safetensors"[..], b"v\xfe.npy"].map(OsStr::from_bytes);
    let told = run(&["fit".as_ref(), odd, "-k".as_ref(), "2".as_ref(), "-o".as_ref(), model]);
    assert!(told.contains("Next: fishervec encode INPUT -m MODEL -o vectors.npy"), "{told}");
    run(&["encode".as_ref(), odd, "-m".as_ref(), model, "-o".as_ref(), vectors]);
    assert!(folder.path("").join(vectors).exists());
    let mut command = folder.command(BINARY);
    let wrong = command.args([OsStr::new("fit"), odd, "-o".as_ref(), model, "--tol".as_ref(), odd]).output();
    let told = String::from_utf8(wrong.unwrap().stderr).unwrap();
    assert_eq!(told, "error: the value of an option is not valid UTF-8\nSee `fishervec fit -h`.\n");
}
