"""Positions of descriptors that are given apart, and a test of columns that are said to be positions."""

import itertools
from typing import Any

import numpy as np

from . import _checks as check
from ._batch import Batch
from ._fishervec import are_like_the_others
from ._types import Array

#: Position columns are compared with the others on about so many rows.
ROWS = 4096
#: The largest error of positions in float32 as a fraction of their range.
LOST = 0.01


def appended(batch: Batch, positions: Batch) -> Batch:
    """The sets with their positions as the last columns, in the float type that the descriptors are computed in."""
    _check_sizes(batch, positions)
    pairs = list(zip(batch.arrays(), positions.arrays(), strict=True))
    # Zeros may be the end of a descriptor, too.
    if any(p.any() for _, p in pairs) and all(_ends_with(x, p) for x, p in pairs):
        raise ValueError(
            "sets must not end with their positions if these are given apart, got last columns that equal them: "
            "give positions=, or position_columns= for columns of the sets, not both"
        )
    if pairs and pairs[0][0].dtype != np.float64:
        _check_precision(positions)
    n_positions = positions.dim or 0
    if batch.offsets is not None and positions.offsets is not None:
        return Batch(_beside(batch.values, positions.values), batch.offsets, None, n_positions)
    return Batch([_beside(x, p) for x, p in pairs], None, None, n_positions)


def _check_sizes(batch: Batch, positions: Batch) -> None:
    if len(positions) != len(batch):
        raise ValueError(f"positions must be those of {len(batch)} sets, got {len(positions)}")
    width = positions.dim
    for i, (n, p) in enumerate(zip(batch.sizes, positions.arrays(), strict=True)):
        if len(p) != n:
            raise ValueError(f"set {i}: positions must have {n} rows, one per descriptor, got {len(p)}")
        if p.shape[1] != width:
            raise ValueError(f"set {i}: positions must have {width} columns as in set 0, got {p.shape[1]}")


def _ends_with(x: Array, positions: Array) -> bool:
    """Whether the last columns of a set are its positions."""
    n = positions.shape[1]
    if x.dtype.kind == "f":
        positions = positions.astype(x.dtype)
    return len(x) == 0 or (0 < n < x.shape[1] and np.array_equal(x[:, -n:], positions))


def _check_precision(positions: Batch) -> None:
    """Raise an error if float32 cannot tell positions apart, as for the times of a clock that began long ago."""
    rows = np.concatenate([*positions.arrays()]).astype(np.float64)
    rows = rows[np.isfinite(rows).all(axis=1)]
    if not len(rows):
        return
    with np.errstate(over="ignore"):
        lost = np.abs(rows - rows.astype(np.float32)).max(axis=0)
    extent = np.ptp(rows, axis=0)
    bad = (extent > 0) & (lost > LOST * extent)
    if bad.any():
        column = int(np.argmax(bad))
        low, high = rows[:, column].min(), rows[:, column].max()
        raise ValueError(
            f"positions must differ in float32, the type that these descriptors are computed in, got column {column} "
            f"from {low} to {high}: subtract the smallest value, or pass float64 descriptors"
        )


def _beside(x: Any, positions: Any) -> Array:
    kind = np.float64 if x.dtype == np.float64 else np.float32
    return np.concatenate([x, positions], axis=1, dtype=kind, casting="unsafe")


def check_given(n_given: int, n_fitted: int, n_columns: int) -> None:
    """Raise an error unless positions are given to `transform` as they were to `fit`.

    `n_given` and `n_fitted` are the numbers of columns that were given apart, 0 for none; `n_columns` is the number
    of position columns of the fit.
    """
    if n_given == n_fitted:
        return
    if not n_given:
        raise ValueError(
            "positions must be given as in fit, got None: "
            f"pass positions=, one array of shape (n_i, {n_fitted}) per set"
        )
    if n_fitted:
        raise ValueError(f"positions must have {n_fitted} columns as in fit, got {n_given}")
    cure = (
        f"append them to the sets, whose last {n_columns} columns were positions in fit"
        if n_columns
        else "fit with positions=, too, or leave them out"
    )
    raise ValueError(f"positions must be None, since the encoder was fitted without positions=, got some: {cure}")


def n_position_columns(position_columns: int, n_given: int) -> int:
    """The number of position columns, of which `n_given` were given apart; the parameter may be 0 or this number."""
    if n_given and position_columns not in (0, n_given):
        raise ValueError(
            f"position_columns must be 0 or {n_given}, the number of columns of positions=, got {position_columns}: "
            "give positions of all columns in positions=, or all as the last columns of the sets"
        )
    return n_given or position_columns


# ---- columns that do not look like positions -------------------------------------------------------------


def warn_of_lookalikes(batch: Batch, n_positions: int) -> None:
    """Warn if the last columns, which are said to be positions, are distributed like all others (docs/sets.md)."""
    if any(x.shape[1] != batch.dim for x in batch.arrays()):
        return
    if are_like_the_others(_some_rows(batch), n_positions):
        check.warn(
            f"the last {n_positions} columns, which position_columns={n_positions} calls positions, are distributed "
            "like the other columns: give positions that the sets do not hold by positions=, one array of shape "
            '(n_i, L) per set. If the columns are positions, filter this warning by the words "are distributed like"'
        )


def _some_rows(batch: Batch) -> Array:
    """Rows of all sets, evenly."""
    total = int(batch.sizes.sum())
    step = max(1, total // ROWS)
    if isinstance(batch.values, np.ndarray):
        return batch.values[::step].astype(np.float64)
    # Row numbers count over all sets, so that many small sets are sampled as well.
    starts = itertools.accumulate(batch.sizes.tolist(), initial=0)
    parts = [x[-start % step :: step] for start, x in zip(starts, batch.values, strict=False)]
    return np.concatenate(parts).astype(np.float64) if parts else np.empty((0, 0))
