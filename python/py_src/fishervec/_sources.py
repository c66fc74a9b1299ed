"""The data of a cluster: files that its workers open, and partitions that its tasks make."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from . import _held
from ._cluster import Cluster, Graph, Key, runs
from ._fishervec import Cuts, Moments, Partial, Pipeline
from ._held import Listed, Measure, Picked, Reading
from ._open import Listing
from ._reading import needed
from ._types import Array

with needed("dask.distributed", "dask", "fishervec.dask"):
    from distributed import Future


class Source:
    """Sets on a cluster, whose rows count from the first set on."""

    #: The number of rows of each set, and the number of the first row of each.
    sizes: Array
    starts: Array
    dim: int
    dtype: np.dtype[Any]

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster

    @property
    def n_rows(self) -> int:
        """The number of rows of all sets."""
        return int(self.starts[-1])

    def _counted(self, sizes: Array) -> None:
        self.sizes = sizes
        self.starts = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])

    def name(self, i: int) -> str:
        """What an error calls set `i`, beside its number."""
        raise NotImplementedError

    @property
    def names(self) -> list[str]:
        """The names of all sets: numbers, if they have none."""
        return [str(i) for i in range(len(self.sizes))]

    @property
    def labels(self) -> list[Any] | None:
        """The labels of all sets."""
        return None

    def graph(self) -> Graph:
        """The tasks that all passes need."""
        raise NotImplementedError

    def prepare(self, cuts: Sequence[Cuts]) -> None:
        """Get ready for passes with these cuts."""

    def parts(self, measure: Key, cuts: Cuts, tasks: int | None) -> Iterator[tuple[Any, ...]]:
        """A task for each part of a pass."""
        raise NotImplementedError

    def picking(self, picks: list[tuple[int, Array]]) -> Iterator[tuple[Any, ...]]:
        """Tasks that fetch rows of sets."""
        raise NotImplementedError

    def fetching(self, sets: list[int]) -> Iterator[tuple[Any, ...]]:
        """Tasks that fetch whole sets."""
        raise NotImplementedError

    # ---- what is computed with them ----------------------------------------------------------------------

    def measured(self, measure: Measure, tasks: int | None) -> Any:
        """What a pass over all rows comes to; None for no rows."""
        cluster = self.cluster
        number, graph, cuts = cluster.next_pass(), self.graph(), measure.cuts(self.n_rows)
        model = cluster.constant(graph, "model", measure, number)
        keys = []
        for i, task in enumerate(self.parts(model, cuts, tasks)):
            keys.append(cluster.key(measure.name, number, i))
            graph[keys[-1]] = task
        if not keys:
            return None
        top = cluster.merged(graph, keys, number, _held.merged)
        with self.named():
            part: Partial = cluster.value(graph, top)
        return part.finish()

    def picked(self, rows: Array) -> list[Picked]:
        """The rows with these ascending numbers, by set."""
        bounds = np.searchsorted(rows, self.starts)
        picks = [(int(i), rows[bounds[i] : bounds[i + 1]] - self.starts[i]) for i in np.flatnonzero(np.diff(bounds))]
        return [one for some in self._all("gather", self.picking(picks)) for one in some]

    def information(self, pipeline: Pipeline, numbers: list[int]) -> tuple[Pipeline, int]:
        """The pipeline with the empirical information of these sets, and how many had descriptors."""
        cluster, cuts = self.cluster, Cuts.information(len(numbers))
        number, graph, keys = cluster.next_pass(), self.graph(), []
        model = cluster.constant(graph, "model", _held.on_its_way(pipeline), number)
        for i in range(len(cuts)):
            first, last = cuts.items((i, i + 1))
            some = numbers[first:last]
            fetched = []
            for j, task in enumerate(self.fetching(some)):
                fetched.append(cluster.key("fetch", number, i, j))
                graph[fetched[-1]] = task
            keys.append(cluster.key("information", number, i))
            work = partial(_held.information, sets=some, place=(first, len(numbers)), chunk=i)
            graph[keys[-1]] = (work, model, fetched)
        if not keys:
            return pipeline, 0
        top = cluster.merged(graph, keys, number, _held.merged)
        with self.named():
            part: Partial = cluster.value(graph, top)
        gradients = part.finish()
        assert isinstance(gradients, Moments)
        return pipeline.with_gradients(gradients), int(gradients.n)

    def _all(self, what: str, tasks: Iterator[tuple[Any, ...]]) -> list[Any]:
        number, graph = self.cluster.next_pass(), self.graph()
        keys = []
        for i, task in enumerate(tasks):
            keys.append(self.cluster.key(what, number, i))
            graph[keys[-1]] = task
        with self.named():
            return self.cluster.values(graph, keys) if keys else []

    @contextmanager
    def named(self) -> Iterator[None]:
        """Say in an error what a set is called."""

        try:
            yield
        except (TypeError, ValueError) as error:
            found = re.match(r"^set (\d+)(?! \()(?:: row (\d+))?", text := str(error))
            if not found or int(found[1]) >= len(self.sizes):
                raise
            raise type(error)(self._named(int(found[1]), found[2]) + text[found.end() :]) from error

    def _named(self, i: int, row: str | None) -> str:
        """What an error says of set `i`, or a row of it."""
        return f"set {i} ({self.name(i)})" + ("" if row is None else f": row {row}")


class Files(Source):
    """Sets in files that all workers can open."""

    def __init__(self, cluster: Cluster, sets: Listing) -> None:
        super().__init__(cluster)
        self.sets = sets
        listed = Listed(sets)
        self._counted(np.asarray(sets.sizes))
        self.dim, self.dtype = sets.n_features, np.dtype(sets.dtype)
        graph: Graph = {}
        key = cluster.constant(graph, "list", listed, cluster.next_pass())
        #: One task's value for all passes.
        self.listed = cluster.held(graph, [key])[0]

    def name(self, i: int) -> str:
        return self.sets._name(i)

    @property
    def names(self) -> list[str]:
        return self.sets.names

    @property
    def labels(self) -> list[Any] | None:
        return None if self.sets.labels is None else self.sets.labels.tolist()

    def graph(self) -> Graph:
        return {}

    def parts(self, measure: Key, cuts: Cuts, tasks: int | None) -> Iterator[tuple[Any, ...]]:
        n = self.cluster.n_pieces(tasks, len(cuts))
        for i in range(n):
            first, last = cuts.shard(i, n)
            if first < last:
                yield (_held.of_files, measure, self.listed, first, last)

    def picking(self, picks: list[tuple[int, Array]]) -> Iterator[tuple[Any, ...]]:
        n = self.cluster.n_pieces(None, len(picks))
        for first, last in runs([len(rows) for _, rows in picks], n):
            yield (partial(_held.picked_of_files, picks=picks[first:last]), self.listed)

    def fetching(self, sets: list[int]) -> Iterator[tuple[Any, ...]]:
        for i in sets:
            yield (_held.sets_of_files, self.listed, i, i + 1)


class Partitions(Source):
    """Sets that tasks make: lists of sets by partitions, of which each pass makes those anew that are not kept."""

    def __init__(self, cluster: Cluster, made: Graph, keys: list[Key], reading: Reading, persist: bool) -> None:
        super().__init__(cluster)
        self._made, self._keys = made, keys
        #: The sets in files that were cut into these partitions, if they were.
        self.cut: Listing | None = None
        #: What the sets are called, if they have names of their own.
        self.called: list[str] | None = None
        #: Whether they are rows, of which errors count all.
        self.rows = False
        each = [reading._replace(partition=p) for p in range(len(keys))]
        if persist:
            self._keep(each)
            each = [one._replace(form="ready") for one in each]
        number, graph = cluster.next_pass(), self.graph()
        counting = [cluster.key("count", number, p) for p in range(len(keys))]
        for key, part, one in zip(counting, self._keys, each, strict=True):
            graph[key] = (partial(_held.counted, reading=one), part)
        self._take(cluster.values(graph, counting) if counting else [], each)
        #: The first rows of each partition, which chunks of those before it want, too.
        self._heads: list[Future | None] = [None] * len(keys)

    def _keep(self, readings: list[Reading]) -> None:
        number, graph = self.cluster.next_pass(), self.graph()
        keys = [self.cluster.key("keep", number, p) for p in range(len(self._keys))]
        for key, part, one in zip(keys, self._keys, readings, strict=True):
            graph[key] = (partial(_held.read, reading=one), part)
        self._keys, self._made = list(self.cluster.held(graph, keys)), {}

    def _take(self, counts: list[Any], readings: list[Reading]) -> None:
        """Learn what the sets are from what was counted."""
        sizes = [part for part, _, _ in counts]
        self._counted(np.concatenate(sizes) if sizes else np.empty(0, np.int64))
        #: The number of the first set of each partition.
        self._first = np.concatenate([[0], np.cumsum([len(part) for part in sizes], dtype=np.int64)])
        dims: dict[int, tuple[int, int]] = {}
        for p, (_, found, _) in enumerate(counts):
            for dim, i in found:
                dims.setdefault(dim, (int(self._first[p]) + i, p))
        if len(dims) > 1:
            (d, one), (e, other) = list(dims.items())[:2]
            raise ValueError(
                f"sets must have one number of columns, got {d} in set {one[0]} (partition {one[1]}) and {e} in set "
                f"{other[0]} (partition {other[1]})"
            )
        self.dim = next(iter(dims), 0)
        kinds = [kind for _, _, kind in counts if kind is not None]
        self.dtype = np.dtype(np.result_type(*kinds)) if kinds else np.dtype(np.float64)
        self._readings = [
            one._replace(first=int(first), dim=self.dim, dtype=self.dtype)
            for one, first in zip(readings, self._first[:-1], strict=True)
        ]

    def name(self, i: int) -> str:
        return f"partition {self._partition(i)}" if self.cut is None else self.cut._name(i)

    @property
    def names(self) -> list[str]:
        if self.called is not None:
            return self.called
        return super().names if self.cut is None else self.cut.names

    @property
    def labels(self) -> list[Any] | None:
        return None if self.cut is None or self.cut.labels is None else self.cut.labels.tolist()

    def _named(self, i: int, row: str | None) -> str:
        if not self.rows or row is None:
            return super()._named(i, row)
        return f"row {self.starts[i] + int(row)} ({self.name(i)})"

    def __len__(self) -> int:
        return len(self._keys)

    def first_set(self, p: int) -> int:
        """The number of the first set of partition `p`."""
        return int(self._first[p])

    def some(self, first: int, last: int) -> tuple[list[Reading], list[Key]]:
        """How some partitions are read, and what makes them."""
        return self._readings[first:last], self._keys[first:last]

    def _partition(self, i: int) -> int:
        """The partition that set `i` is in."""
        return int(np.searchsorted(self._first, i, "right")) - 1

    def graph(self) -> Graph:
        return dict(self._made)

    def _row(self, p: int) -> int:
        """The number of the first row of partition `p`."""
        return int(self.starts[self._first[p]])

    def prepare(self, cuts: Sequence[Cuts]) -> None:
        """Cut out the first rows of partitions that belong to a chunk that begins before them."""
        number, graph, keys, owners = self.cluster.next_pass(), self.graph(), [], []
        for p in range(1, len(self._keys)):
            count = max(self._wanted(p, one) for one in cuts)
            if count:
                keys.append(self.cluster.key("head", number, p))
                owners.append(p)
                graph[keys[-1]] = (partial(_held.head, reading=self._readings[p], count=count), self._keys[p])
        if keys:
            for p, future in zip(owners, self.cluster.held(graph, keys), strict=True):
                self._heads[p] = future

    def _wanted(self, p: int, cuts: Cuts) -> int:
        """How many rows at its beginning belong to a chunk that begins before partition `p`."""
        row, end = self._row(p), self._row(p + 1)
        chunk = cuts.first_at(row)
        return min(end, cuts.items((chunk, chunk + 1))[0] if chunk < len(cuts) else self.n_rows) - row

    def parts(self, measure: Key, cuts: Cuts, tasks: int | None) -> Iterator[tuple[Any, ...]]:
        for p in range(len(self._keys)):
            row, end = self._row(p), self._row(p + 1)
            first, last = cuts.first_at(row), cuts.first_at(end) if end < self.n_rows else len(cuts)
            if first >= last or row == end:
                continue
            stop, q, heads = cuts.items((first, last))[1], p + 1, []
            while end < stop:
                heads += [] if self._heads[q] is None else [self._heads[q]]
                q, end = q + 1, self._row(q + 1)
            place, chunks = (row, self.n_rows), (first, last)
            work = partial(_held.of_partition, reading=self._readings[p], place=place, chunks=chunks)
            yield (work, measure, self._keys[p], heads)

    def picking(self, picks: list[tuple[int, Array]]) -> Iterator[tuple[Any, ...]]:
        for p, some in self._by_partition([i for i, _ in picks]):
            mine = [picks[k] for k in some]
            yield (partial(_held.picked_of_partition, reading=self._readings[p], picks=mine), self._keys[p])

    def fetching(self, sets: list[int]) -> Iterator[tuple[Any, ...]]:
        for p, some in self._by_partition(sets):
            mine = [sets[k] for k in some]
            yield (partial(_held.sets_of_partition, reading=self._readings[p], numbers=mine), self._keys[p])

    def _by_partition(self, sets: list[int]) -> Iterator[tuple[int, list[int]]]:
        """Positions in a list of ascending set numbers, by partition."""
        owners = np.searchsorted(self._first, np.array(sets, np.int64), "right") - 1
        for p in np.unique(owners):
            yield int(p), np.flatnonzero(owners == p).tolist()
