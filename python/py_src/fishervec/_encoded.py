"""Vectors that workers of a cluster compute: lazily as a dask array, or into files."""

import os
import pickle
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from . import _held
from ._cluster import Constant, Graph, Key, runs
from ._held import Listed, Reading
from ._lazy import LazySets
from ._passed import image_partitions, listing, partitions
from ._reading import needed
from ._sets import is_plain
from ._types import Array, Floats

with needed("dask.distributed", "dask", "fishervec.dask"):
    import dask.array as da
    import dask.bag as db
    from dask.delayed import Delayed

#: About so many bytes of descriptors in a chunk of files, and at most so many chunks.
PIECE, MOST = 64 << 20, 4096


def local(estimator: Any, cls: type[Any]) -> Any:
    """The fitted estimator as one of the local class, with one thread."""
    one = object.__new__(cls)
    one.__dict__.update(estimator.__dict__, n_jobs=1)
    return one


# ---- what workers do -------------------------------------------------------------------------------------


@contextmanager
def _counted(first: int, where: str = "") -> Iterator[None]:
    """Count sets and images from the very first one in errors."""
    try:
        yield
    except (TypeError, ValueError) as error:
        text = re.sub(r"\b(set|image) (\d+)", lambda m: f"{m[1]} {int(m[2]) + first}", str(error), count=1)
        raise type(error)(where + text) from error


def of_files(model: Constant, listed: Constant, first: int, last: int) -> Floats:
    """The vectors of sets `first` to `last`."""
    files: Listed = listed.value
    files.check(first, last)
    with _counted(first):
        vectors: Floats = model.value.transform(files.sets[first:last])
    return vectors.astype(files.sets.dtype, copy=False)


def of_sets(model: Constant, sets: list[Array], first: int, dtype: Any) -> Floats:
    """The vectors of sets of which the first is number `first`, of one type."""
    with _counted(first):
        vectors: Floats = model.value.transform(sets)
    return vectors.astype(dtype, copy=False)


def _of_value(value: Any, model: Constant, *, form: str, partition: int, dtype: Any) -> Floats:
    """The vectors of a partition, of which nothing else is known."""
    value = [value] if form == "either" and is_plain(value) else list(value) if form == "images" else value
    with _counted(0, f"partition {partition}: "):
        vectors: Floats = model.value.transform(value)
    if len(vectors) and not np.can_cast(vectors.dtype, dtype):
        raise ValueError(
            f"partition {partition} has descriptors whose vectors are {vectors.dtype}, those of the first partition "
            f"are {dtype}: convert all to one type"
        )
    return vectors.astype(dtype, copy=False)


def _projected(value: Any, model: Constant, *, form: str) -> Any:
    return model.value.transform([value] if form == "either" and is_plain(value) else value)


def _type_of(value: Any, *, form: str) -> Any:
    """The type of the vectors of a partition."""
    return type_of_vectors(np.result_type(np.float32, *(x.dtype for x in Reading(form).sets(value) if x.size)))


def type_of_vectors(dtype: Any) -> Any:
    """The type of the vectors of descriptors of this type."""
    return np.dtype(np.float32 if dtype in (np.float32, np.float16, np.uint8) else np.float64)


# ---- lazily ----------------------------------------------------------------------------------------------


def lazily(estimator: Any, model: Any, X: Any, client: Any) -> da.Array:
    """The vectors of sets, or of images, as a dask array of shape (n_sets, P); `model` is the local estimator."""
    images = hasattr(estimator, "encoder_")
    X = X if images else listing(X, None)
    form = "images" if images else "sets" if isinstance(X, db.Bag) else "either"
    run = secrets.token_hex(4)
    name, key = f"fishervec-encode-{run}", f"fishervec-model-{run}"
    graph: Graph = {key: (Constant, pickle.dumps(model))}
    if isinstance(X, LazySets):
        dtype, chunks = X.dtype, _cut(X, graph, name, lambda *part: (of_files, key, *part))
    else:
        made, keys = image_partitions(X) if images else partitions(X, False)
        dtype = np.dtype(np.float32) if images else _first_type(X, made, keys, form, client)
        graph |= made
        for p, part in enumerate(keys):
            graph[(name, p, 0)] = (partial(_of_value, form=form, partition=p, dtype=dtype), part, key)
        chunks = _lengths(X, keys)
    return da.Array(graph, name, (tuple(chunks), (estimator.n_features_out_,)), dtype=dtype)


def _cut(X: LazySets, graph: Graph, name: str, task: Callable[[Key, int, int], tuple[Any, ...]]) -> list[int]:
    """Add a task for each run of sets in files; the numbers of their sets."""
    listed: Key = f"{name}-list"
    graph[listed] = (Constant, pickle.dumps(Listed(X)))
    cuts = pieces_of_files(X.sizes, X.n_features * X.dtype.itemsize)
    for p, (first, last) in enumerate(cuts):
        graph[(name, p, 0)] = task(listed, first, last)
    return [last - first for first, last in cuts]


def pieces_of_files(sizes: Array, row: int, n: int | None = None) -> list[tuple[int, int]]:
    """Runs of sets, so many or of about `PIECE` bytes each; `row` is the number of bytes of a row."""
    most = max(1, len(sizes))
    n = min(max(1, int(sizes.sum()) * row // PIECE), MOST, most) if n is None else min(n, most)
    return runs(sizes.tolist(), n) or [(0, 0)]


def _lengths(X: Any, keys: list[Key]) -> list[Any]:
    """The numbers of sets of partitions, NaN where they are not known."""
    if isinstance(X, da.Array):
        return list(X.chunks[0])
    if isinstance(X, list | tuple) and all(isinstance(x, da.Array) for x in X):
        return [1] * len(keys)
    if isinstance(X, list | tuple) and all(isinstance(x, str | os.PathLike) for x in X):
        return [min(16, len(X) - 16 * p) for p in range(len(keys))]
    return [np.nan] * len(keys)


def _first_type(X: Any, made: Graph, keys: list[Key], form: str, client: Any) -> Any:
    """The type of the vectors of the first partition, which is computed if that does not say."""
    known = X[0] if isinstance(X, list | tuple) else X
    if isinstance(known, da.Array):
        return type_of_vectors(known.dtype)
    name = f"fishervec-type-{secrets.token_hex(4)}"
    first = Delayed(name, made | {name: (partial(_type_of, form=form), keys[0])})
    return first.compute() if client is None else client.compute(first).result()


def projected(model: Any, X: Any) -> Any:
    """Projected descriptors: an array of rows as an array, all else as a bag of sets."""
    X = listing(X, None)
    run = secrets.token_hex(4)
    key, name = f"fishervec-model-{run}", f"fishervec-project-{run}"
    graph: Graph = {key: (Constant, pickle.dumps(model))}
    if isinstance(X, LazySets):
        read = f"fishervec-read-{run}"
        keys: list[Key] = [(read, p, 0) for p in range(len(_cut(X, graph, read, _reading)))]
        form = "sets"
    else:
        form = "rows" if isinstance(X, da.Array) and X.ndim == 2 else "sets" if isinstance(X, db.Bag) else "either"
        made, keys = partitions(X, form == "rows")
        graph |= made
    for p, part in enumerate(keys):
        graph[(name, p, 0) if form == "rows" else (name, p)] = (partial(_projected, form=form), part, key)
    if form == "rows":
        return da.Array(graph, name, (X.chunks[0], (model.n_components_,)), dtype=type_of_vectors(X.dtype))
    return db.Bag(graph, name, len(keys))


def _reading(listed: Key, first: int, last: int) -> tuple[Any, ...]:
    return (_held.sets_of_files, listed, first, last)
