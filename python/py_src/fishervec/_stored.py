"""Arrays in a store of zarr or HDF5, which are read by rows: dense ones, and the sparse ones of AnnData."""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
from scipy import sparse

from ._grouped import Rows
from ._reading import BLOCK, rows_of
from ._sets import KEPT
from ._types import Array

#: How a store is opened: the node of a name in it. It pickles, and so does what is below.
Opener = Callable[[], Any]


def kept(dtype: Any) -> np.dtype[Any]:
    """The number type that an array is computed with."""
    native = np.dtype(dtype).newbyteorder("=")
    return native if native in KEPT else np.dtype(np.float64)


class DenseRows(Rows):
    """The rows of an array of shape (n, d) or (1, n, d); the chunks of the last rows are held."""

    def __init__(self, opener: Opener) -> None:
        self.opener = opener
        shape = self._array.shape
        self._lead = len(shape) == 3
        self.n, self.dim = (int(side) for side in shape[-2:])
        self.dtype = kept(self._array.dtype)
        # Chunks of a shard are decoded one by one.
        chunks = getattr(self._array, "chunks", None)
        #: Rows that are decoded together. A chunk larger than BLOCK is so read once, not once per block.
        self._step = int(chunks[-2]) if chunks else 1
        self._held: tuple[int, Array] = (0, np.empty((0, self.dim), self.dtype))

    def __getstate__(self) -> dict[str, Any]:
        state = {name: value for name, value in self.__dict__.items() if name != "_array"}
        return state | {"_held": (0, np.empty((0, self.dim), self.dtype))}

    @cached_property
    def _array(self) -> Any:
        return self.opener()

    def read(self, start: int, stop: int) -> Array:
        first, held = self._held
        if not first <= start <= stop <= first + len(held):
            # Rows of whole chunks, which are decoded in any case.
            first = start // self._step * self._step
            held = self._read(first, min(self.n, -(-stop // self._step) * self._step))
            self._held = (
                (first, held) if len(held) <= max(self._step, rows_of(BLOCK, self.dim, self.dtype)) else self._held
            )
        return held[start - first : stop - first]

    def _read(self, start: int, stop: int) -> Array:
        rows = self._array[0, start:stop] if self._lead else self._array[start:stop]
        return np.asarray(rows, self.dtype)

    def blocks(self) -> Iterator[tuple[int, Array]]:
        step = max(self._step, rows_of(BLOCK, self.dim, self.dtype) // self._step * self._step)
        for start in range(0, self.n, step):
            yield start, self._read(start, min(start + step, self.n))


class SparseRows(Rows):
    """The rows of a sparse matrix of AnnData, made dense block by block.

    One that is stored by columns (csc) is held whole in memory, in sparse form: its rows do not lie together.
    """

    def __init__(self, opener: Opener) -> None:
        self.opener = opener
        shape = self._group.attrs["shape"]
        self.n, self.dim = (int(side) for side in shape)
        self._by_columns = _text(self._group.attrs["encoding-type"]) == "csc_matrix"
        self.dtype = kept(self._group["data"].dtype)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_group", "_bounds", "_turned")}

    @cached_property
    def _group(self) -> Any:
        return self.opener()

    @cached_property
    def _bounds(self) -> Array:
        """Where the numbers of each row begin."""
        return np.asarray(self._group["indptr"][:], np.int64)

    @cached_property
    def _turned(self) -> Any:
        """A matrix that is stored by columns, by rows."""
        parts = tuple(self._group[name][:] for name in ("data", "indices", "indptr"))
        return sparse.csc_matrix(parts, shape=(self.n, self.dim)).tocsr()

    def read(self, start: int, stop: int) -> Array:
        if self._by_columns:
            return np.asarray(self._turned[start:stop].toarray(), self.dtype)
        first, last = int(self._bounds[start]), int(self._bounds[stop])
        data, columns = (self._group[name][first:last] for name in ("data", "indices"))
        rows = sparse.csr_matrix(
            (data, columns, self._bounds[start : stop + 1] - first), shape=(stop - start, self.dim)
        )
        return np.asarray(rows.toarray(), self.dtype)

    def blocks(self) -> Iterator[tuple[int, Array]]:
        step = rows_of(BLOCK, self.dim, self.dtype)
        for start in range(0, self.n, step):
            yield start, self.read(start, min(start + step, self.n))


class HeldRows(Rows):
    """The rows of a matrix of an AnnData object: dense, sparse, or backed by a file."""

    def __init__(self, matrix: Any) -> None:
        # A matrix by columns has no rows to cut out.
        self._matrix = (
            matrix.tocsr() if getattr(matrix, "format", None) == "csc" and sparse.issparse(matrix) else matrix
        )
        self.n, self.dim = (int(side) for side in matrix.shape)
        self.dtype = kept(matrix.dtype)

    def read(self, start: int, stop: int) -> Array:
        rows = self._matrix[start:stop]
        rows = rows.compute() if hasattr(rows, "compute") else rows
        return np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows, self.dtype)

    def blocks(self) -> Iterator[tuple[int, Array]]:
        step = rows_of(BLOCK, self.dim, self.dtype)
        for start in range(0, self.n, step):
            yield start, self.read(start, min(start + step, self.n))


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
