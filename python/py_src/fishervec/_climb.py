"""Rounds over all descriptors, wherever they are: merged statistics in, the next model out."""

import json
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from . import _checks as check
from . import _files, _registry, _settings
from ._batch import Batch
from ._cures import explained
from ._fishervec import Pipeline, Rounds, Statistics
from ._missing import STRICT, gaps_of
from ._mixture import GaussianMixture
from ._sets import as_batch
from ._threads import n_threads
from ._types import Sets


class Climb:
    """Passes over all descriptors that improve a fitted encoder, whoever makes them.

    A round takes the statistics of all descriptors under `model`, merged, and makes the next model of them: by
    expectation maximization, or by Lloyd's iteration for a codebook with hard assignment. Only the bytes of `model` go
    to the workers, and only statistics come back, so that the descriptors may lie anywhere: `fishervec.arrow` is the
    part of the workers for Spark, Ray and other engines whose tables are Arrow's.

    Parameters
    ----------
    estimator : FisherVector, Vlad, BagOfWords, H2T or GaussianMixture
        A fitted estimator, such as one that was fitted to a sample. Its floors are relative to the variance of the
        descriptors that it was fitted to. It stays as it is.
    max_iter : int, default=3
        The number of rounds at most.
    tol : float, default=1e-3
        The rounds have converged when one changes the mean log-likelihood by less than this, in nats. Hard assignment
        has converged when no centre moves.

    Attributes
    ----------
    model : bytes
        The model of this round, a model file: what the workers accumulate statistics under.
    n_iter_ : int or None
        Number of rounds so far; None for a codebook with hard assignment that was read from bytes once it was done.
    converged_ : bool or None
        Whether the last round changed less than `tol`; None where `n_iter_` is.
    is_done : bool
        Whether the rounds have converged, or are `max_iter`.
    lower_bound_ : float or None
        Mean log-likelihood before the last round, in nats; None before the first one, and for hard assignment.

    See Also
    --------
    FisherVector.fit : Fits to a sample.
    Statistics : What a round takes; those of disjoint sets can be added.

    Examples
    --------
    >>> import numpy as np
    >>> from fishervec import Climb, FisherVector
    >>> sets = [np.random.default_rng(i).normal(i % 2, 1, (500, 3)) for i in range(6)]
    >>> encoder = FisherVector(n_components=2, sample=1000, random_state=0).fit(sets)
    >>> climb = Climb(encoder, max_iter=2, tol=0)
    >>> while not climb.is_done:
    ...     # Each half on a machine of its own, say, which gets the bytes climb.model.
    ...     parts = [Climb.from_bytes(climb.model).accumulate(half) for half in (sets[:3], sets[3:])]
    ...     done = climb.step(sum(parts))
    >>> climb.n_iter_, climb.estimator().transform(sets).shape
    (2, (6, 14))
    """

    def __init__(self, estimator: Any, max_iter: int = 3, tol: float = 1e-3) -> None:
        n_iter, tol = check.integer("max_iter", max_iter), check.real("tol", tol)
        pipeline = _files.noted(estimator, _pipeline_of(estimator))
        settings = _settings_of(estimator) | {"max_iter": n_iter, "tol": tol}
        self._rounds: Rounds | None = Rounds(pipeline, _settings.as_json(settings))

    # ---- the rounds --------------------------------------------------------------------------------------

    @property
    def model(self) -> bytes:
        """The model of this round, a model file."""
        return self.to_bytes()

    @property
    def n_iter_(self) -> int | None:
        """Number of rounds so far."""
        if self._rounds is not None:
            return self._rounds.n_iter
        return self._ended[0]

    @property
    def converged_(self) -> bool | None:
        """Whether the last round changed less than `tol`."""
        if self._rounds is not None:
            return self._rounds.is_converged
        return self._ended[1]

    @property
    def is_done(self) -> bool:
        """Whether the rounds have converged, or are `max_iter`."""
        return self._rounds is None or self._rounds.is_done

    @property
    def lower_bound_(self) -> float | None:
        """Mean log-likelihood before the last round, in nats."""
        report = _report(self._pipeline) if self._rounds is None else json.loads(self._rounds.report or "null")
        bounds = (report or {}).get("lower_bounds")
        return float(bounds[-1]) if bounds else None

    def accumulate(self, X: Sets, *, positions: Sets | None = None, n_jobs: int | None = None) -> Statistics:
        """Compute the statistics of some sets, or of all, under the model of this round.

        Parameters
        ----------
        X : sets of descriptors
            In one of the forms in the notes of `FisherVector`. An iterator, and what `open_sets` returns, is read one
            part at a time.
        positions : sets of positions, default=None
            For an estimator that was fitted with some, as in `FisherVector.fit`.
        n_jobs : int or None, default=None
            Number of threads; None means all cores, or 1 inside a worker of joblib or dask.

        Returns
        -------
        statistics : Statistics
            Those of all sets together, for `step` once all are added up.

        Raises
        ------
        ValueError
            If the sets do not fit the model, or if the rounds are done.
        """
        rounds, threads, estimator = self._going(), n_threads(n_jobs), self.estimator()
        is_mixture = isinstance(estimator, GaussianMixture)
        gaps = STRICT if is_mixture else gaps_of(estimator)

        def work(batch: Batch) -> Statistics:
            n = int(batch.sizes.sum())
            if not n:
                return _of_nothing(rounds)
            with explained(batch, gaps):
                whole: Statistics = rounds.accumulate(batch, 0, n, (0, len(rounds.plan(n))), threads).finish()
            return whole

        if is_mixture:
            return work(as_batch(X, dim=estimator.n_features_in_))
        done = list(estimator._of_parts(work, X, None, positions))
        return sum(done[1:], start=done[0]) if done else _of_nothing(rounds)

    def _going(self) -> Rounds:
        if self._rounds is None or self._rounds.is_done:
            raise ValueError(f"the rounds are done after {self.n_iter_}: Climb(climb.estimator()) starts others")
        return self._rounds

    def step(self, statistics: Statistics) -> bool:
        """Move on to the next model.

        Parameters
        ----------
        statistics : Statistics
            Those of all descriptors under `model`, merged.

        Returns
        -------
        is_done : bool
            Whether this was the last round.

        Raises
        ------
        TypeError
            If it is something else than statistics.
        ValueError
            If they were accumulated under another model, such as that of an earlier round, if they are those of no
            descriptors, or if the rounds are done.
        """
        if not isinstance(statistics, Statistics):
            cure = "; fishervec.arrow.merge makes one of them" if isinstance(statistics, list | tuple) else ""
            raise TypeError(f"statistics must be Statistics, got {type(statistics).__name__}{cure}")
        return self._going().step(statistics)

    def estimator(self) -> Any:
        """Return the fitted estimator of this round.

        Returns
        -------
        estimator : FisherVector, Vlad, BagOfWords, H2T or GaussianMixture
            What `load` would read from `model`: an estimator of its own, of the class that the rounds began with.
        """
        return _files.of_pipeline(self._pipeline, "model")

    @property
    def _pipeline(self) -> Pipeline:
        return self._last if self._rounds is None else self._rounds.pipeline

    # ---- from one process to another ---------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """Return the bytes of a model file that also says how far the rounds are, for `from_bytes`.

        Returns
        -------
        data : bytes
            A model like any other for `load` and for the command, which goes on from it (`fishervec accumulate`).
        """
        return self._pipeline.to_bytes() if self._rounds is None else self._rounds.to_bytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Go on with the rounds of a model file.

        Parameters
        ----------
        data : bytes
            What `to_bytes` returned. Rounds of a model file that says nothing of rounds are done.

        Returns
        -------
        climb : Climb
            The same rounds: the same statistics have the same models.

        Raises
        ------
        TypeError
            If `data` is not bytes.
        ValueError
            If it is not a model file, or is corrupt.
        """
        data = _files.model_bytes(data)
        self = cls.__new__(cls)
        if _files.has_rounds(data):
            self._rounds = Rounds.from_bytes(data, _settings.as_json(_settings.mixture(GaussianMixture(), 0)))
            return self
        self._end(Pipeline.from_bytes(data), None)
        return self

    def _end(self, pipeline: Pipeline, ended: tuple[int | None, bool | None] | None) -> None:
        """Become rounds that are done with this pipeline; how they ended is in its report if nobody says it."""
        self._rounds, self._last = None, pipeline
        report = _report(pipeline)
        of_report = (None, None) if report is None else (len(report["lower_bounds"]), bool(report["converged"]))
        self._ended = of_report if ended is None else ended

    def __getstate__(self) -> dict[str, Any]:
        return {"data": self.to_bytes(), "ended": (self.n_iter_, self.converged_) if self.is_done else None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(vars(type(self).from_bytes(state["data"])))
        if state["ended"] is not None:
            self._end(self._pipeline, state["ended"])

    def __repr__(self) -> str:
        end = "converged" if self.converged_ else "done" if self.is_done else "under way"
        return f"<{type(self).__name__} of a {self._pipeline.kind} encoder: {self.n_iter_} rounds, {end}>"


def _of_nothing(rounds: Rounds) -> Statistics:
    """The statistics of no descriptors."""
    nothing = Batch(np.empty((0, rounds.mixture.means.shape[1])), np.zeros(2, dtype=np.int64))
    return rounds.mixture.statistics(nothing, None, 1)[0]


def _report(pipeline: Pipeline) -> dict[str, Any] | None:
    return None if pipeline.report is None else json.loads(pipeline.report)


def _pipeline_of(estimator: Any) -> Pipeline:
    """The pipeline of a fitted estimator that has a mixture or a codebook."""
    if isinstance(estimator, GaussianMixture):
        return estimator._as_pipeline()
    encoders = tuple(_registry.estimators("encoder").values())
    if not isinstance(estimator, encoders):
        cure = "; pass its encoder_" if hasattr(estimator, "encoder_") else ""
        raise TypeError(f"estimator must be a fitted encoder or GaussianMixture, got {type(estimator).__name__}{cure}")
    check_is_fitted(estimator)
    pipeline: Pipeline = estimator._pipeline
    _settings.check_no_information(pipeline)
    return pipeline


def _settings_of(estimator: Any) -> _settings.Settings:
    """The settings of a round: the floors and the threshold of the estimator's own fit."""
    seed = getattr(estimator, "random_state", None)
    seed = seed if isinstance(seed, int) else 0
    if isinstance(estimator, GaussianMixture):
        return _settings.mixture(estimator, seed)
    given = getattr(estimator, "mixture", getattr(estimator, "codebook", None))
    given = getattr(given, "estimator", given)
    own = _settings.OWN_MIXTURE
    if hasattr(given, "covariance_type"):
        own = {name: getattr(given, name) for name in own if hasattr(given, name)}
    return _settings.mixture(GaussianMixture(**own), seed) | {"threshold": getattr(estimator, "threshold", None)}
