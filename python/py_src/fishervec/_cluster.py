"""Work on a cluster of dask: which tasks there are, what they are called, and how their results meet."""

import itertools
import pickle
import secrets
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

from . import _checks as check
from ._fishervec import __version__, instruction_set
from ._reading import needed

with needed("dask.distributed", "dask", "fishervec.dask"):
    from distributed import Client, Future, default_client

#: The name of a task, or what it has become.
Key: TypeAlias = Any
#: Tasks by their keys, in the form of dask: a function and its arguments, among which keys stand for results.
Graph: TypeAlias = dict[Any, Any]

#: So many neighbours are merged by one task.
TOGETHER = 8
#: Pieces of a pass for each thread of the cluster, and at most: the scheduler does 300 to 600 tasks a second.
PER_THREAD, MOST = 4, 1024


class Cluster:
    """The cluster that one call works on. Its tasks have names that no other call has.

    Nothing is sent by `scatter`: what is lost with a worker is computed again only if it is the result of a task.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self._run = secrets.token_hex(4)
        self._passes = itertools.count()

    def key(self, what: str, *numbers: int) -> Key:
        """The name of a task; the dashboard shows the first part of a tuple."""
        return (f"fishervec-{what}-{self._run}", numbers)

    def next_pass(self) -> int:
        """The number of the next pass over the data."""
        return next(self._passes)

    @property
    def n_threads(self) -> int:
        """How many tasks run at the same time; at least 1, since workers may still come."""
        threads: dict[str, int] = self.client.nthreads()
        return max(1, sum(threads.values()))

    def n_pieces(self, tasks: int | None, most: int) -> int:
        """How many pieces a pass is cut into, of at most so many."""
        n = min(PER_THREAD * self.n_threads, max(MOST, self.n_threads)) if tasks is None else tasks
        return max(1, min(n, most))

    def held(self, graph: Graph, keys: Sequence[Key]) -> list[Future]:
        """The results of tasks, which stay on the cluster as long as they are held here."""
        futures: list[Future] = self.client.get(graph, list(keys), sync=False)
        return futures

    def value(self, graph: Graph, key: Key) -> Any:
        """The result of a task, of which the cluster keeps nothing."""
        return self.values(graph, [key])[0]

    def values(self, graph: Graph, keys: Sequence[Key]) -> list[Any]:
        """The results of tasks; the first error ends all of them."""
        futures = self.held(graph, keys)
        try:
            values: list[Any] = self.client.gather(futures)
            return values
        finally:
            for future in futures:
                future.release()

    def constant(self, graph: Graph, what: str, value: Any, number: int) -> Key:
        """Add a value that many tasks take, as the result of a task: it is made again if its worker is lost."""
        key = self.key(what, number)
        graph[key] = (Constant, pickle.dumps(value))
        return key

    def merged(self, graph: Graph, keys: Sequence[Key], number: int, merge: Callable[[list[Any]], Any]) -> Key:
        """Add tasks that merge neighbours until one result is left; its key."""
        for level in itertools.count():
            if len(keys) == 1:
                return keys[0]
            groups = [keys[i : i + TOGETHER] for i in range(0, len(keys), TOGETHER)]
            names = [self.key("merge", number, level, j) for j in range(len(groups))]
            graph.update({name: (merge, list(group)) for name, group in zip(names, groups, strict=True)})
            keys = names
        raise AssertionError

    def check(self) -> None:
        """Raise an error if a worker would compute other bits than this process, or cannot compute."""
        here = about()
        for worker, there in self.client.run(about, on_error="return").items():
            if isinstance(there, OSError):
                # It is gone; what comes in its place is checked with each of its results.
                continue
            if isinstance(there, BaseException):
                raise RuntimeError(
                    f"worker {worker} cannot use fishervec: {type(there).__name__}: {there}; "
                    f'install it there: pip install "fishervec[dask]=={__version__}"'
                ) from there
            if there[0] != here[0]:
                raise RuntimeError(
                    f"worker {worker} has fishervec {there[0]}, this process has {here[0]}, whose numbers may differ: "
                    "install the same version everywhere"
                )
            if there[1] != here[1]:
                raise RuntimeError(
                    f"worker {worker} computes with {there[1]}, this process with {here[1]}, whose last digits differ: "
                    "set the environment variable FISHERVEC_SIMD to one that all have, such as "
                    f"{_common(there[1], here[1])}, before any of them starts"
                )


class Constant:
    """A value beside its pickle, whose size dask can see: many objects do not tell theirs."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.value = pickle.loads(data)

    def __reduce__(self) -> tuple[type["Constant"], tuple[bytes]]:
        return Constant, (self._data,)

    def __sizeof__(self) -> int:
        return 2 * len(self._data) + 64


def about() -> tuple[str, str]:
    """What the bits of this process depend on."""
    return __version__, instruction_set()


def _common(one: str, other: str) -> str:
    """The better one of the instruction sets that both have; a processor has all that are worse than its best."""
    order = ["portable", "avx2", "avx512"]
    return min((name for name in (one, other) if name in order), key=order.index, default=order[0])


def cluster(client: Client | None) -> Cluster:
    """The cluster of a client, whose workers have been checked; that of the current client for None."""
    if client is None:
        try:
            client = default_client()
        except ValueError as error:
            raise ValueError(
                "client must be a Client of dask.distributed, and there is none: "
                "write `from distributed import Client; client = Client()`, or pass one"
            ) from error
    if not isinstance(client, Client):
        raise TypeError(f"client must be a Client of dask.distributed, got {type(client).__name__}")
    if client.asynchronous:
        raise TypeError("client must be one that waits, got one with asynchronous=True")
    if client.status not in ("running", "newly-created"):
        raise ValueError(f"client must be connected to its scheduler, got one that is {client.status}")
    found = Cluster(client)
    found.check()
    return found


def runs(sizes: Sequence[int], n: int) -> list[tuple[int, int]]:
    """At most `n` runs of neighbours, none of them empty, with about the same sums of sizes.

    Run i ends with the first item by which i/n of the whole is there.
    """
    ends = np.cumsum(sizes if sum(sizes) else np.ones(len(sizes)), dtype=np.int64)
    total = int(ends[-1]) if len(ends) else 0
    stops = np.searchsorted(ends * n, np.arange(1, n) * total) + 1
    bounds = np.unique([0, *np.minimum(stops, len(ends)), len(ends)]).tolist()
    return list(pairwise(bounds))


def tasks_of(tasks: int | None) -> int | None:
    """The parameter `tasks`, checked."""
    return check.optional(check.integer, "tasks", tasks)
