"""The function of the gist "Fisher vectors with sklearn" (github.com/danoneata): only the import changes.

from fishervec.gist import fisher_vector
"""

from typing import Any

from numpy.typing import ArrayLike

from ._foreign import explained
from ._function import bare_vector
from ._types import Floats

__all__ = ["fisher_vector"]


@explained
def fisher_vector(xx: ArrayLike, gmm: Any) -> Floats:
    """Return the Fisher vector of the gist: gradients in the units of the data, in the convention "gist".

    With the posteriors q, the blocks, one after the other, are

    * sum_n q[n, k] / n - w[k], shape (K,)
    * sum_n q[n, k] (x[n, d] - mean[k, d]) / n, shape (K, D)
    * sum_n q[n, k] (var[k, d] - (x[n, d] - mean[k, d])**2) / n, shape (K, D)

    Parameters
    ----------
    xx : array-like of shape (n, d) or (d,)
        The set, or one descriptor.
    gmm : sklearn.mixture.GaussianMixture or fishervec.GaussianMixture
        A fitted mixture with covariances "diag"; also "spherical", for which the gist has no numbers.

    Returns
    -------
    vector : ndarray of shape (K + 2 K D,)
        Float64, or float32 if mixture and descriptors are float32.

    Raises
    ------
    NotFittedError
        If `gmm` is not fitted.
    TypeError
        If `gmm` is not such a mixture, or `xx` is not an array of numbers.
    ValueError
        For no descriptor, numbers that are not finite, another number of columns, or other covariances.

    See Also
    --------
    fishervec.fisher_vector : The same with a choice of convention, power and norm.
    fishervec.skimage.fisher_vector : That of scikit-image.

    Notes
    -----
    The numbers are those of the gist but for its rounding: it squares descriptors in their own type, where integers
    overflow and float32 loses digits, and it subtracts large numbers if the data are far from the origin. No
    posterior is dropped, as `fishervec.fisher_vector` does below 1e-14, which can make this half as fast.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.mixture import GaussianMixture
    >>> from fishervec.gist import fisher_vector
    >>> xx = np.random.default_rng(0).normal(size=(500, 3))
    >>> gmm = GaussianMixture(n_components=4, covariance_type="diag", random_state=0).fit(xx)
    >>> fisher_vector(xx[:50], gmm).shape
    (28,)
    """
    if hasattr(gmm, "degrees_of_freedom_"):
        raise TypeError(
            "gmm must be a GaussianMixture, got BayesianGaussianMixture, whose posteriors are not those of its "
            "weights_, means_ and covariances_; for the Fisher vector of these alone call "
            'fishervec.fisher_vector(xx, gmm, convention="gist")'
        )
    return bare_vector(xx, gmm, "gist")
