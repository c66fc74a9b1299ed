//! `fishervec inspect`: what a model, or a list of files, holds, as text or as JSON: of a model with the keys
//! of docs/model-format.md.

use crate::args::InspectArguments;
use crate::exit::DONE;
use crate::progress::counted;
use crate::{diagnostics, stdout};
use fishervec::encode::{Codebook, Kind, Spatial};
use fishervec::image::{ImageParams, LocalFeatures};
use fishervec::io::List;
use fishervec::mixture::FitReport;
use fishervec::preprocess::{Pca, Step};
use fishervec::{Encode, GaussianMixture, Pipeline};
use serde_json::{Value, json};
use std::path::Path;

pub(crate) fn run(arguments: &InspectArguments) -> anyhow::Result<i32> {
    if List::is_one(&arguments.model) {
        stdout::print(&about_list(&arguments.model, arguments.json)?)?;
        return Ok(DONE);
    }
    let pipeline = Pipeline::load(&arguments.model)?;
    let text = if arguments.json { format!("{:#}", to_json(&pipeline)) } else { to_text(&pipeline) };
    stdout::print(&text)?;
    Ok(DONE)
}

/// What a list of files holds.
fn about_list(path: &Path, json: bool) -> anyhow::Result<String> {
    let list = List::load(path, None)?;
    let id = format!("{:016x}", list.id());
    let (files, sets, rows, dim) = (list.files.len(), list.n_sets(), list.n_rows(), list.dim());
    if json {
        let about = json!({
            "files": files, "sets": sets, "rows": rows, "dim": dim,
            "folders": list.folders.iter().map(|folder| folder.to_string_lossy()).collect::<Vec<_>>(),
            "array": list.array, "positions": list.positions, "id": id,
        });
        return Ok(format!("{about:#}"));
    }
    let unknown = "of different numbers of columns, or none that tell it".to_owned();
    let descriptors = rows.map_or_else(
        || line("images", files.to_string()),
        |rows| {
            let columns = dim.map_or(unknown, |dim| format!("{dim} columns"));
            line("descriptors", format!("{rows} in {}, {columns}", counted(sets, "set")))
        },
    );
    let folders = list.folders.iter().map(|folder| folder.display().to_string());
    let arrays = [("array", &list.array), ("positions", &list.positions)];
    let lines = [line("list", format!("{}, id {id}", counted(files, "file"))), descriptors];
    let folders = folders.map(|folder| line("folder", folder));
    let arrays = arrays.into_iter().filter_map(|(name, array)| Some(line(name, array.clone()?)));
    Ok(lines.into_iter().chain(folders).chain(arrays).collect::<Vec<_>>().join("\n"))
}

/// All that a model holds, except its arrays.
pub(crate) fn to_json(pipeline: &Pipeline) -> Value {
    let step = |step: &Step| match step {
        Step::PositionColumns(n) => json!({"kind": "carry", "columns": n}),
        Step::Rows(norm) => json!({"kind": "rows", "norm": norm.name()}),
        Step::Pca(pca) => json!({
            "kind": "pca",
            "components": pca.components().nrows(),
            "whiten": pca.whiten(),
            "explained_variance_ratio": explained(pca),
        }),
    };
    json!({
        "images": pipeline.images(),
        "dim": pipeline.input_dim(),
        "length": pipeline.output_dim(),
        "steps": pipeline.steps().iter().map(step).collect::<Vec<_>>(),
        "pyramid": pipeline.pyramid().map(|pyramid| json!({
            "grids": pyramid.grids().to_string(),
            "low": pyramid.low(),
            "high": pyramid.high(),
        })),
        "encoder": encoder(pipeline),
        "fit": pipeline.fit_report(),
        "diagnostics": diagnosed(pipeline),
    })
}

/// The settings of the encoder as they are in the file, and what it learned.
fn encoder(pipeline: &Pipeline) -> Value {
    let encoder = pipeline.encoder();
    let mut about = encoder.settings();
    about.remove("spatial");
    about.insert("dim".to_owned(), json!(encoder.input_dim()));
    if let Some(mixture) = encoder.mixture() {
        about.insert("components".to_owned(), json!(mixture.n_components()));
    }
    if about.contains_key("information") || encoder.spatial().is_some() {
        about.insert("location".to_owned(), location(encoder.spatial()));
    }
    // A codebook has no weights of its own, and its file no hash that means anything to statistics.
    if let (None, Some(mixture)) = (encoder.codebook(), encoder.mixture()) {
        about.insert("mixture".to_owned(), json!(format!("{:016x}", mixture.id())));
        about.insert("weights".to_owned(), json!(mixture.weights().to_vec()));
    }
    Value::Object(about)
}

/// The location model; null without one.
fn location(spatial: Option<&Spatial>) -> Value {
    spatial.map(Spatial::location).map_or(Value::Null, |location| {
        json!({
            "weights": location.weights().to_vec(),
            "means": location.means().outer_iter().map(|row| row.to_vec()).collect::<Vec<_>>(),
            "covariances": location.covariances().outer_iter().map(|row| row.to_vec()).collect::<Vec<_>>(),
        })
    })
}

/// Whether a fitted mixture can be trusted; null without such a fit.
fn diagnosed(pipeline: &Pipeline) -> Value {
    let Some((mixture, report)) = diagnostics::fitted(pipeline) else { return Value::Null };
    let per_component: Vec<f64> = mixture.weights().iter().map(|w| w * report.n).collect();
    let balance = mixture.balance();
    json!({
        "rows_per_component": report.n / per_component.len() as f64,
        "effective_rows": per_component,
        "dead_components": report.dead.len(),
        "balance": {
            "largest_share": balance.largest_share,
            "effective_components": balance.effective,
            "dead": balance.dead,
            "doubled": balance.doubled,
        },
        "more_rows_would_help": report.n / (per_component.len() as f64) < diagnostics::ENOUGH_ROWS,
        "softness": report.softness,
        "dropped_bound": report.dropped,
        "warnings": diagnostics::warnings(pipeline),
    })
}

/// The share of the variance that a projection keeps.
pub(crate) fn explained(pca: &Pca) -> f64 {
    let total = pca.total_variance();
    if total > 0.0 { pca.explained_variance().sum() / total } else { 1.0 }
}

fn to_text(pipeline: &Pipeline) -> String {
    let mut lines: Vec<String> =
        pipeline.images().map(|images| line("images", described(images))).into_iter().collect();
    lines.push(line("descriptors", format!("{} columns", pipeline.input_dim())));
    for step in pipeline.steps() {
        lines.push(match step {
            Step::PositionColumns(n) => {
                line("position", format!("{} at the end, bypassing the steps below", counted(*n, "column")))
            }
            Step::Rows(norm) => line("rows", format!("each normalised by {norm}")),
            Step::Pca(pca) => {
                let whitened = if pca.whiten() { ", whitened" } else { "" };
                let (columns, percent) = (pca.components().nrows(), 100.0 * explained(pca));
                line("pca", format!("to {columns} columns{whitened}, {percent:.1} % of the variance kept"))
            }
        });
    }
    let encoder = pipeline.encoder();
    match (encoder.codebook(), encoder.mixture()) {
        (Some(codebook), _) => lines.push(centres(codebook)),
        (None, Some(mixture)) => {
            let (k, d) = (mixture.n_components(), mixture.dim());
            lines.push(line("mixture", format!("{k} components over {d} columns, id {:016x}", mixture.id())));
        }
        (None, None) => {}
    }
    lines.push(line("encoder", described_encoder(pipeline)));
    if let Some(spatial) = pipeline.encoder().spatial() {
        let (c, l) = spatial.location().means().dim();
        let (gaussians, columns) = (counted(c, "Gaussian"), counted(l, "column"));
        lines.push(line("spatial", format!("{gaussians} over {columns}, for each component")));
    }
    if let Some(pyramid) = pipeline.pyramid() {
        let (grids, cells) = (pyramid.grids(), pyramid.cells());
        lines.push(line("pyramid", format!("{grids}: {cells} cells, one vector per cell")));
    }
    let normalization = pipeline.encoder().normalization();
    lines.push(line("normalised", format!("power {}, norm {}", normalization.power, normalization.norm)));
    lines.push(line("vector", format!("{} numbers", pipeline.output_dim())));
    if let Some((mixture, report)) = diagnostics::fitted(pipeline) {
        lines.extend(fit(mixture, report));
    }
    lines.extend(diagnostics::warnings(pipeline).into_iter().map(|text| line("warning", text)));
    lines.join("\n")
}

/// The encoder's kind, what it does, and its settings that are not shown on lines of their own.
fn described_encoder(pipeline: &Pipeline) -> String {
    let encoder = pipeline.encoder();
    let kind = encoder.kind();
    let about = fishervec::encode::Encoder::KINDS.iter().position(|known| *known == kind);
    let about = about.map_or("", |i| fishervec::encode::Encoder::ABOUT[i]);
    let shown = |name: &str| !["kind", "power", "norm", "assignment", "spatial"].contains(&name);
    let settings = encoder.settings().into_iter().filter(|(name, value)| shown(name) && !value.is_null());
    let settings: Vec<String> = settings
        .map(|(name, value)| {
            format!("; {name} {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned))
        })
        .collect();
    format!("{kind} ({about}){}", settings.concat())
}

fn centres(codebook: &Codebook) -> String {
    let (k, d) = codebook.centres().dim();
    line("codebook", format!("{k} centres in {d} columns, assignment {}", codebook.assignment()))
}

/// How images become descriptors.
fn described(images: &ImageParams) -> String {
    let features = match &images.features {
        LocalFeatures::Dsift(sift) => {
            format!("dense SIFT, bins {:?}, every {} pixels, window {}", sift.bins, sift.step, sift.window)
        }
        LocalFeatures::Patches { size, step } => format!("patches of {size} x {size}, every {step} pixels"),
    };
    let side =
        if images.max_side == 0 { "any".to_owned() } else { format!("at most {} pixels", images.max_side) };
    format!("{features}; {}, longer side {side}, position appended: {}", images.color, images.augment)
}

/// How the fit went.
fn fit(mixture: &GaussianMixture, report: &FitReport) -> Vec<String> {
    let (n, seed) = (report.n_iter(), report.seed);
    let outcome = match (report.steps, report.converged) {
        (0, true) => format!("converged after {n} iterations"),
        (0, false) => format!("not converged after {n} iterations"),
        (steps, _) => format!("{steps} steps in {n} passes"),
    };
    let each = if report.steps == 0 { "iterations" } else { "passes" };
    let rise: Vec<String> = [0, 1, 3, 7, 15, 31, 63]
        .into_iter()
        .filter(|i| i + 1 < n)
        .chain(n.checked_sub(1))
        .map(|i| format!("{:.4}", report.lower_bounds[i]))
        .collect();
    let mut rows: Vec<f64> = mixture.weights().iter().map(|w| w * report.n).collect();
    rows.sort_by(f64::total_cmp);
    let (least, middle, most) = (rows[0], rows[rows.len() / 2], rows[rows.len() - 1]);
    let mean = report.n / rows.len() as f64;
    let balance = mixture.balance();
    let help = match mean < diagnostics::ENOUGH_ROWS {
        true => format!("; more would help, up to some {} per component", diagnostics::ENOUGH_ROWS),
        false => String::new(),
    };
    vec![
        line("fit", format!("{} descriptors; {outcome}; seed {seed}", report.n)),
        line("likelihood", format!("{} nats per descriptor ({each} 1, 2, 4, 8, ..., last)", rise.join(" "))),
        line(
            "rows",
            format!("{mean:.1} per component; least {least:.1}, median {middle:.1}, most {most:.1}{help}"),
        ),
        line("softness", format!("{:.3} (mean largest posterior; 1 = no overlap)", report.softness)),
        line("dropped", format!("at most {:.1e} of the posterior mass", report.dropped)),
        line(
            "components",
            format!(
                "{} dead, {} repaired, {} doubled",
                balance.dead.len(),
                report.repairs.len(),
                balance.doubled.len()
            ),
        ),
        line(
            "balance",
            format!(
                "{:.1} of {} components in effect; the largest holds {:.1} % of the descriptors",
                balance.effective,
                rows.len(),
                100.0 * balance.largest_share
            ),
        ),
    ]
}

fn line(name: &str, text: String) -> String {
    format!("{name:<12} {text}")
}
