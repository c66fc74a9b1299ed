"""AnnData as sets of cells: .h5ad files read through h5py, .zarr stores, and AnnData objects."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._grouped import Coded, Grouped, Rows, Runs
from ._reading import Reader, needed
from ._stored import DenseRows, HeldRows, SparseRows
from ._table_columns import few
from ._types import Array
from ._zarr import Node

#: Where the positions of cells are.
SPATIAL = "obsm/spatial"


@dataclass
class H5Node:
    """A dataset or a group of an HDF5 file, which is opened again where this is unpickled."""

    path: str
    name: str

    def __call__(self) -> Any:
        with needed("h5py", "anndata", "an .h5ad file"):
            import h5py
        try:
            file = h5py.File(self.path, "r")
        except FileNotFoundError:
            raise
        except OSError as error:
            raise ValueError(f"{self.path}: not a valid HDF5 file: {error}") from error
        return file[self.name] if self.name else file


def open_anndata(
    path: Any,
    *,
    column: str | None = None,
    groups: str | bool | None = None,
    labels: str | bool | None = None,
    id: str | bool | None = None,
    positions: str | bool | None = None,
) -> Reader:
    """The sets of AnnData: an .h5ad file, a .zarr store, or an AnnData object, backed or not.

    Cells are descriptors. `column` is "X" (the default), "layers/NAME", "raw/X", "obsm/NAME" or the name of an entry
    of obsm. `groups` and `labels` name columns of obs: the cells of one value of `groups` are one set, which has one
    label.
    """
    if id not in (None, False):
        raise ValueError(f"id={id!r} must be None: the sets of AnnData are named by groups=, a column of obs")
    source: _Source = _Object(path) if hasattr(path, "obs") else _Stored(os.fspath(path))
    name = source.matrix_name(column)
    rows = source.rows(name)
    places = None
    if positions is not False:
        places = source.matrix_name(positions if isinstance(positions, str) else SPATIAL, positions is not None)
    runs = Runs()
    if groups in (None, False):
        _check_no_key(source, groups, labels, rows.n)
        keys = Coded([source.stem], np.zeros(rows.n, np.int64))
        runs.add_empty(source.stem)
    else:
        keys = source.column(str(groups), "groups", rows.n)
    runs.add(keys, source.column(str(labels), "labels", rows.n) if labels else None)
    return Grouped(rows, runs, _positions(source, places, positions is not None) if places else None)


def _positions(source: "_Source", name: str, must: bool) -> Rows | None:
    try:
        return source.rows(name)
    except ValueError:
        # A frame is no matrix of positions, and is one only if somebody says so.
        if must:
            raise
        return None


def _check_no_key(source: "_Source", groups: Any, labels: Any, n: int) -> None:
    """Without groups all cells are one set: an error if a column of obs looks as if it said otherwise."""
    if groups is False:
        return
    names = [name for name in source.columns() if name != labels]
    keys = [name for name in names if name.lower().endswith("_id") or source.is_key(name, n)]
    if keys:
        raise ValueError(
            f"{source.where}: the cells can be one set or several; columns of obs: {few(source.columns())}; pass "
            f"groups={keys[0]!r} to make a set of each of its values, or groups=False to make one of all cells"
        )


class _Source:
    """What both forms of AnnData have."""

    where: str
    stem: str

    def columns(self) -> list[str]:
        """The columns of obs."""
        raise NotImplementedError

    def is_key(self, name: str, n: int) -> bool:
        """Whether a column of obs has texts or categories, and more than one value."""
        raise NotImplementedError

    def column(self, name: str, what: str, n: int) -> Coded:
        """A column of obs, of `n` values."""
        raise NotImplementedError

    def matrices(self) -> list[str]:
        """The names of the matrices that have one row per cell."""
        raise NotImplementedError

    def rows(self, name: str) -> Rows:
        """The rows of a matrix."""
        raise NotImplementedError

    def matrix_name(self, asked: str | None, must: bool = True) -> str:
        """The name of a matrix in full; empty if it is not there and need not be."""
        known = self.matrices()
        name = "X" if asked is None else asked
        name = next((full for full in (name, f"obsm/{name}", f"layers/{name}") if full in known), "")
        if not name and must:
            raise ValueError(f"{self.where}: there is no {asked or 'X'}; pass array= one of {few(known)}")
        return name

    def _known(self, name: str, what: str) -> None:
        if name not in self.columns():
            raise ValueError(f"{self.where}: obs has no column {name!r}; pass {what}= one of {few(self.columns())}")


class _Stored(_Source):
    """AnnData in a file or a store, as anndata writes it since version 0.7."""

    def __init__(self, path: str) -> None:
        self.path = self.where = path
        base = os.path.basename(path.rstrip("/"))
        self.stem = base.removesuffix(".h5ad").removesuffix(".zarr")
        self._root = self._node("")()
        if "obs" not in self._root or not hasattr(self._root["obs"], "attrs") or hasattr(self._root["obs"], "dtype"):
            raise ValueError(f"{path}: not AnnData as it is written since version 0.7: there is no group obs")

    def _node(self, name: str) -> Any:
        return Node(self.path, name) if os.path.isdir(self.path) else H5Node(self.path, name)

    def columns(self) -> list[str]:
        obs = self._root["obs"]
        index = _text(obs.attrs.get("_index", "_index"))
        return [name for name in sorted(obs) if name not in (index, "__categories")]

    def is_key(self, name: str, n: int) -> bool:
        node = self._root["obs"][name]
        if not hasattr(node, "shape"):
            if "categories" in node:
                return len(_values(node["categories"])) > 1
            # Texts that may be missing, or numbers.
            node = node.get("values")
            if node is None:
                return False
        if "__categories" in self._root["obs"] and name in self._root["obs"]["__categories"]:
            return True
        return node.dtype.kind not in "iufb" and len(np.unique(_values(node))) > 1

    def column(self, name: str, what: str, n: int) -> Coded:
        self._known(name, what)
        found = _coded(self._root["obs"], name, f"{self.where}: column {name} of obs")
        if len(found.codes) != n:
            raise ValueError(f"{self.where}: column {name} of obs must have {n} values, got {len(found.codes)}")
        return found

    def matrices(self) -> list[str]:
        found = [name for name in ("X", "raw/X") if name in self._root]
        return found + [
            f"{folder}/{name}" for folder in ("obsm", "layers") for name in sorted(self._root.get(folder) or ())
        ]

    def rows(self, name: str) -> Rows:
        opener = self._node(name)
        node = opener()
        if hasattr(node, "shape"):
            if len(node.shape) != 2 or node.dtype.kind not in "iufb":
                raise ValueError(f"{self.where}: {name} must be a matrix of numbers, got {node.shape} {node.dtype}")
            return DenseRows(opener)
        kind = _text(node.attrs.get("encoding-type", ""))
        if kind not in ("csr_matrix", "csc_matrix"):
            raise ValueError(f"{self.where}: {name} must be a dense or a sparse matrix, got {kind or 'a group'}")
        return SparseRows(opener)


class _Object(_Source):
    """An AnnData object, which is known by its attributes: anndata is not imported."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.where = self.stem = "AnnData"

    def columns(self) -> list[str]:
        return [str(name) for name in self.data.obs.columns]

    def is_key(self, name: str, n: int) -> bool:
        column = self.data.obs[name]
        is_number = getattr(column.dtype, "kind", "O") in "iufb"
        return not is_number and bool(column.nunique() > 1)

    def column(self, name: str, what: str, n: int) -> Coded:
        self._known(name, what)
        column = self.data.obs[name]
        codes, values = column.factorize() if not hasattr(column, "cat") else (column.cat.codes, column.cat.categories)
        return Coded([*values.tolist(), None], _with_none(np.asarray(codes), len(values)))

    def matrices(self) -> list[str]:
        raw = ["raw/X"] if getattr(self.data, "raw", None) is not None else []
        found = ["X"] if self.data.X is not None else []
        beside = [f"{folder}/{name}" for folder in ("obsm", "layers") for name in getattr(self.data, folder)]
        return [*found, *raw, *beside]

    def rows(self, name: str) -> Rows:
        folder, _, key = name.rpartition("/")
        matrix = getattr(self.data, folder)[key] if folder in ("obsm", "layers") else None
        if matrix is None:
            matrix = self.data.raw.X if folder else self.data.X
        if hasattr(matrix, "iloc"):
            matrix = matrix.to_numpy()
        if len(matrix.shape) != 2 or np.dtype(matrix.dtype).kind not in "iufb":
            raise ValueError(f"AnnData: {name} must be a matrix of numbers, got {matrix.shape} {matrix.dtype}")
        return HeldRows(matrix)


# ---- columns of obs in files -----------------------------------------------------------------------------


def _coded(obs: Any, name: str, where: str) -> Coded:
    """A column as values and codes, whichever way anndata wrote it."""
    node = obs[name]
    if hasattr(node, "shape"):
        older = obs.get("__categories")
        if older is not None and name in older:
            categories = _values(older[name]).tolist()
            return Coded([*categories, None], _with_none(node[:], len(categories)))
        values, codes = np.unique(_values(node), return_inverse=True)
        return Coded(values.tolist(), codes)
    if "categories" in node:
        categories = _values(node["categories"]).tolist()
        return Coded([*categories, None], _with_none(node["codes"][:], len(categories)))
    if "values" in node:
        values, codes = np.unique(_values(node["values"]), return_inverse=True)
        missing = np.asarray(node["mask"][:], bool) if "mask" in node else np.zeros(len(codes), bool)
        return Coded([*values.tolist(), None], np.where(missing, len(values), codes))
    raise ValueError(f"{where} must be numbers, texts or categories, got {_text(node.attrs.get('encoding-type', ''))}")


def _values(node: Any) -> Array:
    """The values of a dataset, texts as str."""
    if not hasattr(node, "shape"):
        node = node["values"]
    values = np.asarray(node[:])
    is_text = values.dtype.kind in "OST"
    return np.array([_text(value) for value in values.tolist()], dtype=object) if is_text else values


def _with_none(codes: Any, n: int) -> Array:
    """Codes with `n` for a missing value, which pandas and anndata write as -1."""
    codes = np.asarray(codes).astype(np.int64)
    return np.where(codes < 0, n, codes)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
