"""Zarr arrays and groups (versions 2 and 3) as sets, by the names of their arrays."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from . import _checks as check
from ._container import Contents, Info, contents
from ._grouped import Coded, Grouped, Rows, Runs
from ._reading import Reader, natural, needed
from ._stored import DenseRows, kept
from ._table_columns import NAMES, few
from ._types import Array


@dataclass
class Node:
    """An array or a group of a zarr store, which opens the store again where it is unpickled."""

    store: Any
    path: str

    def __call__(self) -> Any:
        with needed("zarr", "zarr", "a zarr store"):
            import zarr
        try:
            is_zip = isinstance(self.store, str) and self.store.lower().endswith(".zip")
            store = zarr.storage.ZipStore(self.store, mode="r") if is_zip else self.store
            root: Any = self.store if hasattr(self.store, "store") else zarr.open(store, mode="r")
        except FileNotFoundError as error:
            raise FileNotFoundError(f"{self.store}: there is no zarr array or group: {error}") from error
        return root[self.path] if self.path else root


def open_zarr(
    path: Any,
    *,
    column: str | None = None,
    groups: str | bool | None = None,
    labels: str | bool | None = None,
    id: str | bool | None = None,
    positions: str | bool | None = None,
) -> Reader:
    """The sets of a zarr store: its path, an array, or a group.

    `column` names the array of the descriptors. `groups` and `labels` name arrays of one value per row: rows of one
    value are one set. A group of groups has a set, or several, in each.
    """
    node = Node(os.fspath(path) if isinstance(path, str | os.PathLike) else path, "")
    where = node.store if isinstance(node.store, str) else "zarr"
    if id not in (None, False):
        raise ValueError(f"{where}: id={id!r} must be None: sets have the names of their arrays, or of groups=")
    root = node()
    if _is_array(root):
        return _of_array(node, root, where, column, groups, labels, positions)
    found = list(_below(root, "", where, Asked(column, positions)))
    if groups in (None, False):
        if labels not in (None, False):
            raise ValueError(
                f"{where}: labels={labels!r} must be None without groups=: pass a list of labels, or a file"
            )
        return ArraySets(node, found, where)
    if len(found) > 1 or len(found[0][1].sets) > 1:
        raise ValueError(f"{where}: groups={groups!r} must divide one array, got several; choose it with array=NAME")
    folder, one = found[0]
    rows = DenseRows(Node(node.store, _joined(folder, one.sets[0].array)))
    runs = _runs(root[folder] if folder else root, rows, str(groups), labels or None, where)
    beside = one.positions
    return Grouped(rows, runs, None if beside is None else DenseRows(Node(node.store, _joined(folder, beside))))


class Asked(NamedTuple):
    """What the user says about the arrays of a group."""

    column: str | None
    positions: str | bool | None


def _is_array(node: Any) -> bool:
    return hasattr(node, "shape")


def _joined(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _stem(where: str) -> str:
    name = os.path.basename(where.rstrip("/"))
    return name.removesuffix(".zip").removesuffix(".zarr") or where


def _of_array(node: Node, array: Any, where: str, *asked: Any) -> Reader:
    if any(one not in (None, False) for one in asked):
        raise ValueError(f"{where}: array=, groups=, labels= and positions= name arrays of a group, got an array alone")
    found = contents([_info("array", array)], "array", lambda _: array[:], where)
    only = found.sets[0]._replace(name=_stem(where), array="")
    return ArraySets(node, [("", found._replace(sets=[only]))], where)


def _below(group: Any, path: str, where: str, asked: Asked) -> Iterator[tuple[str, Contents]]:
    """The groups that have sets, with what they have: this one by the names of its arrays, or those inside it."""
    members = {name: group[name] for name in sorted(group)}
    infos = [_info(name, node) for name, node in members.items() if _is_array(node)]
    inside = [name for name, node in members.items() if not _is_array(node)]
    here, column = f"{where}/{path}" if path else where, asked.column
    if column is not None and "/" in column and not path:
        folder, _, name = column.rpartition("/")
        if folder not in group or _is_array(group[folder]):
            raise ValueError(f"{where}: there is no group {folder}; it has {few(list(members)) or 'nothing'}")
        yield folder, _contents(group[folder], f"{where}/{folder}", asked._replace(column=name))
    elif _has_sets(infos, column) or not inside:
        if column is None:
            _check_inside({name: members[name] for name in sorted(inside, key=natural)}, infos, here)
        yield path, _contents(group, here, asked)
    else:
        for name in sorted(inside, key=natural):
            yield from _below(members[name], _joined(path, name), where, asked)


def _check_inside(groups: dict[str, Any], beside: list[Info], where: str) -> None:
    """Arrays are the sets, though groups beside them hold some too: a warning, or an error if no name tells them."""
    others = [name for name, group in groups.items() if _holds_sets(group)]
    if not others:
        return
    text = f"{where}: its arrays may be sets, and so may those of its groups {few(others)}"
    if not any(info.sides and info.name.lower() in map(str.lower, NAMES) for info in beside):
        raise ValueError(f"{text}; choose with array=NAME or array=GROUP/NAME")
    check.warn(f"{text}, which are not read; array=GROUP/NAME chooses")


def _holds_sets(group: Any) -> bool:
    """Whether a group, or one inside it, has an array that may be a set."""
    members = {name: group[name] for name in group}
    infos = [_info(name, node) for name, node in members.items() if _is_array(node)]
    return _has_sets(infos, None) or any(_holds_sets(node) for node in members.values() if not _is_array(node))


def _has_sets(infos: list[Info], column: str | None) -> bool:
    if column is not None:
        return any(info.name == column for info in infos)
    return any(info.sides and not info.is_aside for info in infos)


def _contents(group: Any, where: str, asked: Asked) -> Contents:
    """The sets of one group, by the names of its arrays."""
    arrays = {name: node for name in sorted(group) if _is_array(node := group[name])}
    infos = [_info(name, node) for name, node in arrays.items()]
    found = contents(infos, asked.column, lambda name: np.asarray(arrays[name][:]), where, asked.positions)
    if found.passed_over:
        others, taken = ", ".join(found.passed_over), found.sets[0].array
        check.warn(f"{where}: {others} may be descriptors too; array=NAME chooses, got {taken}")
    return found


def _info(name: str, array: Any) -> Info:
    try:
        dtype = np.dtype(array.dtype)
    except TypeError:
        dtype = array.dtype
    return Info(name, tuple(int(side) for side in array.shape), dtype)


def _runs(group: Any, rows: Rows, groups: str, labels: Any, where: str) -> Runs:
    """Which row is whose, by arrays of one value per row."""
    columns = []
    for name in (groups, labels) if labels else (groups,):
        if name not in group:
            raise ValueError(f"{where}: there is no array {name}; arrays: {', '.join(sorted(group))}")
        column = np.asarray(group[name][:])
        if column.shape != (rows.n,):
            raise ValueError(f"{where}: array {name} must have {rows.n} values, one per row, got shape {column.shape}")
        values, codes = np.unique(column, return_inverse=True)
        columns.append(Coded(values.tolist(), codes))
    runs = Runs()
    runs.add(*columns)
    return runs


class ArraySets(Reader):
    """Sets that are arrays of a zarr store, or rows of one."""

    def __init__(self, root: Node, found: list[tuple[str, Contents]], where: str) -> None:
        self.root = root
        places = [(folder, one, content.positions) for folder, content in found for one in content.sets]
        self.names = [_name(folder, one.name, found, where) for folder, content in found for one in content.sets]
        self._arrays = [(_joined(folder, one.array), one.start) for folder, one, _ in places]
        self._beside = [None if beside is None else _joined(folder, beside) for folder, _, beside in places]
        self.sizes = [one.stop - one.start for _, one, _ in places]
        dims = [one.dim for _, one, _ in places if one.stop > one.start] or [one.dim for _, one, _ in places]
        self.dim = dims[0] if dims else 0
        for name, n, (_, one, _) in zip(self.names, self.sizes, places, strict=True):
            if one.dim != self.dim and n:
                raise ValueError(f"{where}: set {name} must have {self.dim} columns like the first, got {one.dim}")
        labels = [label for _, content in found for label in content.labels or ()]
        self.labels = labels if len(labels) == len(self.names) else None
        self.groups = None
        self._rows: tuple[str, DenseRows] | None = None
        self.dtype = np.result_type(*{kept(one.dtype) for _, one, _ in places} or {np.dtype(np.float32)})

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_rows": None}

    def _opened(self, path: str) -> DenseRows:
        rows = self._rows
        if rows is None or rows[0] != path:
            rows = self._rows = (path, DenseRows(Node(self.root.store, path)))
        return rows[1]

    def read(self, i: int, start: int, stop: int) -> Array:
        path, first = self._arrays[i]
        if start >= stop:
            return np.empty((0, self.dim), self.dtype)
        return self._opened(path).read(first + start, first + stop).astype(self.dtype, copy=False)

    def positions(self, i: int) -> Array | None:
        path = self._beside[i]
        if path is None:
            return None
        first = self._arrays[i][1]
        return DenseRows(Node(self.root.store, path)).read(first, first + self.sizes[i])


def _name(folder: str, name: str, found: list[tuple[str, Contents]], where: str) -> str:
    """The name of a set: of its array, of its group if it is the only one there, of the file if it is the only one."""
    if all(len(content.sets) == 1 for _, content in found):
        return folder or _stem(where)
    return _joined(folder, name)
