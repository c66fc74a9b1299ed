//! A pipeline whose mixture is fitted to all rows by stepwise expectation maximization.

use super::chain::Pipeline;
use super::params::PipelineParams;
use crate::data::Source;
use crate::encode::{FitEncoder, Given};
use crate::error::{Error, Result};
use crate::mixture::{Stepwise, StepwiseParams};
use crate::util::context::Context;

impl PipelineParams {
    /// Fits the mixture to the rows of `source`, shape (n, D), by [`Stepwise`] expectation maximization, and
    /// all the rest, with the start of the mixture, to `sample`, some rows of it.
    ///
    /// # Errors
    /// As [`fit_with`](Self::fit_with) and [`Stepwise::run`]; [`Error::Parameter`] for an encoder that fits
    /// no mixture, such as one of k-means centres.
    pub fn fit_stepwise<S: Source, T: Source<Real = S::Real>>(
        &self,
        source: &S,
        sample: &T,
        schedule: &StepwiseParams,
        context: &mut Context<'_>,
    ) -> Result<Pipeline> {
        self.check()?;
        let Some(mixture) = self.encoder.mixture() else {
            let expected = "one that fits a mixture (a Fisher vector, or a codebook with soft assignment)";
            return Err(Error::parameter("encoder", expected, self.encoder.kind()));
        };
        let steps = self.steps_for(sample, context)?;
        let rows = self.described(sample, &steps)?;
        let all = self.described(source, &steps)?;
        let start = |context: &mut Context<'_>| Stepwise::start(mixture, schedule.clone(), &rows, context);
        let fit = mixture.stepwise(&all, schedule, context, start)?;
        let mut encoder = self.encoder.clone();
        encoder.give(Given::Mixture(fit.mixture))?;
        let (encoder, _) = encoder.fit_with(&rows, context)?;
        context.quietly(|context| self.completed(sample, steps.clone(), encoder, Some(fit.report), context))
    }
}
