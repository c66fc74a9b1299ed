"""Vectors in files that workers of a cluster write, a shard each, in the form of the command's `encode --shard`."""

import json
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from . import _checks as check
from ._cluster import Cluster, Constant, Graph, Key, about, runs
from ._encoded import of_files, of_sets, pieces_of_files, type_of_vectors
from ._fishervec import Pipeline, fingerprint
from ._held import Reading
from ._sources import Files, Partitions, Source
from ._types import Array, Floats
from ._vectors import MANIFEST, Labelled, _csv, _numbered, _staged, _text, _write_parquet

FORMATS = ("npy", "parquet")


class Shard(NamedTuple):
    """What a shard is of, and where it is to be."""

    path: str
    #: What is in the .json beside it, but for the fingerprints of what was written.
    header: dict[str, Any]
    names: list[str]
    sizes: list[int]
    #: The labels as they are, and as the numbers that they have among all.
    labels: list[Any] | None
    numbers: Array | None

    @property
    def stem(self) -> str:
        """The path without its ending."""
        return os.path.splitext(self.path)[0]

    def is_there(self) -> bool:
        """Whether this shard, of this model, has been written."""
        try:
            with open(f"{self.stem}.json", encoding="utf-8") as file:
                found = json.load(file)
            return {key: found.get(key) for key in self.header} == self.header and os.path.isfile(self.path)
        except (OSError, ValueError, AttributeError):
            return False

    def write(self, vectors: Floats) -> None:
        """Write the vectors with what is beside them: whole or not at all, the header last."""
        if os.path.exists(f"{self.stem}.json"):
            os.remove(f"{self.stem}.json")
        if self.path.endswith(".parquet"):
            _write_parquet(self.path, self.stem, Labelled(vectors, self.names, self.labels, self.sizes))
            written = {"data": self.path}
        else:
            written = self._write_npy(vectors)
        note = self.header | {what: fingerprint(np.fromfile(path, np.uint8)) for what, path in written.items()}
        with _staged(f"{self.stem}.json") as (staged,), open(staged, "w", encoding="utf-8") as file:
            json.dump(note, file)

    def _write_npy(self, vectors: Floats) -> dict[str, str]:
        """Write the vectors, the table of the sets and the labels; the paths, by what they are called in the header."""
        paths = {"data": self.path, "table": f"{self.stem}.csv"}
        if self.numbers is not None:
            paths["numbers"] = f"{self.stem}.labels.npy"
        with _staged(*paths.values()) as staged:
            with open(staged[0], "wb") as file:
                np.save(file, vectors)
            with _csv(staged[1]) as table:
                table.writerow(MANIFEST[: 6 + (self.labels is not None)])
                for row, (name, n) in enumerate(zip(self.names, self.sizes, strict=True)):
                    label = [] if self.labels is None else [_text(self.labels[row])]
                    table.writerow([row, "", name, n, "", "ok" if n else "empty", *label])
            if self.numbers is not None:
                with open(staged[2], "wb") as file:
                    np.save(file, self.numbers)
        return paths


def encode_shards(
    model: Any,
    found: Source,
    folder: str | os.PathLike[str],
    shards: int | None = None,
    format: str = "npy",
    ids: Sequence[str] | None = None,
) -> list[Path]:
    """Write the vectors of all sets, encoded by a local estimator, into a folder."""
    if format not in FORMATS:
        raise ValueError(f"format must be one of {', '.join(map(repr, FORMATS))}, got {format!r}")
    cluster, folder = found.cluster, os.path.abspath(os.fspath(folder))
    os.makedirs(folder, exist_ok=True)
    parts = _parts(found, check.optional(check.integer, "shards", shards))
    planned = _planned(found, parts, os.path.join(folder, f"vectors.{{}}.{format}"), ids, model._pipeline)
    there = _all(cluster, {}, "look", [(shard.is_there,) for shard in planned])
    graph = found.graph()
    key = cluster.constant(graph, "model", model, cluster.next_pass())
    missing = [(part, shard) for part, shard, done in zip(parts, planned, there, strict=True) if not done]
    with found.named():
        _all(cluster, graph, "encode", [_task(found, key, part, shard) for part, shard in missing])
    return [Path(shard.path) for shard in planned]


def _all(cluster: Cluster, graph: Graph, what: str, tasks: list[tuple[Any, ...]]) -> list[Any]:
    number = cluster.next_pass()
    keys = [cluster.key(what, number, i) for i in range(len(tasks))]
    return cluster.values(graph | dict(zip(keys, tasks, strict=True)), keys) if keys else []


def _parts(found: Source, shards: int | None) -> list[tuple[int, int]]:
    """The sets of files, or the partitions, of each shard."""
    if isinstance(found, Partitions):
        n = len(found) if shards is None else shards
        if n > max(1, len(found)):
            raise ValueError(f"shards must be at most the number of partitions, {len(found)}, got {n}")
        return runs([1] * len(found), n)
    return pieces_of_files(found.sizes, found.dim * found.dtype.itemsize, shards)


def _planned(
    found: Source, parts: list[tuple[int, int]], path: str, ids: Sequence[str] | None, pipeline: Pipeline
) -> list[Shard]:
    names = found.names if ids is None else [str(name) for name in ids]
    sizes, labels = found.sizes.tolist(), found.labels
    if len(names) != len(sizes):
        raise ValueError(f"ids must be the names of {len(sizes)} sets, got {len(names)}")
    numbers = None if labels is None else _numbered(labels)
    version, level = about()
    header = {
        "fishervec_encoding": 1,
        "model": pipeline.id,
        "list": _hash(names, sizes, str(found.dtype)),
        "rows": _hash(names, None if labels is None else [_text(label) for label in labels]),
        "of": len(sizes),
        "p": len(pipeline),
        "labels": labels is not None,
        "reasons": False,
        "level": level,
        "version": version,
    }
    shards = []
    for i, part in enumerate(parts, 1):
        first, last = (found.first_set(p) for p in part) if isinstance(found, Partitions) else part
        own = {"shard": [i, len(parts)], "first": first, "sets": last - first}
        those = slice(first, last)
        shards.append(
            Shard(
                path.format(i),
                header | own,
                names[those],
                sizes[those],
                None if labels is None else labels[those],
                None if numbers is None else numbers[those],
            )
        )
    return shards


def _task(found: Source, model: Key, part: tuple[int, int], shard: Shard) -> tuple[Any, ...]:
    if isinstance(found, Files):
        return (partial(_write_files, shard=shard), model, found.listed, *part)
    assert isinstance(found, Partitions)
    readings, keys = found.some(*part)
    dtype = type_of_vectors(found.dtype)
    return (partial(_write_partitions, shard=shard, readings=readings, dtype=dtype), model, keys)


def _write_files(model: Constant, listed: Constant, first: int, last: int, *, shard: Shard) -> None:
    shard.write(of_files(model, listed, first, last))


def _write_partitions(model: Constant, values: list[Any], *, shard: Shard, readings: list[Reading], dtype: Any) -> None:
    read = [reading.sets(value) for reading, value in zip(readings, values, strict=True)]
    shard.write(of_sets(model, [x for sets in read for x in sets], shard.header["first"], dtype))


def _hash(*values: Any) -> str:
    return fingerprint(np.frombuffer(json.dumps(values).encode(), np.uint8))
