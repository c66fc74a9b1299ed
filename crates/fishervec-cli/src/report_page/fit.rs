//! How the model was fitted, and how its components share the sets.

use super::subject::Subject;
use crate::diagnostics::fitted;
use crate::inspect::explained;
use crate::page::{count, fixed, histogram, line, percent, short};
use fishervec::preprocess::Step;
use fishervec::report::Spread;

pub(super) fn section(subject: &Subject<'_>) -> String {
    let report = subject.report();
    let facts = [
        likelihood(subject),
        variance(subject),
        report.softness.as_ref().map(|spread| {
            share(spread, "Softness of the sets", "mean largest posterior of each set, 0 to 1")
        }),
        report
            .largest_shares
            .as_ref()
            .map(|spread| share(spread, "Largest share of a set", "of one component, 0 to 1")),
        report.log_likelihoods.as_ref().map(likelihoods),
        report.sizes.as_ref().map(sizes),
    ];
    let facts: String =
        facts.into_iter().flatten().map(|html| format!("<section>{html}</section>")).collect();
    if facts.is_empty() { facts } else { format!("<h2>The fit</h2>\n<div class=\"facts\">{facts}</div>") }
}

fn likelihood(subject: &Subject<'_>) -> Option<String> {
    let (_, report) = fitted(subject.pipeline)?;
    let (first, last) = (report.lower_bounds.first()?, report.lower_bounds.last()?);
    let words = format!(
        "{} \u{2192} {} nats per descriptor in {} {}",
        fixed(*first, 2),
        fixed(*last, 2),
        count(report.n_iter()),
        if report.steps == 0 { "iterations" } else { "passes" }
    );
    let chart = line(&report.lower_bounds, &format!("Log-likelihood of the fit: {words}"));
    Some(format!("<h3>Log-likelihood of the fit</h3>{chart}<p class=\"cap num\">{words}</p>"))
}

fn variance(subject: &Subject<'_>) -> Option<String> {
    let pca = subject.pipeline.steps().iter().find_map(|step| match step {
        Step::Pca(pca) => Some(pca),
        _ => None,
    })?;
    let total = pca.total_variance();
    let mut sum = 0.0;
    let kept: Vec<f64> = pca
        .explained_variance()
        .iter()
        .map(|x| {
            sum += if total > 0.0 { x / total } else { 0.0 };
            sum
        })
        .collect();
    let words = format!("1 \u{2026} {} columns, {}", kept.len(), percent(explained(pca)));
    let chart = line(&kept, &format!("Variance kept by PCA: {words}"));
    Some(format!("<h3>Variance kept by PCA</h3>{chart}<p class=\"cap num\">{words}</p>"))
}

fn share(spread: &Spread, title: &str, what: &str) -> String {
    let words = format!(
        "{what}; median {}, from {} to {}",
        fixed(spread.median, 2),
        fixed(spread.min, 2),
        fixed(spread.max, 2)
    );
    let chart = histogram(&spread.counts, &format!("{title}: {words}"));
    format!("<h3>{title}</h3>{chart}<p class=\"cap num\">{words}</p>")
}

fn likelihoods(spread: &Spread) -> String {
    let [min, max, median] = [spread.min, spread.max, spread.median].map(short);
    let words = format!("{min} to {max} nats per descriptor, median {median}");
    let chart = histogram(&spread.counts, &format!("Log-likelihood of the sets: {words}"));
    format!("<h3>Log-likelihood of the sets</h3>{chart}<p class=\"cap num\">{words}</p>")
}

fn sizes(spread: &Spread) -> String {
    let [min, max, median] = [spread.min, spread.max, spread.median].map(|n| count(n as usize));
    if spread.min == spread.max {
        return format!("<h3>Descriptors per set</h3><p class=\"cap num\">{min} in every set</p>");
    }
    let words = format!("{min} to {max}, median {median}");
    let chart = histogram(&spread.counts, &format!("Descriptors per set: {words}"));
    format!("<h3>Descriptors per set</h3>{chart}<p class=\"cap num\">{words}</p>")
}
