"""`open_sets`: files and folders as a sequence of sets that are read when they are asked for."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from . import _checks as check
from . import _unopened
from ._file_sets import FileReader
from ._fishervec import SetFile, list_files
from ._joined import Place, few, is_column, labels_and_groups
from ._lazy import Listing
from ._readers import ENDINGS, OPENERS, kind_of
from ._reading import Reader

#: What `list_files` says of a file that the compiled module does not read.
NOT_READ = "another format"
#: The kinds of which several files are one table.
TOGETHER = ("parquet", "arrow", "csv")
#: At most so many names in an error.
FEW = 3


class Found(NamedTuple):
    """A file that is to be read."""

    path: str
    #: The path that was given, and the folder below it that the file is in, if it is in one.
    given: str
    folder: str | None
    #: Its kind, if it is read in Python; None if the compiled module reads it.
    kind: str | None


def open_sets(
    paths: Any,
    *,
    array: str | Sequence[str] | None = None,
    positions: str | Sequence[str] | None = None,
    groups: Any = None,
    labels: Any = None,
    id: str | None = None,
) -> Listing:
    """Open files of sets of descriptors, of any size, as a sequence of sets that are read when they are asked for.

    Parameters
    ----------
    paths : path-like, list of these, or table
        A file, a folder that stands for all its files and those of its subfolders, or a list, an iterator or a column
        of files and folders; a table of pyarrow or polars, a ParquetFile, a zarr array or group, an AnnData object. The
        page "Formats" (docs/formats.md) says what is read; docs/files.md what is left out of a folder, and the order.
    array : str, sequence of str or None, default=None
        The name of the array, or of the column, that holds the descriptors, or the names of several columns of numbers;
        None means the one that docs/files.md says.
    positions : str, sequence of str or None, default=None
        The name of the array that holds the positions, or the names of columns; None means one called coords, positions
        or keypoints.
    groups : str, tuple, dict, False, or array-like of shape (n_sets,), default=None
        What each set is a part of: "folder" for the folder of its file below the given path, a dict or a pandas Series
        from the names of sets, one value per set, or the name of a column of the table that `labels` is; a tuple is
        the path of another table and a column of it. In a table of descriptors: the column that says which rows are
        one set. False means none.
    labels : str, tuple, dict, False, or array-like of shape (n_sets,), default=None
        The label of each set, in the same forms, or the path of a .csv or .tsv table whose rows name sets; None means
        those that the files hold, if they do. In a table of descriptors: the column of labels. False means none.
    id : str or None, default=None
        In a table in which each row is a set: the column of their names.

    Returns
    -------
    sets : Listing
        A sequence of arrays of shape (n_i, d) with the attributes `names`, `sizes`, `labels`, `groups` and
        `positions`. It slices, pickles, and is an X of all encoders, of `train_test_split` and of `GridSearchCV`.

    Raises
    ------
    OSError
        If a file cannot be read.
    ValueError
        If it is not clear which array of a file holds descriptors (the error lists all arrays), if sets have different
        numbers of columns, or if names do not fit.
    ImportError
        If a format needs a library that is not installed.

    See Also
    --------
    FisherVector : Takes the sets, and never holds more of them than a sample.

    Notes
    -----
    The headers of all files are read at once, the descriptors when they are asked for. Cost O(number of files).

    Examples
    --------
    >>> import numpy as np, os, tempfile
    >>> from fishervec import FisherVector, open_sets
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for i in range(3):
    ...         np.save(os.path.join(folder, f"slide{i}.npy"), np.random.default_rng(i).normal(size=(99, 2)))
    ...     sets = open_sets(folder)
    ...     vectors = FisherVector(n_components=2, random_state=0).fit_transform(sets)
    >>> sets.names, vectors.shape
    (['slide0', 'slide1', 'slide2'], (3, 10))
    """
    found = _found(paths)
    opened = _readers(found, Asked(array, positions, groups, labels, id))
    labels, groups = labels_and_groups(opened.labels, opened.groups, opened.readers, opened.places)
    return Listing._of(opened.readers, labels=labels, groups=groups)


class Asked(NamedTuple):
    """What the user says about the files."""

    array: str | Sequence[str] | None
    positions: str | Sequence[str] | None
    groups: Any
    labels: Any
    id: str | None

    @property
    def of_tables(self) -> dict[str, Any]:
        """What is said to the reader of a table: names of columns."""
        named = {"groups": self.groups, "labels": self.labels}
        columns = {what: given if is_column(given) or given is False else None for what, given in named.items()}
        return {"column": self.array, "positions": self.positions, "id": self.id, **columns}


class Opened(NamedTuple):
    """Readers, where each of their sets comes from, and what is still to be said of these by their names."""

    readers: list[Reader]
    places: list[Place]
    labels: Any
    groups: Any


# ---- from paths to files ---------------------------------------------------------------------------------


def _found(paths: Any) -> list[Found]:
    """The files that paths stand for, or the object that is given in place of paths."""
    given = _listed(paths)
    if not given:
        raise ValueError("paths must be at least one file or folder, got none")
    others = [path for path in given if not isinstance(path, str | os.PathLike)]
    if others:
        kind = kind_of(others[0])
        if kind is None or len(given) > 1:
            cure = "" if (written := _unopened.cure_of(others[0])) is None else f": {written}"
            got = f"{type(others[0]).__name__}{cure}"
            raise TypeError(f"paths must be paths of files and folders, or one table, got {got}")
        return [Found(others[0], "", None, kind)]
    found = [file for path in given for file in _below(os.fspath(path))]
    if not found:
        names = ", ".join(map(os.fspath, given[:FEW]))
        raise ValueError(f"{names}: no file of sets; expected one of {', '.join(_endings())}")
    kinds = {file.kind: file.path for file in reversed(found)}
    if len(kinds) > 1:
        one, other = list(kinds.values())[:2]
        raise ValueError(f"files of two kinds cannot be opened together, got {other} and {one}: pass those of one kind")
    return found


def _listed(paths: Any) -> Sequence[Any]:
    """Paths that are given as a list, as what `Path.glob` returns, or as a column; or the one thing that is given."""
    is_column = hasattr(paths, "dtype") and len(getattr(paths, "shape", ())) == 1
    if isinstance(paths, Iterator) or (is_column and all(isinstance(path, str | os.PathLike) for path in paths)):
        return list(paths)
    return paths if isinstance(paths, list | tuple) else [paths]


def _below(given: str) -> list[Found]:
    """The files of sets that a path stands for, in the order of the command."""
    if (kind := kind_of(given)) is not None:
        os.stat(given)
        return [Found(given, given, None, kind)]
    found: list[Found] = []
    text: list[Found] = []
    stores: set[str] = set()
    for _, path, reason in list_files([given]):
        file = os.fspath(path)
        store = _store_around(file, given)
        if store is not None:
            if store not in stores:
                found.append(Found(store, given, _folder(given, store), kind_of(store)))
            stores.add(store)
            continue
        kind = kind_of(file) if reason == NOT_READ else None
        if reason is None or kind is not None:
            (text if kind == "csv" else found).append(Found(file, given, _folder(given, file), kind))
    # A table of text beside other files is one of labels.
    return found or text


def _store_around(file: str, given: str) -> str | None:
    """The zarr store below a folder that a file is in."""
    folder, store = os.path.dirname(file), None
    while len(folder) > len(given):
        if folder.lower().endswith(".zarr"):
            store = folder
        folder = os.path.dirname(folder)
    return store


def _folder(given: str, file: str) -> str | None:
    """The folder of a file below the given path; None if it is directly in it, or the path itself."""
    parent = os.path.relpath(os.path.dirname(file), given) if file != given else "."
    return None if parent == "." else parent.replace(os.sep, "/")


def _endings() -> list[str]:
    return [*SetFile.endings(), *ENDINGS]


# ---- from files to readers -------------------------------------------------------------------------------


def _readers(found: list[Found], asked: Asked) -> Opened:
    kind = found[0].kind
    if kind is None:
        return _of_files(found, asked)
    if kind == "ark":
        # Files such as utt2spk, which are no tables.
        asked = asked._replace(groups=_text_of(asked.groups), labels=_text_of(asked.labels))
    if kind in TOGETHER and found[0].given:
        # A folder of tables is one, whose folders may be values of columns.
        given = list(dict.fromkeys(file.given for file in found))
        sources = [given[0] if len(given) == 1 else given]
    else:
        sources = [file.path for file in found]
    readers = [OPENERS[kind](source, **asked.of_tables) for source in sources]
    one_each = len(readers) == len(found)
    places = [
        Place(str(found[k].path), found[k].folder if one_each else None, name, False)
        for k, reader in enumerate(readers)
        for name in reader.names
    ]
    rest = (None if is_column(given) else given for given in (asked.labels, asked.groups))
    return Opened(readers, places, *rest)


def _text_of(given: Any) -> Any:
    """A path as a text; all else as it is."""
    return os.fspath(given) if isinstance(given, os.PathLike) else given


def _of_files(found: list[Found], asked: Asked) -> Opened:
    if asked.id is not None:
        raise ValueError(
            f"id must be None, got {asked.id!r}: the sets of these files have the names of files or arrays"
        )
    for what, name in (("array", asked.array), ("positions", asked.positions)):
        if not isinstance(name, str | None):
            raise TypeError(f"{what} must be one name in files of arrays, got {name!r}")
    twice = [path for path, n in Counter(os.path.realpath(file.path) for file in found).items() if n > 1]
    if twice:
        check.warn(f"files given more than once count each time: {few(twice)}")
    reader = FileReader([file.path for file in found], asked.array, asked.positions)  # type: ignore[arg-type]
    if reader.passed_over:
        path, others = next(iter(reader.passed_over.items()))
        check.warn(
            f"{path}: the descriptors were found by the name of their array, {', '.join(others)} not read: "
            "choose by array="
        )
    by_path = {file.path: file for file in found}
    n_sets = Counter(reader.paths)
    places = [
        Place(path, by_path[path].folder, name, n_sets[path] == 1)
        for path, name in zip(reader.paths, reader.names, strict=True)
    ]
    return Opened([reader], places, asked.labels, asked.groups)
