"""Shares of descriptors, smoothed over those around."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._fishervec import smoothed


def smooth_contributions(shares: ArrayLike, positions: ArrayLike) -> NDArray[np.float64]:
    """Smooth the shares of the descriptors of one set over the neighbours of each, such as the patches of a slide.

    Shares of single descriptors are noisy: a power below 1 makes small entries loud, with shares of both signs that
    cancel. Each share is spread over the 3 x 3 steps of the grid around its descriptor, and what lies there is divided
    among the descriptors that are there: the sum stays. The command ``fishervec explain`` does the same.

    Parameters
    ----------
    shares : array-like of shape (n,), or (n, ...)
        The shares of one set, an array of the list that `contributions` of an encoder returns; each class and each part
        is smoothed alone.
    positions : array-like of shape (n, 2)
        Where the descriptors are, such as the coordinates of patches: corners or centres. Their usual distance is the
        step of the grid, which may have holes.

    Returns
    -------
    smoothed : ndarray of shape (n,), or (n, ...)
        One share per descriptor, with the sums of `shares` but for rounding.

    Raises
    ------
    TypeError
        If `shares` or `positions` are not numbers.
    ValueError
        For shares of several sets, positions that are not one row of two columns per share, and numbers that are not
        finite.

    See Also
    --------
    FisherVector.contributions : The shares.
    ImageEncoder.contributions : With ``smooth=True`` the shares of an image, spread over the square of each descriptor.

    Examples
    --------
    >>> import numpy as np
    >>> from fishervec import smooth_contributions
    >>> y, x = np.divmod(np.arange(25), 5)
    >>> shares = np.where(np.arange(25) == 12, 1.0, 0.0)
    >>> smoothed = smooth_contributions(shares, np.stack([x, y], axis=1))
    >>> print(np.round(smoothed.reshape(5, 5)[2], 3), np.round(smoothed.sum(), 12))
    [0.037 0.074 0.111 0.074 0.037] 1.0
    """
    values, at = _numbers("shares", shares), _numbers("positions", positions)
    n = len(values) if values.ndim else 0
    if values.ndim == 0 or at.ndim != 2 or at.shape[1] != 2 or len(at) != n:
        raise ValueError(
            "positions must be two columns, x and y, with one row for each share of one set, got shape "
            f"{at.shape} for shares of shape {values.shape}{_cure(at)}"
        )
    with np.errstate(over="ignore"):
        extent = np.ptp(at, axis=0) if n else np.zeros(2)
    if not np.isfinite(2 * extent).all():
        raise ValueError("positions must lie at distances below 1e308, got larger ones")
    columns = values.reshape(n, math.prod(values.shape[1:]))
    return smoothed(np.ascontiguousarray(columns), np.ascontiguousarray(at)).reshape(values.shape)


def _numbers(name: str, given: Any) -> NDArray[np.float64]:
    """An array of finite numbers."""
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise ValueError(f"{name} must be those of one set, got several: smooth them one by one") from error
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be an array of numbers, got {array.dtype}")
    if np.ma.is_masked(given) or not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite numbers, got some that are not")
    return array.astype(np.float64)


def _cure(positions: NDArray[np.float64]) -> str:
    if positions.ndim == 3:
        return ": smooth sets one by one"
    if positions.ndim == 2 and positions.shape[1] == 3:
        return ": of squares, ImageEncoder.contributions(..., smooth=True); of three columns x, y, z, choose two"
    return ""
