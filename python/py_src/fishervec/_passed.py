"""From what a user passes as data on a cluster to its sources."""

import os
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from . import _held, _unopened
from ._cluster import Cluster, Graph, Key, runs
from ._fishervec import scan_files
from ._found import Found, found_in
from ._held import Listed, Reading
from ._missing import STRICT, Gaps
from ._open import Listing, of_found, open_sets
from ._reading import needed
from ._sources import Files, Partitions, Source

with needed("dask.distributed", "dask", "fishervec.dask"):
    import dask.array as da
    import dask.bag as db
    from dask.delayed import Delayed
    from distributed import Future

#: The headers of so many files are read by one task.
SCANNED = 256
EXPECTED = (
    "paths, what fishervec.open_sets returns, a dask bag of sets, a list of Delayed (each a list of sets, or one set "
    "as an array), or a dask array"
)
#: What a call says of a dask array of rows where sets are wanted.
ROWS = (
    "sets must be several sets, got one dask array of shape {shape}: for rows that are one set pass [X]; sets are a "
    "dask array of shape (n_sets, n, d), a bag of arrays, or a list of dask arrays (n_i, d)"
)


# ---- from what is given to these -------------------------------------------------------------------------


def source(X: Any, cluster: Cluster, *, rows: bool = False, gaps: Gaps = STRICT, persist: bool = False) -> Source:
    """The sets, or with `rows` the rows, that a user gives."""
    X = listing(X, cluster)
    if isinstance(X, Listing):
        if not persist and gaps.padding is None:
            return Files(cluster, X)
        # What pads a set is known when it has been read; what is kept is kept by partitions.
        made, keys = _of_listing(X, cluster)
        found = Partitions(cluster, made, keys, Reading("sets", gaps), persist)
        found.cut = X
        return found
    made, keys = partitions(X, rows)
    parts = Partitions(cluster, made, keys, Reading("sets" if isinstance(X, db.Bag) else "either", gaps), persist)
    parts.rows = rows and isinstance(X, da.Array)
    return parts


def of_images(X: Any, cluster: Cluster, settings: str, persist: bool) -> Source:
    """The descriptors of images that a user gives."""
    X = list(X) if isinstance(X, Iterator) else X
    made, keys = image_partitions(X)
    found = Partitions(cluster, made, keys, Reading("images", images=settings), persist)
    found.called = [os.path.basename(path) for path in X] if _are_paths(X) else None
    return found


def image_partitions(X: Any) -> tuple[Graph, list[Key]]:
    """Partitions of images: lists of paths are cut here."""
    X = list(X) if isinstance(X, Iterator) else X
    if not isinstance(X, db.Bag | da.Array) and not _are_delayed(X):
        paths = [os.path.abspath(path) for path in X] if _are_paths(X) else None
        if not paths:
            got = "a path: pass [path]" if isinstance(X, str | os.PathLike) else _described(X)
            raise TypeError(
                "images must be a list of paths, a dask bag of images, a list of Delayed (each a list of images), or "
                f"a dask array of shape (n, height, width) or (n, height, width, channels), got {got}"
            )
        name = f"fishervec-paths-{os.urandom(4).hex()}"
        return _lists(name, [paths[i : i + 16] for i in range(0, len(paths), 16)])
    return partitions(X, False, several=(3, 4))


def _lists(name: str, lists: list[Any]) -> tuple[Graph, list[Key]]:
    keys: list[Key] = [(name, p) for p in range(len(lists))]
    return {key: (partial(_given, some),) for key, some in zip(keys, lists, strict=True)}, keys


def _given(value: Any) -> Any:
    return value


def listing(X: Any, cluster: Cluster | None) -> Any:
    """Paths as sets in files, whose headers are read by the workers where they are many; all else as it is."""
    X = list(X) if isinstance(X, Iterator) else X
    if not isinstance(X, str | os.PathLike) and not _are_paths(X):
        return X
    # A worker may be in another folder.
    paths = [os.path.abspath(path) for path in ([X] if isinstance(X, str | os.PathLike) else X)]
    found = found_in(paths)
    if cluster is None or len(found) <= SCANNED or any(file.kind is not None for file in found):
        return open_sets(paths)
    return _scanned(found, cluster)


def is_distributed(X: Any) -> bool:
    """Whether something is data of a cluster, or paths."""
    is_file = isinstance(X, str | os.PathLike | Listing) or _are_paths(X)
    return is_file or isinstance(X, Delayed | Future | da.Array | db.Bag) or _are_delayed(X)


def _scanned(found: list[Found], cluster: Cluster) -> Listing:
    """Sets in files whose headers the workers read."""
    new = [file for file in found if file.entry is None]
    groups = [new[i : i + SCANNED] for i in range(0, len(new), SCANNED)]
    number = cluster.next_pass()
    keys = [cluster.key("scan", number, i) for i in range(len(groups))]
    files = [[(file.path, None) for file in some] for some in groups]
    scanned = cluster.values({key: (partial(scan_files, some),) for key, some in zip(keys, files, strict=True)}, keys)
    entries = iter([entry for entries, _ in scanned for entry in entries])
    return of_found([file if file.entry is not None else file._replace(entry=next(entries)) for file in found])


def _are_paths(X: Any) -> bool:
    return isinstance(X, list | tuple) and bool(X) and all(isinstance(path, str | os.PathLike) for path in X)


def _are_delayed(X: Any) -> bool:
    kinds = (Delayed, Future, da.Array)
    return isinstance(X, list | tuple) and bool(X) and all(isinstance(x, kinds) for x in X)


def partitions(X: Any, rows: bool, several: tuple[int, ...] = (3,)) -> tuple[Graph, list[Key]]:
    """The tasks that make partitions, and their keys; `several` are the dimensions of an array of sets."""
    if isinstance(X, Delayed | Future):
        X = [X]
    if isinstance(X, da.Array):
        X = _blocks(X, rows, several)
    elif isinstance(X, db.Bag):
        X = X.to_delayed()
    elif _are_delayed(X):
        X = [_one_block(x) if isinstance(x, da.Array) else x for x in X]
    else:
        raise TypeError(f"{'X' if rows else 'sets'} must be {EXPECTED}, got {_described(X)}")
    made: Graph = {}
    seen: set[Any] = set()
    keys: list[Key] = []
    for one in X:
        keys.append(one if isinstance(one, Future) else one.key)
        for name, layer in [] if isinstance(one, Future) else _layers(one.__dask_graph__()):
            if name not in seen:
                made.update(layer)
                seen.add(name)
    return made, keys


def _layers(graph: Any) -> Iterator[tuple[Any, Any]]:
    """The layers of a graph with what tells them apart: partitions of one collection have the same ones."""
    yield from graph.layers.items() if hasattr(graph, "layers") else [(id(graph), graph)]


def _blocks(X: da.Array, rows: bool, several: tuple[int, ...]) -> list[Any]:
    """The blocks of an array, each of whole rows."""
    if not (X.ndim == 2 if rows else X.ndim in several):
        if X.ndim == 2:
            raise ValueError(ROWS.format(shape=X.shape))
        expected = "2" if rows else " or ".join(map(str, several))
        raise ValueError(f"a dask array must have {expected} dimensions here, got shape {X.shape}")
    is_whole = all(n == 1 for n in X.numblocks[1:])
    whole = X if is_whole else X.rechunk(dict.fromkeys(range(1, X.ndim), -1))
    return list(np.ravel(whole.to_delayed()))


def _one_block(X: da.Array) -> Any:
    """An array that is one set."""
    if X.ndim != 2:
        raise ValueError(f"sets must be arrays of shape (n_i, d), got a dask array of shape {X.shape}")
    return next(iter(np.ravel(X.rechunk(-1).to_delayed())))


def _described(X: Any) -> str:
    """What something is that is not data of a cluster, and what to do with it."""
    name = type(X).__name__
    if isinstance(X, list | tuple):
        if not X:
            return "an empty list"
        return (
            f"a list whose first entry is of the type {type(X[0]).__name__}: what is in memory is for the class of the "
            "same name in fishervec, or dask.bag.from_sequence(sets) makes a bag of it"
        )
    if isinstance(X, np.ndarray):
        return "an array in memory: take the class of the same name in fishervec, or dask.array.from_array(X)"
    if hasattr(X, "to_dask_array"):
        return f"dask's {name}: for rows pass X.to_dask_array(), for sets X.to_delayed() with a set per partition"
    cure = _unopened.cure_of(X)
    return name if cure is None else f"{name}: {cure}"


def _of_listing(sets: Listing, cluster: Cluster) -> tuple[Graph, list[Key]]:
    """Sets in files as partitions of about the same numbers of rows."""
    made: Graph = {}
    key = cluster.constant(made, "list", Listed(sets), cluster.next_pass())
    n = cluster.n_pieces(None, len(sets))
    keys: list[Key] = []
    for p, (first, last) in enumerate(runs(sets.sizes.tolist(), n)):
        keys.append(cluster.key("read", p))
        made[keys[-1]] = (_held.sets_of_files, key, first, last)
    return made, keys
