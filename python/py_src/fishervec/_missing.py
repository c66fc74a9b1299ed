"""Sets and numbers that are not there: None for a set, padding after its last row, masked values.

One rule each, whatever form the sets have: a set that is missing is an error or an empty set, as `missing` says; a
masked value and a null are NaN; rows of NaN at the end of a set are padding if `padding` says so.
"""

from typing import Any, NamedTuple

import numpy as np

from ._batch import Batch
from ._types import Array


class Gaps(NamedTuple):
    """What a call does about sets and rows that are not there."""

    missing: str = "error"
    padding: str | None = None
    #: Whether the caller has the parameters `missing` and `padding`, which errors then name as a cure.
    chosen: bool = False


#: A call of no estimator with these parameters.
STRICT = Gaps()


def gaps_of(estimator: Any) -> Gaps:
    """The parameters `missing` and `padding` of an estimator, checked."""
    # Pickles of an earlier version have neither.
    missing, padding = getattr(estimator, "missing", "error"), getattr(estimator, "padding", None)
    if missing not in ("error", "empty"):
        raise ValueError(f"missing must be 'error' or 'empty', got {missing!r}")
    if padding not in (None, "nan"):
        raise ValueError(f"padding must be None or 'nan', got {padding!r}")
    return Gaps(missing, padding, True)


# ---- missing sets ----------------------------------------------------------------------------------------


def is_missing(x: Any) -> bool:
    """Whether `x` is what stands for a set that is not there: None, a NaN, pandas' NA or NaT, a masked entry."""
    if x is None or x is np.ma.masked:
        return True
    if isinstance(x, np.ndarray):
        return x.ndim == 0 and is_missing(x.item())
    if isinstance(x, float | np.floating):
        return bool(np.isnan(x))
    return type(x).__name__ in ("NAType", "NaTType")


def no_set(where: str, got: Any, gaps: Gaps) -> Array:
    """An empty set in place of one that is missing, or an error that names it."""
    if gaps.missing == "empty":
        return np.empty(0)
    choice = ', or write missing="empty"' if gaps.chosen else ""
    raise ValueError(
        f"{where} must be an array of shape (n, d), got {got}: "
        f"for a set without descriptors pass np.empty((0, d)){choice}"
    )


# ---- missing numbers -------------------------------------------------------------------------------------


def unmasked(x: Any) -> Any:
    """`x` with NaN for each masked value; all else as it is."""
    if not isinstance(x, np.ma.MaskedArray):
        return x
    if not np.ma.is_masked(x):
        return x.data
    # uint8 is computed with as float32, and all other types that are not floats as float64.
    kind = x.dtype if x.dtype.kind in "fc" else np.float32 if x.dtype == np.uint8 else np.float64
    return np.ma.filled(x.astype(kind), np.nan)


def lengths_without_padding(batch: Batch, gaps: Gaps) -> Array | None:
    """The number of rows of each set before its padding; None if no set has padding."""
    if gaps.padding is None:
        return None
    lengths = np.array([_length(x) for x in batch.arrays()], dtype=np.int64)
    return None if np.array_equal(lengths, batch.sizes) else lengths


def _length(x: Array) -> int:
    """The number of rows up to the last one that is not all NaN."""
    if x.dtype.kind != "f" or not len(x) or not np.isnan(x[-1]).all():
        return len(x)
    there = ~np.isnan(x).all(axis=1)
    return int(np.flatnonzero(there)[-1]) + 1 if there.any() else 0


def cut(batch: Batch, lengths: Array | None) -> Batch:
    """The first rows of each set, so many as `lengths` says; without a copy of the descriptors."""
    if lengths is None:
        return batch
    weights = batch.weights
    if weights is not None:
        parts = np.split(weights, np.cumsum(batch.sizes)[:-1])
        weights = np.concatenate([part[:n] for part, n in zip(parts, lengths, strict=True)])
    values = [x[:n] for x, n in zip(batch.arrays(), lengths, strict=True)]
    return Batch(values, None, weights, batch.n_positions)
