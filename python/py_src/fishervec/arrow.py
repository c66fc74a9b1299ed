"""Rounds and encodings over record batches of Arrow: the part of the workers for Spark, Ray and their like.

`accumulate` and `encode` make functions that an engine calls with the record batches of a partition (Spark's
`mapInArrow`), or with a table (Ray's `map_batches`). They pickle. `merge` makes one of the statistics that come back,
which `fishervec.Climb` takes; docs/scaling.md has the whole jobs. It needs pyarrow.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from . import _engine
from ._engine import Accumulation, Encoding
from ._fishervec import Statistics
from ._merging import combined, merged

__all__ = ["PARTS", "accumulate", "combine", "encode", "merge", "spark_partition"]

#: The columns of what `accumulate` returns, as Spark's `mapInArrow` wants to know them.
PARTS = "part long, n_sets long, statistics binary"


def spark_partition() -> int | None:
    """Return the number of the partition that a task of Spark works on.

    Returns
    -------
    part : int or None
        The number; None outside a task of Spark.

    See Also
    --------
    accumulate : Numbers its result by it.

    Examples
    --------
    >>> from fishervec.arrow import spark_partition
    >>> print(spark_partition())
    None
    """
    return _engine.spark_partition()


def accumulate(
    model: bytes,
    column: str | Sequence[str] = "x",
    *,
    positions: str | Sequence[str] | None = None,
    part: Callable[[], int | None] = spark_partition,
    n_jobs: int = 1,
) -> Accumulation:
    """Make the function that computes what a round needs of a partition.

    Its result depends on the rows of the partition and their order alone, not on how they are cut into batches.

    Parameters
    ----------
    model : bytes
        `Climb.model`, or the bytes of another model file.
    column : str or sequence of str, default="x"
        The descriptors: a column of sets (lists of rows, tensors, or flat lists beside a column of their shapes), a
        column whose rows are descriptors (lists of numbers), or several columns of numbers, by their names or by a
        pattern such as "f*".
    positions : str or sequence of str, default=None
        The positions of the descriptors, of a model that was fitted with positions; None means a column with one of
        the usual names.
    part : callable, default=spark_partition
        Returns the number of the partition, by which `merge` orders; None where parts have no numbers, as in Ray.
        Called in the worker.
    n_jobs : int, default=1
        Number of threads of a task.

    Returns
    -------
    accumulate : callable
        Takes an iterator of record batches and yields one of the columns `part`, `n_sets` (null if each row is a
        descriptor) and `statistics`; nothing for a partition without descriptors. Takes a table, too, and returns one.

    Raises
    ------
    TypeError
        If `model` is not bytes.
    ValueError
        If it is not a model file, or of a model without a mixture or a codebook. The function raises it for
        descriptors that do not fit the model, with the number of their set in the partition.

    See Also
    --------
    merge : Makes one of all results.
    fishervec.Climb : Makes the next model of that.

    Examples
    --------
    >>> import numpy as np, pyarrow as pa
    >>> from fishervec import Climb, FisherVector
    >>> from fishervec.arrow import accumulate, merge
    >>> sets = [np.random.default_rng(i).normal(i % 2, 1, (500, 3)) for i in range(6)]
    >>> table = pa.table({"x": [x.tolist() for x in sets]})
    >>> climb = Climb(FisherVector(n_components=2, sample=1000, random_state=0).fit(sets))
    >>> parts = [accumulate(climb.model)(table[:2]), accumulate(climb.model)(table[2:])]
    >>> merge(parts)
    Statistics(n=3000, n_components=2, dim=3)
    """
    return Accumulation(model, column, positions, n_jobs, part)


def merge(parts: Iterable[Any]) -> Statistics:
    """Merge the statistics of all partitions.

    The same parts have the same bits, in whatever order they come: those with numbers meet in the order of their
    numbers, those without in the order of their bytes, in a tree that depends on their numbers alone.

    Parameters
    ----------
    parts : iterable of rows, or of tables
        What `accumulate` returned in all partitions: rows as tuples (part, n_sets, statistics) or (part, statistics),
        as dicts or as rows of Spark, or tables and record batches of Arrow, or one table.

    Returns
    -------
    statistics : Statistics
        Those of all descriptors, for `Climb.step`.

    Raises
    ------
    TypeError
        If a part is something else.
    ValueError
        If there are no parts, if a number is there twice, if some have numbers and others not, or if some were
        accumulated under another model.

    See Also
    --------
    combine : The same of some parts, by the workers.

    Examples
    --------
    >>> import numpy as np
    >>> from fishervec import GaussianMixture
    >>> from fishervec.arrow import merge
    >>> X = np.random.default_rng(0).normal(size=(100, 3))
    >>> a, b = GaussianMixture(2, random_state=0, tol=1e-2).fit(X).statistics([X[:40], X[40:]])
    >>> merge([(1, b.to_bytes()), (0, a.to_bytes())]) == a + b
    True
    """
    return merged(parts)


def combine(batches: Iterable[Any]) -> Iterator[Any]:
    """Merge parts whose numbers divided by 64 are equal, where they are.

    For so many partitions that their statistics would be too many for one machine: 64 of them become one, with the
    bits that `merge` has in the end.

    Parameters
    ----------
    batches : iterable of RecordBatch
        What `accumulate` returned. All numbers of 64 neighbours must be in one partition.

    Returns
    -------
    combined : iterator of RecordBatch
        The same columns, a row for each 64 parts.

    Raises
    ------
    TypeError
        If a part is something else.
    ValueError
        If a part has no number, or if a number is there twice.

    See Also
    --------
    merge : Takes what this makes like any other parts.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from fishervec.arrow import combine
    >>> list(combine([]))
    []
    """
    return combined(batches)


def encode(
    model: bytes,
    column: str | Sequence[str] = "x",
    keep: Sequence[str] = ("id",),
    vector: str = "vector",
    *,
    positions: str | Sequence[str] | None = None,
    n_jobs: int = 1,
) -> Encoding:
    """Make the function that encodes the sets of record batches, each a row.

    Parameters
    ----------
    model : bytes
        `Climb.model`, or the bytes of another model file of an encoder.
    column : str or sequence of str, default="x"
        The sets: a column of lists of rows, of tensors, or of flat lists beside a column of their shapes.
    keep : sequence of str, default=("id",)
        The columns that stay beside the vectors.
    vector : str, default="vector"
        The name of the new column, of lists of numbers: float32, or float64 for such descriptors.
    positions : str or sequence of str, default=None
        As in `accumulate`.
    n_jobs : int, default=1
        Number of threads of a task.

    Returns
    -------
    encode : callable
        Takes an iterator of record batches and yields such with the columns `keep` and `vector`, a row for each row,
        in their order. Takes a table, too, and returns one.

    Raises
    ------
    TypeError
        If `model` is not bytes.
    ValueError
        If it is not a model file of an encoder of descriptors, or if names of columns are there twice. The function
        raises it for sets that do not fit the model, with their number in the partition.

    See Also
    --------
    fishervec.FisherVector.transform : The same numbers, on one machine.

    Examples
    --------
    >>> import numpy as np, pyarrow as pa
    >>> from fishervec import Climb, FisherVector
    >>> from fishervec.arrow import encode
    >>> sets = [np.random.default_rng(i).normal(i % 2, 1, (500, 3)) for i in range(6)]
    >>> table = pa.table({"id": list("abcdef"), "x": [x.tolist() for x in sets]})
    >>> encoder = FisherVector(n_components=2, sample=1000, random_state=0).fit(sets)
    >>> vectors = encode(Climb(encoder).model)(table)
    >>> vectors.column_names, len(vectors), len(vectors["vector"][0])
    (['id', 'vector'], 6, 14)
    """
    return Encoding(model, column, positions, n_jobs, keep, vector)
