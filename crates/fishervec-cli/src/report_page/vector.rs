//! What the vectors are made of: their blocks, each alone, and their lengths.

use super::sets::accuracy;
use super::subject::Subject;
use crate::page::{count, histogram, percent, short, wide};
use fishervec::report::Spread;
use std::fmt::Write;

pub(super) fn section(subject: &Subject<'_>) -> String {
    let report = subject.report();
    let lengths = report.lengths.as_ref().map(lengths).unwrap_or_default();
    format!(
        "<h2>The vector</h2>\n<div class=\"two\"><section>{}</section><section>{lengths}</section></div>",
        blocks(subject)
    )
}

/// What the entries of a block say, in plain words.
fn about(name: &str) -> &'static str {
    match name {
        "weights" => "how much of each component",
        "means" => "where, within each component",
        "variances" => "how wide",
        "deviations" => "how wide",
        "residuals" => "which way from each centre",
        "shares" => "how much of each centre",
        _ => "",
    }
}

fn blocks(subject: &Subject<'_>) -> String {
    let report = subject.report();
    let has_accuracy = report.blocks.iter().any(|block| block.accuracy.is_some());
    let mut rows = String::new();
    for block in &report.blocks {
        let alone = block.accuracy.map(accuracy).unwrap_or_default();
        let _ = write!(
            rows,
            "<tr><td class=\"block\">{}<br><span class=\"cap\">{}</span></td><td class=\"r\">{}</td><td class=\"third\"><div class=\"meter\" \
             aria-hidden=\"true\"><div style=\"width:{:.1}%\"></div></div></td><td class=\"r\" data-value=\"{}\">{}</td>{}</tr>",
            block.name,
            about(block.name),
            count(block.entries),
            100.0 * block.part,
            block.part,
            percent(block.part),
            if has_accuracy { format!("<td class=\"r\">{alone}</td>") } else { String::new() }
        );
    }
    let alone = if has_accuracy { "<th class=\"r\">alone</th>" } else { "" };
    let table = format!(
        "<table class=\"full\" id=\"blocks\"><tr><th>block</th><th class=\"r\">numbers</th><th colspan=\"2\">part of the \
         squared length</th>{alone}</tr>{rows}</table>"
    );
    let caption = report.classification.as_ref().map(|found| {
        format!(
            "<p class=\"cap\">Alone: the sets that a regression finds which sees this block only. All together: {}.</p>",
            accuracy(found.accuracy)
        )
    });
    wide("Blocks of the vector", &table) + &caption.unwrap_or_default()
}

fn lengths(lengths: &Spread) -> String {
    let words = format!(
        "{} to {}, median {}, half of them {} to {}",
        short(lengths.min),
        short(lengths.max),
        short(lengths.median),
        short(lengths.lower),
        short(lengths.upper)
    );
    format!(
        "<h3>Length before the norm</h3>{}<p class=\"cap num\">{words}; drawn from {} to {}.</p>",
        histogram(&lengths.counts, &format!("Histogram of lengths: {words}")),
        short(lengths.range.0),
        short(lengths.range.1)
    )
}
