"""Vectors that are computed one part at a time, in one array."""

import itertools
from collections.abc import Callable, Iterator

import numpy as np

from ._types import Floats


def collected(parts: Iterator[Floats], n_sets: int | None, nothing: Callable[[], Floats]) -> Floats:
    """All vectors, of `n_sets` sets if their number is known; `nothing` makes the array of no sets."""
    first = next(parts, None)
    if first is None:
        return nothing()
    if n_sets is None or len(first) == n_sets:
        rest = list(parts)
        return np.concatenate([first, *rest]) if rest else first
    return written(itertools.chain([first], parts), np.empty((n_sets, first.shape[1]), first.dtype))


def written(parts: Iterator[Floats], out: Floats) -> Floats:
    """`out`, an array for all vectors, after they have been written to it."""
    if not isinstance(out, np.ndarray) or out.ndim != 2 or out.dtype.kind != "f":
        got = f"shape {out.shape} and {out.dtype}" if isinstance(out, np.ndarray) else type(out).__name__
        raise TypeError(f"out must be an array of floats of shape (n_sets, n_features_out_), got {got}")
    n = 0
    for vectors in parts:
        stop = n + len(vectors)
        if stop > len(out) or vectors.shape[1] != out.shape[1]:
            raise ValueError(
                f"out must have shape (n_sets, {vectors.shape[1]}), with n_sets at least {stop}, got {out.shape}"
            )
        np.copyto(out[n:stop], vectors, casting="same_kind")
        n = stop
    if n < len(out):
        raise ValueError(f"out must have one row per set, {n}, got shape {out.shape}")
    return out
