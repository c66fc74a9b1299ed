//! The score that is explained: of a class by a linear classifier, or the cosine of two vectors.

use anyhow::bail;
use fishervec::io::LinearModel;
use std::path::Path;

/// A score t . f + bias of a vector f.
pub(crate) struct Score {
    /// t, shape (P,).
    pub(crate) coef: Vec<f64>,
    pub(crate) bias: f64,
    /// What a high score means, if the classifier has names.
    pub(crate) class: Option<String>,
    /// Whether the classifier takes the set for this class, and not for another.
    pub(crate) is_chosen: bool,
    /// All classes with their scores, the highest first; of two, both.
    pub(crate) classes: Vec<(String, f64)>,
}

impl Score {
    /// The score of a class, or of the one that a set of this vector is taken for.
    ///
    /// # Errors
    /// If the classifier is one of other vectors, or does not have the class.
    pub(crate) fn of_class(
        model: &LinearModel,
        path: &Path,
        class: Option<&str>,
        vector: &[f64],
    ) -> anyhow::Result<Self> {
        let shown = path.display();
        let (got, expected) = (model.coef.ncols(), vector.len());
        if got != expected {
            bail!(
                "{shown} has coefficients of vectors of {got} numbers, but those of the model have {expected}: fit the \
                 classifier to vectors of this model"
            );
        }
        let dot = |row: usize| model.coef.row(row).iter().zip(vector).map(|(t, f)| t * f).sum::<f64>();
        let scores: Vec<f64> = (0..model.coef.nrows()).map(|row| dot(row) + model.intercept[row]).collect();
        // One score stands for both of two classes.
        let scores = match (scores.as_slice(), model.classes.len()) {
            ([one], 2) => vec![0.0 - one, *one],
            _ => scores,
        };
        let best = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)));
        let best = best.map_or(0, |(i, _)| i);
        let wanted = match class {
            None => best,
            Some(name) => match model.classes.iter().position(|other| other == name) {
                Some(class) => class,
                None if model.classes.is_empty() => {
                    bail!("--class: expected an array classes in {shown}, which has none: leave out --class")
                }
                None => bail!("--class: expected one of {}, got {name}", listed(&model.classes)),
            },
        };
        let (row, sign) = if model.coef.nrows() == 1 && scores.len() == 2 {
            (0, if wanted == 1 { 1.0 } else { -1.0 })
        } else {
            (wanted, 1.0)
        };
        let mut classes: Vec<(String, f64)> = model.classes.iter().cloned().zip(scores).collect();
        classes.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(Score {
            coef: model.coef.row(row).iter().map(|t| sign * t).collect(),
            // Adding 0 turns -0 into 0.
            bias: sign * model.intercept[row] + 0.0,
            class: model.classes.get(wanted).cloned(),
            is_chosen: wanted == best,
            classes,
        })
    }

    /// The cosine of a vector with another, as a score of the first.
    pub(crate) fn cosine(vector: &[f64], other: &[f64]) -> Self {
        let norm = |v: &[f64]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
        let both = norm(vector) * norm(other);
        let factor = if both > 0.0 { 1.0 / both } else { 0.0 };
        let coef = other.iter().map(|x| factor * x).collect();
        Score { coef, bias: 0.0, class: None, is_chosen: true, classes: Vec::new() }
    }
}

fn listed(classes: &[String]) -> String {
    let some: Vec<&str> = classes.iter().take(8).map(String::as_str).collect();
    format!("{}{}", some.join(", "), if classes.len() > 8 { ", ..." } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use fishervec::ndarray::{Array1, Array2};

    fn model(m: usize, classes: &[&str]) -> LinearModel {
        LinearModel {
            coef: Array2::from_shape_fn((m, 2), |(i, j)| (i + 1) as f64 * (j as f64 - 0.25)),
            intercept: Array1::from_elem(m, 0.5),
            classes: classes.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    fn score(model: &LinearModel, class: Option<&str>) -> anyhow::Result<Score> {
        Score::of_class(model, Path::new("coef.npz"), class, &[1.0, 2.0])
    }

    #[test]
    fn one_score_is_that_of_the_second_class_and_its_opposite_that_of_the_first() {
        let two = model(1, &["no", "yes"]);
        let yes = score(&two, None).unwrap();
        assert_eq!((yes.class.as_deref(), yes.bias, &yes.coef), (Some("yes"), 0.5, &vec![-0.25, 0.75]));
        let no = score(&two, Some("no")).unwrap();
        assert_eq!((no.is_chosen, no.bias, &no.coef), (false, -0.5, &vec![0.25, -0.75]));
        assert_eq!(no.classes, [("yes".to_owned(), 1.75), ("no".to_owned(), -1.75)]);
    }

    #[test]
    fn the_class_that_a_set_is_taken_for_has_the_highest_score() {
        let three = model(3, &["a", "b", "c"]);
        assert_eq!(score(&three, None).unwrap().class.as_deref(), Some("c"));
        assert_eq!(score(&three, Some("a")).unwrap().coef, [-0.25, 0.75]);
        let message = score(&three, Some("d")).err().unwrap().to_string();
        assert!(message.contains("expected one of a, b, c, got d"), "{message}");
        assert!(score(&model(1, &[]), Some("a")).is_err());
    }

    #[test]
    fn the_cosine_with_a_zero_vector_is_zero() {
        assert_eq!(Score::cosine(&[3.0, 4.0], &[0.0, 0.0]).coef, [0.0, 0.0]);
        assert_eq!(Score::cosine(&[3.0, 4.0], &[0.0, 2.0]).coef, [0.0, 0.2]);
    }
}
