//! `fit --resume`: which states a fit goes on from, and which it refuses.

#[allow(dead_code, reason = "a toolbox for all test files")]
mod common;

use common::{BINARY, Folder};
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

const STATE: &str = ".m.safetensors.state";

fn data() -> Folder {
    let folder = Folder::new();
    for i in 0..12 {
        folder.npy(&format!("data/{i:02}.npy"), 5_000 + 77 * i, 6, i);
    }
    folder
}

/// Runs a fit until it has saved its state, and then kills it.
fn stopped(folder: &Folder, options: &[&str]) {
    let fit = ["fit", "data", "-o", "m.safetensors", "-k", "12", "--tol", "0", "--checkpoint", "0.001"];
    let mut command = folder.command(BINARY);
    let mut child = command.args(fit).args(options).stderr(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while !folder.path(STATE).exists() {
        assert!(started.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(folder.path(STATE).exists() && !folder.path("m.safetensors").exists());
}

fn fit(folder: &Folder, model: &str, options: &[&str]) -> (String, Vec<u8>) {
    let fit = ["fit", "data", "-o", model, "-k", "12", "--tol", "0"];
    let told = folder.ok(&[&fit[..], options].concat()).stderr;
    (told, fs::read(folder.path(model)).unwrap())
}

#[test]
fn each_kind_of_fit_goes_on_with_the_same_bytes() {
    for options in [
        &["--polish", "40"][..],
        &["--polish", "40", "--encoder", "vlad"],
        &["--stream", "exact", "--max-iter", "40", "--n-init", "2"],
        &["--stream", "exact", "--encoder", "bow", "--pca", "3"],
        &["--stream", "exact", "--max-iter", "30", "--position-columns", "2", "--spatial", "2"],
        &["--polish", "30", "--information", "empirical", "--information-sets", "12"],
    ] {
        let folder = data();
        let (_, expected) = fit(&folder, "expected.safetensors", options);
        stopped(&folder, options);
        let (told, bytes) = fit(&folder, "m.safetensors", &[options, &["--resume", "-j", "1"]].concat());
        assert!(told.contains("going on from .m.safetensors.state"), "{told}");
        assert!(bytes == expected, "{options:?}");
        assert!(!folder.path(STATE).exists());
    }
}

#[test]
fn the_state_of_another_fit_is_refused_by_name_and_never_used() {
    let folder = data();
    let options = ["--stream", "exact", "--max-iter", "40"];
    let refused = |change: &[&str], expected: &str| {
        let again: Vec<&str> = options.iter().chain(change).copied().chain(["--resume"]).collect();
        let (told, bytes) = fit(&folder, "m.safetensors", &again);
        assert!(told.contains(expected) && told.contains("starting anew"), "{told}");
        let (_, fresh) = fit(&folder, "fresh.safetensors", &again[..again.len() - 1]);
        assert!(bytes == fresh, "{change:?}");
        fs::remove_file(folder.path("m.safetensors")).unwrap();
    };
    for (change, expected) in [
        (&["--seed", "1"][..], "the state of a fit with another --seed"),
        (&["--variance-floor", "0.5"], "another option of the mixture"),
        (&["--rows", "l2"], "another --rows"),
    ] {
        stopped(&folder, &options);
        refused(change, expected);
    }
    stopped(&folder, &options);
    folder.npy("data/03.npy", 5_000 + 77 * 3, 6, 99);
    refused(&[], "another list of files, or files that have changed");
    for damaged in [&b""[..], b"nonsense"] {
        folder.write(STATE, damaged);
        refused(&[], "not a valid state");
    }
    refused(&[], "is not there");
}

#[test]
fn without_resume_a_state_is_named_and_the_fit_starts_anew() {
    let folder = data();
    let options = ["--polish", "20"];
    let (_, expected) = fit(&folder, "expected.safetensors", &options);
    stopped(&folder, &options);
    let (told, bytes) = fit(&folder, "m.safetensors", &options);
    assert!(told.contains("which --resume would go on from; starting anew"), "{told}");
    assert!(bytes == expected && !folder.path(STATE).exists());
}

#[test]
fn a_state_that_cannot_be_saved_does_not_harm_the_fit() {
    let folder = data();
    let options = ["--stream", "exact", "--max-iter", "10"];
    let (_, expected) = fit(&folder, "expected.safetensors", &options);
    fs::create_dir(folder.path(STATE)).unwrap();
    let (told, bytes) = fit(&folder, "m.safetensors", &[&options[..], &["--checkpoint", "0.001"]].concat());
    assert!(told.contains("warning: the fit goes on, but its state cannot be saved"), "{told}");
    assert!(bytes == expected);
}

#[test]
fn wrong_or_useless_options_are_told() {
    let folder = data();
    let (told, _) = fit(&folder, "m.safetensors", &["--resume", "--checkpoint", "5"]);
    for option in ["--resume", "--checkpoint"] {
        assert!(told.contains(&format!("{option} has no effect without --polish or --stream")), "{told}");
    }
    for wrong in ["0", "-1", "nan", "soon"] {
        let fit = ["fit", "data", "-o", "m.safetensors", "--polish", "1", "--checkpoint", wrong];
        let told = folder.fails(2, &fit);
        assert!(told.contains("--checkpoint: expected a number above 0"), "{told}");
    }
}
