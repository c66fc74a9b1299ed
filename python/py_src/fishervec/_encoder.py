"""The base of encoders: sets of descriptors, or their statistics, in; one vector each out."""

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from . import _checks as check
from . import _columns, _settings, _unopened
from ._base import SetTransformer
from ._batch import Batch
from ._contributions import Shares
from ._cures import explained
from ._deprecation import current, warn_of_deprecated, was_called
from ._docs import documented
from ._fishervec import Pipeline, Statistics, contributions
from ._groups import Membership
from ._lazy import LazyRows, LazySets
from ._missing import gaps_of
from ._outputs import collected, written
from ._parts import is_stream, n_known, parts
from ._polish import in_memory, polished
from ._positions import check_given, n_position_columns, warn_of_lookalikes
from ._progress import progress
from ._report import Report, reported
from ._reports import warn_of_few_rows, warn_of_few_sets, warn_unless_converged
from ._sets import SETS, as_sets, opened
from ._threads import n_threads
from ._training import Training, Unheld
from ._types import Floats, Sets

Result = TypeVar("Result")


@documented
class SetEncoder(SetTransformer):
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
        out : ndarray of shape (n_sets, n_features_out_) or None, default=None
            An array, or a memory map, that takes the vectors and is returned.

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
        vectors : ndarray of shape (n_sets, n_features_out_)
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
        coef : array-like of shape (n_features_out_,) or (n_classes, n_features_out_), or fitted linear model
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
            _check_descriptors(batch)
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
            The label of each set; None or NaN for a set without. None means that there are no labels.
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

    def _of_parts(
        self, work: Callable[[Any], Result], X: Sets, weights: Sets | None, positions: Sets | None
    ) -> Iterator[Result]:
        """What `work` makes of each part of the sets, which must have the columns of the fit; of one part in memory."""
        names = _columns.Comparison(self)
        if not is_stream(X):
            yield work(self._taken(names, X, weights, positions))
            return
        with progress("encoding", n_known(X), self._verbose()) as advance:
            for part in parts(X, weights, positions):
                with part.counted(X):
                    done = work(self._taken(names, part.sets, part.weights, part.positions))
                advance(len(part.sets))
                part.sets.clear()
                yield done

    def _explained(self, batch: Batch) -> AbstractContextManager[None]:
        return explained(batch, gaps_of(self))

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

    def _encode(self, sets: Batch | list[Statistics]) -> Floats:
        if isinstance(sets, Batch):
            with self._explained(sets):
                return self._pipeline.encode_sets(sets, n_threads(self.n_jobs))
        return self._pipeline.encode_statistics(sets, n_threads(self.n_jobs))

    def _encode_groups(
        self, members: Membership, X: Sets, weights: Sets | None, positions: Sets | None, out: Floats | None
    ) -> Floats:
        """The vectors of groups of sets; of sets that come in parts, what was gathered of open groups is kept."""
        if (n_sets := n_known(X)) is not None:
            members.check(n_sets)
        work = partial(self._encoded_groups, members, in_parts=is_stream(X))
        vectors = members.in_rows(self._of_parts(work, X, weights, positions), len(self._pipeline), out)
        return vectors if out is not None else members.framed(vectors, self)

    def _encoded_groups(
        self, members: Membership, sets: Batch | list[Statistics], in_parts: bool
    ) -> tuple[list[int], Floats]:
        """The groups that are complete with these sets, and their vectors."""
        if not isinstance(sets, Batch):
            merged = members.merged(sets, self._nothing())
            members.take(len(sets))
            return list(range(len(members))), self._pipeline.encode_statistics(merged, n_threads(self.n_jobs))
        if not in_parts:
            members.check(len(sets))
        with self._explained(sets):
            return members.encoded(self._pipeline, sets, n_threads(self.n_jobs))

    def _statistics_of_groups(
        self, members: Membership, X: Sets, weights: Sets | None, positions: Sets | None
    ) -> list[Statistics]:
        found = self._of_groups(members.statistics, members, X, weights, positions)
        nothing = self._nothing()
        return [found.get(group, nothing) for group in range(len(members))]

    def _of_groups(
        self,
        take: Callable[[Pipeline, Batch, int], tuple[list[int], list[Result]]],
        members: Membership,
        X: Sets,
        weights: Sets | None,
        positions: Sets | None,
    ) -> dict[int, Result]:
        """What `take` makes of each group of sets, all of which are read once."""
        if (n_sets := n_known(X)) is not None:
            members.check(n_sets)

        def work(batch: Batch) -> tuple[list[int], list[Result]]:
            _check_descriptors(batch)
            if not is_stream(X):
                members.check(len(batch))
            with self._explained(batch):
                return take(self._pipeline, batch, n_threads(self.n_jobs))

        found: dict[int, Result] = {}
        for groups, results in self._of_parts(work, X, weights, positions):
            found.update(zip(groups, results, strict=True))
        members.check_all()
        return found

    def _nothing(self) -> Statistics:
        """The statistics of an empty set."""
        empty = Batch(np.empty((0, self._pipeline.dim)), np.zeros(2, dtype=np.int64))
        return self._pipeline.statistics(empty, 1)[0]

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


def _check_descriptors(batch: Any) -> None:
    if not isinstance(batch, Batch):
        raise ValueError("sets must be descriptors, got statistics")
