"""Checks of constructor parameters, and the small things that estimators share."""

import numbers
import sys
import warnings
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from sklearn.utils import check_random_state

from ._types import RandomState

T = TypeVar("T")

#: The largest count, and the largest seed: what 64 bits hold, with room for a factor.
LARGEST = 2**48
LARGEST_SEED = 2**64 - 1


def integer(name: str, value: Any, least: int = 1, most: int = LARGEST) -> int:
    """`value` as an int, which must be from `least` to `most`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        hint = "; an estimator is given by name, as mixture=, codebook= or pca=" if hasattr(value, "fit") else ""
        raise TypeError(f"{name} must be an integer, got {value!r}{hint}")
    number = int(value)
    if number < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {number}")
    if number > most:
        raise ValueError(f"{name} must be an integer of at most {most}, got {number}")
    return number


def boolean(name: str, value: Any) -> bool:
    """`value`, which must be a bool."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be a bool, got {value!r}")
    return bool(value)


def real(name: str, value: Any) -> float:
    """`value` as a float; the library checks its range."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, got {value!r}")
    return float(value)


def finite(name: str, value: Any) -> float:
    """`value` as a float, which must be finite: JSON has no other numbers."""
    number = real(name, value)
    if not np.isfinite(number):
        raise ValueError(f"{name} must be a finite number, got {number}")
    return number


def text(name: str, value: Any) -> str:
    """`value`, which must be a string."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, got {value!r}")
    return value


def optional(check: Callable[[str, Any], T], name: str, value: Any) -> T | None:
    """None, or the result of `check`."""
    return None if value is None else check(name, value)


def seed_of(random_state: RandomState) -> int:
    """A seed: the integer itself, or one drawn from a generator (NumPy's global one for None)."""
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**63))
    if isinstance(random_state, numbers.Integral) and not isinstance(random_state, bool):
        return integer("random_state", random_state, 0, LARGEST_SEED)
    return int(check_random_state(random_state).randint(2**31 - 1))


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line of the user's call: the first one outside this package and outside scikit-learn."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in ("fishervec", "sklearn"):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, category, stacklevel=level)
