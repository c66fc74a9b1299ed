"""Passes over all rows of a cluster's data, and the fits that are made of them."""

import hashlib
import json
import os
from functools import partial
from typing import Any

import numpy as np

from ._batch import Batch
from ._columns import Fitted
from ._deprecation import warn_of_deprecated
from ._encoder import SetEncoder
from ._fishervec import Cuts, GaussianMixture, Information, Moments, Partial, Pipeline, Rounds, Scatter, sample_rows
from ._reports import Callback
from ._sampling import RowSample
from ._settings import assemble, plain_fisher
from ._sources import Source
from ._threads import n_threads
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

    def __init__(self, rounds: Rounds) -> None:
        self._rounds = rounds

    def cuts(self, n: int) -> Cuts:
        return self._rounds.plan(n)

    def part(self, batch: Batch, first: int, n: int, chunks: tuple[int, int]) -> Partial:
        return self._rounds.accumulate(batch, first, n, chunks, 1)


class Checkpoint:
    """A file that rounds are written to, from which they go on: a line about what they are of, and their bytes."""

    def __init__(self, path: str | os.PathLike[str] | None, source: Source, *about: Any) -> None:
        self._path = None if path is None else os.fspath(path)
        what = hashlib.sha256(source.sizes.tobytes())
        names = [source.name(i) for i in range(len(source.sizes))] if path is not None else []
        what.update(json.dumps([source.dim, str(source.dtype), names, *about], default=_plain).encode())
        self._of = what.hexdigest()[:32]

    def load(self, settings: str) -> Rounds | None:
        """The rounds that are there; None if there is no file."""
        if self._path is None or not os.path.exists(self._path):
            return None
        with open(self._path, "rb") as file:
            line, _, data = file.read().partition(b"\n")
        try:
            known = json.loads(line)["fishervec_checkpoint"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{self._path} is there already and is no checkpoint: choose another path") from error
        if known != self._of:
            raise ValueError(
                f"{self._path} is the checkpoint of a fit to other data or with other parameters: "
                "remove it, or choose another path"
            )
        return Rounds.from_bytes(data, settings)

    def save(self, rounds: Rounds) -> None:
        """Write how far the rounds are."""
        if self._path is not None:
            with _staged(self._path) as (staged,), open(staged, "wb") as file:
                file.write(json.dumps({"fishervec_checkpoint": self._of}).encode() + b"\n" + rounds.to_bytes())


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)


def climb(
    source: Source, rounds: Rounds, tasks: int | None, checkpoint: Checkpoint, report: Callback | None = None
) -> Rounds:
    """Make rounds until they are done."""
    before = -np.inf
    while not rounds.is_done:
        statistics = source.measured(OfRounds(rounds), tasks)
        if statistics is None:
            break
        rounds.step(statistics)
        checkpoint.save(rounds)
        if report is not None and rounds.report is not None:
            bound = json.loads(rounds.report)["lower_bounds"][-1]
            report(0, rounds.n_iter, bound, bound - before)
            before = bound
    return rounds


def cuts_of_mixture(shape: tuple[int, int], settings: str, n: int) -> Cuts:
    """How a pass of a mixture of this shape (K, D) over n rows is cut."""
    mixture = GaussianMixture(np.full(shape[0], 1 / shape[0]), np.zeros(shape), np.ones(shape))
    return Rounds(assemble(plain_fisher(mixture)), settings).plan(n)


def rows_of(source: Source, numbers: Array) -> Array:
    """The rows with these ascending numbers as one array."""
    picked = [one.rows for one in source.picked(numbers)]
    return np.concatenate(picked) if picked else np.empty((0, source.dim), source.dtype)


def fit_encoder(encoder: SetEncoder, source: Source, tasks: int | None, path: str | os.PathLike[str] | None) -> None:
    """Fit an encoder to a sample of sets on a cluster, then by passes over all if it is to be polished."""
    warn_of_deprecated(encoder)
    plan = encoder._plan()
    training = ClusterTraining(source)
    sample = training.sample(plan.settings["sample"], plan.settings["seed"])
    learn = partial(training.learn, n_jobs=n_threads(encoder.n_jobs))
    with source.named(), sample.located(None):
        pipeline = encoder._fit_batch(sample.batch(), plan, learn)
    encoder._set_pipeline(pipeline)
    encoder._remember(Fitted(None))


class ClusterTraining:
    """Training sets on a cluster, in place of `Training`."""

    def __init__(self, source: Source) -> None:
        self._source = source

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

    def learn(self, pipeline: Pipeline, count: int, seed: int, n_jobs: int) -> tuple[Pipeline, int]:
        """The pipeline with the empirical information of a sample of the sets."""
        source = self._source
        numbers = sample_rows(len(source.sizes), count, seed)
        information = Information(pipeline, len(numbers))
        for i, x in zip(numbers, source.whole(numbers), strict=True):
            try:
                x = x.reshape(0, source.dim) if not len(x) else x
                pipeline.add_information(information, Batch([x]), n_jobs)
            except ValueError as error:
                with source.named():
                    raise ValueError(str(error).replace("set 0", f"set {i}", 1)) from error
        return pipeline.with_information_learned(information), information.n_sets
