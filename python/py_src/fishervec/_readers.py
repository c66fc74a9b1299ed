"""Which reader opens a file, a folder, or an object: those that other libraries read for us."""

import os
from collections.abc import Callable
from typing import Any

from ._anndata import open_anndata
from ._ark import open_ark
from ._reading import Reader
from ._tables import KINDS, open_arrow, open_csv, open_parquet
from ._zarr import open_zarr

#: Each kind of file, and what opens it. A zarr store is a folder.
OPENERS: dict[str, Callable[..., Reader]] = {
    "parquet": open_parquet,
    "arrow": open_arrow,
    "csv": open_csv,
    "zarr": open_zarr,
    "anndata": open_anndata,
    "ark": open_ark,
}
#: The endings of files, and the kinds that they say.
ENDINGS: dict[str, str] = {
    **{ending: kind for kind, (endings, _) in KINDS.items() for ending in endings},
    ".zarr": "zarr",
    ".zarr.zip": "zarr",
    ".h5ad": "anndata",
    ".ark": "ark",
    ".scp": "ark",
}
#: What a zarr store has at its root: an array or a group, of version 3 or of version 2.
ZARR = ("zarr.json", ".zgroup", ".zarray")


def kind_of(X: Any) -> str | None:
    """The kind of a file, a zarr store, or an object that one of the readers opens; None for all else."""
    if isinstance(X, str | os.PathLike):
        return _kind_of_path(os.fspath(X))
    module = type(X).__module__.partition(".")[0]
    if hasattr(X, "obs") and hasattr(X, "obsm"):
        return "anndata"
    if module == "zarr":
        return "zarr"
    is_table = hasattr(X, "__arrow_c_stream__") or hasattr(X, "__arrow_c_array__") or module == "pyarrow"
    return "parquet" if is_table else None


def _kind_of_path(path: str) -> str | None:
    name = path.rstrip("/").lower()
    is_folder = os.path.isdir(path)
    if is_folder and any(os.path.exists(os.path.join(path, file)) for file in ZARR):
        return "anndata" if _is_anndata(path) else "zarr"
    if is_folder:
        # The files of any other folder are looked at one by one.
        return None
    ending = max((ending for ending in ENDINGS if name.endswith(ending)), key=len, default=None)
    return None if ending is None else ENDINGS[ending]


def _is_anndata(path: str) -> bool:
    """Whether a zarr store holds AnnData, which its attributes say."""
    for name in ("zarr.json", ".zattrs"):
        file = os.path.join(path, name)
        if os.path.exists(file):
            with open(file, encoding="utf-8") as opened:
                text = opened.read(1 << 20)
            if '"encoding-type"' in text and '"anndata"' in text:
                return True
    return False


def open_reader(X: Any, **asked: Any) -> Reader:
    """The sets of a file, a zarr store or an object of one of these kinds, or of several files of one kind.

    `asked` are `column`, `groups`, `labels`, `id` and `positions`.
    """
    several = isinstance(X, list | tuple)
    kinds = {kind_of(x) for x in (X if several else [X])}
    if len(kinds) != 1 or None in kinds:
        raise ValueError(f"expected files of one of the kinds {', '.join(OPENERS)}, got {X!r}")
    (kind,) = kinds
    if several and kind not in KINDS:
        raise ValueError(f"several files of the kind {kind} must be opened one by one, got {len(X)}")
    return OPENERS[str(kind)](X, **asked)
