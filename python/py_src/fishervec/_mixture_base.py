"""A fitted mixture: its parameters, and everything that is computed with them."""

import json
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from . import _checks as check
from . import _columns, _fishervec
from ._batch import Batch
from ._cures import explained
from ._deprecation import was_called
from ._doc_link import Linked
from ._docs import documented
from ._foreign import ARRAYS, Explained
from ._missing import STRICT
from ._sets import as_batch, of_no_sets, opened
from ._threads import n_threads
from ._types import Floats, RandomState, Sets

#: Number types X may have; all others become the first.
DTYPES = [np.float64, np.float32, np.float16, np.uint8]


@documented
class FittedMixture(Linked, Explained, DensityMixin, BaseEstimator):  # type: ignore[misc]
    """What a mixture does once it has parameters; a subclass fits them."""

    weights_: NDArray[np.float64]
    means_: NDArray[np.float64]
    covariances_: NDArray[np.float64]
    converged_: bool
    n_iter_: int
    lower_bound_: float
    lower_bounds_: NDArray[np.float64]
    softness_: float
    repairs_: list[dict[str, int]]
    dead_: list[int]
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]
    random_state: RandomState
    n_jobs: int | None
    _report: str | None

    # ---- the compiled mixture ----------------------------------------------------------------------------

    def _set_mixture(self, mixture: _fishervec.GaussianMixture, report: str | None) -> None:
        """Become this mixture, with the report of its fit."""
        parameters = (mixture.weights, mixture.means, mixture.covariances)
        for array in parameters:
            # The compiled mixture has these values: assign a new array to change one.
            array.flags.writeable = False
        self.weights_, self.means_, self.covariances_ = parameters
        self.n_features_in_ = self.means_.shape[1]
        self._cache = (*parameters, mixture)
        self._report = report
        if report is not None:
            fields = json.loads(report)
            self.converged_ = bool(fields["converged"])
            self.lower_bounds_ = np.array(fields["lower_bounds"])
            self.n_iter_ = len(self.lower_bounds_)
            self.lower_bound_ = float(self.lower_bounds_[-1])
            self.softness_ = float(fields["softness"])
            self.repairs_ = fields["repairs"]
            self.dead_ = fields["dead"]

    def _take(self, pipeline: _fishervec.Pipeline, role: str) -> None:
        """Become the mixture that has this role in a pipeline."""
        located = role == "spatial"
        mixture = pipeline.location if located else pipeline.mixture
        if mixture is None:
            raise ValueError(f"{role} must be a mixture, got none")
        self._set_mixture(mixture, None if located else pipeline.report)

    def _remember(self, fitted: _columns.Fitted) -> None:
        """Keep the names of the columns that the mixture was fitted to."""
        if fitted.names is not None:
            self.feature_names_in_ = fitted.names

    def _compiled(self) -> _fishervec.GaussianMixture:
        """The compiled mixture of the parameters as they are now."""
        cache: tuple[Floats, Floats, Floats, _fishervec.GaussianMixture] | None = self.__dict__.get("_cache")
        if cache is not None:
            weights, means, covariances, mixture = cache
            if weights is self.weights_ and means is self.means_ and covariances is self.covariances_:
                return mixture
        check_is_fitted(self, "weights_")
        mixture = _of_parameters(self, "mixture")
        self._cache = (self.weights_, self.means_, self.covariances_, mixture)
        return mixture

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        state.pop("_cache", None)
        return state

    @property
    def precisions_(self) -> NDArray[np.float64]:
        """1 / `covariances_`, shape (n_components, n_features)."""
        check_is_fitted(self, "weights_")
        return 1.0 / np.asarray(self.covariances_)

    @property
    def precisions_cholesky_(self) -> NDArray[np.float64]:
        """The roots of `precisions_`, shape (n_components, n_features)."""
        roots: NDArray[np.float64] = np.sqrt(self.precisions_)
        return roots

    # ---- rows --------------------------------------------------------------------------------------------

    def _rows(self, X: Any) -> Batch:
        return Batch(validate_data(self, of_no_sets(X), dtype=DTYPES, ensure_all_finite=False, reset=False))

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return the component with the largest posterior for each row.

        Parameters
        ----------
        {X}

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Components; the first of equals.

        Raises
        ------
        {mixture_errors}
        """
        return self._compiled().predict(self._rows(X), n_threads(self.n_jobs))

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Return the posteriors of each row.

        Parameters
        ----------
        {X}

        Returns
        -------
        posteriors : ndarray of shape (n_samples, n_components)
            Rows sum to 1.

        Raises
        ------
        {mixture_errors}
        """
        return self._compiled().predict_proba(self._rows(X), n_threads(self.n_jobs))

    def score_samples(self, X: ArrayLike) -> Floats:
        """Return the log-likelihood of each row, log p(x).

        Parameters
        ----------
        {X}

        Returns
        -------
        log_likelihood : ndarray of shape (n_samples,)
            In nats.

        Raises
        ------
        {mixture_errors}
        """
        return self._compiled().score_samples(self._rows(X), n_threads(self.n_jobs))

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Return the mean log-likelihood of the rows.

        Parameters
        ----------
        {X}
        {y}

        Returns
        -------
        log_likelihood : float
            In nats per row.

        Raises
        ------
        {mixture_errors}
        """
        return float(self.score_samples(X).mean(dtype=np.float64))

    def bic(self, X: ArrayLike) -> float:
        """Return the Bayesian information criterion on X; lower is better.

        Parameters
        ----------
        {X}

        Returns
        -------
        bic : float
            -2 log p(X) + (2 K D + K - 1) log n.

        Raises
        ------
        {mixture_errors}
        """
        return self._compiled().bic(self._rows(X), n_threads(self.n_jobs))

    def aic(self, X: ArrayLike) -> float:
        """Return Akaike's information criterion on X; lower is better.

        Parameters
        ----------
        {X}

        Returns
        -------
        aic : float
            -2 log p(X) + 2 (2 K D + K - 1).

        Raises
        ------
        {mixture_errors}
        """
        return self._compiled().aic(self._rows(X), n_threads(self.n_jobs))

    def sample(self, n_samples: int = 1) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Draw rows from the mixture, with `random_state` as the seed.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            The rows.
        y : ndarray of shape (n_samples,)
            The component of each row.

        Raises
        ------
        NotFittedError
            If the mixture is not fitted.
        ValueError
            If `n_samples` is below 1.
        """
        check_is_fitted(self, "weights_")
        n = check.integer("n_samples", n_samples)
        return self._compiled().sample(n, check.seed_of(self.random_state))

    # ---- sets --------------------------------------------------------------------------------------------

    @was_called("sets")
    def statistics(
        self, X: Sets, *, weights: Sets | None = None, threshold: float | None = None
    ) -> list[_fishervec.Statistics]:
        """Compute the sufficient statistics of each set under this mixture.

        Parameters
        ----------
        X : sets of descriptors
            In one of the forms in the notes of `FisherVector`.
        {weights}
        threshold : float, default=None
            Posteriors below this fraction of their row's largest are dropped; None means 1e-7 for float32 and
            1e-14 for float64.

        Returns
        -------
        statistics : list of Statistics
            One per set.

        Raises
        ------
        {mixture_errors}
        """
        check_is_fitted(self, "weights_")
        X = opened(X)
        batch = as_batch(X, weights, dim=self.means_.shape[1])
        _columns.Comparison(self).check(X, batch.sizes)
        with explained(batch, STRICT):
            return self._compiled().statistics(batch, threshold, n_threads(self.n_jobs))


def compiled(gmm: Any, name: str = "gmm") -> _fishervec.GaussianMixture:
    """The compiled mixture of anything with `weights_`, `means_` and `covariances_`; errors call it `name`."""
    return gmm._compiled() if isinstance(gmm, FittedMixture) else _of_parameters(gmm, name)


def _of_parameters(gmm: Any, name: str) -> _fishervec.GaussianMixture:
    missing = [part for part in ("weights_", "means_", "covariances_") if not hasattr(gmm, part)]
    if missing or isinstance(gmm, type):
        if isinstance(gmm, BaseEstimator) and hasattr(gmm, "covariance_type"):
            check_is_fitted(gmm, "weights_")
        got = f"the class {gmm.__name__}" if isinstance(gmm, type) else type(gmm).__name__
        lacks = f" without {', '.join(missing)}" if missing else ""
        raise TypeError(f"{name} must be a fitted mixture, got {got}{lacks}{_hint(gmm, name)}")
    weights, means, covariances = (
        np.ascontiguousarray(x, dtype=np.float64) for x in (gmm.weights_, gmm.means_, gmm.covariances_)
    )
    kind = getattr(gmm, "covariance_type", None)
    if covariances.ndim == 1 and covariances.shape == weights.shape and kind in (None, "spherical", "diag"):
        covariances = np.repeat(covariances[:, np.newaxis], means.shape[-1], axis=1)
    if kind not in (None, "diag", "spherical") or covariances.shape != means.shape or means.ndim != 2:
        got = f"covariance_type={kind!r}" if kind is not None else f"covariances of shape {covariances.shape}"
        raise ValueError(f"{name} must have covariance_type 'diag' (or 'spherical'), got {got}")
    return _fishervec.GaussianMixture(weights, means, covariances)


def _hint(gmm: Any, name: str) -> str:
    """What to pass in place of something that is not a mixture, where that can be told."""
    if isinstance(gmm, np.ndarray | list | tuple | dict):
        verb = "pass, after the descriptors," if name == "gmm" else "pass"
        return f"; for arrays {verb} {ARRAYS}"
    if hasattr(gmm, "named_steps"):
        return "; pass its last step, and the descriptors as the other steps transform them"
    for part in ("mixture_", "best_estimator_"):
        if hasattr(gmm, part):
            return f"; pass its {part}"
    return ""
