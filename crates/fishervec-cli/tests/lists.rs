//! `scan`: a list of files stands for them, opens nothing that is not needed, and is never silently wrong.

#[allow(dead_code, reason = "a toolbox for all test files")]
mod common;

use common::{Folder, doubles, floats, integers, names, stripes};
use fishervec::io::List;
use std::fs;

/// Two classes of .npy, an archive of three sets with labels of its own, doubles, an empty set.
fn collection() -> Folder {
    let folder = Folder::new();
    for i in 0..7 {
        folder.npy(&format!("data/{}/{i}.npy", ["cat", "dog"][i % 2]), (i * 53) % 200 + 3, 3, i);
    }
    folder.npy("data/dog/none.npy", 0, 3, 1);
    folder.write("data/cat/d.npy", &doubles(40, 3, 9));
    folder.ok(&["fit", "data", "-o", "m.safetensors", "-k", "3", "--sample", "200"]);
    folder
}

fn bytes(folder: &Folder, name: &str) -> Vec<u8> {
    fs::read(folder.path(name)).unwrap()
}

#[test]
fn a_list_gives_the_bytes_of_its_files() {
    let folder = collection();
    let told = folder.ok(&["scan", "data", "-o", "list.jsonl"]).stderr;
    assert!(told.contains("Wrote list.jsonl (9 files, 9 sets, "), "{told}");
    let files = |name: &str| ["npy", "csv", "labels.npy"].map(|end| bytes(&folder, &format!("{name}.{end}")));
    folder.ok(&["encode", "data", "-m", "m.safetensors", "-o", "a.npy"]);
    let told = folder.ok(&["encode", "list.jsonl", "-m", "m.safetensors", "-o", "b.npy"]).stderr;
    assert!(told.contains("labels: the folders cat, dog"), "{told}");
    assert!(files("a") == files("b"));
    for by in [&["--group-by", "folder"][..], &["--group-by", "folder", "--on-error", "skip"]] {
        let one = ["encode", "-m", "m.safetensors"];
        folder.ok(&[&one[..], by, &["data", "-o", "a.npy"]].concat());
        folder.ok(&[&one[..], by, &["list.jsonl", "-o", "b.npy"]].concat());
        assert!(bytes(&folder, "a.csv") == bytes(&folder, "b.csv"), "{by:?}");
        assert!(bytes(&folder, "a.npy") == bytes(&folder, "b.npy"), "{by:?}");
    }
    for more in
        [&["--polish", "2"][..], &["--stream", "exact"], &["--balance", "label"], &["--balance", "folder"]]
    {
        for (input, model) in [("data", "a.safetensors"), ("list.jsonl", "b.safetensors")] {
            folder.ok(&[&["fit", input, "-o", model, "-k", "3"], more].concat());
        }
        assert!(bytes(&folder, "a.safetensors") == bytes(&folder, "b.safetensors"), "{more:?}");
    }
    for (input, part) in [("data", "a.stats"), ("list.jsonl", "b.stats"), ("./data/", "c.stats")] {
        folder.ok(&["accumulate", input, "-m", "m.safetensors", "-o", part, "--shard", "2/3"]);
    }
    assert!(bytes(&folder, "a.stats") == bytes(&folder, "b.stats"), "one identity, with a list or without");
    assert!(bytes(&folder, "a.stats") == bytes(&folder, "c.stats"));
}

#[test]
fn a_list_beside_other_inputs_is_its_files_in_their_place() {
    let folder = collection();
    folder.npy("more/x.npy", 12, 3, 4);
    folder.ok(&["scan", "data/cat", "-o", "cat.jsonl"]);
    folder.ok(&["scan", "data/dog/1.npy", "data/dog/3.npy", "-o", "dog.jsonl"]);
    let encode = ["encode", "-m", "m.safetensors", "-o"];
    folder.ok(&[&encode[..], &["a.npy", "cat.jsonl", "more", "dog.jsonl"]].concat());
    folder.ok(&[&encode[..], &["b.npy", "data/cat", "more", "data/dog/1.npy", "data/dog/3.npy"]].concat());
    assert!(bytes(&folder, "a.csv") == bytes(&folder, "b.csv"));
    assert!(bytes(&folder, "a.npy") == bytes(&folder, "b.npy"));
    let told = folder.ok(&[&encode[..], &["a.npy", "cat.jsonl", "data/cat/0.npy"]].concat()).stderr;
    assert!(told.contains("1 file given more than once"), "{told}");
    // In a folder a list is left out, as everything is that does not hold descriptors.
    folder.ok(&["scan", "data/cat", "-o", "data/cat.jsonl"]);
    let told = folder.ok(&[&encode[..], &["a.npy", "data"]].concat()).stderr;
    assert!(told.contains("1 .jsonl (a list)"), "{told}");
}

#[test]
fn arrays_labels_and_positions_are_part_of_a_list() {
    let folder = Folder::new();
    let set = |seed| floats(30, 3, seed);
    let batch =
        [("X", floats(40, 3, 1)), ("lengths", integers(&[25, 0, 15])), ("y", names(&["b", "a", "b"]))];
    folder.npz("data/batch.npz", &batch);
    folder.ok(&["fit", "data", "-o", "m.safetensors", "-k", "2"]);
    folder.ok(&["scan", "data", "-o", "list.jsonl"]);
    for (input, name) in [("data", "a"), ("list.jsonl", "b")] {
        folder.ok(&["encode", input, "-m", "m.safetensors", "-o", &format!("{name}.npy")]);
    }
    for end in ["npy", "csv", "labels.npy"] {
        assert!(bytes(&folder, &format!("a.{end}")) == bytes(&folder, &format!("b.{end}")), "{end}");
    }
    folder.npz("two/a.npz", &[("x", set(1)), ("z", set(2)), ("at", floats(30, 2, 3))]);
    let options = ["--array", "z", "--positions", "at"];
    folder.ok(&[&["scan", "two", "-o", "two.jsonl"], &options[..]].concat());
    let list = List::load(folder.path("two.jsonl"), None).unwrap();
    assert_eq!((list.array.as_deref(), list.positions.as_deref()), (Some("z"), Some("at")));
    let fit = ["fit", "-k", "2", "-o"];
    folder.ok(&[&fit[..], &["a.safetensors", "two"], &options].concat());
    folder.ok(&[&fit[..], &["b.safetensors", "two.jsonl"]].concat());
    folder.ok(&[&fit[..], &["c.safetensors", "two.jsonl"], &options].concat());
    assert!(bytes(&folder, "a.safetensors") == bytes(&folder, "b.safetensors"));
    assert!(bytes(&folder, "a.safetensors") == bytes(&folder, "c.safetensors"));
    for (inputs, option) in [
        (&["two.jsonl", "--array", "x"][..], "--array: two.jsonl was scanned with --array z"),
        (&["list.jsonl", "--positions", "at"], "--positions: list.jsonl was scanned without --positions"),
        (&["two.jsonl", "list.jsonl"], "--array: list.jsonl was scanned without --array"),
        (&["two.jsonl", "two"], "--array: two.jsonl was scanned with --array z"),
    ] {
        let told = folder.fails(2, &[&fit[..], &["d.safetensors"], inputs].concat());
        assert!(told.contains(option), "{told}");
    }
}

#[test]
fn inspect_tells_what_a_list_holds() {
    let folder = collection();
    folder.ok(&["scan", "data", "-o", "list.jsonl"]);
    let list = List::load(folder.path("list.jsonl"), None).unwrap();
    let about = folder.json(&["inspect", "list.jsonl", "--json"]);
    assert_eq!((&about["files"], &about["dim"], &about["array"]), (&9.into(), &3.into(), &().into()));
    assert_eq!(about["rows"], list.n_rows().unwrap());
    assert_eq!(about["id"], format!("{:016x}", list.id()));
    let text = folder.ok(&["inspect", "list.jsonl"]).stdout;
    assert!(text.contains("9 files, id ") && text.contains(" in 9 sets, 3 columns"), "{text}");
    folder.write("bad.jsonl", &bytes(&folder, "list.jsonl")[..300]);
    assert!(folder.fails(1, &["inspect", "bad.jsonl"]).contains("bad.jsonl: "));
}

#[test]
fn a_list_of_images_has_their_sizes() {
    let folder = Folder::new();
    for i in 0..4 {
        let name = format!("images/{}/{i}.png", ["a", "b"][i as usize % 2]);
        folder.write(&name, &stripes(60 + i, 48, 3.0 + i as f32, 0.4));
    }
    folder.ok(&["scan", "images", "-o", "list.jsonl"]);
    let text = fs::read_to_string(folder.path("list.jsonl")).unwrap();
    assert!(text.contains("\"size\":[60,48]") && text.contains("\"rows\":null"), "{text}");
    for (input, name) in [("images", "a"), ("list.jsonl", "b")] {
        folder.ok(&["fit", input, "-o", &format!("{name}.safetensors"), "-k", "2"]);
        folder.ok(&["encode", input, "-m", "a.safetensors", "-o", &format!("{name}.npy")]);
    }
    for end in ["safetensors", "npy", "csv", "labels.npy"] {
        assert!(bytes(&folder, &format!("a.{end}")) == bytes(&folder, &format!("b.{end}")), "{end}");
    }
    folder.write("images/a/0.png", &stripes(61, 48, 3.0, 0.4));
    let told = folder.fails(1, &["encode", "list.jsonl", "-m", "a.safetensors", "-o", "b.npy"]);
    assert!(told.contains("0.png: it has changed since it was scanned"), "{told}");
}

#[test]
fn a_file_that_has_changed_is_told_when_it_is_opened() {
    let folder = collection();
    folder.ok(&["scan", "data", "-o", "list.jsonl"]);
    let encode = ["encode", "list.jsonl", "-m", "m.safetensors", "-o", "v.npy"];
    let old = fs::read(folder.path("data/cat/2.npy")).unwrap();
    let refused = |expected: &str| {
        let told = folder.fails(1, &encode);
        let expected =
            format!("error: data/cat/2.npy: it has changed since it was scanned{expected}: scan again");
        assert!(told.contains(&expected), "{told}");
        assert!(!folder.path("v.npy").exists());
        let line = ["accumulate", "list.jsonl", "-m", "m.safetensors", "-o", "p.stats"];
        assert!(folder.fails(1, &line).contains(&expected));
        let told = folder.fails(1, &["fit", "list.jsonl", "-o", "x.safetensors", "-k", "2"]);
        assert!(told.contains(&expected), "{told}");
    };
    folder.write("data/cat/2.npy", &old[..old.len() - 12]);
    refused(&format!(" ({} bytes then, {} now)", old.len(), old.len() - 12));
    folder.write("data/cat/2.npy", &old);
    refused(" (written anew)");
    fs::remove_file(folder.path("data/cat/2.npy")).unwrap();
    refused(" (it is gone)");
    let told = folder.fails(3, &[&encode[..], &["--on-error", "skip"]].concat());
    assert!(
        told.contains("skipped: data/cat/2.npy: it has changed since it was scanned (it is gone)"),
        "{told}"
    );
}

#[test]
fn no_header_is_opened_but_of_files_that_are_read() {
    let folder = collection();
    folder.ok(&["scan", "data", "-o", "list.jsonl"]);
    // What is never read may be gone: one shard needs its own files alone.
    fs::remove_file(folder.path("data/dog/5.npy")).unwrap();
    folder.ok(&["accumulate", "list.jsonl", "-m", "m.safetensors", "-o", "p.stats", "--shard", "1/64"]);
    // As a whole it is missed.
    let told = folder.fails(1, &["accumulate", "list.jsonl", "-m", "m.safetensors", "-o", "p.stats"]);
    assert!(told.contains("data/dog/5.npy: it has changed since it was scanned (it is gone)"), "{told}");
}

#[test]
fn a_list_that_is_torn_edited_or_of_another_version_is_refused_with_the_line() {
    let folder = collection();
    folder.ok(&["scan", "data", "-o", "list.jsonl"]);
    let text = fs::read_to_string(folder.path("list.jsonl")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 10);
    let without_last = lines[..9].join("\n");
    let cut = &text[..text.len() - 30];
    for (text, expected) in [
        (without_last.clone(), "line 9: expected the lines of 9 files, got 8: the list is torn; scan again"),
        (cut.to_owned(), "line 10: "),
        (lines[0].to_owned(), "line 1: expected the lines of 9 files, got 0"),
        (lines[0][..60].to_owned(), "line 1: "),
        (
            text.replace("\"rows\":3,", "\"rows\":4,"),
            "line 1: it does not go with the lines after it: the list was edited",
        ),
        (text.replace("cat/0", "cat/2"), "line 1: it does not go with the lines after it"),
        (
            text.replacen("\"fishervec_list\":1", "\"fishervec_list\":2", 1),
            "list schema version 2 is not known",
        ),
        (text.replacen("\"rows\":3", "\"rows\":-3", 1), "line 2: "),
        (text.replacen("{\"path\"", "{\"x\":1,\"path\"", 1), "line 2: "),
        (
            text.replacen("\"folder\":0", "\"folder\":7", 1),
            "expected one of 1 folders, counted from 0, got 7",
        ),
        (format!("{text}{}\n", lines[3]), "line 11: expected the lines of 9 files, got 10"),
        (text.replacen("data/cat/0.npy", "", 1), "line 2: expected the path of a file, got nothing"),
    ] {
        folder.write("bad.jsonl", text.as_bytes());
        let told = folder.fails(1, &["encode", "bad.jsonl", "-m", "m.safetensors", "-o", "v.npy"]);
        assert!(told.contains("bad.jsonl: ") && told.contains(expected), "{expected}: {told}");
    }
    // Line ends of another system, and an empty line at the end, are the same list.
    folder.write("crlf.jsonl", (text.replace('\n', "\r\n") + "\n").as_bytes());
    folder.ok(&["encode", "crlf.jsonl", "-m", "m.safetensors", "-o", "v.npy"]);
    for empty in ["", "{}\n", "{\"path\":\"a\"}\n"] {
        folder.write("none.jsonl", empty.as_bytes());
        let told = folder.fails(2, &["encode", "none.jsonl", "-m", "m.safetensors", "-o", "v.npy"]);
        assert!(told.contains("or a list (.jsonl) from fishervec scan"), "{told}");
    }
}

#[test]
fn paths_are_relative_to_the_list_or_to_a_root() {
    let folder = collection();
    let source = |name: &str| folder.table(name)[1][1].clone();
    fs::create_dir(folder.path("lists")).unwrap();
    folder.ok(&["scan", "data", "-o", "lists/list.jsonl"]);
    let text = fs::read_to_string(folder.path("lists/list.jsonl")).unwrap();
    assert!(text.contains("\"path\":\"../data/cat/0.npy\""), "{text}");
    folder.ok(&["encode", "lists/list.jsonl", "-m", "m.safetensors", "-o", "v.npy"]);
    assert_eq!(source("v.csv"), "data/cat/0.npy");
    // A link to a list is that list, as workflows hand files on.
    #[cfg(unix)]
    {
        fs::create_dir(folder.path("work")).unwrap();
        std::os::unix::fs::symlink("../lists/list.jsonl", folder.path("work/linked.jsonl")).unwrap();
        folder.ok(&["encode", "work/linked.jsonl", "-m", "m.safetensors", "-o", "v.npy"]);
        assert!(source("v.csv").ends_with("/data/cat/0.npy"), "{}", source("v.csv"));
    }
    // The folder may move with its list.
    folder.ok(&["scan", "data", "-o", "data/list.jsonl"]);
    fs::rename(folder.path("data"), folder.path("moved")).unwrap();
    folder.ok(&["encode", "moved/list.jsonl", "-m", "m.safetensors", "-o", "v.npy"]);
    assert_eq!(source("v.csv"), "moved/cat/0.npy");
    let told = folder.fails(1, &["encode", "lists/list.jsonl", "-m", "m.safetensors", "-o", "v.npy"]);
    assert!(told.contains("(it is gone)"), "{told}");
    // Or be somewhere else on another machine.
    let whole = folder.path("moved");
    let whole = whole.to_str().unwrap();
    folder.ok(&["scan", whole, "--root", whole, "-o", "lists/rooted.jsonl"]);
    folder.ok(&["encode", "lists/rooted.jsonl", "-m", "m.safetensors", "-o", "v.npy"]);
    assert_eq!(source("v.csv"), format!("{whole}/cat/0.npy"));
    fs::rename(folder.path("moved"), folder.path("away")).unwrap();
    folder.ok(&["encode", "lists/rooted.jsonl", "--root", "away", "-m", "m.safetensors", "-o", "v.npy"]);
    assert_eq!(source("v.csv"), "away/cat/0.npy");
    let fit = ["fit", "lists/rooted.jsonl", "--root", "away", "-k", "2", "-o", "n.safetensors"];
    let told = folder.ok(&fit).stderr;
    assert!(
        told.contains("Next: fishervec encode lists/rooted.jsonl --root away -m n.safetensors"),
        "{told}"
    );
    let told = folder.fails(1, &["scan", "away", "--root", "lists", "-o", "x.jsonl"]);
    assert!(told.contains("expected a file below lists, the root of the list"), "{told}");
    let told = folder.fails(2, &["encode", "away", "--root", "away", "-m", "m.safetensors", "-o", "v.npy"]);
    assert!(told.contains("--root: expected a list among the inputs"), "{told}");
}

#[test]
fn what_cannot_be_scanned_is_told_or_left_out() {
    let folder = collection();
    folder.write("data/cat/broken.npy", b"no descriptors");
    let told = folder.fails(1, &["scan", "data", "-o", "list.jsonl"]);
    assert!(told.contains("broken.npy") && !folder.path("list.jsonl").exists(), "{told}");
    let told = folder.fails(3, &["scan", "data", "-o", "list.jsonl", "--on-error", "skip"]);
    assert!(told.contains("skipped: data/cat/broken.npy") && told.contains("; 1 skipped"), "{told}");
    // Nothing that is in the list fails later.
    folder.ok(&["encode", "list.jsonl", "-m", "m.safetensors", "-o", "v.npy"]);
    folder.write("alone/broken.npy", b"no descriptors");
    let told = folder.fails(1, &["scan", "alone", "-o", "x.jsonl", "--on-error", "skip"]);
    assert!(told.contains("none of the files could be opened"), "{told}");
    for (code, line, expected) in [
        (2, &["scan", "data", "-o", "list.json"][..], "expected a name ending in .jsonl"),
        (2, &["scan", "list.jsonl", "-o", "x.jsonl"], "list.jsonl is a list already"),
        (1, &["scan", "data", "-o", "own.jsonl"], "own.jsonl would be replaced, and scan did not write it"),
        (
            2,
            &["scan", "data", "-o", "x.jsonl", "--array", "x"],
            "--array: expected files whose arrays have names",
        ),
        (1, &["scan", "none", "-o", "x.jsonl"], "none: "),
        (1, &["fit", "list.jsonl", "-o", "list.jsonl", "-k", "2"], "list.jsonl is among the inputs"),
    ] {
        folder.write("own.jsonl", b"{\"mine\":1}\n");
        let told = folder.fails(code, line);
        assert!(told.contains(expected), "{told}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_name_that_is_not_unicode_is_an_error_and_an_odd_one_is_kept() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let folder = collection();
    for odd in ["data/cat/a b.npy", "data/cat/line\nbreak.npy", "data/cat/\"q\".npy", "data/cat/é☃.npy"] {
        folder.npy(odd, 5, 3, 2);
    }
    folder.ok(&["scan", "data", "-o", "list.jsonl"]);
    for (input, name) in [("data", "a.npy"), ("list.jsonl", "b.npy")] {
        folder.ok(&["encode", input, "-m", "m.safetensors", "-o", name]);
    }
    assert!(bytes(&folder, "a.csv") == bytes(&folder, "b.csv"));
    let latin = folder.path("data/cat").join(OsStr::from_bytes(b"M\xfcller.npy"));
    fs::write(latin, floats(5, 3, 1)).unwrap();
    let told = folder.fails(1, &["scan", "data", "-o", "list.jsonl"]);
    assert!(told.contains("its name is not Unicode, so no list can hold it: rename it"), "{told}");
    folder.ok(&["encode", "data", "-m", "m.safetensors", "-o", "a.npy"]);
}
