"""Sets that are rows of one long array: which rows are whose, and how they are read by runs."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from ._reading import BLOCK, Reader, rows_of
from ._types import Array

#: So many bytes of sets are held whose rows lie scattered among those of others.
AHEAD = 128 << 20
#: A set is scattered if there are so many times its rows between its first one and its last one.
SCATTERED = 4


class Rows(Protocol):
    """Descriptors, one after the other, in a file."""

    n: int
    dim: int
    dtype: np.dtype[Any]

    def read(self, start: int, stop: int) -> Array:
        """Rows `start` to `stop`, shape (stop - start, dim)."""
        ...

    def blocks(self) -> Iterator[tuple[int, Array]]:
        """All rows in blocks, each with the number of its first row."""
        ...


class Coded(NamedTuple):
    """A column of few values: the value of row i is `values[codes[i]]`."""

    values: Sequence[Any]
    codes: Array


def plain(value: Any) -> Any:
    """A key or a label as it is told: bytes are a text, and a NaN is a missing value."""
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace")
    return value if value == value else None


class Runs:
    """Which rows belong to which set: runs of rows that lie together, found while the keys are read in order."""

    def __init__(self) -> None:
        #: The sets in the order of their first rows.
        self.keys: list[Any] = []
        self._labels: dict[int, Any] = {}
        self._numbers: dict[Any, int] = {}
        self._starts: list[Array] = []
        self._sets: list[Array] = []
        self.n = 0

    def add(self, keys: Coded, labels: Coded | None = None) -> None:
        """Rows, the set of each, and the label of each."""
        numbers = np.zeros(len(keys.values), dtype=np.int64)
        used, first = np.unique(keys.codes, return_index=True)
        for code in used[np.argsort(first)]:
            numbers[code] = self._number(plain(keys.values[code]))
        sets = numbers[keys.codes]
        if not len(sets):
            return
        starts = np.flatnonzero(np.concatenate([[True], sets[1:] != sets[:-1]]))
        self._starts.append(starts + self.n)
        self._sets.append(sets[starts])
        if labels is not None:
            self._add_labels(sets, labels)
        self.n += len(sets)

    def add_empty(self, key: Any) -> None:
        """A set that may have no rows."""
        self._number(key)

    def _number(self, key: Any) -> int:
        if key is None:
            raise ValueError(f"the set of a row must be named, got {key} among rows {self.n} and on")
        if key not in self._numbers:
            self._numbers[key] = len(self.keys)
            self.keys.append(key)
        return self._numbers[key]

    def _add_labels(self, sets: Array, labels: Coded) -> None:
        n_labels = max(1, len(labels.values))
        for pair in np.unique(sets * n_labels + labels.codes).tolist():
            i, label = pair // n_labels, plain(labels.values[pair % n_labels])
            if self._labels.setdefault(i, label) != label:
                raise ValueError(
                    f"set {self.keys[i]} must have one label, got {self._labels[i]} and {label}; "
                    "labels=False reads no labels"
                )

    @property
    def labels(self) -> list[Any] | None:
        """The label of each set; None if there are none."""
        return [self._labels[i] for i in range(len(self.keys))] if self._labels else None

    def finished(self) -> tuple[Array, Array, Array]:
        """The first row of each run, the row after its last, and its set."""
        starts = np.concatenate(self._starts) if self._starts else np.empty(0, np.int64)
        sets = np.concatenate(self._sets) if self._sets else np.empty(0, np.int64)
        # A run may go on in the next part.
        first = np.concatenate([[True], sets[1:] != sets[:-1]]) if len(sets) else np.empty(0, bool)
        starts, sets = starts[first], sets[first]
        return starts, np.append(starts[1:], self.n) if len(starts) else starts, sets


class Grouped(Reader):
    """The sets of a long array of descriptors, each of one or more runs of rows."""

    def __init__(self, rows: Rows, runs: Runs, positions: Rows | None = None) -> None:
        starts, stops, sets = runs.finished()
        order = np.argsort(sets, kind="stable")
        n_sets = len(runs.keys)
        #: The runs of set i are those from `_of_set[i]` to `_of_set[i + 1]`.
        self._of_set = np.searchsorted(sets[order], np.arange(n_sets + 1))
        self._starts, self._stops = starts[order], stops[order]
        self._row_starts, self._row_sets = starts, sets
        self._rows, self._positions = rows, positions
        if positions is not None and positions.n != rows.n:
            raise ValueError(
                f"positions must be those of {rows.n} descriptors, got {positions.n}; positions=NAME chooses"
            )
        self.names = [str(key) for key in runs.keys]
        if len(set(self.names)) < n_sets:
            raise ValueError("two sets have the same name as text: their keys must be of one type")
        lengths = np.bincount(sets, weights=stops - starts, minlength=n_sets)
        self.sizes = [int(n) for n in lengths]
        self.dim, self.dtype = rows.dim, rows.dtype
        self.labels = runs.labels
        self._held: dict[int, Array] = {}
        self.groups = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_held": {}}

    def read(self, i: int, start: int, stop: int) -> Array:
        # Other threads may hold other sets.
        held = self._held
        if i not in held and self._is_scattered(i):
            held = self._held = self._ahead(i)
        if i in held:
            return held[i][start:stop]
        return self._gathered(self._rows, i, start, stop)

    def _is_scattered(self, i: int) -> bool:
        """Whether a set lies among so many rows of others that one pass for many sets is better."""
        first, last = self._of_set[i], self._of_set[i + 1]
        if last - first < 2 or self._bytes(i) > AHEAD:
            return False
        return bool(self._stops[last - 1] - self._starts[first] > SCATTERED * self.sizes[i])

    def _bytes(self, i: int) -> int:
        return self.sizes[i] * self.dim * self.dtype.itemsize

    def _ahead(self, i: int) -> dict[int, Array]:
        """Set `i` and those after it, and after the last one the first, as many as may be held: in one pass."""
        sets, room = [], AHEAD
        for k in range(len(self.sizes)):
            j = (i + k) % len(self.sizes)
            room -= self._bytes(j)
            if room < 0:
                break
            sets.append(j)
        held = {j: np.empty((self.sizes[j], self.dim), self.dtype) for j in sets}
        filled = dict.fromkeys(sets, 0)
        for j, rows in self.iter_blocks():
            if j in held:
                held[j][filled[j] : filled[j] + len(rows)] = rows
                filled[j] += len(rows)
        return held

    def positions(self, i: int) -> Array | None:
        return None if self._positions is None else self._gathered(self._positions, i, 0, self.sizes[i])

    def _gathered(self, source: Rows, i: int, start: int, stop: int) -> Array:
        """Rows of a set: the runs that they are in, those near each other with one read."""
        parts = [_picked(source, runs) for runs in self._together(source, i, start, stop)]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.empty((0, source.dim), source.dtype)

    def _together(self, source: Rows, i: int, start: int, stop: int) -> Iterator[list[tuple[int, int]]]:
        of_set = slice(self._of_set[i], self._of_set[i + 1])
        starts, stops = self._starts[of_set], self._stops[of_set]
        ends = np.cumsum(stops - starts)
        most = rows_of(BLOCK, source.dim, source.dtype)
        runs: list[tuple[int, int]] = []
        for k in range(int(np.searchsorted(ends, start, "right")), len(ends)):
            before = int(ends[k] - (stops[k] - starts[k]))
            a, b = int(starts[k]) + max(0, start - before), int(starts[k]) + min(stop, int(ends[k])) - before
            if a >= b:
                break
            if runs and b - runs[0][0] > most:
                yield runs
                runs = []
            runs.append((a, b))
        if runs:
            yield runs

    def iter_blocks(self) -> Iterator[tuple[int, Array]]:
        for first, block in self._rows.blocks():
            rows = np.arange(first, first + len(block))
            sets = self._row_sets[np.searchsorted(self._row_starts, rows, "right") - 1]
            order = np.argsort(sets, kind="stable")
            cuts = np.flatnonzero(np.diff(sets[order])) + 1
            for part in np.split(order, cuts) if len(order) else []:
                is_run = part[-1] - part[0] + 1 == len(part)
                yield int(sets[part[0]]), block[part[0] : part[-1] + 1] if is_run else block[part]


def _picked(source: Rows, runs: list[tuple[int, int]]) -> Array:
    """The rows of runs that lie near each other."""
    first = runs[0][0]
    block = source.read(first, runs[-1][1])
    if len(runs) == 1:
        return block
    return np.concatenate([block[a - first : b - first] for a, b in runs])
