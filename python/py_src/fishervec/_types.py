"""The types that several modules name."""

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: An array of any type, as it was given.
Array: TypeAlias = NDArray[Any]
#: An array of float32 or float64.
Floats: TypeAlias = NDArray[np.floating[Any]]
#: Sets, or weights, in any of the forms that docs/sets.md lists: all of them can be iterated over.
Sets: TypeAlias = Iterable[Any]
#: A path, a PIL image, or an array of shape (height, width) or (height, width, channels).
Image: TypeAlias = Any
#: All that a seed may be given as.
RandomState: TypeAlias = int | np.integer[Any] | np.random.RandomState | np.random.Generator | None
