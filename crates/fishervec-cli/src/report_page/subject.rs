//! What a report is about.

use crate::inspect::to_json;
use crate::page::name;
use crate::report_page::whole;
use fishervec::Pipeline;
use fishervec::report::{Findings, Report};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A model and sets under it, for a page.
pub struct Subject<'a> {
    /// The model.
    pub pipeline: &'a Pipeline,
    /// What was found of the sets.
    pub findings: &'a Findings,
    /// The title of the page.
    pub title: String,
    /// The name of a set, by its number.
    pub name: &'a dyn Fn(usize) -> String,
    /// What makes the page again.
    pub command: String,
    /// Pictures, where sets are images.
    pub pictures: Pictures,
}

/// Pictures of a few sets.
#[derive(Debug, Default)]
pub struct Pictures {
    /// One for each of the surest errors, or none at all.
    pub errors: Vec<ErrorPicture>,
    /// The nearest example of components, as addresses.
    pub examples: BTreeMap<usize, String>,
}

/// An image, and on a map which parts of it spoke for the wrong label and against it, as addresses.
#[derive(Debug)]
pub struct ErrorPicture {
    /// The image, at most some 160 pixels wide or high.
    pub image: String,
    /// Its width over its height.
    pub shape: f64,
    /// The masks of what spoke for and against.
    pub masks: [String; 2],
}

impl Subject<'_> {
    /// The numbers, and the page that draws them.
    #[must_use]
    pub fn draw(&self) -> (Value, String) {
        let numbers = whole::numbers(self);
        let page = whole::page(self, &numbers);
        (numbers, page)
    }

    pub(super) fn report(&self) -> &Report {
        &self.findings.report
    }

    /// The name of a set, as HTML.
    pub(super) fn shown(&self, set: usize) -> String {
        name(&(self.name)(set))
    }

    /// The names of the sets that the numbers are about one by one.
    pub(super) fn names(&self) -> Map<String, Value> {
        let report = self.report();
        let examples = report.components.iter().flat_map(|of| &of.nearest).map(|example| example.set);
        let surest = report.classification.iter().flat_map(|of| &of.surest).map(|error| error.set);
        let twins = report.twins.iter().flat_map(|twin| [twin.set, twin.first]);
        let outliers = report.outliers.iter().map(|outlier| outlier.set);
        let sets = examples.chain(surest).chain(twins).chain(outliers);
        sets.map(|set| (set.to_string(), Value::String((self.name)(set)))).collect()
    }

    pub(super) fn model(&self) -> Value {
        to_json(self.pipeline)
    }
}
