"""Columns of lists of numbers, and of lists of such lists, that Arrow can read, as arrays."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._missing import STRICT, Gaps, no_set
from ._types import Array


def is_column(x: Any) -> bool:
    """Whether `x` is a column that Arrow can read: one of pyarrow or polars, or of pandas with an Arrow type."""
    module, kind = type(x).__module__.partition(".")[0], type(getattr(x, "dtype", None)).__name__
    if module == "polars":
        # A column of Python objects is a list of them.
        return hasattr(x, "dtype") and str(x.dtype) != "Object"
    return (module == "pyarrow" and hasattr(x, "type")) or (module == "pandas" and kind == "ArrowDtype")


def flat(column: Any, gaps: Gaps, what: str = "set") -> tuple[Array, Array]:
    """Flat values and offsets of a column, each entry of which is a list of rows, which are lists of numbers.

    Errors call an entry `what`. A number that is null is NaN.
    """
    column = _whole(column)
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


def type_of(column: Any) -> Any:
    """The Arrow type of a column of pyarrow, polars or pandas."""
    if type(column).__module__.partition(".")[0] == "polars":
        return column.head(0).to_arrow().type
    return getattr(column.dtype, "pyarrow_dtype", None) if hasattr(column, "dtype") else column.type


def rows_of(column: Any, where: str) -> Array:
    """The rows of a column, each of which is a list of numbers; an error begins with `where` and the row."""
    return _rows(_whole(column), lambda row: f"{where}: row {row}")


def _whole(column: Any) -> Any:
    """A column as one array of Arrow."""
    import pyarrow as pa

    if isinstance(column, pa.Array):
        return column
    chunks = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array(column)
    whole = chunks.combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = pa.concat_arrays(whole.chunks) if whole.num_chunks else pa.array([], whole.type)
    return whole


def _check_no_null(rows: Any, where: Callable[[int], str]) -> None:
    if rows.null_count:
        at = int(np.argmax(rows.is_null().to_numpy(zero_copy_only=False)))
        raise ValueError(f"{where(at)} must be a list, got null")


def _unlist(column: Any, what: str) -> tuple[Array, Any]:
    """Offsets and entries of an Arrow array of lists; a null is an empty list."""
    import pyarrow.compute as pc

    column = plain(column)
    if not is_list(column.type):
        cure = "; if rows of d numbers were flattened, np.asarray(x).reshape(-1, d)" if _is_number(column.type) else ""
        raise TypeError(f"{what}s must be a column of lists of rows of numbers, got {column.type}{cure}")
    # `flatten` leaves out what is under a null, whatever the offsets say.
    lengths = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), column.flatten()


def plain(column: Any) -> Any:
    """A column of tensors as one of lists; all else as it is."""
    import pyarrow as pa

    kind = column.type
    if isinstance(kind, pa.FixedShapeTensorType):
        if kind.permutation not in (None, sorted(kind.permutation or ())):
            raise TypeError(f"tensors must have their axes in the order of the rows, got {kind}")
        column = column.storage
        if len(kind.shape) == 1:
            return column
        if column.null_count or len(kind.shape) > 2:
            raise TypeError(f"tensors must be of shape (n, d), and none of them null, got {kind}")
        rows = pa.FixedSizeListArray.from_arrays(column.flatten(), kind.shape[1])
        return pa.FixedSizeListArray.from_arrays(rows, kind.shape[0])
    if isinstance(kind, pa.BaseExtensionType):
        return plain(column.storage)
    return column


# ---- batches of a table ----------------------------------------------------------------------------------


def rank_of(kind: Any) -> int | None:
    """How many lists a type has around its numbers: 0 of a number, 1 of a list of numbers; None of all else."""
    import pyarrow as pa

    if isinstance(kind, pa.FixedShapeTensorType):
        return len(kind.shape)
    if isinstance(kind, pa.BaseExtensionType):
        return rank_of(kind.storage_type)
    if is_list(kind):
        inner = rank_of(kind.value_type)
        return None if inner is None else inner + 1
    # All values of a column of the type null are missing.
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)
    return 0 if is_number else None


def is_list(kind: Any) -> bool:
    """Whether a type is one of the lists of Arrow."""
    import pyarrow as pa

    tests = ("is_list", "is_large_list", "is_fixed_size_list", "is_list_view", "is_large_list_view")
    return any(getattr(pa.types, test)(kind) for test in tests)


def number_type(kind: Any) -> np.dtype[Any]:
    """The number type of a column of numbers, of lists of numbers, or of lists of such lists."""
    import pyarrow as pa

    while not _is_number(kind):
        kind = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind.value_type
    return np.dtype(np.float64 if pa.types.is_null(kind) else kind.to_pandas_dtype())


def list_size(kind: Any) -> int:
    """How many numbers each list of a column has, if its type says it; else 0."""
    import pyarrow as pa

    if isinstance(kind, pa.FixedShapeTensorType):
        return int(kind.shape[-1])
    return int(getattr(kind, "list_size", 0))


def _is_number(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind))


def matrix(batch: Any, columns: Sequence[str], where: Callable[[int], str]) -> Array:
    """The rows of a batch, each a list or numbers in several columns; `where` names a row in errors."""
    if len(columns) > 1 or _is_number(batch[columns[0]].type):
        numbers = [batch[name].to_numpy(zero_copy_only=False) for name in columns]
        stacked: Array = np.column_stack(numbers) if batch.num_rows else np.empty((0, len(columns)))
        return stacked
    return _rows(batch[columns[0]], where)


def _rows(column: Any, where: Callable[[int], str]) -> Array:
    _check_no_null(column, where)
    starts, leaf = _unlist(column, "row")
    lengths = np.diff(starts)
    if len(lengths) and (lengths != lengths[0]).any():
        row = int(np.argmax(lengths != lengths[0]))
        raise ValueError(f"{where(row)} must have {lengths[0]} numbers like the rows before it, got {lengths[row]}")
    width = int(lengths[0]) if len(lengths) else int(getattr(column.type, "list_size", 0))
    values: Array = leaf.to_numpy(zero_copy_only=False).reshape(len(lengths), width)
    return values


def one_set(batch: Any, columns: Sequence[str], where: str) -> Array:
    """The set in the one row of a batch: a list of rows, or a flat list and its shape."""
    values = batch[columns[0]]
    if values.null_count:
        raise ValueError(f"{where} must be a list, got null: leave the row out")
    if len(columns) == 1:
        return flat(values, STRICT, where)[0]
    shape = batch[columns[1]][0].as_py()
    numbers: Array = _unlist(values, where)[1].to_numpy(zero_copy_only=False)
    if shape is None or len(shape) != 2 or None in shape or min(shape) < 0 or shape[0] * shape[1] != len(numbers):
        raise ValueError(f"{where} must have a shape (n, d) of its {len(numbers)} numbers, got {shape}")
    return numbers.reshape(shape)


def lengths_of(batch: Any, columns: Sequence[str], where: Callable[[int], str]) -> Array:
    """The number of rows of the set in each row of a batch: of its list, or of its shape; `where` names a set."""
    lists = batch[columns[-1]]
    if len(columns) == 1:
        if lists.null_count:
            at = int(np.argmax(lists.is_null().to_numpy(zero_copy_only=False)))
            raise ValueError(f"{where(at)} must be a list, got null: leave the row out")
        return np.diff(_unlist(lists, "set")[0])
    offsets, sides = _unlist(lists, "shape")
    sides = sides.fill_null(-1).to_numpy(zero_copy_only=False)
    is_right = (np.diff(offsets) == 2).all() and (sides >= 0).all()
    if not is_right:
        for at, shape in enumerate(lists.to_pylist()):
            if shape is None or len(shape) != 2 or None in shape or min(shape) < 0:
                raise ValueError(f"{where(at)} must have a shape (n, d) of its numbers, got {shape}")
    lengths: Array = sides[::2].astype(np.int64)
    return lengths
