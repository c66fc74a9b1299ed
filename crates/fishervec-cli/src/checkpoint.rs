//! What a long fit has done so far, in a hidden file beside its model, from which `--resume` goes on.

use crate::args::{BasicArguments, FitArguments, FitRunning};
use crate::inputs::Inputs;
use crate::progress::Progress;
use fishervec::io::{Staged, commit};
use fishervec::run::{Isa, Keep, Kept};
use fishervec::{Pipeline, Result};
use serde_json::{Map, Value};
use std::fmt::Debug;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// The name under which a pipeline is kept whose fit is done, but for an empirical information.
const FITTED: &str = "fitted";

/// What a fit has done so far, saved every few seconds.
pub(crate) struct Checkpoint {
    path: PathBuf,
    pause: Duration,
    /// When it was saved, or the fit began.
    saved: Instant,
    kept: Kept,
    progress: Progress,
}

impl Checkpoint {
    /// The state of the fit that the arguments ask for: what an earlier run has left of it if they say
    /// `--resume`, or else nothing.
    pub(crate) fn begin(arguments: &FitArguments, about: Map<String, Value>, progress: Progress) -> Self {
        let path = place(&arguments.basic.output);
        let mut kept = Kept { about, ..Kept::default() };
        let shown = path.display();
        match (arguments.running.resume, fs::read(&path)) {
            (false, Ok(_)) => progress.note(&format!(
                "{shown} is what an earlier run has done, which --resume would go on from; starting anew"
            )),
            (false, Err(_)) => {}
            (true, Err(error)) if error.kind() == ErrorKind::NotFound => {
                progress.note(&format!("{shown} is not there; starting anew"));
            }
            (true, found) => {
                match found.map_err(anyhow::Error::from).and_then(|bytes| belonging(&bytes, &kept)) {
                    Ok(found) => {
                        progress.note(&format!("going on from {shown}"));
                        kept = found;
                    }
                    Err(reason) => progress.warning(&format!("{shown}: {reason}; starting anew")),
                }
            }
        }
        let pause = Duration::try_from_secs_f64(arguments.running.checkpoint).unwrap_or(Duration::MAX);
        Checkpoint { path, pause, saved: Instant::now(), kept, progress }
    }

    /// The pipeline whose fit is done, if it is.
    pub(crate) fn fitted(&self) -> Option<Pipeline> {
        Pipeline::from_bytes(self.get(FITTED)?).ok()
    }

    /// Keeps a pipeline whose fit is done, and nothing else.
    pub(crate) fn keep_fitted(&mut self, pipeline: &Pipeline) -> Result<()> {
        let bytes = pipeline.to_bytes()?;
        self.kept.stages.clear();
        self.put(FITTED, bytes);
        Ok(())
    }

    /// Removes the file: the model is written.
    pub(crate) fn remove(self) {
        // If it stays, the next --resume writes the same model again.
        let _ = fs::remove_file(&self.path);
    }

    fn save(&self) -> Result<()> {
        let mut file = Staged::create(&self.path)?;
        file.append(&self.kept.to_bytes()?)?;
        commit([file])
    }
}

impl Keep for Checkpoint {
    fn get(&self, name: &str) -> Option<&[u8]> {
        self.kept.stages.get(name).map(Vec::as_slice)
    }

    fn put(&mut self, name: &str, bytes: Vec<u8>) {
        self.kept.stages.insert(name.to_owned(), bytes);
        if self.is_due() {
            // The fit itself is not harmed.
            if let Err(error) = self.save() {
                self.progress.warning(&format!("the fit goes on, but its state cannot be saved: {error}"));
            }
            self.saved = Instant::now();
        }
    }

    fn is_due(&self) -> bool {
        self.saved.elapsed() >= self.pause
    }
}

/// The file beside a model: hidden, so that no folder of inputs has it.
pub(crate) fn place(model: &Path) -> PathBuf {
    let name = model.file_name().unwrap_or_default().to_string_lossy();
    model.with_file_name(format!(".{name}.state"))
}

/// What was kept of the same fit.
///
/// # Errors
/// Why there is none.
fn belonging(bytes: &[u8], own: &Kept) -> anyhow::Result<Kept> {
    let kept = Kept::from_bytes(bytes)?;
    let differs = |(name, value): &(&String, &Value)| kept.about.get(*name) != Some(*value);
    match own.about.iter().find(differs) {
        Some((name, _)) => anyhow::bail!("it is the state of a fit with another {name}"),
        None => Ok(kept),
    }
}

/// What decides the bytes of a fit to these inputs, by name.
pub(crate) fn about(
    arguments: &FitArguments,
    inputs: &Inputs,
    real: &str,
    groups: &[String],
) -> Map<String, Value> {
    let FitArguments { input: _, labels: _, basic, encoder, mixture, position, images, running, given: _ } =
        arguments;
    let FitRunning { on_error: _, checkpoint: _, resume: _, common: _ } = running;
    let BasicArguments {
        output: _,
        encoder: kind,
        components,
        pca,
        whiten,
        rows,
        sample,
        polish,
        stream,
        balance,
        seed,
    } = basic;
    let text = |value: &dyn Debug| Value::from(format!("{value:?}"));
    let hashed = |bytes: &[u8]| Value::from(format!("{:016x}", xxh3_64(bytes)));
    [
        ("version of fishervec", env!("CARGO_PKG_VERSION").into()),
        ("instruction set", Isa::active().name().into()),
        ("float type", real.into()),
        ("list of files, or files that have changed", hashed(&stamp(inputs).to_le_bytes())),
        ("array or positions", text(&inputs.arrays)),
        ("kind of images", text(&inputs.images)),
        ("--encoder", text(kind)),
        ("--components", text(components)),
        ("--pca", text(&(pca, whiten))),
        ("--rows", text(rows)),
        ("--sample", text(sample)),
        ("--polish", text(polish)),
        ("--stream", text(stream)),
        ("--balance", text(balance)),
        ("set of groups", hashed(groups.join("\0").as_bytes())),
        ("--seed", text(seed)),
        ("option of the encoder", text(encoder)),
        ("option of the mixture", text(mixture)),
        ("option of positions", text(position)),
        ("option of images", text(images)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into_iter()
    .collect()
}

/// A number that changes with the names, the sizes or the times of the files, or the shapes of their sets.
fn stamp(inputs: &Inputs) -> u64 {
    let mut hash = Xxh3::new();
    for (path, stamp) in inputs.files.iter().zip(&inputs.stamps) {
        hash.update(format!("{path:?} {stamp:?}\n").as_bytes());
    }
    for set in &inputs.sets {
        hash.update(format!("{set:?}\n").as_bytes());
    }
    hash.digest()
}
