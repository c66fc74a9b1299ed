"""Passes over all rows of a cluster's data, and the fits that are made of them."""

import hashlib
import json
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from . import _settings
from ._batch import Batch
from ._columns import Fitted
from ._deprecation import warn_of_deprecated
from ._encoder import SetEncoder
from ._fishervec import Cuts, GaussianMixture, Moments, Partial, Pipeline, Rounds, Scatter, Statistics, sample_rows
from ._held import is_empirical, on_its_way
from ._polish import Pass
from ._reports import Callback
from ._sampling import RowSample
from ._settings import Settings, as_json, assemble, plain_fisher
from ._sources import Source
from ._types import Array
from ._vectors import _staged


class OfMoments:
    """The mean and the variance of each column."""

    name = "moments"

    def cuts(self, n: int) -> Cuts:
        return Cuts.moments(n)

    def part(self, batch: Batch, first: int, n: int, chunks: tuple[int, int]) -> Partial:
        return Moments.part(batch, first, n, chunks, 1)


class OfScatter:
    """The products of all pairs of columns, after the steps of a pipeline."""

    name = "scatter"

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def cuts(self, n: int) -> Cuts:
        return Cuts.moments(n)

    def part(self, batch: Batch, first: int, n: int, chunks: tuple[int, int]) -> Partial:
        return Scatter.part(self._pipeline, batch, first, n, chunks, 1)


class OfRounds:
    """The statistics under the mixture of a round."""

    name = "accumulate"

    def __init__(self, rounds: Rounds, settings: str) -> None:
        self._rounds, self._settings = rounds, settings

    def __reduce__(self) -> tuple[Any, tuple[bytes, str]]:
        pipeline = self._rounds.pipeline
        if not is_empirical(pipeline):
            return _of_rounds, (self._rounds.to_bytes(), self._settings)
        # What has no information yet has no bytes; the statistics are those under the mixture alone.
        return _of_pipeline, (on_its_way(pipeline).to_bytes(), self._settings)

    def cuts(self, n: int) -> Cuts:
        return self._rounds.plan(n)

    def part(self, batch: Batch, first: int, n: int, chunks: tuple[int, int]) -> Partial:
        return self._rounds.accumulate(batch, first, n, chunks, 1)


def _of_rounds(data: bytes, settings: str) -> OfRounds:
    return OfRounds(Rounds.from_bytes(data, settings), settings)


def _of_pipeline(data: bytes, settings: str) -> OfRounds:
    return OfRounds(Rounds(Pipeline.from_bytes(data), settings), settings)


class Checkpoint:
    """A file that rounds are written to, from which they go on: a line about what they are of, and bytes."""

    def __init__(self, path: str | os.PathLike[str] | None, source: Source, *about: Any) -> None:
        self._path = None if path is None else os.fspath(path)
        what = hashlib.sha256(source.sizes.tobytes())
        names = [source.name(i) for i in range(len(source.sizes))] if path is not None else []
        what.update(json.dumps([source.dim, str(source.dtype), names, *about], default=_plain).encode())
        self._of = what.hexdigest()[:32]

    def load(self) -> tuple[dict[str, Any], bytes] | None:
        """What is there: what the first line says, and the rest; None if there is no file."""
        if self._path is None or not os.path.exists(self._path):
            return None
        with open(self._path, "rb") as file:
            line, _, data = file.read().partition(b"\n")
        try:
            note: dict[str, Any] = json.loads(line)
            known = note["fishervec_checkpoint"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{self._path} is there already and is not a checkpoint: choose another path") from error
        if known != self._of:
            raise ValueError(
                f"{self._path} is the checkpoint of a fit to other data or with other parameters: "
                "remove it, or choose another path"
            )
        return note, data

    def save(self, data: bytes, **note: Any) -> None:
        """Write how far the rounds are, whole or not at all."""
        if self._path is not None:
            with _staged(self._path) as (staged,), open(staged, "wb") as file:
                file.write(json.dumps({"fishervec_checkpoint": self._of, **note}).encode() + b"\n" + data)


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)


def climb(
    source: Source,
    rounds: Rounds,
    settings: str,
    tasks: int | None,
    checkpoint: Checkpoint,
    report: Callback | None = None,
) -> Rounds:
    """Make rounds until they are done."""
    before = -np.inf
    while not rounds.is_done:
        statistics = source.measured(OfRounds(rounds, settings), tasks)
        if statistics is None:
            break
        rounds.step(statistics)
        checkpoint.save(rounds.to_bytes(), done=rounds.is_done)
        if report is not None and rounds.report is not None:
            bound = json.loads(rounds.report)["lower_bounds"][-1]
            report(0, rounds.n_iter, bound, bound - before)
            before = bound
    return rounds


def cuts_of_mixture(params: Settings, dim: int, n: int) -> Cuts:
    """How a pass over n rows of so many columns is cut for the mixture of these settings."""
    shape = (params["n_components"], dim)
    mixture = GaussianMixture(np.full(shape[0], 1 / shape[0]), np.zeros(shape), np.ones(shape))
    # A start without iterations is cut like any other.
    return Rounds(assemble(plain_fisher(mixture)), as_json(params | {"max_iter": 1})).plan(n)


def rows_of(source: Source, numbers: Array) -> Array:
    """The rows with these ascending numbers as one array."""
    picked = [one.rows for one in source.picked(numbers)]
    return np.concatenate(picked) if picked else np.empty((0, source.dim), source.dtype)


def fit_encoder(encoder: SetEncoder, source: Source, tasks: int | None, path: str | os.PathLike[str] | None) -> None:
    """Fit an encoder to a sample of sets on a cluster, then by passes over all if it is to be polished."""
    warn_of_deprecated(encoder)
    plan = encoder._plan()
    settings = encoder._rounds(plan)
    if settings is not None and _settings.is_empirical(plan) and "kmeans" in plan.encoder.get("codebook", {}):
        raise ValueError(
            "polish must be 0 over a cluster for centres with an empirical information: fit with information=None, "
            "then give its cluster_centers_ as codebook="
        )
    training = ClusterTraining(source, settings, tasks, path)
    sample = training.sample(plan.settings["sample"], plan.settings["seed"])
    with source.named(), sample.located(None):
        pipeline = encoder._fit_batch(sample.batch(), plan, training)
    encoder._set_pipeline(pipeline)
    encoder._remember(Fitted(None))


class ClusterTraining:
    """Training sets on a cluster, in place of `Training`; `settings` are those of the passes over all of them."""

    def __init__(
        self, source: Source, settings: str | None, tasks: int | None, path: str | os.PathLike[str] | None
    ) -> None:
        self._source, self._settings, self._tasks, self._path = source, settings, tasks, path

    def sample(self, count: int, seed: int) -> RowSample:
        """The sample of all rows that a fit to these sets in memory draws."""
        source = self._source
        numbers = np.array(sample_rows(source.n_rows, count, seed), np.int64)
        sample = RowSample(len(numbers), seed)
        picked = source.picked(numbers)
        if len(source.sizes) and (not picked or picked[0].set):
            # A set without a row of the sample says how many columns there are, if it is the first.
            sample.add(Batch([np.empty((0, source.dim), source.dtype)]), 0, numbers[:0])
        for one in picked:
            sample.add(Batch([one.rows]), one.set, one.numbers)
        return sample

    def learned(self, pipeline: Pipeline, count: int, seed: int, n_jobs: int) -> tuple[Pipeline, int]:
        """The pipeline with the empirical information of a sample of the sets."""
        return self._source.information(pipeline, sample_rows(len(self._source.sizes), count, seed))

    def passes(self, n_jobs: int) -> Pass:
        """Passes over all rows; those of a checkpoint are not made again."""
        assert self._settings is not None
        settings, source, done = self._settings, self._source, list[Statistics]()
        checkpoint: Checkpoint | None = None

        def statistics(rounds: Rounds) -> Statistics | None:
            nonlocal checkpoint
            if checkpoint is None:
                model = hashlib.sha256(on_its_way(rounds.pipeline).to_bytes()).hexdigest()
                checkpoint = Checkpoint(self._path, source, settings, model)
                done.extend(_statistics(checkpoint))
                source.prepare([rounds.plan(source.n_rows)])
            if rounds.n_iter < len(done):
                return done[rounds.n_iter]
            found: Statistics | None = source.measured(OfRounds(rounds, settings), self._tasks)
            if found is not None:
                done.append(found)
                data = [one.to_bytes() for one in done] if self._path is not None else []
                checkpoint.save(b"".join(data), sizes=[len(one) for one in data])
            return found

        return statistics


def _statistics(checkpoint: Checkpoint) -> Iterator[Statistics]:
    """The statistics of the passes that were made."""
    note, data = checkpoint.load() or ({"sizes": []}, b"")
    for size in note["sizes"]:
        yield Statistics.from_bytes(data[:size])
        data = data[size:]
