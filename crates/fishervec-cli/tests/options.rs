//! Options of `fit` beyond the defaults, and what `inspect` says about their models.

#![allow(dead_code, reason = "the common helpers serve two files")]

#[allow(dead_code, reason = "a toolbox for all test files")]
mod common;

use common::{BINARY, Folder};

/// 120 sets of 20 descriptors of 4 columns.
fn folder() -> Folder {
    let folder = Folder::new();
    for i in 0..120 {
        folder.npy(&format!("data/{i:03}.npy"), 20, 4, i);
    }
    folder
}

fn fit(folder: &Folder, model: &str, more: &[&str]) -> String {
    folder.ok(&[&["fit", "data", "-o", model, "--components", "4"], more].concat()).stderr
}

#[test]
fn an_empirical_information_is_learned_from_whole_sets() {
    let folder = folder();
    let plain = ["--power", "1", "--norm", "none", "--information"];
    let told = fit(&folder, "e.safetensors", &[&plain[..], &["empirical-centred"]].concat());
    assert!(told.contains("estimating the information: 120 sets"), "{told}");
    folder.ok(&["encode", "data", "-m", "e.safetensors", "-o", "e.npy"]);
    // Over the training sets each coordinate has mean 0 and variance 1.
    for column in folder.matrix("e.npy").columns() {
        let mean = column.mean().unwrap();
        let variance = column.mapv(|x| (x - mean) * (x - mean)).mean().unwrap();
        assert!(mean.abs() < 1e-4 && (variance - 1.0).abs() < 1e-3, "{mean} {variance}");
    }
    let few = [&plain[..], &["empirical", "--information-sets", "7"]].concat();
    let told = fit(&folder, "f.safetensors", &few);
    assert!(told.contains("warning: the empirical information comes from only 7 sets"), "{told}");
    assert_eq!(folder.json(&["inspect", "f.safetensors", "--json"])["encoder"]["information"], "empirical");
}

#[test]
fn restarts_starts_and_whitening() {
    let folder = folder();
    let bound = |model: &str, more: &[&str]| {
        fit(&folder, model, more);
        let about = folder.json(&["inspect", model, "--json"]);
        about["fit"]["lower_bounds"].as_array().unwrap().last().unwrap().as_f64().unwrap()
    };
    let alone: Vec<f64> = ["0", "1", "2"]
        .iter()
        .map(|seed| bound("a.safetensors", &["--seed", seed, "--init", "random", "--sample", "2400"]))
        .collect();
    let best = alone.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let together = bound("b.safetensors", &["--n-init", "3", "--init", "random", "--sample", "2400"]);
    assert_eq!(together, best, "{alone:?}");

    fit(&folder, "p.safetensors", &["--pca", "2", "--whiten"]);
    let about = folder.json(&["inspect", "p.safetensors", "--json"]);
    let step = &about["steps"][0];
    assert_eq!(
        (&step["kind"], &step["components"], &step["whiten"]),
        (&"pca".into(), &2.into(), &true.into())
    );
    let share = step["explained_variance_ratio"].as_f64().unwrap();
    assert!(share > 0.3 && share < 1.0, "{share}");
    folder.fails(2, &["fit", "data", "-o", "q.safetensors", "--whiten"]);
}

#[test]
fn inspect_tells_whether_to_trust_a_model() {
    let folder = folder();
    let told = fit(&folder, "m.safetensors", &["--sample", "100", "--max-iter", "2", "--tol", "0"]);
    let about = folder.json(&["inspect", "m.safetensors", "--json"]);
    let diagnostics = &about["diagnostics"];
    assert_eq!(diagnostics["rows_per_component"], 25.0);
    assert_eq!(diagnostics["dead_components"], 0);
    let rows: Vec<f64> = serde_json::from_value(diagnostics["effective_rows"].clone()).unwrap();
    assert!(rows.len() == 4 && (rows.iter().sum::<f64>() - 100.0).abs() < 1e-9, "{rows:?}");
    let softness = diagnostics["softness"].as_f64().unwrap();
    assert!(softness > 0.25 && softness <= 1.0, "{softness}");
    assert!(diagnostics["dropped_bound"].as_f64().unwrap() <= 4e-7);
    assert_eq!(about["fit"]["lower_bounds"].as_array().unwrap().len(), 2);
    let text = folder.ok(&["inspect", "m.safetensors"]).stdout;
    for warning in
        ["not converged after 2 iterations", "only 25.0 descriptors per component; at least 50 recommended"]
    {
        assert!(diagnostics["warnings"].to_string().contains(warning), "{diagnostics}");
        assert!(told.contains(warning) && text.contains(warning), "{told}{text}");
    }
    for word in ["likelihood", "softness", "dropped", "0 dead, 0 repaired", "least"] {
        assert!(text.contains(word), "{text}");
    }
}

/// Descriptors of one blob, in which the components of any mixture overlap.
#[test]
fn inspect_shows_the_fit_of_every_mixture_and_warns_by_what_its_encoder_uses() {
    let folder = Folder::new();
    // Sums of bits are nearly normal.
    let mut state = 1_u64;
    let mut number = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 32).count_ones() as f32
    };
    let sums: Vec<f32> = (0..3000).map(|_| number() + number() / 8.0).collect();
    folder.write("data/x.npy", &common::matrix(1000, 3, &sums));
    let overlap = "components overlap (mean largest posterior 0.";
    for (options, warned) in [
        (&["--encoder", "fisher"][..], true),
        (&["--convention", "gist"], false),
        (&["--information", "empirical"], false),
        (&["--encoder", "vlad", "--assignment", "soft"], false),
        (&["--encoder", "bow", "--assignment", "soft"], false),
        (&["--encoder", "bow", "--assignment", "soft", "--information", "closed-form"], true),
    ] {
        let told = fit(&folder, "m.safetensors", &[&["--max-iter", "4", "--tol", "0"], options].concat());
        let about = folder.json(&["inspect", "m.safetensors", "--json"]);
        let text = folder.ok(&["inspect", "m.safetensors"]).stdout;
        assert!(text.contains("1000 descriptors; not converged after 4 iterations"), "{options:?}: {text}");
        assert!(text.contains("softness     0.") && text.contains("0 dead, 0 repaired"), "{text}");
        let diagnostics = &about["diagnostics"];
        assert_eq!(diagnostics["rows_per_component"], 250.0, "{options:?}");
        assert!(diagnostics["softness"].as_f64().unwrap() < 0.7, "{diagnostics}");
        let warnings = diagnostics["warnings"].to_string();
        assert!(
            warnings.contains("not converged after 4 iterations: raise --max-iter or --tol"),
            "{warnings}"
        );
        for told in [&warnings, &text, &told] {
            assert_eq!(told.contains(overlap), warned, "{options:?}: {told}");
        }
    }
    for options in [&["--encoder", "vlad"][..], &["--encoder", "pooling"]] {
        fit(&folder, "m.safetensors", options);
        assert!(folder.json(&["inspect", "m.safetensors", "--json"])["diagnostics"].is_null());
        assert!(!folder.ok(&["inspect", "m.safetensors"]).stdout.contains("softness"));
    }
}

#[test]
fn a_damaged_model_is_a_failure_and_not_wrong_usage() {
    let folder = folder();
    fit(&folder, "m.safetensors", &[]);
    let mut bytes = std::fs::read(folder.path("m.safetensors")).unwrap();
    let last = bytes.len() - 8;
    bytes[last..].copy_from_slice(&9.0_f64.to_le_bytes());
    folder.write("m.safetensors", &bytes);
    let told = folder.fails(1, &["inspect", "m.safetensors"]);
    assert!(told.starts_with("error: m.safetensors: weights: expected"), "{told}");
}

#[test]
fn an_instruction_set_can_be_forced_and_a_typo_is_told() {
    let folder = folder();
    let run = |level: &str, model: &str| {
        let arguments = ["fit", "data", "-o", model, "--components", "4", "--quiet"];
        folder.command(BINARY).args(arguments).env("FISHERVEC_SIMD", level).output().unwrap()
    };
    for level in fishervec::run::Isa::available() {
        assert!(run(level.name(), "m.safetensors").status.success());
        assert_eq!(folder.json(&["inspect", "m.safetensors", "--json"])["encoder"]["components"], 4);
    }
    let typo = run("avx3", "m.safetensors");
    assert_eq!(typo.status.code(), Some(2));
    let told = String::from_utf8(typo.stderr).unwrap();
    assert!(told.contains("FISHERVEC_SIMD: expected one of") && told.contains("got avx3"), "{told}");
}

/// The commands in the README and in the docs run as they are printed there.
#[cfg(unix)]
#[test]
fn the_commands_of_the_readme_and_the_docs_run() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let texts: String = ["README.md", "docs/start.md", "docs/files.md", "docs/scaling.md"]
        .iter()
        .map(|name| std::fs::read_to_string(root.join(name)).unwrap())
        .collect();
    let shown: Vec<&str> = texts.lines().filter(|line| line.starts_with("fishervec ")).collect();
    assert!(shown.len() >= 15, "{shown:?}");
    let folder = Folder::new();
    for i in 0..12 {
        folder.npy(&format!("descriptors/{i:02}.npy"), 40, 5, i);
        folder.npy(&format!("sets/{i:02}.npy"), 40, 5, i);
    }
    let mut labels = "case_id,slide_id,label\n".to_owned();
    for i in 0..12 {
        let name = format!("{i:02}");
        folder.npy(&format!("slides/{name}.npy"), 40, 5, i);
        labels += &format!("P{},{name}.svs,{}\n", i / 2, ["tumour", "normal"][i % 2]);
    }
    folder.write("labels.csv", labels.as_bytes());
    folder.write("queries.npy", &common::matrix(2, 64 + 2 * 64 * 5, &vec![0.1; 2 * (64 + 2 * 64 * 5)]));
    let rows = "0,q/00.npy,00,9,,ok,tumour\n1,q/01.npy,01,9,,ok,normal\n";
    let head = "row,source,set,n,mean_log_likelihood,status,label";
    folder.write("queries.csv", format!("{head}\n{rows}").as_bytes());
    folder.write("queries.labels.npy", &common::integers(&[1, 0]));
    for i in 0..3 {
        folder.write(&format!("images/{i}.png"), &common::stripes(160, 120, 3.0 + i as f32, 0.3 * i as f32));
    }
    for (i, name) in ["a", "b"].iter().enumerate() {
        folder.write(&format!("photos/{name}.jpg"), &common::stripes(160, 120, 3.0, i as f32));
    }
    let bin = std::path::Path::new(BINARY).parent().unwrap();
    let path = std::env::join_paths(
        [bin.to_owned()].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    for line in shown {
        let done =
            folder.command("sh").args(["-ec", line]).env("PATH", path.as_ref().unwrap()).output().unwrap();
        assert!(done.status.success(), "{line}: {done:?}");
    }
}

#[test]
fn other_formats_in_and_out() {
    let folder = Folder::new();
    let numbers: Vec<f32> = (0..60).map(|i| ((i * 7) % 13) as f32).collect();
    folder.write("a/x.npy", &common::matrix(20, 3, &numbers));
    let counted = numbers
        .chunks(3)
        .flat_map(|row| 3_i32.to_le_bytes().into_iter().chain(row.iter().flat_map(|x| x.to_le_bytes())));
    folder.write("b/x.fvecs", &counted.collect::<Vec<u8>>());
    let bytes =
        numbers.chunks(3).flat_map(|row| 3_i32.to_le_bytes().into_iter().chain(row.iter().map(|x| *x as u8)));
    folder.write("c/x.bvecs", &bytes.collect::<Vec<u8>>());
    let data: Vec<u8> = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    let header = r#"{"x":{"dtype":"F32","shape":[20,3],"data_offsets":[0,240]}}"#;
    let header = format!("{header:<64}");
    let tensors = [&64_u64.to_le_bytes()[..], header.as_bytes(), &data].concat();
    folder.write("d/x.safetensors", &tensors);
    // The model is in a folder of inputs and is not taken for descriptors.
    folder.ok(&["fit", "a", "-o", "d/model.safetensors", "--components", "4"]);
    for (i, input) in ["a", "b", "c", "d"].iter().enumerate() {
        folder.ok(&["encode", input, "-m", "d/model.safetensors", "-o", &format!("v{i}.npy")]);
        assert_eq!(folder.matrix(&format!("v{i}.npy")).nrows(), 1);
        assert_eq!(folder.matrix(&format!("v{i}.npy")), folder.matrix("v0.npy"), "{input}");
    }
    folder.ok(&["encode", "a", "-m", "d/model.safetensors", "-o", "v.fvecs"]);
    assert_eq!(folder.matrix("v.fvecs"), folder.matrix("v0.npy"));
    let told = folder.fails(2, &["encode", "a", "-m", "d/model.safetensors", "-o", "v.txt"]);
    assert!(told.contains("expected a name ending in .npy or .fvecs") && !told.contains("Python"), "{told}");
    for name in ["v.parquet", "v.h5", "v.hdf5"] {
        let told = folder.fails(2, &["encode", "a", "-m", "d/model.safetensors", "-o", name]);
        assert!(told.contains("in Python writes .parquet and .h5"), "{told}");
        assert!(!folder.path(name).exists());
    }
}

#[test]
fn position_columns_that_are_descriptors_are_told() {
    let folder = Folder::new();
    let skewed = |i: usize| (((i * 7919 + 13) % 1009) as f32 / 1009.0).powi(10);
    let scale = |column: usize| if column < 6 { 0.4 + 0.2 * column as f32 } else { 1.0 };
    let rows: Vec<f32> = (0..400 * 8).map(|i| scale(i % 8) * skewed(i * (i % 8 + 3))).collect();
    folder.write("alike.npy", &common::matrix(400, 8, &rows));
    let position = |i: usize, x: f32| if i % 8 < 6 { x } else { ((i * 31) % 640) as f32 };
    let located: Vec<f32> = rows.iter().enumerate().map(|(i, x)| position(i, *x)).collect();
    folder.write("located.npy", &common::matrix(400, 8, &located));
    for (name, expected) in [("alike.npy", true), ("located.npy", false)] {
        let fit =
            ["fit", name, "-o", "m.safetensors", "-k", "2", "--spatial", "1", "--position-columns", "2"];
        let told = folder.ok(&fit).stderr;
        assert_eq!(
            told.contains("warning: the last 2 columns, which --position-columns 2 calls positions"),
            expected,
            "{told}"
        );
    }
}
