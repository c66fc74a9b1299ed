"""Passes over all descriptors that improve a mixture, or a codebook, that was fitted to a sample of them."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

from ._batch import Batch
from ._fishervec import Partial, Pipeline, Rounds, Statistics
from ._types import Array

#: Computes the statistics of all descriptors for one round; None if there are none.
Pass: TypeAlias = Callable[[Rounds], Statistics | None]
#: Some sets, the number of the first one, and what names a set in an error.
Held: TypeAlias = tuple[Batch, int, Callable[[int], str]]


def polished(pipeline: Pipeline, settings: str, all_rows: Pass, verbose: int) -> Pipeline:
    """The pipeline after rounds over all descriptors, with the settings of a mixture's fit as JSON."""
    rounds = Rounds(pipeline, settings)
    while not rounds.is_done:
        statistics = all_rows(rounds)
        if statistics is None:
            break
        rounds.step(statistics)
        if verbose and rounds.report is not None:
            print(
                f"pass {rounds.n_iter}: log-likelihood {json.loads(rounds.report)['lower_bounds'][-1]:.5f}", flush=True
            )
    return rounds.pipeline


def in_memory(batch: Batch, n_jobs: int) -> Pass:
    """Passes over sets in memory."""
    n = int(batch.sizes.sum())

    def statistics(rounds: Rounds) -> Statistics | None:
        whole: Statistics | None = rounds.accumulate(batch, 0, n, (0, len(rounds.plan(n))), n_jobs).finish()
        return whole

    return statistics


def in_parts(parts: Callable[[], Iterable[Held]], n: int, n_jobs: int) -> Pass:
    """Passes over `n` descriptors in parts, with the bits of a pass over all; a part is held, and less than a chunk."""

    def statistics(rounds: Rounds) -> Statistics | None:
        cuts = rounds.plan(n)
        seam, done = _Seam(), list[Partial]()
        for batch, first, name in parts():
            seam.add(batch, first, name)
            chunks = seam.chunks
            end = seam.row + seam.n_rows
            stop = cuts.first_at(end)
            # The last chunk that begins here may end in the next part.
            stop -= stop > 0 and cuts.items((0, stop))[1] > end
            with seam.located():
                part = rounds.accumulate(seam.batch, seam.row, n, (chunks, stop), n_jobs)
            done = [Partial.merged([*done, part])]
            seam.cut(cuts.items((0, stop))[1], stop)
        whole: Statistics | None = done[0].finish() if done else None
        return whole

    return statistics


class _Seam:
    """The descriptors that are held: those of a part, and before them what its predecessor left of a chunk."""

    def __init__(self) -> None:
        self._arrays: list[Array] = []
        #: The set of each array, the number of its first row in the set, and what names the set.
        self._origins: list[tuple[int, int, Callable[[int], str]]] = []
        self._n_positions = 0
        #: The number of the first row among all, and of the first chunk.
        self.row, self.chunks = 0, 0

    @property
    def n_rows(self) -> int:
        return sum(map(len, self._arrays))

    @property
    def batch(self) -> Batch:
        return Batch(list(self._arrays), None, None, self._n_positions)

    def add(self, batch: Batch, first: int, name: Callable[[int], str]) -> None:
        """Hold the next sets."""
        for i, rows in enumerate(batch.arrays(), first):
            self._arrays.append(rows)
            self._origins.append((i, 0, name))
        self._n_positions = batch.n_positions

    def cut(self, row: int, chunks: int) -> None:
        """Let go what comes before this row, where this chunk begins."""
        drop = row - self.row
        while self._arrays and drop >= len(self._arrays[0]):
            drop -= len(self._arrays.pop(0))
            self._origins.pop(0)
        if self._arrays:
            i, before, name = self._origins[0]
            self._arrays[0], self._origins[0] = self._arrays[0][drop:], (i, before + drop, name)
            # Copies: a view would keep the whole part.
            self._arrays = [rows.copy() for rows in self._arrays]
        self.row, self.chunks = row, chunks

    @contextmanager
    def located(self) -> Iterator[None]:
        """Name set and row in errors of the compiled module."""
        try:
            yield
        except ValueError as error:
            found = re.match(r"^set (\d+): row (\d+)", text := str(error))
            if not found:
                raise
            i, before, name = self._origins[int(found[1])]
            raise ValueError(f"{name(i)}: row {before + int(found[2])}{text[found.end() :]}") from error
