//! The page from top to bottom.

use super::{components, loudest, maps, order, score};
use crate::explained::Explained;
use crate::page::{Document, count, escape, name};
use crate::score::Score;
use crate::slide_picture::SlidePicture;
use crate::subject::Subject;
use fishervec::encode::{Kind, Norm};
use fishervec::explain::Match;
use fishervec::{Encode, Pipeline};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

const STYLE: &str = include_str!("style.css");

/// A set with its shares.
pub(super) type Side<'a> = Explained<'a>;

/// What the page is about, beside the sets.
pub(crate) struct About<'a> {
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) model: &'a Path,
    pub(crate) score: &'a Score,
    /// The places of two images that match.
    pub(crate) matched: &'a [Match],
    /// The picture of the slide that the first set is cut from.
    pub(crate) picture: Option<&'a SlidePicture>,
    /// The other files that are written.
    pub(crate) beside: &'a [PathBuf],
}

/// The page about a set, or about two.
///
/// # Errors
/// Never, except by a bug: pictures that cannot be made smaller.
pub(crate) fn page(about: &About<'_>, sides: &[Side<'_>]) -> fishervec::Result<String> {
    let side = &sides[0];
    let title = title(about, sides);
    let mut page = Document::new(&title.0, STYLE);
    page.push(format!("<h1>{}</h1>\n<p class=\"sub\">{}</p>", title.1, settings(about, sides)));
    page.push(score::equation(about, side));
    let has_picture = sides.iter().any(|side| side.subject.of_image().is_some());
    if sides.iter().any(|side| side.plane.is_some()) {
        page.push(maps::key(has_picture));
    }
    page.push("<div class=\"maps\">");
    if let (Some(picture), Some(plane)) = (about.picture, &side.plane) {
        page.push(maps::slide(picture, plane)?);
    }
    for (i, side) in sides.iter().enumerate() {
        let title = match sides.len() {
            1 => "<b>Each descriptor\u{2019}s share of the score.</b>".to_owned(),
            _ => format!("<b>{}.</b>", name(&of(side.subject))),
        };
        page.push(match &side.plane {
            // The window says where in the second the first is found.
            Some(plane) => {
                let letters = maps::letters(about.matched, i == 1);
                maps::of_shares(side, plane, &title, &letters, i + 1 == sides.len())
            }
            None => order::of_shares(side),
        });
    }
    page.push("</div>");
    page.push(loudest::matches(about, sides));
    page.push(components::section(side, about.score.bias));
    page.push(loudest::section(about, side));
    page.push(score::classes(about));
    page.push(how_to_read(about));
    page.push(files(about));
    Ok(page.finish(&numbers(about, sides)))
}

/// What a set is called.
fn of(subject: &Subject) -> String {
    let file = subject.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match &subject.name {
        None => file,
        Some(name) => format!("{name} in {file}"),
    }
}

/// How a name is written: as text, or as HTML.
type Names<'a> = &'a dyn Fn(&str) -> String;

/// The title as text, and as HTML.
fn title(about: &About<'_>, sides: &[Side<'_>]) -> (String, String) {
    let forms = |form: &dyn Fn(Names<'_>) -> String| (form(&str::to_owned), form(&name));
    let first = of(sides[0].subject);
    let class = about.score.class.as_deref().map(|class| if class.is_empty() { "(no name)" } else { class });
    match (sides, class) {
        ([_, second], _) => {
            let second = of(second.subject);
            forms(&|name| format!("What do {} and {} have in common?", name(&first), name(&second)))
        }
        (_, Some(class)) if about.score.is_chosen => {
            forms(&|name| format!("Why is {} taken for {}?", name(&first), name(class)))
        }
        (_, Some(class)) => forms(&|name| format!("What speaks for {} in {}?", name(class), name(&first))),
        _ => forms(&|name| format!("Which descriptors of {} made its score?", name(&first))),
    }
}

fn settings(about: &About<'_>, sides: &[Side<'_>]) -> String {
    let encoder = about.pipeline.encoder();
    let kind = match encoder.kind() {
        "fisher" => "Fisher vector",
        "vlad" => "VLAD",
        "bow" => "bag of words",
        "h2t" => "H2T",
        "pooling" => "mean and deviation",
        other => other,
    };
    let components =
        encoder.mixture().map(|mixture| format!(", {} components", count(mixture.n_components())));
    let normalization = encoder.normalization();
    let power = (normalization.power != 1.0).then(|| format!(", power {}", normalization.power));
    let norm = (normalization.norm != Norm::None)
        .then(|| format!(", norm {}", normalization.norm.name().replace('l', "L")));
    let rows: Vec<String> = sides.iter().map(|side| count(side.subject.n_rows)).collect();
    let score = match sides.len() {
        1 => "score of a linear classifier",
        _ => "cosine of their vectors",
    };
    format!(
        "{} descriptors \u{b7} {kind}{}{}{}, {} numbers \u{b7} {score} \u{b7} {} \u{b7} fishervec {}",
        rows.join(" and "),
        components.unwrap_or_default(),
        power.unwrap_or_default(),
        norm.unwrap_or_default(),
        count(about.pipeline.output_dim()),
        name(&about.model.file_name().unwrap_or_default().to_string_lossy()),
        env!("CARGO_PKG_VERSION")
    )
}

fn how_to_read(about: &About<'_>) -> String {
    let power = about.pipeline.encoder().normalization().power;
    let loud = if power < 1.0 {
        format!(
            "<p>Power {power} makes small numbers of the vector loud, and their shares come in pairs that cancel: one by \
             one shares are noisy, and places and components say more than single descriptors.</p>"
        )
    } else {
        String::new()
    };
    format!(
        "<h2>How to read it</h2>\n<p>Every descriptor has a share of the score, and the shares add up to it exactly. A share \
         says what the descriptor adds to the vector of this set; it does not say what the score would be without it, \
         since power and norm belong to the whole set.</p>\n{loud}"
    )
}

fn files(about: &About<'_>) -> String {
    let shown = |path: &PathBuf| {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let what = match path.extension().and_then(|ending| ending.to_str()) {
            Some("geojson") => " for QuPath",
            _ => ", one line per descriptor in the order of the rows",
        };
        format!("<code>{}</code>{what}", escape(&file))
    };
    let all: Vec<String> = about.beside.iter().map(shown).collect();
    format!(
        "<p class=\"sub\">Beside this page: {}. In Python: <code>encoder.contributions(sets, coef)</code>.</p>",
        all.join("; ")
    )
}

/// The numbers of the page, for who would compute with them.
fn numbers(about: &About<'_>, sides: &[Side<'_>]) -> Value {
    let side = |side: &Side<'_>| {
        let [plus, minus] = side.explanation.for_and_against();
        let component = |one: &fishervec::explain::ComponentShare| json!({"component": one.component, "typical": one.typical, "here": one.here, "share": one.share});
        let window = side.plane.as_ref().and_then(|plane| plane.field.window(maps::WINDOW)).map(|window| {
            json!({"x": window.x, "y": window.y, "width": window.width, "height": window.height, "holds": window.holds})
        });
        json!({
            "set": of(side.subject),
            "descriptors": side.subject.n_rows,
            "sum": side.explanation.score,
            "for": plus,
            "against": minus,
            "components": side.explanation.components.iter().map(component).collect::<Vec<_>>(),
            "window": window,
        })
    };
    json!({
        "score": sides[0].explanation.score + about.score.bias,
        "bias": about.score.bias,
        "class": about.score.class,
        "classes": about.score.classes.iter().map(|(name, score)| json!([name, score])).collect::<Vec<_>>(),
        "sets": sides.iter().map(side).collect::<Vec<_>>(),
    })
}
