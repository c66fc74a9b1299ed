//! What each component adds to the score, and which places are whose.

use super::maps::{Layer, map};
use super::whole::Side;
use crate::page::{Decimals, Mask, count, percent, wide};
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
    if all.len() < 2 || all.iter().all(|one| one.share == 0.0) {
        return String::new();
    }
    // A letter stands for a hue of the map.
    let map = component_map(side, &all);
    let letters = if map.is_some() { &LETTERS[..] } else { &[] };
    let table = table(&all, letters, side.explanation.score, bias);
    match map {
        Some(map) => format!("<div class=\"two\"><section>{table}</section><section>{map}</section></div>"),
        None => table,
    }
}

fn table(all: &[ComponentShare], letters: &[&str], score: f64, bias: f64) -> String {
    let (shown, rest) = all.split_at(LISTED.min(all.len()));
    let decimals = Decimals::of_all(shown.iter().map(|one| one.share));
    let most = shown.iter().map(|one| one.share.abs()).fold(f64::MIN_POSITIVE, f64::max);
    let both = shown.iter().any(|one| one.share < 0.0) && shown.iter().any(|one| one.share > 0.0);
    let mut rows = String::new();
    for (i, one) in shown.iter().enumerate() {
        let letter = match letters.get(i) {
            Some(letter) => format!(
                "<td class=\"r\"><b style=\"color:var(--{letter}-ink)\">{}</b> <span class=\"sw ink\" \
                 style=\"--k:var(--{letter})\"></span></td>",
                letter.to_uppercase()
            ),
            None if letters.is_empty() => String::new(),
            None => "<td></td>".to_owned(),
        };
        let _ = write!(
            rows,
            "<tr>{letter}<td class=\"r\">{}</td><td class=\"r\">{}</td><td class=\"r\">{}</td>\
             <td class=\"full bars\">{}</td><td class=\"r\" data-value=\"{}\">{}</td></tr>",
            one.component,
            percent(one.typical),
            percent(one.here),
            bar(one.share / most, both),
            one.share,
            decimals.signed(one.share)
        );
    }
    if !rest.is_empty() {
        let sum: f64 = rest.iter().map(|one| one.share).sum();
        let _ = write!(
            rows,
            "<tr><td colspan=\"{}\" class=\"sub\">{} others</td><td class=\"r\" data-value=\"{sum}\">{}</td></tr>",
            4 + usize::from(!letters.is_empty()),
            count(rest.len()),
            decimals.signed(sum)
        );
    }
    let letter =
        if letters.is_empty() { "" } else { "<th class=\"r\"><span class=\"sr\">letter</span></th>" };
    let and_bias = if bias == 0.0 {
        String::new()
    } else {
        format!("; with the bias to {}", decimals.signed(score + bias))
    };
    format!(
        "<h2>By component</h2>\n{}<p class=\"cap\">Typical: its share of all descriptors that the model was fitted to. \
         Here: of those of this set, by the likeliest component. The parts add up to {}{and_bias}.</p>",
        wide(
            "Components and their parts of the score",
            &format!(
                "<table class=\"full\" id=\"components\"><tr>{letter}<th class=\"r\">\
                 component</th><th class=\"r\">typical</th><th class=\"r\">here</th><th class=\"bars\"><span class=\"sr\">bar</span>\
                 </th><th class=\"r\">of the score</th></tr>{rows}</table>"
            )
        ),
        decimals.signed(score)
    )
}

/// A bar for `x` from -1 to 1: from the middle, or from the left where all have one sign.
fn bar(x: f64, both: bool) -> String {
    let width = (100.0 * x.abs()).max(0.4);
    let start = if x < 0.0 && both { -width } else { 0.0 };
    // In ink, since hues beside it are components.
    let view = if both { "-100 0 200 12" } else { "0 0 100 12" };
    format!(
        "<svg class=\"bar\" viewBox=\"{view}\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <path d=\"M0 0V12\" stroke=\"var(--faint)\" vector-effect=\"non-scaling-stroke\"/>\
         <rect x=\"{start:.1}\" y=\"1\" width=\"{width:.1}\" height=\"10\" fill=\"var(--other-2)\"/></svg>"
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
