"""Training sets that are read one part at a time: a sample of their rows, and what their columns are."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeAlias

import numpy as np

from . import _columns
from ._batch import Batch
from ._fishervec import Information, Pipeline, sample_rows
from ._lazy import LazyRows, LazySets
from ._missing import Gaps
from ._parts import Part, listed, parts
from ._polish import Held, Pass, in_parts
from ._sampling import RowSample
from ._sets import as_batch, weights_of_set
from ._types import Array

#: Is told how many sets were read since the last time.
Advance: TypeAlias = Callable[[int], object]


class Unheld(Protocol):
    """Training sets that are not in memory, after a sample of them was fitted to."""

    def passes(self, n_jobs: int) -> Pass:
        """Passes over all rows of the sets."""
        ...

    def learned(self, pipeline: Pipeline, count: int, seed: int, n_jobs: int) -> tuple[Pipeline, int]:
        """The pipeline with the empirical information of a sample of the sets, and how many had descriptors."""
        ...


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
        #: The number of rows, once a sample was drawn.
        self._n_rows = 0

    def sample(self, count: int, seed: int, advance: Advance) -> RowSample:
        """A uniform sample of all rows; of sets in files nothing else is read, unless rows may be padding."""
        if isinstance(self._sets, LazySets) and self._gaps.padding is None:
            self._weights, self._positions = listed(self._weights, self._positions)
            beside = _Beside(self._sets, self._weights, self._positions)
            if beside.can_be_cut:
                self._n_rows = int(self._sets.sizes.sum())
                return self._drawn(beside, count, seed, advance)
        sample = RowSample(count, seed)
        for part in parts(self._sets, self._weights, self._positions):
            sample.add(self._batch(part), part.first)
            advance(len(part.sets))
            part.sets.clear()
        self._n_rows = sample.n_rows
        return sample

    def fitted(self, n_positions: int) -> _columns.Fitted:
        """What there is to remember of the columns."""
        return _columns.Fitted(self._names.names, n_positions, self._position_names.names if n_positions else None)

    def passes(self, n_jobs: int) -> Pass:
        """Passes over all rows of the sets, which are in files."""
        if self._weights is not None:
            raise ValueError("polish must be 0 with weights of sets in files: pass the sets as a list of arrays")
        return in_parts(self._held, self._n_rows, n_jobs)

    def _held(self) -> Iterator[Held]:
        _, positions = listed(None, self._positions)
        for part in parts(self._sets, None, positions):
            batch = self._batch(part)
            part.sets.clear()
            yield batch, part.first, lambda i: f"set {i} ({self._sets._name(i)})"

    def learned(self, pipeline: Pipeline, count: int, seed: int, n_jobs: int) -> tuple[Pipeline, int]:
        """The pipeline with the empirical information of a sample of the sets, which are in files."""
        picked = sample_rows(len(self._sets), count, seed)
        information = Information(pipeline, len(picked))
        weights, positions = listed(self._weights, self._positions)
        for i in picked:
            beside = (None if given is None else [given[i]] for given in (weights, positions))
            part = Part(i, [self._sets[i]], *beside)
            with part.counted(self._sets):
                pipeline.add_information(information, self._batch(part), n_jobs)
        return pipeline.with_information_learned(information), information.n_sets

    def _drawn(self, beside: "_Beside", count: int, seed: int, advance: Advance) -> RowSample:
        """The sample that a fit to these sets in memory draws."""
        sets: LazySets = self._sets
        ends = np.cumsum([beside.n_rows(i) for i in range(len(sets))], dtype=np.int64)
        picked = np.array(sample_rows(int(ends[-1]) if len(ends) else 0, count, seed), dtype=np.int64)
        sample, start, begin = RowSample(len(picked), seed), 0, 0
        for i, (stop, end) in enumerate(zip(np.searchsorted(picked, ends), ends, strict=True)):
            rows = beside.rows(i, picked[start:stop] - begin)
            start, begin = int(stop), int(end)
            # A set without a row of the sample says how many columns there are, if it is the first.
            if len(rows) or i == 0:
                part = Part(i, [sets._gather(i, rows)], beside.weights(i, rows), beside.positions(i, rows))
                sample.add(self._batch(part), i, rows)
            advance(1)
        return sample

    def _batch(self, part: Part) -> Batch:
        with part.counted(self._sets):
            batch = as_batch(part.sets, part.weights, part.positions, dim=self._dim, gaps=self._gaps)
            if batch.weights is not None:
                _check_weights(batch.weights, batch.sizes)
            self._names.add(part.sets, batch.sizes)
            if part.positions is not None:
                self._position_names.add(part.positions, batch.sizes)
        if batch.dim is not None:
            self._dim = batch.dim - batch.n_positions
        return batch


class _Beside:
    """What is given for the rows of sets in files: those of weight 0 are not drawn."""

    def __init__(self, sets: LazySets, weights: Any, positions: Any) -> None:
        self._sets, self._sizes, self._weights, self._positions = sets, sets.sizes.tolist(), weights, positions
        for name, given in (("weights", weights), ("positions", positions)):
            if given is not None and len(given) != len(sets):
                raise ValueError(f"{name} must be those of {len(sets)} sets, got {len(given)}")

    @property
    def can_be_cut(self) -> bool:
        """Whether rows can be taken of what is given; frames have names, which would be lost."""
        positions = self._positions
        return positions is None or isinstance(positions, LazyRows) or all(type(p) is np.ndarray for p in positions)

    def n_rows(self, i: int) -> int:
        """The number of rows of set `i` that may be drawn."""
        return self._sizes[i] if self._weights is None else int(np.count_nonzero(self._weights_of(i)))

    def rows(self, i: int, numbers: Array) -> Array:
        """The rows of set `i` that are the ones with these numbers among those that may be drawn."""
        return numbers if self._weights is None else np.flatnonzero(self._weights_of(i))[numbers]

    def weights(self, i: int, rows: Array) -> list[Array] | None:
        """The weights of some rows."""
        return None if self._weights is None else [self._weights_of(i)[rows]]

    def positions(self, i: int, rows: Array) -> list[Any] | None:
        """The positions of some rows."""
        if self._positions is None:
            return None
        given = self._positions[i]
        if len(given) != self._sizes[i]:
            where = f"set {i} ({self._sets._name(i)})"
            raise ValueError(
                f"{where}: positions must have {self._sizes[i]} rows, one per descriptor, got {len(given)}"
            )
        return [given[rows]]

    def _weights_of(self, i: int) -> Array:
        with Part(i, [], None, None).counted(self._sets):
            weights, n = weights_of_set(self._weights[i], 0), self._sizes[i]
            if weights.shape != (n,):
                raise ValueError(f"set 0: weights must have shape ({n},), got shape {weights.shape}")
            _check_weights(weights, np.array([n]))
        return weights


def _check_weights(weights: Array, sizes: Array) -> None:
    """Raise an error, the library's, if a weight is wrong: it sees those of the sample alone."""
    wrong = np.flatnonzero(~((weights >= 0) & (weights < np.inf)))
    if len(wrong):
        ends = np.cumsum(sizes)
        i = int(np.searchsorted(ends, wrong[0], "right"))
        row, weight = wrong[0] - ends[i] + sizes[i], weights[wrong[0]]
        got = "NaN" if np.isnan(weight) else f"{weight:g}"
        raise ValueError(f"set {i}: the weight of row {row} is {got}: weights must be finite and at least 0")
