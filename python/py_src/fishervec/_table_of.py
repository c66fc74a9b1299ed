"""The table that a user names: a file, a folder of files, several of them, or an object that holds one."""

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from ._pieces import ArrowTable, MemoryTable, OpenParquet, ParquetTable, Table
from ._reading import natural, needed

#: A folder of one value of a column, as Hive and Spark write them, and what stands for a missing value.
PARTITION = re.compile(r"^([^=]+)=(.*)$")
MISSING = "__HIVE_DEFAULT_PARTITION__"


def table_of(X: Any, endings: Sequence[str], kind: type[Table]) -> Table:
    """The table of a file, of a folder of files with one of these endings, of several files, or of an object."""
    with needed("pyarrow", "parquet", "a file of this kind"):
        import pyarrow as pa
    if isinstance(X, pa.Table | pa.RecordBatch):
        return MemoryTable(X if isinstance(X, pa.Table) else pa.Table.from_batches([X]))
    if hasattr(X, "dtype") or isinstance(X, pa.Array | pa.ChunkedArray):
        raise ValueError(
            f"a table must have columns with names, got one column, {type(X).__name__}: [x] is one set for an encoder; "
            'pyarrow.table({"features": x}) is a table'
        )
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
    _check_once([path for path, _ in files])
    return kind([path for path, _ in files], [values for _, values in files])


def _check_once(paths: Sequence[str]) -> None:
    """An error if a file is given twice, which would double its rows."""
    seen: set[str] = set()
    for path in paths:
        if (real := os.path.realpath(path)) in seen:
            raise ValueError(f"{path} is given twice, itself or by its folder: pass it once")
        seen.add(real)


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
    return {pair[1]: None if pair[2] == MISSING else unquote(pair[2]) for pair in pairs if pair}


def _of_dataset(dataset: Any) -> Table:
    """A pyarrow dataset of Parquet or Arrow files on this machine."""
    import pyarrow.dataset as ds

    fragments = list(dataset.get_fragments()) if hasattr(dataset, "get_fragments") else []
    kinds = {type(getattr(fragment, "format", None)).__name__ for fragment in fragments}
    kind = {"ParquetFileFormat": ParquetTable, "IpcFileFormat": ArrowTable, "FeatherFileFormat": ArrowTable}
    if len(kinds) != 1 or not kinds <= kind.keys():
        raise ValueError(
            f"a dataset must have files of Parquet or Arrow, got {sorted(kinds) or type(dataset).__name__}"
        )
    paths = [fragment.path for fragment in fragments]
    away = [path for path in paths if not os.path.isfile(path)]
    if away:
        raise ValueError(f"a dataset must be of files on this machine, got {away[0]}: copy it, or pass a table")
    said = [ds.get_partition_keys(fragment.partition_expression) for fragment in fragments]
    values = [{k: None if v is None else str(v) for k, v in keys.items()} for keys in said]
    table = kind[kinds.pop()](paths, values)
    if dataset.count_rows() != int(table.bounds[-1]):
        raise ValueError("a dataset must not be filtered: pass dataset.to_table(), or write the rows to a file")
    return table
