//! The csv beside the vectors: which row is which set or group, and how its encoding went (RFC 4180, with
//! line feeds).

use crate::groups::Row;
use crate::outputs::{ALWAYS, HEAD};
use fishervec::Result;
use fishervec::io::Staged;
use std::borrow::Cow;

/// A csv that is being written.
#[derive(Debug)]
pub(crate) struct Manifest {
    file: Staged,
    rows: usize,
    labels: bool,
    reasons: bool,
}

/// How the encoding of a set went.
#[derive(Debug)]
pub(crate) struct Outcome<'a> {
    pub(crate) n: Option<usize>,
    pub(crate) mean_log_likelihood: Option<f64>,
    pub(crate) status: &'static str,
    pub(crate) reason: &'a str,
}

impl Manifest {
    /// Begins an empty file, with a column for labels and one for reasons if requested.
    pub(crate) fn begin(file: Staged, labels: bool, reasons: bool) -> Result<Self> {
        let mut manifest = Manifest { file, rows: 0, labels, reasons };
        manifest.line(HEAD.map(Cow::from))?;
        Ok(manifest)
    }

    /// Goes on with such a file, which has `rows` lines after the first.
    pub(crate) fn go_on(file: Staged, labels: bool, reasons: bool, rows: usize) -> Self {
        Manifest { file, rows, labels, reasons }
    }

    pub(crate) fn file_mut(&mut self) -> &mut Staged {
        &mut self.file
    }

    pub(crate) fn row(&mut self, row: &Row, outcome: &Outcome<'_>) -> Result<()> {
        let fields = [
            self.rows.to_string().into(),
            row.source.as_str().into(),
            row.name.as_str().into(),
            text(outcome.n),
            text(outcome.mean_log_likelihood),
            outcome.status.into(),
            text(row.label.as_ref()),
            outcome.reason.into(),
        ];
        self.rows += 1;
        self.line(fields)
    }

    pub(crate) fn finish(self) -> Staged {
        self.file
    }

    fn line(&mut self, fields: [Cow<'_, str>; 8]) -> Result<()> {
        let wanted = (0..).map(|column| column < ALWAYS || [self.labels, self.reasons][column - ALWAYS]);
        let fields = fields.iter().zip(wanted).filter(|(_, wanted)| *wanted);
        let fields: Vec<_> = fields.map(|(field, _)| quoted(field)).collect();
        self.file.append(format!("{}\n", fields.join(",")).as_bytes())
    }
}

fn text(value: Option<impl ToString>) -> Cow<'static, str> {
    value.map_or(Cow::Borrowed(""), |value| value.to_string().into())
}

/// A field, in quotes if it must be: readers may leave out spaces around it.
pub(crate) fn quoted(field: &str) -> Cow<'_, str> {
    if field.contains([',', '"', '\n', '\r']) || field.starts_with(' ') || field.ends_with(' ') {
        format!("\"{}\"", field.replace('"', "\"\"")).into()
    } else {
        field.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_if_they_must_be() {
        assert_eq!(quoted("plain name"), "plain name");
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!([quoted(" a"), quoted("a ")], ["\" a\"", "\"a \""]);
        assert_eq!(quoted("a \"b\"\n"), "\"a \"\"b\"\"\n\"");
    }
}
