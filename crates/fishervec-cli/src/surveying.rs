//! Sets of files, looked at one batch after another in bounded memory.

use crate::compatible::check;
use crate::files::Files;
use crate::inputs::Inputs;
use crate::labels::numbered;
use crate::progress::Task;
use anyhow::bail;
use fishervec::report::{Findings, Labels, Look, Survey};
use fishervec::run::{Threads, Workspace};
use fishervec::{Pipeline, Result};

/// What looking at sets needs in addition to them.
pub(crate) struct Surveying<'a> {
    pub(crate) inputs: &'a Inputs,
    pub(crate) files: Files,
    pub(crate) pipeline: &'a Pipeline,
    pub(crate) threads: &'a Threads,
    pub(crate) single: Workspace<f32>,
    pub(crate) double: Workspace<f64>,
    pub(crate) task: &'a Task,
    /// Whether a set that cannot be encoded is left out.
    pub(crate) skip: bool,
}

impl Surveying<'_> {
    /// Looks at all sets.
    ///
    /// # Errors
    /// The first set that cannot be encoded, unless it is skipped.
    pub(crate) fn run(&self) -> anyhow::Result<Findings> {
        let mut survey = Survey::new(self.pipeline, labels(self.inputs)?, 0);
        let (n, together) = (self.inputs.sets.len(), survey.together());
        for first in (0..n).step_by(together) {
            let mut looks: Vec<_> = (first..n.min(first + together)).map(|_| Err(String::new())).collect();
            self.threads.for_each(looks.iter_mut().collect(), &|i, look| {
                *look = self.look(&survey, first + i);
                Ok(())
            })?;
            for look in looks {
                match look {
                    Ok(look) => survey.add(look),
                    Err(reason) if self.skip => {
                        self.task.warn(&format!("skipped: {reason}"));
                        survey.skip();
                    }
                    Err(reason) => bail!(reason),
                }
            }
        }
        Ok(survey.finish(self.threads)?)
    }

    fn look(&self, survey: &Survey, set: usize) -> std::result::Result<Look, String> {
        let at = &self.inputs.sets[set];
        check(at, self.pipeline, self.inputs)?;
        let look = || -> Result<Look> {
            if let Some(features) = self.inputs.features(at)? {
                let look = survey.look(&features.view(), self.threads, &self.single);
                self.task.advance(1);
                return look;
            }
            let (array, range) = self.files.rows(self.inputs, at)?;
            // Doubles are computed in double precision, everything else in `f32`.
            if array.is_f64() {
                let rows = self.task.counting(array.rows::<f64>(range));
                return survey.look(&rows, self.threads, &self.double);
            }
            let rows = self.task.counting(array.rows::<f32>(range));
            survey.look(&rows, self.threads, &self.single)
        };
        look().map_err(|error| self.inputs.blame(at, error).to_string())
    }
}

/// The labels of the sets; negative numbers mean none.
fn labels(inputs: &Inputs) -> Result<Labels> {
    let given: Vec<_> =
        inputs.sets.iter().map(|set| set.label.clone().filter(|label| !label.is_none())).collect();
    let (numbers, names) = numbered(&given);
    if !names.is_empty() {
        return Labels::new(names, numbers.into_iter().map(|i| usize::try_from(i).ok()).collect());
    }
    let mut known: Vec<i64> = numbers.iter().copied().filter(|i| *i >= 0).collect();
    known.sort_unstable();
    known.dedup();
    let places = numbers.iter().map(|i| known.binary_search(i).ok()).collect();
    Labels::new(known.iter().map(ToString::to_string).collect(), places)
}
