"""The Gaussian mixture as a scikit-learn estimator: its fit, and conversions to and from scikit-learn's."""

import os
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from . import _checks as check
from . import _files, _fishervec, _settings
from ._batch import Batch
from ._docs import documented
from ._frames import check_index
from ._missing import unmasked
from ._mixture_base import DTYPES, FittedMixture, compiled
from ._reports import reporter, warn_unless_converged
from ._sets import of_no_sets
from ._threads import n_threads
from ._types import RandomState

#: Attributes of a fit that scikit-learn's mixture has, too.
OF_FIT = ("converged_", "n_iter_", "lower_bound_", "lower_bounds_", "feature_names_in_")


@documented
class GaussianMixture(FittedMixture):
    """A mixture of Gaussians with diagonal covariances, fitted by expectation maximization.

    p(x) = sum_k weights[k] prod_d N(x[d]; means[k, d], covariances[k, d]). Parameters and attributes are those of
    :class:`sklearn.mixture.GaussianMixture` with ``covariance_type="diag"``. The fit takes weights, never
    allocates an (n_samples, n_components) matrix, and gives the same bits for any number of threads.

    Parameters
    ----------
    n_components : int, default=1
        Number of components K.
    covariance_type : {"diag"}, default="diag"
        The only type there is; the parameter exists so that code written for scikit-learn runs unchanged.
    tol : float, default=1e-3
        The fit has converged when an iteration changes the mean log-likelihood by less than this, in nats.
    reg_covar : float, default=1e-6
        Added to every variance, in the unit of X squared.
    max_iter : int, default=100
        Maximum number of EM iterations; 0 keeps the start as it is.
    n_init : int, default=1
        Number of initialisations; the fit with the largest likelihood is kept.
    init_params : {"kmeans", "k-means++", "random_from_data"}, default="kmeans"
        Method of initialisation: k-means++ and a few Lloyd iterations on a sample of 256 rows per component;
        k-means++ alone; random rows as means.
    weights_init : array-like of shape (n_components,), default=None
        Initial weights.
    means_init : array-like of shape (n_components, n_features), default=None
        Initial means.
    precisions_init : array-like of shape (n_components, n_features), default=None
        Initial inverse variances. Those of these three that are not given come from `init_params`; with any
        given, there is one initialisation.
    random_state : int, RandomState instance, Generator or None, default=None
        Seed of the initialisation; an integer is the seed itself.
    warm_start : bool, default=False
        Whether to start from the last fit.
    verbose : int, default=0
        Whether to print one line per iteration.
    variance_floor : float, default=0.0
        Smallest variance, relative to that of all rows in the same column, so that it does not depend on units.
    {n_jobs}

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
        Number of iterations.
    lower_bound_ : float
        Mean log-likelihood at the start of the last iteration, in nats.
    lower_bounds_ : ndarray of shape (`n_iter_`,)
        The same for each iteration.
    softness_ : float
        Mean of the rows' largest posteriors, from 1/K to 1 (no overlap). Below about 0.7 the components overlap
        so much that the closed-form Fisher information is a rough approximation.
    repairs_ : list of dict
        Components that had lost their rows and received half of another's: iteration, component, donor.
    dead_ : list of int
        Components that could not be repaired; their weight is 0.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Their names, if X had names.

    See Also
    --------
    FisherVector : Fits such a mixture, or takes one, and encodes sets with it.
    sklearn.mixture.GaussianMixture : The mixture of scikit-learn, with other covariances too.

    Notes
    -----
    Cost O(n K D) per iteration, memory O(K D log n) beside X. The update equations are those of Dempster, Laird
    and Rubin (1977).

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
        random_state: RandomState = None,
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

    def fit(self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the mixture.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Descriptors; float32, float64, float16 and uint8 are used as they are, all others as float64.
        {y}
        sample_weight : array-like of shape (n_samples,), default=None
            What each row counts; a weight of 2 is the row twice, and a row of weight 0 may hold anything, NaN too.

        Returns
        -------
        self : GaussianMixture
            The fitted mixture.

        Raises
        ------
        {mixture_fit_errors}

        Warns
        -----
        ConvergenceWarning
            If the fit did not converge within `max_iter` iterations.
        """
        batch = self._training(X, sample_weight, 2)
        self.__dict__.pop("_stepwise", None)
        params = _settings.mixture(self, check.seed_of(self.random_state))
        threads = n_threads(self.n_jobs)
        start = self._start(batch, params, threads)
        if params["max_iter"] == 0:
            return self._stay(batch, params, start, threads)
        settings = _settings.as_json(params)
        self._set_mixture(*_fishervec.GaussianMixture.fit(batch, settings, start, threads, reporter(self.verbose)))
        warn_unless_converged(self.converged_)
        return self

    def partial_fit(self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None) -> Self:
        """Move the mixture by one step of stepwise expectation maximization, for rows that come a few at a time.

        The t-th call moves the running statistics S to (1 - g) S + g s, where s are those of X under the mixture as it
        is, per row, and g = (t + 2)**-0.7; the next mixture maximizes the expected log-likelihood under them. A mixture
        that was fitted goes on from its fit; otherwise the first call starts as `fit` does, from X alone, whose
        variance the floor is relative to.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            A few thousand rows, from all over the data: those of one file are alike, and the mixture forgets. The first
            must be 2 per component, better 256.
        {y}
        sample_weight : array-like of shape (n_samples,), default=None
            As in `fit`.

        Returns
        -------
        self : GaussianMixture
            The mixture; `lower_bound_` is a running mean over the rows so far, which counts late ones more.

        Raises
        ------
        {mixture_fit_errors}

        Notes
        -----
        O. Cappe, E. Moulines, "On-line expectation-maximization algorithm for latent data models", JRSS B 71(3), 2009.
        Cost O(n K D). A pickle goes on where the mixture was; `save` keeps the mixture alone, from which another step
        would begin anew.
        """
        going = self._going()
        batch = self._training(X, sample_weight, 1 if going is not None else 2, reset=going is None)
        threads = n_threads(self.n_jobs)
        if going is None:
            params = _settings.mixture(self, check.seed_of(self.random_state)) | {"n_init": 1}
            start = self._compiled() if hasattr(self, "weights_") else self._start(batch, params, threads)
            settings = _settings.as_json(params | {"max_iter": max(1, params["max_iter"])})
            going = _fishervec.Stepwise.start(batch, settings, start, threads)
        going.step(batch, threads)
        self._set_mixture(going.mixture, going.report)
        self._stepwise = (going, self.weights_, self.means_, self.covariances_)
        return self

    def _going(self) -> _fishervec.Stepwise | None:
        """The steps that this mixture comes from; None if there are none, or if it was changed after them."""
        going, *parameters = self.__dict__.get("_stepwise", (None,))
        own = (getattr(self, "weights_", None), getattr(self, "means_", None), getattr(self, "covariances_", None))
        return going if parameters and all(a is b for a, b in zip(own, parameters, strict=True)) else None

    def _training(self, X: Any, sample_weight: Any, least: int, reset: bool = True) -> Batch:
        """Rows to fit to, with their weights."""
        options = {"ensure_all_finite": False, "ensure_min_samples": least, "reset": reset}
        rows = validate_data(self, of_no_sets(X), dtype=DTYPES, **options)
        weights = None
        if sample_weight is not None:
            check_index(X, sample_weight, "sample_weight", "X")
            weights = np.ascontiguousarray(_check_sample_weight(unmasked(sample_weight), rows, dtype=np.float64))
        return Batch(rows, None, weights)

    def _start(self, batch: Batch, params: _settings.Settings, threads: int) -> Any:
        """Where to start: at the last fit or at given parameters; None is a start by `init_params`."""
        if self.warm_start and hasattr(self, "weights_"):
            return self._compiled(), float(getattr(self, "lower_bound_", -np.inf))
        given = [getattr(self, name) is not None for name in _settings.START]
        if not any(given):
            return None
        found = None if all(given) else self._found(batch, params, None, threads)
        return _settings.start(self, (params["n_components"], batch.dim or 0), found)

    def _found(self, batch: Batch, params: _settings.Settings, start: Any, threads: int) -> _fishervec.GaussianMixture:
        """The mixture that the first iteration of a fit starts from."""
        return _fishervec.GaussianMixture.start(batch, _settings.as_json(params), start, threads)

    def _stay(self, batch: Batch, params: _settings.Settings, start: Any, threads: int) -> Self:
        """A fit of no iterations: the start is the mixture."""
        self._set_mixture(self._found(batch, params, start, threads), None)
        self.converged_, self.n_iter_ = False, 0
        self.lower_bound_, self.lower_bounds_ = -np.inf, np.empty(0)
        for name in ("softness_", "repairs_", "dead_"):
            # An earlier fit may have left these.
            self.__dict__.pop(name, None)
        return self

    def fit_predict(self, X: ArrayLike, y: Any = None, sample_weight: ArrayLike | None = None) -> NDArray[np.int64]:
        """Fit the mixture and return the component of each row, as ``fit(X).predict(X)``.

        Parameters
        ----------
        {X}
        {y}
        sample_weight : array-like of shape (n_samples,), default=None
            As in `fit`.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            The component with the largest posterior.

        Raises
        ------
        {mixture_fit_errors}

        Warns
        -----
        ConvergenceWarning
            If the fit did not converge within `max_iter` iterations.
        """
        return self.fit(X, sample_weight=sample_weight).predict(X)

    # ---- to and from others ------------------------------------------------------------------------------

    @classmethod
    def from_sklearn(cls, gmm: Any) -> Self:
        """Convert a fitted mixture of scikit-learn.

        Parameters
        ----------
        gmm : sklearn.mixture.GaussianMixture, or anything with `weights_`, `means_` and `covariances_`
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
            If it has no `weights_`, `means_` and `covariances_`.
        ValueError
            If its covariances are not diagonal.
        """
        parameters = compiled(gmm)
        mixture = cls(n_components=len(parameters.weights))
        shared = (mixture.get_params().keys() & vars(gmm).keys()) - {"n_components", "covariance_type", "init_params"}
        mixture.set_params(**{name: getattr(gmm, name) for name in shared - set(_settings.START)})
        mixture._set_mixture(parameters, None)
        _copy(gmm, mixture, OF_FIT)
        return mixture

    def to_sklearn(self) -> Any:
        """Convert this mixture to a fitted one of scikit-learn.

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
        params = self.get_params()
        gmm = Sklearn(**{name: params[name] for name in Sklearn().get_params().keys() & params})
        gmm.set_params(n_components=len(self.weights_))
        for name in ("weights_", "means_", "covariances_"):
            setattr(gmm, name, np.array(getattr(self, name)))
        gmm.precisions_, gmm.precisions_cholesky_ = self.precisions_, self.precisions_cholesky_
        _copy(self, gmm, (*OF_FIT, "n_features_in_"))
        return gmm

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted mixture to a file, whole or not at all.

        The command line reads the file, too: as a model of Fisher vectors with all defaults.

        Parameters
        ----------
        {path}

        Raises
        ------
        NotFittedError
            If the mixture is not fitted.
        OSError
            If the file cannot be written.
        """
        _files.save(self, self._as_pipeline(), path)

    def _as_pipeline(self) -> _fishervec.Pipeline:
        """The Fisher vectors of this mixture with all defaults, which a model file of it holds."""
        check_is_fitted(self, "weights_")
        return _settings.assemble(_settings.plain_fisher(self._compiled())).with_report(self._report)


def _copy(source: Any, target: Any, names: tuple[str, ...]) -> None:
    """Copy those attributes that the source has."""
    for name in names:
        if hasattr(source, name):
            setattr(target, name, getattr(source, name))
