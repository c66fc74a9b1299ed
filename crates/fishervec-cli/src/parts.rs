//! What `encode` has written so far: parts of NAME.npy and NAME.csv beside their place, and a log of what is
//! safely on the disk, so that a later run can go on where this one was killed.

use crate::manifest::Manifest;
use crate::progress::{Progress, counted};
use crate::vector_files::VectorFiles;
use anyhow::anyhow;
use fishervec::io::{Mark, Part, Staged, VectorWriter};
use fishervec::{Error, Result};
use serde_json::{Map, Value, json};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use xxhash_rust::xxh3::xxh3_64;

/// The time between two lines of the log; tests choose a shorter one.
const PAUSE: Duration = Duration::from_secs(5);
const PAUSE_VARIABLE: &str = "FISHERVEC_LOG_SECONDS";

/// What the files of a run look like.
pub(crate) struct Shape {
    pub(crate) n_rows: usize,
    pub(crate) p: usize,
    pub(crate) labels: bool,
    pub(crate) reasons: bool,
}

/// How far a run has got.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Done {
    pub(crate) rows: usize,
    pub(crate) empty: usize,
    pub(crate) skipped: usize,
}

/// The files that are being written.
pub(crate) struct Parts {
    pub(crate) vectors: VectorWriter,
    pub(crate) manifest: Manifest,
    pub(crate) done: Done,
    log: Log,
}

impl Parts {
    /// Begins, or with `resume` goes on from what a run of the same plan has left. What it does not go on
    /// from is removed, unless the process that writes it is alive.
    pub(crate) fn begin(
        names: &VectorFiles,
        shape: &Shape,
        plan: &Map<String, Value>,
        resume: bool,
        progress: Progress,
    ) -> Result<Self> {
        let path = log_path(&names.vectors);
        let left = Left::read(&path);
        match left.map(|left| left.go_on(names, shape, plan, resume)) {
            Some(Ok(parts)) => {
                let (done, left) = (parts.done.rows, shape.n_rows - parts.done.rows);
                let [done, left] = [done, left].map(|rows| counted(rows, "row"));
                progress.note(&format!("Going on after {done}; {left} left"));
                return Ok(parts);
            }
            Some(Err(reason)) if resume => progress.warning(&format!("{reason}; starting anew")),
            Some(Err(reason)) if !reason.is_empty() => progress.note(&reason),
            None if resume => progress.note("Nothing to go on from; starting anew"),
            _ => {}
        }
        let old = [&names.vectors, &names.manifest].map(|path| leftovers(path));
        old.into_iter().flatten().for_each(Part::remove);
        let vectors = Staged::create_part(&names.vectors)?;
        let manifest = Staged::create_part(&names.manifest)?;
        let log = Log::create(path, plan, [&vectors, &manifest], &[])?;
        Ok(Parts {
            vectors: VectorWriter::begin(vectors, shape.n_rows, shape.p)?,
            manifest: Manifest::begin(manifest, shape.labels, shape.reasons)?,
            done: Done::default(),
            log,
        })
    }

    /// Writes what is done to the disk, and then says so in the log, if some time has gone by: vectors,
    /// table, line.
    pub(crate) fn mark_if_due(&mut self) -> Result<()> {
        if self.log.last.elapsed() < self.log.pause {
            return Ok(());
        }
        let line = Line {
            done: self.done,
            vectors: self.vectors.file_mut().mark()?,
            table: self.manifest.file_mut().mark()?,
        };
        self.log.append(&line.text())?;
        self.keep();
        Ok(())
    }

    /// From now on the parts stay where they are if anything fails.
    fn keep(&mut self) {
        self.vectors.file_mut().keep();
        self.manifest.file_mut().keep();
        self.log.keep = true;
        self.log.rows = self.done.rows;
    }

    /// An error, and what can be gone on from.
    pub(crate) fn with_what_is_kept(&self, error: anyhow::Error) -> anyhow::Error {
        match self.log.keep {
            true => {
                let rows = counted(self.log.rows, "row");
                anyhow!("{error}\n{rows} kept: with --resume the same command goes on from there")
            }
            false => error,
        }
    }

    /// The complete files, to be committed, and the log, to be removed then.
    pub(crate) fn finish(self) -> Result<(Staged, Staged, Log)> {
        Ok((self.vectors.finish()?, self.manifest.finish(), self.log))
    }
}

/// The parts of `path` that earlier runs have left, but not those of a run that is alive.
fn leftovers(path: &Path) -> Vec<Part> {
    let start = format!(".{}.", path.file_name().unwrap_or_default().to_string_lossy());
    let is_part = |name: &str| {
        let random = name.strip_prefix(&start).and_then(|rest| rest.strip_suffix(".part"));
        random.is_some_and(|random| {
            random.len() == 6 && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
    };
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let parts = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_part));
    parts.filter_map(|entry| Part::open(&entry.path())).collect()
}

/// The part of `path` that holds most of the marks, and how many. A run that was killed between renaming a
/// part and writing its log has left a part under a name that no log has.
fn best(path: &Path, marks: &[Mark]) -> Option<(usize, Part)> {
    let parts = leftovers(path).into_iter().map(|part| (part.holds(marks), part));
    parts.max_by_key(|(held, _)| *held)
}

/// The name of the log: hidden, beside the vectors.
fn log_path(vectors: &Path) -> PathBuf {
    let name = vectors.file_name().unwrap_or_default().to_string_lossy();
    vectors.with_file_name(format!(".{name}.log"))
}

/// The log of a run. Each line is a hash of its text and the text: the plan and the names of the parts, by
/// which a run knows its own log, and then what is on the disk.
pub(crate) struct Log {
    path: PathBuf,
    file: File,
    head: String,
    /// Whether it has lines that a later run can go on from, and how many rows they have.
    keep: bool,
    rows: usize,
    last: Instant,
    pause: Duration,
}

impl Log {
    /// A log in place of any other.
    fn create(path: PathBuf, plan: &Map<String, Value>, parts: [&Staged; 2], lines: &[Line]) -> Result<Self> {
        let name =
            |part: &Staged| part.temporary().file_name().map(|name| name.to_string_lossy().into_owned());
        let head = checked(&json!({"plan": plan, "parts": parts.map(name)}));
        let mut staged = Staged::create(&path)?;
        staged.append(head.as_bytes())?;
        lines.iter().try_for_each(|line| staged.append(line.text().as_bytes()))?;
        fishervec::io::commit([staged])?;
        let file = File::options().append(true).open(&path).map_err(at(&path))?;
        let seconds = std::env::var(PAUSE_VARIABLE).ok().and_then(|text| text.parse().ok());
        let pause = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).unwrap_or(PAUSE);
        Ok(Log { path, file, head, keep: false, rows: 0, last: Instant::now(), pause })
    }

    fn append(&mut self, line: &str) -> Result<()> {
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        written.map_err(at(&self.path))?;
        self.last = Instant::now();
        Ok(())
    }

    /// Removes the log of a run that is complete.
    pub(crate) fn remove(mut self) {
        self.keep = false;
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // Another run may have put its own in place of this one.
        let is_own = || fs::read(&self.path).is_ok_and(|bytes| bytes.starts_with(self.head.as_bytes()));
        if !self.keep && is_own() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A line of the log: how far the run had got, and what it had appended since the line before.
#[derive(Debug, Clone, Copy)]
struct Line {
    done: Done,
    vectors: Mark,
    table: Mark,
}

impl Line {
    fn text(&self) -> String {
        let mark = |mark: Mark| json!([mark.start, mark.end, mark.hash]);
        let Done { rows, empty, skipped } = self.done;
        checked(&json!({
            "rows": rows, "empty": empty, "skipped": skipped,
            "vectors": mark(self.vectors), "table": mark(self.table),
        }))
    }

    fn of(value: &Value) -> Option<Self> {
        let number = |key: &str| usize::try_from(value[key].as_u64()?).ok();
        let mark = |key: &str| {
            let at = |i: usize| value[key][i].as_u64();
            Some(Mark { start: at(0)?, end: at(1)?, hash: at(2)? })
        };
        let done = Done { rows: number("rows")?, empty: number("empty")?, skipped: number("skipped")? };
        Some(Line { done, vectors: mark("vectors")?, table: mark("table")? })
    }
}

fn checked(value: &Value) -> String {
    let text = value.to_string();
    format!("{:016x} {text}\n", xxh3_64(text.as_bytes()))
}

/// What a log of an earlier run says.
struct Left {
    path: PathBuf,
    plan: Option<Map<String, Value>>,
    lines: Vec<Line>,
}

impl Left {
    /// Reads a log up to the first line that is not whole; `None` if there is no log.
    fn read(path: &Path) -> Option<Self> {
        let bytes = fs::read(path).ok()?;
        let whole = bytes.split_inclusive(|byte| *byte == b'\n').map_while(|line| {
            let text = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
            let (hash, text) = text.split_once(' ')?;
            let matches = u64::from_str_radix(hash, 16) == Ok(xxh3_64(text.as_bytes()));
            serde_json::from_str::<Value>(text).ok().filter(|_| matches)
        });
        let mut whole = whole.fuse();
        let mut left = Left { path: path.to_owned(), plan: None, lines: vec![] };
        if let Some(head) = whole.next() {
            left.plan = head["plan"].as_object().cloned();
            left.lines = whole.map_while(|line| Line::of(&line)).collect();
        }
        Some(left)
    }

    /// Goes on from the last line that holds; or says why not.
    fn go_on(
        mut self,
        names: &VectorFiles,
        shape: &Shape,
        plan: &Map<String, Value>,
        resume: bool,
    ) -> std::result::Result<Parts, String> {
        if !resume {
            let dropped = |line: &Line| {
                let rows = counted(line.done.rows, "row");
                format!("Starting anew: {rows} of an earlier run not used (no --resume)")
            };
            return Err(self.lines.last().map_or_else(String::new, dropped));
        }
        if let Some(reason) = self.difference(plan) {
            return Err(reason);
        }
        let marks = |of: fn(&Line) -> Mark| self.lines.iter().map(of).collect::<Vec<_>>();
        let vectors = best(&names.vectors, &marks(|line| line.vectors));
        let table = best(&names.manifest, &marks(|line| line.table));
        let (Some((held, vectors)), Some((also, table))) = (vectors, table) else {
            return Err("another run is writing these files, or its parts are gone".to_owned());
        };
        self.lines.truncate(held.min(also));
        if self.lines.is_empty() {
            return Err("nothing of what an earlier run has left holds".to_owned());
        }
        self.reopen([vectors, table], names, shape, plan).map_err(|error| error.to_string())
    }

    fn reopen(
        self,
        [vectors, table]: [Part; 2],
        names: &VectorFiles,
        shape: &Shape,
        plan: &Map<String, Value>,
    ) -> Result<Parts> {
        let end = self
            .lines
            .last()
            .map_or((0, 0, Done::default()), |line| (line.vectors.end, line.table.end, line.done));
        let (vectors_end, table_end, done) = end;
        let vectors = vectors.go_on(&names.vectors, vectors_end)?;
        let table = table.go_on(&names.manifest, table_end)?;
        let log = Log::create(self.path, plan, [&vectors, &table], &self.lines)?;
        let mut parts = Parts {
            vectors: VectorWriter::go_on(vectors, shape.n_rows, shape.p, done.rows),
            manifest: Manifest::go_on(table, shape.labels, shape.reasons, done.rows),
            done,
            log,
        };
        parts.keep();
        Ok(parts)
    }

    /// Why a run of this plan would not write the same bytes.
    fn difference(&self, plan: &Map<String, Value>) -> Option<String> {
        let Some(left) = &self.plan else { return Some("the log of an earlier run is damaged".to_owned()) };
        let differs = |key: &&String| plan.get(*key) != left.get(*key);
        let mut fields: Vec<&String> = plan.keys().chain(left.keys()).filter(differs).collect();
        // Other inputs are other files, too.
        fields.sort_by_key(|field| ["sources", "files"].contains(&field.as_str()));
        let field = fields.first()?;
        let what = match field.as_str() {
            "files" => "files have changed since".to_owned(),
            "sources" => "with files written in another way".to_owned(),
            "list" => "of other files".to_owned(),
            "rows" | "of" => "with other groups or labels".to_owned(),
            "reasons" => "with another --on-error".to_owned(),
            "shard" => "of another shard".to_owned(),
            "level" => "with another instruction set".to_owned(),
            "version" => "of another version of fishervec".to_owned(),
            "model" | "p" => "under another model".to_owned(),
            other => format!("with other {other}"),
        };
        Some(format!("the earlier run was another one: {what}"))
    }
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    move |source| Error::Io { path: path.to_owned(), source }
}
