//! In short: what is well and what is not, each with its number and what to do.

use super::sets::accuracy;
use super::subject::Subject;
use crate::diagnostics::{FEW_ROWS, SOFT, fitted, warnings};
use crate::inspect::explained;
use crate::page::{count, escape, fixed, percent, short};
use fishervec::Encode;
use fishervec::encode::Information;
use fishervec::preprocess::Step;
use fishervec::report::Report;
use serde::Serialize;
use std::fmt::Write;

/// Below this share of the variance a projection is worth a second look.
const KEPT: f64 = 0.7;

/// A sentence, whether all is well, and a second one: more numbers, or what to do.
#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    ok: bool,
    text: String,
    detail: String,
}

fn ok(text: impl Into<String>, detail: impl Into<String>) -> Verdict {
    Verdict { ok: true, text: text.into(), detail: detail.into() }
}

fn look(text: impl Into<String>, detail: impl Into<String>) -> Verdict {
    Verdict { ok: false, text: text.into(), detail: detail.into() }
}

/// The list.
pub(super) fn section(subject: &Subject<'_>) -> String {
    let mut items = String::new();
    for Verdict { ok, text, detail } in all(subject) {
        let (class, sign, word) =
            if ok { ("ok", "\u{2713}", "Well: ") } else { ("look", "!", "To look at: ") };
        let _ = write!(
            items,
            "<li class=\"{class}\"><b aria-hidden=\"true\">{sign}</b><div><span class=\"sr\">{word}</span>{}<br>\
             <span class=\"cap\">{}</span></div></li>",
            escape(&text),
            escape(&detail)
        );
    }
    format!("<h2>In short</h2>\n<ul class=\"verdicts num\">{items}</ul>")
}

/// All verdicts: of the labels, of the fit, of the sets.
pub(super) fn all(subject: &Subject<'_>) -> Vec<Verdict> {
    let mut all = vec![labels(subject.report())];
    all.extend(of_fit(subject));
    all.extend(of_pca(subject));
    all.extend(of_sets(subject));
    all
}

fn labels(report: &Report) -> Verdict {
    let Some(found) = &report.classification else {
        return match report.n_labels {
            0 => look(
                "Nothing says whether the vectors tell apart what they should",
                "the sets have no labels: give them, and the report says how well these are found (--labels FILE; in Python y)",
            ),
            1 => look("All sets have one label", "two are needed to tell anything apart"),
            _ => look(
                "No label can be found",
                "two labels of two sets each are needed, whose vectors are not all the same",
            ),
        };
    };
    let text = format!("{} of the sets are told apart", accuracy(found.accuracy));
    let detail = format!(
        "each of {} sets by all others: ridge regression onto {} labels; nearest neighbour {}; the commonest label {}",
        count(found.sets),
        count(found.labels),
        accuracy(found.nearest),
        percent(found.chance)
    );
    if found.accuracy < found.chance {
        return look(
            text,
            format!(
                "{detail}: fewer than by always saying that one, so the vectors say nothing about these labels; look at \
                 the descriptors"
            ),
        );
    }
    match found.accuracy >= found.chance + 0.5 * (1.0 - found.chance) {
        true => ok(text, detail),
        false => look(
            text,
            format!("{detail}; see which labels are confused, and try more components, or other descriptors"),
        ),
    }
}

/// What diagnostics warn of, with what to do, and what they do not.
fn of_fit(subject: &Subject<'_>) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> = warnings(subject.pipeline)
        .iter()
        .map(|warning| {
            let (text, detail) = warning.split_once(": ").unwrap_or((warning, ""));
            look(capital(text), detail)
        })
        .collect();
    let Some((mixture, report)) = fitted(subject.pipeline) else { return verdicts };
    let (balance, k) = (mixture.balance(), mixture.n_components());
    let weights = mixture.weights();
    let [least, most] = [f64::min, f64::max].map(|pick| weights.iter().copied().reduce(pick).unwrap_or(0.0));
    if balance.dead.is_empty() && balance.doubled.is_empty() {
        verdicts.push(ok(
            "No component is dead or doubled",
            format!(
                "weights {} to {}; they count like {} equal ones of {}",
                percent(least),
                percent(most),
                fixed(balance.effective, 0),
                count(k)
            ),
        ));
    }
    let rows = report.n / k as f64;
    if rows >= FEW_ROWS {
        verdicts.push(ok(
            format!("{} descriptors per component", count(rows as usize)),
            format!("in the fit; {} are the least to aim for", count(FEW_ROWS as usize)),
        ));
    }
    if report.softness >= SOFT {
        verdicts.push(ok(
            format!("The components are told apart: softness {}", fixed(report.softness, 2)),
            format!("mean largest posterior; below {SOFT} the closed-form scaling is approximate"),
        ));
    } else if subject.pipeline.encoder().information() != Information::ClosedForm {
        verdicts.push(ok(
            format!("The components overlap: softness {}", fixed(report.softness, 2)),
            "mean largest posterior; the scaling of this encoder does not need hard ones".to_owned(),
        ));
    }
    if report.converged || report.steps > 0 {
        let n = report.n_iter();
        let text = match report.steps {
            0 => format!("The fit converged, after {} iteration{}", count(n), if n == 1 { "" } else { "s" }),
            steps => format!("The fit ran {} steps in {} passes", count(steps), count(n)),
        };
        let repaired = match report.repairs.len() {
            0 => "no component repaired".to_owned(),
            1 => "1 component repaired".to_owned(),
            n => format!("{} components repaired", count(n)),
        };
        verdicts.push(ok(text, format!("seed {}, {repaired}", report.seed)));
    }
    verdicts
}

fn of_pca(subject: &Subject<'_>) -> Option<Verdict> {
    let pca = subject.pipeline.steps().iter().find_map(|step| match step {
        Step::Pca(pca) => Some(pca),
        _ => None,
    })?;
    let (kept, to, of) = (explained(pca), pca.components().nrows(), pca.mean().len());
    let text = format!("{} of the variance is kept by {to} of {of} columns", percent(kept));
    Some(match kept >= KEPT {
        true => ok(text, "PCA"),
        false => look(text, "PCA; keep more columns (--pca D) unless the rest is noise"),
    })
}

fn of_sets(subject: &Subject<'_>) -> Vec<Verdict> {
    let report = subject.report();
    let mut verdicts = Vec::new();
    let list = |sets: Vec<usize>, all: usize| {
        let names: Vec<String> = sets.iter().take(4).map(|set| (subject.name)(*set)).collect();
        let more = if all > names.len() { ", \u{2026}" } else { "" };
        format!("{}{more}", names.join(", "))
    };
    let are = |n: usize, one: &str, many: &str| match n {
        1 => format!("1 set {one}"),
        n => format!("{} sets {many}", count(n)),
    };
    if report.skipped > 0 {
        verdicts.push(look(
            format!("{} left out", are(report.skipped, "was", "were")),
            "they could not be read or encoded; the command said why",
        ));
    }
    if report.empty > 0 {
        verdicts.push(look(
            are(report.empty, "is empty", "are empty"),
            "without descriptors a vector is zero, and like no other: find out why, or leave them out",
        ));
    }
    if report.zero > 0 {
        verdicts.push(look(
            are(report.zero, "has a zero vector", "have zero vectors"),
            "nothing in them differs from the model: use more components, or fit to more varied data",
        ));
    }
    verdicts.push(match (report.n_outliers, report.lengths.as_ref()) {
        (0, Some(lengths)) => ok(
            "No set is far from the rest",
            format!(
                "lengths before the norm {} to {}, half of them {} to {}",
                short(lengths.min),
                short(lengths.max),
                short(lengths.lower),
                short(lengths.upper)
            ),
        ),
        (0, None) => look("There is nothing to see", "no set has descriptors"),
        (n, _) => {
            let mut sets: Vec<usize> = Vec::new();
            let far = report.outliers.iter().map(|outlier| outlier.set);
            far.for_each(|set| if !sets.contains(&set) { sets.push(set) });
            look(
                are(n, "is unlike the rest", "are unlike the rest"),
                format!(
                    "in the length of their vectors or their likelihood, by more than three times the middle half's \
                     range: look at {}",
                    list(sets, n)
                ),
            )
        }
    });
    verdicts.push(match report.repeated {
        0 => {
            let cosine = report.classification.as_ref().and_then(|found| found.largest_cosine);
            let detail = cosine.map(|cosine| format!("largest cosine of two sets {}", fixed(cosine, 3)));
            ok("No two sets have the same vector", detail.unwrap_or_else(|| "to the last bit".to_owned()))
        }
        n => {
            let first = report.twins.first();
            let pair = first
                .map(|twin| format!("{} is {} again", (subject.name)(twin.set), (subject.name)(twin.first)));
            look(
                are(n, "has the vector of an earlier one", "have the vector of an earlier one"),
                format!(
                    "{}: what is there twice makes every score look better; leave it out",
                    pair.unwrap_or_default()
                ),
            )
        }
    });
    verdicts
}

/// The text with a capital letter in front.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
