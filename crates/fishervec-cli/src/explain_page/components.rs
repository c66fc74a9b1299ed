//! What each component adds to the score, and which places are whose.

use super::maps::{Layer, map};
use super::score::digits;
use super::whole::Side;
use crate::page::{Mask, count, percent, signed, wide};
use fishervec::explain::{ComponentShare, Square};
use std::fmt::Write;

/// The number of components with a letter and a hue of their own.
const LETTERED: usize = 4;
/// The number of components in the table.
const LISTED: usize = 12;
const LETTERS: [&str; LETTERED] = ["a", "b", "c", "d"];

/// The components, those that weigh most first.
fn sorted(side: &Side<'_>) -> Vec<ComponentShare> {
    let mut all = side.explanation.components.clone();
    all.sort_by(|a, b| b.share.abs().total_cmp(&a.share.abs()));
    all
}

/// The table of components and, of places in two dimensions, their map; nothing for an encoder without any.
pub(super) fn section(side: &Side<'_>, bias: f64) -> String {
    let all = sorted(side);
    if all.len() < 2 {
        return String::new();
    }
    let table = table(&all, side.explanation.score, bias);
    match component_map(side, &all) {
        Some(map) => format!("<div class=\"two\"><section>{table}</section><section>{map}</section></div>"),
        None => table,
    }
}

fn table(all: &[ComponentShare], score: f64, bias: f64) -> String {
    let (shown, rest) = all.split_at(LISTED.min(all.len()));
    let digits = digits(&shown.iter().map(|one| one.share).collect::<Vec<_>>());
    let most = shown.iter().map(|one| one.share.abs()).fold(f64::MIN_POSITIVE, f64::max);
    let mut rows = String::new();
    for (i, one) in shown.iter().enumerate() {
        let letter = match LETTERS.get(i) {
            Some(letter) => format!(
                "<b style=\"color:var(--{letter}-ink)\">{}</b> <span class=\"sw ink\" style=\"--k:var(--{letter})\">\
                 </span>",
                letter.to_uppercase()
            ),
            None => String::new(),
        };
        let _ = write!(
            rows,
            "<tr><td>{letter}</td><td class=\"r\">{}</td><td class=\"r\">{}</td><td class=\"r\">{}</td>\
             <td class=\"full\">{}</td><td class=\"r\" data-value=\"{}\">{}</td></tr>",
            one.component,
            percent(one.typical),
            percent(one.here),
            bar(one.share / most),
            one.share,
            signed(one.share, digits)
        );
    }
    if !rest.is_empty() {
        let sum: f64 = rest.iter().map(|one| one.share).sum();
        let _ = write!(
            rows,
            "<tr><td></td><td colspan=\"4\" class=\"sub\">{} others</td><td class=\"r\" data-value=\"{sum}\">{}</td></tr>",
            count(rest.len()),
            signed(sum, digits)
        );
    }
    let and_bias = if bias == 0.0 {
        String::new()
    } else {
        format!("; with the bias to {}", signed(score + bias, digits))
    };
    format!(
        "<h2>By component</h2>\n{}<p class=\"cap\">Typical: its share of all descriptors that the model was fitted to. \
         Here: of those of this set, by the likeliest component. The parts add up to {}{and_bias}.</p>",
        wide(
            "Components and their parts of the score",
            &format!(
                "<table class=\"full\" id=\"components\"><tr><th><span class=\"sr\">letter</span></th><th class=\"r\">\
                 component</th><th class=\"r\">typical</th><th class=\"r\">here</th><th><span class=\"sr\">bar</span>\
                 </th><th class=\"r\">of the score</th></tr>{rows}</table>"
            )
        ),
        signed(score, digits)
    )
}

/// A bar from the middle to the right or to the left; `x` is from -1 to 1.
fn bar(x: f64) -> String {
    let (start, width) = if x < 0.0 { (100.0 * x, -100.0 * x) } else { (0.0, 100.0 * x) };
    let sign = if x < 0.0 { "minus" } else { "plus" };
    format!(
        "<svg class=\"bar\" viewBox=\"-100 0 200 12\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <path d=\"M0 0V12\" stroke=\"var(--faint)\" vector-effect=\"non-scaling-stroke\"/>\
         <rect x=\"{start:.1}\" y=\"1\" width=\"{:.1}\" height=\"10\" fill=\"var(--{sign})\"/></svg>",
        width.max(0.4)
    )
}

/// The likeliest component of each patch.
fn component_map(side: &Side<'_>, sorted: &[ComponentShare]) -> Option<String> {
    let (plane, likeliest) = (side.plane.as_ref()?, side.explanation.likeliest.as_ref()?);
    if side.subject.of_image().is_some() {
        // Its descriptors overlap, and are of several sizes.
        return None;
    }
    let (height, width) = plane.field.values.dim();
    let at = |square: &Square| {
        let cell =
            |x: f64, i: usize| ((x - plane.field.origin[i]) / plane.field.cell).floor().max(0.0) as usize;
        cell(square.y, 1).min(height - 1) * width + cell(square.x, 0).min(width - 1)
    };
    let mut layers: Vec<Layer> = LETTERS
        .iter()
        .take(sorted.len())
        .map(|letter| Layer { color: format!("--{letter}"), mask: empty(width, height) })
        .collect();
    let mut others = empty(width, height);
    let rank_of = |component: usize| sorted.iter().position(|one| one.component == component);
    for (square, component) in plane.squares.iter().zip(likeliest) {
        let rank = rank_of(*component).unwrap_or(usize::MAX);
        match layers.get_mut(rank) {
            Some(layer) => layer.mask.alpha[at(square)] = 255,
            // Others are greys, of different strength so that their borders are seen.
            None => others.alpha[at(square)] = [70, 120, 170][component % 3],
        }
    }
    layers.push(Layer { color: "--other-2".to_owned(), mask: others });
    let lettered = sorted.len().min(LETTERED);
    let shares: Vec<String> = sorted[..lettered]
        .iter()
        .zip(LETTERS)
        .map(|(one, letter)| format!("{} {}", letter.to_uppercase(), percent(one.here)))
        .collect();
    let label = format!("The likeliest component of each patch: {} of them", shares.join(", "));
    let (letters, others) = match sorted.len() - lettered {
        0 => (format!("The {lettered} components have a hue each"), ""),
        _ => (format!("The {lettered} that weigh most have a hue each"), ", the others greys"),
    };
    Some(format!(
        "<h2>Where the components are</h2>\n<figure>{}<figcaption class=\"cap\">The likeliest component of each patch. \
         {letters}{others}. A component may speak for the score in one place and against it in another: this map \
         shows what looks alike, the map of shares what it was worth.</figcaption></figure>",
        map(&layers, plane, None, &label, "")
    ))
}

fn empty(width: usize, height: usize) -> Mask {
    Mask { width, height, alpha: vec![0; width * height] }
}
