//! Encodings and tasks that are killed again and again, and whose parts are damaged, end with the bytes of an
//! undisturbed run.
//!
//! `make kills-encode` runs this with `FISHERVEC_KILLS=50`; without, each run is made once.
#![cfg(unix)]

#[allow(dead_code, reason = "a toolbox for all test files")]
mod common;
#[path = "common/kills.rs"]
mod kills;

use common::{BINARY, Folder, floats, integers};
use kills::{MOST, Random, asked, damage, kill, told};
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What happened.
#[derive(Debug, Default)]
struct Count {
    runs: usize,
    kills: usize,
    damaged: usize,
    resumed: usize,
    anew: usize,
}

/// The number of runs, each of which is killed up to six times.
fn runs() -> usize {
    asked(1)
}

/// Many sets of odd lengths, with labels, and a model of them.
fn collection() -> Folder {
    let folder = Folder::new();
    for file in 0..3 {
        let lengths: Vec<i64> = (0..3000).map(|i| (i * 7 + file) % 40).collect();
        let labels: Vec<i64> = (0..3000).map(|i| i % 5).collect();
        let rows = lengths.iter().sum::<i64>() as usize;
        let batch = [
            ("lengths", integers(&lengths)),
            ("X", floats(rows, 8, file as usize)),
            ("y", integers(&labels)),
        ];
        folder.npz(&format!("data/{file}.npz"), &batch);
    }
    folder.ok(&["fit", "data", "-o", "m.safetensors", "-k", "16", "--sample", "4000"]);
    folder.ok(&["scan", "data", "-o", "list.jsonl"]);
    folder
}

/// A run that logs what it has done every few milliseconds.
fn command(folder: &Folder, line: &[&str]) -> Command {
    let mut command = folder.command(BINARY);
    command.args(line).env("FISHERVEC_LOG_SECONDS", "0.002");
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

fn hidden(folder: &Folder) -> Vec<String> {
    folder.names(".").into_iter().filter(|name| name.starts_with('.')).collect()
}

/// Kills encodings with these options until there were enough runs.
fn torment(name: &str, options: &[&str], runs: usize) -> Count {
    let folder = collection();
    let (stem, ending) = name.split_once('.').unwrap();
    let encode = ["encode", "list.jsonl", "-m", "m.safetensors", "-j", "1", "-o"];
    let expected = format!("expected.{ending}");
    // Other processes may slow one of them down.
    let times = [0; 3].map(|_| {
        let started = Instant::now();
        told(command(&folder, &[&encode[..], &[&expected], options].concat()).spawn().unwrap());
        started.elapsed().as_secs_f64()
    });
    let full = times.into_iter().fold(f64::INFINITY, f64::min);
    let files = |stem: &str| {
        ["csv", "labels.npy", "json", ending].map(|end| fs::read(folder.path(&format!("{stem}.{end}"))).ok())
    };
    let line = [&encode[..], &[name], options, &["--resume"]].concat();
    let (mut random, mut count) = (Random(5), Count::default());
    while count.runs < runs {
        for _ in 0..MOST {
            let output = kill(command(&folder, &line).spawn().unwrap(), full, &mut random);
            let told = String::from_utf8_lossy(&output.stderr);
            count.resumed += usize::from(told.contains("Going on after"));
            count.anew += usize::from(told.contains("starting anew"));
            if output.status.success() {
                break;
            }
            count.kills += 1;
            // Nothing half-written has its name.
            let there = folder.path(name).exists();
            assert!(!there || files(stem)[3] == files("expected")[3], "a torn file has its name");
            let parts = hidden(&folder);
            if random.uniform() < 0.4 && !parts.is_empty() {
                damage(&folder.path(&parts[random.below(parts.len())]), &mut random);
                count.damaged += 1;
            }
        }
        let told = told(command(&folder, &line).spawn().unwrap());
        count.resumed += usize::from(told.contains("Going on after"));
        count.runs += 1;
        assert!(files(stem) == files("expected"), "{options:?}: {told}");
        let left: Vec<String> = hidden(&folder).into_iter().filter(|name| !name.ends_with(".tmp")).collect();
        assert!(left.is_empty(), "{left:?}");
        for end in [ending, "csv", "labels.npy", "json"] {
            fs::remove_file(folder.path(&format!("{stem}.{end}"))).ok();
        }
    }
    println!("{name} {options:?}: {count:?}, a full run takes {full:.2} s");
    count
}

#[test]
fn an_encoding_survives_kills_and_damage() {
    let count = torment("v.npy", &[], runs());
    assert!(count.kills > 0 && count.resumed > 0, "{count:?}");
}

#[test]
fn a_shard_survives_kills_and_damage() {
    let count = torment("v.npy", &["--shard", "2/3"], runs().div_ceil(4));
    assert!(count.kills > 0, "{count:?}");
}

#[test]
fn vectors_of_the_other_format_survive_kills_and_damage() {
    let count = torment("v.fvecs", &["--on-error", "skip"], runs().div_ceil(4));
    assert!(count.kills > 0 && count.resumed > 0, "{count:?}");
}

/// Shards in a random order, some twice, some killed and queued again.
#[test]
fn shards_of_a_round_survive_a_rough_scheduler() {
    let folder = collection();
    folder.ok(&["fit", "list.jsonl", "-o", "0.safetensors", "-k", "8", "--sample", "2000", "--tol", "0"]);
    let accumulate = ["accumulate", "list.jsonl", "-m", "0.safetensors", "-o"];
    folder.ok(&[&accumulate[..], &["whole.stats"]].concat());
    folder.ok(&["maximize", "whole.stats", "-m", "0.safetensors", "-o", "expected.safetensors"]);
    let expected = fs::read(folder.path("expected.safetensors")).unwrap();
    let mut random = Random(11);
    let (mut killed, mut twice) = (0, 0);
    let all: &[usize] = if runs() > 10 { &[1, 4, 5, 64] } else { &[1, 5] };
    for of in all.iter().copied() {
        let mut queue: Vec<usize> = (1..=of).collect();
        queue.extend((1..=of).filter(|_| random.uniform() < 0.2).inspect(|_| twice += 1).collect::<Vec<_>>());
        while !queue.is_empty() {
            let shard = queue.swap_remove(random.below(queue.len()));
            let (number, part) = (format!("{shard}/{of}"), format!("{of}.{shard}.stats"));
            let line = [&accumulate[..], &[&part, "--shard", &number]].concat();
            let mut child = command(&folder, &line).spawn().unwrap();
            if random.uniform() < 0.4 {
                std::thread::sleep(Duration::from_secs_f64(0.04 * random.uniform()));
                child.kill().unwrap();
                if !child.wait().unwrap().success() {
                    killed += 1;
                    queue.push(shard);
                }
            } else {
                told(child);
            }
        }
        let mut parts: Vec<String> = (1..=of).map(|shard| format!("{of}.{shard}.stats")).collect();
        parts.sort_by_cached_key(|_| random.below(1000));
        let next = format!("{of}.safetensors");
        let line = ["maximize", "-m", "0.safetensors", "-o", &next];
        folder.ok(&line.into_iter().chain(parts.iter().map(String::as_str)).collect::<Vec<_>>());
        assert!(fs::read(folder.path(&next)).unwrap() == expected, "{of} shards");
        // Each of them is there: nothing is read again.
        let told = folder.ok(&[&accumulate[..], &[&parts[0]]].concat()).stderr;
        assert!(told.contains("there already") || of > 1, "{told}");
    }
    println!("{killed} killed, {twice} twice, of 1, 4, 5 and 64 shards");
    assert!(killed > 0);
}

#[test]
fn a_part_that_is_there_is_not_computed_again_unless_something_is_newer() {
    let folder = collection();
    let line = ["accumulate", "data", "-m", "m.safetensors", "-o", "p.stats", "--shard", "2/3"];
    let run = |more: &[&str]| folder.ok(&[&line[..], more].concat()).stderr;
    let (there, wrote) = ("p.stats is there already; --force reads all again", "Wrote p.stats");
    assert!(run(&[]).contains(wrote));
    let bytes = fs::read(folder.path("p.stats")).unwrap();
    assert!(run(&[]).contains(there));
    assert!(run(&["--force"]).contains(wrote));
    // With a list or without is one list of files.
    let listed = ["accumulate", "list.jsonl", "-m", "m.safetensors", "-o", "p.stats", "--shard"];
    assert!(folder.ok(&[&listed[..], &["2/3"]].concat()).stderr.contains(there));
    let changes: [(&str, &dyn Fn()); 5] = [
        ("another shard", &|| drop(folder.ok(&[&listed[..], &["1/3"]].concat()))),
        ("a byte that differs", &|| {
            let mut bytes = bytes.clone();
            let last = bytes.len() - 9;
            bytes[last] ^= 1;
            folder.write("p.stats", &bytes);
        }),
        ("a torn file", &|| folder.write("p.stats", &bytes[..bytes.len() / 2])),
        ("another model", &|| {
            folder.ok(&["fit", "data", "-o", "n.safetensors", "-k", "16", "--sample", "3000"]);
            folder.ok(&["accumulate", "data", "-m", "n.safetensors", "-o", "p.stats", "--shard", "2/3"]);
        }),
        ("a newer file", &|| {
            let bytes = fs::read(folder.path("data/1.npz")).unwrap();
            folder.write("data/1.npz", &bytes);
        }),
    ];
    for (name, change) in changes {
        change();
        assert!(run(&[]).contains(wrote), "{name}");
        assert!(fs::read(folder.path("p.stats")).unwrap() == bytes, "{name}");
        assert!(run(&[]).contains(there), "{name}");
    }
}
