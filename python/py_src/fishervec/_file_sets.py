"""Files of sets that the library reads itself: .npy, .npz, .fvecs, .bvecs, .safetensors, .h5, .pt."""

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from ._fishervec import SetFile
from ._reading import Reader
from ._types import Array

#: Name, array, number of rows, number of columns, whether it is in double precision.
About: TypeAlias = tuple[str, str, int, int, bool]
#: So many files are open at a time.
OPEN = 16


@lru_cache(maxsize=OPEN)
def _opened(path: str, array: str | None, positions: str | None, changed: int) -> tuple[SetFile, list[tuple[str, int]]]:
    """An open file, and the names and sizes of its sets; one that has changed since is another file."""
    file = _file(path, array, positions)
    sets = file.sets
    return file, list(zip(_names(path, sets), (n for _, _, n, *_ in sets), strict=True))


def _file(path: str, array: str | None, positions: str | None) -> SetFile:
    try:
        return SetFile(path, array, positions)
    except ValueError as error:
        raise ValueError(
            str(error).replace("--array NAME", "array=").replace("--positions NAME", "positions=")
        ) from error


def _names(path: str, sets: list[About]) -> list[str]:
    """The names of the sets of a file: an array that is its only set is called as the file is."""
    if len(sets) == 1 and sets[0][0] == sets[0][1]:
        return [Path(path).stem]
    return [name for name, *_ in sets]


class FileReader(Reader):
    """The sets of any number of files, in the order of the files."""

    def __init__(self, paths: Sequence[str], array: str | None = None, positions: str | None = None) -> None:
        self._paths, self._array, self._located = list(paths), array, positions
        self.names, self.sizes, self.groups = [], [], None
        #: The arrays that were passed over, by path; the file and the number in it of each set.
        self.passed_over: dict[str, list[str]] = {}
        self.paths: list[str] = []
        self._places: list[tuple[int, int]] = []
        self._times = [os.stat(path).st_mtime_ns for path in self._paths]
        labels: list[Any] = []
        dims: dict[int, str] = {}
        double = False
        for k, path in enumerate(self._paths):
            file = _file(path, array, positions)
            sets = file.sets
            self.names += _names(path, sets)
            self.sizes += [n for _, _, n, _, _ in sets]
            self.paths += [path] * len(sets)
            self._places += [(k, i) for i in range(len(sets))]
            labels += file.labels or [None] * len(sets)
            double |= any(is_f64 for *_, is_f64 in sets)
            for name, _, n, d, _ in sets:
                if n:
                    dims.setdefault(d, f"{path}: set {name}")
            if file.passed_over:
                self.passed_over[path] = file.passed_over
        if len(dims) > 1:
            (d, one), (e, other) = list(dims.items())[:2]
            raise ValueError(f"sets must have one number of columns, got {d} in {one} and {e} in {other}")
        self.dim = next(iter(dims), 0)
        self.dtype = np.dtype(np.float64 if double else np.float32)
        self.labels = labels if any(label is not None for label in labels) else None

    def read(self, i: int, start: int, stop: int) -> Array:
        file, number = self._file(i)
        return file.read(number, start, stop)

    def gather(self, i: int, rows: Array) -> Array:
        """The rows with these ascending numbers."""
        file, number = self._file(i)
        return file.gather(number, rows.tolist())

    def positions(self, i: int) -> Array | None:
        file, number = self._file(i)
        return file.positions(number)

    def _file(self, i: int) -> tuple[SetFile, int]:
        k, number = self._places[i]
        file, sets = _opened(self._paths[k], self._array, self._located, self._times[k])
        if sets[number : number + 1] != [(self.names[i], self.sizes[i])]:
            raise ValueError(f"{self._paths[k]}: it has changed since open_sets read its header")
        return file, number
