//! What the command says about its options: help, completions, manual pages, wrong usage, and the live page.

#[allow(dead_code, reason = "a toolbox for all test files")]
mod common;

use common::{BINARY, Folder};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

const VERBS: [&str; 15] = [
    "",
    "scan",
    "fit",
    "sample",
    "encode",
    "join",
    "accumulate",
    "maximize",
    "inspect",
    "report",
    "evaluate",
    "explain",
    "explore",
    "completions",
    "man",
];

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn short_help_fits_a_screen_and_long_help_has_everything() {
    let folder = Folder::new();
    for verb in VERBS {
        let line: Vec<&str> = [verb, "-h"].into_iter().filter(|word| !word.is_empty()).collect();
        let done = folder.command(BINARY).args(line).env("COLUMNS", "100").output().unwrap();
        let told = String::from_utf8(done.stdout).unwrap();
        assert!(told.lines().count() <= 60, "{verb}: {} lines", told.lines().count());
        assert!(told.lines().all(|line| line.chars().count() <= 100), "{told}");
    }
    let (short, long) = (folder.ok(&["fit", "-h"]).stdout, folder.ok(&["fit", "--help"]).stdout);
    let heads = ["Basic:", "Encoder:", "Mixture:", "Position:", "Images:", "Running:"];
    for told in [&short, &long] {
        let found: Vec<&str> = told.lines().filter(|line| heads.contains(line)).collect();
        assert_eq!(found, heads);
        let running = told.split("Running:").nth(1).unwrap();
        assert!(
            ["--threads", "--quiet", "--on-error"].iter().all(|option| running.contains(option)),
            "{told}"
        );
        assert!(!told.contains("--carry"), "a deprecated option is not advertised");
    }
    for rare in ["--variance-floor", "--bins", "--mass", "--threshold", "--n-init"] {
        assert!(long.contains(rare) && !short.contains(rare), "{rare}");
    }
}

#[test]
fn help_is_given_whatever_stands_before_it() {
    let folder = Folder::new();
    let short = folder.ok(&["fit", "-h"]).stdout;
    for before in [
        &["x", "-o", "m", "--components", "3"][..],
        &["x", "-o", "m", "--components", "many"],
        &["x", "-o", "m", "--components"],
        &["x", "--nonsense", "--tol", "-1"],
    ] {
        assert_eq!(folder.ok(&[&["fit"], before, &["-h"]].concat()).stdout, short, "{before:?}");
    }
    let long = folder.ok(&["encode", "x", "--on-error", "what", "--help"]).stdout;
    assert_eq!(long, folder.ok(&["encode", "--help"]).stdout);
    // After -- it is the name of a file.
    assert!(folder.fails(1, &["fit", "-o", "m", "--", "-h"]).starts_with("error: -h: "));
}

/// Every option of `fit` that takes a value, with a wrong one and what is expected.
const WRONG: [(&str, &str, &str); 31] = [
    ("--components", "many", "a whole number of at least 1"),
    ("-k", "0", "a whole number of at least 1"),
    ("--encoder", "fischer", "one of fisher, pooling, vlad, bow, h2t"),
    ("--pca", "-2", "a whole number of at least 1, or none"),
    ("--rows", "l3", "one of none, l2, rootsift"),
    ("--sample", "-1", "a whole number of at least 1"),
    ("--balance", "class", "one of set, folder, label"),
    ("--seed", "-1", "a whole number from 0 to 2^64 - 1"),
    ("--convention", "mine", "one of sanchez, gist, vlfeat, scikit-image"),
    ("--information", "x", "one of none, closed-form, empirical, empirical-centred"),
    ("--information-sets", "0", "a whole number of at least 1"),
    ("--gradients", "w,w", "some of w, m and v, each at most once, such as m,v"),
    ("--assignment", "x", "one of hard, soft"),
    ("--power", "0", "a number above 0"),
    ("--norm", "l1", "one of none, l2, intra+l2"),
    ("--threshold", "-0.5", "a number from 0 to 1"),
    ("--max-iter", "1.5", "a whole number of at least 1"),
    ("--tol", "-1", "a number of at least 0"),
    ("--variance-floor", "nan", "a number of at least 0"),
    ("--reg-covar", "-1e-3", "a number of at least 0"),
    ("--n-init", "0", "a whole number of at least 1"),
    ("--init", "x", "one of k-means, random"),
    ("--position-columns", "-1", "a whole number of at least 0"),
    ("--spatial", "0", "a whole number of at least 1"),
    ("--features", "surf", "one of dsift, patches"),
    ("--bins", "4,x", "a whole number of at least 1"),
    ("--window", "x", "one of flat, gaussian"),
    ("--color", "x", "one of grey, rgb"),
    ("--max-side", "-1", "a whole number of at least 0"),
    ("--on-error", "x", "one of fail, skip"),
    ("-j", "0", "a whole number of at least 1"),
];

#[test]
fn a_wrong_value_is_told_in_plain_words_and_once() {
    let folder = Folder::new();
    for (option, value, expected) in WRONG {
        let told = folder.fails(2, &["fit", "x", "-o", "m", option, value]);
        let name = match option {
            "-k" => "--components",
            "-j" => "--threads",
            long => long,
        };
        let got = value.split(',').next_back().filter(|_| option == "--bins").unwrap_or(value);
        let (first, rest) = told.split_once('\n').unwrap();
        let line = format!("error: {name}: expected {expected}, got {got}");
        assert!(first == line || first.starts_with(&format!("{line}; did you mean")), "{first}");
        assert_eq!(rest, "See `fishervec fit -h`.\n");

        let told = folder.fails(2, &["fit", "x", "-o", "m", option]);
        assert!(told.starts_with(&format!("error: {name}: expected {expected}, got nothing\n")), "{told}");
    }
}

#[test]
fn other_wrong_usage_is_told_in_plain_words() {
    let folder = Folder::new();
    for (line, expected) in [
        (
            &["frobnicate"][..],
            "unknown command frobnicate: expected one of scan, fit, sample, encode, join, accumulate, maximize, inspect, report, evaluate",
        ),
        (&["evalute", "x"], "unknown command evalute: expected one of"),
        (
            &["fit", "x", "-o", "m", "--component", "3"],
            "unknown option --component; did you mean --components?",
        ),
        (&["fit", "x", "-o", "m", "-z"], "unknown option -z\n"),
        (&["fit", "x", "-o", "m", "--whiten=3"], "--whiten: expected no value, got 3"),
        (&["fit", "x", "-o", "m", "--tol", "1", "--tol", "2"], "--tol: given more than once"),
        (&["fit", "x", "-o"], "--output: expected a path, got nothing"),
        (&["fit", "-o", "m"], "missing <INPUT>..."),
        (&["encode", "x"], "missing --model <MODEL.safetensors>, --output <NAME.npy>"),
        (&["inspect", "a", "b c"], "unexpected argument b c\n"),
        (&["completions", "csh"], "SHELL: expected one of bash, elvish, fish, powershell, zsh, got csh"),
        (&["evaluate", "v.npy", "-k", "0"], "--k: expected a whole number of at least 1, got 0"),
    ] {
        let told = folder.fails(2, line);
        assert!(told.starts_with(&format!("error: {expected}")), "{told}");
        assert!(told.contains("\nSee `fishervec") && !told.contains("For more information"), "{told}");
    }
}

#[test]
fn options_without_effect_are_told() {
    let folder = Folder::new();
    folder.npy("data/x.npy", 200, 4, 1);
    for (line, expected) in [
        (&["--mass"][..], "--mass has no effect with --encoder fisher"),
        (&["--assignment", "hard"], "--assignment has no effect with --encoder fisher"),
        (&["--encoder", "vlad", "--convention", "gist"], "--convention has no effect with --encoder vlad"),
        (&["--encoder", "bow", "--tol", "1"], "--tol has no effect with --encoder bow --assignment hard"),
        (&["--encoder", "pooling", "-k", "2"], "--components has no effect with --encoder pooling"),
        (&["--information-sets", "9"], "--information-sets has no effect without --information empirical"),
        (&["--color", "rgb"], "--color has no effect with descriptor files"),
        (&["--position-columns", "1"], "--position-columns has no effect without --rows, --pca"),
    ] {
        let k = if line.contains(&"-k") { &[][..] } else { &["-k", "2"] };
        let told = folder.ok(&[&["fit", "data", "-o", "m.safetensors", "-q"], line, k].concat()).stderr;
        let warning = format!("warning: {expected}");
        assert!(
            told.lines().any(|line| line.starts_with(&warning) && line.ends_with("; leave it out")),
            "{told}"
        );
    }
    for line in [
        &["--encoder", "vlad", "--mass"][..],
        &["--encoder", "bow", "--assignment", "soft", "--tol", "1"],
        &["--convention", "gist", "--gradients", "m", "--threshold", "0", "--max-iter", "90"],
        &["--rows", "l2", "--position-columns", "1"],
    ] {
        let fit = ["fit", "data", "-o", "m.safetensors", "-q", "-k", "2"];
        let told = folder.ok(&[&fit[..], line].concat()).stderr;
        assert!(!told.contains("no effect"), "{line:?}: {told}");
    }
}

#[test]
fn the_old_name_of_position_columns_still_works() {
    let folder = Folder::new();
    folder.npy("data/x.npy", 200, 6, 1);
    let fit = |model: &str, option: &str| {
        let line = ["fit", "data", "-o", model, "-k", "2", "--pca", "3", "-q", option, "2"];
        (folder.ok(&line).stderr, std::fs::read(folder.path(model)).unwrap())
    };
    let ((old, a), (new, b)) = (fit("a.safetensors", "--carry"), fit("b.safetensors", "--position-columns"));
    assert!(old.contains("warning: --carry is deprecated; use --position-columns 2"), "{old}");
    assert!(a == b && !new.contains("deprecated"), "{new}");
    let both = ["fit", "data", "-o", "c", "--carry", "2", "--position-columns", "2"];
    assert!(folder.fails(2, &both).contains("--position-columns: given more than once"));
}

#[test]
fn completions_are_written_for_each_shell() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let told = folder.ok(&["completions", shell]).stdout;
        for word in ["fishervec", "encode", "components", "rootsift"] {
            assert!(told.contains(word), "{shell}: {word}");
        }
        assert!(!told.contains("carry"), "{shell}");
    }
}

/// The completion script as bash uses it, where there is a bash.
#[cfg(unix)]
#[test]
fn bash_completes_verbs_options_and_values() {
    let folder = Folder::new();
    let script = folder.ok(&["completions", "bash"]).stdout;
    folder.write("completion", script.as_bytes());
    let complete = |line: &str| {
        let code = format!(
            "source ./completion; COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _fishervec fishervec \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; echo ${{COMPREPLY[*]}}"
        );
        let done = folder.command("bash").args(["-c", &code]).output();
        done.ok().map(|done| words(&String::from_utf8(done.stdout).unwrap()))
    };
    let Some(verbs) = complete("fishervec e") else { return };
    assert_eq!(verbs, "encode evaluate explain explore");
    assert_eq!(complete("fishervec fit --comp").unwrap(), "--components");
    assert_eq!(complete("fishervec fit --rows r").unwrap(), "rootsift");
}

#[test]
fn manual_pages_are_printed_or_written() {
    let folder = Folder::new();
    let main = folder.ok(&["man"]).stdout;
    assert!(
        main.starts_with(".") && main.contains(".TH fishervec 1") && main.contains("Exit codes:"),
        "{main}"
    );
    folder.ok(&["man", "-o", "share/man1"]);
    let verbs = &VERBS[1..];
    let pages: Vec<String> = verbs.iter().map(|verb| format!("fishervec-{verb}.1")).collect();
    let names = folder.names("share/man1");
    assert_eq!(names.len(), 15, "{names:?}");
    assert!(names.contains(&"fishervec.1".to_owned()) && pages.iter().all(|page| names.contains(page)));
    let page = std::fs::read_to_string(folder.path("share/man1/fishervec-fit.1")).unwrap();
    for part in [
        ".TH fishervec-fit 1",
        ".SH BASIC",
        ".SH RUNNING",
        "variance\\-floor",
        "Smallest variance",
        "fishervec fit clips/",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("carry"));
    folder.write("file", b"");
    assert!(folder.fails(1, &["man", "-o", "file"]).starts_with("error: --output file: "));
}

/// A reader that stops early, as in `| head`, is neither a failure nor a panic.
#[cfg(unix)]
#[test]
fn a_closed_pipe_is_no_failure() {
    let folder = Folder::new();
    for line in [&["completions", "zsh"][..], &["man"], &["--help"], &["fit", "--help"]] {
        let mut command = folder.command(BINARY);
        let mut child = command.args(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let done = child.wait_with_output().unwrap();
        let told = String::from_utf8(done.stderr).unwrap();
        assert!(done.status.success() && told.is_empty(), "{line:?}: {told}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let folder = Folder::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let done = folder.command(BINARY).arg("man").stdout(full).output().unwrap();
    assert_eq!(done.status.code(), Some(1));
    let told = String::from_utf8(done.stderr).unwrap();
    assert!(told.starts_with("error: the standard output cannot be written: "), "{told}");
}

/// `fishervec explore` that runs, and is ended with the test.
struct Explore {
    process: Child,
    address: String,
}

impl Explore {
    fn start(line: &[&str]) -> Self {
        let mut command = Command::new(BINARY);
        let hidden = ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"];
        for name in hidden {
            command.env_remove(name);
        }
        let pipes = command.arg("explore").args(line).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = pipes.spawn().unwrap();
        let mut told = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut told).unwrap();
        let address = told.trim().strip_prefix("http://").unwrap().strip_suffix('/').unwrap().to_owned();
        Explore { process, address }
    }

    /// Sends a request, and returns the head and the body of the answer.
    fn ask(&self, request: &str) -> (String, String) {
        let mut client = TcpStream::connect(&self.address).unwrap();
        write!(client, "{request} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }
}

impl Drop for Explore {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn the_live_page_is_served_to_this_machine() {
    let page = include_str!("../src/explore/page.html");
    let explore = Explore::start(&["--no-open"]);
    assert!(explore.address.starts_with("127.0.0.1:"), "{}", explore.address);
    // One that never asks keeps nobody waiting.
    let _silent = TcpStream::connect(&explore.address).unwrap();
    for path in ["/", "/index.html", "/?from=docs"] {
        let (head, body) = explore.ask(&format!("GET {path}"));
        assert!(
            head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("text/html; charset=utf-8"),
            "{head}"
        );
        assert!(head.contains(&format!("Content-Length: {}", page.len())) && body == page);
    }
    let (head, body) = explore.ask("HEAD /");
    assert!(head.starts_with("HTTP/1.1 200 OK") && body.is_empty());
    assert!(explore.ask("GET /../../etc/passwd").0.starts_with("HTTP/1.1 404 "));
    assert!(explore.ask("POST /").0.starts_with("HTTP/1.1 405 "));
    assert!(explore.ask("nonsense").0.starts_with("HTTP/1.1 405 "));
    assert!(explore.ask(&format!("GET /{}", "x".repeat(10_000))).0.starts_with("HTTP/1.1 404 "));
}

#[test]
fn the_live_page_is_served_where_no_browser_opens() {
    let mut explore = Explore::start(&[]);
    let mut told = String::new();
    BufReader::new(explore.process.stderr.take().unwrap()).read_line(&mut told).unwrap();
    assert!(told.starts_with("A browser needs a screen, and none was found: "), "{told}");
    assert!(explore.ask("GET /").0.starts_with("HTTP/1.1 200 OK"));
    let port = explore.address.split(':').nth(1).unwrap();
    let folder = Folder::new();
    let told = folder.fails(1, &["explore", "--no-open", "--port", port]);
    assert!(
        told.starts_with(&format!("error: --port {port}: ")) && told.contains("choose another"),
        "{told}"
    );
    for port in ["0", "-1", "65536", "http"] {
        let told = folder.fails(2, &["explore", "--port", port]);
        assert!(told.contains("--port") && told.contains(port), "{told}");
    }
}
