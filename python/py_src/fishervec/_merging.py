"""Statistics of partitions: read, put in order, and added up in one fixed tree."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from ._fishervec import Statistics

Item = TypeVar("Item")

#: So many parts with neighbouring numbers meet first, here or where the parts are.
GROUP = 64


class Part(NamedTuple):
    """The statistics of a partition, and its number if it has one."""

    number: int | None
    n_sets: int | None
    data: bytes


def record(part: int | None, n_sets: int | None, statistics: Statistics) -> Any:
    """The record batch of one part."""
    return table_of([Part(part, n_sets, statistics.to_bytes())]).to_batches()[0]


def table_of(parts: Sequence[Part]) -> Any:
    """The table of some parts, or of none."""
    import pyarrow as pa

    numbers, n_sets, data = ([part[i] for part in parts] for i in range(3))
    columns = [pa.array(numbers, pa.int64()), pa.array(n_sets, pa.int64()), pa.array(data, pa.binary())]
    return pa.table(columns, names=["part", "n_sets", "statistics"])


def merged(parts: Iterable[Any]) -> Statistics:
    """The statistics of all parts, in any of the forms that engines return."""
    found = _in_order(list(_parts(parts)))
    if not found:
        raise ValueError("parts must be those of at least one partition with descriptors, got none")
    return _tree(list(_grouped(found).values()), lambda group: _tree(group, _read))


def combined(batches: Iterable[Any]) -> Iterator[Any]:
    """A record batch of one part for each group of parts."""
    found = list(_parts(batches))
    if any(part.number is None for part in found):
        raise ValueError("parts must have numbers to be combined, got null: merge takes them as they are")
    for group, members in _grouped(_in_order(found)).items():
        sizes = [part.n_sets for part in members if part.n_sets is not None]
        n_sets = sum(sizes) if len(sizes) == len(members) else None
        yield record(group * GROUP, n_sets, _tree(members, _read))


def _in_order(parts: list[Part]) -> list[Part]:
    """Parts in the order of their numbers; those without get them by their bytes."""
    numbers = [part.number for part in parts if part.number is not None]
    if not numbers:
        return [Part(i, n, data) for i, (_, n, data) in enumerate(sorted(parts, key=lambda part: part.data))]
    if len(numbers) < len(parts):
        raise ValueError(f"parts must all have numbers or none, got {len(parts) - len(numbers)} without")
    ordered = sorted(parts, key=lambda part: part.number or 0)
    for one, other in itertools.pairwise(ordered):
        if one.number == other.number:
            raise ValueError(
                f"part {one.number} must be there once, got it twice: a task that ran twice counts once, partitions "
                "that one task joined (coalesce) need coalesce before accumulate, not after"
            )
    return ordered


def _grouped(parts: Iterable[Part]) -> dict[int, list[Part]]:
    groups: dict[int, list[Part]] = defaultdict(list)
    for part in parts:
        groups[(part.number or 0) // GROUP].append(part)
    return groups


def _tree(items: Sequence[Item], statistics_of: Callable[[Item], Statistics]) -> Statistics:
    """The sum of the statistics of some items: of the first half of them, and of the rest."""
    if len(items) == 1:
        return statistics_of(items[0])
    middle = len(items) // 2
    return _tree(items[:middle], statistics_of) + _tree(items[middle:], statistics_of)


def _read(part: Part) -> Statistics:
    try:
        return Statistics.from_bytes(part.data)
    except ValueError as error:
        raise ValueError(f"part {part.number}: {error}") from error


# ---- the forms that engines return -----------------------------------------------------------------------


def _parts(given: Any) -> Iterator[Part]:
    """Each part of rows, of tables, or of one table or frame."""
    if hasattr(given, "itertuples"):
        given = given.to_dict("records")
    if hasattr(given, "column_names") or hasattr(given, "schema"):
        yield from _of_table(given)
        return
    if isinstance(given, Mapping | str | bytes) or not isinstance(given, Iterable):
        raise TypeError(f"parts must be rows (part, n_sets, statistics) or tables of them, got {_kind(given)}")
    for i, one in enumerate(given):
        if hasattr(one, "schema"):
            yield from _of_table(one)
        elif isinstance(one, Mapping):
            yield _of_row(i, _values(i, one))
        elif isinstance(one, Sequence) and not isinstance(one, str | bytes) and len(one) in (2, 3):
            yield _of_row(i, [one[0], one[1] if len(one) == 3 else None, one[-1]])
        else:
            raise TypeError(f"parts[{i}] must be a row (part, n_sets, statistics), got {_kind(one)}")


def _of_table(table: Any) -> Iterator[Part]:
    for i, row in enumerate(table.to_pylist()):
        yield _of_row(i, _values(i, row))


def _values(i: int, row: Mapping[str, Any]) -> list[Any]:
    missing = [name for name in ("part", "statistics") if name not in row]
    if missing:
        raise TypeError(f"parts[{i}] must have the columns part and statistics, got {', '.join(map(str, row))}")
    return [row["part"], row.get("n_sets"), row["statistics"]]


def _of_row(i: int, values: list[Any]) -> Part:
    number, n_sets, data = values
    if isinstance(data, Statistics):
        data = data.to_bytes()
    if not isinstance(data, bytes | bytearray | memoryview):
        raise TypeError(f"parts[{i}]: statistics must be bytes, got {_kind(data)}")
    # A column of numbers that may be missing comes as floats from pandas.
    number, n_sets = (None if value is None or value != value else int(value) for value in (number, n_sets))
    return Part(number, n_sets, bytes(data))


def _kind(x: Any) -> str:
    return type(x).__name__
