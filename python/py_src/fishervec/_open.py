"""`open_sets`: files and folders as a sequence of sets that are read when they are asked for."""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from . import _checks as check
from ._file_sets import FileReader, Wanted
from ._fishervec import id_of_list, save_list
from ._found import Found, found_in, in_list
from ._joined import Place, few, is_column, labels_and_groups
from ._lazy import LazySets
from ._readers import OPENERS
from ._reading import Reader

#: The kinds of which several files are one table.
TOGETHER = ("parquet", "arrow", "csv")


class Listing(LazySets):
    """Sets of descriptors that stay in their files, as `open_sets` returns them: a sequence of arrays (n_i, d).

    Encoders take it as a list of arrays, with the same numbers, and never hold more of it than a sample or a part.

    Attributes
    ----------
    names : list of str
        The name of each set.
    sizes : ndarray of shape (n_sets,)
        The number of descriptors in each set.
    labels : ndarray of shape (n_sets,) or None
        The label of each set.
    groups : ndarray of shape (n_sets,) or None
        What each set is a part of.
    positions : sequence of ndarray of shape (n_i, L), or None
        The positions of the descriptors; read when they are asked for, too.
    n_features : int
        d, the number of columns.
    dtype : dtype
        float64 if a set is in double precision, or else float32.
    id : str
        The identity of the sets, 16 hexadecimal digits: a hash of names and shapes.

    See Also
    --------
    open_sets : Opens files.

    Examples
    --------
    >>> import numpy as np, os, tempfile
    >>> from fishervec import open_sets
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.savez(os.path.join(folder, "sets.npz"), a=np.zeros((4, 2)), b=np.ones((3, 2)))
    ...     sets = open_sets(folder)
    ...     sets.names, sets.sizes.tolist(), float(sets[1:][0].sum())
    (['a', 'b'], [4, 3], 6.0)
    """

    @classmethod
    def scan(cls, paths: Any, **options: Any) -> "Listing":
        """Read the headers of files, as `open_sets` does.

        Parameters
        ----------
        paths : path-like, list of these, or table
            As in `open_sets`.
        **options : array, positions, groups, labels and id
            As in `open_sets`.

        Returns
        -------
        sets : Listing
            The sets.

        Raises
        ------
        OSError, ValueError, TypeError, ImportError
            As from `open_sets`.
        """
        return open_sets(paths, **options)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, root: str | os.PathLike[str] | None = None) -> "Listing":
        """Read a list of files that `save` or ``fishervec scan`` wrote; no file of it is opened.

        Parameters
        ----------
        path : path-like
            The list, NAME.jsonl.
        root : path-like or None, default=None
            What the paths in the list are relative to; None means the folder of the list, or the root that it was
            written with.

        Returns
        -------
        sets : Listing
            The sets, with the labels that the files hold.

        Raises
        ------
        OSError
            If the list cannot be read.
        ValueError
            If it is torn or was edited, with the line, or a list of images.
        """
        found = in_list(os.fspath(path), None if root is None else os.fspath(root))
        return of_found(found)

    def save(self, path: str | os.PathLike[str], *, root: str | os.PathLike[str] | None = None) -> None:
        """Write the list of the files with all that their headers say, whole or not at all.

        `open_sets`, `load` and all verbs of the command read it in place of the files. A file that has changed since is
        an error then.

        Parameters
        ----------
        path : path-like
            The list, NAME.jsonl.
        root : path-like or None, default=None
            What the paths in the list are relative to; None means the folder of the list.

        Raises
        ------
        OSError
            If the file cannot be written.
        ValueError
            If the sets are not all those of their files, in their order, or not of files that the library itself reads
            (a table pickles instead), or if the path does not end in .jsonl.

        Warns
        -----
        UserWarning
            If there are labels or groups that are not in the files: they are not in the list.
        """
        if os.path.splitext(path)[1].lower() != ".jsonl":
            raise ValueError(f"path must end in .jsonl, got {os.fspath(path)!r}")
        reader = self._whole()
        if reader is None:
            raise ValueError("sets must be all those of files that the library reads itself: pickle the others")
        for name, given, held in (("labels", self._labels, reader.labels), ("groups", self._groups, None)):
            if given is not None and (held is None or list(given) != list(held)):
                check.warn(f"{name} are not in the files and are not saved: pass them again when the list is opened")
        save_list(os.fspath(path), None if root is None else os.fspath(root), reader.listed)

    @property
    def id(self) -> str:
        """The identity of the sets: of files, that of ``fishervec scan``; a hash of names and shapes."""
        reader = self._whole()
        if reader is not None:
            return id_of_list(reader.listed)
        known = json.dumps([self.names, self.sizes.tolist(), self.n_features])
        return hashlib.blake2b(known.encode(), digest_size=8).hexdigest()

    def _whole(self) -> Any:
        """The reader of files whose sets these are, all of them and in their order; None if there is none."""
        reader: Any = self._readers[0] if len(self._readers) == 1 else None
        whole = hasattr(reader, "listed") and np.array_equal(self._places[:, 1], np.arange(len(reader.names)))
        return reader if whole else None


def open_sets(
    paths: Any,
    *,
    array: str | Sequence[str] | None = None,
    positions: str | Sequence[str] | None = None,
    groups: Any = None,
    labels: Any = None,
    id: str | None = None,
) -> Listing:
    """Open files of sets of descriptors, of any size, as a sequence of sets that are read when they are asked for.

    Parameters
    ----------
    paths : path-like, list of these, or table
        A file, a folder that stands for all its files and those of its subfolders, a list of files that `Listing.save`
        or ``fishervec scan`` wrote (.jsonl), or several of these in a list, an iterator or a column; a table of pyarrow
        or polars, a ParquetFile, a zarr array or group, an AnnData object. The page "Formats" (docs/formats.md) says
        what is read; docs/files.md what is left out of a folder, and the order.
    array : str, sequence of str or None, default=None
        The name of the array, or of the column, that holds the descriptors, or the names of several columns of numbers;
        None means the one that docs/files.md says.
    positions : str, sequence of str or None, default=None
        The name of the array that holds the positions, or the names of columns; None means one called coords, positions
        or keypoints.
    groups : str, tuple, dict, False, or array-like of shape (n_sets,), default=None
        What each set is a part of: "folder" for the folder of its file below the given path, a dict or a pandas Series
        from the names of sets, one value per set, or the name of a column of the table that `labels` is; a tuple is
        the path of another table and a column of it. In a table of descriptors: the column that says which rows are
        one set. False means none.
    labels : str, tuple, dict, False, or array-like of shape (n_sets,), default=None
        The label of each set, in the same forms, or the path of a .csv or .tsv table whose rows name sets; None means
        those that the files hold, if they do. In a table of descriptors: the column of labels. False means none.
    id : str or None, default=None
        In a table in which each row is a set: the column of their names.

    Returns
    -------
    sets : Listing
        A sequence of arrays of shape (n_i, d) with the attributes `names`, `sizes`, `labels`, `groups` and
        `positions`. It slices, pickles, and is an X of all encoders, of `train_test_split` and of `GridSearchCV`.

    Raises
    ------
    OSError
        If a file cannot be read.
    ValueError
        If it is not clear which array of a file holds descriptors (the error lists all arrays), if sets have different
        numbers of columns, or if names do not fit.
    ImportError
        If a format needs a library that is not installed.

    See Also
    --------
    FisherVector : Takes the sets, and never holds more of them than a sample.

    Notes
    -----
    The headers of all files are read at once, the descriptors when they are asked for. Cost O(number of files).

    Examples
    --------
    >>> import numpy as np, os, tempfile
    >>> from fishervec import FisherVector, open_sets
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for i in range(3):
    ...         np.save(os.path.join(folder, f"slide{i}.npy"), np.random.default_rng(i).normal(size=(99, 2)))
    ...     sets = open_sets(folder)
    ...     vectors = FisherVector(n_components=2, random_state=0).fit_transform(sets)
    >>> sets.names, vectors.shape
    (['slide0', 'slide1', 'slide2'], (3, 10))
    """
    return _opened(found_in(paths), Asked(array, positions, groups, labels, id))


class Asked(NamedTuple):
    """What the user says about the files."""

    array: str | Sequence[str] | None
    positions: str | Sequence[str] | None
    groups: Any
    labels: Any
    id: str | None

    @property
    def of_tables(self) -> dict[str, Any]:
        """What is said to the reader of a table: names of columns."""
        named = {"groups": self.groups, "labels": self.labels}
        columns = {what: given if is_column(given) or given is False else None for what, given in named.items()}
        return {"column": self.array, "positions": self.positions, "id": self.id, **columns}


def of_found(found: list[Found]) -> Listing:
    """The sets of files, of which nothing else is said."""
    return _opened(found, Asked(None, None, None, None, None))


def _opened(found: list[Found], asked: Asked) -> Listing:
    opened = _readers(found, asked)
    labels, groups = labels_and_groups(opened.labels, opened.groups, opened.readers, opened.places)
    return Listing._of(opened.readers, labels=labels, groups=groups)


class Opened(NamedTuple):
    """Readers, where each of their sets comes from, and what is still to be said of these by their names."""

    readers: list[Reader]
    places: list[Place]
    labels: Any
    groups: Any


# ---- from files to readers -------------------------------------------------------------------------------


def _readers(found: list[Found], asked: Asked) -> Opened:
    kind = found[0].kind
    if kind is None:
        return _of_files(found, asked)
    if kind == "ark":
        # Files such as utt2spk, which are no tables.
        asked = asked._replace(groups=_text_of(asked.groups), labels=_text_of(asked.labels))
    if kind in TOGETHER and found[0].given:
        # A folder of tables is one, whose folders may be values of columns.
        given = list(dict.fromkeys(file.given for file in found))
        sources = [given[0] if len(given) == 1 else given]
    else:
        sources = [file.path for file in found]
    readers = [OPENERS[kind](source, **asked.of_tables) for source in sources]
    one_each = len(readers) == len(found)
    places = [
        Place(str(found[k].path), found[k].folder if one_each else None, name, False)
        for k, reader in enumerate(readers)
        for name in reader.names
    ]
    rest = (None if is_column(given) else given for given in (asked.labels, asked.groups))
    return Opened(readers, places, *rest)


def _text_of(given: Any) -> Any:
    """A path as a text; all else as it is."""
    return os.fspath(given) if isinstance(given, os.PathLike) else given


def _of_files(found: list[Found], asked: Asked) -> Opened:
    if asked.id is not None:
        raise ValueError(
            f"id must be None, got {asked.id!r}: the sets of these files have the names of files or arrays"
        )
    for what, name in (("array", asked.array), ("positions", asked.positions)):
        if not isinstance(name, str | None):
            raise TypeError(f"{what} must be one name in files of arrays, got {name!r}")
    twice = [path for path, n in Counter(os.path.realpath(file.path) for file in found).items() if n > 1]
    if twice:
        check.warn(f"files given more than once count each time: {few(twice)}")
    files = [Wanted(file.path, file.given if file.given != file.path else None, file.entry) for file in found]
    reader = FileReader(files, *_arrays(found, asked))
    if reader.passed_over:
        path, others = next(iter(reader.passed_over.items()))
        check.warn(
            f"{path}: the descriptors were found by the name of their array, {', '.join(others)} not read: "
            "choose by array="
        )
    by_path = {file.path: file for file in found}
    n_sets = Counter(reader.paths)
    places = [
        Place(path, by_path[path].folder, name, n_sets[path] == 1)
        for path, name in zip(reader.paths, reader.names, strict=True)
    ]
    return Opened([reader], places, asked.labels, asked.groups)


def _arrays(found: list[Found], asked: Asked) -> tuple[Any, Any]:
    """The names of arrays that are asked for: those that lists were scanned for."""
    wanted = (asked.array, asked.positions)
    scanned = list(dict.fromkeys(file.arrays for file in found if file.arrays is not None))
    for arrays in scanned:
        if arrays != scanned[0] or (wanted != (None, None) and arrays != wanted):
            other = wanted if arrays == scanned[0] else scanned[0]
            raise ValueError(
                "array and positions must be those of the scan, got "
                f"array={other[0]!r}, positions={other[1]!r}, and array={arrays[0]!r}, positions={arrays[1]!r} in a "
                "list: scan again"
            )
    return scanned[0] if scanned else wanted
