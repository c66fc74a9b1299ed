"""Vectors as points of a plane: of their strongest directions, or the one in which the means of labels differ most."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import PCA

from ._missing import is_missing
from ._shown import array


class Plane(NamedTuple):
    """Points of shape (n, 2), and what they show."""

    points: NDArray[np.float64]
    #: The share of the variance of all vectors along each axis.
    shares: tuple[float, float]
    #: The distinct labels, and the number of the label of each point, -1 for one without.
    names: list[str]
    codes: NDArray[np.int64]
    #: What the plane is that of.
    words: str


def plane_of(vectors: ArrayLike, labels: Any = None) -> Plane:
    """The plane of these vectors, with labels or without."""
    x = array("vectors", vectors, "(n_sets, P)")
    if x.ndim != 2 or not x.size:
        raise ValueError(f"vectors must be of shape (n_sets, P), with one set at least, got shape {x.shape}")
    names, codes = _labels(labels, len(x))
    # In the unit of the largest number, whose square is finite.
    scale = np.abs(x).max() or 1.0
    centred = x / scale - (x / scale).mean(axis=0)
    axes = np.empty((0, x.shape[1]))
    words = "the strongest directions"
    if len(names) > 1:
        means = np.stack([centred[codes == i].mean(axis=0) for i in range(len(names))])
        axes = _strongest(means - means.mean(axis=0))
        words = "their means"
    # Two labels have one direction: the strongest one beside it completes the plane.
    rest = centred - centred @ axes.T @ axes
    axes = np.concatenate([axes, _strongest(rest)])[:2]
    points = np.zeros((len(x), 2))
    points[:, : len(axes)] = centred @ axes.T
    total = float((centred**2).sum())
    shares = (points**2).sum(axis=0) / total if total else np.zeros(2)
    return Plane(points * scale, (float(shares[0]), float(shares[1])), names, codes, words)


def _labels(labels: Any, n: int) -> tuple[list[str], NDArray[np.int64]]:
    """The distinct labels in their order, and the number of each set's."""
    if labels is None:
        return [], np.full(n, -1)
    given = list(labels) if np.ndim(labels) == 1 else None
    if given is None or len(given) != n:
        got = f"{len(given)} labels" if given is not None else f"shape {np.shape(labels)}"
        raise ValueError(f"labels must be of shape ({n},), one per vector, got {got}")
    there = [x for x in given if not is_missing(x)]
    try:
        distinct = sorted(set(there))
    except TypeError:
        # Numbers and text, say, which have no order of their own.
        distinct = sorted(set(there), key=str)
    numbers = {label: i for i, label in enumerate(distinct)}
    return [str(label) for label in distinct], np.array([-1 if is_missing(x) else numbers[x] for x in given])


def _strongest(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two directions at most, each a row of norm 1 along which rows that have mean 0 differ."""
    n = min(2, *centred.shape)
    if not np.abs(centred).max() > 1e-12:
        return np.empty((0, centred.shape[1]))
    pca = PCA(n, random_state=0).fit(centred)
    return np.asarray(pca.components_[pca.singular_values_ > 1e-9 * pca.singular_values_[0]])
