"""Checks of constructor parameters, and the small things estimators share."""

import numbers
import sys
import warnings
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import numpy as np
from sklearn.utils import check_random_state

T = TypeVar("T")

#: What a seed may be given as.
RandomState: TypeAlias = int | np.integer[Any] | np.random.RandomState | np.random.Generator | None


#: The largest count, and the largest seed: what 64 bits hold, with room for a factor.
LARGEST = 2**48
LARGEST_SEED = 2**64 - 1


def integer(name: str, value: Any, least: int = 1, most: int = LARGEST) -> int:
    """`value` as an int, which must be from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name}: expected an integer, got {value!r}")
    number = int(value)
    if number < least:
        raise ValueError(f"{name}: expected an integer of at least {least}, got {number}")
    if number > most:
        raise ValueError(f"{name}: expected an integer of at most {most}, got {number}")
    return number


def boolean(name: str, value: Any) -> bool:
    """`value`, which must be a bool."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name}: expected a bool, got {value!r}")
    return bool(value)


def real(name: str, value: Any) -> float:
    """`value` as a float; its range is the library's business."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name}: expected a number, got {value!r}")
    return float(value)


def optional(check: Callable[[str, Any], T], name: str, value: Any) -> T | None:
    """None, or what `check` makes of `value`."""
    return None if value is None else check(name, value)


def text(name: str, value: Any) -> str:
    """`value`, which must be a string."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: expected a string, got {value!r}")
    return value


def seed_of(random_state: RandomState) -> int:
    """A seed: the integer itself, or one drawn from a generator (NumPy's global one for None)."""
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**63))
    if isinstance(random_state, numbers.Integral) and not isinstance(random_state, bool):
        return integer("random_state", random_state, 0, LARGEST_SEED)
    return int(check_random_state(random_state).randint(2**31 - 1))


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """A warning about a fit, located where the user called for it: outside the package, and outside scikit-learn."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in ("fishervec", "sklearn"):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, category, stacklevel=level)
