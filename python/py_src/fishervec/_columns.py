"""Names of the descriptors' columns, which frames have: compared as scikit-learn does, in its words."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import _get_feature_names

from . import _checks as check
from ._frames import lists_of
from ._types import Array

#: At most so many names in one list of an error, as in scikit-learn.
FEW = 5


class Fitted(NamedTuple):
    """What an estimator knows of the columns that it was fitted to, beside their number."""

    #: The names of the descriptors' columns, if all sets had them.
    names: Array | None
    #: The number of position columns that were given apart, and their names.
    n_positions: int = 0
    position_names: Array | None = None

    def all_names(self) -> list[str] | None:
        """The names of all columns, of the positions last; None if some have no names."""
        if self.names is None or (self.n_positions and self.position_names is None):
            return None
        return [*self.names, *([] if self.position_names is None else self.position_names)]


def noted(estimator: Any) -> dict[str, Any]:
    """What an estimator knows of its columns, as JSON can hold it; empty if that is only their number."""
    names = {"names": getattr(estimator, "feature_names_in_", None)}
    names["position_names"] = getattr(estimator, "_position_names", None)
    note: dict[str, Any] = {key: value.tolist() for key, value in names.items() if value is not None}
    n_positions = getattr(estimator, "_n_positions", 0)
    return note | {"n_positions": n_positions} if n_positions else note


def of_note(note: dict[str, Any]) -> Fitted:
    """The same from a note."""
    names, positions = (
        None if note.get(key) is None else np.array([str(name) for name in note[key]], dtype=object)
        for key in ("names", "position_names")
    )
    return Fitted(names, int(note.get("n_positions", 0)), positions)


def names_of(x: Any, where: str = "X") -> Array | None:
    """The names of the columns of one frame; None if it has none, or `x` is not a frame."""
    if type(x) is np.ndarray or lists_of(x) is not None:
        return None
    if not getattr(getattr(x, "columns", None), "is_unique", True):
        # scikit-learn does not read names of pandas that occur twice.
        return x.columns.to_numpy(dtype=object) if all(isinstance(name, str) for name in x.columns) else None
    try:
        names: Array | None = _get_feature_names(x)
    except TypeError as error:
        # Some names are strings, and some are not.
        raise TypeError(f"{where}: {error}") from error
    return names


def of_sets(X: Any, sizes: Array) -> list[tuple[str, Array | None]]:
    """What an error calls each set, and its names; without sets that are missing, or empty and without names.

    `sizes` are the numbers of rows of all sets.
    """
    if isinstance(X, tuple) and len(X) == 2 and hasattr(X[0], "columns") and np.ndim(X[1]) == 1:
        # Values and offsets: all sets have the columns of the values.
        return [("values", names_of(X[0], "values"))]
    is_column = type(X).__module__.partition(".")[0] == "pandas" or getattr(X, "dtype", None) == np.dtype(object)
    if not (is_column or isinstance(X, list | tuple)) or all(type(x) is np.ndarray for x in X):
        return [("X", None)] if sizes.any() else []
    sets = [(f"set {i}", names_of(x, f"set {i}"), n) for i, (x, n) in enumerate(zip(X, sizes, strict=False))]
    return [(where, names) for where, names, n in sets if names is not None or n]


def of_fit(X: Any, sizes: Array, owner: str = "") -> Array | None:
    """The names that all sets have; None if a set has none, with a warning if another has. They must be equal."""
    sets = of_sets(X, sizes)
    first, names = next(((where, names) for where, names in sets if names is not None), ("", None))
    if names is None:
        return None
    for where, others in sets:
        if others is None:
            check.warn(f"{owner}{where} does not have valid feature names, but {first} has feature names")
            return None
        if difference := _difference(names, others, f"those of {first}", f"in {first}", f"as in {first}"):
            raise ValueError(f"{owner}{where}: {difference}")
    return names


class Collected:
    """The names that all sets of a fit have, which are read one part at a time."""

    def __init__(self, owner: str = "") -> None:
        self._owner, self._seen = owner, False
        self._names: Array | None = None

    def add(self, X: Any, sizes: Array) -> None:
        """Take the next sets; their names must be those of the sets before."""
        if not of_sets(X, sizes):
            return
        names = of_fit(X, sizes, self._owner)
        if self._seen and (names is None) != (self._names is None):
            check.warn(f"{self._owner}some sets have feature names, and others do not")
            names = None
        elif self._names is not None and names is not None:
            difference = _difference(self._names, names, "those of the first set", "in it", "as in it")
            if difference:
                raise ValueError(f"{self._owner}set 0: {difference}")
        self._names, self._seen = names, True

    @property
    def names(self) -> Array | None:
        """The names; None if a set has none."""
        return self._names


class Comparison:
    """A comparison of names in `transform` with those of the fit, of all sets of one call, in one part or in many."""

    def __init__(self, estimator: Any) -> None:
        self.owner = type(estimator).__name__
        self.fitted: Array | None = getattr(estimator, "feature_names_in_", None)
        self.positions: Array | None = getattr(estimator, "_position_names", None)
        self.warned = False

    def check(self, X: Any, sizes: Array, positions: Any = None) -> None:
        """Raise an error if names differ; warn once if only the sets, or only the fit, have names."""
        for where, names in of_sets(positions, sizes) if positions is not None else []:
            if names is not None and self.positions is not None:
                check_equal(self.positions, names, f"positions of {where}")
        for where, names in of_sets(X, sizes):
            if names is not None and self.fitted is not None:
                check_equal(self.fitted, names, where)
            elif names is not None:
                self._warn(f"X has feature names, but {self.owner} was fitted without feature names")
            elif self.fitted is not None:
                self._warn(f"X does not have valid feature names, but {self.owner} was fitted with feature names")

    def _warn(self, text: str) -> None:
        if not self.warned:
            check.warn(text)
        self.warned = True


def check_equal(fitted: Array, names: Array, where: str) -> None:
    """Raise an error that begins with `where` if names are not those of the fit."""
    difference = _difference(fitted, names, "those that were passed during fit", "at fit time", "as they were in fit")
    if difference:
        raise ValueError(f"{where}: {difference}")


def check_given(given: Any, names: list[str] | None, what: str) -> None:
    """Raise an error if a part that is given as a parameter belongs to columns of other names."""
    given = getattr(given, "estimator", given)
    theirs = getattr(given, "feature_names_in_", None)
    theirs = names_of(given, what) if theirs is None else theirs
    if theirs is not None and names is not None:
        check_equal(theirs, np.array(names[: len(theirs)], dtype=object), f"columns do not fit {what}")


def in_order(estimator: Any, given: Any) -> list[str]:
    """The names of all columns of a fitted encoder: those that are given, those of the fit, or numbers."""
    fitted, n = getattr(estimator, "feature_names_in_", None), estimator.n_features_in_
    # One name is that of the column of sets.
    if given is not None and len(given) == n and (n > 1 or fitted is None):
        if fitted is not None and list(given) != list(fitted):
            raise ValueError("input_features is not equal to feature_names_in_")
        fitted = given
    elif given is not None and len(given) != 1:
        raise ValueError(
            f"input_features must be {n} names, got {len(given)}: those of the descriptors' columns, or one, that of "
            "the column of sets"
        )
    numbers = range(n, n + estimator._n_positions)
    positions = numbers if estimator._position_names is None else estimator._position_names
    return [str(name) for name in (*(range(n) if fitted is None else fitted), *positions)]


def _difference(expected: Array, names: Array, whose: str, when: str, order: str) -> str | None:
    """The difference of names, in scikit-learn's words; None if there is none."""
    if len(expected) == len(names) and all(a == b for a, b in zip(expected, names, strict=True)):
        return None
    unseen, missing = sorted(set(names) - set(expected)), sorted(set(expected) - set(names))
    text = f"The feature names should match {whose}.\n"
    if unseen:
        text += f"Feature names unseen {when}:\n{_listed(unseen)}"
    if missing:
        text += f"Feature names seen {when}, yet now missing:\n{_listed(missing)}"
    if not unseen and not missing:
        text += f"Feature names must be in the same order {order}.\n"
    return text


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    return "".join(f"- {name}\n" for name in names[:FEW]) + ("- ...\n" if len(names) > FEW else "")
