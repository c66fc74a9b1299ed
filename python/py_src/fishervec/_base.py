"""The base of transformers, and of those that are a pipeline of the library once they are fitted."""

import os
from typing import Any, ClassVar

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted

from . import _checks as check
from . import _files, _settings
from ._batch import Batch
from ._docs import documented
from ._fishervec import Pipeline
from ._foreign import Explained
from ._reports import reporter, warn_of_few_sets
from ._threads import n_threads
from ._types import RandomState


class OwnInput(Explained, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformer whose input is not a 2-D array, and is checked by this package."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.no_validation = True
        return tags


@documented
class SetTransformer(OwnInput):
    """A transformer of sets of descriptors, which is a pipeline of the library once it is fitted."""

    # The first argument of fit and transform is called sets; it is the data, not metadata to be routed.
    __metadata_request__fit: ClassVar = {"sets": UNUSED}
    __metadata_request__transform: ClassVar = {"sets": UNUSED}

    rows: str | None
    whiten: bool
    sample: int | None
    random_state: RandomState
    n_jobs: int | None

    n_features_in_: int
    _pipeline: Pipeline

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_pipeline")

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to a file, whole or not at all.

        `fishervec.load` and the command line read the file. A generator as `random_state` is not written.

        Parameters
        ----------
        {path}

        Raises
        ------
        {save_errors}
        """
        check_is_fitted(self)
        _files.save(self, self._pipeline, path)

    def _fit_pipeline(self, batch: Batch, plan: _settings.Plan, verbose: int = 0) -> Pipeline:
        """Fit a plan to the descriptors of a batch."""
        if not len(batch):
            raise ValueError("sets must have at least one set to fit to, got 0")
        if batch.dim == 0:
            raise ValueError("sets must have descriptors of at least one column, got 0")
        threads = n_threads(self.n_jobs)
        pipeline = _settings.fit(plan, batch, threads, reporter(verbose))
        if _settings.is_empirical(plan):
            n = check.integer("information_sets", getattr(self, "information_sets", None))
            pipeline, n_sets = pipeline.with_information(batch, n, plan.settings["seed"], threads)
            warn_of_few_sets(n_sets)
        return pipeline

    def _set_pipeline(self, pipeline: Pipeline) -> None:
        """Become an estimator of this fitted pipeline."""
        self._pipeline = pipeline
        self.n_features_in_ = pipeline.dim

    def _take(self, pipeline: Pipeline, role: str) -> None:
        """Become the estimator of a pipeline that was read from a file, if it fits this class."""
        self._set_pipeline(pipeline)
