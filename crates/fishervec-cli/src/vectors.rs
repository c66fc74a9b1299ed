//! Vectors that `encode` wrote, what NAME.csv beside them says about each, and their labels.

use crate::destination::is_same;
use crate::join::some;
use crate::labels::{Label, numbered, of_table};
use crate::names::Named;
use crate::outputs;
use crate::table::Table;
use anyhow::bail;
use fishervec::data::RowBuffer;
use fishervec::io::FileRows;
use fishervec::io::npy::{self, NpyArray};
use fishervec::ndarray::{Array2, ArrayView1, ArrayView2};
use fishervec::{Error, Source};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// The vectors of a file, read whole.
#[derive(Debug)]
pub(crate) struct Vectors {
    pub(crate) path: PathBuf,
    values: Array2<f32>,
}

impl Vectors {
    pub(crate) fn load(path: &Path) -> anyhow::Result<Self> {
        let rows = FileRows::open(path)?;
        let set = rows.rows::<f32>(0..rows.n_rows());
        let mut values = vec![0.0; rows.n_rows() * rows.dim()];
        set.read_finite(0, &mut values, &mut RowBuffer::default())
            .map_err(|error| error.at(path.display().to_string()))?;
        let values = Array2::from_shape_vec((rows.n_rows(), rows.dim()), values)?;
        Ok(Vectors { path: path.to_owned(), values })
    }

    pub(crate) fn values(&self) -> ArrayView2<'_, f32> {
        self.values.view()
    }

    pub(crate) fn len(&self) -> usize {
        self.values.nrows()
    }

    /// The number of zero vectors.
    pub(crate) fn zeros(&self) -> usize {
        self.values.rows().into_iter().filter(|row| row.iter().all(|x| *x == 0.0)).count()
    }

    /// The number of vectors, other than zero, that are among those of `other` too.
    pub(crate) fn shared_with(&self, other: &Vectors) -> usize {
        let hashes = |vectors: &Vectors| -> Vec<u64> {
            let rows = vectors.values.rows().into_iter().filter(|row| row.iter().any(|x| *x != 0.0));
            let hash = |row: ArrayView1<'_, f32>| {
                let mut hasher = DefaultHasher::new();
                // Adding 0 turns -0 into 0.
                row.iter().for_each(|x| (x + 0.0).to_bits().hash(&mut hasher));
                hasher.finish()
            };
            rows.map(hash).collect()
        };
        let known: HashSet<u64> = hashes(other).into_iter().collect();
        hashes(self).into_iter().filter(|hash| known.contains(hash)).count()
    }

    /// The name of a file that belongs to the vectors.
    pub(crate) fn beside(&self, ending: &str) -> PathBuf {
        self.path.with_extension(ending)
    }

    /// What NAME.csv says about each vector; `None` if there is no such file, or `encode` did not write it.
    ///
    /// # Errors
    /// If it is about other rows; those of [`Table::open`].
    pub(crate) fn about(&self) -> anyhow::Result<Option<Vec<About>>> {
        let path = self.beside("csv");
        if !outputs::is_manifest(&path) {
            return Ok(None);
        }
        let table = Table::open(&path)?;
        let [row, source, set] = [table.column("row")?, table.column("source")?, table.column("set")?];
        let label = table.column("label").ok();
        let mut found: Vec<Option<About>> = vec![None; self.len()];
        for fields in &table.rows {
            let about = About {
                source: PathBuf::from(&fields[source]),
                set: fields[set].clone(),
                label: label.map(|label| fields[label].clone()).filter(|label| !label.is_empty()),
            };
            match fields[row].parse().ok().and_then(|row: usize| found.get_mut(row)) {
                Some(free @ None) => *free = Some(about),
                _ => bail!("{}", self.not_about(&path, &format!("row {} is not one of them", fields[row]))),
            }
        }
        match found.iter().position(Option::is_none) {
            Some(row) => bail!("{}", self.not_about(&path, &format!("row {row} is missing"))),
            None => Ok(Some(found.into_iter().flatten().collect())),
        }
    }

    fn not_about(&self, manifest: &Path, reason: &str) -> String {
        format!(
            "{}: expected one line for each of the {} rows of {}, but {reason}: encode again, or remove this file",
            manifest.display(),
            self.len(),
            self.path.display()
        )
    }

    /// What each vector is called: the set's name; where several sets have one name, or one has none, since
    /// its file could not be opened, its file, or file and name; without a NAME.csv the number of the row.
    ///
    /// # Errors
    /// Those of [`about`](Self::about).
    pub(crate) fn names(&self) -> anyhow::Result<Vec<String>> {
        let Some(about) = self.about()? else {
            return Ok((0..self.len()).map(|row| row.to_string()).collect());
        };
        let file = |about: &About| about.source.display().to_string();
        let forms: [&dyn Fn(&About) -> String; 3] =
            [&|about| about.set.clone(), &file, &|about| format!("{}/{}", file(about), about.set)];
        let named = forms.map(|form| about.iter().map(form).collect::<Vec<String>>());
        let [.., last] = &named;
        let distinct = |names: &&Vec<String>| {
            let all: BTreeSet<&String> = names.iter().filter(|name| !name.is_empty()).collect();
            all.len() == names.len()
        };
        Ok(named.iter().find(distinct).unwrap_or(last).clone())
    }

    /// The labels of the vectors: by row from an `.npy`, by name from a table, or else those that `encode`
    /// wrote; `None` if there are no such labels. Warnings go to `warn`.
    ///
    /// # Errors
    /// Those of the files; labels of other vectors.
    pub(crate) fn labels(
        &self,
        given: Option<&Path>,
        column: Option<&str>,
        warn: &dyn Fn(&str),
    ) -> anyhow::Result<Option<Vec<Option<Label>>>> {
        let labels = match given {
            Some(path) if is_table(path) => return self.labels_by_name(path, column, warn).map(Some),
            Some(path) if !is_same(path, &self.beside("labels.npy")) => self.labels_by_row(path)?,
            Some(path) => self.with_names(self.labels_by_row(path)?),
            None => {
                let path = self.beside("labels.npy");
                if !path.exists() {
                    return Ok(None);
                }
                check_age(&path, &self.beside("csv"))?;
                self.with_names(self.labels_by_row(&path)?)
            }
        };
        Ok(Some(labels))
    }

    fn labels_by_row(&self, path: &Path) -> anyhow::Result<Vec<Option<Label>>> {
        let in_labels = |error: Error| match error {
            Error::Io { .. } => error,
            other => other.at(path.display().to_string()),
        };
        let labels: npy::Labels = NpyArray::open(path)?.labels().map_err(in_labels)?;
        let labels = Label::list(&labels);
        if labels.len() != self.len() {
            let error = Error::Dimension { what: "labels", expected: self.len(), got: labels.len() };
            return Err(in_labels(error).into());
        }
        Ok(labels)
    }

    fn labels_by_name(
        &self,
        path: &Path,
        column: Option<&str>,
        warn: &dyn Fn(&str),
    ) -> anyhow::Result<Vec<Option<Label>>> {
        let table = Table::open(path)?;
        let Some(about) = self.about()? else {
            bail!(
                "{}: these labels belong to names of sets, but {}, which says what sets the rows of {} are, is \
                 missing: give one label per row, --labels LABELS.npy",
                path.display(),
                self.beside("csv").display(),
                self.path.display()
            );
        };
        let sets: BTreeSet<(&Path, &str)> = about.iter().map(|about| (&*about.source, &*about.set)).collect();
        let mut sets_in: BTreeMap<&Path, usize> = BTreeMap::new();
        sets.iter().for_each(|(source, _)| *sets_in.entry(source).or_default() += 1);
        // A group of several files has their number in place of a path, so it has no other name.
        let is_file = |source: &Path| source.extension().is_some();
        let named = about.iter().map(|about| Named {
            source: &about.source,
            name: &about.set,
            alone: is_file(&about.source) && sets_in[&*about.source] == 1,
        });
        let (labels, warnings) = of_table(&table, column, &named.collect::<Vec<_>>())?;
        warnings.iter().for_each(|warning| warn(warning));
        Ok(labels)
    }

    /// The labels with the names in NAME.csv, if the numbers stand for these.
    fn with_names(&self, labels: Vec<Option<Label>>) -> Vec<Option<Label>> {
        let Ok(Some(about)) = self.about() else { return labels };
        let names: Vec<_> = about.into_iter().map(|about| about.label.map(Label::Name)).collect();
        // Integers that NAME.csv holds as they are stay numbers.
        let are_numbers = names.iter().zip(&labels).all(|(name, label)| match (name, label) {
            (Some(name), Some(label)) => name.to_string() == label.to_string(),
            _ => true,
        });
        if !are_numbers && numbered(&names).0 == numbered(&labels).0 { names } else { labels }
    }
}

/// What NAME.csv says about a vector.
#[derive(Debug, Clone)]
pub(crate) struct About {
    pub(crate) source: PathBuf,
    pub(crate) set: String,
    pub(crate) label: Option<String>,
}

/// Whether the labels in a file belong to names, not to rows.
pub(crate) fn is_table(path: &Path) -> bool {
    path.extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("csv") || ending.eq_ignore_ascii_case("tsv"))
}

/// Refuses labels that an earlier run left beside vectors without labels.
fn check_age(labels: &Path, manifest: &Path) -> anyhow::Result<()> {
    let written = |path: &Path| path.metadata().and_then(|about| about.modified()).ok();
    let older = matches!((written(labels), written(manifest)), (Some(a), Some(b)) if a < b);
    if older && outputs::has_labels(manifest) == Some(false) {
        let (labels, manifest) = (labels.display(), manifest.display());
        bail!(
            "{labels} is older than {manifest}, by which these vectors have no labels: if they belong together, \
             give --labels {labels}"
        );
    }
    Ok(())
}

/// Labels of vectors and of queries as numbers that mean the same in both, and the names they stand for.
#[derive(Debug)]
pub(crate) struct Classes {
    pub(crate) database: Vec<i64>,
    pub(crate) queries: Vec<i64>,
    names: Vec<String>,
}

impl Classes {
    pub(crate) fn new(database: Vec<Option<Label>>, queries: Vec<Option<Label>>) -> Self {
        let n = database.len();
        let mut all = [database, queries].concat();
        let is_name = |label: &Label| matches!(label, Label::Name(_));
        if all.iter().flatten().any(is_name) && !all.iter().flatten().all(is_name) {
            // A number and a name are the same label if they are written alike.
            let as_name = |label: Label| match label {
                Label::Number(number) => (number >= 0).then(|| Label::Name(number.to_string())),
                name => Some(name),
            };
            all = all.into_iter().map(|label| label.and_then(as_name)).collect();
        }
        let (mut numbers, names) = numbered(&all);
        let queries = numbers.split_off(n);
        Classes { database: numbers, queries, names }
    }

    /// The name that a number stands for; `None` if it is a label itself.
    pub(crate) fn name(&self, class: i64) -> Option<&str> {
        usize::try_from(class).ok().and_then(|class| self.names.get(class)).map(String::as_str)
    }

    /// A class as it is shown.
    pub(crate) fn shown(&self, class: i64) -> String {
        self.name(class).map_or_else(|| class.to_string(), str::to_owned)
    }

    /// The first classes of the vectors or of the queries.
    pub(crate) fn some(&self, of: &[i64]) -> String {
        let classes: BTreeSet<i64> = of.iter().copied().filter(|class| *class >= 0).collect();
        some(classes.into_iter().map(|class| self.shown(class)))
    }
}
