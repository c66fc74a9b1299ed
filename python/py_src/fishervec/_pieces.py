"""Tables in files, as Arrow reads them: pieces of rows (row groups, record batches, blocks of a csv), never the whole.

A table opens its file again when it is unpickled, and when a file other than the last is asked for.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from ._reading import BLOCK
from ._types import Array


class Piece(NamedTuple):
    """Rows that lie together in one file."""

    file: int
    #: Its number in the file, or the byte of a csv where it begins.
    at: int
    rows: int
    #: How many bytes its numbers are, or the bytes of a csv.
    size: int


class Table:
    """A table in one or more files of the same columns, or in memory."""

    #: The files, and what their folders say: the values of columns that are not in them.
    paths: list[str]
    partitions: list[dict[str, Any]]
    #: The columns of the files, and of their folders.
    schema: Any
    pieces: list[Piece]
    #: Whether its files are text, in which nothing says what is a number.
    is_text = False

    def __init__(self, paths: Sequence[str], partitions: Sequence[dict[str, Any]] = ()) -> None:
        self.paths = list(paths)
        self.partitions = list(partitions) or [{}] * len(self.paths)
        #: The columns that are in a file and in the names of its folders.
        self._inside: list[set[str]] = [set() for _ in self.paths]
        self._opened: tuple[Any, Any] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_opened": None}

    def as_written(self) -> "Table":
        """The same table for reading keys and labels, which are to stay what they are."""
        return self

    def opened(self, file: int) -> Any:
        """One of the files, which stays open until another is asked for.

        Threads, and processes after a fork, must not share it: it has one place where it is read.
        """
        key, opened = (file, os.getpid(), threading.get_ident()), self._opened
        if opened is None or opened[0] != key:
            opened = self._opened = (key, self._open(self.paths[file]))
        return opened[1]

    def _open(self, path: str) -> Any:
        raise NotImplementedError

    def _batches(self, piece: Piece, columns: list[str]) -> Iterator[Any]:
        """The rows of a piece, in batches of about BLOCK bytes."""
        raise NotImplementedError

    @cached_property
    def bounds(self) -> Array:
        """The number of the first row of each piece, and that of all rows."""
        return np.concatenate([[0], np.cumsum([piece.rows for piece in self.pieces])]).astype(np.int64)

    def batches(self, columns: Sequence[str], piece: int | None = None) -> Iterator[tuple[int, Any]]:
        """Batches of these columns, of one piece or of all: the number of their first row, and the batch."""
        import pyarrow as pa

        starts = self.bounds
        for i in range(len(self.pieces)) if piece is None else (piece,):
            start, found = int(starts[i]), self.pieces[i]
            inside = self._inside[found.file]
            constant = {k: v for k, v in self.partitions[found.file].items() if k not in inside}
            stored = [name for name in columns if name not in constant]
            for batch in self._batches(found, stored) if stored else [pa.table({"": pa.nulls(found.rows)})]:
                n = batch.num_rows
                for name in inside.intersection(columns):
                    self._check_folder(found.file, name, batch[name])
                arrays = [
                    pa.repeat(pa.scalar(constant[name], pa.string()), n).cast(self.schema.field(name).type)
                    if name in constant
                    else batch[name]
                    for name in columns
                ]
                yield start, pa.RecordBatch.from_arrays(arrays, names=list(columns))
                start += n

    def path_of(self, row: int) -> str:
        """The file that holds a row."""
        return self.paths[self.pieces[int(np.searchsorted(self.bounds, row, "right")) - 1].file]

    def _check_folder(self, file: int, name: str, column: Any) -> None:
        """Check a column against what the folder of its file says of it."""
        said = self.partitions[file][name]
        for value in column.unique().to_pylist():
            if (None if value is None else str(value)) != said:
                raise ValueError(f"{self.paths[file]}: column {name} must be {said} as its folder says, got {value}")

    def _take_schema(self, schema: Any, file: int = 0) -> None:
        """Check the columns of a file against those of the first; they are those of the table."""
        import pyarrow as pa

        path = self.paths[file]
        self._inside[file] = set(self.partitions[file]).intersection(schema.names)
        if not hasattr(self, "schema"):
            for name in self.partitions[0]:
                schema = schema if name in schema.names else schema.append(pa.field(name, pa.string()))
            self.schema = schema
        for name in schema.names:
            if schema.names.count(name) > 1:
                raise ValueError(f"{path}: the column {name} is there {schema.names.count(name)} times")
            if name in self.schema.names and not _alike(schema.field(name).type, self.schema.field(name).type):
                raise ValueError(
                    f"{path}: column {name} must be {self.schema.field(name).type} as in {self.paths[0]}, got "
                    f"{schema.field(name).type}"
                )
        missing = sorted(set(self.schema.names) - set(schema.names) - set(self.partitions[0]))
        if missing:
            raise ValueError(f"{path}: there is no column {', '.join(missing)}, which {self.paths[0]} has")


def _alike(one: Any, other: Any) -> bool:
    """Whether two types of one column in two files may differ so: a column without a value, keys of a dictionary."""
    import pyarrow as pa

    def bare(kind: Any) -> Any:
        return kind.value_type if pa.types.is_dictionary(kind) else kind

    return bool(one == other or bare(one) == bare(other) or pa.types.is_null(one) or pa.types.is_null(other))


class ParquetTable(Table):
    """Parquet files; a piece is a row group, which is read page by page."""

    def __init__(self, paths: Sequence[str], partitions: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(paths, partitions)
        self.pieces = []
        for i in range(len(self.paths)):
            file = self.opened(i)
            self._take_schema(file.schema_arrow, i)
            groups = [file.metadata.row_group(g) for g in range(file.metadata.num_row_groups)]
            self.pieces += [Piece(i, g, group.num_rows, group.total_byte_size) for g, group in enumerate(groups)]

    def _open(self, path: str) -> Any:
        import pyarrow as pa
        import pyarrow.parquet

        try:
            # Without a buffer of its own, pyarrow reads a whole row group before its first row.
            return pa.parquet.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False)
        except pa.ArrowInvalid as error:
            raise ValueError(f"{path}: not a valid Parquet file: {error}") from error

    def _batches(self, piece: Piece, columns: list[str]) -> Iterator[Any]:
        import pyarrow as pa

        if not piece.rows:
            return
        file = self.opened(piece.file)
        group = file.metadata.row_group(piece.at) if piece.at < file.metadata.num_row_groups else None
        if group is None or group.num_rows != piece.rows:
            raise ValueError(f"{self.paths[piece.file]}: the file has changed since it was opened")
        # Numbers that repeat have few bytes in the file, and all of theirs in memory.
        n_numbers = sum(group.column(c).num_values for c in range(group.num_columns))
        step = max(1, BLOCK * piece.rows // max(1, piece.size, 4 * n_numbers))
        try:
            for batch in file.iter_batches(step, row_groups=[piece.at], columns=columns, use_threads=False):
                # A column of lists is cut at pages, and may be empty.
                if batch.num_rows:
                    yield batch
        except (pa.ArrowException, OSError) as error:
            raise ValueError(f"{self.paths[piece.file]}: not a valid Parquet file: {error}") from error


class OpenParquet(ParquetTable):
    """A ParquetFile of pyarrow, which does not say where its file is."""

    def __init__(self, file: Any) -> None:
        self._file = file
        super().__init__(["ParquetFile"])

    def __getstate__(self) -> dict[str, Any]:
        raise TypeError("an open ParquetFile cannot be pickled: pass the path of its file")

    def _open(self, path: str) -> Any:
        return self._file


class ArrowTable(Table):
    """Arrow IPC files (feather, version 2), in the form that can be read from any batch on."""

    def __init__(self, paths: Sequence[str], partitions: Sequence[dict[str, Any]] = ()) -> None:
        super().__init__(paths, partitions)
        self.pieces = []
        for i, path in enumerate(self.paths):
            file = self._open(path)
            self._take_schema(file.schema, i)
            for b in range(file.num_record_batches):
                batch = file.get_batch(b)
                self.pieces.append(Piece(i, b, batch.num_rows, batch.nbytes))

    def _open(self, path: str) -> Any:
        import pyarrow as pa

        try:
            return pa.ipc.open_file(pa.OSFile(path))
        except pa.ArrowInvalid as error:
            cure = f"; write it again with pyarrow.feather.write_feather(table, path), got {_kind_of_arrow(path)}"
            raise ValueError(f"{path}: not a valid Arrow IPC file: {error}{cure}") from error

    def _batches(self, piece: Piece, columns: list[str]) -> Iterator[Any]:
        batch = self.opened(piece.file).get_batch(piece.at).select(columns)
        yield from _cut(batch, max(1, BLOCK * piece.rows // max(1, piece.size)))


def _kind_of_arrow(path: str) -> str:
    with open(path, "rb") as file:
        start = file.read(4)
    kinds = {b"FEA1": "feather version 1", b"\xff\xff\xff\xff": "an Arrow stream"}
    return kinds.get(start, "another kind of file")


class MemoryTable(Table):
    """A table of pyarrow, or a frame that Arrow takes over from pandas or polars."""

    def __init__(self, table: Any) -> None:
        super().__init__(["table"])
        self.schema = table.schema
        self._batched = table.to_batches()
        self.pieces = [Piece(0, b, batch.num_rows, batch.nbytes) for b, batch in enumerate(self._batched)]
        self._take_schema(table.schema)

    def _batches(self, piece: Piece, columns: list[str]) -> Iterator[Any]:
        batch = self._batched[piece.at].select(columns)
        yield from _cut(batch, max(1, BLOCK * piece.rows // max(1, piece.size)))


def _cut(batch: Any, step: int) -> Iterator[Any]:
    for start in range(0, batch.num_rows, step):
        yield batch.slice(start, step)
