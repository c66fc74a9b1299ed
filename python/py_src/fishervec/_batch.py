"""The one form in which the compiled module takes sets."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ._types import Array


@dataclass(frozen=True)
class Batch:
    """Sets of descriptors; all arrays have the same number type, one that the compiled module takes."""

    #: One array (n_i, d) per set, or one array (n, d) of all.
    values: list[Array] | Array
    #: Where the sets in one array begin, and where the last one ends: n_sets + 1 numbers.
    offsets: Array | None = None
    #: One weight per descriptor, those of all sets in one array.
    weights: Array | None = None
    #: How many of the last columns were given apart, as positions.
    n_positions: int = 0

    @property
    def spans(self) -> tuple[Array, Array] | None:
        """One array that holds all sets of a list, and the first row and the end of each: see `_spans`."""
        return _spans(self.values) if isinstance(self.values, list) else None

    def __len__(self) -> int:
        return len(self.values) if self.offsets is None else len(self.offsets) - 1

    @property
    def dim(self) -> int | None:
        """Number of columns of the first set; None if there are no sets."""
        if isinstance(self.values, list):
            return self.values[0].shape[1] if self.values else None
        return int(self.values.shape[1])

    @property
    def sizes(self) -> Array:
        """Number of descriptors in each set."""
        if self.offsets is not None:
            return np.diff(self.offsets)
        return np.array([len(x) for x in self.values], dtype=np.int64)

    @property
    def is_whole(self) -> bool:
        """Whether the offsets divide all rows; where they do not, the compiled module says what is wrong."""
        if self.offsets is None:
            return True
        ends = len(self.offsets) > 0 and self.offsets[0] == 0 and self.offsets[-1] == len(self.values)
        return bool(ends and (np.diff(self.offsets) >= 0).all())

    def arrays(self) -> Iterator[Array]:
        """Each set as an array of shape (n_i, d), a view."""
        if isinstance(self.values, list) or self.offsets is None:
            yield from list(self.values)
        else:
            for start, stop in zip(self.offsets[:-1], self.offsets[1:], strict=True):
                yield self.values[start:stop]


#: Shorter lists gain nothing.
_MANY = 64


def _spans(values: list[Array]) -> tuple[Array, Array] | None:
    """One array of rows that all these arrays are views of, without a copy, and their rows in it, shape (n, 2).

    None unless they are views of one array with rows that are as far apart in each. The compiled module borrows each
    array that it is given, and compares it with all others of the same owner: of one array there is nothing to compare.
    """
    if len(values) < _MANY or values[0].base is None:
        return None
    first, owner = values[0], values[0].base
    step, d = first.strides[0], first.shape[1]
    if step <= 0 or any(x.base is not owner or x.strides != first.strides or x.shape[1] != d for x in values):
        return None
    sizes = np.fromiter(map(len, values), np.int64, len(values))
    # An array without rows may be said to begin anywhere.
    filled = np.flatnonzero(sizes)
    addresses = np.fromiter((x.__array_interface__["data"][0] for x in values), np.int64, len(values))
    if d == 0 or not len(filled):
        return None
    lowest = filled[addresses[filled].argmin()]
    starts, apart = np.divmod(addresses - addresses[lowest], step)
    starts[sizes == 0] = 0
    if apart[filled].any():
        return None
    ends = starts + sizes
    whole = np.lib.stride_tricks.as_strided(values[lowest], (int(ends.max()), d), first.strides, writeable=False)
    return whole, np.column_stack([starts, ends])
