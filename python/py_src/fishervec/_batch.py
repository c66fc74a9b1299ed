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
