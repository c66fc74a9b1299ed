"""The functions `fisher_vector` and `learn_gmm` of scikit-image: only the import changes.

    from fishervec.skimage import fisher_vector, learn_gmm

They take and refuse what those of `skimage.feature` (0.26) do, and return the same numbers, but for what their notes
name. The errors have the same names, and are ValueErrors, too. NumPy's numbers are taken where Python's are.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.mixture import GaussianMixture

from ._foreign import explained
from ._function import bare_vector
from ._mixture_base import FittedMixture
from ._types import Array, Floats

__all__ = ["DescriptorException", "FisherVectorException", "fisher_vector", "learn_gmm"]


class FisherVectorException(ValueError):
    """A mixture or a parameter that the functions do not take."""


class DescriptorException(FisherVectorException):
    """Descriptors that the functions do not take."""


@explained
def fisher_vector(descriptors: Array, gmm: Any, *, improved: bool = False, alpha: float = 0.5) -> Floats:
    """Return the Fisher vector of scikit-image, in the convention "scikit-image".

    It is that of Sanchez et al. 2013 (the convention "sanchez") with the opposite sign of the variances.

    Parameters
    ----------
    descriptors : ndarray of shape (n, d)
        The set.
    gmm : sklearn.mixture.GaussianMixture or fishervec.GaussianMixture
        A fitted mixture with covariances "diag", from `learn_gmm` or elsewhere.
    improved : bool, default=False
        Whether to take the signed power `alpha` of each entry and then to divide by the L2 norm.
    alpha : float, default=0.5
        Exponent of the power, 0 or above; ignored without `improved`.

    Returns
    -------
    vector : ndarray of shape (K + 2 K D,)
        Float64, or float32 if mixture and descriptors are float32.

    Raises
    ------
    DescriptorException
        For anything but an array of shape (n, d) of finite numbers with the columns of the mixture.
    FisherVectorException
        If `gmm` is not a mixture with diagonal covariances, or `alpha` is not a float.
    NotFittedError
        If `gmm` is not fitted.

    See Also
    --------
    fishervec.fisher_vector : The same with a choice of convention, power and norm.
    learn_gmm : Fits the mixture.

    Notes
    -----
    The numbers are those of scikit-image but for its rounding. Where it divides 0 by 0, this is 0: for a component of
    weight 0, and the norm of a zero vector. It squares descriptors in their own type, where integers overflow; these
    do not. With `alpha` near 0, entries that are nothing but rounding count as much as all others, and differ.

    Examples
    --------
    >>> import numpy as np
    >>> from fishervec.skimage import fisher_vector, learn_gmm
    >>> rng = np.random.default_rng(0)
    >>> sets = [rng.normal(size=(200, 3)) for _ in range(5)]
    >>> gmm = learn_gmm(sets, n_modes=4, gm_args={"random_state": 0})
    >>> fisher_vector(sets[0], gmm, improved=True).shape
    (28,)
    """
    if isinstance(descriptors, GaussianMixture | FittedMixture):
        raise DescriptorException("descriptors must come first and gmm second, got a mixture first")
    x = _numbers(descriptors, "descriptors")
    if not isinstance(gmm, GaussianMixture | FittedMixture):
        raise FisherVectorException(
            f"gmm must be a mixture of sklearn.mixture.GaussianMixture or fishervec, got {type(gmm).__name__}"
        )
    if gmm.covariance_type not in ("diag", "spherical"):
        raise FisherVectorException(f"gmm must have covariance_type 'diag', got {gmm.covariance_type!r}")
    if improved not in (True, False):
        raise FisherVectorException(f"improved must be a bool, got {improved!r}")
    if improved and not (isinstance(alpha, float | np.floating) and 0 <= alpha < np.inf):
        raise FisherVectorException(f"alpha must be a float of at least 0, such as 0.5, got {alpha!r}")
    try:
        vector = bare_vector(x, gmm, "scikit-image")
    except NotFittedError:
        raise
    except ValueError as error:
        raise DescriptorException(str(error)) from error
    return _improved(vector, alpha) if improved else vector


@explained
def learn_gmm(
    descriptors: Array | list[Array], *, n_modes: int = 32, gm_args: Mapping[str, Any] | None = None
) -> GaussianMixture:
    """Fit a mixture of scikit-learn to all descriptors, as scikit-image does.

    Parameters
    ----------
    descriptors : ndarray of shape (n, d), or list of ndarray of shape (n_i, d)
        Descriptors, of one set or of several.
    n_modes : int, default=32
        Number K of components.
    gm_args : dict, default=None
        Further parameters of :class:`sklearn.mixture.GaussianMixture`, such as ``{"random_state": 0}``.

    Returns
    -------
    gmm : sklearn.mixture.GaussianMixture
        The fitted mixture, with ``covariance_type="diag"``.

    Raises
    ------
    DescriptorException
        For anything but such arrays with one number of columns.
    FisherVectorException
        For `n_modes` that is not a positive integer, for another covariance type, and for n_components in `gm_args`.

    See Also
    --------
    fishervec.GaussianMixture : A mixture that is fitted faster, with a start of its own, so that its numbers differ;
        `fisher_vector` takes it, too.

    Notes
    -----
    The mixture is scikit-learn's, with its start and its random numbers, so that it is equal to that of scikit-image to
    the last bit.

    One thing is fixed: in scikit-image, `gm_args` without a "covariance_type" is a KeyError, so that a `random_state`
    alone cannot be given. Here "diag" is the default that scikit-image means. Without a `random_state` each fit starts
    elsewhere, there and here.

    Examples
    --------
    >>> import numpy as np
    >>> from fishervec.skimage import learn_gmm
    >>> sets = [np.random.default_rng(i).normal(size=(100, 3)) for i in range(5)]
    >>> learn_gmm(sets, n_modes=4, gm_args={"random_state": 0}).means_.shape
    (4, 3)
    """
    arrays = _arrays(descriptors)
    if not isinstance(n_modes, int | np.integer) or isinstance(n_modes, bool) or n_modes <= 0:
        raise FisherVectorException(f"n_modes must be a positive integer, got {n_modes!r}")
    params = {"covariance_type": "diag", **(gm_args or {})}
    if params["covariance_type"] != "diag":
        raise FisherVectorException(
            f"gm_args must have covariance_type 'diag' or none, got {params['covariance_type']!r}"
        )
    if "n_components" in params:
        raise FisherVectorException("gm_args must not have n_components: the number of components is n_modes")
    # One array is fitted to as it is: another layout in memory would change the last bits.
    rows = arrays[0] if isinstance(descriptors, np.ndarray) else np.vstack(arrays)
    return GaussianMixture(n_components=n_modes, **params).fit(rows)


def _arrays(descriptors: Any) -> list[Array]:
    """The arrays of one set or of several."""
    if isinstance(descriptors, np.ndarray):
        return [_numbers(descriptors, "descriptors")]
    if not isinstance(descriptors, list) or not descriptors:
        got = "an empty list" if isinstance(descriptors, list) else type(descriptors).__name__
        raise DescriptorException(f"descriptors must be an array of shape (n, d) or a list of such arrays, got {got}")
    arrays = [_numbers(x, f"set {i}") for i, x in enumerate(descriptors)]
    for i, x in enumerate(arrays):
        if x.shape[1] != arrays[0].shape[1]:
            raise DescriptorException(f"set {i} must have {arrays[0].shape[1]} columns like set 0, got {x.shape[1]}")
    return arrays


def _numbers(x: Any, where: str) -> Array:
    """`x`, which must be an array of shape (n, d) of numbers."""
    if not isinstance(x, np.ndarray):
        raise DescriptorException(f"{where} must be a NumPy array of shape (n, d), got {type(x).__name__}")
    if x.ndim != 2:
        raise DescriptorException(f"{where} must be an array of shape (n, d), got shape {x.shape}")
    if x.dtype.kind not in "fiub":
        raise DescriptorException(f"{where} must be an array of real numbers, got dtype {x.dtype}")
    if np.ma.is_masked(x):
        raise DescriptorException(f"{where} must have no masked values: remove their rows")
    return x


def _improved(vector: Floats, alpha: float) -> Floats:
    """The signed power of each entry, then norm 1; a zero vector stays."""
    rooted: Floats = np.sign(vector) * np.abs(vector) ** alpha
    norm = np.linalg.norm(rooted)
    return rooted / norm if norm > 0 else rooted
