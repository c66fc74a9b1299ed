"""Groups of sets that are encoded as one set: labels, or a sparse membership matrix (docs/sets.md)."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import sklearn

from . import _frames, _missing
from ._batch import Batch
from ._fishervec import Gathered, GroupSums, Pipeline, Statistics
from ._outputs import check_writeable, put
from ._types import Array, Floats

LABELS = "groups must be one label per set, or a matrix of shape (n_groups, n_sets)"
#: What to do about labels of descriptors.
PARTS = "; to group parts of sets, pass each part as a set (docs/sets.md, Groups)"


class Membership:
    """Which sets make which group, as a sparse matrix by rows, and what has been gathered of them."""

    def __init__(self, groups: Any, X: Any) -> None:
        if isinstance(groups, Iterator):
            groups = list(groups)
        #: The labels of the groups, sorted; None if they are the rows of a matrix.
        self.labels: Array | None = None
        if _is_sparse(groups):
            # An entry may be there several times; small integers overflow in their sum.
            self._of_sparse((groups.astype(np.float64) if groups.dtype.kind in "iu" else groups).tocsr(copy=True))
        elif (matrix := _matrix(groups)) is not None:
            self._of_dense(matrix)
        else:
            _frames.check_index(X, groups, "groups", "the sets")
            self._of_labels(_labels(groups))
        self._sums = GroupSums(self.n_sets, self.starts.tolist(), self.members.tolist(), self._weights())
        self._seen = 0

    def __len__(self) -> int:
        return len(self.starts) - 1

    # ---- what the groups are -----------------------------------------------------------------------------

    def _of_labels(self, labels: Array) -> None:
        self.labels, numbers, counts = np.unique(labels, return_inverse=True, return_counts=True)
        self.n_sets = len(labels)
        self.members, self.starts = np.argsort(numbers, kind="stable"), np.append(0, np.cumsum(counts))
        self.data: Array = np.ones(len(labels))

    def _of_sparse(self, matrix: Any) -> None:
        matrix.sum_duplicates()
        self.n_sets = matrix.shape[1]
        _check_entries(matrix.data)
        matrix.eliminate_zeros()
        self.members, self.starts, self.data = matrix.indices, matrix.indptr, matrix.data

    def _of_dense(self, matrix: Array) -> None:
        self.n_sets = matrix.shape[1]
        _check_entries(matrix)
        rows, self.members = np.nonzero(matrix)
        self.starts = np.append(0, np.cumsum(np.bincount(rows, minlength=len(matrix))))
        self.data = matrix[rows, self.members]

    def _weights(self) -> list[float] | None:
        weights = np.asarray(self.data, np.float64)
        return None if (weights == 1.0).all() else weights.tolist()

    # ---- sets, one part after the other ------------------------------------------------------------------

    def check(self, n: int) -> None:
        """Raise an error unless the groups are those of `n` sets."""
        if n != self.n_sets:
            is_turned = self.labels is None and n == len(self)
            cure = ": a matrix of groups has shape (n_groups, n_sets), pass groups.T" if is_turned else ""
            raise ValueError(f"groups must be those of {n} sets, got {self.n_sets}{cure}")

    def take(self, n: int) -> None:
        """Count the next `n` sets."""
        self._seen += n
        if self._seen > self.n_sets:
            raise ValueError(f"groups must be those of at least {self._seen} sets, got {self.n_sets}")

    def check_all(self) -> None:
        """Raise an error unless all sets have come."""
        self.check(self._seen)

    def encoded(self, pipeline: Pipeline, batch: Batch, n_jobs: int) -> tuple[list[int], Floats]:
        """The groups that are complete with the next sets, and their vectors."""
        self.take(len(batch))
        return self._sums.encode(pipeline, batch, n_jobs)

    def statistics(self, pipeline: Pipeline, batch: Batch, n_jobs: int) -> tuple[list[int], list[Statistics]]:
        """The groups that are complete with the next sets, and their statistics."""
        self.take(len(batch))
        return self._sums.statistics(pipeline, batch, n_jobs)

    def gathered(self, pipeline: Pipeline, batch: Batch, n_jobs: int) -> tuple[list[int], list[Gathered]]:
        """The groups that are complete with the next sets, and what was gathered of each; no groups may overlap."""
        if not self._seen:
            self._check_apart()
        self.take(len(batch))
        return self._sums.gather(pipeline, batch, n_jobs)

    def of_each_set(self) -> list[tuple[int, float] | None]:
        """The group of each set, and how much the set counts in it; None for a set of no group."""
        found: list[tuple[int, float] | None] = [None] * self.n_sets
        for i, group, weight in zip(self.members.tolist(), self._groups().tolist(), self.data.tolist(), strict=True):
            found[i] = group, float(weight)
        return found

    def _groups(self) -> Array:
        """The group of each member."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def _check_apart(self) -> None:
        """Raise an error if a set is in two groups."""
        counts = np.bincount(self.members, minlength=self.n_sets)
        if self.n_sets and counts.max() > 1:
            i = int(counts.argmax())
            first, second = self._groups()[self.members == i][:2].tolist()
            raise ValueError(
                "groups must have each set in one of them at most, for one share of each descriptor, got set "
                f"{i} in {first} and {second}: ask for one group at a time, groups=groups[[{second}]]"
            )

    def merged(self, statistics: list[Statistics], nothing: Statistics) -> list[Statistics]:
        """The statistics of each group, of those of all sets."""
        self.check(len(statistics))
        sums = []
        for start, stop in zip(self.starts[:-1], self.starts[1:], strict=True):
            parts = [
                one if weight == 1.0 else float(weight) * one
                for one, weight in zip(
                    (statistics[i] for i in self.members[start:stop]), self.data[start:stop], strict=True
                )
            ]
            sums.append(sum(parts[1:], parts[0]) if parts else nothing)
        return sums

    # ---- results -----------------------------------------------------------------------------------------

    def in_rows(self, parts: Iterator[tuple[list[int], Floats]], p: int, out: Floats | None = None) -> Floats:
        """All vectors, one row per group; a group without sets has a row of zeros."""
        if out is not None:
            self._check_out(out, p)
            out[...] = 0.0
        rows = out
        for groups, vectors in parts:
            if rows is None:
                rows = np.zeros((len(self), p), vectors.dtype)
            elif out is None and vectors.dtype != rows.dtype:
                rows = rows.astype(np.result_type(rows, vectors))
            put(rows, groups, vectors)
        self.check_all()
        return np.zeros((len(self), p)) if rows is None else rows

    def _check_out(self, out: Any, p: int) -> None:
        if not isinstance(out, np.ndarray) or out.dtype.kind != "f":
            got = out.dtype if isinstance(out, np.ndarray) else type(out).__name__
            raise TypeError(f"out must be an array of floats of shape (n_groups, n_features_out_), got {got}")
        if out.shape != (len(self), p):
            raise ValueError(f"out must have one row per group, shape {(len(self), p)}, got {out.shape}")
        check_writeable(out)

    def framed(self, vectors: Floats, estimator: Any) -> Floats:
        """The vectors with the labels of the groups as index, if the estimator's output is a frame of pandas."""
        chosen = getattr(estimator, "_sklearn_output_config", {}).get("transform")
        if (chosen or sklearn.get_config()["transform_output"]) != "pandas":
            return vectors
        import pandas as pd

        frame: Floats = pd.DataFrame(vectors, index=self.labels)
        return frame


def _is_sparse(groups: Any) -> bool:
    return hasattr(groups, "tocsr") and hasattr(groups, "nnz")


def _matrix(groups: Any) -> Array | None:
    """`groups` as an array of two axes, if it is one."""
    if _frames.is_frame(groups):
        if groups.shape[1] == 1:
            raise ValueError(f"{LABELS}, got a frame of one column: pass the column")
        return np.asarray(groups)
    is_list = isinstance(groups, list | tuple) and len(groups) > 0 and all(np.ndim(row) == 1 for row in groups)
    if getattr(groups, "ndim", 1) != 2 and not is_list:
        return None
    try:
        return np.asarray(groups)
    except ValueError as error:
        raise ValueError(f"{LABELS}, got lists of different lengths{PARTS}") from error


def _check_entries(entries: Array) -> None:
    """Raise an error unless all numbers of a matrix say how much a set counts."""
    if entries.dtype.kind not in "buif":
        raise TypeError(f"groups must be a matrix of numbers, got {entries.dtype}{PARTS}")
    wrong = ~(np.isfinite(entries) & (entries >= 0))
    if wrong.any():
        raise ValueError(
            "groups must be a matrix of 1 (or True) where a set is in a group, or of how much it counts there, and of "
            f"0 elsewhere, got {entries[wrong][0]}"
        )


def _labels(groups: Any) -> Array:
    """`groups` as labels that have an order."""
    if isinstance(groups, str | bytes | Mapping) or not hasattr(groups, "__len__"):
        raise TypeError(f"{LABELS}, got {type(groups).__name__}")
    given = groups.to_pylist() if hasattr(groups, "to_pylist") else groups
    labels = np.empty(len(given), dtype=object)
    for i, label in enumerate(given):
        if _missing.is_missing(label):
            raise ValueError(f"groups must have a label for each set, got {label} for set {i}")
        if np.ndim(label):
            raise ValueError(f"{LABELS}, got an array for set {i}{PARTS}")
        labels[i] = label.item() if isinstance(label, np.generic) else label
    kinds = {
        str if isinstance(label, str) else int if isinstance(label, int | float) else type(label) for label in labels
    }
    if len(kinds) > 1:
        names = " and ".join(sorted(kind.__name__ for kind in kinds))
        raise TypeError(
            f"groups must be labels of one kind, got {names}: convert them, [str(group) for group in groups]"
        )
    if kinds - {str, int}:
        return labels
    array = np.array(labels.tolist())
    # As floats two large numbers may be one, and texts may lose zeros at their ends.
    return array if array.tolist() == labels.tolist() else labels
