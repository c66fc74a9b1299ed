"""What an engine ships to its workers: functions of the record batches of a partition, as objects that pickle."""

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from . import _checks as check
from . import _columns, _files, _settings
from ._batch import Batch
from ._encoder import SetEncoder
from ._fishervec import Pipeline, Rounds, Statistics
from ._merging import record, table_of
from ._missing import STRICT, Gaps, gaps_of
from ._mixture import GaussianMixture
from ._positions import check_given
from ._reading import needed
from ._record_batches import BatchReader, SomeSets, counted, empty
from ._sets import as_batch
from ._table_columns import Asked
from ._types import Array

#: About so many numbers of descriptors are accumulated together, but at least so many rows.
NUMBERS, LEAST_ROWS = 1 << 22, 4096
#: At most so many sets are encoded together, and so many bytes of vectors, unless one set has more.
TOGETHER, BYTES = 256, 32 << 20
#: An error of the compiled module about a row of one of several arrays.
ROW = re.compile(r"^set (\d+): row (\d+)(.*)", re.DOTALL)


def spark_partition() -> int | None:
    """The number of the partition that a task of Spark works on; None outside such a task."""
    # What was never imported has no tasks.
    context = getattr(sys.modules.get("pyspark"), "TaskContext", None)
    task = None if context is None else context.get()
    return None if task is None else int(task.partitionId())


class OverBatches:
    """A function of the record batches of a partition, under a model."""

    def __init__(self, model: bytes, column: str | Sequence[str], positions: Any, n_jobs: int) -> None:
        with needed("pyarrow", "parquet", "a record batch"):
            import pyarrow  # noqa: F401
        self._model = _files.model_bytes(model)
        self._column = _names("column", column)
        self._given = None if positions is None else _names("positions", positions)
        self._n_jobs = check.integer("n_jobs", n_jobs)
        self._estimator  # noqa: B018  a model that cannot be read is an error here, not in a worker

    def __getstate__(self) -> dict[str, Any]:
        # A worker reads the model itself.
        return {name: value for name, value in vars(self).items() if name not in ("_estimator", "_rounds")}

    @cached_property
    def _estimator(self) -> Any:
        pipeline = Pipeline.from_bytes(self._model)
        if pipeline.images is not None:
            raise ValueError(
                "model must be one of descriptors, got one of images: their files are not in a table; "
                "fishervec.load(path).encoder_ is its encoder of descriptors"
            )
        estimator = _files.of_pipeline(pipeline, "model")
        estimator.n_jobs = self._n_jobs
        return estimator

    # ---- what is read ------------------------------------------------------------------------------------

    @property
    def _is_encoder(self) -> bool:
        return isinstance(self._estimator, SetEncoder)

    def _reader(self) -> BatchReader:
        n_positions = self._estimator._n_positions if self._is_encoder else 0
        positions = self._given if n_positions or self._given is not None else False
        return BatchReader(Asked(self._column, False, False, False, positions), self._gaps)

    @property
    def _gaps(self) -> Gaps:
        return gaps_of(self._estimator) if self._is_encoder else STRICT

    def _batch(self, some: SomeSets) -> Batch:
        """Sets as a batch of the compiled module, which must fit the model."""
        estimator = self._estimator
        dim, n_positions = estimator.n_features_in_, estimator._n_positions if self._is_encoder else 0
        # Rows at the end of a batch are not the end of a set.
        gaps = self._gaps if some.set_per_row else STRICT
        batch = as_batch(some.sets, None, some.positions, dim=dim, n_positions=n_positions or None, gaps=gaps)
        if self._is_encoder:
            check_given(batch.n_positions, n_positions, estimator._pipeline.position_columns)
        fitted = getattr(estimator, "feature_names_in_", None)
        if some.names is not None and fitted is not None:
            _columns.check_equal(fitted, np.array(some.names, dtype=object), "record batch")
        for i, rows in enumerate(batch.arrays()):
            if len(rows) and rows.shape[1] != dim + n_positions:
                where = f"set {i}" if some.set_per_row else "each row"
                raise ValueError(f"{where} must have {dim} columns as in fit, got {rows.shape[1] - n_positions}")
        return batch

    # ---- what an engine calls ----------------------------------------------------------------------------

    def __call__(self, batches: Any) -> Any:
        """The record batches of the result; the table of it for a table, or for one record batch."""
        if not hasattr(batches, "schema"):
            return self._of_batches(_each(_checked(batches)))
        import pyarrow as pa

        done = list(self._of_batches(_each([batches])))
        return pa.Table.from_batches(done) if done else self._nothing(batches.schema)

    def _of_batches(self, batches: Iterator[Any]) -> Iterator[Any]:
        raise NotImplementedError

    def _nothing(self, schema: Any) -> Any:
        """The table for one that has no result."""
        raise NotImplementedError


def _names(what: str, given: Any) -> str | tuple[str, ...]:
    """The name of a column, or several."""
    names = (given,) if isinstance(given, str) else tuple(given) if isinstance(given, Iterable) else ()
    if not names or not all(isinstance(name, str) for name in names):
        raise TypeError(f"{what} must be the name of a column, or several, got {given!r}")
    return given if isinstance(given, str) else names


#: How an engine passes record batches on.
BY = 'Spark passes them on by mapInArrow, Ray a table of them by batch_format="pyarrow"'


def _checked(batches: Any) -> Iterable[Any]:
    """`batches`, which must be an iterable of something."""
    if isinstance(batches, Mapping) or hasattr(batches, "columns") or not isinstance(batches, Iterable):
        raise TypeError(f"batches must be record batches of Arrow, got {type(batches).__name__}; {BY}")
    return batches


def _each(batches: Iterable[Any]) -> Iterator[Any]:
    """The record batches that have rows."""
    for one in batches:
        if not hasattr(one, "schema") or not hasattr(one, "num_rows"):
            raise TypeError(f"batches must be record batches of Arrow, got one of {type(one).__name__}; {BY}")
        for batch in one.to_batches() if hasattr(one, "to_batches") else [one]:
            if batch.num_rows:
                yield batch


@contextmanager
def named(part: int | None) -> Iterator[None]:
    """Errors that begin with the number of the partition."""
    try:
        yield
    except (TypeError, ValueError) as error:
        if part is None:
            raise
        raise type(error)(f"partition {part}: {error}") from error


# ---- a round ---------------------------------------------------------------------------------------------


class Accumulation(OverBatches):
    """The statistics of a partition."""

    def __init__(self, model: bytes, column: Any, positions: Any, n_jobs: int, part: Callable[[], int | None]) -> None:
        super().__init__(model, column, positions, n_jobs)
        if not callable(part):
            raise TypeError(f"part must be a function that returns the number of the partition, got {part!r}")
        self._part = part
        self._rounds  # noqa: B018  as in the base

    @cached_property
    def _rounds(self) -> Rounds:
        _settings.check_no_information(Pipeline.from_bytes(self._model))
        return Rounds.from_bytes(self._model, _settings.as_json(_settings.mixture(GaussianMixture(), 0)))

    def _of_batches(self, batches: Iterator[Any]) -> Iterator[Any]:
        part = self._part()
        if part is not None:
            part = check.integer("part", part, 0)
        reader, sums = self._reader(), Sums(self._rounds, self._n_jobs)
        n_sets: int | None = 0
        with named(part):
            for batch in batches:
                first = reader.first
                some = reader.read(batch)
                n_sets = n_sets + batch.num_rows if some.set_per_row and n_sets is not None else None
                with counted(first):
                    whole = self._batch(some)
                sums.add(whole, first, some.set_per_row)
            statistics = sums.finish()
        if statistics is not None:
            yield record(part, n_sets, statistics)

    def _nothing(self, schema: Any) -> Any:
        return table_of([])


class Rows(NamedTuple):
    """Rows that wait for others, and where they are from."""

    values: Array
    #: The number of the first of them among those that came together.
    start: int
    #: Where sets begin among these, and the number of the first set; None if each row is one of the table's.
    bounds: Array | None
    first: int

    def place(self, row: int) -> str:
        """What an error calls a row."""
        row += self.start
        if self.bounds is None:
            return f"row {self.first + row}"
        i = int(np.searchsorted(self.bounds, row, "right")) - 1
        return f"set {self.first + i}: row {row - int(self.bounds[i])}"


class Sums:
    """The statistics of rows that come in batches, which depend on the rows alone and not on the batches."""

    def __init__(self, rounds: Rounds, n_jobs: int) -> None:
        self._rounds, self._n_jobs = rounds, n_jobs
        self._most = max(LEAST_ROWS, NUMBERS // max(1, rounds.pipeline.dim))
        self._waiting: list[Rows] = []
        self._n = 0
        #: Blocks that were merged, with how often each was: a number in binary that is being counted.
        self._done: list[tuple[int, Statistics]] = []

    def add(self, batch: Batch, first: int, set_per_row: bool) -> None:
        """Take the next sets, of which the first is number `first`; or rows, all in one set."""
        if isinstance(batch.values, list):
            each = [(values, np.zeros(1, np.int64), first + i) for i, values in enumerate(batch.values)]
        else:
            bounds = batch.offsets[:-1] if batch.offsets is not None else np.zeros(1, np.int64)
            each = [(batch.values, bounds, first)]
        for values, bounds, number in each:
            start = 0
            while start < len(values):
                piece = values[start : start + self._most - self._n]
                self._waiting.append(Rows(piece, start, bounds if set_per_row else None, number))
                start, self._n = start + len(piece), self._n + len(piece)
                if self._n == self._most:
                    self._take()

    def finish(self) -> Statistics | None:
        """The statistics of all rows; None if there are none."""
        if self._n:
            self._take()
        if not self._done:
            return None
        statistics = self._done.pop()[1]
        while self._done:
            statistics = self._done.pop()[1] + statistics
        return statistics

    def _take(self) -> None:
        """Accumulate the rows that wait."""
        batch, chunks = Batch([rows.values for rows in self._waiting]), (0, len(self._rounds.plan(self._n)))
        with self._located():
            statistics = self._rounds.accumulate(batch, 0, self._n, chunks, self._n_jobs).finish()
        self._waiting, self._n, level = [], 0, 0
        while self._done and self._done[-1][0] == level:
            statistics, level = self._done.pop()[1] + statistics, level + 1
        self._done.append((level, statistics))

    @contextmanager
    def _located(self) -> Iterator[None]:
        """Errors that say where in the partition a row is."""
        try:
            yield
        except ValueError as error:
            found = ROW.match(str(error))
            if found is None:
                raise
            place = self._waiting[int(found[1])].place(int(found[2]))
            raise ValueError(f"{place}{found[3]}; leave the row out") from error


# ---- vectors ---------------------------------------------------------------------------------------------


class Encoding(OverBatches):
    """The vectors of a partition."""

    def __init__(
        self, model: bytes, column: Any, positions: Any, n_jobs: int, keep: Sequence[str], vector: str
    ) -> None:
        super().__init__(model, column, positions, n_jobs)
        self._keep, self._vector = [keep] if isinstance(keep, str) else list(keep or ()), vector
        names = [*self._keep, vector]
        if len(set(names)) < len(names):
            raise ValueError(f"keep and vector must be names that differ, got {', '.join(names)}")
        if not self._is_encoder:
            name = type(self._estimator).__name__
            cure = (
                ": FisherVector(mixture=mixture) is one of it" if isinstance(self._estimator, GaussianMixture) else ""
            )
            raise ValueError(f"model must be one of an encoder, got {name}{cure}")

    def _of_batches(self, batches: Iterator[Any]) -> Iterator[Any]:
        reader = self._reader()
        with named(spark_partition()):
            for batch in batches:
                self._check_kept(batch.schema)
                yield from self._vectors(batch, reader)

    def _vectors(self, batch: Any, reader: BatchReader) -> Iterator[Any]:
        first = reader.first
        some = reader.read(batch)
        if not some.set_per_row:
            raise ValueError(
                f"each row must be a set, got rows that are descriptors ({self._column}): make a row of each set "
                "first, in Spark by groupBy(NAME).agg(collect_list(...)), in Ray by groupby(NAME).map_groups"
            )
        with counted(first):
            whole = self._batch(some)
        for start, stop in self._pieces(whole):
            yield self._encoded(batch.slice(start, stop - start), _slice(whole, start, stop), first + start)

    def _check_kept(self, schema: Any) -> None:
        missing = [name for name in self._keep if name not in schema.names]
        if missing:
            raise ValueError(
                f"keep must be names of columns, got {', '.join(missing)}; columns: {', '.join(schema.names)}"
            )

    def _pieces(self, batch: Batch) -> Iterator[tuple[int, int]]:
        """Numbers of sets that are encoded together."""
        step = max(1, min(TOGETHER, BYTES // (8 * self._estimator.n_features_out_)))
        for start in range(0, len(batch), step):
            yield start, min(start + step, len(batch))

    def _encoded(self, batch: Any, sets: Batch, first: int) -> Any:
        import pyarrow as pa

        names = batch[self._keep[0]] if self._keep else None
        with counted(first, names):
            vectors = self._estimator._encode(sets)
        n, p = vectors.shape
        offsets = pa.array(np.arange(n + 1, dtype=np.int32) * p)
        lists = pa.ListArray.from_arrays(offsets, pa.array(np.ascontiguousarray(vectors).reshape(-1)))
        return pa.RecordBatch.from_arrays([*(batch[name] for name in self._keep), lists], [*self._keep, self._vector])

    def _nothing(self, schema: Any) -> Any:
        import pyarrow as pa

        self._check_kept(schema)
        reader = self._reader()
        reader.read(empty(schema))
        number = pa.float64() if reader.dtype == np.float64 else pa.float32()
        fields = [*(schema.field(name) for name in self._keep), pa.field(self._vector, pa.list_(number))]
        return pa.schema(fields).empty_table()


def _slice(batch: Batch, start: int, stop: int) -> Batch:
    """Some sets of a batch."""
    if isinstance(batch.values, list) or batch.offsets is None:
        return Batch(list(batch.values[start:stop]), None, None, batch.n_positions)
    offsets = batch.offsets[start : stop + 1]
    return Batch(batch.values[offsets[0] : offsets[-1]], offsets - offsets[0], None, batch.n_positions)
