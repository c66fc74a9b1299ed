//! Positions of descriptors in an array of their own: `--positions NAME`.

#[allow(dead_code, reason = "a toolbox for all test files")]
mod common;

use common::Folder;
use fishervec::Pipeline;

const N: usize = 40;

/// The position of row i of slide s.
fn position(s: usize, i: usize) -> [i64; 2] {
    [256 * ((i * 7 + s) % 13) as i64, 256 * ((i * 5 + 3 * s) % 11) as i64]
}

/// Slides with their positions beside the features, in coords, and with the same as their last columns.
fn slides(folder: &Folder) {
    for s in 0..3 {
        let rows: Vec<Vec<f32>> =
            (0..N).map(|i| (0..3).map(|j| ((i * 17 + j * 5 + s * 3) % 23) as f32).collect()).collect();
        let flat: Vec<i64> = (0..N).flat_map(|i| position(s, i)).collect();
        let coords =
            common::reshaped(&common::integers(&flat), &format!("({},)", 2 * N), &format!("({N}, 2)"));
        let features = common::matrix(N, 3, &rows.concat());
        folder.npz(&format!("slides/{s}.npz"), &[("coords", coords), ("features", features)]);
        let columns = |i: usize| position(s, i).map(|x| x as f32);
        let located: Vec<f32> = (0..N).flat_map(|i| [&rows[i][..], &columns(i)].concat()).collect();
        folder.write(&format!("located/{s}.npy"), &common::matrix(N, 5, &located));
    }
}

#[test]
fn positions_in_an_array_of_their_own_are_as_the_last_columns() {
    let folder = Folder::new();
    slides(&folder);
    for more in [&[][..], &["--spatial", "2"], &["--pyramid", "1x1,2x2"], &["--information", "empirical"]] {
        let fit = |inputs, model, option: [&str; 2]| {
            let common =
                ["fit", inputs, "-o", model, "-k", "2", "--rows", "l2", "--pca", "2", "--sample", "70"];
            folder.ok(&[&common[..], &option, more].concat()).stderr
        };
        let told = fit("slides", "a.safetensors", ["--positions", "coords"]);
        assert!(told.contains("Next: fishervec encode slides --positions coords -m a.safetensors"), "{told}");
        fit("located", "b.safetensors", ["--position-columns", "2"]);
        let bytes = |name: &str| std::fs::read(folder.path(name)).unwrap();
        assert!(bytes("a.safetensors") == bytes("b.safetensors"), "{more:?}");
        folder.ok(&["encode", "slides", "-m", "a.safetensors", "-o", "a.npy", "--positions", "coords"]);
        folder.ok(&["encode", "located", "-m", "b.safetensors", "-o", "b.npy"]);
        assert_eq!(folder.matrix("a.npy"), folder.matrix("b.npy"), "{more:?}");
    }
    assert_eq!(Pipeline::load(folder.path("a.safetensors")).unwrap().position_columns(), 2);
}

#[test]
fn coordinates_are_not_used_unless_they_are_asked_for() {
    let folder = Folder::new();
    slides(&folder);
    folder.ok(&["fit", "slides", "-o", "m.safetensors", "-k", "2"]);
    assert_eq!(Pipeline::load(folder.path("m.safetensors")).unwrap().input_dim(), 3);
    folder.ok(&["encode", "slides", "-m", "m.safetensors", "-o", "v.npy"]);
}

#[test]
fn encode_must_be_given_positions_as_fit_was() {
    let folder = Folder::new();
    slides(&folder);
    folder.ok(&["fit", "slides", "-o", "with.safetensors", "-k", "2", "--positions", "coords"]);
    folder.ok(&["fit", "slides", "-o", "without.safetensors", "-k", "2"]);
    let told = folder.fails(1, &["encode", "slides", "-m", "with.safetensors", "-o", "v.npy"]);
    let expected = "expected 5, got 3: the last 2 columns are positions; give the array that holds them with --positions NAME";
    assert!(told.contains(expected), "{told}");
    let told = folder
        .fails(1, &["encode", "slides", "-m", "without.safetensors", "-o", "v.npy", "--positions", "coords"]);
    assert!(told.contains("the model was fitted without positions: leave out --positions"), "{told}");
    let told = folder
        .fails(1, &["encode", "slides", "-m", "with.safetensors", "-o", "v.npy", "--positions", "features"]);
    assert!(told.contains("no array holds descriptors"), "{told}");
}

#[test]
fn positions_that_do_not_fit_are_named() {
    let folder = Folder::new();
    slides(&folder);
    let fit = |code, inputs: &str, more: &[&str]| {
        folder.fails(code, &[&["fit", inputs, "-o", "m.safetensors", "-k", "2"], more].concat())
    };
    let told = fit(1, "slides", &["--positions", "xy"]);
    let expected = "slides/0.npz: there is no array xy; the arrays of this file: coords (40, 2) <i8, features (40, 3) <f4; \
                    choose the positions with --positions NAME";
    assert!(told.contains(expected), "{told}");
    let told = fit(2, "located", &["--positions", "coords"]);
    assert!(told.contains("--positions: expected files whose arrays have names"), "{told}");
    let told = fit(2, "slides", &["--positions", "coords", "--position-columns", "1"]);
    assert!(told.contains("--position-columns: expected 2, the number of columns of --positions"), "{told}");
    let told = fit(2, "slides", &["--positions", "coords", "--pyramid", "1,2"]);
    assert!(told.contains("--pyramid: 1,2 expects 1 position column"), "{told}");

    let features = || common::floats(N, 3, 1);
    folder.npz("short.npz", &[("features", features()), ("coords", common::floats(N - 1, 2, 1))]);
    let told = fit(1, "short.npz", &["--positions", "coords"]);
    assert!(
        told.contains("coords does not hold the positions of features: expected shape (40, L)"),
        "{told}"
    );
    let mut broken: Vec<f32> = (0..N as u8).map(f32::from).collect();
    broken[3] = f32::NAN;
    folder.npz("nan.npz", &[("features", features()), ("t", common::matrix(N, 1, &broken))]);
    let told = fit(1, "nan.npz", &["--positions", "t"]);
    assert!(told.contains("nan.npz: set features: positions: row 3, column 0 is NaN"), "{told}");
    let clock: Vec<i64> = (0..N as i64).map(|i| 1_750_000_000 + i).collect();
    let clock = common::reshaped(&common::integers(&clock), "(40,)", "(40, 1)");
    folder.npz("clock.npz", &[("features", features()), ("t", clock)]);
    let told = fit(2, "clock.npz", &["--positions", "t"]);
    assert!(told.contains("column 0 from 1750000000 to 1750000039"), "{told}");
    folder.npz("clock.npz", &[("features", common::doubles(N, 3, 1)), ("t", common::doubles(N, 1, 1))]);
    folder.ok(&["fit", "clock.npz", "-o", "m.safetensors", "-k", "2", "--positions", "t"]);
    folder.npz("one.npz", &[("features", features()), ("coords", common::floats(N, 1, 1))]);
    let told = fit(1, "slides", &["one.npz", "--positions", "coords"]);
    assert!(
        told.contains("one.npz: set features: wrong dimension of positions: expected 2, got 1"),
        "{told}"
    );
}

#[test]
fn descriptors_that_end_with_their_positions_are_told() {
    let folder = Folder::new();
    let times: Vec<f32> = (0..N as u8).map(f32::from).collect();
    let rows: Vec<f32> = times.iter().flat_map(|t| [t * 3.0 % 7.0, t * 5.0 % 11.0, *t]).collect();
    folder.npz("a.npz", &[("features", common::matrix(N, 3, &rows)), ("t", common::matrix(N, 1, &times))]);
    let told = folder.fails(2, &["fit", "a.npz", "-o", "m.safetensors", "-k", "2", "--positions", "t"]);
    assert!(told.contains("--positions: expected those that the descriptors do not end with"), "{told}");
}
