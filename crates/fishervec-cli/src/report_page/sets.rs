//! Where the sets are, and which labels are taken for which.

use super::subject::Subject;
use crate::page::{count, escape, fixed, name, percent, wide};
use fishervec::report::{Cell, Classification, Map, Report};
use std::fmt::Write;

/// The size of a cell of the map.
const CELL: usize = 20;
/// A cell is as good as of one label from this share of its sets on.
const PURE: f64 = 0.75;

pub(super) fn section(subject: &Subject<'_>) -> String {
    let report = subject.report();
    let mut html = "<h2>The sets, as the vectors see them</h2>\n".to_owned();
    match &report.map {
        Some(map) => html += &of_map(map, report),
        None => html += "<p class=\"sub\">No map: it takes three sets whose vectors differ.</p>",
    }
    if let Some(found) = &report.classification {
        let _ = write!(html, "<div class=\"two\">{}{}</div>", confusion(found, report), frequent(found));
    }
    html
}

/// A share of sets as a percentage with one decimal: of a thousand sets, each counts.
pub(super) fn accuracy(share: f64) -> String {
    match share {
        0.0 | 1.0 => percent(share),
        share => format!("{} %", fixed((100.0 * share).clamp(0.1, 99.9), 1)),
    }
}

fn of_map(map: &Map, report: &Report) -> String {
    let has_labels = !report.labels.is_empty();
    let lead = match (map.plane, has_labels) {
        ("labels", _) => {
            "The plane in which the means of the labels lie farthest apart; each set is placed by the means of the other \
             sets. Each cell shows its commonest label, larger where there are more sets, pale where labels are mixed."
        }
        (_, true) => {
            "The plane of the two strongest directions. Each cell shows its commonest label, larger where there are more \
             sets, pale where labels are mixed."
        }
        _ => "The plane of the two strongest directions. Larger dots stand for more sets.",
    };
    let codes = codes(report);
    let most = map.cells.iter().map(|cell| cell.sets).max().unwrap_or(1) as f64;
    let drawn: String =
        map.cells.iter().map(|cell| drawn(cell, most, has_labels.then_some(&codes))).collect();
    let pure = map.cells.iter().filter(|cell| cell.with_label == cell.sets).count();
    let label = format!(
        "Map of {} sets in {} cells of {} by {}{}",
        count(report.sample.sets),
        count(map.cells.len()),
        map.shape.0,
        map.shape.1,
        if has_labels {
            format!("; {} of these cells hold a single label", count(pure))
        } else {
            String::new()
        }
    );
    let svg = format!(
        "<svg class=\"plane\" viewBox=\"0 0 {} {}\" text-anchor=\"middle\" role=\"img\" aria-label=\"{}\">{drawn}</svg>",
        map.shape.0 * CELL,
        map.shape.1 * CELL,
        escape(&label)
    );
    let of = match report.sample.sets == report.sample.of {
        true => format!("All {} sets that are not empty{}", count(report.sample.of), labelled(report)),
        false => format!(
            "{} sets, drawn from {} that are not empty{}",
            count(report.sample.sets),
            count(report.sample.of),
            labelled(report)
        ),
    };
    format!(
        "<p>{lead}</p>\n{}<p class=\"cap\">{}{of}. The plane holds {} of the variance: distances here are a shadow of the \
         real ones.</p>\n",
        wide("Map of the sets", &svg),
        legend(report, &codes),
        percent(map.variance)
    )
}

fn labelled(report: &Report) -> &'static str {
    if report.labelled > 0 && report.labelled < report.sets { " and have a label" } else { "" }
}

/// What stands for each of the listed labels: short names, or letters.
fn codes(report: &Report) -> Vec<String> {
    let names = || report.labels.iter().map(|label| label.name.clone());
    match names().all(|name| name.chars().count() <= 2) {
        true => names().collect(),
        false => ('A'..='Z').take(report.labels.len()).map(String::from).collect(),
    }
}

/// The names of labels that have letters.
fn legend(report: &Report, codes: &[String]) -> String {
    if report.labels.iter().zip(codes).all(|(label, code)| label.name == *code) {
        return String::new();
    }
    let pairs =
        report.labels.iter().zip(codes).map(|(label, code)| format!("<b>{code}</b> {}", name(&label.name)));
    let other = match report.n_labels - report.labels.len() {
        0 => String::new(),
        n => format!("; \u{b7} one of {} other labels", count(n)),
    };
    format!("{}{other}. ", pairs.collect::<Vec<_>>().join(", "))
}

fn drawn(cell: &Cell, most: f64, codes: Option<&Vec<String>>) -> String {
    let (x, y) = (cell.x * CELL + CELL / 2, cell.y * CELL + CELL / 2);
    let size = (cell.sets as f64 / most).sqrt();
    let Some(codes) = codes else {
        return format!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{:.1}\"/>", 1.5 + 7.0 * size);
    };
    let code = cell.label.and_then(|label| codes.get(label)).map_or("\u{b7}", String::as_str);
    let class = if cell.with_label as f64 >= PURE * cell.sets as f64 { "" } else { " class=\"mixed\"" };
    format!(
        "<text x=\"{x}\" y=\"{}\" font-size=\"{:.0}\"{class}>{}</text>",
        y + 5,
        13.0 + 5.0 * size,
        escape(code)
    )
}

fn confusion(found: &Classification, report: &Report) -> String {
    let codes = codes(report);
    let other = (found.confusion.len() > codes.len()).then(|| "\u{b7}".to_owned());
    let codes: Vec<&String> = codes.iter().chain(&other).collect();
    // A label of one set is not classified.
    let is_there = |i: &usize| {
        found.confusion[*i].iter().any(|n| *n > 0) || found.confusion.iter().any(|row| row[*i] > 0)
    };
    let there: Vec<usize> = (0..found.confusion.len()).filter(is_there).collect();
    let most = there
        .iter()
        .flat_map(|i| there.iter().filter(move |j| *j != i).map(|j| found.confusion[*i][*j]))
        .max()
        .unwrap_or(0);
    let head: String =
        there.iter().map(|j| format!("<th scope=\"col\">{}</th>", escape(codes[*j]))).collect();
    let mut rows = String::new();
    for i in &there {
        let _ = write!(rows, "<tr><th scope=\"row\">{}</th>", escape(codes[*i]));
        for j in &there {
            let n = found.confusion[*i][*j];
            let _ = match (n, i == j) {
                (0, false) => write!(rows, "<td></td>"),
                (n, true) => write!(rows, "<td class=\"right\">{}</td>", count(n as usize)),
                (n, false) => {
                    let share = n as f64 / most as f64;
                    let class = if share > 0.35 { "wrong full" } else { "wrong" };
                    write!(
                        rows,
                        "<td class=\"{class} ink\" style=\"--p:{:.0}%\">{}</td>",
                        15.0 + 85.0 * share,
                        count(n as usize)
                    )
                }
            };
        }
        rows += "</tr>";
    }
    format!(
        "<section><h3>Confusion</h3><p class=\"cap\">Row: true label. Column: the label that was found. Errors in \
         colour.</p>{}</section>",
        wide(
            "Confusion",
            &format!("<table class=\"confusion\" id=\"confusion\"><tr><td></td>{head}</tr>{rows}</table>")
        )
    )
}

fn frequent(found: &Classification) -> String {
    let row = |mistake: &fishervec::report::Mistake| {
        format!(
            "<tr><th scope=\"row\"><b>{}</b> taken for <b>{}</b></th><td class=\"r\">{}</td></tr>",
            name(&mistake.label),
            name(&mistake.taken_for),
            count(mistake.sets)
        )
    };
    let rows: String = found.frequent.iter().map(row).collect();
    let alone = match found.alone {
        0 => String::new(),
        1 => "<p class=\"cap\">1 set is the only one with its label, and was left out.</p>".to_owned(),
        n => format!(
            "<p class=\"cap\">{} sets are the only ones with their label, and were left out.</p>",
            count(n)
        ),
    };
    format!(
        "<section><h3>Most frequent errors</h3><table class=\"full frequent\">{rows}<tr><th scope=\"row\">all \
         errors</th><td class=\"r\">{} of {}</td></tr></table>{alone}</section>",
        count(found.errors),
        count(found.sets)
    )
}
