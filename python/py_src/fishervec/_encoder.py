"""The base of encoders: sets of descriptors, or their statistics, in; one vector each out."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from . import _checks as check
from . import _columns, _settings
from ._base import SetTransformer
from ._batch import Batch
from ._cures import explained
from ._deprecation import current, warn_of_deprecated, was_called
from ._docs import documented
from ._fishervec import Pipeline, Statistics
from ._missing import gaps_of
from ._parts import Part, parts
from ._positions import check_given, n_position_columns, warn_of_lookalikes
from ._reports import warn_of_few_rows, warn_of_few_sets, warn_unless_converged
from ._sets import as_sets, opened
from ._threads import n_threads
from ._types import Floats, Sets


@documented
class SetEncoder(SetTransformer):
    """The base of encoders.

    A subclass has the parameters of `SetTransformer`, makes its plan in `_plan`, and names the entries of its vectors
    in `_names`.
    """

    #: What the library calls the encoder.
    _kind: ClassVar[str]
    _deprecated: ClassVar[dict[str, str | None]] = {"carry": "position_columns"}

    @was_called("sets")
    def fit(self, X: Sets, y: Any = None, *, weights: Sets | None = None, positions: Sets | None = None) -> Self:
        """Fit to the descriptors of all sets; parts that are given fitted stay as they are.

        Parameters
        ----------
        X : sets of descriptors, or list of Statistics
            Training sets, in one of the forms in the notes of the class.
        {y}
        {weights}
        {positions}

        Returns
        -------
        self : estimator
            The fitted encoder.

        Raises
        ------
        {fit_errors}

        Warns
        -----
        {fit_warnings}
        """
        self._fit(*self._read(X, weights, positions))
        return self

    def transform(self, X: Sets, *, weights: Sets | None = None, positions: Sets | None = None) -> Floats:
        """Encode each set.

        Parameters
        ----------
        X : sets of descriptors, or list of Statistics
            In one of the forms in the notes of the class. An iterator is read 256 sets at a time.
        {weights}
        {positions}

        Returns
        -------
        vectors : ndarray of shape (n_sets, n_features_out_)
            One row per set, in the float type of the descriptors (float64 for statistics); zeros for an empty set.

        Raises
        ------
        {transform_errors}
            Also for statistics under another mixture.
        """
        check_is_fitted(self)
        names = _columns.Comparison(self)
        if not isinstance(X, Iterator):
            return self._encode(self._taken(names, X, weights, positions))
        vectors = [self._encode_part(names, part) for part in parts(X, weights, positions)]
        return np.concatenate(vectors) if vectors else self._encode(Batch([]))

    def fit_transform(
        self, X: Sets, y: Any = None, *, weights: Sets | None = None, positions: Sets | None = None
    ) -> Floats:
        """Fit to all sets and encode them; sets and weights are read once.

        Parameters
        ----------
        X : sets of descriptors, or list of Statistics
            Training sets, in one of the forms in the notes of the class.
        {y}
        {weights}
        {positions}

        Returns
        -------
        vectors : ndarray of shape (n_sets, n_features_out_)
            As from `transform`.

        Raises
        ------
        {fit_errors}

        Warns
        -----
        {fit_warnings}
        """
        sets, fitted = self._read(X, weights, positions)
        self._fit(sets, fitted)
        return self._encode(sets)

    @was_called("sets")
    def transform_windows(
        self,
        X: Sets,
        length: int,
        step: int | None = None,
        *,
        weights: Sets | None = None,
        positions: Sets | None = None,
    ) -> list[Floats]:
        """Encode sliding windows of each set, in the order of its descriptors: the frames of a recording, say.

        Each descriptor is read once, so that the cost does not depend on the length of the windows. A vector is that of
        the window's own descriptors, whatever stands around them: no spike leaves a trace in later windows.

        Parameters
        ----------
        X : sets of descriptors
            In one of the forms in the notes of the class.
        length : int
            Number of descriptors in a window; a shorter set is one window.
        step : int or None, default=None
            Number of descriptors from the start of one window to that of the next; None means `length`.
        {weights}
        {positions}

        Returns
        -------
        vectors : list of ndarray of shape (n_windows, n_features_out_)
            One array per set, one row per window.

        Raises
        ------
        {transform_errors}
            Also for a length or a step below 1, for pooling, which has no statistics, and for a pyramid.
        """
        check_is_fitted(self)
        size = check.integer("length", length)
        stride = size if step is None else check.integer("step", step)
        batch = self._batch(X, weights, positions)
        with self._explained(batch):
            return self._pipeline.encode_windows(batch, size, stride, n_threads(self.n_jobs))

    @was_called("sets")
    def statistics(self, X: Sets, *, weights: Sets | None = None, positions: Sets | None = None) -> list[Statistics]:
        """Compute the sufficient statistics of each set: all that an encoding under this mixture needs of the data.

        With them, an encoder with another convention, power, norm or information needs no descriptors.

        Parameters
        ----------
        X : sets of descriptors
            In one of the forms in the notes of the class.
        {weights}
        {positions}

        Returns
        -------
        statistics : list of Statistics
            One per set, for `transform` of this encoder and of others with the same mixture or codebook.

        Raises
        ------
        {transform_errors}
            Also for encoders without statistics: pooling, a VLAD with `residual`, and a pyramid.
        """
        check_is_fitted(self)
        self._check_statistics()
        batch = self._batch(X, weights, positions)
        with self._explained(batch):
            return self._pipeline.statistics(batch, n_threads(self.n_jobs))

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> NDArray[np.object_]:
        """Return the names of the entries of a vector.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features_in_,), default=None
            Names of the descriptors' columns, used if there is no projection; None means those of the fit, or 0, 1, 2
            and so on. One name alone is that of the column of sets, as a ColumnTransformer gives it, and not used.

        Returns
        -------
        names : ndarray of str objects of shape (n_features_out_,)
            Such as "mean_3_x": in a Fisher vector, the mean of component 3 in column x. "cell_2_" before it means
            the third cell of a pyramid.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If there are not as many `input_features` as the descriptors have columns, or they are not those of the fit.
        """
        check_is_fitted(self)
        columns = _columns.in_order(self, input_features)
        if self._pipeline.pca is not None:
            columns = [str(name) for name in range(self._pipeline.encoder_dim)]
        names, cells = self._names(columns), self._pipeline.cells
        if cells > 1:
            names = [f"cell_{cell}_{name}" for cell in range(cells) for name in names]
        return np.array(names, dtype=object)

    @property
    def n_features_out_(self) -> int:
        """P, the length of a vector."""
        check_is_fitted(self)
        return len(self._pipeline)

    @property
    def _n_features_out(self) -> int:
        return self.n_features_out_

    # ---- what a subclass has -----------------------------------------------------------------------------

    def _plan(self) -> _settings.Plan:
        """The pipeline that is to be fitted."""
        raise NotImplementedError

    def _names(self, columns: list[str]) -> list[str]:
        """The names of the entries of a vector, or of one cell of it."""
        raise NotImplementedError

    def _check_statistics(self) -> None:
        """Raise an error if the vectors are not functions of statistics."""

    # ---- fitting and encoding ----------------------------------------------------------------------------

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

    def _taken(
        self, names: _columns.Comparison, X: Sets, weights: Sets | None, positions: Sets | None
    ) -> Batch | list[Statistics]:
        """Sets that are to be encoded, which must have the columns of the fit."""
        X, positions = opened(X), opened(positions)
        dim, n_positions = self.n_features_in_, self._n_positions
        sets = as_sets(X, weights, positions, dim=dim, n_positions=n_positions or None, gaps=gaps_of(self))
        if not isinstance(sets, Batch):
            self._check_statistics()
            return sets
        if len(sets) and sets.is_whole:
            check_given(sets.n_positions, n_positions, self._pipeline.position_columns)
        names.check(X, sets.sizes, positions)
        return sets

    def _batch(self, X: Sets, weights: Sets | None, positions: Sets | None) -> Batch:
        """The same of sets that must not be statistics."""
        sets = self._taken(_columns.Comparison(self), X, weights, positions)
        if not isinstance(sets, Batch):
            raise TypeError("set 0 must be an array of descriptors, got statistics")
        return sets

    def _explained(self, batch: Batch) -> AbstractContextManager[None]:
        return explained(batch, gaps_of(self))

    def _fit(self, sets: Batch | list[Statistics], fitted: _columns.Fitted) -> None:
        warn_of_deprecated(self)
        plan = self._plan()
        self._check_names_of_parts(fitted.all_names())
        pipeline = self._fit_batch(sets, plan) if isinstance(sets, Batch) else self._fit_statistics(sets, plan)
        self._set_pipeline(pipeline)
        self._remember(fitted)

    def _check_names_of_parts(self, names: list[str] | None) -> None:
        """Raise an error if a part that is given was fitted to columns of other names."""
        pca, spatial = getattr(self, "pca", None), getattr(self, "spatial", None)
        _columns.check_given(pca, names, "pca")
        if pca is None:
            for name in ("mixture", "codebook"):
                _columns.check_given(getattr(self, name, None), names, name)
        if names is not None:
            _columns.check_given(spatial, names[-getattr(spatial, "n_features_in_", 1) :], "spatial")

    def _fit_batch(self, batch: Batch, plan: _settings.Plan) -> Pipeline:
        verbose = current(type(self), self.get_params(deep=False)).get("verbose", 0)
        n_columns = plan.settings["position_columns"]
        plan = plan.with_position_columns(n_position_columns(n_columns, batch.n_positions))
        if n_columns and not batch.n_positions:
            warn_of_lookalikes(batch, n_columns)
        pipeline = self._fit_pipeline(batch, plan, verbose)
        if pipeline.report is not None:
            warn_unless_converged(json.loads(pipeline.report)["converged"])
            warn_of_few_rows(min(int(batch.sizes.sum()), plan.settings["sample"]), _settings.n_components(plan))
        return pipeline

    def _fit_statistics(self, statistics: list[Statistics], plan: _settings.Plan) -> Pipeline:
        """A pipeline of given parts; an empirical information is estimated from the statistics."""
        if unfitted := _settings.unfitted(plan):
            raise ValueError(f"sets must be descriptors to fit {' and '.join(unfitted)} to, got statistics")
        pipeline = _settings.assemble(plan)
        if _settings.is_empirical(plan):
            pipeline, n_sets = pipeline.with_information_of(statistics)
            warn_of_few_sets(n_sets)
        return pipeline

    def _encode(self, sets: Batch | list[Statistics]) -> Floats:
        if isinstance(sets, Batch):
            with self._explained(sets):
                return self._pipeline.encode_sets(sets, n_threads(self.n_jobs))
        return self._pipeline.encode_statistics(sets, n_threads(self.n_jobs))

    def _encode_part(self, names: _columns.Comparison, part: Part) -> Floats:
        """The vectors of a part of an iterator; errors count sets from the iterator's beginning."""
        try:
            return self._encode(self._taken(names, part.sets, part.weights, part.positions))
        except (TypeError, ValueError) as error:
            first, end, rest = str(error).partition("\n")
            text = re.sub(r"\bset (\d+)", lambda found: f"set {int(found[1]) + part.first}", first)
            raise type(error)(text + end + rest) from error

    def _take(self, pipeline: Pipeline, role: str) -> None:
        if self._kind != pipeline.kind:
            raise ValueError(f"class: {type(self).__name__} does not fit the encoder {pipeline.kind}")
        super()._take(pipeline, role)
