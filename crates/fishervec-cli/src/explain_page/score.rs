//! The score as a sum, and the classes it was chosen among.

use super::whole::{About, Side};
use crate::page::{Decimals, count, name, percent, wide};
use std::fmt::Write;

/// Of fewer descriptors than this nobody asks how many carry the score.
const FEW: usize = 10;
/// The share of what speaks for the score whose carriers are counted.
const MOST: f64 = 0.8;

/// The score = for - against + bias.
pub(super) fn equation(about: &About<'_>, side: &Side<'_>) -> String {
    let explanation = &side.explanation;
    let [plus, minus] = explanation.for_and_against();
    let total = explanation.score + about.score.bias;
    let decimals = Decimals::of(total, total.abs().max(plus).max(-minus));
    let what = match &about.score.class {
        Some(class) => format!("for {}", class_name(class)),
        None => "for".to_owned(),
    };
    let value = |x: f64, text: &str| format!("<span data-value=\"{x}\">{text}</span>");
    let fixed = |x: f64| decimals.fixed(x);
    let first = if about.score.classes.is_empty() { fixed(total) } else { decimals.signed(total) };
    let mut html = format!(
        "<p class=\"eq num\" id=\"score\"><b>{}</b> <span>= <span class=\"plus\">{} {what}</span></span> \
         <span class=\"minus\">\u{2212} {} against</span>",
        value(total, &first),
        value(plus, &fixed(plus)),
        value(-minus, &fixed(-minus)),
    );
    let bias = about.score.bias;
    if bias != 0.0 {
        let sign = if bias < 0.0 { "\u{2212}" } else { "+" };
        let _ = write!(html, " <span>{sign} {} bias</span>", value(bias.abs(), &fixed(bias.abs())));
    }
    html.push_str("</p>\n");
    let mut notes = Vec::new();
    let n = explanation.shares.len();
    if let Some(carriers) = explanation.carriers(MOST).filter(|_| n >= FEW) {
        notes.push(format!(
            "{} of the {} descriptors carry {} of what speaks for it.",
            percent(carriers),
            count(n),
            percent(MOST)
        ));
    }
    if !adds_up(&decimals, [total, plus, minus, bias]) {
        notes.push("Each number is rounded by itself; the exact ones add up.".to_owned());
    }
    if explanation.shares.iter().all(|share| *share == 0.0) {
        notes.push("Nothing speaks for it or against it: all shares are zero.".to_owned());
    }
    if !notes.is_empty() {
        let _ = write!(html, "<p class=\"sub\">{}</p>", notes.join(" "));
    }
    html
}

/// Whether the numbers add up as they are shown, too.
fn adds_up(decimals: &Decimals, [total, plus, minus, bias]: [f64; 4]) -> bool {
    let shown = |x: f64| decimals.fixed(x).replace('\u{2212}', "-").parse::<f64>().ok();
    let sum = || Some(shown(plus)? + shown(minus)? + shown(bias)? - shown(total)?);
    // Beyond plain decimals nobody adds them up.
    sum().is_none_or(|rest| rest.abs() < 1e-9 * (1.0 + plus))
}

/// A class as it is shown; a name may be empty.
pub(super) fn class_name(class: &str) -> String {
    if class.is_empty() { "(no name)".to_owned() } else { name(class) }
}

/// The scores of all classes, where there are more than two.
pub(super) fn classes(about: &About<'_>) -> String {
    const SHOWN: usize = 8;
    let classes = &about.score.classes;
    if classes.len() < 3 {
        return String::new();
    }
    let decimals = Decimals::of_all(classes.iter().map(|(_, score)| *score));
    let row = |(class, score): &(String, f64)| {
        let is_own = about.score.class.as_ref() == Some(class);
        let class = class_name(class);
        let class = if is_own { format!("<b>{class}</b>") } else { class };
        format!(
            "<tr><td>{class}</td><td class=\"r\" data-value=\"{score}\">{}</td></tr>",
            decimals.signed(*score)
        )
    };
    let rows: String = classes.iter().take(SHOWN).map(row).collect();
    let more = match classes.len().saturating_sub(SHOWN) {
        0 => String::new(),
        n => format!("<p class=\"cap\">{n} more are below.</p>"),
    };
    let table = format!("<table><tr><th>class</th><th class=\"r\">score</th></tr>{rows}</table>");
    format!("<h2>All classes</h2>\n{}{more}", wide("Scores of all classes", &table))
}
