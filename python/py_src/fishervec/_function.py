"""The Fisher vector of one set as a function, and in the form of other libraries."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils.validation import _check_feature_names

from . import _checks as check
from . import _settings
from ._batch import Batch
from ._fishervec import GaussianMixture
from ._foreign import explained
from ._mixture_base import compiled
from ._sets import descriptors
from ._threads import n_threads
from ._types import Floats


@explained
def fisher_vector(
    xx: ArrayLike,
    gmm: Any,
    convention: str = "sanchez",
    power: float | None = None,
    norm: str | None = None,
) -> Floats:
    """Return the Fisher vector of one set under a fitted mixture, by default in the convention "sanchez".

    With the posteriors q and z = (x - mean) / sigma, and the convention "sanchez" (Sanchez et al. 2013, Eqs. 16 to
    18, divided by n), the blocks, one after the other, are

    * sum_n (q[n, k] - w[k]) / (n sqrt(w[k])), shape (K,)
    * sum_n q[n, k] z[n, k, d] / (n sqrt(w[k])), shape (K, D)
    * sum_n q[n, k] (z[n, k, d]**2 - 1) / (n sqrt(2 w[k])), shape (K, D)

    Parameters
    ----------
    xx : array-like of shape (n, d) or (d,)
        The set, or one descriptor.
    gmm : fishervec.GaussianMixture or sklearn.mixture.GaussianMixture
        A fitted mixture with covariances "diag" or "spherical".
    convention : {"sanchez", "gist", "vlfeat", "scikit-image"}, default="sanchez"
        Whose Fisher vector it is: signs, units and blocks. "gist" is the result of the gist "Fisher vectors with
        sklearn", "scikit-image" and "vlfeat" are the results of those before their own normalisation (VLFeat itself
        also drops posteriors below 1e-6).
    power : float, default=None
        Exponent of the signed power of each entry; None means 1, which changes nothing.
    norm : {"l2", "intra+l2"}, default=None
        The norm that the vector is divided by, after the power; None means no norm.

    Returns
    -------
    vector : ndarray of shape (K + 2 K D,)
        In the float type of `xx`: float32 for float32, float16 and uint8, and float64 for all else. ("vlfeat" has no
        block for the weights: its length is 2 K D.) The zero vector for an empty set.

    Raises
    ------
    NotFittedError
        If `gmm` is not fitted.
    TypeError
        If `gmm` is not a mixture, or `xx` is not an array of numbers.
    ValueError
        For numbers that are not finite, another number of columns, columns of a frame that have other names than in
        the fit of `gmm`, an unknown name, or covariances that are not diagonal.

    See Also
    --------
    FisherVector : The estimator, for many sets.

    Notes
    -----
    Cost O(n K D).

    Examples
    --------
    >>> import numpy as np
    >>> from fishervec import GaussianMixture, fisher_vector
    >>> X = np.random.default_rng(0).normal(size=(1000, 3))
    >>> gmm = GaussianMixture(n_components=4, random_state=0, tol=1e-2).fit(X)
    >>> fisher_vector(X[:50], gmm).shape
    (28,)
    """
    mixture = _mixture(xx, gmm)
    normalization = _settings.normalization(power, norm)
    return mixture.fisher_vector(
        descriptors(xx),
        check.text("convention", convention),
        normalization["power"],
        normalization["norm"],
        n_threads(None),
    )


def bare_vector(xx: ArrayLike, gmm: Any, convention: str) -> Floats:
    """The vector of one set as another library returns it: of at least one descriptor, and every posterior counts.

    It is float32 if descriptors and mixture have no more digits, and float64 for all else.
    """
    mixture = _mixture(xx, gmm)
    values = descriptors(xx).values
    assert isinstance(values, np.ndarray)
    if not len(values):
        raise ValueError("expected at least one descriptor, got none (fishervec.fisher_vector gives the zero vector)")
    single = np.result_type(values, np.asarray(gmm.means_)) == np.float32
    batch = Batch(values.astype(np.float32 if single else np.float64, copy=False))
    pipeline = _settings.assemble(_settings.bare_fisher(mixture, convention))
    try:
        vector: Floats = pipeline.encode_sets(batch, n_threads(None))[0]
    except ValueError as error:
        # There is one set, which needs no number.
        raise ValueError(str(error).removeprefix("set 0: ")) from error
    return vector


def _mixture(xx: Any, gmm: Any) -> GaussianMixture:
    """The compiled mixture, unless it stands where the descriptors belong, or was fitted to columns of other names."""
    if isinstance(xx, BaseEstimator) or hasattr(xx, "means_"):
        raise TypeError(f"the descriptors must come first and the mixture second, got {type(xx).__name__} first")
    if hasattr(xx, "columns") and hasattr(gmm, "feature_names_in_"):
        _check_feature_names(gmm, xx, reset=False)
    return compiled(gmm, "gmm")
