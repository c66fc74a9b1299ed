"""Row normalisation and PCA of descriptors as a transformer of its own."""

from typing import Any, Self, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from . import _checks as check
from . import _columns, _missing, _settings
from ._base import SetTransformer
from ._batch import Batch
from ._cures import explained
from ._deprecation import was_called
from ._docs import documented
from ._fishervec import Pipeline
from ._frames import check_no_sets, like
from ._sets import as_batch, is_flat, is_plain, opened
from ._threads import n_threads
from ._types import Floats, RandomState, Sets


@documented
class DescriptorPCA(SetTransformer):
    """Normalises each descriptor, then projects all to the directions of largest variance.

    y = C (x - m), where the rows of C are the leading eigenvectors of the covariance, each divided by its standard
    deviation with `whiten`. The sign of a direction makes its entry of largest magnitude positive.

    Parameters
    ----------
    n_components : int or None, default=None
        Number of directions to keep; None means all.
    {rows}
    {whiten}
    sample : int or None, default=None
        Number of descriptors to fit to, drawn evenly from all; None means all.
    {random_state}
    {missing}
    {padding}
    {n_jobs}

    Attributes
    ----------
    components_ : ndarray of shape (`n_components_`, `n_features_in_`)
        The directions.
    mean_ : ndarray of shape (`n_features_in_`,)
        The mean.
    explained_variance_ : ndarray of shape (`n_components_`,)
        Variance along each direction, in the unit of the descriptors squared.
    explained_variance_ratio_ : ndarray of shape (`n_components_`,)
        Their shares of the variance in all directions.
    n_components_ : int
        Number of directions kept.
    {n_features_in_}
    {feature_names_in_}

    See Also
    --------
    FisherVector : Its `pca` is the number of components of such a projection, or a fitted one.

    Notes
    -----
    {sets}
    An array of shape (n, d) is descriptors without sets.

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
        random_state: RandomState = None,
        missing: str = "error",
        padding: str | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.rows = rows
        self.whiten = whiten
        self.sample = sample
        self.random_state = random_state
        self.missing = missing
        self.padding = padding
        self.n_jobs = n_jobs

    @was_called("sets")
    def fit(self, X: Sets, y: Any = None, *, weights: Sets | None = None) -> Self:
        """Fit to the descriptors of all sets.

        Parameters
        ----------
        X : sets of descriptors, or array-like of shape (n, d)
            In one of the forms in the notes of the class.
        {y}
        {weights}

        Returns
        -------
        self : DescriptorPCA
            The fitted projection.

        Raises
        ------
        {fit_errors}
        """
        X = opened(X)
        self._fit(X, self._batch(X, weights))
        return self

    @overload
    def transform(self, X: list[Any]) -> list[Floats]: ...
    @overload
    def transform(self, X: tuple[ArrayLike, NDArray[np.integer[Any]]]) -> tuple[Floats, NDArray[np.int64]]: ...
    @overload
    def transform(self, X: Sets) -> Any: ...
    def transform(self, X: Any) -> Any:
        """Project the descriptors of each set.

        Parameters
        ----------
        X : sets of descriptors, or array-like of shape (n, d)
            In one of the forms in the notes of the class.

        Returns
        -------
        sets : list of ndarray of shape (n_i, `n_components_`), tuple, column, or ndarray of shape (n, `n_components_`)
            The tuple (values, offsets) for such a tuple, a pandas column with its index for such a column, and one
            array for descriptors without sets.

        Raises
        ------
        {transform_errors}
        """
        check_is_fitted(self)
        given, X = X, opened(X)
        batch = self._batch(X, None, self.n_features_in_)
        _columns.Comparison(self).check(_as_sets(X), batch.sizes)
        return self._project(given, batch)

    def fit_transform(self, X: Any, y: Any = None, *, weights: Sets | None = None) -> Any:
        """Fit to all sets and project them; sets and weights are read once.

        Parameters
        ----------
        X : sets of descriptors, or array-like of shape (n, d)
            In one of the forms in the notes of the class.
        {y}
        {weights}

        Returns
        -------
        sets : list of ndarray of shape (n_i, `n_components_`), tuple, column, or ndarray of shape (n, `n_components_`)
            As from `transform`.

        Raises
        ------
        {fit_errors}
        """
        given, X = X, opened(X)
        batch = self._batch(X, weights)
        self._fit(X, batch)
        return self._project(given, batch)

    def _batch(self, X: Any, weights: Any, dim: int | None = None) -> Batch:
        """Sets as a batch; descriptors without sets are one set."""
        if is_plain(X):
            check_no_sets(X)
            weights = None if weights is None else [weights]
        return as_batch(_as_sets(X), weights, dim=dim, gaps=_missing.gaps_of(self))

    def _fit(self, X: Any, batch: Batch) -> None:
        n = check.optional(check.integer, "n_components", self.n_components)
        projection = _settings.Projection(None, batch.dim if n is None else n)
        plan = _settings.preprocessing(self, projection, _settings.ALL_ROWS)
        names = _columns.of_fit(_as_sets(X), batch.sizes)
        self._set_pipeline(self._fit_pipeline(batch, plan))
        self._remember(_columns.Fitted(names))

    def _project(self, X: Any, batch: Batch) -> Any:
        """The projected descriptors, in the form of `X`."""
        with explained(batch, _missing.gaps_of(self)):
            rows = self._pipeline.preprocess(batch, n_threads(self.n_jobs))
        if is_plain(opened(X)):
            return rows
        if is_flat(X):
            return rows, np.concatenate([[0], np.cumsum(batch.sizes)]) if batch.offsets is None else batch.offsets
        return like(X, np.split(rows, np.cumsum(batch.sizes)[:-1]) if len(batch) else [])

    def _set_pipeline(self, pipeline: Pipeline) -> None:
        if pipeline.pca is None:
            raise ValueError("a DescriptorPCA must have a projection, got none")
        super()._set_pipeline(pipeline)
        self.mean_, self.components_, self.explained_variance_, total, _ = pipeline.pca
        self.n_components_ = len(self.components_)
        self.explained_variance_ratio_ = self.explained_variance_ / (total if total > 0 else 1.0)


def _as_sets(X: Any) -> Any:
    """Sets as they are; descriptors without sets are one set."""
    return [X] if is_plain(X) else X


def projection(pca: Any) -> _settings.Projection:
    """The projection that a `pca` parameter means."""
    pca = pca.estimator if isinstance(pca, FrozenEstimator) else pca
    if not isinstance(pca, DescriptorPCA):
        return _settings.Projection(None, check.optional(check.integer, "pca", pca))
    if not pca.__sklearn_is_fitted__():
        raise ValueError("pca must be a number of components or a fitted DescriptorPCA, got one that is not fitted")
    return _settings.Projection(pca._pipeline, None)


def of_pipeline(pipeline: Pipeline, n_jobs: int | None = None) -> DescriptorPCA | None:
    """The preprocessing of a pipeline as an estimator; None if it has no projection."""
    if pipeline.pca is None:
        return None
    params = _settings.params_of_pipeline(pipeline)
    pca = DescriptorPCA(params["pca"], rows=params["rows"], whiten=params["whiten"], n_jobs=n_jobs)
    pca._set_pipeline(pipeline)
    return pca
