"""What encoders over a cluster share: fit, transform, and vectors in files."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

from sklearn.utils.validation import check_is_fitted

from . import _checks as check
from . import _encoded
from ._cluster import cluster, tasks_of
from ._encoder import SetEncoder
from ._missing import gaps_of
from ._passed import source
from ._passes import fit_encoder
from ._shards import encode_shards
from ._sources import Source


class OnCluster:
    """What encoders of sets and of images share."""

    #: The class of the local estimator.
    _base: ClassVar[type[Any]]
    _public_module = "fishervec.dask"

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
        vectors : dask.array.Array of shape (n, `n_features_out_`)
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
        vectors : dask.array.Array of shape (n, `n_features_out_`)
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
