"""The base of encoders: sets of descriptors, or their statistics, in; one vector each out."""

import itertools
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from . import _checks as check
from . import _columns, _unopened
from ._batch import Batch
from ._contributions import Shares
from ._deprecation import was_called
from ._docs import documented
from ._encoder_parts import EncoderParts, check_descriptors
from ._fishervec import Pipeline, Statistics, contributions
from ._groups import Membership
from ._lazy import LazyRows
from ._outputs import collected, written
from ._parts import n_known
from ._report import Report, reported
from ._sets import SETS, opened
from ._threads import n_threads
from ._types import Floats, Sets


@documented
class SetEncoder(EncoderParts):
    """The base of encoders.

    A subclass has the parameters of `SetTransformer`, makes its plan in `_plan`, and names the entries of its vectors
    in `_names`.
    """

    #: What the library calls the encoder.
    _kind: ClassVar[str]
    _deprecated: ClassVar[dict[str, str | None]] = {"carry": "position_columns"}
    #: In scikit-learn `groups` are those of a splitter, unless set_transform_request(groups=True) is called.
    __metadata_request__transform: ClassVar[dict[str, bool]] = {"groups": False}

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
        X = _listed_statistics(X)
        if self._streams(X):
            self._fit_stream(X, weights, positions)
        else:
            self._fit(*self._read(X, weights, positions))
        return self

    def transform(
        self,
        X: Sets,
        *,
        weights: Sets | None = None,
        positions: Sets | None = None,
        groups: Any = None,
        out: Floats | None = None,
    ) -> Floats:
        """Encode each set, or each group of sets as one set.

        Parameters
        ----------
        X : sets of descriptors, or list of Statistics
            In one of the forms in the notes of the class. An iterator, and what `open_sets` returns, is read one part
            at a time.
        {weights}
        {positions}
        {groups}
        out : ndarray of shape (n_sets, `n_features_out_`) or None, default=None
            An array, or a memory map, that takes the vectors and is returned.

        Returns
        -------
        vectors : ndarray of shape (n_sets, `n_features_out_`)
            One row per set, in the float type of the descriptors (float64 for statistics); zeros for an empty set.

        Raises
        ------
        {transform_errors}
            Also for statistics under another mixture.
        """
        check_is_fitted(self)
        if groups is not None:
            X = _listed_statistics(X)
            return self._encode_groups(Membership(groups, X), X, weights, positions, out)
        parts, n_sets = self._of_parts(self._encode, X, weights, positions), n_known(X)
        if out is not None:
            return written(parts, (n_sets, len(self._pipeline)), out)
        return collected(parts, n_sets, lambda: self._encode(Batch([])))

    def fit_transform(
        self,
        X: Sets,
        y: Any = None,
        *,
        weights: Sets | None = None,
        positions: Sets | None = None,
        groups: Any = None,
    ) -> Floats:
        """Fit to all sets and encode them, or each group of them; sets and weights are read once.

        Parameters
        ----------
        X : sets of descriptors, or list of Statistics
            Training sets, in one of the forms in the notes of the class.
        {y}
        {weights}
        {positions}
        {groups}

        Returns
        -------
        vectors : ndarray of shape (n_sets, `n_features_out_`)
            As from `transform`.

        Raises
        ------
        {fit_errors}

        Warns
        -----
        {fit_warnings}
        """
        if isinstance(X, LazyRows):
            # What belongs to the sets is read twice, as they are.
            weights, positions = opened(weights), positions if isinstance(positions, LazyRows) else opened(positions)
            again = self.fit(X, weights=weights, positions=positions)
            return again.transform(X, weights=weights, positions=positions, groups=groups)
        X = opened(X)
        members = None if groups is None else Membership(groups, X)
        sets, fitted = self._read(X, weights, positions)
        self._fit(sets, fitted)
        if members is None:
            return self._encode(sets)
        vectors = members.in_rows(iter([self._encoded_groups(members, sets, False)]), len(self._pipeline))
        return members.framed(vectors, self)

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
        vectors : list of ndarray of shape (n_windows, `n_features_out_`)
            One array per set, one row per window.

        Raises
        ------
        {transform_errors}
            Also for a length or a step below 1, for pooling, which has no statistics, and for a pyramid.
        """
        check_is_fitted(self)
        size = check.integer("length", length)
        stride = size if step is None else check.integer("step", step)

        def windows(batch: Batch) -> list[Floats]:
            with self._explained(batch):
                return self._pipeline.encode_windows(batch, size, stride, n_threads(self.n_jobs))

        return list(itertools.chain.from_iterable(self._of_parts(windows, X, weights, positions)))

    def contributions(
        self,
        X: Sets,
        coef: Any,
        *,
        weights: Sets | None = None,
        positions: Sets | None = None,
        groups: Any = None,
        by: str | None = None,
    ) -> list[NDArray[np.float64]]:
        """Compute the share of each descriptor in a score of its set, such as the decision of a linear classifier.

        The shares of a set, or of all sets of a group, sum to ``vector @ coef``, the score without its intercept. What
        the power and the norm do to the vector of the whole set or group counts for each descriptor.

        Parameters
        ----------
        X : sets of descriptors
            In one of the forms in the notes of the class. An iterator, and what `open_sets` returns, is read one part
            at a time.
        coef : array-like of shape (`n_features_out_`,) or (n_classes, `n_features_out_`), or fitted linear model
            The coefficients of one score or of several; or what has them as `coef_`, a LinearSVC or LogisticRegression
            fitted to vectors of this encoder, a Pipeline of this encoder and such a model, perhaps with a
            StandardScaler between them, or a search with such a `best_estimator_`.
        {weights}
        {positions}
        {groups_of_shares}
        by : {"component", "block", "dimension"} or None, default=None
            What each share is divided by: the components of the mixture or codebook; the blocks of the vector, such as
            weights, means and variances; or the columns after `pca`, where a last one more stands for the entries of
            no column, those of weights. None means that it is not divided.

        Returns
        -------
        contributions : list of ndarray of shape (n_i,), or (n_i, n_classes)
            One array per set, with groups too, in the order of the sets. One number per descriptor, 0 for one of
            weight 0 and for those of a set of no group; (n_i,) for one score, also for a fitted model of two
            classes. `by` adds a last axis.

        Raises
        ------
        {transform_errors}
            Also for coefficients of another number of features, and for statistics, which have no descriptors.
        """
        check_is_fitted(self)
        asked = Shares(coef, self, by)
        if groups is not None:
            # The sets are read twice.
            X, weights, positions = (
                one if isinstance(one, LazyRows) else opened(one) for one in (X, weights, positions)
            )
            members = Membership(groups, X)
            gathered = self._of_groups(members.gathered, members, X, weights, positions)
            asked.place(members.of_each_set(), gathered)

        def shares(batch: Batch) -> list[NDArray[np.float64]]:
            check_descriptors(batch)
            with self._explained(batch):
                compute = partial(contributions, batch, self._pipeline)
                return asked.of(len(batch), lambda coef, by, places: compute(coef, by, n_threads(self.n_jobs), places))

        return list(itertools.chain.from_iterable(self._of_parts(shares, X, weights, positions)))

    def report(self, X: Sets, y: Any = None, *, weights: Sets | None = None, positions: Sets | None = None) -> Report:
        """Report what one should know of this encoder and of sets: what it tells apart, what is odd, what to do.

        A notebook shows the report as a page. Counts, shares and lengths are of all sets; the map, the classification
        and the accuracy of each block are of a sample of at most 2,000 sets, of those with a label if any has.

        Parameters
        ----------
        X : sets of descriptors
            In one of the forms in the notes of the class. What `open_sets` returns, and an iterator, is read in parts.
        y : array-like of shape (n_sets,) or None, default=None
            The label of each set; None or NaN for a set without. None means that no set has one.
        {weights}
        {positions}

        Returns
        -------
        report : Report
            With `numbers`, a dict, and ``save(path)``, which writes the page.

        Raises
        ------
        {transform_errors}
            Also for labels that are not one per set, or not of one kind, and for statistics, which have no descriptors.
        """
        check_is_fitted(self)
        return reported(self, type(self).__name__, X, y, weights, positions)

    @was_called("sets")
    def statistics(
        self, X: Sets, *, weights: Sets | None = None, positions: Sets | None = None, groups: Any = None
    ) -> list[Statistics]:
        """Compute the sufficient statistics of each set: all that an encoding under this mixture needs of the data.

        With them, an encoder with another convention, power, norm or information needs no descriptors.

        Parameters
        ----------
        X : sets of descriptors
            In one of the forms in the notes of the class.
        {weights}
        {positions}
        {groups}

        Returns
        -------
        statistics : list of Statistics
            One per set or group, for `transform` of this encoder and of others with the same mixture or codebook.

        Raises
        ------
        {transform_errors}
            Also for encoders without statistics: pooling, a VLAD with `residual`, and a pyramid.
        """
        check_is_fitted(self)
        self._check_statistics()
        if groups is not None:
            return self._statistics_of_groups(Membership(groups, X), X, weights, positions)

        def statistics(batch: Batch) -> list[Statistics]:
            with self._explained(batch):
                return self._pipeline.statistics(batch, n_threads(self.n_jobs))

        return list(itertools.chain.from_iterable(self._of_parts(statistics, X, weights, positions)))

    def get_feature_names_out(self, input_features: Sequence[str] | None = None) -> NDArray[np.object_]:
        """Return the names of the entries of a vector.

        Parameters
        ----------
        input_features : array-like of str of shape (`n_features_in_`,), default=None
            Names of the descriptors' columns, used if there is no projection; None means those of the fit, or 0, 1, 2
            and so on. One name alone is that of the column of sets, as a ColumnTransformer gives it, and not used.

        Returns
        -------
        names : ndarray of str objects of shape (`n_features_out_`,)
            Such as "mean_3_x": in a Fisher vector, the mean of component 3 in column x. ``cell_2_`` before it means
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

    def _names(self, columns: list[str]) -> list[str]:
        """The names of the entries of a vector, or of one cell of it."""
        raise NotImplementedError

    def _take(self, pipeline: Pipeline, role: str) -> None:
        if self._kind != pipeline.kind:
            raise ValueError(f"class: {type(self).__name__} does not fit the encoder {pipeline.kind}")
        super()._take(pipeline, role)


def _listed_statistics(X: Any) -> Any:
    """An iterator of statistics as a list; all else as it is."""
    _unopened.check(X, "sets", SETS)
    if not isinstance(X, Iterator):
        return X
    # A first set may be None, one that is missing.
    first = list(itertools.islice(X, 1))
    X = itertools.chain(first, X)
    return list(X) if first and isinstance(first[0], Statistics) else X
