"""Rows and sets where a worker of a cluster has them: what its tasks do with them."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol

import numpy as np

from ._batch import Batch
from ._cluster import Constant
from ._cures import explained
from ._file_sets import FileReader
from ._fishervec import Cuts, Moments, Partial, Pipeline, features
from ._image_input import as_images
from ._lazy import LazySets
from ._missing import STRICT, Gaps
from ._sets import as_batch, is_plain
from ._settings import of_encoder
from ._types import Array

#: So many bytes of rows of files are in memory at a time.
BLOCK = 64 << 20


class Measure(Protocol):
    """What a pass computes of rows."""

    name: str

    def cuts(self, n: int) -> Cuts: ...
    def part(self, batch: Batch, first: int, n: int, chunks: tuple[int, int]) -> Partial: ...


class Rows(NamedTuple):
    """Neighbouring rows: arrays, the number of the set of each, and that of its first row."""

    arrays: list[Array]
    sets: list[int]
    starts: list[int]

    @contextmanager
    def located(self, gaps: Gaps) -> Iterator[None]:
        """Give the numbers of set and row among all in an error of the compiled module."""
        try:
            with explained(Batch(self.arrays), gaps):
                yield
        except ValueError as error:
            found = re.match(r"^set (\d+): row (\d+)", text := str(error))
            if not found:
                raise
            i, row = map(int, found.groups())
            raise ValueError(f"set {self.sets[i]}: row {self.starts[i] + row}{text[found.end() :]}") from error


class Picked(NamedTuple):
    """Some rows of one set."""

    set: int
    numbers: Array
    rows: Array


# ---- files -----------------------------------------------------------------------------------------------


class Listed:
    """Sets in files, with the number of the first row of each among all."""

    def __init__(self, sets: LazySets) -> None:
        self.sets = sets
        self.starts = np.concatenate([[0], np.cumsum(sets.sizes, dtype=np.int64)])

    @property
    def n_rows(self) -> int:
        """The number of rows of all sets."""
        return int(self.starts[-1])

    def rows(self, start: int, stop: int) -> Rows:
        """Rows `start` to `stop` of all."""
        rows = Rows([], [], [])
        i = int(np.searchsorted(self.starts, start, "right")) - 1
        while start < stop:
            first, end = int(self.starts[i]), min(stop, int(self.starts[i + 1]))
            if start < end:
                rows.arrays.append(self.some(i, start - first, end - first))
                rows.sets.append(i)
                rows.starts.append(start - first)
            start, i = end, i + 1
        return rows

    def some(self, i: int, start: int, stop: int) -> Array:
        """Rows `start` to `stop` of set `i`."""
        reader, number = self._reader(i)
        with self.sets._turn(reader):
            rows = reader.read(number, start, stop)
        if rows.shape != (stop - start, self.sets.n_features):
            expected = (stop - start, self.sets.n_features)
            raise ValueError(
                f"set {i} has changed since it was opened: expected rows of shape {expected}, got {rows.shape}"
            )
        return self.sets._checked(rows)

    def gather(self, i: int, rows: Array) -> Array:
        """The rows of set `i` with these ascending numbers."""
        self._reader(i)
        return self.sets._gather(i, rows)

    def check(self, first: int, last: int) -> None:
        """Raise an error if a file of sets `first` to `last` has changed."""
        for i in range(first, last):
            self._reader(i)

    def _reader(self, i: int) -> tuple[Any, int]:
        """The reader of set `i`, and its number there; the file must be the one that was opened."""
        reader, number = self.sets._place(i)
        if isinstance(reader, FileReader):
            reader.check(number)
        return reader, number


def of_files(measure: Constant, listed: Constant, first: int, last: int) -> Partial:
    """The part of a pass that chunks `first` to `last` make up, some at a time."""
    files, what = listed.value, measure.value
    cuts = what.cuts(files.n_rows)
    start, stop = cuts.items((first, last))
    size = max(1, files.sets.n_features * files.sets.dtype.itemsize)
    step = max(1, int((last - first) * BLOCK / max(1, (stop - start) * size)))
    parts = []
    for lo in range(first, last, step):
        chunks = (lo, min(lo + step, last))
        start, stop = cuts.items(chunks)
        rows = files.rows(start, stop)
        with rows.located(STRICT):
            parts.append(what.part(Batch(rows.arrays), start, files.n_rows, chunks))
    return Partial.merged(parts)


def picked_of_files(listed: Constant, picks: Sequence[tuple[int, Array]]) -> list[Picked]:
    """Some rows of some sets."""
    return [Picked(i, numbers, listed.value.gather(i, numbers)) for i, numbers in picks]


def sets_of_files(listed: Constant, first: int, last: int) -> list[Array]:
    """Sets `first` to `last`."""
    sets = listed.value
    return [sets.some(i, 0, int(sets.starts[i + 1] - sets.starts[i])) for i in range(first, last)]


# ---- partitions ------------------------------------------------------------------------------------------


class Reading(NamedTuple):
    """How the value of a partition becomes sets."""

    #: "sets" for a list of sets, "either" for that or one set, "images", or "ready" for what was read before.
    form: str
    gaps: Gaps = STRICT
    #: How images become descriptors, as JSON.
    images: str | None = None
    #: The number of columns and the number type of all sets, once they are known.
    dim: int = 0
    dtype: Any = None
    #: The partition, and the number of its first set.
    partition: int = 0
    first: int = 0

    def sets(self, value: Any) -> list[Array]:
        """The sets of a partition."""
        try:
            sets = self._sets(value)
        except (TypeError, ValueError) as error:
            where = f"partition {self.partition}"
            text = re.sub(r"\b(set|image) (\d+)", lambda m: f"{m[1]} {int(m[2]) + self.first}", str(error))
            raise type(error)(text if self.first else f"{where}: {text}") from error
        return sets if self.dtype is None else [x.astype(self.dtype, copy=False) for x in sets]

    def _sets(self, value: Any) -> list[Array]:
        if self.form == "ready":
            ready: list[Array] = value
            return ready
        if self.form == "images":
            return list(features(list(as_images(value)), self.images or "", 1))
        if self.form == "either" and is_plain(value):
            value = [value]
        return list(as_batch(value, dim=self.dim, gaps=self.gaps).arrays())


def read(value: Any, reading: Reading) -> list[Array]:
    """The sets of a partition, to be kept."""
    return reading.sets(value)


def counted(value: Any, reading: Reading) -> tuple[Array, list[tuple[int, int]], Any]:
    """The sizes of the sets of a partition, each number of columns with the first set that has it, and the type."""
    sets = reading.sets(value)
    dims: dict[int, int] = {}
    for i, x in enumerate(sets):
        if len(x):
            dims.setdefault(x.shape[1], i)
    kinds = [x.dtype for x in sets if x.size]
    return np.array([len(x) for x in sets], np.int64), list(dims.items()), np.result_type(*kinds) if kinds else None


def head(value: Any, reading: Reading, count: int) -> Rows:
    """The first rows of a partition."""
    rows = Rows([], [], [])
    for i, x in enumerate(reading.sets(value), reading.first):
        if len(x) and count > 0:
            # A view would keep the whole partition.
            rows.arrays.append(x[:count].copy())
            rows.sets.append(i)
            rows.starts.append(0)
            count -= len(x)
    return rows


def of_partition(
    measure: Constant,
    value: Any,
    heads: list[Rows],
    *,
    reading: Reading,
    place: tuple[int, int],
    chunks: tuple[int, int],
) -> Partial:
    """The part of a pass that some chunks make up, of a partition and of the first rows of those after it."""
    first, n = place
    full = [(i, x) for i, x in enumerate(reading.sets(value), reading.first) if len(x)]
    rows = Rows([x for _, x in full], [i for i, _ in full], [0] * len(full))
    for arrays, sets, starts in heads:
        rows.arrays.extend(arrays)
        rows.sets.extend(sets)
        rows.starts.extend(starts)
    what: Measure = measure.value
    with rows.located(reading.gaps):
        return what.part(Batch(rows.arrays), first, n, chunks)


def picked_of_partition(value: Any, reading: Reading, picks: Sequence[tuple[int, Array]]) -> list[Picked]:
    """Some rows of some sets of a partition."""
    sets = reading.sets(value)
    return [Picked(i, numbers, sets[i - reading.first][numbers]) for i, numbers in picks]


def sets_of_partition(value: Any, reading: Reading, numbers: Sequence[int]) -> list[Array]:
    """Some sets of a partition."""
    sets = reading.sets(value)
    return [sets[i - reading.first] for i in numbers]


def is_empirical(pipeline: Pipeline) -> bool:
    """Whether a pipeline has an empirical information, which may not be learned yet."""
    return str(of_encoder(pipeline).get("information")).startswith("empirical")


def on_its_way(pipeline: Pipeline) -> Pipeline:
    """A pipeline that has bytes: an empirical information, which may not be learned yet, is replaced by ones."""
    if not is_empirical(pipeline):
        return pipeline
    width = len(pipeline) // pipeline.cells
    ones = Moments.part(Batch([np.array([[-1.0], [1.0]]).repeat(width, axis=1)]), 0, 2, (0, 1), 1).finish()
    assert isinstance(ones, Moments)
    return pipeline.with_gradients(ones)


def information(
    model: Constant, fetched: list[list[Array]], *, sets: Sequence[int], place: tuple[int, int], chunk: int
) -> Partial:
    """The part of a pass over the gradients of picked sets that a chunk makes up; `sets` are their numbers."""
    pipeline: Pipeline = model.value
    first, n = place
    arrays = [x if len(x) else x.reshape(0, pipeline.dim) for some in fetched for x in some]
    try:
        return pipeline.information_part(Batch(arrays), first, n, (chunk, chunk + 1), 1)
    except ValueError as error:
        text = re.sub(r"^set (\d+)", lambda found: f"set {sets[int(found[1])]}", str(error))
        raise ValueError(text) from error


def merged(parts: list[Partial]) -> Partial:
    """Parts of one pass as one."""
    return Partial.merged(parts)
