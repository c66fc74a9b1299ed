"""Vectors that are computed one part at a time, in one array."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

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
    shape = (n_sets, first.shape[1])
    return written(itertools.chain([first], parts), shape, np.empty(shape, first.dtype))


def written(parts: Iterator[Floats], shape: tuple[int | None, int], out: Floats) -> Floats:
    """`out`, an array for all vectors, after they have been written to it; their number may be known before."""
    if not isinstance(out, np.ndarray) or out.ndim != 2 or out.dtype.kind != "f":
        got = f"shape {out.shape} and {out.dtype}" if isinstance(out, np.ndarray) else type(out).__name__
        raise TypeError(f"out must be an array of floats of shape (n_sets, n_features_out_), got {got}")
    n_sets, p = shape
    if out.shape != (len(out) if n_sets is None else n_sets, p):
        raise ValueError(f"out must have shape ({'n_sets' if n_sets is None else n_sets}, {p}), got {out.shape}")
    check_writeable(out)
    n = 0
    for vectors in parts:
        stop = n + len(vectors)
        if stop > len(out):
            raise ValueError(f"out must have shape (n_sets, {p}), with n_sets at least {stop}, got {out.shape}")
        put(out, slice(n, stop), vectors)
        n = stop
    if n < len(out):
        raise ValueError(f"out must have one row per set, {n}, got shape {out.shape}")
    return out


def check_writeable(out: Floats) -> None:
    """Raise an error if an array for vectors cannot be written to."""
    if not out.flags.writeable:
        raise ValueError("out must be an array that can be written to, got one that is read-only")


def put(out: Floats, rows: Any, vectors: Floats) -> None:
    """Write vectors to some rows of an array, whose type must hold their numbers."""
    try:
        with np.errstate(over="raise"):
            out[rows] = vectors
    except FloatingPointError as error:
        raise ValueError(
            f"out must be of a type that holds the vectors, got {out.dtype}: an entry is too large"
        ) from error
