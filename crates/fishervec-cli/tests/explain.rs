//! Which descriptors made a score: `fishervec explain`.

#[allow(dead_code, reason = "a toolbox for all test files")]
mod common;

use common::Folder;
use serde_json::Value;

/// The number of patches of a slide.
const N: usize = 60;

/// Slides of patches of three numbers, with coords: a grid with holes.
fn slides(folder: &Folder) {
    for s in 0..3 {
        let number = |i: usize, j: usize| ((i * 17 + j * 5 + s * 3) % 23) as f32 - (i * j % 7) as f32;
        let rows: Vec<f32> = (0..N).flat_map(|i| (0..3).map(move |j| number(i, j))).collect();
        let place = |i: usize| [512 * (i * 10 / 9 % 8) as i64, 512 * (i * 10 / 9 / 8) as i64];
        let flat: Vec<i64> = (0..N).flat_map(place).collect();
        let coords =
            common::reshaped(&common::integers(&flat), &format!("({},)", 2 * N), &format!("({N}, 2)"));
        let members = [("coords", coords), ("features", common::matrix(N, 3, &rows))];
        folder.npz(&format!("slides/{s}.npz"), &members);
    }
    folder.ok(&["fit", "slides", "-o", "m.safetensors", "-k", "3", "--seed", "1"]);
    folder.ok(&["encode", "slides", "-m", "m.safetensors", "-o", "v.npy"]);
}

/// A classifier of vectors of `p` numbers with `m` scores, and its coefficients.
fn classifier(folder: &Folder, name: &str, m: usize, classes: &[&str]) -> Vec<Vec<f64>> {
    let p = folder.matrix("v.npy").ncols();
    let coef: Vec<f32> = (0..m * p).map(|i| ((i * 7 % 11) as f32 - 5.0) / 4.0).collect();
    let intercept: Vec<f32> = (0..m).map(|i| 0.25 - i as f32).collect();
    let members = [
        ("coef", common::matrix(m, p, &coef)),
        (
            "intercept",
            common::reshaped(&common::matrix(1, m, &intercept), &format!("(1, {m})"), &format!("({m},)")),
        ),
        ("classes", common::names(classes)),
    ];
    folder.npz(name, &members);
    coef.chunks(p).map(|row| row.iter().map(|x| f64::from(*x)).collect()).collect()
}

/// The numbers that a page holds.
fn numbers(folder: &Folder, page: &str) -> Value {
    let html = std::fs::read_to_string(folder.path(page)).unwrap();
    let (_, after) = html.split_once("id=\"numbers\">").unwrap();
    serde_json::from_str(after.split("</script>").next().unwrap()).unwrap()
}

/// A column of a table.
fn column(folder: &Folder, table: &str, name: &str) -> Vec<f64> {
    let text = std::fs::read_to_string(folder.path(table)).unwrap();
    let mut lines = text.lines();
    let at = lines.next().unwrap().split(',').position(|column| column == name).unwrap();
    lines.map(|line| line.split(',').nth(at).unwrap().parse().unwrap()).collect()
}

fn dot(folder: &Folder, row: usize, coef: &[f64]) -> f64 {
    folder.matrix("v.npy").row(row).iter().zip(coef).map(|(f, t)| f64::from(*f) * t).sum()
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-6, "{a} {b}");
}

#[test]
fn shares_in_table_patches_and_page_sum_to_the_score_of_the_vector() {
    let folder = Folder::new();
    slides(&folder);
    let coef = classifier(&folder, "coef.npz", 1, &["no", "yes"]);
    let common = ["explain", "slides/1.npz", "-m", "m.safetensors", "--classifier", "coef.npz"];
    let told = folder.ok(&[&common[..], &["-o", "why.html", "--class", "yes"]].concat()).stderr;
    assert!(told.contains("Wrote why.html, why.csv, why.geojson"), "{told}");
    let score = dot(&folder, 1, &coef[0]) + 0.25;
    let page = numbers(&folder, "why.html");
    close(page["score"].as_f64().unwrap(), score);
    close(page["bias"].as_f64().unwrap(), 0.25);
    let set = &page["sets"][0];
    close(set["for"].as_f64().unwrap() + set["against"].as_f64().unwrap() + 0.25, score);
    let parts = set["components"].as_array().unwrap();
    close(parts.iter().map(|part| part["share"].as_f64().unwrap()).sum::<f64>() + 0.25, score);
    close(parts.iter().map(|part| part["here"].as_f64().unwrap()).sum(), 1.0);
    for name in ["contribution", "smoothed"] {
        let shares = column(&folder, "why.csv", name);
        assert_eq!(shares.len(), N);
        close(shares.iter().sum::<f64>() + 0.25, score);
    }
    // The places are those of the file, and patches hang from them.
    assert_eq!(column(&folder, "why.csv", "x")[..3], [0.0, 512.0, 1024.0]);
    let patches: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.path("why.geojson")).unwrap()).unwrap();
    let features = patches["features"].as_array().unwrap();
    assert_eq!(features.len(), N);
    let shares = column(&folder, "why.csv", "contribution");
    assert_eq!(features[7]["properties"]["measurements"]["contribution"], shares[7]);
    let ring = &features[1]["geometry"]["coordinates"][0];
    assert_eq!(
        *ring,
        serde_json::json!([[512.0, 0.0], [1024.0, 0.0], [1024.0, 512.0], [512.0, 512.0], [512.0, 0.0]])
    );

    // The other class has the opposite score.
    folder.ok(&[&common[..], &["-o", "no.html", "--class", "no", "--patch-size", "300"]].concat());
    close(numbers(&folder, "no.html")["score"].as_f64().unwrap(), -score);
    let patches = std::fs::read_to_string(folder.path("no.geojson")).unwrap();
    assert!(patches.contains("[[[512.0,0.0],[812.0,0.0],[812.0,300.0]"), "{}", &patches[..900]);
}

#[test]
fn the_slide_is_shown_beside_its_map_if_its_picture_is_there() {
    let folder = Folder::new();
    slides(&folder);
    classifier(&folder, "coef.npz", 1, &["no", "yes"]);
    // Patches lie from 0 to 4,608 in both directions, 16 units per pixel.
    folder.write("slide.png", &common::stripes(288, 288, 3.0, 0.4));
    let common =
        ["explain", "slides/1.npz", "-m", "m.safetensors", "--classifier", "coef.npz", "-o", "why.html"];
    folder.ok(&[&common[..], &["--image", "slide.png", "--image-scale", "16"]].concat());
    let html = std::fs::read_to_string(folder.path("why.html")).unwrap();
    assert!(html.contains("alt=\"The slide\""));
    assert_eq!(html.matches("class=\"crop\"").count(), 16, "eight patches for and eight against");
    let refused = [
        (1, &["--image", "slide.png"][..], "lies outside of this picture of 288 x 288 pixels: --image-scale"),
        (2, &["--image-scale", "2"], "--image"),
        (1, &["--image", "missing.png"], "missing.png"),
    ];
    for (code, more, expected) in refused {
        let told = folder.fails(code, &[&common[..], more].concat());
        assert!(told.contains(expected), "{more:?}: {told}");
    }
    folder.npy("plain.npy", 9, 3, 1);
    let told = folder.fails(
        1,
        &[
            "explain",
            "plain.npy",
            "-m",
            "m.safetensors",
            "--against",
            "plain.npy",
            "--image",
            "slide.png",
            "-o",
            "p.html",
        ],
    );
    assert!(told.contains("--image: expected patches with coords"), "{told}");
}

#[test]
fn of_several_classes_the_predicted_one_is_explained() {
    let folder = Folder::new();
    slides(&folder);
    let coef = classifier(&folder, "coef.npz", 3, &["a<b", "c&d", "e"]);
    let score = |class: usize| dot(&folder, 2, &coef[class]) + 0.25 - class as f64;
    let best = (0..3).max_by(|a, b| score(*a).total_cmp(&score(*b))).unwrap();
    let common = ["explain", "slides/2.npz", "-m", "m.safetensors", "--classifier", "coef.npz"];
    folder.ok(&[&common[..], &["-o", "why.html"]].concat());
    let page = numbers(&folder, "why.html");
    assert_eq!(page["class"], ["a<b", "c&d", "e"][best]);
    close(page["score"].as_f64().unwrap(), score(best));
    // A name is text, whatever it is.
    folder.ok(&[&common[..], &["-o", "c.html", "--class", "c&d"]].concat());
    close(numbers(&folder, "c.html")["score"].as_f64().unwrap(), score(1));
    let html = std::fs::read_to_string(folder.path("c.html")).unwrap();
    assert!(
        html.contains("<bdi>c&amp;d</bdi>") && html.contains("a&lt;b") && !html.contains("a<b"),
        "{html}"
    );
}

#[test]
fn the_cosine_of_two_images_is_explained_in_both_with_places_that_match() {
    let folder = Folder::new();
    let image = |width, period| common::stripes(width, 96, period, 0.6);
    folder.write("images/a.png", &image(128, 3.0));
    folder.write("images/b & c.png", &image(160, 4.0));
    folder.ok(&["fit", "images", "-o", "m.safetensors", "-k", "4", "--features", "dsift", "--sample", "600"]);
    folder.ok(&["encode", "images", "-m", "m.safetensors", "-o", "v.npy"]);
    let line =
        ["explain", "images/a.png", "-m", "m.safetensors", "--against", "images/b & c.png", "-o", "why.html"];
    let told = folder.ok(&line).stderr;
    assert!(told.contains("Wrote why.html, why.csv, why.against.csv"), "{told}");
    let vectors = folder.matrix("v.npy");
    let other: Vec<f64> = vectors.row(1).iter().map(|x| f64::from(*x)).collect();
    let cosine = dot(&folder, 0, &other);
    close(numbers(&folder, "why.html")["score"].as_f64().unwrap(), cosine);
    for table in ["why.csv", "why.against.csv"] {
        close(column(&folder, table, "contribution").iter().sum(), cosine);
        close(column(&folder, table, "smoothed").iter().sum(), cosine);
    }
    let html = std::fs::read_to_string(folder.path("why.html")).unwrap();
    let seen = html.split("<script").next().unwrap();
    assert!(
        seen.contains("What matched") && seen.contains("b &amp; c.png") && !seen.contains("b & c"),
        "{seen}"
    );
    // An image is its own likeness.
    folder.ok(&[
        "explain",
        "images/a.png",
        "-m",
        "m.safetensors",
        "--against",
        "images/a.png",
        "-o",
        "i.html",
    ]);
    close(numbers(&folder, "i.html")["score"].as_f64().unwrap(), 1.0);
}

#[test]
fn every_encoder_and_layout_is_explained() {
    let folder = Folder::new();
    slides(&folder);
    let encoders: [&[&str]; 6] = [
        &["--encoder", "vlad"],
        &["--encoder", "bow"],
        &["--encoder", "h2t"],
        &["--encoder", "pooling"],
        &["--positions", "coords", "--pyramid", "1x1,2x2"],
        &["--positions", "coords", "--spatial", "2", "--rows", "l2", "--pca", "2"],
    ];
    for options in encoders {
        let k: &[&str] = if options[1] == "pooling" { &[] } else { &["-k", "3"] };
        folder.ok(&[&["fit", "slides", "-o", "e.safetensors"], k, options].concat());
        let positions: &[&str] = if options[0] == "--positions" { &options[..2] } else { &[] };
        folder.ok(&[&["encode", "slides", "-m", "e.safetensors", "-o", "v.npy"], positions].concat());
        let coef = classifier(&folder, "coef.npz", 1, &["no", "yes"]);
        let line =
            ["explain", "slides/0.npz", "-m", "e.safetensors", "--classifier", "coef.npz", "-o", "e.html"];
        folder.ok(&[&line[..], &["--class", "yes"], positions].concat());
        let score = dot(&folder, 0, &coef[0]) + 0.25;
        close(numbers(&folder, "e.html")["score"].as_f64().unwrap(), score);
        close(column(&folder, "e.csv", "contribution").iter().sum::<f64>() + 0.25, score);
        assert_eq!(column(&folder, "e.csv", "y").last(), Some(&(512.0 * 8.0)), "{options:?}");
    }
}

#[test]
fn what_cannot_be_explained_is_refused_with_what_to_do() {
    let folder = Folder::new();
    slides(&folder);
    classifier(&folder, "coef.npz", 1, &["no", "yes"]);
    folder.npz("short.npz", &[("coef", common::matrix(1, 5, &[0.0; 5]))]);
    folder.npz("other.npz", &[("weights", common::matrix(1, 5, &[0.0; 5]))]);
    folder.npz("two.npz", &[("a", common::matrix(2, 3, &[1.0; 6])), ("b", common::matrix(2, 3, &[2.0; 6]))]);
    folder.npy("plain.npy", 9, 3, 1);
    folder.write("empty.npy", &common::matrix(0, 3, &[]));
    let with = |set, more: &[&'static str]| {
        let mut line = vec!["explain", set, "-m", "m.safetensors"];
        line.extend(more);
        line
    };
    let c = ["--classifier", "coef.npz", "-o", "why.html"];
    let refused: [(i32, Vec<&str>, &str); 13] = [
        (2, with("slides/0.npz", &["-o", "why.html"]), "--against"),
        (
            2,
            with("slides/0.npz", &["--class", "yes", "--against", "plain.npy", "-o", "why.html"]),
            "--classifier",
        ),
        (2, with("slides/0.npz", &["--classifier", "coef.npz", "-o", "why.txt"]), "ending in .html"),
        (
            1,
            with("slides/0.npz", &["--classifier", "short.npz", "-o", "why.html"]),
            "fit the classifier to vectors of this model",
        ),
        (1, with("slides/0.npz", &["--classifier", "other.npz", "-o", "why.html"]), "expected an array coef"),
        (1, with("slides", &c), "slides holds 3 files: give the one with the set"),
        (1, with("two.npz", &c), "holds 2 sets (a, b): choose one with --set-name NAME"),
        (
            1,
            with("two.npz", &[&c[..], &["--set-name", "d"]].concat()),
            "expected the name of a set of two.npz (a, b), got d",
        ),
        (1, with("empty.npy", &c), "has no descriptors"),
        (2, with("plain.npy", &[&c[..], &["--patch-size", "8"]].concat()), "--patch-size"),
        (2, with("slides/0.npz", &[&c[..], &["--patch-size", "0"]].concat()), "a number above 0"),
        (
            1,
            with("slides/0.npz", &[&c[..], &["--class", "maybe"]].concat()),
            "expected one of no, yes, got maybe",
        ),
        (1, with("slides/0.npz", &[&c[..], &["--positions", "places"]].concat()), "places"),
    ];
    for (code, line, expected) in refused {
        let told = folder.fails(code, &line);
        assert!(told.contains(expected), "{line:?}: {told}");
    }
    assert!(!folder.path("why.html").exists() && !folder.path("why.csv").exists());
    // What is read is never replaced.
    folder.write("a.csv", b"x");
    std::fs::copy(folder.path("plain.npy"), folder.path("why.csv")).unwrap();
    folder.ok(&with("two.npz", &[&c[..], &["--set-name", "b"]].concat()));
    let told = folder.fails(
        1,
        &["explain", "why.csv", "-m", "m.safetensors", "--classifier", "coef.npz", "-o", "why.html"],
    );
    assert!(told.contains("would be replaced"), "{told}");
}

#[test]
fn a_recording_is_drawn_over_its_rows() {
    let folder = Folder::new();
    slides(&folder);
    folder.npy("clip.npy", 900, 3, 4);
    let coef = classifier(&folder, "coef.npz", 1, &["no", "yes"]);
    folder.ok(&[
        "explain",
        "clip.npy",
        "-m",
        "m.safetensors",
        "--classifier",
        "coef.npz",
        "-o",
        "why.html",
        "-q",
    ]);
    let html = std::fs::read_to_string(folder.path("why.html")).unwrap();
    assert!(html.contains("in the order of the rows") && html.contains("row 899"));
    assert!(!folder.path("why.geojson").exists() && coef.len() == 1);
    let table = std::fs::read_to_string(folder.path("why.csv")).unwrap();
    assert!(table.starts_with("row,contribution\n0,"), "{}", &table[..80]);
}

#[test]
fn positions_that_are_the_last_columns_are_the_places() {
    let folder = Folder::new();
    // More rows than are read at once.
    let number = |i: usize, j: usize| match j {
        3 => 8.0 * (i % 50) as f32,
        4 => 8.0 * (i / 50) as f32,
        _ => ((i * 17 + j * 5) % 23) as f32,
    };
    let rows: Vec<f32> = (0..2500).flat_map(|i| (0..5).map(move |j| number(i, j))).collect();
    folder.write("located.npy", &common::matrix(2500, 5, &rows));
    folder.ok(&["fit", "located.npy", "-o", "m.safetensors", "-k", "2", "--position-columns", "2"]);
    folder.ok(&[
        "explain",
        "located.npy",
        "-m",
        "m.safetensors",
        "--against",
        "located.npy",
        "-o",
        "why.html",
    ]);
    let (x, y) = (column(&folder, "why.csv", "x"), column(&folder, "why.csv", "y"));
    assert!((0..2500).all(|i| (x[i], y[i]) == (f64::from(number(i, 3)), f64::from(number(i, 4)))));
    close(column(&folder, "why.csv", "contribution").iter().sum(), 1.0);
}
