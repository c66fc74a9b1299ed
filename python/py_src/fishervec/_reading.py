"""What is asked of a file, or another collection, of sets that is read set by set, and never whole."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np

from ._types import Array

#: So many bytes of descriptors are read at a time where a file does not say otherwise.
BLOCK = 8 << 20


class Reader(Protocol):
    """Sets of descriptors in a file. A reader pickles: it opens its file again. It never holds the whole file.

    A class that has this one as its base need not have `iter_blocks` and `positions`.
    """

    #: The name of each set.
    names: list[str]
    #: The number of rows of each set.
    sizes: list[int]
    #: The number of columns.
    dim: int
    #: The number type of what is read: one that is computed with as it is.
    dtype: np.dtype[Any]
    #: The label of each set; None if the file has none.
    labels: list[Any] | None
    #: What each set is a part of, such as the patient of a slide; None if it stands for itself.
    groups: list[Any] | None

    def read(self, i: int, start: int, stop: int) -> Array:
        """Rows `start` to `stop` of set `i`, shape (stop - start, dim)."""
        ...

    def iter_blocks(self) -> Iterator[tuple[int, Array]]:
        """All rows, each once, in the order of the file: blocks of rows with the number of their set.

        The rows of one set come in its order; blocks of other sets may come between them.
        """
        step = rows_of(BLOCK, self.dim, self.dtype)
        for i, n in enumerate(self.sizes):
            for start in range(0, n, step):
                yield i, self.read(i, start, min(start + step, n))

    def positions(self, i: int) -> Array | None:
        """The positions of the rows of set `i`, shape (n, L); None if the file has none."""
        return None


def rows_of(size: int, dim: int, dtype: np.dtype[Any]) -> int:
    """How many rows `size` bytes are; at least one."""
    return max(1, size // max(1, dim * dtype.itemsize))


def natural(name: str) -> tuple[list[tuple[int, int]], str]:
    """A key that sorts names as people count: img2 before img10."""
    runs = re.findall(r"[0-9]+|[^0-9]", name)
    return [(ord("0"), int(run)) if run[0] in "0123456789" else (ord(run), 0) for run in runs], name


@contextmanager
def needed(library: str, extra: str, what: str) -> Iterator[None]:
    """Say what to install if an import fails."""
    try:
        yield
    except ImportError as error:
        raise ImportError(f'{what} needs {library}: pip install "fishervec[{extra}]"') from error
