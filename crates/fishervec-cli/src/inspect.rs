//! `fishervec inspect`: what is in a model, for people or as JSON with the keys of docs/model-format.md.

use crate::args::InspectArguments;
use fishervec::{Encoder, FitReport, Pipeline, Step};
use serde_json::{Value, json};

pub(crate) fn run(arguments: &InspectArguments) -> anyhow::Result<i32> {
    let pipeline = Pipeline::load(&arguments.model)?;
    let text = if arguments.json { format!("{:#}", to_json(&pipeline)) } else { to_text(&pipeline) };
    crate::print(&text)?;
    Ok(crate::DONE)
}

fn to_json(pipeline: &Pipeline) -> Value {
    let step = |step: &Step| match step {
        Step::Rows(norm) => json!({"kind": "rows", "norm": norm.name()}),
        Step::Pca(pca) => json!({"kind": "pca", "components": pca.components().nrows()}),
    };
    let encoder = match pipeline.encoder() {
        Encoder::Fisher(fisher) => json!({
            "kind": "fisher",
            "components": fisher.mixture().n_components(),
            "dim": fisher.dim(),
            "convention": fisher.params().convention.name,
            "gradients": fisher.gradients().to_string(),
            "information": fisher.information().name(),
            "power": fisher.params().normalization.power,
            "norm": fisher.params().normalization.norm.name(),
            "threshold": fisher.params().threshold,
        }),
        Encoder::Pooling(pooling) => json!({
            "kind": "pooling",
            "dim": pooling.dim(),
            "power": pooling.normalization().power,
            "norm": pooling.normalization().norm.name(),
        }),
    };
    json!({
        "dim": pipeline.dim(),
        "length": pipeline.len(),
        "steps": pipeline.steps().iter().map(step).collect::<Vec<_>>(),
        "encoder": encoder,
        "fit": pipeline.fit_report(),
    })
}

fn to_text(pipeline: &Pipeline) -> String {
    let mut lines = vec![line("descriptors", format!("{} columns", pipeline.dim()))];
    for step in pipeline.steps() {
        lines.push(match step {
            Step::Rows(norm) => line("rows", format!("each normalised: {norm}")),
            Step::Pca(pca) => line("pca", format!("to {} columns", pca.components().nrows())),
        });
    }
    let normalization = match pipeline.encoder() {
        Encoder::Fisher(fisher) => {
            let (mixture, params) = (fisher.mixture(), fisher.params());
            let (k, d) = (mixture.n_components(), mixture.dim());
            lines.push(line("mixture", format!("{k} components over {d} columns, id {:016x}", mixture.id())));
            let fold =
                |pick: fn(f64, f64) -> f64| mixture.weights().iter().copied().reduce(pick).unwrap_or(0.0);
            lines.push(line("weights", format!("from {:.3e} to {:.3e}", fold(f64::min), fold(f64::max))));
            let (convention, blocks) = (&params.convention, fisher.gradients());
            let information = fisher.information();
            lines.push(line(
                "encoder",
                format!("fisher, {convention}; blocks {blocks}; information {information}"),
            ));
            let threshold = params.threshold.map_or("default".to_owned(), |x| x.to_string());
            lines.push(line("threshold", threshold));
            params.normalization
        }
        Encoder::Pooling(pooling) => {
            lines.push(line("encoder", "pooling: mean, standard deviation".to_owned()));
            pooling.normalization()
        }
    };
    lines.push(line("normalised", format!("power {}, norm {}", normalization.power, normalization.norm)));
    lines.push(line("vector", format!("{} numbers", pipeline.len())));
    lines.extend(pipeline.fit_report().map(fit));
    lines.join("\n")
}

fn fit(report: &FitReport) -> String {
    let bound = report.lower_bounds.last().copied().unwrap_or(f64::NAN);
    let outcome = if report.converged { "converged" } else { "not converged" };
    let mut text = format!("{} descriptors; {outcome} after {} iterations", report.n, report.n_iter());
    text += &format!(", mean log-likelihood {bound:.4}");
    if !report.repairs.is_empty() || !report.dead.is_empty() {
        text += &format!("; components restarted {}, unused {}", report.repairs.len(), report.dead.len());
    }
    line("fit", text)
}

fn line(name: &str, text: String) -> String {
    format!("{name:<12} {text}")
}
