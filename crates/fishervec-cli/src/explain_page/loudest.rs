//! The descriptors with the largest shares, and the places of two photographs that match.

use super::whole::{About, Side};
use crate::page::{Decimals, count, fixed, of_image, part, wide};
use crate::subject::Places;
use fishervec::explain::{Match, Window, loudest};
use fishervec::image::Image;
use std::fmt::Write;

/// The number of descriptors on either side.
const LISTED: usize = 8;

/// The loudest for and against, as two tables.
pub(super) fn section(about: &About<'_>, side: &Side<'_>) -> String {
    let shares = &side.explanation.shares;
    let rows = loudest(shares, LISTED);
    if rows.iter().all(Vec::is_empty) {
        return String::new();
    }
    let [plus, minus] = rows.each_ref().map(|rows| table(about, side, rows));
    format!(
        "<h2>Loudest descriptors</h2>\n<p class=\"cap\">One by one, as they are in the table beside this page; a share as \
         large as these may be cancelled by others.</p>\n<div class=\"two\"><section><h3 class=\"plus\">For</h3>{plus}\
         </section><section><h3 class=\"minus\">Against</h3>{minus}</section></div>"
    )
}

fn table(about: &About<'_>, side: &Side<'_>, rows: &[usize]) -> String {
    let shares = &side.explanation.shares;
    if rows.is_empty() {
        return "<p class=\"sub\">None.</p>".to_owned();
    }
    let decimals = Decimals::of_all(rows.iter().map(|row| shares[*row])).finer();
    let picture = |row: usize| piece(about, side, row);
    let mut html = String::new();
    for row in rows {
        let piece = match picture(*row) {
            Some(image) => format!(
                "<td><img class=\"crop\" src=\"{}\" alt=\"what descriptor {row} describes\"></td>",
                of_image(&image)
            ),
            None => String::new(),
        };
        let place = match &side.subject.places {
            Places::Rows => String::new(),
            Places::Image(_, squares) => format!("<td>{:.0}, {:.0}</td>", squares[*row].x, squares[*row].y),
            Places::Positions(positions, _) => {
                let at: Vec<String> = positions.row(*row).iter().map(|x| shown(*x)).collect();
                format!("<td>{}</td>", at.join(", "))
            }
        };
        let _ = write!(
            html,
            "<tr>{piece}<td class=\"r\">{}</td>{place}<td class=\"r\" data-value=\"{}\">{}</td></tr>",
            count(*row),
            shares[*row],
            decimals.signed(shares[*row])
        );
    }
    let patch = if picture(rows[0]).is_some() { "<th><span class=\"sr\">picture</span></th>" } else { "" };
    let place = if matches!(side.subject.places, Places::Rows) { "" } else { "<th>place</th>" };
    wide(
        "Loudest descriptors",
        &format!(
            "<table class=\"full\"><tr>{patch}<th class=\"r\">row</th>{place}<th class=\"r\">share</th></tr>{html}</table>"
        ),
    )
}

/// What a descriptor describes, where the image is at hand.
fn piece(about: &About<'_>, side: &Side<'_>, row: usize) -> Option<Image> {
    let square = side.plane.as_ref()?.squares[row];
    let [x, y] = [square.x, square.y].map(|centre| centre - square.side / 2.0);
    let window = Window { x, y, width: square.side, height: square.side, holds: 0.0 };
    match side.subject.of_image() {
        Some((_, image, _)) => Some(part(image, &window)),
        None => about.picture.map(|picture| picture.part(&window)),
    }
}

/// A coordinate as it was given, unless it has many decimals.
fn shown(x: f64) -> String {
    let text = fixed(x, 2);
    text.strip_suffix(".00").map_or(text.clone(), str::to_owned)
}

/// The places that match, by component, each in both photographs.
pub(super) fn matches(about: &About<'_>, sides: &[Side<'_>]) -> String {
    let [a, b] = sides else { return String::new() };
    let (Some((_, first, _)), Some((_, second, _))) = (a.subject.of_image(), b.subject.of_image()) else {
        return String::new();
    };
    if about.matched.is_empty() {
        return String::new();
    }
    let decimals = Decimals::of_all(about.matched.iter().map(|one| one.first.holds));
    let row = |(letter, one): (char, &Match)| {
        let [a, b] = [part(first, &one.first), part(second, &one.second)].map(|image| of_image(&image));
        format!(
            "<tr><td><b>{letter}</b></td><td><img class=\"crop\" src=\"{a}\" alt=\"place {letter} in the first\"></td>\
             <td><img class=\"crop\" src=\"{b}\" alt=\"place {letter} in the second\"></td><td>component {}</td>\
             <td class=\"r\" data-value=\"{}\">{}</td></tr>",
            one.component,
            one.first.holds,
            decimals.signed(one.first.holds)
        )
    };
    let rows: String = ('A'..).zip(about.matched).map(row).collect();
    format!(
        "<h2>What matched</h2>\n<p class=\"sub\">Each letter marks a place of the first that gives much, and the component \
         that gives most there; beside it the place of the second where this component gives most.</p>\n{}",
        wide(
            "Places that matched",
            &format!(
                "<table><tr><th>place</th><th>first</th><th>second</th><th>by</th><th class=\"r\">of the cosine</th></tr>\
                 {rows}</table>"
            )
        )
    )
}
