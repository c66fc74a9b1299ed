"""The base of transformers, and of those that are a pipeline of the library once they are fitted."""

import os
from typing import Any, Self

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from . import _columns, _files, _missing, _settings
from ._batch import Batch
from ._cures import explained
from ._doc_link import Linked
from ._docs import documented
from ._fishervec import Pipeline
from ._foreign import Explained
from ._reports import reporter
from ._threads import n_threads
from ._types import Array, RandomState


class OwnInput(Linked, Explained, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformer whose input is not a 2-D array, and is checked by this package."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.no_validation = True
        return tags

    def set_output(self, *, transform: str | None = None) -> Self:
        """Set the container of the vectors that `transform` returns; sets are returned as they are.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None, default=None
            The container; None changes nothing.

        Returns
        -------
        self : estimator
            The estimator itself.
        """
        # A pipeline sets the output of all its steps, of those that return sets, too.
        if hasattr(self, "get_feature_names_out"):
            super().set_output(transform=transform)
        return self


@documented
class SetTransformer(OwnInput):
    """A transformer of sets of descriptors, which is a pipeline of the library once it is fitted."""

    missing: str
    padding: str | None
    rows: str | None
    whiten: bool
    sample: int | None
    random_state: RandomState
    n_jobs: int | None

    n_features_in_: int
    feature_names_in_: Array
    _pipeline: Pipeline
    #: How many of the pipeline's columns are positions that are given apart, and their names.
    _n_positions: int = 0
    _position_names: Array | None = None

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
        """Fit a plan to the descriptors of a batch, without an empirical information."""
        if not len(batch):
            raise ValueError("sets must have at least one set to fit to, got 0")
        if batch.dim == 0:
            raise ValueError("sets must have descriptors of at least one column, got 0")
        with explained(batch, _missing.gaps_of(self)):
            return _settings.fit(plan, batch, n_threads(self.n_jobs), reporter(verbose))

    def _set_pipeline(self, pipeline: Pipeline) -> None:
        """Become an estimator of this fitted pipeline."""
        self._pipeline = pipeline
        self._remember(_columns.Fitted(None))

    def _remember(self, fitted: _columns.Fitted) -> None:
        """Keep the names and the positions of the fit; those of an earlier fit are gone."""
        self._n_positions, self._position_names = fitted.n_positions, fitted.position_names
        self.n_features_in_ = self._pipeline.dim - fitted.n_positions
        if fitted.names is not None:
            self.feature_names_in_ = fitted.names
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _take(self, pipeline: Pipeline, role: str) -> None:
        """Become the estimator of a pipeline that was read from a file, if it fits this class."""
        self._set_pipeline(pipeline)
