"""From paths to the files of sets that they stand for."""

import os
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from . import _unopened
from ._file_sets import Entry
from ._fishervec import SetFile, is_list, list_files, load_list
from ._readers import ENDINGS, kind_of

#: What `list_files` says of a file that the compiled module does not read.
NOT_READ = "another format"
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
    #: What a list says of it, and the names of arrays it was scanned for.
    entry: Entry | None = None
    arrays: tuple[str | None, str | None] | None = None


def found_in(paths: Any) -> list[Found]:
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
    if is_list(given):
        return in_list(given)
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


def in_list(path: str, root: str | None = None) -> list[Found]:
    """The files of a list, which is not read again from their headers."""
    folders, array, positions, entries = load_list(path, root)
    found = []
    for entry in entries:
        file, number = os.fspath(entry[0]), entry[1]
        folder = file if number is None else os.fspath(folders[number])
        found.append(Found(file, folder, _folder(folder, file), None, entry, (array, positions)))
    return found


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
