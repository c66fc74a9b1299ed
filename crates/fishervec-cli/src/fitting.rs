//! The fit itself: from a sample of all descriptors, or from all of them, to a pipeline.

use crate::args::{FitArguments, OnError, Stream};
use crate::checkpoint::{Checkpoint, about};
use crate::composition::composition;
use crate::inputs::Inputs;
use crate::polish::{kept, polish};
use crate::progress::{Progress, Task, counted};
use crate::rows::AllRows;
use crate::sampling::{LastFile, PER_COMPONENT, Sample, Sampling};
use crate::settings::Settings;
use fishervec::data::{Real, are_like_the_others, sample_rows};
use fishervec::ndarray::ArrayView2;
use fishervec::pipeline::InformationFit;
use fishervec::run::Workspace;
use fishervec::{Context, Encode, Pipeline};

/// Below this many steps a stepwise fit is a poor one.
const FEW_STEPS: usize = 250;
/// Below this many sets an empirical information is a poor estimate.
const FEW_SETS: usize = 100;

/// What a fit needs.
pub(crate) struct Fitting<'a> {
    pub(crate) arguments: &'a FitArguments,
    pub(crate) settings: &'a Settings,
    pub(crate) inputs: &'a Inputs,
    pub(crate) dim: usize,
    pub(crate) progress: Progress,
}

/// The outcome of a fit.
pub(crate) struct Fitted {
    pub(crate) pipeline: Pipeline,
    /// The number of sets that were skipped.
    pub(crate) skipped: usize,
    /// To be removed once the model is written.
    pub(crate) checkpoint: Option<Checkpoint>,
}

impl Fitting<'_> {
    pub(crate) fn run<F: Real>(&self) -> anyhow::Result<Fitted> {
        let Fitting { arguments, settings, inputs, progress, .. } = *self;
        let threads = arguments.running.common.threads()?;
        let skip = arguments.running.on_error == OnError::Skip;
        let groups = arguments.basic.balance.map(|by| by.groups(inputs)).transpose()?;
        let is_long = arguments.basic.stream.is_some() || settings.polish.is_some();
        let mut checkpoint = is_long.then(|| {
            let about = about(arguments, inputs, F::NAME, groups.as_deref().unwrap_or_default());
            Checkpoint::begin(arguments, about, progress)
        });
        let sampling = Sampling { inputs, skip, threads: &threads, progress, groups };
        let (pipeline, mut skipped) = match checkpoint.as_ref().and_then(Checkpoint::fitted) {
            Some(pipeline) => (pipeline, 0),
            None => self.mixture::<F>(&sampling, &mut checkpoint)?,
        };
        let pipeline = match pipeline.encoder().information().is_empirical() {
            true => self.learn_information::<F>(&sampling, pipeline, &mut skipped)?,
            false => pipeline,
        };
        Ok(Fitted { pipeline, skipped, checkpoint })
    }

    /// The pipeline but for an empirical information, and how many sets were skipped.
    fn mixture<F: Real>(
        &self,
        sampling: &Sampling<'_>,
        checkpoint: &mut Option<Checkpoint>,
    ) -> anyhow::Result<(Pipeline, usize)> {
        let (threads, Settings { polish: passes, .. }) = (sampling.threads, self.settings);
        let (pipeline, skipped) = match (passes, checkpoint.as_mut()) {
            (Some(params), Some(checkpoint)) => {
                let (rounds, skipped) = match kept(checkpoint, params) {
                    Some(rounds) => (rounds, 0),
                    None => {
                        let (pipeline, skipped) = self.start::<F>(sampling, None)?;
                        (pipeline.polish(params.clone())?, skipped)
                    }
                };
                let all = (self.inputs, self.dim);
                (polish::<F>(rounds, params.max_iter, all, threads, checkpoint, self.progress)?, skipped)
            }
            (_, checkpoint) => self.start::<F>(sampling, checkpoint)?,
        };
        if let Some(checkpoint) = checkpoint {
            checkpoint.keep_fitted(&pipeline)?;
        }
        Ok((pipeline, skipped))
    }

    /// The fit to a sample, or with `--stream` to all descriptors.
    fn start<F: Real>(
        &self,
        sampling: &Sampling<'_>,
        checkpoint: Option<&mut Checkpoint>,
    ) -> anyhow::Result<(Pipeline, usize)> {
        let Fitting { arguments, inputs, progress, .. } = *self;
        let sample = self.sample::<F>(sampling)?;
        let (threads, steps) = (sampling.threads, self.settings.stepwise.as_ref());
        let task = match steps {
            Some(steps) => {
                let rows = steps.passes.saturating_mul(inputs.total_rows());
                Iterations { task: progress.start("fitting", rows, "descriptor"), each: 0 }
            }
            None => count_iterations(arguments, progress),
        };
        let mut remark = |step: &fishervec::run::Progress| task.iteration(step);
        let mut context = Context::on(threads).on_progress(&mut remark);
        if let Some(checkpoint) = checkpoint {
            context = context.keep(checkpoint);
        }
        let (params, sampled) = (&self.settings.pipeline, sample.descriptors.view());
        let pipeline = match (arguments.basic.stream, steps) {
            (Some(_), Some(steps)) => {
                let rows = AllRows::<F>::new(inputs, self.dim, threads.count()).open_at_once(steps.cursors);
                params.fit_stepwise(&task.task.counting_all(&rows), &sampled, steps, &mut context)?
            }
            (Some(_), None) => {
                let rows = AllRows::<F>::new(inputs, self.dim, threads.count());
                params.fit_with(&rows, &mut context)?
            }
            (None, _) => {
                let pipeline = params.fit_with(&sampled, &mut context);
                pipeline.map_err(|error| sample.blame(inputs, error))?
            }
        };
        task.finish(progress);
        Ok((pipeline, sample.skipped))
    }

    /// The sample that is fitted to, or of a fit to all descriptors a small one to look at.
    fn sample<F: Real>(&self, sampling: &Sampling<'_>) -> anyhow::Result<Sample<F>> {
        let Fitting { arguments, inputs, progress, .. } = *self;
        let options = &arguments.basic;
        let default = match options.stream {
            Some(Stream::Exact) => PER_COMPONENT,
            Some(Stream::Stepwise) | None => PER_COMPONENT.saturating_mul(options.components.get()),
        };
        let count = options.sample.map_or(default, usize::from);
        if let Some(steps) = &self.settings.stepwise {
            let n = steps.passes * steps.n_steps(inputs.total_rows(), options.components.get());
            if n < FEW_STEPS {
                progress.warning(&format!(
                    "only {}; at least {FEW_STEPS} recommended: raise --passes, or use --stream exact",
                    counted(n, "step")
                ));
            }
        }
        let sample = sampling.sample::<F>(count, options.seed, self.dim)?;
        if options.stream.is_none() {
            let (composition, warning) = composition(sampling, &sample);
            progress.note(&composition);
            warning.iter().for_each(|warning| progress.warning(warning));
        }
        match inputs.arrays.positions {
            Some(_) => sampling.check_positions(&sample)?,
            None => warn_of_lookalikes(arguments, sample.descriptors.view().rows(), progress),
        }
        Ok(sample)
    }

    /// The second pass: the scale of each coordinate over a sample of whole sets.
    fn learn_information<F: Real>(
        &self,
        sampling: &Sampling<'_>,
        pipeline: Pipeline,
        skipped: &mut usize,
    ) -> anyhow::Result<Pipeline> {
        let Fitting { arguments, inputs, progress, .. } = *self;
        let count = arguments.encoder.information_sets.get();
        let picked = sample_rows(inputs.sets.len(), count, arguments.basic.seed);
        let Some(mut fit) = pipeline.information_fit(picked.len()) else { return Ok(pipeline) };
        let task = progress.start("estimating the information", picked.len(), "set");
        let (workspace, single) = (Workspace::default(), Workspace::default());
        let mut files = LastFile::default();
        for set in picked.iter().map(|i| &inputs.sets[*i]) {
            let mut add = || match inputs.features(set)? {
                Some(rows) => pipeline.add_information(&mut fit, &rows.view(), sampling.threads, &single),
                None => {
                    let (array, range) = files.rows(inputs, set)?;
                    pipeline.add_information(&mut fit, &array.rows::<F>(range), sampling.threads, &workspace)
                }
            };
            let missed = sampling.or_skip(set, &task, add())?;
            if missed > 0 {
                fit.skip()?;
            }
            *skipped += missed;
            task.advance(1);
        }
        task.finish(progress);
        few_sets(&fit, progress);
        Ok(pipeline.with_information(fit)?)
    }
}

/// The iterations of a fit as a task, of which each advances it by so much.
pub(crate) struct Iterations {
    task: Task,
    each: usize,
}

/// The iterations of a fit with these options.
pub(crate) fn count_iterations(arguments: &FitArguments, progress: Progress) -> Iterations {
    let mixture = &arguments.mixture;
    let iterations = mixture.max_iter.get().saturating_mul(mixture.n_init.get());
    Iterations { task: progress.start("fitting", iterations, "iteration"), each: 1 }
}

impl Iterations {
    pub(crate) fn iteration(&self, step: &fishervec::run::Progress) {
        self.task.advance(self.each);
        let change = if step.change.is_finite() { format!(" ({:+.1e})", step.change) } else { String::new() };
        self.task.remark(&format!("log-likelihood {:.4}{change}", step.lower_bound));
    }

    pub(crate) fn finish(self, progress: Progress) {
        self.task.finish(progress);
    }
}

/// Warns if columns that the options call positions are distributed like the descriptors.
pub(crate) fn warn_of_lookalikes<F: Real>(
    arguments: &FitArguments,
    rows: ArrayView2<'_, F>,
    progress: Progress,
) {
    let n = arguments.position.position_columns;
    if are_like_the_others(rows, n) {
        progress.warning(&format!(
            "the last {n} columns, which --position-columns {n} calls positions, are distributed like the other \
             columns: append positions to the descriptors if they hold none"
        ));
    }
}

/// Warns if an empirical information comes from few sets.
pub(crate) fn few_sets(fit: &InformationFit, progress: Progress) {
    if fit.n_sets() < FEW_SETS {
        let sets = counted(fit.n_sets(), "set");
        progress.warning(&format!(
            "the empirical information comes from only {sets}; at least {FEW_SETS} recommended: give more \
             sets, or raise --information-sets"
        ));
    }
}
