//! Linear models that were fitted to vectors, as NumPy saves their coefficients.

use super::npy::Labels;
use super::npz::{Archive, in_array};
use super::section::in_file;
use crate::data::{RowBuffer, Source};
use crate::error::{Error, Result};
use ndarray::{Array1, Array2};
use std::path::Path;

/// The classes of a linear model, and the coefficients and the intercept of each of its scores: of the second
/// class where there are two, and otherwise of each.
///
/// `np.savez(path, coef=clf.coef_, intercept=clf.intercept_, classes=clf.classes_)` writes such a file of a
/// fitted model of scikit-learn.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearModel {
    /// The coefficients of each score, shape (m, P).
    pub coef: Array2<f64>,
    /// What is added to each score, shape (m,).
    pub intercept: Array1<f64>,
    /// The names of the classes, two for one score or as many as there are scores; empty if the file does not
    /// tell them.
    pub classes: Vec<String>,
}

impl LinearModel {
    /// Reads the arrays `coef`, of shape (P,) or (m, P), `intercept`, one number per score or one for all (0
    /// if it is not there), and `classes` of an `.npz`.
    ///
    /// # Errors
    /// Each names the path: [`Error::Io`]; [`Error::Format`] for a file that is not an `.npz`, that lacks
    /// `coef`, whose shapes contradict each other, or with coefficients of pairs of classes;
    /// [`Error::NotFinite`]. Memory O(m P).
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let read = || {
            let mut archive = Archive::open(path)?;
            let names = archive.names();
            let has = |name: &str| names.iter().any(|other| other == name);
            if !has("coef") {
                let got = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                return Err(wrong(format!(
                    "expected an array coef (np.savez(path, coef=clf.coef_, intercept=clf.intercept_, \
                     classes=clf.classes_)), got the arrays {got}"
                )));
            }
            let coef = numbers(&mut archive, "coef")?;
            let intercept =
                if has("intercept") { numbers(&mut archive, "intercept")? } else { Array2::zeros((1, 1)) };
            let classes = if has("classes") { classes(&mut archive)? } else { Vec::new() };
            LinearModel::new(coef, intercept.into_iter().collect(), classes)
        };
        read().map_err(in_file(path))
    }

    fn new(coef: Array2<f64>, intercept: Vec<f64>, classes: Vec<String>) -> Result<Self> {
        let (m, n) = (coef.nrows(), classes.len());
        if m == 0 {
            return Err(wrong("expected the coefficients of a score at least, got none"));
        }
        let intercept = match intercept.len() {
            1 => Array1::from_elem(m, intercept[0]),
            got if got == m => Array1::from(intercept),
            got => return Err(wrong(format!("expected {m} intercepts, one per row of coef, got {got}"))),
        };
        match (m, n) {
            (_, 0) | (1, 2) => {}
            (_, n) if m == n && n > 1 => {}
            (_, n) if n > 2 && m == n * (n - 1) / 2 => {
                return Err(wrong(format!(
                    "expected coefficients of each of {n} classes, got {m} rows, those of their pairs, as SVC has \
                     them: use LinearSVC or LogisticRegression"
                )));
            }
            _ => {
                return Err(wrong(format!(
                    "expected one row of coef per class, or one for two: got {m} for {n}"
                )));
            }
        }
        Ok(LinearModel { coef, intercept, classes })
    }
}

/// An array of numbers, shape (n, d) or (d,).
fn numbers(archive: &mut Archive, name: &str) -> Result<Array2<f64>> {
    let read = |archive: &mut Archive| {
        let array = archive.array(name)?.numbers()?;
        let rows = array.rows::<f64>(0..array.n_rows());
        let mut values = vec![0.0; rows.n_rows() * rows.dim()];
        rows.read_finite(0, &mut values, &mut RowBuffer::default())?;
        Array2::from_shape_vec((rows.n_rows(), rows.dim()), values).map_err(|error| wrong(error.to_string()))
    };
    read(archive).map_err(in_array(name))
}

fn classes(archive: &mut Archive) -> Result<Vec<String>> {
    let read = |archive: &mut Archive| {
        let array = archive.array("classes")?;
        if array.dtype().contains('O') {
            return Err(wrong(
                "expected strings or integers, got objects: save classes=clf.classes_.astype(str)",
            ));
        }
        array.labels()
    };
    Ok(match read(archive).map_err(in_array("classes"))? {
        Labels::Integers(numbers) => numbers.iter().map(ToString::to_string).collect(),
        Labels::Names(names) => names,
    })
}

fn wrong(reason: impl Into<String>) -> Error {
    Error::format("npz", reason.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(m: usize, intercepts: usize, n: usize) -> Result<LinearModel> {
        let classes = (0..n).map(|i| i.to_string()).collect();
        LinearModel::new(Array2::zeros((m, 3)), vec![0.5; intercepts], classes)
    }

    #[test]
    fn one_score_stands_for_two_classes_and_one_intercept_for_all() {
        assert_eq!(model(1, 1, 2).unwrap().intercept.to_vec(), [0.5]);
        assert_eq!(model(3, 1, 3).unwrap().intercept.to_vec(), [0.5; 3]);
        assert_eq!(model(2, 2, 0).unwrap().classes, Vec::<String>::new());
    }

    #[test]
    fn shapes_that_contradict_each_other_are_refused() {
        for (m, intercepts, n) in [(0, 1, 0), (1, 2, 2), (3, 2, 3), (2, 2, 3), (1, 1, 1), (1, 1, 3)] {
            assert!(model(m, intercepts, n).is_err(), "{m} {intercepts} {n}");
        }
        let pairs = model(6, 6, 4).unwrap_err().to_string();
        assert!(pairs.contains("those of their pairs"), "{pairs}");
    }
}
