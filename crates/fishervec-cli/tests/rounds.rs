//! `accumulate` and `maximize`: a fit over all descriptors in rounds that several processes share.

#[allow(dead_code, reason = "a toolbox for all test files")]
mod common;

use common::Folder;
use fishervec::Pipeline;
use std::fs;

/// Nineteen sets of odd lengths, an empty one among them, and a model of a sample of them.
fn fitted(encoder: &str) -> Folder {
    let folder = Folder::new();
    for i in 0..19 {
        folder.npy(&format!("data/{i:02}.npy"), (i * 97) % 700, 3, i);
    }
    let fit = ["fit", "data", "-o", "0.safetensors", "-k", "4", "--sample", "150", "--tol", "0"];
    folder.ok(&[&fit[..], &["--encoder", encoder]].concat());
    folder
}

fn accumulate(folder: &Folder, model: &str, shard: usize, of: usize) -> String {
    let part = format!("{model}.{shard}.stats");
    let (model, shard) = (format!("{model}.safetensors"), format!("{shard}/{of}"));
    folder.ok(&["accumulate", "data", "-m", &model, "--shard", &shard, "-o", &part]);
    part
}

fn maximize(parts: &[String], model: &str, next: &str, more: &[&str]) -> Vec<String> {
    let names = [model, next].map(|name| format!("{name}.safetensors"));
    let line = ["maximize", "-m", &names[0], "-o", &names[1]].map(str::to_owned);
    line.into_iter().chain(parts.to_vec()).chain(more.iter().map(ToString::to_string)).collect()
}

fn words(line: &[String]) -> Vec<&str> {
    line.iter().map(String::as_str).collect()
}

#[test]
fn rounds_of_any_shards_are_the_passes_of_one_fit() {
    for encoder in ["fisher", "vlad", "bow"] {
        let folder = fitted(encoder);
        let bytes = |name: &str| fs::read(folder.path(name)).unwrap();
        let fit = ["fit", "data", "-o", "polished.safetensors", "-k", "4", "--sample", "150"];
        folder.ok(&[&fit[..], &["--encoder", encoder, "--polish", "3", "--tol", "0"]].concat());
        for (round, of) in [1, 4, 5].into_iter().enumerate() {
            let (model, next) = (round.to_string(), (round + 1).to_string());
            // In another order, and one of them twice.
            let mut parts: Vec<String> =
                (1..=of).map(|i| accumulate(&folder, &model, 1 + (i * 3 + round) % of, of)).collect();
            parts.push(accumulate(&folder, &model, of, of));
            let more: &[&str] = if round == 0 { &["--max-iter", "3", "--tol", "0"] } else { &[] };
            folder.ok(&words(&maximize(&parts, &model, &next, more)));
            // A model of any round encodes.
            folder.ok(&["encode", "data", "-m", &format!("{next}.safetensors"), "-o", "v.npy"]);
        }
        assert!(bytes("3.safetensors") == bytes("polished.safetensors"), "{encoder}");
    }
}

#[test]
fn what_does_not_belong_together_is_refused_and_nothing_is_written() {
    let folder = fitted("fisher");
    let parts: Vec<String> = (1..=4).map(|i| accumulate(&folder, "0", i, 4)).collect();
    let refused = |parts: &[String], model: &str, expected: &str| {
        folder.write("next.safetensors", b"as before");
        let told = folder.fails(1, &words(&maximize(parts, model, "next", &[])));
        assert!(told.contains(expected), "{told}");
        assert_eq!(fs::read(folder.path("next.safetensors")).unwrap(), b"as before");
    };
    refused(&[parts[0].clone(), parts[3].clone()], "0", "shards 2/4, 3/4 missing");
    folder.ok(&words(&maximize(&parts, "0", "1", &[])));
    refused(&parts, "1", "0.1.stats was accumulated under another model than 1.safetensors");
    // Another list of descriptors under the same model.
    folder.npy("data/19.npy", 30, 3, 5);
    let other = accumulate(&folder, "0", 2, 4);
    refused(&[parts[0].clone(), other], "0", "0.2.stats: another ");
    for at in [40, 200] {
        let mut damaged = fs::read(folder.path(&parts[0])).unwrap();
        let at = damaged.len() - at;
        damaged[at] ^= 1;
        folder.write("damaged.stats", &damaged);
        refused(&["damaged.stats".to_owned()], "0", "damaged.stats: not a valid part: its checksum is wrong");
    }
    refused(&["0.safetensors".to_owned()], "0", "0.safetensors: not a valid part");
    refused(&["none.stats".to_owned()], "0", "none.stats: ");
}

#[test]
fn a_model_that_has_converged_costs_no_more() {
    let folder = fitted("fisher");
    let step = |model: &str, next: &str, code: i32| {
        let parts = [accumulate(&folder, model, 1, 1)];
        let line = maximize(&parts, model, next, &["--exit-code", "--tol", "0.5", "--quiet"]);
        let done = folder.command(common::BINARY).args(&line).output().unwrap();
        assert_eq!(done.status.code(), Some(code), "{done:?}");
        String::from_utf8(done.stderr).unwrap()
    };
    // The first round knows no earlier likelihood.
    step("0", "1", 4);
    let told = step("1", "2", 0);
    assert!(told.contains("warning: --tol has no effect after the first round"), "{told}");
    folder.ok(&["accumulate", "data", "-m", "2.safetensors", "-o", "2.1.stats", "--shard", "1/3"]);
    let line = ["maximize", "2.1.stats", "-m", "2.safetensors", "-o", "3.safetensors", "--exit-code"];
    let told = folder.ok(&line).stderr;
    assert!(told.contains("converged already"), "{told}");
    let bytes = |name: &str| fs::read(folder.path(name)).unwrap();
    assert!(bytes("3.safetensors") == bytes("2.safetensors"));
}

/// The job of docs/scaling.md, with an `sbatch` that runs an array backwards and every third task twice.
#[cfg(unix)]
#[test]
fn the_job_of_the_page_about_scaling_runs() {
    use std::os::unix::fs::PermissionsExt;
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/scaling.md");
    let page = fs::read_to_string(page).unwrap();
    let job = page.split("```sh\n# rounds.sh\n").nth(1).unwrap().split("```").next().unwrap();
    let job = job.replace("-k 256", "-k 3 --sample 100");
    let folder = fitted("fisher");
    folder.ok(&["fit", "data", "-o", "p.safetensors", "-k", "3", "--sample", "100", "--polish", "3"]);
    let shim = "#!/bin/sh\nset -e\nn=1\nfor a; do case $a in --array=1-*) n=${a#--array=1-};; esac; task=$a; done\n\
        while [ $n -gt 0 ]; do SLURM_ARRAY_TASK_ID=$n sh -ec \"$task\" 2>/dev/null\n\
        if [ $((n % 3)) = 0 ]; then SLURM_ARRAY_TASK_ID=$n sh -ec \"$task\" 2>/dev/null; fi\nn=$((n - 1)); done\n";
    folder.write("bin/sbatch", shim.as_bytes());
    fs::set_permissions(folder.path("bin/sbatch"), fs::Permissions::from_mode(0o755)).unwrap();
    let own = std::path::Path::new(common::BINARY).parent().unwrap().to_owned();
    let inherited = std::env::var_os("PATH").unwrap();
    let path = [folder.path("bin"), own].into_iter().chain(std::env::split_paths(&inherited));
    let path = std::env::join_paths(path).unwrap();
    let done = folder.command("sh").args(["-ec", &job]).env("PATH", path).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    // 64 tasks in each of three rounds.
    assert_eq!(folder.names(".").iter().filter(|name| name.ends_with(".stats")).count(), 192);
    let bytes = |name: &str| fs::read(folder.path(name)).unwrap();
    assert!(Pipeline::load(folder.path("3.safetensors")).unwrap().fit_report().unwrap().n_iter() <= 3);
    let [job, fit] =
        ["3.safetensors", "p.safetensors"].map(|name| Pipeline::from_bytes(&bytes(name)).unwrap());
    // The rounds of the job may go on, those of the fit end: the file says so, the model is the same.
    assert_eq!((job.id().unwrap(), job.fit_report()), (fit.id().unwrap(), fit.fit_report()));
}

#[test]
fn wrong_shards_and_names_are_told() {
    let folder = fitted("fisher");
    let line = ["accumulate", "data", "-m", "0.safetensors", "-o", "a.stats", "--shard"];
    for wrong in ["0/3", "4/3", "3", "a/b", "1/0"] {
        let told = folder.fails(2, &[&line[..], &[wrong]].concat());
        assert!(told.contains("--shard: expected a part such as 3/8"), "{told}");
    }
    let told = folder.fails(2, &["accumulate", "data", "-m", "0.safetensors", "-o", "a.npy"]);
    assert!(told.contains("expected a name ending in .stats"), "{told}");
    folder.ok(&["fit", "data", "-o", "p.safetensors", "--encoder", "pooling"]);
    let told = folder.fails(1, &["accumulate", "data", "-m", "p.safetensors", "-o", "a.stats"]);
    assert!(told.contains("one with a mixture or a codebook"), "{told}");
    folder.ok(&["fit", "data", "-o", "e.safetensors", "-k", "2", "--information", "empirical"]);
    let told = folder.fails(1, &["accumulate", "data", "-m", "e.safetensors", "-o", "a.stats"]);
    assert!(told.contains("e.safetensors: its empirical information would be lost"), "{told}");
    folder.npy("wide/a.npy", 9, 4, 1);
    let told = folder.fails(1, &["accumulate", "wide", "-m", "0.safetensors", "-o", "a.stats"]);
    assert!(told.contains("expected 3, got 4"), "{told}");
}
