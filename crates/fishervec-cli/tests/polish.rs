//! `fit --polish N`: passes over all descriptors after the fit to a sample.

#[allow(dead_code, reason = "a toolbox for all test files")]
mod common;

use common::{Folder, matrix, stripes};
use fishervec::mixture::GaussianMixtureParams;
use fishervec::run::{Threads, Workspace};
use fishervec::{Encode, Pipeline};
use ndarray::{Array2, s};
use std::fs;

fn npy_of(rows: &Array2<f32>) -> Vec<u8> {
    matrix(rows.nrows(), rows.ncols(), &rows.iter().copied().collect::<Vec<_>>())
}

/// The same rows as one file, and as 41 of odd lengths, of which two are empty and three in an archive.
fn rows_of_two_kinds() -> (Folder, Array2<f32>) {
    let folder = Folder::new();
    folder.npy("one/all.npy", 6_000, 3, 4);
    let all = folder.matrix("one/all.npy");
    let (mut start, mut i) = (0, 0);
    while start < 6_000 {
        let n = [17, 0, 301, 1, 250][i % 5].min(6_000 - start);
        let part = |rows: std::ops::Range<usize>| npy_of(&all.slice(s![rows, ..]).to_owned());
        match i {
            7 => {
                let cuts = [start, start + n / 3, start + n / 2, start + n];
                let members: Vec<_> = ["a", "b", "c"].iter().zip(cuts.windows(2)).collect();
                let members: Vec<_> =
                    members.iter().map(|(name, cut)| (**name, part(cut[0]..cut[1]))).collect();
                folder.npz(&format!("many/{i:02}.npz"), &members);
            }
            _ => folder.write(&format!("many/{i:02}.npy"), &part(start..start + n)),
        }
        (start, i) = (start + n, i + 1);
    }
    (folder, all)
}

#[test]
fn passes_over_files_are_passes_over_their_rows() {
    let (folder, all) = rows_of_two_kinds();
    for encoder in ["fisher", "vlad", "bow", "h2t"] {
        let fit = |input: &str, model: &str, more: &[&str]| {
            let fit = ["fit", input, "-o", model, "-k", "4", "--sample", "200", "--encoder", encoder];
            folder.ok(&[&fit[..], more].concat()).stderr
        };
        let bytes = |name: &str| fs::read(folder.path(name)).unwrap();
        let told = fit("many", "many.safetensors", &["--polish", "3", "-j", "2", "--tol", "0"]);
        assert!(told.contains(" over all 6,000 descriptors"), "{told}");
        fit("one", "one.safetensors", &["--polish", "3", "-j", "1", "--tol", "0"]);
        assert!(bytes("many.safetensors") == bytes("one.safetensors"), "{encoder}");

        fit("many", "sampled.safetensors", &["--tol", "0"]);
        let sampled = Pipeline::load(folder.path("sampled.safetensors")).unwrap();
        let params = GaussianMixtureParams { max_iter: 3, tol: 0.0, ..Default::default() };
        let mut rounds = sampled.polish(params).unwrap();
        while !rounds.is_done() {
            let chunks = 0..rounds.plan(6_000).n_chunks();
            let part = rounds.accumulate_part(&all, chunks, &Threads::one(), &Workspace::default()).unwrap();
            let _ = rounds.step(&part.finish().unwrap().unwrap()).unwrap();
        }
        assert!(bytes("many.safetensors") == rounds.finish().to_bytes().unwrap(), "{encoder}");
        assert!(bytes("many.safetensors") != bytes("sampled.safetensors"), "{encoder}");
    }
}

#[test]
fn a_fit_to_streamed_descriptors_is_the_fit_to_them_in_memory() {
    let (folder, _) = rows_of_two_kinds();
    let bytes = |name: &str| fs::read(folder.path(name)).unwrap();
    for more in [
        &["--encoder", "fisher", "--max-iter", "7"][..],
        &["--encoder", "vlad", "--pca", "2", "--whiten"],
        &["--encoder", "bow", "--assignment", "soft", "--init", "random", "--n-init", "2"],
        &["--position-columns", "1", "--spatial", "2", "--rows", "l2"],
        &["--position-columns", "1", "--pyramid", "1,3"],
        &["--encoder", "pooling", "--pca", "2"],
    ] {
        let fit = |input: &str, model: &str, how: &[&str]| {
            folder.ok(&[&["fit", input, "-o", model, "-k", "4"], how, more].concat())
        };
        fit("many", "stream.safetensors", &["--stream", "exact", "-j", "2"]);
        fit("one", "memory.safetensors", &["--sample", "6000", "-j", "1"]);
        assert!(bytes("stream.safetensors") == bytes("memory.safetensors"), "{more:?}");
    }
}

#[test]
fn a_row_outside_of_the_sample_that_is_no_number_is_named_and_nothing_is_written() {
    let folder = Folder::new();
    folder.npy("data/a.npy", 3_000, 3, 1);
    let mut rows = folder.matrix("data/a.npy");
    rows[[17, 2]] = f32::NAN;
    folder.write("data/b.npy", &npy_of(&rows));
    let fit = ["fit", "data", "-o", "m.safetensors", "-k", "2", "--sample", "40", "--seed", "3"];
    folder.ok(&fit);
    fs::remove_file(folder.path("m.safetensors")).unwrap();
    let streamed = ["fit", "data", "-o", "m.safetensors", "-k", "2", "--stream", "exact"];
    for command in [&[&fit[..], &["--polish", "1"]].concat()[..], &streamed[..]] {
        let told = folder.fails(1, command);
        assert!(told.contains("b.npy: row 17, column 2 is NaN"), "{told}");
        assert!(!folder.path("m.safetensors").exists());
    }
    // So far out that no likelihood is left.
    rows[[17, 2]] = 1e30;
    folder.write("data/b.npy", &npy_of(&rows));
    let told = folder.fails(1, &[&fit[..], &["--polish", "1"]].concat());
    assert!(told.contains("b.npy: row 17 is too far"), "{told}");
}

#[test]
fn what_has_no_effect_or_contradicts_is_told() {
    let folder = Folder::new();
    folder.npy("a.npy", 500, 3, 1);
    let fit = ["fit", "a.npy", "-o", "m.safetensors", "-k", "2", "--polish", "1"];
    let told = folder.ok(&[&fit[..], &["--encoder", "pooling"]].concat()).stderr;
    assert!(told.contains("--polish has no effect with --encoder pooling"), "{told}");
    let told = folder.fails(2, &[&fit[..], &["--on-error", "skip"]].concat());
    assert!(told.contains("leave out --on-error skip"), "{told}");
    folder.fails(2, &["fit", "a.npy", "-o", "m.safetensors", "--polish", "-1"]);
    for other in [&["--sample", "50"][..], &["--balance", "set"], &["--polish", "1"], &["--on-error", "skip"]]
    {
        let fit = ["fit", "a.npy", "-o", "m.safetensors", "-k", "2", "--stream", "exact"];
        let told = folder.fails(2, &[&fit[..], other].concat());
        assert!(told.contains("--stream") && told.contains(other[0]), "{told}");
    }
}

#[test]
fn images_are_described_again_in_each_pass() {
    let folder = Folder::new();
    for i in 0..6 {
        folder.write(&format!("photos/{i}.png"), &stripes(48 + 8 * i, 40, 5.0, i as f32));
    }
    let fit = ["fit", "photos", "-o", "m.safetensors", "-k", "2", "--pca", "8", "--sample", "300"];
    folder.ok(&fit);
    let before = Pipeline::load(folder.path("m.safetensors")).unwrap();
    let told = folder.ok(&[&fit[..], &["--polish", "2", "--spatial", "2"]].concat()).stderr;
    assert!(told.contains("2 passes over all"), "{told}");
    let after = Pipeline::load(folder.path("m.safetensors")).unwrap();
    assert!(after.encoder().mixture() != before.encoder().mixture() && after.encoder().spatial().is_some());
}
