"""Sets in the record batches that an engine passes on: Spark, Ray, or any other whose columns are Arrow's."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from ._arrow import flat, is_list, matrix, one_set, rank_of
from ._missing import Gaps
from ._table_columns import Asked, Roles, roles_of
from ._tables import cast, kept
from ._types import Array


class SomeSets(NamedTuple):
    """The sets of a record batch, or its rows as one set, and the positions of their descriptors."""

    sets: Any
    positions: Any
    #: Whether each row of the batch is a set; otherwise it is a descriptor.
    set_per_row: bool
    #: The names of the columns, if each of them is one of the table's.
    names: list[str] | None = None


@contextmanager
def counted(first: int, names: Any = None) -> Iterator[None]:
    """Count sets in errors from `first` on, and name them."""

    def called(found: re.Match[str]) -> str:
        i = int(found[1])
        return f"set {first + i}" + ("" if names is None else f" ({names[i]})")

    try:
        yield
    except (TypeError, ValueError) as error:
        raise type(error)(re.sub(r"\bset (\d+)", called, str(error), count=1)) from error


class BatchReader:
    """The sets of record batches that come one after the other and have the same columns."""

    def __init__(self, asked: Asked, gaps: Gaps) -> None:
        self.asked, self.gaps = asked, gaps
        #: The number of rows that were read before this batch.
        self.first = 0
        #: The number type of the descriptors, once there was a batch.
        self.dtype: np.dtype[Any] | None = None
        self._roles: Roles | None = None

    def read(self, batch: Any) -> SomeSets:
        """The sets of the next batch; errors count rows from the first batch on."""
        batch = without_tensors(batch)
        names = batch.schema.names
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"record batch: the column {twice[0]} is there {len(twice)} times; columns: {names}")
        try:
            roles = roles_of(batch.schema, self.asked, "record batch")
        except ValueError as error:
            # The parameter of `open_sets` has another name.
            raise ValueError(str(error).replace("array=", "column=")) from error
        dtype = kept(batch, roles.descriptors)
        if _holds_nothing(batch[roles.descriptors[0]]):
            self.first += batch.num_rows
            return SomeSets((np.empty((0, 0)), np.zeros(batch.num_rows + 1, np.int64)), None, True)
        if self._roles is None:
            self._roles, self.dtype = roles, dtype
        if (roles, dtype) != (self._roles, self.dtype):
            names = ", ".join(self._roles.descriptors)
            raise TypeError(f"{names} must have one type in all record batches, got {self.dtype} and {dtype}")
        with counted(self.first):
            some = _sets_of_rows(batch, roles, self.gaps) if roles.set_per_row else self._one_set(batch, roles)
        self.first += batch.num_rows
        return some

    def _one_set(self, batch: Any, roles: Roles) -> SomeSets:
        def where(row: int) -> str:
            return f"row {self.first + row}"

        rows = cast(matrix(batch, roles.descriptors, where), kept(batch, roles.descriptors), where(0))
        positions = [matrix(batch, roles.positions, where)] if roles.positions else None
        is_list = len(roles.descriptors) == 1 and rank_of(batch.schema.field(roles.descriptors[0]).type)
        return SomeSets([rows], positions, False, None if is_list else roles.descriptors)


def _holds_nothing(column: Any) -> bool:
    """Whether lists are all empty, and no other batch says what they would hold."""
    import pyarrow as pa

    return is_list(column.type) and pa.types.is_null(column.type.value_type) and not len(column.flatten())


def _sets_of_rows(batch: Any, roles: Roles, gaps: Gaps) -> SomeSets:
    """The sets of a batch, each a row of it."""
    columns = [*roles.descriptors, *([] if roles.shape is None else [roles.shape])]
    dtype = kept(batch, roles.descriptors)
    positions = _lists(batch, roles.positions, ": positions", gaps) if roles.positions else None
    return SomeSets(_lists(batch, columns, "", gaps, dtype), positions, True)


def _lists(batch: Any, columns: list[str], what: str, gaps: Gaps, dtype: np.dtype[Any] | None = None) -> Any:
    """A column of lists of rows as (values, offsets), or flat lists and their shapes as arrays."""
    missing = batch[columns[0]].is_null().to_numpy(zero_copy_only=False)
    if missing.any() and gaps.missing != "empty":
        choice = ', or fit with missing="empty"' if gaps.chosen else ""
        raise ValueError(f"set {np.argmax(missing)}{what} must be a list, got null: leave the row out{choice}")

    def as_kept(values: Array, i: int) -> Array:
        return values if dtype is None else cast(values, dtype, f"set {i}")

    if len(columns) == 1:
        values, offsets = flat(batch[columns[0]], gaps, "set")
        return as_kept(values, 0), offsets
    nothing = np.empty((0, 0), dtype)
    return [
        nothing if is_missing else as_kept(one_set(batch.slice(i, 1), columns, f"set {i}{what}"), i)
        for i, is_missing in enumerate(missing)
    ]


# ---- columns of tensors that are not Arrow's own ---------------------------------------------------------


def without_tensors(batch: Any) -> Any:
    """The batch with lists of rows in place of Ray's tensors of shape (n, d), of one shape or of several."""
    import pyarrow as pa

    for i, field in enumerate(batch.schema):
        name = getattr(field.type, "extension_name", "")
        if name.startswith("ray.data."):
            columns = [*batch.columns]
            lists = _of_shapes if pa.types.is_struct(field.type.storage_type) else _of_one_shape
            columns[i] = lists(batch.column(i), field.name)
            batch = pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
    return batch


def _of_one_shape(column: Any, name: str) -> Any:
    import pyarrow as pa

    shape = tuple(column.type.shape)
    numbers, n = column.storage.flatten(), len(column)
    if column.null_count or len(shape) > 2 or len(numbers) != n * int(np.prod(shape)):
        raise TypeError(f"{name} must be tensors of shape (n, d), and none of them null, got {column.type}")
    rows = pa.FixedSizeListArray.from_arrays(numbers, shape[-1])
    return rows if len(shape) == 1 else pa.FixedSizeListArray.from_arrays(rows, shape[0])


def _of_shapes(column: Any, name: str) -> Any:
    import pyarrow as pa

    data, shapes = column.storage.flatten()
    sides = [(0, 0) if shape is None else tuple(shape) for shape in shapes.to_pylist()]
    widths = {side[1] for side in sides if len(side) == 2 and side[0]}
    if column.null_count or any(len(side) != 2 for side in sides) or len(widths) > 1:
        raise TypeError(f"{name} must be tensors of shape (n, d) with one d, and none of them null, got {sides[:9]}")
    offsets = np.concatenate([[0], np.cumsum([side[0] for side in sides])]).astype(np.int32)
    rows = pa.FixedSizeListArray.from_arrays(data.flatten(), max(widths, default=0))
    return pa.ListArray.from_arrays(pa.array(offsets), rows)


def empty(schema: Any) -> Any:
    """A record batch without rows."""
    import pyarrow as pa

    return pa.RecordBatch.from_arrays([pa.nulls(0, field.type) for field in schema], schema=schema)
