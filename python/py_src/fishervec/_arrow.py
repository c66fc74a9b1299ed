"""Columns of lists of rows that Arrow can read, as flat values and offsets."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ._missing import Gaps, no_set
from ._types import Array


def is_column(x: Any) -> bool:
    """Whether `x` is a column that Arrow can read: one of pyarrow or polars, or of pandas with an Arrow type."""
    module, kind = type(x).__module__.partition(".")[0], type(getattr(x, "dtype", None)).__name__
    if module == "polars":
        # A column of Python objects is a list of them.
        return hasattr(x, "dtype") and str(x.dtype) != "Object"
    return module == "pyarrow" or (module == "pandas" and kind == "ArrowDtype")


def flat(column: Any, gaps: Gaps, what: str = "set") -> tuple[Array, Array]:
    """Flat values and offsets of a column, each entry of which is a list of rows, which are lists of numbers.

    Errors call an entry `what`. A number that is null is NaN.
    """
    import pyarrow as pa

    if not isinstance(column, pa.Array):
        chunks = pa.chunked_array(column) if not isinstance(column, pa.ChunkedArray) else column
        column = chunks.combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    if column.null_count:
        at = int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
        no_set(f"{what} {at}", "null", gaps)
    offsets, rows = _unlist(column, what)

    def row_of(i: int) -> str:
        of_set = int(np.searchsorted(offsets, i, side="right")) - 1
        return f"{what} {of_set}: row {i - int(offsets[of_set])}"

    _check_no_null(rows, row_of)
    starts, leaf = _unlist(rows, what)
    widths = np.unique(np.diff(starts))
    if len(widths) > 1:
        row = int(np.argmax(np.diff(starts) != starts[1] - starts[0]))
        raise ValueError(
            f"{row_of(row)} must have {starts[1] - starts[0]} numbers like the first row, "
            f"got {starts[row + 1] - starts[row]}"
        )
    # If there are no rows, only a type of fixed size tells how many columns there are.
    width = int(widths[0]) if len(widths) else int(getattr(rows.type, "list_size", 0))
    return leaf.to_numpy(zero_copy_only=False).reshape(len(starts) - 1, width), offsets


def _check_no_null(rows: Any, where: Callable[[int], str]) -> None:
    if rows.null_count:
        at = int(np.argmax(rows.is_null().to_numpy(zero_copy_only=False)))
        raise ValueError(f"{where(at)} must be a list, got null")


def _unlist(column: Any, what: str) -> tuple[Array, Any]:
    """Offsets and entries of an Arrow array of lists; a null is an empty list."""
    import pyarrow as pa

    is_list = pa.types.is_list(column.type) or pa.types.is_large_list(column.type)
    if not is_list and not pa.types.is_fixed_size_list(column.type):
        raise TypeError(f"{what}s must be a column of lists of rows of numbers, got {column.type}")
    if is_list:
        offsets = column.offsets.to_numpy().astype(np.int64)
        lengths = np.diff(offsets)
    else:
        lengths = np.full(len(column), column.type.list_size, dtype=np.int64)
    # `flatten` leaves out what is under a null, whatever the offsets say.
    lengths = np.where(column.is_valid().to_numpy(zero_copy_only=False), lengths, 0)
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), column.flatten()
