"""Parquet, Arrow IPC and csv as sets: a set per row, or a descriptor per row with a column that says whose it is."""

import os
import re
import threading
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ._arrow import lengths_of, list_size, matrix, number_type, one_set, rank_of
from ._csv import CsvTable
from ._grouped import Coded, Grouped, Rows, Runs, plain
from ._pieces import ArrowTable, ParquetTable, Table
from ._reading import Reader
from ._sets import KEPT
from ._table_columns import Asked, Roles, roles_of
from ._table_of import table_of
from ._types import Array

#: The endings of files of tables, and how they are read.
KINDS: dict[str, tuple[tuple[str, ...], type[Table]]] = {
    "parquet": ((".parquet", ".pq"), ParquetTable),
    "arrow": ((".arrow", ".feather", ".ipc"), ArrowTable),
    "csv": ((".csv", ".tsv", ".csv.gz", ".tsv.gz"), CsvTable),
}
#: Labels that are numbers, of which 007 is none, and what they become.
FORMS: tuple[tuple[re.Pattern[str], type], ...] = (
    (re.compile(r"0|-?[1-9][0-9]*"), int),
    (re.compile(r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?"), float),
)


def open_parquet(
    path: Any,
    *,
    column: str | Sequence[str] | None = None,
    groups: str | bool | None = None,
    labels: str | bool | None = None,
    id: str | bool | None = None,
    positions: str | Sequence[str] | bool | None = None,
) -> Reader:
    """The sets of Parquet: a file, a folder of files, several of them, a ParquetFile, a dataset, or a table.

    `column` are the descriptors: a column of lists, a pattern or the names of columns of numbers. `groups` says which
    rows are one set; where each row is a set, of what it is a part. False stands for none of a role.
    """
    return _opened("parquet", path, Asked(column, groups, labels, id, positions))


def open_arrow(path: Any, **asked: Any) -> Reader:
    """The same of Arrow IPC files: feather version 2."""
    return _opened("arrow", path, Asked(**asked))


def open_csv(path: Any, **asked: Any) -> Reader:
    """The same of csv and tsv files, whose rows are descriptors."""
    return _opened("csv", path, Asked(**asked))


def _opened(kind: str, path: Any, asked: Asked) -> Reader:
    table = table_of(path, *KINDS[kind])
    roles = roles_of(table.schema, asked, table.paths[0])
    if roles.set_per_row:
        return RowSets(table, roles)
    rows = TableRows(table, roles.descriptors)
    positions = TableRows(table, roles.positions) if roles.positions else None
    sets = Grouped(rows, _runs(table.as_written(), roles), positions)
    if table.is_text and sets.labels is not None:
        sets.labels = numbers_of(sets.labels)
    return sets


def _runs(table: Table, roles: Roles) -> Runs:
    """Which row is whose: read from the columns of keys and labels alone, or by files."""
    runs = Runs()
    names = list(dict.fromkeys(name for name in (roles.groups, roles.labels) if name is not None))
    stems = _stems(table.paths)
    if roles.groups is None:
        _check_differ(stems, table.paths)
    for i, piece in enumerate(table.pieces):
        if not names:
            runs.add(Coded([stems[piece.file]], np.zeros(piece.rows, np.int64)))
            continue
        for _, batch in table.batches(names, i):
            labels = None if roles.labels is None else coded(batch[roles.labels])
            if roles.groups is None:
                keys = Coded([stems[piece.file]], np.zeros(batch.num_rows, np.int64))
            else:
                keys = coded(batch[roles.groups])
            runs.add(keys, labels)
    if roles.groups is None:
        for stem in stems:
            # A file without rows is an empty set.
            runs.add_empty(stem)
    return runs


def _stems(paths: Sequence[str]) -> list[str]:
    """The names of files without what they have in common: their folder and their endings."""
    if len(paths) == 1:
        return [_without_ending(os.path.basename(paths[0]))]
    full = [os.path.abspath(path) for path in paths]
    folder = os.path.commonpath([os.path.dirname(path) for path in full])
    return [_without_ending(os.path.relpath(path, folder)) for path in full]


def _check_differ(stems: Sequence[str], paths: Sequence[str]) -> None:
    """An error if files that are a set each have one name, such as a.csv and a.tsv."""
    first: dict[str, str] = {}
    for stem, path in zip(stems, paths, strict=True):
        if (other := first.setdefault(stem, path)) != path:
            raise ValueError(f"each file is a set, but {other} and {path} have the same name, {stem}: rename one")


def _without_ending(path: str) -> str:
    endings = [ending for ends, _ in KINDS.values() for ending in ends]
    ending = max((ending for ending in endings if path.lower().endswith(ending)), key=len, default="")
    return Path(path[: len(path) - len(ending)]).as_posix()


class Cursor:
    """Batches of some columns of a table from any row on; one is held, and the next one is the cheapest to get."""

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        self.table, self.columns = table, list(columns)
        self._bounds = table.bounds
        self._lock = threading.Lock()
        self._forget()

    def __getstate__(self) -> dict[str, Any]:
        return {"table": self.table, "columns": self.columns}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def _forget(self) -> None:
        self._piece, self._first, self._batch = -1, 0, None
        self._batches: Iterator[tuple[int, Any]] = iter(())

    def at(self, row: int) -> tuple[int, Any]:
        """The batch that holds a row, and the number of its first row."""
        with self._lock:
            return self._at(row)

    def _at(self, row: int) -> tuple[int, Any]:
        piece = int(np.searchsorted(self._bounds, row, "right")) - 1
        if piece != self._piece or row < self._first:
            self._forget()
            self._piece, self._batches = piece, self.table.batches(self.columns, piece)
        while self._batch is None or row >= self._first + self._batch.num_rows:
            try:
                self._first, self._batch = next(self._batches)
            except StopIteration:
                path = self.table.path_of(row)
                self._forget()
                raise ValueError(f"{path}: row {row} is not there: the file has changed since it was opened") from None
        return self._first, self._batch


class TableRows(Rows):
    """Rows of descriptors in a column of lists, or in several columns of numbers."""

    def __init__(self, table: Table, columns: Sequence[str]) -> None:
        self.table, self.columns = table, list(columns)
        self._cursor = Cursor(table, columns)
        self.n = int(table.bounds[-1])
        self.dtype = kept(table, self.columns)
        # The first row says how many columns there are.
        self.dim = self._matrix(self._cursor.at(0)[1].slice(0, 1), 0).shape[1] if self.n else self._dim()

    def _dim(self) -> int:
        """The number of columns, if there are no rows: 0 if only they could tell it."""
        kind = self.table.schema.field(self.columns[0]).type
        return list_size(kind) if rank_of(kind) else len(self.columns)

    def _matrix(self, batch: Any, first: int) -> Array:
        def where(row: int) -> str:
            return f"{self.table.path_of(first + row)}: row {first + row}"

        rows = matrix(batch, self.columns, where)
        if rows.shape[1] != getattr(self, "dim", rows.shape[1]):
            raise ValueError(f"{where(0)} must have {self.dim} numbers like row 0, got {rows.shape[1]}")
        return cast(rows, self.dtype, where(0))

    def read(self, start: int, stop: int) -> Array:
        parts = []
        while start < stop:
            first, batch = self._cursor.at(start)
            part = batch.slice(start - first, stop - start)
            parts.append(self._matrix(part, start))
            start += part.num_rows
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.empty((0, self.dim), self.dtype)

    def blocks(self) -> Iterator[tuple[int, Array]]:
        for first, batch in self.table.batches(self.columns):
            yield first, self._matrix(batch, first)


class RowSets(Reader):
    """Sets that are rows of a table each: lists of rows, or flat lists and their shapes."""

    def __init__(self, table: Table, roles: Roles) -> None:
        self.table = table
        self._columns = [*roles.descriptors, *([] if roles.shape is None else [roles.shape])]
        self._places = Cursor(table, roles.positions) if roles.positions else None
        self._cursor = Cursor(table, self._columns)
        n = int(table.bounds[-1])
        beside = _beside(table, roles.beside())
        self.names = [str(i) for i in range(n)] if roles.id is None else _names(beside[roles.id], roles.id)
        self.labels = None if roles.labels is None else beside[roles.labels]
        self.groups = None if roles.groups is None else beside[roles.groups]
        self.dtype = kept(table, roles.descriptors)
        self.dim = self._dim()

    def _dim(self) -> int:
        """The number of columns: of the first set that has rows, or a type of fixed size."""
        return next((d for d in (self._set(i).shape[1] for i in range(len(self.names))) if d), 0)

    def _set(self, i: int) -> Array:
        first, batch = self._cursor.at(i)
        return self._of_row(batch, i - first, i)

    def _of_row(self, batch: Any, row: int, i: int) -> Array:
        where = self._where(i)
        values = cast(one_set(batch.slice(row, 1), self._columns, where), self.dtype, where)
        if values.shape[1] == getattr(self, "dim", values.shape[1]):
            return values
        if not len(values):
            return np.empty((0, self.dim), self.dtype)
        raise ValueError(f"{where} must have {self.dim} columns like the sets before it, got {values.shape[1]}")

    def _where(self, i: int) -> str:
        return f"{self.table.path_of(i)}: set {self.names[i]}"

    @cached_property
    def sizes(self) -> list[int]:  # type: ignore[override]
        """The number of rows of each set: of the shapes, or counted in one pass over the lists."""
        columns = self._columns
        read = columns[-1:]
        lengths = [
            lengths_of(batch, columns, lambda row, first=first: self._where(first + row))  # type: ignore[misc]
            for first, batch in self.table.batches(read)
        ]
        return [int(n) for part in lengths for n in part]

    def read(self, i: int, start: int, stop: int) -> Array:
        return self._set(i)[start:stop]

    def iter_blocks(self) -> Iterator[tuple[int, Array]]:
        for first, batch in self.table.batches(self._columns):
            for row in range(batch.num_rows):
                yield first + row, self._of_row(batch, row, first + row)

    def positions(self, i: int) -> Array | None:
        if self._places is None:
            return None
        first, batch = self._places.at(i)
        places = one_set(batch.slice(i - first, 1), self._places.columns, f"{self._where(i)}: positions")
        if len(places) != self.sizes[i]:
            raise ValueError(f"{self._where(i)} must have {self.sizes[i]} positions, one per row, got {len(places)}")
        return places


def kept(table: Table, columns: Sequence[str]) -> np.dtype[Any]:
    """The number type that columns are computed with."""
    kinds = [number_type(table.schema.field(name).type) for name in columns]
    return np.result_type(*(kind if kind in KEPT else np.dtype(np.float64) for kind in kinds))


def cast(values: Array, kind: np.dtype[Any], where: str) -> Array:
    """Values as `kind`; a null, which is NaN, cannot be a byte."""
    if kind.kind == "u" and values.dtype != kind:
        raise ValueError(f"{where} and on must be numbers, got null: leave the rows out")
    return values.astype(kind, copy=False)


def coded(column: Any) -> Coded:
    """A column of keys, or of labels, as few values and their numbers; a null is None."""
    import pyarrow as pa

    keys = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    values = keys.dictionary.to_pylist()
    return Coded([*values, None], keys.indices.fill_null(len(values)).to_numpy().astype(np.int64))


def numbers_of(labels: list[str | None]) -> list[Any]:
    """Labels of a text file: integers, or else floats, if all of them are such as they are usually written."""
    there = [label for label in labels if label is not None]
    for form, kind in FORMS:
        if all(form.fullmatch(label) for label in there):
            return [None if label is None else kind(label) for label in labels]
    return list(labels)


def _beside(table: Table, columns: list[str]) -> dict[str, list[Any]]:
    """Columns of one value per row, whole."""
    found: dict[str, list[Any]] = {name: [] for name in columns}
    for _, batch in table.batches(columns) if columns else ():
        for name in columns:
            found[name] += map(plain, batch[name].to_pylist())
    return found


def _names(given: list[Any], column: str) -> list[str]:
    """The names of sets, which must all be there and differ."""
    rows: dict[str, int] = {}
    for i, name in enumerate(given):
        if name is None:
            raise ValueError(f"id={column!r} must name each set, got null in row {i}; id=False numbers the sets")
        if rows.setdefault(str(name), i) != i:
            raise ValueError(
                f"id={column!r} must name each set once, got {name} in rows {rows[str(name)]} and {i}; id=False "
                f"numbers the sets, groups={column!r} merges the sets of one name"
            )
    return list(rows)
