//! The page from top to bottom, and its numbers.

use super::subject::Subject;
use super::{components, errors, fit, sets, vector, verdicts};
use crate::page::{Document, count, escape, name};
use fishervec::encode::{Kind, Norm};
use fishervec::preprocess::Step;
use fishervec::{Encode, Pipeline};
use serde_json::{Value, json};

const STYLE: &str = include_str!("style.css");

/// All numbers of the page, as JSON.
pub(crate) fn numbers(subject: &Subject<'_>) -> Value {
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "title": subject.title,
        "command": subject.command,
        "in_short": verdicts::all(subject),
        "model": subject.model(),
        "report": subject.report(),
        "names": subject.names(),
    })
}

/// The page that draws these numbers.
pub(crate) fn page(subject: &Subject<'_>, numbers: &Value) -> String {
    let sections = [
        ("sum", "In short", verdicts::section(subject)),
        ("sets", "The sets", sets::section(subject)),
        ("errors", "Errors", errors::section(subject)),
        ("components", "The components", components::section(subject)),
        ("vector", "The vector", vector::section(subject)),
        ("fit", "The fit", fit::section(subject)),
    ];
    let mut page = Document::new(&format!("Report: {}", subject.title), STYLE);
    page.push(format!(
        "<h1>{}</h1>\n<p class=\"sub num\">{}</p>",
        name(&subject.title),
        escape(&settings(subject))
    ));
    let there = || sections.iter().filter(|(_, _, html)| !html.is_empty());
    let links = there().map(|(id, title, _)| format!("<a href=\"#{id}\">{title}</a>"));
    page.push(format!("<nav aria-label=\"Contents\">{}</nav>", links.collect::<String>()));
    let sample = &subject.report().sample;
    if sample.sets < sample.of {
        page.push(format!(
            "<p class=\"sub num sampled\">Counts, shares, lengths, examples and odd sets are of all sets; the map, the errors \
             and what each block finds alone are of {} drawn from {}.</p>",
            count(sample.sets),
            count(sample.of)
        ));
    }
    for (id, _, html) in there() {
        page.push(format!("<section id=\"{id}\">{html}</section>"));
    }
    page.push(format!(
        "<p class=\"sub foot\"><code>{}</code><br>Drawn are counts and means, never all descriptors: this page stays below \
         2 MB for any number of sets. Its numbers are in it as JSON, and what <code>--json</code> prints.</p>",
        escape(&subject.command)
    ));
    page.finish(numbers)
}

/// The settings of the model and the counts of the sets, in one line.
fn settings(subject: &Subject<'_>) -> String {
    let (pipeline, report) = (subject.pipeline, subject.report());
    let encoder = pipeline.encoder();
    let of = |n: usize, one: &str| format!("{} {one}{}", count(n), if n == 1 { "" } else { "s" });
    let mut parts = vec![kind(pipeline)];
    if let Some(mixture) = encoder.mixture() {
        parts.push(of(
            mixture.n_components(),
            if encoder.codebook().is_some() { "centre" } else { "component" },
        ));
    }
    let pca = pipeline.steps().iter().find_map(|step| match step {
        Step::Pca(pca) => Some(pca),
        _ => None,
    });
    parts.push(match pca {
        Some(pca) => format!("{} (PCA of {})", of(pca.components().nrows(), "column"), pca.mean().len()),
        None => of(pipeline.input_dim() - pipeline.position_columns(), "column"),
    });
    let normalization = encoder.normalization();
    parts.push(if normalization.power == 0.5 {
        "power \u{bd}".to_owned()
    } else {
        format!("power {}", normalization.power)
    });
    parts.push(match normalization.norm {
        Norm::None => "no norm".to_owned(),
        Norm::L2 => "L2".to_owned(),
        Norm::IntraL2 => "L2 of each component, then of all".to_owned(),
    });
    let sets = match report.sizes.as_ref().filter(|sizes| sizes.min == sizes.max) {
        Some(sizes) => format!("{} of {}", of(report.sets, "set"), of(sizes.min as usize, "descriptor")),
        None => format!("{}, {}", of(report.sets, "set"), of(report.descriptors, "descriptor")),
    };
    let version = env!("CARGO_PKG_VERSION");
    format!(
        "{} \u{b7} {sets} \u{b7} {} per set \u{b7} fishervec {version}",
        parts.join(", "),
        of(pipeline.output_dim(), "number")
    )
}

fn kind(pipeline: &Pipeline) -> String {
    let name = match pipeline.encoder().kind() {
        "fisher" if pipeline.encoder().spatial().is_some() => "Spatial Fisher vector",
        "fisher" => "Fisher vector",
        "vlad" => "VLAD",
        "bow" => "Bag of words",
        "h2t" => "H2T",
        "pooling" => "Pooling",
        other => other,
    };
    let cells =
        pipeline.pyramid().map(|pyramid| format!(" in {} cells of a pyramid", count(pyramid.cells())));
    format!("{name}{}", cells.unwrap_or_default())
}
