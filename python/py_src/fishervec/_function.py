"""The gist's function."""

from typing import Any

from numpy.typing import ArrayLike

from . import _settings
from ._mixture_base import compiled
from ._sets import descriptors
from ._threads import n_threads
from ._types import Floats


def fisher_vector(
    xx: ArrayLike,
    gmm: Any,
    convention: str = "sanchez",
    power: float | None = None,
    norm: str | None = None,
) -> Floats:
    """Return the Fisher vector of one set of descriptors under a fitted mixture.

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
        For numbers that are not finite, another number of columns, an unknown name, or covariances that are not
        diagonal.

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
    normalization = _settings.normalization(power, norm)
    mixture = compiled(gmm, "gmm")
    return mixture.fisher_vector(
        descriptors(xx), convention, normalization["power"], normalization["norm"], n_threads(None)
    )
