"""The Gaussian mixture as a scikit-learn estimator."""

import json
import os
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, DensityMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from . import _checks as check
from . import _fishervec
from ._sets import Batch, Floats, Sets, as_batch
from ._threads import n_threads

#: Number types X may have; all others become the first.
DTYPES = [np.float64, np.float32, np.float16, np.uint8]


class GaussianMixture(DensityMixin, BaseEstimator):  # type: ignore[misc]
    """A mixture of Gaussians with diagonal covariances, fitted by expectation maximization.

    p(x) = sum_k weights[k] prod_d N(x[d]; means[k, d], covariances[k, d]). Parameters and attributes are those of
    :class:`sklearn.mixture.GaussianMixture` with ``covariance_type="diag"``; the fit takes weights, needs no
    memory of the size (n_samples, n_components), and gives the same bits for any number of threads.

    Parameters
    ----------
    n_components : int, default=1
        Number of components K.
    covariance_type : {"diag"}, default="diag"
        The only one there is; there so that code written for scikit-learn runs as it is.
    tol : float, default=1e-3
        Converged once an iteration changes the mean log-likelihood by less than this, in nats.
    reg_covar : float, default=1e-6
        Added to every variance, in the unit of X squared.
    max_iter : int, default=100
        Most iterations; 0 leaves the start as it is.
    n_init : int, default=1
        Starts to try; the fit of the largest likelihood is kept.
    init_params : {"kmeans", "k-means++", "random_from_data"}, default="kmeans"
        Where a start comes from: k-means++ and a few Lloyd iterations on a sample of 256 rows a component;
        k-means++ alone; random rows as means.
    weights_init : array-like of shape (n_components,), default=None
        Weights of the start.
    means_init : array-like of shape (n_components, n_features), default=None
        Means of the start.
    precisions_init : array-like of shape (n_components, n_features), default=None
        Inverse variances of the start. What of these three is not given comes from `init_params`; with any
        given, one start is made.
    random_state : int, RandomState instance, Generator or None, default=None
        The seed of the start; an integer is the seed itself.
    warm_start : bool, default=False
        Start from the last fit.
    verbose : int, default=0
        Whether to print a line an iteration.
    variance_floor : float, default=0.0
        Smallest variance, relative to that of all rows in the same column: a floor that does not depend on units.
    n_jobs : int or None, default=None
        Threads; None is all cores the process may use (1 in a worker of joblib or dask), or what the environment
        variable FISHERVEC_NUM_THREADS says.

    Attributes
    ----------
    weights_ : ndarray of shape (n_components,)
        The weights w, which sum to 1.
    means_ : ndarray of shape (n_components, n_features)
        The means mu.
    covariances_ : ndarray of shape (n_components, n_features)
        The variances v = sigma**2.
    precisions_ : ndarray of shape (n_components, n_features)
        1 / v.
    converged_ : bool
        Whether the last change was below `tol`.
    n_iter_ : int
        Iterations done.
    lower_bound_ : float
        Mean log-likelihood at the start of the last iteration, in nats.
    lower_bounds_ : ndarray of shape (n_iter_,)
        The same of each iteration.
    softness_ : float
        Mean of the rows' largest posteriors, from 1/K to 1. Below about 0.7 the closed-form Fisher information,
        which assumes hard posteriors, is loose.
    repairs_ : list of dict
        Components that had lost their rows and got half of another's: iteration, component, donor.
    dead_ : list of int
        Components that could not be repaired; their weight is 0.
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where X had names.

    See Also
    --------
    FisherVector : Fits such a mixture, or takes one, and encodes sets by it.
    sklearn.mixture.GaussianMixture : The mixture of scikit-learn, with other covariances too.

    Notes
    -----
    Cost O(n K D) an iteration, memory O(K D log n) beside X. The update equations are those of Dempster, Laird and
    Rubin (1977).

    Examples
    --------
    >>> import numpy as np
    >>> from fishervec import GaussianMixture
    >>> X = np.concatenate([np.random.default_rng(0).normal(m, 1, (500, 2)) for m in (-5, 5)])
    >>> gmm = GaussianMixture(n_components=2, random_state=0).fit(X)
    >>> np.sort(gmm.means_, axis=0).round().tolist()
    [[-5.0, -5.0], [5.0, 5.0]]
    >>> gmm.predict([[-4, -6], [6, 4]]).tolist() == gmm.predict(gmm.means_).tolist()
    True
    """

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
    _report: str | None

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: str = "diag",
        tol: float = 1e-3,
        reg_covar: float = 1e-6,
        max_iter: int = 100,
        n_init: int = 1,
        init_params: str = "kmeans",
        weights_init: ArrayLike | None = None,
        means_init: ArrayLike | None = None,
        precisions_init: ArrayLike | None = None,
        random_state: check.RandomState = None,
        warm_start: bool = False,
        verbose: int = 0,
        variance_floor: float = 0.0,
        n_jobs: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.tol = tol
        self.reg_covar = reg_covar
        self.max_iter = max_iter
        self.n_init = n_init
        self.init_params = init_params
        self.weights_init = weights_init
        self.means_init = means_init
        self.precisions_init = precisions_init
        self.random_state = random_state
        self.warm_start = warm_start
        self.verbose = verbose
        self.variance_floor = variance_floor
        self.n_jobs = n_jobs

    # ---- fitting ---------------------------------------------------------------------------------------

    def fit(self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the mixture.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Descriptors; float32, float64, float16 and uint8 are taken as they are, all others as float64.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            What each row counts; a weight of 2 is the row twice.

        Returns
        -------
        self : GaussianMixture
            The fitted mixture.

        Raises
        ------
        TypeError
            If a parameter is of another type.
        ValueError
            For numbers that are not finite, fewer than two rows a component, weights below 0, or a parameter out of
            range.

        Warns
        -----
        ConvergenceWarning
            If the fit did not converge within `max_iter` iterations.
        """
        rows = validate_data(self, X, dtype=DTYPES, ensure_all_finite=False, ensure_min_samples=2)
        weights = None
        if sample_weight is not None:
            weights = np.ascontiguousarray(_check_sample_weight(sample_weight, rows, dtype=np.float64))
        batch = Batch(rows, None, weights)
        params = self._params(check.seed_of(self.random_state))
        threads = n_threads(self.n_jobs)
        params["init"] = self._start(batch, params, threads)
        if params["max_iter"] == 0:
            return self._stay(batch, params, threads)
        mixture, report = _fishervec.GaussianMixture.fit(batch, params, threads, reporter(self.verbose))
        self._set_mixture(mixture, report)
        warn_of_fit(self)
        return self

    def _stay(self, batch: Batch, params: dict[str, Any], threads: int) -> Self:
        """A fit of no iterations: the start is the mixture."""
        start = _fishervec.GaussianMixture.start(batch, params, threads)
        self._set_mixture(start, None)
        self.converged_, self.n_iter_ = False, 0
        self.lower_bound_, self.lower_bounds_ = -np.inf, np.empty(0)
        for name in ("softness_", "repairs_", "dead_"):
            # Of an earlier fit, if there was one.
            self.__dict__.pop(name, None)
        return self

    def fit_predict(self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None) -> NDArray[np.int64]:
        """Fit the mixture and return the component of each row, as ``fit(X).predict(X)``.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Descriptors.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            As in `fit`.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            The component of the largest posterior.

        Raises
        ------
        TypeError
            If a parameter is of another type.
        ValueError
            For numbers that are not finite, fewer than two rows a component, weights below 0, or a parameter out of
            range.

        Warns
        -----
        ConvergenceWarning
            If the fit did not converge within `max_iter` iterations.
        """
        return self.fit(X, sample_weight=sample_weight).predict(X)

    def _params(self, seed: int | None) -> dict[str, Any]:
        """The settings of a fit as the compiled module takes them."""
        if self.covariance_type != "diag":
            raise ValueError(f"covariance_type: expected 'diag', got {self.covariance_type!r}")
        return {
            "n_components": check.integer("n_components", self.n_components),
            "tol": check.real("tol", self.tol),
            "max_iter": check.integer("max_iter", self.max_iter, 0),
            "variance_floor": check.real("variance_floor", self.variance_floor),
            "reg_covar": check.real("reg_covar", self.reg_covar),
            "threshold": None,
            "init": check.text("init_params", self.init_params),
            "n_init": check.integer("n_init", self.n_init),
            "seed": seed,
        }

    def _start(self, batch: Batch, params: dict[str, Any], threads: int) -> Any:
        """Where to start: the last fit, given parameters, or the name of a way to find a start."""
        if self.warm_start and hasattr(self, "weights_"):
            lower_bound = getattr(self, "lower_bound_", -np.inf)
            return self._compiled(), float(lower_bound)
        given = (self.weights_init, self.means_init, self.precisions_init)
        if all(part is None for part in given):
            return params["init"]
        k, d = params["n_components"], batch.dim
        shapes = {"weights_init": (k,), "means_init": (k, d), "precisions_init": (k, d)}
        weights, means, precisions = (
            None if part is None else _shaped(name, part, shape)
            for (name, shape), part in zip(shapes.items(), given, strict=True)
        )
        if weights is None or means is None or precisions is None:
            found = _fishervec.GaussianMixture.start(batch, params, threads)
            weights = found.weights if weights is None else weights
            means = found.means if means is None else means
            precisions = 1.0 / found.covariances if precisions is None else precisions
        if not (precisions > 0).all():
            raise ValueError("precisions_init: expected numbers above 0")
        return _fishervec.GaussianMixture(weights, means, 1.0 / precisions)

    def _set_mixture(self, mixture: _fishervec.GaussianMixture, report: str | None) -> None:
        parameters = (mixture.weights, mixture.means, mixture.covariances)
        for array in parameters:
            # What is compiled from them must stay true; assign a new array to change one.
            array.flags.writeable = False
        self.weights_, self.means_, self.covariances_ = parameters
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

    def _compiled(self) -> _fishervec.GaussianMixture:
        """The compiled mixture of the parameters as they are now."""
        cache: tuple[Floats, Floats, Floats, _fishervec.GaussianMixture] | None = self.__dict__.get("_cache")
        if cache is not None:
            weights, means, covariances, mixture = cache
            if weights is self.weights_ and means is self.means_ and covariances is self.covariances_:
                return mixture
        check_is_fitted(self, "weights_")
        mixture = compiled(self)
        self._cache = (self.weights_, self.means_, self.covariances_, mixture)
        return mixture

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        state.pop("_cache", None)
        return state

    @property
    def precisions_(self) -> NDArray[np.float64]:
        """1 / covariances_, shape (n_components, n_features)."""
        check_is_fitted(self, "weights_")
        return 1.0 / np.asarray(self.covariances_)

    @property
    def precisions_cholesky_(self) -> NDArray[np.float64]:
        """The roots of precisions_, shape (n_components, n_features)."""
        roots: NDArray[np.float64] = np.sqrt(self.precisions_)
        return roots

    # ---- using it --------------------------------------------------------------------------------------

    def _rows(self, X: Any) -> Batch:
        return Batch(validate_data(self, X, dtype=DTYPES, ensure_all_finite=False, reset=False))

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return the component of the largest posterior of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Descriptors.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Components; the first of equals.

        Raises
        ------
        NotFittedError
            If the mixture is not fitted.
        ValueError
            For numbers that are not finite, or another number of columns than in `fit`.
        """
        return self._compiled().predict(self._rows(X), n_threads(self.n_jobs))

    def predict_proba(self, X: ArrayLike) -> Floats:
        """Return the posteriors of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Descriptors.

        Returns
        -------
        posteriors : ndarray of shape (n_samples, n_components)
            Rows sum to 1.

        Raises
        ------
        NotFittedError
            If the mixture is not fitted.
        ValueError
            For numbers that are not finite, or another number of columns than in `fit`.
        """
        return self._compiled().predict_proba(self._rows(X), n_threads(self.n_jobs))

    def score_samples(self, X: ArrayLike) -> Floats:
        """Return the log-likelihood of each row, log p(x), in nats.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Descriptors.

        Returns
        -------
        log_likelihood : ndarray of shape (n_samples,)
            In nats.

        Raises
        ------
        NotFittedError
            If the mixture is not fitted.
        ValueError
            For numbers that are not finite, or another number of columns than in `fit`.
        """
        return self._compiled().score_samples(self._rows(X), n_threads(self.n_jobs))

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Return the mean log-likelihood of the rows, in nats.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Descriptors.
        y : None
            Ignored.

        Returns
        -------
        log_likelihood : float
            In nats a row.

        Raises
        ------
        NotFittedError
            If the mixture is not fitted.
        ValueError
            For numbers that are not finite, or another number of columns than in `fit`.
        """
        return float(self.score_samples(X).mean(dtype=np.float64))

    def bic(self, X: ArrayLike) -> float:
        """Return the Bayesian information criterion on X; lower is better.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Descriptors.

        Returns
        -------
        bic : float
            -2 log p(X) + (2 K D + K - 1) log n.

        Raises
        ------
        NotFittedError
            If the mixture is not fitted.
        ValueError
            For numbers that are not finite, or another number of columns than in `fit`.
        """
        return self._compiled().bic(self._rows(X), n_threads(self.n_jobs))

    def aic(self, X: ArrayLike) -> float:
        """Return Akaike's information criterion on X; lower is better.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Descriptors.

        Returns
        -------
        aic : float
            -2 log p(X) + 2 (2 K D + K - 1).

        Raises
        ------
        NotFittedError
            If the mixture is not fitted.
        ValueError
            For numbers that are not finite, or another number of columns than in `fit`.
        """
        return self._compiled().aic(self._rows(X), n_threads(self.n_jobs))

    def sample(self, n_samples: int = 1) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Draw rows from the mixture, with `random_state` as the seed.

        Parameters
        ----------
        n_samples : int, default=1
            How many.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features)
            The rows.
        y : ndarray of shape (n_samples,)
            The component of each.

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

    def statistics(
        self, sets: Sets, *, weights: Sets | None = None, threshold: float | None = None
    ) -> list[_fishervec.Statistics]:
        """Take the sufficient statistics of each set under this mixture.

        Parameters
        ----------
        sets : sets of descriptors
            In one of the forms in the notes of `FisherVector`.
        weights : weights of the descriptors, default=None
            In the same shape.
        threshold : float, default=None
            Posteriors below this fraction of their row's largest are dropped; None is 1e-7 for float32 and 1e-14
            for float64.

        Returns
        -------
        statistics : list of Statistics
            One a set.

        Raises
        ------
        NotFittedError
            If the mixture is not fitted.
        ValueError
            For numbers that are not finite, or another number of columns than in `fit`.
        """
        check_is_fitted(self, "weights_")
        batch = as_batch(sets, weights, self.means_.shape[1])
        return self._compiled().statistics(batch, threshold, n_threads(self.n_jobs))

    # ---- to and from others ----------------------------------------------------------------------------

    @classmethod
    def from_sklearn(cls, gmm: Any) -> Self:
        """Make a mixture of a fitted one of scikit-learn's.

        Parameters
        ----------
        gmm : sklearn.mixture.GaussianMixture, or anything with weights_, means_ and covariances_
            With covariances of shape (n_components, n_features), "diag", or (n_components,), "spherical".

        Returns
        -------
        mixture : GaussianMixture
            A fitted mixture.

        Raises
        ------
        NotFittedError
            If `gmm` is not fitted.
        TypeError
            If it has no weights_, means_ and covariances_.
        ValueError
            If its covariances are not diagonal.
        """
        parameters = compiled(gmm)
        mixture = cls(n_components=len(parameters.weights))
        names = (set(mixture.get_params()) & set(vars(gmm))) - {
            "n_components",
            "covariance_type",
            "init_params",
        }
        mixture.set_params(**{name: getattr(gmm, name) for name in names if not name.endswith("_init")})
        mixture._set_mixture(parameters, None)
        mixture.n_features_in_ = mixture.means_.shape[1]
        for name in ("converged_", "n_iter_", "lower_bound_", "lower_bounds_", "feature_names_in_"):
            if hasattr(gmm, name):
                setattr(mixture, name, getattr(gmm, name))
        return mixture

    def to_sklearn(self) -> Any:
        """Make a fitted mixture of scikit-learn's of this one.

        Returns
        -------
        gmm : sklearn.mixture.GaussianMixture
            With ``covariance_type="diag"``.

        Raises
        ------
        NotFittedError
            If the mixture is not fitted.
        """
        from sklearn.mixture import GaussianMixture as Sklearn

        check_is_fitted(self, "weights_")
        names = set(Sklearn().get_params()) & set(self.get_params())
        gmm = Sklearn(**{name: getattr(self, name) for name in names})
        gmm.set_params(n_components=len(self.weights_))
        gmm.weights_, gmm.means_, gmm.covariances_ = (
            np.array(x) for x in (self.weights_, self.means_, self.covariances_)
        )
        gmm.precisions_ = 1.0 / gmm.covariances_
        gmm.precisions_cholesky_ = np.sqrt(gmm.precisions_)
        for name in (
            "converged_",
            "n_iter_",
            "lower_bound_",
            "lower_bounds_",
            "n_features_in_",
            "feature_names_in_",
        ):
            if hasattr(self, name):
                setattr(gmm, name, getattr(self, name))
        return gmm

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted mixture to a file, whole or not at all.

        The file is a model of the command line's too: its Fisher vectors with all defaults.

        Parameters
        ----------
        path : path-like
            The file, by custom a name in .safetensors; one that is there is replaced.

        Raises
        ------
        NotFittedError
            If the mixture is not fitted.
        OSError
            If the file cannot be written.
        """
        from ._files import save_mixture

        check_is_fitted(self, "weights_")
        save_mixture(self, path)


def compiled(gmm: Any, name: str = "gmm") -> _fishervec.GaussianMixture:
    """The compiled mixture of anything with weights_, means_ and covariances_; errors call it `name`."""
    missing = [part for part in ("weights_", "means_", "covariances_") if not hasattr(gmm, part)]
    if missing:
        if isinstance(gmm, BaseEstimator):
            check_is_fitted(gmm, "weights_")
        raise TypeError(f"{name}: expected a fitted mixture, got {type(gmm).__name__} without {', '.join(missing)}")
    weights, means, covariances = (
        np.ascontiguousarray(x, dtype=np.float64) for x in (gmm.weights_, gmm.means_, gmm.covariances_)
    )
    kind = getattr(gmm, "covariance_type", None)
    if covariances.ndim == 1 and covariances.shape == weights.shape and kind in (None, "spherical", "diag"):
        covariances = np.repeat(covariances[:, np.newaxis], means.shape[-1], axis=1)
    if kind not in (None, "diag", "spherical") or covariances.shape != means.shape or means.ndim != 2:
        got = f"covariance_type={kind!r}" if kind is not None else f"covariances of shape {covariances.shape}"
        raise ValueError(f"{name}: expected covariance_type 'diag' (or 'spherical'), got {got}")
    return _fishervec.GaussianMixture(weights, means, covariances)


def reporter(verbose: int) -> Any:
    """What prints the progress of a fit, or None."""
    if not verbose:
        return None

    def report(start: int, iteration: int, lower_bound: float, change: float) -> None:
        change_text = f" ({change:+.1e})" if np.isfinite(change) else ""
        print(f"start {start}, iteration {iteration}: log-likelihood {lower_bound:.5f}{change_text}", flush=True)

    return report


def warn_of_fit(mixture: GaussianMixture) -> None:
    """Warn of a fit that did not converge."""
    if not mixture.converged_:
        # scikit-learn's words, so that filters written for its mixture hold here too.
        check.warn(
            "Best performing initialization did not converge. "
            "Try different init parameters, or increase max_iter, tol, or check for degenerate data.",
            ConvergenceWarning,
        )


def _shaped(name: str, x: Any, shape: tuple[int | None, ...]) -> NDArray[np.float64]:
    array = np.ascontiguousarray(x, dtype=np.float64)
    if array.shape != shape:
        raise ValueError(f"{name}: expected shape {shape}, got {array.shape}")
    return array
