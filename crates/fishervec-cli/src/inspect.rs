//! `fishervec inspect`: what is in a model, for people or as JSON with the keys of docs/model-format.md.

use crate::args::InspectArguments;
use fishervec::image::{ImageParams, LocalFeatures};
use fishervec::{Codebook, Encoder, FitReport, GaussianMixture, Pca, Pipeline, Spatial, Step, VladParams};
use serde_json::{Value, json};

/// Below this many descriptors a component a fit is poor; the library refuses below 2.
const FEW_ROWS: f64 = 50.0;
/// Below this mean largest posterior the closed-form information is loose.
const SOFT: f64 = 0.7;

pub(crate) fn run(arguments: &InspectArguments) -> anyhow::Result<i32> {
    let pipeline = Pipeline::load(&arguments.model)?;
    let text = if arguments.json { format!("{:#}", to_json(&pipeline)) } else { to_text(&pipeline) };
    crate::print(&text)?;
    Ok(crate::DONE)
}

fn to_json(pipeline: &Pipeline) -> Value {
    let step = |step: &Step| match step {
        Step::Carry(n) => json!({"kind": "carry", "columns": n}),
        Step::Rows(norm) => json!({"kind": "rows", "norm": norm.name()}),
        Step::Pca(pca) => json!({
            "kind": "pca",
            "components": pca.components().nrows(),
            "whiten": pca.whiten(),
            "explained_variance_ratio": explained(pca),
        }),
    };
    let encoder = match pipeline.encoder() {
        Encoder::Fisher(fisher) => json!({
            "kind": "fisher",
            "components": fisher.mixture().n_components(),
            "dim": fisher.dim(),
            "convention": fisher.params().convention.name,
            "gradients": fisher.gradients().to_string(),
            "information": fisher.information().name(),
            "location": location(fisher.spatial()),
            "power": fisher.params().normalization.power,
            "norm": fisher.params().normalization.norm.name(),
            "threshold": fisher.params().threshold,
            "mixture": format!("{:016x}", fisher.mixture().id()),
            "weights": fisher.mixture().weights().to_vec(),
        }),
        Encoder::Pooling(pooling) => json!({
            "kind": "pooling",
            "dim": pooling.dim(),
            "power": pooling.normalization().power,
            "norm": pooling.normalization().norm.name(),
        }),
        Encoder::Vlad(vlad) => json!({
            "kind": "vlad",
            "components": vlad.codebook().centres().nrows(),
            "dim": vlad.dim(),
            "assignment": vlad.codebook().assignment().name(),
            "mass": vlad.params().mass,
            "residual": vlad.params().residual,
            "power": vlad.params().normalization.power,
            "norm": vlad.params().normalization.norm.name(),
            "threshold": vlad.codebook().threshold(),
        }),
        Encoder::BagOfWords(bag) => json!({
            "kind": "bow",
            "components": bag.codebook().centres().nrows(),
            "dim": bag.dim(),
            "assignment": bag.codebook().assignment().name(),
            "information": bag.information().name(),
            "location": location(bag.spatial()),
            "power": bag.params().normalization.power,
            "norm": bag.params().normalization.norm.name(),
            "threshold": bag.codebook().threshold(),
        }),
    };
    json!({
        "images": pipeline.images(),
        "dim": pipeline.dim(),
        "length": pipeline.len(),
        "steps": pipeline.steps().iter().map(step).collect::<Vec<_>>(),
        "pyramid": pipeline.pyramid().map(|pyramid| json!({
            "grids": pyramid.grids().to_string(),
            "low": pyramid.low(),
            "high": pyramid.high(),
        })),
        "encoder": encoder,
        "fit": pipeline.fit_report(),
        "diagnostics": diagnostics(pipeline),
    })
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

/// What tells whether a fitted mixture can be trusted; null without a fit.
fn diagnostics(pipeline: &Pipeline) -> Value {
    let (Encoder::Fisher(fisher), Some(report)) = (pipeline.encoder(), pipeline.fit_report()) else {
        return Value::Null;
    };
    let per_component: Vec<f64> = fisher.mixture().weights().iter().map(|w| w * report.n).collect();
    json!({
        "rows_per_component": report.n / per_component.len() as f64,
        "effective_rows": per_component,
        "dead_components": report.dead.len(),
        "softness": report.softness,
        "dropped_bound": report.dropped,
        "warnings": warnings(fisher.mixture().n_components(), report),
    })
}

/// What a user should know before trusting a fit.
pub(crate) fn warnings(components: usize, report: &FitReport) -> Vec<String> {
    let mut warnings = Vec::new();
    if !report.converged {
        warnings.push(format!("not converged after {} iterations (--max-iter, --tol)", report.n_iter()));
    }
    let rows = report.n / components as f64;
    if rows < FEW_ROWS {
        warnings
            .push(format!("{rows:.1} descriptors a component: few ({FEW_ROWS} are the least to aim for)"));
    }
    if !report.dead.is_empty() {
        warnings.push(format!("{} of {components} components have no descriptors", report.dead.len()));
    }
    if report.softness < SOFT {
        warnings.push(format!(
            "softness {:.2}: the closed-form information, which assumes that one component owns a descriptor, is loose",
            report.softness
        ));
    }
    warnings
}

/// The share of the variance that a projection keeps.
fn explained(pca: &Pca) -> f64 {
    let total = pca.total_variance();
    if total > 0.0 { pca.explained_variance().sum() / total } else { 1.0 }
}

fn to_text(pipeline: &Pipeline) -> String {
    let mut lines: Vec<String> =
        pipeline.images().map(|images| line("photographs", photographs(images))).into_iter().collect();
    lines.push(line("descriptors", format!("{} columns", pipeline.dim())));
    for step in pipeline.steps() {
        lines.push(match step {
            Step::Carry(n) => line("carried", format!("the last {n} columns, round what follows")),
            Step::Rows(norm) => line("rows", format!("each normalised: {norm}")),
            Step::Pca(pca) => {
                let whitened = if pca.whiten() { ", whitened" } else { "" };
                let (columns, percent) = (pca.components().nrows(), 100.0 * explained(pca));
                line("pca", format!("to {columns} columns{whitened}, {percent:.1} % of the variance"))
            }
        });
    }
    match pipeline.encoder() {
        Encoder::Fisher(fisher) => {
            let (mixture, params) = (fisher.mixture(), fisher.params());
            let (k, d) = (mixture.n_components(), mixture.dim());
            lines.push(line("mixture", format!("{k} components over {d} columns, id {:016x}", mixture.id())));
            let (convention, blocks) = (&params.convention, fisher.gradients());
            let information = fisher.information();
            lines.push(line(
                "encoder",
                format!("fisher, {convention}; blocks {blocks}; information {information}"),
            ));
            let threshold = params.threshold.map_or("default".to_owned(), |x| x.to_string());
            lines.push(line("threshold", threshold));
        }
        Encoder::Pooling(_) => {
            lines.push(line("encoder", "pooling: mean, standard deviation".to_owned()));
        }
        Encoder::Vlad(vlad) => {
            lines.push(codebook(vlad.codebook()));
            let VladParams { mass, residual, .. } = vlad.params();
            let more = [(mass, ", over its mass"), (residual, ", of residuals of norm 1")];
            let more: String = more.iter().filter(|(is, _)| *is).map(|(_, text)| *text).collect();
            lines.push(line("encoder", format!("vlad: sums of residuals{more}")));
        }
        Encoder::BagOfWords(bag) => {
            lines.push(codebook(bag.codebook()));
            lines.push(line("encoder", "bow: shares of the components".to_owned()));
        }
    }
    if let Some(spatial) = pipeline.encoder().spatial() {
        let (c, l) = spatial.location().means().dim();
        let plural = if c == 1 { "" } else { "s" };
        lines.push(line("place", format!("{c} Gaussian{plural} over {l} columns, for each component")));
    }
    if let Some(pyramid) = pipeline.pyramid() {
        let (grids, cells) = (pyramid.grids(), pyramid.cells());
        lines.push(line("pyramid", format!("{grids}: {cells} cells, a vector each")));
    }
    let normalization = pipeline.encoder().normalization();
    lines.push(line("normalised", format!("power {}, norm {}", normalization.power, normalization.norm)));
    lines.push(line("vector", format!("{} numbers", pipeline.len())));
    if let (Encoder::Fisher(fisher), Some(report)) = (pipeline.encoder(), pipeline.fit_report()) {
        lines.extend(fit(fisher.mixture(), report));
    }
    lines.join("\n")
}

fn codebook(codebook: &Codebook) -> String {
    let (k, d) = codebook.centres().dim();
    line("codebook", format!("{k} centres in {d} columns, assignment {}", codebook.assignment()))
}

/// How photographs become descriptors.
fn photographs(images: &ImageParams) -> String {
    let features = match &images.features {
        LocalFeatures::Dsift(sift) => {
            format!("dense SIFT, bins {:?}, every {} pixels, window {}", sift.bins, sift.step, sift.window)
        }
        LocalFeatures::Patches { size, step } => format!("patches of {size} x {size}, every {step} pixels"),
    };
    let side = if images.max_side == 0 { "any".to_owned() } else { format!("at most {}", images.max_side) };
    format!("{features}; {}, longer side {side}, beside: {}", images.color, images.augment)
}

/// How the fit went, and what there is to say about it.
fn fit(mixture: &GaussianMixture, report: &FitReport) -> Vec<String> {
    let outcome = if report.converged { "converged" } else { "not converged" };
    let (n, seed) = (report.n_iter(), report.seed);
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
    let mut lines = vec![
        line("fit", format!("{} descriptors; {outcome} after {n} iterations; seed {seed}", report.n)),
        line(
            "likelihood",
            format!("{} nats a descriptor (iterations 1, 2, 4, 8, ..., last)", rise.join(" ")),
        ),
        line("rows", format!("{mean:.1} a component; least {least:.1}, median {middle:.1}, most {most:.1}")),
        line("softness", format!("{:.3}: the mean largest posterior", report.softness)),
        line("dropped", format!("at most {:.1e} of the posterior mass", report.dropped)),
        line("components", format!("{} dead, {} repaired", report.dead.len(), report.repairs.len())),
    ];
    lines.extend(warnings(rows.len(), report).into_iter().map(|text| line("warning", text)));
    lines
}

fn line(name: &str, text: String) -> String {
    format!("{name:<12} {text}")
}
