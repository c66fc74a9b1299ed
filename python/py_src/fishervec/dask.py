"""The estimators over a cluster of dask.distributed: the same parameters, files and bits, for data of any size.

    from distributed import Client
    from fishervec.dask import FisherVector

    client = Client("scheduler:8786")
    encoder = FisherVector(n_components=256, random_state=0).fit("slides/")
    encoder.encode("slides/", "vectors/")

Data are paths, what `fishervec.open_sets` returns, dask bags of sets, lists of Delayed (each a list of sets, or one
set) or of dask arrays (each a set), and dask arrays: of rows for `GaussianMixture` and `DescriptorPCA`, of shape
(n_sets, n, d) for encoders. A fitted estimator is a local one: it pickles, saves and predicts like its namesake in
fishervec, and has the same bytes, whatever the workers, their number, their order or their end.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from . import _checks as check
from . import _codebook, _columns, _encoded, _fisher, _images, _mixture, _pca, _pooling, _settings
from . import _fishervec as compiled
from ._batch import Batch
from ._cluster import cluster, tasks_of
from ._docs import extended
from ._encoder import SetEncoder
from ._missing import gaps_of
from ._passes import Checkpoint, OfMoments, OfRounds, OfScatter, climb, cuts_of_mixture, fit_encoder, rows_of
from ._reports import reporter, warn_unless_converged
from ._shards import encode_shards
from ._sources import Source, is_distributed, of_images, source
from ._threads import n_threads

__all__ = [
    "H2T",
    "BagOfWords",
    "DescriptorPCA",
    "FisherVector",
    "GaussianMixture",
    "ImageEncoder",
    "Pooling",
    "Vlad",
]


@dataclass(frozen=True)
class _Scaled(Batch):
    """The rows that a start looks at, with the variance of all."""

    scale: Any = None


class _OnCluster:
    """What encoders of sets and of images share."""

    #: The class of the local estimator.
    _base: ClassVar[type[Any]]

    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        client: Any = None,
        tasks: int | None = None,
        persist: bool = False,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Fit as the local class does: workers read the rows of the sample, which is fitted to here.

        Parameters
        ----------
        X : data of a cluster
            In one of the forms in the notes of the class.
        y : None
            Ignored.
        client : distributed.Client or None, default=None
            The client of the cluster; None means the current one.
        tasks : int or None, default=None
            Number of pieces of a pass over files; None means four per thread. Partitions are pieces as they are.
        persist : bool, default=False
            Whether the cluster keeps all descriptors in memory until the fit is done. Otherwise each pass reads, or
            makes, them anew.
        checkpoint : path-like or None, default=None
            A file that is written after each pass of `polish`. If it is there already, the fit goes on from it.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        ValueError
            As from the local class; the error names set and row. Also for a file that has changed, and a checkpoint
            of another fit.
        RuntimeError
            For workers whose bits may differ, with what to do about it.
        distributed.KilledWorker
            If one piece has ended several workers.
        """
        on, tasks = cluster(client), tasks_of(tasks)
        self._fit_to(self._source(X, on, check.boolean("persist", persist)), tasks, checkpoint)
        return self

    def fit_transform(self, X: Any, y: Any = None, **options: Any) -> Any:
        """Fit, then encode.

        Parameters
        ----------
        X : data of a cluster
            In one of the forms in the notes of the class.
        y : None
            Ignored.
        **options : client, tasks, persist and checkpoint
            As in `fit`.

        Returns
        -------
        vectors : dask.array.Array of shape (n, n_features_out_)
            As from `transform`.
        """
        return self.fit(X, **options).transform(X, client=options.get("client"))

    def transform(self, X: Any, *, client: Any = None) -> Any:
        """Encode each set, or image, when the result is computed.

        Parameters
        ----------
        X : data of a cluster
            In one of the forms in the notes of the class.
        client : distributed.Client or None, default=None
            The client that computes the type of the first partition, where nothing else says it.

        Returns
        -------
        vectors : dask.array.Array of shape (n, n_features_out_)
            One row per set, in the float type of the descriptors, and a chunk per partition, or per 64 MB of files. The
            length of a chunk is NaN where it is not known before.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        """
        check_is_fitted(self)
        return _encoded.lazily(self, _encoded.local(self, self._base), X, client)

    def encode(
        self,
        X: Any,
        folder: str | os.PathLike[str],
        *,
        client: Any = None,
        shards: int | None = None,
        format: str = "npy",
        ids: Sequence[str] | None = None,
    ) -> list[Path]:
        """Encode each set into files, which the workers write: whole or not at all.

        Shards that are there already, of the same model and the same sets, are kept: a call that was interrupted is
        made again.

        Parameters
        ----------
        X : data of a cluster
            In one of the forms in the notes of the class.
        folder : path-like
            A folder that all workers see; it is made if it is not there.
        client : distributed.Client or None, default=None
            The client of the cluster; None means the current one.
        shards : int or None, default=None
            Largest number of shards; None means one per partition, or per 64 MB of files.
        format : {"npy", "parquet"}, default="npy"
            The form of the files: ``vectors.I.npy`` with a table and a header beside it, of which
            ``fishervec join`` makes one, or ``vectors.I.parquet`` with the columns id, label and vector.
        ids : sequence of str or None, default=None
            The names of the sets; None means those of files, or numbers.

        Returns
        -------
        paths : list of Path
            The files with the vectors, in the order of the sets.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            As from `fit`, and for more shards than partitions.
        """
        check_is_fitted(self)
        found = self._source(X, cluster(client), False)
        encoder = getattr(self, "encoder_", self)
        model = _encoded.local(encoder, getattr(encoder, "_base", type(encoder)))
        return encode_shards(model, found, folder, shards, format, ids)

    def _source(self, X: Any, on: Any, persist: bool) -> Source:
        return source(X, on, gaps=gaps_of(self), persist=persist)

    def _fit_to(self, found: Source, tasks: int | None, checkpoint: str | os.PathLike[str] | None) -> None:
        assert isinstance(self, SetEncoder)
        fit_encoder(self, found, tasks, checkpoint)


@extended(_fisher.FisherVector)
class FisherVector(_OnCluster, _fisher.FisherVector):  # type: ignore[misc]
    """The Fisher vector of `fishervec.FisherVector`, over a cluster.

    See Also
    --------
    fishervec.FisherVector : The same on one machine.

    Notes
    -----
    The forms of X are on the page "With Dask" (docs/scaling.md). A fit moves its sample to the client, once.

    Examples
    --------
    >>> import dask.bag, numpy as np
    >>> from distributed import Client
    >>> from fishervec.dask import FisherVector
    >>> sets = dask.bag.from_sequence([np.random.default_rng(i).normal(size=(300, 3)) for i in range(4)])
    >>> with Client(processes=False, dashboard_address=":0"):
    ...     vectors = FisherVector(n_components=2, random_state=0).fit_transform(sets).compute()
    >>> vectors.shape
    (4, 14)
    """

    _base = _fisher.FisherVector


@extended(_codebook.Vlad)
class Vlad(_OnCluster, _codebook.Vlad):  # type: ignore[misc]
    """The VLAD of `fishervec.Vlad`, over a cluster.

    See Also
    --------
    fishervec.Vlad : The same on one machine.

    Notes
    -----
    Data and cost are those of `fishervec.dask.FisherVector`.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from fishervec.dask import Vlad
    >>> sets = da.random.default_rng(0).normal(size=(6, 50, 3), chunks=(2, 50, 3))
    >>> with Client(processes=False, dashboard_address=":0"):
    ...     print(Vlad(2, random_state=0).fit_transform(sets).compute().shape)
    (6, 6)
    """

    _base = _codebook.Vlad


@extended(_codebook.BagOfWords)
class BagOfWords(_OnCluster, _codebook.BagOfWords):  # type: ignore[misc]
    """The bag of words of `fishervec.BagOfWords`, over a cluster.

    See Also
    --------
    fishervec.BagOfWords : The same on one machine.

    Notes
    -----
    It takes the same data as `fishervec.dask.FisherVector`.

    Examples
    --------
    >>> import dask, numpy as np
    >>> from distributed import Client
    >>> from fishervec.dask import BagOfWords
    >>> sets = [dask.delayed(np.random.default_rng(i).normal)(size=(50, 3)) for i in range(4)]
    >>> with Client(processes=False, dashboard_address=":0"):
    ...     print(BagOfWords(5, random_state=0).fit_transform(sets).compute().shape)
    (4, 5)
    """

    _base = _codebook.BagOfWords


@extended(_codebook.H2T)
class H2T(_OnCluster, _codebook.H2T):  # type: ignore[misc]
    """The handcrafted histological transformer of `fishervec.H2T`, over a cluster.

    See Also
    --------
    fishervec.H2T : The same on one machine.

    Notes
    -----
    It is fitted as `fishervec.dask.Vlad` is.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from fishervec.dask import H2T
    >>> sets = [da.random.default_rng(i).normal(size=(90, 3), chunks=50) for i in range(4)]
    >>> with Client(processes=False, dashboard_address=":0"):
    ...     print(H2T(2, random_state=0).fit(sets).cluster_centers_.shape)
    (2, 3)
    """

    _base = _codebook.H2T


@extended(_pooling.Pooling)
class Pooling(_OnCluster, _pooling.Pooling):  # type: ignore[misc]
    """The mean and the standard deviation of `fishervec.Pooling`, over a cluster.

    See Also
    --------
    fishervec.Pooling : The same on one machine.

    Notes
    -----
    A fit learns nothing but a projection, if there is one to be fitted.

    Examples
    --------
    >>> import dask.bag
    >>> from distributed import Client
    >>> from fishervec.dask import Pooling
    >>> sets = dask.bag.from_sequence([[[1.0, 2.0], [3.0, 2.0]]])
    >>> with Client(processes=False, dashboard_address=":0"):
    ...     print(Pooling().fit_transform(sets).compute())
    [[2. 2. 1. 0.]]
    """

    _base = _pooling.Pooling


@extended(_images.ImageEncoder)
class ImageEncoder(_OnCluster, _images.ImageEncoder):  # type: ignore[misc]
    """The encoder of images of `fishervec.ImageEncoder`, over a cluster.

    See Also
    --------
    fishervec.ImageEncoder : The same on one machine.

    Notes
    -----
    Images are a list of paths, a bag of images, a list of Delayed, each a list of images, or a dask array of shape
    (n, height, width) or (n, height, width, channels). A fit computes the descriptors of each image once to count
    them, and once more if some are in the sample, unless `persist` keeps them.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from fishervec import Pooling
    >>> from fishervec.dask import ImageEncoder
    >>> images = da.random.default_rng(0).integers(0, 256, (4, 40, 50), dtype="uint8", chunks=(2, 40, 50))
    >>> with Client(processes=False, dashboard_address=":0"):
    ...     print(ImageEncoder(Pooling(), features="patches").fit_transform(images).compute().shape)
    (4, 32)
    """

    _base = _images.ImageEncoder

    def _source(self, X: Any, on: Any, persist: bool) -> Source:
        return of_images(X, on, self._settings(), persist)

    def _fit_to(self, found: Source, tasks: int | None, checkpoint: str | os.PathLike[str] | None) -> None:
        encoder, plan = self._planned()
        if not (_settings.is_empirical(plan) or encoder.get_params(deep=False).get("polish")):
            encoder.set_params(sample=plan.settings["sample"])
        fit_encoder(encoder, found, tasks, checkpoint)
        self._set_encoder(encoder, self._settings())


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
        projected : dask.array.Array of shape (n, n_components_), or dask.bag.Bag of ndarray (n_i, n_components_)
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
