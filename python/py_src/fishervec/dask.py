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
from typing import Any

from . import _codebook, _fisher, _images, _pooling, _settings
from ._docs import extended
from ._on_cluster import OnCluster
from ._passed import of_images
from ._passes import fit_encoder
from ._rows_on_cluster import DescriptorPCA, GaussianMixture
from ._sources import Source

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


@extended(_fisher.FisherVector)
class FisherVector(OnCluster, _fisher.FisherVector):  # type: ignore[misc]
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
class Vlad(OnCluster, _codebook.Vlad):  # type: ignore[misc]
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
class BagOfWords(OnCluster, _codebook.BagOfWords):  # type: ignore[misc]
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
class H2T(OnCluster, _codebook.H2T):  # type: ignore[misc]
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
class Pooling(OnCluster, _pooling.Pooling):  # type: ignore[misc]
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
class ImageEncoder(OnCluster, _images.ImageEncoder):  # type: ignore[misc]
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
