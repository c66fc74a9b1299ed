"""A uniform sample of the rows of sets that are read one part at a time: no more than the sample is held."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from ._batch import Batch
from ._lazy import LazySets
from ._types import Array

#: The sample is held in blocks of so many rows.
BLOCK = 1 << 14
#: The increment and the multipliers of SplitMix64 (Steele, Lea and Flood 2014).
GAMMA, FIRST, SECOND = (np.uint64(x) for x in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


class RowSample:
    """A sample of up to `count` rows, each subset of that size equally likely (algorithm R, Vitter 1985).

    The random numbers are those of SplitMix64 at the number of the row, so that the sample is the same however the
    sets are cut into parts. Rows of weight 0 do not count. Cost O(d) per row that is drawn, and O(1) per other row.
    """

    def __init__(self, count: int, seed: int) -> None:
        self._count, self._seed = count, np.uint64(seed)
        self._blocks: list[Array] = []
        self._weights: list[Array] = []
        #: The set, and the row of it, that each row of the sample comes from.
        self._origins: list[Array] = []
        self._n_positions = 0
        self._dim: int | None = None
        #: Number of rows so far, without those of weight 0.
        self.n_rows = 0

    def add(self, batch: Batch, first: int, numbers: Array | None = None) -> None:
        """Take the next sets, of which the first is number `first`; or some rows of one set, with their numbers."""
        start, self._n_positions = 0, batch.n_positions
        for i, rows in enumerate(batch.arrays(), first):
            if self._dim not in (None, rows.shape[1]):
                got = f"expected {self._dim}, got {rows.shape[1]}"
                raise ValueError(f"set {i}: wrong dimension of descriptors: {got}")
            self._dim = rows.shape[1]
            weights = None if batch.weights is None else batch.weights[start : start + len(rows)]
            start += len(rows)
            self._add(i, rows, weights, np.arange(len(rows)) if numbers is None else numbers)

    def batch(self) -> Batch:
        """The sample; no sets if there was none."""
        n = min(self.n_rows, self._count)
        if not self._blocks:
            return Batch([] if self._dim is None else [np.empty((0, self._dim))], None, None, self._n_positions)
        kind = np.result_type(*(block.dtype for block in self._blocks))
        for b, block in enumerate(self._blocks):
            self._blocks[b] = block[: n - b * BLOCK].astype(kind, copy=False)
        weights = np.concatenate(self._weights)[:n] if self._weights else None
        return Batch(list(self._blocks), None, weights, self._n_positions)

    @contextmanager
    def located(self, X: Any) -> Iterator[None]:
        """Name the set of `X` and the row that a row of the sample comes from in errors of the compiled module."""
        try:
            yield
        except ValueError as error:
            found = re.match(r"^set (\d+): row (\d+)", text := str(error))
            if not found or not self._origins:
                raise
            i, row = self._origins[int(found[1])][int(found[2])]
            name = f" ({X._name(i)})" if isinstance(X, LazySets) else ""
            raise ValueError(f"set {i}{name}: row {row}{text[found.end() :]}") from error

    def _add(self, i: int, rows: Array, weights: Array | None, origin: Array) -> None:
        numbers = np.arange(len(rows)) if weights is None else np.flatnonzero(weights)
        at = np.arange(self.n_rows, self.n_rows + len(numbers), dtype=np.uint64)
        self.n_rows += len(numbers)
        slots = np.where(at < self._count, at, _hash(self._seed, at) % (at + np.uint64(1)))
        drawn = slots < self._count
        # Where one slot is drawn twice, the later row stays.
        slots, last = np.unique(slots[drawn][::-1].astype(np.int64), return_index=True)
        numbers = numbers[drawn][::-1][last]
        for b in np.unique(slots // BLOCK):
            inside = slots // BLOCK == b
            here = numbers[inside]
            block = self._block(int(b), rows, weights)
            block[slots[inside] - b * BLOCK] = rows[here]
            self._origins[b][slots[inside] - b * BLOCK] = np.stack([np.full_like(here, i), origin[here]], axis=1)
            if weights is not None:
                self._weights[b][slots[inside] - b * BLOCK] = weights[here]

    def _block(self, b: int, rows: Array, weights: Array | None) -> Array:
        """Block `b`, of a number type that holds `rows` as well."""
        if b == len(self._blocks):
            # Memory that is never written to is never used.
            n = min(BLOCK, self._count - b * BLOCK)
            self._blocks.append(np.empty((n, rows.shape[1]), rows.dtype))
            self._origins.append(np.empty((n, 2), np.int64))
            self._weights += [] if weights is None else [np.empty(n)]
        kind = np.result_type(self._blocks[b].dtype, rows.dtype)
        self._blocks[b] = self._blocks[b].astype(kind, copy=False)
        return self._blocks[b]


def _hash(seed: np.uint64, numbers: Array) -> Array:
    """The random numbers of SplitMix64 with these positions in its sequence."""
    x = seed + (numbers + np.uint64(1)) * GAMMA
    x = (x ^ (x >> np.uint64(30))) * FIRST
    x = (x ^ (x >> np.uint64(27))) * SECOND
    mixed: Array = x ^ (x >> np.uint64(31))
    return mixed
