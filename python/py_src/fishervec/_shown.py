"""What is to be plotted, checked and put into the shape in which it is drawn; no plot needs matplotlib for this."""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.neighbors import KDTree

from ._missing import unmasked


def number(value: float, digits: int = 3, sign: bool = False) -> str:
    """A number of so many digits in words: with the minus sign of typography, and never a minus before 0."""
    if not value or not math.isfinite(value):
        return f"{value + 0.0:g}"
    size = math.floor(math.log10(abs(value)))
    form = f".{max(0, digits - 1 - size)}f" if -4 <= size < 9 else f".{digits - 1}e"
    return f"{value:{'+' if sign else ''}{form}}".replace("-", "\N{MINUS SIGN}")


def plural(n: int, word: str) -> str:
    """A number of things."""
    return f"{n:,} {word}{'s' * (n != 1)}"


def array(name: str, given: Any, shape: str) -> NDArray[np.float64]:
    """An array of finite numbers; errors call it `name` and say which shape it should have."""
    if hasattr(given, "toarray"):
        given = given.toarray()
    try:
        values = np.asarray(unmasked(given))
        if values.dtype.kind not in "biufO":
            raise TypeError(f"of {values.dtype}")
        values = values.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise TypeError(
            f"{name} must be an array of numbers of shape {shape}, got {type(given).__name__}: {error}"
        ) from error
    if not np.isfinite(values).all():
        raise ValueError(f"{name} must be finite numbers, got some that are not")
    return values


def one_set(shares: ArrayLike) -> NDArray[np.float64]:
    """The shares of one set and one score."""
    if isinstance(shares, list | tuple) and any(np.ndim(x) for x in shares):
        raise ValueError(f"shares must be those of one set, of shape (n,), got a list of {len(shares)}: pass shares[0]")
    values = array("shares", shares, "(n,)")
    if values.ndim != 1:
        cure = ": choose a class, shares[:, 0]" if values.ndim == 2 else ""
        raise ValueError(f"shares must be of shape (n,), got shape {values.shape}{cure}")
    return values


def places(positions: ArrayLike, n: int) -> NDArray[np.float64]:
    """The positions of `n` descriptors, of shape (n, 1) or (n, 2)."""
    if isinstance(positions, list | tuple) and any(np.ndim(x) > 1 for x in positions):
        raise ValueError(f"positions must be those of one set, got a list of {len(positions)}: pass positions[0]")
    where = array("positions", positions, "(n,), (n, 1) or (n, 2)")
    where = where[:, np.newaxis] if where.ndim == 1 else where
    if where.ndim != 2 or len(where) != n or where.shape[1] not in (1, 2):
        raise ValueError(
            f"positions must be of shape ({n},), ({n}, 1) or ({n}, 2), one per share, got shape {np.shape(positions)}"
        )
    return where


def grouped(
    where: NDArray[np.float64], values: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """The distinct places, the sum of the values at each, and the side of a square that fills the usual gap."""
    if not len(where):
        return where, values, 1.0
    distinct, index = np.unique(where, axis=0, return_inverse=True)
    sums = np.zeros(len(distinct))
    np.add.at(sums, index.reshape(-1), values)
    if len(distinct) < 2:
        return distinct, sums, float(np.abs(distinct).max()) / 100 or 1.0
    # In the unit of their extent, so that huge and tiny positions have distances, too.
    scale = np.ptp(distinct / 2, axis=0).max() * 2
    nearest = KDTree(distinct / scale).query(distinct / scale, k=2)[0][:, 1]
    return distinct, sums, float(np.median(nearest) * scale)


def tiles(means: NDArray[np.float64], shape: Any) -> NDArray[np.float64]:
    """The means as images with values from 0 to 1, of shape (K, height, width) or (K, height, width, channels)."""
    whole = np.ndim(shape) == 1 and all(isinstance(side, int | np.integer) for side in shape)
    sides = tuple(int(side) for side in shape) if whole else ()
    if len(sides) not in (2, 3) or min(sides) < 1 or sides[2:] not in ((), (1,), (3,), (4,)):
        raise ValueError(f"shape must be (height, width) or (height, width, channels) of a patch, got {shape!r}")
    if np.prod(sides) != means.shape[1]:
        raise ValueError(
            f"shape must be that of a descriptor of {means.shape[1]} columns, got {sides}, which has {np.prod(sides)}"
        )
    sides = sides[:2] if sides[2:] == (1,) else sides
    low, high = means.min(), means.max()
    scaled = (means - low) / (high - low) if high > low else np.full_like(means, 0.5)
    return scaled.reshape(-1, *sides)
