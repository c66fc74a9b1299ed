"""Labels and groups of sets that are known by name: from a mapping, a pandas Series, or the folders of files."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ._frames import index_of
from ._types import Array

#: What means the folder that the file of a set is in.
FOLDER = "folder"
#: At most so many names in an error.
FEW = 3


class SetNames(NamedTuple):
    """The names of sets, and the folders that their files are in, below the paths that were given."""

    names: list[str]
    folders: list[str | None]


def joined(what: str, given: Any, sets: SetNames) -> Array:
    """One value per set; `what` is the parameter's name."""
    if isinstance(given, str):
        if given != FOLDER:
            raise ValueError(f'{what} must be "folder", a dict by names of sets, or one value per set, got {given!r}')
        return _of_folders(what, sets)
    if isinstance(given, Mapping):
        return _of_names(what, given, sets.names)
    index = index_of(given)
    if index is not None and not _counts(index):
        if not index.is_unique:
            doubled = index[index.duplicated()].tolist()
            raise ValueError(f"{what} must have each name once in the index, got {_few(doubled)} again")
        return _of_names(what, dict(zip(index, given, strict=True)), sets.names)
    values = np.asarray(given)
    if values.shape != (len(sets.names),):
        raise ValueError(f"{what} must be one value per set, shape ({len(sets.names)},), got shape {values.shape}")
    return values


def _counts(index: Any) -> bool:
    """Whether an index only counts the rows: it is not one of names."""
    return type(index).__name__ == "RangeIndex"


def _of_folders(what: str, sets: SetNames) -> Array:
    without = [name for name, folder in zip(sets.names, sets.folders, strict=True) if folder is None]
    if without:
        raise ValueError(f'{what} "folder": {_few(without)} is in no folder below the given path')
    return np.array(sets.folders)


def _of_names(what: str, given: Mapping[Any, Any], names: list[str]) -> Array:
    doubled = [name for name, n in Counter(names).items() if n > 1]
    if doubled:
        raise ValueError(f"{what} by name need names that occur once, got {_few(doubled)} more than once")
    missing = [name for name in names if name not in given]
    if missing:
        raise ValueError(f"{what} must have a value for each set, got none for {_few(missing)}")
    return np.array([given[name] for name in names])


def _few(names: Iterable[Any]) -> str:
    """Some names, and how many more there are."""
    listed = [str(name) for name in names]
    more = f" and {len(listed) - FEW} more" if len(listed) > FEW else ""
    return ", ".join(listed[:FEW]) + more
