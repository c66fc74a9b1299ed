//! `encode --resume`: a run that ended early goes on with what is safely there, and with nothing else.
#![cfg(unix)]

#[allow(dead_code, reason = "a toolbox for all test files")]
mod common;

use common::{BINARY, Folder, floats, integers};
use std::fs;
use std::path::PathBuf;

/// The number of sets: several batches of 256.
const SETS: usize = 2000;

/// Many small sets with labels.
fn collection() -> Folder {
    let folder = Folder::new();
    let lengths: Vec<i64> = (0..SETS).map(|i| (i % 7) as i64).collect();
    let rows: i64 = lengths.iter().sum();
    let labels: Vec<i64> = (0..SETS).map(|i| (i % 11) as i64).collect();
    // The second member is not compressed, so that it is read in place.
    let rows = floats(rows as usize, 4, 1);
    let batch = [("lengths", integers(&lengths)), ("X", rows), ("y", integers(&labels))];
    folder.npz("data/batch.npz", &batch);
    folder.ok(&["fit", "data", "-o", "m.safetensors", "-k", "3", "--sample", "300"]);
    folder
}

const ENCODE: [&str; 4] = ["encode", "data", "-m", "m.safetensors"];

/// Encodes on a disk that is full after `blocks` of 512 bytes; a line is logged after each batch.
fn on_a_small_disk(folder: &Folder, blocks: usize, line: &[&str]) -> (Option<i32>, String) {
    // A signal that is ignored stays so in the command: the write is an error instead.
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let mut command = folder.command("sh");
    command.args(["-c", &script, BINARY]).args(ENCODE).args(line).env("FISHERVEC_LOG_SECONDS", "0");
    let done = command.output().unwrap();
    (done.status.code(), String::from_utf8(done.stderr).unwrap())
}

fn hidden(folder: &Folder) -> Vec<String> {
    folder.names(".").into_iter().filter(|name| name.starts_with('.')).collect()
}

fn part(folder: &Folder, of: &str) -> PathBuf {
    let name = hidden(folder).into_iter().find(|name| name.starts_with(of) && name.ends_with(".part"));
    folder.path(&name.unwrap())
}

fn whole(folder: &Folder, name: &str) -> Vec<Vec<u8>> {
    let stem = name.rsplit_once('.').unwrap().0;
    [name.to_owned(), format!("{stem}.csv"), format!("{stem}.labels.npy")]
        .map(|name| fs::read(folder.path(&name)).unwrap())
        .into()
}

#[test]
fn a_full_disk_renames_nothing_and_the_run_goes_on_when_there_is_room() {
    let folder = collection();
    folder.ok(&["scan", "data", "-o", "list.jsonl"]);
    for (name, options) in [
        ("v.npy", &[][..]),
        ("v.fvecs", &[]),
        ("s.npy", &["--shard", "2/2"]),
        ("t.npy", &["--on-error", "skip"]),
    ] {
        let line = [&["-o", name], options].concat();
        let expected = format!("expected-{name}");
        folder.ok(&[&ENCODE[..], &["-o", &expected], options].concat());
        let (code, told) = on_a_small_disk(&folder, 130, &line);
        assert_eq!(code, Some(1), "{told}");
        let kept = told.split_once('\n').unwrap().1.lines().last().unwrap();
        assert!(kept.contains(" rows kept: with --resume the same command goes on from there"), "{told}");
        assert!(!folder.path(name).exists() && hidden(&folder).len() == 3, "{:?}", hidden(&folder));
        // Once more, with more room: further.
        let (code, told) = on_a_small_disk(&folder, 190, &[&line[..], &["--resume"]].concat());
        if code == Some(1) {
            assert!(told.contains("Going on after 512 rows; "), "{told}");
        }
        let told = folder.ok(&[&ENCODE[..], &line, &["--resume"]].concat()).stderr;
        assert!(
            told.contains("Going on after 512 rows; ") || told.contains("Going on after 768 rows; "),
            "{told}"
        );
        assert!(whole(&folder, name) == whole(&folder, &expected), "{name}");
        assert!(hidden(&folder).is_empty(), "{:?}", hidden(&folder));
        for end in ["npy", "fvecs", "csv", "labels.npy"] {
            fs::remove_file(folder.path(&name.replace("npy", end).replace("fvecs", end))).ok();
            fs::remove_file(folder.path(&expected.replace("npy", end).replace("fvecs", end))).ok();
        }
    }
}

#[test]
fn only_what_holds_of_the_parts_is_gone_on_from() {
    let folder = collection();
    let line = [&ENCODE[..], &["-o", "v.npy"]].concat();
    folder.ok(&line);
    let expected = whole(&folder, "v.npy");
    let damage = |what: &str, damage: &dyn Fn(&Folder), expected_line: &str| {
        for end in ["npy", "csv", "labels.npy"] {
            fs::remove_file(folder.path(&format!("v.{end}"))).ok();
        }
        let (code, told) = on_a_small_disk(&folder, 250, &["-o", "v.npy"]);
        assert_eq!(code, Some(1), "{told}");
        damage(&folder);
        let told = folder.ok(&[&line[..], &["--resume"]].concat()).stderr;
        assert!(told.contains(expected_line), "{what}: {told}");
        assert!(whole(&folder, "v.npy") == expected, "{what}");
        assert!(hidden(&folder).is_empty(), "{what}: {:?}", hidden(&folder));
    };
    let change = |path: PathBuf, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
    };
    let flip = |at: usize| move |bytes: &mut Vec<u8>| bytes[at] ^= 4;
    let log = |folder: &Folder| folder.path(".v.npy.log");
    damage("nothing", &|_| {}, "Going on after 1,024 rows; 976 rows left");
    damage(
        "a vector of the third batch",
        &|folder| change(part(folder, ".v.npy."), &flip(128 + 600 * 27 * 4)),
        "Going on after 512 rows; ",
    );
    damage(
        "the header",
        &|folder| change(part(folder, ".v.npy."), &flip(3)),
        "warning: nothing of what an earlier run has left holds; starting anew",
    );
    damage(
        "a table that is short",
        &|folder| change(part(folder, ".v.csv."), &|bytes| bytes.truncate(bytes.len() / 2)),
        "Going on after ",
    );
    damage(
        "vectors that are gone",
        &|folder| fs::remove_file(part(folder, ".v.npy.")).unwrap(),
        "warning: another run is writing these files, or its parts are gone; starting anew",
    );
    damage("an empty part", &|folder| change(part(folder, ".v.npy."), &Vec::clear), "starting anew");
    damage(
        "the last line of the log",
        &|folder| change(log(folder), &|bytes| bytes.truncate(bytes.len() - 9)),
        "Going on after 768 rows; ",
    );
    damage(
        "a line of the log within",
        &|folder| {
            let middle = |bytes: &mut Vec<u8>| {
                let ends: Vec<usize> = (0..bytes.len()).filter(|i| bytes[*i] == b'\n').collect();
                bytes[ends[2] - 5] ^= 1;
            };
            change(log(folder), &middle);
        },
        "Going on after 256 rows; ",
    );
    damage(
        "the first line of the log",
        &|folder| change(log(folder), &flip(40)),
        "warning: the log of an earlier run is damaged; starting anew",
    );
    damage("an empty log", &|folder| change(log(folder), &Vec::clear), "starting anew");
    damage("a log of other bytes", &|folder| fs::write(log(folder), [0xff, 10, 0]).unwrap(), "starting anew");
    damage("no log", &|folder| fs::remove_file(log(folder)).unwrap(), "Nothing to go on from; starting anew");
}

#[test]
fn a_run_of_another_plan_starts_anew_and_says_why() {
    let folder = collection();
    folder.npy("more/x.npy", 9, 4, 2);
    folder.ok(&["fit", "data", "-o", "other.safetensors", "-k", "3", "--seed", "9"]);
    let (kept, whole_run) = (["-o", "v.npy"], [&ENCODE[..], &["-o", "w.npy"]].concat());
    folder.ok(&whole_run);
    for (line, reason) in [
        (&["encode", "data", "-m", "other.safetensors"][..], "under another model"),
        (&["encode", "data", "more", "-m", "m.safetensors"], "of other files"),
        (&["encode", "./data", "-m", "m.safetensors"], "with files written in another way"),
        (&["encode", "data", "-m", "m.safetensors", "--on-error", "skip"], "with another --on-error"),
        (&["encode", "data", "-m", "m.safetensors", "--shard", "1/2"], "of another shard"),
        (&["encode", "data", "-m", "m.safetensors", "--group-by", "folder"], "labels"),
    ] {
        let (code, told) = on_a_small_disk(&folder, 250, &kept);
        assert_eq!(code, Some(1), "{told}");
        let done = folder.command(BINARY).args(line).args(["-o", "v.npy", "--resume"]).output().unwrap();
        let told = String::from_utf8(done.stderr).unwrap();
        if reason == "labels" {
            // Two labels in one group: the run that stopped is not touched.
            assert!(told.contains("correct one, or choose other groups"), "{told}");
            continue;
        }
        assert!(done.status.success(), "{told}");
        assert!(told.contains("the earlier run was another one: ") && told.contains(reason), "{told}");
        assert!(told.contains("; starting anew"), "{told}");
        assert!(hidden(&folder).is_empty(), "{:?}", hidden(&folder));
        for name in folder.names(".").iter().filter(|name| name.starts_with("v.")) {
            fs::remove_file(folder.path(name)).unwrap();
        }
    }
    // A file that was written anew in between, though its headers are the same.
    let (code, _) = on_a_small_disk(&folder, 250, &kept);
    assert_eq!(code, Some(1));
    let bytes = fs::read(folder.path("data/batch.npz")).unwrap();
    folder.write("data/batch.npz", &bytes);
    let told = folder.ok(&[&ENCODE[..], &kept, &["--resume"]].concat()).stderr;
    assert!(told.contains("files have changed since; starting anew"), "{told}");
    assert!(whole(&folder, "v.npy") == whole(&folder, "w.npy"));
}

#[test]
fn without_resume_a_run_starts_anew_and_says_what_it_drops() {
    let folder = collection();
    let line = [&ENCODE[..], &["-o", "v.npy"]].concat();
    let told = folder.ok(&[&line[..], &["--resume"]].concat()).stderr;
    assert!(told.contains("Nothing to go on from; starting anew"), "{told}");
    let expected = whole(&folder, "v.npy");
    let (code, _) = on_a_small_disk(&folder, 250, &["-o", "v.npy"]);
    assert_eq!(code, Some(1));
    assert!(whole(&folder, "v.npy") == expected, "what was there is as before");
    let told = folder.ok(&line).stderr;
    assert!(told.contains("Starting anew: 1,024 rows of an earlier run not used (no --resume)"), "{told}");
    assert!(whole(&folder, "v.npy") == expected && hidden(&folder).is_empty());
}

#[test]
fn a_run_that_fails_before_anything_is_kept_leaves_nothing() {
    let folder = collection();
    let before = folder.names(".");
    let mut nan = floats(30, 4, 1);
    let end = nan.len();
    nan[end - 4..].fill(0xff);
    folder.write("more/x.npy", &nan);
    let told = folder.fails(1, &["encode", "more", "-m", "m.safetensors", "-o", "v.npy"]);
    assert!(told.contains("more/x.npy") && !told.contains("kept"), "{told}");
    assert_eq!(folder.names("."), [&before[..], &["more".to_owned()]].concat());
}

#[test]
fn parts_of_a_run_that_is_alive_are_not_taken() {
    let folder = collection();
    let line = [&ENCODE[..], &["-o", "v.npy"]].concat();
    folder.ok(&line);
    let expected = whole(&folder, "v.npy");
    let (code, _) = on_a_small_disk(&folder, 250, &["-o", "v.npy"]);
    assert_eq!(code, Some(1));
    let (path, table) = (part(&folder, ".v.npy."), part(&folder, ".v.csv."));
    let alive = [&path, &table].map(|path| fs::File::open(path).unwrap());
    alive.iter().for_each(|file| file.lock().unwrap());
    let before = fs::read(&path).unwrap();
    for more in [&["--resume"][..], &[]] {
        folder.ok(&[&line[..], more].concat());
        assert!(whole(&folder, "v.npy") == expected);
        assert!(fs::read(&path).unwrap() == before, "it is not touched");
    }
    drop(alive);
    assert!(table.is_file());
}
