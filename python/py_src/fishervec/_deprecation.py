"""Parameters that were renamed or have no effect: their warnings, and their values under present names.

The first argument of methods was called sets or images before it was called X.

A class lists them in `_deprecated`: the former name and the present one, or None for a parameter without effect. Their
default is the string "deprecated", as in scikit-learn.
"""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, Literal, ParamSpec, TypeAlias, TypeVar

from . import _checks as check

#: The default of a deprecated parameter, and its type.
DEPRECATED = "deprecated"
Deprecated: TypeAlias = Literal["deprecated"]


P = ParamSpec("P")
S = TypeVar("S")
R = TypeVar("R")


def was_called(former: str) -> Callable[[Callable[Concatenate[S, P], R]], Callable[Concatenate[S, P], R]]:
    """A decorator for a method whose first argument, X, is still taken by its former name, with a warning."""

    def decorate(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
        @functools.wraps(method)
        def renamed(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
            if former in kwargs:
                if args or "X" in kwargs:
                    raise TypeError(f"{method.__name__}() takes X or {former}=, its former name, not both")
                check.warn(f"{former}= is deprecated and will be removed: write X=, or no name", FutureWarning)
                kwargs["X"] = kwargs.pop(former)
            return method(self, *args, **kwargs)

        return renamed

    return decorate


def current(cls: type[Any], params: dict[str, Any]) -> dict[str, Any]:
    """Parameters of a class under their present names, without those that have no effect."""
    former: dict[str, str | None] = getattr(cls, "_deprecated", {})
    given = {old: new for old, new in former.items() if params.get(old, DEPRECATED) != DEPRECATED}
    renamed = {new: params[old] for old, new in given.items() if new is not None}
    return {name: value for name, value in params.items() if name not in former} | renamed


def warn_of_deprecated(estimator: Any) -> None:
    """Warn of each deprecated parameter that was given, and say what to write."""
    for old, new in getattr(estimator, "_deprecated", {}).items():
        value = getattr(estimator, old)
        if value == DEPRECATED:
            continue
        if new is None:
            cure = "it has no effect; leave it out"
        elif getattr(estimator, new) not in (getattr(type(estimator)(), new), value):
            raise ValueError(f"{new} must be given alone, got {getattr(estimator, new)!r} and {old}={value!r}")
        else:
            cure = f"write {new}={value!r}"
        check.warn(f"{old} is deprecated and will be removed: {cure}", FutureWarning)
