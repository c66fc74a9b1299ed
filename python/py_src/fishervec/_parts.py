"""An iterator of sets in parts, with the weights and the positions that go with each part."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from ._missing import Gaps
from ._sets import as_batch, is_flat, opened

#: Number of sets of an iterator that are encoded at a time.
TOGETHER = 256


class Part(NamedTuple):
    """Some sets, one after the other in an iterator, of which the first is number `first`."""

    first: int
    sets: list[Any]
    weights: list[Any] | None
    positions: list[Any] | None


def parts(X: Iterator[Any], weights: Any = None, positions: Any = None) -> Iterator[Part]:
    """All parts of an iterator; weights and positions may be iterators, which are read in step with it, or lists."""
    beside = {"weights": _each(weights, _weights), "positions": _each(positions, _positions)}
    first = 0
    while part := list(itertools.islice(X, TOGETHER)):
        yield Part(first, part, **{name: _next(name, each, first, len(part)) for name, each in beside.items()})
        first += len(part)
    for name, each in beside.items():
        if each is not None and len(list(itertools.islice(each, 1))):
            raise ValueError(f"{name} must be those of {first} sets, got more")


def _each(given: Any, listed: Callable[[Any], Iterable[Any]]) -> Iterator[Any] | None:
    """What is given for each set, one after the other; None if nothing is given."""
    return given if given is None or isinstance(given, Iterator) else iter(listed(opened(given)))


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
