"""The base of encoders: sets of descriptors, or their statistics, in; one vector each out."""

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from . import _checks as check
from . import _settings
from ._base import SetTransformer
from ._batch import Batch
from ._deprecation import current, warn_of_deprecated
from ._docs import documented
from ._fishervec import Pipeline, Statistics
from ._reports import warn_of_few_rows, warn_of_few_sets, warn_unless_converged
from ._sets import as_batch, as_sets
from ._threads import n_threads
from ._types import Floats, Sets

#: Number of sets of an iterator that are encoded at a time.
TOGETHER = 256


@documented
class SetEncoder(SetTransformer):
    """The base of encoders.

    A subclass has the parameters of `SetTransformer`, makes its plan in `_plan`, and names the entries of its vectors
    in `_names`.
    """

    #: What the library calls the encoder.
    _kind: ClassVar[str]
    _deprecated: ClassVar[dict[str, str | None]] = {"carry": "position_columns"}

    def fit(self, sets: Sets, y: Any = None, *, weights: Sets | None = None) -> Self:
        """Fit to the descriptors of all sets; parts that are given fitted stay as they are.

        Parameters
        ----------
        sets : sets of descriptors, or list of Statistics
            Training sets, in one of the forms in the notes of the class.
        {y}
        {weights}

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
        self._fit(self._sets(sets, weights))
        return self

    def transform(self, sets: Sets, *, weights: Sets | None = None) -> Floats:
        """Encode each set.

        Parameters
        ----------
        sets : sets of descriptors, or list of Statistics
            In one of the forms in the notes of the class. An iterator is read 256 sets at a time.
        {weights}

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
        if isinstance(sets, Iterator) and weights is None:
            parts = [self._encode_part(part, i * TOGETHER) for i, part in enumerate(_parts(sets))]
            return np.concatenate(parts) if parts else self._encode(Batch([]))
        return self._encode(self._sets(sets, weights, self.n_features_in_))

    def fit_transform(self, sets: Sets, y: Any = None, *, weights: Sets | None = None) -> Floats:
        """Fit to all sets and encode them; sets and weights are read once.

        Parameters
        ----------
        sets : sets of descriptors, or list of Statistics
            Training sets, in one of the forms in the notes of the class.
        {y}
        {weights}

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
        taken = self._sets(sets, weights)
        self._fit(taken)
        return self._encode(taken)

    def transform_windows(
        self, sets: Sets, length: int, step: int | None = None, *, weights: Sets | None = None
    ) -> list[Floats]:
        """Encode sliding windows of each set, in the order of its descriptors: the frames of a recording, say.

        Each descriptor is read once, so that the cost does not depend on the length of the windows. A vector is that of
        the window's own descriptors, whatever stands around them: no spike leaves a trace in later windows.

        Parameters
        ----------
        sets : sets of descriptors
            In one of the forms in the notes of the class.
        length : int
            Number of descriptors in a window; a shorter set is one window.
        step : int or None, default=None
            Number of descriptors from the start of one window to that of the next; None means `length`.
        {weights}

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
        batch = as_batch(sets, weights, self.n_features_in_)
        return self._pipeline.encode_windows(batch, size, stride, n_threads(self.n_jobs))

    def statistics(self, sets: Sets, *, weights: Sets | None = None) -> list[Statistics]:
        """Compute the sufficient statistics of each set: all that an encoding under this mixture needs of the data.

        With them, an encoder with another convention, power, norm or information needs no descriptors.

        Parameters
        ----------
        sets : sets of descriptors
            In one of the forms in the notes of the class.
        {weights}

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
        batch = as_batch(sets, weights, self.n_features_in_)
        return self._pipeline.statistics(batch, n_threads(self.n_jobs))

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> NDArray[np.object_]:
        """Return the names of the entries of a vector.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features_in_,), default=None
            Names of the descriptors' columns, used if there is no projection; None means 0, 1, 2 and so on.

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
            If there are not as many `input_features` as the descriptors have columns.
        """
        check_is_fitted(self)
        columns = [str(name) for name in range(self._pipeline.encoder_dim)]
        if input_features is not None:
            if len(input_features) != self.n_features_in_:
                raise ValueError(f"input_features must be {self.n_features_in_} names, got {len(input_features)}")
            if self._pipeline.pca is None:
                columns = [str(name) for name in input_features]
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

    def _sets(self, sets: Sets, weights: Sets | None, dim: int | None = None) -> Batch | list[Statistics]:
        taken = as_sets(sets, weights, dim)
        if not isinstance(taken, Batch):
            self._check_statistics()
        return taken

    def _fit(self, sets: Batch | list[Statistics]) -> None:
        warn_of_deprecated(self)
        plan = self._plan()
        if isinstance(sets, Batch):
            self._set_pipeline(self._fit_batch(sets, plan))
        else:
            self._set_pipeline(self._fit_statistics(sets, plan))

    def _fit_batch(self, batch: Batch, plan: _settings.Plan) -> Pipeline:
        verbose = current(type(self), self.get_params(deep=False)).get("verbose", 0)
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
            return self._pipeline.encode_sets(sets, n_threads(self.n_jobs))
        return self._pipeline.encode_statistics(sets, n_threads(self.n_jobs))

    def _encode_part(self, part: tuple[Any, ...], first: int) -> Floats:
        """The vectors of a part of an iterator, whose first set is number `first` of all."""
        try:
            return self._encode(self._sets(list(part), None, self.n_features_in_))
        except (TypeError, ValueError) as error:
            text = re.sub(r"^set (\d+)", lambda found: f"set {int(found[1]) + first}", str(error))
            raise type(error)(text) from error

    def _take(self, pipeline: Pipeline, role: str) -> None:
        if self._kind != pipeline.kind:
            raise ValueError(f"class: {type(self).__name__} does not fit the encoder {pipeline.kind}")
        super()._take(pipeline, role)


def _parts(sets: Iterator[Any]) -> Iterator[tuple[Any, ...]]:
    while part := tuple(itertools.islice(sets, TOGETHER)):
        yield part
