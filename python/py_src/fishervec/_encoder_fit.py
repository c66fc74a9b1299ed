"""How encoders are fitted: to sets in memory, to sets that are read in parts, or to statistics."""

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager

from . import _checks as check
from . import _columns, _settings
from ._base import SetTransformer
from ._batch import Batch
from ._cures import explained
from ._deprecation import current, warn_of_deprecated
from ._fishervec import Pipeline, Statistics
from ._lazy import LazySets
from ._missing import gaps_of
from ._parts import n_known
from ._polish import in_memory, polished
from ._positions import n_position_columns, warn_of_lookalikes
from ._progress import progress
from ._reports import warn_of_few_rows, warn_of_few_sets, warn_unless_converged
from ._sets import as_sets, opened
from ._threads import n_threads
from ._training import Training, Unheld
from ._types import Sets


class EncoderFit(SetTransformer):
    """The fit of an encoder, whose plan a subclass makes."""

    def _plan(self) -> _settings.Plan:
        """The pipeline that is to be fitted."""
        raise NotImplementedError

    def _check_statistics(self) -> None:
        """Raise an error if the vectors are not functions of statistics."""

    def _read(
        self, X: Sets, weights: Sets | None, positions: Sets | None
    ) -> tuple[Batch | list[Statistics], _columns.Fitted]:
        """Training sets, and what there is to remember of their columns."""
        X, positions = opened(X), opened(positions)
        sets = as_sets(X, weights, positions, gaps=gaps_of(self))
        if not isinstance(sets, Batch):
            self._check_statistics()
            return sets, _columns.Fitted(None)
        located = None if positions is None else _columns.of_fit(positions, sets.sizes, "positions of ")
        return sets, _columns.Fitted(_columns.of_fit(X, sets.sizes), sets.n_positions, located)

    def _fit(self, sets: Batch | list[Statistics], fitted: _columns.Fitted) -> None:
        warn_of_deprecated(self)
        plan = self._plan()
        self._check_names_of_parts(fitted.all_names())
        pipeline = self._fit_batch(sets, plan) if isinstance(sets, Batch) else self._fit_statistics(sets, plan)
        self._set_pipeline(pipeline)
        self._remember(fitted)

    def _fit_stream(self, X: Sets, weights: Sets | None, positions: Sets | None) -> None:
        """Fit to sets that are read one part at a time."""
        warn_of_deprecated(self)
        plan = self._plan()
        training = Training(X, weights, positions, gaps_of(self))
        with progress("reading", n_known(X), self._verbose()) as advance:
            sample = training.sample(plan.settings["sample"], plan.settings["seed"], advance)
        batch = sample.batch()
        fitted = training.fitted(batch.n_positions)
        self._check_names_of_parts(fitted.all_names())
        with sample.located(X):
            pipeline = self._fit_batch(batch, plan, training)
        self._set_pipeline(pipeline)
        self._remember(fitted)

    def _streams(self, X: Sets) -> bool:
        """Whether a fit reads the sets one part at a time."""
        if not isinstance(X, Iterator):
            return isinstance(X, LazySets)
        # All sets are read again for an empirical information, and to polish, which an iterator cannot.
        again = str(getattr(self, "information", None)).startswith("empirical")
        return not again and not getattr(self, "polish", 0)

    def _check_names_of_parts(self, names: list[str] | None) -> None:
        """Raise an error if a part that is given was fitted to columns of other names."""
        pca, spatial = getattr(self, "pca", None), getattr(self, "spatial", None)
        _columns.check_given(pca, names, "pca")
        if pca is None:
            for name in ("mixture", "codebook"):
                _columns.check_given(getattr(self, name, None), names, name)
        if names is not None:
            _columns.check_given(spatial, names[-getattr(spatial, "n_features_in_", 1) :], "spatial")

    def _verbose(self) -> int:
        verbose: int = current(type(self), self.get_params(deep=False)).get("verbose", 0)
        return verbose

    def _fit_batch(self, batch: Batch, plan: _settings.Plan, training: Unheld | None = None) -> Pipeline:
        """Fit a plan to sets in memory, or to a sample and then to the training sets that it comes from."""
        rounds = self._rounds(plan)
        n_columns = plan.settings["position_columns"]
        plan = plan.with_position_columns(n_position_columns(n_columns, batch.n_positions))
        if n_columns and not batch.n_positions:
            warn_of_lookalikes(batch, n_columns)
        pipeline = self._fit_pipeline(batch, plan, self._verbose())
        if pipeline.report is not None:
            warn_unless_converged(json.loads(pipeline.report)["converged"])
            warn_of_few_rows(min(int(batch.sizes.sum()), plan.settings["sample"]), _settings.n_components(plan))
        threads = n_threads(self.n_jobs)
        if rounds is not None:
            all_rows = in_memory(batch, threads) if training is None else training.passes(threads)
            with self._explained(batch):
                pipeline = polished(pipeline, rounds, all_rows, self._verbose())
        return self._informed(batch, plan, pipeline, training) if _settings.is_empirical(plan) else pipeline

    def _rounds(self, plan: _settings.Plan) -> str | None:
        """The settings of the passes over all descriptors, if there are any."""
        return _settings.rounds(plan, check.integer("polish", getattr(self, "polish", 0), 0))

    def _informed(self, batch: Batch, plan: _settings.Plan, pipeline: Pipeline, training: Unheld | None) -> Pipeline:
        """The pipeline with the empirical information of a sample of the sets."""
        count, threads = (
            check.integer("information_sets", getattr(self, "information_sets", None)),
            n_threads(self.n_jobs),
        )
        with self._explained(batch):
            if training is None:
                pipeline, n_sets = pipeline.with_information(batch, count, plan.settings["seed"], threads)
            else:
                pipeline, n_sets = training.learned(pipeline, count, plan.settings["seed"], threads)
        warn_of_few_sets(n_sets)
        return pipeline

    def _fit_statistics(self, statistics: list[Statistics], plan: _settings.Plan) -> Pipeline:
        """A pipeline of given parts; an empirical information is estimated from the statistics."""
        if unfitted := _settings.unfitted(plan):
            raise ValueError(f"sets must be descriptors to fit {' and '.join(unfitted)} to, got statistics")
        self._rounds(plan)
        pipeline = _settings.assemble(plan)
        if _settings.is_empirical(plan):
            pipeline, n_sets = pipeline.with_information_of(statistics)
            warn_of_few_sets(n_sets)
        return pipeline

    def _explained(self, batch: Batch) -> AbstractContextManager[None]:
        return explained(batch, gaps_of(self))
