//! The report as numbers: what `--json` prints and a page draws.

use super::spread::Spread;
use serde::Serialize;

/// What a [`Survey`](super::Survey) saw. Its size depends on the model, not on the number of sets: at most
/// [`Report::LABELS`] labels and [`Report::COMPONENTS`] components are listed.
///
/// Numbers of all sets, unless they are in `sample`, `map` or `classification`, or are called alone.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The number of sets.
    pub sets: usize,
    /// The number of those that could not be read or encoded; nothing else counts them.
    pub skipped: usize,
    /// The number of descriptors.
    pub descriptors: usize,
    /// The number of sets without descriptors, or whose descriptors all have the weight 0.
    pub empty: usize,
    /// The number of other sets whose vector is zero: nothing in them differs from the model.
    pub zero: usize,
    /// The number of sets with a label.
    pub labelled: usize,
    /// The number of distinct labels.
    pub n_labels: usize,
    /// The most frequent labels, in the order that the labels were given in.
    pub labels: Vec<LabelFacts>,
    /// The number of sets whose vector an earlier set has, too, to the last bit.
    pub repeated: usize,
    /// The first of them.
    pub twins: Vec<Twin>,
    /// Descriptors per set.
    pub sizes: Option<Spread>,
    /// The Euclidean norm of each vector before its norm, after its power.
    pub lengths: Option<Spread>,
    /// The mean log-likelihood of each set, in nats per descriptor.
    pub log_likelihoods: Option<Spread>,
    /// The mean largest posterior of each set, from 1/K to 1.
    pub softness: Option<Spread>,
    /// The largest share that a component has of each set, from 1/K to 1.
    pub largest_shares: Option<Spread>,
    /// The number of sets that are far from the others in their length or their log-likelihood.
    pub n_outliers: usize,
    /// The farthest of them.
    pub outliers: Vec<Outlier>,
    /// The blocks of the vector.
    pub blocks: Vec<BlockFacts>,
    /// The number of components; 0 for an encoder without.
    pub n_components: usize,
    /// The components with the largest weights, in the order of their numbers.
    pub components: Vec<ComponentFacts>,
    /// For each of the `labels`, the mean share of each of the `components` in its sets.
    pub component_by_label: Vec<Vec<f32>>,
    /// Which sets the following numbers are of.
    pub sample: SampleFacts,
    /// Where the sets of the sample are; `None` if there are fewer than three, or all in one place.
    pub map: Option<Map>,
    /// How well the sample's labels are told apart; `None` without two labels of two sets each.
    pub classification: Option<Classification>,
}

impl Report {
    /// The largest number of labels that are listed.
    pub const LABELS: usize = 24;
    /// The largest number of components that are listed.
    pub const COMPONENTS: usize = 256;
    /// The largest number of sets in the sample.
    pub const SAMPLE: usize = 2000;
}

/// A label, and how many sets have it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LabelFacts {
    /// Its name.
    pub name: String,
    /// The number of sets with it.
    pub sets: usize,
}

/// A set with the same vector as an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Twin {
    /// The set.
    pub set: usize,
    /// The first set with this vector.
    pub first: usize,
}

/// A set that is far from the others: outside of the quartiles by more than three times their distance
/// (Tukey 1977).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Outlier {
    /// The set.
    pub set: usize,
    /// `length` or `log_likelihood`.
    pub what: &'static str,
    /// Its value.
    pub value: f64,
    /// The median of all sets.
    pub median: f64,
}

/// A block of the vector.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BlockFacts {
    /// Its name ([`Encode::blocks`](crate::Encode::blocks)).
    pub name: &'static str,
    /// The number of its entries, in all cells of a pyramid.
    pub entries: usize,
    /// The mean of its part of the squared norm of the vectors that are not zero.
    pub part: f64,
    /// The share of the sample that is told apart by this block alone; `None` without a classification.
    pub accuracy: Option<f64>,
}

/// A component, or a centre of a codebook.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ComponentFacts {
    /// Its number.
    pub component: usize,
    /// Its weight in the model; `None` for a centre, which has none.
    pub weight: Option<f64>,
    /// The mean of its share of each set, S0/N.
    pub share: f64,
    /// The descriptors nearest to its mean, at most one of each set and one of each distance.
    pub nearest: Vec<Example>,
}

/// A descriptor near a component.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Example {
    /// Its set.
    pub set: usize,
    /// Its row in the set.
    pub row: usize,
    /// Its distance to the mean, sqrt(sum_d z_d^2 / D), in standard deviations of the component.
    pub distance: f64,
}

/// The sample: sets that are not empty and, if any set has a label, have one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SampleFacts {
    /// The number of sets in it.
    pub sets: usize,
    /// The number of sets that it was drawn from.
    pub of: usize,
    /// The seed it was drawn with.
    pub seed: u64,
}

/// Where the sets of the sample are in a plane, counted in cells.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Map {
    /// What the plane shows: `labels`, between which it has the largest variance, or `variance`, the largest
    /// of all.
    pub plane: &'static str,
    /// The share of the variance of the vectors that is in the plane.
    pub variance: f64,
    /// The number of columns and of rows.
    pub shape: (usize, usize),
    /// The cells that hold sets, row by row from the top.
    pub cells: Vec<Cell>,
}

/// A cell of a [`Map`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cell {
    /// Its column, from the left.
    pub x: usize,
    /// Its row, from the top.
    pub y: usize,
    /// The number of sets in it.
    pub sets: usize,
    /// The commonest label, by its place among [`Report::labels`]; `None` if it is not there, or sets have
    /// none.
    pub label: Option<usize>,
    /// The number of its sets with that label.
    pub with_label: usize,
}

/// How well labels are told apart, each set by a model of all others of the sample: a ridge regression onto
/// the labels, and the nearest neighbour by cosine.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Classification {
    /// The number of sets that were classified: those whose label another one of the sample has, too.
    pub sets: usize,
    /// The number of labels among them.
    pub labels: usize,
    /// The number of sets of the sample that were left out, because none other has their label.
    pub alone: usize,
    /// The share of sets whose label the ridge regression finds.
    pub accuracy: f64,
    /// The share of sets in the most frequent label: what always saying it would find.
    pub chance: f64,
    /// The share of sets whose nearest neighbour has their label.
    pub nearest: f64,
    /// The strength of the penalty, lambda over the mean squared distance of the vectors to their mean.
    pub penalty: f64,
    /// The largest cosine between two sets that are not the same to the last bit of a float.
    pub largest_cosine: Option<f64>,
    /// The number of sets by true label (row) and by the label that was found (column), in the order of
    /// [`Report::labels`] and then, if there are further labels, all others as one.
    pub confusion: Vec<Vec<u64>>,
    /// The number of sets whose label was not found.
    pub errors: usize,
    /// The most frequent errors.
    pub frequent: Vec<Mistake>,
    /// The errors of which the regression was surest.
    pub surest: Vec<Surest>,
}

/// Sets of one label that were taken for another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mistake {
    /// Their label.
    pub label: String,
    /// What they were taken for.
    pub taken_for: String,
    /// How many.
    pub sets: usize,
}

/// A set whose label was not found, and by how much: score(taken for) - score(label) = t . f + bias, with its
/// vector f and t in [`Findings::targets`](super::Findings::targets).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Surest {
    /// The set.
    pub set: usize,
    /// Its label.
    pub label: String,
    /// What it was taken for.
    pub taken_for: String,
    /// The score of what it was taken for, minus that of its label; labels are 1 and -1.
    pub margin: f64,
    /// The part of the margin that no descriptor has.
    pub bias: f64,
    /// The components with the largest shares of the rest, which is the sum of the shares of all; none for an
    /// encoder without components.
    pub components: Vec<ComponentShare>,
}

/// The share of a component in a score: what the entries of the vector that belong to it add.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ComponentShare {
    /// Its number.
    pub component: usize,
    /// Its share.
    pub share: f64,
}
