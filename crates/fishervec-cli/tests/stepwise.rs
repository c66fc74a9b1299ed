//! `fit --stream stepwise`: a mixture that moves after every few descriptors of all files.

#[allow(dead_code, reason = "a toolbox for all test files")]
mod common;

use common::{BINARY, Folder};
use fishervec::Pipeline;
use std::fs;

fn data() -> Folder {
    let folder = Folder::new();
    for i in 0..23 {
        folder.npy(&format!("data/{i:02}.npy"), (i * 331) % 2_900, 5, i);
    }
    folder
}

const FIT: [&str; 8] = ["fit", "data", "-o", "m.safetensors", "-k", "6", "--stream", "stepwise"];

fn fit(folder: &Folder, more: &[&str]) -> (String, Vec<u8>) {
    let told = folder.ok(&[&FIT[..], more].concat()).stderr;
    (told, fs::read(folder.path("m.safetensors")).unwrap())
}

#[test]
fn the_model_does_not_depend_on_threads_or_on_how_many_files_may_be_open() {
    let folder = data();
    let steps = ["--step-rows", "300", "--passes", "2", "--pca", "4"];
    let (told, expected) = fit(&folder, &[&steps[..], &["-j", "1"]].concat());
    assert!(told.contains(" steps in 2 passes") && told.contains("warning: only "), "{told}");
    assert!(!told.contains("not converged"), "{told}");
    assert!(fit(&folder, &[&steps[..], &["-j", "2"]].concat()).1 == expected);
    let line = format!("ulimit -n 24; exec {BINARY} {} {} -j 2", FIT.join(" "), steps.join(" "));
    let done = folder.command("sh").args(["-c", &line]).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    assert!(fs::read(folder.path("m.safetensors")).unwrap() == expected);
    let report = Pipeline::from_bytes(&expected).unwrap().fit_report().cloned().unwrap();
    assert_eq!((report.n_iter(), report.steps % 2, report.converged), (2, 0, false));
    let shown = folder.ok(&["inspect", "m.safetensors"]).stdout;
    assert!(shown.contains(" steps in 2 passes"), "{shown}");
    folder.ok(&["encode", "data", "-m", "m.safetensors", "-o", "v.npy"]);
}

#[test]
fn enough_steps_are_not_warned_of() {
    let folder = data();
    let (told, _) = fit(&folder, &["--step-rows", "100", "--encoder", "bow", "--assignment", "soft"]);
    assert!(!told.contains("recommended: raise --passes"), "{told}");
}

#[test]
fn what_does_not_go_together_is_told_with_the_cure() {
    let folder = data();
    for (more, expected) in [
        (&["--encoder", "vlad"][..], "or with vlad or bow --assignment soft"),
        (&["--encoder", "h2t"], "choose --stream exact"),
        (&["--encoder", "pooling"], "choose --stream exact"),
        (&["--exponent", "0.5"], "--exponent: expected a number above 0.5, at most 1"),
        (&["--delay", "-1"], "--delay: expected a number of at least 0"),
        (&["--cursors", "0"], "--cursors: expected a whole number of at least 1"),
        (&["--sample", "50"], "--sample is for a fit to a sample"),
        (&["--on-error", "skip"], "leave out --on-error skip"),
    ] {
        let told = folder.fails(2, &[&FIT[..], more].concat());
        assert!(told.contains(expected), "{told}");
    }
    for option in ["--passes", "--step-rows", "--cursors"] {
        for stream in [&[][..], &["--stream", "exact"]] {
            let line = [&["fit", "data", "-o", "m.safetensors", option, "2"], stream].concat();
            let told = folder.fails(2, &line);
            assert!(told.contains(&format!("{option} is for --stream stepwise")), "{told}");
        }
    }
    let told = fit(&folder, &["--max-iter", "5", "--tol", "0", "--n-init", "2"]).0;
    for option in ["--max-iter", "--tol", "--n-init"] {
        assert!(told.contains(&format!("{option} has no effect with --stream stepwise")), "{told}");
    }
    folder.write("photos/a.png", &common::stripes(64, 48, 5.0, 0.3));
    let line = ["fit", "photos", "-o", "p.safetensors", "-k", "2", "--stream", "stepwise"];
    let told = folder.fails(2, &line);
    assert!(told.contains("expected descriptor files, got images") && told.contains("--polish 3"), "{told}");
}
