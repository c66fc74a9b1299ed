"""How sets are encoded part by part: alone, or several as one."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

import numpy as np

from . import _columns
from ._batch import Batch
from ._encoder_fit import EncoderFit
from ._fishervec import Pipeline, Statistics
from ._groups import Membership
from ._missing import gaps_of
from ._parts import is_stream, n_known, parts
from ._positions import check_given
from ._progress import progress
from ._sets import as_sets, opened
from ._threads import n_threads
from ._types import Floats, Sets

Result = TypeVar("Result")


class EncoderParts(EncoderFit):
    """What becomes of sets that come in parts, and of groups of them."""

    def _taken(
        self, names: _columns.Comparison, X: Sets, weights: Sets | None, positions: Sets | None
    ) -> Batch | list[Statistics]:
        """Sets that are to be encoded, which must have the columns of the fit."""
        X, positions = opened(X), opened(positions)
        dim, n_positions = self.n_features_in_, self._n_positions
        sets = as_sets(X, weights, positions, dim=dim, n_positions=n_positions or None, gaps=gaps_of(self))
        if not isinstance(sets, Batch):
            self._check_statistics()
            return sets
        if len(sets) and sets.is_whole:
            check_given(sets.n_positions, n_positions, self._pipeline.position_columns)
        names.check(X, sets.sizes, positions)
        return sets

    def _of_parts(
        self, work: Callable[[Any], Result], X: Sets, weights: Sets | None, positions: Sets | None
    ) -> Iterator[Result]:
        """What `work` makes of each part of the sets, which must have the columns of the fit; of one part in memory."""
        names = _columns.Comparison(self)
        if not is_stream(X):
            yield work(self._taken(names, X, weights, positions))
            return
        with progress("encoding", n_known(X), self._verbose()) as advance:
            for part in parts(X, weights, positions):
                with part.counted(X):
                    done = work(self._taken(names, part.sets, part.weights, part.positions))
                advance(len(part.sets))
                part.sets.clear()
                yield done

    def _encode(self, sets: Batch | list[Statistics]) -> Floats:
        if isinstance(sets, Batch):
            with self._explained(sets):
                return self._pipeline.encode_sets(sets, n_threads(self.n_jobs))
        return self._pipeline.encode_statistics(sets, n_threads(self.n_jobs))

    def _encode_groups(
        self, members: Membership, X: Sets, weights: Sets | None, positions: Sets | None, out: Floats | None
    ) -> Floats:
        """The vectors of groups of sets; of sets that come in parts, what was gathered of open groups is kept."""
        if (n_sets := n_known(X)) is not None:
            members.check(n_sets)
        work = partial(self._encoded_groups, members, in_parts=is_stream(X))
        vectors = members.in_rows(self._of_parts(work, X, weights, positions), len(self._pipeline), out)
        return vectors if out is not None else members.framed(vectors, self)

    def _encoded_groups(
        self, members: Membership, sets: Batch | list[Statistics], in_parts: bool
    ) -> tuple[list[int], Floats]:
        """The groups that are complete with these sets, and their vectors."""
        if not isinstance(sets, Batch):
            merged = members.merged(sets, self._nothing())
            members.take(len(sets))
            return list(range(len(members))), self._pipeline.encode_statistics(merged, n_threads(self.n_jobs))
        if not in_parts:
            members.check(len(sets))
        with self._explained(sets):
            return members.encoded(self._pipeline, sets, n_threads(self.n_jobs))

    def _statistics_of_groups(
        self, members: Membership, X: Sets, weights: Sets | None, positions: Sets | None
    ) -> list[Statistics]:
        found = self._of_groups(members.statistics, members, X, weights, positions)
        nothing = self._nothing()
        return [found.get(group, nothing) for group in range(len(members))]

    def _of_groups(
        self,
        take: Callable[[Pipeline, Batch, int], tuple[list[int], list[Result]]],
        members: Membership,
        X: Sets,
        weights: Sets | None,
        positions: Sets | None,
    ) -> dict[int, Result]:
        """What `take` makes of each group of sets, all of which are read once."""
        if (n_sets := n_known(X)) is not None:
            members.check(n_sets)

        def work(batch: Batch) -> tuple[list[int], list[Result]]:
            check_descriptors(batch)
            if not is_stream(X):
                members.check(len(batch))
            with self._explained(batch):
                return take(self._pipeline, batch, n_threads(self.n_jobs))

        found: dict[int, Result] = {}
        for groups, results in self._of_parts(work, X, weights, positions):
            found.update(zip(groups, results, strict=True))
        members.check_all()
        return found

    def _nothing(self) -> Statistics:
        """The statistics of an empty set."""
        empty = Batch(np.empty((0, self._pipeline.dim)), np.zeros(2, dtype=np.int64))
        return self._pipeline.statistics(empty, 1)[0]


def check_descriptors(batch: Any) -> None:
    """Raise an error for statistics where descriptors are needed."""
    if not isinstance(batch, Batch):
        raise ValueError("sets must be descriptors, got statistics")
