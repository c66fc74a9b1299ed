//! Tables of text: `.csv` (RFC 4180) and `.tsv` files with a header, such as slides with their labels.

use anyhow::bail;
use std::collections::BTreeSet;
use std::fs;
use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::str::Chars;

/// The names of the column that holds the names of sets; an earlier name goes first.
const KEYS: [&str; 4] = ["slide_id", "set", "name", "slide"];
/// What spreadsheets put before the first line.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// A table that was read whole.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) path: PathBuf,
    pub(crate) columns: Vec<String>,
    /// As many fields as there are columns in each.
    pub(crate) rows: Vec<Vec<String>>,
    /// The line at which each row begins.
    lines: Vec<usize>,
}

impl Table {
    /// Reads the table at `path`. Spaces around a field and empty lines do not count. The columns of a `.tsv`
    /// are separated by tabs, those of a `.csv` by commas, or where its header has none, by semicolons or
    /// tabs, as some spreadsheets write them.
    ///
    /// # Errors
    /// Each names the path and the line: a file that cannot be read, has another ending, no header, or two
    /// columns of one name; a row with more or fewer fields than the header; quotes that are not closed or
    /// stand within a field.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let separators: &[char] = match path.extension().and_then(|ending| ending.to_str()) {
            Some(ending) if ending.eq_ignore_ascii_case("csv") => &[',', ';', '\t'],
            Some(ending) if ending.eq_ignore_ascii_case("tsv") => &['\t'],
            _ => bail!("{shown}: expected a table, whose name ends in .csv or .tsv"),
        };
        let bytes = fs::read(path).map_err(|error| anyhow::anyhow!("{shown}: {error}"))?;
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text),
            Err(error) => {
                let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
                bail!("{shown}: line {line}: expected UTF-8 text, got other bytes: save the table as UTF-8");
            }
        };
        let header = text.trim_start().split(['\n', '\r']).next().unwrap_or_default();
        let separator = separators.iter().find(|separator| header.contains(**separator));
        let mut fields = Fields::new(text, *separator.unwrap_or(&separators[0]));
        let mut next = || match fields.record() {
            Ok(record) => Ok(record),
            Err(reason) => Err(anyhow::anyhow!("{shown}: line {}: {reason}", fields.line)),
        };
        let Some((line, columns)) = next()? else { bail!("{shown}: expected a header, got an empty file") };
        let mut known = BTreeSet::new();
        if let Some(name) = columns.iter().find(|name| !name.is_empty() && !known.insert(*name)) {
            bail!("{shown}: line {line}: two columns are called {name:?}: rename or remove one");
        }
        let mut table = Table { path: path.to_owned(), columns, rows: Vec::new(), lines: Vec::new() };
        while let Some((line, row)) = next()? {
            let (expected, got) = (table.columns.len(), row.len());
            if got != expected {
                bail!("{shown}: line {line}: expected {expected} fields as in the header, got {got}");
            }
            table.rows.push(row);
            table.lines.push(line);
        }
        Ok(table)
    }

    /// The column with the names of sets: the one called `slide_id`, `set`, `name` or `slide`, or else the
    /// first.
    pub(crate) fn key_column(&self) -> usize {
        let called = |key: &&str| self.columns.iter().position(|name| name.eq_ignore_ascii_case(key));
        KEYS.iter().find_map(called).unwrap_or(0)
    }

    /// The column of that name.
    ///
    /// # Errors
    /// If there is none; the error lists those that there are.
    pub(crate) fn column(&self, name: &str) -> anyhow::Result<usize> {
        match self.columns.iter().position(|column| column == name) {
            Some(column) => Ok(column),
            None => {
                let (shown, columns) = (self.path.display(), self.columns.join(", "));
                bail!("{shown}: expected a column {name}, got the columns {columns}")
            }
        }
    }

    /// The line of the file at which a row begins, from 1.
    pub(crate) fn line(&self, row: usize) -> usize {
        self.lines[row]
    }
}

/// The fields of a text.
struct Fields<'a> {
    text: Peekable<Chars<'a>>,
    separator: char,
    /// The line that is being read, from 1.
    line: usize,
}

/// What ends a field.
#[derive(PartialEq, Eq)]
enum End {
    Field,
    Record,
    Text,
}

impl<'a> Fields<'a> {
    fn new(text: &'a str, separator: char) -> Self {
        Fields { text: text.chars().peekable(), separator, line: 1 }
    }

    /// The next line with any fields, and its number.
    fn record(&mut self) -> Result<Option<(usize, Vec<String>)>, &'static str> {
        loop {
            let (line, mut fields) = (self.line, Vec::new());
            let end = loop {
                let (field, end) = self.field()?;
                fields.push(field);
                if end != End::Field {
                    break end;
                }
            };
            match (&fields[..], end) {
                ([only], End::Text) if only.is_empty() => return Ok(None),
                ([only], _) if only.is_empty() => {}
                _ => return Ok(Some((line, fields))),
            }
        }
    }

    fn field(&mut self) -> Result<(String, End), &'static str> {
        let (separator, mut field) = (self.separator, String::new());
        while self.text.next_if(|c| *c == ' ').is_some() {}
        let quoted = self.text.next_if_eq(&'"').is_some();
        if quoted {
            self.quoted(&mut field)?;
        }
        loop {
            match self.text.next() {
                Some(c) if c == separator => return Ok((finish(field, quoted), End::Field)),
                Some(c @ ('\n' | '\r')) => {
                    self.end_line(c);
                    return Ok((finish(field, quoted), End::Record));
                }
                None => return Ok((finish(field, quoted), End::Text)),
                Some(' ') if quoted => {}
                Some('"') => return Err("a quote within a field: put the field in quotes and double it"),
                Some(_) if quoted => return Err("text after the closing quote of a field"),
                Some(c) => field.push(c),
            }
        }
    }

    /// The rest of a field after its opening quote, up to its closing one.
    fn quoted(&mut self, field: &mut String) -> Result<(), &'static str> {
        let start = self.line;
        while let Some(c) = self.text.next() {
            if c == '"' && self.text.next_if_eq(&'"').is_none() {
                return Ok(());
            }
            field.push(c);
            if matches!(c, '\n' | '\r') && self.end_line(c) {
                field.push('\n');
            }
        }
        self.line = start;
        Err("a quote is opened and never closed")
    }

    /// Counts a line that ended with `c`; whether a line feed followed a carriage return.
    fn end_line(&mut self, c: char) -> bool {
        self.line += 1;
        c == '\r' && self.text.next_if_eq(&'\n').is_some()
    }
}

/// A field as it counts: what was not quoted has no spaces around it.
fn finish(field: String, quoted: bool) -> String {
    if quoted { field } else { field.trim_end_matches(' ').to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, text: impl AsRef<[u8]>) -> anyhow::Result<Table> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        Table::open(&path)
    }

    fn error(name: &str, text: impl AsRef<[u8]>) -> String {
        table(name, text).unwrap_err().to_string()
    }

    #[test]
    fn quotes_line_ends_and_byte_order_marks_are_read_as_spreadsheets_write_them() {
        let text = "\u{feff}slide_id,note\r\n\r\na,\"x, \"\"y\"\"\r\nz\"\r\n b , \r\nc,\"\"";
        let table = table("t.csv", text).unwrap();
        assert_eq!(table.columns, ["slide_id", "note"]);
        assert_eq!(table.rows, [["a", "x, \"y\"\r\nz"], ["b", ""], ["c", ""]]);
        assert_eq!([0, 1, 2].map(|row| table.line(row)), [3, 5, 6]);
    }

    #[test]
    fn columns_are_separated_by_commas_semicolons_or_tabs() {
        for (name, text) in [
            ("a.CSV", "set;label\nx;1,5\n"),
            ("a.csv", "set\tlabel\rx\t1,5\r"),
            ("a.tsv", "set\tlabel\nx\t1,5\n"),
            ("a.csv", "set,label\nx,\"1,5\"\n"),
        ] {
            assert_eq!(table(name, text).unwrap().rows, [["x", "1,5"]], "{text:?}");
        }
        let error = error("a.csv", "set,label\nx,1,5\n");
        assert!(error.ends_with("line 2: expected 2 fields as in the header, got 3"), "{error}");
        assert_eq!(table("a.tsv", "a, b\tc\n").unwrap().columns, ["a, b", "c"]);
    }

    #[test]
    fn the_names_of_sets_are_in_the_column_called_so_or_in_the_first() {
        let key = |header: &str| table("t.csv", header).unwrap().key_column();
        assert_eq!(key("case_id,slide_id,label\n"), 1);
        assert_eq!(key("row,source,set,n\n"), 2);
        assert_eq!(key("name,Slide_ID\n"), 1);
        assert_eq!(key("recording,speaker\n"), 0);
        assert_eq!(key(",slide_id\n"), 1);
    }

    #[test]
    fn a_table_that_cannot_be_read_says_where() {
        for (name, text, expected) in [
            ("t.txt", "a,b\n", "whose name ends in .csv or .tsv"),
            ("t.csv", "", "expected a header, got an empty file"),
            ("t.csv", "\n \n", "expected a header, got an empty file"),
            ("t.csv", "a,b,a\n", "line 1: two columns are called \"a\""),
            ("t.csv", "a,b\n1,2\n3\n", "line 3: expected 2 fields as in the header, got 1"),
            ("t.csv", "a,b\n1,\"2\n3,4\n", "line 2: a quote is opened and never closed"),
            ("t.csv", "a,b\n1,2\"\n", "line 2: a quote within a field"),
            ("t.csv", "a,b\n1,\"2\"x\n", "line 2: text after the closing quote"),
        ] {
            let error = error(name, text);
            assert!(error.contains(expected) && error.contains(name), "{text:?}: {error}");
        }
        let latin = error("t.csv", b"a,b\n1,M\xfcller\n");
        assert!(latin.contains("line 2: expected UTF-8 text"), "{latin}");
    }

    #[test]
    fn a_missing_column_is_told_with_those_that_there_are() {
        let table = table("t.csv", "slide_id,patient\n").unwrap();
        assert_eq!(table.column("patient").unwrap(), 1);
        let error = table.column("case").unwrap_err().to_string();
        assert!(error.ends_with("expected a column case, got the columns slide_id, patient"), "{error}");
    }
}
