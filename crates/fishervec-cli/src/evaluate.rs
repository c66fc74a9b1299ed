//! `fishervec evaluate`: how well nearest neighbours predict labels, printed as a table or as JSON.

use crate::args::EvaluateArguments;
use crate::exit::DONE;
use crate::labels::{Label, numbered};
use crate::{outputs, stdout};
use fishervec::data::{OwnedDescriptors, RowBuffer};
use fishervec::evaluate::{Evaluation, evaluate};
use fishervec::io::FileRows;
use fishervec::io::npy::NpyArray;
use fishervec::run::Threads;
use fishervec::{Error, Source};
use serde_json::json;
use std::path::Path;

/// The largest number of classes for which the confusion matrix is printed; more do not fit a screen.
const TABLE: usize = 24;

pub(crate) fn run(arguments: &EvaluateArguments) -> anyhow::Result<i32> {
    let path = &arguments.vectors;
    let rows = FileRows::open(path)?;
    let labels_path = arguments.labels.clone().unwrap_or_else(|| path.with_extension("labels.npy"));
    let in_labels = |error: Error| match error {
        Error::Io { .. } => error,
        other => other.at(labels_path.display().to_string()),
    };
    if arguments.labels.is_none() && !labels_path.exists() {
        let (path, vectors) = (labels_path.display(), path.display());
        anyhow::bail!("{vectors} has no labels: {path} does not exist; give them with --labels LABELS.npy");
    }
    if arguments.labels.is_none() {
        check_age(&labels_path, &path.with_extension("csv"))?;
    }
    let labels = NpyArray::open(&labels_path)?.labels().map_err(in_labels)?;
    let (numbers, names) = numbered(&Label::list(&labels));
    if numbers.len() != rows.n_rows() {
        let error = Error::Dimension { what: "labels", expected: rows.n_rows(), got: numbers.len() };
        return Err(in_labels(error).into());
    }

    let set = rows.rows::<f32>(0..rows.n_rows());
    let mut values = vec![0.0; rows.n_rows() * rows.dim()];
    set.read_finite(0, &mut values, &mut RowBuffer::default())
        .map_err(|e| e.at(path.display().to_string()))?;
    let vectors = OwnedDescriptors::new(values, rows.dim(), None)?;
    let found = evaluate(vectors.view().rows(), &numbers, arguments.k.get(), &Threads::available()?)?;
    let named = |class: &i64| usize::try_from(*class).ok().and_then(|i| names.get(i));
    let text = if arguments.json {
        let classes: Vec<_> =
            found.classes.iter().map(|i| named(i).map_or(json!(i), |name| json!(name))).collect();
        let confusion: Vec<Vec<u64>> = found.confusion.outer_iter().map(|row| row.to_vec()).collect();
        let report = json!({
            "vectors": rows.n_rows(),
            "length": rows.dim(),
            "labelled": found.n,
            "k": found.k,
            "accuracy": found.accuracy,
            "map": found.mean_average_precision,
            "classes": classes,
            "confusion": confusion,
        });
        format!("{report:#}")
    } else {
        let classes = found.classes.iter().map(|i| named(i).map_or(i.to_string(), String::clone));
        to_text(&found, &rows, &classes.collect::<Vec<_>>())
    };
    stdout::print(&text)?;
    Ok(DONE)
}

/// Refuses labels that an earlier run left beside vectors without labels.
fn check_age(labels: &Path, manifest: &Path) -> anyhow::Result<()> {
    let written = |path: &Path| path.metadata().and_then(|about| about.modified()).ok();
    let older = matches!((written(labels), written(manifest)), (Some(a), Some(b)) if a < b);
    if older && outputs::has_labels(manifest) == Some(false) {
        let (labels, manifest) = (labels.display(), manifest.display());
        anyhow::bail!(
            "{labels} is older than {manifest}, by which these vectors have no labels: if they belong together, \
             give --labels {labels}"
        );
    }
    Ok(())
}

fn to_text(found: &Evaluation, rows: &FileRows, classes: &[String]) -> String {
    let (n, all, p) = (found.n, rows.n_rows(), rows.dim());
    let map = found
        .mean_average_precision
        .map_or("none, because every label occurs once".to_owned(), |x| format!("{x:.4}"));
    let mut text = format!(
        "vectors      {n} of {all} have a label; {p} numbers each; {} classes\n\
         accuracy     {:.4}  (leave-one-out, k = {} nearest by cosine)\n\
         mAP          {map}",
        classes.len(),
        found.accuracy,
        found.k,
    );
    if classes.len() > TABLE {
        return text + "\nconfusion    too many classes for a table; use --json";
    }
    let counts = found.confusion.iter().map(u64::to_string);
    let lengths = counts.clone().chain(classes.iter().cloned()).map(|cell| cell.chars().count());
    let width = lengths.max().unwrap_or(0).min(12);
    let counts: Vec<String> = counts.collect();
    text += "\n\nConfusion matrix (rows: true label, columns: predicted label)\n";
    let line = |head: &str, cells: &[String]| {
        let cells =
            cells.iter().map(|cell| format!(" {:>width$}", cell.chars().take(width).collect::<String>()));
        format!("{:>width$}{}", head.chars().take(width).collect::<String>(), cells.collect::<String>())
    };
    let rows = classes.iter().zip(counts.chunks(classes.len())).map(|(class, row)| line(class, row));
    text + &[line("", classes)].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}
