//! What each component stands for, how common it is, and which labels it speaks for.

use super::subject::Subject;
use crate::page::{count, escape, fixed, name, percent, wide};
use fishervec::report::{ComponentFacts, Report};
use std::fmt::Write;

/// The number of components that are open to see where there are no pictures.
const OPEN: usize = 32;
/// The number of those that are folded, and of those in the matrix.
const LISTED: usize = 64;
/// The factor that has the full colour.
const FULL: f64 = 4.0;

pub(super) fn section(subject: &Subject<'_>) -> String {
    let report = subject.report();
    if report.components.is_empty() {
        return String::new();
    }
    let mut sorted: Vec<&ComponentFacts> = report.components.iter().collect();
    let size = |facts: &ComponentFacts| facts.weight.unwrap_or(facts.share);
    sorted.sort_by(|a, b| size(b).total_cmp(&size(a)));
    let lead = match subject.pictures.examples.is_empty() {
        true => "The descriptors nearest to the mean of each, and how common it is.",
        false => "The piece of an image nearest to the mean of each, and how common it is.",
    };
    let weighed = if sorted[0].weight.is_some() { "weight" } else { "share of the descriptors" };
    let most = size(sorted[0]).max(f64::MIN_POSITIVE);
    let list = |of: &[&ComponentFacts]| {
        let items = of.iter().map(|facts| item(subject, facts, size(facts), size(facts) / most));
        format!("<ul class=\"comps num\">{}</ul>", items.collect::<String>())
    };
    let pictured = subject.pictures.examples.len();
    let (first, rest) = sorted.split_at(if pictured > 0 { pictured } else { OPEN }.min(sorted.len()));
    format!(
        "<h2>The components</h2>\n<p>{lead} Sorted by {weighed}.</p>\n{}{}\n{}",
        list(first),
        folded(rest, report.n_components - first.len(), &list),
        matrix(report)
    )
}

/// Lighter components, which a click shows.
fn folded(rest: &[&ComponentFacts], all: usize, list: &dyn Fn(&[&ComponentFacts]) -> String) -> String {
    if rest.is_empty() {
        return String::new();
    }
    let shown = &rest[..LISTED.min(rest.len())];
    let more = match all - shown.len() {
        0 => String::new(),
        n => format!("<p class=\"cap\">{} still lighter ones are not shown.</p>", count(n)),
    };
    let title = if all == 1 { "1 lighter one".to_owned() } else { format!("{} lighter ones", count(all)) };
    format!("<details><summary class=\"sub\">{title}</summary>{}{more}</details>", list(shown))
}

fn item(subject: &Subject<'_>, facts: &ComponentFacts, size: f64, part: f64) -> String {
    let k = facts.component;
    let picture = subject.pictures.examples.get(&k).map_or(String::new(), |uri| {
        format!("<img src=\"{uri}\" alt=\"the piece of an image nearest to component {k}\">")
    });
    let example = match facts.nearest.first() {
        Some(at) => {
            format!(
                "{}, row\u{a0}{} ({}\u{a0}\u{3c3})",
                subject.shown(at.set),
                count(at.row),
                fixed(at.distance, 2)
            )
        }
        None => "no descriptor".to_owned(),
    };
    format!(
        "<li>{picture}<span class=\"w\" aria-hidden=\"true\"><i style=\"width:{:.0}%\"></i></span><span><b>no.\u{a0}{k}</b> {}</span>\
         <span class=\"cap\">{example}</span></li>",
        100.0 * part,
        percent(size)
    )
}

/// A column of the matrix: a component, its factor in each label, and the label that it is most for.
struct Column {
    component: usize,
    factors: Vec<f64>,
    most: usize,
}

/// The share of each component in the sets of each label, against the mean of all labels, sorted so that the
/// components that are for the first label come first.
fn columns(report: &Report) -> Vec<Column> {
    let mut by_share: Vec<usize> = (0..report.components.len()).collect();
    by_share.sort_by(|a, b| report.components[*b].share.total_cmp(&report.components[*a].share));
    by_share.truncate(LISTED);
    let column = |at: usize| {
        let shares: Vec<f64> = report.component_by_label.iter().map(|row| f64::from(row[at])).collect();
        let typical = shares.iter().sum::<f64>() / shares.len() as f64;
        let factors: Vec<f64> = shares.iter().map(|share| share / typical).collect();
        let most = (0..factors.len()).max_by(|a, b| factors[*a].total_cmp(&factors[*b]))?;
        (typical > 0.0).then_some(Column { component: report.components[at].component, factors, most })
    };
    let mut columns: Vec<Column> = by_share.into_iter().filter_map(column).collect();
    columns.sort_by(|a, b| a.most.cmp(&b.most).then(b.factors[b.most].total_cmp(&a.factors[a.most])));
    columns
}

fn matrix(report: &Report) -> String {
    let columns = columns(report);
    if report.component_by_label.len() < 2 || columns.is_empty() {
        return String::new();
    }
    const SIDE: usize = 24;
    let mut drawn = String::new();
    for (x, column) in columns.iter().enumerate() {
        for (y, factor) in column.factors.iter().enumerate() {
            let strength = (factor.max(f64::MIN_POSITIVE).ln() / FULL.ln()).clamp(-1.0, 1.0);
            if strength.abs() < 0.02 {
                continue;
            }
            let sign = if strength > 0.0 { "p" } else { "m" };
            let _ = write!(
                drawn,
                "<rect class=\"{sign}\" x=\"{}\" y=\"{}\" fill-opacity=\"{:.2}\"/>",
                x * SIDE,
                y * SIDE,
                strength.abs()
            );
        }
        let _ = write!(
            drawn,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            x * SIDE + SIDE / 2,
            report.labels.len() * SIDE + 16,
            column.component
        );
    }
    let longest = report.labels.iter().map(|label| label.name.chars().count()).max().unwrap_or(0).min(18);
    let margin = 12 + 8 * longest;
    for (y, label) in report.labels.iter().enumerate() {
        let short: String = label.name.chars().take(18).collect();
        let _ = write!(
            drawn,
            "<text x=\"-8\" y=\"{}\" text-anchor=\"end\">{}</text>",
            y * SIDE + 17,
            escape(&short)
        );
    }
    let (width, height) = (columns.len() * SIDE + margin, report.labels.len() * SIDE + 24);
    let label = format!(
        "Share of {} components in {} labels against the typical share; the table below has the strongest",
        columns.len(),
        report.labels.len()
    );
    let svg = format!(
        "<svg class=\"matrix ink\" viewBox=\"-{margin} 0 {width} {height}\" style=\"width:{width}px\" role=\"img\" \
         aria-label=\"{}\">{drawn}</svg>",
        escape(&label)
    );
    format!(
        "<h3 class=\"later\">Which component speaks for which label</h3><p class=\"cap\"><b class=\"plus\">More</b> or \
         <b class=\"minus\">less</b> of the component in sets of that label than is typical of the labels; full colour: four \
         times, or a quarter. In the order of the labels they are most for.</p>{}{}",
        wide("Components by label", &svg),
        strongest(report, &columns)
    )
}

/// The components that are most for each label, as text.
fn strongest(report: &Report, columns: &[Column]) -> String {
    let mut rows = String::new();
    for (i, label) in report.labels.iter().enumerate() {
        let mut own: Vec<&Column> = columns.iter().collect();
        own.sort_by(|a, b| b.factors[i].total_cmp(&a.factors[i]));
        let named = own.iter().filter(|column| column.factors[i] > 1.0).take(3);
        let list: Vec<String> = named
            .map(|column| format!("{} (\u{d7} {})", column.component, fixed(column.factors[i], 1)))
            .collect();
        let _ = write!(
            rows,
            "<tr><td>{}</td><td class=\"r\">{}</td><td>{}</td></tr>",
            name(&label.name),
            count(label.sets),
            list.join(", ")
        );
    }
    let table = format!(
        "<table id=\"speaks\"><tr><th>label</th><th class=\"r\">sets</th><th>components most for it</th></tr>{rows}</table>"
    );
    format!(
        "<details><summary class=\"sub\">The strongest as text</summary>{}</details>",
        wide("Components most for each label", &table)
    )
}
