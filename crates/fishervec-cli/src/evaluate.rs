//! `fishervec evaluate`: how well nearest neighbours predict labels, printed as a table or as JSON, and the
//! neighbours themselves.

use crate::args::EvaluateArguments;
use crate::exit::{DONE, usage_error};
use crate::progress::{Progress, counted};
use crate::vectors::{Classes, Vectors, is_table};
use crate::{confusion, neighbours, stdout};
use anyhow::bail;
use fishervec::evaluate::{Evaluation, evaluate, evaluate_queries};
use fishervec::run::Threads;
use serde_json::json;
use std::path::Path;

/// The number of neighbours of each query that are written.
const TOP: usize = 10;

pub(crate) fn run(arguments: &EvaluateArguments) -> anyhow::Result<i32> {
    let progress = Progress::new(false);
    check(arguments)?;
    let database = Vectors::load(&arguments.vectors)?;
    let queries = arguments.queries.as_deref().map(Vectors::load).transpose()?;
    if let Some(queries) = &queries {
        check_queries(&database, queries, progress)?;
    }
    for vectors in [Some(&database), queries.as_ref()].into_iter().flatten() {
        warn_of_zeros(vectors, progress);
    }
    let job = Job { arguments, database, queries, threads: Threads::available()?, progress };
    // Without labels there are neighbours, if they are asked for.
    let classes = job.classes()?;
    let text = classes.map(|classes| job.figures(&classes)).transpose()?;
    if let Some(path) = &arguments.neighbours {
        job.write_neighbours(path)?;
    }
    if let Some(text) = text {
        stdout::print(&text)?;
    }
    Ok(DONE)
}

/// Checks options against each other, and where the neighbours go.
fn check(arguments: &EvaluateArguments) -> anyhow::Result<()> {
    let tables = [&arguments.labels, &arguments.query_labels];
    let given = || tables.iter().filter_map(|path| path.as_deref());
    if arguments.query_labels.is_some() && arguments.queries.is_none() {
        usage_error!("--query-labels: expected --queries QUERIES.npy, whose labels they are");
    }
    if arguments.label_column.is_some() && !given().any(is_table) {
        usage_error!("--label-column: expected --labels LABELS.csv, a table that has this column");
    }
    if arguments.top.is_some() && arguments.neighbours.is_none() {
        usage_error!("--top: expected --neighbours OUT.csv, where so many are written");
    }
    let Some(path) = &arguments.neighbours else { return Ok(()) };
    let mut read: Vec<&Path> = given().collect();
    read.push(&arguments.vectors);
    read.extend(arguments.queries.as_deref());
    neighbours::check(path, &read)
}

/// Checks that queries can be compared with the database, and warns if they are in it.
fn check_queries(database: &Vectors, queries: &Vectors, progress: Progress) -> anyhow::Result<()> {
    let (expected, got) = (database.values().ncols(), queries.values().ncols());
    let (path, other) = (queries.path.display(), database.path.display());
    if expected != got {
        bail!("{path} has vectors of {got} numbers, {other} of {expected}: encode both with one model");
    }
    if database.len() == 0 {
        bail!("{other} has no vectors to compare with");
    }
    match queries.shared_with(database) {
        0 => {}
        n => {
            let [are, find] = if n == 1 { ["is", "finds itself"] } else { ["are", "find themselves"] };
            progress.warning(&format!(
                "{n} of the {} vectors of {path} {are} in {other}, too, and {find} first; without --queries each \
                 vector is compared with all others",
                queries.len()
            ));
        }
    }
    Ok(())
}

fn warn_of_zeros(vectors: &Vectors, progress: Progress) {
    let zeros = vectors.zeros();
    if zeros > 0 {
        progress.warning(&format!(
            "{zeros} of {} of {} {} zero (of empty or skipped sets), similarity 0 to all others",
            counted(vectors.len(), "vector"),
            vectors.path.display(),
            if zeros == 1 { "is" } else { "are" }
        ));
    }
}

/// What is compared, and how.
struct Job<'a> {
    arguments: &'a EvaluateArguments,
    database: Vectors,
    queries: Option<Vectors>,
    threads: Threads,
    progress: Progress,
}

impl Job<'_> {
    /// The labels; `None` if there are none and nobody asked for figures.
    ///
    /// # Errors
    /// If labels are missing, and those of [`Vectors::labels`].
    fn classes(&self) -> anyhow::Result<Option<Classes>> {
        let Job { arguments, database, queries, progress, .. } = self;
        let column = arguments.label_column.as_deref();
        let warn = |text: &str| progress.warning(text);
        let labels = database.labels(arguments.labels.as_deref(), column, &warn)?;
        let Some(labels) = labels else { return self.without_labels(database, "--labels") };
        let Some(queries) = queries else { return Ok(Some(Classes::new(labels, Vec::new()))) };
        // A table has the labels of all sets.
        let table = arguments.labels.as_deref().filter(|path| is_table(path));
        let given = arguments.query_labels.as_deref().or(table);
        match queries.labels(given, column, &warn)? {
            Some(of_queries) => Ok(Some(Classes::new(labels, of_queries))),
            None => self.without_labels(queries, "--query-labels"),
        }
    }

    fn without_labels(&self, vectors: &Vectors, option: &str) -> anyhow::Result<Option<Classes>> {
        let (path, labels) = (vectors.path.display(), vectors.beside("labels.npy"));
        let labels = labels.display();
        let asked = self.arguments.labels.is_some() || self.arguments.query_labels.is_some();
        if self.arguments.neighbours.is_some() && !asked {
            self.progress.note(&format!("{path} has no labels ({option} FILE gives them): neighbours only"));
            return Ok(None);
        }
        bail!("{path} has no labels: {labels} does not exist; give them with {option} FILE")
    }

    /// How well labels are found, as text or as JSON.
    fn figures(&self, classes: &Classes) -> anyhow::Result<String> {
        let Job { arguments, database, queries, threads, .. } = self;
        let k = arguments.k.get();
        let found = match queries {
            None => evaluate(database.values(), &classes.database, k, threads)?,
            Some(queries) => evaluate_queries(
                database.values(),
                &classes.database,
                queries.values(),
                &classes.queries,
                k,
                threads,
            )?,
        };
        if queries.is_some() && found.unknown == found.n {
            bail!(
                "no query has a label of the database: there are {} there, and {} here",
                classes.some(&classes.database),
                classes.some(&classes.queries)
            );
        }
        Ok(if arguments.json { self.to_json(&found, classes) } else { self.to_text(&found, classes) })
    }

    fn write_neighbours(&self, path: &Path) -> anyhow::Result<()> {
        let Job { database, queries, threads, .. } = self;
        let top = self.arguments.top.map_or(TOP, usize::from);
        let values = queries.as_ref().map(Vectors::values);
        let found = fishervec::evaluate::neighbours(database.values(), values, top, threads)?;
        let names = database.names()?;
        let asked = queries.as_ref().map(Vectors::names).transpose()?;
        neighbours::write(path, &found, asked.as_ref().unwrap_or(&names), &names)?;
        let (n, k) = (counted(found.rows.nrows(), "vector"), counted(found.rows.ncols(), "neighbour"));
        self.progress.note(&format!("Wrote {} ({n}, {k} each)", path.display()));
        Ok(())
    }

    fn to_json(&self, found: &Evaluation, classes: &Classes) -> String {
        let named = |class: &i64| classes.name(*class).map_or(json!(class), |name| json!(name));
        let confusion: Vec<Vec<u64>> = found.confusion.outer_iter().map(|row| row.to_vec()).collect();
        let mut report = json!({
            "vectors": self.database.len(),
            "length": self.database.values().ncols(),
            "labelled": found.database,
            "k": found.k,
            "accuracy": found.accuracy,
            "recall_at_1": found.recall_at_1,
            "recall_at_5": found.recall_at_5,
            "map": found.mean_average_precision,
            "classes": found.classes.iter().map(named).collect::<Vec<_>>(),
            "confusion": confusion,
        });
        if let Some(queries) = &self.queries {
            let counts = json!({"vectors": queries.len(), "labelled": found.n, "unknown": found.unknown});
            report["queries"] = counts;
        }
        format!("{report:#}")
    }

    fn to_text(&self, found: &Evaluation, classes: &Classes) -> String {
        let (n, all, p) = (found.database, self.database.len(), self.database.values().ncols());
        let number = |x: Option<f64>| {
            x.map_or("none, because every label occurs once".to_owned(), |x| format!("{x:.4}"))
        };
        let of = match found.classes.len() {
            1 => "1 class".to_owned(),
            n => format!("{n} classes"),
        };
        let have = if found.unknown == 1 { "has" } else { "have" };
        let mut text = format!("vectors      {n} of {all} have a label; {p} numbers each; {of}\n");
        if self.queries.is_none() && found.unknown > 0 {
            let once = found.unknown;
            text = format!(
                "{}; {once} {have} a label that occurs once, which R@1, R@5 and mAP leave out\n",
                text.trim_end()
            );
        }
        let how = if self.queries.is_some() { "of the queries" } else { "leave-one-out" };
        if let Some(queries) = &self.queries {
            text += &format!("queries      {} of {} have a label", found.n, queries.len());
            if found.unknown > 0 {
                text += &format!(
                    "; {} {have} one that no vector has, which R@1, R@5 and mAP leave out",
                    found.unknown
                );
            }
            text += "\n";
        }
        text += &format!(
            "accuracy     {:.4}  ({how}, k = {} nearest by cosine)\n\
             R@1          {}\n\
             R@5          {}\n\
             mAP          {}",
            found.accuracy,
            found.k,
            number(found.recall_at_1),
            number(found.recall_at_5),
            number(found.mean_average_precision),
        );
        let shown: Vec<String> = found.classes.iter().map(|class| classes.shown(*class)).collect();
        text + &confusion::table(&found.confusion, &shown)
    }
}
