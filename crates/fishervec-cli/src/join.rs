//! What a table says about sets, by their names.

use crate::names::{Named, Names, first_of_each, without_ending};
use crate::progress::counted;
use crate::table::Table;
use anyhow::bail;
use fishervec::image::Image;
use std::collections::BTreeSet;
use std::path::Path;

/// The largest number of names that a message lists.
const SHOWN: usize = 3;

/// The values of one column of a table, for sets.
#[derive(Debug)]
pub(crate) struct Joined<'t> {
    /// One value per set; none where the table has no row for the set, or the field is empty.
    pub(crate) values: Vec<Option<&'t str>>,
    /// What one should know about sets without a value, and about rows without a set.
    pub(crate) warnings: Vec<String>,
}

/// The values of `column` for `sets`, whose names are in the key column of the table.
///
/// A set is called what the column `set` of NAME.csv calls it or, if it is alone in its file, what the file
/// is called, each with or without folders in front. The ending of a file may be there, be missing, or be
/// another; what comes after the dot in `P1.left.npy` is none, and `P1.right` is another name.
///
/// # Errors
/// If no row names a set; if a row has a name of several sets; if two rows that name one set have different
/// values.
pub(crate) fn joined<'t>(table: &'t Table, column: usize, sets: &[Named<'_>]) -> anyhow::Result<Joined<'t>> {
    let (key, names) = (table.key_column(), Names::new(sets));
    let mut join = Join { table, key, column, sets, names, rows: vec![] };
    join.rows.resize(sets.len(), None);
    let mut others = Vec::new();
    for row in 0..table.rows.len() {
        let place = join.place(row).map(|place| join.find(row, &place)).transpose()?.flatten();
        match place.map_or_else(|| join.find(row, join.text(row)), |set| Ok(Some(set)))? {
            Some(set) => join.take(row, set)?,
            None => others.push(row),
        }
    }
    // What has a name of its own keeps it, whatever other names are without their endings.
    let (named, mut spare) = (join.rows.clone(), Vec::new());
    for row in others {
        let set = join.find_with_another_ending(row)?;
        match set.filter(|set| named[*set].is_none()) {
            Some(set) => join.take(row, set)?,
            None => spare.push(row),
        }
    }
    join.finish(&spare)
}

struct Join<'t, 's> {
    table: &'t Table,
    key: usize,
    column: usize,
    sets: &'s [Named<'s>],
    names: Names,
    /// The row of each set.
    rows: Vec<Option<usize>>,
}

impl<'t> Join<'t, '_> {
    /// What a set is called in a message; with its folders, if others are called alike.
    fn shown(&self, set: usize) -> String {
        let (shown, source) = (self.sets[set].shown(), self.sets[set].source.display());
        match self.names.get(&shown) {
            Some(found) if found.len() > 1 && self.sets[set].alone => source.to_string(),
            Some(found) if found.len() > 1 => format!("{source}/{shown}"),
            _ => shown,
        }
    }

    /// What a row has in the key column.
    fn text(&self, row: usize) -> &'t str {
        &self.table.rows[row][self.key]
    }

    /// The file and the set of a row of NAME.csv, which says both; `None` for a row of another table.
    fn place(&self, row: usize) -> Option<String> {
        let called = |name: &str| self.table.columns.iter().position(|column| column == name);
        let (source, set) = (called("source")?, called("set")?);
        let [source, set] = [source, set].map(|column| self.table.rows[row][column].as_str());
        let whole = format!("{source}/{set}");
        [whole, source.to_owned()].into_iter().find(|name| self.names.get(name).is_some())
    }

    /// The set of that name.
    ///
    /// # Errors
    /// If several sets have it.
    fn find(&self, row: usize, text: &str) -> anyhow::Result<Option<usize>> {
        self.names.get(text).map_or(Ok(None), |found| self.only(row, found))
    }

    /// The set whose file has the name in that row, but for its ending.
    ///
    /// # Errors
    /// If several sets have it.
    fn find_with_another_ending(&self, row: usize) -> anyhow::Result<Option<usize>> {
        let Some(text) = without_ending(self.text(row)) else { return Ok(None) };
        let is_image = |set: &usize| Image::is_one(Path::new(self.sets[*set].name));
        match (self.names.get_whole(text), self.names.get(text)) {
            (Some(found), _) => self.only(row, found),
            (None, Some(found)) if found.iter().all(is_image) => self.only(row, found),
            _ => Ok(None),
        }
    }

    /// The set that has the name in a row.
    ///
    /// # Errors
    /// If several sets have it.
    fn only(&self, row: usize, found: &BTreeSet<usize>) -> anyhow::Result<Option<usize>> {
        if found.len() > 1 {
            let files = found.iter().map(|set| self.sets[*set].source.display().to_string());
            bail!(
                "{}: line {}: {} is a name of {} sets (in {}): write names of files with their folders, as in \
                 the column source of NAME.csv",
                self.table.path.display(),
                self.table.line(row),
                self.text(row),
                found.len(),
                some(files)
            );
        }
        Ok(found.first().copied())
    }

    /// Gives a set its row.
    ///
    /// # Errors
    /// If it has one already, with another value.
    fn take(&mut self, row: usize, set: usize) -> anyhow::Result<()> {
        let value = |row: usize| &self.table.rows[row][self.column];
        match self.rows[set].filter(|other| value(*other) != value(row)) {
            Some(other) => bail!(
                "{}: lines {} and {} both name the set {}, but its {} is {:?} in one and {:?} in the other: \
                 correct or remove one",
                self.table.path.display(),
                self.table.line(other),
                self.table.line(row),
                self.shown(set),
                self.table.columns[self.column],
                value(other),
                value(row)
            ),
            None => {
                self.rows[set] = Some(row);
                Ok(())
            }
        }
    }

    fn finish(mut self, spare: &[usize]) -> anyhow::Result<Joined<'t>> {
        self.rows = first_of_each(self.sets).into_iter().map(|set| self.rows[set]).collect();
        let table = self.table;
        let (shown, name) = (table.path.display(), &table.columns[self.column]);
        if spare.len() == table.rows.len() && !self.sets.is_empty() {
            bail!(self.no_match());
        }
        let value = |row: &Option<usize>| {
            row.map(|row| table.rows[row][self.column].as_str()).filter(|value| !value.is_empty())
        };
        let values: Vec<Option<&str>> = self.rows.iter().map(value).collect();
        let without: Vec<usize> = (0..values.len()).filter(|set| values[*set].is_none()).collect();
        let mut warnings = Vec::new();
        if !without.is_empty() {
            let (n, all) = (without.len(), counted(self.sets.len(), "set"));
            let sets = some(without.into_iter().map(|set| self.shown(set)));
            warnings.push(format!("{shown}: no {name} for {n} of {all} ({sets})"));
        }
        if !spare.is_empty() {
            let (n, all) = (spare.len(), counted(table.rows.len(), "row"));
            let names = some(spare.iter().map(|row| self.text(*row)));
            let verb = if n == 1 { "names" } else { "name" };
            warnings.push(format!("{shown}: {n} of {all} {verb} none of these sets ({names})"));
        }
        Ok(Joined { values, warnings })
    }

    /// The error about a table that names no set: what it has, what is expected, which column may be meant.
    fn no_match(&self) -> String {
        let table = self.table;
        let key = match table.columns[self.key].as_str() {
            "" => "without a name",
            name => name,
        };
        let values = |column: usize| table.rows.iter().map(move |row| row[column].as_str());
        let names_sets = |column: &usize| values(*column).any(|text| self.names.get(text).is_some());
        let hint = (0..table.columns.len()).find(names_sets).map_or_else(String::new, |column| {
            format!("; the column {} has such names: call it slide_id", table.columns[column])
        });
        format!(
            "{}: no row names one of the sets: the column {key} has {}, and the sets are called {}{hint}",
            table.path.display(),
            if table.rows.is_empty() { "nothing".to_owned() } else { some(values(self.key)) },
            some((0..self.sets.len()).map(|set| self.shown(set))),
        )
    }
}

/// The first few names of a list.
pub(crate) fn some(names: impl Iterator<Item = impl ToString>) -> String {
    let mut names = names.map(|name| name.to_string());
    let shown: Vec<String> = names.by_ref().take(SHOWN).collect();
    let more = if names.next().is_some() { ", ..." } else { "" };
    format!("{}{more}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn join(text: &str, sets: &[(&str, &str, bool)]) -> anyhow::Result<(Vec<String>, Vec<String>)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        fs::write(&path, text).unwrap();
        let table = Table::open(&path).unwrap();
        let named = |(source, name, alone): &(&'static str, &'static str, bool)| Named {
            source: Path::new(*source),
            name,
            alone: *alone,
        };
        let sets: Vec<Named<'_>> = sets
            .iter()
            .map(|set| named(&(Box::leak(set.0.into()), Box::leak(set.1.into()), set.2)))
            .collect();
        let joined = joined(&table, 1, &sets)?;
        let values = joined.values.iter().map(|value| value.unwrap_or("-").to_owned()).collect();
        Ok((values, joined.warnings))
    }

    const SETS: [(&str, &str, bool); 4] = [
        ("slides/a/s1.h5", "s1", true),
        ("slides/b/s2.npz", "features", true),
        ("TCGA-1.F6E9A5DF-D8.npy", "TCGA-1.F6E9A5DF-D8", true),
        ("slides/batch.npz", "img1.jpg", false),
    ];

    #[test]
    fn a_set_is_called_by_its_name_or_its_file_with_or_without_folders_and_ending() {
        for names in [
            ["s1", "s2", "TCGA-1.F6E9A5DF-D8", "img1.jpg"],
            ["s1.h5", "s2.npz", "TCGA-1.F6E9A5DF-D8.npy", "img1"],
            ["s1.svs", "s2.ndpi", "TCGA-1.F6E9A5DF-D8.svs", "img1.png"],
            ["a/s1", "b/s2.svs", "./TCGA-1.F6E9A5DF-D8.npy", "batch.npz/img1.jpg"],
            ["slides/a/s1.h5", "/slides/b/s2", "TCGA-1.F6E9A5DF-D8", "slides/batch/img1"],
        ] {
            let rows: String = names.iter().enumerate().map(|(i, name)| format!("{name},{i}\n")).collect();
            let (values, warnings) = join(&format!("slide_id,label\n{rows}"), &SETS).unwrap();
            assert_eq!((values.join(" ").as_str(), warnings), ("0 1 2 3", vec![]), "{names:?}");
        }
    }

    #[test]
    fn a_name_csv_names_sets_by_their_files() {
        let sets = [("./a.npz", "features", true), ("b.npz", "features", true), ("c.npz", "x", false)];
        let text = "set,label,source\nfeatures,1,a.npz\nfeatures,2,./b.npz\nx,3,c.npz\n";
        assert_eq!(join(text, &sets).unwrap().0, ["1", "2", "3"]);
        // Of files that are elsewhere now, by the names of their sets.
        let text = "set,label,source\nfeatures,1,d.npz\nx,3,e.npz\n";
        assert_eq!(join(text, &sets[1..]).unwrap().0, ["1", "3"]);
        // However the files were given, now or then.
        let sets = [("../data/a/f.npz", "features", true), ("data/x/../b/f.npz", "features", true)];
        let text = "set,label,source\nfeatures,1,data/y/../a/f.npz\nfeatures,2,./data/b/f.npz\n";
        assert_eq!(join(text, &sets).unwrap().0, ["1", "2"]);
        for folder in ["/data/", "../data/", "data/../data/", "./data//"] {
            let files = ["a", "b"].map(|name| format!("{folder}{name}/f.npz"));
            let sets = [(&files[0][..], "features", true), (&files[1][..], "features", true)];
            let text = format!("set,label,source\nfeatures,1,{}\nfeatures,2,{}\n", files[0], files[1]);
            assert_eq!(join(&text, &sets).unwrap().0, ["1", "2"], "{folder}");
            let text = format!("file,label\n{},1\n{},2\n", files[0], files[1]);
            assert_eq!(join(&text, &sets).unwrap().0, ["1", "2"], "{folder}");
        }
    }

    #[test]
    fn the_set_of_a_file_that_is_given_twice_has_its_value_twice() {
        let sets = [("a.npy", "a", true), ("b.npz", "features", true), ("a.npy", "a", true)];
        let (values, warnings) = join("set,label\na,x\nb,y\n", &sets).unwrap();
        assert_eq!((values.join(" ").as_str(), warnings), ("x y x", vec![]));
        // Two sets of one name in a file may be different ones.
        let error = join("set,label\n0,x\n", &[("b.npz", "0", false); 2]).unwrap_err().to_string();
        assert!(error.contains("0 is a name of 2 sets (in b.npz, b.npz)"), "{error}");
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_called_by_its_name_alone() {
        let sets = [("a.npy", "", true), ("b.npy", "", true), ("c.npy", "c", true)];
        let (values, warnings) = join("set,label\na,x\n,y\nc,z\n", &sets).unwrap();
        assert_eq!(values, ["x", "-", "z"]);
        assert!(warnings[1].ends_with("1 of 3 rows names none of these sets ()"), "{warnings:?}");
    }

    #[test]
    fn what_is_missing_or_left_over_is_counted_and_named() {
        let (values, warnings) = join("set,label\ns1,x\nfeatures,\nq,y\n,z\n", &SETS).unwrap();
        assert_eq!(values, ["x", "-", "-", "-"]);
        assert!(
            warnings[0].ends_with("no label for 3 of 4 sets (s2, TCGA-1.F6E9A5DF-D8, img1.jpg)"),
            "{warnings:?}"
        );
        assert!(warnings[1].ends_with("2 of 4 rows name none of these sets (q, )"), "{warnings:?}");
    }

    #[test]
    fn an_exact_name_goes_before_one_with_another_ending() {
        let (values, warnings) = join("set,label\ns1.svs,x\ns1,y\ns1.tif,z\n", &SETS[..1]).unwrap();
        assert_eq!(values, ["y"]);
        assert!(
            warnings[0].ends_with("2 of 3 rows name none of these sets (s1.svs, s1.tif)"),
            "{warnings:?}"
        );
        let sets = [("s1.npy", "s1", true), ("s1.jpg.npy", "s1.jpg", true), ("s2.jpg.npy", "s2.jpg", true)];
        let (values, _) = join("set,label\ns1,x\ns1.jpg,y\ns2,z\n", &sets).unwrap();
        assert_eq!(values, ["x", "y", "z"]);
        // What another dot separates is part of a name.
        let sets = [("P1.left.npy", "P1.left", true), ("P2.npy", "P2", true)];
        let (values, warnings) = join("set,label\nP1.right,x\nP2.svs,y\n", &sets).unwrap();
        assert_eq!(values, ["-", "y"]);
        assert!(warnings[1].ends_with("1 of 2 rows names none of these sets (P1.right)"), "{warnings:?}");
        let (values, _) = join("set,label\nP1.left.svs,x\n", &sets).unwrap();
        assert_eq!(values, ["x", "-"]);
        // Numbers and long words are no endings.
        let told = join("set,label\ns1.2,x\ns1.patients,x\n", &SETS[..1]).unwrap_err().to_string();
        assert!(told.contains("no row names one of the sets"), "{told}");
    }

    #[test]
    fn what_can_be_meant_two_ways_is_an_error() {
        let told = |text: &str, sets: &[(&str, &str, bool)]| join(text, sets).unwrap_err().to_string();
        let twice = [("a/s1.npy", "s1", true), ("b/s1.npy", "s1", true)];
        let error = told("set,label\ns1,x\n", &twice);
        assert!(error.contains("line 2: s1 is a name of 2 sets (in a/s1.npy, b/s1.npy)"), "{error}");
        assert_eq!(join("set,label\na/s1,x\nb/s1,y\n", &twice).unwrap().0, ["x", "y"]);
        let warned = |text: &str, sets: &[(&str, &str, bool)]| join(text, sets).unwrap().1[0].clone();
        let warning = warned("set,label\nb/s1,y\n", &twice);
        assert!(warning.ends_with("no label for 1 of 2 sets (a/s1.npy)"), "{warning}");
        let batches = [("a.npz", "0", false), ("a.npz", "1", false), ("b.npz", "0", false)];
        let warning = warned("set,label\n1,y\na/0,x\n", &batches);
        assert!(warning.ends_with("no label for 1 of 3 sets (b.npz/0)"), "{warning}");
        let error = told("set,label\ns1,x\ns1.h5,y\n", &SETS);
        let expected =
            "lines 2 and 3 both name the set s1, but its label is \"x\" in one and \"y\" in the other";
        assert!(error.contains(expected), "{error}");
        assert_eq!(join("set,label\ns1,x\ns1.h5,x\n", &SETS[..1]).unwrap().0, ["x"]);
        let error = told("patient,label,wsi\nP1,x,s1\nP2,y,s2\n", &SETS);
        assert!(
            error.ends_with(
                "no row names one of the sets: the column patient has P1, P2, and the sets are called s1, \
                 s2, TCGA-1.F6E9A5DF-D8, ...; the column wsi has such names: call it slide_id"
            ),
            "{error}"
        );
        let error = told("set,label\n", &SETS);
        assert!(error.contains("the column set has nothing"), "{error}");
    }
}
