"""Vectors in files, with the names and the labels of their sets: .parquet, .h5, .npy and .csv."""

import csv
import numbers
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ._missing import is_missing
from ._reading import needed
from ._types import Array

#: The columns of the .csv that the command writes beside .npy, of which the label may be missing.
MANIFEST = ("row", "source", "set", "n", "mean_log_likelihood", "status", "label")
#: The columns, or the datasets, of the other files.
COLUMNS = ("id", "label", "vector")


class Labelled(NamedTuple):
    """Vectors, one per set, and what is known of the sets."""

    vectors: Array
    ids: list[str]
    labels: list[Any] | None
    #: The numbers of descriptors, if they are known.
    sizes: list[int] | None


def write_vectors(
    path: str | os.PathLike[str],
    vectors: ArrayLike,
    sets: Any = None,
    *,
    labels: Sequence[Any] | None = None,
) -> None:
    """Write vectors to a file, with the names and the labels of their sets; whole or not at all.

    The ending of `path` says what is written. ``.parquet`` (needs pyarrow) has the columns id, label and vector, a list
    of fixed size. ``.h5`` and ``.hdf5`` (need h5py) have datasets of these names. ``.npy`` is written as the command
    does, with NAME.csv, and NAME.labels.npy if there are labels. ``.csv`` has the columns id and label, and one per
    number.

    Parameters
    ----------
    path : path-like
        The file. One that is there is replaced if it is of the same kind, and is an error otherwise.
    vectors : array-like of shape (n_sets, n_features)
        As from `transform`. float32 and float64 stay what they are; all else becomes float64.
    sets : sequence of str, or sets with names, default=None
        The names of the sets, or what has them as `names`, and maybe `labels`, such as what `open_sets` returns. None
        means the index of a pandas frame, or numbers.
    labels : sequence of int, float or str, default=None
        One label per set, None where there is none: an empty text, -1 or NaN in files that have no missing values. None
        means those of `sets`.

    Raises
    ------
    ValueError
        For another ending, names or labels of another number, vectors that are not finite numbers, and a file of
        another kind.
    ImportError
        If the library for the file is not there; the error says what to install.
    OSError
        If the file cannot be written.

    See Also
    --------
    FisherVector.transform : Returns such vectors.

    Examples
    --------
    >>> import numpy as np, os, tempfile
    >>> import fishervec
    >>> vectors = np.eye(2, dtype=np.float32)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "vectors.npy")
    ...     fishervec.write_vectors(path, vectors, ["a", "b"], labels=["cat", "dog"])
    ...     sorted(os.listdir(folder))
    ...     np.load(path).shape
    ['vectors.csv', 'vectors.labels.npy', 'vectors.npy']
    (2, 2)
    """
    path = os.fspath(path)
    stem, ending = os.path.splitext(path)
    write = WRITERS.get(ending.lower())
    if write is None:
        raise ValueError(f"path must end in {', '.join(WRITERS)}, got {path}")
    write(path, stem, _labelled(vectors, sets, labels))


def _labelled(vectors: Any, sets: Any, labels: Any) -> Labelled:
    index = getattr(vectors, "index", None)
    array = np.asarray(vectors)
    array = array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)
    if array.ndim != 2 or array.shape[1] == 0:
        raise ValueError(f"vectors must be an array of shape (n_sets, n_features), got shape {array.shape}")
    wrong = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if len(wrong):
        raise ValueError(f"vectors must be finite numbers, got {array[wrong[0]]} in row {wrong[0]}")
    if isinstance(sets, str | os.PathLike):
        raise TypeError(f"sets must be the names of {len(array)} sets, or sets with names, got {sets!r}")
    # An index of pandas has `names`, too: those of its levels.
    known = None if type(sets).__module__.partition(".")[0] == "pandas" else sets
    names = getattr(known, "names", sets)
    if names is None:
        names = range(len(array)) if index is None or callable(index) else index
    sizes = getattr(known, "sizes", None)
    labels = getattr(known, "labels", None) if labels is None else labels
    labels = labels.to_pylist() if hasattr(labels, "to_pylist") else labels
    ids = [_name(name, row) for row, name in enumerate(names)]
    for what, given in (("sets", ids), ("labels", labels)):
        if given is not None and len(given) != len(array):
            raise ValueError(f"{what} must be those of {len(array)} vectors, got {len(given)}")
    if labels is None or all(label is None for label in labels):
        return Labelled(array, ids, None, sizes)
    return Labelled(array, ids, _of_one_type(labels), sizes)


def _name(name: Any, row: int) -> str:
    if is_missing(name):
        raise ValueError(f"sets must name each vector, got {name} for row {row}")
    return name.decode(errors="backslashreplace") if isinstance(name, bytes) else str(name)


def _of_one_type(labels: Sequence[Any]) -> list[Any]:
    """Labels as texts, as integers or as floats, None where there is none."""
    plain = [label.item() if isinstance(label, np.generic) else label for label in labels]
    plain = [None if is_missing(label) else label for label in plain]
    there = [label for label in plain if label is not None]
    if all(isinstance(label, str) for label in there) or all(isinstance(label, numbers.Integral) for label in there):
        return [int(label) if isinstance(label, bool) else label for label in plain]
    if all(isinstance(label, numbers.Real) for label in there):
        return [None if label is None else float(label) for label in plain]
    kinds = sorted({type(label).__name__ for label in there})
    raise ValueError(f"labels must be all texts or all numbers, got {' and '.join(kinds)}")


def _filled(labels: list[Any]) -> Array:
    """Labels as an array: without a missing value an empty text, -1 or NaN."""
    first = next((label for label in labels if label is not None), -1)
    if isinstance(first, str):
        return np.array([label or "" for label in labels])
    none = -1 if isinstance(first, int) else np.nan
    return np.array([none if label is None else label for label in labels])


# ---- one function per kind of file -----------------------------------------------------------------------


def _write_parquet(path: str, stem: str, given: Labelled) -> None:
    with needed("pyarrow", "parquet", path):
        import pyarrow as pa
        import pyarrow.parquet as pq
    if os.path.exists(path):
        _refuse_others(path, lambda: pq.read_schema(path).names)
    width = given.vectors.shape[1]
    numbers = pa.array(np.ascontiguousarray(given.vectors).reshape(-1))
    columns = {"id": pa.array(given.ids, pa.string())}
    if given.labels is not None:
        columns["label"] = pa.array(given.labels)
    vectors = pa.FixedSizeListArray.from_arrays(numbers, width)
    with _staged(path) as (staged,):
        pq.write_table(pa.table(columns | {"vector": vectors}), staged)


def _write_h5(path: str, stem: str, given: Labelled) -> None:
    with needed("h5py", "hdf5", path):
        import h5py
    if os.path.exists(path):

        def names() -> list[str]:
            with h5py.File(path, "r") as file:
                return list(file)

        _refuse_others(path, names)
    with _staged(path) as (staged,), h5py.File(staged, "w") as file:
        file.create_dataset("id", data=np.array(given.ids, dtype=object), dtype=h5py.string_dtype())
        if given.labels is not None:
            labels = _filled(given.labels)
            is_text = labels.dtype.kind == "U"
            kind = h5py.string_dtype() if is_text else labels.dtype
            file.create_dataset("label", data=labels.astype(object) if is_text else labels, dtype=kind)
        file.create_dataset("vector", data=given.vectors)


def _write_npy(path: str, stem: str, given: Labelled) -> None:
    beside = f"{stem}.csv"
    paths = [path, beside] + ([] if given.labels is None else [f"{stem}.labels.npy"])
    is_ours = os.path.exists(beside) and _first_line(beside).startswith(",".join(MANIFEST[:6]))
    others = [] if is_ours else [other for other in paths if os.path.isfile(other)]
    if others:
        raise ValueError(f"{others[0]} is there already and would be replaced: choose another path")
    with _staged(*paths) as staged:
        with open(staged[0], "wb") as file:
            np.save(file, given.vectors)
        with _csv(staged[1]) as table:
            table.writerow(MANIFEST[: 6 + (given.labels is not None)])
            for row, name in enumerate(given.ids):
                n = "" if given.sizes is None else given.sizes[row]
                label = [] if given.labels is None else [_text(given.labels[row])]
                table.writerow([row, "", name, n, "", "empty" if n == 0 else "ok", *label])
        if given.labels is not None:
            with open(staged[2], "wb") as file:
                np.save(file, _numbered(given.labels))


def _write_csv(path: str, stem: str, given: Labelled) -> None:
    is_ours = re.compile(r"id,(label,)?v0(,|$)").match
    if os.path.exists(path) and (not is_ours(_first_line(path)) or os.path.exists(f"{stem}.npy")):
        raise ValueError(f"{path} is there already and has other columns: choose another path")
    with _staged(path) as (staged,), _csv(staged) as table:
        has_labels = given.labels is not None
        table.writerow(["id", *(["label"] if has_labels else []), *(f"v{j}" for j in range(given.vectors.shape[1]))])
        for row, name in enumerate(given.ids):
            label = [] if given.labels is None else [_text(given.labels[row])]
            # The shortest text that is read back as the same number.
            table.writerow([name, *label, *(str(number) for number in given.vectors[row])])


def _numbered(labels: list[Any]) -> Array:
    """Labels as the command writes them: numbers, and for names their numbers in sorted order; -1 for none."""
    names = sorted({label for label in labels if isinstance(label, str) and label}, key=str.encode)
    if not names:
        return _filled([None if label == "" else label for label in labels])
    number = {name: i for i, name in enumerate(names)}
    return np.array([number.get(label, -1) for label in labels], dtype=np.int64)


def _text(label: Any) -> str:
    return "" if label is None else str(label)


def _first_line(path: str) -> str:
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        return file.readline(4096)


@contextmanager
def _csv(path: str) -> Iterator[Any]:
    """A csv that is being written, with line feeds."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        yield csv.writer(file, lineterminator="\n")


def _refuse_others(path: str, names: Callable[[], list[str]]) -> None:
    """Raise an error if the file that is there is not one of these vectors."""
    try:
        found = names()
    except Exception as error:
        raise ValueError(f"{path} is there already and is another kind of file: choose another path") from error
    if "vector" not in found or not set(found) <= set(COLUMNS):
        raise ValueError(f"{path} is there already with other contents ({', '.join(found[:9])}): choose another path")


@contextmanager
def _staged(*paths: str) -> Iterator[list[str]]:
    """Names for files that get their own when all of them are complete, and are gone if something fails."""
    staged = []
    for path in paths:
        folder, name = os.path.split(path)
        if folder and not os.path.isdir(folder):
            raise FileNotFoundError(f"{path}: the folder {folder} does not exist; create it first")
        if os.path.exists(path) and not os.path.isfile(path):
            raise OSError(f"{path}: this path exists and is not a file")
        staged.append(os.path.join(folder, f".{name}.{secrets.token_hex(4)}.tmp"))
    try:
        yield staged
        for written in staged:
            with open(written, "rb+") as file:
                os.fsync(file.fileno())
        for written, path in zip(staged, paths, strict=True):
            os.replace(written, path)
    finally:
        for written in staged:
            if os.path.exists(written):
                os.remove(written)


#: What writes a file, by its ending.
WRITERS: dict[str, Callable[[str, str, Labelled], None]] = {
    ".parquet": _write_parquet,
    ".h5": _write_h5,
    ".hdf5": _write_h5,
    ".npy": _write_npy,
    ".csv": _write_csv,
}
