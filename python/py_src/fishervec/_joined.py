"""Labels and groups of sets that are known by name: from tables, mappings, pandas Series, or the folders of files."""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from . import _checks as check
from ._fishervec import labels_of_table
from ._frames import index_of, is_frame
from ._reading import Reader
from ._types import Array

#: What means the folder that the file of a set is in.
FOLDER = "folder"
#: The endings of tables.
TABLES = (".csv", ".tsv")
#: At most so many names in an error.
FEW = 3


class Place(NamedTuple):
    """Where a set is: its file, the folder of it below the path that was given, and its name there."""

    path: str
    folder: str | None
    name: str
    #: Whether it is the only set of its file.
    alone: bool


def is_column(given: Any) -> bool:
    """Whether `given` is the name of a column, not a table or what means the folders."""
    return isinstance(given, str) and given != FOLDER and not given.lower().endswith(TABLES)


def labels_and_groups(
    labels: Any, groups: Any, readers: Sequence[Reader], places: Sequence[Place]
) -> tuple[Array | None, Array | None]:
    """One label and one group per set, from what the user gives, or else from the files."""
    if is_column(groups):
        if not _is_table(labels):
            raise ValueError(
                f"groups={groups!r} names a column: pass labels=, the table that has it, or (path, {groups!r})"
            )
        groups = (labels[0] if isinstance(labels, tuple) else labels, groups)
    return _of_each("labels", labels, readers, places), _of_each("groups", groups, readers, places)


def _of_each(what: str, given: Any, readers: Sequence[Reader], places: Sequence[Place]) -> Array | None:
    """What is given for each set, or else what the files hold; False stands for nothing."""
    if given is False:
        return None
    return _held(readers, what) if given is None else joined(what, given, places)


def joined(what: str, given: Any, places: Sequence[Place]) -> Array:
    """One value per set; `what` is the parameter's name."""
    if _is_table(given):
        return _of_table(what, given, places)
    if isinstance(given, str):
        if given != FOLDER:
            raise ValueError(
                f'{what} must be "folder", a table, a dict by names of sets, or one value per set, got {given!r}'
            )
        return _of_folders(what, places)
    if isinstance(given, Mapping):
        return _of_names(what, given, places)
    if is_frame(given):
        raise ValueError(
            f"{what} must be one column of a frame, with the names of sets as its index: frame.set_index(NAME)[COLUMN]"
        )
    index = index_of(given)
    if index is not None and type(index).__name__ != "RangeIndex":
        if not index.is_unique:
            doubled = index[index.duplicated()].tolist()
            raise ValueError(f"{what} must have each name once in the index, got {few(doubled)} again")
        return _of_names(what, dict(zip(index, given, strict=True)), places)
    values = np.asarray(given)
    if values.shape != (len(places),):
        raise ValueError(f"{what} must be one value per set, shape ({len(places)},), got shape {values.shape}")
    return _array(list(given)) if isinstance(given, list | tuple) else values


def _held(readers: Sequence[Reader], what: str) -> Array | None:
    """The labels or groups that all files hold."""
    each = [getattr(reader, what) for reader in readers]
    return None if any(held is None for held in each) else _array([value for held in each for value in held])


def _is_table(given: Any) -> bool:
    """Whether `given` is the path of a table, or one with the name of a column."""
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], str):
        given = given[0]
    return hasattr(given, "__fspath__") or (isinstance(given, str) and given.lower().endswith(TABLES))


def _of_table(what: str, given: Any, places: Sequence[Place]) -> Array:
    """The values of a column, joined by the names of sets."""
    path, column = given if isinstance(given, tuple) else (given, None)
    os.stat(path)
    if column is None and what != "labels":
        raise ValueError(f"{what} must name the column of the table, too: pass (path, column)")
    try:
        values, warnings = labels_of_table(path, column, [(p.path, p.name, p.alone) for p in places])
    except ValueError as error:
        text = str(error).replace("--label-column NAME", f"{what}=(path, NAME)").replace("--label-column ", f"{what} ")
        raise ValueError(text) from error
    for warning in warnings:
        check.warn(warning)
    return _array(values)


def _of_folders(what: str, places: Sequence[Place]) -> Array:
    without = [place.name for place in places if place.folder is None]
    if without:
        raise ValueError(f'{what} "folder": no folder below the given path holds {few(without)}')
    return np.array([place.folder for place in places])


def _of_names(what: str, given: Mapping[Any, Any], places: Sequence[Place]) -> Array:
    names = [place.name for place in places]
    doubled = [name for name, n in Counter(names).items() if n > 1]
    if doubled:
        raise ValueError(
            f"{what} by name need names that occur once, got {few(doubled)} more than once: "
            "pass a table, whose names may have folders (a/s1), or one value per set"
        )
    missing = [name for name in names if name not in given]
    if missing:
        raise ValueError(f"{what} must have a value for each set, got none for {few(missing)}")
    values = [given[name] for name in names]
    deep = next((name for name, value in zip(names, values, strict=True) if np.ndim(value)), None)
    if deep is not None:
        raise ValueError(f"{what} must have one value for each set, got {given[deep]!r} for {deep}")
    return _array(values)


def _array(values: list[Any]) -> Array:
    """Values as an array; of objects if some are missing, or if it could not tell two of them apart, as 1 and "1"."""
    array = np.array(values, dtype=object if any(value is None for value in values) else None)
    pairs = zip(array.tolist(), values, strict=True)
    # A number that does not equal itself is NaN.
    is_same = array.dtype == object or all(one == other or one != one for one, other in pairs)
    return array if is_same else np.array(values, dtype=object)


def few(names: Iterable[Any]) -> str:
    """Some names, and how many more there are."""
    listed = [str(name) for name in names]
    more = f" and {len(listed) - FEW} more" if len(listed) > FEW else ""
    return ", ".join(listed[:FEW]) + more
