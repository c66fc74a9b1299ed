//! The score as a sum, and the classes it was chosen among.

use super::whole::{About, Side};
use crate::page::{count, fixed, name, percent, signed, wide};
use std::fmt::Write;

/// The share of what speaks for the score whose carriers are counted.
const MOST: f64 = 0.8;

/// The score = for - against + bias.
pub(super) fn equation(about: &About<'_>, side: &Side<'_>) -> String {
    let explanation = &side.explanation;
    let [plus, minus] = explanation.for_and_against();
    let total = explanation.score + about.score.bias;
    let digits = digits(&[total, plus, minus]);
    let what = match &about.score.class {
        Some(class) => format!("for {}", name(class)),
        None => "for".to_owned(),
    };
    let value = |x: f64, text: &str| format!("<span data-value=\"{x}\">{text}</span>");
    let first = if about.score.classes.is_empty() { fixed(total, digits) } else { signed(total, digits) };
    let mut html = format!(
        "<p class=\"eq num\" id=\"score\"><b>{}</b> = <span class=\"plus\">{} {what}</span> \
         <span class=\"minus\">\u{2212} {} against</span>",
        value(total, &first),
        value(plus, &fixed(plus, digits)),
        value(-minus, &fixed(-minus, digits)),
    );
    if about.score.bias != 0.0 {
        let (bias, sign) = (about.score.bias, if about.score.bias < 0.0 { "\u{2212}" } else { "+" });
        let _ = write!(html, " {sign} {} bias", value(bias.abs(), &fixed(bias.abs(), digits)));
    }
    html.push_str("</p>\n");
    if let Some(carriers) = explanation.carriers(MOST) {
        let _ = write!(
            html,
            "<p class=\"sub\">{} of the {} descriptors carry {} of what speaks for it.</p>",
            percent(carriers),
            count(explanation.shares.len()),
            percent(MOST)
        );
    }
    html
}

/// As many decimals as the largest of some numbers needs for three digits that say something.
pub(super) fn digits(numbers: &[f64]) -> usize {
    let most = numbers.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
    if most > 0.0 { (2 - most.log10().floor() as i32).clamp(0, 8) as usize } else { 2 }
}

/// The scores of all classes, where there are more than two.
pub(super) fn classes(about: &About<'_>) -> String {
    const SHOWN: usize = 8;
    let classes = &about.score.classes;
    if classes.len() < 3 {
        return String::new();
    }
    let digits = digits(&classes.iter().map(|(_, score)| *score).collect::<Vec<_>>());
    let row = |(class, score): &(String, f64)| {
        let is_own = about.score.class.as_ref() == Some(class);
        let class = if is_own { format!("<b>{}</b>", name(class)) } else { name(class) };
        format!(
            "<tr><td>{class}</td><td class=\"r\" data-value=\"{score}\">{}</td></tr>",
            signed(*score, digits)
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
