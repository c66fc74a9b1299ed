"""What is fitted to all rows on a cluster: the mixture and the projection."""

import os
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from . import _checks as check
from . import _columns, _encoded, _mixture, _pca, _settings
from . import _fishervec as compiled
from ._batch import Batch
from ._cluster import cluster, tasks_of
from ._docs import extended
from ._missing import gaps_of
from ._passed import is_distributed, source
from ._passes import Checkpoint, OfMoments, OfRounds, OfScatter, climb, cuts_of_mixture, rows_of
from ._reports import reporter, warn_unless_converged
from ._sources import Source
from ._threads import n_threads


@extended(_pca.DescriptorPCA)
class DescriptorPCA(_pca.DescriptorPCA):
    """The projection of `fishervec.DescriptorPCA`, over a cluster.

    See Also
    --------
    fishervec.DescriptorPCA : The same on one machine.

    Notes
    -----
    X is rows, a dask array of shape (n, d), or sets as for `fishervec.dask.FisherVector`. Without `sample` a fit is
    one pass over all descriptors.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from fishervec.dask import DescriptorPCA
    >>> X = da.random.default_rng(0).normal(size=(4000, 5), chunks=(900, 5))
    >>> with Client(processes=False, dashboard_address=":0"):
    ...     pca = DescriptorPCA(2).fit(X)
    >>> pca.transform(X).shape
    (4000, 2)
    """

    _public_module = "fishervec.dask"

    def fit(  # type: ignore[override]
        self, X: Any, y: Any = None, *, client: Any = None, tasks: int | None = None, persist: bool = False
    ) -> Self:
        """Fit to all descriptors, or to a sample of them.

        Parameters
        ----------
        X : data of a cluster
            In one of the forms in the notes of the class.
        y : None
            Ignored.
        client : distributed.Client or None, default=None
            As in `GaussianMixture.fit`.
        tasks : int or None, default=None
            As in `GaussianMixture.fit`.
        persist : bool, default=False
            As in `GaussianMixture.fit`.

        Returns
        -------
        self : DescriptorPCA
            The fitted projection.
        """
        on, tasks = cluster(client), tasks_of(tasks)
        n = check.optional(check.integer, "n_components", self.n_components)
        rows = source(X, on, rows=True, gaps=gaps_of(self), persist=check.boolean("persist", persist))
        projection = _settings.Projection(None, rows.dim if n is None else n)
        plan = _settings.preprocessing(self, projection, _settings.ALL_ROWS)
        if self.sample is None and rows.n_rows > 1:
            settings = _settings.as_json(plan.settings | {"pca": None})
            steps = compiled.Pipeline.assemble(settings, plan.given, rows.dim)
            rows.prepare([compiled.Cuts.moments(rows.n_rows)])
            scatter = rows.measured(OfScatter(steps), tasks)
            pca = plan.settings["pca"]
            pipeline = steps.with_projection(scatter, pca["n_components"], pca["whiten"])
        else:
            numbers = compiled.sample_rows(rows.n_rows, plan.settings["sample"], plan.settings["seed"])
            pipeline = self._fit_pipeline(Batch([rows_of(rows, np.array(numbers, np.int64))]), plan)
        self._set_pipeline(pipeline)
        self._remember(_columns.Fitted(None))
        return self

    def transform(self, X: Any) -> Any:
        """Project the descriptors of each set when the result is computed.

        Parameters
        ----------
        X : data of a cluster
            In one of the forms in the notes of the class.

        Returns
        -------
        projected : dask.array.Array of shape (n, `n_components_`), or dask.bag.Bag of ndarray (n_i, `n_components_`)
            An array for an array of rows, and for all else a bag of sets.
        """
        check_is_fitted(self)
        return _encoded.projected(_encoded.local(self, _pca.DescriptorPCA), X)

    def fit_transform(self, X: Any, y: Any = None, **options: Any) -> Any:
        """Fit, then project.

        Parameters
        ----------
        X : data of a cluster
            In one of the forms in the notes of the class.
        y : None
            Ignored.
        **options : client, tasks and persist
            As in `fit`.

        Returns
        -------
        projected : dask.array.Array or dask.bag.Bag
            As from `transform`.
        """
        return self.fit(X, **options).transform(X)


@extended(_mixture.GaussianMixture)
class GaussianMixture(_mixture.GaussianMixture):
    """The mixture of `fishervec.GaussianMixture`, fitted to all rows on a cluster.

    See Also
    --------
    fishervec.GaussianMixture : The same on one machine.

    Notes
    -----
    X is rows, a dask array of shape (n, d), or sets as for `fishervec.dask.FisherVector`, whose rows are taken one
    after the other. A fit is one pass for the variance of the columns, and one per iteration; nothing but statistics
    moves, and the rows that the start looks at. At most two partitions per thread are in memory at a time.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from fishervec.dask import GaussianMixture
    >>> X = da.random.default_rng(0).normal(size=(4000, 2), chunks=(900, 2)) + da.arange(4000)[:, None] // 2000 * 9
    >>> with Client(processes=False, dashboard_address=":0"):
    ...     gmm = GaussianMixture(2, random_state=0).fit(X)
    >>> sorted(gmm.means_[:, 0].round().tolist())
    [0.0, 9.0]
    """

    _public_module = "fishervec.dask"

    def fit(  # type: ignore[override]
        self,
        X: Any,
        y: Any = None,
        sample_weight: None = None,
        *,
        client: Any = None,
        tasks: int | None = None,
        persist: bool = False,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Fit the mixture to all rows.

        Parameters
        ----------
        X : data of a cluster
            Rows, in one of the forms in the notes of the class.
        y : None
            Ignored.
        sample_weight : None
            Not taken over a cluster.
        client : distributed.Client or None, default=None
            The client of the cluster; None means the current one.
        tasks : int or None, default=None
            Number of pieces of an iteration over files; None means four per thread. Partitions are pieces as they are.
        persist : bool, default=False
            Whether the cluster keeps all rows in memory until the fit is done. Otherwise each iteration reads, or
            makes, them anew, and only what straddles partitions stays: below 4,096 rows each.
        checkpoint : path-like or None, default=None
            A file that is written after each iteration. If it is there already, the fit goes on from it.

        Returns
        -------
        self : GaussianMixture
            The fitted mixture.

        Raises
        ------
        ValueError
            As from `fishervec.GaussianMixture`; an error in a row names it. Also for more than one initialisation, for
            a file that has changed, and for the checkpoint of another fit.
        RuntimeError
            For workers of another version or instruction set, with what to do about it.
        distributed.KilledWorker
            If one piece has ended several workers.

        Warns
        -----
        ConvergenceWarning
            If the fit did not converge within `max_iter` iterations.
        """
        if sample_weight is not None:
            raise ValueError(
                "sample_weight must be None over a cluster: leave rows out, or repeat them, "
                "or fit fishervec.GaussianMixture to a sample with weights"
            )
        is_given = any(getattr(self, name) is not None for name in _settings.START)
        if check.integer("n_init", self.n_init) > 1 and not is_given:
            raise ValueError(
                f"n_init must be 1 over a cluster, got {self.n_init}: compare starts by fishervec.GaussianMixture on a "
                "sample, and pass weights_init, means_init and precisions_init of the best one"
            )
        on, tasks = cluster(client), tasks_of(tasks)
        rows = source(X, on, rows=True, persist=check.boolean("persist", persist))
        params = _settings.mixture(self, check.seed_of(self.random_state))
        self.__dict__.pop("feature_names_in_", None)
        if rows.n_rows < 2 * params["n_components"] or not rows.dim:
            # The local class says what is wrong with so few rows.
            super().fit(rows_of(rows, np.arange(rows.n_rows)))
            return self
        return self._fit_rows(rows, params, tasks, checkpoint)

    def _fit_rows(
        self, rows: Source, params: _settings.Settings, tasks: int | None, path: str | os.PathLike[str] | None
    ) -> Self:
        n, settings = rows.n_rows, _settings.as_json(params)
        rows.prepare([compiled.Cuts.moments(n), cuts_of_mixture(params, rows.dim, n)])
        warm = [self.weights_, self.means_] if self.warm_start and hasattr(self, "weights_") else None
        checkpoint = Checkpoint(path, rows, params, warm, *(getattr(self, name) for name in _settings.START))
        note, data = checkpoint.load() or ({}, b"")
        if note.get("done"):
            return self._fitted(compiled.Pipeline.from_bytes(data))
        if data:
            rounds = compiled.Rounds.from_bytes(data, settings)
        else:
            scale = rows.measured(OfMoments(), tasks).positive_variance
            numbers = compiled.GaussianMixture.start_rows(settings, n)
            batch, threads = _Scaled(rows_of(rows, np.array(numbers, np.int64)), scale=scale), n_threads(self.n_jobs)
            start = self._start(batch, params, threads)
            if params["max_iter"] == 0:
                return self._stay(batch, params, start, threads)
            found = start if start is not None else self._found(batch, params, None, threads)
            mixture, before = found if isinstance(found, tuple) else (found, None)
            pipeline = _settings.assemble(_settings.plain_fisher(mixture))
            rounds = compiled.Rounds(pipeline, settings, scale, before)
        return self._fitted(climb(rows, rounds, settings, tasks, checkpoint, reporter(self.verbose)).pipeline)

    def _fitted(self, pipeline: compiled.Pipeline) -> Self:
        assert pipeline.mixture is not None
        self._set_mixture(pipeline.mixture, pipeline.report)
        warn_unless_converged(self.converged_)
        return self

    def _found(self, batch: Any, params: Any, start: Any, threads: int) -> Any:
        scale = getattr(batch, "scale", None)
        return compiled.GaussianMixture.start(batch, _settings.as_json(params), start, threads, scale)

    def fit_predict(  # type: ignore[override]
        self, X: Any, y: Any = None, sample_weight: None = None, **options: Any
    ) -> Any:
        """Not over a cluster: the labels would be as many as the rows.

        Parameters
        ----------
        X : data of a cluster
            Rows.
        y : None
            Ignored.
        sample_weight : None
            Not taken over a cluster.
        **options : client, tasks, persist and checkpoint
            As in `fit`.

        Raises
        ------
        TypeError
            Always; it says what to write.
        """
        raise TypeError(
            "fit_predict is not there over a cluster: "
            "for a dask array write gmm.fit(X), then X.map_blocks(gmm.predict, drop_axis=1, dtype=int)"
        )

    def score(self, X: Any, y: Any = None, *, client: Any = None, tasks: int | None = None) -> float:
        """Return the mean log-likelihood of the rows, in one pass over them.

        Parameters
        ----------
        X : data of a cluster, or array-like of shape (n_samples, n_features)
            Rows.
        y : None
            Ignored.
        client : distributed.Client or None, default=None
            As in `fit`.
        tasks : int or None, default=None
            As in `fit`.

        Returns
        -------
        log_likelihood : float
            In nats per row.
        """
        check_is_fitted(self, "weights_")
        if not is_distributed(X):
            return super().score(X)
        rows = source(X, cluster(client), rows=True)
        params = _settings.mixture(self, 0) | {"n_components": len(self.weights_), "max_iter": 1, "threshold": 0.0}
        settings = _settings.as_json(params)
        rounds = compiled.Rounds(_settings.assemble(_settings.plain_fisher(self._compiled())), settings)
        if not rows.n_rows:
            raise ValueError("X must have at least one row, got 0")
        if rows.dim != self.n_features_in_:
            raise ValueError(f"X must have {self.n_features_in_} columns, as in fit, got {rows.dim}")
        rows.prepare([rounds.plan(rows.n_rows)])
        statistics = rows.measured(OfRounds(rounds, settings), tasks_of(tasks))
        return float(statistics.log_likelihood / statistics.n)


@dataclass(frozen=True)
class _Scaled(Batch):
    """The rows that a start looks at, with the variance of all."""

    scale: Any = None
