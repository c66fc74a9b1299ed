//! The surest errors, and what spoke for them.

use super::subject::{ErrorPicture, Subject};
use crate::page::{name, signed};
use fishervec::report::Surest;
use std::fmt::Write;

pub(super) fn section(subject: &Subject<'_>) -> String {
    let Some(found) = subject.report().classification.as_ref().filter(|found| !found.surest.is_empty())
    else {
        return String::new();
    };
    let lead = match subject.pictures.errors.is_empty() {
        true => {
            "Which components spoke <b class=\"plus\">for the wrong label</b> and <b class=\"minus\">against it</b>: parts of \
             the score of the wrong label minus that of the right one, by all other sets."
        }
        false => {
            "Left the image, right what spoke <b class=\"plus\">for the wrong label</b> and <b class=\"minus\">against \
             it</b>: parts of the score of the wrong label minus that of the right one, by all other sets."
        }
    };
    let mut items = String::new();
    for (i, error) in found.surest.iter().enumerate() {
        let picture = subject.pictures.errors.get(i).map(picture).unwrap_or_default();
        let _ = write!(
            items,
            "<li>{picture}<b>{}</b> taken for <b>{}</b><br><span class=\"cap\">by <span data-value=\"{}\">{}</span>, set \
             {}</span>{}</li>",
            name(&error.label),
            name(&error.taken_for),
            error.margin,
            signed(error.margin, 2).trim_start_matches('+'),
            subject.shown(error.set),
            components(error)
        );
    }
    format!("<h2>The surest errors</h2>\n<p>{lead}</p>\n<ul class=\"errors num\">{items}</ul>")
}

fn components(error: &Surest) -> String {
    if error.components.len() < 2 {
        return String::new();
    }
    let of = |sign: f64| {
        let own = error.components.iter().filter(|at| sign * at.share > 0.0).take(3);
        own.map(|at| format!("{} ({})", at.component, signed(at.share, 2))).collect::<Vec<_>>().join(", ")
    };
    let (plus, minus) = (of(1.0), of(-1.0));
    let mut html = "<br><span class=\"cap\">components".to_owned();
    if !plus.is_empty() {
        let _ = write!(html, " <span class=\"plus\">{plus}</span>");
    }
    if !minus.is_empty() {
        let _ = write!(html, " <span class=\"minus\">{minus}</span>");
    }
    html + "</span>"
}

fn picture(picture: &ErrorPicture) -> String {
    let [plus, minus] = picture.masks.each_ref().map(|uri| format!("mask-image:url({uri})"));
    format!(
        "<div class=\"duo\"><img src=\"{0}\" alt=\"the image\" style=\"aspect-ratio:{1:.3}\"><div class=\"map ink\" role=\"img\" \
         aria-label=\"which parts spoke for the wrong label and against it\" style=\"aspect-ratio:{1:.3}\">\
         <i style=\"--k:var(--plus);{plus}\"></i><i style=\"--k:var(--minus);{minus}\"></i></div></div>",
        picture.image, picture.shape
    )
}
