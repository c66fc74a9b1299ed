//! Shares on a map: two masks, for and against, which CSS colours, so that one picture fits both themes.

use super::whole::Side;
use crate::explained::Plane;
use crate::page::{FULL, Mask, count, escape, of_image, short};
use crate::slide_picture::SlidePicture;
use fishervec::explain::{Field, Match, Window};
use std::fmt::Write;

/// The part of both sides of the window that is looked for: two fifths.
pub(super) const WINDOW: f64 = 0.4;

/// One colour of a map.
pub(super) struct Layer {
    /// The name of its token.
    pub(super) color: String,
    pub(super) mask: Mask,
}

/// The masks of what is above zero and below.
fn layers(field: &Field) -> [Layer; 2] {
    let [plus, minus] = Mask::of_field(field);
    [("--plus", plus), ("--minus", minus)].map(|(color, mask)| Layer { color: color.to_owned(), mask })
}

/// A map: the layers over the picture, if there is one, and a drawing over both.
pub(super) fn map(
    layers: &[Layer],
    plane: &Plane,
    picture: Option<&str>,
    label: &str,
    drawing: &str,
) -> String {
    let (height, width) = plane.field.values.dim();
    let shape = width as f64 / height as f64;
    // Cells may be stretched, a picture may not.
    let shape = if picture.is_some() { shape } else { shape.clamp(0.5, 6.0) };
    let mut html = format!(
        "<div class=\"map ink{}\" role=\"img\" aria-label=\"{}\" style=\"aspect-ratio:{shape:.4};\
         max-width:min(100%,{:.0}px)\">",
        if picture.is_some() { "" } else { " cells" },
        escape(label),
        longest(shape)
    );
    if let Some(picture) = picture {
        let _ = write!(html, "<img src=\"{picture}\" alt=\"\">");
    }
    for Layer { color, mask } in layers {
        let uri = mask.uri();
        let _ = write!(
            html,
            "<i style=\"--k:var({color});mask-image:url({uri});-webkit-mask-image:url({uri})\"></i>"
        );
    }
    html + drawing + "</div>"
}

/// The map of shares with its caption; `letters` are the windows that matched, with their letters.
pub(super) fn of_shares(
    side: &Side<'_>,
    plane: &Plane,
    title: &str,
    letters: &[(char, Window)],
    windowed: bool,
) -> String {
    let image = side.subject.of_image().map(|(_, image, _)| image);
    let picture = image.map(of_image);
    let window = plane.field.window(WINDOW);
    let label = match &window {
        Some(window) => format!(
            "Map of the shares of {} descriptors: the rectangle from x {}, y {}, {} wide and {} high holds {:.0} % of \
             all that moves the score",
            count(side.subject.n_rows),
            short(window.x),
            short(window.y),
            short(window.width),
            short(window.height),
            100.0 * window.holds
        ),
        None => "Map of shares that are all zero".to_owned(),
    };
    let drawing = drawing(plane, window.filter(|_| image.is_some() && windowed), letters);
    let full = plane.field.quantile(FULL);
    if full == 0.0 {
        return String::new();
    }
    let mut caption =
        format!("{title} Full colour: {}, the 99.5th percentile; no colour: neither way. ", short(full));
    caption += match image {
        Some(_) => {
            "Each share is spread over the square that its descriptor describes, which changes no sum."
        }
        None if plane.field.values.len() == 1 => "All descriptors lie at one place.",
        None => "Smoothed over neighbouring patches, which changes no sum.",
    };
    if let (Some(window), true) = (window, image.is_some() && windowed) {
        let _ = write!(
            caption,
            " Dashed: the window of a sixth of the area that holds most, <span data-value=\"{}\">{:.0} %</span> of all that \
             moves the score.",
            window.holds,
            100.0 * window.holds
        );
    }
    format!(
        "<figure>{}<figcaption class=\"cap\">{caption}</figcaption></figure>",
        map(&layers(&plane.field), plane, picture.as_deref(), &label, &drawing)
    )
}

/// The slide, as far as the map goes.
pub(super) fn slide(picture: &SlidePicture, plane: &Plane) -> fishervec::Result<String> {
    let field = &plane.field;
    let (height, width) = field.values.dim();
    let [width, height] = [width, height].map(|n| n as f64 * field.cell);
    let shown =
        picture.shown(&Window { x: field.origin[0], y: field.origin[1], width, height, holds: 0.0 })?;
    Ok(format!(
        "<figure><img class=\"slide\" src=\"{}\" alt=\"The slide\" style=\"max-width:min(100%,{:.0}px)\">\
         <figcaption class=\"cap\">The slide.</figcaption></figure>",
        of_image(&shown),
        longest(width / height)
    ))
}

/// The width at which neither of long sides leaves the screen.
fn longest(shape: f64) -> f64 {
    (640.0 * shape).clamp(160.0, 1080.0)
}

/// The key to the colours, and the switch that shows the photographs alone.
pub(super) fn key(has_picture: bool) -> String {
    let switch = if has_picture {
        "<label><input type=\"checkbox\" id=\"plain\"> Show the photographs alone</label>"
    } else {
        ""
    };
    format!(
        "<div class=\"key\"><span>against</span><span class=\"ramp ink\"></span><span>for</span>{switch}</div>"
    )
}

/// The window and the letters, in the unit of the squares.
fn drawing(plane: &Plane, window: Option<Window>, letters: &[(char, Window)]) -> String {
    if window.is_none() && letters.is_empty() {
        return String::new();
    }
    let field = &plane.field;
    let (height, width) = field.values.dim();
    let size = [width as f64 * field.cell, height as f64 * field.cell];
    let radius = 0.05 * size[0].min(size[1]);
    let mut svg = format!(
        "<svg viewBox=\"{} {} {} {}\" aria-hidden=\"true\">",
        field.origin[0], field.origin[1], size[0], size[1]
    );
    if let Some(Window { x, y, width, height, .. }) = window {
        for class in ["halo", "win"] {
            let _ = write!(
                svg,
                "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{:.1}\"/>",
                radius / 3.0
            );
        }
    }
    for (letter, at) in letters {
        let (x, y) = (at.x + at.width / 2.0, at.y + at.height / 2.0);
        let _ = write!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\"/><text x=\"{x:.1}\" y=\"{y:.1}\" dy=\".36em\" \
             font-size=\"{:.1}\">{letter}</text>",
            1.3 * radius
        );
    }
    svg + "</svg>"
}

/// The letters of matches, on the first picture or on the second.
pub(super) fn letters(matched: &[Match], second: bool) -> Vec<(char, Window)> {
    let window = |one: &Match| if second { one.second } else { one.first };
    ('A'..).zip(matched).map(|(letter, one)| (letter, window(one))).collect()
}
