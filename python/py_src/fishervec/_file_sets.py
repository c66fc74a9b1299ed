"""Files of sets that the library reads itself: .npy, .npz, .fvecs, .bvecs, .safetensors, .h5, .pt."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ._fishervec import SetFile, scan_files
from ._reading import Reader
from ._types import Array

#: Name, array, number of rows, number of columns, whether it is in double precision.
About: TypeAlias = tuple[str, str, int, int, bool]
#: A set as a list has it: name, array, first row in it, number of rows, number of columns with those of its
#: positions, number of these, array of positions, whether it is in double precision.
ListedSet: TypeAlias = tuple[str, str, int, int, int, int, str | None, bool]
#: A file as a list has it: path, number of its folder, size, time of its last change, sets, labels.
Entry: TypeAlias = tuple[str, int | None, int, int, list[ListedSet], list[Any] | None]
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


@contextmanager
def _in_python() -> Iterator[None]:
    """Name the parameters of Python in errors of the compiled module, not the options of the command."""
    try:
        yield
    except ValueError as error:
        raise ValueError(
            str(error).replace("--array NAME", "array=").replace("--positions NAME", "positions=")
        ) from error


def _file(path: str, array: str | None, positions: str | None) -> SetFile:
    with _in_python():
        return SetFile(path, array, positions)


class Wanted(NamedTuple):
    """A file whose sets are wanted."""

    path: str
    #: The folder that it was found in; None if it was asked for by its own name.
    folder: str | None = None
    #: What a list says of it; None if its header is to be read.
    entry: Entry | None = None


def _names(path: str, sets: list[ListedSet]) -> list[str]:
    """The names of the sets of a file: an array that is its only set is called as the file is."""
    if len(sets) == 1 and sets[0][0] == sets[0][1]:
        return [Path(path).stem]
    return [name for name, *_ in sets]


class FileReader(Reader):
    """The sets of any number of files, in the order of the files."""

    def __init__(self, files: Sequence[Wanted], array: str | None = None, positions: str | None = None) -> None:
        self._array, self._located = array, positions
        #: Whether a list says how each file was: then it must still be so.
        self._listed = [file.entry is not None for file in files]
        #: The arrays that were passed over, by path.
        self.passed_over: dict[str, list[str]] = {}
        self._folders = list(dict.fromkeys(file.folder for file in files if file.folder is not None))
        #: Its sizes and times tell joblib's cache files that were written again from those that it has seen.
        self._entries = self._scanned(files)
        self._paths = [path for path, *_ in self._entries]
        self.names, self.sizes, self.groups = [], [], None
        #: The file of each set.
        self.paths: list[str] = []
        #: The file of each set, its number there, and what its header says.
        self._places: list[tuple[int, int, About]] = []
        labels: list[Any] = []
        dims: dict[int, str] = {}
        double = False
        for k, (path, _, _, _, sets, known) in enumerate(self._entries):
            self.names += _names(path, sets)
            self.paths += [path] * len(sets)
            labels += known or [None] * len(sets)
            for i, (name, inside, _, n, width, n_positions, _, is_f64) in enumerate(sets):
                d = width - n_positions
                self.sizes.append(n)
                self._places.append((k, i, (name, inside, n, d, is_f64)))
                double |= is_f64
                if n:
                    dims.setdefault(d, f"{path}: set {name}")
        if len(dims) > 1:
            (d, one), (e, other) = list(dims.items())[:2]
            raise ValueError(f"sets must have one number of columns, got {d} in {one} and {e} in {other}")
        self.dim = next(iter(dims), 0)
        self.dtype = np.dtype(np.float64 if double else np.float32)
        self.labels = labels if any(label is not None for label in labels) else None

    def _scanned(self, files: Sequence[Wanted]) -> list[Entry]:
        """What the headers of the files say, or lists of them."""
        with _in_python():
            fresh, passed_over = scan_files(
                [(file.path, None) for file in files if file.entry is None], self._array, self._located
            )
        self.passed_over = {os.fspath(path): others for path, others in passed_over}
        numbers, read = {folder: i for i, folder in enumerate(self._folders)}, iter(fresh)
        found = [(file, next(read) if file.entry is None else file.entry) for file in files]
        return [(file.path, None if file.folder is None else numbers[file.folder], *entry[2:]) for file, entry in found]

    @property
    def listed(self) -> tuple[list[str], str | None, str | None, list[Entry]]:
        """The list of the files: folders, names of arrays, files."""
        return self._folders, self._array, self._located, self._entries

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

    def check(self, i: int) -> None:
        """Raise an error if the file of set `i` has another size or time than when its header was read."""
        path, _, size, time, *_ = self._entries[self._places[i][0]]
        # The same file may have another number on another machine.
        if _version(path)[:2] != (time, size):
            raise ValueError(f"{path}: it has changed since it was scanned: scan again")

    def _file(self, i: int) -> tuple[SetFile, int]:
        k, number, about = self._places[i]
        path = self._paths[k]
        if self._listed[k]:
            self.check(i)
        file, sets = _opened(path, self._array, self._located, _version(path))
        if sets[number : number + 1] != [about]:
            raise ValueError(f"{path}: it has changed since open_sets read its header")
        return file, number
