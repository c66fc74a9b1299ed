"""Sets of descriptors that stay where they are, and are read when they are asked for."""

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from operator import index
from threading import RLock
from typing import Any, Self, overload

import numpy as np

from ._reading import BLOCK, Reader, rows_of
from ._types import Array

#: Rows at most so many bytes apart are read together.
NEAR = 1 << 16
#: Readers remember where they are in a file: one thread at a time asks them.
ALONE = RLock()


def _release() -> None:
    """Make a new lock: a thread that held the old one is not in the new process."""
    global ALONE
    ALONE = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_release)


class LazyRows(Sequence[Array]):
    """A sequence of arrays of shape (n_i, d), each of which is read when it is asked for.

    ``x[i]`` is an array. ``x[2:5]``, ``x[[4, 0]]`` and ``x[mask]`` are sequences of this kind, as scikit-learn's
    splitters need them. It pickles: the files stay where they are.
    """

    _readers: tuple[Reader, ...]
    #: The reader and the number in it of each array.
    _places: Array

    @property
    def shape(self) -> tuple[int]:
        """The number of arrays, as scikit-learn asks for it."""
        return (len(self._places),)

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, key: int) -> Array: ...
    @overload
    def __getitem__(self, key: slice) -> Self: ...
    @overload
    def __getitem__(self, key: Any) -> Any: ...
    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, tuple) and len(key) == 2 and key[1] is Ellipsis:
            # So scikit-learn's splitters write it.
            key = key[0]
        if isinstance(key, slice):
            return self._some(np.arange(len(self))[key])
        if not np.ndim(key):
            i = index(key)
            if not -len(self) <= i < len(self):
                raise IndexError(f"set {i} of {len(self)}")
            return self._read(i % len(self))
        numbers = np.asarray(key)
        if not numbers.size:
            numbers = numbers.astype(np.int64)
        if numbers.ndim != 1 or numbers.dtype.kind not in "iub":
            raise IndexError(f"expected a number, a slice, or an array of numbers or of bool, got {key!r}")
        return self._some(np.arange(len(self))[numbers])

    def __iter__(self) -> Iterator[Array]:
        return map(self._read, range(len(self)))

    def _some(self, numbers: Array) -> Self:
        """The arrays with these numbers, in this order."""
        some = object.__new__(type(self))
        some.__dict__.update(self.__dict__, _places=self._places[numbers])
        return some

    def _place(self, i: int) -> tuple[Reader, int]:
        reader, number = self._places[i]
        return self._readers[reader], int(number)

    @staticmethod
    def _turn(reader: Reader) -> AbstractContextManager[Any]:
        """What lets one thread at a time read, unless the reader is the compiled one, which sees to that itself."""
        return nullcontext() if hasattr(reader, "gather") else ALONE

    def _read(self, i: int) -> Array:
        raise NotImplementedError


class LazyPositions(LazyRows):
    """The positions of the descriptors of sets, arrays of shape (n_i, L)."""

    #: The number of columns, which an empty set without positions has, too.
    _width: int = 0

    def __init__(self, readers: tuple[Reader, ...], places: Array) -> None:
        self._readers, self._places = readers, places

    def _at(self, i: int) -> Array | None:
        reader, number = self._place(i)
        with self._turn(reader):
            return reader.positions(number)

    def _read(self, i: int) -> Array:
        positions = self._at(i)
        reader, number = self._place(i)
        if not reader.sizes[number] and (positions is None or not positions.shape[1]):
            return np.empty((0, self._width))
        if positions is None:
            raise ValueError(
                f"set {i} ({reader.names[number]}) has no positions, though others have some: "
                "choose by positions= of open_sets, or leave the set out"
            )
        return positions


class LazySets(LazyRows):
    """Sets of descriptors that stay in their files; see `Listing`, which has this as its base."""

    n_features: int
    dtype: np.dtype[Any]
    _labels: Array | None
    _groups: Array | None

    @classmethod
    def _of(cls, readers: Sequence[Reader], *, labels: Array | None = None, groups: Array | None = None) -> Self:
        """All sets of these readers, in their order."""
        self = cls()
        self._readers = tuple(readers)
        places = [np.stack([np.full(len(r.names), k), np.arange(len(r.names))], axis=1) for k, r in enumerate(readers)]
        self._places = np.concatenate(places) if places else np.empty((0, 2), np.int64)
        self._labels, self._groups = labels, groups
        self.n_features = _one_width(readers)
        self.dtype = np.result_type(*(reader.dtype for reader in readers)) if readers else np.dtype(np.float32)
        return self

    @property
    def names(self) -> list[str]:
        """The name of each set."""
        return [self._readers[reader].names[number] for reader, number in self._places.tolist()]

    @property
    def sizes(self) -> Array:
        """The number of descriptors in each set."""
        # Those of some tables are counted when they are first asked for.
        with ALONE:
            sizes = [self._readers[reader].sizes[number] for reader, number in self._places.tolist()]
        return np.array(sizes, dtype=np.int64)

    @property
    def labels(self) -> Array | None:
        """The label of each set."""
        return self._labels

    @property
    def groups(self) -> Array | None:
        """What each set is a part of."""
        return self._groups

    @property
    def positions(self) -> LazyPositions | None:
        """The positions of the descriptors."""
        located = LazyPositions(self._readers, self._places)
        full = [i for i, n in enumerate(self.sizes) if n] or range(min(1, len(self)))
        first = next((i for i in full if located._at(i) is not None), None)
        if first is None:
            return None
        # Those of all others are not dropped because the first set has none: the error names it.
        located._width = located._read(full[0]).shape[1]
        return located

    def __repr__(self) -> str:
        n = int(self.sizes.sum())
        return f"<{len(self):,} sets of {n:,} descriptors of {self.n_features} columns, {self.dtype}, in files>"

    def _some(self, numbers: Array) -> Self:
        some = super()._some(numbers)
        some._labels, some._groups = (None if x is None else x[numbers] for x in (self._labels, self._groups))
        return some

    def _name(self, i: int) -> str:
        reader, number = self._place(i)
        return reader.names[number]

    def _read(self, i: int) -> Array:
        reader, number = self._place(i)
        with self._turn(reader):
            n = reader.sizes[number]
            rows = reader.read(number, 0, n)
        if n and rows.shape != (n, self.n_features):
            raise ValueError(
                f"set {i} ({self._name(i)}) has changed since it was opened: "
                f"expected shape {(n, self.n_features)}, got {rows.shape}"
            )
        return self._checked(rows)

    def _gather(self, i: int, rows: Array) -> Array:
        """The rows of set `i` with these ascending numbers."""
        reader, number = self._place(i)
        if hasattr(reader, "gather"):
            try:
                return self._checked(reader.gather(number, rows))
            except ValueError as error:
                raise ValueError(f"set {i} ({self._name(i)}): {error}") from error
        if not len(rows):
            return np.empty((0, self.n_features), self.dtype)
        with self._turn(reader):
            read = [reader.read(number, int(run[0]), int(run[-1]) + 1)[run - run[0]] for run in _near(rows, reader)]
        return self._checked(np.concatenate(read))

    def _checked(self, rows: Array) -> Array:
        """Rows in the number type of all sets; an empty set has the columns of the others."""
        if not len(rows) and rows.shape[1:] != (self.n_features,):
            return np.empty((0, self.n_features), self.dtype)
        return rows.astype(self.dtype, copy=False)


def _near(rows: Array, reader: Reader) -> Iterator[Array]:
    """Runs of ascending row numbers that are near each other, each of about BLOCK bytes at most from first to last."""
    gap, most = (rows_of(size, reader.dim, reader.dtype) for size in (NEAR, BLOCK))
    start = 0
    while start < len(rows):
        stop = int(np.searchsorted(rows, rows[start] + most))
        far = np.flatnonzero(np.diff(rows[start:stop]) > gap)
        stop = start + int(far[0]) + 1 if len(far) else stop
        yield rows[start:stop]
        start = stop


def _one_width(readers: Sequence[Reader]) -> int:
    """The number of columns of all sets that have rows."""
    # The sizes of a table of lists are not asked for in vain.
    full = [r for r in readers if any(r.sizes)] if len(readers) > 1 else readers
    for reader in full:
        if reader.dim != full[0].dim:
            # The first set that has rows of each.
            names = [next(name for name, n in zip(r.names, r.sizes, strict=True) if n) for r in (full[0], reader)]
            got = f"{full[0].dim} in set {names[0]} and {reader.dim} in set {names[1]}"
            raise ValueError(f"sets must have one number of columns, got {got}")
    return next((reader.dim for reader in [*full, *readers]), 0)
