//! `fishervec scan`: the headers of all inputs, read once and written as a list.

use crate::args::{OnError, ScanArguments};
use crate::arrays::Arrays;
use crate::destination;
use crate::exit::{DONE, SKIPPED, usage_error};
use crate::headers::{PassedOver, contents};
use crate::inputs::{refuse_arrays, tell_about};
use crate::listing::{File, Kind, Listing};
use crate::progress::{Progress, Task, counted};
use anyhow::bail;
use fishervec::Result;
use fishervec::io::{Contents, List, ListedFile, Stamp};
use fishervec::run::Threads;
use std::path::Path;

/// The number of files that a thread opens one after the other.
const TOGETHER: usize = 64;

pub(crate) fn run(arguments: &ScanArguments) -> anyhow::Result<i32> {
    let progress = Progress::new(arguments.running.quiet);
    let output = &arguments.output;
    check_output(output)?;
    let inputs = &arguments.input;
    if let Some(list) = inputs.inputs.iter().find(|path| List::is_one(path)) {
        usage_error!("{} is a list already: give it to the next command", list.display());
    }
    let listing = Listing::new(&inputs.inputs, None)?;
    let kind = listing.kind(inputs.kind)?;
    let arrays = inputs.arrays(kind == Kind::Images);
    tell_about(&listing, kind, progress);
    let (paths, files) = listing.files(kind)?;
    refuse_arrays(&arrays, &files.iter().map(|file| file.path.as_path()).collect::<Vec<_>>())?;

    let task = progress.start("scanning", files.len(), "file");
    let scan = Scan { kind, arrays: &arrays, task: &task };
    let (scanned, passed_over) = scan.all(&files, &arguments.running.threads()?)?;
    task.finish(progress);
    if let Some(warning) = passed_over.warning() {
        progress.warning(&warning);
    }
    let mut list = List { array: arrays.array, positions: arrays.positions, ..List::default() };
    let folders = numbered_folders(&paths, &mut list);
    let mut skipped = 0;
    for (file, scanned) in files.into_iter().zip(scanned) {
        match scanned {
            Ok((stamp, contents)) => {
                list.files.push(ListedFile { path: file.path, folder: folders[file.input], stamp, contents });
            }
            Err(error) if arguments.on_error == OnError::Skip => {
                progress.warn(&format!("skipped: {error}"));
                skipped += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
    if list.files.is_empty() {
        bail!("none of the files could be opened");
    }
    list.save(output, inputs.root.as_deref())?;
    progress.note(&closing(output, &list, skipped));
    Ok(if skipped > 0 { SKIPPED } else { DONE })
}

fn check_output(output: &Path) -> anyhow::Result<()> {
    if output.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("jsonl")) {
        usage_error!("--output: expected a name ending in .jsonl, got {}", output.display());
    }
    if output.is_file() && !List::is_one(output) {
        bail!("{} would be replaced, and scan did not write it: choose another --output", output.display());
    }
    destination::check("--output", output)
}

/// What a file holds, or why it cannot be opened.
type Scanned = Result<(Stamp, Contents)>;

/// What scanning needs in addition to a file.
struct Scan<'a> {
    kind: Kind,
    arrays: &'a Arrays,
    task: &'a Task,
}

impl Scan<'_> {
    /// What each file holds, in order. Opening waits for the disk, so several threads do it.
    fn all(&self, files: &[File], threads: &Threads) -> Result<(Vec<Scanned>, PassedOver)> {
        let mut parts: Vec<(Vec<Scanned>, PassedOver)> = Vec::new();
        parts.resize_with(files.len().div_ceil(TOGETHER), Default::default);
        let work = files.chunks(TOGETHER).zip(&mut parts).collect();
        threads.for_each(work, &|_, (files, (scanned, passed_over)): (&[File], &mut (Vec<_>, _))| {
            for file in files {
                scanned.push(contents(&file.path, self.kind, self.arrays.given(), passed_over));
                self.task.advance(1);
            }
            Ok(())
        })?;
        let (mut all, mut passed_over) = (Vec::with_capacity(files.len()), PassedOver::default());
        for (scanned, later) in parts {
            all.extend(scanned);
            passed_over.extend(later);
        }
        Ok((all, passed_over))
    }
}

/// Gives the list its folders; the number of each input among them, if it is one.
fn numbered_folders(paths: &[std::path::PathBuf], list: &mut List) -> Vec<Option<usize>> {
    let number = |path: &std::path::PathBuf| {
        path.is_dir().then(|| {
            list.folders.push(path.clone());
            list.folders.len() - 1
        })
    };
    paths.iter().map(number).collect()
}

fn closing(output: &Path, list: &List, skipped: usize) -> String {
    let files = counted(list.files.len(), "file");
    let sets = match list.n_rows() {
        Some(rows) => format!(", {}, {}", counted(list.n_sets(), "set"), counted(rows, "descriptor")),
        None => " of images".to_owned(),
    };
    let skipped = if skipped > 0 { format!("; {skipped} skipped") } else { String::new() };
    format!("Wrote {} ({files}{sets}{skipped}), id {:016x}", output.display(), list.id())
}
