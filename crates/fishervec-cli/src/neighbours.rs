//! The table of the most similar vectors of each query.

use crate::manifest::quoted;
use crate::{destination, outputs};
use anyhow::bail;
use fishervec::evaluate::Neighbours;
use fishervec::io::{Staged, commit};
use std::path::Path;

/// Checks that the table can be written and replaces nothing that is read.
///
/// # Errors
/// A name that does not end in .csv, a file that is read, a table of `encode`; those of
/// [`check`](destination::check).
pub(crate) fn check(path: &Path, read: &[&Path]) -> anyhow::Result<()> {
    let shown = path.display();
    if !path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv")) {
        crate::exit::usage_error!("--neighbours: expected a name ending in .csv, got {shown}");
    }
    destination::check("--neighbours", path)?;
    if read.iter().any(|other| destination::is_same(path, other)) || outputs::is_manifest(path) {
        bail!(
            "--neighbours {shown}: this file says what the vectors are and would be replaced: choose another name"
        );
    }
    Ok(())
}

/// Writes the table: query, rank, name and similarity of each neighbour.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn write(
    path: &Path,
    found: &Neighbours,
    queries: &[String],
    database: &[String],
) -> fishervec::Result<()> {
    let mut file = Staged::create(path)?;
    file.append(b"query,rank,name,similarity\n")?;
    for ((query, rows), similarities) in queries.iter().zip(found.rows.rows()).zip(found.similarities.rows())
    {
        let query = quoted(query);
        for (i, (row, similarity)) in rows.iter().zip(similarities).enumerate() {
            let (rank, name) = (i + 1, quoted(&database[*row]));
            // Adding 0 turns -0 into 0.
            file.append(format!("{query},{rank},{name},{}\n", similarity + 0.0).as_bytes())?;
        }
    }
    commit([file])
}
