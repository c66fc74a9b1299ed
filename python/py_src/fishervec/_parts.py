"""Sets that are read one part at a time, with the weights and the positions that go with each part."""

import itertools
import math
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from . import _unopened
from ._lazy import LazyRows, LazySets
from ._missing import Gaps
from ._sets import SETS, as_batch, is_flat, opened

#: At most so many sets are worked on at a time, and so many bytes of descriptors unless one set has more.
TOGETHER = 256
BYTES = 32 << 20


class Part(NamedTuple):
    """Some sets, one after the other, of which the first is number `first`."""

    first: int
    sets: list[Any]
    weights: list[Any] | None
    positions: list[Any] | None

    @contextmanager
    def counted(self, X: Any) -> Iterator[None]:
        """Count sets from the very first one of `X` in errors, and name those that have names."""

        def called(found: re.Match[str]) -> str:
            i = int(found[1]) + self.first
            return f"set {i} ({X._name(i)})" if isinstance(X, LazySets) else f"set {i}"

        try:
            yield
        except (TypeError, ValueError) as error:
            first, end, rest = str(error).partition("\n")
            raise type(error)(re.sub(r"\bset (\d+)", called, first) + end + rest) from error


def is_stream(X: Any) -> bool:
    """Whether sets are to be read one part at a time."""
    return isinstance(X, Iterator | LazyRows)


def n_known(X: Any) -> int | None:
    """The number of sets, if it is known before they are read."""
    return len(X) if isinstance(X, LazyRows) else None


def parts(X: Iterable[Any], weights: Any = None, positions: Any = None) -> Iterator[Part]:
    """All parts of sets; weights and positions may be iterators, which are read in step with them, or lists."""
    _unopened.check(X, "sets", SETS)
    beside = {"weights": _each(weights, _weights), "positions": _each(positions, _positions)}
    first, each_set = 0, iter(X)
    while part := _some(each_set):
        # Whoever has done with a part may clear it, so that the next one takes its place in memory.
        n = len(part)
        yield Part(first, part, **{name: _next(name, each, first, n) for name, each in beside.items()})
        first += n
    for name, each in beside.items():
        if each is not None and len(list(itertools.islice(each, 1))):
            raise ValueError(f"{name} must be those of {first} sets, got more")


def listed(weights: Any, positions: Any) -> tuple[Any, Any]:
    """What is given for each set as sequences, none of which are iterators."""
    each = _each(weights, _weights)
    return None if each is None else list(each), positions if isinstance(positions, LazyRows | None) else list(
        _each(positions, _positions) or ()
    )


def _some(X: Iterator[Any]) -> list[Any]:
    """The next sets."""
    part: list[Any] = []
    size = 0
    while len(part) < TOGETHER and size < BYTES:
        try:
            x = next(X)
        except StopIteration:
            break
        part.append(x)
        size += _bytes_of(x)
    return part


def _bytes_of(x: Any) -> int:
    """About how many bytes a set has."""
    if isinstance(n := getattr(x, "nbytes", None), int):
        return n
    if isinstance(shape := getattr(x, "shape", None), tuple):
        return 8 * math.prod(map(int, shape))
    return 8 * len(x) * (len(x[0]) if hasattr(x[0], "__len__") else 1) if isinstance(x, list | tuple) and x else 0


def _each(given: Any, listed: Callable[[Any], Iterable[Any]]) -> Iterator[Any] | None:
    """What is given for each set, one after the other; None if nothing is given."""
    if given is None or isinstance(given, Iterator):
        return given
    return iter(given if isinstance(given, LazyRows) else listed(opened(given)))


def _positions(given: Any) -> Iterable[Any]:
    return given if isinstance(given, list) else as_batch(given, gaps=Gaps("empty")).arrays()


def _weights(given: Any) -> Iterable[Any]:
    if is_flat(given):
        return np.split(np.asarray(given[0]), given[1][1:-1])
    each: Iterable[Any] = given.to_pylist() if hasattr(given, "to_pylist") else given
    return each


def _next(name: str, each: Iterator[Any] | None, first: int, n: int) -> list[Any] | None:
    """What is given for the next `n` sets."""
    if each is None:
        return None
    part = list(itertools.islice(each, n))
    if len(part) < n:
        raise ValueError(f"{name} must be those of at least {first + n} sets, got {first + len(part)}")
    return part
