"""Kaldi's .ark and .scp files: a matrix per utterance, which is a set with the utterance's name.

Matrices of floats are read here, by rows; kaldiio reads those that are compressed or in text. Nothing in a file is
executed: neither the commands that an .scp may hold, nor pickles.
"""

import os
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

import numpy as np

from ._reading import Reader, needed
from ._types import Array

#: Plain matrices, by what stands before them.
PLAIN: dict[bytes, np.dtype[Any]] = {b"\0BFM ": np.dtype("<f4"), b"\0BDM ": np.dtype("<f8")}
#: Compressed ones: the bytes of a column's header, and of a number.
PACKED = {b"\0BCM ": (8, 1), b"\0BCM2 ": (0, 2), b"\0BCM3 ": (0, 1)}


class Entry(NamedTuple):
    """A matrix in an ark."""

    path: str
    #: The byte where it begins, after its name.
    at: int
    n: int
    dim: int
    #: The number type of a plain matrix, and the byte where its numbers begin.
    dtype: np.dtype[Any] | None
    start: int


def open_ark(
    path: Any,
    *,
    column: Any = None,
    groups: Any = None,
    labels: Any = None,
    id: Any = None,
    positions: Any = None,
) -> Reader:
    """The sets of an .ark or .scp file of Kaldi; `groups` and `labels` may be files such as utt2spk."""
    path = os.fspath(path)
    for name, given in (("array", column), ("id", id), ("positions", positions)):
        if given not in (None, False):
            raise ValueError(
                f"{path}: {name}={given!r} must be None: an ark has a matrix for each utterance, and no more"
            )
    found = list(_of_scp(path) if path.lower().endswith(".scp") else _of_ark(path))
    return ArkSets(path, found, groups, labels)


def _of_scp(path: str) -> Iterator[tuple[str, Entry]]:
    """The entries that an .scp names, in its order."""
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            name, rest = (*line.strip().split(None, 1), "", "")[:2]
            where = f"{path}: line {number}"
            if not rest:
                raise ValueError(f"{where} must be a name and a place, got {line.strip()!r}")
            if "|" in rest:
                raise ValueError(f"{where} must name a file, got a command, which is never run: {rest}")
            if rest.endswith("]"):
                raise ValueError(
                    f"{where} must name a whole matrix, got a part of one: {rest}; copy the features first"
                )
            ark, colon, at = rest.rpartition(":")
            if not colon or not at.isdecimal():
                ark, at = rest, "0"
            if not os.path.exists(ark):
                # Kaldi's paths are those of the folder it was run in; files may have been moved together.
                ark = os.path.join(os.path.dirname(path), ark)
            with open(ark, "rb") as opened:
                yield name, _entry(opened, ark, int(at), where)


def _of_ark(path: str) -> Iterator[tuple[str, Entry]]:
    """The entries of an ark, one after the other; the numbers between them are passed over."""
    with open(path, "rb") as file:
        while name := _token(file, path):
            entry = _entry(file, path, file.tell(), f"{path}: utterance {name}")
            yield name, entry


def _token(file: IO[bytes], path: str) -> str:
    """The name before a matrix; empty at the end of the file."""
    found = bytearray()
    while True:
        byte = file.read(1)
        if byte == b" " and not found.strip():
            # Space before a name.
            continue
        if byte in (b"", b" "):
            break
        found += byte
        if len(found) > 4096:
            raise ValueError(f"{path}: not a valid ark: a name must have at most 4096 bytes")
    text = found.strip()
    if byte == b"" and text:
        raise ValueError(f"{path}: not a valid ark: it ends in the name {text[:40].decode('utf-8', 'replace')}")
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a valid ark: a name must be UTF-8, got {bytes(text[:20])!r}") from error


def _entry(file: IO[bytes], path: str, at: int, where: str) -> Entry:
    """The matrix at a byte; the file is left behind it."""
    file.seek(at)
    flag = file.read(5)
    dtype = PLAIN.get(flag)
    if dtype is None:
        n, dim = _other(file, at, flag, where).shape
        return Entry(path, at, n, dim, None, 0)
    header = file.read(10)
    if len(header) < 10 or header[0] != 4 or header[5] != 4:
        raise ValueError(f"{where}: not a valid matrix: its header is cut off or damaged")
    n, dim = (int(side) for side in np.frombuffer(header[1:5] + header[6:], "<i4"))
    start, size = file.tell(), os.fstat(file.fileno()).st_size
    if n < 0 or dim < 0 or start + n * dim * dtype.itemsize > size:
        raise ValueError(f"{where}: the file is too short for a matrix of shape ({n}, {dim})")
    file.seek(start + n * dim * dtype.itemsize)
    return Entry(path, at, n, dim, dtype, start)


def _other(file: IO[bytes], at: int, flag: bytes, where: str) -> Array:
    """A matrix that is compressed or in text, which kaldiio reads."""
    is_text = flag[:1] in b" \n[" and b"[" in flag + file.read(64)
    file.seek(at)
    start = file.read(6)
    packed = next((packed for packed in PACKED if start.startswith(packed)), None)
    if not is_text and packed is None:
        kinds = {b"\0BFV ": "a vector", b"\0BDV ": "a vector", b"RIFF": "sound", b"AUDI": "sound", b"PKL": "a pickle"}
        kind = next((kind for start, kind in kinds.items() if flag.startswith(start)), f"{flag!r}")
        raise ValueError(f"{where}: must be a matrix, with a row per frame, got {kind}")
    with needed("kaldiio", "kaldi", "an ark with compressed matrices or text"):
        from kaldiio.matio import read_ascii_mat, read_matrix_or_vector
    if packed is not None:
        _check_packed(file, at, packed, where)
    file.seek(at)
    try:
        matrix = np.asarray(read_ascii_mat(file) if is_text else read_matrix_or_vector(file))
    except Exception as error:
        # Whatever kaldiio stumbles over in a file that is cut off or damaged.
        raise ValueError(f"{where}: not a valid matrix: {str(error) or type(error).__name__}") from error
    if matrix.ndim == 1 and not len(matrix):
        matrix = matrix.reshape(0, 0)
    if matrix.ndim != 2:
        raise ValueError(f"{where}: must be a matrix, with a row per frame, got shape {matrix.shape}")
    return matrix


def _check_packed(file: IO[bytes], at: int, flag: bytes, where: str) -> None:
    """Check that the file has all of a compressed matrix, before room is made for it."""
    file.seek(at)
    if file.read(len(flag)) != flag:
        raise ValueError(f"{where}: not a valid matrix: its header is damaged")
    header = file.read(16)
    if len(header) < 16:
        raise ValueError(f"{where}: not a valid matrix: its header is cut off")
    n, dim = (int(side) for side in np.frombuffer(header[8:], "<i4"))
    of_column, of_number = PACKED[flag]
    size = dim * of_column + n * dim * of_number
    if n < 0 or dim < 0 or file.tell() + size > os.fstat(file.fileno()).st_size:
        raise ValueError(f"{where}: the file is too short for a matrix of shape ({n}, {dim})")


class ArkSets(Reader):
    """The matrices of an ark."""

    def __init__(self, path: str, found: list[tuple[str, Entry]], groups: Any, labels: Any) -> None:
        self.path = path
        self.names = [name for name, _ in found]
        seen: dict[str, int] = {}
        for i, name in enumerate(self.names):
            if seen.setdefault(name, i) != i:
                raise ValueError(f"{path}: the utterance {name} is there twice, as set {seen[name]} and {i}")
        self._entries = [entry for _, entry in found]
        self.sizes = [entry.n for entry in self._entries]
        first = next((i for i, n in enumerate(self.sizes) if n), 0)
        self.dim = self._entries[first].dim if found else 0
        for name, entry in found:
            if entry.n and entry.dim != self.dim:
                like = f"{self.dim} columns like {self.names[first]}"
                raise ValueError(f"{entry.path}: utterance {name} must have {like}, got {entry.dim}")
        doubles = any(entry.dtype is not None and entry.dtype.itemsize == 8 for entry in self._entries)
        self.dtype = np.dtype(np.float64 if doubles else np.float32)
        self.groups = None if groups in (None, False) else _beside(groups, self.names, "groups")
        self.labels = None if labels in (None, False) else _beside(labels, self.names, "labels")

    def read(self, i: int, start: int, stop: int) -> Array:
        entry, where = self._entries[i], f"{self._entries[i].path}: utterance {self.names[i]}"
        with open(entry.path, "rb") as file:
            if entry.dtype is None:
                file.seek(entry.at)
                rows = _other(file, entry.at, file.read(5), where)[start:stop]
            else:
                width = entry.dim * entry.dtype.itemsize
                file.seek(entry.start + start * width)
                data = file.read((stop - start) * width)
                if len(data) < (stop - start) * width:
                    raise ValueError(f"{where}: the file is shorter than when it was opened")
                rows = np.frombuffer(data, entry.dtype).reshape(stop - start, entry.dim)
        return rows.astype(self.dtype, copy=False) if len(rows) else np.empty((0, self.dim), self.dtype)


def _beside(path: Any, names: list[str], what: str) -> list[str]:
    """What a file such as utt2spk says of each utterance: a line is its name, and the rest."""
    with open(os.fspath(path), encoding="utf-8") as file:
        pairs = [line.strip().split(None, 1) for line in file if line.strip()]
    found: dict[str, str] = {}
    for pair in pairs:
        name, value = (*pair, "")[:2]
        if found.setdefault(name, value) != value:
            raise ValueError(f"{what}={os.fspath(path)!r} must name {name} once, got {found[name]} and {value}")
    missing = [name for name in names if name not in found]
    if missing:
        raise ValueError(
            f"{what}={os.fspath(path)!r} must name each utterance, {len(missing)} are missing: {missing[0]}"
        )
    return [found[name] for name in names]
