"""Tables in files, as Arrow reads them: pieces of rows (row groups, record batches, blocks of a csv), never the whole.

A table opens its file again when it is unpickled, and when a file other than the last is asked for.
"""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import numpy as np

from ._reading import BLOCK, needed
from ._types import Array

#: A folder of one value of a column, as Hive and Spark write them.
PARTITION = re.compile(r"^([^=]+)=(.*)$")


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

    def __init__(self, paths: Sequence[str], partitions: Sequence[dict[str, Any]] = ()) -> None:
        self.paths = list(paths)
        self.partitions = list(partitions) or [{}] * len(self.paths)
        self._opened: tuple[int, Any] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_opened": None}

    def opened(self, file: int) -> Any:
        """One of the files, which stays open until another is asked for."""
        if self._opened is None or self._opened[0] != file:
            self._opened = (file, self._open(self.paths[file]))
        return self._opened[1]

    def _open(self, path: str) -> Any:
        raise NotImplementedError

    def _batches(self, piece: Piece, columns: list[str]) -> Iterator[Any]:
        """The rows of a piece, in batches of about BLOCK bytes."""
        raise NotImplementedError

    @property
    def bounds(self) -> Array:
        """The number of the first row of each piece, and that of all rows."""
        return np.concatenate([[0], np.cumsum([piece.rows for piece in self.pieces])]).astype(np.int64)

    def batches(self, columns: Sequence[str], piece: int | None = None) -> Iterator[tuple[int, Any]]:
        """Batches of these columns, of one piece or of all: the number of their first row, and the batch."""
        import pyarrow as pa

        starts = self.bounds
        for i in range(len(self.pieces)) if piece is None else (piece,):
            start, found = int(starts[i]), self.pieces[i]
            constant = self.partitions[found.file]
            stored = [name for name in columns if name not in constant]
            for batch in self._batches(found, stored) if stored else [pa.table({"": pa.nulls(found.rows)})]:
                n = batch.num_rows
                arrays = [
                    pa.array([constant[name]] * n, self.schema.field(name).type) if name in constant else batch[name]
                    for name in columns
                ]
                yield start, pa.RecordBatch.from_arrays(arrays, names=list(columns))
                start += n

    def path_of(self, row: int) -> str:
        """The file that holds a row."""
        return self.paths[self.pieces[int(np.searchsorted(self.bounds, row, "right")) - 1].file]

    def _take_schema(self, schema: Any, path: str) -> None:
        """Check the columns of a file against those of the first; they are those of the table."""
        import pyarrow as pa

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
        for i, path in enumerate(self.paths):
            file = self.opened(i)
            self._take_schema(file.schema_arrow, path)
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
        if not piece.rows:
            return
        step = max(1, BLOCK * piece.rows // max(1, piece.size))
        file = self.opened(piece.file)
        for batch in file.iter_batches(step, row_groups=[piece.at], columns=columns, use_threads=False):
            # A column of lists is cut at pages, and may be empty.
            if batch.num_rows:
                yield batch


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
            self._take_schema(file.schema, path)
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
        self._take_schema(table.schema, "table")

    def _batches(self, piece: Piece, columns: list[str]) -> Iterator[Any]:
        batch = self._batched[piece.at].select(columns)
        yield from _cut(batch, max(1, BLOCK * piece.rows // max(1, piece.size)))


def _cut(batch: Any, step: int) -> Iterator[Any]:
    for start in range(0, batch.num_rows, step):
        yield batch.slice(start, step)


# ---- what a user may name --------------------------------------------------------------------------------


def table_of(X: Any, endings: Sequence[str], kind: type[Table]) -> Table:
    """The table of a file, of a folder of files with one of these endings, of several files, or of an object."""
    with needed("pyarrow", "parquet", "a file of this kind"):
        import pyarrow as pa
    if isinstance(X, pa.Table | pa.RecordBatch):
        return MemoryTable(X if isinstance(X, pa.Table) else pa.Table.from_batches([X]))
    if hasattr(X, "__arrow_c_stream__"):
        try:
            return MemoryTable(pa.table(X))
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise ValueError(
                f"a frame must have columns that Arrow can hold, got {error}; a column of arrays is sets as it is: "
                "encoder.fit(frame[NAME])"
            ) from error
    if type(X).__name__ == "ParquetFile":
        return OpenParquet(X)
    if type(X).__module__.startswith("pyarrow._dataset"):
        return _of_dataset(X)
    if not isinstance(X, list | tuple):
        return _of_path(os.fspath(X), endings, kind)
    tables = [_files_below(os.fspath(path), endings) for path in X]
    files = [file for table in tables for file in table]
    return kind([path for path, _ in files], [values for _, values in files])


def _of_path(path: str, endings: Sequence[str], kind: type[Table]) -> Table:
    files = _files_below(path, endings)
    return kind([file for file, _ in files], [values for _, values in files])


def _files_below(path: str, endings: Sequence[str]) -> list[tuple[str, dict[str, Any]]]:
    """A file, or all files below a folder in the natural order of their names, with what their folders say."""
    if not os.path.isdir(path):
        return [(path, {})]
    found = [
        file
        for file in Path(path).rglob("*")
        if file.name.lower().endswith(tuple(endings)) and not any(_is_hidden(part) for part in _below(file, path))
    ]
    if not found:
        raise ValueError(f"{path}: no file ends in {' or '.join(endings)}")
    found.sort(key=lambda file: natural(file.relative_to(path).as_posix()))
    values = [_partitions(_below(file, path)[:-1]) for file in found]
    for file, given in zip(found, values, strict=True):
        if given.keys() != values[0].keys():
            raise ValueError(
                f"{file}: its folders name the columns {list(given)}, those of {found[0]} {list(values[0])}"
            )
    return [(str(file), given) for file, given in zip(found, values, strict=True)]


def _below(file: Path, folder: str) -> tuple[str, ...]:
    return file.relative_to(folder).parts


def _is_hidden(part: str) -> bool:
    """Whether a file or folder lies beside data, such as _SUCCESS and .crc files of Spark."""
    return part.startswith(".") or (part.startswith("_") and "=" not in part)


def _partitions(folders: Sequence[str]) -> dict[str, Any]:
    pairs = (PARTITION.match(folder) for folder in folders)
    return {pair[1]: unquote(pair[2]) for pair in pairs if pair}


def natural(name: str) -> tuple[list[tuple[int, int]], str]:
    """A key that sorts names as people count: img2 before img10."""
    runs = re.findall(r"[0-9]+|[^0-9]", name)
    return [(ord("0"), int(run)) if run[0] in "0123456789" else (ord(run), 0) for run in runs], name


def _of_dataset(dataset: Any) -> Table:
    """A pyarrow dataset of Parquet or Arrow files on this machine."""
    import pyarrow.dataset as ds

    fragments = list(dataset.get_fragments()) if hasattr(dataset, "get_fragments") else []
    kinds = {type(fragment.format).__name__ for fragment in fragments}
    kind = {"ParquetFileFormat": ParquetTable, "IpcFileFormat": ArrowTable, "FeatherFileFormat": ArrowTable}
    if len(kinds) != 1 or not kinds <= kind.keys():
        raise ValueError(
            f"a dataset must have files of Parquet or Arrow, got {sorted(kinds) or type(dataset).__name__}"
        )
    paths = [fragment.path for fragment in fragments]
    away = [path for path in paths if not os.path.isfile(path)]
    if away:
        raise ValueError(f"a dataset must be of files on this machine, got {away[0]}: copy it, or pass a table")
    values = [{k: str(v) for k, v in ds.get_partition_keys(f.partition_expression).items()} for f in fragments]
    table = kind[kinds.pop()](paths, values)
    if dataset.count_rows() != int(table.bounds[-1]):
        raise ValueError("a dataset must not be filtered: pass dataset.to_table(), or write the rows to a file")
    return table
