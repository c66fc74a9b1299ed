"""Training sets that are read one part at a time: a sample of their rows, and what their columns are."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np

from . import _columns
from ._batch import Batch
from ._fishervec import Information, Pipeline, sample_rows
from ._lazy import LazyRows, LazySets
from ._missing import Gaps
from ._parts import Part, listed, parts
from ._sampling import RowSample
from ._sets import as_batch
from ._types import Array

#: Is told how many sets were read since the last time.
Advance: TypeAlias = Callable[[int], object]


class Training:
    """Training sets that are not in memory: an iterator, or sets in files."""

    def __init__(self, X: Any, weights: Any, positions: Any, gaps: Gaps) -> None:
        # Sets in files may be read again, and so may what belongs to them.
        again = isinstance(X, LazyRows)
        self._weights = list(weights) if again and isinstance(weights, Iterator) else weights
        self._positions = list(positions) if again and isinstance(positions, Iterator) else positions
        self._sets, self._gaps = X, gaps
        self._names, self._position_names = _columns.Collected(), _columns.Collected("positions of ")
        self._dim: int | None = None

    def sample(self, count: int, seed: int, advance: Advance) -> RowSample:
        """A uniform sample of all rows; of sets in files nothing else is read, unless rows have weights or padding."""
        plain = self._weights is None and self._gaps.padding is None
        located = self._positions is None or isinstance(self._positions, LazyRows)
        if isinstance(self._sets, LazySets) and plain and located:
            return self._drawn(self._sets, count, seed, advance)
        sample = RowSample(count, seed)
        for part in parts(self._sets, self._weights, self._positions):
            sample.add(self._batch(part), part.first)
            advance(len(part.sets))
            part.sets.clear()
        return sample

    def fitted(self, n_positions: int) -> _columns.Fitted:
        """What there is to remember of the columns."""
        return _columns.Fitted(self._names.names, n_positions, self._position_names.names if n_positions else None)

    def learn(self, pipeline: Pipeline, count: int, seed: int, n_jobs: int) -> tuple[Pipeline, int]:
        """The pipeline with the empirical information of a sample of the sets, which are in files."""
        information = Information(pipeline)
        weights, positions = listed(self._weights, self._positions)
        for i in sample_rows(len(self._sets), count, seed):
            beside = (None if given is None else [given[i]] for given in (weights, positions))
            part = Part(i, [self._sets[i]], *beside)
            with part.counted(self._sets):
                pipeline.add_information(information, self._batch(part), n_jobs)
        return pipeline.with_information_learned(information), information.n_sets

    def _drawn(self, sets: LazySets, count: int, seed: int, advance: Advance) -> RowSample:
        """The sample that a fit to these sets in memory draws."""
        sizes = sets.sizes
        if self._positions is not None and len(self._positions) != len(sets):
            raise ValueError(f"positions must be those of {len(sets)} sets, got {len(self._positions)}")
        ends = np.cumsum(sizes)
        picked = np.array(sample_rows(int(ends[-1]) if len(ends) else 0, count, seed), dtype=np.int64)
        sample, start = RowSample(len(picked), seed), 0
        for i, (stop, end) in enumerate(zip(np.searchsorted(picked, ends), ends, strict=True)):
            rows = picked[start:stop] - (end - sizes[i])
            start = int(stop)
            # A set without a row of the sample says how many columns there are, if it is the first.
            if len(rows) or i == 0:
                part = Part(i, [sets._gather(i, rows)], None, self._positions_of(i, int(sizes[i]), rows))
                sample.add(self._batch(part), i, rows)
            advance(1)
        return sample

    def _positions_of(self, i: int, n: int, rows: Array) -> list[Array] | None:
        """The positions of these rows of set `i`, which has `n` rows."""
        if self._positions is None:
            return None
        given = self._positions[i]
        if len(given) != n:
            name = self._sets._name(i)
            raise ValueError(f"set {i} ({name}): positions must have {n} rows, one per descriptor, got {len(given)}")
        return [given[rows]]

    def _batch(self, part: Part) -> Batch:
        with part.counted(self._sets):
            batch = as_batch(part.sets, part.weights, part.positions, dim=self._dim, gaps=self._gaps)
            self._names.add(part.sets, batch.sizes)
            if part.positions is not None:
                self._position_names.add(part.positions, batch.sizes)
        if batch.dim is not None:
            self._dim = batch.dim - batch.n_positions
        return batch
