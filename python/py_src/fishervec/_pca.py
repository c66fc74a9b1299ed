"""Row normalisation and PCA of descriptors as a transformer of its own."""

from typing import Any, Self, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from . import _checks as check
from ._base import SetTransformer
from ._fishervec import Pipeline
from ._sets import Floats, Sets, as_batch, is_plain
from ._threads import n_threads

#: More rows than there can be: all of them.
ALL_ROWS = 2**62


class DescriptorPCA(SetTransformer):
    """Normalises each descriptor, then projects all to the directions of largest variance.

    y = C (x - m), with the rows of C the leading eigenvectors of the covariance, each over its standard deviation where
    `whiten`. The sign of a direction is the one that makes its entry of largest magnitude positive.

    Parameters
    ----------
    n_components : int or None, default=None
        Directions to keep; None is all.
    rows : {"l2", "rootsift"} or None, default=None
        What is done to each descriptor first: x / |x|, or sign(x) sqrt(|x| / sum |x|).
    whiten : bool, default=False
        Whether to divide each projection by its standard deviation.
    sample : int or None, default=None
        Descriptors to learn from, drawn evenly from all; None is all.
    random_state : int, RandomState instance, Generator or None, default=None
        The seed of the sample.
    n_jobs : int or None, default=None
        As in `FisherVector`.

    Attributes
    ----------
    components_ : ndarray of shape (n_components_, n_features_in_)
        The directions.
    mean_ : ndarray of shape (n_features_in_,)
        The mean.
    explained_variance_ : ndarray of shape (n_components_,)
        Variance along each, in the unit of the descriptors squared.
    explained_variance_ratio_ : ndarray of shape (n_components_,)
        Their shares of the variance in all directions.
    n_components_ : int
        Directions kept.
    n_features_in_ : int
        Columns of the descriptors.

    See Also
    --------
    FisherVector : Its `pca` is the number of components of such a projection, or a fitted one.

    Notes
    -----
    Cost O(n d**2 + d**3) to fit; memory independent of n.

    Examples
    --------
    >>> import numpy as np
    >>> from fishervec import DescriptorPCA
    >>> sets = [np.random.default_rng(i).normal(size=(50, 8)) for i in range(3)]
    >>> pca = DescriptorPCA(n_components=4, rows="l2").fit(sets)
    >>> [x.shape for x in pca.transform(sets)]
    [(50, 4), (50, 4), (50, 4)]
    """

    mean_: NDArray[np.float64]
    components_: NDArray[np.float64]
    explained_variance_: NDArray[np.float64]
    explained_variance_ratio_: NDArray[np.float64]
    n_components_: int

    def __init__(
        self,
        n_components: int | None = None,
        *,
        rows: str | None = None,
        whiten: bool = False,
        sample: int | None = None,
        random_state: check.RandomState = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.rows = rows
        self.whiten = whiten
        self.sample = sample
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, sets: Sets, y: Any = None, *, weights: Sets | None = None) -> Self:
        """Fit to the descriptors of all sets.

        Parameters
        ----------
        sets : sets of descriptors, or array-like of shape (n, d)
            As `FisherVector.fit` takes them, or descriptors that are in no sets.
        y : None
            Ignored.
        weights : weights of the descriptors, default=None
            In the same shape.

        Returns
        -------
        self : DescriptorPCA
            The fitted projection.

        Raises
        ------
        TypeError
            If `sets` are no sets, or a parameter is of another type.
        ValueError
            For numbers that are not finite, sets of different numbers of columns, too few descriptors, or a parameter
            out of range; where it is a set's fault, the set and the row are named.
        """
        plain = is_plain(sets)
        batch = as_batch([sets] if plain else sets, [weights] if plain and weights is not None else weights)
        n = check.optional(check.integer, "n_components", self.n_components)
        plan = self._plan(ALL_ROWS, None, batch.dim if n is None else n)
        self._set_pipeline(self._fit_plan(batch, plan))
        return self

    @overload
    def transform(self, sets: list[Any]) -> list[Floats]: ...
    @overload
    def transform(self, sets: tuple[ArrayLike, NDArray[np.integer[Any]]]) -> tuple[Floats, NDArray[np.int64]]: ...
    @overload
    def transform(self, sets: Sets) -> Any: ...
    def transform(self, sets: Any) -> Any:
        """Project the descriptors of each set.

        Parameters
        ----------
        sets : sets of descriptors, or array-like of shape (n, d)
            As in `fit`.

        Returns
        -------
        sets : list of ndarray of shape (n_i, n_components_), tuple, or ndarray of shape (n, n_components_)
            The tuple (values, offsets) for such a tuple, one array for descriptors in no sets.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        TypeError
            If `sets` are no sets.
        ValueError
            For numbers that are not finite, or another number of columns than in `fit`; set and row are named.
        """
        check_is_fitted(self)
        plain = is_plain(sets)
        batch = as_batch([sets] if plain else sets, None, self.n_features_in_)
        rows = self._pipeline.preprocess(batch, n_threads(self.n_jobs))
        if plain:
            return rows
        if isinstance(sets, tuple) and batch.offsets is not None:
            return rows, batch.offsets
        return np.split(rows, np.cumsum(batch.sizes)[:-1]) if len(batch) else []

    def _set_pipeline(self, pipeline: Pipeline) -> None:
        super()._set_pipeline(pipeline)
        assert pipeline.pca is not None
        self.mean_, self.components_, self.explained_variance_, total, _ = pipeline.pca
        self.n_components_ = len(self.components_)
        self.explained_variance_ratio_ = self.explained_variance_ / (total if total > 0 else 1.0)


def projection(pca: Any) -> tuple[Pipeline | None, int | None]:
    """A `pca` parameter as a fitted projection, or as the number of components of one to be fitted."""
    pca = pca.estimator if isinstance(pca, FrozenEstimator) else pca
    if not isinstance(pca, DescriptorPCA):
        return None, check.optional(check.integer, "pca", pca)
    if not pca.__sklearn_is_fitted__():
        raise ValueError("pca: expected a number of components or a fitted DescriptorPCA, got one not fitted")
    return pca._pipeline, None


def of_pipeline(pipeline: Pipeline, n_jobs: int | None = None) -> DescriptorPCA | None:
    """The steps of a pipeline as an estimator; None if there is no projection among them."""
    if pipeline.pca is None:
        return None
    rows = pipeline.settings["rows"]
    rows = rows[0] if rows else None
    pca = DescriptorPCA(len(pipeline.pca[1]), rows=rows, whiten=pipeline.pca[4], n_jobs=n_jobs)
    pca._set_pipeline(pipeline)
    return pca
