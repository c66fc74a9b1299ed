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


def integer(name: str, value: Any, least: int = 1) -> int:
    """`value` as an int, which must be at least `least`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name}: expected an integer, got {value!r}")
    if value < least:
        raise ValueError(f"{name}: expected an integer of at least {least}, got {value}")
    return int(value)


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
        return integer("random_state", random_state, 0)
    return int(check_random_state(random_state).randint(2**31 - 1))


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """A warning about a fit, located where the user called for it: outside the package, and outside scikit-learn."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in ("fishervec", "sklearn"):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, category, stacklevel=level)
