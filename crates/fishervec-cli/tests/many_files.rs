//! A thousand files, of which a process may have few open.
#![cfg(unix)]

#[allow(dead_code, reason = "a toolbox for all test files")]
mod common;

use common::{BINARY, Folder};
use std::fs;

#[test]
fn a_thousand_files_are_read_by_a_process_that_may_open_few() {
    let folder = Folder::new();
    for i in 0..1_000 {
        folder.npy(&format!("data/{i:04}.npy"), i % 13, 3, i);
    }
    let run = |line: &str| {
        let line = format!("ulimit -n 64; exec {BINARY} {line} -j 2");
        let done = folder.command("sh").args(["-c", &line]).output().unwrap();
        assert!(done.status.success(), "{line}: {done:?}");
    };
    let bytes = |name: &str| fs::read(folder.path(name)).unwrap();
    run("fit data -o m.safetensors -k 4 --stream exact --max-iter 3");
    run("fit data -o s.safetensors -k 4 --stream stepwise --step-rows 500");
    run("fit data -o p.safetensors -k 4 --sample 900 --polish 1");
    run("sample data -o sample.safetensors -k 1");
    run("accumulate data -m m.safetensors -o m.stats");
    run("encode data -m m.safetensors -o v.npy");
    let all = folder.matrix("v.npy");
    assert_eq!(all.nrows(), 1_000);
    folder.ok(&["fit", "data", "-o", "n.safetensors", "-k", "4", "--stream", "exact", "--max-iter", "3"]);
    assert!(bytes("m.safetensors") == bytes("n.safetensors"));
}
