"""Frames of one column of sets, columns of lists of numbers, the index of a pandas column; no library is imported."""

import sys
from typing import Any

import numpy as np

from . import _arrow
from ._missing import is_missing
from ._types import Array

#: What an error about sets in one array says besides, if the array is a frame of several columns.
OF_FRAME = "; for a column of sets this column alone, such as x[[{name!r}]]"
#: What an error says about a column of lists of numbers.
OF_LISTS = (
    "{what}s must be several sets, got a column of {n} lists of numbers, each a descriptor: [x] if all are one set; "
    "fishervec.open_sets(table, groups=NAME) for several, with the column of the table that says whose each row is"
)


def column_of(X: Any) -> Any:
    """The column of a frame, or of an object array, that holds one column of sets; all else as it is.

    A table of numbers is not a column of sets: what it is remains to be seen.
    """
    shape, column = getattr(X, "shape", None), None
    if not isinstance(shape, tuple) or len(shape) != 2 or shape[1] != 1:
        return X
    if is_frame(X):
        (column,) = columns_of(X)
    elif isinstance(X, np.ndarray) and X.dtype == object:
        column = X[:, 0]
    return X if column is None or not _holds_sets(column) else column


def columns_of(frame: Any) -> list[Any]:
    """The columns of a frame: of pandas, of polars, or of Arrow."""
    if hasattr(frame, "iloc"):
        return [frame.iloc[:, i] for i in range(frame.shape[1])]
    return list(frame.get_columns() if hasattr(frame, "get_columns") else frame.columns)


def check_no_sets(x: Any, what: str = "descriptors must be") -> None:
    """Raise an error if a frame of several columns, which is to be descriptors, has a column of sets among them."""
    if is_frame(x) and x.shape[1] > 1 and any(map(_holds_sets, columns_of(x))):
        raise ValueError(f"{what} numbers, got a frame with a column of sets{cure_of_frame(x)}")


def is_frame(x: Any) -> bool:
    """Whether `x` is a frame of pandas or polars, or a table of Arrow."""
    return hasattr(x, "columns") and hasattr(x, "shape") and len(x.shape) == 2


def cure_of_frame(x: Any) -> str:
    """What else a frame of several columns may be meant as; nothing for all that is not one."""
    if not is_frame(x) or x.shape[1] < 2:
        return ""
    names, columns = list(getattr(x, "column_names", x.columns)), columns_of(x)
    lists = [name for name, column in zip(names, columns, strict=True) if lists_of(column) is not None]
    if not lists:
        sets = [name for name, column in zip(names, columns, strict=True) if _holds_sets(column)]
        return OF_FRAME.format(name=(sets or names)[0])
    key = next((name for name in names if name not in lists), "slide_id")
    return (
        f"; each row of {lists[0]} is a descriptor: [x[{lists[0]!r}]] if all are one set; "
        f"fishervec.open_sets(x, groups=NAME) for several, with a column that says whose each row is, such as {key}"
    )


# ---- columns of lists of numbers -------------------------------------------------------------------------


def lists_of(x: Any) -> Any:
    """The column of lists of numbers, each a row, that `x` is, or that is its only column; None if there is none."""
    if type(x) is np.ndarray or isinstance(x, list | tuple):
        return None
    if is_frame(x):
        return lists_of(columns_of(x)[0]) if x.shape[1] == 1 else None
    if _arrow.is_column(x):
        return x if _arrow.rank_of(_arrow.type_of(x)) == 1 else None
    if index_of(x) is None or getattr(x, "dtype", None) != np.dtype(object):
        return None
    # An empty list may be an empty set.
    there = next((row for row in x if not is_missing(row) and np.size(row)), None)
    is_row = isinstance(there, list | tuple) and np.ndim(there[0]) == 0 and not isinstance(there[0], str)
    return x if is_row or getattr(there, "ndim", 0) == 1 else None


def rows_of(x: Any, where: str) -> Any:
    """The rows of a column of lists as an array, shape (n, d); all else as it is."""
    column = lists_of(x)
    if column is None:
        return x
    if _arrow.is_column(column):
        return _arrow.rows_of(column, where)
    rows = [None if is_missing(row) else np.asarray(row) for row in column]
    for i, row in enumerate(rows):
        if row is None or row.shape != rows[0].shape:  # type: ignore[union-attr]
            got = "a missing one" if row is None else f"{row.size} numbers"
            raise ValueError(f"{where}: row {i} must be a list of numbers like row 0, got {got}")
    return np.stack(rows)  # type: ignore[arg-type]


def _holds_sets(column: Any) -> bool:
    """Whether the entries of a column are arrays, or lists, or missing, and not numbers."""
    kind = str(getattr(column, "dtype", getattr(column, "type", "object"))).lower()
    if kind != "object":
        return kind.startswith(("list", "large_list", "fixed_size_list", "array"))
    there = next((x for x in column if not is_missing(x)), None)
    return there is None or isinstance(there, list | tuple) or getattr(there, "ndim", 0) > 0 or is_frame(there)


# ---- pandas' index ---------------------------------------------------------------------------------------


def index_of(x: Any) -> Any:
    """The index of a pandas column or frame; None for all else."""
    return x.index if type(x).__module__.partition(".")[0] == "pandas" and hasattr(x, "index") else None


def check_index(X: Any, other: Any, where: str, what: str) -> None:
    """Raise an error if two pandas objects have the same labels in another order: it could be meant two ways."""
    labels, others = index_of(X), index_of(other)
    if labels is None or others is None or len(labels) != len(others) or labels.equals(others):
        return
    if labels.symmetric_difference(others, sort=False).empty:
        raise ValueError(
            f"{where} must have the index of {what} in the same order, got its labels in another order: for the order "
            f"of labels pass {where.split()[0]}.reindex(x.index), for the order of rows {where.split()[0]}.to_numpy()"
        )


def check_indices(X: Any, other: Any, name: str) -> None:
    """Check the indices of weights or positions against those of the sets: of the columns, and of each set."""
    check_index(X, other, name, "the sets")
    if isinstance(X, tuple) and len(X) == 2:
        check_index(X[0], other[0] if isinstance(other, tuple) else other, name, "the values")
    if not isinstance(X, list | tuple) or not isinstance(other, list | tuple) or len(X) != len(other):
        return
    for i, (x, y) in enumerate(zip(X, other, strict=True)):
        if type(x) is not np.ndarray and type(y) is not np.ndarray:
            check_index(x, y, f"{name} of set {i}", f"set {i}")


def like(X: Any, sets: list[Array]) -> Any:
    """`sets` as a pandas column, or frame of one column, with the index and the name of `X`; for all else the list."""
    labels = index_of(X)
    if labels is None:
        return sets
    objects = np.empty(len(sets), dtype=object)
    for i, x in enumerate(sets):
        objects[i] = x
    pandas = sys.modules["pandas"]
    if len(X.shape) == 1:
        return pandas.Series(objects, index=labels, name=X.name)
    return pandas.DataFrame({X.columns[0]: objects}, index=labels)
