//! A pass over sets for a report, and the report as numbers and as a page.

use crate::batch::{Batch, with_sets};
use crate::error::OrRaise;
use crate::pipeline::Pipeline;
use crate::work::{run_detached, run_interruptible};
use fishervec::Source;
use fishervec::report::Labels;
use fishervec::run::Workspace;
use fishervec_cli::{Pictures, Subject};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A pass over sets that keeps what adds up, and a sample.
#[pyclass(frozen, module = "fishervec._fishervec")]
pub(crate) struct Survey {
    pipeline: Pipeline,
    survey: Mutex<Option<fishervec::report::Survey>>,
}

#[pymethods]
impl Survey {
    /// A pass over sets under a pipeline. Of each set there is the place of its label among the names.
    #[new]
    fn new(pipeline: &Pipeline, names: Vec<String>, of_sets: Vec<Option<usize>>) -> PyResult<Self> {
        let labels = Labels::new(names, of_sets).or_raise()?;
        let survey = fishervec::report::Survey::new(pipeline.library(), labels, 0);
        Ok(Survey { pipeline: Pipeline(pipeline.library().clone()), survey: Mutex::new(Some(survey)) })
    }

    /// Looks at the next sets. After an error it is of no further use.
    fn add(&self, py: Python<'_>, batch: Batch<'_>, n_jobs: usize) -> PyResult<()> {
        let mut survey = self.take()?;
        with_sets!(batch, sets => {
            let cost = 2 * self.pipeline.cost(sets.iter().map(Source::n_rows).sum());
            let survey = run_detached(py, n_jobs, cost, |threads| {
                survey.add_all(&sets, threads, &Workspace::default())?;
                Ok(survey)
            })?;
            *self.locked() = Some(survey);
            Ok(())
        })
    }

    /// Ends the pass: the numbers as JSON, and the page.
    fn finish(
        &self,
        py: Python<'_>,
        title: String,
        command: String,
        n_jobs: usize,
    ) -> PyResult<(String, String)> {
        let survey = self.take()?;
        let findings = run_interruptible(py, n_jobs, None, |context| survey.finish(&context.pool()?))?;
        let subject = Subject {
            pipeline: &self.pipeline.0,
            findings: &findings,
            title,
            name: &|set| set.to_string(),
            command,
            pictures: Pictures::default(),
        };
        let (numbers, page) = subject.draw();
        Ok((numbers.to_string(), page))
    }
}

impl Survey {
    fn locked(&self) -> MutexGuard<'_, Option<fishervec::report::Survey>> {
        self.survey.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> PyResult<fishervec::report::Survey> {
        let gone = || PyRuntimeError::new_err("survey must not have ended, nor failed: begin another one");
        self.locked().take().ok_or_else(gone)
    }
}
