//! A fit that is killed again and again, and whose state is damaged, ends with the bytes of one that was not.
//!
//! `make kills-fit` runs this with `FISHERVEC_KILLS=50`; without, it makes a few.

#[allow(dead_code, reason = "a toolbox for all test files")]
mod common;
#[path = "common/kills.rs"]
mod kills;

use common::{BINARY, Folder};
use kills::{MOST, Random, asked, damage, kill, told};
use std::fs;
use std::process::{Child, Stdio};
use std::time::Instant;

/// What happened to the fits.
#[derive(Debug, Default)]
struct Count {
    runs: usize,
    kills: usize,
    resumed: usize,
    damaged: usize,
    refused: usize,
}

fn wanted() -> usize {
    asked(3)
}

/// Files of odd lengths, two of them empty; more of them where more kills are asked for.
fn data() -> Folder {
    let folder = Folder::new();
    let size = if wanted() > 10 { 3 } else { 1 };
    for i in 0..30 {
        folder.npy(
            &format!("data/{i:02}.npy"),
            if i % 15 == 7 { 0 } else { size * (2_000 + 331 * i) },
            12,
            i,
        );
    }
    folder
}

fn start(folder: &Folder, model: &str, more: &[&str]) -> Child {
    let fit = ["fit", "data", "-o", model, "-k", "24"];
    let mut command = folder.command(BINARY);
    command.args(fit).args(more).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Kills fits with these options until there were enough kills.
fn torment(options: &[&str]) -> Count {
    let folder = data();
    let started = Instant::now();
    told(start(&folder, "expected.safetensors", options));
    let full = started.elapsed().as_secs_f64();
    let expected = fs::read(folder.path("expected.safetensors")).unwrap();
    let (mut random, mut count) = (Random(7), Count::default());
    let state = folder.path(".m.safetensors.state");
    let resumable = [options, &["--resume", "--checkpoint", "0.02"]].concat();
    let seen = |told: &str, is_damaged: bool, count: &mut Count| {
        count.resumed += usize::from(told.contains("going on from"));
        let refused = told.contains("not a valid state");
        count.refused += usize::from(refused);
        assert!(!is_damaged || refused || !told.contains("going on"), "a damaged state was taken: {told}");
    };
    while count.kills < wanted() {
        let mut is_damaged = false;
        for _ in 0..MOST.min(wanted() - count.kills) {
            let output = kill(start(&folder, "m.safetensors", &resumable), full, &mut random);
            count.kills += usize::from(!output.status.success());
            seen(&String::from_utf8_lossy(&output.stderr), is_damaged, &mut count);
            is_damaged = random.uniform() < 0.4 && damage(&state, &mut random);
            count.damaged += usize::from(is_damaged);
        }
        let told = told(start(&folder, "m.safetensors", &resumable));
        seen(&told, is_damaged, &mut count);
        count.runs += 1;
        assert!(fs::read(folder.path("m.safetensors")).unwrap() == expected, "{options:?}: {told}");
        assert!(!state.exists(), "a state is left");
        let left: Vec<String> =
            folder.names(".").into_iter().filter(|name| name.ends_with(".state")).collect();
        assert!(left.is_empty(), "{left:?}");
        fs::remove_file(folder.path("m.safetensors")).unwrap();
    }
    println!("{}: {count:?}, a full run takes {full:.1} s", options.join(" "));
    count
}

/// The kills must have met states, some of them damaged: else nothing was tested.
fn check(count: &Count) {
    assert!(count.kills >= wanted() && count.resumed + count.refused > 0, "{count:?}");
    assert!(wanted() < 10 || (count.resumed > 0 && count.refused > 0), "{count:?}");
}

#[test]
fn a_fit_to_all_descriptors_survives_kills() {
    let exact = ["--stream", "exact", "--pca", "9", "--max-iter", "12", "--tol", "0"];
    let count = torment(&exact);
    check(&count);
}

#[test]
fn passes_over_all_descriptors_survive_kills() {
    let count = torment(&["--polish", "12", "--sample", "3000", "--tol", "0"]);
    check(&count);
}

#[test]
fn a_stepwise_fit_survives_kills() {
    let count = torment(&["--stream", "stepwise", "--passes", "12", "--step-rows", "2000"]);
    check(&count);
}
