//! The frame of a page, and text in it.

use serde_json::Value;
use std::fmt::Write;

/// The colours of either theme, and what all pages have in common.
const STYLES: [&str; 2] = [include_str!("tokens.css"), include_str!("style.css")];

/// A page that is being written: one HTML file that asks for nothing else.
pub(crate) struct Document {
    title: String,
    style: &'static str,
    body: String,
}

impl Document {
    /// A page with this title, and its own rules of style after the common ones.
    pub(crate) fn new(title: &str, style: &'static str) -> Self {
        Document { title: title.to_owned(), style, body: String::new() }
    }

    /// Appends HTML.
    pub(crate) fn push(&mut self, html: impl AsRef<str>) {
        self.body.push_str(html.as_ref());
        self.body.push('\n');
    }

    /// The whole page. Its numbers are in it once more, as JSON, for who would compute with them.
    pub(crate) fn finish(self, numbers: &Value) -> String {
        let mut page = String::with_capacity(self.body.len() + 8192);
        // Whatever a name holds, it cannot end the element.
        let numbers = numbers.to_string().replace('<', "\\u003c");
        let _ = write!(
            page,
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <link rel=\"icon\" href=\"data:,\">\n<title>{}</title>\n<style>\n{}{}{}</style>\n\
             <main>\n{}</main>\n<script type=\"application/json\" id=\"numbers\">{numbers}</script>\n</html>\n",
            escape(&self.title),
            STYLES[0],
            STYLES[1],
            self.style,
            self.body
        );
        page
    }
}

/// A name that a user gave, which may be written from right to left.
pub(crate) fn name(text: &str) -> String {
    format!("<bdi>{}</bdi>", escape(text))
}

/// HTML that may be wider than the page, in a box that scrolls, with keys too; `label` says what it is.
pub(crate) fn wide(label: &str, html: &str) -> String {
    format!("<div class=\"wide\" tabindex=\"0\" role=\"group\" aria-label=\"{}\">{html}</div>", escape(label))
}

/// Text as it stands in HTML, in elements and in attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            // Bytes of a name that a page cannot show.
            c if c.is_control() && c != '\n' && c != '\t' => html.push('\u{fffd}'),
            c => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_name_ends_an_element_or_an_attribute() {
        assert_eq!(escape("a<b>&\"c'\u{1}"), "a&lt;b&gt;&amp;&quot;c&#39;\u{fffd}");
        let mut page = Document::new("</title><script>", "");
        page.push("<h1>x</h1>");
        let html = page.finish(&json!({"name": "</script><b>"}));
        assert_eq!(html.matches("</script>").count(), 1, "{html}");
        assert_eq!(html.matches("</title>").count(), 1, "{html}");
    }
}
