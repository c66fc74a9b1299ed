"""`open_sets`: files and folders as a sequence of sets that are read when they are asked for."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from . import _checks as check
from ._file_sets import FileReader
from ._fishervec import SetFile, list_files
from ._joined import SetNames, joined
from ._lazy import LazySets
from ._reading import Reader
from ._registry import READERS, reader_of
from ._types import Array

#: What `list_files` says of a file that the compiled module does not read.
NOT_READ = "another format"
#: At most so many names in an error.
FEW = 3


class Found(NamedTuple):
    """A file that is to be read, and the folder below the given path that it is in, if it is in one."""

    path: str
    folder: str | None


def open_sets(
    paths: Any,
    *,
    array: str | None = None,
    positions: str | None = None,
    groups: Any = None,
    labels: Any = None,
) -> LazySets:
    """Open files of sets of descriptors, of any size, as a sequence of sets that are read when they are asked for.

    Parameters
    ----------
    paths : path-like, or list of these
        A file, a folder that stands for all its files and those of its subfolders, or a list of files and folders.
        What is left out of a folder, and the order, are those of the command (docs/files.md).
    array : str or None, default=None
        The name of the array of each file that holds the descriptors; None means the one that docs/files.md says.
    positions : str or None, default=None
        The name of the array that holds the positions; None means one called coords, positions or keypoints.
    groups : str, dict, or array-like of shape (n_sets,), default=None
        What each set is a part of: "folder" for the folder of its file below the given path, a dict or a pandas Series
        from the names of sets, or one value per set.
    labels : str, dict, or array-like of shape (n_sets,), default=None
        The label of each set, in the same forms; None means those that the files hold, if they do.

    Returns
    -------
    sets : LazySets
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
    readers, origins = _readers(found, array)
    sets = SetNames([name for reader in readers for name in reader.names], [origin.folder for origin in origins])
    return LazySets._of(
        readers,
        labels=_held(readers, "labels") if labels is None else joined("labels", labels, sets),
        groups=_held(readers, "groups") if groups is None else joined("groups", groups, sets),
    )


# ---- from paths to readers -------------------------------------------------------------------------------


def _found(paths: Any) -> list[Found]:
    """The files that paths stand for."""
    given = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    for path in given:
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"paths must be paths of files and folders, got {type(path).__name__}")
    if not given:
        raise ValueError("paths must be at least one file or folder, got none")
    texts: list[str] = [os.fspath(path) for path in given]
    found: list[Found] = []
    for number, path, reason in list_files(texts):
        text = os.fspath(path)
        if reason is None or (reason == NOT_READ and _ending(text) in READERS):
            found.append(Found(text, _folder(texts[number], text)))
    if not found:
        names = ", ".join(texts[:FEW])
        raise ValueError(f"{names}: no file of sets; expected one of {', '.join(_endings())}")
    return found


def _readers(found: list[Found], array: str | None) -> tuple[list[Reader], list[Found]]:
    """The readers of all files, and the file of each of their sets."""
    own = [file for file in found if SetFile.is_one(file.path)]
    if len(own) == len(found):
        reader = FileReader([file.path for file in found], array)
        _warn_of_others(reader)
        by_path = {file.path: file for file in found}
        return [reader], [by_path[path] for path in reader.paths]
    if own:
        other = next(file.path for file in found if file not in own)
        raise ValueError(f"sets and tables cannot be opened together, got {own[0].path} and {other}: pass one kind")
    readers, origins = [], []
    for file in found:
        reader = reader_of(_ending(file.path))(file.path)
        readers.append(reader)
        origins += [file] * len(reader.sizes)
    return readers, origins


def _warn_of_others(reader: FileReader) -> None:
    """Warn if a file has other arrays that could hold descriptors."""
    if reader.passed_over:
        path, others = next(iter(reader.passed_over.items()))
        check.warn(
            f"{path}: the descriptors were found by the name of their array, {', '.join(others)} not read: "
            "choose by array="
        )


def _ending(path: str) -> str:
    return Path(path).suffix.lower()


def _endings() -> list[str]:
    return [*SetFile.endings(), *READERS]


def _folder(given: str, file: str) -> str | None:
    """The folder of a file below the given path; None if it is directly in it, or the path itself."""
    parent = os.path.relpath(os.path.dirname(file), given) if file != given else "."
    return None if parent == "." else parent.replace(os.sep, "/")


def _held(readers: Sequence[Reader], what: str) -> Array | None:
    """The labels or groups that all files hold."""
    each = [getattr(reader, what) for reader in readers]
    return None if any(held is None for held in each) else np.array([value for held in each for value in held])
