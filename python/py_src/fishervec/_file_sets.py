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
#: What changes if a file is written again, or replaced: its time, its size, and its number.
Version: TypeAlias = tuple[int, int, int]
#: So many files are open at a time.
OPEN = 16


@lru_cache(maxsize=OPEN)
def _opened(path: str, array: str | None, positions: str | None, version: Version) -> tuple[SetFile, list[About]]:
    """An open file, and what its sets are; one of another version is another file."""
    file = _file(path, array, positions)
    return file, file.sets


def _version(path: str) -> Version:
    found = os.stat(path)
    return found.st_mtime_ns, found.st_size, found.st_ino


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
        #: By these joblib's cache tells files that were written again from those that it has seen.
        self._versions = [_version(path) for path in self._paths]
        self.names, self.sizes, self.groups = [], [], None
        #: The arrays that were passed over, by path; the file of each set.
        self.passed_over: dict[str, list[str]] = {}
        self.paths: list[str] = []
        #: The file of each set, its number there, and what its header says.
        self._places: list[tuple[int, int, About]] = []
        labels: list[Any] = []
        dims: dict[int, str] = {}
        double = False
        for k, path in enumerate(self._paths):
            file = _file(path, array, positions)
            sets = file.sets
            self.names += _names(path, sets)
            self.sizes += [n for _, _, n, _, _ in sets]
            self.paths += [path] * len(sets)
            self._places += [(k, i, about) for i, about in enumerate(sets)]
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
        k, number, about = self._places[i]
        path = self._paths[k]
        file, sets = _opened(path, self._array, self._located, _version(path))
        if sets[number : number + 1] != [about]:
            raise ValueError(f"{path}: it has changed since open_sets read its header")
        return file, number
