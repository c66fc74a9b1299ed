//! `encode --shard` and `join`: the files of one run, to the last byte, or a reason why not.

#[allow(dead_code, reason = "a toolbox for all test files")]
mod common;

use common::{BINARY, Folder, floats, integers, names};
use std::fs;

/// Two classes of sets of odd lengths, some of them empty, in files of one and of several sets.
fn collection() -> Folder {
    let folder = Folder::new();
    for i in 0..23 {
        folder.npy(&format!("data/{}/{i:02}.npy", ["cat", "dog"][i % 2]), (i * 37) % 90, 3, i);
    }
    folder.npy("data/dog/with, \"quotes\"\nand more.npy", 7, 3, 1);
    for name in ["data/cat/batch.npz", "data/dog/batch.npz"] {
        folder.npz(name, &[("X", floats(40, 3, 1)), ("lengths", integers(&[25, 0, 15]))]);
    }
    folder.ok(&["fit", "data", "-o", "m.safetensors", "-k", "3", "--sample", "300"]);
    folder
}

/// Encodes the shards, the last one first.
fn encode(folder: &Folder, code: i32, of: usize, name: &str, more: &[&str]) -> Vec<String> {
    let mut parts = Vec::new();
    for i in (1..=of).rev() {
        let (stem, ending) = name.rsplit_once('.').unwrap();
        let (part, shard) = (format!("{stem}.{i}.{ending}"), format!("{i}/{of}"));
        let line = ["encode", "-m", "m.safetensors", "--shard", &shard, "-o", &part];
        let done = folder.command(BINARY).args(line).args(more).output().unwrap();
        // A shard without the set that is skipped has nothing to tell.
        let told = done.status.code().unwrap();
        assert!(told == 0 || told == code, "{done:?}");
        parts.push(part);
    }
    parts
}

fn bytes(folder: &Folder, name: &str) -> Vec<u8> {
    fs::read(folder.path(name)).unwrap()
}

fn join(parts: &[String], output: &str, more: &[&str]) -> Vec<String> {
    let words = ["join", "-o", output].into_iter().chain(more.iter().copied());
    words.map(str::to_owned).chain(parts.to_vec()).collect()
}

fn words(line: &[String]) -> Vec<&str> {
    line.iter().map(String::as_str).collect()
}

#[test]
fn shards_of_any_number_joined_are_one_encoding() {
    let folder = collection();
    folder.ok(&["scan", "data", "-o", "list.jsonl"]);
    let table: String = (0..23).map(|i| format!("{i:02},p{}\n", i % 5)).collect();
    let more = "\"with, \"\"quotes\"\"\nand more\",p9\n";
    let batch: String = ["cat", "dog"]
        .iter()
        .flat_map(|class| (0..3).map(move |i| format!("{class}/batch.npz/{i},p{i}\n")))
        .collect();
    folder.write("table.csv", format!("slide_id,patient\n{table}{more}{batch}").as_bytes());
    for (name, input, options) in [
        ("v.npy", "list.jsonl", &[][..]),
        ("w.fvecs", "data", &[]),
        ("g.npy", "list.jsonl", &["--group-by", "folder"]),
        ("p.npy", "list.jsonl", &["--group-by", "patient", "--labels", "table.csv"]),
    ] {
        let options = [&[input][..], options].concat();
        let (stem, _) = name.split_once('.').unwrap();
        folder.ok(&[&["encode", "-m", "m.safetensors", "-o", name], &options[..]].concat());
        let whole = |folder: &Folder, stem: &str| {
            let labels = fs::read(folder.path(&format!("{stem}.labels.npy"))).ok();
            let ending = name.rsplit_once('.').unwrap().1;
            (bytes(folder, &format!("{stem}.{ending}")), bytes(folder, &format!("{stem}.csv")), labels)
        };
        let expected = whole(&folder, stem);
        for of in [1, 3, 7, 64].into_iter().filter(|of| *of < 64 || name == "v.npy") {
            let parts = encode(&folder, 0, of, name, &options);
            let joined = format!("joined-{name}");
            folder.ok(&words(&join(&parts, &joined, &["--remove"])));
            assert!(whole(&folder, &format!("joined-{stem}")) == expected, "{name} in {of}");
            let left: Vec<String> =
                folder.names(".").into_iter().filter(|left| left.starts_with(&format!("{stem}."))).collect();
            assert!(left.iter().all(|left| !left.ends_with(".json")) && left.len() <= 3, "{left:?}");
        }
    }
}

#[test]
fn a_set_that_is_skipped_is_skipped_in_its_shard() {
    let folder = collection();
    folder.write("data/cat/broken.npy", b"no descriptors");
    let options = ["data", "--on-error", "skip"];
    folder.fails(3, &[&["encode", "-m", "m.safetensors", "-o", "v.npy"], &options[..]].concat());
    let parts = encode(&folder, 3, 5, "s.npy", &options);
    folder.ok(&words(&join(&parts, "j.npy", &[])));
    for end in ["npy", "csv", "labels.npy"] {
        assert!(bytes(&folder, &format!("j.{end}")) == bytes(&folder, &format!("v.{end}")), "{end}");
    }
    // The table counts rows from 0 in each shard, so that it is one of its own.
    folder.ok(&["evaluate", "s.3.npy"]);
}

#[test]
fn labels_are_numbered_in_all_shards_alike() {
    let folder = Folder::new();
    let batch =
        |labels: &[&str]| [("X", floats(30, 3, 1)), ("lengths", integers(&[10, 20])), ("y", names(labels))];
    folder.npz("data/a.npz", &batch(&["zoo", "ape"]));
    folder.npz("data/b.npz", &batch(&["yak", ""]));
    folder.ok(&["fit", "data", "-o", "m.safetensors", "-k", "2"]);
    let parts = encode(&folder, 0, 2, "v.npy", &["data"]);
    assert_eq!(folder.integers("v.1.labels.npy"), [2, 0]);
    assert_eq!(folder.integers("v.2.labels.npy"), [1, -1]);
    // What a shell makes of v.*.npy has the labels in it.
    let line = join(
        &[&parts[..], &["v.1.labels.npy".to_owned(), "v.2.labels.npy".to_owned()]].concat(),
        "j.npy",
        &[],
    );
    folder.ok(&words(&line));
    assert_eq!(folder.integers("j.labels.npy"), [2, 0, 1, -1]);
    let line = join(&["v.1.labels.npy".to_owned()], "j.npy", &[]);
    assert!(folder.fails(1, &words(&line)).contains("got only labels"));
}

#[test]
fn shards_without_sets_are_files_too() {
    let folder = Folder::new();
    for i in 0..3 {
        folder.npy(&format!("data/{i}.npy"), 20, 3, i);
    }
    folder.ok(&["fit", "data", "-o", "m.safetensors", "-k", "2"]);
    for i in 0..3 {
        folder.npy(&format!("empty/{i}.npy"), 0, 3, i);
    }
    for (input, ending) in [("data", "npy"), ("data", "fvecs"), ("empty", "npy"), ("empty", "fvecs")] {
        let (whole, joined) = (format!("v.{ending}"), format!("j.{ending}"));
        folder.ok(&["encode", input, "-m", "m.safetensors", "-o", &whole]);
        let parts = encode(&folder, 0, 5, &format!("s.{ending}"), &[input]);
        folder.ok(&words(&join(&parts, &joined, &[])));
        assert!(bytes(&folder, &whole) == bytes(&folder, &joined), "{input} {ending}");
        for name in folder.names(".").iter().filter(|name| name.contains(".csv") || name.ends_with(ending)) {
            fs::remove_file(folder.path(name)).unwrap();
        }
    }
}

#[test]
fn what_does_not_belong_together_is_refused_and_the_output_is_as_before() {
    let folder = collection();
    let parts = encode(&folder, 0, 4, "v.npy", &["data"]);
    let refused = |parts: &[String], expected: &str| {
        folder.write("j.npy", b"as before");
        fs::remove_file(folder.path("j.csv")).ok();
        let told = folder.fails(1, &words(&join(parts, "j.npy", &[])));
        assert!(told.contains(expected), "{expected}: {told}");
        assert_eq!(bytes(&folder, "j.npy"), b"as before");
        assert!(!folder.path("j.csv").exists() && !folder.path("j.labels.npy").exists());
    };
    refused(
        &[parts[0].clone(), parts[3].clone()],
        "error: shards 2/4, 3/4 missing: encode them and join again",
    );
    refused(&parts[..3], "error: shard 1/4 missing");
    refused(&["none.npy".to_owned()], "none.npy: ");
    folder.npy("plain.npy", 3, 3, 1);
    refused(
        &[parts[0].clone(), "plain.npy".to_owned()],
        "plain.npy: plain.json, which says what shard it is, is missing",
    );
    folder.write("plain.json", b"{\"a\":1}");
    refused(&["plain.npy".to_owned()], "plain.json: expected what `encode --shard` writes");

    let other = |name: &str, line: &[&str]| {
        for end in ["npy", "csv", "json", "labels.npy"] {
            fs::remove_file(folder.path(name).with_extension(end)).ok();
        }
        folder.ok(&[&["encode", "--shard", "2/4", "-o", name], line].concat());
        name.to_owned()
    };
    let with = |other: String| [&parts[..], &[other]].concat();
    folder.ok(&["fit", "data", "-o", "n.safetensors", "-k", "3", "--seed", "8"]);
    refused(&with(other("o.npy", &["data", "-m", "n.safetensors"])), "o.npy: another model than v.1.npy");
    let skip = ["data", "-m", "m.safetensors", "--on-error", "skip"];
    refused(&with(other("o.npy", &skip)), "o.npy: another --on-error than v.1.npy");
    let group = ["data", "-m", "m.safetensors", "--group-by", "folder"];
    refused(&with(other("o.npy", &group)), "o.npy: another number of rows than v.1.npy: expected 30, got 2");
    folder.ok(&["encode", "data", "-m", "m.safetensors", "--shard", "2/3", "-o", "q.npy"]);
    refused(&with("q.npy".to_owned()), "is shard 2/3: expected one number of shards");
    let mut portable = folder.command(BINARY);
    let line = ["encode", "data", "-m", "m.safetensors", "--shard", "2/4", "-o", "q.npy"];
    assert!(portable.args(line).env("FISHERVEC_SIMD", "portable").status().unwrap().success());
    if fishervec::run::Isa::available().len() > 1 {
        refused(&with("q.npy".to_owned()), "q.npy: another instruction set than v.1.npy");
    }
    folder.npy("data/dog/99.npy", 5, 3, 3);
    refused(
        &with(other("o.npy", &["data", "-m", "m.safetensors"])),
        "o.npy: another list of files than v.1.npy",
    );
    fs::remove_file(folder.path("data/dog/99.npy")).unwrap();
    let all: String = folder.table("v.1.csv").iter().skip(1).map(|row| format!("{},x\n", row[2])).collect();
    folder.write("t.csv", format!("set,label\n{all}").as_bytes());
    let labels = ["data", "-m", "m.safetensors", "--labels", "t.csv"];
    refused(&with(other("o.npy", &labels)), "o.npy: another set of names and labels than v.1.npy");

    // A shard of the same encoding may be there twice, with the same contents.
    let twice = other("o.npy", &["data", "-m", "m.safetensors"]);
    folder.ok(&words(&join(&with(twice), "k.npy", &[])));
    for (file, at) in [("v.2.npy", 300), ("v.2.csv", 90), ("v.2.labels.npy", 140)] {
        let good = bytes(&folder, file);
        let mut bad = good.clone();
        bad[at] ^= 1;
        folder.write(file, &bad);
        refused(&parts, &format!("{file} is not the file that v.2.json is about: encode shard 2/4 again"));
        folder.write(file, &good[..good.len() - 1]);
        refused(&parts, &format!("{file} is not the file that v.2.json is about"));
        folder.write(file, &good);
    }
    let told = folder.fails(1, &words(&join(&parts, "v.3.npy", &[])));
    assert!(told.contains("v.3.npy is a file of a shard and would be replaced"), "{told}");
    folder.ok(&words(&join(&parts, "k.npy", &[])));
}

/// The job of docs/scaling.md, with an `sbatch` that runs an array backwards and every third task twice.
#[cfg(unix)]
#[test]
fn the_job_array_of_the_page_about_scaling_runs() {
    use std::os::unix::fs::PermissionsExt;
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/scaling.md");
    let page = fs::read_to_string(page).unwrap();
    let job = page.split("```sh\n# encode.sh\n").nth(1).unwrap().split("```").next().unwrap();
    let folder = collection();
    fs::rename(folder.path("m.safetensors"), folder.path("3.safetensors")).unwrap();
    folder.ok(&["encode", "data", "-m", "3.safetensors", "-o", "expected.npy"]);
    let shim = "#!/bin/sh\nset -e\nn=1\nfor a; do case $a in --array=1-*) n=${a#--array=1-};; esac; task=$a; done\n\
        while [ $n -gt 0 ]; do SLURM_ARRAY_TASK_ID=$n sh -ec \"$task\" 2>/dev/null\n\
        if [ $((n % 3)) = 0 ]; then SLURM_ARRAY_TASK_ID=$n sh -ec \"$task\" 2>/dev/null; fi\nn=$((n - 1)); done\n";
    folder.write("bin/sbatch", shim.as_bytes());
    fs::set_permissions(folder.path("bin/sbatch"), fs::Permissions::from_mode(0o755)).unwrap();
    let own = std::path::Path::new(BINARY).parent().unwrap().to_owned();
    let inherited = std::env::var_os("PATH").unwrap();
    let path = [folder.path("bin"), own].into_iter().chain(std::env::split_paths(&inherited));
    let path = std::env::join_paths(path).unwrap();
    let done = folder.command("sh").args(["-ec", job]).env("PATH", path).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    for end in ["npy", "csv", "labels.npy"] {
        assert!(
            bytes(&folder, &format!("vectors.{end}")) == bytes(&folder, &format!("expected.{end}")),
            "{end}"
        );
    }
}

#[test]
fn files_that_encode_did_not_write_are_not_replaced() {
    let folder = collection();
    folder.write("v.json", b"{\"mine\": 1}");
    let line = ["encode", "data", "-m", "m.safetensors", "-o", "v.npy"];
    let told = folder.fails(1, &[&line[..], &["--shard", "1/2"]].concat());
    assert!(told.contains("v.json would be replaced, and encode did not write it"), "{told}");
    // Without --shard there is none to write.
    folder.ok(&line);
    assert_eq!(bytes(&folder, "v.json"), b"{\"mine\": 1}");
    let parts = encode(&folder, 0, 2, "s.npy", &["data"]);
    folder.write("mine.csv", b"a,b\n");
    let told = folder.fails(1, &words(&join(&parts, "mine.npy", &[])));
    assert!(told.contains("mine.csv would be replaced, and encode did not write it"), "{told}");
    for wrong in ["0/3", "4/3", "3", "1/0"] {
        let told = folder.fails(2, &[&line[..], &["--shard", wrong]].concat());
        assert!(told.contains("--shard: expected a part such as 3/8"), "{told}");
    }
    // Shards are not taken for descriptors.
    fs::create_dir(folder.path("out")).unwrap();
    encode(&folder, 0, 2, "out/s.npy", &["data"]);
    let told = folder.fails(1, &["fit", "out", "-o", "x.safetensors"]);
    assert!(told.contains("written by encode"), "{told}");
}
